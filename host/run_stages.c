/* run_stages.c -- runs that followed each other, as one; see run_read.h.
 *
 * Norms of weights stand side by side from the first stage to the last.  Histograms do not: each
 * stage has ends of its own, so a page of one stage has them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run_read.h"

static int add_event(run_record *r, double at, const char *what)
{
    if (r->num_events == RUN_MOST_EVENTS)
        return 1;
    run_event *events = realloc(r->events, (r->num_events + 1) * sizeof *events);
    if (events == NULL)
        return 0;
    r->events = events;
    events[r->num_events].at = at;
    snprintf(events[r->num_events++].what, sizeof events->what, "%s", what);
    return 1;
}

static int append_epochs(run_record *r, const run_record *stage, double start)
{
    const size_t room = RUN_MOST_EPOCHS - r->num_epochs;
    const size_t num = stage->num_epochs < room ? stage->num_epochs : room;
    run_epoch *epochs = realloc(r->epochs, (r->num_epochs + num + 1) * sizeof *epochs);
    if (epochs == NULL)
        return 0;
    r->epochs = epochs;
    for (size_t i = 0; i < num; i++) {
        run_epoch *e = &epochs[r->num_epochs++];
        *e = stage->epochs[i];
        e->epoch += start;
    }
    return 1;
}

/* What one stage says of the layer after it takes the place of what earlier ones said. */
static void take_weights(run_layer *to, run_layer *from)
{
    if (from->weights == NULL || to->weights == NULL) {
        if (to->weights == NULL) {
            to->weights = from->weights;
            from->weights = NULL;
        }
        return;
    }
    free(to->weights->norms[RUN_AFTER]);
    to->weights->norms[RUN_AFTER] = from->weights->norms[RUN_AFTER];
    to->weights->num_norms[RUN_AFTER] = from->weights->num_norms[RUN_AFTER];
    from->weights->norms[RUN_AFTER] = NULL;
    to->weights->end = to->weights->snr_db = NAN;
}

static void append_layers(run_record *r, run_record *stage, int is_first)
{
    for (size_t i = 0; i < r->num_layers; i++)
        r->layers[i].side[RUN_AFTER].weights = NAN; /* gone, until this stage names it */
    for (size_t i = 0; i < stage->num_layers; i++) {
        run_layer *from = &stage->layers[i], *to = run_layer_named(r, from->name);
        if (to == NULL)
            return;
        if (is_first)
            to->side[RUN_BEFORE] = from->side[RUN_BEFORE];
        to->side[RUN_AFTER] = from->side[RUN_AFTER];
        take_weights(to, from);
    }
}

int run_append_stage(run_record *r, run_record *stage, const char *name)
{
    const double start = r->num_epochs > 0 ? r->epochs[r->num_epochs - 1].epoch : 0;
    const int is_first = r->num_epochs == 0 && r->num_layers == 0;
    int good = is_first || add_event(r, start, name);
    for (size_t i = 0; i < stage->num_events && good; i++)
        good = add_event(r, start + stage->events[i].at, stage->events[i].what);
    if (good)
        good = append_epochs(r, stage, start);
    append_layers(r, stage, is_first);
    return good;
}
