/* bench_softmax.c -- Softmax beside a plain copy: classes of small and large problems. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(kerf_device *dev, const char *op, int64_t m, int64_t k, double copy)
{
    op_check c;
    char text[64];
    float *x = malloc((size_t)(m * k) * sizeof *x);
    op_check_fill(x, (size_t)(m * k), 1);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(m, k), x);
    op_check_node(&c, op, 1);
    op_check_variants(&c, ref_softmax, check_tolerance(8, (size_t)k));
    snprintf(text, sizeof text, "m=%d k=%d", (int)m, (int)k);
    op_bench_case(&c, text, 0, copy);
    op_check_end(&c);
    free(x);
}

int main(void)
{
    kerf_device *dev = check_open_device();
    const double copy = op_bench_copy_gbps(dev);
    op_bench_header(copy);
    run(dev, "Softmax", 128, 10, copy);
    run(dev, "Softmax", 128, 1000, copy);
    run(dev, "LogSoftmax", 128, 1000, copy);
    run(dev, "Softmax", 8192, 1024, copy);
    kerf_device_close(dev);
    return check_result();
}
