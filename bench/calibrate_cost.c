/* calibrate_cost.c -- what watching a network costs beside running it.
 *
 *     tests/device_run.sh pocl build/release/tests/calibrate_cost [NET [SAMPLES [OBSERVER]]]
 *
 * In turns, the same samples go through the plain network and through it with observers; planning
 * and the first batch are left out, as they are no matter of the samples.  What an observer does
 * with its counts behind the last batch is in its time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "bench.h"
#include "compress/quantize/calibrate_internal.h"
#include "kerf/kerf.h"

enum { ROUNDS = 3, BATCH = 10 };

typedef struct clock_of_samples {
    double last_ms, spent_ms;
} clock_of_samples;

static int on_progress(void *context, int64_t samples, int64_t num_samples)
{
    clock_of_samples *c = context;
    const double now = kerf__now_ms();
    (void)num_samples;
    if (samples > BATCH) /* not the first batch */
        c->spent_ms += now - c->last_ms;
    c->last_ms = now;
    return 0;
}

typedef struct task {
    kerf_dataset *data;
    kerf_graph *g;
    kerf_state *s;
    int64_t samples;
} task;

static kerf_status take_batch(void *context, const float *images, int64_t num)
{
    kerf_plan *ran;
    return kerf__sample_plans_run(context, images, num, &ran);
}

static kerf_calibrate_options options(const task *t, clock_of_samples *c, kerf_observer observer)
{
    *c = (clock_of_samples){0};
    return (kerf_calibrate_options){.observer = observer,
                                    .percentile = 99.99,
                                    .samples = t->samples,
                                    .batch = BATCH,
                                    .seed = 1,
                                    .progress = on_progress,
                                    .context = c};
}

static double plain_ms(const task *t)
{
    clock_of_samples c;
    kerf__samples samples;
    kerf__sample_plans plans;
    const kerf_calibrate_options how = options(t, &c, KERF_OBSERVE_MINMAX);
    bench_ok(kerf__samples_open(&samples, t->g, t->data, &how));
    bench_ok(kerf__sample_plans_create(&plans, &samples, t->g, t->s));
    bench_ok(kerf__samples_each(&samples, take_batch, &plans));
    kerf__sample_plans_destroy(&plans);
    kerf__samples_close(&samples);
    return c.spent_ms;
}

static double calibrate_ms(const task *t, kerf_observer observer)
{
    clock_of_samples c;
    kerf_ranges *ranges;
    const kerf_calibrate_options how = options(t, &c, observer);
    const kerf_quantize_options q = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    bench_ok(kerf_calibrate(&ranges, t->g, t->s, t->data, &q, &how));
    c.spent_ms += kerf__now_ms() - c.last_ms;
    kerf_ranges_destroy(ranges);
    return c.spent_ms;
}

static const struct {
    const char *name;
    kerf_observer observer;
} OBSERVERS[] = {{"minmax", KERF_OBSERVE_MINMAX},
                 {"moving", KERF_OBSERVE_MOVING},
                 {"percentile", KERF_OBSERVE_PERCENTILE},
                 {"mse", KERF_OBSERVE_MSE},
                 {"entropy", KERF_OBSERVE_ENTROPY}};

/* All observers, or the one of that name. */
static void run(const task *t, const char *name)
{
    printf("observer,plain_ms,observed_ms,ratio\n");
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < sizeof OBSERVERS / sizeof OBSERVERS[0]; i++) {
            if (name != NULL && strcmp(name, OBSERVERS[i].name) != 0)
                continue;
            const double plain = plain_ms(t), observed = calibrate_ms(t, OBSERVERS[i].observer);
            printf("%s,%.1f,%.1f,%.3f\n", OBSERVERS[i].name, plain, observed, observed / plain);
        }
}

int main(int argc, char **argv)
{
    task t = {.samples = argc > 2 ? atoll(argv[2]) : 100};
    kerf_device *dev;
    const char *net = argc > 1 ? argv[1] : "resnet-50";
    bench_ok(kerf_device_open(&dev, NULL));
    bench_ok(kerf_dataset_open(&t.data, "random:3,224,224,10"));
    bench_ok(kerf_net_create(&t.g, &t.s, net, NULL, dev));
    bench_ok(kerf_quantize_fold(t.g, t.s));
    run(&t, argc > 3 ? argv[3] : NULL);
    kerf_graph_destroy(t.g);
    kerf_state_destroy(t.s);
    kerf_dataset_close(t.data);
    kerf_device_close(dev);
    return 0;
}
