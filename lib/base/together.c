/* base/together.c -- numbers that ranks agree on; see together.h. */
#include "base/together.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/lines.h"

int64_t kerf__ranks_num(const kerf_ranks *ranks)
{
    return ranks != NULL ? ranks->num : 1;
}

int64_t kerf__ranks_own(const kerf_ranks *ranks)
{
    return ranks != NULL ? ranks->rank : 0;
}

kerf_status kerf__ranks_sum(const kerf_ranks *ranks, double *x, size_t num)
{
    return kerf__ranks_num(ranks) > 1 ? ranks->sum_doubles(ranks->context, x, num) : KERF_OK;
}

kerf_status kerf__ranks_take_first(const kerf_ranks *ranks, void *bytes, size_t num_bytes)
{
    return kerf__ranks_num(ranks) > 1 ? ranks->take_from(ranks->context, 0, bytes, num_bytes)
                                      : KERF_OK;
}

/* Each rank's numbers stand in a row of their own, where all others have 0. */
kerf_status kerf__ranks_largest(const kerf_ranks *ranks, double *x, size_t num)
{
    const size_t rows = (size_t)kerf__ranks_num(ranks);
    if (rows == 1)
        return KERF_OK;
    double *all = kerf__alloc(rows * num, sizeof *all);
    if (all == NULL)
        return kerf__fail_memory("ranks", rows * num * sizeof *all);
    memcpy(all + (size_t)ranks->rank * num, x, num * sizeof *all);
    const kerf_status status = kerf__ranks_sum(ranks, all, rows * num);
    for (size_t i = 0; status == KERF_OK && i < num; i++) {
        x[i] = all[i];
        for (size_t r = 1; r < rows; r++)
            x[i] = isnan(all[r * num + i]) || all[r * num + i] > x[i] ? all[r * num + i] : x[i];
    }
    free(all);
    return status;
}

/* ---- are they alike ------------------------------------------------------------------------- */

/* On all ranks what rank 0 has; the caller frees it. */
static kerf_status take_first_text(const kerf_ranks *ranks, const char *mine, char **first)
{
    uint64_t length = strlen(mine);
    KERF__TRY(ranks->take_from(ranks->context, 0, &length, sizeof length));
    *first = kerf__alloc((size_t)length + 1, 1);
    if (*first == NULL)
        return kerf__fail_memory("ranks", (size_t)length + 1);
    if (ranks->rank == 0)
        memcpy(*first, mine, (size_t)length);
    const kerf_status status = ranks->take_from(ranks->context, 0, *first, (size_t)length);
    if (status != KERF_OK)
        free(*first);
    return status;
}

/* The first rank that differs, on all; the number of ranks: none does. */
static kerf_status find_other(const kerf_ranks *ranks, int differs, int *first)
{
    const size_t num = (size_t)ranks->num;
    double *flags = kerf__alloc(num, sizeof *flags);
    if (flags == NULL)
        return kerf__fail_memory("ranks", num * sizeof *flags);
    flags[ranks->rank] = differs;
    const kerf_status status = ranks->sum_doubles(ranks->context, flags, num);
    for (*first = 0; *first < ranks->num && flags[*first] == 0;)
        (*first)++;
    free(flags);
    return status;
}

static kerf_status compare(const kerf_ranks *ranks, const char *operation, const char *mine,
                           const char *first)
{
    char here[KERF__LINE] = "", there[KERF__LINE] = "";
    int other = 0;
    KERF__TRY(find_other(ranks, kerf__lines_differ(mine, first, here, there), &other));
    if (other == ranks->num)
        return KERF_OK;
    KERF__TRY(ranks->take_from(ranks->context, other, here, sizeof here));
    KERF__TRY(ranks->take_from(ranks->context, other, there, sizeof there));
    return kerf__fail(KERF_ERR_ARGUMENT, "%s: rank %d has %s, rank 0 has %s; all must be alike",
                      operation, other, here, there);
}

kerf_status kerf_ranks_compare(const kerf_ranks *ranks, const char *operation, const char *lines)
{
    char *first;
    if (kerf__ranks_num(ranks) == 1)
        return KERF_OK;
    KERF__TRY(take_first_text(ranks, lines, &first));
    const kerf_status status = compare(ranks, operation, lines, first);
    free(first);
    return status;
}

/* ---- ranks of whom nobody answers ------------------------------------------------------------ */

static kerf_status silent_sum(void *context, float *x, size_t num)
{
    (void)context, (void)x, (void)num;
    return KERF_OK;
}

static kerf_status silent_coded_sum(void *context, float *x, float *error, size_t num)
{
    (void)context, (void)x, (void)error, (void)num;
    return KERF_OK;
}

static kerf_status silent_advance(void *context, int waits, size_t *num_left)
{
    (void)context, (void)waits;
    *num_left = 0;
    return KERF_OK;
}

static kerf_status silent_doubles(void *context, double *x, size_t num)
{
    (void)context, (void)x, (void)num;
    return KERF_OK;
}

static kerf_status silent_take(void *context, int rank, void *bytes, size_t num_bytes)
{
    (void)context, (void)rank, (void)bytes, (void)num_bytes;
    return KERF_OK;
}

kerf_ranks kerf__ranks_silent(int num)
{
    return (kerf_ranks){.num = num,
                        .begin_sum = silent_sum,
                        .begin_coded_sum = silent_coded_sum,
                        .advance = silent_advance,
                        .sum_doubles = silent_doubles,
                        .take_from = silent_take};
}
