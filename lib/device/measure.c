/* device/measure.c -- a device's limits: multiply-adds, copying, launching.
 *
 * Other figures are shares of these, so they are measured the way nothing can beat: registers
 * only, and the fastest of all ways to copy.  Nothing is believed unless the numbers come out
 * right and twice the work takes about twice the time; else the limit is 0, unknown.  Results
 * are kept under the device's identity.  Kernels: kernels/probe.cl. */
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "device/device_internal.h"

extern const kerf__source kerf__source_probe;

enum {
    SAMPLES = 40,
    COPY_SAMPLES = 9,
    MIN_MS = 2,
    MAX_ROUNDS = 1 << 23,
    COPY_BYTES = 128 << 20,
    LAUNCHES = 500
};

/* Many short samples: on a busy machine some of them still have the cores to themselves. */

/* Time of one enqueue and finish; negative if that failed. */
static double time_launch(kerf_device *dev, const kerf__launch *launch)
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
    return value == (float)rounds + (float)(chains * (chains - 1) / 2);
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
        double ms = time_launch(dev, launch);
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
    for (int attempt = 0; attempt < 3 && ms >= 0; attempt++) {
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

/* ---- copying --------------------------------------------------------------------------- */

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
    kerf__launch *kernels[2]; /* owned; plain and streaming, NULL where it does not build */
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
    kerf_status streaming =
        kerf__launch_create(&c->kernels[1], dev, &kerf__source_probe, "probe_copy_stream",
                            "-DPROBE_STREAM", KERF__ARGS(ARG(c->src), ARG(c->dst)), grid);
    (void)streaming; /* a compiler without that builtin */
    return KERF_OK;
}

/* Interleaved, so that all ways meet the same state of the machine. */
static double fastest_copy(kerf_device *dev, copies *c)
{
    double best = INFINITY;
    for (int i = 0; i < COPY_SAMPLES; i++) {
        for (int k = 0; k < 2; k++) {
            double ms = c->kernels[k] != NULL ? time_launch(dev, c->kernels[k]) : -1;
            best = i > 0 && ms > 0 && ms < best ? ms : best; /* the first round compiles */
        }
        if (dev->info.type != KERF_DEVICE_CPU)
            continue;
        double ms = time_memcpy(dev, c->host + c->bytes, c->host, c->bytes);
        best = i > 0 && ms < best ? ms : best;
    }
    return best;
}

static int copy_is_right(copies *c)
{
    char *got = c->host + c->bytes;
    memset(got, 0, c->bytes);
    return kerf__buffer_read(c->dst, 0, got, c->bytes) == KERF_OK &&
           memcmp(got, c->host, c->bytes) == 0;
}

/* Gigabytes read and written a second. */
static double rate_copy(kerf_device *dev)
{
    copies c = {.bytes = COPY_BYTES};
    while (c.bytes > dev->info.max_alloc_bytes / 4 || c.bytes > dev->info.global_bytes / 16)
        c.bytes /= 2;
    double result = 0;
    if (c.bytes >= 1 << 20 && create_copies(dev, &c) == KERF_OK) {
        double ms = fastest_copy(dev, &c);
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
    {"copy_gbps", offsetof(kerf_device_peaks, copy_gbps), rate_copy},
    {"launch_us", offsetof(kerf_device_peaks, launch_us), launch_cost},
};
enum { NUM_PEAKS = sizeof PEAKS / sizeof PEAKS[0] };

static double *peak(kerf_device_peaks *peaks, int i)
{
    return (double *)((char *)peaks + PEAKS[i].offset);
}

/* In fresh memory, or NULL where nothing is kept. */
static char *file_path(const kerf_device *dev, int make)
{
    char name[64];
    const char *cache = kerf_cache_dir();
    char *folder = *cache != '\0' ? kerf__path_join(cache, "peaks") : NULL;
    if (folder == NULL || (make && kerf__make_dirs(folder) != KERF_OK)) {
        free(folder);
        return NULL;
    }
    snprintf(name, sizeof name, "%s.json", dev->info.id);
    char *path = kerf__path_join(folder, name);
    free(folder);
    return path;
}

static int read_peaks(const kerf_device *dev, kerf_device_peaks *peaks)
{
    char *path = file_path(dev, 0);
    json_t *file = path != NULL ? json_load_file(path, 0, NULL) : NULL;
    const char *id = json_string_value(json_object_get(file, "id"));
    const char *version = json_string_value(json_object_get(file, "kerf"));
    int good = id != NULL && strcmp(id, dev->info.id) == 0 && version != NULL &&
               strcmp(version, kerf_version()) == 0;
    for (int i = 0; i < NUM_PEAKS && good; i++) {
        const json_t *value = json_object_get(file, PEAKS[i].name);
        *peak(peaks, i) = json_number_value(value);
        good = json_is_number(value) && *peak(peaks, i) >= 0;
    }
    json_decref(file);
    free(path);
    return good;
}

static void write_peaks(const kerf_device *dev, kerf_device_peaks *peaks)
{
    char *path = file_path(dev, 1);
    json_t *file = json_pack("{s:s, s:s}", "id", dev->info.id, "kerf", kerf_version());
    for (int i = 0; i < NUM_PEAKS; i++)
        json_object_set_new(file, PEAKS[i].name, json_real(*peak(peaks, i)));
    char *text = file != NULL ? json_dumps(file, JSON_INDENT(1)) : NULL;
    if (path != NULL && text != NULL) {
        kerf_status status = kerf__file_write(path, text, strlen(text));
        (void)status; /* then it is measured again next time */
    }
    free(text);
    json_decref(file);
    free(path);
}

kerf_status kerf_device_measure(kerf_device *dev, kerf_device_peaks *peaks)
{
    kerf_device_peaks found = {0};
    kerf__message kept = kerf__message_keep();
    if (!read_peaks(dev, &found)) {
        for (int i = 0; i < NUM_PEAKS; i++)
            *peak(&found, i) = PEAKS[i].measure(dev);
        write_peaks(dev, &found);
    }
    kerf__message_put_back(&kept);
    *peaks = found;
    return kerf_device_finish(dev);
}
