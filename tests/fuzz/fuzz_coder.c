/* Fuzzes the coder of weights: the first four bytes say rows, columns, bits and the code of 0, the
 * rest is read as coded bytes, then taken for codes themselves.
 *
 * Beyond "does not crash": what was decoded are codes, and codes come back as they went in. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/coder.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes);

static void must(int condition)
{
    if (!condition)
        abort();
}

static void round_trip(const kerf__coding *how, const uint8_t *codes)
{
    const size_t num = how->rows * how->columns;
    unsigned char *coded;
    size_t num_bytes;
    uint8_t *back = malloc(num + 1);
    must(kerf__coder_encode(&coded, &num_bytes, how, codes) == KERF_OK);
    must(kerf__coder_decode(back, how, coded, num_bytes) == KERF_OK);
    must(memcmp(back, codes, num) == 0);
    free(coded);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
    if (num_bytes < 4)
        return 0;
    const int bits = bytes[2] % 8 + 1, most = (1 << bits) - 1;
    const kerf__coding how = {bytes[0], bytes[1], bits, (uint8_t)(bytes[3] & most)};
    const size_t num = how.rows * how.columns;
    uint8_t *codes = calloc(num + 1, 1);
    kerf_status status = kerf__coder_decode(codes, &how, bytes + 4, num_bytes - 4);
    must(status == KERF_OK || status == KERF_ERR_FORMAT);
    for (size_t i = 0; i < num; i++)
        must(codes[i] <= most);
    round_trip(&how, codes);
    for (size_t i = 0; i < num; i++)
        codes[i] = (uint8_t)(num_bytes > 4 ? bytes[4 + i % (num_bytes - 4)] & most : 0);
    round_trip(&how, codes);
    free(codes);
    return 0;
}
