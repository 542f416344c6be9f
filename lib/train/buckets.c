/* train/buckets.c -- gradients of a step, summed over ranks while it still runs; and means of
 * states, which come and go the same way between steps; see buckets.h.
 *
 *     device:  forward, backward ... | copy 0 | backward ... | copy 1 | ...       | copies back |
 * update host:                                   sum 0 ...                sum 1 ...
 *
 * (1) Buckets are filled in the order in which the backward pass comes to their gradients, which
 *     all ranks have alike, as all have the same plan.  What a device does with its own, which may
 *     share the host's memory, makes no other buckets.
 * (2) A bucket's floats belong to the device's queue until its mark is done, to the sum from
 *     begin_sum on until that is over, and to the queue again then.
 * (3) The host waits nowhere but in kerf__buckets_sum(), the end of a step: for the device while no
 *     sum is under way, else by looking from time to time.  Who waits for the device within a run
 *     (norms.c) lets sums begin there, in the same order. */
#define _DEFAULT_SOURCE /* nanosleep */
#include "train/buckets.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"
#include "tensor/tensor_internal.h"

static kerf_tensor *tensor_of(const kerf__buckets *b, size_t i)
{
    return kerf_state_get(b->s, b->ids[i])->tensor;
}

/* ---- making -------------------------------------------------------------------------------- */

/* The next bucket takes so many of those that have none, from *first on. */
static void close_bucket(kerf__buckets *b, size_t *first, size_t num_ids, size_t num_floats)
{
    b->at[b->num++] =
        (kerf__bucket){.first_id = *first, .num_ids = num_ids, .num_floats = num_floats};
    *first += num_ids;
}

static void put_in_front(int *ids, size_t first, size_t i)
{
    const int id = ids[i];
    memmove(&ids[first + 1], &ids[first], (i - first) * sizeof *ids);
    ids[first] = id;
}

/* A large tensor is a bucket of its own, small ones wait for each other. */
static void fill_buckets(kerf__buckets *b, size_t num_ids, size_t least)
{
    size_t first = 0, waiting = 0;
    for (size_t i = 0; i < num_ids; i++) {
        const size_t num = kerf_tensor_num_elements(tensor_of(b, i));
        if (num >= least) {
            put_in_front(b->ids, first, i);
            close_bucket(b, &first, 1, num);
        } else if ((waiting += num) >= least) {
            close_bucket(b, &first, i + 1 - first, waiting);
            waiting = 0;
        }
    }
    if (first < num_ids)
        close_bucket(b, &first, num_ids - first, waiting);
    b->at[b->num - 1].num_floats++; /* whether somebody wants to stop */
}

/* The last bucket holds what is no gradient, and small ones are not worth the calls. */
static void choose_mapped(kerf__buckets *b, size_t least)
{
    const int shares = kerf_device_get_info(kerf_state_device(b->s))->shares_memory;
    for (size_t k = 0; k + 1 < b->num; k++)
        b->at[k].is_mapped = shares && b->at[k].num_ids == 1 && b->at[k].num_floats >= least;
}

static size_t staged_floats(const kerf__bucket *bucket)
{
    return bucket->is_mapped ? 0 : bucket->num_floats;
}

static kerf_status allocate_staging(kerf__buckets *b)
{
    size_t num = 0;
    for (size_t k = 0; k < b->num; k++) {
        b->at[k].begin = b->num_floats;
        b->num_floats += b->at[k].num_floats;
        num += staged_floats(&b->at[k]);
    }
    float *at = b->staging = kerf__alloc(num, sizeof *b->staging);
    if (at == NULL)
        return kerf__fail_memory("train", num * sizeof *b->staging);
    for (size_t k = 0; k < b->num; k++) {
        b->at[k].floats = b->at[k].is_mapped ? NULL : at;
        at += staged_floats(&b->at[k]);
    }
    return KERF_OK;
}

static kerf_status allocate_lists(kerf__buckets *b)
{
    const size_t most = b->plan->num_written + 1;
    b->ids = kerf__alloc(most, sizeof *b->ids);
    b->at = kerf__alloc(most, sizeof *b->at);
    return b->ids != NULL && b->at != NULL ? KERF_OK
                                           : kerf__fail_memory("train", most * sizeof *b->at);
}

/* Of the states that `list` names, in its order. */
static kerf_status make_buckets(kerf__buckets *b, size_t (*list)(const kerf_plan *p, int *ids),
                                size_t least_floats)
{
    KERF__TRY(allocate_lists(b));
    const size_t num_ids = list(b->plan, b->ids);
    if (num_ids == 0)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: all weights are frozen: ranks have nothing to "
                                             "share");
    fill_buckets(b, num_ids, least_floats);
    choose_mapped(b, least_floats);
    KERF__TRY(kerf__buckets_find_masks(b, num_ids));
    return allocate_staging(b);
}

kerf_status kerf__buckets_create(kerf__buckets *b, kerf_plan *plan, kerf_state *s,
                                 const kerf_ranks *ranks, size_t least_floats)
{
    *b = (kerf__buckets){.plan = plan, .s = s, .ranks = ranks};
    return make_buckets(b, kerf__plan_gradients, least_floats);
}

kerf_status kerf__buckets_create_means(kerf__buckets *b, kerf_plan *plan, kerf_state *s,
                                       const kerf_ranks *ranks, size_t least_floats)
{
    *b = (kerf__buckets){.plan = plan, .s = s, .ranks = ranks};
    return make_buckets(b, kerf__plan_lasting, least_floats);
}

kerf_status kerf__buckets_code(kerf__buckets *b, int codes)
{
    b->codes = codes;
    if (!codes || b->errors != NULL)
        return KERF_OK;
    b->errors = kerf__alloc(b->num_floats, sizeof *b->errors);
    return b->errors != NULL ? KERF_OK
                             : kerf__fail_memory("train", b->num_floats * sizeof *b->errors);
}

void kerf__buckets_forget(kerf__buckets *b)
{
    if (b->errors != NULL)
        memset(b->errors, 0, b->num_floats * sizeof *b->errors);
}

/* ---- between device and host ------------------------------------------------------------------
 */

static kerf_status unmap(const kerf__buckets *b, kerf__bucket *bucket)
{
    float *was = bucket->floats;
    if (!bucket->is_mapped || was == NULL)
        return KERF_OK;
    bucket->floats = NULL;
    return kerf__buffer_unmap(tensor_of(b, bucket->first_id)->buffer, was);
}

void kerf__buckets_free(kerf__buckets *b)
{
    for (size_t k = 0; k < b->num; k++) {
        unmap(b, &b->at[k]); /* one that failed on its way may be */
        kerf__mark_destroy(b->at[k].mark);
        free(b->at[k].places);
    }
    free(b->ids);
    free(b->masks);
    free(b->seen);
    free(b->at);
    free(b->staging);
    free(b->errors);
    *b = (kerf__buckets){.plan = NULL};
}

typedef kerf_status (*mover)(kerf__buffer *buffer, float *at, size_t num_bytes);

static kerf_status download(kerf__buffer *buffer, float *at, size_t num_bytes)
{
    return kerf__buffer_download(buffer, 0, at, num_bytes);
}

static kerf_status upload(kerf__buffer *buffer, float *at, size_t num_bytes)
{
    return kerf__buffer_upload(buffer, 0, at, num_bytes);
}

static kerf_status move(const kerf__buckets *b, const kerf__bucket *bucket, mover way)
{
    float *at = bucket->floats;
    for (size_t i = bucket->first_id; i < bucket->first_id + bucket->num_ids; i++) {
        const kerf_tensor *t = tensor_of(b, i);
        KERF__TRY(way(t->buffer, at, kerf_tensor_size_bytes(t)));
        at += kerf_tensor_num_elements(t);
    }
    return KERF_OK;
}

static kerf_status to_host(const kerf__buckets *b, kerf__bucket *bucket)
{
    if (!bucket->is_mapped)
        return move(b, bucket, download);
    return kerf__buffer_queue_map(tensor_of(b, bucket->first_id)->buffer, (void **)&bucket->floats);
}

static kerf_status to_device(const kerf__buckets *b, kerf__bucket *bucket)
{
    return bucket->is_mapped ? unmap(b, bucket) : move(b, bucket, upload);
}

static kerf_status queue_bucket(const kerf__buckets *b, kerf__bucket *bucket)
{
    KERF__TRY(to_host(b, bucket));
    kerf__mark_destroy(bucket->mark);
    return kerf__mark_create(&bucket->mark, kerf_state_device(b->s));
}

kerf_status kerf__buckets_run(kerf__buckets *b)
{
    kerf__buckets_rest(b); /* a step, of which buckets are counted as they go */
    KERF__TRY(kerf__buckets_follow_masks(b));
    KERF__TRY(kerf__plan_run_begin(b->plan));
    for (size_t k = 0; k < b->num; k++) {
        const size_t last = b->at[k].first_id + b->at[k].num_ids - 1;
        KERF__TRY(kerf__plan_run_through(b->plan, b->ids[last]));
        KERF__TRY(queue_bucket(b, &b->at[k]));
        b->queued = k + 1;
    }
    return kerf__plan_run_end(b->plan);
}

kerf_status kerf__buckets_fetch(kerf__buckets *b, float share)
{
    b->begun = b->summed = 0;
    b->share = share;
    KERF__TRY(kerf__buckets_follow_masks(b));
    for (size_t k = 0; k < b->num; k++)
        KERF__TRY(queue_bucket(b, &b->at[k]));
    return KERF_OK;
}

/* ---- sums ------------------------------------------------------------------------------------ */

/* A rank sends each number to who adds it up, and the sums that it has added up to all others. */
static double bytes_sent(const kerf__buckets *b, size_t num, size_t element_bytes)
{
    return 2 * (1 - 1.0 / b->ranks->num) * (double)num * (double)element_bytes;
}

static void count(const kerf__buckets *b, size_t num)
{
    const double bytes = bytes_sent(b, num, b->codes ? 1 : sizeof(float));
    if (b->exchange == NULL)
        return;
    b->exchange->last_bytes += bytes;
    b->exchange->bytes += bytes;
}

void kerf__buckets_rest(kerf__buckets *b)
{
    b->queued = b->begun = b->summed = 0;
    if (b->exchange == NULL)
        return;
    b->exchange->steps++;
    b->exchange->last_bytes = 0;
    b->exchange->dense_bytes += bytes_sent(b, b->num_floats, sizeof(float));
}

/* Whether somebody wants to stop is a number beside which gradients would be nothing: it goes
 * alone. */
static kerf_status begin_coded(const kerf__buckets *b, const kerf__bucket *bucket, size_t num)
{
    const kerf_ranks *ranks = b->ranks;
    const size_t has_wish = b->begun == b->num;
    float *error = b->errors + bucket->begin;
    KERF__TRY(ranks->begin_coded_sum(ranks->context, bucket->floats, error, num - has_wish));
    return has_wish ? ranks->begin_sum(ranks->context, bucket->floats + num - 1, 1) : KERF_OK;
}

static kerf_status begin_next(kerf__buckets *b)
{
    kerf__bucket *bucket = &b->at[b->begun];
    KERF__TRY(kerf__mark_finish(bucket->mark));
    b->begun++;
    const size_t num = kerf__bucket_pack(bucket);
    for (size_t i = 0; b->share > 0 && i < num; i++)
        bucket->floats[i] *= b->share;
    count(b, num);
    return !b->codes ? b->ranks->begin_sum(b->ranks->context, bucket->floats, num)
                     : begin_coded(b, bucket, num);
}

/* A sum is over: what travelled goes to its place, and to the device. */
static kerf_status put_back(const kerf__buckets *b, kerf__bucket *bucket)
{
    kerf__bucket_unpack(bucket);
    for (size_t i = 0; b->share > 0 && i < bucket->num_ids; i++)
        kerf_state_touch(b->s, b->ids[bucket->first_id + i]);
    return to_device(b, bucket);
}

/* Those whose sums are over go back. */
static kerf_status take_back(kerf__buckets *b, int waits)
{
    size_t left;
    KERF__TRY(b->ranks->advance(b->ranks->context, waits, &left));
    if (left > 1 && b->codes && b->begun == b->num) /* the wish is the last bucket's, too */
        left--;
    for (; b->summed < b->begun - left; b->summed++)
        KERF__TRY(put_back(b, &b->at[b->summed]));
    return KERF_OK;
}

static kerf_status go_on(kerf__buckets *b)
{
    const int is_last = b->begun == b->num;
    if (!is_last && (b->summed == b->begun || kerf__mark_is_done(b->at[b->begun].mark)))
        return begin_next(b);
    KERF__TRY(take_back(b, is_last));
    if (!is_last)
        nanosleep(&(struct timespec){0, 100000}, NULL);
    return KERF_OK;
}

/* Not the last one, in which the step's end says who wants to stop. */
kerf_status kerf__buckets_begin_queued(kerf__buckets *b)
{
    while (b->begun < b->queued && b->begun + 1 < b->num)
        KERF__TRY(begin_next(b));
    return b->summed < b->begun ? take_back(b, 0) : KERF_OK;
}

kerf_status kerf__buckets_sum(kerf__buckets *b, int *stop)
{
    float *wish = &b->at[b->num - 1].floats[b->at[b->num - 1].num_floats - 1];
    *wish = *stop != 0;
    while (b->summed < b->num)
        KERF__TRY(go_on(b));
    *stop = *wish > 0;
    return KERF_OK;
}
