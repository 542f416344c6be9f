/* compress/prune/depth_choose.c -- which blocks go: those that are missed least, alone, without
 * training.  How much two are missed together is not asked.  Other halves: train/depth_judge.c,
 * channel_target.c. */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/depth_internal.h"

/* ---- which may go -------------------------------------------------------------------------- */

static int is_inside(const kerf__prune_target *t, const kerf__depth_block *block)
{
    return kerf__depth_holds(block, t->user->index);
}

static int is_chosen(const kerf_depth *d, const kerf__prune_targets *chosen,
                     const kerf_depth_options *o, const kerf__depth_block *block)
{
    int some = 0;
    if (block->told.fixed != NULL)
        return 0;
    for (size_t i = 0; i < d->targets.num; i++)
        for (size_t k = 0; is_inside(&d->targets.at[i], block) && k < o->num_skip; k++)
            if (kerf__prune_fits(o->skip[k], &d->targets, i))
                return 0;
    for (size_t i = 0; i < chosen->num; i++)
        some |= is_inside(&chosen->at[i], block);
    return some;
}

/* Numbers of the blocks that may go into `order`, which has room for all. */
static kerf_status list_chosen(const kerf_depth *d, const kerf_depth_options *o, size_t *order,
                               size_t *num)
{
    kerf__prune_targets chosen = {.num = d->targets.num};
    const kerf_prune_options p = {
        .layers = o->layers, .num_layers = o->num_layers, .skip = o->skip, .num_skip = o->num_skip};
    *num = 0;
    chosen.at = kerf__alloc(d->targets.num + 1, sizeof *chosen.at);
    if (chosen.at == NULL)
        return kerf__fail_memory("depth", d->targets.num * sizeof *chosen.at);
    for (size_t i = 0; i < chosen.num; i++) /* there may be none, and no list */
        chosen.at[i] = d->targets.at[i];
    kerf_status status = kerf__prune_choose(&chosen, &p);
    for (size_t i = 0; status == KERF_OK && i < d->num_blocks; i++)
        if (is_chosen(d, &chosen, o, &d->blocks[i]))
            order[(*num)++] = i;
    kerf__prune_targets_free(&chosen);
    KERF__TRY(status);
    return *num > 0 ? KERF_OK
                    : kerf__fail(KERF_ERR_ARGUMENT,
                                 "depth: none of the residual blocks may go; kerf prune --groups "
                                 "--structure residual tells why");
}

/* ---- in which order -------------------------------------------------------------------------- */

/* Points first, where there are any; they are few and often the same. */
static int is_less_missed(const kerf_depth_block *a, const kerf_depth_block *b)
{
    if (a->lost < b->lost || a->lost > b->lost)
        return a->lost < b->lost;
    return a->harm < b->harm;
}

/* By insertion: there are some dozens, and those that are equal keep their order. */
static void sort(const kerf_depth *d, size_t *order, size_t num)
{
    for (size_t i = 1; i < num; i++)
        for (size_t k = i;
             k > 0 && is_less_missed(&d->blocks[order[k]].told, &d->blocks[order[k - 1]].told);
             k--) {
            const size_t was = order[k];
            order[k] = order[k - 1];
            order[k - 1] = was;
        }
}

static kerf_status make_order(const kerf_depth *d, const kerf_depth_options *o, size_t **order,
                              size_t *num)
{
    if (!d->is_judged && o->amount < 1)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "depth: blocks must be chosen after kerf_depth_judge()");
    *order = kerf__alloc(d->num_blocks + 1, sizeof **order);
    if (*order == NULL)
        return kerf__fail_memory("depth", d->num_blocks * sizeof **order);
    kerf_status status = list_chosen(d, o, *order, num);
    if (status != KERF_OK) {
        free(*order);
        return status;
    }
    sort(d, *order, *num);
    return KERF_OK;
}

/* ---- how many -------------------------------------------------------------------------------- */

static void take(kerf_depth *d, const size_t *order, size_t goes)
{
    for (size_t i = 0; i < d->num_blocks; i++)
        d->blocks[i].told.stays = 1;
    for (size_t i = 0; i < goes; i++)
        d->blocks[order[i]].told.stays = 0;
}

kerf_status kerf_depth_choose(kerf_depth *d, const kerf_depth_options *options)
{
    size_t *order, num;
    if (!(options->amount >= 0 && options->amount <= 1))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "depth: the share of blocks that goes is %g, must be 0 to 1",
                          options->amount);
    KERF__TRY(make_order(d, options, &order, &num));
    take(d, order, (size_t)floor(options->amount * (double)num + 0.5));
    free(order);
    return KERF_OK;
}

typedef struct search {
    kerf_depth *d;
    const kerf_graph *g;
    const kerf_state *s;
    const kerf_channel_target *target;
    const kerf_channel_search *how;
    const size_t *order;
    size_t num;
    int64_t measured;
} search;

static kerf_status measure_cut(const search *x, kerf_channel_target *left)
{
    kerf_graph *g;
    kerf_state *s = NULL;
    KERF__TRY(kerf_graph_copy(&g, x->g));
    kerf_status status = kerf_state_copy(&s, x->s, kerf_state_device(x->s));
    if (status == KERF_OK)
        status = kerf_depth_remove(x->d, g, s);
    if (status == KERF_OK)
        status = kerf__channel_measure_cut(g, s, x->target, x->how, left);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return status;
}

static kerf_status measure(const search *x, kerf_channel_target *left)
{
    double before, after;
    *left = (kerf_channel_target){NAN, NAN, NAN};
    if (isfinite(x->target->macs)) {
        KERF__TRY(kerf_depth_macs(x->d, &before, &after));
        left->macs = before > 0 ? after / before : 1;
    }
    return isfinite(x->target->bytes) || isfinite(x->target->ms) ? measure_cut(x, left) : KERF_OK;
}

static kerf_status try_num(search *x, size_t goes, kerf_channels_found *out)
{
    take(x->d, x->order, goes);
    out->amount = (double)goes / (double)x->num;
    KERF__TRY(measure(x, &out->left));
    kerf__channel_tell_missed(out->missed, sizeof out->missed, x->target, &out->left);
    x->measured++;
    if (x->how->progress != NULL &&
        x->how->progress(x->how->context, x->measured, (int64_t)log2((double)x->num) + 2) != 0)
        return kerf__fail(KERF_ERR_CANCELLED, "depth: stopped after %lld networks",
                          (long long)x->measured);
    return KERF_OK;
}

/* As few as are enough, by halves; all, where that is not. */
static kerf_status halve(search *x, kerf_channels_found *found)
{
    size_t enough = x->num, next = 0; /* fewer than `next` are not enough */
    KERF__TRY(try_num(x, x->num, found));
    while (found->missed[0] == '\0' && next < enough) {
        const size_t middle = (next + enough) / 2;
        kerf_channels_found here;
        KERF__TRY(try_num(x, middle, &here));
        if (here.missed[0] == '\0') {
            enough = middle;
            *found = here;
        } else
            next = middle + 1;
    }
    take(x->d, x->order, enough);
    return KERF_OK;
}

kerf_status kerf_depth_choose_target(kerf_depth *d, const kerf_graph *g, const kerf_state *s,
                                     const kerf_depth_options *options,
                                     const kerf_channel_target *target,
                                     const kerf_channel_search *how, kerf_channels_found *found)
{
    size_t *order, num;
    KERF__TRY(kerf__channel_check_target(target, s, how));
    KERF__TRY(make_order(d, options, &order, &num));
    search x = {d, g, s, target, how, order, num, 0};
    kerf_status status = halve(&x, found);
    free(order);
    return status;
}
