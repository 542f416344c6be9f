/* bench_ends.c -- the ends of activations, beside reading them: what a cache holds, and what none
 * does. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, int64_t num)
{
    float *x = malloc((size_t)num * sizeof *x);
    op_check_fill(x, (size_t)num, 1);
    op_bench_begin(b);
    op_check_input(&b->c, KERF_F32, KERF_SHAPE(num), x);
    op_check_node(&b->c, "kerf.Ends", 1);
    op_bench_end(b, ref_ends, 0, "");
    free(x);
}

static void run_all(op_bench *b)
{
    run(b, 1 << 16);
    run(b, 1 << 20);
    run(b, 1 << 24);
}

int main(void)
{
    return op_bench_main_beside(LIMITS_READ, run_all);
}
