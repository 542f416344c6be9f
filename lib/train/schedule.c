/* train/schedule.c -- making the list of events; see schedule.h for their order, schedule_add.c for
 * what each kind of the caller's adds. */
#include "train/schedule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/prune_internal.h"

/* Often enough to stop a diverged run early, seldom enough to cost nothing: reading the
 * loss waits for the steps in flight. */
enum { CHECK_STEPS = 100 };

const char *kerf__event_name(kerf__event_kind kind)
{
    static const char *const names[KERF__NUM_EVENTS] = {[KERF__EVENT_PRUNE] = "prune",
                                                        [KERF__EVENT_LIFT] = "lift masks",
                                                        [KERF__EVENT_QUANTIZE] = "quantize",
                                                        [KERF__EVENT_FREEZE] = "freeze"};
    return names[kind];
}

kerf_status kerf__schedule_add(kerf__schedule *s, int64_t step, kerf__event_kind kind, int index,
                               size_t of)
{
    if (!kerf__grow((void **)&s->events, &s->capacity, s->num, sizeof *s->events))
        return kerf__fail_memory("schedule", s->num * sizeof *s->events);
    s->events[s->num++] = (kerf__event){step, kind, index, of};
    return KERF_OK;
}

int64_t kerf__schedule_step(const kerf__schedule *s, double epoch)
{
    return (int64_t)floor(epoch * (double)s->steps_per_epoch + 0.5);
}

/* ---- times ---------------------------------------------------------------------------------- */

double kerf__time_epochs(const kerf__schedule *s, kerf_time t)
{
    switch (t.unit) {
    case KERF_STEPS:
        return t.value / (double)s->steps_per_epoch;
    case KERF_SHARES:
        return t.value * s->epochs;
    default:
        return t.value;
    }
}

int64_t kerf__schedule_at(const kerf__schedule *s, kerf_time t)
{
    return kerf__schedule_step(s, kerf__time_epochs(s, t));
}

kerf__time_text kerf__time_print(kerf_time t)
{
    static const char *const units[KERF_NUM_TIME_UNITS] = {"epochs", "steps", "of the run"};
    kerf__time_text text;
    snprintf(text.at, sizeof text.at, "%g %s", t.value, units[t.unit]);
    return text;
}

const char *kerf__time_read(const char *text, kerf_time *out)
{
    static const struct {
        const char *word;
        kerf_time_unit unit;
        double factor;
    } UNITS[] = {{"epochs", KERF_EPOCHS, 1}, {"epoch", KERF_EPOCHS, 1}, {"steps", KERF_STEPS, 1},
                 {"step", KERF_STEPS, 1},    {"%", KERF_SHARES, 0.01},  {"", KERF_EPOCHS, 1}};
    char *end;
    const double x = strtod(text, &end);
    const char *word = end + strspn(end, " ");
    if (end == text || !isfinite(x))
        return NULL;
    for (size_t i = 0;; i++) {
        const size_t length = strlen(UNITS[i].word);
        if (strncmp(word, UNITS[i].word, length) != 0)
            continue;
        *out = (kerf_time){x * UNITS[i].factor, UNITS[i].unit};
        return length > 0 ? word + length : end;
    }
}

/* ---- what happens anyhow -------------------------------------------------------------------- */

static kerf_status add_checks(kerf__schedule *s)
{
    int index = 0;
    for (int64_t step = CHECK_STEPS; step < s->num_steps; step += CHECK_STEPS)
        if (step % s->steps_per_epoch != 0) /* the end of an epoch looks too */
            KERF__TRY(kerf__schedule_add(s, step, KERF__EVENT_CHECK, ++index, 0));
    return KERF_OK;
}

/* The last epoch may be a part of one. */
static kerf_status add_epochs(kerf__schedule *s)
{
    s->num_epochs = (s->num_steps + s->steps_per_epoch - 1) / s->steps_per_epoch;
    for (int64_t epoch = 1; epoch <= s->num_epochs; epoch++) {
        int64_t end = epoch * s->steps_per_epoch;
        KERF__TRY(kerf__schedule_add(s, end < s->num_steps ? end : s->num_steps, KERF__EVENT_EPOCH,
                                     (int)epoch, 0));
    }
    return KERF_OK;
}

/* ---- prunings ------------------------------------------------------------------------------- */

static void note_change(kerf__schedule *s, int64_t step)
{
    if (step > s->last_change)
        s->last_change = step;
}

static kerf_status add_prunings(kerf__schedule *s, const kerf_prune_schedule *prune, size_t of)
{
    for (int i = 1; i <= prune->events; i++) {
        const double at = prune->start + (i - 1) * prune->every;
        const double step = floor(at * (double)s->steps_per_epoch + 0.5);
        if (!(step <= (double)s->num_steps))
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "train: pruning %d of %d is due after %g epochs: must be within the "
                              "run's %g",
                              i, prune->events, at, s->epochs);
        if (step == 0 && kerf_prune_needs_training(prune->options.method))
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "train: this method chooses by gradients; the first pruning must be "
                              "after a step at least, so after %g epochs",
                              1.0 / (double)s->steps_per_epoch);
        note_change(s, (int64_t)step);
        KERF__TRY(kerf__schedule_add(s, (int64_t)step, KERF__EVENT_PRUNE, i, of));
    }
    return KERF_OK;
}

/* What else pruning does, once each. */
static kerf_status add_keep_and_lift(kerf__schedule *s, const kerf_prune_schedule *p, size_t of)
{
    const double keep = floor(p->rewind * (double)s->steps_per_epoch + 0.5);
    const double lift = floor(p->lift * (double)s->steps_per_epoch + 0.5);
    if (p->rewinds && !(keep < (double)kerf__schedule_step(s, p->start)))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: weights go back to epoch %g, must be before the first pruning, "
                          "after %g",
                          p->rewind, p->start);
    if (p->lift > 0 && !(lift > (double)s->last_change && lift < (double)s->num_steps))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: masks are lifted after %g epochs, must be behind the last "
                          "pruning and before the end, %g",
                          p->lift, s->epochs);
    if (p->rewinds)
        KERF__TRY(kerf__schedule_add(s, (int64_t)keep, KERF__EVENT_KEEP, 1, of));
    if (p->lift > 0) {
        KERF__TRY(kerf__schedule_add(s, (int64_t)lift, KERF__EVENT_LIFT, 1, of));
        note_change(s, (int64_t)lift);
    }
    return KERF_OK;
}

kerf_status kerf__schedule_prune(kerf__schedule *s, const kerf_prune_schedule *prune)
{
    const size_t of = s->num_prunes;
    if (!kerf__grow((void **)&s->prunes, &s->prune_capacity, s->num_prunes, sizeof *s->prunes))
        return kerf__fail_memory("schedule", s->num_prunes * sizeof *s->prunes);
    s->prunes[s->num_prunes++] = *prune;
    KERF__TRY(add_prunings(s, prune, of));
    if (kerf__prune_way_of(prune->options.method)->rests)
        s->first_prune = kerf__schedule_step(s, prune->start);
    return add_keep_and_lift(s, prune, of);
}

/* ---- all ------------------------------------------------------------------------------------ */

static int compare(const void *left, const void *right)
{
    const kerf__event *a = left, *b = right;
    if (a->step != b->step)
        return a->step < b->step ? -1 : 1;
    if (a->kind != b->kind)
        return (int)a->kind - (int)b->kind;
    return a->of != b->of ? (a->of < b->of ? -1 : 1) : a->index - b->index;
}

static kerf_status fill(kerf__schedule *s, const kerf_train_options *options)
{
    const kerf_lr_event rate = {options->lr, options->schedule, options->warmup};
    KERF__TRY(add_checks(s));
    KERF__TRY(add_epochs(s));
    KERF__TRY(kerf__schedule_rate_from(s, 0, &rate));
    if (s->rates[0].warmup > s->num_steps)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: warmup is %s: must be from 0 to the run's %g epochs",
                          kerf__time_print(options->warmup).at, s->epochs);
    if (options->prune.events > 0)
        KERF__TRY(kerf__schedule_prune(s, &options->prune));
    for (size_t i = 0; i < options->num_events; i++)
        KERF__TRY(kerf__schedule_event(s, options, i));
    return kerf__schedule_check(s, options);
}

kerf_status kerf__schedule_create(kerf__schedule *out, const kerf_train_options *options,
                                  int64_t steps_per_epoch)
{
    *out = (kerf__schedule){.epochs = options->epochs,
                            .steps_per_epoch = steps_per_epoch,
                            .last_change = -1,
                            .first_prune = -1,
                            .quantize_step = -1,
                            .distill = options->distill};
    out->num_steps = kerf__schedule_step(out, out->epochs);
    out->distill_steps[1] = out->num_steps;
    kerf_status status = fill(out, options);
    if (status != KERF_OK) {
        kerf__schedule_free(out);
        return status;
    }
    if (out->num > 0)
        qsort(out->events, out->num, sizeof *out->events, compare);
    return KERF_OK;
}

void kerf__schedule_free(kerf__schedule *schedule)
{
    free(schedule->events);
    free(schedule->prunes);
    free(schedule->rates);
    free(schedule->exchanges);
    *schedule = (kerf__schedule){0};
}
