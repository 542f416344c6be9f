/* bench_decoupled_loss.c -- loss and gradient together, for few and many classes; the limit is a
 * copy of both networks' logits and of the gradient. */
#include "op_bench.h"
#include "ref/ref.h"

static void run_all(op_bench *b)
{
    static const int64_t SIZES[][2] = {{128, 10}, {256, 1000}, {4096, 1000}};
    const float settings[] = {1, 0, 4};
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        const int64_t m = SIZES[i][0], k = SIZES[i][1];
        op_bench_begin(b);
        op_bench_random(b, KERF_SHAPE(m, k));
        op_bench_random(b, KERF_SHAPE(m, k));
        op_bench_labels(b, m);
        op_check_input(&b->c, KERF_F32, KERF_SHAPE(3), settings);
        op_check_node(&b->c, "kerf.DecoupledLoss", 2);
        op_bench_end(b, ref_decoupled_loss, check_tolerance(512, (size_t)(m + k)), "");
    }
}

int main(void)
{
    return op_bench_main(run_all);
}
