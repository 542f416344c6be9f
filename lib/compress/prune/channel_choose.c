/* compress/prune/channel_choose.c -- which channels go.  Other halves: channel_scores.c, and
 * channel_target.c, which finds how many. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/channels_internal.h"

/* ---- options -------------------------------------------------------------------------------- */

static kerf_status check_amount(double amount)
{
    return amount >= 0 && amount < 1
               ? KERF_OK
               : kerf__fail(KERF_ERR_ARGUMENT,
                            "channels: the share that goes is %g, must be at least 0 and below 1",
                            amount);
}

static kerf_status check_options(const kerf_channel_options *o)
{
    KERF__TRY(check_amount(o->amount));
    for (size_t i = 0; i < o->num_amounts; i++)
        KERF__TRY(check_amount(o->amounts[i].value));
    if (o->scope != KERF_CHANNEL_SCOPE_LAYER && o->num_amounts > 0)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "channels: amounts by layer are for scope layer; all together have one");
    if ((unsigned)o->criterion >= KERF_NUM_CHANNEL_CRITERIA || o->least < 0 || o->round_to < 0)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "channels: criterion, least and round_to must be what channels.h names, "
                          "and not below 0");
    return KERF_OK;
}

/* As pruning masks is asked for, so that both choose layers by the same patterns. */
static kerf_prune_options as_prune(const kerf_channel_options *o)
{
    return (kerf_prune_options){.amount = o->amount,
                                .amounts = o->amounts,
                                .num_amounts = o->num_amounts,
                                .layers = o->layers,
                                .num_layers = o->num_layers,
                                .skip = o->skip,
                                .num_skip = o->num_skip};
}

/* ---- which groups ------------------------------------------------------------------------------
 */

static const kerf_value *maker(const kerf__channel_group *group, size_t i)
{
    return group->members[i].is_output ? group->axes[i].value : NULL;
}

static int has_weight(const kerf__prune_targets *targets, const kerf_value *weight)
{
    for (size_t i = 0; i < targets->num; i++)
        if (targets->at[i].weight == weight)
            return 1;
    return 0;
}

static int fits_any(const kerf_channels *c, const char *const *patterns, size_t num,
                    const kerf_value *weight)
{
    for (size_t i = 0; i < c->targets.num; i++)
        for (size_t k = 0; c->targets.at[i].weight == weight && k < num; k++)
            if (kerf__prune_fits(patterns[k], &c->targets, i))
                return 1;
    return 0;
}

/* One that makes its channels is chosen, and none is skipped. */
static int is_chosen(const kerf_channels *c, const kerf__prune_targets *chosen,
                     const kerf_channel_options *o, const kerf__channel_group *group)
{
    int some = 0;
    if (group->told.fixed != NULL)
        return 0;
    for (size_t i = 0; i < group->told.num_members; i++) {
        const kerf_value *weight = maker(group, i);
        if (weight != NULL && fits_any(c, o->skip, o->num_skip, weight))
            return 0;
        some |= weight != NULL && has_weight(chosen, weight);
    }
    return some;
}

/* The amount of the first layer that makes it. */
static double amount_of(const kerf_channels *c, const kerf_prune_options *p,
                        const kerf__channel_group *group)
{
    for (size_t i = 0; i < group->told.num_members; i++)
        for (size_t k = 0; k < c->targets.num; k++)
            if (maker(group, i) == c->targets.at[k].weight)
                return kerf__prune_amount_of(p, &c->targets, k);
    return p->amount;
}

/* ---- by rank ------------------------------------------------------------------------------------
 */

/* A channel among those that are ranked together. */
typedef struct candidate {
    double score;
    size_t group;
    int64_t at;
} candidate;

static int compare(const void *left, const void *right)
{
    const candidate *a = left, *b = right;
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* Channels that stay of a group, as its bounds ask when `left` are left. */
static int64_t bounded(const kerf_channel_options *o, int64_t num, int64_t left)
{
    const int64_t least = o->least > 1 ? o->least : 1, unit = o->round_to > 1 ? o->round_to : 1;
    left = left < least ? least : left;
    left = (left + unit - 1) / unit * unit;
    return left < num ? left : num;
}

/* The smallest go, then the largest of those come back. */
static void take(kerf_channels *c, const kerf_channel_options *o, const candidate *sorted,
                 size_t num, size_t goes)
{
    for (size_t i = 0; i < goes; i++) {
        kerf__channel_group *group = &c->groups[sorted[i].group];
        group->stay[sorted[i].at] = 0;
        group->told.kept--;
    }
    for (size_t i = num; i-- > 0;) {
        kerf__channel_group *group = &c->groups[sorted[i].group];
        if (group->stay[sorted[i].at] ||
            group->told.kept >= bounded(o, group->told.num, group->told.kept))
            continue;
        group->stay[sorted[i].at] = 1;
        group->told.kept++;
    }
}

/* Ranks all channels of the groups that `together` is 1 for. */
static kerf_status rank(kerf_channels *c, const kerf_channel_options *o, const char *together,
                        double amount)
{
    size_t num = 0;
    for (size_t i = 0; i < c->num_groups; i++)
        num += together[i] ? (size_t)c->groups[i].told.num : 0;
    candidate *all = kerf__alloc(num, sizeof *all);
    if (all == NULL)
        return kerf__fail_memory("channels", num * sizeof *all);
    num = 0;
    for (size_t i = 0; i < c->num_groups; i++)
        for (int64_t k = 0; together[i] && k < c->groups[i].told.num; k++)
            all[num++] = (candidate){c->groups[i].scores[k], i, k};
    if (num > 0)
        qsort(all, num, sizeof *all, compare);
    take(c, o, all, num, (size_t)floor(amount * (double)num + 0.5));
    free(all);
    return KERF_OK;
}

/* ---- scopes
 * -------------------------------------------------------------------------------------- */

/* 1 if two groups are built alike: the same roles of weights of the same kind. */
static int is_alike(const kerf__channel_group *a, const kerf__channel_group *b)
{
    if (a->told.num_members != b->told.num_members)
        return 0;
    for (size_t i = 0; i < a->told.num_members; i++) {
        const kerf_shape x = a->axes[i].value->shape, y = b->axes[i].value->shape;
        if (a->axes[i].axis != b->axes[i].axis || x.rank != y.rank ||
            a->members[i].is_output != b->members[i].is_output)
            return 0;
        for (int k = 2; k < x.rank; k++) /* taps */
            if (x.dims[k] != y.dims[k])
                return 0;
    }
    return 1;
}

/* Those of `open` that are ranked with its first one; they leave it. */
static size_t next_together(const kerf_channels *c, const kerf_channel_options *o, char *open,
                            char *together)
{
    size_t first = 0;
    memset(together, 0, c->num_groups);
    while (first < c->num_groups && !open[first])
        first++;
    for (size_t i = first; i < c->num_groups; i++) {
        together[i] = open[i] && (i == first || o->scope == KERF_CHANNEL_SCOPE_GLOBAL ||
                                  (o->scope == KERF_CHANNEL_SCOPE_ISOMORPHIC &&
                                   is_alike(&c->groups[first], &c->groups[i])));
        open[i] &= !together[i];
    }
    return first;
}

static kerf_status rank_all(kerf_channels *c, const kerf_channel_options *o, char *open,
                            char *together)
{
    const kerf_prune_options p = as_prune(o);
    size_t first;
    while ((first = next_together(c, o, open, together)) < c->num_groups)
        KERF__TRY(rank(c, o, together,
                       o->scope == KERF_CHANNEL_SCOPE_LAYER ? amount_of(c, &p, &c->groups[first])
                                                            : o->amount));
    return KERF_OK;
}

static void mark(kerf_channels *c)
{
    memset(c->goes, 0, c->num_slots);
    for (size_t i = 0; i < c->num_groups; i++)
        for (int64_t k = 0; c->groups[i].told.fixed == NULL && k < c->groups[i].told.num; k++)
            c->goes[c->groups[i].roots[k]] = !c->groups[i].stay[k];
}

static void stay_whole(kerf_channels *c)
{
    for (size_t i = 0; i < c->num_groups; i++) {
        kerf__channel_group *group = &c->groups[i];
        group->told.kept = group->told.num;
        if (group->told.fixed == NULL)
            memset(group->stay, 1, (size_t)group->told.num);
    }
}

/* Groups that the options choose are 1 in `open`. */
static kerf_status open_groups(kerf_channels *c, const kerf_channel_options *o, char *open)
{
    const kerf_prune_options p = as_prune(o);
    kerf__prune_targets chosen = {.num = c->targets.num};
    int some = 0;
    if (c->targets.num == 0)
        return kerf__fail(KERF_ERR_ARGUMENT, "channels: the network has no layer with weights");
    chosen.at = kerf__alloc(c->targets.num, sizeof *chosen.at);
    if (chosen.at == NULL)
        return kerf__fail_memory("channels", c->targets.num * sizeof *chosen.at);
    memcpy(chosen.at, c->targets.at, c->targets.num * sizeof *chosen.at);
    kerf_status status = kerf__prune_choose(&chosen, &p);
    for (size_t i = 0; status == KERF_OK && i < c->num_groups; i++)
        some |= open[i] = (char)is_chosen(c, &chosen, o, &c->groups[i]);
    kerf__prune_targets_free(&chosen);
    KERF__TRY(status);
    return some ? KERF_OK
                : kerf__fail(KERF_ERR_ARGUMENT,
                             "channels: none of the layers' channels may go; kerf prune --groups "
                             "tells why");
}

static kerf_status choose(kerf_channels *c, const kerf_state *s, const kerf_channel_options *o,
                          char *open, char *together)
{
    KERF__TRY(open_groups(c, o, open));
    for (size_t i = 0; s != NULL && i < c->num_groups; i++)
        if (open[i])
            KERF__TRY(kerf__channel_score(c, s, o, &c->groups[i]));
    stay_whole(c);
    KERF__TRY(rank_all(c, o, open, together));
    mark(c);
    return KERF_OK;
}

kerf_status kerf__channel_choose_by(kerf_channels *c, const kerf_state *s,
                                    const kerf_channel_options *o)
{
    char *open = kerf__alloc(c->num_groups + 1, 1), *together = kerf__alloc(c->num_groups + 1, 1);
    kerf_status status = open != NULL && together != NULL
                             ? choose(c, s, o, open, together)
                             : kerf__fail_memory("channels", c->num_groups);
    free(open);
    free(together);
    return status;
}

kerf_status kerf_channels_choose(kerf_channels *c, const kerf_state *s,
                                 const kerf_channel_options *options)
{
    KERF__TRY(check_options(options));
    return kerf__channel_choose_by(c, s, options);
}
