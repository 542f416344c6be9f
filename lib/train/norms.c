/* train/norms.c -- a batch norm's statistics, and its gradient's sums, over all ranks; see norms.h.
 *
 *     forward    mean and squares about it, of n elements, as sums n, n mean, squares + n mean^2
 *                (Chan, Golub, LeVeque 1983), which in doubles lose nothing that floats have
 *     backward   sums as they are
 *
 * Each is asked for in the middle of a run, in the order of the plan's nodes, which all ranks have
 * alike; the host waits for the device, then for the other ranks.  Gradients' sums that are under
 * way go on meanwhile, and those whose device is through with them begin: they have an order of
 * their own. */
#include "train/norms.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"

static kerf_status make_room(kerf__norms *norms, size_t num)
{
    if (norms->room >= num)
        return KERF_OK;
    kerf__norms_free(norms);
    norms->floats = kerf__alloc(num, sizeof *norms->floats);
    norms->sums = kerf__alloc(num, sizeof *norms->sums);
    if (norms->floats == NULL || norms->sums == NULL)
        return kerf__fail_memory("train", num * sizeof *norms->sums);
    norms->room = num;
    return KERF_OK;
}

static kerf_status add_up(const kerf__norms *norms, size_t num)
{
    return norms->ranks->sum_doubles(norms->ranks->context, norms->sums, num);
}

/* (2, channels): mean, squares about it. */
static kerf_status join_moments(const kerf__norms *norms, size_t channels, double num)
{
    float *mean = norms->floats, *squares = mean + channels;
    double *first = norms->sums, *second = first + channels, *all = second + channels;
    for (size_t c = 0; c < channels; c++) {
        first[c] = num * (double)mean[c];
        second[c] = (double)squares[c] + first[c] * (double)mean[c];
    }
    *all = num;
    KERF__TRY(add_up(norms, 2 * channels + 1));
    for (size_t c = 0; c < channels; c++) {
        const double middle = first[c] / *all, about = second[c] - first[c] * middle;
        mean[c] = (float)middle;
        squares[c] = about < 0 ? 0 : (float)about; /* and what is no number stays so */
    }
    return KERF_OK;
}

/* (3, channels): the first row is everybody's. */
static kerf_status join_sums(const kerf__norms *norms, size_t channels)
{
    float *own = norms->floats + channels;
    for (size_t i = 0; i < 2 * channels; i++)
        norms->sums[i] = (double)own[i];
    KERF__TRY(add_up(norms, 2 * channels));
    for (size_t i = 0; i < 2 * channels; i++)
        own[i] = (float)norms->sums[i];
    return KERF_OK;
}

static kerf_status complete(void *context, const kerf__partial *part)
{
    kerf__norms *norms = context;
    const size_t channels = (size_t)kerf_tensor_shape(part->tensor).dims[1];
    KERF__TRY(make_room(norms, 3 * channels));
    KERF__TRY(kerf_tensor_read(part->tensor, norms->floats));
    KERF__TRY(kerf__buckets_begin_queued(norms->buckets));
    KERF__TRY(part->has_moments ? join_moments(norms, channels, (double)part->elements)
                                : join_sums(norms, channels));
    return kerf_tensor_write(part->tensor, norms->floats);
}

void kerf__norms_begin(kerf__norms *norms, kerf_plan *plan, const kerf_ranks *ranks,
                       kerf__buckets *buckets)
{
    norms->ranks = ranks;
    norms->buckets = buckets;
    kerf__plan_complete_by(plan, complete, norms);
}

void kerf__norms_free(kerf__norms *norms)
{
    free(norms->floats);
    free(norms->sums);
    norms->floats = NULL;
    norms->sums = NULL;
    norms->room = 0;
}
