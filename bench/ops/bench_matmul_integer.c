/* bench_matmul_integer.c -- products of bytes beside float multiply-adds, with the weights as they
 * come and packed. */
#include "../../tests/packed_check.h"
#include "op_bench.h"
#include "ref/ref.h"

typedef struct product {
    kerf_type a_type;
    int64_t m, k, n;
} product;

static const product PRODUCTS[] = {
    {KERF_U8, 64, 1024, 4096}, {KERF_U8, 1024, 1024, 1024}, {KERF_S8, 256, 256, 256},
    {KERF_U8, 256, 256, 256},  {KERF_U8, 1, 4096, 4096},    {KERF_U8, 8, 1024, 1024},
    {KERF_U8, 1, 1024, 1000},  {KERF_U8, 64, 784, 300},
};

/* Sums stay below 2^24, as the harness compares floats. */
static void add_operands(op_check *c, const product *p)
{
    const int64_t num = p->k * (p->m > p->n ? p->m : p->n);
    uint8_t *bytes = malloc((size_t)num);
    for (int64_t i = 0; i < num; i++)
        bytes[i] = (uint8_t)(i * 7 % 5);
    op_check_input(c, p->a_type, KERF_SHAPE(p->m, p->k), bytes);
    op_check_input(c, KERF_S8, KERF_SHAPE(p->k, p->n), bytes);
    free(bytes);
}

static void run(op_bench *b, const product *p)
{
    static const char *const TYPES[] = {"s8s8", "u8s8"};
    const int is_unsigned = p->a_type == KERF_U8;
    char name[64];
    op_check plain;
    op_check_begin(&plain, b->dev);
    add_operands(&plain, p);
    op_check_node(&plain, "MatMulInteger", 1);
    bench_ok(kerf__node_infer(plain.node));
    if (packed_begin(&b->c, &plain, 1)) {
        snprintf(name, sizeof name, "%s %lldx%lldx%lld", TYPES[is_unsigned], (long long)p->m,
                 (long long)p->k, (long long)p->n);
        op_bench_end(b, packed_reference, 0, name);
    }
    op_bench_begin(b);
    add_operands(&b->c, p);
    op_check_node(&b->c, "MatMulInteger", 1);
    op_bench_end(b, ref_matmul_integer, 0, TYPES[is_unsigned]);
    op_check_end(&plain);
}

static void run_all(op_bench *b)
{
    for (size_t i = 0; i < sizeof PRODUCTS / sizeof PRODUCTS[0]; i++)
        run(b, &PRODUCTS[i]);
}

int main(void)
{
    return op_bench_main_beside(LIMITS_MULTIPLY_ADD, run_all);
}
