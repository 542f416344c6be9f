/* data/loader.c -- threads that fill batches ahead of the one who takes them: one for samples
 * in memory, as many as there are cores (up to one a slot) for files that must be decoded.
 *
 * (1) Batches have serial numbers that never go back; batch s lies in slot s % 4.
 * (2) take <= fill <= take + 4: what lies between is filled, or being filled.  A slot that
 *     is FREE again was taken, so looking at the slot keeps the bound.
 * (3) A slot goes FREE -> FILLING -> READY by a thread, READY -> OUT by next, OUT -> FREE
 *     by release, and READY -> FREE where begin drops it, or next finds that it failed.  Only
 *     its slot's owner touches the floats: the thread while FILLING, the caller while OUT.
 *
 * All fields but the floats are read and written under the mutex.  The order of an epoch
 * is made by begin in the caller's thread, while the filling ones wait. */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/random.h"
#include "base/together.h"
#include "data/data_internal.h"
#include "data/deal.h"

enum { NUM_SLOTS = 4 };
typedef enum slot_state { FREE, FILLING, READY, OUT } slot_state;

typedef struct slot {
    slot_state state;
    float *images;    /* owned; (num_rows, C, H, W) */
    int32_t *labels;  /* owned; (num_rows), NULL without */
    int64_t *samples; /* owned; (num_rows) */
    int64_t num_samples;
    kerf_status status; /* of filling it */
    kerf__message why;  /* a thread's message is its own, so it is carried over */
} slot;

struct kerf_loader {
    const kerf_dataset *data;         /* borrowed */
    kerf_loader_options options;      /* num_rows is never 0 here */
    int64_t num_samples, num_batches; /* of an epoch */
    kerf__preparer preparer;          /* owned */
    int64_t *order;                   /* owned; (num_samples): of this epoch */
    slot slots[NUM_SLOTS];
    int begun;
    int64_t epoch;
    int64_t next_batch; /* of the epoch, for serial `fill` */
    int64_t fill, take; /* serials: filled next, taken next */
    int quit, num_threads;
    pthread_t threads[NUM_SLOTS];
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

/* ---- filling ------------------------------------------------------------------------------ */

static kerf_status fill_samples(const kerf_loader *l, slot *s, int64_t first)
{
    const int64_t elements = kerf_shape_num_elements(l->preparer.shape);
    for (int64_t i = 0; i < s->num_samples; i++) {
        int64_t place;
        s->samples[i] = l->order[first + i];
        const kerf__samples *from =
            kerf__dataset_locate(l->data, l->options.split, s->samples[i], &place);
        KERF__TRY(
            kerf__prepare(&l->preparer, l->data, from, place, l->epoch, s->images + i * elements));
        if (s->labels != NULL)
            s->labels[i] = from->labels[place];
    }
    return KERF_OK;
}

static void fill_slot(const kerf_loader *l, slot *s, int64_t batch)
{
    const int64_t first = batch * l->options.batch + l->options.first_row;
    const int64_t left = l->num_samples > first ? l->num_samples - first : 0;
    s->num_samples = left < l->options.num_rows ? left : l->options.num_rows;
    s->status = fill_samples(l, s, first);
    if (s->status != KERF_OK)
        s->why = kerf__message_keep();
}

static int can_fill(const kerf_loader *l)
{
    return l->begun && l->next_batch < l->num_batches &&
           l->slots[l->fill % NUM_SLOTS].state == FREE;
}

static void *fill_slots(void *context)
{
    kerf_loader *l = context;
    pthread_mutex_lock(&l->mutex);
    while (!l->quit) {
        if (!can_fill(l)) {
            pthread_cond_wait(&l->changed, &l->mutex);
            continue;
        }
        slot *s = &l->slots[l->fill++ % NUM_SLOTS];
        int64_t batch = l->next_batch++;
        s->state = FILLING;
        pthread_mutex_unlock(&l->mutex);
        fill_slot(l, s, batch);
        pthread_mutex_lock(&l->mutex);
        s->state = READY;
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

/* ---- making ------------------------------------------------------------------------------- */

static kerf_status check_options(const kerf_dataset *d, const kerf_loader_options *o, int64_t num)
{
    static const char *const NAMES[] = {"training", "validation", "test"};
    if ((unsigned)o->split > KERF_SPLIT_TEST || num == 0)
        return kerf__fail(KERF_ERR_ARGUMENT, "data '%s': has no %s samples", d->spec,
                          (unsigned)o->split > KERF_SPLIT_TEST ? "such" : NAMES[o->split]);
    if (o->batch < 1 || (!o->keep_rest && o->batch > num))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "data '%s': batch of %" PRId64 ", must be 1 to the %" PRId64
                          " %s samples",
                          d->spec, o->batch, num, NAMES[o->split]);
    const int64_t least = o->num_rows > 0 ? o->num_rows : 1;
    if (o->first_row < 0 || o->num_rows < 0 || o->first_row > o->batch - least)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "data '%s': %" PRId64 " rows from %" PRId64
                          " on, must lie in a batch of %" PRId64,
                          d->spec, o->num_rows, o->first_row, o->batch);
    return KERF_OK;
}

static const kerf__samples *samples_of(const kerf_loader *l)
{
    return l->options.split == KERF_SPLIT_TEST ? &l->data->test : &l->data->train;
}

static kerf_status allocate_slots(kerf_loader *l)
{
    const int64_t rows =
        l->options.num_rows < l->num_samples ? l->options.num_rows : l->num_samples;
    size_t num = (size_t)rows, elements = (size_t)kerf_shape_num_elements(l->preparer.shape);
    const kerf__samples *from = samples_of(l);
    for (int i = 0; i < NUM_SLOTS; i++) {
        slot *s = &l->slots[i];
        s->images = kerf__alloc(num * elements, sizeof *s->images);
        if (from->labels != NULL)
            s->labels = kerf__alloc(num, sizeof *s->labels);
        s->samples = kerf__alloc(num, sizeof *s->samples);
        if (s->images == NULL || s->samples == NULL || (from->labels != NULL && s->labels == NULL))
            return kerf__fail_memory("data", num * elements * sizeof *s->images);
    }
    return KERF_OK;
}

static kerf_status start_threads(kerf_loader *l)
{
    long cores = samples_of(l)->paths != NULL ? sysconf(_SC_NPROCESSORS_ONLN) : 1;
    int wanted = cores < 1 ? 1 : cores > NUM_SLOTS ? NUM_SLOTS : (int)cores;
    while (l->num_threads < wanted) {
        if (pthread_create(&l->threads[l->num_threads], NULL, fill_slots, l) != 0)
            return kerf__fail(KERF_ERR_MEMORY, "data: cannot start a thread");
        l->num_threads++;
    }
    return KERF_OK;
}

static kerf_status allocate(kerf_loader *l)
{
    const kerf_loader_options *o = &l->options;
    KERF__TRY(kerf__preparer_create(&l->preparer, l->data, &o->prep, &o->augment, o->seed));
    l->order = kerf__alloc((size_t)l->num_samples, sizeof *l->order);
    if (l->order == NULL)
        return kerf__fail_memory("data", (size_t)l->num_samples * sizeof *l->order);
    KERF__TRY(allocate_slots(l));
    return start_threads(l);
}

kerf_status kerf_loader_create(kerf_loader **out, const kerf_dataset *d,
                               const kerf_loader_options *options)
{
    *out = NULL;
    int64_t num = kerf_dataset_num_samples(d, options->split), batch = options->batch;
    KERF__TRY(check_options(d, options, num));
    kerf_loader *l = kerf__alloc(1, sizeof *l);
    if (l == NULL)
        return kerf__fail_memory("data", sizeof *l);
    l->data = d;
    l->options = *options;
    if (options->num_rows == 0)
        l->options.num_rows = batch - options->first_row;
    l->num_samples = num;
    l->num_batches = num / batch + (options->keep_rest && num % batch != 0);
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->changed, NULL);
    kerf_status status = allocate(l);
    if (status != KERF_OK) {
        kerf_loader_destroy(l);
        return status;
    }
    *out = l;
    return KERF_OK;
}

void kerf_loader_destroy(kerf_loader *l)
{
    if (l == NULL)
        return;
    pthread_mutex_lock(&l->mutex);
    l->quit = 1;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    for (int i = 0; i < l->num_threads; i++)
        pthread_join(l->threads[i], NULL);
    for (int i = 0; i < NUM_SLOTS; i++) {
        free(l->slots[i].images);
        free(l->slots[i].labels);
        free(l->slots[i].samples);
    }
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->mutex);
    kerf__preparer_free(&l->preparer);
    free(l->order);
    free(l);
}

void kerf__loader_deal(kerf_loader_options *options, const kerf_ranks *ranks)
{
    options->num_rows = options->batch;
    options->first_row = kerf__ranks_own(ranks) * options->batch;
    options->batch *= kerf__ranks_num(ranks);
    options->keep_rest = 1;
}

/* ---- taking ------------------------------------------------------------------------------- */

int64_t kerf_loader_num_batches(const kerf_loader *l)
{
    return l->num_batches;
}

kerf_shape kerf_loader_sample_shape(const kerf_loader *l)
{
    return l->preparer.shape;
}

/* Stops the threads from starting another slot and takes back what nobody has taken. */
static void drop_prepared(kerf_loader *l)
{
    l->begun = 0;
    for (int64_t serial = l->take; serial < l->fill; serial++) {
        slot *s = &l->slots[serial % NUM_SLOTS];
        while (s->state == FILLING)
            pthread_cond_wait(&l->changed, &l->mutex);
        s->state = FREE;
    }
    l->fill = l->take;
}

kerf_status kerf_loader_begin(kerf_loader *l, int64_t epoch, int64_t first_batch)
{
    if (epoch < 0 || first_batch < 0 || first_batch > l->num_batches)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "data: batch %" PRId64 " of epoch %" PRId64 ", must be 0 to %" PRId64
                          " of 0 or more",
                          first_batch, epoch, l->num_batches);
    pthread_mutex_lock(&l->mutex);
    drop_prepared(l);
    if (l->options.shuffle) {
        kerf__random r = kerf__random_key(l->options.seed, KERF__RANDOM_SHUFFLE, 0);
        kerf__random_permutation(r, (uint64_t)epoch, l->order, l->num_samples);
    } else {
        for (int64_t i = 0; i < l->num_samples; i++)
            l->order[i] = i;
    }
    l->epoch = epoch;
    l->next_batch = first_batch;
    l->begun = 1;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    return KERF_OK;
}

/* With the mutex held; the batch may still be in the making. */
static kerf_status take_slot(kerf_loader *l, kerf_batch *batch)
{
    if (!l->begun)
        return kerf__fail(KERF_ERR_ARGUMENT, "data: begin an epoch before taking a batch");
    if (l->take == l->fill && l->next_batch >= l->num_batches)
        return KERF_OK; /* after the last: num_samples is 0 */
    slot *s = &l->slots[l->take % NUM_SLOTS];
    if (s->state == OUT)
        return kerf__fail(KERF_ERR_ARGUMENT, "data: %d batches are out, release the oldest first",
                          NUM_SLOTS);
    while (s->state != READY)
        pthread_cond_wait(&l->changed, &l->mutex);
    s->state = s->status == KERF_OK ? OUT : FREE;
    if (s->status == KERF_OK)
        *batch = (kerf_batch){s->images, s->labels, s->samples, s->num_samples,
                              (int)(l->take % NUM_SLOTS)};
    l->take++;
    pthread_cond_broadcast(&l->changed);
    if (s->status != KERF_OK)
        kerf__message_put_back(&s->why);
    return s->status;
}

kerf_status kerf_loader_next(kerf_loader *l, kerf_batch *batch)
{
    *batch = (kerf_batch){.slot = -1};
    pthread_mutex_lock(&l->mutex);
    kerf_status status = take_slot(l, batch);
    pthread_mutex_unlock(&l->mutex);
    return status;
}

void kerf_loader_release(kerf_loader *l, const kerf_batch *batch)
{
    if (batch->slot < 0)
        return;
    pthread_mutex_lock(&l->mutex);
    if (l->slots[batch->slot].state == OUT)
        l->slots[batch->slot].state = FREE;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
}
