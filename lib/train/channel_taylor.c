/* train/channel_taylor.c -- by how much the loss would change without a channel, to first order
 * (Molchanov et al. 2019): of each batch the square of the sum of weight times gradient over what
 * makes it; see channel_watch.h.
 *
 * That sum is the derivative by a factor on the channel, activation times its gradient: over the
 * weights and the bias of its layer, or over scale and shift where batch normalisation follows.
 * Statistics are the running ones, as in the network that will lose it.
 *
 * A training plan of rate 0 leaves weights as they are, and its moments, of which nothing is kept
 * from step to step, are the gradients. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "train/channel_watch.h"

/* ---- which weights ------------------------------------------------------------------------- */

static int is_norm(const kerf_node *n)
{
    return kerf__node_is(n, "BatchNormalization");
}

/* 1 if batch normalisation reads what the node gives. */
static int is_normalized(const kerf_node *n)
{
    for (size_t i = 0; i < n->graph->num_nodes; i++)
        if (is_norm(n->graph->nodes[i]) && n->graph->nodes[i]->inputs[0] == n->outputs[0])
            return 1;
    return 0;
}

/* The layer that multiplies by this weight, or NULL. */
static const kerf_node *layer_of(const kerf_channels *c, const kerf_value *weight)
{
    for (size_t i = 0; i < c->targets.num; i++)
        if (c->targets.at[i].weight == weight)
            return c->targets.at[i].user;
    return NULL;
}

static int reads(const kerf_node *n, int input, const kerf_value *v)
{
    return n->num_inputs > input && n->inputs[input] == v;
}

/* 1 if v is added to a result (the shift of a normalisation, the bias of a layer that none follows,
 * an Add), or scales a normalised one. */
static int shapes_channels(const kerf_channels *c, const kerf_value *v)
{
    for (size_t i = 0; i < c->graph->num_nodes; i++) {
        const kerf_node *n = c->graph->nodes[i];
        if (is_norm(n) ? reads(n, 1, v) || reads(n, 2, v)
            : kerf__node_is(n, "Add")
                ? reads(n, 0, v) || reads(n, 1, v)
                : layer_of(c, v) == NULL && reads(n, 2, v) && !is_normalized(n))
            return 1;
    }
    return 0;
}

static int counts(const kerf_channels *c, const kerf_channel_member *m, const kerf_value *v)
{
    const kerf_node *layer = layer_of(c, v);
    if (layer != NULL)
        return m->is_output && !is_normalized(layer);
    return shapes_channels(c, v);
}

static kerf_status add_weight(kerf__watch *w, kerf__channel_axis at)
{
    if (!kerf__grow((void **)&w->weights, &w->weight_capacity, w->num_weights, sizeof *w->weights))
        return kerf__fail_memory("channels", w->num_weights * sizeof *w->weights);
    w->weights[w->num_weights++] = (kerf__watch_weight){at, -1};
    return KERF_OK;
}

static kerf_status begin(kerf__watch *w)
{
    const kerf_channels *c = w->c;
    for (size_t i = 0; i < c->num_groups; i++)
        for (size_t k = 0; c->groups[i].told.fixed == NULL && k < c->groups[i].told.num_members;
             k++)
            if (counts(c, &c->groups[i].members[k], c->groups[i].axes[k].value))
                KERF__TRY(add_weight(w, c->groups[i].axes[k]));
    w->sums = kerf__alloc(c->num_slots, sizeof *w->sums);
    return w->sums != NULL ? KERF_OK : kerf__fail_memory("channels", c->num_slots);
}

/* ---- the plan ------------------------------------------------------------------------------ */

/* Patterns that mean the running statistics, each of them; both to be freed. */
static kerf_status list_statistics(const kerf__watch *w, char ***out, size_t *num)
{
    *num = 0;
    *out = kerf__alloc(w->g->num_values + 1, sizeof **out);
    if (*out == NULL)
        return kerf__fail_memory("channels", w->g->num_values * sizeof **out);
    for (size_t i = 0; i < w->g->num_values; i++) {
        const kerf_value *v = w->g->values[i];
        if (v->kind != KERF__VALUE_STATE ||
            kerf_state_get(w->s, v->state_id)->role != KERF_ROLE_STATISTIC)
            continue;
        char *pattern = kerf__alloc(2 * strlen(v->name) + 1, 1);
        if (pattern == NULL)
            return kerf__fail_memory("channels", strlen(v->name));
        kerf__quote_pattern(pattern, v->name);
        (*out)[(*num)++] = pattern;
    }
    return KERF_OK;
}

/* The state that a weight's gradient comes to, -1 where it is not trained. */
static void find_moments(kerf__watch *w)
{
    size_t num = 0;
    for (size_t i = 0; i < w->num_weights; i++) {
        const kerf_state_entry *moment =
            kerf_state_find_owned(w->s, w->weights[i].at.value->state_id, KERF_ROLE_MOMENT);
        if (moment == NULL)
            continue;
        w->weights[num] = w->weights[i];
        w->weights[num++].moment = moment->id;
    }
    w->num_weights = num;
}

/* Moments of an earlier training would stand in the way. */
static void drop_moments(kerf_state *s)
{
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e != NULL && e->role == KERF_ROLE_MOMENT)
            kerf_state_drop(s, id);
    }
}

static kerf_status make_plan(kerf__watch *w, kerf_plan_options *plan)
{
    char **statistics = NULL;
    size_t num = 0;
    drop_moments(w->s);
    kerf_status status = list_statistics(w, &statistics, &num);
    plan->mode = KERF_TRAIN;
    plan->loss = KERF_LOSS_CROSS_ENTROPY;
    plan->zeros = KERF_ZEROS_DENSE;
    plan->optimizer = (kerf_optimizer){.kind = KERF_SGD, .momentum = 1e-30f};
    plan->freeze = (const char *const *)statistics;
    plan->num_freeze = num;
    if (status == KERF_OK)
        status = kerf_plan_create(&w->plan, w->g, w->s, plan);
    for (size_t i = 0; i < num; i++)
        free(statistics[i]);
    free(statistics);
    KERF__TRY(status);
    find_moments(w);
    return kerf_plan_set_step(w->plan, &(kerf_step){.lr = 0, .step = 1, .labels = 1});
}

/* ---- a batch ------------------------------------------------------------------------------- */

static void add_products(const kerf__watch *w, kerf__channel_axis at, const float *x,
                         const float *gradient)
{
    const kerf__channel_extent e = kerf__channel_extent_of(at.value->shape, at.axis);
    for (size_t i = 0; i < e.num; i++) {
        double sum = 0;
        for (size_t o = 0; o < e.outer; o++)
            for (size_t k = 0; k < e.inner; k++) {
                const size_t place = (o * e.num + i) * e.inner + k;
                sum += (double)x[place] * (double)gradient[place];
            }
        w->sums[kerf__channel_root(w->c,
                                   kerf__channel_slot(w->c, at.value, at.axis, (int64_t)i))] += sum;
    }
}

static kerf_status take_weight(const kerf__watch *w, const kerf__watch_weight *weight)
{
    const size_t num = (size_t)kerf_shape_num_elements(weight->at.value->shape);
    float *x = kerf__alloc(num, sizeof *x), *gradient = kerf__alloc(num, sizeof *gradient);
    kerf_status status = x != NULL && gradient != NULL
                             ? KERF_OK
                             : kerf__fail_memory("channels", 2 * num * sizeof *x);
    if (status == KERF_OK)
        status = kerf_state_read(w->s, weight->at.value->state_id, x);
    if (status == KERF_OK)
        status = kerf_state_read(w->s, weight->moment, gradient);
    if (status == KERF_OK)
        add_products(w, weight->at, x, gradient);
    free(x);
    free(gradient);
    return status;
}

/* 1 for each channel that some weight stands for, a square each. */
static void add_squares(const kerf__watch *w, char *is_seen)
{
    for (size_t i = 0; i < w->num_weights; i++) {
        const kerf__channel_axis at = w->weights[i].at;
        for (int64_t k = 0; k < at.value->shape.dims[at.axis]; k++) {
            const uint32_t root =
                kerf__channel_root(w->c, kerf__channel_slot(w->c, at.value, at.axis, k));
            if (!is_seen[root])
                kerf__watch_add(w, at, k, w->sums[root] * w->sums[root]);
            is_seen[root] = 1;
        }
    }
}

static kerf_status take(kerf__watch *w)
{
    char *is_seen = kerf__alloc(w->c->num_slots, 1);
    if (is_seen == NULL)
        return kerf__fail_memory("channels", w->c->num_slots);
    memset(w->sums, 0, w->c->num_slots * sizeof *w->sums);
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < w->num_weights; i++)
        status = take_weight(w, &w->weights[i]);
    if (status == KERF_OK)
        add_squares(w, is_seen);
    free(is_seen);
    return status;
}

const kerf__watch_way kerf__watch_taylor = {
    .batch = 32, .needs_labels = 1, .begin = begin, .make_plan = make_plan, .take = take};
