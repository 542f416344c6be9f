/* cluster/cluster_mpi.c -- ranks by MPI, begun and ended; see kerf/cluster.h and
 * cluster_internal.h.  In builds without MPI: cluster_alone.c.
 *
 * A rank that dies takes the job with it, as MPI's launcher sees to; an error of MPI itself does
 * the same.  Its library says which rank it was. */
#define _DEFAULT_SOURCE /* unsetenv */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "cluster/cluster_internal.h"

enum { DEFAULT_TIMEOUT_S = 600 };

/* What launchers tell their children: Open MPI's, that of MPICH and its kin, Slurm. */
static const char *const TOLD[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK",
                                   "MPI_LOCALNRANKS"};
enum { NUM_TOLD = sizeof TOLD / sizeof TOLD[0] };

/* By memory of its own, which still belongs to MPI where waiting fails: the process is about to
 * end. */
static kerf_status take_piece(kerf_cluster *c, int rank, void *bytes, size_t num)
{
    MPI_Request request;
    void *piece = kerf__alloc(num, 1);
    if (piece == NULL)
        return kerf__fail_memory("cluster", num);
    memcpy(piece, bytes, num);
    MPI_Ibcast(piece, (int)num, MPI_BYTE, rank, c->control, &request);
    KERF__TRY(kerf__mpi_wait(c, &request));
    memcpy(bytes, piece, num);
    free(piece);
    return KERF_OK;
}

static kerf_status take_from(void *context, int rank, void *bytes, size_t num_bytes)
{
    enum { MOST = 1 << 24 };
    for (size_t i = 0; i < num_bytes; i += MOST)
        KERF__TRY(take_piece(context, rank, (char *)bytes + i,
                             num_bytes - i < MOST ? num_bytes - i : MOST));
    return KERF_OK;
}

/* ---- begin ----------------------------------------------------------------------------------- */

/* MPI_Init of a process alone takes long, and begins others. */
static int was_begun_alone(void)
{
    for (int i = 0; i < NUM_TOLD; i++)
        if (getenv(TOLD[i]) != NULL)
            return 0;
    return 1;
}

/* A child that took itself for this rank would wait for ever. */
static void tell_children_nothing(void)
{
    for (int i = 0; i < NUM_TOLD; i++)
        unsetenv(TOLD[i]);
}

static void find_place(kerf_cluster *c)
{
    MPI_Comm machine;
    MPI_Comm_rank(MPI_COMM_WORLD, &c->ranks.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &c->ranks.num);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    MPI_Comm_rank(machine, &c->local);
    MPI_Allreduce(&c->ranks.rank, &c->machine, 1, MPI_INT, MPI_MIN, machine);
    MPI_Comm_free(&machine);
    MPI_Comm_dup(MPI_COMM_WORLD, &c->parting);
    MPI_Comm_dup(MPI_COMM_WORLD, &c->gathering);
    MPI_Comm_dup(MPI_COMM_WORLD, &c->control);
    MPI_Comm_dup(MPI_COMM_WORLD, &c->tickets);
    MPI_Comm_dup(MPI_COMM_WORLD, &c->failing);
}

static kerf_status learn_hosts(kerf_cluster *c)
{
    char own[MPI_MAX_PROCESSOR_NAME] = "";
    int length;
    c->hosts = kerf__alloc((size_t)c->ranks.num, sizeof *c->hosts);
    if (c->hosts == NULL)
        return kerf__fail_memory("cluster", (size_t)c->ranks.num * sizeof *c->hosts);
    MPI_Get_processor_name(own, &length);
    MPI_Allgather(own, MPI_MAX_PROCESSOR_NAME, MPI_CHAR, c->hosts, MPI_MAX_PROCESSOR_NAME, MPI_CHAR,
                  c->control);
    return KERF_OK;
}

static kerf_status join(kerf_cluster *c)
{
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &(int){0});
    tell_children_nothing();
    find_place(c);
    return learn_hosts(c);
}

kerf_status kerf_cluster_open(kerf_cluster **out)
{
    *out = NULL;
    kerf_cluster *c = kerf__alloc(1, sizeof *c);
    if (c == NULL)
        return kerf__fail_memory("cluster", sizeof *c);
    c->ranks = (kerf_ranks){.num = 1,
                            .context = c,
                            .begin_sum = kerf__mpi_begin_sum,
                            .begin_coded_sum = kerf__mpi_begin_coded_sum,
                            .advance = kerf__mpi_advance,
                            .sum_doubles = kerf__mpi_sum_doubles,
                            .take_from = take_from};
    c->timeout_s = DEFAULT_TIMEOUT_S;
    c->is_alone = was_begun_alone();
    const kerf_status status = c->is_alone ? KERF_OK : join(c);
    if (status != KERF_OK) {
        kerf_cluster_close(c);
        return status;
    }
    *out = c;
    return KERF_OK;
}

/* ---- end ------------------------------------------------------------------------------------- */

int kerf_cluster_fail(kerf_cluster *c)
{
    enum { A_WHILE_MS = 1000 };
    const double begin_ms = kerf__now_ms();
    MPI_Request request;
    int done = c->is_alone || c->ranks.num == 1;
    if (!done)
        MPI_Ibarrier(c->failing, &request);
    while (!done && kerf__now_ms() - begin_ms < A_WHILE_MS) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    }
    c->aborts = !done;
    return done;
}

/* MPI_Finalize() waits for the others, too, but on a core that their last evaluation may need, and
 * MPICH's does not always come back from that (4.0, by UCX over TCP). */
static void end_together(void)
{
    MPI_Request request;
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    kerf__mpi_sleep_until(&request);
    MPI_Finalize();
}

void kerf_cluster_close(kerf_cluster *c)
{
    if (c == NULL)
        return;
    if (c->aborts)
        MPI_Abort(MPI_COMM_WORLD, 1);
    if (!c->is_alone)
        end_together();
    kerf__mpi_free_sums(c);
    free(c->hosts);
    free(c);
}

/* ---- what it is ------------------------------------------------------------------------------ */

void kerf_cluster_set_timeout(kerf_cluster *c, double seconds)
{
    c->timeout_s = seconds;
}

const kerf_ranks *kerf_cluster_ranks(const kerf_cluster *c)
{
    return &c->ranks;
}

int kerf_cluster_local_rank(const kerf_cluster *c)
{
    return c->local;
}

int kerf_cluster_machine(const kerf_cluster *c)
{
    return c->machine;
}
