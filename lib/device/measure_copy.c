/* device/measure_copy.c -- how fast bytes can be moved; part of measure.c.
 *
 * The fastest of a copy kernel, one whose stores pass the caches by, and on a CPU device
 * memcpy on all cores.  Counted are the bytes that cannot be avoided: each read once and
 * written once. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "device/measure.h"

/* Source and destination together are four times the caches, where there is room for so much, and
 * never less than the caches: then what is copied next was driven out, every byte comes from
 * memory and goes there. */
enum { BUDGET_MS = 200, FEWEST_SAMPLES = 4, CACHES = 4, LEAST_BYTES = 32 << 20 };

typedef struct piece {
    char *dst;
    const char *src;
    size_t bytes;
} piece;

static void *copy_piece(void *argument)
{
    const piece *p = argument;
    memcpy(p->dst, p->src, p->bytes);
    return NULL;
}

/* memcpy on all cores: for a CPU device host memory is device memory. */
static double time_memcpy(const kerf_device *dev, char *dst, const char *src, size_t bytes)
{
    enum { MAX_THREADS = 256 };
    pthread_t threads[MAX_THREADS];
    piece pieces[MAX_THREADS];
    size_t num = dev->info.compute_units < MAX_THREADS ? dev->info.compute_units : MAX_THREADS;
    num = num > 0 ? num : 1;
    size_t started = 0, share = bytes / num / 64 * 64;
    double start = kerf__now_ms();
    for (size_t i = 0; i < num; i++)
        pieces[i] =
            (piece){dst + i * share, src + i * share, i + 1 < num ? share : bytes - i * share};
    while (started + 1 < num &&
           pthread_create(&threads[started], NULL, copy_piece, &pieces[started]) == 0)
        started++;
    for (size_t i = started; i < num; i++)
        copy_piece(&pieces[i]);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return kerf__now_ms() - start;
}

typedef struct copies {
    size_t bytes;
    kerf__buffer *src, *dst;  /* owned */
    kerf__launch *kernels[2]; /* owned; plain and streaming, NULL where there is no such store */
    char *host;               /* owned; 2 * bytes on CPU devices */
} copies;

static kerf_status create_copies(kerf_device *dev, copies *c)
{
    kerf__grid grid = {1, {c->bytes / 4096, 1, 1}, {64, 1, 1}};
    c->host = kerf__alloc(2 * c->bytes, 1);
    if (c->host == NULL)
        return kerf__fail_memory("measure", 2 * c->bytes);
    memset(c->host, 1, 2 * c->bytes); /* pages that were never written to are one page */
    KERF__TRY(kerf__buffer_create(&c->src, dev, c->bytes));
    KERF__TRY(kerf__buffer_create(&c->dst, dev, c->bytes));
    KERF__TRY(kerf__buffer_write(c->src, 0, c->host, c->bytes));
    KERF__TRY(kerf__buffer_fill_zero(c->dst, 0, c->bytes));
    KERF__TRY(kerf__launch_create(&c->kernels[0], dev, &kerf__source_probe, "probe_copy", "",
                                  KERF__ARGS(ARG(c->src), ARG(c->dst)), grid));
    if (!dev->info.features.streaming_stores)
        return KERF_OK;
    return kerf__launch_create(&c->kernels[1], dev, &kerf__source_probe, "probe_copy_stream",
                               "-DPROBE_STREAM", KERF__ARGS(ARG(c->src), ARG(c->dst)), grid);
}

enum { PLAIN, STREAMING, MEMCPY, NUM_WAYS };

static double time_way(kerf_device *dev, copies *c, int way)
{
    if (way == MEMCPY)
        return dev->info.type == KERF_DEVICE_CPU
                   ? time_memcpy(dev, c->host + c->bytes, c->host, c->bytes)
                   : -1;
    return c->kernels[way] != NULL ? kerf__measure_launch(dev, c->kernels[way]) : -1;
}

/* Interleaved, so that all ways meet the same state of the machine. */
static double fastest_copy(kerf_device *dev, copies *c, double *unrest)
{
    kerf__times times[NUM_WAYS] = {{.num = 0}};
    int fastest = PLAIN;
    double start = kerf__now_ms();
    for (int i = 0; i <= FEWEST_SAMPLES || kerf__now_ms() - start < BUDGET_MS; i++) {
        for (int way = 0; way < NUM_WAYS; way++) {
            double ms = time_way(dev, c, way);
            if (i > 0 && ms > 0) /* the first round compiles */
                kerf__times_add(&times[way], ms);
        }
    }
    for (int way = 1; way < NUM_WAYS; way++)
        if (kerf__times_best(&times[way]) < kerf__times_best(&times[fastest]))
            fastest = way;
    kerf__times_unrest(&times[fastest], unrest);
    return kerf__times_best(&times[fastest]);
}

static int copy_is_right(copies *c)
{
    char *got = c->host + c->bytes;
    memset(got, 0, c->bytes);
    return kerf__buffer_read(c->dst, 0, got, c->bytes) == KERF_OK &&
           memcmp(got, c->host, c->bytes) == 0;
}

/* Bytes of one side, or 0 if the device has no room for enough. */
static size_t side_bytes(const kerf_device_info *info)
{
    const uint64_t wanted = info->cache_bytes * CACHES / 2, eighth = info->global_bytes / 8;
    const uint64_t room = eighth < info->max_alloc_bytes ? eighth : info->max_alloc_bytes;
    uint64_t bytes = LEAST_BYTES;
    while (bytes < wanted && bytes * 2 <= room)
        bytes *= 2;
    return bytes <= room && bytes * 2 >= info->cache_bytes ? (size_t)bytes : 0;
}

double kerf__measure_copy(kerf_device *dev, double *unrest)
{
    copies c = {.bytes = side_bytes(&dev->info)};
    double result = 0;
    if (c.bytes > 0 && create_copies(dev, &c) == KERF_OK) {
        double ms = fastest_copy(dev, &c, unrest);
        if (isfinite(ms) && copy_is_right(&c))
            result = 2.0 * (double)c.bytes / (ms * 1e6);
    }
    kerf__launch_destroy(c.kernels[0]);
    kerf__launch_destroy(c.kernels[1]);
    kerf__buffer_destroy(c.src);
    kerf__buffer_destroy(c.dst);
    free(c.host);
    return result;
}
