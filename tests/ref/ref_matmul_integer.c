/* ref_matmul_integer.c -- MatMulInteger and QLinearMatMul are MatMul of what lies above the zero
 * points.  Sums that a bias leads out of int32 wrap.  A second output has what was rounded. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ref/ref.h"
#include "ref/ref_quant.h"

static int is_integer(const kerf_node *n)
{
    return strcmp(n->op, "MatMulInteger") == 0;
}

static const kerf_value *input_of(const kerf_node *n, int i)
{
    return i < n->num_inputs ? n->inputs[i] : NULL;
}

/* Number `at` of input i, which may have one for all. */
static double number(const kerf_node *n, int i, int64_t at, const double *const *inputs)
{
    return inputs[i][kerf_shape_num_elements(n->inputs[i]->shape) > 1 ? at : 0];
}

/* A copy of input i without the zero point, input `zero`: one number, or one a row (of A) or
 * column (of B). */
static double *above_zero(const kerf_node *n, int i, int zero, const double *const *inputs)
{
    const int transposed = i > 0 && kerf_node_int(n, "transB", 0) != 0;
    const kerf_shape s = n->inputs[i]->shape;
    const int64_t num = kerf_shape_num_elements(s);
    const int64_t columns = s.dims[s.rank - 1], rows = s.rank > 1 ? s.dims[s.rank - 2] : 1;
    double *out = malloc(((size_t)num + 1) * sizeof *out);
    for (int64_t k = 0; k < num; k++) {
        const int64_t at = i == 0 || transposed ? k / columns % rows : k % columns;
        out[k] = inputs[i][k] - (input_of(n, zero) != NULL ? number(n, zero, at, inputs) : 0);
    }
    return out;
}

static double wrapped(double sum)
{
    return sum - 0x1p32 * floor((sum + 0x1p31) * 0x1p-32);
}

static void requantize(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    enum { A_SCALE = 1, B_SCALE = 4, Y_SCALE = 6, Y_ZERO = 7, BIAS = 8 };
    const kerf_shape a = n->inputs[0]->shape, s = n->outputs[0]->shape, b = n->inputs[3]->shape;
    const int64_t columns = b.rank > 1 ? s.dims[s.rank - 1] : 1;
    const int64_t rows = a.rank > 1 ? a.dims[a.rank - 2] : 1;
    kerf_quant q = ref_quant_range(n->outputs[0]->type, inputs[Y_SCALE][0], inputs[Y_ZERO][0]);
    double *out = outputs[0];
    q.qmin = (int)kerf_node_int(n, "low", q.qmin);
    q.qmax = (int)kerf_node_int(n, "high", q.qmax);
    for (int64_t i = 0; i < kerf_shape_num_elements(s); i++) {
        const double a_scale = number(n, A_SCALE, i / columns % rows, inputs);
        const double b_scale = number(n, B_SCALE, i % columns, inputs);
        const double bias = input_of(n, BIAS) != NULL ? inputs[BIAS][i % columns] : 0;
        const double multiplier = ref_quant_multiplier(a_scale, b_scale, inputs[Y_SCALE][0]);
        const double sum = wrapped(out[i] + bias);
        out[i] = ref_quant_of_sum(sum, multiplier, q);
        if (n->num_outputs > 1)
            outputs[1][i] = ref_quant_unrounded(sum, multiplier, inputs[Y_SCALE][0]);
    }
}

REF(matmul_integer)
{
    const int b = is_integer(n) ? 1 : 3, b_zero = is_integer(n) ? 3 : 5;
    double *above_a = above_zero(n, 0, 2, inputs), *above_b = above_zero(n, b, b_zero, inputs);
    kerf_node matmul = *n;
    kerf_value *operands[] = {n->inputs[0], n->inputs[b]};
    matmul.inputs = operands;
    matmul.num_inputs = 2;
    ref_gemm(&matmul, (const double *[]){above_a, above_b}, outputs);
    if (!is_integer(n))
        requantize(n, inputs, outputs);
    free(above_a);
    free(above_b);
}
