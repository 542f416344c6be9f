/* train/costs_measure.c -- what the layers of a network take on a device, with fewer non-zeros,
 * fewer channels, other types and halves; see kerf/costs.h, plan/costs_internal.h, and
 * costs_networks.c for the networks.
 *
 * Each point is a network like those that are made of it elsewhere, planned as any other, so what
 * is measured is what this device makes of it: zeros count where its planner skips them.
 *
 * Each runs in turns with the whole network, and what is kept is their ratio, times the least that
 * the whole has taken so far: a device that gets warm or busy on the way, or is asked again
 * tomorrow for the rest, changes no ratio. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "plan/costs_internal.h"
#include "plan/trade.h"
#include "train/costs_networks.h"

typedef struct measuring {
    const kerf_graph *g; /* borrowed, as the next two */
    const kerf_state *s;
    const kerf_costs_options *how;
    kerf__trade_clock clock;
    kerf_state *state; /* owned, as all here: the whole one's, for its plan */
    kerf__trade_errand *whole;
    kerf_costs *out;
    double *ms; /* room for the layers */
} measuring;

/* ---- measuring ------------------------------------------------------------------------------- */

static void scale_all(kerf_costs *c, double factor)
{
    for (size_t p = 0; p < c->num_points; p++) {
        c->points[p].ms *= factor;
        c->points[p].rest_ms *= factor;
        for (size_t l = 0; l < c->num_layers; l++)
            c->layers[l].cells[p].ms *= factor;
    }
}

/* Times in ms[] are the whole's and the network's, in turns.  The least of the whole's is the scale
 * of all, as what disturbs a timing only makes it longer. */
static void note_time(kerf_costs *c, kerf_costs_point *p, const double ms[2])
{
    const double so_far = c->num_points > 0 ? c->points[0].ms : ms[0];
    if (ms[0] < so_far)
        scale_all(c, ms[0] / so_far);
    p->ms = fmin(so_far, ms[0]) * (ms[1] / ms[0]);
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

/* Layers at the scale of their network. */
static void note_layers(const measuring *m, kerf_costs_point *p, double scale)
{
    kerf_costs *c = m->out;
    p->rest_ms = p->ms;
    for (size_t l = 0; l < c->num_layers; l++) {
        c->layers[l].cells[c->num_points].ms = m->ms[l] * scale;
        p->rest_ms -= m->ms[l] * scale;
    }
}

static kerf_status time_network(const measuring *m, kerf__trade_errand *e, kerf_costs_point *p)
{
    kerf__trade_errand *const both[2] = {m->whole, e};
    double ms[2];
    KERF__TRY(kerf__trade_turns(both, m->how->network_ms, ms));
    KERF__TRY(
        kerf__trade_steps_ms(e, (const char *const *)m->out->names, m->out->num_layers, m->ms));
    if (e == m->whole)
        ms[0] = ms[1] = fmin(ms[0], ms[1]);
    note_time(m->out, p, ms);
    note_layers(m, p, p->ms / ms[1]);
    return KERF_OK;
}

/* The next point of what is made; e: its plan. */
static kerf_status measure_point(const measuring *m, const kerf_costs_point *which,
                                 const kerf_graph *g, const kerf_state *s, kerf__trade_errand *e)
{
    kerf_costs *c = m->out;
    kerf__layer_left *left;
    size_t num;
    c->points[c->num_points] = *which;
    KERF__TRY(time_network(m, e, &c->points[c->num_points]));
    KERF__TRY(kerf__costs_look(&left, &num, g, s));
    note_cells(m, left, num);
    free(left);
    c->num_points++;
    return KERF_OK;
}

static kerf_status measure_copy(const measuring *m, const kerf_costs_point *which, kerf_graph *g,
                                kerf_state *s)
{
    kerf__trade_errand *e = NULL;
    kerf_status status = kerf__costs_make(m->how, which, g, s);
    if (status == KERF_OK)
        status = kerf__trade_open(&e, &m->clock, which->precision, g, s);
    if (status == KERF_OK)
        status = measure_point(m, which, g, s, e);
    kerf__trade_close(e);
    return status;
}

/* ---- one after the other --------------------------------------------------------------------- */

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

static kerf_status add_copy(const measuring *m, const kerf_costs_point *which)
{
    kerf_graph *g = NULL;
    kerf_state *s = NULL;
    kerf_status status = kerf_graph_copy(&g, m->g);
    if (status == KERF_OK)
        status = kerf_state_copy(&s, m->s, kerf_state_device(m->s));
    if (status == KERF_OK)
        status = measure_copy(m, which, g, s);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return cannot_be(status) ? leave_out(m->out, which) : status;
}

/* The place of a network among those that are known; their number: it is not. */
static size_t find_known(const kerf_costs *known, const kerf_costs_point *which)
{
    size_t p = 0;
    while (p < known->num_points &&
           (known->points[p].density != which->density ||
            known->points[p].channels != which->channels || known->points[p].bits != which->bits ||
            known->points[p].precision != which->precision ||
            strcmp(known->points[p].mode, which->mode) != 0))
        p++;
    return p;
}

/* Files may have layers in any order; kerf_costs_check() has seen that each is there. */
static size_t find_layer(const kerf_costs *known, const char *name)
{
    size_t l = 0;
    while (strcmp(known->names[l], name) != 0)
        l++;
    return l;
}

/* Its ratio stays, at the scale of today. */
static void take_over(kerf_costs *c, const kerf_costs *known, size_t p)
{
    const double scale = c->num_points > 0 ? c->points[0].ms / known->points[0].ms : 1;
    kerf_costs_point *here = &c->points[c->num_points];
    *here = known->points[p];
    here->ms *= scale;
    here->rest_ms *= scale;
    for (size_t l = 0; l < c->num_layers; l++) {
        kerf_costs_cell *cell = &c->layers[l].cells[c->num_points];
        *cell = known->layers[find_layer(known, c->names[l])].cells[p];
        cell->ms *= scale;
    }
    c->num_points++;
}

static kerf_status add_point(const measuring *m, size_t i)
{
    const kerf_costs_point *which = kerf__costs_network(i);
    const kerf_costs *known = m->how->known;
    const size_t at = known != NULL ? find_known(known, which) : 0;
    if (known != NULL && at < known->num_points) {
        take_over(m->out, known, at);
        return KERF_OK;
    }
    KERF__TRY(i == 0 ? measure_point(m, which, m->g, m->state, m->whole) : add_copy(m, which));
    return m->how->keep != NULL ? m->how->keep(m->how->context, m->out) : KERF_OK;
}

static kerf_status tell(const measuring *m, size_t done)
{
    const size_t num = kerf__costs_num_networks();
    return m->how->progress == NULL ||
                   m->how->progress(m->how->context, (int64_t)done, (int64_t)num) == 0
               ? KERF_OK
               : kerf__fail(KERF_ERR_CANCELLED, "costs: stopped after %zu of %zu networks", done,
                            num);
}

static kerf_status measure_all(const measuring *m)
{
    const size_t num = kerf__costs_num_networks();
    for (size_t i = 0; i < num; i++) {
        KERF__TRY(tell(m, i));
        KERF__TRY(add_point(m, i));
    }
    return tell(m, num);
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

/* Numbers of another device, or of another network, are no part of these. */
static kerf_status check_known(const measuring *m, const kerf_device_info *info)
{
    const kerf_costs *known = m->how->known;
    if (known == NULL)
        return KERF_OK;
    if (strcmp(known->device_id, info->id) != 0 || strcmp(known->driver, info->driver) != 0)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "costs: those that are to be gone on with are of %s, driver %s; must be "
                          "of this device, %s, driver %s",
                          known->device, known->driver, info->name, info->driver);
    return kerf_costs_check(known, m->g, m->s);
}

static kerf_status add_room(measuring *m)
{
    kerf__layer_left *left;
    size_t num;
    KERF__TRY(kerf__costs_look(&left, &num, m->g, m->s));
    kerf_status status =
        num > 0 ? kerf__costs_create(&m->out, num, kerf__costs_num_networks())
                : kerf__fail(KERF_ERR_ARGUMENT, "costs: the network has no layers with weights, "
                                                "must have one");
    if (status == KERF_OK)
        status = name_layers(m->out, left);
    free(left);
    KERF__TRY(status);
    m->out->num_points = 0; /* so far */
    m->ms = kerf__alloc(num, sizeof *m->ms);
    return m->ms != NULL ? KERF_OK : kerf__fail_memory("costs", num * sizeof *m->ms);
}

static kerf_status begin(measuring *m)
{
    kerf_device *dev = kerf_state_device(m->s);
    if (dev == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "costs: the state must lie on the device to measure");
    KERF__TRY(check_known(m, kerf_device_get_info(dev)));
    KERF__TRY(add_room(m));
    kerf__costs_digest(m->g, m->out->structure);
    KERF__TRY(name_device(m->out, kerf_device_get_info(dev)));
    KERF__TRY(kerf_state_copy(&m->state, m->s, dev));
    return kerf__trade_open(&m->whole, &m->clock, KERF_PRECISION_F32, m->g, m->state);
}

kerf_status kerf_costs_measure(kerf_costs **out, const kerf_graph *g, const kerf_state *s,
                               const kerf_costs_options *how)
{
    measuring m = {.g = g, .s = s, .how = how, .clock = {NULL, how->inputs, how->num_inputs}};
    *out = NULL;
    kerf_status status = begin(&m);
    if (status == KERF_OK)
        status = measure_all(&m);
    kerf__trade_close(m.whole);
    kerf_state_destroy(m.state);
    free(m.ms);
    if (status == KERF_OK)
        *out = m.out;
    else
        kerf_costs_destroy(m.out);
    return status;
}
