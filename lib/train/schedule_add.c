/* train/schedule_add.c -- the caller's events (kerf/schedule.h), each kind by a row of a table, and
 * which of them cannot be together. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "train/train_internal.h"

/* The caller's event with times in epochs. */
typedef struct timed {
    double start, end, every; /* end 0: it has none of its own */
    const kerf_event *event;
    size_t i;
} timed;
typedef kerf_status (*adder)(kerf__schedule *s, const timed *t);

static double end_of(const kerf__schedule *s, const timed *t)
{
    return t->end > 0 ? t->end : s->epochs;
}

/* ---- one kind each -------------------------------------------------------------------------- */

static kerf_status add_repeated(kerf__schedule *s, const timed *t)
{
    static const kerf__event_kind KINDS[KERF_NUM_EVENT_KINDS] = {
        [KERF_EVENT_EVALUATE] = KERF__EVENT_EVALUATE,
        [KERF_EVENT_CHECKPOINT] = KERF__EVENT_SAVE,
        [KERF_EVENT_CALL] = KERF__EVENT_CALL,
    };
    const double last = t->every > 0 ? end_of(s, t) : t->start;
    int64_t before = -1;
    for (int k = 0; t->start + k * t->every <= last + 1e-9; k++) {
        const int64_t step = kerf__schedule_step(s, t->start + k * t->every);
        if (step == before) /* parts of a step are nothing */
            continue;
        KERF__TRY(kerf__schedule_add(s, step, KINDS[t->event->kind], k + 1, t->i));
        before = step;
        if (t->every <= 0)
            break;
    }
    return KERF_OK;
}

static kerf_status add_prune(kerf__schedule *s, const timed *t)
{
    const kerf_prune_event *p = t->event->prune;
    const double last = t->end > 0 ? t->end : t->start;
    const double num = t->every > 0 ? 1 + floor((last - t->start) / t->every + 1e-9) : 1;
    if (!(num < 1e6))
        return kerf__fail(KERF_ERR_ARGUMENT, "train: event %zu prunes every %s: that is too often",
                          t->i, kerf__time_print(t->event->every).at);
    const kerf_prune_schedule prune = {.options = p->options,
                                       .curve = p->curve,
                                       .events = (int)num,
                                       .start = t->start,
                                       .every = t->every,
                                       .lift = kerf__time_epochs(s, p->lift),
                                       .rewinds = p->rewinds,
                                       .rewind = kerf__time_epochs(s, p->rewind)};
    return kerf__schedule_prune(s, &prune);
}

static kerf_status add_quantize(kerf__schedule *s, const timed *t)
{
    const kerf_quantize_event *q = t->event->quantize;
    if (s->quantize != NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: quantizes twice, must be once");
    if (q->trains && (q->options.bias_correct || q->options.mode != KERF_QUANTIZE_STATIC))
        return kerf__fail(KERF_ERR_ARGUMENT, "train: is trained with roundings of static mode "
                                             "alone, without correction of biases");
    s->quantize = q;
    if (!q->trains)
        return KERF_OK;
    s->freeze_observers = kerf__time_epochs(s, q->freeze_observers);
    s->quantize_step = kerf__schedule_step(s, t->start);
    if (s->quantize_step > s->last_change)
        s->last_change = s->quantize_step;
    return kerf__schedule_add(s, s->quantize_step, KERF__EVENT_QUANTIZE, 1, t->i);
}

static kerf_status add_freeze(kerf__schedule *s, const timed *t)
{
    KERF__TRY(kerf__schedule_add(s, kerf__schedule_step(s, t->start), KERF__EVENT_FREEZE, 1, t->i));
    return t->end > 0
               ? kerf__schedule_add(s, kerf__schedule_step(s, t->end), KERF__EVENT_FREEZE, 2, t->i)
               : KERF_OK;
}

/* Acts by numbers of each step, so nothing happens at its ends. */
static kerf_status add_distill(kerf__schedule *s, const timed *t)
{
    if (kerf__is_taught(&s->distill))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: two distillations, must be one, with all of its teachers");
    s->distill = *t->event->distill;
    s->distill_steps[0] = kerf__schedule_step(s, t->start);
    s->distill_steps[1] = kerf__schedule_step(s, end_of(s, t));
    return KERF_OK;
}

kerf_status kerf__schedule_rate_from(kerf__schedule *s, int64_t begin, const kerf_lr_event *curve)
{
    if (!kerf__grow((void **)&s->rates, &s->rate_capacity, s->num_rates, sizeof *s->rates))
        return kerf__fail_memory("schedule", s->num_rates * sizeof *s->rates);
    size_t at = s->num_rates++;
    for (; at > 0 && s->rates[at - 1].begin > begin; at--)
        s->rates[at] = s->rates[at - 1];
    s->rates[at] =
        (kerf__rate){begin, kerf__schedule_at(s, curve->warmup), curve->lr, curve->schedule};
    return KERF_OK;
}

static kerf_status add_rate(kerf__schedule *s, const timed *t)
{
    const kerf_lr_event *lr = &t->event->lr;
    const int64_t begin = kerf__schedule_step(s, t->start);
    for (size_t k = 1; k < s->num_rates; k++)
        if (s->rates[k].begin == begin)
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "train: two learning rates begin after %s, must be one",
                              kerf__time_print(t->event->start).at);
    if (!(lr->lr >= 0) || !(lr->warmup.value >= 0) || (unsigned)lr->schedule > KERF_LR_LINEAR)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: a learning rate of %g, with %s of warmup: must be at least 0, by "
                          "a curve of kerf/schedule.h",
                          lr->lr, kerf__time_print(lr->warmup).at);
    return kerf__schedule_rate_from(s, begin, lr);
}

/* Of the end alone: round_event.c. */
static kerf_status add_share(kerf__schedule *s, const timed *t)
{
    if (s->share != NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: shares weights twice, must be once");
    s->share = t->event->share;
    return KERF_OK;
}

/* Like a teacher; what it draws to 0, and by which steps, is looked up in each of them. */
static kerf_status add_penalty(kerf__schedule *s, const timed *t)
{
    const kerf_penalty *p = t->event->penalty;
    if (s->penalty != NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: two penalties, must be one");
    if ((unsigned)p->kind >= KERF_NUM_PENALTIES)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: penalty %d: must be one of kerf/schedule.h's",
                          (int)p->kind);
    if (!(p->strength >= 0 && p->strength < 1e9))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: strength of a penalty is %g: must be at least "
                          "0",
                          p->strength);
    if (p->kind == KERF_PENALTY_SALIENCY && (p->num_layers > 0 || p->num_skip > 0))
        return kerf__fail(KERF_ERR_ARGUMENT, "train: a penalty on saliencies is of all gates, must "
                                             "be without layers and skip");
    s->penalty = p;
    s->penalty_steps[0] = kerf__schedule_step(s, t->start);
    s->penalty_steps[1] = kerf__schedule_step(s, end_of(s, t));
    return KERF_OK;
}

/* Ranks are alike where it begins, and where it ends. */
static kerf_status add_exchange(kerf__schedule *s, const timed *t)
{
    const int64_t ends[2] = {kerf__schedule_step(s, t->start),
                             kerf__schedule_step(s, end_of(s, t))};
    for (int i = 0; i < 2; i++)
        if (ends[i] > 0 && ends[i] < s->num_steps)
            KERF__TRY(kerf__schedule_add(s, ends[i], KERF__EVENT_MEET, i + 1, t->i));
    return kerf__schedule_exchange(s, ends[0], ends[1], &t->event->exchange);
}

static const struct {
    const char *name;
    adder add;
} KINDS[KERF_NUM_EVENT_KINDS] = {
    [KERF_EVENT_EVALUATE] = {"an evaluation", add_repeated},
    [KERF_EVENT_PRUNE] = {"a pruning", add_prune},
    [KERF_EVENT_QUANTIZE] = {"a quantization", add_quantize},
    [KERF_EVENT_FREEZE] = {"a freezing", add_freeze},
    [KERF_EVENT_DISTILL] = {"a distillation", add_distill},
    [KERF_EVENT_LR] = {"a learning rate", add_rate},
    [KERF_EVENT_CHECKPOINT] = {"a checkpoint", add_repeated},
    [KERF_EVENT_CALL] = {"a call", add_repeated},
    [KERF_EVENT_SHARE] = {"a sharing", add_share},
    [KERF_EVENT_PENALTY] = {"a penalty", add_penalty},
    [KERF_EVENT_EXCHANGE] = {"an exchange", add_exchange},
};

/* ---- what cannot be ------------------------------------------------------------------------- */

/* Every time that an event of this kind has beside its start, end and every. */
static size_t list_times(const kerf_event *e, kerf_time times[5])
{
    size_t num = 3;
    times[0] = e->start;
    times[1] = e->end;
    times[2] = e->every;
    if (e->kind == KERF_EVENT_PRUNE) {
        times[num++] = e->prune->lift;
        times[num++] = e->prune->rewind;
    }
    if (e->kind == KERF_EVENT_QUANTIZE)
        times[num++] = e->quantize->freeze_observers;
    if (e->kind == KERF_EVENT_LR)
        times[num++] = e->lr.warmup;
    return num;
}

static kerf_status check_units(const kerf_event *e, const char *name)
{
    kerf_time times[5];
    const size_t num = list_times(e, times);
    for (size_t i = 0; i < num; i++)
        if ((unsigned)times[i].unit >= KERF_NUM_TIME_UNITS || !(times[i].value >= 0))
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "train: %s has a time of %g, in unit %d: must be at least 0, in a "
                              "unit of kerf/schedule.h",
                              name, times[i].value, (int)times[i].unit);
    return KERF_OK;
}

static kerf_status check_times(const kerf__schedule *s, const timed *t, const char *name)
{
    const kerf_event *e = t->event;
    if (!(t->start <= s->epochs))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: %s begins after %s: must be within the run's %g epochs", name,
                          kerf__time_print(e->start).at, s->epochs);
    if (t->end > 0 && !(t->end >= t->start && t->end <= s->epochs))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: %s ends after %s: must be from its start, %s, to the run's end, "
                          "%g epochs",
                          name, kerf__time_print(e->end).at, kerf__time_print(e->start).at,
                          s->epochs);
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
    KERF__TRY(check_units(e, KINDS[e->kind].name));
    const timed t = {kerf__time_epochs(s, e->start), kerf__time_epochs(s, e->end),
                     kerf__time_epochs(s, e->every), e, i};
    KERF__TRY(check_times(s, &t, KINDS[e->kind].name));
    return KINDS[e->kind].add(s, &t);
}

static int any_rewinds(const kerf__schedule *s)
{
    int any = 0;
    for (size_t i = 0; i < s->num_prunes; i++)
        any += s->prunes[i].rewinds != 0;
    return any;
}

/* What is chosen again and again is chosen of weights that nothing else has changed. */
/* By the steps that times became, as their units may be unlike. */
static kerf_status check_taps(const kerf__schedule *s)
{
    for (size_t i = 0; i < s->distill.num_taps; i++) {
        const kerf_learned_tap *t = &s->distill.taps[i];
        if (t->end.value != 0 && kerf__schedule_at(s, t->end) <= kerf__schedule_at(s, t->start))
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "train: tap of '%s' counts from %s to %s: must end after it begins",
                              t->student, kerf__time_print(t->start).at,
                              kerf__time_print(t->end).at);
    }
    return KERF_OK;
}

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
    if (s->quantize_step >= 0 && kerf__has_gates(s))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: gates beside weights must be without training with roundings");
    KERF__TRY(kerf__exchange_check(s, options));
    return check_taps(s);
}
