/* bench_dropout.c -- dropout beside a plain copy: VGG's classifier and an image's channels. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, kerf_shape src)
{
    op_bench_begin(b);
    op_bench_random(b, src);
    op_bench_positive(b, KERF_SHAPE(KERF__STEP_FLOATS));
    op_check_node(&b->c, "kerf.Dropout", 1);
    CHECK_OK(kerf_node_set_ints(b->c.node, "key", (int64_t[]){1, 2}, 2));
    op_bench_end(b, ref_dropout, check_tolerance(2, 1), "");
}

static void run_all(op_bench *b)
{
    run(b, KERF_SHAPE(64, 4096));
    run(b, KERF_SHAPE(16, 64, 112, 112));
}

int main(void)
{
    return op_bench_main(run_all);
}
