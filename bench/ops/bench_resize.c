/* bench_resize.c -- Resize beside a plain copy: feature maps twice as wide and high. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, const char *mode, kerf_shape src)
{
    static const float SCALES[] = {1, 1, 2, 2};
    op_bench_begin(b);
    op_bench_random(b, src);
    op_check_skip(&b->c);
    op_check_constant(&b->c, KERF_F32, KERF_SHAPE(4), SCALES);
    op_check_node(&b->c, "Resize", 1);
    CHECK_OK(kerf_node_set_string(b->c.node, "mode", mode));
    CHECK_OK(kerf__node_infer(b->c.node));
    op_bench_case(&b->c, mode, &b->limit);
    op_check_end(&b->c);
}

static void run_all(op_bench *b)
{
    run(b, "nearest", KERF_SHAPE(1, 96, 80, 80));
    run(b, "linear", KERF_SHAPE(1, 96, 80, 80));
}

int main(void)
{
    return op_bench_main(run_all);
}
