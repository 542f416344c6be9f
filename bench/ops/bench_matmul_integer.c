/* bench_matmul_integer.c -- products of bytes beside float multiply-adds. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, kerf_type a_type, int64_t m, int64_t k, int64_t n)
{
    uint8_t *bytes = malloc((size_t)(k * (m > n ? m : n)));
    for (int64_t i = 0; i < k * (m > n ? m : n); i++)
        bytes[i] = (uint8_t)(i * 7 % 5); /* sums stay below 2^24, as the harness compares floats */
    op_bench_begin(b);
    op_check_input(&b->c, a_type, KERF_SHAPE(m, k), bytes);
    op_check_input(&b->c, KERF_S8, KERF_SHAPE(k, n), bytes);
    op_check_node(&b->c, "MatMulInteger", 1);
    op_bench_end(b, ref_matmul_integer, 0, a_type == KERF_U8 ? "u8" : "s8");
    free(bytes);
}

static void run_all(op_bench *b)
{
    run(b, KERF_U8, 64, 784, 300);
    run(b, KERF_U8, 256, 256, 256);
    run(b, KERF_S8, 256, 256, 256);
}

int main(void)
{
    return op_bench_main_beside(LIMITS_MULTIPLY_ADD, run_all);
}
