/* compress/quantize/quantize_fold.c -- batch normalisation behind a convolution becomes part of its
 * weights and bias (Jacob et al. 2018, section 3.2), in the state: what is rounded is what counts.
 *
 *     weights' = weights * k      k = scale / sqrt(variance + epsilon), a number a channel
 *     bias'    = offset + (bias - mean) * k
 *
 * A weight that others read, too, stays, and so does its normalisation, in floats. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"
#include "plan/plan_internal.h"
#include "tensor/tensor_internal.h"

enum { SRC, SCALE, OFFSET, MEAN, VARIANCE, NUM_INPUTS };

kerf_value *kerf__quantize_own_state(kerf_value *v)
{
    while (v != NULL && kerf__value_num_uses(v) == 1 && kerf__node_is(v->producer, "kerf.Mask"))
        v = v->producer->inputs[0];
    const int is_own = v != NULL && v->kind == KERF__VALUE_STATE && v->type == KERF_F32 &&
                       kerf__value_num_uses(v) == 1;
    return is_own ? v : NULL;
}

static kerf_value *bias_of(const kerf_node *conv)
{
    return kerf_node_input(conv, 2);
}

static int is_stored(const kerf_value *v, int64_t num)
{
    return v != NULL && (v->kind == KERF__VALUE_STATE || v->kind == KERF__VALUE_CONSTANT) &&
           v->type == KERF_F32 && kerf_shape_num_elements(v->shape) == num;
}

/* The convolution in front of a normalisation that can take it in; NULL if there is none. */
static kerf_node *conv_before(const kerf_node *norm)
{
    if (!kerf__node_is(norm, "BatchNormalization") || norm->num_inputs != NUM_INPUTS ||
        kerf_node_int(norm, "training_mode", 0) != 0)
        return NULL;
    kerf_node *conv = norm->inputs[SRC]->producer;
    if (!kerf__node_is(conv, "Conv") || kerf__value_num_uses(conv->outputs[0]) != 1)
        return NULL;
    const kerf_value *weight = kerf__quantize_own_state(conv->inputs[1]);
    if (weight == NULL ||
        (bias_of(conv) != NULL && kerf__quantize_own_state(bias_of(conv)) == NULL))
        return NULL;
    for (int i = SCALE; i < NUM_INPUTS; i++)
        if (!is_stored(norm->inputs[i], weight->shape.dims[0]))
            return NULL;
    return conv;
}

/* What the fold computes with: an array an input of the normalisation, and the convolution's. */
typedef struct numbers {
    float *norm[NUM_INPUTS]; /* owned, as all; SRC is unused */
    float *weights, *bias;
} numbers;

static void numbers_free(numbers *x)
{
    for (int i = 0; i < NUM_INPUTS; i++)
        free(x->norm[i]);
    free(x->weights);
    free(x->bias);
}

static kerf_status read_numbers(numbers *x, const kerf_state *s, const kerf_node *norm,
                                const kerf_node *conv)
{
    const kerf_value *weight = kerf__quantize_own_state(conv->inputs[1]);
    const size_t channels = (size_t)weight->shape.dims[0];
    for (int i = SCALE; i < NUM_INPUTS; i++)
        KERF__TRY(kerf__quantize_read(s, norm->inputs[i], &x->norm[i]));
    KERF__TRY(kerf__quantize_read(s, weight, &x->weights));
    if (bias_of(conv) != NULL)
        return kerf__quantize_read(s, kerf__quantize_own_state(bias_of(conv)), &x->bias);
    x->bias = kerf__alloc(channels, sizeof *x->bias);
    return x->bias != NULL ? KERF_OK : kerf__fail_memory("quantize", channels * sizeof *x->bias);
}

static void fold_numbers(numbers *x, size_t channels, size_t weights_a_channel, double epsilon)
{
    for (size_t c = 0; c < channels; c++) {
        const double k = (double)x->norm[SCALE][c] / sqrt((double)x->norm[VARIANCE][c] + epsilon);
        float *weights = x->weights + c * weights_a_channel;
        for (size_t i = 0; i < weights_a_channel; i++)
            weights[i] = (float)((double)weights[i] * k);
        x->bias[c] = (float)((double)x->norm[OFFSET][c] +
                             ((double)x->bias[c] - (double)x->norm[MEAN][c]) * k);
    }
}

/* The state of the convolution's bias; made, and named after the weight, where there is none. */
static kerf_status need_bias(kerf_state *s, kerf_node *conv, const kerf_value *weight, int *id)
{
    kerf_graph *g = conv->graph;
    kerf_value *bias = kerf__quantize_own_state(bias_of(conv));
    if (bias != NULL) {
        *id = bias->state_id;
        return KERF_OK;
    }
    const kerf_shape shape = KERF_SHAPE(weight->shape.dims[0]);
    const char *dot = strrchr(weight->name, '.');
    const size_t stem = dot != NULL ? (size_t)(dot - weight->name) : strlen(weight->name);
    char name[512];
    snprintf(name, sizeof name, "%.*s.bias", (int)(stem < 500 ? stem : 500), weight->name);
    char *fresh = kerf__graph_fresh_name(g, name);
    if (fresh == NULL)
        return kerf__fail_memory("quantize", sizeof name);
    kerf_status status = kerf_state_add(s, fresh, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, id);
    if (status == KERF_OK)
        status = kerf_graph_add_state(g, fresh, *id, KERF_F32, shape, &bias);
    free(fresh);
    return status == KERF_OK ? kerf__node_put_input(conv, 2, bias) : status;
}

static kerf_status fold(kerf_state *s, const kerf_node *norm, kerf_node *conv)
{
    const kerf_value *weight = kerf__quantize_own_state(conv->inputs[1]);
    const size_t channels = (size_t)weight->shape.dims[0];
    numbers x = {0};
    int bias;
    kerf_status status = read_numbers(&x, s, norm, conv);
    if (status == KERF_OK) {
        fold_numbers(&x, channels, (size_t)kerf_shape_num_elements(weight->shape) / channels,
                     (double)kerf_node_float(norm, "epsilon", 1e-5f));
        status = need_bias(s, conv, weight, &bias);
    }
    if (status == KERF_OK)
        status = kerf_state_write(s, weight->state_id, x.weights);
    if (status == KERF_OK)
        status = kerf_state_write(s, bias, x.bias);
    numbers_free(&x);
    return status;
}

kerf_status kerf_quantize_fold(kerf_graph *g, kerf_state *s)
{
    for (size_t i = 0; i < g->num_nodes; i++) {
        kerf_node *norm = g->nodes[i], *conv = conv_before(norm);
        if (conv == NULL)
            continue;
        KERF__TRY(fold(s, norm, conv));
        KERF__TRY(kerf__plan_replace(g, norm->outputs[0], conv->outputs[0]));
    }
    kerf__graph_remove_dead(g);
    return KERF_OK;
}
