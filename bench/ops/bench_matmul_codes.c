/* bench_matmul_codes.c -- products by weights that are numbers of a codebook's entries, beside
 * reading, and in turns with the product of the same sizes by floats, transposed as a Gemm has
 * them.
 *
 * "times_float" is how much faster than the float product that a plan without tuning takes: the
 * median of 15 pairs (float_pairs.h). */
#include "float_pairs.h"
#include "op_bench.h"
#include "ops/matmul_codes_common.h"
#include "ref/ref.h"

typedef struct product {
    int bits;
    int64_t m, k, n, entries;
} product;

static const product PRODUCTS[] = {
    {4, 1, 4096, 4096, 16},  {2, 1, 4096, 4096, 4},    {8, 1, 4096, 4096, 32},
    {8, 1, 4096, 4096, 64},  {8, 1, 4096, 4096, 256},  {4, 4, 4096, 4096, 16},
    {8, 4, 4096, 4096, 32},  {8, 4, 4096, 4096, 256},  {4, 8, 4096, 4096, 16},
    {8, 8, 4096, 4096, 64},  {8, 8, 4096, 4096, 256},  {4, 16, 4096, 4096, 16},
    {8, 16, 4096, 4096, 32}, {8, 16, 4096, 4096, 256}, {4, 1, 784, 300, 16},
};

static void run(op_bench *b, const product *p)
{
    char note[64];
    kerf_tensor *packed;
    op_check floats;
    uint8_t *codes = malloc((size_t)(p->k * p->n));
    for (int64_t i = 0; i < p->k * p->n; i++)
        codes[i] = (uint8_t)((i * i * 31 >> 4) % p->entries);
    bench_ok(kerf__codes_pack(&packed, codes, p->k, p->n, 1, p->bits));
    float_pairs_begin(&floats, b, p->m, p->k, p->n);
    op_bench_begin(b);
    op_bench_random(b, KERF_SHAPE(p->m, p->k));
    op_check_input(&b->c, KERF_U8, packed->shape, kerf_tensor_data(packed));
    op_bench_random(b, KERF_SHAPE(p->entries));
    op_check_node(&b->c, "kerf.MatMulCodes", 1);
    bench_ok(kerf_node_set_int(b->c.node, "bits", p->bits));
    bench_ok(kerf_node_set_int(b->c.node, "columns", p->n));
    bench_ok(kerf__node_infer(b->c.node));
    snprintf(note, sizeof note, "%lld of %d bits %lldx%lldx%lld", (long long)p->entries, p->bits,
             (long long)p->m, (long long)p->k, (long long)p->n);
    float_pairs_print(b, &b->c, &floats);
    op_bench_end(b, ref_matmul_codes, check_tolerance(4, (size_t)p->k), note);
    op_check_end(&floats);
    kerf_tensor_destroy(packed);
    free(codes);
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
