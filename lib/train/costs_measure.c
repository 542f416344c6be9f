/* train/costs_measure.c -- what the layers of a network take on a device, with fewer non-zeros,
 * fewer channels and other types; see kerf/costs.h and plan/costs_internal.h.
 *
 * Each point is a network like those that are made of it elsewhere, planned as any other, so what
 * is measured is what this device makes of it: zeros count where its planner skips them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "kerf/channels.h"
#include "kerf/quantize.h"
#include "plan/costs_internal.h"
#include "plan/trade.h"

static const kerf_costs_point POINTS[] = {
    {1, 1, 32, "float", 0, 0},      {0.5, 1, 32, "float", 0, 0},   {0.3, 1, 32, "float", 0, 0},
    {0.2, 1, 32, "float", 0, 0},    {0.1, 1, 32, "float", 0, 0},   {0.05, 1, 32, "float", 0, 0},
    {0.02, 1, 32, "float", 0, 0},   {1, 0.875, 32, "float", 0, 0}, {1, 0.75, 32, "float", 0, 0},
    {1, 0.625, 32, "float", 0, 0},  {1, 0.5, 32, "float", 0, 0},   {1, 0.25, 32, "float", 0, 0},
    {1, 0.125, 32, "float", 0, 0},  {1, 1, 8, "static", 0, 0},     {1, 1, 4, "static", 0, 0},
    {1, 1, 2, "static", 0, 0},      {1, 1, 8, "dynamic", 0, 0},    {1, 1, 8, "weight-only", 0, 0},
    {1, 1, 4, "weight-only", 0, 0}, {1, 1, 2, "weight-only", 0, 0}};
enum { NUM_POINTS = sizeof POINTS / sizeof POINTS[0] };

typedef struct measuring {
    const kerf_graph *g; /* borrowed, as the next two */
    const kerf_state *s;
    const kerf_costs_options *how;
    kerf__trade_clock clock;
    kerf_costs *out; /* owned */
    double *ms;      /* owned; room for the layers */
} measuring;

/* ---- networks -------------------------------------------------------------------------------- */

typedef kerf_status (*make_network)(const measuring *m, const kerf_costs_point *p, kerf_graph *g,
                                    kerf_state *s);

static kerf_status make_sparse(const measuring *m, const kerf_costs_point *p, kerf_graph *g,
                               kerf_state *s)
{
    const kerf_prune_options how = {.method = KERF_PRUNE_RANDOM,
                                    .scope = KERF_SCOPE_LAYER,
                                    .amount = 1 - p->density,
                                    .seed = m->how->seed};
    kerf_pruner *pruner = NULL;
    KERF__TRY(kerf_prune_mark(g, s, &how));
    KERF__TRY(kerf_pruner_create(&pruner, g, s, &how));
    kerf_status status = kerf_pruner_apply(pruner, 1);
    kerf_pruner_destroy(pruner);
    return status;
}

static kerf_status make_narrow(const measuring *m, const kerf_costs_point *p, kerf_graph *g,
                               kerf_state *s)
{
    const kerf_channel_options how = {.criterion = KERF_CHANNEL_RANDOM,
                                      .scope = KERF_CHANNEL_SCOPE_LAYER,
                                      .amount = 1 - p->channels,
                                      .seed = m->how->seed};
    kerf_channels *channels;
    KERF__TRY(kerf_channels_find(&channels, g, s));
    kerf_status status = kerf_channels_choose(channels, s, &how);
    if (status == KERF_OK)
        status = kerf_channels_remove(channels, g, s);
    kerf_channels_destroy(channels);
    return status;
}

static kerf_type type_of(int bits)
{
    return bits == 8 ? KERF_S8 : bits == 4 ? KERF_S4 : KERF_S2;
}

static kerf_status round_static(const measuring *m, kerf_quantize_options *q, kerf_graph *g,
                                kerf_state *s)
{
    const kerf_calibrate_options how = {
        .observer = KERF_OBSERVE_MINMAX, .samples = 16, .batch = 16, .seed = m->how->seed};
    kerf_ranges *ranges;
    if (m->how->data == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "costs: there must be samples to find ranges on");
    KERF__TRY(kerf_quantize_fold(g, s));
    KERF__TRY(kerf_calibrate(&ranges, g, s, m->how->data, q, &how));
    q->ranges = ranges;
    kerf_status status = kerf_quantize(g, s, q);
    kerf_ranges_destroy(ranges);
    return status;
}

static kerf_status make_rounded(const measuring *m, const kerf_costs_point *p, kerf_graph *g,
                                kerf_state *s)
{
    static const struct {
        const char *word;
        kerf_quantize_mode mode;
    } MODES[] = {{"static", KERF_QUANTIZE_STATIC},
                 {"dynamic", KERF_QUANTIZE_DYNAMIC},
                 {"weight-only", KERF_QUANTIZE_WEIGHT_ONLY}};
    size_t i = 0;
    while (strcmp(MODES[i].word, p->mode) != 0)
        i++;
    kerf_quantize_options q = kerf_quantize_defaults(MODES[i].mode);
    q.weights = type_of(p->bits);
    return MODES[i].mode == KERF_QUANTIZE_STATIC ? round_static(m, &q, g, s)
                                                 : kerf_quantize(g, s, &q);
}

static make_network maker_of(const kerf_costs_point *p)
{
    return p->density < 1 ? make_sparse : p->channels < 1 ? make_narrow : make_rounded;
}

static kerf_status make_point(const measuring *m, size_t i, kerf_graph **g, kerf_state **s)
{
    *s = NULL;
    KERF__TRY(kerf_graph_copy(g, m->g));
    KERF__TRY(kerf_state_copy(s, m->s, kerf_state_device(m->s)));
    return i == 0 ? KERF_OK : maker_of(&POINTS[i])(m, &POINTS[i], *g, *s);
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* The least of medians: what disturbs a timing only makes it longer. */
static kerf_status time_network(const measuring *m, const kerf_graph *g, kerf_state *s, double *ms)
{
    const double begin = kerf__now_ms();
    *ms = INFINITY;
    do {
        double once;
        KERF__TRY(kerf__trade_run_ms(&m->clock, g, s, &once));
        *ms = fmin(*ms, once);
    } while (kerf__now_ms() - begin < m->how->network_ms);
    return KERF_OK;
}

static void note_cells(const measuring *m, const kerf__layer_left *left, size_t num)
{
    const size_t at = m->out->num_points;
    for (size_t i = 0; i < num; i++) {
        const size_t l = kerf__trade_owner(left[i].node->name, (const char *const *)m->out->names,
                                           m->out->num_layers);
        if (l == m->out->num_layers)
            continue;
        const double whole = (double)kerf_shape_num_elements(m->out->layers[l].shape);
        m->out->layers[l].cells[at].macs = fmin(1, (double)left[i].weights / whole);
        m->out->layers[l].cells[at].density = (double)left[i].nonzeros / (double)left[i].weights;
    }
}

/* The next point of what is made, as POINTS[i] says. */
static kerf_status measure_point(const measuring *m, size_t i, const kerf_graph *g, kerf_state *s)
{
    kerf_costs *c = m->out;
    kerf_costs_point *p = &c->points[c->num_points];
    kerf__layer_left *left;
    size_t num;
    *p = POINTS[i];
    KERF__TRY(time_network(m, g, s, &p->ms));
    KERF__TRY(kerf__trade_layers_ms(&m->clock, g, s, (const char *const *)c->names, c->num_layers,
                                    m->ms));
    KERF__TRY(kerf__costs_look(&left, &num, g, s));
    note_cells(m, left, num);
    free(left);
    p->rest_ms = p->ms;
    for (size_t l = 0; l < c->num_layers; l++) {
        c->layers[l].cells[c->num_points].ms = m->ms[l];
        p->rest_ms -= m->ms[l];
    }
    c->num_points++;
    return KERF_OK;
}

/* A line more. */
static kerf_status leave_out(kerf_costs *c, const kerf_costs_point *p)
{
    char head[96];
    snprintf(head, sizeof head, "density %g, channels %g, %s with %d bits: ", p->density,
             p->channels, p->mode, p->bits);
    const size_t used = c->left_out != NULL ? strlen(c->left_out) : 0;
    const size_t room = used + strlen(head) + strlen(kerf_last_error()) + 2;
    char *text = kerf__realloc(c->left_out, room, 1);
    if (text == NULL)
        return kerf__fail_memory("costs", room);
    snprintf(text + used, room - used, "%s%s\n", head, kerf_last_error());
    c->left_out = text;
    return KERF_OK;
}

/* That a network has no channels to cut, or nothing that can be an integer, is no failure. */
static int cannot_be(kerf_status status)
{
    return status == KERF_ERR_ARGUMENT || status == KERF_ERR_SHAPE ||
           status == KERF_ERR_UNSUPPORTED;
}

static kerf_status add_point(const measuring *m, size_t i)
{
    kerf_graph *g = NULL;
    kerf_state *s = NULL;
    kerf_status status = make_point(m, i, &g, &s);
    if (status == KERF_OK)
        status = measure_point(m, i, g, s);
    else if (i > 0 && cannot_be(status))
        status = leave_out(m->out, &POINTS[i]);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return status;
}

static kerf_status tell(const measuring *m, size_t done)
{
    return m->how->progress == NULL ||
                   m->how->progress(m->how->context, (int64_t)done, NUM_POINTS) == 0
               ? KERF_OK
               : kerf__fail(KERF_ERR_CANCELLED, "costs: stopped after %zu of %d networks", done,
                            NUM_POINTS);
}

static kerf_status measure_all(const measuring *m)
{
    for (size_t i = 0; i < NUM_POINTS; i++) {
        KERF__TRY(tell(m, i));
        KERF__TRY(add_point(m, i));
    }
    return tell(m, NUM_POINTS);
}

/* ---- what it is of --------------------------------------------------------------------------- */

static kerf_status name_layers(kerf_costs *c, const kerf__layer_left *left)
{
    for (size_t l = 0; l < c->num_layers; l++) {
        c->names[l] = kerf__strdup(left[l].node->name);
        c->layers[l].op = kerf__strdup(left[l].node->op);
        c->layers[l].shape = left[l].shape;
        if (c->names[l] == NULL || c->layers[l].op == NULL)
            return kerf__fail_memory("costs", 64);
        if (left[l].bits < 32)
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "costs: %s has weights of %d bits, must be floats: costs are of the "
                              "network before it is quantized",
                              c->names[l], left[l].bits);
    }
    return KERF_OK;
}

static kerf_status name_device(kerf_costs *c, const kerf_device_info *info)
{
    c->device = kerf__strdup(info->name);
    c->device_id = kerf__strdup(info->id);
    c->driver = kerf__strdup(info->driver);
    return c->device != NULL && c->device_id != NULL && c->driver != NULL
               ? KERF_OK
               : kerf__fail_memory("costs", 256);
}

static kerf_status begin(measuring *m)
{
    kerf__layer_left *left;
    size_t num;
    KERF__TRY(kerf__costs_look(&left, &num, m->g, m->s));
    kerf_status status =
        num > 0 ? kerf__costs_create(&m->out, num, NUM_POINTS)
                : kerf__fail(KERF_ERR_ARGUMENT, "costs: the network has no layers with weights, "
                                                "must have one");
    if (status == KERF_OK)
        status = name_layers(m->out, left);
    free(left);
    KERF__TRY(status);
    m->out->num_points = 0; /* so far */
    m->ms = kerf__alloc(num, sizeof *m->ms);
    if (m->ms == NULL)
        return kerf__fail_memory("costs", num * sizeof *m->ms);
    kerf__costs_digest(m->g, m->out->structure);
    return name_device(m->out, kerf_device_get_info(kerf_state_device(m->s)));
}

kerf_status kerf_costs_measure(kerf_costs **out, const kerf_graph *g, const kerf_state *s,
                               const kerf_costs_options *how)
{
    measuring m = {.g = g, .s = s, .how = how, .clock = {NULL, how->inputs, how->num_inputs}};
    *out = NULL;
    if (kerf_state_device(s) == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "costs: the state must lie on the device to measure");
    kerf_status status = begin(&m);
    if (status == KERF_OK)
        status = measure_all(&m);
    free(m.ms);
    if (status == KERF_OK)
        *out = m.out;
    else
        kerf_costs_destroy(m.out);
    return status;
}
