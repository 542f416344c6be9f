/* ref_matmul_blocks.c -- weights of few bits, packed (lib/ops/matmul_blocks_common.h says how), and
 * the product by what they stand for, read back from the packed bytes. */
#include <stdint.h>
#include <string.h>

#include "ref/ref.h"

enum { COLUMNS = 16, WORD_BYTES = 4 };

/* Where things are; all counts are of what is packed. */
typedef struct packing {
    int64_t k, n, size, blocks, rows;
    int bits, has_zero;
} packing;

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static packing packing_of(int64_t k, int64_t n, int64_t size, int bits, int has_zero)
{
    packing p = {k, n, size > 0 ? size : k, 0, 0, bits, has_zero};
    p.blocks = ceil_div(k, p.size);
    p.rows = 1 + has_zero + ceil_div(p.size * bits, 32);
    return p;
}

/* Word `row` of column j in a block, counted in words. */
static int64_t word_at(const packing *p, int64_t block, int64_t row, int64_t j)
{
    return ((j / COLUMNS * p->blocks + block) * p->rows + row) * COLUMNS + j % COLUMNS;
}

static uint32_t bits_of(double x)
{
    const float f = (float)x;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* ---- kerf.PackBlocks ----------------------------------------------------------------------- */

/* Of input i, for a block of column j. */
static double number(const kerf_node *n, int i, const packing *p, int64_t block, int64_t j,
                     const double *x)
{
    const int is_turned = kerf_node_int(n, "transB", 0) != 0;
    if (kerf_node_int(n, "block_size", 0) > 0)
        return x[is_turned ? j * p->blocks + block : block * p->n + j];
    return x[kerf_shape_num_elements(n->inputs[i]->shape) > 1 ? j : 0];
}

static uint32_t word(const kerf_node *n, const packing *p, int64_t block, int64_t row, int64_t j,
                     const double *const *inputs)
{
    const int is_turned = kerf_node_int(n, "transB", 0) != 0, per = 32 / p->bits;
    const kerf_type type = n->inputs[0]->type;
    const double lowest =
        type == KERF_S8 || type == KERF_S4 || type == KERF_S2 ? -(double)(1 << (p->bits - 1)) : 0;
    uint32_t out = 0;
    if (row == 0)
        return bits_of(number(n, 1, p, block, j, inputs[1]));
    if (row == p->has_zero)
        return bits_of(number(n, 2, p, block, j, inputs[2]) - lowest);
    for (int s = 0; s < per; s++) {
        const int64_t at = block * p->size + (row - 1 - p->has_zero) * per + s;
        if (at < p->k)
            out |= (uint32_t)(inputs[0][is_turned ? j * p->k + at : at * p->n + j] - lowest)
                   << s * p->bits;
    }
    return out;
}

static void pack(const kerf_node *n, const double *const *inputs, double *out)
{
    const int64_t *dims = n->inputs[0]->shape.dims;
    const int is_turned = kerf_node_int(n, "transB", 0) != 0;
    const packing p = packing_of(dims[is_turned ? 1 : 0], dims[is_turned ? 0 : 1],
                                 kerf_node_int(n, "block_size", 0),
                                 (int)kerf_type_bits(n->inputs[0]->type), n->num_inputs > 2);
    for (int64_t j = 0; j < ceil_div(p.n, COLUMNS) * COLUMNS; j++)
        for (int64_t block = 0; block < p.blocks; block++)
            for (int64_t row = 0; row < p.rows; row++) {
                const uint32_t w = j < p.n ? word(n, &p, block, row, j, inputs) : 0;
                double *to = out + word_at(&p, block, row, j) * WORD_BYTES;
                for (int byte = 0; byte < WORD_BYTES; byte++)
                    to[byte] = w >> 8 * byte & 255u;
            }
}

/* ---- kerf.MatMulBlocks --------------------------------------------------------------------- */

static uint32_t word_of(const double *bytes, int64_t at)
{
    uint32_t w = 0;
    for (int byte = 0; byte < WORD_BYTES; byte++)
        w |= (uint32_t)bytes[at * WORD_BYTES + byte] << 8 * byte;
    return w;
}

static double float_of(const double *bytes, int64_t at)
{
    const uint32_t bits = word_of(bytes, at);
    float f;
    memcpy(&f, &bits, sizeof f);
    return (double)f;
}

/* The weight that step s of column j stands for. */
static double weight(const packing *p, const double *packed, int64_t s, int64_t j, double zero)
{
    const int64_t block = s / p->size, in = s % p->size, per = 32 / p->bits;
    const uint32_t w = word_of(packed, word_at(p, block, 1 + p->has_zero + in / per, j));
    const double q = w >> in % per * p->bits & ((1u << p->bits) - 1u);
    if (p->has_zero)
        zero = float_of(packed, word_at(p, block, 1, j));
    return (q - zero) * float_of(packed, word_at(p, block, 0, j));
}

static void multiply(const kerf_node *n, const double *const *inputs, double *out)
{
    const kerf_shape a = n->inputs[0]->shape;
    const int64_t k = a.dims[a.rank - 1], columns = kerf_node_int(n, "columns", 0);
    const int relu = strcmp(kerf_node_string(n, "activation", ""), "relu") == 0;
    const double zero = (double)kerf_node_int(n, "zero", 0);
    packing p = packing_of(k, columns, kerf_node_int(n, "block_size", 0),
                           (int)kerf_node_int(n, "bits", 0), 0);
    p.has_zero = n->inputs[1]->shape.dims[2] > p.rows * COLUMNS * WORD_BYTES;
    p.rows += p.has_zero;
    for (int64_t i = 0; i < kerf_shape_num_elements(n->outputs[0]->shape); i++) {
        const int64_t row = i / columns, j = i % columns;
        double sum = n->num_inputs > 2 ? inputs[2][j] : 0;
        for (int64_t s = 0; s < k; s++)
            sum += inputs[0][row * k + s] * weight(&p, inputs[1], s, j, zero);
        out[i] = relu && sum < 0 ? 0 : sum;
    }
}

REF(matmul_blocks)
{
    if (strcmp(n->op, "kerf.PackBlocks") == 0)
        pack(n, inputs, outputs[0]);
    else
        multiply(n, inputs, outputs[0]);
}
