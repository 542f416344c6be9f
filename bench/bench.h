/* bench.h -- timing one thing on one device.
 *
 * Warm up, then take samples of some calls each, and report the fastest and the median: the
 * fastest is what the code can do, the median what it did today.  The clock runs on the
 * host around queueing and finish, so a launch pays its whole price.  A benchmark is a
 * program; on a failure it says so and ends. */
#ifndef KERF_BENCH_H
#define KERF_BENCH_H

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "kerf/tensor.h"

typedef struct bench_time {
    double min_ms, median_ms; /* of one call */
} bench_time;

typedef kerf_status (*bench_body)(void *context);

static inline void bench_ok(kerf_status status)
{
    if (status == KERF_OK)
        return;
    fprintf(stderr, "%s: %s\n", kerf_status_name(status), kerf_last_error());
    exit(1);
}

static inline double bench_sample_ms(kerf_device *dev, bench_body body, void *context, int calls)
{
    double start = kerf__now_ms();
    for (int i = 0; i < calls; i++)
        bench_ok(body(context));
    bench_ok(kerf_device_finish(dev));
    return (kerf__now_ms() - start) / calls;
}

static inline int bench_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Enough calls a sample for about 5 ms. */
static inline int bench_calls(double once_ms)
{
    return once_ms > 5 ? 1 : once_ms < 0.005 ? 1000 : (int)(5 / once_ms);
}

/* 15 samples. */
static inline bench_time bench_measure(kerf_device *dev, bench_body body, void *context)
{
    enum { SAMPLES = 15 };
    double ms[SAMPLES];
    bench_sample_ms(dev, body, context, 1); /* the first compiles */
    int calls = bench_calls(bench_sample_ms(dev, body, context, 2));
    for (int i = 0; i < SAMPLES; i++)
        ms[i] = bench_sample_ms(dev, body, context, calls);
    qsort(ms, SAMPLES, sizeof ms[0], bench_order);
    return (bench_time){ms[0], ms[SAMPLES / 2]};
}

#endif
