/* bench_trained_range.c -- a range's scale and zero point, beside a plain copy: a launch is what it
 * costs. */
#include "op_bench.h"
#include "ref/ref.h"

static void run_all(op_bench *b)
{
    const float low = -0.3f, high = 1.7f;
    op_bench_begin(b);
    op_check_input(&b->c, KERF_F32, KERF_SCALAR, &low);
    op_check_input(&b->c, KERF_F32, KERF_SCALAR, &high);
    op_check_node(&b->c, "kerf.TrainedRange", 2);
    CHECK_OK(kerf_node_set_int(b->c.node, "to", 2));
    op_bench_end(b, ref_trained_range, 0, "");
}

int main(void)
{
    return op_bench_main(run_all);
}
