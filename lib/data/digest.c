/* data/digest.c -- one number for the samples of a split, in their order: whoever keeps what was
 * computed of them sees by it whether they are still the same. */
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/fail.h"
#include "data/data_internal.h"

/* Of a file that is decoded when it is needed: what tells it apart without reading it. */
static void add_file(XXH64_state_t *hash, const char *path)
{
    struct stat info;
    int64_t facts[2] = {-1, -1};
    if (stat(path, &info) == 0) {
        facts[0] = (int64_t)info.st_size;
        facts[1] = (int64_t)info.st_mtime;
    }
    XXH64_update(hash, path, strlen(path) + 1);
    XXH64_update(hash, facts, sizeof facts);
}

kerf_status kerf__dataset_digest(const kerf_dataset *d, kerf_split split, uint64_t *out)
{
    XXH64_state_t *hash = XXH64_createState();
    if (hash == NULL)
        return kerf__fail(KERF_ERR_MEMORY, "data: no memory for a digest");
    XXH64_reset(hash, 0);
    for (int64_t i = 0; i < kerf_dataset_num_samples(d, split); i++) {
        int64_t place;
        const kerf__samples *from = kerf__dataset_locate(d, split, i, &place);
        if (from->paths != NULL)
            add_file(hash, from->paths[place]);
        else
            XXH64_update(hash, (const char *)from->images + (size_t)place * d->sample_bytes,
                         d->sample_bytes);
    }
    *out = XXH64_digest(hash);
    XXH64_freeState(hash);
    return KERF_OK;
}
