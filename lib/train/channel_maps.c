/* train/channel_maps.c -- activations, channel by channel: how many are not 0, which the device
 * counts, and the rank of each picture, which the host finds; see channel_watch.h.
 *
 * A channel is looked at behind each activation that it goes through, as the literature does, and
 * by rank, where it goes through none, behind the layer that makes it. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "train/channel_watch.h"

/* ---- where --------------------------------------------------------------------------------- */

static int is_activation(const kerf_node *n)
{
    static const char *const OPS[] = {"Celu",        "Clip",      "Elu",       "Gelu",
                                      "HardSigmoid", "HardSwish", "LeakyRelu", "Mish",
                                      "PRelu",       "Relu",      "Selu",      "Sigmoid",
                                      "Softplus",    "Softsign",  "Tanh",      "ThresholdedRelu"};
    for (size_t i = 0; i < sizeof OPS / sizeof OPS[0]; i++)
        if (kerf__node_is(n, OPS[i]))
            return 1;
    return 0;
}

/* The first axis behind the batch's in which channels lie that may go; 0: none. */
static int find_axis(const kerf_channels *c, const kerf_value *v)
{
    for (int axis = 1; axis < v->shape.rank; axis++)
        if (!kerf__channel_is_fixed(c, v, axis))
            return axis;
    return 0;
}

static kerf_status add_site(kerf__watch *w, const kerf_value *v)
{
    const int axis = find_axis(w->c, v);
    if (axis == 0 || kerf_graph_find(w->g, v->name) == NULL) /* made while shapes were inferred */
        return KERF_OK;
    if (!kerf__grow((void **)&w->sites, &w->site_capacity, w->num_sites, sizeof *w->sites))
        return kerf__fail_memory("channels", w->num_sites * sizeof *w->sites);
    w->sites[w->num_sites++] = (kerf__watch_site){{v, axis}, NULL};
    return KERF_OK;
}

static kerf_status add_activations(kerf__watch *w)
{
    for (size_t i = 0; i < w->c->graph->num_nodes; i++)
        if (is_activation(w->c->graph->nodes[i]))
            KERF__TRY(add_site(w, w->c->graph->nodes[i]->outputs[0]));
    return KERF_OK;
}

/* 1 if some channel of v is at none of the sites. */
static int is_new(const kerf__watch *w, const kerf_value *v, const char *is_seen)
{
    const int axis = find_axis(w->c, v);
    for (int64_t i = 0; axis > 0 && i < v->shape.dims[axis]; i++)
        if (!is_seen[kerf__channel_root(w->c, kerf__channel_slot(w->c, v, axis, i))])
            return 1;
    return 0;
}

static kerf_status add_layers(kerf__watch *w)
{
    const kerf_channels *c = w->c;
    char *is_seen = kerf__alloc(c->num_slots, 1);
    kerf_status status = is_seen != NULL ? KERF_OK : kerf__fail_memory("channels", c->num_slots);
    for (size_t i = 0; status == KERF_OK && i < w->num_sites; i++) {
        const kerf__channel_axis at = w->sites[i].at;
        for (int64_t k = 0; k < at.value->shape.dims[at.axis]; k++)
            is_seen[kerf__channel_root(c, kerf__channel_slot(c, at.value, at.axis, k))] = 1;
    }
    for (size_t i = 0; status == KERF_OK && i < c->targets.num; i++)
        if (is_new(w, c->targets.at[i].user->outputs[0], is_seen))
            status = add_site(w, c->targets.at[i].user->outputs[0]);
    free(is_seen);
    return status;
}

/* ---- zeros --------------------------------------------------------------------------------- */

static kerf_status append(kerf_graph *g, const char *op, kerf_value *in, kerf_node **out)
{
    return kerf_graph_add_node(g, op, NULL, &in, 1, 1, out);
}

/* The share of what is not 0, at each index of the axis. */
static kerf_status add_share(kerf_graph *g, kerf_value *v, kerf__channel_axis at,
                             const kerf_value **out)
{
    kerf_node *size, *sign, *mean;
    int64_t axes[KERF_MAX_RANK];
    size_t num = 0;
    for (int axis = 0; axis < at.value->shape.rank; axis++)
        if (axis != at.axis)
            axes[num++] = axis;
    KERF__TRY(append(g, "Abs", v, &size));
    KERF__TRY(append(g, "Sign", size->outputs[0], &sign));
    KERF__TRY(append(g, "ReduceMean", sign->outputs[0], &mean));
    KERF__TRY(kerf_node_set_ints(mean, "axes", axes, num));
    KERF__TRY(kerf_node_set_int(mean, "keepdims", 0));
    *out = mean->outputs[0];
    return kerf_graph_add_output(g, mean->outputs[0]);
}

static kerf_status begin_zeros(kerf__watch *w)
{
    KERF__TRY(add_activations(w));
    for (size_t i = 0; i < w->num_sites; i++) {
        const kerf_value *out;
        const kerf__channel_axis at = w->sites[i].at;
        KERF__TRY(add_share(w->g, kerf_graph_find(w->g, at.value->name), at, &out));
        w->sites[i].output = out->name;
    }
    return KERF_OK;
}

static kerf_status evaluate(kerf__watch *w, kerf_plan_options *plan)
{
    plan->mode = KERF_EVALUATE;
    return kerf_plan_create(&w->plan, w->g, w->s, plan);
}

/* Reads what a site shows; the caller frees it. */
static kerf_status read_site(const kerf__watch *w, const kerf__watch_site *site, float **out)
{
    const kerf_tensor *t = kerf_plan_output(w->plan, site->output);
    const size_t num = (size_t)kerf_shape_num_elements(kerf_tensor_shape(t));
    *out = kerf__alloc(num, sizeof **out);
    return *out != NULL ? kerf_tensor_read(t, *out)
                        : kerf__fail_memory("channels", num * sizeof **out);
}

static kerf_status take_zeros(kerf__watch *w)
{
    for (size_t i = 0; i < w->num_sites; i++) {
        const kerf__channel_axis at = w->sites[i].at;
        float *x;
        kerf_status status = read_site(w, &w->sites[i], &x);
        for (int64_t k = 0; status == KERF_OK && k < at.value->shape.dims[at.axis]; k++)
            kerf__watch_add(w, at, k, (double)x[k]);
        free(x);
        KERF__TRY(status);
    }
    return KERF_OK;
}

const kerf__watch_way kerf__watch_zeros = {
    .batch = 32, .begin = begin_zeros, .make_plan = evaluate, .take = take_zeros};

/* ---- ranks --------------------------------------------------------------------------------- */

static int has_maps(const kerf__watch_site *site)
{
    return site->at.value->shape.rank == 4 && site->at.axis == 1;
}

static kerf_status begin_rank(kerf__watch *w)
{
    size_t num = 0;
    KERF__TRY(add_activations(w));
    KERF__TRY(add_layers(w));
    for (size_t i = 0; i < w->num_sites; i++)
        if (has_maps(&w->sites[i]))
            w->sites[num++] = w->sites[i];
    w->num_sites = num;
    for (size_t i = 0; i < num; i++) {
        kerf_value *v = kerf_graph_find(w->g, w->sites[i].at.value->name);
        w->sites[i].output = v->name;
        KERF__TRY(kerf_graph_add_output(w->g, v));
    }
    return KERF_OK;
}

/* maps: (samples, channels, rows, cols).  Pictures may have other sides than in the channels'
 * graph. */
static kerf_status add_ranks(const kerf__watch *w, const kerf__watch_site *site, const float *maps)
{
    const kerf_shape shape = kerf_tensor_shape(kerf_plan_output(w->plan, site->output));
    const size_t rows = (size_t)shape.dims[2], cols = (size_t)shape.dims[3], num = rows * cols;
    double *map = kerf__alloc(num, sizeof *map);
    if (map == NULL)
        return kerf__fail_memory("channels", num * sizeof *map);
    for (int64_t i = 0; i < w->batch * shape.dims[1]; i++) {
        for (size_t k = 0; k < num; k++)
            map[k] = (double)maps[(size_t)i * num + k];
        kerf__watch_add(w, site->at, i % shape.dims[1],
                        (double)kerf__channel_map_rank(map, rows, cols));
    }
    free(map);
    return KERF_OK;
}

static kerf_status take_rank(kerf__watch *w)
{
    for (size_t i = 0; i < w->num_sites; i++) {
        float *x;
        kerf_status status = read_site(w, &w->sites[i], &x);
        if (status == KERF_OK)
            status = add_ranks(w, &w->sites[i], x);
        free(x);
        KERF__TRY(status);
    }
    return KERF_OK;
}

/* Whole activations lie on the device, so few samples at a time. */
const kerf__watch_way kerf__watch_rank = {
    .batch = 8, .begin = begin_rank, .make_plan = evaluate, .take = take_rank};
