/* prune_rounds.c -- channels go in steps with training between them; see prune_rounds.h.
 *
 * Each step is a network of its own: channels are found in what the step before left, and it trains
 * in a folder of its own, round-1, round-2, … in the run's, the last in that of the run.  A step
 * begins with the file of the one before, as stages of a recipe do, so a run that is taken up
 * (--resume) comes to the same bits:
 *
 * (1) round-N/model.onnx is there once the training of step N is over, and not before.
 * (2) What a step takes is a function of what it begins with, of seed and data, or stands in its
 *     found.json before it trains; so it is taken again, and nothing need be kept of it.
 * (3) Which part of the way each step goes stands in steps.json; a run goes on by the same ones.
 * (4) A run that begins anew sweeps its folders from the last step to the first: what is left of
 * the one before, if that is stopped, is as a run that was stopped leaves it. */
#include "prune_rounds.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "prune_channels.h"
#include "ranks.h"
#include "text.h"

#define STEPS_FILE "steps.json"

int rounds_train(const options *o)
{
    return o->retrain > 0 || o->finetune > 0;
}

static int num_rounds(const options *o)
{
    return options_given(o, "events") ? (int)o->events : 1;
}

static kerf_prune_curve curve_of(const options *o)
{
    return options_given(o, "curve") ? (kerf_prune_curve)o->curve : KERF_CURVE_LINEAR;
}

/* ---- folders ------------------------------------------------------------------------------ */

/* Of step `round`, freed with free(); NULL when memory is short. */
static char *round_dir(const change *c, int round)
{
    char name[32];
    snprintf(name, sizeof name, "round-%d", round);
    return round < num_rounds(c->o) ? path_join(c->run_dir, name)
                                    : copy_text(c->run_dir, strlen(c->run_dir), 0);
}

/* What would say that there is something to go on with: (1) first. */
static void sweep(const char *dir)
{
    static const char *const NAMES[] = {"model.onnx", "checkpoint", "checkpoint.old", "found.json"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        char *path = path_join(dir, NAMES[i]);
        if (path != NULL)
            unlink(path);
        free(path);
    }
}

/* {"millionths": [of the way, behind each step]}: (3). */
static json_t *steps_json(const options *o)
{
    json_t *parts = json_array();
    for (int round = 1; round <= num_rounds(o); round++)
        json_array_append_new(
            parts,
            json_integer(llrint(1e6 * kerf_prune_curve_at(curve_of(o), round, num_rounds(o)))));
    return json_pack("{s:o}", "millionths", parts);
}

static int keep_steps(const change *c)
{
    int code = 0;
    char *path = path_join(c->run_dir, STEPS_FILE);
    json_t *steps = steps_json(c->o),
           *begun = c->o->resume ? folder_read_json(c->run_dir, STEPS_FILE) : NULL;
    if (path == NULL || steps == NULL)
        code = fail_memory(c->o);
    else if (begun != NULL && !json_equal(begun, steps))
        code = fail_work(c->o,
                         "--resume: %s was begun in %zu steps, must go on in these (--events, "
                         "--curve)",
                         c->run_dir, json_array_size(json_object_get(begun, "millionths")));
    else if (begun == NULL)
        code = file_write_json(c->o, path, steps);
    json_decref(begun);
    json_decref(steps);
    free(path);
    return code;
}

static int begin_folders(change *c)
{
    int code = change_make_folder(c);
    if (code == 0)
        code = keep_steps(c);
    const int is_new = !c->o->resume && ranks_writes(c->o);
    for (int round = num_rounds(c->o); code == 0 && is_new && round > 0; round--) {
        char *dir = round_dir(c, round);
        if (dir == NULL)
            return fail_memory(c->o);
        sweep(dir);
        free(dir);
    }
    return code;
}

/* ---- steps -------------------------------------------------------------------------------- */

/* Behind a step but the last: what the next one begins with lies in a file. */
static int train_to(change *c, const char *path)
{
    int is_done = c->o->resume && file_exists(path);
    int code = ranks_take_first(c->o, &is_done, sizeof is_done);
    if (code != 0 || is_done)
        return code;
    c->train.epochs = c->o->retrain;
    code = change_train_round(c);
    return code == 0 ? ranks_agree(c->o, model_write(c->o, c->s.m.g, c->s.m.s, path)) : code;
}

static int train_between(change *c, channel_goal *goal, const char *dir)
{
    char *path = path_join(dir, "model.onnx");
    int code = path != NULL ? train_to(c, path) : fail_memory(c->o);
    if (code == 0)
        code = session_reopen(c->o, &c->s, path);
    if (code == 0)
        goal_know(goal, c);
    free(path);
    c->rounds.tried++; /* whose epochs are told */
    return code;
}

static int train_last(change *c)
{
    c->train.epochs = c->o->retrain + c->o->finetune;
    return change_train(c);
}

static int do_round(change *c, channel_goal *goal, removal_step *step, int round)
{
    const options *o = c->o;
    const int is_last = round == num_rounds(o);
    int code = ranks_agree(o, folder_make(o, step->dir));
    c->train.run_dir = step->dir;
    c->train.resume = o->resume && folder_has_checkpoint(step->dir);
    if (code == 0)
        code = ranks_take_first(o, &c->train.resume, sizeof c->train.resume);
    if (code == 0)
        code = channels_step(c, goal, step);
    if (code == 0)
        code = is_last ? train_last(c) : train_between(c, goal, step->dir);
    return code;
}

static int do_rounds(change *c, channel_goal *goal)
{
    const options *o = c->o;
    const kerf_prune_curve curve = curve_of(o);
    removal_step step = {0, 0, NULL};
    int code = begin_folders(c);
    for (int round = 1; code == 0 && round <= num_rounds(o); round++) {
        char *dir = round_dir(c, round);
        if (dir == NULL)
            return fail_memory(o);
        step = (removal_step){step.part, kerf_prune_curve_at(curve, round, num_rounds(o)), dir};
        code = do_round(c, goal, &step, round);
        c->train.run_dir = c->run_dir;
        free(dir);
    }
    return code;
}

int rounds_remove(change *c, channel_goal *goal)
{
    const removal_step all = {0, 1, NULL};
    if (rounds_train(c->o))
        return do_rounds(c, goal);
    /* Records of a run, for kerf report, also without training. */
    const int code = c->o->run_dir != NULL ? change_make_folder(c) : 0;
    return code == 0 ? channels_step(c, goal, &all) : code;
}
