/* train/learning_rate.c -- the learning rate as a function of the step, and how much a batch counts
 * in ranges that follow what is seen.
 *
 * Step k counts from 0 here, so the first step has the full rate (or the first part of the
 * warm-up) and cosine is PyTorch's CosineAnnealingLR to the last bit of double. */
#include <math.h>

#include "compress/prune/prune_internal.h"
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

float kerf__learning_rate(const kerf_train_options *options, int64_t step, int64_t num_steps,
                          int64_t steps_per_epoch)
{
    double k = (double)(step - 1);
    double warmup = floor(options->warmup * (double)steps_per_epoch + 0.5);
    if (k < warmup)
        return (float)(options->lr * (k + 1) / warmup);
    return (float)(options->lr *
                   factor(options->schedule, (k - warmup) / ((double)num_steps - warmup)));
}

float kerf__schedule_rate(const kerf__schedule *schedule, const kerf_train_options *options,
                          int64_t step)
{
    const kerf_prune_schedule *prune = &options->prune;
    const int64_t per_epoch = schedule->steps_per_epoch;
    int64_t begin = 0, end = schedule->num_steps;
    if (step <= schedule->first_prune && kerf__prune_way_of(prune->options.method)->rests)
        return 0;
    if (!prune->rewinds || prune->events == 0)
        return kerf__learning_rate(options, step, end, per_epoch);
    /* A round is what lies between two events, as if it came right behind the epoch gone back to.
     */
    for (size_t i = schedule->num; i-- > 0;) {
        const kerf__event *e = &schedule->events[i];
        if (e->kind == KERF__EVENT_PRUNE && e->step >= step)
            end = e->step;
        if (e->kind == KERF__EVENT_PRUNE && e->step < step && begin == 0)
            begin = e->step;
    }
    const int64_t kept = begin > 0 ? (int64_t)floor(prune->rewind * (double)per_epoch + 0.5) : 0;
    return kerf__learning_rate(options, step - begin + kept, end - begin + kept, per_epoch);
}

float kerf__shrink_by(const kerf_train_options *options, float lr, int64_t step,
                      int64_t steps_per_epoch)
{
    const kerf_penalty *p = &options->penalty;
    const double begin = floor(p->start * (double)steps_per_epoch + 0.5);
    const double end = p->end > 0 ? floor(p->end * (double)steps_per_epoch + 0.5) : INFINITY;
    if (p->kind == KERF_PENALTY_NONE || (double)step <= begin || (double)step > end)
        return 0;
    /* A step down a slope knows the rate itself; its loss is a mean of samples. */
    const double by =
        kerf__has_gates(options) ? 1 / (double)(steps_per_epoch * options->batch) : (double)lr;
    return (float)(by * p->strength);
}

float kerf__observe_share(const kerf_train_options *options, int64_t step, int64_t steps_per_epoch)
{
    static const float SHARE = 0.01f; /* as calibration's moving average */
    const double end = floor(options->freeze_observers * (double)steps_per_epoch + 0.5);
    return (double)step <= end ? SHARE : 0;
}
