/* bench_sparse_conv_grad.c -- gradients of 5 % of the weights beside the multiply-add limit: layers
 * of ResNet-18 for small images, of 32 samples, and of LeNet-5, of 64.  Counted is what is done. */
#include "op_bench.h"
#include "ops/sparse_conv_case.h"
#include "ref/ref.h"

enum { LANES = 16 };

typedef struct problem {
    int64_t n, c, src, k, dst, taps, stride, pad; /* pixels of square images */
} problem;

static void run(op_bench *b, const problem *p)
{
    sparse_case s = sparse_case_create(KERF_SHAPE(p->k, p->c, p->taps, p->taps), 50, NULL);
    op_bench_begin(b);
    op_bench_random(b, KERF_SHAPE(p->n / LANES, p->c, p->src, p->src, LANES));
    op_bench_random(b, KERF_SHAPE(p->n / LANES, p->k, p->dst, p->dst, LANES));
    op_check_input(&b->c, KERF_S32, KERF_SHAPE(s.num_rows + 1), s.starts);
    op_check_input(&b->c, KERF_S32, KERF_SHAPE(s.num), s.offsets);
    op_check_node(&b->c, "kerf.SparseConvGrad", 1);
    kerf_node *n = b->c.node;
    bench_ok(kerf_node_set_ints(n, "kernel_shape", (int64_t[]){p->taps, p->taps}, 2));
    bench_ok(kerf_node_set_ints(n, "strides", (int64_t[]){p->stride, p->stride}, 2));
    bench_ok(kerf_node_set_ints(n, "pads", (int64_t[]){p->pad, p->pad, p->pad, p->pad}, 4));
    op_bench_end(b, ref_sparse_conv_grad, check_tolerance(4, (size_t)(p->n * p->dst * p->dst)), "");
    sparse_case_destroy(&s);
}

static void run_all(op_bench *b)
{
    static const problem CASES[] = {
        {32, 64, 32, 64, 32, 3, 1, 1},  {32, 128, 16, 128, 16, 3, 1, 1},
        {32, 256, 8, 256, 8, 3, 1, 1},  {32, 512, 4, 512, 4, 3, 1, 1},
        {32, 64, 32, 128, 16, 3, 2, 1}, {32, 128, 16, 256, 8, 1, 2, 0},
        {64, 20, 12, 50, 8, 5, 1, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        run(b, &CASES[i]);
}

int main(void)
{
    return op_bench_main_beside(LIMITS_MULTIPLY_ADD, run_all);
}
