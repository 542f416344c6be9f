/* plan/tune.c -- measures every way to compute each distinct case of a plan and remembers
 * the fastest in the tuning store, where later plans find it (choose.c).
 *
 * A case keeps its present choice unless another one is faster by more than the noise, so
 * tuning never makes a plan slower. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "device/tuning.h"
#include "plan/node_trial.h"

/* Another option must beat the present one by this factor. */
static const double GAIN = 0.97;

typedef struct result {
    kerf__option winner;
    double was_ms, is_ms;
} result;

/* 1 if this node's case can be tuned and no earlier node has the same. */
static int is_first_of_case(const kerf_plan *p, size_t i)
{
    const kerf__op_case c = {.dev = p->dev, .node = p->graph->nodes[i]};
    kerf__option second;
    if (p->nodes[i].which == NULL || !kerf__option_at(&c, 1, &second))
        return 0;
    for (size_t k = 0; k < i; k++)
        if (p->nodes[k].which != NULL && strcmp(p->nodes[k].which, p->nodes[i].which) == 0)
            return 0;
    return 1;
}

/* The trial of the plan's present choice, or NULL. */
static const kerf__trial *find_present(const kerf__trials *t, const kerf__planned *node)
{
    for (int i = 0; i < t->num; i++)
        if (t->items[i].option.variant == node->option.variant &&
            t->items[i].option.candidate == node->option.candidate)
            return &t->items[i];
    return NULL;
}

static void pick(const kerf__trials *t, const kerf__planned *node, const kerf__trial *now,
                 result *r)
{
    const kerf__trial *best = NULL;
    for (int i = 0; i < t->num; i++)
        if (t->items[i].alive && (best == NULL || t->items[i].ms < best->ms))
            best = &t->items[i];
    if (now != NULL && now->alive && best != NULL && best->ms > GAIN * now->ms)
        best = now;
    r->winner = best != NULL ? best->option : node->option;
    r->was_ms = now != NULL && now->alive ? now->ms : NAN;
    r->is_ms = best != NULL ? best->ms : NAN;
}

static kerf_status measure(const kerf_plan *p, size_t i, double budget_ms, result *r)
{
    kerf__trials t;
    kerf_status status = kerf__trials_create(&t, p->dev, p->graph->nodes[i]);
    const kerf__trial *now = find_present(&t, &p->nodes[i]);
    if (status == KERF_OK)
        status = kerf__trials_compare(&t);
    if (status == KERF_OK)
        status = kerf__trials_time(&t, now, budget_ms);
    if (status == KERF_OK)
        pick(&t, &p->nodes[i], now, r);
    kerf__trials_destroy(&t);
    return status;
}

/* Measures a case and remembers the winner; *stop is what the callback says. */
static kerf_status tune_case(const kerf_plan *p, size_t i, double budget_ms, int number, int num,
                             kerf_tune_progress progress, void *context, int *stop)
{
    result r;
    KERF__TRY(measure(p, i, budget_ms, &r));
    if (isnan(r.is_ms)) /* nothing works here: not this call's business */
        return KERF_OK;
    char *name = kerf__option_name(r.winner);
    if (name == NULL)
        return kerf__fail_memory("tune", 64);
    kerf_status status = kerf__tuning_set(p->dev, p->nodes[i].which, name, r.is_ms);
    if (status == KERF_OK && progress != NULL)
        *stop = progress(context, number, num, p->nodes[i].which, name, r.was_ms, r.is_ms);
    free(name);
    return status;
}

kerf_status kerf_plan_tune(kerf_plan *p, double budget_ms, kerf_tune_progress progress,
                           void *context)
{
    const double end = kerf__now_ms() + budget_ms;
    int num = 0, number = 0, stop = 0;
    kerf_status status = KERF_OK;
    for (size_t i = 0; i < p->num_nodes; i++)
        num += is_first_of_case(p, i);
    for (size_t i = 0; i < p->num_nodes && status == KERF_OK && !stop; i++) {
        if (!is_first_of_case(p, i))
            continue;
        /* What one case leaves over, the later ones share. */
        const double share = budget_ms > 0 ? fmax(1, end - kerf__now_ms()) / (num - number) : 0;
        status = tune_case(p, i, share, number++, num, progress, context, &stop);
    }
    kerf_status saved = kerf__tuning_save(p->dev); /* what was measured so far is kept */
    if (status == KERF_OK)
        status = saved;
    if (status == KERF_OK && stop)
        return kerf__fail(KERF_ERR_CANCELLED, "tune: stopped after %d of %d cases", number, num);
    return status;
}
