/* bench_metrics.c -- counting hits beside a plain copy. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, int64_t m, int64_t k)
{
    const float loss = 1, sums[4] = {0};
    op_bench_begin(b);
    op_check_input(&b->c, KERF_F32, KERF_SCALAR, &loss);
    op_bench_random(b, KERF_SHAPE(m, k));
    op_bench_labels(b, m);
    op_check_input(&b->c, KERF_F32, KERF_SHAPE(4), sums);
    op_check_node(&b->c, "kerf.Metrics", 1);
    op_bench_end(b, ref_metrics, 0, "");
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
