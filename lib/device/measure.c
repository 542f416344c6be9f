/* device/measure.c -- a device's limits: multiply-adds, copying, launching; measured, and kept.
 *
 * Other figures are shares of these, so they are measured the way nothing can beat: registers
 * only (measure_chain.c), and the fastest of all ways to copy (measure_copy.c).  Nothing is
 * believed unless the numbers come out right and twice the work takes twice the time; else the
 * limit is 0, unknown.  Kernels: kernels/probe.cl.
 *
 * Other work on the machine can only make a device look slower.  So the best that was ever seen
 * of each figure is kept, under the device's identity, and a measuring whose samples lie far
 * apart is not the last one: the next calls measure again. */
#include "device/measure.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "device/sealed.h"

/* A machine is quiet when the middle of the samples is within this of the best. */
#define MOST_UNREST 0.1
enum { MOST_MEASURINGS = 5, FEWEST_LAUNCHES = 20, LAUNCHES = 200, LAUNCH_BUDGET_MS = 60 };

/* ---- times ----------------------------------------------------------------------------- */

void kerf__times_add(kerf__times *times, double ms)
{
    times->best = times->num == 0 ? ms : fmin(times->best, ms);
    if (times->num < KERF__MOST_TIMES)
        times->ms[times->num++] = ms;
}

double kerf__times_best(const kerf__times *times)
{
    return times->num > 0 ? times->best : INFINITY;
}

static int compare_times(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void kerf__times_unrest(const kerf__times *times, double *unrest)
{
    kerf__times sorted = *times;
    if (times->num == 0)
        return;
    qsort(sorted.ms, (size_t)sorted.num, sizeof sorted.ms[0], compare_times);
    *unrest = fmax(*unrest, sorted.ms[sorted.num / 2] / times->best - 1);
}

double kerf__measure_launch(kerf_device *dev, const kerf__launch *launch)
{
    double start = kerf__now_ms();
    if (kerf__launch_enqueue(launch) != KERF_OK || kerf_device_finish(dev) != KERF_OK)
        return -1;
    return kerf__now_ms() - start;
}

/* ---- launching ------------------------------------------------------------------------- */

/* Milliseconds of `num` launches back to back, or a negative number. */
static double time_launches(kerf_device *dev, const kerf__launch *launch, int num)
{
    kerf_status status = KERF_OK;
    double start = kerf__now_ms();
    for (int i = 0; i < num && status == KERF_OK; i++)
        status = kerf__launch_enqueue(launch);
    return status == KERF_OK && kerf_device_finish(dev) == KERF_OK ? kerf__now_ms() - start : -1;
}

/* Microseconds a launch.  Where one takes long, few have to do. */
static double launch_cost_of(kerf_device *dev, const kerf__launch *launch)
{
    kerf__times times = {.num = 0};
    double start = kerf__now_ms(), ms = time_launches(dev, launch, FEWEST_LAUNCHES); /* compiles */
    ms = ms < 0 ? ms : time_launches(dev, launch, FEWEST_LAUNCHES);
    int num = ms > LAUNCH_BUDGET_MS / 10 ? FEWEST_LAUNCHES : LAUNCHES;
    do {
        if ((ms = time_launches(dev, launch, num)) < 0)
            return 0;
        kerf__times_add(&times, ms);
    } while (kerf__now_ms() - start < LAUNCH_BUDGET_MS);
    return kerf__times_best(&times) * 1e3 / num;
}

static double measure_launch_cost(kerf_device *dev, double *unrest)
{
    kerf__buffer *dst = NULL;
    kerf__launch *launch = NULL;
    double result = 0;
    (void)unrest; /* so short that something always comes between */
    if (kerf__buffer_create(&dst, dev, 64) == KERF_OK &&
        kerf__launch_create(&launch, dev, &kerf__source_probe, "probe_nothing", "",
                            KERF__ARGS(ARG(dst), ARG(0)), kerf__grid_wide(1, 1, 1)) == KERF_OK)
        result = launch_cost_of(dev, launch);
    kerf__launch_destroy(launch);
    kerf__buffer_destroy(dst);
    return result;
}

/* ---- all of them ----------------------------------------------------------------------- */

typedef struct record {
    kerf_device_peaks peaks;
    double unrest;  /* of the quietest measuring */
    int measurings; /* 0: none yet */
} record;

/* int8_gops is no row: it is the best of the dot products, which come behind these. */
static const struct {
    const char *name;
    size_t offset;
    double (*measure)(kerf_device *dev, double *unrest);
} PEAKS[] = {
    {"f32_gflops", offsetof(kerf_device_peaks, f32_gflops), kerf__measure_f32},
    {"f16_gflops", offsetof(kerf_device_peaks, f16_gflops), kerf__measure_f16},
    {"copy_gbps", offsetof(kerf_device_peaks, copy_gbps), kerf__measure_copy},
    {"launch_us", offsetof(kerf_device_peaks, launch_us), measure_launch_cost},
};
enum {
    NUM_PLAIN_PEAKS = sizeof PEAKS / sizeof PEAKS[0],
    NUM_PEAKS = NUM_PLAIN_PEAKS + KERF_NUM_DOTS * KERF_NUM_SIGNS
};

static double *peak(kerf_device_peaks *peaks, int i)
{
    return i < NUM_PLAIN_PEAKS ? (double *)((char *)peaks + PEAKS[i].offset)
                               : &peaks->dot_gops[0][0] + (i - NUM_PLAIN_PEAKS);
}

static const char *peak_name(int i, char name[32])
{
    int form = (i - NUM_PLAIN_PEAKS) / KERF_NUM_SIGNS,
        sign = (i - NUM_PLAIN_PEAKS) % KERF_NUM_SIGNS;
    if (i < NUM_PLAIN_PEAKS)
        return PEAKS[i].name;
    snprintf(name, 32, "%s_%s_gops", kerf_dot_name((kerf_dot)form),
             sign == KERF_S8S8 ? "s8s8" : "u8s8");
    return name;
}

static double measure_peak(kerf_device *dev, int i, double *unrest)
{
    int dot = i - NUM_PLAIN_PEAKS;
    return i < NUM_PLAIN_PEAKS ? PEAKS[i].measure(dev, unrest)
                               : kerf__measure_dot(dev, (kerf_dot)(dot / KERF_NUM_SIGNS),
                                                   dot % KERF_NUM_SIGNS, unrest);
}

/* The better of two, where 0 is unknown; a launch is better the less it costs. */
static double better(int i, double a, double b)
{
    int less = i < NUM_PLAIN_PEAKS && PEAKS[i].measure == measure_launch_cost;
    return a <= 0 ? b : b <= 0 ? a : less ? fmin(a, b) : fmax(a, b);
}

static void measure(kerf_device *dev, record *r)
{
    double unrest = 0;
    for (int i = 0; i < NUM_PEAKS; i++)
        *peak(&r->peaks, i) = better(i, *peak(&r->peaks, i), measure_peak(dev, i, &unrest));
    r->unrest = r->measurings == 0 ? unrest : fmin(r->unrest, unrest);
    r->measurings += r->measurings < MOST_MEASURINGS;
}

static int is_settled(const record *r)
{
    return r->measurings >= MOST_MEASURINGS || (r->measurings > 0 && r->unrest <= MOST_UNREST);
}

kerf_dot kerf_device_best_dot(const kerf_device_peaks *peaks, int sign)
{
    kerf_dot best = KERF_NUM_DOTS;
    for (int i = 0; i < KERF_NUM_DOTS; i++)
        if (peaks->dot_gops[i][sign] > 0 &&
            (best == KERF_NUM_DOTS || peaks->dot_gops[i][sign] > peaks->dot_gops[best][sign]))
            best = (kerf_dot)i;
    return best;
}

static void set_int8(kerf_device_peaks *peaks)
{
    peaks->int8_gops = 0;
    for (int sign = 0; sign < KERF_NUM_SIGNS; sign++) {
        kerf_dot best = kerf_device_best_dot(peaks, sign);
        if (best != KERF_NUM_DOTS)
            peaks->int8_gops = fmax(peaks->int8_gops, peaks->dot_gops[best][sign]);
    }
}

/* ---- kept on disk ---------------------------------------------------------------------- */

static int read_number(const json_t *file, const char *name, double *value)
{
    const json_t *number = json_object_get(file, name);
    *value = json_number_value(number);
    return json_is_number(number) && *value >= 0;
}

/* All or nothing. */
static void read_record(const kerf_device *dev, record *r)
{
    char name[32];
    double measurings = 0;
    json_t *file = kerf__sealed_load("peaks", dev->info.id);
    int good = file != NULL && read_number(file, "measurings", &measurings) &&
               measurings <= MOST_MEASURINGS && read_number(file, "unrest", &r->unrest);
    for (int i = 0; i < NUM_PEAKS && good; i++)
        good = read_number(file, peak_name(i, name), peak(&r->peaks, i));
    r->measurings = (int)measurings;
    if (!good)
        *r = (record){.measurings = 0};
    json_decref(file);
}

static void write_record(const kerf_device *dev, record *r)
{
    char name[32];
    json_t *file = json_pack("{s:i, s:f}", "measurings", r->measurings, "unrest", r->unrest);
    for (int i = 0; i < NUM_PEAKS && file != NULL; i++)
        json_object_set_new(file, peak_name(i, name), json_real(*peak(&r->peaks, i)));
    if (file != NULL)
        kerf__sealed_save("peaks", dev->info.id, file);
    json_decref(file);
}

static kerf_status measure_or_read(kerf_device *dev, kerf_device_peaks *peaks, int always)
{
    record r = {.measurings = 0};
    kerf__message kept = kerf__message_keep();
    read_record(dev, &r);
    if (always || !is_settled(&r)) {
        measure(dev, &r);
        write_record(dev, &r);
    }
    kerf__message_put_back(&kept);
    set_int8(&r.peaks);
    *peaks = r.peaks;
    return kerf_device_finish(dev);
}

kerf_status kerf_device_measure(kerf_device *dev, kerf_device_peaks *peaks)
{
    return measure_or_read(dev, peaks, 0);
}

kerf_status kerf_device_measure_again(kerf_device *dev, kerf_device_peaks *peaks)
{
    return measure_or_read(dev, peaks, 1);
}
