/* compress/quantize/quantize_static.c -- QuantizeLinear and DequantizeLinear round what integer
 * kernels take and give.
 *
 *     x --> Conv --> Relu --> y        x --> Q --> DQ --> Conv --> Relu --> Q --> DQ --> y
 *     weights ----^                                  s8 --> DQ --^
 *     bias -------^                                 s32 --> DQ --^
 *
 * What stands between roundings runs on integers alone: in the plan, in ONNX Runtime, anywhere.
 * A bias has scale x_scale * weight_scale, as the sums it is added to. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"
#include "plan/plan_internal.h"
#include "tensor/tensor_internal.h"

/* Of a class, with what was seen of its members. */
typedef struct seen {
    double low, high;
    int any;
    kerf__trained trained; /* where ranges change while the network is trained */
} seen;

typedef struct rewriting {
    kerf_graph *g;
    const kerf_state *s;
    const kerf_quantize_options *options;
    const kerf__quantize_layers *layers;
    kerf__sites sites;
    seen *seen;          /* owned; by class */
    kerf_state *trained; /* of ranges that change; NULL: they stay */
} rewriting;

/* ---- ranges ---------------------------------------------------------------------------- */

static kerf_status check_range(const kerf_value *v, const kerf_range *range)
{
    enum { MOST_EXPONENT = 56 };
    if (range == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "quantize: there is no range of '%s'; the ranges must be calibrated for "
                          "this model and these layers",
                          v->name);
    if (range->low <= range->high && fabs(range->low) <= ldexp(1, MOST_EXPONENT) &&
        fabs(range->high) <= ldexp(1, MOST_EXPONENT))
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "quantize: the range of '%s' is from %g to %g, must be one within 2^%d of 0",
                      v->name, range->low, range->high, MOST_EXPONENT);
}

/* A range of what v only hands on is one of v, too: other layers may have been calibrated. */
static const kerf_range *find_range(const kerf_ranges *ranges, const kerf_value *v)
{
    const kerf_range *range = NULL;
    for (; v != NULL && range == NULL; v = kerf__sites_source(v))
        range = kerf__ranges_find(ranges, v->name);
    return range;
}

static kerf_status collect_ranges(rewriting *r)
{
    r->seen = kerf__alloc(r->sites.num, sizeof *r->seen);
    if (r->seen == NULL)
        return kerf__fail_memory("quantize", r->sites.num * sizeof *r->seen);
    for (size_t i = 0; i < r->sites.num; i++) {
        const kerf_value *v = r->g->values[i];
        if (!kerf__sites_observed(&r->sites, v))
            continue;
        const kerf_range *range = find_range(r->options->ranges, v);
        KERF__TRY(check_range(v, range));
        seen *all = &r->seen[kerf__sites_class(&r->sites, v)];
        all->low = all->any ? fmin(all->low, range->low) : range->low;
        all->high = all->any ? fmax(all->high, range->high) : range->high;
        kerf__trained_bound(&all->trained, v);
        all->any = 1;
    }
    return KERF_OK;
}

/* 1 for a class whose range changes while the network is trained. */
static int is_trained(const rewriting *r, size_t class)
{
    return r->trained != NULL && r->seen[class].any &&
           !(r->options->learn_ranges && kerf__is_sample(r->g->values[class]));
}

static kerf_status begin_ranges(rewriting *r)
{
    for (size_t i = 0; i < r->sites.num; i++) {
        r->seen[i].trained.is_learned = r->options->learn_ranges;
        if (is_trained(r, i))
            KERF__TRY(kerf__trained_begin(&r->seen[i].trained, r->g, r->trained,
                                          r->g->values[i]->name, r->seen[i].low, r->seen[i].high,
                                          r->options->activations));
    }
    return KERF_OK;
}

static kerf_status end_ranges(const rewriting *r)
{
    for (size_t i = 0; i < r->sites.num; i++)
        if (is_trained(r, i))
            KERF__TRY(kerf__trained_end(&r->seen[i].trained));
    return KERF_OK;
}

static kerf_quant quant_of(const rewriting *r, const kerf_value *v)
{
    const seen *all = &r->seen[kerf__sites_class(&r->sites, v)];
    return kerf__quant_of_range(all->low, all->high, r->options->activations, 0, 0);
}

/* ---- activations ----------------------------------------------------------------------- */

/* The pair's result takes the place of v, and its name where v is a result of the graph. */
static kerf_status replace_by(kerf_graph *g, kerf_value *v, kerf_node *quantize, kerf_value *result)
{
    KERF__TRY(kerf__plan_replace(g, v, result));
    kerf__node_set_input(quantize, 0, v);
    return KERF_OK;
}

static kerf_status add_numbers(const rewriting *r, const kerf_value *v, kerf_value **scale,
                               kerf_value **zero)
{
    const kerf_quant quant = quant_of(r, v);
    kerf_tensor *t;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_F32, KERF_SCALAR));
    *(float *)t->data = quant.scale;
    KERF__TRY(kerf__add_constant(r->g, v->name, "scale", t, scale));
    KERF__TRY(kerf_tensor_create(&t, NULL, r->options->activations, KERF_SCALAR));
    kerf__put_integer(t, 0, quant.zero_point);
    return kerf__add_constant(r->g, v->name, "zero", t, zero);
}

static kerf_status round_by(const rewriting *r, kerf_value *v, kerf_value *scale, kerf_value *zero,
                            kerf_node **out)
{
    kerf_node *q, *dq;
    KERF__TRY(kerf__add_node(r->g, "QuantizeLinear", v->name, "q", (kerf_value *[]){v, scale, zero},
                             3, r->options->activations, v->shape, &q));
    KERF__TRY(kerf__add_node(r->g, "DequantizeLinear", v->name, "dq",
                             (kerf_value *[]){q->outputs[0], scale, zero}, 3, KERF_F32, v->shape,
                             &dq));
    *out = q;
    return replace_by(r->g, v, q, dq->outputs[0]);
}

static kerf_status round_site(const rewriting *r, kerf_value *v)
{
    const size_t class = (size_t)kerf__sites_class(&r->sites, v);
    kerf__trained *trained = &r->seen[class].trained;
    kerf_value *scale = trained->scale, *zero = trained->zero;
    kerf_node *quantize;
    if (!is_trained(r, class))
        KERF__TRY(add_numbers(r, v, &scale, &zero));
    KERF__TRY(round_by(r, v, scale, zero, &quantize));
    const int is_watched = is_trained(r, class) && kerf__sites_observed(&r->sites, v);
    return is_watched ? kerf__trained_watch(trained, v, quantize) : KERF_OK;
}

/* ---- layers ---------------------------------------------------------------------------- */

/* A bias must fit int32 in units of x_scale * weight_scale; half of it is left to the sums. */
static double least_scale(double bias, double x_scale)
{
    return fabs(bias) / (x_scale * 0x1p30);
}

static kerf_status make_least(const kerf__quantize_layer *l, const float *bias, double x_scale,
                              int is_one, double **out)
{
    const size_t num = (size_t)l->channels;
    *out = kerf__alloc(num, sizeof **out);
    if (*out == NULL)
        return kerf__fail_memory("quantize", num * sizeof **out);
    for (size_t c = 0; bias != NULL && c < num; c++) {
        double *least = &(*out)[is_one ? 0 : c];
        *least = fmax(*least, least_scale((double)bias[c], x_scale));
    }
    return KERF_OK;
}

/* As kernels/quantize_layer.cl does it while the network is trained, bit for bit. */
static kerf_status round_bias(kerf__rounded *out, const float *bias, size_t num,
                              const kerf_tensor *weight_scales, float x_scale)
{
    const float *scales = weight_scales->data;
    *out = (kerf__rounded){0};
    KERF__TRY(kerf_tensor_create(&out->integers, NULL, KERF_S32, KERF_SHAPE((int64_t)num)));
    KERF__TRY(kerf_tensor_create(&out->scales, NULL, KERF_F32, weight_scales->shape));
    for (size_t c = 0; c < weight_scales->num_elements; c++)
        ((float *)out->scales->data)[c] = x_scale * scales[c];
    for (size_t c = 0; c < num; c++) {
        const float scale = x_scale * scales[weight_scales->num_elements > 1 ? c : 0];
        ((int32_t *)out->integers->data)[c] =
            (int32_t)fmin(fmax((double)rintf(bias[c] / scale), -0x1p31), 0x1.fffffep30);
    }
    return KERF_OK;
}

static int is_corrected(const rewriting *r, const kerf__quantize_layer *l)
{
    return r->options->bias_correct && kerf__layer_has_bias(l);
}

static kerf_status find_means(const rewriting *r, const kerf__quantize_layer *l, const double **out)
{
    const char *name = l->node->inputs[0]->name;
    const size_t num = kerf__layer_num_inputs(l);
    *out = kerf__ranges_find_means(r->options->ranges, name, num);
    if (*out != NULL)
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "quantize: there are no %zu means of '%s' to correct biases by; the ranges "
                      "must be calibrated with means",
                      num, name);
}

/* What rounding adds to each output on average goes off the bias: the sum over the weights of
 * their rounding errors, each times the mean of what it multiplies. */
static kerf_status correct_bias(const rewriting *r, const kerf__quantize_layer *l, float *bias,
                                const kerf__rounded *rounded, const kerf__rounding *how)
{
    const double *means;
    float *weights;
    KERF__TRY(find_means(r, l, &means));
    KERF__TRY(kerf__quantize_read(r->s, l->weight, &weights));
    double *sums = kerf__alloc((size_t)l->channels, sizeof *sums);
    if (sums == NULL) {
        free(weights);
        return kerf__fail_memory("quantize", (size_t)l->channels * sizeof *sums);
    }
    for (size_t i = 0; i < rounded->integers->num_elements; i++)
        sums[kerf__layer_made(l, i)] +=
            (kerf__rounded_number(rounded, how, i) - (double)weights[i]) *
            means[kerf__layer_taken(l, i)];
    int is_finite = 1;
    for (size_t c = 0; c < (size_t)l->channels; c++) {
        bias[c] -= (float)sums[c];
        is_finite &= isfinite(bias[c]) != 0;
    }
    free(sums);
    free(weights);
    return is_finite ? KERF_OK
                     : kerf__fail(KERF_ERR_ARGUMENT,
                                  "quantize: the means of '%s' make a bias that is no finite "
                                  "number; they must be calibrated for this model",
                                  l->node->inputs[0]->name);
}

/* Weights and, if there is one, bias; x_scale is that of the layer's input. */
static kerf_status round_layer(const rewriting *r, const kerf__quantize_layer *l, float x_scale,
                               float *bias)
{
    const int is_one = r->options->per == KERF_PER_TENSOR, axis = is_one ? -1 : l->axis;
    double *least;
    kerf__rounded rounded = {0}, rounded_bias = {0};
    kerf_value *v;
    KERF__TRY(make_least(l, bias, (double)x_scale, is_one, &least));
    kerf__rounding how = kerf__layer_rounding(r->options, l);
    how.least = least;
    kerf_status status = kerf__layer_round(&rounded, r->s, r->options, l, how);
    free(least);
    if (status == KERF_OK && is_corrected(r, l))
        status = correct_bias(r, l, bias, &rounded, &how);
    if (status == KERF_OK && bias != NULL)
        status = round_bias(&rounded_bias, bias, (size_t)l->channels, rounded.scales, x_scale);
    if (status == KERF_OK)
        status = kerf__add_dequantized(r->g, l->weight->name, &rounded, axis, 0, &v);
    if (status == KERF_OK)
        kerf__node_set_input(l->node, 1, v);
    if (status == KERF_OK && bias != NULL)
        status = kerf__add_dequantized(r->g, l->bias != NULL ? l->bias->name : l->node->name,
                                       &rounded_bias, is_one ? -1 : 0, 0, &v);
    if (status == KERF_OK && bias != NULL)
        status = kerf__node_put_input(l->node, 2, v);
    kerf__rounded_free(&rounded);
    kerf__rounded_free(&rounded_bias);
    return status;
}

static kerf_status rewrite_layer(const rewriting *r, const kerf__quantize_layer *l, float x_scale)
{
    float *bias = NULL;
    kerf_status status = KERF_OK;
    if (l->bias != NULL)
        status = kerf__quantize_read(r->s, l->bias, &bias);
    else if (is_corrected(r, l) && (bias = kerf__alloc((size_t)l->channels, sizeof *bias)) == NULL)
        status = kerf__fail_memory("quantize", (size_t)l->channels * sizeof *bias);
    if (status == KERF_OK)
        status = round_layer(r, l, x_scale, bias);
    free(bias);
    return status;
}

static kerf_status round_sites(const rewriting *r)
{
    for (size_t i = 0; i < r->sites.num; i++)
        if (kerf__sites_class(&r->sites, r->g->values[i]) >= 0)
            KERF__TRY(round_site(r, r->g->values[i]));
    return KERF_OK;
}

static kerf_status rewrite_layers(const rewriting *r)
{
    for (size_t i = 0; i < r->layers->num; i++) {
        const kerf__quantize_layer *l = &r->layers->at[i];
        if (l->mode == KERF_QUANTIZE_STATIC)
            KERF__TRY(rewrite_layer(r, l, quant_of(r, l->node->inputs[0]).scale));
    }
    return KERF_OK;
}

/* Layers, if there is a state to read them from, before inputs of nodes become others. */
static kerf_status rewrite(rewriting *r)
{
    kerf_status status = kerf__sites_find(&r->sites, r->g, r->layers);
    if (status == KERF_OK)
        status = collect_ranges(r);
    if (status == KERF_OK && r->s != NULL)
        status = rewrite_layers(r);
    if (status == KERF_OK && r->trained != NULL)
        status = begin_ranges(r);
    if (status == KERF_OK)
        status = round_sites(r);
    if (status == KERF_OK && r->trained != NULL)
        status = end_ranges(r);
    kerf__sites_free(&r->sites);
    free(r->seen);
    return status;
}

kerf_status kerf__quantize_static(kerf_graph *g, const kerf_state *s,
                                  const kerf_quantize_options *options,
                                  const kerf__quantize_layers *layers)
{
    return rewrite(&(rewriting){.g = g, .s = s, .options = options, .layers = layers});
}

kerf_status kerf__quantize_activations(kerf_graph *g, kerf_state *trained,
                                       const kerf_quantize_options *options,
                                       const kerf__quantize_layers *layers)
{
    return rewrite(&(rewriting){.g = g, .trained = trained, .options = options, .layers = layers});
}
