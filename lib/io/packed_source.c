/* io/packed_source.c -- the bytes of a packed file, from memory or piece by piece from a file, so
 * that a large one is never in memory as a whole; and their checksum.  Other half: packed_read.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "io/io_internal.h"
#include "io/packed_internal.h"

static kerf_status read_at(const kerf__packed_source *s, size_t at, void *dst, size_t num)
{
    errno = 0;
    if (fseeko(s->stream, (off_t)at, SEEK_SET) == 0 && fread(dst, 1, num, s->stream) == num)
        return KERF_OK;
    return kerf__fail(KERF_ERR_FILE, "cannot be read: %s",
                      errno != 0 ? kerf__errno_text(errno) : "it became shorter");
}

kerf_status kerf__packed_fetch(const kerf__packed_source *s, size_t at, size_t num, void **owned,
                               const unsigned char **bytes)
{
    *owned = NULL;
    if (s->bytes != NULL) {
        *bytes = s->bytes + at;
        return KERF_OK;
    }
    *owned = kerf__alloc(num, 1);
    if (*owned == NULL)
        return kerf__fail_memory("packed file", num);
    const kerf_status status = read_at(s, at, *owned, num);
    if (status != KERF_OK) {
        free(*owned);
        *owned = NULL;
    }
    *bytes = *owned;
    return status;
}

static kerf_status digest_stream(const kerf__packed_source *s, XXH64_state_t *state)
{
    enum { PIECE = 1 << 16 };
    unsigned char piece[PIECE];
    for (size_t at = KERF__PACKED_HEADER; at < s->num_bytes;) {
        const size_t left = s->num_bytes - at, num = left < PIECE ? left : PIECE;
        KERF__TRY(read_at(s, at, piece, num));
        XXH64_update(state, piece, num);
        at += num;
    }
    return KERF_OK;
}

kerf_status kerf__packed_digest(const kerf__packed_source *s, int version, uint64_t *digest)
{
    const uint64_t seed = (uint64_t)(version - KERF__PACKED_PLAIN_VERSION);
    if (s->bytes != NULL) {
        *digest = XXH64(s->bytes + KERF__PACKED_HEADER, s->num_bytes - KERF__PACKED_HEADER, seed);
        return KERF_OK;
    }
    XXH64_state_t *state = XXH64_createState();
    if (state == NULL)
        return kerf__fail_memory("packed file", sizeof(uint64_t));
    XXH64_reset(state, seed);
    const kerf_status status = digest_stream(s, state);
    *digest = XXH64_digest(state);
    XXH64_freeState(state);
    return status;
}

void kerf__packed_seal(unsigned char *file, size_t num_bytes, unsigned char version)
{
    const kerf__packed_source s = {.bytes = file, .num_bytes = num_bytes};
    uint64_t digest;
    file[4] = version;
    (void)kerf__packed_digest(&s, version, &digest); /* of memory it cannot fail */
    memcpy(file + KERF__PACKED_DIGEST_AT, &digest, sizeof digest);
}

/* A pipe cannot be read twice, and what is too large is told by who reads whole files. */
int kerf__packed_open(kerf__packed_source *s, const char *path)
{
    struct stat info;
    unsigned char first[4];
    *s = (kerf__packed_source){0};
    if (strcmp(path, "-") == 0 || stat(path, &info) != 0 || !S_ISREG(info.st_mode) ||
        info.st_size > (off_t)KERF__MOST_FILE_BYTES)
        return 0;
    FILE *stream = fopen(path, "rb");
    if (stream == NULL)
        return 0;
    if (fread(first, 1, sizeof first, stream) != sizeof first ||
        !kerf_packed_is(first, sizeof first)) {
        fclose(stream);
        return 0;
    }
    *s = (kerf__packed_source){.stream = stream, .num_bytes = (size_t)info.st_size};
    return 1;
}
