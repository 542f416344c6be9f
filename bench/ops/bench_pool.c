/* bench_pool.c -- pooling beside a plain copy: LeNet-5's, ResNet's first and last, and what
 * MobileNet and DenseNet have between. */
#include "op_bench.h"
#include "ref/ref.h"

static void set(kerf_node *n, int64_t kernel, int64_t stride, int64_t pad)
{
    CHECK_OK(kerf_node_set_ints(n, "kernel_shape", (int64_t[]){kernel, kernel}, 2));
    CHECK_OK(kerf_node_set_ints(n, "strides", (int64_t[]){stride, stride}, 2));
    CHECK_OK(kerf_node_set_ints(n, "pads", (int64_t[]){pad, pad, pad, pad}, 4));
}

static void run(op_bench *b, const char *op, kerf_shape src, int64_t kernel, int64_t stride,
                int64_t pad)
{
    char note[32];
    op_bench_begin(b);
    op_bench_random(b, src);
    op_check_node(&b->c, op, 1);
    set(b->c.node, kernel, stride, pad);
    snprintf(note, sizeof note, "%lldx%lld/%lld", (long long)kernel, (long long)kernel,
             (long long)stride);
    op_bench_end(b, ref_pool, check_tolerance(4, (size_t)(kernel * kernel)), note);
}

static void run_grad(op_bench *b, const char *op, kerf_shape src, int64_t kernel, int64_t stride,
                     int64_t pad)
{
    char note[32];
    kerf_shape dst = src;
    for (int i = 2; i < 4; i++)
        dst.dims[i] = (src.dims[i] + 2 * pad - kernel) / stride + 1;
    op_bench_begin(b);
    if (strcmp(op, "kerf.MaxPoolGrad") == 0)
        op_bench_random(b, src);
    op_bench_random(b, dst);
    op_check_node(&b->c, op, 1);
    set(b->c.node, kernel, stride, pad);
    CHECK_OK(kerf_node_set_ints(b->c.node, "shape", src.dims, 4));
    snprintf(note, sizeof note, "%lldx%lld/%lld", (long long)kernel, (long long)kernel,
             (long long)stride);
    op_bench_end(b, ref_pool, check_tolerance(4, (size_t)(kernel * kernel)), note);
}

static void run_global(op_bench *b, const char *op, kerf_shape src)
{
    op_bench_begin(b);
    op_bench_random(b, src);
    op_check_node(&b->c, op, 1);
    op_bench_end(b, ref_pool, check_tolerance(4, (size_t)(src.dims[2] * src.dims[3])), "");
}

static void run_all(op_bench *b)
{
    static const kerf_shape RESNET = {4, {16, 64, 112, 112}}, LENET = {4, {64, 20, 24, 24}};
    run(b, "MaxPool", RESNET, 3, 2, 1);
    run(b, "MaxPool", LENET, 2, 2, 0);
    run(b, "MaxPool", KERF_SHAPE(64, 50, 8, 8), 2, 2, 0);
    run(b, "MaxPool", KERF_SHAPE(16, 64, 112, 112), 2, 2, 0);
    run(b, "MaxPool", KERF_SHAPE(8, 512, 7, 7), 3, 1, 1);
    run(b, "AveragePool", KERF_SHAPE(16, 128, 56, 56), 2, 2, 0);
    run(b, "AveragePool", KERF_SHAPE(16, 192, 35, 35), 3, 1, 1);
    run_global(b, "GlobalAveragePool", KERF_SHAPE(8, 2048, 7, 7));
    run_global(b, "GlobalAveragePool", KERF_SHAPE(128, 512, 7, 7));
    run_global(b, "GlobalMaxPool", KERF_SHAPE(128, 512, 7, 7));
    run_grad(b, "kerf.MaxPoolGrad", RESNET, 3, 2, 1);
    run_grad(b, "kerf.MaxPoolGrad", LENET, 2, 2, 0);
    run_grad(b, "kerf.MaxPoolGrad", KERF_SHAPE(64, 50, 8, 8), 2, 2, 0);
    run_grad(b, "kerf.AveragePoolGrad", KERF_SHAPE(16, 128, 56, 56), 2, 2, 0);
    run_grad(b, "kerf.AveragePoolGrad", KERF_SHAPE(16, 192, 35, 35), 3, 1, 1);
}

int main(void)
{
    return op_bench_main(run_all);
}
