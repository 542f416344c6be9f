/* plan/node_trial.h -- every way to compute one node, side by side on tensors of their own.
 * Other half: node_trial.c; tune.c drives it. */
#ifndef KERF_PLAN_NODE_TRIAL_H
#define KERF_PLAN_NODE_TRIAL_H

#include "plan/plan_internal.h"

typedef struct kerf__trial {
    kerf__option option;
    kerf__buffer *scratch; /* owned, or NULL */
    kerf__steps steps;     /* owned */
    int alive;             /* 0: does not build, run or agree with the first */
    double ms;             /* the fastest run so far */
} kerf__trial;

typedef struct kerf__trials {
    kerf_device *dev;      /* borrowed */
    const kerf_node *node; /* borrowed */
    kerf_tensor **tensors; /* owned, each too: inputs, then outputs; NULL: left out */
    kerf__trial *items;    /* owned; in the order of the operation's table */
    int num, capacity;
} kerf__trials;

/* Makes tensors with random content and builds what can be built; an option that cannot is
 * not alive.  Destroy also after a failure. */
kerf_status kerf__trials_create(kerf__trials *t, kerf_device *dev, const kerf_node *n);
void kerf__trials_destroy(kerf__trials *t);
/* Runs all once; who differs from the first one alive by more than rounding is out. */
kerf_status kerf__trials_compare(kerf__trials *t);
/* Times all that live, in turn, for about budget_ms (0: as long as it takes); who is far
 * behind drops out, but not `keep` (may be NULL). */
kerf_status kerf__trials_time(kerf__trials *t, const kerf__trial *keep, double budget_ms);

#endif
