/* base/together.c -- numbers that ranks agree on; see together.h. */
#include "base/together.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

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
