/* bench_arg_extreme.c -- ArgMax beside the fastest way to read: classes, pixels by class, long
 * rows and columns. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, kerf_shape shape, int axis)
{
    char note[32];
    op_bench_begin(b);
    op_bench_random(b, shape);
    op_check_node(&b->c, "ArgMax", 1);
    CHECK_OK(kerf_node_set_int(b->c.node, "axis", axis));
    snprintf(note, sizeof note, "axis %d", axis);
    op_bench_end(b, ref_arg_extreme, 0, note);
}

static void run_all(op_bench *b)
{
    run(b, KERF_SHAPE(1 << 24), 0);
    run(b, KERF_SHAPE(16384, 1000), 1);
    run(b, KERF_SHAPE(1 << 20, 10), 1);
    run(b, KERF_SHAPE(128, 10), 1);
    run(b, KERF_SHAPE(4, 21, 512, 512), 1);
    run(b, KERF_SHAPE(16384, 1000), 0);
    run(b, KERF_SHAPE(1000, 16384), 0);
}

int main(void)
{
    return op_bench_main_beside(LIMITS_READ, run_all);
}
