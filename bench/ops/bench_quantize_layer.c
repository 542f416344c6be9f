/* bench_quantize_layer.c -- scales and a bias of a layer, beside a plain copy: a launch is what it
 * costs. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, kerf_shape scales, int64_t channels)
{
    const float x_scale = 0.01f;
    op_bench_begin(b);
    op_bench_positive(b, scales);
    op_check_input(&b->c, KERF_F32, KERF_SCALAR, &x_scale);
    op_bench_random(b, KERF_SHAPE(channels));
    op_check_node(&b->c, "kerf.QuantizeLayer", 3);
    CHECK_OK(kerf_node_set_int(b->c.node, "largest", 127));
    op_bench_end(b, ref_quantize_layer, 0, "");
}

static void run_all(op_bench *b)
{
    run(b, KERF_SHAPE(512), 512);
    run(b, KERF_SHAPE(4096), 4096);
    run(b, KERF_SCALAR, 4096);
}

int main(void)
{
    return op_bench_main(run_all);
}
