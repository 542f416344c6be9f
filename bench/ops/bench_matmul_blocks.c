/* bench_matmul_blocks.c -- products by weights of few bits beside reading, and in turns with the
 * product of the same sizes by floats, transposed as a Gemm has them.
 *
 * "times_float" is how much faster than the float product that a plan without tuning takes: the
 * median of 15 pairs (float_pairs.h). */
#include "float_pairs.h"
#include "op_bench.h"
#include "ref/ref.h"

typedef struct product {
    kerf_type type;
    int64_t m, k, n;
    int block_size, has_zero;
} product;

static const product PRODUCTS[] = {
    {KERF_S4, 1, 4096, 4096, 32, 0},  {KERF_U4, 1, 4096, 4096, 32, 1},
    {KERF_S4, 1, 4096, 4096, 128, 0}, {KERF_S8, 1, 4096, 4096, 0, 0},
    {KERF_S2, 1, 4096, 4096, 64, 0},  {KERF_S4, 4, 4096, 4096, 32, 0},
    {KERF_S4, 8, 4096, 4096, 32, 0},  {KERF_S4, 16, 4096, 4096, 32, 0},
    {KERF_S4, 32, 4096, 4096, 32, 0}, {KERF_S4, 1, 784, 300, 32, 0},
};

/* ---- a product ----------------------------------------------------------------------------- */

static uint8_t *packed_bytes(op_bench *b, const product *p, kerf_shape *shape)
{
    const int64_t blocks = p->block_size > 0 ? (p->k + p->block_size - 1) / p->block_size : 1;
    const kerf_shape scales = p->block_size > 0 ? KERF_SHAPE(blocks, p->n) : KERF_SHAPE(p->n);
    uint8_t *integers = malloc((size_t)(p->k * p->n));
    float *scale = malloc((size_t)(blocks * p->n) * sizeof *scale);
    op_check c;
    for (int64_t i = 0; i < p->k * p->n; i++)
        integers[i] = (uint8_t)(i * 7 % 251);
    for (int64_t i = 0; i < blocks * p->n; i++)
        scale[i] = 0.01f;
    op_check_begin(&c, b->dev);
    op_check_input(&c, p->type, KERF_SHAPE(p->k, p->n), integers);
    op_check_input(&c, KERF_F32, scales, scale);
    if (p->has_zero)
        op_check_input(&c, p->type, scales, integers);
    op_check_node(&c, "kerf.PackBlocks", 1);
    bench_ok(kerf_node_set_int(c.node, "block_size", p->block_size));
    bench_ok(kerf__node_infer(c.node));
    *shape = c.node->outputs[0]->shape;
    const size_t num = op_check_elements(c.node->outputs[0]);
    double *numbers = malloc(num * sizeof *numbers);
    uint8_t *out = malloc(num);
    ref_matmul_blocks(c.node, (const double *const *)c.numbers, &numbers);
    for (size_t i = 0; i < num; i++)
        out[i] = (uint8_t)numbers[i];
    op_check_end(&c);
    free(numbers);
    free(integers);
    free(scale);
    return out;
}

static void run(op_bench *b, const product *p)
{
    const int bits = (int)kerf_type_bits(p->type);
    char note[64];
    kerf_shape shape;
    op_check floats;
    uint8_t *packed = packed_bytes(b, p, &shape);
    float_pairs_begin(&floats, b, p->m, p->k, p->n);
    op_bench_begin(b);
    op_bench_random(b, KERF_SHAPE(p->m, p->k));
    op_check_input(&b->c, KERF_U8, shape, packed);
    op_check_node(&b->c, "kerf.MatMulBlocks", 1);
    bench_ok(kerf_node_set_int(b->c.node, "bits", bits));
    bench_ok(kerf_node_set_int(b->c.node, "columns", p->n));
    bench_ok(kerf_node_set_int(b->c.node, "block_size", p->block_size));
    bench_ok(kerf_node_set_int(b->c.node, "zero", 1 << (bits - 1)));
    bench_ok(kerf__node_infer(b->c.node));
    snprintf(note, sizeof note, "%s %lldx%lldx%lld by %d%s", kerf_type_name(p->type),
             (long long)p->m, (long long)p->k, (long long)p->n, p->block_size,
             p->has_zero ? " zeros" : "");
    float_pairs_print(b, &b->c, &floats);
    op_bench_end(b, ref_matmul_blocks, check_tolerance(4, (size_t)p->k), note);
    op_check_end(&floats);
    free(packed);
}

static void run_all(op_bench *b)
{
    for (size_t i = 0; i < sizeof PRODUCTS / sizeof PRODUCTS[0]; i++)
        run(b, &PRODUCTS[i]);
}

int main(void)
{
    return op_bench_main_beside(LIMITS_READ, run_all);
}
