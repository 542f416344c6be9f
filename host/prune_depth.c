/* prune_depth.c -- residual blocks that go, whole; see prune_depth.h. */
#include "prune_depth.h"

#include <math.h>
#include <string.h>

#include "interrupt.h"
#include "json.h"
#include "ranks.h"
#include "table.h"

int depth_wanted(const options *o)
{
    return o->structure != NULL && strcmp(o->structure, "residual") == 0;
}

int depth_check(const options *o)
{
    static const char *const others[] = {"criterion", "calibrate", "scope", "round-to",
                                         "min-channels"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (options_given(o, others[i]))
            return fail_usage(o,
                              "--%s: is about channels; residual blocks go by what is lost "
                              "without each",
                              others[i]);
    if (o->sparsity.num > 0)
        return fail_usage(o, "--sparsity: residual blocks have one share, such as 0.25");
    if (!o->groups_only && !goal_wanted(o) && !options_given(o, "sparsity"))
        return fail_usage(o, "--structure residual: wants how much goes: --sparsity, --macs, "
                             "--size or --latency");
    return 0;
}

/* ---- showing ----------------------------------------------------------------------------- */

/* "conv1" of "conv1.weight". */
static int stem_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? (int)(dot - name) : (int)strlen(name);
}

static void print_layers(table *t, const kerf_depth_block *b)
{
    const char *first = b->layers[0], *last = b->layers[b->num_layers - 1];
    if (b->num_layers == 1)
        table_cell(t, "%.*s", stem_length(first), first);
    else
        table_cell(t, "%.*s to %.*s", stem_length(first), first, stem_length(last), last);
}

static void print_block(table *t, const kerf_depth_block *b, int has_data)
{
    table_cell(t, "%s", b->name);
    print_layers(t, b);
    table_cell(t, "%.4g", b->macs / 1e6);
    if (b->fixed != NULL)
        table_cell(t, "%s", "");
    else if (has_data)
        table_cell(t, "%.2f", b->lost);
    else
        table_cell(t, "%.3g", sqrt(b->harm));
    table_cell(t, "%s%s",
               b->fixed != NULL ? "stays: "
               : b->stays       ? ""
                                : "goes",
               b->fixed != NULL ? b->fixed : "");
}

/* all: those that stay, too. */
static void print_blocks(const change *c, const kerf_depth *d, int all, FILE *out)
{
    const int has_data = c->s.data != NULL;
    table *t = table_create(has_data ? "block|layers|>MACs, M|>points lost without it|"
                                     : "block|layers|>MACs, M|>change of outputs|");
    kerf_depth_block b;
    double before, after;
    for (int i = 0; i < kerf_depth_num_blocks(d); i++)
        if (kerf_depth_get_block(d, i, &b) == KERF_OK && (all || !b.stays))
            print_block(t, &b, has_data);
    table_print(t, out);
    table_destroy(t);
    if (kerf_depth_macs(d, &before, &after) == KERF_OK)
        fprintf(out, "multiply-adds of a sample: %.4g M, %.4g M without what goes (%.1f %%)\n\n",
                before / 1e6, after / 1e6, 100 * after / before);
}

static json_t *blocks_json(const kerf_depth *d, int all)
{
    json_t *list = json_array();
    kerf_depth_block b;
    for (int i = 0; i < kerf_depth_num_blocks(d); i++) {
        if (kerf_depth_get_block(d, i, &b) != KERF_OK || (!all && b.stays))
            continue;
        json_t *layers = json_array();
        for (size_t k = 0; k < b.num_layers; k++)
            json_array_append_new(layers, json_text(b.layers[k]));
        json_array_append_new(
            list,
            json_pack("{s:o,s:o,s:f,s:o,s:o,s:o,s:b}", "block", json_text(b.name), "layers", layers,
                      "macs", b.macs, "fixed", b.fixed != NULL ? json_text(b.fixed) : json_null(),
                      "lost", json_number(b.lost), "harm", json_number(b.harm), "stays", b.stays));
    }
    return list;
}

/* ---- finding ----------------------------------------------------------------------------- */

static int on_progress(void *context, int64_t done, int64_t num)
{
    progress_count(context, (double)done, (double)num, "of the measurements");
    return interrupted();
}

static kerf_status judge(change *c, kerf_depth *d)
{
    const options *o = c->o;
    const kerf_analyse_options how = {.batch = options_given(o, "batch") ? o->batch : 0,
                                      .prep = c->s.prep,
                                      .ranks = ranks_of(o),
                                      .progress = on_progress,
                                      .context = &c->bar};
    interrupt_catch();
    progress_begin(&c->bar, o, "analyse");
    kerf_status status = kerf_depth_judge(d, c->s.m.g, c->s.m.s, c->s.data, &how);
    progress_clear(&c->bar);
    return status;
}

static kerf_depth_options depth_options(const options *o)
{
    return (kerf_depth_options){.amount = o->sparsity.value,
                                .layers = o->layers.items,
                                .num_layers = o->layers.num,
                                .skip = o->skip.items,
                                .num_skip = o->skip.num};
}

/* Of the blocks that are left a step takes what is missing to its part of the whole share. */
static kerf_status choose(change *c, kerf_depth *d, const channel_goal *goal,
                          const removal_step *step, kerf_channels_found *found)
{
    kerf_depth_options how = depth_options(c->o);
    const kerf_channel_target target = goal_at(goal, step);
    *found = (kerf_channels_found){0};
    if (!goal_wanted(c->o)) {
        how.amount = goal_step(how.amount, step);
        return kerf_depth_choose(d, &how);
    }
    if (goal_recall(c, step, found)) {
        how.amount = found->amount;
        return kerf_depth_choose(d, &how);
    }
    progress_begin(&c->bar, c->o, "find");
    kerf_status status =
        kerf_depth_choose_target(d, c->s.m.g, c->s.m.s, &how, &target, &goal->how, found);
    progress_clear(&c->bar);
    return status;
}

/* Blocks that are judged, and chosen if there is an amount. */
static kerf_status look(change *c, kerf_depth **d, const channel_goal *goal,
                        const removal_step *step, kerf_channels_found *found)
{
    *found = (kerf_channels_found){0};
    kerf_status status = kerf_depth_find(d, c->s.m.g, c->s.m.s);
    if (status == KERF_OK)
        status = judge(c, *d);
    if (status == KERF_OK && (goal_wanted(c->o) || options_given(c->o, "sparsity")))
        status = choose(c, *d, goal, step, found);
    return status;
}

/* ---- the command ------------------------------------------------------------------------- */

int depth_step(change *c, const channel_goal *goal, const removal_step *step)
{
    kerf_depth *d = NULL;
    kerf_channels_found found;
    kerf_status status = look(c, &d, goal, step, &found);
    if (status == KERF_OK) {
        goal_keep(c, "removed", blocks_json(d, 0), &found);
        if (!c->o->json && !c->o->quiet) {
            print_blocks(c, d, 0, result_stream(c->o));
            goal_print(c->o, &found, result_stream(c->o));
        }
        status = kerf_depth_remove(d, c->s.m.g, c->s.m.s);
    }
    kerf_depth_destroy(d);
    return goal_end_step(c, status, step, &found);
}

int depth_show(change *c, const channel_goal *goal)
{
    kerf_depth *d = NULL;
    kerf_channels_found found;
    int code = 0;
    kerf_status status = look(c, &d, goal, &(removal_step){0, 1, NULL}, &found);
    if (status == KERF_OK && c->o->json) {
        json_t *object = json_begin();
        json_object_set_new(object, "blocks", blocks_json(d, 1));
        if (goal_wanted(c->o))
            json_object_set_new(object, "found", goal_json(c->o, &found));
        code = json_finish(c->o, object);
    } else if (status == KERF_OK) {
        print_blocks(c, d, 1, stdout);
        goal_print(c->o, &found, stdout);
    }
    kerf_depth_destroy(d);
    return code == 0 ? goal_end(c->o, status, &found) : code;
}
