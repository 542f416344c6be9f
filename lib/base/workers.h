/* base/workers.h -- the same work by several threads at once.  Other half: workers.c. */
#ifndef KERF_BASE_WORKERS_H
#define KERF_BASE_WORKERS_H

#include <stddef.h>

#include "kerf/base.h"

/* work(context, i) for all i below num, each in a thread of its own, one alone, and what no thread
 * can be had for, in the caller's; waits for all.  Of failures the one with the least i comes back,
 * and its message with it.  Whoever fails tells the others, if they shall not go on.  room: who
 * says that there is no memory. */
kerf_status kerf__work_together(const char *room, size_t num,
                                kerf_status (*work)(void *context, size_t i), void *context);

#endif
