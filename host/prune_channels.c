/* prune_channels.c -- which channels go, and the command; see prune_channels.h.  Steps with
 * training in between: prune_rounds.c. */
#include "prune_channels.h"

#include <stdlib.h>
#include <string.h>

#include "distill.h"
#include "interrupt.h"
#include "json.h"
#include "prune_depth.h"
#include "prune_rounds.h"
#include "ranks.h"

int channels_wanted(const options *o)
{
    return o->remove || o->groups_only;
}

/* ---- options ---------------------------------------------------------------------------- */

static const char *const FINDS[] = {"macs", "size", "latency"};

static kerf_channel_criterion criterion_of(const options *o)
{
    return options_given(o, "criterion") ? (kerf_channel_criterion)o->criterion : KERF_CHANNEL_L2;
}

/* What acts in training alone, and there is none. */
static int check_training(const options *o)
{
    static const char *const others[] = {"lr",      "optimizer", "schedule", "warmup",
                                         "penalty", "distill",   "resume"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (!rounds_train(o) && options_given(o, others[i]))
            return fail_usage(o, "--%s: nothing is trained without --retrain or --finetune",
                              others[i]);
    return 0;
}

static int check_options(const options *o)
{
    static const char *const others[] = {"method", "s",      "mask",     "biases", "min-keep",
                                         "lift",   "rewind", "max-drop", "analyse"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (options_given(o, others[i]))
            return fail_usage(o,
                              "--%s: is about weights that become 0; --remove and --groups go by "
                              "--criterion, --sparsity, --macs, --size or --latency, and --scope",
                              others[i]);
    if (o->structure != NULL && strcmp(o->structure, "channel") != 0 && !depth_wanted(o))
        return fail_usage(o,
                          "--structure %s: only whole channels are removed, or residual blocks; "
                          "must be channel or residual",
                          o->structure);
    for (size_t i = 0; i < sizeof FINDS / sizeof FINDS[0]; i++)
        if (options_given(o, FINDS[i]) && options_given(o, "sparsity"))
            return fail_usage(o, "--%s: finds how much goes, must be without --sparsity", FINDS[i]);
    if (o->groups_only && o->output != NULL)
        return fail_usage(o, "--groups: writes no model, must be without -o");
    if (kerf_channels_need_data(criterion_of(o)) && o->data == NULL)
        return fail_usage(o, "--criterion: this one goes by samples, so it wants --data");
    if (!kerf_channels_need_data(criterion_of(o)) && options_given(o, "calibrate"))
        return fail_usage(o, "--calibrate: samples are looked at by --criterion taylor, rank and "
                             "zeros alone");
    if ((o->retrain > 0 || o->finetune > 0) && o->data == NULL)
        return fail_usage(o, "--%s: needs --data to train on",
                          o->retrain > 0 ? "retrain" : "finetune");
    if (o->retrain == 0 && options_given(o, "events"))
        return fail_usage(o,
                          "--events: steps without training between them are one; wants --retrain");
    return check_training(o);
}

static kerf_channel_options channel_options(const options *o)
{
    return (kerf_channel_options){.criterion = criterion_of(o),
                                  .scope = (kerf_channel_scope)o->scope,
                                  .amount = o->sparsity.value,
                                  .amounts = o->sparsity.items,
                                  .num_amounts = o->sparsity.num,
                                  .layers = o->layers.items,
                                  .num_layers = o->layers.num,
                                  .skip = o->skip.items,
                                  .num_skip = o->skip.num,
                                  .least = o->min_channels,
                                  .round_to = o->round_to,
                                  .seed = (uint64_t)o->seed};
}

/* ---- choosing ----------------------------------------------------------------------------- */

static kerf_status choose_amounts(kerf_channels *channels, const change *c,
                                  const removal_step *step)
{
    kerf_channel_options how = channel_options(c->o);
    kerf_prune_amount *by_layer = calloc(how.num_amounts + 1, sizeof *by_layer);
    if (by_layer == NULL)
        return KERF_ERR_MEMORY;
    for (size_t i = 0; i < how.num_amounts; i++)
        by_layer[i] =
            (kerf_prune_amount){how.amounts[i].pattern, goal_step(how.amounts[i].value, step)};
    how.amounts = by_layer;
    how.amount = goal_step(how.amount, step);
    kerf_status status = kerf_channels_choose(channels, c->s.m.s, &how);
    free(by_layer);
    return status;
}

static kerf_status find_amount(kerf_channels *channels, change *c, const channel_goal *goal,
                               const removal_step *step, kerf_channels_found *found)
{
    kerf_channel_options how = channel_options(c->o);
    const kerf_channel_target target = goal_at(goal, step);
    if (goal_recall(c, step, found)) {
        how.amount = found->amount;
        return kerf_channels_choose(channels, c->s.m.s, &how);
    }
    progress_begin(&c->bar, c->o, "find");
    kerf_status status =
        kerf_channels_choose_target(channels, c->s.m.g, c->s.m.s, &how, &target, &goal->how, found);
    progress_clear(&c->bar);
    return status;
}

static kerf_status choose(kerf_channels *channels, change *c, const channel_goal *goal,
                          const removal_step *step, kerf_channels_found *found)
{
    *found = (kerf_channels_found){0};
    if (goal_wanted(c->o))
        return find_amount(channels, c, goal, step, found);
    return options_given(c->o, "sparsity") ? choose_amounts(channels, c, step)
                                           : kerf_channels_choose_dead(channels, c->s.m.s);
}

/* ---- samples ------------------------------------------------------------------------------ */

static int on_progress(void *context, int64_t done, int64_t num)
{
    progress_count(context, (double)done, (double)num, "of the samples");
    return interrupted();
}

/* Channels show what they do with samples, where the criterion goes by that. */
static kerf_status watch(kerf_channels *channels, change *c)
{
    const options *o = c->o;
    const kerf_watch_options how = {.samples = options_given(o, "calibrate") ? o->calibrate : 0,
                                    .seed = (uint64_t)o->seed,
                                    .prep = c->s.prep,
                                    .ranks = ranks_of(o),
                                    .progress = on_progress,
                                    .context = &c->bar};
    if (!kerf_channels_need_data(criterion_of(o)))
        return KERF_OK;
    interrupt_catch();
    progress_begin(&c->bar, o, "watch");
    kerf_status status =
        kerf_channels_watch(channels, c->s.m.g, c->s.m.s, c->s.data, criterion_of(o), &how);
    progress_clear(&c->bar);
    return status;
}

/* EXIT_TARGET: the step has gone as far as it can, and that is not enough. */
static int channel_step(change *c, const channel_goal *goal, const removal_step *step)
{
    kerf_channels *channels = NULL;
    kerf_channels_found found = {0};
    kerf_status status = kerf_channels_find(&channels, c->s.m.g, c->s.m.s);
    if (status == KERF_OK)
        status = watch(channels, c);
    if (status == KERF_OK)
        status = choose(channels, c, goal, step, &found);
    if (status == KERF_OK) {
        goal_keep(c, "removed", channels_json(channels, 0), &found);
        if (!c->o->json && !c->o->quiet) {
            channels_print(channels, 0, 0, result_stream(c->o));
            goal_print(c->o, &found, result_stream(c->o));
        }
        status = network_values_cut(&c->values, channels);
    }
    if (status == KERF_OK)
        status = kerf_channels_remove(channels, c->s.m.g, c->s.m.s);
    kerf_channels_destroy(channels);
    return goal_end_step(c, status, step, &found);
}

int channels_step(change *c, const channel_goal *goal, const removal_step *step)
{
    return depth_wanted(c->o) ? depth_step(c, goal, step) : channel_step(c, goal, step);
}

/* ---- the command ----------------------------------------------------------------------------- */

static int show(change *c, const kerf_channels *channels, int chooses,
                const kerf_channels_found *found)
{
    if (c->o->json) {
        json_t *object = json_begin();
        json_object_set_new(object, "groups", channels_json(channels, 1));
        if (goal_wanted(c->o))
            json_object_set_new(object, "found", goal_json(c->o, found));
        return json_finish(c->o, object);
    }
    channels_print(channels, 1, chooses, stdout);
    goal_print(c->o, found, stdout);
    return 0;
}

static int show_groups(change *c, const channel_goal *goal)
{
    const options *o = c->o;
    kerf_channels *channels = NULL;
    kerf_channels_found found = {0};
    int code = 0;
    const int chooses = goal_wanted(o) || options_given(o, "sparsity");
    kerf_status status = kerf_channels_find(&channels, c->s.m.g, c->s.m.s);
    if (status == KERF_OK && chooses)
        status = watch(channels, c);
    if (status == KERF_OK && chooses)
        status = choose(channels, c, goal, &(removal_step){0, 1, NULL}, &found);
    if (status == KERF_OK)
        code = show(c, channels, chooses, &found);
    kerf_channels_destroy(channels);
    return code == 0 ? goal_end(o, status, &found) : code;
}

/* Blocks are chosen by what is lost, and that is not measured on the test split. */
static int hold_back(change *c)
{
    return depth_wanted(c->o) && c->s.data != NULL ? change_hold_back(c) : 0;
}

static int open_and_show_groups(const options *o)
{
    change c = {.o = o};
    channel_goal goal = {.costs = NULL};
    int code = session_open(o, &c.s, o->words.items[0]);
    if (code == 0)
        code = goal_make(&goal, &c);
    if (code == 0)
        code = hold_back(&c);
    if (code == 0)
        code = depth_wanted(o) ? depth_show(&c, &goal) : show_groups(&c, &goal);
    goal_free(&goal);
    session_close(o, &c.s);
    return code;
}

static int keep_missed(change *c)
{
    const int code = change_keep_missed(c);
    return code == 0 ? EXIT_TARGET : code;
}

int channels_remove(change *c, double before, double part)
{
    const removal_step step = {before, part, NULL};
    channel_goal goal = {.costs = NULL};
    int code = goal_check(c->o);
    if (code == 0)
        code = goal_make(&goal, c);
    if (code == 0)
        code = hold_back(c);
    if (code == 0)
        code = channels_step(c, &goal, &step);
    goal_free(&goal);
    return code == EXIT_TARGET ? keep_missed(c) : code;
}

static int remove_and_finish(change *c)
{
    channel_goal goal;
    int code = goal_make(&goal, c);
    if (code == 0)
        code = hold_back(c);
    if (code == 0)
        code = rounds_remove(c, &goal);
    goal_free(&goal);
    if (code == 0)
        return change_finish(c);
    return code == EXIT_TARGET ? keep_missed(c) : code;
}

static int open_teacher(const options *o, change *c, distillation *d)
{
    options with = *o;
    if (o->distill != NULL)
        with.distill = *distill_teacher(o);
    return distill_begin_option(&with, d, c->s.dev, &c->train.distill);
}

static int open_and_remove(const options *o)
{
    change c;
    distillation d = {.num = 0};
    int code = change_begin(&c, o);
    if (code == 0)
        code = open_teacher(o, &c, &d);
    if (code == 0)
        code = remove_and_finish(&c);
    distill_free(o, &d);
    change_close(&c);
    return code;
}

int prune_channels(const options *o)
{
    int code = check_options(o);
    if (code == 0 && depth_wanted(o))
        code = depth_check(o);
    if (code == 0)
        code = goal_check(o);
    if (code != 0)
        return code;
    return o->groups_only ? open_and_show_groups(o) : open_and_remove(o);
}
