/* bench_batch_norm.c -- batch normalisation beside a plain copy: ResNet-18's layers at batches 4
 * and 32.  Counted are inputs and outputs once; training reads src twice, and its gradient src
 * and diff_dst twice, so 67 % and 60 % of a copy are as fast as can be without a cache. */
#include "op_bench.h"
#include "ops/layout_common.h"
#include "ref/ref.h"

static void run(op_bench *b, kerf_shape src, int training, kerf__layout layout)
{
    const kerf_shape one = KERF_SHAPE(src.dims[1]);
    const size_t num = (size_t)kerf_shape_num_elements(src) / (size_t)src.dims[1];
    op_bench_begin(b);
    op_bench_random(b, kerf__layout_shape(layout, src));
    for (int i = 0; i < 3; i++)
        op_bench_random(b, one);
    op_bench_positive(b, one);
    op_check_node(&b->c, "BatchNormalization", training ? 5 : 1);
    CHECK_OK(kerf_node_set_int(b->c.node, "training_mode", training));
    CHECK_OK(kerf__node_set_layouts(b->c.node, &(kerf__layouts){{layout}, {layout}}));
    op_bench_end(b, ref_batch_norm, check_tolerance(8, num), training ? "training" : "");
}

static void run_grad(op_bench *b, kerf_shape src, kerf__layout layout)
{
    const kerf_shape one = KERF_SHAPE(src.dims[1]), laid = kerf__layout_shape(layout, src);
    const size_t num = (size_t)kerf_shape_num_elements(src) / (size_t)src.dims[1];
    op_bench_begin(b);
    op_bench_random(b, laid);
    op_bench_random(b, laid);
    for (int i = 0; i < 3; i++)
        op_bench_random(b, one);
    op_check_node(&b->c, "kerf.BatchNormGrad", 3);
    CHECK_OK(kerf_node_set_int(b->c.node, "training_mode", 1));
    CHECK_OK(kerf__node_set_layouts(b->c.node, &(kerf__layouts){{layout, layout}, {layout}}));
    op_bench_end(b, ref_batch_norm, check_tolerance(8, num), "");
}

static void run_all(op_bench *b)
{
    static const kerf_shape SHAPES[] = {{4, {4, 64, 112, 112}}, {4, {4, 64, 56, 56}},
                                        {4, {4, 512, 7, 7}},    {4, {32, 64, 32, 32}},
                                        {4, {32, 512, 4, 4}},   {2, {256, 1024}}};
    const int cpu = kerf_device_get_info(b->dev)->type == KERF_DEVICE_CPU;
    for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++)
        for (int layout = KERF__PLAIN;
             layout <= (cpu && SHAPES[i].rank > 2 ? KERF__C16 : KERF__PLAIN); layout++) {
            run(b, SHAPES[i], 0, (kerf__layout)layout);
            run(b, SHAPES[i], 1, (kerf__layout)layout);
            run_grad(b, SHAPES[i], (kerf__layout)layout);
        }
}

int main(void)
{
    return op_bench_main(run_all);
}
