/* bench_sparse_matmul.c -- products with 5 % non-zeros and their gradient, beside the limit of
 * multiply-adds: layers of LeNet-300-100, and of a transformer. */
#include "op_bench.h"
#include "ops/sparse_case.h"
#include "ref/ref.h"

enum { PERCENT = 5 };

static void run(op_bench *b, int rows, int length, int batch, int is_gradient)
{
    int *starts = calloc((size_t)rows + 1, sizeof *starts);
    int *offsets = calloc((size_t)rows * (size_t)length, sizeof *offsets);
    const int num = sparse_case_fill(starts, offsets, rows, length, PERCENT);
    op_bench_begin(b);
    op_bench_random(b, is_gradient ? KERF_SHAPE(rows, batch) : KERF_SHAPE(length, batch));
    op_bench_random(b, is_gradient ? KERF_SHAPE(length, batch) : KERF_SHAPE(num));
    op_check_input(&b->c, KERF_S32, KERF_SHAPE((int64_t)rows + 1), starts);
    op_check_input(&b->c, KERF_S32, KERF_SHAPE(num), offsets);
    op_check_node(&b->c, is_gradient ? "kerf.SparseMatMulGrad" : "kerf.SparseMatMul", 1);
    op_bench_end(b, ref_sparse_matmul, check_tolerance(4, (size_t)(length + batch)), "");
    free(starts);
    free(offsets);
}

static void run_all(op_bench *b)
{
    static const int CASES[][3] = {
        {300, 784, 256}, {100, 300, 256}, {300, 784, 1}, {1024, 1024, 64}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        for (int is_gradient = 0; is_gradient < 2; is_gradient++)
            run(b, CASES[i][0], CASES[i][1], CASES[i][2], is_gradient);
}

int main(void)
{
    return op_bench_main_beside(LIMITS_MULTIPLY_ADD, run_all);
}
