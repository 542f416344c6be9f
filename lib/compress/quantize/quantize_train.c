/* compress/quantize/quantize_train.c -- the network as it is trained with its roundings
 * (quantization-aware training, Jacob et al. 2018, section 3).
 *
 *     weights --> QuantizeLinear --> DequantizeLinear -----------+
 *        |              ^                   ^                    |
 *        |              |  a scale a channel |                   v
 *        +--> Abs --> ReduceMax --> kerf.QuantizeLayer          Conv
 *                                     ^           |              ^
 *     bias ---------------------------+           +--> DequantizeLinear
 *
 * Weights and biases stay floats in the state, and their scales follow them in each step, or are
 * learned: then a state has the ends of weights in the place of Abs and ReduceMax.  A
 * gradient passes the rounding as if it were not there (lib/ops/quantize.c).  Activations have the
 * ranges that calibration found, or begin with them and change (trained_ranges.c).
 * What kerf_quantize() makes of weights and biases afterwards has the same scales and integers, bit
 * for bit: so training and an evaluation of this graph run the very kernels of the file
 * (lib/plan/fuse_integer.c). */
#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"
#include "tensor/tensor_internal.h"

static kerf_status add_zeros(kerf_graph *g, const char *base, kerf_type type, kerf_shape shape,
                             kerf_value **out)
{
    kerf_tensor *t; /* zeroed */
    KERF__TRY(kerf_tensor_create(&t, NULL, type, shape));
    return kerf__add_constant(g, base, "zero", t, out);
}

/* The layers' weights are in the network's state. */
typedef struct rounding {
    kerf_graph *g;
    kerf_state *trained; /* or NULL */
    const kerf_quantize_options *options;
} rounding;

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

/* 1 if the layer's sums are of integers, so that its bias is one, too. */
static int rounds_bias(const kerf__quantize_layer *l)
{
    return l->mode == KERF_QUANTIZE_STATIC && l->bias != NULL;
}

/* A result of n behind its first. */
static kerf_status add_result(kerf_node *n, kerf_type type, kerf_shape shape)
{
    kerf_value *v;
    KERF__TRY(kerf__graph_add_output_value(n->graph, n, NULL, &v));
    v->type = type;
    v->shape = shape;
    return KERF_OK;
}

static kerf_status add_end(const rounding *r, const kerf__quantize_layer *l, kerf_shape shape,
                           kerf_value **out)
{
    return r->options->learn_ranges ? kerf__trained_weights(r->g, r->trained, l, shape, out)
                                    : add_most(r->g, l, shape, out);
}

/* The layer's scale and, where its input is rounded by now, its bias. */
static kerf_status add_numbers(const rounding *r, const kerf__quantize_layer *l, kerf_shape shape,
                               kerf_node **out)
{
    kerf_value *inputs[3];
    const int has_bias = rounds_bias(l);
    KERF__TRY(add_end(r, l, shape, &inputs[0]));
    if (has_bias) {
        inputs[1] = l->node->inputs[0]->producer->inputs[1];
        inputs[2] = l->node->inputs[2];
    }
    KERF__TRY(kerf__add_node(r->g, "kerf.QuantizeLayer", l->weight->name, "scale", inputs,
                             has_bias ? 3 : 1, KERF_F32, shape, out));
    if (has_bias) {
        KERF__TRY(add_result(*out, KERF_S32, KERF_SHAPE(l->channels)));
        KERF__TRY(add_result(*out, KERF_F32, shape));
    }
    return kerf_node_set_int(*out, "largest", kerf__quant_most(l->weights));
}

static kerf_status round_weights(kerf_graph *g, const kerf__quantize_layer *l, kerf_shape shape,
                                 const kerf_node *numbers)
{
    const char *base = l->weight->name;
    kerf_value *inputs[3] = {l->node->inputs[1], numbers->outputs[0]};
    kerf_node *q, *dq;
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

static kerf_status round_bias(kerf_graph *g, const kerf__quantize_layer *l, kerf_node *numbers)
{
    kerf_node *dq;
    KERF__TRY(kerf__add_node(g, "DequantizeLinear", l->bias->name, "dq", &numbers->outputs[1], 2,
                             KERF_F32, KERF_SHAPE(l->channels), &dq));
    KERF__TRY(kerf_node_set_int(dq, "axis", 0));
    kerf__node_set_input(l->node, 2, dq->outputs[0]);
    return KERF_OK;
}

static kerf_status round_layer(const rounding *r, const kerf__quantize_layer *l)
{
    const int is_one = r->options->per == KERF_PER_TENSOR;
    const kerf_shape shape = is_one ? KERF_SCALAR : KERF_SHAPE(l->channels);
    kerf_node *numbers;
    KERF__TRY(add_numbers(r, l, shape, &numbers));
    KERF__TRY(round_weights(r->g, l, shape, numbers));
    return rounds_bias(l) ? round_bias(r->g, l, numbers) : KERF_OK;
}

static kerf_status check(const kerf_quantize_options *o, const kerf_state *trained)
{
    KERF__TRY(kerf__quantize_check_options(o));
    if (o->learn_ranges && trained == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "quantize: learned ranges are a part of the network's state, which must "
                          "be given");
    int can = o->mode == KERF_QUANTIZE_STATIC && !o->asymmetric && o->per != KERF_PER_BLOCK;
    for (size_t i = 0; i < o->num_choices; i++)
        can &= o->choices[i].mode != KERF_QUANTIZE_DYNAMIC || o->choices[i].weights == KERF_F32;
    if (can)
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "quantize: to be trained, mode must be static, layers static or weight-only, "
                      "and weights symmetric without blocks");
}

static kerf_status rewrite(kerf_graph *g, kerf_state *trained, const kerf_quantize_options *options)
{
    kerf__quantize_layers layers;
    KERF__TRY(kerf__quantize_find(&layers, g, options));
    kerf_status status = kerf__quantize_activations(g, trained, options, &layers);
    for (size_t i = 0; status == KERF_OK && i < layers.num; i++)
        if (layers.at[i].weights != KERF_F16) /* less than what a step changes is lost there */
            status = round_layer(&(rounding){g, trained, options}, &layers.at[i]);
    kerf__quantize_layers_free(&layers);
    return status == KERF_OK ? kerf__graph_sort(g) : status;
}

kerf_status kerf_quantize_rounding(kerf_graph **out, const kerf_graph *g, kerf_state *trained,
                                   const kerf_quantize_options *options)
{
    *out = NULL;
    KERF__TRY(check(options, trained));
    KERF__TRY(kerf_graph_copy(out, g));
    kerf_status status = rewrite(*out, trained, options);
    if (status != KERF_OK) {
        kerf_graph_destroy(*out);
        *out = NULL;
    }
    return status;
}
