/* train/schedule.h -- what happens when: a list fixed before the first step.
 *
 * An event happens at an instant: after `step` steps are done and before the next one.  At
 * one instant the order is that of the kinds below, then that of the indices.  So an epoch
 * is measured before the pruning that falls on its end, and that pruning has the whole next
 * epoch to heal.
 *
 * A new kind is a line here, a line in schedule.c that says when and one with its name, and a
 * handler in the table of events.c.  Other half: schedule.c, learning_rate.c. */
#ifndef KERF_TRAIN_SCHEDULE_H
#define KERF_TRAIN_SCHEDULE_H

#include "kerf/train.h"

typedef enum kerf__event_kind {
    KERF__EVENT_CHECK, /* read the loss: is it still a number? */
    KERF__EVENT_EPOCH, /* an epoch has ended: measure, remember the best, checkpoint */
    KERF__EVENT_KEEP,  /* remember weights to go back to */
    KERF__EVENT_PRUNE, /* choose masks */
    KERF__EVENT_LIFT,  /* lift them */
    KERF__NUM_EVENTS
} kerf__event_kind;

/* What a run's page calls it: "prune"; NULL: nothing that anybody wants to see there. */
const char *kerf__event_name(kerf__event_kind kind);

typedef struct kerf__event {
    int64_t step;
    kerf__event_kind kind;
    int index; /* from 1, among those of its kind */
} kerf__event;

typedef struct kerf__schedule {
    kerf__event *events; /* owned, in order */
    size_t num, capacity;
    int64_t num_steps, steps_per_epoch, num_epochs; /* epochs: a begun one counts */
    int64_t first_prune, last_prune;                /* steps of prunings, -1 without */
} kerf__schedule;

kerf_status kerf__schedule_create(kerf__schedule *out, const kerf_train_options *options,
                                  int64_t steps_per_epoch);
void kerf__schedule_free(kerf__schedule *schedule);

/* The learning rate of step `step` (from 1) of num_steps: a function of nothing else. */
float kerf__learning_rate(const kerf_train_options *options, int64_t step, int64_t num_steps,
                          int64_t steps_per_epoch);
/* That of this run's step `step`: where weights go back, so does the rate, and it is 0 before the
 * first event of a method that learns nothing until then. */
float kerf__schedule_rate(const kerf__schedule *schedule, const kerf_train_options *options,
                          int64_t step);
/* 1 if the penalty is one of gates (penalty.c). */
int kerf__has_gates(const kerf_train_options *options);
/* How far a step by this rate draws weights to 0. */
float kerf__shrink_by(const kerf_train_options *options, float lr, int64_t step,
                      int64_t steps_per_epoch);
/* What that step's batch counts in ranges that follow what is seen; 0: they are frozen. */
float kerf__observe_share(const kerf_train_options *options, int64_t step, int64_t steps_per_epoch);

#endif
