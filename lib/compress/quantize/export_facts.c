/* compress/quantize/export_facts.c -- what holds of a node with integers around it.  What it looks
 * with is export_look.c. */
#include <math.h>
#include <string.h>

#include "compress/quantize/export_internal.h"
#include "tensor/tensor_internal.h"

/* ---- which inputs ------------------------------------------------------------------------- */

static int has_weights(const kerf_node *n)
{
    static const char *const ALWAYS[] = {"Conv", "ConvTranspose", "Gemm"};
    return KERF__IS_AMONG(n->op, ALWAYS) ||
           (kerf__node_is(n, "MatMul") && kerf__rounded_by(kerf_node_input(n, 1)) == NULL);
}

/* 1 if input i is an activation: the first, or any where all are alike. */
static int is_data(const kerf_node *n, int i)
{
    static const char *const ALL[] = {"Add", "Concat", "Div", "Max", "Min", "Mul", "Sub", "Sum"};
    return i == 0 || KERF__IS_AMONG(n->op, ALL) || (kerf__node_is(n, "MatMul") && !has_weights(n));
}

kerf__form kerf__export_form(const kerf_node *n)
{
    static const char *const CONVERTS[] = {"QuantizeLinear", "DequantizeLinear",
                                           "DynamicQuantizeLinear"};
    static const char *const INTEGERS[] = {"ConvInteger", "MatMulInteger", "QLinearConv",
                                           "QLinearMatMul"};
    if (KERF__IS_AMONG(n->op, CONVERTS) || n->num_outputs == 0)
        return KERF__FORM_NONE;
    if (KERF__IS_AMONG(n->op, INTEGERS) || strncmp(n->op, "com.microsoft.Q", 15) == 0)
        return KERF__FORM_INTEGERS;
    for (int i = 0; i < n->num_inputs; i++)
        if (is_data(n, i) && kerf__rounded_by(n->inputs[i]) != NULL)
            return kerf__node_is(n, "MatMul") && !has_weights(n) ? KERF__FORM_BOTH
                                                                 : KERF__FORM_PAIRS;
    return has_weights(n) && kerf__stored_by(kerf_node_input(n, 1)) != NULL ? KERF__FORM_STORED
                                                                            : KERF__FORM_NONE;
}

/* ---- facts -------------------------------------------------------------------------------- */

/* The value whose readers round what n gives, and the bound on the way. */
static const kerf_value *end_of(const kerf_node *n, const kerf_node **bound)
{
    *bound = kerf__bound_behind(n->outputs[0]);
    return *bound != NULL ? (*bound)->outputs[0] : n->outputs[0];
}

/* A bound's ends; 0: they are computed. */
static int bound_ends(const kerf_node *bound, double *low, double *high)
{
    double *const ends[] = {low, high};
    *low = kerf__node_is(bound, "Relu") ? 0 : -HUGE_VAL;
    *high = HUGE_VAL;
    for (int i = 1; i < bound->num_inputs && i < 3; i++) {
        const kerf_value *v = bound->inputs[i];
        if (v == NULL)
            continue;
        if (!kerf__is_number(v) || v->type != KERF_F32)
            return 0;
        *ends[i - 1] = (double)*(const float *)v->constant->data;
    }
    return 1;
}

/* 1 if what the bound cuts off would be rounded to the same end of the integers. */
static int cuts_nothing(kerf__scaling x, double low, double high)
{
    return rint(low / x.scale) + (double)x.zero <= (double)kerf__lowest(x.type) &&
           rint(high / x.scale) + (double)x.zero >= (double)kerf__highest(x.type);
}

/* The same for every rounding of v. */
static int is_end(const kerf_node *bound, const kerf_value *v)
{
    double low, high;
    kerf__scaling scaling;
    if (!kerf__is_rounded_after(v) || !bound_ends(bound, &low, &high))
        return 0;
    for (size_t i = 0; i < v->graph->num_nodes; i++) {
        const kerf_node *q = v->graph->nodes[i];
        if (kerf__node_is(q, "QuantizeLinear") && kerf_node_input(q, 0) == v &&
            (!kerf__scaling_of(&scaling, q) || !cuts_nothing(scaling, low, high)))
            return 0;
    }
    return 1;
}

/* What the scaling of a rounding beside the node allows. */
static unsigned facts_of_scaling(const kerf_node *n)
{
    kerf__scaling x;
    if (!kerf__scaling_of(&x, n))
        return 0;
    return (kerf_type_bits(x.type) == 8 ? KERF__FACT_BYTES : 0u) |
           (x.type == KERF_U8 ? KERF__FACT_UNSIGNED : 0u) |
           (x.type == KERF_S8 ? KERF__FACT_SIGNED : 0u) | (x.zero == 0 ? KERF__FACT_CENTRED : 0u);
}

static unsigned facts_in_front(const kerf_node *n)
{
    unsigned facts = KERF__FACT_ROUNDED | KERF__FACT_BYTES | KERF__FACT_UNSIGNED |
                     KERF__FACT_SIGNED | KERF__FACT_CENTRED | KERF__FACT_SAME;
    kerf__scaling in, out;
    const kerf_node *after = kerf__value_only_reader(n->outputs[0]);
    const int has_scaling = kerf__node_is(after, "QuantizeLinear") && kerf__scaling_of(&out, after);
    for (int i = 0; i < n->num_inputs; i++) {
        if (!is_data(n, i))
            continue;
        const kerf_node *dq = kerf__dequantized_by(n->inputs[i]);
        if (dq == NULL)
            return 0;
        facts &= facts_of_scaling(dq) | KERF__FACT_ROUNDED | KERF__FACT_SAME;
        if (!has_scaling || !kerf__scaling_of(&in, dq) || !kerf__scaling_equal(in, out))
            facts &= ~(unsigned)KERF__FACT_SAME;
    }
    return facts;
}

static unsigned facts_behind(const kerf_node *n)
{
    const kerf_node *bound;
    const kerf_value *v = end_of(n, &bound);
    unsigned facts = kerf__is_rounded_after(v) ? KERF__FACT_AFTER : 0;
    if (bound == NULL || is_end(bound, v))
        facts |= KERF__FACT_BOUND;
    if (kerf__bound_behind(kerf__with_bias(n)) == NULL)
        facts |= KERF__FACT_UNBOUND;
    return facts;
}

static int is_power_of_two(int64_t x)
{
    return x > 0 && (x & (x - 1)) == 0;
}

static int64_t axis_of(const kerf_node *dq)
{
    const int64_t axis = kerf_node_int(dq, "axis", 1);
    return axis < 0 ? axis + dq->inputs[0]->shape.rank : axis;
}

/* Along which the weights of n have the channels of its result. */
static int64_t channels_of(const kerf_node *n, const kerf_node *dq)
{
    if (kerf__node_is(n, "Conv"))
        return 0;
    if (kerf__node_is(n, "MatMul"))
        return dq->inputs[0]->shape.rank - 1;
    return kerf_node_int(n, "transB", 0) == 0;
}

/* One scale for all, or one a channel of the result. */
static int is_by_channels(const kerf_node *n, const kerf_node *dq)
{
    return kerf_node_int(dq, "block_size", 0) <= 0 &&
           (dq->inputs[1]->constant->num_elements == 1 || axis_of(dq) == channels_of(n, dq));
}

/* Or of a matrix, one a block of terms. */
static int is_by_blocks(const kerf_node *n, const kerf_node *dq, int64_t least)
{
    return dq->inputs[0]->shape.rank == 2 &&
           (is_by_channels(n, dq) ||
            (kerf_node_int(dq, "block_size", 0) >= least && axis_of(dq) == 1 - channels_of(n, dq)));
}

static int is_packed(const kerf_node *n, const kerf_node *dq)
{
    enum { LEAST = 16, MOST = 256 };
    const int64_t block = kerf_node_int(dq, "block_size", 0);
    return is_by_blocks(n, dq, LEAST) && kerf_node_int(n, "transB", 0) == 0 &&
           (block <= 0 || (is_power_of_two(block) && block <= MOST));
}

static int is_whole(const kerf_node *dq)
{
    const int64_t block = kerf_node_int(dq, "block_size", 0), axis = axis_of(dq);
    const kerf_shape shape = dq->inputs[0]->shape;
    return block <= 0 || axis < 0 || axis >= shape.rank || shape.dims[axis] % block == 0;
}

static int is_symmetric(const kerf_node *dq)
{
    const kerf_value *zero = kerf_node_input(dq, 2);
    for (size_t i = 0; zero != NULL && i < zero->constant->num_elements; i++)
        if (kerf__tensor_int(zero->constant, i) != 0)
            return 0;
    return 1;
}

/* Scale i of several, or the one for all. */
static double scale_at(const kerf_node *dq, size_t i)
{
    const kerf_tensor *t = dq->inputs[1]->constant;
    return (double)((const float *)t->data)[t->num_elements > 1 ? i : 0];
}

int kerf__has_scale_of_sums(const kerf_node *n, const kerf_node *bias, const kerf_node *weights)
{
    static const double NEAR = 1e-3;
    kerf__scaling x;
    const kerf_node *src = kerf__rounded_by(kerf_node_input(n, 0));
    const size_t num = bias->inputs[0]->constant->num_elements;
    const size_t nums[] = {bias->inputs[1]->constant->num_elements,
                           weights->inputs[1]->constant->num_elements};
    if (src == NULL || !kerf__scaling_of(&x, src))
        return 0;
    for (size_t i = 0; i < 2; i++)
        if (nums[i] != 1 && nums[i] != num)
            return 0;
    for (size_t i = 0; i < num; i++) {
        const double want = x.scale * scale_at(weights, i);
        if (!(fabs(scale_at(bias, i) - want) <= NEAR * want))
            return 0;
    }
    return 1;
}

static unsigned facts_of_bias(const kerf_node *n, const kerf_node *weights)
{
    const kerf_node *bias =
        kerf__node_is(n, "MatMul") ? NULL : kerf__stored_by(kerf_node_input(n, 2));
    if (bias == NULL)
        return KERF__FACT_FLOAT_BIAS | KERF__FACT_BIAS_SCALE;
    return weights == NULL || kerf__has_scale_of_sums(n, bias, weights) ? KERF__FACT_BIAS_SCALE : 0;
}

static int is_stored_float(const kerf_value *v)
{
    return v != NULL && v->type == KERF_F32 &&
           (v->kind == KERF__VALUE_STATE || v->kind == KERF__VALUE_CONSTANT);
}

static unsigned facts_of_stored(const kerf_node *n, const kerf_node *dq)
{
    enum { LEAST_BLOCK = 4 };
    const kerf_type type = dq->inputs[0]->type;
    const size_t bits = kerf_type_bits(type);
    return KERF__FACT_WEIGHTS | (bits >= 8 ? KERF__FACT_WEIGHTS_8 : 0u) |
           (bits >= 4 ? KERF__FACT_WEIGHTS_4 : 0u) |
           (type != KERF_U8 ? KERF__FACT_SIGNED_WEIGHTS : 0u) |
           (is_symmetric(dq) ? KERF__FACT_SYMMETRIC : 0u) |
           (is_by_channels(n, dq) ? KERF__FACT_CHANNELS : 0u) |
           (is_by_blocks(n, dq, LEAST_BLOCK) ? KERF__FACT_TERMS : 0u) |
           (is_packed(n, dq) ? KERF__FACT_PACKED : 0u) |
           (is_whole(dq) ? KERF__FACT_WHOLE_BLOCKS : 0u);
}

static unsigned facts_of_weights(const kerf_node *n)
{
    const kerf_node *dq = has_weights(n) ? kerf__stored_by(kerf_node_input(n, 1)) : NULL;
    const unsigned facts = facts_of_bias(n, dq);
    if (!has_weights(n))
        return facts | KERF__FACT_WEIGHTS | KERF__FACT_WEIGHTS_8;
    if (dq == NULL)
        return facts | (is_stored_float(kerf_node_input(n, 1)) ? KERF__FACT_FLOAT_WEIGHTS : 0u);
    return facts | facts_of_stored(n, dq);
}

static unsigned facts_of_factors(const kerf_node *n)
{
    const int has_bias = kerf_node_input(n, 2) != NULL;
    return (kerf_node_float(n, "alpha", 1) == 1 ? KERF__FACT_ALPHA : 0u) |
           (!has_bias || kerf_node_float(n, "beta", 1) == 1 ? KERF__FACT_BETA : 0u);
}

static int is_scaled(const kerf_node *n)
{
    const kerf_node *cast = kerf__value_only_reader(n->outputs[0]);
    return kerf__node_is(kerf_node_input(n, 0)->producer, "DynamicQuantizeLinear") &&
           kerf__node_is(cast, "Cast") &&
           kerf__node_is(kerf__value_only_reader(cast->outputs[0]), "Mul");
}

unsigned kerf__export_facts(const kerf_node *n)
{
    unsigned facts =
        facts_in_front(n) | facts_behind(n) | facts_of_weights(n) | facts_of_factors(n);
    if (n->num_inputs > 0 && kerf_node_input(n, 0) != NULL && is_scaled(n))
        facts |= KERF__FACT_SCALED;
    return facts;
}
