/* bench_mask.c -- masking a weight beside a plain copy. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, int64_t num)
{
    op_bench_begin(b);
    op_bench_random(b, KERF_SHAPE(num));
    op_bench_mask(b, KERF_SHAPE(num), 1);
    op_check_node(&b->c, "kerf.Mask", 1);
    op_bench_end(b, ref_mask, 0, "");
}

static void run_all(op_bench *b)
{
    run(b, 784 * 300);
    run(b, 1 << 24);
}

int main(void)
{
    return op_bench_main(run_all);
}
