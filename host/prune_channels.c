/* prune_channels.c -- taking channels out: at once, or in steps with training in between; see
 * prune_channels.h.
 *
 * Each step is a network of its own: channels are found in what the step before left, and train
 * in a folder of their own (round-1, round-2 in the run's). */
#include "prune_channels.h"

#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "interrupt.h"
#include "json.h"
#include "text.h"

int channels_wanted(const options *o)
{
    return o->remove || o->groups_only;
}

/* ---- options ---------------------------------------------------------------------------- */

static kerf_channel_criterion criterion_of(const options *o)
{
    return options_given(o, "criterion") ? (kerf_channel_criterion)o->criterion : KERF_CHANNEL_L2;
}

static int check_options(const options *o)
{
    static const char *const others[] = {"method",   "s",        "mask",    "biases",
                                         "min-keep", "lift",     "rewind",  "size",
                                         "latency",  "max-drop", "analyse", "resume"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (options_given(o, others[i]))
            return fail_usage(o,
                              "--%s: is about weights that become 0; --remove and --groups go by "
                              "--criterion, --sparsity or --macs, and --scope",
                              others[i]);
    if (o->structure != NULL && strcmp(o->structure, "channel") != 0)
        return fail_usage(o, "--structure %s: only whole channels are removed; must be channel",
                          o->structure);
    if (options_given(o, "macs") && options_given(o, "sparsity"))
        return fail_usage(o, "--macs: finds how much goes, must be without --sparsity");
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
    return 0;
}

/* "50%" or "0.5". */
static int parse_macs(const options *o, double *share)
{
    char *end;
    *share = 1;
    if (o->macs == NULL)
        return 0;
    *share = strtod(o->macs, &end);
    if (end != o->macs && strcmp(end, "%") == 0) {
        *share /= 100;
        end++;
    }
    return end != o->macs && *end == '\0' && *share > 0 && *share < 1
               ? 0
               : fail_usage(o,
                            "--macs %s: must be a share of the multiply-adds that is left, such "
                            "as 50%%",
                            o->macs);
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

/* What a step takes of what is left, so that after it `part` (0 to 1) of the amount is gone. */
static double step_of(double amount, double part_before, double part)
{
    return 1 - (1 - amount * part) / (1 - amount * part_before);
}

static kerf_status choose_amounts(kerf_channels *channels, const change *c, double before,
                                  double part)
{
    kerf_channel_options how = channel_options(c->o);
    kerf_prune_amount *by_layer = calloc(how.num_amounts + 1, sizeof *by_layer);
    if (by_layer == NULL)
        return KERF_ERR_MEMORY;
    for (size_t i = 0; i < how.num_amounts; i++)
        by_layer[i] = (kerf_prune_amount){how.amounts[i].pattern,
                                          step_of(how.amounts[i].value, before, part)};
    how.amounts = by_layer;
    how.amount = step_of(how.amount, before, part);
    kerf_status status = kerf_channels_choose(channels, c->s.m.s, &how);
    free(by_layer);
    return status;
}

static kerf_status choose(kerf_channels *channels, const change *c, double share, double before,
                          double part)
{
    const kerf_channel_options how = channel_options(c->o);
    double amount;
    if (share < 1)
        return kerf_channels_choose_macs(channels, c->s.m.s, &how,
                                         1 - step_of(1 - share, before, part), &amount);
    return options_given(c->o, "sparsity") ? choose_amounts(channels, c, before, part)
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

static int fail_or_stop(const options *o, kerf_status status)
{
    return status == KERF_ERR_CANCELLED ? EXIT_INTERRUPTED : fail_kerf(o, status);
}

/* Adds the step's groups to what --json prints. */
static void keep_groups(change *c, const kerf_channels *channels)
{
    if (c->more == NULL)
        c->more = json_pack("{s:[]}", "removed");
    json_array_append_new(json_object_get(c->more, "removed"), channels_json(channels, 0));
}

static int remove_step(change *c, double share, double before, double part)
{
    kerf_channels *channels = NULL;
    kerf_status status = kerf_channels_find(&channels, c->s.m.g, c->s.m.s);
    if (status == KERF_OK)
        status = watch(channels, c);
    if (status == KERF_OK)
        status = choose(channels, c, share, before, part);
    if (status == KERF_OK) {
        keep_groups(c, channels);
        if (!c->o->json && !c->o->quiet)
            channels_print(channels, 0, 0, result_stream(c->o));
        status = kerf_channels_remove(channels, c->s.m.g, c->s.m.s);
    }
    kerf_channels_destroy(channels);
    return status == KERF_OK ? 0 : fail_or_stop(c->o, status);
}

/* ---- training between steps -------------------------------------------------------------- */

/* A step but the last trains in a folder of its own. */
static int train_between(change *c, int round)
{
    char name[32];
    snprintf(name, sizeof name, "round-%d", round);
    int code = c->run_dir == NULL ? change_make_folder(c) : 0;
    char *dir = code == 0 ? path_join(c->run_dir, name) : NULL;
    if (code != 0 || dir == NULL)
        return code != 0 ? code : fail_memory(c->o);
    code = folder_make(c->o, dir);
    c->train.run_dir = dir;
    c->train.epochs = c->o->retrain;
    if (code == 0)
        code = change_train_round(c, round);
    free(dir);
    return code;
}

static int remove_in_steps(change *c, double share)
{
    const options *o = c->o;
    const int events = options_given(o, "events") ? (int)o->events : 1;
    const kerf_prune_curve curve =
        options_given(o, "curve") ? (kerf_prune_curve)o->curve : KERF_CURVE_LINEAR;
    double before = 0;
    int code = 0;
    for (int i = 1; code == 0 && i <= events; i++) {
        const double part = kerf_prune_curve_at(curve, i, events);
        code = remove_step(c, share, before, part);
        before = part;
        if (code == 0 && i < events)
            code = train_between(c, i);
    }
    c->train.epochs = o->retrain + o->finetune;
    return code == 0 && c->train.epochs > 0 ? change_train(c) : code;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int show_groups(const options *o, double share)
{
    change c = {.o = o};
    kerf_channels *channels = NULL;
    const int chooses = share < 1 || options_given(o, "sparsity");
    int code = session_open(o, &c.s, o->words.items[0]);
    kerf_status status = code == 0 ? kerf_channels_find(&channels, c.s.m.g, c.s.m.s) : KERF_OK;
    if (code == 0 && status == KERF_OK && chooses)
        status = watch(channels, &c);
    if (code == 0 && status == KERF_OK && chooses)
        status = choose(channels, &c, share, 0, 1);
    if (code == 0 && status == KERF_OK && o->json) {
        json_t *object = json_begin();
        json_object_set_new(object, "groups", channels_json(channels, 1));
        code = json_finish(o, object);
    } else if (code == 0 && status == KERF_OK) {
        channels_print(channels, 1, chooses, stdout);
    }
    kerf_channels_destroy(channels);
    session_close(o, &c.s);
    return code == 0 && status != KERF_OK ? fail_or_stop(o, status) : code;
}

int prune_channels(const options *o)
{
    change c;
    double share;
    int code = check_options(o);
    if (code == 0)
        code = parse_macs(o, &share);
    if (code != 0)
        return code;
    if (o->groups_only)
        return show_groups(o, share);
    code = change_begin(&c, o);
    if (code == 0)
        code = remove_in_steps(&c, share);
    if (code == 0)
        code = change_finish(&c);
    change_close(&c);
    return code;
}
