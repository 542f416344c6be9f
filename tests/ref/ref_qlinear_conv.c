/* ref_qlinear_conv.c -- ConvInteger and QLinearConv are Conv of what lies above the zero points;
 * padding lies on x's.  Sums that a bias leads out of int32 wrap.  With a residual, what comes
 * out goes through QLinearAdd; a second output has what was rounded. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ref/ref.h"
#include "ref/ref_quant.h"

static int is_integer(const kerf_node *n)
{
    return strcmp(n->op, "ConvInteger") == 0;
}

/* A copy of input `i` without the zero point, input `zero`: one number, or one for each index of
 * the first dimension. */
static double *above_zero(const kerf_node *n, int i, int zero, const double *const *inputs)
{
    const kerf_shape s = n->inputs[i]->shape;
    const int64_t num = kerf_shape_num_elements(s);
    const kerf_value *points = zero < n->num_inputs ? n->inputs[zero] : NULL;
    const int64_t step = points != NULL && kerf_shape_num_elements(points->shape) > 1;
    double *out = malloc(((size_t)num + 1) * sizeof *out);
    for (int64_t k = 0; k < num; k++) {
        const int64_t channel = k / (num / s.dims[0]);
        out[k] = inputs[i][k] - (points != NULL ? inputs[zero][step * channel] : 0);
    }
    return out;
}

static double wrapped(double sum)
{
    return sum - 0x1p32 * floor((sum + 0x1p31) * 0x1p-32);
}

enum { X_SCALE = 1, W_SCALE = 4, Y_SCALE = 6, Y_ZERO = 7, BIAS, RESIDUAL, NUM_INPUTS = 14 };

static int has(const kerf_node *n, int i)
{
    return !is_integer(n) && i < n->num_inputs && n->inputs[i] != NULL;
}

static void requantize(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    double *out = outputs[0];
    const kerf_shape s = n->outputs[0]->shape;
    const int64_t num = kerf_shape_num_elements(s),
                  plane = s.dims[2] * (s.rank > 3 ? s.dims[3] : 1);
    const int64_t step = kerf_shape_num_elements(n->inputs[W_SCALE]->shape) > 1;
    kerf_quant q = ref_quant_range(n->inputs[Y_ZERO]->type, inputs[Y_SCALE][0], inputs[Y_ZERO][0]);
    if (!has(n, RESIDUAL)) {
        q.qmin = (int)kerf_node_int(n, "low", q.qmin);
        q.qmax = (int)kerf_node_int(n, "high", q.qmax);
    }
    for (int64_t i = 0; i < num; i++) {
        const double w_scale = inputs[W_SCALE][step * (i / plane % s.dims[1])];
        const double multiplier =
            ref_quant_multiplier(inputs[X_SCALE][0], w_scale, inputs[Y_SCALE][0]);
        const double sum = wrapped(out[i]);
        out[i] = ref_quant_of_sum(sum, multiplier, q);
        if (n->num_outputs > 1)
            outputs[1][i] = ref_quant_unrounded(sum, multiplier, inputs[Y_SCALE][0]);
    }
}

/* A node that says the sum alone: the convolution's result, of its type, and what follows. */
static void add_residual(const kerf_node *n, const double *const *inputs, double *out)
{
    kerf_value own = {.type = n->inputs[Y_ZERO]->type, .shape = n->outputs[0]->shape};
    kerf_value *operands[NUM_INPUTS] = {&own, n->inputs[Y_SCALE], n->inputs[Y_ZERO]};
    const double *numbers[NUM_INPUTS] = {out, inputs[Y_SCALE], inputs[Y_ZERO]};
    kerf_node add = *n;
    add.inputs = operands;
    add.num_inputs = 3;
    for (int i = RESIDUAL; i < n->num_inputs; i++, add.num_inputs++) {
        operands[add.num_inputs] = n->inputs[i];
        numbers[add.num_inputs] = inputs[i];
    }
    ref_qlinear_add(&add, numbers, &out);
}

REF(qlinear_conv)
{
    enum { X = 0, X_ZERO = 2 };
    const int w = is_integer(n) ? 1 : 3, w_zero = is_integer(n) ? 3 : 5;
    const int has_bias = has(n, BIAS);
    double *x_above = above_zero(n, X, X_ZERO, inputs), *w_above = above_zero(n, w, w_zero, inputs);
    kerf_value *operands[] = {n->inputs[X], n->inputs[w], has_bias ? n->inputs[BIAS] : NULL};
    char op[] = "Conv";
    kerf_node conv = *n;
    conv.op = op;
    conv.inputs = operands;
    conv.num_inputs = 3;
    ref_conv(&conv, (const double *[]){x_above, w_above, has_bias ? inputs[BIAS] : NULL}, outputs);
    if (!is_integer(n))
        requantize(n, inputs, outputs);
    if (has(n, RESIDUAL))
        add_residual(n, inputs, outputs[0]);
    free(x_above);
    free(w_above);
}
