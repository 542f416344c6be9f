/* compress/quantize/trained_ranges.c -- ranges that change while the network is trained with its
 * roundings.  Those of activations follow what is seen (Jacob et al. 2018, section 3.1):
 *
 *     low, high (states) --> kerf.TrainedRange --> scale, zero point of all sites of a class
 *     sites --> kerf.Ends --> kerf.FollowRange with low  --> low's next value
 *                         --> kerf.FollowRange with high --> high's next value
 *
 * A step rounds by the ranges of the steps before, so nothing waits for a batch to be looked at.
 * Where no site of a class has numbers below 0, its low end is 0 and its zero point known; where a
 * Clip bounds them, the high end goes no further (attribute `most`).  The plan then takes a Relu or
 * a Clip from 0 for the integers' own bounds, as in the file.
 *
 * Or they are learned, as are the ends of weights (LSQ, Esser et al. 2020): nobody looks at sites,
 * ends are states that the optimizer moves, and a QuantizeLinear where numbers are made asks for
 * their gradient (lib/ops/step_grad.c).  The network's own input keeps its range: samples end where
 * they end, and a gradient back to them is a convolution that nothing else needs.
 *
 * Both states carry the name of the class, those of weights the weight's;
 * kerf_quantize_take_ranges() finds them by it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"
#include "plan/plan_internal.h"
#include "tensor/tensor_internal.h"

/* ---- states ---------------------------------------------------------------------------- */

/* "BASE.END"; NULL without memory. */
static char *name_of(const char *base, const char *end)
{
    const size_t bytes = strlen(base) + strlen(end) + 2;
    char *name = kerf__alloc(bytes, 1);
    if (name != NULL)
        snprintf(name, bytes, "%s.%s", base, end);
    return name;
}

static kerf_status find_state(const kerf_state *s, const char *name, kerf_shape shape,
                              const kerf_state_entry **out)
{
    *out = kerf_state_find(s, name);
    if (*out == NULL ||
        ((*out)->role == KERF_ROLE_RANGE && kerf_tensor_type((*out)->tensor) == KERF_F32 &&
         kerf_shape_equal(kerf_tensor_shape((*out)->tensor), shape)))
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT, "quantize: '%s' must be the end of a trained range", name);
}

/* The state of ends, made on first use, begins with these. */
static kerf_status begin_state(kerf_state *s, const char *name, kerf_shape shape,
                               const float *start, int *id)
{
    const kerf_state_entry *e;
    KERF__TRY(find_state(s, name, shape, &e));
    if (e == NULL)
        KERF__TRY(kerf_state_add(s, name, KERF_ROLE_RANGE, -1, KERF_F32, shape, id));
    else
        *id = e->id;
    return kerf_state_write(s, *id, start);
}

/* Layers that share a weight share its ends: a state is one value, which one node writes. */
static kerf_status add_value(kerf_graph *g, int id, kerf_shape shape, kerf_value **out)
{
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->kind == KERF__VALUE_STATE && g->values[i]->state_id == id) {
            *out = g->values[i];
            return KERF_OK;
        }
    return kerf_graph_add_state(g, NULL, id, KERF_F32, shape, out);
}

static kerf_status add_ends(kerf_graph *g, kerf_state *s, const char *base, const char *end,
                            kerf_shape shape, const float *start, kerf_value **out)
{
    char *name = name_of(base, end);
    int id = -1;
    if (name == NULL)
        return kerf__fail_memory("quantize", strlen(base));
    kerf_status status = begin_state(s, name, shape, start, &id);
    free(name);
    return status == KERF_OK ? add_value(g, id, shape, out) : status;
}

/* What was calibrated.  No denormals, which some devices do not have. */
static kerf_status add_end(kerf_graph *g, kerf_state *s, const char *base, const char *end,
                           double x, kerf_value **out)
{
    const float start = fabs(x) < 0x1p-126 ? 0.0f : (float)x;
    return add_ends(g, s, base, end, KERF_SCALAR, &start, out);
}

/* ---- the range -------------------------------------------------------------------------- */

/* Between what numbers all of v lie, behind the activation that it comes of. */
static void bounds_of(const kerf_value *v, float *low, float *high)
{
    static const char *const KEEP[] = {"MaxPool", "AveragePool", "GlobalAveragePool"};
    const kerf_node *n = v->producer;
    int keeps = kerf__sites_source(v) != NULL;
    for (size_t i = 0; i < sizeof KEEP / sizeof KEEP[0]; i++)
        keeps |= kerf__node_is(n, KEEP[i]);
    *low = kerf__node_is(n, "Relu") ? 0 : -INFINITY;
    *high = INFINITY;
    if (keeps)
        bounds_of(n->inputs[0], low, high);
    else if (kerf__node_is(n, "Clip") && !kerf__plan_read_clip(n, low, high))
        *low = -INFINITY, *high = INFINITY;
}

void kerf__trained_bound(kerf__trained *t, const kerf_value *v)
{
    float low, high;
    bounds_of(v, &low, &high);
    t->is_positive = (t->most == 0 || t->is_positive) && low >= 0;
    t->most = fmaxf(t->most, high > 0 ? high : INFINITY);
}

static kerf_status add_number(kerf_graph *g, const char *base, const char *suffix, kerf_type type,
                              int x, kerf_value **out)
{
    kerf_tensor *t; /* zeroed */
    KERF__TRY(kerf_tensor_create(&t, NULL, type, KERF_SCALAR));
    if (type != KERF_F32)
        kerf__put_integer(t, 0, x);
    return kerf__add_constant(g, base, suffix, t, out);
}

kerf_status kerf__trained_begin(kerf__trained *t, kerf_graph *g, kerf_state *s, const char *name,
                                double low, double high, kerf_type type)
{
    const kerf_quant limits = kerf__quant_of_range(0, 0, type, 0, 0);
    kerf_node *n;
    if (t->is_positive)
        KERF__TRY(add_number(g, name, "low", KERF_F32, 0, &t->ends[0]));
    else
        KERF__TRY(add_end(g, s, name, "low", low, &t->ends[0]));
    KERF__TRY(add_end(g, s, name, "high", fmin(high, (double)t->most), &t->ends[1]));
    KERF__TRY(kerf__add_node(g, "kerf.TrainedRange", name, "scale", t->ends, 2, KERF_F32,
                             KERF_SCALAR, &n));
    t->scale = n->outputs[0];
    KERF__TRY(kerf__graph_add_output_value(g, n, NULL, &t->zero));
    t->zero->type = type;
    t->zero->shape = KERF_SCALAR;
    KERF__TRY(kerf_node_set_int(n, "to", kerf__onnx_number(type)));
    if (isfinite(t->most))
        KERF__TRY(kerf_node_set_float(n, "most", t->most));
    return t->is_positive ? add_number(g, name, "zero", type, limits.qmin, &t->zero) : KERF_OK;
}

/* ---- what is seen ------------------------------------------------------------------------ */

kerf_status kerf__trained_watch(kerf__trained *t, kerf_value *v, kerf_node *quantize)
{
    kerf_value *inputs[2] = {v, t->seen};
    kerf_node *n;
    if (t->is_learned)
        return kerf_node_set_int(quantize, "kerf.learns", 1);
    KERF__TRY(kerf__add_node(t->scale->graph, "kerf.Ends", v->name, "ends", inputs,
                             t->seen != NULL ? 2 : 1, KERF_F32, KERF_SHAPE(2), &n));
    t->seen = n->outputs[0];
    return KERF_OK;
}

kerf_status kerf__trained_end(const kerf__trained *t)
{
    kerf_node *n;
    for (int i = t->is_positive; i < 2 && !t->is_learned; i++) {
        KERF__TRY(kerf__add_node(t->scale->graph, "kerf.FollowRange", t->scale->name, "next",
                                 (kerf_value *[]){t->ends[i], t->seen}, 2, KERF_F32, KERF_SCALAR,
                                 &n));
        KERF__TRY(kerf_node_set_int(n, "of", i));
        n->outputs[0]->next_of = t->ends[i]->state_id;
    }
    return KERF_OK;
}

/* ---- weights ------------------------------------------------------------------------------ */

/* Of the weights that share an end. */
typedef struct sizes {
    double sum, most, alive;
} sizes;

static void add_size(sizes *all, double size)
{
    all->sum += size;
    all->alive += size > 0;
    all->most = fmax(all->most, size);
}

/* The paper's first step is 2 * mean |w| / sqrt(most integer); of 8 bits that would be wider than
 * the largest weight.  Pruned weights, which stay 0, do not count. */
static float first_end(const sizes *all, kerf_type type)
{
    const double root = sqrt((double)kerf__quant_most(type));
    const double end = all->alive > 0 ? fmin(2 * all->sum / all->alive * root, all->most) : 0;
    return end < 0x1p-126 ? 0.0f : (float)end;
}

static kerf_status find_first_ends(const kerf_state *s, const kerf__quantize_layer *l, sizes *all,
                                   float *ends, size_t num_ends)
{
    float *weights;
    KERF__TRY(kerf__quantize_read(s, l->weight, &weights));
    for (size_t i = 0; i < (size_t)kerf_shape_num_elements(l->weight->shape); i++)
        add_size(&all[num_ends == 1 ? 0 : kerf__layer_made(l, i)], fabs((double)weights[i]));
    for (size_t c = 0; c < num_ends; c++)
        ends[c] = first_end(&all[c], l->weights);
    free(weights);
    return KERF_OK;
}

kerf_status kerf__trained_weights(kerf_graph *g, kerf_state *s, const kerf__quantize_layer *l,
                                  kerf_shape shape, kerf_value **out)
{
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    float *ends = kerf__alloc(num, sizeof *ends);
    sizes *all = kerf__alloc(num, sizeof *all); /* zeroed */
    kerf_status status = ends != NULL && all != NULL
                             ? find_first_ends(s, l, all, ends, num)
                             : kerf__fail_memory("quantize", num * sizeof *all);
    if (status == KERF_OK)
        status = add_ends(g, s, l->weight->name, "end", shape, ends, out);
    free(ends);
    free(all);
    return status;
}

/* ---- back --------------------------------------------------------------------------------- */

/* The end of a class that is never below 0 has no state. */
static kerf_status read_end(const kerf_state *s, const char *base, const char *end, double *out,
                            int *is_there)
{
    const kerf_state_entry *e = NULL;
    char *name = name_of(base, end);
    float x = 0;
    if (name == NULL)
        return kerf__fail_memory("quantize", strlen(base));
    kerf_status status = find_state(s, name, KERF_SCALAR, &e);
    if (status == KERF_OK && e != NULL)
        status = kerf_state_read(s, e->id, &x);
    free(name);
    *is_there = e != NULL;
    *out = (double)x;
    return status;
}

/* The largest number that the sites of a class may hold. */
static double most_of(const kerf_graph *g, const kerf__sites *sites, int class)
{
    kerf__trained t = {0};
    for (size_t i = 0; i < sites->num; i++)
        if (kerf__sites_observed(sites, g->values[i]) &&
            kerf__sites_class(sites, g->values[i]) == class)
            kerf__trained_bound(&t, g->values[i]);
    return (double)t.most;
}

/* Each site that is observed has the range of its class; kept: those that training began with. */
static kerf_status read_site(kerf_ranges *r, const kerf_graph *g, const kerf_state *s,
                             const kerf__sites *sites, const kerf_value *v,
                             const kerf_quantize_options *options)
{
    const int class = kerf__sites_class(sites, v);
    const char *base = g->values[class]->name;
    const kerf_range *kept =
        options->ranges != NULL ? kerf__ranges_find(options->ranges, v->name) : NULL;
    if (options->learn_ranges && kept != NULL && kerf__is_sample(g->values[class]))
        return kerf__ranges_add(r, v->name, kept->low, kept->high);
    double low, high;
    int is_there;
    KERF__TRY(read_end(s, base, "low", &low, &is_there));
    KERF__TRY(read_end(s, base, "high", &high, &is_there));
    if (!is_there)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "quantize: the state has no trained range of '%s'; it must be trained by "
                          "what kerf_quantize_rounding() makes of this network and these options",
                          base);
    return kerf__ranges_add(r, v->name, fmin(low, 0),
                            fmin(fmax(high, 0), most_of(g, sites, class)));
}

static kerf_status read_sites(kerf_ranges *r, const kerf_graph *g, const kerf_state *s,
                              const kerf__quantize_layers *layers,
                              const kerf_quantize_options *options)
{
    kerf__sites sites;
    kerf_status status = kerf__sites_find(&sites, g, layers);
    for (size_t i = 0; status == KERF_OK && i < sites.num; i++)
        if (kerf__sites_observed(&sites, g->values[i]))
            status = read_site(r, g, s, &sites, g->values[i], options);
    kerf__sites_free(&sites);
    return status;
}

/* Learned ends of a layer's weights, if it has some. */
static kerf_status read_weights(kerf_ranges *r, const kerf_state *s, const kerf__quantize_layer *l)
{
    char *name = name_of(l->weight->name, "end");
    if (name == NULL)
        return kerf__fail_memory("quantize", strlen(l->weight->name));
    const kerf_state_entry *e = kerf_state_find(s, name);
    free(name);
    if (e == NULL || e->role != KERF_ROLE_RANGE || kerf_tensor_type(e->tensor) != KERF_F32)
        return KERF_OK;
    const size_t num = kerf_tensor_num_elements(e->tensor);
    float *ends = kerf__alloc(num, sizeof *ends);
    double *values = kerf__alloc(num, sizeof *values);
    kerf_status status = ends != NULL && values != NULL
                             ? kerf_state_read(s, e->id, ends)
                             : kerf__fail_memory("quantize", num * sizeof *values);
    for (size_t i = 0; status == KERF_OK && i < num; i++)
        values[i] = (double)ends[i];
    free(ends);
    if (status == KERF_OK)
        return kerf__ranges_add_weights(r, l->weight->name, values, num);
    free(values);
    return status;
}

static void drop_ranges(kerf_state *s)
{
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e != NULL && e->role == KERF_ROLE_RANGE)
            kerf_state_drop(s, id);
    }
}

kerf_status kerf_quantize_take_ranges(kerf_ranges **out, const kerf_graph *g, kerf_state *s,
                                      const kerf_quantize_options *options)
{
    kerf__quantize_layers layers;
    *out = NULL;
    KERF__TRY(kerf__quantize_check_options(options));
    KERF__TRY(kerf__quantize_find(&layers, g, options));
    kerf_status status = kerf__ranges_create(out);
    if (status == KERF_OK)
        status = read_sites(*out, g, s, &layers, options);
    for (size_t i = 0; status == KERF_OK && options->learn_ranges && i < layers.num; i++)
        status = read_weights(*out, s, &layers.at[i]);
    if (status == KERF_OK && options->ranges != NULL)
        status = kerf__ranges_copy_means(*out, options->ranges);
    kerf__quantize_layers_free(&layers);
    if (status == KERF_OK) {
        drop_ranges(s);
        return KERF_OK;
    }
    kerf_ranges_destroy(*out);
    *out = NULL;
    return status;
}
