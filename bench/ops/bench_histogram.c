/* bench_histogram.c -- counting activations into 2048 bins, as calibration does: a bell curve, and
 * what a Relu leaves, half of it the same number. */
#include "op_bench.h"
#include "ref/ref.h"

enum { BINS = 2048 };

static void run(op_bench *b, int64_t num, int is_behind_relu)
{
    static const int32_t counts[BINS + 1];
    static const float range[] = {-1, 1};
    float *x = malloc((size_t)num * sizeof *x);
    op_check_fill(x, (size_t)num, 1);
    for (int64_t i = 0; i < num; i++)
        x[i] = is_behind_relu && x[i] < 0 ? 0 : x[i] * x[num - 1 - i];
    op_bench_begin(b);
    op_check_input(&b->c, KERF_F32, KERF_SHAPE(num), x);
    op_check_input(&b->c, KERF_F32, KERF_SHAPE(2), range);
    op_check_input(&b->c, KERF_S32, KERF_SHAPE(BINS + 1), counts);
    op_check_node(&b->c, "kerf.Histogram", 2);
    op_bench_end(b, ref_histogram, 0, is_behind_relu ? "behind a Relu" : "a bell curve");
    free(x);
}

static void run_all(op_bench *b)
{
    run(b, 1 << 24, 0);
    run(b, 1 << 24, 1);
    run(b, 1 << 17, 1);
}

int main(void)
{
    return op_bench_main_beside(LIMITS_READ, run_all);
}
