/* compress/quantize/calibrate_passes.c -- the nodes that observe a site, and what they saw.
 *
 *     ranges   site --> ReduceMin --> Min with the state so far --> its next value; so the maxima
 *     counts   site --> kerf.Histogram with range and counts so far --> the next of both
 *     means    site --> ReduceMean of an image --> ReduceSum of a batch --> Add to the state so far
 *
 * The states live on the device; nothing is read before the last batch. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/calibrate_internal.h"
#include "tensor/tensor_internal.h"

/* What a new batch counts in a moving average. */
static const float SHARE = 0.01f;

/* A state of the site, for this pass. */
static kerf_status add_state(kerf__watching *w, kerf__watched *site, const char *what,
                             kerf_type type, kerf_shape shape, kerf_value **out)
{
    char name[512];
    int *id = &site->ids[site->num_ids];
    snprintf(name, sizeof name, "kerf.%s of %s", what, site->name);
    KERF__TRY(kerf_state_add(w->s, name, KERF_ROLE_RANGE, -1, type, shape, id));
    site->num_ids++;
    return kerf_graph_add_state(w->g, name, *id, type, shape, out);
}

/* ---- ranges ---------------------------------------------------------------------------- */

typedef struct end_rules {
    const char *name, *reduce, *keep;
    float start;
} end_rules;
static const end_rules ENDS[] = {{"low", "ReduceMin", "Min", INFINITY},
                                 {"high", "ReduceMax", "Max", -INFINITY}};

static int is_average(const kerf__watching *w)
{
    return w->how->observer == KERF_OBSERVE_MOVING;
}

static kerf_status add(kerf_graph *g, const char *op, kerf_value *a, kerf_value *b,
                       kerf_value **out)
{
    kerf_node *n;
    KERF__TRY(kerf_graph_add_node(g, op, NULL, (kerf_value *[]){a, b}, 2, 1, &n));
    *out = n->outputs[0];
    return KERF_OK;
}

static kerf_status add_reduce(kerf_graph *g, const char *op, kerf_value *v, kerf_value **out)
{
    kerf_node *n;
    KERF__TRY(kerf_graph_add_node(g, op, NULL, &v, 1, 1, &n));
    *out = n->outputs[0];
    return kerf_node_set_int(n, "keepdims", 0);
}

/* Over axes from `first` on, up to `end`. */
static kerf_status add_reduce_axes(kerf_graph *g, const char *op, kerf_value *v, int first, int end,
                                   kerf_value **out)
{
    int64_t axes[KERF_MAX_RANK];
    for (int i = first; i < end; i++)
        axes[i - first] = i;
    KERF__TRY(add_reduce(g, op, v, out));
    return kerf_node_set_ints((*out)->producer, "axes", axes, (size_t)(end - first));
}

static kerf_status add_numbers(kerf_graph *g, const float *x, kerf_shape shape, kerf_value **out)
{
    kerf_tensor *t;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_F32, shape));
    for (size_t i = 0; i < t->num_elements; i++)
        ((float *)t->data)[i] = x[i];
    return kerf_graph_add_constant(g, NULL, t, out);
}

static kerf_status add_scaled(kerf_graph *g, kerf_value *v, float factor, kerf_value **out)
{
    kerf_value *constant;
    KERF__TRY(add_numbers(g, &factor, KERF_SCALAR, &constant));
    return add(g, "Mul", v, constant, out);
}

static kerf_status add_end(kerf__watching *w, kerf__watched *site, kerf_value *v,
                           const end_rules *end)
{
    kerf_value *old, *now, *next;
    const float start = is_average(w) ? 0 : end->start;
    KERF__TRY(add_state(w, site, end->name, KERF_F32, KERF_SCALAR, &old));
    const int id = old->state_id;
    KERF__TRY(kerf_state_write(w->s, id, &start));
    KERF__TRY(add_reduce(w->g, end->reduce, v, &now));
    if (is_average(w)) {
        KERF__TRY(add_scaled(w->g, now, SHARE, &now));
        KERF__TRY(add_scaled(w->g, old, 1 - SHARE, &old));
    }
    KERF__TRY(add(w->g, is_average(w) ? "Add" : end->keep, old, now, &next));
    next->next_of = id;
    return KERF_OK;
}

static kerf_status add_range(kerf__watching *w, kerf__watched *site, kerf_value *v)
{
    KERF__TRY(add_end(w, site, v, &ENDS[0]));
    return add_end(w, site, v, &ENDS[1]);
}

static kerf_status check_finite(const kerf__watched *site, float low, float high)
{
    if (isfinite(low) && isfinite(high))
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "calibrate: '%s' has values from %g to %g, must be finite numbers; are the "
                      "samples?",
                      site->name, (double)low, (double)high);
}

static kerf_status read_range(const kerf__watching *w, kerf__watched *site)
{
    float low, high;
    KERF__TRY(kerf_state_read(w->s, site->ids[0], &low));
    KERF__TRY(kerf_state_read(w->s, site->ids[1], &high));
    KERF__TRY(check_finite(site, low, high));
    /* A moving average began at 0; so much of it is still that. */
    const double start =
        is_average(w) ? pow(1 - (double)SHARE, (double)kerf__samples_num_batches(&w->samples)) : 0;
    site->span = (kerf__span){(double)low / (1 - start), (double)high / (1 - start)};
    return KERF_OK;
}

const kerf__pass_rules kerf__pass_ranges = {add_range, read_range};

/* ---- counts ---------------------------------------------------------------------------- */

int kerf__observer_counts(kerf_observer observer)
{
    return observer != KERF_OBSERVE_MINMAX && observer != KERF_OBSERVE_MOVING;
}

static kerf_status add_counts(kerf__watching *w, kerf__watched *site, kerf_value *v)
{
    static const float NOTHING[] = {INFINITY, -INFINITY};
    kerf_value *inputs[3] = {v};
    kerf_node *n;
    KERF__TRY(add_state(w, site, "range", KERF_F32, KERF_SHAPE(2), &inputs[1]));
    KERF__TRY(kerf_state_write(w->s, inputs[1]->state_id, NOTHING));
    KERF__TRY(add_state(w, site, "counts", KERF_S32, KERF_SHAPE(KERF__BINS + 1), &inputs[2]));
    KERF__TRY(kerf_graph_add_node(w->g, "kerf.Histogram", NULL, inputs, 3, 2, &n));
    n->outputs[0]->next_of = inputs[1]->state_id;
    n->outputs[1]->next_of = inputs[2]->state_id;
    return KERF_OK;
}

static kerf_status read_counts(const kerf__watching *w, kerf__watched *site)
{
    float range[2];
    int32_t counts[KERF__BINS + 1];
    KERF__TRY(kerf_state_read(w->s, site->ids[0], range));
    KERF__TRY(kerf_state_read(w->s, site->ids[1], counts));
    if (counts[KERF__BINS] > 0) /* of NaN */
        range[0] = range[1] = NAN;
    KERF__TRY(check_finite(site, range[0], range[1]));
    site->span = kerf__observe(w->how, counts, range[0], range[1]);
    return KERF_OK;
}

const kerf__pass_rules kerf__pass_counts = {add_counts, read_counts};

/* ---- means ----------------------------------------------------------------------------- */

static kerf_status add_means(kerf__watching *w, kerf__watched *site, kerf_value *v)
{
    kerf_value *old, *next;
    const kerf_shape shape = KERF_SHAPE((int64_t)site->channels);
    KERF__TRY(add_state(w, site, "sums", KERF_F32, shape, &old));
    const int id = old->state_id;
    if (site->rank > 2)
        KERF__TRY(add_reduce_axes(w->g, "ReduceMean", v, 2, site->rank, &v));
    KERF__TRY(add_reduce_axes(w->g, "ReduceSum", v, 0, 1, &v));
    KERF__TRY(add(w->g, "Add", old, v, &next));
    next->next_of = id;
    return KERF_OK;
}

static kerf_status read_means(const kerf__watching *w, kerf__watched *site)
{
    float *sums = kerf__alloc(site->channels, sizeof *sums);
    double *means = kerf__alloc(site->channels, sizeof *means);
    kerf_status status = sums != NULL && means != NULL
                             ? kerf_state_read(w->s, site->ids[0], sums)
                             : kerf__fail_memory("calibrate", site->channels * sizeof *means);
    for (size_t i = 0; status == KERF_OK && i < site->channels; i++)
        means[i] = (double)sums[i] / (double)w->samples.num;
    free(sums);
    if (status == KERF_OK)
        return kerf__ranges_add_means(w->out, site->name, means, site->channels);
    free(means);
    return status;
}

const kerf__pass_rules kerf__pass_means = {add_means, read_means};
