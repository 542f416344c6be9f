/* cluster/cluster_alone.c -- a cluster of one, in builds without MPI; see kerf/cluster.h.  Other
 * half: cluster_mpi.c. */
#include "kerf/cluster.h"

#include <stdlib.h>

#include "base/alloc.h"

struct kerf_cluster {
    kerf_ranks ranks;
    int64_t next_ticket;
};

kerf_status kerf_cluster_open(kerf_cluster **out)
{
    *out = kerf__alloc(1, sizeof **out);
    if (*out == NULL)
        return kerf__fail_memory("cluster", sizeof **out);
    (*out)->ranks.num = 1; /* so nobody calls the rest of the table */
    return KERF_OK;
}

void kerf_cluster_close(kerf_cluster *c)
{
    free(c);
}

int kerf_cluster_fail(kerf_cluster *c)
{
    (void)c;
    return 1;
}

void kerf_cluster_set_timeout(kerf_cluster *c, double seconds)
{
    (void)c;
    (void)seconds;
}

const kerf_ranks *kerf_cluster_ranks(const kerf_cluster *c)
{
    return &c->ranks;
}

int kerf_cluster_local_rank(const kerf_cluster *c)
{
    (void)c;
    return 0;
}

int kerf_cluster_machine(const kerf_cluster *c)
{
    (void)c;
    return 0;
}

kerf_status kerf_cluster_take_ticket(kerf_cluster *c, int64_t *ticket)
{
    *ticket = c->next_ticket++;
    return KERF_OK;
}

int kerf_cluster_attend(kerf_cluster *c, int is_through)
{
    c->next_ticket = is_through ? 0 : c->next_ticket;
    return is_through;
}
