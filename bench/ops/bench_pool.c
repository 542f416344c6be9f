/* bench_pool.c -- pooling beside a plain copy: LeNet-5's, ResNet's first and last, and what
 * MobileNet and DenseNet have between. */
#include "op_bench.h"
#include "ops/layout_common.h"
#include "ref/ref.h"

/* A square window. */
typedef struct window {
    int64_t kernel, stride, pad;
} window;

static void set(kerf_node *n, window w, char *note, size_t bytes)
{
    CHECK_OK(kerf_node_set_ints(n, "kernel_shape", (int64_t[]){w.kernel, w.kernel}, 2));
    CHECK_OK(kerf_node_set_ints(n, "strides", (int64_t[]){w.stride, w.stride}, 2));
    CHECK_OK(kerf_node_set_ints(n, "pads", (int64_t[]){w.pad, w.pad, w.pad, w.pad}, 4));
    snprintf(note, bytes, "%lldx%lld/%lld", (long long)w.kernel, (long long)w.kernel,
             (long long)w.stride);
}

static void run(op_bench *b, const char *op, kerf_shape src, window w)
{
    char note[32];
    op_bench_begin(b);
    op_bench_random(b, src);
    op_check_node(&b->c, op, 1);
    set(b->c.node, w, note, sizeof note);
    op_bench_end(b, ref_pool, check_tolerance(4, (size_t)(w.kernel * w.kernel)), note);
}

static void run_grad(op_bench *b, const char *op, kerf_shape src, window w, kerf__layout layout)
{
    char note[32];
    const int max = strcmp(op, "kerf.MaxPoolGrad") == 0;
    kerf_shape dst = src;
    for (int i = 2; i < 4; i++)
        dst.dims[i] = (src.dims[i] + 2 * w.pad - w.kernel) / w.stride + 1;
    op_bench_begin(b);
    if (max)
        op_bench_random(b, kerf__layout_shape(layout, src));
    op_bench_random(b, kerf__layout_shape(layout, dst));
    op_check_node(&b->c, op, 1);
    set(b->c.node, w, note, sizeof note);
    CHECK_OK(kerf_node_set_ints(b->c.node, "shape", src.dims, 4));
    CHECK_OK(kerf__node_set_layouts(
        b->c.node, &(kerf__layouts){.inputs = {layout, max ? layout : KERF__PLAIN}, {layout}}));
    op_bench_end(b, ref_pool, check_tolerance(4, (size_t)(w.kernel * w.kernel)), note);
}

static void run_blocked(op_bench *b, const char *op, kerf_shape src, window w)
{
    char note[32];
    op_bench_begin(b);
    op_bench_random(b, kerf__layout_shape(KERF__C16, src));
    op_check_node(&b->c, op, 1);
    set(b->c.node, w, note, sizeof note);
    CHECK_OK(kerf__node_set_layouts(b->c.node, &(kerf__layouts){{KERF__C16}, {KERF__C16}}));
    op_bench_end(b, ref_pool, check_tolerance(4, (size_t)(w.kernel * w.kernel)), note);
}

static void run_global(op_bench *b, const char *op, kerf_shape src)
{
    op_bench_begin(b);
    op_bench_random(b, src);
    op_check_node(&b->c, op, 1);
    op_bench_end(b, ref_pool, check_tolerance(4, (size_t)(src.dims[2] * src.dims[3])), "");
}

static const kerf_shape RESNET = {4, {16, 64, 112, 112}}, LENET = {4, {64, 20, 24, 24}};
static const kerf_shape LENET2 = {4, {64, 50, 8, 8}}, DENSE = {4, {16, 128, 56, 56}};
static const window W33 = {3, 2, 1}, W22 = {2, 2, 0}, SAME = {3, 1, 1};

static void run_plain(op_bench *b)
{
    run(b, "MaxPool", RESNET, W33);
    run(b, "MaxPool", RESNET, W22);
    run(b, "MaxPool", LENET, W22);
    run(b, "MaxPool", LENET2, W22);
    run(b, "MaxPool", KERF_SHAPE(8, 512, 7, 7), SAME);
    run(b, "AveragePool", DENSE, W22);
    run(b, "AveragePool", KERF_SHAPE(16, 192, 35, 35), SAME);
    run_global(b, "GlobalAveragePool", KERF_SHAPE(8, 2048, 7, 7));
    run_global(b, "GlobalAveragePool", KERF_SHAPE(128, 512, 7, 7));
    run_global(b, "GlobalMaxPool", KERF_SHAPE(128, 512, 7, 7));
    run_grad(b, "kerf.MaxPoolGrad", RESNET, W33, KERF__PLAIN);
    run_grad(b, "kerf.MaxPoolGrad", LENET, W22, KERF__PLAIN);
    run_grad(b, "kerf.MaxPoolGrad", LENET2, W22, KERF__PLAIN);
    run_grad(b, "kerf.AveragePoolGrad", DENSE, W22, KERF__PLAIN);
    run_grad(b, "kerf.AveragePoolGrad", KERF_SHAPE(16, 192, 35, 35), SAME, KERF__PLAIN);
}

static void run_blocks(op_bench *b)
{
    run_blocked(b, "MaxPool", RESNET, W33);
    run_blocked(b, "MaxPool", LENET, W22);
    run_blocked(b, "MaxPool", LENET2, W22);
    run_blocked(b, "AveragePool", DENSE, W22);
    run_blocked(b, "AveragePool", KERF_SHAPE(128, 512, 7, 7), (window){7, 1, 0});
    run_grad(b, "kerf.MaxPoolGrad", RESNET, W33, KERF__C16);
    run_grad(b, "kerf.MaxPoolGrad", LENET, W22, KERF__C16);
    run_grad(b, "kerf.MaxPoolGrad", LENET2, W22, KERF__C16);
    run_grad(b, "kerf.AveragePoolGrad", DENSE, W22, KERF__C16);
}

/* In blocks on CPU devices alone. */
static void run_all(op_bench *b)
{
    if (kerf_device_get_info(b->dev)->type == KERF_DEVICE_CPU)
        run_blocks(b);
    run_plain(b);
}

int main(void)
{
    return op_bench_main(run_all);
}
