/* bench_mask.c -- masking a weight beside a plain copy. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(kerf_device *dev, size_t num, double copy)
{
    op_check c;
    char text[64];
    float *x = malloc(num * sizeof *x);
    unsigned char *mask = malloc(num);
    op_check_fill(x, num, 1);
    for (size_t i = 0; i < num; i++)
        mask[i] = i % 10 == 0;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE((int64_t)num), x);
    op_check_input(&c, KERF_BOOL, KERF_SHAPE((int64_t)num), mask);
    op_check_node(&c, "kerf.Mask", 1);
    op_check_variants(&c, ref_mask, 0);
    snprintf(text, sizeof text, "%zu", num);
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
    run(dev, 784 * 300, copy);
    run(dev, 1 << 24, copy);
    kerf_device_close(dev);
    return check_result();
}
