/* bench_metrics.c -- counting hits beside a plain copy. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(kerf_device *dev, int64_t m, int64_t k, double copy)
{
    op_check c;
    char text[64];
    const float loss = 1, sums[4] = {0};
    float *x = malloc((size_t)(m * k) * sizeof *x);
    int32_t *labels = calloc((size_t)m, sizeof *labels);
    op_check_fill(x, (size_t)(m * k), 1);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SCALAR, &loss);
    op_check_input(&c, KERF_F32, KERF_SHAPE(m, k), x);
    op_check_input(&c, KERF_S32, KERF_SHAPE(m), labels);
    op_check_input(&c, KERF_F32, KERF_SHAPE(4), sums);
    op_check_node(&c, "kerf.Metrics", 1);
    op_check_variants(&c, ref_metrics, 0);
    snprintf(text, sizeof text, "m=%d k=%d", (int)m, (int)k);
    op_bench_case(&c, text, 0, copy);
    op_check_end(&c);
    free(labels);
    free(x);
}

int main(void)
{
    kerf_device *dev = check_open_device();
    const double copy = op_bench_copy_gbps(dev);
    op_bench_header(copy);
    run(dev, 128, 10, copy);
    run(dev, 256, 1000, copy);
    kerf_device_close(dev);
    return check_result();
}
