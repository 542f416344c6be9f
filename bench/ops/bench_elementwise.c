/* bench_elementwise.c -- formulas beside a plain copy: large, and as they come in training
 * LeNet-300-100 at batch 128. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(kerf_device *dev, const char *op, kerf_shape a, const kerf_shape *b, double copy)
{
    op_check c;
    char text[128], text_a[64], text_b[64];
    const size_t num = (size_t)kerf_shape_num_elements(a);
    float *x = malloc(num * sizeof *x);
    op_check_fill(x, num, 1);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, a, x);
    if (b != NULL)
        op_check_input(&c, KERF_F32, *b, x);
    op_check_node(&c, op, 1);
    op_check_variants(&c, ref_elementwise, check_tolerance(8, 1));
    snprintf(text, sizeof text, "%s %s", kerf_shape_text(a, text_a, sizeof text_a),
             b != NULL ? kerf_shape_text(*b, text_b, sizeof text_b) : "");
    for (char *p = text; *p != '\0'; p++)
        if (*p == ',')
            *p = 'x';
    op_bench_case(&c, text, 0, copy);
    op_check_end(&c);
    free(x);
}

int main(void)
{
    kerf_device *dev = check_open_device();
    const double copy = op_bench_copy_gbps(dev);
    const kerf_shape big = KERF_SHAPE(1 << 23), rows = KERF_SHAPE(8192, 1024);
    const kerf_shape bias = KERF_SHAPE(1024), hidden = KERF_SHAPE(128, 300);
    const kerf_shape hidden_bias = KERF_SHAPE(300), middle = KERF_SHAPE(8, 1024, 1024);
    const kerf_shape channels = KERF_SHAPE(1024, 1);
    op_bench_header(copy);
    run(dev, "Add", big, &big, copy);
    run(dev, "Relu", big, NULL, copy);
    run(dev, "kerf.ReluGrad", big, &big, copy);
    run(dev, "Add", rows, &bias, copy);
    run(dev, "Exp", big, NULL, copy);
    run(dev, "Tanh", big, NULL, copy);
    run(dev, "Mul", middle, &channels, copy);
    run(dev, "Add", hidden, &hidden_bias, copy);
    run(dev, "Relu", hidden, NULL, copy);
    kerf_device_close(dev);
    return check_result();
}
