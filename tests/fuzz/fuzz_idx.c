/* Fuzzes the reader of IDX files, plain and packed.
 *
 * Beyond "does not crash": what was read has the size that its header says, to the byte; and
 * the same content packed by gzip reads the same, or is refused the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "data/data_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes);

static void must(int condition)
{
    if (!condition)
        abort();
}

static void *pack(const uint8_t *bytes, size_t num_bytes, size_t *num_packed)
{
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)bytes, .avail_in = (unsigned)num_bytes};
    must(deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    *num_packed = deflateBound(&z, num_bytes);
    uint8_t *packed = malloc(*num_packed);
    must(packed != NULL);
    z.next_out = packed;
    z.avail_out = (unsigned)*num_packed;
    must(deflate(&z, Z_FINISH) == Z_STREAM_END);
    *num_packed = z.total_out;
    deflateEnd(&z);
    return packed;
}

static void check_packed(const uint8_t *bytes, size_t num_bytes, int rank, kerf_status status,
                         const kerf__idx *plain)
{
    size_t num_packed;
    void *packed = pack(bytes, num_bytes, &num_packed);
    kerf__idx idx;
    must((kerf__idx_parse(&idx, "packed", packed, num_packed, rank) == KERF_OK) ==
         (status == KERF_OK));
    if (status == KERF_OK)
        must(idx.num_items == plain->num_items &&
             memcmp(idx.items, plain->items, plain->num_items) == 0);
    free(idx.items);
    free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
    int is_packed = num_bytes >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
    for (int rank = 1; rank <= 3; rank++) {
        kerf__idx idx;
        kerf_status status = kerf__idx_parse(&idx, "plain", bytes, num_bytes, rank);
        must((status == KERF_OK) == (idx.items != NULL));
        if (status == KERF_OK) {
            uint64_t num = 1;
            for (int i = 0; i < rank; i++)
                num *= (uint64_t)idx.dims[i];
            must(num == idx.num_items);
            must(is_packed || num_bytes == 4 + 4 * (size_t)rank + idx.num_items);
        }
        if (!is_packed)
            check_packed(bytes, num_bytes, rank, status, &idx);
        free(idx.items);
    }
    return 0;
}
