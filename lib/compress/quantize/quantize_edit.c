/* compress/quantize/quantize_edit.c -- pieces of rewriting that the modes share. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"
#include "plan/plan_internal.h"
#include "tensor/tensor_internal.h"

/* ---- reading --------------------------------------------------------------------------- */

static kerf_status check_finite(const kerf_value *v, const float *x, size_t num)
{
    for (size_t i = 0; i < num; i++)
        if (!isfinite(x[i]))
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "quantize: element %zu of '%s' is %g, must be a finite number", i,
                              v->name, (double)x[i]);
    return KERF_OK;
}

kerf_status kerf__quantize_read(const kerf_state *s, const kerf_value *v, float **out)
{
    const size_t num = (size_t)kerf_shape_num_elements(v->shape);
    *out = kerf__alloc(num, sizeof **out);
    if (*out == NULL)
        return kerf__fail_memory(v->name, num * sizeof **out);
    kerf_status status = KERF_OK;
    if (v->kind == KERF__VALUE_CONSTANT)
        memcpy(*out, v->constant->data, num * sizeof **out);
    else if (num > 0)
        status = kerf_state_read(s, v->state_id, *out);
    if (status == KERF_OK)
        status = check_finite(v, *out, num);
    if (status != KERF_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

/* ---- rounding -------------------------------------------------------------------------- */

/* The weights of a Gemm or MatMul as (terms, channels). */
static kerf_status read_matrix(const kerf_state *s, const kerf__quantize_layer *l, float **out)
{
    const size_t terms = (size_t)l->terms, channels = (size_t)l->channels;
    float *x;
    KERF__TRY(kerf__quantize_read(s, l->weight, &x));
    *out = x;
    if (l->axis == 1)
        return KERF_OK;
    *out = kerf__alloc(terms * channels, sizeof **out);
    for (size_t k = 0; *out != NULL && k < terms; k++)
        for (size_t c = 0; c < channels; c++)
            (*out)[k * channels + c] = x[c * terms + k];
    free(x);
    return *out != NULL ? KERF_OK : kerf__fail_memory("quantize", terms * channels * sizeof **out);
}

static kerf_status read_layer(const kerf_state *s, const kerf__quantize_layer *l, float **out)
{
    return kerf__quantize_read(s, l->weight, out);
}

typedef kerf_status (*reader)(const kerf_state *s, const kerf__quantize_layer *l, float **out);

/* NULL: nothing was learned for this layer. */
static kerf_status read_learned(const kerf_quantize_options *options, const kerf__quantize_layer *l,
                                reader read, float **out)
{
    *out = NULL;
    if (options->learned == NULL || l->weight->kind != KERF__VALUE_STATE)
        return KERF_OK;
    const kerf_state_entry *e = kerf_state_get(options->learned, l->weight->state_id);
    if (e != NULL && kerf_tensor_type(e->tensor) == KERF_F32 &&
        kerf_shape_equal(kerf_tensor_shape(e->tensor), l->weight->shape))
        return read(options->learned, l, out);
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "quantize: what was learned has no weights like '%s'; it must be of this "
                      "network",
                      l->weight->name);
}

/* A scale beyond 2^100 has no multiples that every device holds, and no reader here takes it. */
static kerf_status check_size(const kerf_value *v, const float *x, size_t num)
{
    for (size_t i = 0; i < num; i++)
        if (fabsf(x[i]) > 0x1p100f)
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "quantize: '%s' holds %g, must be within 2^100 of 0", v->name,
                              (double)x[i]);
    return KERF_OK;
}

static kerf_status round_layer(kerf__rounded *out, const kerf_state *s,
                               const kerf_quantize_options *options, const kerf__quantize_layer *l,
                               kerf__rounding how, kerf_shape shape, reader read)
{
    float *weights = NULL, *targets = NULL;
    *out = (kerf__rounded){0};
    kerf_status status = read(s, l, &weights);
    if (status == KERF_OK)
        status = check_size(l->weight, weights, (size_t)kerf_shape_num_elements(shape));
    if (status == KERF_OK)
        status = read_learned(options, l, read, &targets);
    how.targets = targets;
    if (status == KERF_OK)
        status = kerf__round_weights(out, weights, shape, &how);
    free(weights);
    free(targets);
    return status;
}

kerf_status kerf__layer_round(kerf__rounded *out, const kerf_state *s,
                              const kerf_quantize_options *options, const kerf__quantize_layer *l,
                              kerf__rounding how)
{
    return round_layer(out, s, options, l, how, l->weight->shape, read_layer);
}

kerf_status kerf__layer_round_matrix(kerf__rounded *out, const kerf_state *s,
                                     const kerf_quantize_options *options,
                                     const kerf__quantize_layer *l, kerf__rounding how)
{
    return round_layer(out, s, options, l, how, KERF_SHAPE(l->terms, l->channels), read_matrix);
}

/* As the modes round them: only matrices have blocks, along the terms of a sum. */
kerf__rounding kerf__layer_rounding(const kerf_quantize_options *o, const kerf__quantize_layer *l)
{
    const int is_matrix = l->weight->shape.rank == 2,
              in_blocks =
                  o->per == KERF_PER_BLOCK && is_matrix && l->mode == KERF_QUANTIZE_WEIGHT_ONLY;
    kerf__rounding how = {.type = l->weights,
                          .symmetric = !o->asymmetric,
                          .axis = o->per == KERF_PER_TENSOR ? -1
                                  : in_blocks               ? 1 - l->axis
                                                            : l->axis,
                          .block = in_blocks ? o->block : 0};
    if (how.symmetric && !in_blocks)
        how.ends = kerf__ranges_find_weights(o->ranges, l->weight->name,
                                             how.axis < 0 ? 1 : (size_t)l->channels);
    return how;
}

/* ---- making ---------------------------------------------------------------------------- */

/* "BASE_SUFFIX", with a number behind it where that is taken; NULL without memory. */
static char *name_of(const kerf_graph *g, const char *base, const char *suffix)
{
    const size_t bytes = strlen(base) + strlen(suffix) + 2;
    char *name = kerf__alloc(bytes, 1);
    if (name == NULL)
        return NULL;
    snprintf(name, bytes, "%s_%s", base, suffix);
    char *fresh = kerf__graph_fresh_name(g, name);
    free(name);
    return fresh;
}

kerf_status kerf__add_constant(kerf_graph *g, const char *base, const char *suffix, kerf_tensor *t,
                               kerf_value **out)
{
    char *name = name_of(g, base, suffix);
    if (name == NULL) {
        kerf_tensor_destroy(t);
        return kerf__fail_memory("quantize", strlen(base));
    }
    kerf_status status = kerf_graph_add_constant(g, name, t, out);
    free(name);
    return status;
}

kerf_status kerf__add_node(kerf_graph *g, const char *op, const char *base, const char *suffix,
                           kerf_value *const *inputs, int num_inputs, kerf_type type,
                           kerf_shape shape, kerf_node **out)
{
    char *name = name_of(g, base, suffix);
    if (name == NULL)
        return kerf__fail_memory("quantize", strlen(base));
    kerf_status status = kerf_graph_add_node(g, op, name, inputs, num_inputs, 1, out);
    free(name);
    if (status != KERF_OK)
        return status;
    (*out)->outputs[0]->type = type;
    (*out)->outputs[0]->shape = shape;
    return KERF_OK;
}

static kerf_status take(kerf_graph *g, const char *base, const char *suffix, kerf_tensor **t,
                        kerf_value **out)
{
    kerf_tensor *taken = *t;
    *t = NULL;
    return kerf__add_constant(g, base, suffix, taken, out);
}

kerf_status kerf__add_dequantized(kerf_graph *g, const char *base, kerf__rounded *r, int axis,
                                  int64_t block, kerf_value **out)
{
    kerf_value *inputs[3];
    kerf_node *n;
    const int num_inputs = r->zeros != NULL ? 3 : 2;
    const kerf_shape shape = r->integers->shape;
    KERF__TRY(take(g, base, "q", &r->integers, &inputs[0]));
    KERF__TRY(take(g, base, "scale", &r->scales, &inputs[1]));
    if (r->zeros != NULL)
        KERF__TRY(take(g, base, "zero", &r->zeros, &inputs[2]));
    KERF__TRY(
        kerf__add_node(g, "DequantizeLinear", base, "dq", inputs, num_inputs, KERF_F32, shape, &n));
    *out = n->outputs[0];
    if (axis >= 0)
        KERF__TRY(kerf_node_set_int(n, "axis", axis));
    return block > 0 ? kerf_node_set_int(n, "block_size", block) : KERF_OK;
}

kerf_status kerf__finish_matmul(kerf_graph *g, const kerf__quantize_layer *l, kerf_value *product)
{
    kerf_value *out = l->node->outputs[0],
               *bias = l->node->num_inputs > 2 ? l->node->inputs[2] : NULL;
    kerf_node *sum;
    if (bias != NULL) {
        KERF__TRY(kerf__add_node(g, "Add", l->node->name, "biased", (kerf_value *[]){product, bias},
                                 2, KERF_F32, out->shape, &sum));
        product = sum->outputs[0];
    }
    product->type = KERF_F32;
    product->shape = out->shape;
    return kerf__plan_replace(g, out, product);
}
