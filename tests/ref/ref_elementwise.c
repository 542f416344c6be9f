/* ref_elementwise.c -- the formulas, and broadcasting by asking for every element where it
 * comes from. */
#include "ref/ref.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double above(double a, double b)
{
    return a > b ? 1 : a == b ? 0.5 : 0;
}

static double sign(double a)
{
    return (a > 0) - (a < 0);
}

static double number(const kerf_node *n, const char *key, float otherwise)
{
    return (double)kerf_node_float(n, key, otherwise);
}

static double constant_number(kerf_tensor *t)
{
    const void *data = kerf_tensor_data(t);
    switch (kerf_tensor_type(t)) {
    case KERF_F32:
        return (double)*(const float *)data;
    case KERF_S8:
        return *(const int8_t *)data;
    case KERF_U8:
        return *(const uint8_t *)data;
    case KERF_S16:
        return *(const int16_t *)data;
    case KERF_U16:
        return *(const uint16_t *)data;
    case KERF_S32:
        return *(const int32_t *)data;
    default:
        return (double)*(const int64_t *)data;
    }
}

/* Bounds are inputs or attributes. */
static double clip(const kerf_node *n, double a)
{
    double bounds[2] = {number(n, "min", -INFINITY), number(n, "max", INFINITY)};
    for (int i = 1; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL)
            bounds[i - 1] = constant_number(n->inputs[i]->constant);
    a = a < bounds[0] ? bounds[0] : a;
    return a > bounds[1] ? bounds[1] : a;
}

static double gelu(const kerf_node *n, double a)
{
    if (strcmp(kerf_node_string(n, "approximate", "none"), "tanh") == 0)
        return a / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (a + 0.044715 * a * a * a)));
    return a / 2 * (1 + erf(a / sqrt(2)));
}

static double shrink(double a, double lambda, double bias)
{
    return a < -lambda ? a + bias : a > lambda ? a - bias : 0;
}

/* ---- whole numbers: what is divided by 0 is 0, and all of it is left over ------------------ */

static double quotient(const kerf_node *n, double a, double b)
{
    const int whole = n->outputs[0]->type != KERF_F32;
    return whole && b == 0 ? 0 : whole ? trunc(a / b) : a / b;
}

static double modulo(const kerf_node *n, double a, double b)
{
    const double rest = b == 0 ? a : fmod(a, b);
    const int turns = kerf_node_int(n, "fmod", 0) == 0 && rest != 0 && (rest < 0) != (b < 0);
    return n->outputs[0]->type == KERF_F32 ? fmod(a, b) : turns && b != 0 ? rest + b : rest;
}

static double power(const kerf_node *n, double a, double b)
{
    return n->outputs[0]->type != KERF_F32 && b < 0 ? 0 : pow(a, b);
}

static double shift(const kerf_node *n, double a, double b)
{
    return strcmp(kerf_node_string(n, "direction", ""), "RIGHT") == 0 ? floor(ldexp(a, -(int)b))
                                                                      : ldexp(a, (int)b);
}

static int is_infinite(const kerf_node *n, double a)
{
    return isinf(a) && kerf_node_int(n, a > 0 ? "detect_positive" : "detect_negative", 1) != 0;
}

/* The lower bits of what a type cannot hold. */
static double as_type(kerf_type type, double a)
{
    const int64_t i = type == KERF_F32 || type == KERF_F16 ? 0 : (int64_t)a;
    switch (type) {
    case KERF_F32:
        return (double)(float)a;
    case KERF_BOOL:
        return a != 0;
    case KERF_U8:
        return (uint8_t)i;
    case KERF_S8:
        return (int8_t)(uint8_t)i;
    case KERF_U16:
        return (uint16_t)i;
    case KERF_S16:
        return (int16_t)(uint16_t)i;
    case KERF_S32:
        return (int32_t)(uint32_t)i;
    case KERF_S64:
        return (double)i;
    default:
        return a;
    }
}

/* ---- the formulas ---------------------------------------------------------------------------- */

static double alpha(const kerf_node *n)
{
    return number(n, "alpha", 1);
}

/* Of inputs a and b of node n. */
/* clang-format off */
#define ONNX_FORMULAS(X) \
    X(Abs, fabs(a)) \
    X(Acos, acos(a)) \
    X(Acosh, acosh(a)) \
    X(Add, a + b) \
    X(And, a != 0 && b != 0) \
    X(Asin, asin(a)) \
    X(Asinh, asinh(a)) \
    X(Atan, atan(a)) \
    X(Atanh, atanh(a)) \
    X(BitShift, shift(n, a, b)) \
    X(BitwiseAnd, (double)((int64_t)a & (int64_t)b)) \
    X(BitwiseNot, (double)~(int64_t)a) \
    X(BitwiseOr, (double)((int64_t)a | (int64_t)b)) \
    X(BitwiseXor, (double)((int64_t)a ^ (int64_t)b)) \
    X(Cast, a) \
    X(Ceil, ceil(a)) \
    X(Celu, fmax(a, 0) + fmin(0, alpha(n) * (exp(a / alpha(n)) - 1))) \
    X(Clip, clip(n, a)) \
    X(Cos, cos(a)) \
    X(Cosh, cosh(a)) \
    X(Div, quotient(n, a, b)) \
    X(Elu, a > 0 ? a : alpha(n) * (exp(a) - 1)) \
    X(Equal, a == b) \
    X(Erf, erf(a)) \
    X(Exp, exp(a)) \
    X(Expand, a) \
    X(Floor, floor(a)) \
    X(Gelu, gelu(n, a)) \
    X(Greater, a > b) \
    X(GreaterOrEqual, a >= b) \
    X(HardSigmoid, fmax(0, fmin(1, number(n, "alpha", 0.2f) * a + number(n, "beta", 0.5f)))) \
    X(HardSwish, a * fmax(0, fmin(1, a / 6 + 0.5))) \
    X(IsInf, is_infinite(n, a)) \
    X(IsNaN, isnan(a)) \
    X(LeakyRelu, a < 0 ? a * (double)kerf_node_float(n, "alpha", 0.01f) : a) \
    X(Less, a < b) \
    X(LessOrEqual, a <= b) \
    X(Log, log(a)) \
    X(Max, a > b || isnan(a) ? a : b) \
    X(Min, a < b || isnan(a) ? a : b) \
    X(Mish, a * tanh(log(1 + exp(a)))) \
    X(Mod, modulo(n, a, b)) \
    X(Mul, a * b) \
    X(Neg, -a) \
    X(Not, a == 0) \
    X(Or, a != 0 || b != 0) \
    X(PRelu, a < 0 ? a * b : a) \
    X(Pow, power(n, a, b)) \
    X(Reciprocal, 1 / a) \
    X(Relu, a < 0 ? 0 : a) \
    X(Round, nearbyint(a)) \
    X(Selu, number(n, "gamma", 1.05070102f) * (a > 0 ? a : number(n, "alpha", 1.67326319f) * (exp(a) - 1))) \
    X(Shrink, shrink(a, number(n, "lambd", 0.5f), number(n, "bias", 0))) \
    X(Sigmoid, 1 / (1 + exp(-a))) \
    X(Sign, sign(a)) \
    X(Sin, sin(a)) \
    X(Sinh, sinh(a)) \
    X(Softplus, log(1 + exp(a))) \
    X(Softsign, a / (1 + fabs(a))) \
    X(Sqrt, sqrt(a)) \
    X(Sub, a - b) \
    X(Tan, tan(a)) \
    X(Tanh, tanh(a)) \
    X(ThresholdedRelu, a > alpha(n) ? a : 0) \
    X(Xor, (a != 0) != (b != 0))

#define KERF_FORMULAS(X) \
    X(Above, above(a, b)) \
    X(AbsGrad, b * sign(a)) \
    X(DivOrZero, b == 0 ? 0 : a / b) \
    X(Equal, a == b) \
    X(LeakyReluGrad, a > 0 ? b : b * (double)kerf_node_float(n, "alpha", 0.01f)) \
    X(LogGrad, b / a) \
    X(LogOrZero, a == 0 ? 0 : log(a)) \
    X(Negative, fmin(a, 0)) \
    X(PReluSlope, a > 0 ? 1 : b) \
    X(PowGrad, b == 0 ? 0 : b * pow(a, b - 1)) \
    X(ReciprocalGrad, -b * a * a) \
    X(ReluGrad, a > 0 ? b : 0) \
    X(Scale, a * (double)kerf_node_float(n, "scale", 1)) \
    X(SigmoidGrad, b * a * (1 - a)) \
    X(SqrtGrad, 0.5 * b / a) \
    X(TanhGrad, b * (1 - a * a))
/* clang-format on */

#define FUNCTION(name, value)                                                                      \
    static double name(const kerf_node *n, double a, double b)                                     \
    {                                                                                              \
        (void)n, (void)a, (void)b;                                                                 \
        return value;                                                                              \
    }
#define ONNX_FUNCTION(name, value) FUNCTION(onnx_##name, value)
#define KERF_FUNCTION(name, value) FUNCTION(kerf_##name, value)
ONNX_FORMULAS(ONNX_FUNCTION)
KERF_FORMULAS(KERF_FUNCTION)

#define ONNX_ROW(name, value) {#name, onnx_##name},
#define KERF_ROW(name, value) {"kerf." #name, kerf_##name},
static const struct {
    const char *op;
    double (*of)(const kerf_node *n, double a, double b);
} TABLE[] = {ONNX_FORMULAS(ONNX_ROW) KERF_FORMULAS(KERF_ROW)};

static double formula(const kerf_node *n, double a, double b);

/* Of "kerf.XGrad": how steep X is at a, by its own definition. */
static double slope(const kerf_node *n, double a)
{
    char op[32];
    kerf_node forward = *n;
    const double step = 1e-5;
    snprintf(op, sizeof op, "%.*s", (int)strlen(n->op) - 9, n->op + 5);
    forward.op = op;
    forward.num_inputs = 1;
    return (formula(&forward, a + step, 0) - formula(&forward, a - step, 0)) / (2 * step);
}

static double formula(const kerf_node *n, double a, double b)
{
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++)
        if (strcmp(n->op, TABLE[i].op) == 0)
            return TABLE[i].of(n, a, b);
    return slope(n, a) * b;
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
    const int unary =
        n->num_inputs < 2 || strcmp(n->op, "Expand") == 0 || strcmp(n->op, "Clip") == 0;
    const int chooses = strcmp(n->op, "Where") == 0;
    for (int64_t i = 0; i < kerf_shape_num_elements(dst->shape); i++) {
        double a = inputs[0][source(n->inputs[0], dst, i)];
        double b = unary ? 0 : inputs[1][source(n->inputs[1], dst, i)];
        if (chooses)
            outputs[0][i] = a != 0 ? b : inputs[2][source(n->inputs[2], dst, i)];
        else
            outputs[0][i] =
                dst->type == KERF_F32 ? formula(n, a, b) : as_type(dst->type, formula(n, a, b));
    }
}
