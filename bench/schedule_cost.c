/* schedule_cost.c -- what the schedule costs a step of training: every number that is looked up for
 * it, with some events in the list, beside the step itself.  By hand:
 *
 *     chrt -f 50 build/release/tests/schedule_cost
 *
 * LeNet-300-100, batch 64, is the fastest step there is. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "kerf/kerf.h"
#include "train/train_internal.h"

enum { STEPS = 2000, LOOKUPS = 1000000 };

static void check(kerf_status status)
{
    if (status == KERF_OK)
        return;
    fprintf(stderr, "%s\n", kerf_last_error());
    exit(1);
}

static int note_time(void *context, int64_t step)
{
    double *ms = context;
    ms[step > STEPS / 4] = kerf__now_ms();
    return 0;
}

/* All that train.c asks for before a step. */
static double lookup_us(const kerf_train_options *o)
{
    kerf__schedule s;
    volatile float sum = 0;
    check(kerf__schedule_create(&s, o, 900));
    const double began = kerf__now_ms();
    for (int64_t i = 0; i < LOOKUPS; i++) {
        const int64_t step = 1 + i % s.num_steps;
        const float lr = kerf__schedule_rate(&s, step);
        sum += lr + kerf__observe_share(o, step, 900) + kerf__shrink_by(&s, lr, step, o->batch);
    }
    const double us = (kerf__now_ms() - began) * 1e3 / LOOKUPS;
    kerf__schedule_free(&s);
    return us;
}

int main(void)
{
    kerf_device *dev;
    kerf_dataset *d;
    kerf_graph *g;
    kerf_state *s;
    double ms[2];
    const kerf_net_options net = {.classes = 10, .input = {1, 28, 28}, .seed = 1};
    const kerf_prune_event prune = {.options = {.amount = 0.9}, .curve = KERF_CURVE_CUBIC};
    kerf_train_options o = kerf_train_defaults();
    check(kerf_device_open(&dev, getenv("KERF_DEVICE")));
    check(kerf_dataset_open(&d, "random:1,28,28,10"));
    check(kerf_net_create(&g, &s, "lenet-300-100", &net, dev));
    o.batch = 64;
    const double per_epoch = (double)(kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN) / o.batch);
    o.epochs = (STEPS + 1) / per_epoch;
    const kerf_event calls[] = {
        {KERF_EVENT_CALL, .start = {STEPS / 4, KERF_STEPS}, .call = {note_time, ms}},
        {KERF_EVENT_CALL, .start = {STEPS, KERF_STEPS}, .call = {note_time, ms}}};
    o.events = calls;
    o.num_events = 2;
    check(kerf_train(g, s, d, &o));
    const double step_us = (ms[1] - ms[0]) * 1e3 / (STEPS - STEPS / 4);

    const kerf_event events[] = {
        {KERF_EVENT_PRUNE,
         {0, KERF_EPOCHS},
         {12, KERF_EPOCHS},
         {0.1, KERF_EPOCHS},
         .prune = &prune},
        {KERF_EVENT_LR, .start = {5, KERF_EPOCHS}, .lr = {0.01, KERF_LR_COSINE, {1, KERF_EPOCHS}}},
        {KERF_EVENT_LR, .start = {14, KERF_EPOCHS}, .lr = {.lr = 0.001, .schedule = KERF_LR_EXP}}};
    o.epochs = 20;
    o.events = events;
    o.num_events = 3;
    const double us = lookup_us(&o);
    printf("step %.1f us, schedule %.3f us: %.3f %%\n", step_us, us, 100 * us / step_us);
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
    kerf_dataset_close(d);
    kerf_device_close(dev);
    return 0;
}
