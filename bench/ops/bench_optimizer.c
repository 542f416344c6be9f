/* bench_optimizer.c -- updates beside a plain copy: the first layer of LeNet-300-100, and a
 * weight that fits no cache. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(kerf_device *dev, int is_adam, int masked, size_t num, double copy)
{
    op_check c;
    char text[64];
    const kerf_shape shape = KERF_SHAPE((int64_t)num);
    const float step[KERF__STEP_FLOATS] = {0.01f, 1.1f, 1.2f, 3};
    float *x = malloc(num * sizeof *x);
    unsigned char *mask = malloc(num);
    op_check_fill(x, num, 1);
    for (size_t i = 0; i < num; i++) {
        x[i] = fabsf(x[i]);
        mask[i] = i % 10 == 0;
    }
    op_check_begin(&c, dev);
    for (int i = 0; i < (is_adam ? 4 : 3); i++)
        op_check_input(&c, KERF_F32, shape, x);
    if (masked)
        op_check_input(&c, KERF_BOOL, shape, mask);
    else
        op_check_skip(&c);
    op_check_input(&c, KERF_F32, KERF_SHAPE(KERF__STEP_FLOATS), step);
    op_check_node(&c, is_adam ? "kerf.AdamUpdate" : "kerf.SgdUpdate", is_adam ? 3 : 2);
    CHECK_OK(kerf_node_set_float(c.node, "momentum", 0.9f));
    CHECK_OK(kerf_node_set_int(c.node, "nesterov", 1));
    op_check_variants(&c, ref_optimizer, check_tolerance(4, 1));
    snprintf(text, sizeof text, "%zu%s", num, masked ? " masked" : "");
    op_bench_case(&c, text, 0, copy);
    op_check_end(&c);
    free(mask);
    free(x);
}

int main(void)
{
    kerf_device *dev = check_open_device();
    const double copy = op_bench_copy_gbps(dev);
    op_bench_header(copy);
    for (int i = 0; i < 4; i++) {
        run(dev, i & 1, i >> 1, 784 * 300, copy);
        run(dev, i & 1, i >> 1, 1 << 23, copy);
    }
    kerf_device_close(dev);
    return check_result();
}
