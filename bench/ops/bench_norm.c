/* bench_norm.c -- normalisation of rows beside a plain copy: BERT-base's layers, an image's
 * channels, and groups of them. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, const char *op, kerf_shape src, int64_t scales, int groups)
{
    op_bench_begin(b);
    op_bench_random(b, src);
    op_bench_random(b, KERF_SHAPE(scales));
    op_bench_random(b, KERF_SHAPE(scales));
    op_check_node(&b->c, op, 1);
    if (groups > 0)
        CHECK_OK(kerf_node_set_int(b->c.node, "num_groups", groups));
    op_bench_end(b, ref_norm, check_tolerance(8, 4096), "");
}

static void run_grad(op_bench *b, kerf_shape src)
{
    op_bench_begin(b);
    op_bench_random(b, src);
    op_bench_random(b, src);
    op_bench_random(b, KERF_SHAPE(src.dims[0]));
    op_bench_random(b, KERF_SHAPE(src.dims[0]));
    op_check_node(&b->c, "kerf.NormGrad", 1);
    op_bench_end(b, ref_norm, check_tolerance(8, (size_t)src.dims[1]), "");
}

static void run_all(op_bench *b)
{
    run(b, "LayerNormalization", KERF_SHAPE(512, 768), 768, 0);
    run(b, "LayerNormalization", KERF_SHAPE(16384, 1024), 1024, 0);
    run(b, "InstanceNormalization", KERF_SHAPE(4, 64, 112, 112), 64, 0);
    run(b, "GroupNormalization", KERF_SHAPE(4, 64, 56, 56), 64, 32);
    run_grad(b, KERF_SHAPE(512, 768));
    run_grad(b, KERF_SHAPE(16384, 1024));
}

int main(void)
{
    return op_bench_main(run_all);
}
