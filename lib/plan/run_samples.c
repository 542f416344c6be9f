/* plan/run_samples.c -- many samples through a plan, or through plans that are alike on several
 * devices, a thread each; see kerf_plan_run_samples().  Evaluations, whose samples come from a
 * loader: train/evaluate_together.c.
 *
 * There is one line of pieces, each a run's batch, and whoever is free takes the next, so nobody
 * has to know how fast the devices are.  How samples are cut does not depend on who runs them: a
 * device gives each the bits that it would give alone.  What the last piece lacks is 0. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/workers.h"
#include "kerf/plan.h"

/* What all take from; `first` is read and written under the mutex. */
typedef struct line {
    const kerf_sample_run *run; /* borrowed */
    pthread_mutex_t mutex;
    int64_t first; /* sample that nobody has taken */
} line;

typedef struct worker {
    kerf_plan *plan; /* borrowed */
    line *line;
    char *room; /* owned: a piece of one value, for what is cut short */
    int64_t taken;
} worker;

typedef struct piece {
    int64_t first, num;
} piece;

/* ---- what goes in and comes out ---------------------------------------------------------------
 */

static size_t sample_bytes(const kerf_sample_run *run, const kerf_tensor *t)
{
    return kerf_tensor_size_bytes(t) / (size_t)run->num;
}

static char *first_byte(const kerf_sample_run *run, const kerf_named_tensor *v, piece p)
{
    return (char *)kerf_tensor_data(v->tensor) + (size_t)p.first * sample_bytes(run, v->tensor);
}

static kerf_status feed(const worker *w, const kerf_named_tensor *v, piece p)
{
    const kerf_sample_run *run = w->line->run;
    kerf_tensor *dst = kerf_plan_input(w->plan, v->name);
    const char *src = first_byte(run, v, p);
    if (dst == NULL) /* a constant by now */
        return KERF_OK;
    if (p.num == run->batch)
        return kerf_tensor_write(dst, src);
    memset(w->room, 0, kerf_tensor_size_bytes(dst));
    memcpy(w->room, src, (size_t)p.num * sample_bytes(run, v->tensor));
    return kerf_tensor_write(dst, w->room);
}

static kerf_status collect(const worker *w, const kerf_named_tensor *v, piece p)
{
    const kerf_sample_run *run = w->line->run;
    const kerf_tensor *src = kerf_plan_output(w->plan, v->name);
    char *dst = first_byte(run, v, p);
    if (p.num == run->batch)
        return kerf_tensor_read(src, dst);
    KERF__TRY(kerf_tensor_read(src, w->room));
    memcpy(dst, w->room, (size_t)p.num * sample_bytes(run, v->tensor));
    return KERF_OK;
}

static kerf_status run_piece(const worker *w, piece p)
{
    const kerf_sample_run *run = w->line->run;
    for (size_t i = 0; i < run->num_inputs; i++)
        KERF__TRY(feed(w, &run->inputs[i], p));
    KERF__TRY(kerf_plan_run(w->plan));
    KERF__TRY(kerf_plan_check_halves(w->plan));
    for (size_t i = 0; i < run->num_outputs; i++)
        KERF__TRY(collect(w, &run->outputs[i], p));
    return KERF_OK;
}

/* ---- a worker ---------------------------------------------------------------------------------
 */

/* num is 0 behind the last. */
static piece take(line *l)
{
    pthread_mutex_lock(&l->mutex);
    const int64_t left = l->run->num - l->first;
    const piece p = {l->first, left < l->run->batch ? left : l->run->batch};
    l->first += p.num;
    pthread_mutex_unlock(&l->mutex);
    return p;
}

static kerf_status work(void *workers, size_t i)
{
    worker *w = (worker *)workers + i;
    kerf_status status = KERF_OK;
    for (piece p = take(w->line); p.num > 0 && status == KERF_OK; p = take(w->line)) {
        status = run_piece(w, p);
        w->taken += p.num;
    }
    if (status == KERF_OK)
        return KERF_OK;
    pthread_mutex_lock(&w->line->mutex);
    w->line->first = w->line->run->num; /* there will be no result, so nobody needs to go on */
    pthread_mutex_unlock(&w->line->mutex);
    return status;
}

/* 1 if a run's batch of samples fills the plan's place. */
static int fits(const kerf_sample_run *run, size_t bytes, size_t place_bytes)
{
    const size_t num = (size_t)run->num;
    if (run->num == run->batch)
        return bytes == place_bytes;
    return bytes % num == 0 && bytes / num * (size_t)run->batch == place_bytes;
}

static kerf_status check_value(const kerf_sample_run *run, const kerf_named_tensor *v,
                               const kerf_tensor *place)
{
    const size_t bytes = kerf_tensor_size_bytes(v->tensor);
    if (place == NULL || fits(run, bytes, kerf_tensor_size_bytes(place)))
        return KERF_OK;
    return kerf__fail(KERF_ERR_SHAPE,
                      "run: '%s' has %zu bytes for %lld samples, and %zu in a run of %lld: must "
                      "have samples first, or all of them in one run",
                      v->name, bytes, (long long)run->num, kerf_tensor_size_bytes(place),
                      (long long)run->batch);
}

static kerf_status check_place(const worker *w, const kerf_named_tensor *v,
                               const kerf_tensor *place, size_t *most_bytes)
{
    KERF__TRY(check_value(w->line->run, v, place));
    const size_t bytes = place != NULL ? kerf_tensor_size_bytes(place) : 0;
    *most_bytes = bytes > *most_bytes ? bytes : *most_bytes;
    return KERF_OK;
}

static kerf_status make_room(worker *w)
{
    const kerf_sample_run *run = w->line->run;
    size_t most_bytes = 1;
    for (size_t i = 0; i < run->num_inputs; i++)
        KERF__TRY(check_place(w, &run->inputs[i], kerf_plan_input(w->plan, run->inputs[i].name),
                              &most_bytes));
    for (size_t i = 0; i < run->num_outputs; i++)
        KERF__TRY(check_place(w, &run->outputs[i], kerf_plan_output(w->plan, run->outputs[i].name),
                              &most_bytes));
    w->room = kerf__alloc(most_bytes, 1);
    return w->room != NULL ? KERF_OK : kerf__fail_memory("run", most_bytes);
}

/* ---- all of them ------------------------------------------------------------------------------
 */

kerf_status kerf_plan_run_samples(kerf_plan *const *plans, size_t num_plans,
                                  const kerf_sample_run *run, int64_t *taken)
{
    line l = {.run = run};
    if (num_plans == 0 || run->num < 1 || run->batch < 1)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "run: %zu plans, %lld samples, batch %lld: must be 1 at least", num_plans,
                          (long long)run->num, (long long)run->batch);
    worker *w = kerf__alloc(num_plans, sizeof *w);
    if (w == NULL)
        return kerf__fail_memory("run", num_plans * sizeof *w);
    pthread_mutex_init(&l.mutex, NULL);
    kerf_status status = KERF_OK;
    for (size_t i = 0; i < num_plans && status == KERF_OK; i++) {
        w[i].plan = plans[i];
        w[i].line = &l;
        status = make_room(&w[i]);
    }
    if (status == KERF_OK)
        status = kerf__work_together("run", num_plans, work, w);
    for (size_t i = 0; i < num_plans; i++) {
        taken[i] = w[i].taken;
        free(w[i].room);
    }
    free(w);
    pthread_mutex_destroy(&l.mutex);
    return status;
}
