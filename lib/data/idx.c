/* data/idx.c -- IDX, the file format of MNIST (LeCun, Cortes, Burges).
 *
 * Two zero bytes, the type (8: bytes), the number of dimensions, each dimension as 32 bits
 * with the highest byte first, then the items.  Other types exist; no image set uses them. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "data/data_internal.h"

enum { TYPE_BYTES = 8 };

static kerf_status check_magic(const char *name, const uint8_t magic[4], int rank)
{
    if (magic[0] != 0 || magic[1] != 0)
        return kerf__fail(KERF_ERR_FORMAT,
                          "%s: begins with %02x %02x, an IDX file begins with 00 00", name,
                          magic[0], magic[1]);
    if (magic[2] != TYPE_BYTES)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "%s: holds items of IDX type 0x%02x, must be 0x08 (bytes)", name,
                          magic[2]);
    if (magic[3] != rank)
        return kerf__fail(KERF_ERR_FORMAT, "%s: has %d dimensions, must have %d", name, magic[3],
                          rank);
    return KERF_OK;
}

static kerf_status take_dims(kerf__idx *idx, kerf__unpack *u, const char *name, int rank)
{
    uint64_t num = 1;
    for (int i = 0; i < rank; i++) {
        uint8_t b[4];
        KERF__TRY(kerf__unpack_take(u, b, sizeof b));
        uint64_t dim = (uint64_t)b[0] << 24 | (uint64_t)b[1] << 16 | (uint64_t)b[2] << 8 | b[3];
        if (i > 0 && dim == 0)
            return kerf__fail(KERF_ERR_FORMAT, "%s: dimension %d is 0, must be 1 or more", name, i);
        if (dim != 0 && num > ((uint64_t)1 << 62) / dim)
            return kerf__fail(KERF_ERR_FORMAT, "%s: its dimensions make more than 2^62 bytes",
                              name);
        num *= dim;
        idx->dims[i] = (int64_t)dim;
    }
    idx->num_items = (size_t)num;
    return KERF_OK;
}

static kerf_status parse(kerf__idx *idx, kerf__unpack *u, const char *name, int rank)
{
    uint8_t magic[4];
    KERF__TRY(kerf__unpack_take(u, magic, sizeof magic));
    KERF__TRY(check_magic(name, magic, rank));
    KERF__TRY(take_dims(idx, u, name, rank));
    KERF__TRY(kerf__unpack_expect(u, idx->num_items));
    idx->items = kerf__alloc(idx->num_items, 1);
    if (idx->items == NULL)
        return kerf__fail_memory(name, idx->num_items);
    KERF__TRY(kerf__unpack_take(u, idx->items, idx->num_items));
    return kerf__unpack_end(u);
}

kerf_status kerf__idx_parse(kerf__idx *idx, const char *name, const void *bytes, size_t num_bytes,
                            int rank)
{
    const uint8_t *b = bytes;
    int packed = num_bytes >= 2 && b[0] == 0x1f && b[1] == 0x8b;
    *idx = (kerf__idx){.dims = {0}};
    kerf__unpack *u;
    KERF__TRY(kerf__unpack_open(&u, name, packed ? KERF__GZIP : KERF__PLAIN, bytes, num_bytes));
    kerf_status status = parse(idx, u, name, rank);
    kerf__unpack_close(u);
    if (status != KERF_OK) {
        free(idx->items);
        *idx = (kerf__idx){.dims = {0}};
    }
    return status;
}

kerf_status kerf__idx_read(kerf__idx *idx, const char *path, int rank)
{
    void *bytes;
    size_t num_bytes;
    *idx = (kerf__idx){.dims = {0}};
    KERF__TRY(kerf__file_read(path, 0, &bytes, &num_bytes));
    kerf_status status = kerf__idx_parse(idx, path, bytes, num_bytes, rank);
    free(bytes);
    return status;
}
