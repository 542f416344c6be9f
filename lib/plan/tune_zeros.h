/* plan/tune_zeros.h -- the part of tuning that is about zeros: layers with and without them.  Other
 * half: tune_zeros.c; tune.c calls it. */
#ifndef KERF_PLAN_TUNE_ZEROS_H
#define KERF_PLAN_TUNE_ZEROS_H

#include "plan/plan_internal.h"

/* 1 if a layer of this draft, made with KERF_ZEROS_SPARSE, has zeros that may be worth skipping. */
int kerf__tune_has_zeros(const kerf_plan *draft);
/* As kerf_tune_zeros(), of those layers alone. */
kerf_status kerf__tune_zeros(const kerf_tune_target *target, kerf_state *s,
                             kerf_zeros_progress progress, void *context);

#endif
