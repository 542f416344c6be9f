/* step_bench.h -- plans of training steps on noise, and what a step takes; for programs that time
 * ways to train one network in turns. */
#ifndef KERF_STEP_BENCH_H
#define KERF_STEP_BENCH_H

#include <stdlib.h>

#include "base/file.h"
#include "bench.h"
#include "kerf/kerf.h"

static inline void bench_fill_noise(kerf_tensor *t)
{
    float *x = malloc(kerf_tensor_size_bytes(t));
    unsigned random = 1;
    for (size_t i = 0; i < kerf_tensor_size_bytes(t) / sizeof *x; i++) {
        random = random * 1664525u + 1013904223u;
        x[i] = (float)(random >> 8) / 16777216.0f - 0.5f;
    }
    bench_ok(kerf_tensor_write(t, x));
    free(x);
}

/* As `kerf train` plans it; the input is noise, all labels are 0. */
static inline kerf_plan *bench_step_plan(const kerf_graph *g, kerf_state *s, int64_t batch,
                                         int dense)
{
    kerf_plan *plan;
    const kerf_plan_options o = {.mode = KERF_TRAIN,
                                 .batch = batch,
                                 .loss = KERF_LOSS_CROSS_ENTROPY,
                                 .optimizer = kerf_train_defaults().optimizer,
                                 .zeros = dense ? KERF_ZEROS_DENSE : KERF_ZEROS_AUTO};
    bench_ok(kerf_plan_create(&plan, g, s, &o));
    bench_fill_noise(kerf_plan_input(plan, kerf_value_name(kerf_graph_input(g, 0))));
    return plan;
}

/* A step alone.  The rate is low: speed is asked, not a network. */
static inline double bench_step_ms(kerf_plan *plan, int64_t *steps, kerf_device *dev)
{
    const kerf_step step = {.lr = 1e-6f, .step = ++*steps, .observe = 0.01f};
    const double start = kerf__now_ms();
    bench_ok(kerf_plan_set_step(plan, &step));
    bench_ok(kerf_plan_run(plan));
    bench_ok(kerf_device_finish(dev));
    return kerf__now_ms() - start;
}

#endif
