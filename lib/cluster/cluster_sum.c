/* cluster/cluster_sum.c -- sums over ranks in a fixed order, which MPI's own reductions leave to
 * the library.
 *
 * Each rank gets its slice of all ranks' numbers, adds these in the order of ranks, and gives the
 * sum to all.  That moves as few bytes as a reduction can, 2 (n - 1) / n of the numbers a rank, and
 * all ranks have the same bits.  Both halves are collectives that do not wait; several sums are
 * under way at once, each in a place of a ring. */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "cluster/cluster_internal.h"

/* ---- slices ---------------------------------------------------------------------------------- */

static kerf_status make_room(kerf__sum *s, int ranks)
{
    /* A slice is at most one longer; as bytes it has a scale, and what they leave out as floats. */
    const size_t num = (size_t)s->num + 2 * (size_t)ranks + 2;
    if (s->counts == NULL)
        s->counts = kerf__alloc(5 * (size_t)ranks, sizeof *s->counts);
    if (s->counts == NULL)
        return kerf__fail_memory("cluster", 5 * (size_t)ranks * sizeof *s->counts);
    s->first = s->counts + ranks;
    s->sizes = s->first + ranks;
    s->starts = s->sizes + ranks;
    s->sent = s->starts + ranks;
    if (s->room_floats >= num)
        return KERF_OK;
    free(s->room);
    s->room = kerf__alloc(num, sizeof *s->room);
    s->room_floats = s->room != NULL ? num : 0;
    return s->room != NULL ? KERF_OK : kerf__fail_memory("cluster", num * sizeof *s->room);
}

static kerf_status make_codes(kerf__sum *s, int ranks)
{
    const size_t bytes = (size_t)s->num + (size_t)ranks * KERF__SCALE_BYTES;
    if (s->error == NULL || s->codes_bytes >= bytes)
        return KERF_OK;
    free(s->codes);
    s->codes = kerf__alloc(bytes, 1);
    s->codes_bytes = s->codes != NULL ? bytes : 0;
    return s->codes != NULL ? KERF_OK : kerf__fail_memory("cluster", bytes);
}

/* Slices of floats, or of a scale and a byte a number. */
static void cut(const kerf__sum *s, int rank, int ranks)
{
    const int more = s->error != NULL ? KERF__SCALE_BYTES : 0;
    for (int i = 0; i < ranks; i++) {
        s->first[i] = (int)((int64_t)s->num * i / ranks);
        s->counts[i] = (int)((int64_t)s->num * (i + 1) / ranks) - s->first[i] + more;
        s->first[i] += i * more;
    }
    for (int i = 0; i < ranks; i++) { /* its own slice stays where it is */
        s->sent[i] = i == rank ? 0 : s->counts[i];
        s->sizes[i] = i == rank ? 0 : s->counts[rank];
        s->starts[i] = (i < rank ? i : i - 1) * s->counts[rank];
    }
}

/* dst is this rank's own slice, too: a few numbers at a time are added up beside it. */
static void add_slices(const kerf__sum *s, int rank, int ranks)
{
    enum { FEW = 1024 };
    float *own = s->x + s->first[rank], sums[FEW];
    for (int at = 0; at < s->counts[rank]; at += FEW) {
        const int num = s->counts[rank] - at < FEW ? s->counts[rank] - at : FEW;
        for (int r = 0; r < ranks; r++) {
            const float *src = (r == rank ? own : s->room + s->starts[r]) + at;
            for (int i = 0; i < num; i++)
                sums[i] = r == 0 ? src[i] : sums[i] + src[i];
        }
        memcpy(own + at, sums, (size_t)num * sizeof *sums);
    }
}

/* ---- one sum --------------------------------------------------------------------------------- */

static void *numbers(const kerf__sum *s)
{
    return s->error != NULL ? (void *)s->codes : s->x;
}

static MPI_Datatype type_of(const kerf__sum *s)
{
    return s->error != NULL ? MPI_BYTE : MPI_FLOAT;
}

static kerf_status begin(kerf_cluster *c, float *x, float *error, int num)
{
    const int ranks = c->ranks.num;
    kerf__sum *s = &c->sums[(c->first_sum + c->num_sums) % KERF__MOST_SUMS];
    s->stage = KERF__SUM_PARTING;
    s->x = x;
    s->error = error;
    s->num = num;
    KERF__TRY(make_room(s, ranks));
    KERF__TRY(make_codes(s, ranks));
    cut(s, c->ranks.rank, ranks);
    if (error != NULL)
        kerf__codes_begin(s, ranks);
    MPI_Ialltoallv(numbers(s), s->sent, s->first, type_of(s), s->room, s->sizes, s->starts,
                   type_of(s), c->parting, &s->request);
    c->num_sums++;
    return KERF_OK;
}

static void gather(const kerf_cluster *c, kerf__sum *s)
{
    if (s->error != NULL)
        kerf__codes_add(s, c->ranks.rank, c->ranks.num);
    else
        add_slices(s, c->ranks.rank, c->ranks.num);
    MPI_Iallgatherv(MPI_IN_PLACE, 0, type_of(s), numbers(s), s->counts, s->first, type_of(s),
                    c->gathering, &s->request);
    s->stage = KERF__SUM_GATHERING;
}

/* 1 if it went a stage on. */
static int advance_sum(const kerf_cluster *c, kerf__sum *s)
{
    int done = 0;
    MPI_Test(&s->request, &done, MPI_STATUS_IGNORE);
    if (!done)
        return 0;
    if (s->stage == KERF__SUM_PARTING) {
        gather(c, s);
        return 1;
    }
    if (s->error != NULL)
        kerf__codes_end(s, c->ranks.num);
    s->stage = KERF__SUM_OVER;
    return 1;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* In their order, which second halves need: none is begun before that of the sum in front. */
int kerf__sums_advance(kerf_cluster *c)
{
    int moved = 0, is_front_parting = 0;
    for (size_t i = 0; i < c->num_sums; i++) {
        kerf__sum *s = &c->sums[(c->first_sum + i) % KERF__MOST_SUMS];
        if (s->stage != KERF__SUM_OVER && !is_front_parting)
            moved |= advance_sum(c, s);
        is_front_parting |= s->stage == KERF__SUM_PARTING;
    }
    while (c->num_sums > 0 && c->sums[c->first_sum].stage == KERF__SUM_OVER) {
        c->first_sum = (c->first_sum + 1) % KERF__MOST_SUMS;
        c->num_sums--;
    }
    return moved;
}

/* Until no more than so many are left. */
static kerf_status finish_down_to(kerf_cluster *c, size_t num)
{
    kerf__watch watch = kerf__watch_begin();
    while (c->num_sums > num) {
        if (kerf__sums_advance(c))
            watch = kerf__watch_begin();
        else
            KERF__TRY(kerf__watch_nap(&watch, c));
    }
    return KERF_OK;
}

static kerf_status begin_when_free(kerf_cluster *c, float *x, float *error, size_t num)
{
    if (num > INT_MAX - KERF__SCALE_BYTES * (size_t)c->ranks.num)
        return kerf__fail(KERF_ERR_ARGUMENT, "cluster: a sum of %zu numbers, must be below 2^31",
                          num);
    KERF__TRY(finish_down_to(c, KERF__MOST_SUMS - 1));
    return begin(c, x, error, (int)num);
}

kerf_status kerf__mpi_begin_sum(void *context, float *x, size_t num)
{
    return begin_when_free(context, x, NULL, num);
}

kerf_status kerf__mpi_begin_coded_sum(void *context, float *x, float *error, size_t num)
{
    return begin_when_free(context, x, error, num);
}

kerf_status kerf__mpi_advance(void *context, int waits, size_t *num_left)
{
    kerf_cluster *c = context;
    kerf__sums_advance(c);
    if (waits && c->num_sums > 0)
        KERF__TRY(finish_down_to(c, c->num_sums - 1));
    *num_left = c->num_sums;
    return KERF_OK;
}

/* Few numbers: all get all, and each adds them up. */
kerf_status kerf__mpi_sum_doubles(void *context, double *x, size_t num)
{
    kerf_cluster *c = context;
    const size_t ranks = (size_t)c->ranks.num;
    MPI_Request request;
    double *all = kerf__alloc(num * ranks, sizeof *all);
    if (all == NULL)
        return kerf__fail_memory("cluster", num * ranks * sizeof *all);
    MPI_Iallgather(x, (int)num, MPI_DOUBLE, all, (int)num, MPI_DOUBLE, c->control, &request);
    const kerf_status status = kerf__mpi_wait(c, &request);
    if (status != KERF_OK)
        return status; /* `all` still belongs to MPI; the process is about to end */
    for (size_t i = 0; i < num; i++) {
        x[i] = all[i];
        for (size_t r = 1; r < ranks; r++)
            x[i] += all[r * num + i];
    }
    free(all);
    return KERF_OK;
}

void kerf__mpi_free_sums(kerf_cluster *c)
{
    for (size_t i = 0; i < KERF__MOST_SUMS; i++) {
        free(c->sums[i].room);
        free(c->sums[i].codes);
        free(c->sums[i].counts);
    }
}
