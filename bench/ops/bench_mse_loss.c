/* bench_mse_loss.c -- the loss beside a plain copy, for few and many classes. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, int64_t m, int64_t k)
{
    op_bench_begin(b);
    op_bench_random(b, KERF_SHAPE(m, k));
    op_bench_labels(b, m);
    op_check_node(&b->c, "kerf.MseLoss", 1);
    op_bench_end(b, ref_mse_loss, check_tolerance(8, (size_t)(m * k)), "");
}

static void run_all(op_bench *b)
{
    run(b, 128, 10);
    run(b, 256, 1000);
}

int main(void)
{
    return op_bench_main(run_all);
}
