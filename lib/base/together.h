/* base/together.h -- what work that ranks share (kerf/ranks.h) asks of them; NULL is one alone.
 *
 * Devices of several vendors round differently, so a number that a device computed and that
 * somebody decides by goes through here first: then all ranks go the same way.  All of it is
 * collective, and leaves the same bits on all ranks.  Other half: together.c. */
#ifndef KERF_BASE_TOGETHER_H
#define KERF_BASE_TOGETHER_H

#include "kerf/ranks.h"

int64_t kerf__ranks_num(const kerf_ranks *ranks);
int64_t kerf__ranks_own(const kerf_ranks *ranks);

/* In place, number by number: the sum in the order of ranks; the largest, NaN if one is. */
kerf_status kerf__ranks_sum(const kerf_ranks *ranks, double *x, size_t num);
kerf_status kerf__ranks_largest(const kerf_ranks *ranks, double *x, size_t num);
/* In place: what rank 0 has. */
kerf_status kerf__ranks_take_first(const kerf_ranks *ranks, void *bytes, size_t num_bytes);

/* So many of whom nobody answers: each takes itself for the first, and what it has for what all
 * have.  To time what a rank does beside the others' sums. */
kerf_ranks kerf__ranks_silent(int num);

#endif
