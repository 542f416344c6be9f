/* base/workers.c -- threads that begin and end together; see workers.h. */
#include "base/workers.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"

typedef struct worker {
    kerf_status (*work)(void *context, size_t i);
    void *context; /* borrowed */
    size_t i;
    kerf_status status;
    kerf__message why; /* a thread's message is its own, so it is carried over */
    pthread_t thread;
    int has_thread;
} worker;

static void *begin(void *argument)
{
    worker *w = argument;
    w->status = w->work(w->context, w->i);
    if (w->status != KERF_OK)
        w->why = kerf__message_keep();
    return NULL;
}

static kerf_status join(const worker *w, kerf_status status)
{
    if (w->has_thread)
        pthread_join(w->thread, NULL);
    if (status != KERF_OK || w->status == KERF_OK)
        return status;
    kerf__message_put_back(&w->why);
    return w->status;
}

/* In the caller's thread what no other can be had for, behind the others. */
static kerf_status run(worker *all, size_t num)
{
    kerf_status status = KERF_OK;
    for (size_t i = 0; i < num; i++)
        all[i].has_thread = pthread_create(&all[i].thread, NULL, begin, &all[i]) == 0;
    for (size_t i = 0; i < num; i++)
        if (!all[i].has_thread)
            begin(&all[i]);
    for (size_t i = 0; i < num; i++)
        status = join(&all[i], status);
    return status;
}

kerf_status kerf__work_together(const char *room, size_t num,
                                kerf_status (*work)(void *context, size_t i), void *context)
{
    if (num == 1)
        return work(context, 0);
    worker *all = kerf__alloc(num, sizeof *all);
    if (all == NULL)
        return kerf__fail_memory(room, num * sizeof *all);
    for (size_t i = 0; i < num; i++)
        all[i] = (worker){.work = work, .context = context, .i = i};
    const kerf_status status = run(all, num);
    free(all);
    return status;
}
