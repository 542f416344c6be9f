/* plan/costs_predict.c -- the time of a network by what is left of its layers; see kerf/costs.h.
 *
 * Three factors a layer: that were measured one by one, so a layer that is both sparse and of
 * integers is a guess. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/costs_internal.h"
#include "plan/trade.h"

/* ---- between points -------------------------------------------------------------------------- */

/* Along which points a factor was measured: each has the base, and those of its precision whose
 * share is below 1. */
typedef enum axis { AXIS_DENSITY, AXIS_CHANNELS } axis;

static int lies_on(const kerf_costs *c, size_t point, axis along)
{
    const kerf_costs_point *p = &c->points[point];
    return point == c->base || (p->precision == c->points[c->base].precision &&
                                (along == AXIS_DENSITY ? p->density < 1 : p->channels < 1));
}

static double share_of(const kerf_costs_cell *cell, axis along)
{
    return along == AXIS_DENSITY ? cell->density : cell->macs;
}

/* A straight line between the nearest that is larger and the nearest that is not; beyond the ends
 * as at them. */
typedef struct between {
    double x, low, high, at_low, at_high;
} between;

static void add_point(between *b, double x, double y)
{
    if (x <= b->x && x > b->low) {
        b->low = x;
        b->at_low = y;
    }
    if (x > b->x && x < b->high) {
        b->high = x;
        b->at_high = y;
    }
}

static double value_of(const between *b)
{
    if (!isfinite(b->low))
        return b->at_high;
    if (!isfinite(b->high))
        return b->at_low;
    return b->at_low + (b->at_high - b->at_low) * (b->x - b->low) / (b->high - b->low);
}

static double layer_ms(const kerf_costs *c, size_t l, axis along, double share)
{
    between b = {share, -INFINITY, INFINITY, 0, 0};
    for (size_t p = 0; p < c->num_points; p++)
        if (lies_on(c, p, along))
            add_point(&b, share_of(&c->layers[l].cells[p], along), c->layers[l].cells[p].ms);
    return value_of(&b);
}

static double mean_share(const kerf_costs *c, size_t point, axis along)
{
    double sum = 0;
    for (size_t l = 0; l < c->num_layers; l++)
        sum += share_of(&c->layers[l].cells[point], along);
    return sum / (double)c->num_layers;
}

static double rest_ms(const kerf_costs *c, axis along, double share)
{
    between b = {share, -INFINITY, INFINITY, 0, 0};
    for (size_t p = 0; p < c->num_points; p++)
        if (lies_on(c, p, along))
            add_point(&b, mean_share(c, p, along), c->points[p].rest_ms);
    return value_of(&b);
}

/* ---- a layer --------------------------------------------------------------------------------- */

/* In a plan of halves weights of halves are what floats become. */
static int is_of_base(const kerf_costs_point *base, const kerf__layer_left *left)
{
    return left->bits >= 32 || (left->bits == 16 && base->precision == KERF_PRECISION_F16);
}

static kerf_status find_type(const kerf_costs *c, const kerf__layer_left *left, size_t *point)
{
    const kerf_costs_point *base = &c->points[c->base];
    *point = c->base;
    if (is_of_base(base, left))
        return KERF_OK;
    for (*point = 0; *point < c->num_points; ++*point) {
        const kerf_costs_point *p = &c->points[*point];
        if (p->bits == left->bits && p->precision == base->precision &&
            strcmp(p->mode, left->mode) == 0)
            return KERF_OK;
    }
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "costs: nothing was measured of %s with %d bits in %s on %s, as %s has them",
                      left->mode, left->bits, kerf_precision_name(base->precision), c->device,
                      left->node->name);
}

/* What one layer adds to a network. */
typedef struct part {
    size_t layer, type; /* point of its type */
    double density, macs, ms;
} part;

/* Rounding makes zeros, too: what counts is beside those that it made then. */
static double density_of(const kerf_costs *c, const kerf__layer_left *left, const part *p)
{
    const kerf__costs_layer *l = &c->layers[p->layer];
    const double here = (double)left->nonzeros / (double)left->weights;
    const double then = l->cells[p->type].density;
    return then > 0 && p->type != c->base ? l->cells[c->base].density * fmin(1, here / then) : here;
}

static kerf_status judge(const kerf_costs *c, const kerf__layer_left *left, part *p)
{
    p->layer = kerf__trade_owner(left->node->name, (const char *const *)c->names, c->num_layers);
    if (p->layer == c->num_layers)
        return kerf__fail(KERF_ERR_ARGUMENT, "costs: nothing was measured of layer %s",
                          left->node->name);
    const kerf__costs_layer *l = &c->layers[p->layer];
    const double whole = l->cells[c->base].ms;
    KERF__TRY(find_type(c, left, &p->type));
    p->macs = (double)left->weights / (double)kerf_shape_num_elements(l->shape);
    p->density = left->weights > 0 ? density_of(c, left, p) : 0;
    p->ms = whole > 0 ? layer_ms(c, p->layer, AXIS_DENSITY, p->density) *
                            (layer_ms(c, p->layer, AXIS_CHANNELS, p->macs) / whole) *
                            (l->cells[p->type].ms / whole)
                      : 0;
    return KERF_OK;
}

/* ---- a network ------------------------------------------------------------------------------- */

static kerf_status judge_all(const kerf_costs *c, const kerf_graph *g, const kerf_state *s,
                             part **parts, size_t *num)
{
    kerf__layer_left *left;
    *parts = NULL;
    KERF__TRY(kerf__costs_look(&left, num, g, s));
    *parts = kerf__alloc(*num + 1, sizeof **parts);
    kerf_status status =
        *parts != NULL ? KERF_OK : kerf__fail_memory("costs", *num * sizeof **parts);
    for (size_t i = 0; status == KERF_OK && i < *num; i++)
        status = judge(c, &left[i], &(*parts)[i]);
    free(left);
    return status;
}

/* The rest by the layers' means; a layer that has gone leaves nothing of its multiply-adds. */
static double sum_up(const kerf_costs *c, const part *parts, size_t num)
{
    const double whole = c->points[c->base].rest_ms, all = (double)c->num_layers;
    double density = mean_share(c, c->base, AXIS_DENSITY), macs = 0, layers = 0, types = 0;
    for (size_t i = 0; i < num; i++) {
        density += (parts[i].density - c->layers[parts[i].layer].cells[c->base].density) / all;
        macs += parts[i].macs / all;
        layers += parts[i].ms;
        types += (c->points[parts[i].type].rest_ms - whole) / all;
    }
    return layers + rest_ms(c, AXIS_DENSITY, density) + rest_ms(c, AXIS_CHANNELS, macs) - whole +
           types;
}

kerf_status kerf_costs_predict(const kerf_costs *c, const kerf_graph *g, const kerf_state *s,
                               double *ms)
{
    part *parts;
    size_t num;
    kerf_status status = judge_all(c, g, s, &parts, &num);
    if (status == KERF_OK)
        *ms = fmax(sum_up(c, parts, num), 1e-9); /* a time, however the rest was rounded */
    free(parts);
    return status;
}

kerf_status kerf__costs_layers_ms(const kerf_costs *c, const kerf_graph *g, const kerf_state *s,
                                  const char *const *names, size_t num, double *ms)
{
    part *parts;
    size_t num_parts;
    kerf_status status = judge_all(c, g, s, &parts, &num_parts);
    for (size_t k = 0; status == KERF_OK && k < num; k++) {
        ms[k] = 0;
        for (size_t i = 0; i < num_parts; i++)
            if (strcmp(c->names[parts[i].layer], names[k]) == 0)
                ms[k] += parts[i].ms;
    }
    free(parts);
    return status;
}
