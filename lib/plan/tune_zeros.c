/* plan/tune_zeros.c -- measures layers with and without their zeros, for zeros_known.c.
 *
 * Two plans of the same target, one that multiplies by all zeros and one that skips them wherever a
 * kernel can.  Their nodes have the same names, and what belongs to one direction of a layer, its
 * product, values and update, is marked with the product's (sparse_layer.c); so both sides are
 * timed in turns, step by step.  What is shared by several layers, patterns and other orders in
 * memory, is not in these times: planners count borders, and whole plans have the last word
 * (tune_gain.c). */
#include "plan/tune_zeros.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "device/tuning.h"
#include "plan/tune_gain.h"
#include "plan/zeros_known.h"

/* Layers that have more left are no sparse ones. */
static const double MOST_DENSITY = 0.55;

typedef struct pair {
    kerf_plan *dense, *sparse; /* owned */
    double most_density;
    kerf_zeros_progress progress;
    void *context;
} pair;

static const kerf_node *node_of(const kerf_plan *p, int step)
{
    return p->graph->nodes[p->step_nodes[step]];
}

/* ---- timing ---------------------------------------------------------------------------------- */

/* One sample, long enough for cores that have slept; *ms is the least so far. */
static kerf_status time_step(kerf_plan *p, int step, double *ms)
{
    enum { MOST = 200 };
    const double enough_ms = 3;
    double once;
    const int repeat = isfinite(*ms) ? (int)fmax(1, fmin(MOST, enough_ms / fmax(*ms, 1e-3))) : 1;
    KERF__TRY(kerf_plan_time_step(p, step, repeat, &once));
    *ms = fmin(*ms, once);
    return KERF_OK;
}

static int step_named(const kerf_plan *p, const char *name)
{
    for (int i = 0; i < p->num_steps; i++)
        if (strcmp(node_of(p, i)->name, name) == 0)
            return i;
    return -1;
}

/* A step of the sparse plan, and the dense one in whose place it stands; either may be -1. */
static kerf_status time_both(const pair *x, int sparse, int dense, double *sparse_ms,
                             double *dense_ms)
{
    enum { TIMES = 6 };
    double of_sparse = sparse < 0 ? 0 : INFINITY, of_dense = dense < 0 ? 0 : INFINITY;
    for (int i = 0; i < TIMES; i++) {
        if (dense >= 0)
            KERF__TRY(time_step(x->dense, dense, &of_dense));
        if (sparse >= 0)
            KERF__TRY(time_step(x->sparse, sparse, &of_sparse));
    }
    *sparse_ms += of_sparse;
    *dense_ms += of_dense;
    return KERF_OK;
}

/* The product's step and all that is marked as a part of it. */
static kerf_status time_layer(const pair *x, int product, kerf_zeros_time *t)
{
    const char *name = node_of(x->sparse, product)->name;
    for (int i = 0; i < x->sparse->num_steps; i++) {
        const kerf_node *n = node_of(x->sparse, i);
        const char *owner = kerf__zeros_owner_of(n);
        if (owner != NULL && strcmp(owner, name) == 0)
            KERF__TRY(time_both(x, i, step_named(x->dense, n->name), &t->sparse_ms, &t->dense_ms));
    }
    return KERF_OK;
}

static kerf_status remember(const pair *x, const kerf_node *product, const kerf_zeros_time *t)
{
    kerf_device *dev = x->sparse->dev;
    KERF__TRY(kerf__zeros_remember(dev, t->which, kerf__zeros_density_of(product), t->dense_ms,
                                   t->sparse_ms));
    return kerf__tuning_save(dev);
}

static int is_product(const pair *x, const kerf_node *n)
{
    const char *owner = kerf__zeros_owner_of(n);
    return owner != NULL && strcmp(owner, n->name) == 0 && strncmp(n->op, "kerf.Sparse", 11) == 0 &&
           kerf__zeros_density_of(n) <= x->most_density;
}

static kerf_status measure_layers(const pair *x)
{
    for (int i = 0; i < x->sparse->num_steps; i++) {
        const kerf_node *n = node_of(x->sparse, i);
        if (!is_product(x, n) || step_named(x->dense, n->name) < 0)
            continue;
        kerf_zeros_time t = {.which = kerf__zeros_mark_of(n),
                             .name = n->name,
                             .direction = kerf__pass_name(kerf__node_pass(n)),
                             .density = kerf__zeros_density_of(n)};
        KERF__TRY(time_layer(x, i, &t));
        KERF__TRY(remember(x, n, &t));
        if (x->progress != NULL && x->progress(x->context, &t))
            return kerf__fail(KERF_ERR_CANCELLED, "tune: stopped; what was measured is kept");
    }
    return KERF_OK;
}

static kerf_status measure_all(const pair *x, kerf_zeros_time *all)
{
    *all = (kerf_zeros_time){.which = "", .name = "all steps", .direction = "", .density = NAN};
    for (int i = 0; i < x->dense->num_steps; i++)
        KERF__TRY(time_both(x, -1, i, &all->sparse_ms, &all->dense_ms));
    for (int i = 0; i < x->sparse->num_steps; i++)
        KERF__TRY(time_both(x, i, -1, &all->sparse_ms, &all->dense_ms));
    return KERF_OK;
}

/* ---- plans ----------------------------------------------------------------------------------- */

static kerf_status make_plan(const kerf_tune_target *target, kerf_state *s, kerf_zeros zeros,
                             kerf_plan **out)
{
    kerf_plan_options options = target->options;
    options.zeros = zeros;
    KERF__TRY(kerf_plan_create(out, target->g, s, &options));
    KERF__TRY(kerf__tune_fill(*out));
    return kerf_plan_run(*out); /* patterns are made, and every step has numbers to work on */
}

static kerf_status tune_zeros(const kerf_tune_target *target, kerf_state *s, pair *x,
                              kerf_zeros_time *all)
{
    kerf_state *other;
    KERF__TRY(kerf__tune_second_state(&other, s, target->options.mode));
    kerf_status status = make_plan(target, s, KERF_ZEROS_DENSE, &x->dense);
    if (status == KERF_OK)
        status = make_plan(target, other != NULL ? other : s, KERF_ZEROS_SPARSE, &x->sparse);
    if (status == KERF_OK)
        status = measure_layers(x);
    if (status == KERF_OK && all != NULL)
        status = measure_all(x, all);
    kerf_plan_destroy(x->dense);
    kerf_plan_destroy(x->sparse);
    kerf_state_destroy(other);
    return status;
}

int kerf__tune_has_zeros(const kerf_plan *draft)
{
    for (size_t i = 0; i < draft->graph->num_nodes; i++)
        if (kerf__zeros_mark_of(draft->graph->nodes[i]) != NULL &&
            kerf__zeros_density_of(draft->graph->nodes[i]) <= MOST_DENSITY)
            return 1;
    return 0;
}

kerf_status kerf__tune_zeros(const kerf_tune_target *target, kerf_state *s,
                             kerf_zeros_progress progress, void *context)
{
    pair x = {.most_density = MOST_DENSITY, .progress = progress, .context = context};
    return tune_zeros(target, s, &x, NULL);
}

kerf_status kerf_tune_zeros(const kerf_tune_target *target, kerf_zeros_progress progress,
                            void *context, kerf_zeros_time *all)
{
    pair x = {.most_density = 1, .progress = progress, .context = context};
    if (target->options.mode != KERF_TRAIN)
        return tune_zeros(target, target->s, &x, all);
    kerf_state *copy;
    KERF__TRY(kerf_state_copy(&copy, target->s, kerf_state_device(target->s)));
    kerf_status status = tune_zeros(target, copy, &x, all);
    kerf_state_destroy(copy);
    return status;
}
