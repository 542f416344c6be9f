/* compress/quantize/calibrate_passes.c -- the nodes that observe a site, and what they saw.
 *
 *     ranges   site --> ReduceMin --> Min with the state so far --> its next value; so the maxima
 *     counts   site --> kerf.Histogram with range and counts so far --> the next of both
 *     means    site --> ReduceMean of an image --> ReduceSum of a batch --> Add to the state so far
 *
 * The states live on the device; nothing is read before the last batch.  Ranks that share the
 * batches each have states of their own, and what is read is put together: ends by the outermost,
 * counts by bins that hold all, averages by how long ago each rank's batches were. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/together.h"
#include "compress/quantize/calibrate_internal.h"
#include "ops/histogram_common.h"
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

/* What is left of a batch in the average after so many others. */
static double share_after(int64_t num_batches)
{
    return pow(1 - (double)SHARE, (double)num_batches);
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
        KERF__TRY(add_scaled(w->g, old, (float)share_after(kerf__ranks_num(w->how->ranks)), &old));
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

static kerf_status check_finite(const kerf__watched *site, kerf__span span)
{
    if (isfinite(span.low) && isfinite(span.high))
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "calibrate: '%s' has values from %g to %g, must be finite numbers; are the "
                      "samples?",
                      site->name, span.low, span.high);
}

/* The outermost of all ranks, as {-low, high}. */
static kerf_status join_ends(const kerf__watching *w, double ends[2])
{
    return kerf__ranks_largest(w->how->ranks, ends, 2);
}

/* Each rank's own average, which others' batches have followed since its last, adds up to that of
 * all.  It began at 0; so much of it is still that. */
static kerf_status join_averages(const kerf__watching *w, double ends[2])
{
    const int64_t num = kerf__samples_num_batches(&w->samples),
                  own = kerf__samples_num_own(&w->samples);
    const int64_t every = kerf__ranks_num(w->how->ranks);
    const int64_t last = kerf__ranks_own(w->how->ranks) + (own - 1) * every;
    for (int k = 0; k < 2; k++)
        ends[k] *= own > 0 ? share_after(num - 1 - last) : 0;
    KERF__TRY(kerf__ranks_sum(w->how->ranks, ends, 2));
    for (int k = 0; k < 2; k++)
        ends[k] /= 1 - share_after(num);
    return KERF_OK;
}

static kerf_status read_range(const kerf__watching *w, kerf__watched *site)
{
    float low, high;
    KERF__TRY(kerf_state_read(w->s, site->ids[0], &low));
    KERF__TRY(kerf_state_read(w->s, site->ids[1], &high));
    double ends[] = {-(double)low, (double)high};
    KERF__TRY(is_average(w) ? join_averages(w, ends) : join_ends(w, ends));
    site->span = (kerf__span){-ends[0], ends[1]};
    return check_finite(site, site->span);
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

/* Widths of bins are powers of two, and bins begin at whole multiples of them: of wider ones each
 * holds narrower ones whole. */
static void add_merged(double *all, kerf__bins wide, const int32_t *counts, kerf__bins own)
{
    for (int bin = 0; bin < KERF__BINS; bin++) {
        const double at = floor((own.low + bin * own.width - wide.low) / wide.width);
        if (counts[bin] > 0)
            all[(int)fmin(fmax(at, 0), KERF__BINS - 1)] += counts[bin];
    }
}

/* Counts of all ranks, by the bins of the range of all; counts and range were this rank's. */
static kerf_status join_counts(const kerf_ranks *ranks, int32_t *counts, const float own[2],
                               kerf__span all)
{
    double sums[KERF__BINS] = {0};
    if (kerf__ranks_num(ranks) == 1)
        return KERF_OK;
    if (own[0] <= own[1]) /* it saw something */
        add_merged(sums, kerf__histogram_bins((float)all.low, (float)all.high, KERF__BINS), counts,
                   kerf__histogram_bins(own[0], own[1], KERF__BINS));
    KERF__TRY(kerf__ranks_sum(ranks, sums, KERF__BINS));
    for (int bin = 0; bin < KERF__BINS; bin++)
        counts[bin] = (int32_t)sums[bin];
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
    double ends[] = {-(double)range[0], (double)range[1]};
    KERF__TRY(join_ends(w, ends));
    const kerf__span all = {-ends[0], ends[1]};
    KERF__TRY(check_finite(site, all));
    KERF__TRY(join_counts(w->how->ranks, counts, range, all));
    site->span = kerf__observe(w->how, counts, (float)all.low, (float)all.high);
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
        means[i] = (double)sums[i];
    free(sums);
    if (status == KERF_OK)
        status = kerf__ranks_sum(w->how->ranks, means, site->channels);
    for (size_t i = 0; status == KERF_OK && i < site->channels; i++)
        means[i] /= (double)w->samples.num;
    if (status == KERF_OK)
        return kerf__ranges_add_means(w->out, site->name, means, site->channels);
    free(means);
    return status;
}

const kerf__pass_rules kerf__pass_means = {add_means, read_means};
