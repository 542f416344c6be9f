/* compress/prune/pruner.c -- choosing masks, event by event: feeds the amounts to the plan
 * of prune_graph.c and reads what came of it.
 *
 * An amount counts from the whole layer, or from all layers together, never from what is
 * left: so events do not add up rounding, and exactly floor(amount * total + 0.5) weights, or
 * blocks of them, are gone after each. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/prune_internal.h"

struct kerf_pruner {
    const kerf_state *s; /* borrowed */
    kerf_plan *plan;     /* owned */
    const kerf__prune_way *way;
    kerf__prune_layer *layers; /* owned */
    size_t num;
    kerf_prune_options options; /* numbers alone: its texts may be gone */
    double time;                /* of methods that exchange */
    double progress;            /* of the last event */
    uint64_t token;             /* of the last event's plan, 0 before */
};

/* ---- life ---------------------------------------------------------------------------------- */

/* Marked weights that the options choose; an unmarked one is the caller's mistake. */
static kerf_status find_marked(kerf__prune_targets *targets, const kerf_graph *g,
                               const kerf_state *s, const kerf_prune_options *options)
{
    KERF__TRY(kerf__prune_find(targets, g, s, options->biases));
    KERF__TRY(kerf__prune_choose(targets, options));
    for (size_t i = 0; i < targets->num; i++)
        if (targets->at[i].mask == NULL)
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "prune: '%s' has no mask; call kerf_prune_mark with the same options "
                              "first",
                              targets->at[i].weight->name);
    return KERF_OK;
}

static kerf_status keep_columns(kerf__prune_layer *l, const kerf_prune_options *options,
                                const kerf__prune_target *t)
{
    int rows, columns;
    if (options->structure != KERF_STRUCTURE_N_OF_M || l->total == 0)
        return KERF_OK;
    KERF__TRY(kerf__prune_axes(t, &rows, &columns));
    l->columns = t->weight->shape.dims[columns];
    return KERF_OK;
}

static kerf_status keep_layers(kerf_pruner *p, const kerf_prune_options *options,
                               const kerf__prune_targets *targets)
{
    p->layers = kerf__alloc(targets->num, sizeof *p->layers);
    if (p->layers == NULL)
        return kerf__fail_memory("prune", targets->num * sizeof *p->layers);
    p->num = targets->num;
    int64_t total = 0;
    for (size_t i = 0; i < targets->num; i++) {
        const kerf__prune_target *t = &targets->at[i];
        p->layers[i] = (kerf__prune_layer){.name = kerf__strdup(t->weight->name),
                                           .shape = t->weight->shape,
                                           .mask_id = t->mask->state_id,
                                           .total = kerf_shape_num_elements(t->weight->shape),
                                           .amount = kerf__prune_amount_of(options, targets, i)};
        if (p->layers[i].name == NULL)
            return kerf__fail_memory("prune", 64);
        KERF__TRY(kerf__prune_num_units(options, t, &p->layers[i].units));
        KERF__TRY(keep_columns(&p->layers[i], options, t));
        total += p->layers[i].total;
    }
    if (total > INT32_MAX)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "prune: %lld weights at once, supported are up to %d", (long long)total,
                          INT32_MAX);
    return KERF_OK;
}

/* All bounds together must leave what is to go. */
static kerf_status check_bounds(const kerf_pruner *p)
{
    double may = 0, all = 0;
    for (size_t i = 0; i < p->num; i++) {
        may += floor(p->layers[i].amount * (double)p->layers[i].units);
        all += (double)p->layers[i].units;
    }
    if (!kerf__prune_has_bounds(&p->options) || floor(p->options.amount * all + 0.5) <= may)
        return KERF_OK;
    return kerf__fail(
        KERF_ERR_ARGUMENT,
        "prune: sparsity of all layers is %g, but their bounds leave %.4g to go: must "
        "be wider, or the sparsity less",
        p->options.amount, may / all);
}

static kerf_status create_plan(kerf_pruner *p, kerf_state *s, const kerf_prune_options *options,
                               const kerf__prune_targets *targets, const char *choices)
{
    kerf_graph *g;
    kerf_plan_options plan = {.mode = KERF_EVALUATE, .batch = 1, .choices = choices};
    KERF__TRY(kerf__prune_make_graph(&g, s, options, targets));
    kerf_status status = kerf_plan_create(&p->plan, g, s, &plan);
    kerf_graph_destroy(g);
    return status;
}

kerf_status kerf__pruner_create(kerf_pruner **out, const kerf_graph *g, kerf_state *s,
                                const kerf_prune_options *options, const char *choices)
{
    kerf__prune_targets targets = {0};
    *out = NULL;
    KERF__TRY(kerf__prune_check_options(options));
    kerf_pruner *p = kerf__alloc(1, sizeof *p);
    if (p == NULL)
        return kerf__fail_memory("prune", sizeof *p);
    *p = (kerf_pruner){.s = s, .way = kerf__prune_way_of(options->method), .options = *options};
    kerf_status status = find_marked(&targets, g, s, options);
    if (status == KERF_OK)
        status = keep_layers(p, options, &targets);
    if (status == KERF_OK)
        status = check_bounds(p);
    if (status == KERF_OK)
        status = create_plan(p, s, options, &targets, choices);
    kerf__prune_targets_free(&targets);
    if (status != KERF_OK) {
        kerf_pruner_destroy(p);
        return status;
    }
    *out = p;
    return KERF_OK;
}

kerf_status kerf_pruner_create(kerf_pruner **out, const kerf_graph *g, kerf_state *s,
                               const kerf_prune_options *options)
{
    return kerf__pruner_create(out, g, s, options, NULL);
}

void kerf_pruner_destroy(kerf_pruner *p)
{
    if (p == NULL)
        return;
    if (p->token != 0) { /* an event may still read our counts */
        kerf_status ignored = kerf_plan_finish(p->plan, p->token);
        (void)ignored;
    }
    kerf_plan_destroy(p->plan);
    for (size_t i = 0; i < p->num; i++)
        free(p->layers[i].name);
    free(p->layers);
    free(p);
}

const kerf_plan *kerf__pruner_plan(const kerf_pruner *p)
{
    return p->plan;
}

/* ---- an event ------------------------------------------------------------------------------ */

static int is_global(const kerf_pruner *p)
{
    return p->options.scope == KERF_SCOPE_GLOBAL;
}

static int32_t count_of(double amount, int64_t total)
{
    return (int32_t)floor(amount * (double)total + 0.5);
}

/* Of each M: all at first, N in the end. */
static int32_t kept_of(const kerf_prune_options *o, double progress)
{
    return (int32_t)o->block[1] - count_of(progress, o->block[1] - o->block[0]);
}

/* What is taken beyond the amount comes back elsewhere: 30 % of what is alive at first, on half a
 * cosine down to nothing. */
static void set_exchange(const kerf_pruner *p, kerf__prune_layer *l, int64_t units)
{
    static const double SHARE = 0.3, PI = 3.14159265358979323846;
    const double share = SHARE * (1 + cos(PI * p->time)) / 2;
    const int32_t more = count_of(share, units - l->count);
    l->taken = l->count + more;
    l->stay = (int32_t)units - more;
}

static void set_amounts(kerf_pruner *p, double progress)
{
    int64_t all = 0;
    for (size_t i = 0; i < p->num; i++) {
        kerf__prune_layer *l = &p->layers[i];
        all += l->units;
        l->count = p->options.structure == KERF_STRUCTURE_N_OF_M
                       ? kept_of(&p->options, progress)
                       : count_of(l->amount * progress, l->units);
        l->bound = (int32_t)(l->amount * (double)l->units);
        set_exchange(p, l, l->units);
        /* A file says 0 or 1: all below the middle go, at the first event already. */
        l->factor = p->way->by_deviation ? (float)(l->amount * progress) : 0.5f;
    }
    if (!is_global(p))
        return;
    p->layers[0].count = count_of(p->options.amount * progress, all);
    set_exchange(p, &p->layers[0], all);
}

static kerf_status feed(kerf_pruner *p, const char *what, size_t layer, const void *number)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%zu", what, layer);
    return kerf_plan_feed(p->plan, name, number, 4);
}

static kerf_status feed_amounts(kerf_pruner *p)
{
    size_t num = p->way->by_rank && is_global(p) ? 1 : p->num;
    for (size_t i = 0; i < p->num && kerf__prune_has_bounds(&p->options); i++)
        KERF__TRY(feed(p, "bound", i, &p->layers[i].bound));
    for (size_t i = 0; i < num; i++) {
        const kerf__prune_layer *l = &p->layers[i];
        if (p->way->exchanges) {
            KERF__TRY(feed(p, "taken", i, &l->taken));
            KERF__TRY(feed(p, "stay", i, &l->stay));
        } else if (p->way->by_rank)
            KERF__TRY(feed(p, "count", i, &l->count));
        else
            KERF__TRY(feed(p, "factor", i, &l->factor));
    }
    return KERF_OK;
}

void kerf__pruner_set_time(kerf_pruner *p, double time)
{
    p->time = time;
}

kerf_status kerf_pruner_apply(kerf_pruner *p, double progress)
{
    if (!(progress >= 0 && progress <= 1))
        return kerf__fail(KERF_ERR_ARGUMENT, "prune: progress %g: must be from 0 to 1", progress);
    /* The last event's amounts are read by then: many steps lie between. */
    if (p->token != 0)
        KERF__TRY(kerf_plan_finish(p->plan, p->token));
    p->token = 0;
    p->progress = progress;
    set_amounts(p, progress);
    KERF__TRY(feed_amounts(p));
    KERF__TRY(kerf_plan_run(p->plan));
    return kerf_plan_mark(p->plan, &p->token);
}

/* ---- the table ----------------------------------------------------------------------------- */

int kerf_pruner_num_layers(const kerf_pruner *p)
{
    return (int)p->num;
}

kerf_status kerf__mask_read_nonzeros(const kerf_state *s, int id, int64_t *nonzeros)
{
    size_t num = kerf_tensor_num_elements(kerf_state_get(s, id)->tensor);
    unsigned char *mask = kerf__alloc(num, 1);
    if (mask == NULL)
        return kerf__fail_memory("prune", num);
    kerf_status status = num > 0 ? kerf_state_read(s, id, mask) : KERF_OK;
    *nonzeros = 0;
    for (size_t i = 0; i < num; i++)
        *nonzeros += mask[i] != 0;
    free(mask);
    return status;
}

/* Counted with the masks where an event made them. */
static kerf_status read_nonzeros(const kerf_pruner *p, size_t layer, int64_t *nonzeros)
{
    char name[32];
    int32_t x;
    if (p->token == 0)
        return kerf__mask_read_nonzeros(p->s, p->layers[layer].mask_id, nonzeros);
    snprintf(name, sizeof name, "nonzeros.%zu", layer);
    KERF__TRY(kerf_tensor_read(kerf_plan_output(p->plan, name), &x));
    *nonzeros = x;
    return KERF_OK;
}

static kerf_status read_threshold(const kerf_pruner *p, size_t layer, double *threshold)
{
    char name[32];
    float x;
    *threshold = NAN;
    if (!p->way->shows_threshold || p->token == 0 || p->options.structure == KERF_STRUCTURE_N_OF_M)
        return KERF_OK;
    snprintf(name, sizeof name, "threshold.%zu", p->way->by_rank && is_global(p) ? 0 : layer);
    KERF__TRY(kerf_tensor_read(kerf_plan_output(p->plan, name), &x));
    *threshold = (double)x;
    return KERF_OK;
}

/* Of the last group, which may be short, as many stay, up to all. */
static double n_of_m_nearest(const kerf_pruner *p, const kerf__prune_layer *l)
{
    const int64_t m = p->options.block[1], rest = l->columns % m;
    const int64_t kept = l->columns / m * l->count + (rest < l->count ? rest : l->count);
    return 1 - (double)kept / (double)l->columns;
}

static void tell_nearest(const kerf_pruner *p, const kerf__prune_layer *l, kerf_prune_layer *out)
{
    const int64_t *block = p->options.block;
    const int is_n_of_m = p->options.structure == KERF_STRUCTURE_N_OF_M;
    out->asked = out->nearest = NAN;
    if (p->token == 0 || !p->way->by_rank || is_global(p) || l->total == 0)
        return;
    const double all = is_n_of_m ? 1 - (double)block[0] / (double)block[1] : l->amount;
    out->asked = all * p->progress;
    out->nearest = is_n_of_m ? n_of_m_nearest(p, l) : (double)l->count / (double)l->units;
}

kerf_status kerf_pruner_read_layer(const kerf_pruner *p, int i, kerf_prune_layer *layer)
{
    if (i < 0 || (size_t)i >= p->num)
        return kerf__fail(KERF_ERR_ARGUMENT, "prune: there is no layer %d, must be below %zu", i,
                          p->num);
    const kerf__prune_layer *l = &p->layers[i];
    *layer = (kerf_prune_layer){.name = l->name, .shape = l->shape, .total = l->total};
    tell_nearest(p, l, layer);
    KERF__TRY(read_threshold(p, (size_t)i, &layer->threshold));
    return read_nonzeros(p, (size_t)i, &layer->nonzeros);
}
