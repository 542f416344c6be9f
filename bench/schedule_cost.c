/* schedule_cost.c -- what the schedule and the records of a run cost a step of training.  By hand:
 *
 *     chrt -f 50 build/release/tests/schedule_cost [DATA FOLDER]
 *
 * First every number that is looked up for a step, with some events in the list, beside the step of
 * LeNet-300-100, batch 64, the fastest there is.  Then LeNet-5: an epoch of DATA with a run's
 * folder (metrics.jsonl, TensorBoard's file, the checkpoint at its end) and a bar, beside one
 * without any, in turns.  FOLDER must be there, and keeps the runs. */
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

/* ---- look-ups -------------------------------------------------------------------------------- */

static void time_lookups(kerf_device *dev)
{
    kerf_dataset *d;
    kerf_graph *g;
    kerf_state *s;
    double ms[2];
    const kerf_net_options net = {.classes = 10, .input = {1, 28, 28}, .seed = 1};
    const kerf_prune_event prune = {.options = {.amount = 0.9}, .curve = KERF_CURVE_CUBIC};
    kerf_train_options o = kerf_train_defaults();
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
}

/* ---- records --------------------------------------------------------------------------------- */

typedef struct span {
    double ms[2];
    int num;
} span;

static int note_end(void *context, int64_t step)
{
    span *x = context;
    (void)step;
    x->ms[x->num++] = kerf__now_ms();
    return 0;
}

/* As the command's bar, a few times a second. */
static int draw_bar(void *context, const kerf_train_progress *p)
{
    FILE *out = context;
    fprintf(out, "\rtrain epoch %lld/%lld  loss %.4f  zeros %.2f %%  %.0f images/s  %.0f s left",
            (long long)p->epoch, (long long)p->num_epochs, p->loss, 100 * p->sparsity,
            p->samples_per_second, p->seconds_left);
    return fflush(out) != 0;
}

/* An epoch of LeNet-5, from a tenth of the first one on; folder NULL: nothing is recorded. */
static double epoch_ms(kerf_device *dev, kerf_dataset *d, const char *folder, FILE *bar)
{
    const kerf_net_options net = {.classes = 10, .input = {1, 28, 28}, .seed = 1};
    kerf_graph *g;
    kerf_state *s;
    span x = {0};
    const kerf_event ends[] = {
        {KERF_EVENT_CALL, .start = {0.1, KERF_EPOCHS}, .call = {note_end, &x}},
        {KERF_EVENT_CALL, .start = {1.1, KERF_EPOCHS}, .call = {note_end, &x}}};
    kerf_train_options o = kerf_train_defaults();
    o.batch = 64;
    o.epochs = 1.2;
    o.lr = 0.01;
    o.events = ends;
    o.num_events = 2;
    o.run_dir = folder;
    o.tensorboard = folder != NULL;
    o.callback = folder != NULL ? draw_bar : NULL;
    o.context = bar;
    check(kerf_net_create(&g, &s, "lenet-5", &net, dev));
    check(kerf_train(g, s, d, &o));
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
    return x.ms[1] - x.ms[0];
}

static int order(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void time_records(kerf_device *dev, const char *data, const char *folder)
{
    enum { ROUNDS = 7 };
    double without[ROUNDS], ratio[ROUNDS];
    kerf_dataset *d;
    FILE *bar = fopen("/dev/null", "w");
    if (bar == NULL)
        return;
    check(kerf_dataset_open(&d, data));
    const double steps = (double)(kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN) / 64);
    for (int i = 0; i < ROUNDS; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%d.run", folder, i);
        without[i] = epoch_ms(dev, d, NULL, bar);
        ratio[i] = epoch_ms(dev, d, path, bar) / without[i];
    }
    qsort(without, ROUNDS, sizeof(double), order);
    qsort(ratio, ROUNDS, sizeof(double), order);
    printf("lenet-5, %.0f steps an epoch of %.2f ms; with records %.4f (%.4f to %.4f) of that\n",
           steps, without[ROUNDS / 2] / steps, ratio[ROUNDS / 2], ratio[0], ratio[ROUNDS - 1]);
    kerf_dataset_close(d);
    fclose(bar);
}

int main(int argc, char **argv)
{
    kerf_device *dev;
    check(kerf_device_open(&dev, getenv("KERF_DEVICE")));
    time_lookups(dev);
    if (argc > 2)
        time_records(dev, argv[1], argv[2]);
    kerf_device_close(dev);
    return 0;
}
