/* bench_feature_loss.c -- loss and gradient together, of features of a small and a large network;
 * the limit is a copy of both networks' features and of the gradient. */
#include "op_bench.h"
#include "ref/ref.h"

static void run_all(op_bench *b)
{
    static const char *const LOSSES[] = {"mse", "cosine"};
    const kerf_shape shapes[] = {KERF_SHAPE(128, 120), KERF_SHAPE(64, 256, 14, 14),
                                 KERF_SHAPE(32, 128, 768)};
    const float settings[] = {0.5f};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (size_t l = 0; l < sizeof LOSSES / sizeof LOSSES[0]; l++) {
            op_bench_begin(b);
            op_bench_random(b, shapes[i]);
            op_bench_random(b, shapes[i]);
            op_check_input(&b->c, KERF_F32, KERF_SHAPE(1), settings);
            op_check_node(&b->c, "kerf.FeatureLoss", 2);
            bench_ok(kerf_node_set_string(b->c.node, "loss", LOSSES[l]));
            op_bench_end(b, ref_feature_loss,
                         check_tolerance(8, (size_t)kerf_shape_num_elements(shapes[i])), LOSSES[l]);
        }
}

int main(void)
{
    return op_bench_main(run_all);
}
