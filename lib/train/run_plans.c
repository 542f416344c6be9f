/* train/run_plans.c -- the plans of a run: of training, of measuring, of choosing masks; made at
 * its begin and again wherever the network has become another one. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "compress/prune/prune_internal.h"
#include "plan/plan_internal.h"
#include "train/train_internal.h"

/* A run with fewer steps before it is over before joined launches have paid for their compiling,
 * seconds where none is kept, by a tenth of a millisecond or two a step. */
enum { JOINED_STEPS = 10000 };

/* ---- plans and choices ----------------------------------------------------------------------- */

static int is_frozen(const kerf__run *run, const kerf_event *e)
{
    const int64_t step = run->position.step;
    return e->kind == KERF_EVENT_FREEZE && kerf__schedule_at(&run->schedule, e->start) <= step &&
           (e->end.value <= 0 || step < kerf__schedule_at(&run->schedule, e->end));
}

/* The patterns of the options and of all events that hold here; the caller frees the list. */
static kerf_status list_frozen(const kerf__run *run, const char ***out, size_t *num)
{
    const kerf_train_options *o = run->options;
    size_t most = o->num_freeze;
    for (size_t i = 0; i < o->num_events; i++)
        most += o->events[i].kind == KERF_EVENT_FREEZE ? o->events[i].freeze.num_patterns : 0;
    *num = 0;
    *out = kerf__alloc(most, sizeof **out);
    if (*out == NULL)
        return kerf__fail_memory("train", most * sizeof **out);
    for (size_t i = 0; i < o->num_freeze; i++)
        (*out)[(*num)++] = o->freeze[i];
    for (size_t i = 0; i < o->num_events; i++)
        for (size_t k = 0; is_frozen(run, &o->events[i]) && k < o->events[i].freeze.num_patterns;
             k++)
            (*out)[(*num)++] = o->events[i].freeze.patterns[k];
    return KERF_OK;
}

/* What is measured once is what a run goes on with: its state has a scale, or none. */
static kerf_status settle_precision(kerf__run *run, kerf_plan_options *plan)
{
    kerf_loss_scale was = {0};
    if (run->own.precision == KERF_PRECISION_AUTO && run->options->resume) {
        KERF__TRY(kerf_loss_scale_read(&was, run->s));
        run->own.precision = was.scale > 0 ? KERF_PRECISION_MIXED : KERF_PRECISION_F32;
    }
    if (run->own.precision == KERF_PRECISION_AUTO) {
        const kerf_tune_target target = {run->trained, run->s, *plan};
        KERF__TRY(kerf_plan_choose_precision(&target, &target, &run->own.precision));
    }
    plan->precision = run->own.precision;
    return KERF_OK;
}

static kerf_status make_buckets(kerf__run *run)
{
    const kerf_train_options *o = run->options;
    KERF__TRY(
        kerf__buckets_create(&run->buckets, run->plan, run->s, o->ranks, KERF__BUCKET_FLOATS));
    run->buckets.exchange = o->exchange;
    if (!kerf__has_local_steps(&run->schedule))
        return KERF_OK;
    KERF__TRY(
        kerf__buckets_create_means(&run->means, run->plan, run->s, o->ranks, KERF__BUCKET_FLOATS));
    run->means.exchange = o->exchange;
    return KERF_OK;
}

static kerf_status make_plan(kerf__run *run, const char *choices)
{
    const kerf_train_options *o = run->options;
    kerf_known_input known;
    kerf_plan_options plan = kerf__plan_options_of(o);
    plan.batch = kerf__own_rows(run);
    plan.choices = choices;
    plan.inputs = &known;
    plan.shrinks_saliencies = kerf__shrinks_saliencies(&run->schedule);
    kerf_shrunk_weight *shrunk = NULL;
    const char **frozen;
    kerf__run_add_taps(run, &plan);
    plan.num_inputs =
        kerf__known_input(run->trained, kerf_loader_sample_shape(run->loader), &known);
    kerf_status status = list_frozen(run, &frozen, &plan.num_freeze);
    plan.freeze = frozen;
    if (status == KERF_OK)
        status = kerf__run_shrunk(run, &shrunk, &plan.num_shrunk);
    plan.shrunk = shrunk;
    if (status == KERF_OK)
        status = settle_precision(run, &plan);
    if (status == KERF_OK)
        status = kerf_plan_create(&run->plan, run->trained, run->s, &plan);
    free(shrunk);
    free(frozen);
    if (status == KERF_OK && kerf__num_ranks(o) > 1)
        status = make_buckets(run);
    KERF__TRY(status);
    if (plan.statistics_batch > 0)
        kerf__norms_begin(&run->norms, run->plan, o->ranks, &run->buckets);
    const int64_t left = run->schedule.num_steps - run->position.step;
    return left >= JOINED_STEPS ? kerf_plan_join(run->plan) : KERF_OK;
}

static void drop_plan(kerf__run *run)
{
    kerf__buckets_free(&run->buckets);
    kerf__buckets_free(&run->means);
    kerf__norms_free(&run->norms);
    kerf_plan_destroy(run->plan);
    run->plan = NULL;
}

static kerf_status make_evaluator(kerf__run *run, const char *choices)
{
    const kerf_train_options *o = run->options;
    const kerf__evaluator_options evaluator = {.split = KERF_SPLIT_VAL,
                                               .batch = kerf__part_size(o) / kerf__num_ranks(o),
                                               .loss = o->loss,
                                               .choices = choices,
                                               .ranks = o->ranks};
    if (kerf_dataset_num_samples(run->d, KERF_SPLIT_VAL) == 0)
        return KERF_OK;
    return kerf__evaluator_create(&run->evaluator, run->trained, run->s, run->d, &evaluator);
}

static kerf_status is_stale(kerf_plan *plan, int *out)
{
    int is_this = 0;
    if (plan != NULL)
        KERF__TRY(kerf_plan_is_stale(plan, &is_this));
    *out |= is_this;
    return KERF_OK;
}

static void drop_pruners(kerf__run *run)
{
    for (size_t i = 0; run->pruners != NULL && i < run->schedule.num_prunes; i++)
        kerf_pruner_destroy(run->pruners[i]);
    free(run->pruners);
    run->pruners = NULL;
}

/* After the training plan: pruners zero the moments that this plan has made. */
static kerf_status make_pruners(kerf__run *run, const char *choices)
{
    const kerf__schedule *s = &run->schedule;
    if (s->num_prunes == 0)
        return KERF_OK;
    run->pruners = kerf__alloc(s->num_prunes, sizeof(kerf_pruner *));
    if (run->pruners == NULL)
        return kerf__fail_memory("train", s->num_prunes * sizeof(kerf_pruner *));
    for (size_t i = 0; i < s->num_prunes; i++)
        KERF__TRY(
            kerf__pruner_create(&run->pruners[i], run->g, run->s, &s->prunes[i].options, choices));
    return KERF_OK;
}

/* Pruners are bound to moments that the new plan may have laid out anew. */
static kerf_status make_plan_again(kerf__run *run)
{
    drop_plan(run);
    KERF__TRY(make_plan(run, run->choices));
    drop_pruners(run);
    return make_pruners(run, run->choices);
}

kerf_status kerf__run_follow_frozen(kerf__run *run)
{
    KERF__TRY(make_plan_again(run));
    return kerf__run_collect_choices(run);
}

kerf_status kerf__run_follow_zeros(kerf__run *run)
{
    int is_plan = 0, is_evaluator = 0;
    KERF__TRY(is_stale(run->plan, &is_plan));
    KERF__TRY(is_stale(run->evaluator.full, &is_evaluator));
    KERF__TRY(is_stale(run->evaluator.rest, &is_evaluator));
    if (is_plan)
        KERF__TRY(make_plan_again(run));
    if (is_evaluator) {
        kerf__evaluator_free(&run->evaluator);
        KERF__TRY(make_evaluator(run, run->choices));
    }
    return is_plan || is_evaluator ? kerf__run_collect_choices(run) : KERF_OK;
}

void kerf__run_drop_plans(kerf__run *run)
{
    drop_pruners(run);
    kerf__evaluator_free(&run->evaluator);
    drop_plan(run);
}

/* Once, on every device that takes batches. */
static kerf_status make_mixers(kerf__run *run)
{
    const kerf_shape sample = kerf_loader_sample_shape(run->loader);
    const int64_t batch = kerf__own_rows(run);
    if (!(run->options->mixup > 0))
        return KERF_OK;
    KERF__TRY(kerf__mixing_add(&run->mixing, kerf_state_device(run->s), batch, sample));
    for (size_t i = 0; i < run->teaching.num_teachers; i++)
        KERF__TRY(kerf__mixing_add(&run->mixing, kerf_state_device(run->teaching.teachers[i].s),
                                   batch, sample));
    run->flight.mixing = &run->mixing;
    return KERF_OK;
}

kerf_status kerf__run_make_plans(kerf__run *run)
{
    const char *choices = run->choices != NULL ? run->choices : run->options->choices;
    KERF__TRY(make_mixers(run));
    KERF__TRY(kerf__run_open_teachers(run, choices));
    KERF__TRY(make_plan(run, choices));
    KERF__TRY(make_evaluator(run, choices));
    for (size_t i = 0; i < run->schedule.num_prunes; i++)
        if (run->schedule.prunes[i].rewinds)
            KERF__TRY(kerf__lottery_begin(run->s));
    KERF__TRY(make_pruners(run, choices));
    return kerf__run_collect_choices(run);
}

static kerf_status add_choices(json_t *all, const kerf_plan *plan)
{
    char *text;
    if (plan == NULL)
        return KERF_OK;
    KERF__TRY(kerf_plan_choices(plan, &text));
    json_t *some = json_loads(text, 0, NULL);
    int failed = some == NULL || json_object_update(all, some) != 0;
    json_decref(some);
    free(text);
    return failed ? kerf__fail_memory("train", 1024) : KERF_OK;
}

/* In run->choices and, if they are others than before, in the run's folder. */
static kerf_status keep_choices(kerf__run *run, char *text /* taken */)
{
    const int is_new = run->choices == NULL || strcmp(run->choices, text) != 0;
    free(run->choices);
    run->choices = text;
    if (run->folder.path == NULL || (!is_new && access(run->folder.choices, F_OK) == 0))
        return KERF_OK;
    return kerf__file_write(run->folder.choices, text, strlen(text));
}

kerf_status kerf__run_collect_choices(kerf__run *run)
{
    json_t *all = json_object();
    kerf_status status = all != NULL ? KERF_OK : kerf__fail_memory("train", 64);
    const kerf_plan *plans[] = {run->plan, run->evaluator.full, run->evaluator.rest};
    for (size_t i = 0; status == KERF_OK && i < sizeof plans / sizeof plans[0]; i++)
        status = add_choices(all, plans[i]);
    for (size_t i = 0; status == KERF_OK && i < run->teaching.num_teachers; i++)
        if (kerf__run_is_beside(run, &run->teaching.teachers[i]))
            status = add_choices(all, run->teaching.teachers[i].plan);
    for (size_t i = 0; status == KERF_OK && run->pruners != NULL && i < run->schedule.num_prunes;
         i++)
        status = add_choices(all, kerf__pruner_plan(run->pruners[i]));
    char *text = status == KERF_OK ? json_dumps(all, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    json_decref(all);
    if (status == KERF_OK && text == NULL)
        status = kerf__fail_memory("train", 1024);
    return status == KERF_OK ? keep_choices(run, text) : status;
}
