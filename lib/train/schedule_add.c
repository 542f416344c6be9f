/* train/schedule_add.c -- the caller's events (kerf/schedule.h), each kind by a row of a table, and
 * which of them cannot be together. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "train/train_internal.h"

typedef kerf_status (*adder)(kerf__schedule *s, const kerf_train_options *o, size_t i);

/* Where an event ends that has none of its own. */
static double end_of(const kerf_event *e, const kerf_train_options *o)
{
    return e->end > 0 ? e->end : o->epochs;
}

/* ---- one kind each -------------------------------------------------------------------------- */

static kerf_status add_repeated(kerf__schedule *s, const kerf_train_options *o, size_t i)
{
    static const kerf__event_kind KINDS[KERF_NUM_EVENT_KINDS] = {
        [KERF_EVENT_EVALUATE] = KERF__EVENT_EVALUATE,
        [KERF_EVENT_CHECKPOINT] = KERF__EVENT_SAVE,
        [KERF_EVENT_CALL] = KERF__EVENT_CALL,
    };
    const kerf_event *e = &o->events[i];
    const double last = e->every > 0 ? end_of(e, o) : e->start;
    int64_t before = -1;
    for (int k = 0; e->start + k * e->every <= last + 1e-9; k++) {
        const int64_t step = kerf__schedule_step(s, e->start + k * e->every);
        if (step == before) /* parts of a step are nothing */
            continue;
        KERF__TRY(kerf__schedule_add(s, step, KINDS[e->kind], k + 1, i));
        before = step;
        if (e->every <= 0)
            break;
    }
    return KERF_OK;
}

static kerf_status add_prune(kerf__schedule *s, const kerf_train_options *o, size_t i)
{
    const kerf_event *e = &o->events[i];
    const double last = e->end > 0 ? e->end : e->start;
    const double num = e->every > 0 ? 1 + floor((last - e->start) / e->every + 1e-9) : 1;
    if (!(num < 1e6))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: event %zu prunes every %g epochs: that is too "
                          "often",
                          i, e->every);
    const kerf_prune_schedule prune = {.options = e->prune->options,
                                       .curve = e->prune->curve,
                                       .events = (int)num,
                                       .start = e->start,
                                       .every = e->every,
                                       .lift = e->prune->lift,
                                       .rewinds = e->prune->rewinds,
                                       .rewind = e->prune->rewind};
    return kerf__schedule_prune(s, &prune, o->epochs);
}

static kerf_status add_quantize(kerf__schedule *s, const kerf_train_options *o, size_t i)
{
    const kerf_event *e = &o->events[i];
    if (s->quantize != NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: quantizes twice, must be once");
    if (e->quantize->trains &&
        (e->quantize->options.bias_correct || e->quantize->options.mode != KERF_QUANTIZE_STATIC))
        return kerf__fail(KERF_ERR_ARGUMENT, "train: is trained with roundings of static mode "
                                             "alone, without correction of biases");
    s->quantize = e->quantize;
    if (!e->quantize->trains)
        return KERF_OK;
    s->quantize_step = kerf__schedule_step(s, e->start);
    if (s->quantize_step > s->last_change)
        s->last_change = s->quantize_step;
    return kerf__schedule_add(s, s->quantize_step, KERF__EVENT_QUANTIZE, 1, i);
}

static kerf_status add_freeze(kerf__schedule *s, const kerf_train_options *o, size_t i)
{
    const kerf_event *e = &o->events[i];
    KERF__TRY(kerf__schedule_add(s, kerf__schedule_step(s, e->start), KERF__EVENT_FREEZE, 1, i));
    return e->end > 0
               ? kerf__schedule_add(s, kerf__schedule_step(s, e->end), KERF__EVENT_FREEZE, 2, i)
               : KERF_OK;
}

/* Acts by numbers of each step, so nothing happens at its ends. */
static kerf_status add_distill(kerf__schedule *s, const kerf_train_options *o, size_t i)
{
    const kerf_event *e = &o->events[i];
    if (kerf__is_taught(&s->distill))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: two distillations, must be one, with all of its teachers");
    s->distill = *e->distill;
    s->distill_steps[0] = kerf__schedule_step(s, e->start);
    s->distill_steps[1] = kerf__schedule_step(s, end_of(e, o));
    return KERF_OK;
}

kerf_status kerf__schedule_rate_from(kerf__schedule *s, int64_t begin, const kerf_lr_event *curve)
{
    if (!kerf__grow((void **)&s->rates, &s->rate_capacity, s->num_rates, sizeof *s->rates))
        return kerf__fail_memory("schedule", s->num_rates * sizeof *s->rates);
    size_t at = s->num_rates++;
    for (; at > 0 && s->rates[at - 1].begin > begin; at--)
        s->rates[at] = s->rates[at - 1];
    s->rates[at] = (kerf__rate){begin, *curve};
    return KERF_OK;
}

static kerf_status add_rate(kerf__schedule *s, const kerf_train_options *o, size_t i)
{
    const kerf_event *e = &o->events[i];
    const int64_t begin = kerf__schedule_step(s, e->start);
    for (size_t k = 1; k < s->num_rates; k++)
        if (s->rates[k].begin == begin)
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "train: two learning rates begin after %g epochs, must be one",
                              e->start);
    if (!(e->lr.lr >= 0) || !(e->lr.warmup >= 0) || (unsigned)e->lr.schedule > KERF_LR_LINEAR)
        return kerf__fail(
            KERF_ERR_ARGUMENT,
            "train: a learning rate of %g, with %g epochs of warmup: must be at least "
            "0, by a curve of kerf/schedule.h",
            e->lr.lr, e->lr.warmup);
    return kerf__schedule_rate_from(s, begin, &e->lr);
}

/* Of the end alone: round_event.c. */
static kerf_status add_share(kerf__schedule *s, const kerf_train_options *o, size_t i)
{
    if (s->share != NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: shares weights twice, must be once");
    s->share = o->events[i].share;
    return KERF_OK;
}

static const struct {
    const char *name;
    adder add;
} KINDS[KERF_NUM_EVENT_KINDS] = {
    [KERF_EVENT_EVALUATE] = {"evaluation", add_repeated},
    [KERF_EVENT_PRUNE] = {"pruning", add_prune},
    [KERF_EVENT_QUANTIZE] = {"quantization", add_quantize},
    [KERF_EVENT_FREEZE] = {"freezing", add_freeze},
    [KERF_EVENT_DISTILL] = {"distillation", add_distill},
    [KERF_EVENT_LR] = {"learning rate", add_rate},
    [KERF_EVENT_CHECKPOINT] = {"checkpoint", add_repeated},
    [KERF_EVENT_CALL] = {"call", add_repeated},
    [KERF_EVENT_SHARE] = {"sharing", add_share},
};

/* ---- what cannot be ------------------------------------------------------------------------- */

static kerf_status check_times(const kerf_event *e, const kerf_train_options *o)
{
    const char *name = KINDS[e->kind].name;
    if (!(e->start >= 0 && e->start <= o->epochs))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: a %s begins after %g epochs: must be within the run's %g", name,
                          e->start, o->epochs);
    if (!(e->end >= 0) || (e->end > 0 && !(e->end >= e->start && e->end <= o->epochs)))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: a %s ends after %g epochs: must be from its start, %g, to the "
                          "run's end, %g",
                          name, e->end, e->start, o->epochs);
    if (!(e->every >= 0))
        return kerf__fail(KERF_ERR_ARGUMENT, "train: a %s every %g epochs: must be at least 0",
                          name, e->every);
    return KERF_OK;
}

kerf_status kerf__schedule_event(kerf__schedule *s, const kerf_train_options *options, size_t i)
{
    const kerf_event *e = &options->events[i];
    if ((unsigned)e->kind >= KERF_NUM_EVENT_KINDS)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: event %zu is of kind %d: must be one of "
                          "kerf/schedule.h's",
                          i, (int)e->kind);
    KERF__TRY(check_times(e, options));
    return KINDS[e->kind].add(s, options, i);
}

static int any_rewinds(const kerf__schedule *s)
{
    int any = 0;
    for (size_t i = 0; i < s->num_prunes; i++)
        any += s->prunes[i].rewinds != 0;
    return any;
}

/* What is chosen again and again is chosen of weights that nothing else has changed. */
kerf_status kerf__schedule_check(const kerf__schedule *s, const kerf_train_options *options)
{
    const int rewinds = any_rewinds(s);
    if (rewinds > 1)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: weights go back for two prunings, must be for "
                                             "one");
    if (rewinds && (s->num_rates > 1 || s->quantize_step >= 0))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: weights that go back, and the learning rate with them, must be "
                          "without other learning rates and without training with roundings");
    if (s->share != NULL && s->quantize != NULL)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: weights that are shared at the end of the run must be without "
                          "quantization in it");
    if (s->quantize_step >= 0 && kerf__has_gates(options))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: gates beside weights must be without training with roundings");
    return KERF_OK;
}
