/* compress/quantize/calibrate.c -- watches activations while the network runs on samples.
 *
 *     site --> ReduceMin --> Min with the state so far --> its next value        and so the maxima
 *
 * Two numbers a site live on the device as states; nothing is read before the last batch, and
 * nothing of a batch is kept.  The watched graph is the network's copy: what is seen is what the
 * float network computes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"
#include "plan/plan_internal.h"
#include "tensor/tensor_internal.h"

/* What a new batch counts in a moving average. */
static const float SHARE = 0.01f;

enum { LOW, HIGH, NUM_ENDS };

/* A site and the states that hold its range. */
typedef struct watched {
    const char *name; /* of the value; borrowed from the caller's graph */
    int ids[NUM_ENDS];
} watched;

typedef struct watching {
    kerf_graph *g; /* owned; the network with its observers */
    kerf_state *s; /* borrowed */
    const kerf_calibrate_options *how;
    watched *sites; /* owned */
    size_t num;
    kerf_loader *loader;    /* owned, as both plans */
    kerf_plan *full, *rest; /* NULL: no such batches */
    int64_t samples, batch;
} watching;

/* ---- observers ------------------------------------------------------------------------- */

typedef struct end_rules {
    const char *reduce, *keep, *name;
    float start;
} end_rules;
static const end_rules ENDS[NUM_ENDS] = {{"ReduceMin", "Min", "low", INFINITY},
                                         {"ReduceMax", "Max", "high", -INFINITY}};

static kerf_status add_state(watching *w, const char *site, int end, kerf_value **out, int *id)
{
    const float start = w->how->observer == KERF_OBSERVE_MINMAX ? ENDS[end].start : 0;
    char name[512];
    snprintf(name, sizeof name, "kerf.%s of %s", ENDS[end].name, site);
    KERF__TRY(kerf_state_add(w->s, name, KERF_ROLE_RANGE, -1, KERF_F32, KERF_SCALAR, id));
    KERF__TRY(kerf_state_write(w->s, *id, &start));
    return kerf_graph_add_state(w->g, name, *id, KERF_F32, KERF_SCALAR, out);
}

static kerf_status add(kerf_graph *g, const char *op, kerf_value *a, kerf_value *b,
                       kerf_value **out)
{
    kerf_node *n;
    KERF__TRY(kerf_graph_add_node(g, op, NULL, (kerf_value *[]){a, b}, b != NULL ? 2 : 1, 1, &n));
    *out = n->outputs[0];
    return b != NULL ? KERF_OK : kerf_node_set_int(n, "keepdims", 0);
}

static kerf_status add_scaled(kerf_graph *g, kerf_value *v, float factor, kerf_value **out)
{
    kerf_tensor *t;
    kerf_value *constant;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_F32, KERF_SCALAR));
    *(float *)t->data = factor;
    KERF__TRY(kerf_graph_add_constant(g, NULL, t, &constant));
    return add(g, "Mul", v, constant, out);
}

static kerf_status add_end(watching *w, watched *site, kerf_value *v, int end)
{
    kerf_value *old, *now, *next;
    KERF__TRY(add_state(w, site->name, end, &old, &site->ids[end]));
    KERF__TRY(add(w->g, ENDS[end].reduce, v, NULL, &now));
    if (w->how->observer == KERF_OBSERVE_MOVING) {
        KERF__TRY(add_scaled(w->g, now, SHARE, &now));
        KERF__TRY(add_scaled(w->g, old, 1 - SHARE, &old));
    }
    KERF__TRY(add(w->g, w->how->observer == KERF_OBSERVE_MINMAX ? ENDS[end].keep : "Add", old, now,
                  &next));
    next->next_of = site->ids[end];
    return KERF_OK;
}

static size_t count_observed(const kerf__sites *sites, const kerf_graph *g)
{
    size_t num = 0;
    for (size_t i = 0; i < g->num_values; i++)
        num += kerf__sites_observed(sites, g->values[i]) != 0;
    return num;
}

static kerf_status add_observers(watching *w, const kerf_graph *g, const kerf__sites *sites)
{
    const size_t num = count_observed(sites, g);
    w->sites = kerf__alloc(num, sizeof *w->sites);
    if (w->sites == NULL)
        return kerf__fail_memory("calibrate", num * sizeof *w->sites);
    for (size_t i = 0; i < g->num_values; i++) {
        const kerf_value *v = g->values[i];
        if (!kerf__sites_observed(sites, v))
            continue;
        watched *site = &w->sites[w->num++];
        *site = (watched){v->name, {-1, -1}};
        for (int end = 0; end < NUM_ENDS; end++)
            KERF__TRY(add_end(w, site, kerf_graph_find(w->g, v->name), end));
    }
    return KERF_OK;
}

static kerf_status watch(watching *w, const kerf_graph *g, const kerf_quantize_options *options)
{
    kerf__quantize_layers layers;
    kerf__sites sites = {0};
    KERF__TRY(kerf__quantize_find(&layers, g, options));
    kerf_status status = kerf__sites_find(&sites, g, &layers);
    if (status == KERF_OK)
        status = kerf_graph_copy(&w->g, g);
    if (status == KERF_OK)
        status = add_observers(w, g, &sites);
    kerf__sites_free(&sites);
    kerf__quantize_layers_free(&layers);
    return status;
}

/* ---- samples --------------------------------------------------------------------------- */

static kerf_split choose_split(const kerf_dataset *d)
{
    kerf_split split = KERF_SPLIT_TRAIN;
    while (split < KERF_SPLIT_TEST && kerf_dataset_num_samples(d, split) == 0)
        split++;
    return split;
}

static kerf_status open_loader(watching *w, const kerf_graph *g, const kerf_dataset *d)
{
    const kerf_calibrate_options *how = w->how;
    kerf_loader_options loader = {
        .split = choose_split(d), .shuffle = 1, .keep_rest = 1, .seed = how->seed};
    const char *prep = how->prep != NULL ? how->prep : kerf_graph_metadata(g, "kerf.prep");
    const int64_t there = kerf_dataset_num_samples(d, loader.split);
    if (how->samples < 1 || how->batch < 1 || there < 1)
        return kerf__fail(
            KERF_ERR_ARGUMENT,
            "calibrate: %lld of %lld samples in batches of %lld: all three must be at "
            "least 1",
            (long long)how->samples, (long long)there, (long long)how->batch);
    w->samples = how->samples < there ? how->samples : there;
    w->batch = loader.batch = how->batch < w->samples ? how->batch : w->samples;
    KERF__TRY(kerf_prep_parse(&loader.prep, prep != NULL ? prep : kerf_dataset_default_prep(d)));
    return kerf_loader_create(&w->loader, d, &loader);
}

static kerf_status create_plans(watching *w)
{
    kerf_known_input known;
    kerf_plan_options plan = {.mode = KERF_EVALUATE, .inputs = &known, .batch = w->batch};
    if (kerf_graph_num_inputs(w->g) != 1)
        return kerf__fail(KERF_ERR_SHAPE, "calibrate: the network has %d inputs, must have one",
                          kerf_graph_num_inputs(w->g));
    plan.num_inputs = kerf__known_input(w->g, kerf_loader_sample_shape(w->loader), &known);
    KERF__TRY(kerf_plan_create(&w->full, w->g, w->s, &plan));
    plan.batch = w->samples % w->batch;
    return plan.batch > 0 ? kerf_plan_create(&w->rest, w->g, w->s, &plan) : KERF_OK;
}

static kerf_status run_batch(watching *w, kerf_plan *plan, const kerf_batch *batch, int64_t num)
{
    uint64_t token;
    const size_t sample_floats =
        (size_t)kerf_shape_num_elements(kerf_loader_sample_shape(w->loader));
    KERF__TRY(kerf_plan_feed(plan, kerf_value_name(kerf_graph_input(w->g, 0)), batch->images,
                             (size_t)num * sample_floats * sizeof(float)));
    KERF__TRY(kerf_plan_run(plan));
    KERF__TRY(kerf_plan_mark(plan, &token));
    return kerf_plan_finish(plan, token);
}

static kerf_status run_batches(watching *w)
{
    kerf_batch batch;
    KERF__TRY(kerf_loader_begin(w->loader, 0, 0));
    for (int64_t seen = 0; seen < w->samples; seen += w->batch) {
        const int64_t left = w->samples - seen, num = left < w->batch ? left : w->batch;
        KERF__TRY(kerf_loader_next(w->loader, &batch));
        kerf_status status = run_batch(w, num == w->batch ? w->full : w->rest, &batch, num);
        kerf_loader_release(w->loader, &batch);
        KERF__TRY(status);
        if (w->how->progress != NULL &&
            w->how->progress(w->how->context, seen + num, w->samples) != 0)
            return kerf__fail(KERF_ERR_CANCELLED, "calibrate: stopped");
    }
    return KERF_OK;
}

/* ---- results --------------------------------------------------------------------------- */

/* A moving average began at 0; so much of it is still that. */
static double weight_of_start(const watching *w)
{
    const int64_t batches = (w->samples + w->batch - 1) / w->batch;
    return w->how->observer == KERF_OBSERVE_MOVING ? pow(1 - (double)SHARE, (double)batches) : 0;
}

static kerf_status read_range(const watching *w, const watched *site, kerf_ranges *out)
{
    float ends[NUM_ENDS];
    for (int end = 0; end < NUM_ENDS; end++)
        KERF__TRY(kerf_state_read(w->s, site->ids[end], &ends[end]));
    if (!isfinite(ends[LOW]) || !isfinite(ends[HIGH]))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "calibrate: '%s' has values from %g to %g, must be finite numbers; are "
                          "the samples?",
                          site->name, (double)ends[LOW], (double)ends[HIGH]);
    const double share = 1 - weight_of_start(w);
    return kerf__ranges_add(out, site->name, (double)ends[LOW] / share, (double)ends[HIGH] / share);
}

static kerf_status calibrate(watching *w, const kerf_graph *g, const kerf_dataset *d,
                             const kerf_quantize_options *options, kerf_ranges *out)
{
    KERF__TRY(open_loader(w, g, d));
    KERF__TRY(watch(w, g, options));
    KERF__TRY(create_plans(w));
    KERF__TRY(run_batches(w));
    for (size_t i = 0; i < w->num; i++)
        KERF__TRY(read_range(w, &w->sites[i], out));
    return KERF_OK;
}

static void end(watching *w)
{
    if (w->loader != NULL) /* a copy out of its memory may still be queued after a failure */
        (void)kerf_device_finish(kerf_state_device(w->s));
    kerf_loader_destroy(w->loader);
    kerf_plan_destroy(w->full);
    kerf_plan_destroy(w->rest);
    for (size_t i = 0; i < w->num; i++)
        for (int end = 0; end < NUM_ENDS; end++)
            if (w->sites[i].ids[end] >= 0)
                kerf_state_drop(w->s, w->sites[i].ids[end]);
    free(w->sites);
    kerf_graph_destroy(w->g);
}

kerf_status kerf_calibrate(kerf_ranges **out, const kerf_graph *g, kerf_state *s,
                           const kerf_dataset *d, const kerf_quantize_options *options,
                           const kerf_calibrate_options *how)
{
    watching w = {.s = s, .how = how};
    KERF__TRY(kerf__ranges_create(out));
    kerf_status status = calibrate(&w, g, d, options, *out);
    end(&w);
    if (status != KERF_OK) {
        kerf_ranges_destroy(*out);
        *out = NULL;
    }
    return status;
}
