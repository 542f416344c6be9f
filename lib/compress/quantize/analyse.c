/* compress/quantize/analyse.c -- what rounding does to each layer: its weights, and what comes out
 * of it when the whole network is rounded, beside the floats.
 *
 * Both networks run on the same samples; each layer's end is an output of both, under one name.
 * Sums are added in double on the host, batch by batch. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/together.h"
#include "compress/quantize/bits_internal.h"
#include "tensor/tensor_internal.h"

/* Of pairs: what was, and what is. */
typedef struct sums {
    double squared, absolute, largest, was, is, product, num;
    double low, high, beyond; /* ends of the integers, and how many lie beyond them */
    int has_ends;
} sums;

typedef struct analysis {
    const kerf__quantize_layers *layers;
    kerf_layer_error *out; /* borrowed */
    sums *sums;            /* owned; an entry a layer */
    kerf_graph *was, *is;  /* owned: the networks, and the rounded one's state */
    kerf_state *is_state;
    kerf__sample_plans was_plans, is_plans;
} analysis;

/* ---- sums ------------------------------------------------------------------------------ */

static void add_pair(sums *s, double was, double is)
{
    const double error = fabs(was - is);
    s->squared += error * error;
    s->absolute += error;
    s->largest = fmax(s->largest, error);
    s->was += was * was;
    s->is += is * is;
    s->product += was * is;
    s->beyond += was < s->low || was > s->high;
    s->num++;
}

/* Of all ranks; ends are those of the network, which is the same on all. */
static kerf_status join_sums(const kerf_ranks *ranks, sums *s)
{
    double *const added[] = {&s->squared, &s->absolute, &s->was,   &s->is,
                             &s->product, &s->num,      &s->beyond};
    enum { NUM = sizeof added / sizeof added[0] };
    double all[NUM];
    for (int i = 0; i < NUM; i++)
        all[i] = *added[i];
    KERF__TRY(kerf__ranks_sum(ranks, all, NUM));
    for (int i = 0; i < NUM; i++)
        *added[i] = all[i];
    return kerf__ranks_largest(ranks, &s->largest, 1);
}

static kerf_error error_of(const sums *s)
{
    const double lengths = sqrt(s->was) * sqrt(s->is);
    return (kerf_error){.mse = s->squared / s->num,
                        .mae = s->absolute / s->num,
                        .largest = s->largest,
                        .snr_db = s->squared > 0 ? 10 * log10(s->was / s->squared) : INFINITY,
                        .cosine = lengths > 0 ? s->product / lengths : 1,
                        .saturated = s->has_ends ? s->beyond / s->num : NAN};
}

/* ---- weights --------------------------------------------------------------------------- */

static kerf_status add_rounded(sums *all, const kerf_state *s, const float *weights,
                               const kerf_quantize_options *o, const kerf__quantize_layer *l)
{
    kerf__rounded r;
    const kerf__rounding how = kerf__layer_rounding(o, l);
    const kerf_status status = kerf__layer_round(&r, s, o, l, how);
    for (size_t i = 0; status == KERF_OK && i < r.integers->num_elements; i++)
        add_pair(all, (double)weights[i], kerf__rounded_number(&r, &how, i));
    kerf__rounded_free(&r);
    return status;
}

static kerf_status add_halves(sums *all, const float *weights, const kerf__quantize_layer *l)
{
    for (int64_t i = 0; i < kerf_shape_num_elements(l->weight->shape); i++)
        add_pair(all, (double)weights[i], kerf__half_number(weights[i]));
    return KERF_OK;
}

static kerf_status compare_weights(kerf_error *out, const kerf_state *s,
                                   const kerf_quantize_options *o, const kerf__quantize_layer *l)
{
    float *weights;
    sums all = {.low = -INFINITY, .high = INFINITY, .has_ends = 1}; /* every weight is within */
    KERF__TRY(kerf__quantize_read(s, l->weight, &weights));
    const kerf_status status =
        l->weights == KERF_F16 ? add_halves(&all, weights, l) : add_rounded(&all, s, weights, o, l);
    free(weights);
    *out = error_of(&all);
    return status;
}

/* ---- networks -------------------------------------------------------------------------- */

static int is_output(const kerf_graph *g, const kerf_value *v)
{
    for (size_t i = 0; i < g->num_outputs; i++)
        if (g->outputs[i] == v)
            return 1;
    return 0;
}

static const char *end_name(const analysis *a, size_t i)
{
    return kerf__layer_end(a->layers->at[i].node)->name;
}

/* Rewriting leaves outputs their names. */
static kerf_status copy_network(const analysis *a, const kerf_graph *g, kerf_graph **out)
{
    KERF__TRY(kerf_graph_copy(out, g));
    for (size_t i = 0; i < a->layers->num; i++) {
        kerf_value *end = kerf_graph_find(*out, end_name(a, i));
        if (!is_output(*out, end))
            KERF__TRY(kerf_graph_add_output(*out, end));
    }
    return KERF_OK;
}

/* The ends of the integers that a layer's result comes from; what is within half a step of them is
 * rounded, not cut. */
static void find_ends(const analysis *a, size_t i)
{
    const kerf_value *v = kerf_graph_find(a->is, end_name(a, i));
    const kerf_node *n = v != NULL ? v->producer : NULL;
    sums *s = &a->sums[i];
    if (!kerf__node_is(n, "DequantizeLinear") || n->num_inputs < 3 ||
        n->inputs[1]->constant == NULL || n->inputs[1]->constant->num_elements != 1)
        return;
    const double scale = (double)*(const float *)n->inputs[1]->constant->data;
    const double zero = (double)kerf__tensor_int(n->inputs[2]->constant, 0);
    const kerf_quant ends = kerf__quant_of_range(0, 0, n->inputs[2]->type, 0, 0);
    s->has_ends = 1;
    s->low = (ends.qmin - zero - 0.5) * scale;
    s->high = (ends.qmax - zero + 0.5) * scale;
}

static kerf_status make_networks(analysis *a, const kerf_graph *g, kerf_state *s,
                                 const kerf_quantize_options *options, const kerf__samples *samples)
{
    KERF__TRY(copy_network(a, g, &a->was));
    KERF__TRY(copy_network(a, g, &a->is));
    KERF__TRY(kerf_state_copy(&a->is_state, s, kerf_state_device(s)));
    KERF__TRY(kerf_quantize(a->is, a->is_state, options));
    for (size_t i = 0; i < a->layers->num; i++)
        find_ends(a, i);
    KERF__TRY(kerf__sample_plans_create(&a->was_plans, samples, a->was, s));
    return kerf__sample_plans_create(&a->is_plans, samples, a->is, a->is_state);
}

/* ---- outputs --------------------------------------------------------------------------- */

static kerf_status compare_outputs(sums *s, const kerf_tensor *was, const kerf_tensor *is)
{
    const size_t num = was->num_elements;
    float *both = kerf__alloc(2 * num, sizeof *both);
    if (both == NULL)
        return kerf__fail_memory("analyse", 2 * num * sizeof *both);
    kerf_status status = kerf_tensor_read(was, both);
    if (status == KERF_OK)
        status = kerf_tensor_read(is, both + num);
    for (size_t i = 0; status == KERF_OK && i < num; i++)
        add_pair(s, (double)both[i], (double)both[num + i]);
    free(both);
    return status;
}

static kerf_status take_batch(void *context, const float *images, int64_t num)
{
    const analysis *a = context;
    kerf_plan *was, *is;
    KERF__TRY(kerf__sample_plans_run(&a->was_plans, images, num, &was));
    KERF__TRY(kerf__sample_plans_run(&a->is_plans, images, num, &is));
    for (size_t i = 0; i < a->layers->num; i++)
        KERF__TRY(compare_outputs(&a->sums[i], kerf_plan_output(was, end_name(a, i)),
                                  kerf_plan_output(is, end_name(a, i))));
    return KERF_OK;
}

/* ---- layers alone ---------------------------------------------------------------------- */

static kerf_status judge_layers(kerf__judge *j, kerf_layer_error *out, size_t num,
                                kerf_quantize_options options)
{
    char pattern[2 * sizeof out->name];
    const char *layers[] = {pattern};
    options.layers = layers;
    options.num_layers = 1;
    options.num_skip = 0;
    for (size_t i = 0; i < num; i++) {
        kerf__verdict verdict;
        kerf__quote_pattern(pattern, out[i].name);
        KERF__TRY(kerf__judge_quantized(j, &options, &verdict));
        out[i].lost = verdict.lost;
    }
    return KERF_OK;
}

static kerf_status measure_lost(kerf_layer_error *out, size_t num, const kerf_graph *g,
                                kerf_state *s, const kerf_dataset *d,
                                const kerf_quantize_options *options,
                                const kerf_calibrate_options *how)
{
    kerf__judge j;
    kerf_status status = kerf__judge_open(&j, g, s, d, how, 1 + num);
    if (status == KERF_OK)
        status = judge_layers(&j, out, num, *options);
    kerf__judge_close(&j);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------- */

static kerf_status analyse(analysis *a, const kerf_graph *g, kerf_state *s,
                           const kerf_quantize_options *options, kerf__samples *samples)
{
    for (size_t i = 0; i < a->layers->num; i++) {
        const kerf__quantize_layer *l = &a->layers->at[i];
        a->sums[i] = (sums){.low = -INFINITY, .high = INFINITY};
        snprintf(a->out[i].name, sizeof a->out[i].name, "%s", l->node->name);
        KERF__TRY(compare_weights(&a->out[i].weights, s, options, l));
    }
    samples->to_see = samples->num;
    KERF__TRY(make_networks(a, g, s, options, samples));
    KERF__TRY(kerf__samples_each(samples, take_batch, a));
    for (size_t i = 0; i < a->layers->num; i++) {
        KERF__TRY(join_sums(samples->how->ranks, &a->sums[i]));
        a->out[i].outputs = error_of(&a->sums[i]);
    }
    return KERF_OK;
}

static void end(analysis *a)
{
    kerf__sample_plans_destroy(&a->was_plans);
    kerf__sample_plans_destroy(&a->is_plans);
    kerf_graph_destroy(a->was);
    kerf_graph_destroy(a->is);
    kerf_state_destroy(a->is_state);
    free(a->sums);
}

static kerf_status analyse_layers(kerf_layer_error *out, const kerf__quantize_layers *layers,
                                  const kerf_graph *g, kerf_state *s, const kerf_dataset *d,
                                  const kerf_quantize_options *options,
                                  const kerf_calibrate_options *how)
{
    analysis a = {.layers = layers, .out = out};
    kerf__samples samples = {0};
    a.sums = kerf__alloc(layers->num, sizeof *a.sums);
    kerf_status status = a.sums != NULL
                             ? kerf__samples_open(&samples, g, d, how)
                             : kerf__fail_memory("analyse", layers->num * sizeof *a.sums);
    if (status == KERF_OK)
        status = analyse(&a, g, s, options, &samples);
    end(&a);
    kerf__samples_close(&samples);
    return status;
}

kerf_status kerf_quantize_analyse(kerf_layer_error **out, size_t *num, const kerf_graph *g,
                                  kerf_state *s, const kerf_dataset *d,
                                  const kerf_quantize_options *options,
                                  const kerf_calibrate_options *how)
{
    kerf__quantize_layers layers;
    *out = NULL;
    KERF__TRY(kerf__quantize_find(&layers, g, options));
    *num = layers.num;
    *out = kerf__alloc(layers.num, sizeof **out);
    kerf_status status = *out != NULL ? analyse_layers(*out, &layers, g, s, d, options, how)
                                      : kerf__fail_memory("analyse", layers.num * sizeof **out);
    if (status == KERF_OK)
        status = measure_lost(*out, layers.num, g, s, d, options, how);
    kerf__quantize_layers_free(&layers);
    if (status != KERF_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}
