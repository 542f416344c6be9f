/* bench_block_mask.c -- masks of blocks for a layer of ResNet-50: scores of 4x1 blocks and of whole
 * kernels, a mask of blocks spread, and two of each four.  They run at pruning events alone. */
#include "op_bench.h"
#include "ref/ref.h"

static void add_node(op_bench *b, const char *op, int num_outputs, const int64_t *block)
{
    op_check_node(&b->c, op, num_outputs);
    bench_ok(kerf_node_set_ints(b->c.node, "block", block, 3));
}

static void run_scores(op_bench *b, kerf_shape shape, const int64_t *block, const char *note)
{
    op_bench_begin(b);
    op_bench_random(b, shape);
    op_bench_mask(b, shape, 1);
    add_node(b, "kerf.BlockScores", 2, block);
    op_bench_end(b, ref_block_mask, 1e-4, note);
}

static void run_spread(op_bench *b)
{
    op_bench_begin(b);
    op_bench_mask(b, KERF_SHAPE(128 * 512 * 9), 1);
    op_bench_mask(b, KERF_SHAPE(512, 512, 3, 3), 1);
    add_node(b, "kerf.BlockMask", 1, (const int64_t[]){4, 1, 1});
    op_bench_end(b, ref_block_mask, 0, "4x1");
}

/* Its definition compares all with all, so the case is small. */
static void run_rank(op_bench *b)
{
    const int32_t keep = 2;
    op_bench_begin(b);
    op_check_input(&b->c, KERF_S32, KERF_SCALAR, &keep);
    op_bench_random(b, KERF_SHAPE(100, 64));
    op_bench_mask(b, KERF_SHAPE(100, 64), 1);
    add_node(b, "kerf.RankMask", 1, (const int64_t[]){1, 4, 1});
    op_bench_end(b, ref_block_mask, 0, "2:4");
}

static void run_all(op_bench *b)
{
    const kerf_shape filter = KERF_SHAPE(512, 512, 3, 3);
    run_scores(b, filter, (const int64_t[]){4, 1, 1}, "4x1");
    run_scores(b, filter, (const int64_t[]){1, 1, 0}, "kernels");
    run_spread(b);
    run_rank(b);
}

int main(void)
{
    return op_bench_main(run_all);
}
