/* train/evaluate_together.c -- one evaluation on several devices, a thread each; see
 * kerf_evaluate_together().  Other half: evaluate.c, whose plans and sums these are.
 *
 * There is one line of batches, and whoever is free takes the next: nobody has to know how fast the
 * devices are, and at the end all wait for one batch at most.  A batch goes back to the loader as
 * soon as it lies on the device, so a slow one holds up no other; that costs a device the time of
 * one copy a batch, in which another one computes. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/workers.h"
#include "train/evaluate.h"

/* What all take from; everything is read and written under the mutex. */
typedef struct line {
    pthread_mutex_t mutex;
    kerf_loader *loader; /* borrowed */
    int64_t left;        /* samples */
} line;

typedef struct worker {
    kerf__evaluator e;
    line *line;
    kerf_metrics sum;
    int64_t *confusion; /* owned */
    int32_t *labels;    /* owned; (batch) of the batch at work */
    int64_t taken;
} worker;

typedef struct crowd {
    line line;
    worker *workers; /* owned */
    size_t num;
} crowd;

/* ---- a worker ------------------------------------------------------------------------------- */

/* Onto the device; behind it the batch is not needed any more. */
static kerf_status feed(worker *w, kerf_plan *plan, const kerf_batch *b)
{
    const size_t num = (size_t)b->num_samples, label_bytes = num * sizeof *b->labels;
    const size_t sample =
        (size_t)kerf_shape_num_elements(kerf_loader_sample_shape(w->line->loader)) * sizeof(float);
    memcpy(w->labels, b->labels, label_bytes);
    kerf_status status = kerf_plan_feed(plan, w->e.input, b->images, num * sample);
    if (status == KERF_OK)
        status = kerf_plan_feed(plan, "labels", w->labels, label_bytes);
    const kerf_status finished = kerf_device_finish(w->e.dev);
    return status != KERF_OK ? status : finished;
}

/* *num becomes 0 behind the last. */
static kerf_status take(worker *w, kerf_plan **plan, int64_t *num)
{
    kerf_batch b;
    *num = 0;
    if (w->line->left == 0)
        return KERF_OK;
    KERF__TRY(kerf_loader_next(w->line->loader, &b));
    *plan = b.num_samples == w->e.batch ? w->e.full : w->e.rest;
    const kerf_status status = feed(w, *plan, &b);
    kerf_loader_release(w->line->loader, &b);
    *num = b.num_samples;
    w->line->left -= b.num_samples;
    return status;
}

static kerf_status take_in_turn(worker *w, kerf_plan **plan, int64_t *num)
{
    pthread_mutex_lock(&w->line->mutex);
    const kerf_status status = take(w, plan, num);
    if (status != KERF_OK) /* there will be no result, so nobody needs to go on */
        w->line->left = 0;
    pthread_mutex_unlock(&w->line->mutex);
    return status;
}

static kerf_status evaluate(worker *w, kerf_plan *plan, int64_t num)
{
    KERF__TRY(kerf_plan_run(plan));
    if (w->confusion != NULL)
        KERF__TRY(kerf__evaluator_count(&w->e, plan, w->labels, num, w->confusion));
    w->taken += num;
    return kerf_device_finish(w->e.dev);
}

static kerf_status work(worker *w)
{
    kerf_plan *plan;
    int64_t num;
    KERF__TRY(kerf__evaluator_read(&w->e, &w->sum)); /* what others left in them */
    for (;;) {
        KERF__TRY(take_in_turn(w, &plan, &num));
        if (num == 0)
            return kerf__evaluator_read(&w->e, &w->sum);
        KERF__TRY(evaluate(w, plan, num));
    }
}

static kerf_status work_or_stop(void *workers, size_t i)
{
    worker *w = (worker *)workers + i;
    const kerf_status status = work(w);
    if (status == KERF_OK)
        return KERF_OK;
    pthread_mutex_lock(&w->line->mutex);
    w->line->left = 0;
    pthread_mutex_unlock(&w->line->mutex);
    return status;
}

/* ---- all of them ---------------------------------------------------------------------------- */

static kerf_status create_worker(crowd *c, kerf_state *s, const kerf_graph *g,
                                 const kerf_dataset *d, kerf__evaluator_options options,
                                 int with_confusion)
{
    worker *w = &c->workers[c->num];
    const size_t num = (size_t)kerf_dataset_num_classes(d);
    w->line = &c->line;
    options.loader = c->line.loader;
    KERF__TRY(kerf__evaluator_create(&w->e, g, s, d, &options));
    c->num++;
    c->line.loader = w->e.loader;
    c->line.left = w->e.samples;
    w->labels = kerf__alloc((size_t)w->e.batch, sizeof *w->labels);
    w->confusion = with_confusion ? kerf__alloc(num * num, sizeof *w->confusion) : NULL;
    if (w->labels == NULL || (with_confusion && w->confusion == NULL))
        return kerf__fail_memory("evaluate", num * num * sizeof *w->confusion);
    return KERF_OK;
}

/* The first one's loader is everybody's, so it goes last. */
static void free_workers(crowd *c)
{
    while (c->num > 0) {
        worker *w = &c->workers[--c->num];
        kerf__evaluator_free(&w->e);
        free(w->labels);
        free(w->confusion);
    }
    free(c->workers);
    pthread_mutex_destroy(&c->line.mutex);
}

static kerf_status run(crowd *c)
{
    KERF__TRY(kerf_loader_begin(c->line.loader, 0, 0));
    return kerf__work_together("evaluate", c->num, work_or_stop, c->workers);
}

/* In the order of devices, whoever was first. */
static void add_up(const crowd *c, size_t num_counts, kerf_metrics *sum, int64_t *confusion,
                   int64_t *taken)
{
    *sum = (kerf_metrics){0};
    if (confusion != NULL)
        memset(confusion, 0, num_counts * sizeof *confusion);
    for (size_t i = 0; i < c->num; i++) {
        const worker *w = &c->workers[i];
        sum->loss += w->sum.loss;
        sum->top1 += w->sum.top1;
        sum->top5 += w->sum.top5;
        sum->samples += w->sum.samples;
        taken[i] = w->taken;
        for (size_t k = 0; confusion != NULL && k < num_counts; k++)
            confusion[k] += w->confusion[k];
    }
}

static kerf_status run_and_conclude(crowd *c, kerf_evaluation *result, int64_t *confusion,
                                    int64_t *taken)
{
    kerf__evaluator *first = &c->workers[0].e;
    const size_t num_counts = (size_t)first->num_classes * (size_t)first->num_classes;
    kerf_metrics sum;
    const double begin_ms = kerf__now_ms();
    KERF__TRY(run(c));
    add_up(c, num_counts, &sum, confusion, taken);
    return kerf__evaluator_conclude(first, &sum, kerf__now_ms() - begin_ms, result);
}

kerf_status kerf_evaluate_together(const kerf_graph *g, kerf_state *const *states,
                                   size_t num_states, const kerf_dataset *d, kerf_split split,
                                   int64_t batch, const char *prep, kerf_precision precision,
                                   kerf_evaluation *result, int64_t *confusion, int64_t *taken)
{
    const kerf__evaluator_options options = {.split = split,
                                             .batch = batch,
                                             .prep = prep,
                                             .loss = KERF_LOSS_CROSS_ENTROPY,
                                             .precision = precision};
    crowd c = {.workers = kerf__alloc(num_states, sizeof *c.workers)};
    if (c.workers == NULL)
        return kerf__fail_memory("evaluate", num_states * sizeof *c.workers);
    pthread_mutex_init(&c.line.mutex, NULL);
    kerf_status status =
        num_states > 0 ? KERF_OK
                       : kerf__fail(KERF_ERR_ARGUMENT, "evaluate: must have a state at least");
    for (size_t i = 0; status == KERF_OK && i < num_states; i++)
        status = create_worker(&c, states[i], g, d, options, confusion != NULL);
    if (status == KERF_OK)
        status = run_and_conclude(&c, result, confusion, taken);
    free_workers(&c);
    return status;
}
