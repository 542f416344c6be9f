/* ref_matmul_integer.c -- MatMulInteger is MatMul of what lies above the zero points. */
#include <stdlib.h>
#include <string.h>

#include "ref/ref.h"

/* A copy without the zero point: one number, or one a row (of A) or column (of B). */
static double *above_zero(const kerf_node *n, int operand, const double *const *inputs)
{
    const kerf_shape s = n->inputs[operand]->shape;
    const int64_t num = kerf_shape_num_elements(s);
    const kerf_value *zero = operand + 2 < n->num_inputs ? n->inputs[operand + 2] : NULL;
    const int64_t steps = zero != NULL ? kerf_shape_num_elements(zero->shape) : 0;
    const int64_t columns = s.dims[s.rank - 1], rows = s.rank > 1 ? s.dims[s.rank - 2] : 1;
    double *out = malloc(((size_t)num + 1) * sizeof *out);
    for (int64_t i = 0; i < num; i++) {
        const int64_t at = operand == 0 ? i / columns % rows : i % columns;
        out[i] = inputs[operand][i] - (steps > 0 ? inputs[operand + 2][steps > 1 ? at : 0] : 0);
    }
    return out;
}

REF(matmul_integer)
{
    double *a = above_zero(n, 0, inputs), *b = above_zero(n, 1, inputs);
    kerf_node matmul = *n;
    matmul.num_inputs = 2;
    ref_gemm(&matmul, (const double *[]){a, b}, outputs);
    free(a);
    free(b);
}
