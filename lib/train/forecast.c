/* train/forecast.c -- what a run will be, before it is: its timetable, and time and memory of its
 * steps, by some of them on copies. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "plan/plan_internal.h"
#include "train/train_internal.h"

/* ---- the timetable -------------------------------------------------------------------------- */

typedef struct instants {
    kerf_instant *at;
    size_t num, capacity;
    int64_t per_epoch;
} instants;

/* In the order of time, of one instant in that of adding. */
static kerf_status add(instants *list, int64_t step, const char *what, double share)
{
    if (!kerf__grow((void **)&list->at, &list->capacity, list->num, sizeof *list->at))
        return kerf__fail_memory("schedule", list->num * sizeof *list->at);
    size_t i = list->num++;
    for (; i > 0 && list->at[i - 1].step > step; i--)
        list->at[i] = list->at[i - 1];
    list->at[i] = (kerf_instant){step, (double)step / (double)list->per_epoch, what, share};
    return KERF_OK;
}

static kerf_status add_event(instants *list, const kerf__schedule *s, const kerf__event *e)
{
    static const char *const WHAT[KERF__NUM_EVENTS] = {
        [KERF__EVENT_EVALUATE] = "evaluate", [KERF__EVENT_SAVE] = "checkpoint",
        [KERF__EVENT_CALL] = "call",         [KERF__EVENT_PRUNE] = "prune",
        [KERF__EVENT_LIFT] = "lift masks",   [KERF__EVENT_KEEP] = "remember weights",
        [KERF__EVENT_QUANTIZE] = "quantize", [KERF__EVENT_FREEZE] = "freeze"};
    const char *what = WHAT[e->kind];
    double share = -1;
    if (e->kind == KERF__EVENT_PRUNE) {
        const kerf_prune_schedule *p = &s->prunes[e->of];
        share = kerf_prune_curve_at(p->curve, e->index, p->events);
    }
    if (e->kind == KERF__EVENT_FREEZE && e->index == 2)
        what = "let go";
    return what != NULL ? add(list, e->step, what, share) : KERF_OK;
}

static kerf_status add_spans(instants *list, const kerf__schedule *s, int has_teacher)
{
    for (size_t i = 1; i < s->num_rates; i++)
        KERF__TRY(add(list, s->rates[i].begin, "learning rate", s->rates[i].lr));
    if (has_teacher) {
        KERF__TRY(add(list, s->distill_steps[0], "distill", -1));
        KERF__TRY(add(list, s->distill_steps[1], "end of distilling", -1));
    }
    const int64_t frozen = kerf__schedule_step(s, s->freeze_observers);
    if (s->quantize != NULL && frozen > s->quantize_step && frozen < s->num_steps)
        KERF__TRY(add(list, frozen, "freeze observers", -1));
    if (s->penalty != NULL) {
        KERF__TRY(add(list, s->penalty_steps[0], "penalty", -1));
        KERF__TRY(add(list, s->penalty_steps[1], "end of penalty", -1));
    }
    for (size_t i = 0; i < s->num_exchanges; i++) {
        KERF__TRY(add(list, s->exchanges[i].begin, "exchange", -1));
        KERF__TRY(add(list, s->exchanges[i].end, "end of exchange", -1));
    }
    if (s->share != NULL)
        KERF__TRY(add(list, s->num_steps, "share weights", -1));
    if (s->quantize != NULL)
        KERF__TRY(add(list, s->num_steps, "write integers", -1));
    return KERF_OK;
}

static kerf_status list_all(instants *list, const kerf__schedule *s,
                            const kerf_train_options *options)
{
    int has_teacher = options->distill.teacher != NULL;
    for (size_t i = 0; i < s->num; i++)
        KERF__TRY(add_event(list, s, &s->events[i]));
    for (size_t i = 0; i < options->num_events; i++)
        has_teacher |= options->events[i].kind == KERF_EVENT_DISTILL;
    return add_spans(list, s, has_teacher);
}

kerf_status kerf_train_timetable(kerf_instant **out, size_t *num, const kerf_train_options *options,
                                 int64_t steps_per_epoch)
{
    kerf__schedule s;
    instants list = {.per_epoch = steps_per_epoch};
    *out = NULL;
    *num = 0;
    KERF__TRY(kerf__schedule_create(&s, options, steps_per_epoch));
    kerf_status status = list_all(&list, &s, options);
    kerf__schedule_free(&s);
    if (status != KERF_OK) {
        free(list.at);
        return status;
    }
    *out = list.at;
    *num = list.num;
    return KERF_OK;
}

/* ---- memory --------------------------------------------------------------------------------- */

static int fits(const kerf_forecast *f)
{
    return f->arena_bytes <= f->most_bytes &&
           (double)f->arena_bytes + (double)f->state_bytes <= (double)f->device_bytes;
}

/* A plan of this batch; too large is an answer, not a failure. */
static kerf_status look_at_batch(kerf_forecast *f, const kerf_graph *g, kerf_state *s,
                                 kerf_shape sample, const kerf_train_options *o, int64_t batch)
{
    const int64_t parts = kerf__num_parts(o);
    kerf_known_input known;
    kerf_plan *plan = NULL;
    kerf_plan_options options = kerf__plan_options_of(o);
    options.batch = batch > parts ? batch / parts : 1;
    options.choices = o->choices;
    options.freeze = o->freeze;
    options.num_freeze = o->num_freeze;
    if (o->precision != KERF_PRECISION_AUTO)
        options.precision = o->precision;
    options.num_inputs = kerf__known_input(g, sample, &known);
    options.inputs = &known;
    kerf_status status = kerf_plan_create(&plan, g, s, &options);
    f->arena_bytes = status == KERF_OK ? kerf_plan_arena_bytes(plan) : SIZE_MAX;
    f->state_bytes = kerf_state_bytes(s);
    kerf_plan_destroy(plan);
    return status == KERF_ERR_MEMORY ? KERF_OK : status;
}

/* ---- time ----------------------------------------------------------------------------------- */

enum { FIRST = 5, LAST = 20 };

static int note_time(void *context, int64_t step)
{
    double *ms = context;
    ms[step >= LAST] = kerf__now_ms();
    return 0;
}

/* Steps FIRST to LAST of a run without anything but steps. */
static kerf_status measure(kerf_forecast *f, kerf_graph *g, kerf_state *s, kerf_dataset *d,
                           const kerf_train_options *options)
{
    double ms[2] = {0, 0};
    const kerf_event calls[] = {
        {KERF_EVENT_CALL, .start = {FIRST, KERF_STEPS}, .call = {note_time, ms}},
        {KERF_EVENT_CALL, .start = {LAST, KERF_STEPS}, .call = {note_time, ms}}};
    kerf_train_options o = *options;
    o.epochs = (LAST + 1) / (double)f->steps_per_epoch;
    o.warmup = (kerf_time){0};
    o.prune.events = 0;
    o.run_dir = NULL;
    o.resume = 0;
    o.callback = NULL;
    o.events = calls;
    o.num_events = 2;
    KERF__TRY(kerf_train(g, s, d, &o));
    f->step_ms = (ms[1] - ms[0]) / (LAST - FIRST);
    return KERF_OK;
}

/* ---- all ------------------------------------------------------------------------------------ */

static kerf_status look(kerf_forecast *f, kerf_graph *g, kerf_state *s, kerf_dataset *d,
                        const kerf_train_options *o)
{
    kerf_prep prep;
    kerf_shape sample;
    const kerf_device_info *info = kerf_device_get_info(kerf_state_device(s));
    KERF__TRY(kerf_prep_parse(&prep, kerf__choose_prep(o->prep, g, d)));
    KERF__TRY(kerf_prep_shape(&sample, &prep, kerf_dataset_sample_shape(d)));
    f->device_bytes = info->global_bytes;
    f->most_bytes = info->max_alloc_bytes;
    f->steps_per_epoch = kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN) / o->batch;
    if (f->steps_per_epoch < 1)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: a batch of %lld is more than all %lld samples",
                          (long long)o->batch,
                          (long long)kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN));
    f->num_steps = (int64_t)(o->epochs * (double)f->steps_per_epoch + 0.5);
    KERF__TRY(look_at_batch(f, g, s, sample, o, o->batch));
    f->batch = o->batch;
    if (fits(f))
        return f->num_steps > 0 ? measure(f, g, s, d, o) : KERF_OK;
    kerf_forecast smaller = *f;
    while (smaller.batch > 1 && !fits(&smaller)) {
        smaller.batch /= 2;
        KERF__TRY(look_at_batch(&smaller, g, s, sample, o, smaller.batch));
    }
    f->batch = fits(&smaller) ? smaller.batch : 0;
    return KERF_OK;
}

kerf_status kerf_train_forecast(kerf_forecast *out, const kerf_graph *g, const kerf_state *s,
                                kerf_dataset *d, const kerf_train_options *options)
{
    kerf_graph *graph = NULL;
    kerf_state *state = NULL;
    *out = (kerf_forecast){0};
    kerf_status status = kerf_graph_copy(&graph, g);
    if (status == KERF_OK)
        status = kerf_state_copy(&state, s, kerf_state_device(s));
    if (status == KERF_OK)
        status = look(out, graph, state, d, options);
    kerf_state_destroy(state);
    kerf_graph_destroy(graph);
    return status;
}
