/* ref_matmul_codes.c -- the product by entries of a codebook, whose numbers are read from packed
 * bytes (lib/ops/matmul_codes_common.h says how they lie). */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "ref/ref.h"

enum { COLUMNS = 16, WORD_BYTES = 4 };

/* The number that step p of column j has. */
static int64_t number(const double *packed, int64_t k, int bits, int64_t p, int64_t j)
{
    const int64_t per = 32 / bits, lines = (k + per - 1) / per;
    const int64_t word = (j / COLUMNS * lines + p / per) * COLUMNS + j % COLUMNS;
    uint32_t w = 0;
    for (int byte = 0; byte < WORD_BYTES; byte++)
        w |= (uint32_t)packed[word * WORD_BYTES + byte] << 8 * byte;
    return w >> p % per * bits & ((1u << bits) - 1u);
}

REF(matmul_codes)
{
    const kerf_shape a = n->inputs[0]->shape;
    const int64_t k = a.dims[a.rank - 1], columns = kerf_node_int(n, "columns", 0);
    const int64_t entries = n->inputs[2]->shape.dims[0];
    const int bits = (int)kerf_node_int(n, "bits", 0);
    const int64_t room = bits < 8 ? 1 << bits : entries <= 32 ? 32 : entries <= 64 ? 64 : 256;
    const int relu = strcmp(kerf_node_string(n, "activation", ""), "relu") == 0;
    for (int64_t i = 0; i < kerf_shape_num_elements(n->outputs[0]->shape); i++) {
        const int64_t row = i / columns, j = i % columns;
        double sum = n->num_inputs > 3 ? inputs[3][j] : 0;
        for (int64_t p = 0; p < k; p++) {
            const int64_t at = number(inputs[1], k, bits, p, j) % room;
            sum += inputs[0][row * k + p] * (at < entries ? inputs[2][at] : (double)NAN);
        }
        outputs[0][i] = relu && sum < 0 ? 0 : sum;
    }
}
