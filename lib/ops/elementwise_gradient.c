/* ops/elementwise_gradient.c -- gradients of operations that differ by a formula: nodes of the same
 * family, summed where an input was broadcast.  Other half: elementwise.c. */
#include <string.h>

#include "base/fail.h"
#include "ops/elementwise_common.h"

/* Makes node `op` of two inputs and hands its output back. */
static kerf_status make(kerf__gradients *grads, const char *op, const kerf_node *n, kerf_value *a,
                        kerf_value *b, kerf_value **out)
{
    kerf_node *node;
    KERF__TRY(kerf__gradient_node(grads, op, n, "grad", (kerf_value *[]){a, b}, b != NULL ? 2 : 1,
                                  &node));
    *out = node->outputs[0];
    return KERF_OK;
}

static kerf_status gradient_add(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    for (int i = 0; i < 2 && diff != NULL; i++)
        if (kerf__gradient_wanted(grads, n->inputs[i]))
            KERF__TRY(kerf__gradient_add_broadcast(grads, n->inputs[i], diff));
    return KERF_OK;
}

static kerf_status gradient_sub(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *negative;
    if (diff == NULL)
        return KERF_OK;
    if (kerf__gradient_wanted(grads, n->inputs[0]))
        KERF__TRY(kerf__gradient_add_broadcast(grads, n->inputs[0], diff));
    if (!kerf__gradient_wanted(grads, n->inputs[1]))
        return KERF_OK;
    KERF__TRY(make(grads, "Neg", n, diff, NULL, &negative));
    return kerf__gradient_add_broadcast(grads, n->inputs[1], negative);
}

static kerf_status gradient_mul(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *product;
    for (int i = 0; i < 2 && diff != NULL; i++) {
        if (!kerf__gradient_wanted(grads, n->inputs[i]))
            continue;
        KERF__TRY(make(grads, "Mul", n, diff, n->inputs[1 - i], &product));
        KERF__TRY(kerf__gradient_add_broadcast(grads, n->inputs[i], product));
    }
    return KERF_OK;
}

/* d(a/b): diff / b, and -(diff / b) dst. */
static kerf_status gradient_div(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *share, *product;
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(make(grads, "Div", n, diff, n->inputs[1], &share));
    if (kerf__gradient_wanted(grads, n->inputs[0]))
        KERF__TRY(kerf__gradient_add_broadcast(grads, n->inputs[0], share));
    if (!kerf__gradient_wanted(grads, n->inputs[1]))
        return KERF_OK;
    KERF__TRY(make(grads, "Mul", n, share, n->outputs[0], &product));
    KERF__TRY(make(grads, "Neg", n, product, NULL, &product));
    return kerf__gradient_add_broadcast(grads, n->inputs[1], product);
}

/* d(a^b): diff b a^(b-1), and diff dst log(a), which is 0 where a is and NaN below. */
static kerf_status gradient_pow(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *slope;
    if (diff == NULL)
        return KERF_OK;
    if (kerf__gradient_wanted(grads, n->inputs[0])) {
        KERF__TRY(make(grads, "kerf.PowGrad", n, n->inputs[0], n->inputs[1], &slope));
        KERF__TRY(make(grads, "Mul", n, slope, diff, &slope));
        KERF__TRY(kerf__gradient_add_broadcast(grads, n->inputs[0], slope));
    }
    if (!kerf__gradient_wanted(grads, n->inputs[1]))
        return KERF_OK;
    KERF__TRY(make(grads, "kerf.LogOrZero", n, n->inputs[0], NULL, &slope));
    KERF__TRY(make(grads, "Mul", n, slope, n->outputs[0], &slope));
    KERF__TRY(make(grads, "Mul", n, slope, diff, &slope));
    return kerf__gradient_add_broadcast(grads, n->inputs[1], slope);
}

/* Max and Min: all to the one that was taken, half to each at a tie. */
static kerf_status gradient_pick(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *share;
    const int greater = strcmp(n->op, "Max") == 0;
    for (int i = 0; i < 2 && diff != NULL; i++) {
        if (!kerf__gradient_wanted(grads, n->inputs[i]))
            continue;
        KERF__TRY(make(grads, "kerf.Above", n, n->inputs[greater ? i : 1 - i],
                       n->inputs[greater ? 1 - i : i], &share));
        KERF__TRY(make(grads, "Mul", n, share, diff, &share));
        KERF__TRY(kerf__gradient_add_broadcast(grads, n->inputs[i], share));
    }
    return KERF_OK;
}

/* Up to zero the slope counts, and it gets what lies there. */
static kerf_status gradient_prelu(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *share;
    if (diff == NULL)
        return KERF_OK;
    if (kerf__gradient_wanted(grads, n->inputs[0])) {
        KERF__TRY(make(grads, "kerf.PReluSlope", n, n->inputs[0], n->inputs[1], &share));
        KERF__TRY(make(grads, "Mul", n, share, diff, &share));
        KERF__TRY(kerf__gradient_add_broadcast(grads, n->inputs[0], share));
    }
    if (!kerf__gradient_wanted(grads, n->inputs[1]))
        return KERF_OK;
    KERF__TRY(make(grads, "kerf.Negative", n, n->inputs[0], NULL, &share));
    KERF__TRY(make(grads, "Mul", n, share, diff, &share));
    return kerf__gradient_add_broadcast(grads, n->inputs[1], share);
}

static kerf_status zero_constant(kerf_graph *g, kerf_value **out)
{
    kerf_tensor *t; /* is made of zeros */
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_F32, KERF_SCALAR));
    return kerf_graph_add_constant(g, NULL, t, out);
}

/* What arrives goes to the one that was taken, and 0 to the other: a product would make a NaN of
 * an infinity there. */
static kerf_status gradient_where(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *zero;
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(zero_constant(grads->graph, &zero));
    for (int i = 1; i < 3; i++) {
        kerf_value *inputs[3] = {n->inputs[0], i == 1 ? diff : zero, i == 1 ? zero : diff};
        kerf_node *node;
        if (!kerf__gradient_wanted(grads, n->inputs[i]))
            continue;
        KERF__TRY(kerf__gradient_node(grads, "Where", n, "grad", inputs, 3, &node));
        KERF__TRY(kerf__gradient_add_broadcast(grads, n->inputs[i], node->outputs[0]));
    }
    return KERF_OK;
}

static kerf_status gradient_expand(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    if (diff == NULL || !kerf__gradient_wanted(grads, n->inputs[0]))
        return KERF_OK;
    return kerf__gradient_add_broadcast(grads, n->inputs[0], diff);
}

/* Unary operations: one node of the forward input or output and what arrives. */
static const struct {
    const char *op, *gradient;
    enum { TAKES_INPUT, TAKES_OUTPUT, TAKES_DIFF_ONLY } takes;
} UNARY_GRADIENTS[] = {
    {"Abs", "kerf.AbsGrad", TAKES_INPUT},
    {"Acos", "kerf.AcosGrad", TAKES_INPUT},
    {"Acosh", "kerf.AcoshGrad", TAKES_INPUT},
    {"Asin", "kerf.AsinGrad", TAKES_INPUT},
    {"Asinh", "kerf.AsinhGrad", TAKES_INPUT},
    {"Atan", "kerf.AtanGrad", TAKES_INPUT},
    {"Atanh", "kerf.AtanhGrad", TAKES_INPUT},
    {"Celu", "kerf.CeluGrad", TAKES_INPUT},
    {"Clip", "kerf.ClipGrad", TAKES_INPUT},
    {"Cos", "kerf.CosGrad", TAKES_INPUT},
    {"Cosh", "kerf.CoshGrad", TAKES_INPUT},
    {"Elu", "kerf.EluGrad", TAKES_INPUT},
    {"Erf", "kerf.ErfGrad", TAKES_INPUT},
    {"Exp", "Mul", TAKES_OUTPUT},
    {"Gelu", "kerf.GeluGrad", TAKES_INPUT},
    {"HardSigmoid", "kerf.HardSigmoidGrad", TAKES_INPUT},
    {"HardSwish", "kerf.HardSwishGrad", TAKES_INPUT},
    {"LeakyRelu", "kerf.LeakyReluGrad", TAKES_INPUT},
    {"Log", "kerf.LogGrad", TAKES_INPUT},
    {"Mish", "kerf.MishGrad", TAKES_INPUT},
    {"Neg", "Neg", TAKES_DIFF_ONLY},
    {"Reciprocal", "kerf.ReciprocalGrad", TAKES_OUTPUT},
    {"Relu", "kerf.ReluGrad", TAKES_OUTPUT},
    {"Selu", "kerf.SeluGrad", TAKES_INPUT},
    {"Shrink", "kerf.ShrinkGrad", TAKES_INPUT},
    {"Sigmoid", "kerf.SigmoidGrad", TAKES_OUTPUT},
    {"Sin", "kerf.SinGrad", TAKES_INPUT},
    {"Sinh", "kerf.SinhGrad", TAKES_INPUT},
    {"Softplus", "kerf.SoftplusGrad", TAKES_INPUT},
    {"Softsign", "kerf.SoftsignGrad", TAKES_INPUT},
    {"Sqrt", "kerf.SqrtGrad", TAKES_OUTPUT},
    {"Tan", "kerf.TanGrad", TAKES_INPUT},
    {"Tanh", "kerf.TanhGrad", TAKES_OUTPUT},
    {"ThresholdedRelu", "kerf.ThresholdedReluGrad", TAKES_INPUT},
    {"kerf.Scale", "kerf.Scale", TAKES_DIFF_ONLY},
};

/* The gradient of a Clip has as attributes what the Clip may have as inputs. */
static kerf_status copy_bounds(kerf_node *node, const kerf_node *n)
{
    static const char *const KEYS[] = {"min", "max"};
    for (int i = 1; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL)
            KERF__TRY(kerf_node_set_float(node, KEYS[i - 1],
                                          *(const float *)n->inputs[i]->constant->data));
    return KERF_OK;
}

static kerf_status gradient_unary(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    kerf_node *node;
    size_t i = 0;
    if (diff == NULL || !kerf__gradient_wanted(grads, n->inputs[0]))
        return KERF_OK;
    while (strcmp(UNARY_GRADIENTS[i].op, n->op) != 0)
        i++;
    int alone = UNARY_GRADIENTS[i].takes == TAKES_DIFF_ONLY;
    kerf_value *x = UNARY_GRADIENTS[i].takes == TAKES_INPUT ? n->inputs[0] : n->outputs[0];
    KERF__TRY(kerf__gradient_add_node(grads, UNARY_GRADIENTS[i].gradient, n, "grad",
                                      alone ? &diff : (kerf_value *[]){x, diff}, alone ? 1 : 2,
                                      &node));
    KERF__TRY(kerf__node_copy_attributes(node, n));
    KERF__TRY(copy_bounds(node, n));
    KERF__TRY(kerf__node_infer(node));
    return kerf__gradient_add(grads, n->inputs[0], node->outputs[0]);
}

static const struct {
    const char *op;
    kerf_status (*rule)(kerf__gradients *grads, kerf_node *n);
} RULES[] = {
    {"Add", gradient_add},     {"Div", gradient_div},  {"Expand", gradient_expand},
    {"Max", gradient_pick},    {"Min", gradient_pick}, {"Mul", gradient_mul},
    {"PRelu", gradient_prelu}, {"Pow", gradient_pow},  {"Sub", gradient_sub},
    {"Where", gradient_where},
};

kerf_status kerf__elementwise_gradient(kerf__gradients *grads, kerf_node *n)
{
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++)
        if (strcmp(RULES[i].op, n->op) == 0)
            return RULES[i].rule(grads, n);
    return gradient_unary(grads, n);
}
