/* cluster/cluster_tickets.c -- numbers that are handed out to ranks, each once; see
 * kerf/cluster.h.  In builds without MPI: cluster_alone.c.
 *
 * Rank 0 has the next number.  Others ask by a word without bytes, and wait for the answer; rank 0
 * answers whenever it is called, and so must be called while its own work goes on.  That all are
 * through is a barrier that nobody waits in. */
#include "base/fail.h"
#include "cluster/cluster_internal.h"

/* Words of a round have its number for a tag: one that is through with a round may ask for the
 * next before rank 0 knows that all are. */
static int tag_of(const kerf_cluster *c)
{
    return c->ticket_round % 2;
}

/* Rank 0: answers all that have asked. */
static void answer_all(kerf_cluster *c)
{
    for (;;) {
        MPI_Status status;
        int there = 0;
        MPI_Iprobe(MPI_ANY_SOURCE, tag_of(c), c->tickets, &there, &status);
        if (!there)
            return;
        MPI_Recv(NULL, 0, MPI_BYTE, status.MPI_SOURCE, tag_of(c), c->tickets, MPI_STATUS_IGNORE);
        const int64_t ticket = c->next_ticket++;
        MPI_Send(&ticket, 1, MPI_INT64_T, status.MPI_SOURCE, tag_of(c), c->tickets);
    }
}

kerf_status kerf_cluster_take_ticket(kerf_cluster *c, int64_t *ticket)
{
    MPI_Request answer;
    if (c->ranks.rank == 0) {
        *ticket = c->next_ticket++;
        return KERF_OK;
    }
    MPI_Irecv(ticket, 1, MPI_INT64_T, 0, tag_of(c), c->tickets, &answer);
    MPI_Send(NULL, 0, MPI_BYTE, 0, tag_of(c), c->tickets);
    return kerf__mpi_wait(c, &answer);
}

int kerf_cluster_attend(kerf_cluster *c, int is_through)
{
    int all = is_through;
    if (c->ranks.rank == 0 && c->ranks.num > 1)
        answer_all(c);
    if (c->ranks.num > 1 && is_through) {
        if (!c->is_leaving)
            MPI_Ibarrier(c->tickets, &c->leaving);
        MPI_Test(&c->leaving, &all, MPI_STATUS_IGNORE);
        c->is_leaving = !all;
    }
    if (all) {
        c->next_ticket = 0;
        c->ticket_round++;
    }
    return all;
}
