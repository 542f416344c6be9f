/* device/measure.c -- a device's limits: multiply-adds, copying, launching.
 *
 * Other figures are shares of these, so they are measured the way nothing can beat: registers
 * only, and the fastest of all ways to copy (measure_copy.c).  Nothing is believed unless the
 * numbers come out right and twice the work takes about twice the time; else the limit is 0,
 * unknown.  Results are kept under the device's identity.  Kernels: kernels/probe.cl. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "device/device_internal.h"
#include "device/sealed.h"

extern const kerf__source kerf__source_probe;

/* Many short samples: on a busy machine some of them still have the cores to themselves. */
enum { SAMPLES = 40, MIN_MS = 2, MAX_ROUNDS = 1 << 23, LAUNCHES = 500 };

double kerf__measure_launch(kerf_device *dev, const kerf__launch *launch)
{
    double start = kerf__now_ms();
    if (kerf__launch_enqueue(launch) != KERF_OK || kerf_device_finish(dev) != KERF_OK)
        return -1;
    return kerf__now_ms() - start;
}

/* ---- multiply-adds --------------------------------------------------------------------- */

/* What one item does in a round, and how its result is checked. */
typedef struct chain {
    const char *entry;
    char options[128];
    int lanes, chains, lane_bytes;
    double operations; /* a lane, chain and round */
    int (*is_right)(const void *lane, int chains, int rounds);
    kerf__arg more[2]; /* behind dst and rounds */
    int num_more;
} chain;

static int float_is_right(const void *lane, int chains, int rounds)
{
    float value;
    memcpy(&value, lane, sizeof value);
    return value == (float)rounds + 0.5f * (float)(chains * (chains - 1));
}

/* Halves cannot count so far: with b = 0.5 and c = 1 every chain runs to 2 and the total is
 * 2 as well. */
static int half_is_right(const void *lane, int chains, int rounds)
{
    uint16_t bits;
    (void)chains;
    memcpy(&bits, lane, sizeof bits);
    return rounds < 64 || bits == 0x4000;
}

static int int_is_right(const void *lane, int chains, int rounds)
{
    int32_t value;
    memcpy(&value, lane, sizeof value);
    return value == 4 * rounds + chains * (chains - 1) / 2;
}

static kerf__grid chain_grid(const kerf_device *dev)
{
    size_t units = dev->info.compute_units > 0 ? dev->info.compute_units : 1;
    if (dev->info.type == KERF_DEVICE_CPU)
        return kerf__grid_wide(8 * units, 1, 1);
    return (kerf__grid){1, {32 * units, 1, 1}, {64, 1, 1}};
}

/* The fastest of some runs, checked; negative if it failed or the numbers are wrong. */
static double time_chain(kerf_device *dev, const chain *c, kerf__buffer *dst, void *host,
                         int rounds, int samples)
{
    kerf__launch *launch = NULL;
    kerf__arg args[4] = {ARG(dst), ARG(rounds), c->more[0], c->more[1]};
    double best = -1;
    if (kerf__launch_create(&launch, dev, &kerf__source_probe, c->entry, c->options, args,
                            2 + c->num_more, chain_grid(dev)) != KERF_OK)
        return -1;
    for (int i = 0; i < samples; i++) {
        double ms = kerf__measure_launch(dev, launch);
        best = best < 0 || ms < best ? ms : best;
        if (ms < 0)
            break;
    }
    kerf__launch_destroy(launch);
    size_t bytes = kerf__buffer_size_bytes(dst);
    if (best < 0 || kerf__buffer_read(dst, 0, host, bytes) != KERF_OK)
        return -1;
    for (size_t i = 0; i < bytes; i += (size_t)c->lane_bytes)
        if (!c->is_right((const char *)host + i, c->chains, rounds))
            return -1;
    return best;
}

/* Operations a nanosecond, 0 if they cannot be told. */
static double rate_on(kerf_device *dev, const chain *c, kerf__buffer *dst, void *host)
{
    double lanes = (double)kerf__buffer_size_bytes(dst) / c->lane_bytes;
    int rounds = 1024;
    double ms = time_chain(dev, c, dst, host, rounds, 2);
    while (ms >= 0 && ms < MIN_MS && rounds < MAX_ROUNDS / 2) {
        rounds *= 2;
        ms = time_chain(dev, c, dst, host, rounds, 1);
    }
    for (int attempt = 0; attempt < 5 && ms >= 0; attempt++) {
        double once = time_chain(dev, c, dst, host, rounds, SAMPLES);
        double twice = time_chain(dev, c, dst, host, 2 * rounds, SAMPLES);
        if (once > 0 && twice > 1.6 * once && twice < 2.5 * once)
            return lanes * c->chains * 2.0 * rounds * c->operations / (twice * 1e6);
    }
    return 0;
}

static double rate(kerf_device *dev, const chain *c)
{
    kerf__grid grid = chain_grid(dev);
    size_t bytes = grid.groups[0] * grid.group[0] * (size_t)(c->lanes * c->lane_bytes);
    kerf__buffer *dst = NULL;
    void *host = kerf__alloc(bytes, 1);
    double result = 0;
    if (host != NULL && kerf__buffer_create(&dst, dev, bytes) == KERF_OK)
        result = rate_on(dev, c, dst, host);
    kerf__buffer_destroy(dst);
    free(host);
    return result;
}

/* As many chains as the registers of the usual CPUs hold: 32 of AVX-512, 16 of AVX. */
static void set_float_chain(const kerf_device *dev, chain *c, const char *element)
{
    int cpu = dev->info.type == KERF_DEVICE_CPU, floats = dev->info.features.vector_floats;
    c->lanes = cpu ? 16 : 4;
    c->chains = !cpu ? 4 : floats >= 16 ? 12 : floats >= 8 ? 6 : 3;
    snprintf(c->options, sizeof c->options,
             "-DPROBE_VECTOR=%s%d -DPROBE_CHAINS=%d -DPROBE_MULTIPLY_ADD=%s%s", element, c->lanes,
             c->chains, dev->has_fma ? "fma" : "mad",
             strcmp(element, "half") == 0 ? " -DPROBE_HALF" : "");
}

static double rate_f32(kerf_device *dev)
{
    chain c = {.entry = "probe_multiply_add",
               .lane_bytes = 4,
               .operations = 2,
               .is_right = float_is_right,
               .more = {kerf__arg_float(1), kerf__arg_float(1)},
               .num_more = 2};
    set_float_chain(dev, &c, "float");
    return rate(dev, &c);
}

static double rate_f16(kerf_device *dev)
{
    chain c = {.entry = "probe_multiply_add",
               .lane_bytes = 2,
               .operations = 2,
               .is_right = half_is_right,
               .more = {kerf__arg_float(0.5f), kerf__arg_float(1)},
               .num_more = 2};
    set_float_chain(dev, &c, "half");
    return dev->info.features.f16 ? rate(dev, &c) : 0;
}

static double rate_int8(kerf_device *dev)
{
    chain c = {.entry = "probe_multiply_add_x86",
               .options = "-DPROBE_DOT_X86",
               .lanes = 16,
               .chains = 12,
               .lane_bytes = 4,
               .operations = 8,
               .is_right = int_is_right,
               .more = {kerf__arg_int(0x01010101)},
               .num_more = 1};
    return dev->info.features.dot_x86 ? rate(dev, &c) : 0;
}

/* ---- launching ------------------------------------------------------------------------- */

/* Microseconds a launch, many back to back. */
static double launch_cost(kerf_device *dev)
{
    kerf__buffer *dst = NULL;
    kerf__launch *launch = NULL;
    double best = INFINITY;
    kerf_status status = kerf__buffer_create(&dst, dev, 64);
    if (status == KERF_OK)
        status = kerf__launch_create(&launch, dev, &kerf__source_probe, "probe_nothing", "",
                                     KERF__ARGS(ARG(dst), ARG(0)), kerf__grid_wide(1, 1, 1));
    for (int i = 0; i < SAMPLES && status == KERF_OK; i++) {
        double start = kerf__now_ms();
        for (int j = 0; j < LAUNCHES && status == KERF_OK; j++)
            status = kerf__launch_enqueue(launch);
        if (status == KERF_OK)
            status = kerf_device_finish(dev);
        best = fmin(best, kerf__now_ms() - start);
    }
    kerf__launch_destroy(launch);
    kerf__buffer_destroy(dst);
    return status == KERF_OK && isfinite(best) ? best * 1e3 / LAUNCHES : 0;
}

/* ---- kept on disk ---------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t offset;
    double (*measure)(kerf_device *dev);
} PEAKS[] = {
    {"f32_gflops", offsetof(kerf_device_peaks, f32_gflops), rate_f32},
    {"f16_gflops", offsetof(kerf_device_peaks, f16_gflops), rate_f16},
    {"int8_gops", offsetof(kerf_device_peaks, int8_gops), rate_int8},
    {"copy_gbps", offsetof(kerf_device_peaks, copy_gbps), kerf__measure_copy},
    {"launch_us", offsetof(kerf_device_peaks, launch_us), launch_cost},
};
enum { NUM_PEAKS = sizeof PEAKS / sizeof PEAKS[0] };

static double *peak(kerf_device_peaks *peaks, int i)
{
    return (double *)((char *)peaks + PEAKS[i].offset);
}

static int read_peaks(const kerf_device *dev, kerf_device_peaks *peaks)
{
    json_t *file = kerf__sealed_load("peaks", dev->info.id);
    int good = file != NULL;
    for (int i = 0; i < NUM_PEAKS && good; i++) {
        const json_t *value = json_object_get(file, PEAKS[i].name);
        *peak(peaks, i) = json_number_value(value);
        good = json_is_number(value) && *peak(peaks, i) >= 0;
    }
    json_decref(file);
    return good;
}

static void write_peaks(const kerf_device *dev, kerf_device_peaks *peaks)
{
    json_t *file = json_object();
    for (int i = 0; i < NUM_PEAKS; i++)
        json_object_set_new(file, PEAKS[i].name, json_real(*peak(peaks, i)));
    if (file != NULL)
        kerf__sealed_save("peaks", dev->info.id, file);
    json_decref(file);
}

kerf_status kerf_device_measure(kerf_device *dev, kerf_device_peaks *peaks)
{
    kerf_device_peaks found = {0};
    kerf__message kept = kerf__message_keep();
    if (!read_peaks(dev, &found)) {
        for (int i = 0; i < NUM_PEAKS; i++)
            *peak(&found, i) = PEAKS[i].measure(dev);
        if (found.f32_gflops > 0 && found.copy_gbps > 0) /* else the machine was too busy */
            write_peaks(dev, &found);
    }
    kerf__message_put_back(&kept);
    *peaks = found;
    return kerf_device_finish(dev);
}
