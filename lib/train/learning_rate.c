/* train/learning_rate.c -- the learning rate as a function of the step, and how much a batch counts
 * in ranges that follow what is seen.
 *
 * Step k counts from 0 here, so the first step has the full rate (or the first part of the
 * warm-up) and cosine is PyTorch's CosineAnnealingLR to the last bit of double. */
#include <math.h>

#include "train/schedule.h"

static const double PI = 3.14159265358979323846;

/* The factor on the rate at t in [0, 1) of the way. */
static double factor(kerf_lr_schedule schedule, double t)
{
    switch (schedule) {
    case KERF_LR_STEP:
        return t < 1.0 / 3 ? 1 : t < 2.0 / 3 ? 0.1 : 0.01;
    case KERF_LR_COSINE:
        return (1 + cos(PI * t)) / 2;
    case KERF_LR_EXP:
        return pow(0.01, t);
    case KERF_LR_LINEAR:
        return 1 - t;
    case KERF_LR_CONST:
        break;
    }
    return 1;
}

float kerf__learning_rate(const kerf__rate *curve, int64_t step, int64_t num_steps)
{
    const double k = (double)(step - 1), warmup = (double)curve->warmup;
    if (k < warmup)
        return (float)(curve->lr * (k + 1) / warmup);
    return (float)(curve->lr *
                   factor(curve->schedule, (k - warmup) / ((double)num_steps - warmup)));
}

/* The pruning after which weights go back, or NULL. */
static const kerf_prune_schedule *find_rewind(const kerf__schedule *s, size_t *of)
{
    for (*of = 0; *of < s->num_prunes; ++*of)
        if (s->prunes[*of].rewinds)
            return &s->prunes[*of];
    return NULL;
}

/* A round is what lies between two events, as if it came right behind the epoch gone back to. */
static float rate_of_round(const kerf__schedule *s, int64_t step, const kerf_prune_schedule *prune,
                           size_t of)
{
    const int64_t per_epoch = s->steps_per_epoch;
    int64_t begin = 0, end = s->num_steps;
    for (size_t i = s->num; i-- > 0;) {
        const kerf__event *e = &s->events[i];
        if (e->kind != KERF__EVENT_PRUNE || e->of != of)
            continue;
        if (e->step >= step)
            end = e->step;
        else if (begin == 0)
            begin = e->step;
    }
    const int64_t kept = begin > 0 ? (int64_t)floor(prune->rewind * (double)per_epoch + 0.5) : 0;
    return kerf__learning_rate(&s->rates[0], step - begin + kept, end - begin + kept);
}

float kerf__schedule_rate(const kerf__schedule *s, int64_t step)
{
    size_t of, i = s->num_rates - 1;
    if (step <= s->first_prune)
        return 0;
    const kerf_prune_schedule *rewind = find_rewind(s, &of);
    if (rewind != NULL)
        return rate_of_round(s, step, rewind, of);
    while (i > 0 && s->rates[i].begin >= step)
        i--;
    const int64_t end = i + 1 < s->num_rates ? s->rates[i + 1].begin : s->num_steps;
    return kerf__learning_rate(&s->rates[i], step - s->rates[i].begin, end - s->rates[i].begin);
}

float kerf__shrink_by(const kerf__schedule *s, float lr, int64_t step, int64_t batch)
{
    if (s->penalty == NULL || step <= s->penalty_steps[0] || step > s->penalty_steps[1])
        return 0;
    /* A step down a slope knows the rate itself; its loss is a mean of samples. */
    const double by = kerf__shrinks_saliencies(s) ? 1
                      : kerf__has_gates(s)        ? 1 / (double)(s->steps_per_epoch * batch)
                                                  : (double)lr;
    return (float)(by * s->penalty->strength);
}

float kerf__observe_share(const kerf_train_options *options, int64_t step, int64_t steps_per_epoch)
{
    static const float SHARE = 0.01f; /* as calibration's moving average */
    const double end = floor(options->freeze_observers * (double)steps_per_epoch + 0.5);
    return (double)step <= end ? SHARE : 0;
}
