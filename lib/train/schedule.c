/* train/schedule.c -- making the list of events; see schedule.h for their order. */
#include "train/schedule.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"

/* Often enough to stop a diverged run early, seldom enough to cost nothing: reading the
 * loss waits for the steps in flight. */
enum { CHECK_STEPS = 100 };

const char *kerf__event_name(kerf__event_kind kind)
{
    static const char *const names[KERF__NUM_EVENTS] = {
        [KERF__EVENT_PRUNE] = "prune", [KERF__EVENT_LIFT] = "lift masks"};
    return names[kind];
}

static kerf_status add(kerf__schedule *s, int64_t step, kerf__event_kind kind, int index)
{
    if (!kerf__grow((void **)&s->events, &s->capacity, s->num, sizeof *s->events))
        return kerf__fail_memory("schedule", s->num * sizeof *s->events);
    s->events[s->num++] = (kerf__event){step, kind, index};
    return KERF_OK;
}

static kerf_status add_checks(kerf__schedule *s)
{
    int index = 0;
    for (int64_t step = CHECK_STEPS; step < s->num_steps; step += CHECK_STEPS)
        if (step % s->steps_per_epoch != 0) /* the end of an epoch looks too */
            KERF__TRY(add(s, step, KERF__EVENT_CHECK, ++index));
    return KERF_OK;
}

/* The last epoch may be a part of one. */
static kerf_status add_epochs(kerf__schedule *s)
{
    s->num_epochs = (s->num_steps + s->steps_per_epoch - 1) / s->steps_per_epoch;
    for (int64_t epoch = 1; epoch <= s->num_epochs; epoch++) {
        int64_t end = epoch * s->steps_per_epoch;
        KERF__TRY(add(s, end < s->num_steps ? end : s->num_steps, KERF__EVENT_EPOCH, (int)epoch));
    }
    return KERF_OK;
}

static kerf_status add_prunings(kerf__schedule *s, const kerf_train_options *options)
{
    const kerf_prune_schedule *prune = &options->prune;
    for (int i = 1; i <= prune->events; i++) {
        double at = prune->start + (i - 1) * prune->every;
        double step = floor(at * (double)s->steps_per_epoch + 0.5);
        if (!(step <= (double)s->num_steps))
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "train: pruning %d of %d is due after %g epochs: must be within the "
                              "run's %g",
                              i, prune->events, at, options->epochs);
        s->last_prune = (int64_t)step;
        if (i == 1)
            s->first_prune = s->last_prune;
        if (step == 0 && kerf_prune_needs_training(prune->options.method))
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "train: this method chooses by gradients; the first pruning must be "
                              "after a step at least, so after %g epochs",
                              1.0 / (double)s->steps_per_epoch);
        KERF__TRY(add(s, s->last_prune, KERF__EVENT_PRUNE, i));
    }
    return KERF_OK;
}

/* What else pruning does, once each. */
static kerf_status add_keep_and_lift(kerf__schedule *s, const kerf_train_options *options)
{
    const kerf_prune_schedule *p = &options->prune;
    const double keep = floor(p->rewind * (double)s->steps_per_epoch + 0.5);
    const double lift = floor(p->lift * (double)s->steps_per_epoch + 0.5);
    if (p->events == 0)
        return KERF_OK;
    if (p->rewinds && !(keep < (double)s->first_prune))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: weights go back to epoch %g, must be before the first pruning, "
                          "after %g",
                          p->rewind, p->start);
    if (p->lift > 0 && !(lift > (double)s->last_prune && lift < (double)s->num_steps))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: masks are lifted after %g epochs, must be behind the last "
                          "pruning and before the end, %g",
                          p->lift, options->epochs);
    if (p->rewinds)
        KERF__TRY(add(s, (int64_t)keep, KERF__EVENT_KEEP, 1));
    if (p->lift > 0) {
        KERF__TRY(add(s, (int64_t)lift, KERF__EVENT_LIFT, 1));
        s->last_prune = (int64_t)lift;
    }
    return KERF_OK;
}

static int compare(const void *left, const void *right)
{
    const kerf__event *a = left, *b = right;
    if (a->step != b->step)
        return a->step < b->step ? -1 : 1;
    return a->kind != b->kind ? (int)a->kind - (int)b->kind : a->index - b->index;
}

kerf_status kerf__schedule_create(kerf__schedule *out, const kerf_train_options *options,
                                  int64_t steps_per_epoch)
{
    *out = (kerf__schedule){.num_steps =
                                (int64_t)floor(options->epochs * (double)steps_per_epoch + 0.5),
                            .steps_per_epoch = steps_per_epoch,
                            .first_prune = -1,
                            .last_prune = -1};
    kerf_status status = add_checks(out);
    if (status == KERF_OK)
        status = add_epochs(out);
    if (status == KERF_OK)
        status = add_prunings(out, options);
    if (status == KERF_OK)
        status = add_keep_and_lift(out, options);
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
    *schedule = (kerf__schedule){0};
}
