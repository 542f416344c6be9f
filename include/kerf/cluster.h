/* cluster.h -- the processes that mpirun (or srun) has begun, as ranks (kerf/ranks.h).
 *
 * One cluster a process, for one thread.  A process that was begun alone, and any process of a
 * build without MPI, is a cluster of one. */
#ifndef KERF_CLUSTER_H
#define KERF_CLUSTER_H

#include "kerf/ranks.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kerf_cluster kerf_cluster;

/* Children that this process begins afterwards are alone: they are not told of the others.
 * On failure *out is NULL.  Close it with kerf_cluster_close(). */
KERF_API kerf_status kerf_cluster_open(kerf_cluster **out);
/* Waits for the others; after kerf_cluster_fail() said 0 it ends them.  NULL is allowed. */
KERF_API void kerf_cluster_close(kerf_cluster *c);

/* This rank's work has failed.  1: within a second so has that of all others, so each ends by
 * itself; 0: others are at work, and kerf_cluster_close() will end them. */
KERF_API int kerf_cluster_fail(kerf_cluster *c);

/* Whoever has been waited for so long, and does not answer then, is named by a failure of those who
 * wait (KERF_ERR_FILE, as of any end that cannot be read).  At first 600 seconds. */
KERF_API void kerf_cluster_set_timeout(kerf_cluster *c, double seconds);

KERF_API const kerf_ranks *kerf_cluster_ranks(const kerf_cluster *c);
/* Which of the ranks on this machine this is, from 0: by it ranks choose devices. */
KERF_API int kerf_cluster_local_rank(const kerf_cluster *c);
/* The first rank of this machine, which all ranks there have alike. */
KERF_API int kerf_cluster_machine(const kerf_cluster *c);

/* ---- work that is handed out in whole pieces ------------------------------------------------ */

/* Numbers from 0, each to the one rank that asks next, so that whoever is free takes more.  Rank 0
 * has them: while others may ask it calls kerf_cluster_attend() every few milliseconds. */
KERF_API kerf_status kerf_cluster_take_ticket(kerf_cluster *c, int64_t *ticket);
/* is_through 1: this rank takes no more, and calls until 1 comes back: nobody takes any more, and
 * numbers begin at 0 again.  Does not wait. */
KERF_API int kerf_cluster_attend(kerf_cluster *c, int is_through);

#ifdef __cplusplus
}
#endif
#endif
