/* train/prune_check.c -- several prunings in one run: a layer has one way to be chosen by, and one
 * amount at a time. */
#include "base/fail.h"
#include "compress/prune/prune_internal.h"
#include "train/train_internal.h"

static double last_of(const kerf_prune_schedule *p)
{
    return p->start + (p->events - 1) * p->every;
}

static kerf_status chosen(kerf__prune_targets *out, const kerf__run *run, size_t i)
{
    const kerf_prune_options *o = &run->schedule.prunes[i].options;
    KERF__TRY(kerf__prune_find(out, run->g, run->s, o->biases));
    kerf_status status = kerf__prune_choose(out, o);
    if (status != KERF_OK)
        kerf__prune_targets_free(out);
    return status;
}

static const kerf_value *shared(const kerf__prune_targets *a, const kerf__prune_targets *b)
{
    for (size_t i = 0; i < a->num; i++)
        for (size_t k = 0; k < b->num; k++)
            if (a->at[i].weight == b->at[k].weight)
                return a->at[i].weight;
    return NULL;
}

static kerf_status check_layer(const kerf__run *run, size_t a, size_t b, const kerf_value *weight)
{
    const kerf_prune_schedule *p = &run->schedule.prunes[a], *q = &run->schedule.prunes[b];
    const char *name = kerf_state_get(run->s, weight->state_id)->name;
    if (p->options.method != q->options.method)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: '%s' is pruned by two methods, must be by one",
                          name);
    if (p->start <= last_of(q) && q->start <= last_of(p))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: '%s' has two amounts at one time, after %g to %g and %g to %g "
                          "epochs; must be one after the other",
                          name, p->start, last_of(p), q->start, last_of(q));
    return KERF_OK;
}

static kerf_status check_pair(const kerf__run *run, size_t a, size_t b)
{
    kerf__prune_targets of_a, of_b;
    KERF__TRY(chosen(&of_a, run, a));
    kerf_status status = chosen(&of_b, run, b);
    if (status == KERF_OK) {
        const kerf_value *weight = shared(&of_a, &of_b);
        if (weight != NULL)
            status = check_layer(run, a, b, weight);
        kerf__prune_targets_free(&of_b);
    }
    kerf__prune_targets_free(&of_a);
    return status;
}

kerf_status kerf__run_check_prunes(const kerf__run *run)
{
    for (size_t b = 1; b < run->schedule.num_prunes; b++)
        for (size_t a = 0; a < b; a++)
            KERF__TRY(check_pair(run, a, b));
    return KERF_OK;
}
