/* compress/quantize/quantize_train.c -- the network as it is trained with its roundings
 * (quantization-aware training, Jacob et al. 2018, section 3).
 *
 *     weights --> QuantizeLinear --> DequantizeLinear --> Conv
 *        |              ^                   ^
 *        +--> Abs --> ReduceMax --> Div --> Max, a scale a channel
 *
 * Weights stay floats in the state, and their scales follow them in each step; a gradient passes
 * the rounding as if it were not there (lib/ops/quantize.c).  Activations have the ranges that
 * calibration found.  What kerf_quantize() makes of the weights afterwards has the same scales, but
 * for the last bit, and biases of int32. */
#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"
#include "tensor/tensor_internal.h"

static kerf_status add_number(kerf_graph *g, const char *base, const char *suffix, double x,
                              kerf_value **out)
{
    kerf_tensor *t;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_F32, KERF_SCALAR));
    *(float *)t->data = (float)x;
    return kerf__add_constant(g, base, suffix, t, out);
}

static kerf_status add_zeros(kerf_graph *g, const char *base, kerf_type type, kerf_shape shape,
                             kerf_value **out)
{
    kerf_tensor *t; /* zeroed */
    KERF__TRY(kerf_tensor_create(&t, NULL, type, shape));
    return kerf__add_constant(g, base, "zero", t, out);
}

/* The largest |weight| of all, or of each channel. */
static kerf_status add_most(kerf_graph *g, const kerf__quantize_layer *l, kerf_shape shape,
                            kerf_value **out)
{
    const char *base = l->weight->name;
    int64_t axes[KERF_MAX_RANK];
    size_t num = 0;
    kerf_node *n;
    KERF__TRY(kerf__add_node(g, "Abs", base, "abs", &l->node->inputs[1], 1, KERF_F32,
                             l->weight->shape, &n));
    KERF__TRY(kerf__add_node(g, "ReduceMax", base, "most", n->outputs, 1, KERF_F32, shape, &n));
    for (int i = 0; i < l->weight->shape.rank; i++)
        if (shape.rank == 0 || i != l->axis)
            axes[num++] = i;
    KERF__TRY(kerf_node_set_ints(n, "axes", axes, num));
    *out = n->outputs[0];
    return kerf_node_set_int(n, "keepdims", 0);
}

/* As kerf__quant_of_range() has it. */
static kerf_status add_scale(kerf_graph *g, const kerf__quantize_layer *l, kerf_type type,
                             kerf_shape shape, kerf_value **out)
{
    const char *base = l->weight->name;
    kerf_value *inputs[2];
    kerf_node *n;
    KERF__TRY(add_most(g, l, shape, &inputs[0]));
    KERF__TRY(add_number(g, base, "steps", kerf__quant_most(type), &inputs[1]));
    KERF__TRY(kerf__add_node(g, "Div", base, "step", inputs, 2, KERF_F32, shape, &n));
    inputs[0] = n->outputs[0];
    KERF__TRY(add_number(g, base, "least", KERF__LEAST_SCALE, &inputs[1]));
    KERF__TRY(kerf__add_node(g, "Max", base, "scale", inputs, 2, KERF_F32, shape, &n));
    *out = n->outputs[0];
    return KERF_OK;
}

static kerf_status round_weights(kerf_graph *g, const kerf_quantize_options *o,
                                 const kerf__quantize_layer *l)
{
    const char *base = l->weight->name;
    const kerf_shape shape = o->per == KERF_PER_TENSOR ? KERF_SCALAR : KERF_SHAPE(l->channels);
    kerf_value *inputs[3] = {l->node->inputs[1]};
    kerf_node *q, *dq;
    KERF__TRY(add_scale(g, l, l->weights, shape, &inputs[1]));
    KERF__TRY(add_zeros(g, base, l->weights, shape, &inputs[2]));
    KERF__TRY(kerf__add_node(g, "QuantizeLinear", base, "q", inputs, 3, l->weights,
                             l->weight->shape, &q));
    inputs[0] = q->outputs[0];
    KERF__TRY(kerf__add_node(g, "DequantizeLinear", base, "dq", inputs, 3, KERF_F32,
                             l->weight->shape, &dq));
    KERF__TRY(kerf_node_set_int(q, "axis", l->axis));
    KERF__TRY(kerf_node_set_int(dq, "axis", l->axis));
    kerf__node_set_input(l->node, 1, dq->outputs[0]);
    return KERF_OK;
}

static kerf_status check(const kerf_quantize_options *o)
{
    KERF__TRY(kerf__quantize_check_options(o));
    int can = o->mode == KERF_QUANTIZE_STATIC && !o->asymmetric && o->per != KERF_PER_BLOCK;
    for (size_t i = 0; i < o->num_choices; i++)
        can &= o->choices[i].mode != KERF_QUANTIZE_DYNAMIC || o->choices[i].weights == KERF_F32;
    if (can)
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "quantize: to be trained, mode must be static, layers static or weight-only, "
                      "and weights symmetric without blocks");
}

static kerf_status rewrite(kerf_graph *g, const kerf_quantize_options *options)
{
    kerf__quantize_layers layers;
    KERF__TRY(kerf__quantize_find(&layers, g, options));
    kerf_status status = kerf__quantize_activations(g, options, &layers);
    for (size_t i = 0; status == KERF_OK && i < layers.num; i++)
        if (layers.at[i].weights != KERF_F16) /* less than what a step changes is lost there */
            status = round_weights(g, options, &layers.at[i]);
    kerf__quantize_layers_free(&layers);
    return status == KERF_OK ? kerf__graph_sort(g) : status;
}

kerf_status kerf_quantize_rounding(kerf_graph **out, const kerf_graph *g,
                                   const kerf_quantize_options *options)
{
    *out = NULL;
    KERF__TRY(check(options));
    KERF__TRY(kerf_graph_copy(out, g));
    kerf_status status = rewrite(*out, options);
    if (status != KERF_OK) {
        kerf_graph_destroy(*out);
        *out = NULL;
    }
    return status;
}
