/* data/digest.c -- one number for the samples of a split, in their order: whoever keeps what was
 * computed of them sees by it whether they are still the same.  And one for some of all splits, by
 * which ranks see whether they have the same data. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/fail.h"
#include "base/file.h"
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

static void add_image(XXH64_state_t *hash, const kerf_dataset *d, const kerf__samples *from,
                      int64_t place)
{
    XXH64_update(hash, (const char *)from->images + (size_t)place * d->sample_bytes,
                 d->sample_bytes);
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
            add_image(hash, d, from, place);
    }
    *out = XXH64_digest(hash);
    XXH64_freeState(hash);
    return KERF_OK;
}

/* ---- some of all ----------------------------------------------------------------------------- */

/* A folder may lie elsewhere on another machine, and its files be older.  One that cannot be read
 * is an error of whoever wants the sample. */
static void add_content(XXH64_state_t *hash, const char *path)
{
    enum { MOST_BYTES = 1 << 26 };
    void *bytes = NULL;
    size_t num = 0;
    if (kerf__file_read(path, MOST_BYTES, &bytes, &num) == KERF_OK)
        XXH64_update(hash, bytes, num);
    free(bytes);
}

static void add_spots(XXH64_state_t *hash, const kerf_dataset *d, kerf_split split)
{
    enum { MOST = 32 };
    const int64_t num = kerf_dataset_num_samples(d, split), spots = num < MOST ? num : MOST;
    XXH64_update(hash, &num, sizeof num);
    for (int64_t i = 0; i < spots; i++) {
        int64_t place;
        const kerf__samples *from = kerf__dataset_locate(d, split, i * num / spots, &place);
        if (from->paths != NULL)
            add_content(hash, from->paths[place]);
        else
            add_image(hash, d, from, place);
        if (from->labels != NULL)
            XXH64_update(hash, &from->labels[place], sizeof from->labels[place]);
    }
}

kerf_status kerf_dataset_spot_digest(const kerf_dataset *d, uint64_t *out)
{
    XXH64_state_t *hash = XXH64_createState();
    if (hash == NULL)
        return kerf__fail(KERF_ERR_MEMORY, "data: no memory for a digest");
    XXH64_reset(hash, 0);
    XXH64_update(hash, d->sample.dims, sizeof d->sample.dims[0] * (size_t)d->sample.rank);
    for (kerf_split split = KERF_SPLIT_TRAIN; split <= KERF_SPLIT_TEST; split++)
        add_spots(hash, d, split);
    *out = XXH64_digest(hash);
    XXH64_freeState(hash);
    return KERF_OK;
}
