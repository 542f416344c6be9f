/* train/ranks.c -- a run of several ranks (kerf/ranks.h): what they exchange, and when.
 *
 * Each takes its part of every batch, and between runs and update of a step (kerf_plan_update) the
 * sums of gradients are added up, so that all update the same weights by the same numbers.  At
 * events, where nothing is in flight, statistics become means, and all else what rank 0 has:
 * devices of different vendors round updates differently.  Rank 0 alone has a folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/together.h"
#include "tensor/tensor_internal.h"
#include "train/train_internal.h"

static const kerf_ranks *ranks_of(const kerf__run *run)
{
    return run->options->ranks;
}

int64_t kerf__num_ranks(const kerf_train_options *options)
{
    return kerf__ranks_num(options->ranks);
}

int kerf__rank(const kerf_train_options *options)
{
    return (int)kerf__ranks_own(options->ranks);
}

/* ---- shares ---------------------------------------------------------------------------------- */

void kerf__run_cut(kerf__run *run, const double *weights)
{
    kerf__balance *b = &run->balance;
    kerf__balance_cut(b->rows, weights, (size_t)kerf__num_ranks(run->options),
                      kerf__part_size(run->options));
    b->first = 0;
    for (int i = 0; i < kerf__rank(run->options); i++)
        b->first += b->rows[i];
}

kerf_status kerf__run_balance(kerf__run *run)
{
    const size_t num = (size_t)kerf__num_ranks(run->options);
    const char *text = num > 1 ? run->options->balance : NULL; /* alone there is nothing to share */
    double *weights = kerf__alloc(num, sizeof *weights);
    run->balance.rows = kerf__alloc(num, sizeof *run->balance.rows);
    kerf_status status = weights != NULL && run->balance.rows != NULL
                             ? kerf__balance_parse(weights, text, num)
                             : kerf__fail_memory("train", num * sizeof *weights);
    if (status == KERF_OK)
        kerf__run_cut(run, weights);
    free(weights);
    return status;
}

int64_t kerf__own_rows(const kerf__run *run)
{
    return run->balance.rows[kerf__rank(run->options)];
}

/* ---- numbers --------------------------------------------------------------------------------- */

static kerf_status sum(const kerf_ranks *ranks, float *x, size_t num)
{
    size_t left;
    KERF__TRY(ranks->begin_sum(ranks->context, x, num));
    return ranks->advance(ranks->context, 1, &left);
}

kerf_status kerf__run_take_first(const kerf__run *run, void *bytes, size_t num_bytes)
{
    return kerf__ranks_take_first(ranks_of(run), bytes, num_bytes);
}

/* ---- the same state everywhere --------------------------------------------------------------- */

/* What is not summed or counted within a step: all that has a right value. */
static int is_aligned(const kerf_state_entry *e)
{
    return e->role != KERF_ROLE_METRIC && e->role != KERF_ROLE_GRADIENT &&
           kerf_shape_num_elements(e->shape) > 0;
}

static int is_seen(const kerf_state_entry *e)
{
    return (e->role == KERF_ROLE_STATISTIC || e->role == KERF_ROLE_RANGE) && is_aligned(e) &&
           kerf_tensor_type(e->tensor) == KERF_F32;
}

/* Of all samples: who sees more of them counts for more.  By differences to rank 0's, so that where
 * all have the same it stays, to the bit. */
static kerf_status take_mean(const kerf__run *run, float *x, float *first, size_t num)
{
    const float share = kerf__run_share_of_means(run);
    memcpy(first, x, num * sizeof *x);
    KERF__TRY(kerf__run_take_first(run, first, num * sizeof *first));
    for (size_t i = 0; i < num; i++)
        x[i] = share * (x[i] - first[i]);
    KERF__TRY(sum(ranks_of(run), x, num));
    for (size_t i = 0; i < num; i++)
        x[i] += first[i];
    return KERF_OK;
}

typedef kerf_status (*visitor)(const kerf__run *run, const kerf_state_entry *e, void *bytes,
                               size_t num_bytes, void *context);

/* With the bytes of each such entry in host memory. */
static kerf_status visit(const kerf__run *run, int (*is_one)(const kerf_state_entry *e),
                         visitor look, void *context)
{
    for (int id = 0; id < kerf_state_num_ids(run->s); id++) {
        const kerf_state_entry *e = kerf_state_get(run->s, id);
        if (e == NULL || !is_one(e))
            continue;
        const size_t num = (size_t)kerf__tensor_bytes(kerf_tensor_type(e->tensor), e->shape);
        void *bytes = kerf__alloc(num, 1);
        if (bytes == NULL)
            return kerf__fail_memory("train", num);
        kerf_status status = kerf_state_read(run->s, id, bytes);
        if (status == KERF_OK)
            status = look(run, e, bytes, num, context);
        free(bytes);
        KERF__TRY(status);
    }
    return KERF_OK;
}

static kerf_status join(const kerf__run *run, const kerf_state_entry *e, void *bytes,
                        size_t num_bytes, void *context)
{
    float *first = kerf__alloc(num_bytes, 1);
    (void)context;
    if (first == NULL)
        return kerf__fail_memory("train", num_bytes);
    kerf_status status = take_mean(run, bytes, first, num_bytes / sizeof *first);
    free(first);
    return status == KERF_OK ? kerf_state_write(run->s, e->id, bytes) : status;
}

static kerf_status digest(const kerf__run *run, const kerf_state_entry *e, void *bytes,
                          size_t num_bytes, void *context)
{
    uint64_t *all = context;
    (void)run;
    (void)e;
    *all = XXH64(bytes, num_bytes, *all);
    return KERF_OK;
}

static kerf_status take_over(const kerf__run *run, const kerf_state_entry *e, void *bytes,
                             size_t num_bytes, void *context)
{
    (void)context;
    KERF__TRY(kerf__run_take_first(run, bytes, num_bytes));
    return kerf__rank(run->options) > 0 ? kerf_state_write(run->s, e->id, bytes) : KERF_OK;
}

/* Devices of one kind have the same bits already, which their digests tell. */
kerf_status kerf__run_take_state(const kerf__run *run)
{
    uint64_t mine = 0, first;
    double others;
    if (kerf__num_ranks(run->options) == 1)
        return KERF_OK;
    KERF__TRY(visit(run, is_aligned, digest, &mine));
    first = mine;
    KERF__TRY(kerf__run_take_first(run, &first, sizeof first));
    others = first != mine;
    KERF__TRY(kerf__ranks_sum(ranks_of(run), &others, 1));
    return others > 0 ? visit(run, is_aligned, take_over, NULL) : KERF_OK;
}

kerf_status kerf__run_align(const kerf__run *run)
{
    if (kerf__num_ranks(run->options) == 1)
        return KERF_OK;
    KERF__TRY(visit(run, is_seen, join, NULL));
    return kerf__run_take_state(run);
}

/* ---- is it the same run ---------------------------------------------------------------------- */

/* The caller frees it. */
static kerf_status own_text(const kerf__run *run, char **text)
{
    const kerf_train_options *o = run->options;
    const char *balance = o->balance != NULL ? o->balance : "even";
    const size_t bytes = strlen(run->options_text) + strlen(balance) + sizeof KERF_VERSION + 80;
    uint64_t data;
    KERF__TRY(kerf_dataset_spot_digest(run->d, &data));
    *text = kerf__alloc(bytes, 1);
    if (*text == NULL)
        return kerf__fail_memory("train", bytes);
    snprintf(*text, bytes, "kerf=%s\nresume=%d\nbalance=%s\n%sdata=%016llx\n", KERF_VERSION,
             o->resume != 0, balance, run->options_text, (unsigned long long)data);
    return KERF_OK;
}

kerf_status kerf__run_compare_ranks(const kerf__run *run)
{
    char *mine;
    if (kerf__num_ranks(run->options) == 1)
        return KERF_OK;
    KERF__TRY(own_text(run, &mine));
    const kerf_status status = kerf_ranks_compare(ranks_of(run), "train", mine);
    free(mine);
    return status;
}

kerf_status kerf__run_compare_positions(const kerf__run *run)
{
    char mine[96];
    snprintf(mine, sizeof mine, "checkpoint-step=%lld\ncheckpoint-event=%lld\n",
             (long long)run->position.step, (long long)run->position.next);
    return kerf_ranks_compare(ranks_of(run), "train", mine);
}
