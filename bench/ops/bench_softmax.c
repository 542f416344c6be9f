/* bench_softmax.c -- Softmax beside a plain copy: classes of small and large problems. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, const char *op, int64_t m, int64_t k)
{
    op_bench_begin(b);
    op_bench_random(b, KERF_SHAPE(m, k));
    op_check_node(&b->c, op, 1);
    op_bench_end(b, ref_softmax, check_tolerance(8, (size_t)k), "");
}

static void run_all(op_bench *b)
{
    run(b, "Softmax", 128, 10);
    run(b, "Softmax", 128, 1000);
    run(b, "LogSoftmax", 128, 1000);
    run(b, "Softmax", 8192, 1024);
}

int main(void)
{
    return op_bench_main(run_all);
}
