/* plan/tune_gain.h -- whether a tuned plan as a whole is faster than the untuned one.  Other
 * half: tune_gain.c; tune.c calls it. */
#ifndef KERF_PLAN_TUNE_GAIN_H
#define KERF_PLAN_TUNE_GAIN_H

#include "plan/plan_internal.h"

/* Runs both in turn for about budget_ms (0: as long as it takes) and fills in the gain; a
 * tuned plan that is slower for sure gets the untuned choices back, in the store too. */
kerf_status kerf__tune_compare(kerf_plan *untuned, kerf_plan *tuned, double budget_ms,
                               kerf_tune_gain *gain);
/* The times of both, in turn, and their ratio, in a gain as if b were the tuned one. */
kerf_status kerf__tune_time_pairs(kerf_plan *a, kerf_plan *b, double budget_ms,
                                  kerf_tune_gain *gain);
/* Numbers for all inputs of a plan, and a step that changes no weight. */
kerf_status kerf__tune_fill(kerf_plan *p);
/* A copy for the second of two plans side by side that train, as each lays out moments in its own
 * way; NULL where they do not train: both may have `s`. */
kerf_status kerf__tune_second_state(kerf_state **out, const kerf_state *s, kerf_mode mode);

#endif
