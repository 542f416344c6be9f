/* bench_mix.c -- samples mixed in pairs beside a plain copy. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, kerf_shape shape)
{
    op_bench_begin(b);
    op_bench_random(b, shape);
    op_bench_random(b, KERF_SHAPE(1));
    op_check_node(&b->c, "kerf.Mix", 1);
    op_bench_end(b, ref_mix, check_tolerance(4, 1), "");
}

static void run_all(op_bench *b)
{
    run(b, KERF_SHAPE(64, 1, 28, 28));
    run(b, KERF_SHAPE(128, 3, 32, 32));
    run(b, KERF_SHAPE(64, 3, 224, 224));
}

int main(void)
{
    return op_bench_main(run_all);
}
