/* plan/shared_weights.h -- weights that are numbers of a codebook's entries (compress/share), as
 * the planner sees them: how many are not 0. */
#ifndef KERF_PLAN_SHARED_WEIGHTS_H
#define KERF_PLAN_SHARED_WEIGHTS_H

#include "plan/plan_internal.h"

/* 1 if v is taken from a codebook that is a state, by constant indices: Gather, seen through
 * Reshape, of Cast and perhaps Add. */
int kerf__plan_is_shared(const kerf_value *v);
/* Elements of such a value, or of a state, that are not 0, and all; waits. */
kerf_status kerf__plan_count_weights(const kerf_plan *p, const kerf_value *v, int64_t *count,
                                     int64_t *total);

#endif
