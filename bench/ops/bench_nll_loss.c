/* bench_nll_loss.c -- the loss of the true class beside a plain copy: it reads one float of k, so
 * a share of what a copy of all would take says little; of labels, for images, more. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, kerf_shape src, const char *reduction)
{
    const int64_t m = kerf_shape_num_elements(src) / src.dims[1];
    kerf_shape shape = {src.rank - 1, {src.dims[0]}};
    int32_t *labels = calloc((size_t)m, sizeof *labels);
    for (int d = 2; d < src.rank; d++)
        shape.dims[d - 1] = src.dims[d];
    op_bench_begin(b);
    op_bench_random(b, src);
    op_check_input(&b->c, KERF_S32, shape, labels);
    op_check_node(&b->c, "NegativeLogLikelihoodLoss", 1);
    CHECK_OK(kerf_node_set_string(b->c.node, "reduction", reduction));
    op_bench_end(b, ref_nll_loss, check_tolerance(8, (size_t)m), reduction);
    free(labels);
}

static void run_all(op_bench *b)
{
    run(b, KERF_SHAPE(256, 1000), "mean");
    run(b, KERF_SHAPE(4, 21, 256, 256), "mean");
    run(b, KERF_SHAPE(4, 21, 256, 256), "none");
}

int main(void)
{
    return op_bench_main(run_all);
}
