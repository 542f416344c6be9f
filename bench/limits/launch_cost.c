/* launch_cost.c -- what a launch costs the host: kerf__launch_enqueue() beside the bare OpenCL
 * call, on the same queue, in turns.  The same kernel, which does nothing; timed is queueing
 * alone, and beside it queueing and running to the end.
 *
 *     tests/device_run.sh pocl build/release/tests/launch_cost */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "bench.h"
#include "device/device_internal.h"

extern const kerf__source kerf__source_probe;

enum { ROUNDS = 200, LAUNCHES = 100 };

typedef struct way {
    const char *name;
    double queued_us[ROUNDS], done_us[ROUNDS];
} way;

/* The bare call's kernel, with arguments of its own. */
static cl_kernel make_kernel(kerf_device *dev, const kerf__buffer *dst)
{
    cl_int value = 0, err = 0;
    kerf__program *program;
    bench_ok(kerf__program_find(&program, dev, &kerf__source_probe, ""));
    cl_kernel kernel = dev->cl->CreateKernel(program->program, "probe_nothing", &err);
    if (err != CL_SUCCESS ||
        dev->cl->SetKernelArg(kernel, 0, sizeof dst->mem, &dst->mem) != CL_SUCCESS ||
        dev->cl->SetKernelArg(kernel, 1, sizeof value, &value) != CL_SUCCESS)
        bench_ok(kerf__fail_opencl(dev, err, "making the kernel"));
    return kernel;
}

static void queue_bare(kerf_device *dev, cl_kernel kernel)
{
    static const size_t one[3] = {1, 1, 1};
    cl_int err =
        dev->cl->EnqueueNDRangeKernel(dev->queue, kernel, 3, NULL, one, one, 0, NULL, NULL);
    if (err != CL_SUCCESS)
        bench_ok(kerf__fail_opencl(dev, err, "queueing"));
}

/* launch NULL: the bare call. */
static void time_round(kerf_device *dev, way *w, int round, const kerf__launch *launch,
                       cl_kernel kernel)
{
    double start = kerf__now_ms();
    for (int i = 0; i < LAUNCHES; i++) {
        if (launch != NULL)
            bench_ok(kerf__launch_enqueue(launch));
        else
            queue_bare(dev, kernel);
    }
    w->queued_us[round] = (kerf__now_ms() - start) * 1e3 / LAUNCHES;
    bench_ok(kerf_device_finish(dev));
    w->done_us[round] = (kerf__now_ms() - start) * 1e3 / LAUNCHES;
}

static void report(way *w)
{
    qsort(w->queued_us, ROUNDS, sizeof w->queued_us[0], bench_order);
    qsort(w->done_us, ROUNDS, sizeof w->done_us[0], bench_order);
    printf("%s,%.3f,%.3f,%.3f,%.3f\n", w->name, w->queued_us[0], w->queued_us[ROUNDS / 2],
           w->done_us[0], w->done_us[ROUNDS / 2]);
}

int main(void)
{
    static way ways[2] = {{.name = "kerf__launch_enqueue"}, {.name = "clEnqueueNDRangeKernel"}};
    kerf_device *dev;
    kerf__buffer *dst;
    kerf__launch *launch;
    bench_ok(kerf_device_open(&dev, NULL));
    bench_ok(kerf__buffer_create(&dst, dev, 64));
    bench_ok(kerf__launch_create(&launch, dev, &kerf__source_probe, "probe_nothing", "",
                                 KERF__ARGS(ARG(dst), ARG(0)), kerf__grid_wide(1, 1, 1)));
    cl_kernel kernel = make_kernel(dev, dst);
    for (int warm = 0; warm < 2; warm++) /* the first also compiles */
        time_round(dev, &ways[warm], 0, warm == 0 ? launch : NULL, kernel);
    for (int round = 0; round < ROUNDS; round++) {
        time_round(dev, &ways[0], round, launch, kernel);
        time_round(dev, &ways[1], round, NULL, kernel);
    }
    printf("%s, us a launch of %d\ncall,queued min,queued median,done min,done median\n",
           kerf_device_name(dev), LAUNCHES);
    report(&ways[0]);
    report(&ways[1]);
    dev->cl->ReleaseKernel(kernel);
    kerf__launch_destroy(launch);
    kerf__buffer_destroy(dst);
    kerf_device_close(dev);
    return 0;
}
