/* ops/steps_common.h -- the launches that the nodes of a plan make, in order.  Other half:
 * steps_common.c; operations append by kerf__emit (op.h), the plan queues them. */
#ifndef KERF_OPS_STEPS_COMMON_H
#define KERF_OPS_STEPS_COMMON_H

#include "ops/op.h"

struct kerf__steps {
    kerf__launch **launches; /* owned, each too */
    size_t num, capacity;
};

/* `steps` begins zeroed: kerf__steps steps = {0}. */
kerf_status kerf__steps_append(kerf__steps *steps,
                               kerf__launch *launch /* taken, also on failure */);
/* Queues launches first to first + num - 1. */
kerf_status kerf__steps_enqueue(const kerf__steps *steps, size_t first, size_t num);
/* Queues launches *next to end - 1; *next is then the one that failed, or end. */
kerf_status kerf__steps_enqueue_until(const kerf__steps *steps, size_t *next, size_t end);
/* Puts the launches of `fresh` (taken) in the place of first to first + num - 1, which are
 * destroyed; on failure both are as before. */
kerf_status kerf__steps_replace(kerf__steps *steps, size_t first, size_t num, kerf__steps *fresh);
void kerf__steps_clear(kerf__steps *steps); /* destroys the launches; NULL is allowed */

#endif
