/* bench_reduce.c -- reductions beside a plain copy, whose reads alone are their limit: 200 %
 * where reading and writing cost the same. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, const char *op, kerf_shape shape, int64_t axis)
{
    char note[32];
    op_bench_begin(b);
    op_bench_random(b, shape);
    op_check_node(&b->c, op, 1);
    if (strcmp(op, "kerf.StdDev") != 0)
        CHECK_OK(kerf_node_set_ints(b->c.node, "axes", &axis, 1));
    snprintf(note, sizeof note, "axis %d", (int)axis);
    op_bench_end(b, ref_reduce, check_tolerance(8, (size_t)kerf_shape_num_elements(shape)), note);
}

static void run_all(op_bench *b)
{
    run(b, "ReduceSum", KERF_SHAPE(1 << 23), 0);
    run(b, "ReduceMax", KERF_SHAPE(1 << 23), 0);
    run(b, "ReduceSum", KERF_SHAPE(8192, 1024), 0);
    run(b, "ReduceSum", KERF_SHAPE(8192, 1024), 1);
    run(b, "ReduceSum", KERF_SHAPE(128, 300), 0);
    run(b, "ReduceSum", KERF_SHAPE(128, 10), 0);
    run(b, "kerf.StdDev", KERF_SHAPE(1 << 23), 0);
}

int main(void)
{
    return op_bench_main(run_all);
}
