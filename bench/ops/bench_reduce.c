/* bench_reduce.c -- reductions beside the fastest way to read, which is all that bounds them. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, const char *op, kerf_shape shape, const char *axes)
{
    int64_t numbers[4];
    char note[32];
    op_bench_begin(b);
    op_bench_random(b, shape);
    op_check_node(&b->c, op, 1);
    for (size_t i = 0; i < strlen(axes); i++)
        numbers[i] = axes[i] - '0';
    if (axes[0] != '\0')
        CHECK_OK(kerf_node_set_ints(b->c.node, "axes", numbers, strlen(axes)));
    snprintf(note, sizeof note, "axes %s", axes[0] != '\0' ? axes : "all");
    op_bench_end(b, ref_reduce, check_tolerance(8, (size_t)kerf_shape_num_elements(shape)), note);
}

static void run_all(op_bench *b)
{
    static const char *const OPS[] = {"ReduceSum", "ReduceMax", "ReduceMean", "ReduceL2"};
    for (int i = 0; i < 4; i++) {
        run(b, OPS[i], KERF_SHAPE(1 << 24), "0");
        run(b, OPS[i], KERF_SHAPE(16384, 1024), "0");
        run(b, OPS[i], KERF_SHAPE(16384, 1024), "1");
    }
    run(b, "ReduceSum", KERF_SHAPE(1024, 16384), "0");
    run(b, "ReduceSum", KERF_SHAPE(64, 512, 512), "1");
    run(b, "ReduceSum", KERF_SHAPE(4096, 4096), "0");
    run(b, "ReduceLogSumExp", KERF_SHAPE(16384, 1024), "1");
    run(b, "ReduceSum", KERF_SHAPE(64, 64, 64, 64), "023");
    run(b, "ReduceSum", KERF_SHAPE(64, 512, 16, 32), "023");
    run(b, "ReduceSum", KERF_SHAPE(64, 1024, 14, 14), "023");
    run(b, "ReduceSum", KERF_SHAPE(64, 2048, 7, 7), "023");
    run(b, "ReduceSum", KERF_SHAPE(65536, 10), "0");
    run(b, "ReduceSum", KERF_SHAPE(128, 300), "0");
    run(b, "ReduceSum", KERF_SHAPE(128, 10), "0");
    run(b, "kerf.StdDev", KERF_SHAPE(1 << 24), "");
}

int main(void)
{
    return op_bench_main_beside(LIMITS_READ, run_all);
}
