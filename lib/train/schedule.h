/* train/schedule.h -- what happens when: a list fixed before the first step.
 *
 * An event happens at an instant: after `step` steps are done and before the next one.  At
 * one instant the order is that of the kinds below, then that of the indices.  So an epoch
 * is measured before the pruning that falls on its end, and that pruning has the whole next
 * epoch to heal.
 *
 * A new kind is a line here, a line in schedule.c that says when and one with its name, and a
 * handler in the table of events.c.  Other halves: schedule.c, schedule_add.c,
 * learning_rate.c, exchange.c. */
#ifndef KERF_TRAIN_SCHEDULE_H
#define KERF_TRAIN_SCHEDULE_H

#include "kerf/train.h"

typedef enum kerf__event_kind {
    KERF__EVENT_CHECK,    /* read the loss: is it still a number? */
    KERF__EVENT_EPOCH,    /* an epoch has ended: measure, remember the best, checkpoint */
    KERF__EVENT_EVALUATE, /* measure, and tell */
    KERF__EVENT_KEEP,     /* remember weights to go back to */
    KERF__EVENT_PRUNE,    /* choose masks */
    KERF__EVENT_LIFT,     /* lift them */
    KERF__EVENT_QUANTIZE, /* roundings come into the network */
    KERF__EVENT_FREEZE,   /* weights are frozen, or let go again */
    KERF__EVENT_SAVE,     /* checkpoint */
    KERF__EVENT_CALL,     /* whoever wants to be called */
    KERF__EVENT_MEET,     /* nothing else: ranks exchange other things from here on */
    KERF__NUM_EVENTS
} kerf__event_kind;

/* What a run's page calls it: "prune"; NULL: nothing that anybody wants to see there. */
const char *kerf__event_name(kerf__event_kind kind);

typedef struct kerf__event {
    int64_t step;
    kerf__event_kind kind;
    int index; /* from 1, among those of its kind and `of` */
    size_t of; /* which of the prunings or of the caller's events */
} kerf__event;

/* A curve of the learning rate: of the steps behind `begin` up to the next curve's. */
typedef struct kerf__rate {
    int64_t begin, warmup; /* steps */
    double lr;
    kerf_lr_schedule schedule;
} kerf__rate;

/* How ranks train together in the steps behind `begin` up to `end`. */
typedef struct kerf__exchange {
    int64_t begin, end;
    kerf_exchange_event how;
} kerf__exchange;

/* Made of the fields of kerf_train_options and of its list of events alike. */
typedef struct kerf__schedule {
    kerf__event *events; /* owned, in order */
    size_t num, capacity;
    double epochs;
    int64_t num_steps, steps_per_epoch, num_epochs; /* epochs: a begun one counts */
    int64_t last_change; /* step behind which the network stays what it is; -1: it does all along */

    kerf_prune_schedule *prunes; /* owned */
    size_t num_prunes, prune_capacity;
    int64_t first_prune; /* of methods that train nothing before it; -1: there is none */
    kerf__rate *rates;   /* owned, in order; the first begins at 0 */
    size_t num_rates, rate_capacity;
    const kerf_quantize_event *quantize; /* borrowed; NULL: none */
    int64_t quantize_step;               /* -1: not before the end */
    double freeze_observers;             /* epochs; of its ranges */
    const kerf_share_options *share;     /* borrowed; NULL: none */
    const kerf_penalty *penalty;         /* borrowed; NULL: none */
    int64_t penalty_steps[2];            /* it acts behind the first, up to the second */
    kerf__exchange *exchanges;           /* owned; they do not overlap */
    size_t num_exchanges, exchange_capacity;
    kerf_distillation distill; /* of the steps behind the first of these up to the second */
    int64_t distill_steps[2];
} kerf__schedule;

kerf_status kerf__schedule_create(kerf__schedule *out, const kerf_train_options *options,
                                  int64_t steps_per_epoch);
void kerf__schedule_free(kerf__schedule *schedule);

/* A time of the caller's in epochs: the one place where its unit matters.  As text: "500 steps". */
double kerf__time_epochs(const kerf__schedule *s, kerf_time t);
typedef struct kerf__time_text {
    char at[48];
} kerf__time_text;
kerf__time_text kerf__time_print(kerf_time t);
/* Reads a time at the beginning of text: "1.5", "1.5 epochs", "500 steps", "60%".  What is behind
 * it, or NULL if there is none.  No check but that it is a finite number of a unit. */
const char *kerf__time_read(const char *text, kerf_time *out);

/* ---- between the files that make it ---- */
/* The step behind which so many epochs are over. */
int64_t kerf__schedule_step(const kerf__schedule *s, double epoch);
int64_t kerf__schedule_at(const kerf__schedule *s, kerf_time t);
kerf_status kerf__schedule_add(kerf__schedule *s, int64_t step, kerf__event_kind kind, int index,
                               size_t of);
kerf_status kerf__schedule_prune(kerf__schedule *s, const kerf_prune_schedule *prune);
kerf_status kerf__schedule_rate_from(kerf__schedule *s, int64_t begin, const kerf_lr_event *curve);
kerf_status kerf__schedule_exchange(kerf__schedule *s, int64_t begin, int64_t end,
                                    const kerf_exchange_event *how);
/* Event i of the caller's. */
kerf_status kerf__schedule_event(kerf__schedule *s, const kerf_train_options *options, size_t i);
/* Whether all of it can be in one run. */
kerf_status kerf__schedule_check(const kerf__schedule *s, const kerf_train_options *options);

/* exchange.c: that of this step (from 1); if any has local steps; if they go with the options. */
kerf__exchange kerf__exchange_at(const kerf__schedule *s, int64_t step);
int kerf__has_local_steps(const kerf__schedule *s);
kerf_status kerf__exchange_check(const kerf__schedule *s, const kerf_train_options *o);

/* The learning rate of step `step` (from 1) of num_steps: a function of nothing else. */
float kerf__learning_rate(const kerf__rate *curve, int64_t step, int64_t num_steps);
/* That of this run's step `step`: where weights go back, so does the rate, and it is 0 before the
 * first event of a method that learns nothing until then. */
float kerf__schedule_rate(const kerf__schedule *schedule, int64_t step);
/* 1 if the penalty is one of gates (penalty.c). */
int kerf__has_gates(const kerf__schedule *s);
/* 1 if it is of what gates of channels make, and not of weights. */
int kerf__shrinks_saliencies(const kerf__schedule *s);
/* How far a step by this rate draws weights to 0, or what saliencies count. */
float kerf__shrink_by(const kerf__schedule *s, float lr, int64_t step, int64_t batch);
/* What that step's batch counts in ranges that follow what is seen; 0: they are frozen. */
float kerf__observe_share(const kerf_train_options *options, int64_t step, int64_t steps_per_epoch);

#endif
