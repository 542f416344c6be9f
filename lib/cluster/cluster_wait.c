/* cluster/cluster_wait.c -- waiting for other ranks, and a name for the one that does not come.
 *
 * Whoever has waited too long calls the roll: a word to each other rank, and each that waits, too,
 * answers with the same.  Who is silent for a while then is named.  Who was only slow has come by
 * that time, so all wait on. */
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/alloc.h"
#include "cluster/cluster_internal.h"

enum { CALL = 1, PATIENCE_MS = 3000 };

kerf__watch kerf__watch_begin(void)
{
    return (kerf__watch){.since_ms = kerf__now_ms()};
}

/* ---- the roll -------------------------------------------------------------------------------- */

static int has_call(const kerf_cluster *c, MPI_Status *status)
{
    int there = 0;
    MPI_Iprobe(MPI_ANY_SOURCE, CALL, c->control, &there, status);
    return there;
}

static void call_all(const kerf_cluster *c)
{
    for (int i = 0; i < c->ranks.num; i++) {
        MPI_Request request;
        if (i == c->ranks.rank)
            continue;
        MPI_Isend(NULL, 0, MPI_BYTE, i, CALL, c->control, &request);
        MPI_Request_free(&request); /* a word without bytes needs no buffer */
    }
}

/* Notes who calls, until all have or patience ends; returns how many have not. */
static int hear(const kerf_cluster *c, char *heard)
{
    const double begin_ms = kerf__now_ms();
    int left = c->ranks.num - 1;
    while (left > 0 && kerf__now_ms() - begin_ms < PATIENCE_MS) {
        MPI_Status status;
        if (!has_call(c, &status)) {
            nanosleep(&(struct timespec){0, 1000000}, NULL);
            continue;
        }
        MPI_Recv(NULL, 0, MPI_BYTE, status.MPI_SOURCE, CALL, c->control, MPI_STATUS_IGNORE);
        left -= !heard[status.MPI_SOURCE];
        heard[status.MPI_SOURCE] = 1;
    }
    return left;
}

static kerf_status name_silent(const kerf_cluster *c, const char *heard)
{
    int silent = 0;
    while (silent == c->ranks.rank || heard[silent])
        silent++;
    return kerf__fail(KERF_ERR_FILE,
                      "rank %d on %s has not answered for %g s: it is stopped, out of reach, or "
                      "busy with something long, which --rank-timeout must allow for",
                      silent, c->hosts[silent], c->timeout_s);
}

static kerf_status call_roll(const kerf_cluster *c)
{
    char *heard = kerf__alloc((size_t)c->ranks.num, 1);
    if (heard == NULL)
        return kerf__fail_memory("cluster", (size_t)c->ranks.num);
    call_all(c);
    const kerf_status status = hear(c, heard) > 0 ? name_silent(c, heard) : KERF_OK;
    free(heard);
    return status;
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* Short sleeps first: what is waited for is mostly near. */
static void sleep_a_moment(long num_naps)
{
    enum { YIELDS = 20, SHORT = 200 };
    if (num_naps < YIELDS)
        sched_yield();
    else
        nanosleep(&(struct timespec){0, num_naps < SHORT ? 50000 : 500000}, NULL);
}

kerf_status kerf__watch_nap(kerf__watch *w, const kerf_cluster *c)
{
    enum { NAPS_BETWEEN_LOOKS = 64 };
    MPI_Status ignored;
    sleep_a_moment(w->num_naps++);
    if (w->num_naps % NAPS_BETWEEN_LOOKS != 0)
        return KERF_OK;
    if (!has_call(c, &ignored) && kerf__now_ms() - w->since_ms < c->timeout_s * 1e3)
        return KERF_OK;
    KERF__TRY(call_roll(c));
    *w = kerf__watch_begin();
    return KERF_OK;
}

/* Sums under way go on meanwhile: other ranks may wait for those before they come here. */
kerf_status kerf__mpi_wait(kerf_cluster *c, MPI_Request *request)
{
    kerf__watch watch = kerf__watch_begin();
    for (;;) {
        int done = 0;
        MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (done)
            return KERF_OK;
        if (kerf__sums_advance(c))
            watch = kerf__watch_begin();
        else
            KERF__TRY(kerf__watch_nap(&watch, c));
    }
}

void kerf__mpi_sleep_until(MPI_Request *request)
{
    int done = 0;
    for (long naps = 0; !done; naps++) {
        MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (!done)
            sleep_a_moment(naps);
    }
}
