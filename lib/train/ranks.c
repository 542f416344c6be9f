/* train/ranks.c -- a run of several ranks (kerf/ranks.h): what they exchange, and when.
 *
 * Each takes its part of every batch, and between runs and update of a step (kerf_plan_update) the
 * sums of gradients are added up, so that all update the same weights by the same numbers.  At
 * events, where nothing is in flight, statistics become means, and all else what rank 0 has:
 * devices of different vendors round updates differently.  Rank 0 alone has a folder. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "tensor/tensor_internal.h"
#include "train/train_internal.h"

static const kerf_ranks *ranks_of(const kerf__run *run)
{
    return run->options->ranks;
}

int64_t kerf__num_ranks(const kerf_train_options *options)
{
    return options->ranks != NULL ? options->ranks->num : 1;
}

int kerf__rank(const kerf_train_options *options)
{
    return options->ranks != NULL ? options->ranks->rank : 0;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static kerf_status sum(const kerf_ranks *ranks, float *x, size_t num)
{
    size_t left;
    KERF__TRY(ranks->begin_sum(ranks->context, x, num));
    return ranks->advance(ranks->context, 1, &left);
}

kerf_status kerf__run_sum_metrics(const kerf__run *run, kerf_metrics *m)
{
    double sums[4] = {m->loss, m->top1, m->top5, (double)m->samples};
    if (kerf__num_ranks(run->options) == 1)
        return KERF_OK;
    KERF__TRY(ranks_of(run)->sum_doubles(ranks_of(run)->context, sums, 4));
    *m = (kerf_metrics){sums[0], sums[1], sums[2], (int64_t)sums[3]};
    return KERF_OK;
}

kerf_status kerf__run_take_first(const kerf__run *run, void *bytes, size_t num_bytes)
{
    if (kerf__num_ranks(run->options) == 1)
        return KERF_OK;
    return ranks_of(run)->take_first(ranks_of(run)->context, bytes, num_bytes);
}

/* ---- the same state everywhere --------------------------------------------------------------- */

static int is_seen(const kerf_state_entry *e)
{
    return (e->role == KERF_ROLE_STATISTIC || e->role == KERF_ROLE_RANGE) &&
           kerf_tensor_type(e->tensor) == KERF_F32;
}

static kerf_status take_mean(const kerf_ranks *ranks, float *x, size_t num)
{
    KERF__TRY(sum(ranks, x, num));
    for (size_t i = 0; i < num; i++)
        x[i] /= (float)ranks->num;
    return KERF_OK;
}

static kerf_status align_entry(const kerf__run *run, const kerf_state_entry *e)
{
    const kerf_ranks *ranks = ranks_of(run);
    const size_t num = (size_t)kerf_shape_num_elements(e->shape);
    const size_t num_bytes = (size_t)kerf__tensor_bytes(kerf_tensor_type(e->tensor), e->shape);
    void *bytes = kerf__alloc(num_bytes, 1);
    if (bytes == NULL)
        return kerf__fail_memory("train", num_bytes);
    kerf_status status = kerf_state_read(run->s, e->id, bytes);
    if (status == KERF_OK)
        status = is_seen(e) ? take_mean(ranks, bytes, num)
                            : ranks->take_first(ranks->context, bytes, num_bytes);
    if (status == KERF_OK && (is_seen(e) || ranks->rank > 0))
        status = kerf_state_write(run->s, e->id, bytes);
    free(bytes);
    return status;
}

kerf_status kerf__run_align(const kerf__run *run)
{
    if (kerf__num_ranks(run->options) == 1)
        return KERF_OK;
    for (int id = 0; id < kerf_state_num_ids(run->s); id++) {
        const kerf_state_entry *e = kerf_state_get(run->s, id);
        if (e != NULL && e->role != KERF_ROLE_METRIC && e->role != KERF_ROLE_GRADIENT &&
            kerf_shape_num_elements(e->shape) > 0)
            KERF__TRY(align_entry(run, e));
    }
    return KERF_OK;
}

/* ---- is it the same run ---------------------------------------------------------------------- */

kerf_status kerf__run_compare_ranks(const kerf__run *run)
{
    const kerf_ranks *ranks = ranks_of(run);
    uint64_t first, mine = XXH64(run->options_text, strlen(run->options_text), 0);
    double others = 0;
    if (kerf__num_ranks(run->options) == 1)
        return KERF_OK;
    mine ^= XXH64(KERF_VERSION, strlen(KERF_VERSION), 1);
    first = mine;
    KERF__TRY(ranks->take_first(ranks->context, &first, sizeof first));
    others = first != mine ? ranks->rank : 0;
    KERF__TRY(ranks->sum_doubles(ranks->context, &others, 1));
    if (first != mine)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: rank %d has other options, another network, data or version than "
                          "rank 0: all must have the same",
                          ranks->rank);
    if (others > 0)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: another rank has other options, another "
                                             "network, data or version: all must have the same");
    return KERF_OK;
}
