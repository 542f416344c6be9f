/* bench_step_grad.c -- slopes of roundings by their steps, beside a plain copy: of activations that
 * a cache holds and that none does, of weights with a scale a row and a column. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, kerf_shape shape, int axis, kerf_type type)
{
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    const size_t channels = axis < 0 ? 1 : (size_t)shape.dims[axis];
    const kerf_shape along = axis < 0 ? KERF_SCALAR : KERF_SHAPE((int64_t)channels);
    float *x = malloc(num * sizeof *x), *scales = malloc(channels * sizeof *scales);
    uint8_t *zeros = calloc(channels, 1);
    for (size_t i = 0; i < channels; i++)
        scales[i] = 0.0625f;
    op_check_fill(x, num, 1);
    op_bench_begin(b);
    op_check_input(&b->c, KERF_F32, shape, x);
    op_check_input(&b->c, KERF_F32, shape, x);
    op_check_input(&b->c, KERF_F32, along, scales);
    op_check_input(&b->c, type, along, zeros);
    op_check_node(&b->c, "kerf.StepGrad", 2);
    CHECK_OK(kerf_node_set_int(b->c.node, "axis", axis < 0 ? 0 : axis));
    CHECK_OK(kerf_node_set_float(b->c.node, "factor", 0.25f));
    CHECK_OK(kerf_node_set_int(b->c.node, "up", 7));
    op_bench_end(b, ref_step_grad, check_tolerance(4, num), "");
    free(x);
    free(scales);
    free(zeros);
}

static void run_all(op_bench *b)
{
    run(b, KERF_SHAPE(64, 20, 12, 12), -1, KERF_U8);
    run(b, KERF_SHAPE(1 << 24), -1, KERF_U8);
    run(b, KERF_SHAPE(500, 800), 0, KERF_S4);
    run(b, KERF_SHAPE(512, 512, 3, 3), 0, KERF_S4);
    run(b, KERF_SHAPE(800, 500), 1, KERF_S4);
}

int main(void)
{
    return op_bench_main(run_all);
}
