/* ref_elementwise.c -- the formulas, and broadcasting by asking for every element where it
 * comes from. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

static double above(double a, double b)
{
    return a > b ? 1 : a == b ? 0.5 : 0;
}

static double sign(double a)
{
    return (a > 0) - (a < 0);
}

static double formula(const kerf_node *n, double a, double b)
{
    const char *op = n->op;
#define IS(name, value)                                                                            \
    if (strcmp(op, name) == 0)                                                                     \
        return value;
    IS("Abs", fabs(a))
    IS("Add", a + b)
    IS("Div", a / b)
    IS("Exp", exp(a))
    IS("Expand", a)
    IS("LeakyRelu", a < 0 ? a * (double)kerf_node_float(n, "alpha", 0.01f) : a)
    IS("Log", log(a))
    IS("Max", a > b || isnan(a) ? a : b)
    IS("Min", a < b || isnan(a) ? a : b)
    IS("Mul", a * b)
    IS("Neg", -a)
    IS("Pow", pow(a, b))
    IS("Reciprocal", 1 / a)
    IS("Relu", a < 0 ? 0 : a)
    IS("Sigmoid", 1 / (1 + exp(-a)))
    IS("Sign", sign(a))
    IS("Sqrt", sqrt(a))
    IS("Sub", a - b)
    IS("Tanh", tanh(a))
    IS("kerf.Above", above(a, b))
    IS("kerf.AbsGrad", b * sign(a))
    IS("kerf.DivOrZero", b == 0 ? 0 : a / b)
    IS("kerf.Equal", a == b)
    IS("kerf.LeakyReluGrad", a > 0 ? b : b * (double)kerf_node_float(n, "alpha", 0.01f))
    IS("kerf.LogGrad", b / a)
    IS("kerf.PowGrad", b * pow(a, b - 1))
    IS("kerf.ReciprocalGrad", -b * a * a)
    IS("kerf.ReluGrad", a > 0 ? b : 0)
    IS("kerf.Scale", a * (double)kerf_node_float(n, "scale", 1))
    IS("kerf.SigmoidGrad", b * a * (1 - a))
    IS("kerf.SqrtGrad", 0.5 * b / a)
    IS("kerf.TanhGrad", b * (1 - a * a))
#undef IS
    return NAN;
}

static int64_t source(const kerf_value *src, const kerf_value *dst, int64_t i)
{
    int64_t at = 0, stride = 1;
    for (int k = dst->shape.rank - 1; k >= 0; k--) {
        int j = k - (dst->shape.rank - src->shape.rank);
        int64_t here = i % dst->shape.dims[k];
        i /= dst->shape.dims[k];
        if (j < 0)
            continue;
        if (src->shape.dims[j] != 1)
            at += here * stride;
        stride *= src->shape.dims[j];
    }
    return at;
}

REF(elementwise)
{
    const kerf_value *dst = n->outputs[0];
    const int unary = n->num_inputs < 2 || strcmp(n->op, "Expand") == 0;
    for (int64_t i = 0; i < kerf_shape_num_elements(dst->shape); i++) {
        double a = inputs[0][source(n->inputs[0], dst, i)];
        double b = unary ? 0 : inputs[1][source(n->inputs[1], dst, i)];
        outputs[0][i] = formula(n, a, b);
    }
}
