/* bench_distillation_loss.c -- loss and gradient together, for few and many classes; the limit is
 * a copy of both networks' logits and of the gradient. */
#include "op_bench.h"
#include "ref/ref.h"

static void run_all(op_bench *b)
{
    static const int64_t SIZES[][2] = {{128, 10}, {256, 1000}, {4096, 1000}};
    static const float ALPHA[] = {0.7f, 1.0f};
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++)
        for (size_t a = 0; a < sizeof ALPHA / sizeof ALPHA[0]; a++) {
            const int64_t m = SIZES[i][0], k = SIZES[i][1];
            const float settings[] = {ALPHA[a], 1 - ALPHA[a], 3};
            op_bench_begin(b);
            op_bench_random(b, KERF_SHAPE(m, k));
            op_bench_random(b, KERF_SHAPE(m, k));
            op_bench_labels(b, m);
            op_check_input(&b->c, KERF_F32, KERF_SHAPE(3), settings);
            op_check_node(&b->c, "kerf.DistillationLoss", 2);
            op_bench_end(b, ref_distillation_loss, check_tolerance(64, (size_t)(m + k)),
                         a == 0 ? "alpha=0.7" : "alpha=1");
        }
}

int main(void)
{
    return op_bench_main(run_all);
}
