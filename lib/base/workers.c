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
    pthread_join(w->thread, NULL);
    if (status != KERF_OK || w->status == KERF_OK)
        return status;
    kerf__message_put_back(&w->why);
    return w->status;
}

kerf_status kerf__work_together(const char *room, size_t num,
                                kerf_status (*work)(void *context, size_t i), void *context)
{
    size_t begun = 0;
    kerf_status status = KERF_OK;
    if (num == 1)
        return work(context, 0);
    worker *all = kerf__alloc(num, sizeof *all);
    if (all == NULL)
        return kerf__fail_memory(room, num * sizeof *all);
    for (; status == KERF_OK && begun < num; begun += status == KERF_OK) {
        all[begun] = (worker){.work = work, .context = context, .i = begun};
        if (pthread_create(&all[begun].thread, NULL, begin, &all[begun]) != 0)
            status = kerf__fail(KERF_ERR_MEMORY, "%s: cannot start a thread", room);
    }
    for (size_t i = 0; i < begun; i++)
        status = join(&all[i], status);
    free(all);
    return status;
}
