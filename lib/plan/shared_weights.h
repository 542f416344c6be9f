/* plan/shared_weights.h -- weights that are numbers of a codebook's entries (compress/share), as
 * the planner sees them: how many are not 0. */
#ifndef KERF_PLAN_SHARED_WEIGHTS_H
#define KERF_PLAN_SHARED_WEIGHTS_H

#include "plan/plan_internal.h"

/* How a weight is put together. */
typedef struct kerf__shared_weight {
    kerf_value *codebook;       /* float, a state of one dimension */
    const kerf_tensor *indices; /* uint8, in the weight's order */
    const kerf_tensor *first;   /* int32, each row of indices counts from; NULL: from 0 */
} kerf__shared_weight;

/* 1 if v is taken from a codebook that is a state, by constant indices: Gather, seen through
 * Reshape, of Cast and perhaps Add. */
int kerf__plan_find_shared(const kerf_value *v, kerf__shared_weight *out);
int kerf__plan_is_shared(const kerf_value *v);
/* Elements of such a value, or of a state, that are not 0, and all; waits. */
kerf_status kerf__plan_count_weights(const kerf_plan *p, const kerf_value *v, int64_t *count,
                                     int64_t *total);

#endif
