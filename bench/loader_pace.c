/* loader_pace.c -- whether the loader's thread keeps up with training, flipping, shifting and
 * normalising every image.
 *
 *     tests/device_run.sh pocl build/release/tests/loader_pace
 *
 * A round times in turn: the loader alone, on its one thread; training steps alone, always of
 * the same batch; and both as in training, three steps in flight.  The loader is no bottleneck
 * where it makes more images a second than steps take, and the last costs what it costs: the
 * loader's share of a processor.  Medians of the rounds. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "kerf/kerf.h"
#include "train/evaluate.h"

enum { ROUNDS = 5, LOADED = 64 }; /* batches of the loader alone, a round */

static const struct pace {
    const char *net, *data;
    int batch, steps; /* steps a round */
} PACES[] = {
    {"lenet-5", "random:1,28,28,10", 64, 40},
    {"resnet-18-cifar", "random:3,32,32,10", 32, 3},
};

typedef struct training {
    kerf_dataset *data;
    kerf_loader *loader;
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *plan;
    const char *input;
} training;

static void begin(training *t, const struct pace *k, kerf_device *dev)
{
    kerf_loader_options o = {.batch = k->batch, .shuffle = 1, .augment = {.flip = 1, .crop = 4}};
    bench_ok(kerf_dataset_open(&t->data, k->data));
    bench_ok(kerf_prep_parse(&o.prep, "scale=1/255,mean=0.5,std=0.25"));
    bench_ok(kerf_loader_create(&t->loader, t->data, &o));
    bench_ok(kerf_net_create(&t->g, &t->s, k->net, NULL, dev));
    bench_ok(kerf_plan_create(&t->plan, t->g, t->s,
                              &(kerf_plan_options){.mode = KERF_TRAIN,
                                                   .batch = k->batch,
                                                   .loss = KERF_LOSS_CROSS_ENTROPY,
                                                   .optimizer = {.momentum = 0.9f}}));
    bench_ok(kerf_plan_set_step(t->plan, &(kerf_step){.lr = 1e-4f, .step = 1}));
    t->input = kerf_value_name(kerf_graph_input(t->g, 0));
}

static void end(training *t)
{
    kerf_plan_destroy(t->plan);
    kerf_state_destroy(t->s);
    kerf_graph_destroy(t->g);
    kerf_loader_destroy(t->loader);
    kerf_dataset_close(t->data);
}

static double loader_ms(training *t, int64_t epoch)
{
    const double start = kerf__now_ms();
    bench_ok(kerf_loader_begin(t->loader, epoch, 0));
    for (int i = 0; i < LOADED; i++) {
        kerf_batch b;
        bench_ok(kerf_loader_next(t->loader, &b));
        kerf_loader_release(t->loader, &b);
    }
    return (kerf__now_ms() - start) / LOADED;
}

/* The loader rests: its slots are full, but for the one that is out. */
static double steps_ms(training *t, kerf_device *dev, int steps)
{
    kerf_batch b;
    const size_t floats = (size_t)kerf_shape_num_elements(kerf_loader_sample_shape(t->loader));
    bench_ok(kerf_loader_next(t->loader, &b));
    bench_ok(kerf_plan_feed(t->plan, "labels", b.labels, (size_t)b.num_samples * sizeof *b.labels));
    const double start = kerf__now_ms();
    for (int i = 0; i < steps; i++) {
        bench_ok(kerf_plan_feed(t->plan, t->input, b.images,
                                (size_t)b.num_samples * floats * sizeof *b.images));
        bench_ok(kerf_plan_run(t->plan));
    }
    bench_ok(kerf_device_finish(dev));
    const double ms = (kerf__now_ms() - start) / steps;
    kerf_loader_release(t->loader, &b);
    return ms;
}

static double both_ms(training *t, int steps)
{
    kerf__flight flight = {0};
    const double start = kerf__now_ms();
    for (int i = 0; i < steps; i++) {
        kerf_batch b;
        bench_ok(kerf_loader_next(t->loader, &b));
        bench_ok(kerf__flight_launch(&flight, t->loader, t->plan, t->input, &b));
    }
    bench_ok(kerf__flight_land(&flight, t->loader));
    return (kerf__now_ms() - start) / steps;
}

static double median(double *ms)
{
    qsort(ms, ROUNDS, sizeof *ms, bench_order);
    return ms[ROUNDS / 2];
}

static void run(const struct pace *k, kerf_device *dev)
{
    training t;
    double loader[ROUNDS], steps[ROUNDS], both[ROUNDS];
    begin(&t, k, dev);
    loader_ms(&t, 0);
    steps_ms(&t, dev, 1); /* the first compiles */
    for (int i = 0; i < ROUNDS; i++) {
        loader[i] = loader_ms(&t, i + 1);
        steps[i] = steps_ms(&t, dev, k->steps);
        both[i] = both_ms(&t, k->steps);
    }
    const double images = 1e3 * k->batch, load = median(loader), step = median(steps);
    printf("%s,%d,%s,%.0f,%.0f,%.0f,%.1f\n", k->net, k->batch, kerf_device_name(dev), images / load,
           images / step, images / median(both), step / load);
    fflush(stdout);
    end(&t);
}

int main(void)
{
    kerf_device *dev;
    bench_ok(kerf_device_open(&dev, NULL));
    printf("net,batch,device,loader_images_s,step_images_s,both_images_s,loader_over_step\n");
    for (size_t i = 0; i < sizeof PACES / sizeof PACES[0]; i++)
        run(&PACES[i], dev);
    kerf_device_close(dev);
    return 0;
}
