/* ranks.h -- what kerf_train(), and what measures a network, ask of processes that work on one
 * together.
 *
 * Each is a rank with a device of its own, all of the same files and options.  The functions are
 * collective: every rank calls them in the same order, and all come back with the same bits, which
 * depend on the number of ranks alone.  kerf/cluster.h makes such a table of MPI; a program may
 * bring another.  One thread calls them. */
#ifndef KERF_RANKS_H
#define KERF_RANKS_H

#include <stdint.h>

#include "kerf/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kerf_ranks {
    int rank, num;
    void *context;
    /* Begins a sum, in place: x becomes, element by element, what all ranks have, added in the
     * order of ranks.  Returns before that is so; until then x belongs to the sum.  Sums end in the
     * order in which they began. */
    kerf_status (*begin_sum)(void *context, float *x, size_t num);
    /* The same by a byte a number, in a quarter of the traffic and not exactly: what that leaves
     * out of x is in error then, (num), from where it comes into the next sum.  At first 0. */
    kerf_status (*begin_coded_sum)(void *context, float *x, float *error, size_t num);
    /* Goes on with all sums that have begun; waits: until one more is over, or all are.  *num_left:
     * how many are not. */
    kerf_status (*advance)(void *context, int waits, size_t *num_left);
    /* The same sum of few numbers, in place; waits for it.  Sums that have begun go on meanwhile,
     * and how these two kinds lie between each other may differ from rank to rank. */
    kerf_status (*sum_doubles)(void *context, double *x, size_t num);
    /* In place: what that rank has; waits for it. */
    kerf_status (*take_from)(void *context, int rank, void *bytes, size_t num_bytes);
} kerf_ranks;

/* What this rank has sent of gradients, and of what became means (kerf_exchange_event). */
typedef struct kerf_exchange {
    int64_t steps;
    double bytes, dense_bytes; /* of all steps; and if all gradients had gone as floats in each */
    double last_bytes;         /* of the last step */
} kerf_exchange;

/* Refuses ranks that are not alike, on all of them: `lines` is text of lines NAME=VALUE, of all
 * that must be, and the message, which `operation` begins, has the first that is not.  Collective;
 * NULL is one alone.  KERF_ERR_ARGUMENT, or what failed on the way. */
KERF_API kerf_status kerf_ranks_compare(const kerf_ranks *ranks, const char *operation,
                                        const char *lines);

#ifdef __cplusplus
}
#endif
#endif
