/* bench_reduce.c -- reductions beside a plain copy, whose reads alone are their limit: 200 %
 * where reading and writing cost the same. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(kerf_device *dev, const char *op, kerf_shape shape, int64_t axis, double copy)
{
    op_check c;
    char text[128], text_shape[64];
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    float *x = malloc(num * sizeof *x);
    op_check_fill(x, num, 1);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, shape, x);
    op_check_node(&c, op, 1);
    if (strcmp(op, "kerf.StdDev") != 0)
        CHECK_OK(kerf_node_set_ints(c.node, "axes", &axis, 1));
    op_check_variants(&c, ref_reduce, check_tolerance(8, num));
    snprintf(text, sizeof text, "%s axis %d", kerf_shape_text(shape, text_shape, sizeof text_shape),
             (int)axis);
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
    op_bench_header(copy);
    run(dev, "ReduceSum", KERF_SHAPE(1 << 23), 0, copy);
    run(dev, "ReduceMax", KERF_SHAPE(1 << 23), 0, copy);
    run(dev, "ReduceSum", KERF_SHAPE(8192, 1024), 0, copy);
    run(dev, "ReduceSum", KERF_SHAPE(8192, 1024), 1, copy);
    run(dev, "ReduceSum", KERF_SHAPE(128, 300), 0, copy);
    run(dev, "ReduceSum", KERF_SHAPE(128, 10), 0, copy);
    run(dev, "kerf.StdDev", KERF_SHAPE(1 << 23), 0, copy);
    kerf_device_close(dev);
    return check_result();
}
