/* limits.h -- what a device can do at best, to be timed in turns with what is measured.
 *
 *     limits l;
 *     limits_open(&l, dev, LIMITS_COPY, bytes);
 *     double best = limits_rate(&l);      one sample: the fastest way, in units a nanosecond
 *
 * A machine's memory is shared and its speed changes within seconds, so a share of a limit that
 * was measured before means nothing: limits_rate is called beside every sample.  There are
 * several ways to each limit, and the fastest counts:
 *
 *   copy           bytes read and written: memcpy on all cores, a copy kernel, one whose stores
 *                  pass the caches by, each by neighbouring items and by items of a long piece
 *   read           bytes read: sums by items of one long piece each, and of neighbouring vectors
 *   multiply-adds  operations: independent chains in registers */
#ifndef KERF_BENCH_LIMITS_H
#define KERF_BENCH_LIMITS_H

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "bench.h"
#include "device/launch.h"

typedef enum limits_kind { LIMITS_COPY, LIMITS_READ, LIMITS_MULTIPLY_ADD } limits_kind;

enum { LIMITS_WAYS = 4, LIMITS_THREADS = 64 };

typedef struct limits {
    kerf_device *dev; /* borrowed */
    limits_kind kind;
    double units;                      /* of a sample: bytes or operations */
    kerf__buffer *src, *dst;           /* owned */
    kerf__launch *launch[LIMITS_WAYS]; /* owned; NULL where the device does not have that way */
    char *host;                        /* owned; for memcpy, NULL on other devices than CPUs */
    size_t bytes;
} limits;

/* clang-format off */
static const kerf__source LIMITS_SOURCE = {"limits",
"kernel void limits_copy(global const float *src, global float *dst, uint num, uint piece,\n"
"                        uint step)\n"
"{\n"
"    src += get_global_id(0) * piece * 16;\n"
"    dst += get_global_id(0) * piece * 16;\n"
"    for (uint i = 0; i < num; i++) {\n"
"        const float16 x = vload16((size_t)i * step, src);\n"
"#ifdef STREAM\n"
"        __builtin_nontemporal_store(x, (global float16 *)dst + (size_t)i * step);\n"
"#else\n"
"        vstore16(x, (size_t)i * step, dst);\n"
"#endif\n"
"    }\n"
"}\n"
/* Item i has vectors i * piece and on, `step` apart. */
"kernel void limits_read(global const float *src, global float *dst, uint num, uint piece,\n"
"                        uint step)\n"
"{\n"
"    float16 a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;\n"
"    src += get_global_id(0) * piece * 16;\n"
"    for (uint i = 0; i + 4u <= num; i += 4u) {\n"
"        a += vload16((size_t)i * step, src);\n"
"        b += vload16((size_t)(i + 1u) * step, src);\n"
"        c += vload16((size_t)(i + 2u) * step, src);\n"
"        d += vload16((size_t)(i + 3u) * step, src);\n"
"    }\n"
"    vstore16(a + b + c + d, get_global_id(0), dst);\n"
"}\n"
"#ifndef CHAINS\n"
"#define CHAINS 12\n"
"#endif\n"
"kernel void limits_multiply_add(global float *dst, uint rounds, float b, float c)\n"
"{\n"
"    float16 a[CHAINS], total = 0.0f;\n"
"#pragma unroll\n"
"    for (int i = 0; i < CHAINS; i++)\n"
"        a[i] = (float16)(i);\n"
"    for (uint r = 0; r < rounds; r++) {\n"
"#pragma unroll\n"
"        for (int i = 0; i < CHAINS; i++)\n"
"            a[i] = fma(a[i], (float16)(b), (float16)(c));\n"
"    }\n"
"#pragma unroll\n"
"    for (int i = 0; i < CHAINS; i++)\n"
"        total += a[i];\n"
"    vstore16(total, get_global_id(0), dst);\n"
"}\n"};
/* clang-format on */

static inline int limits_on_cpu(const limits *l)
{
    return kerf_device_get_info(l->dev)->type == KERF_DEVICE_CPU;
}

/* A way that does not build (a compiler without that builtin) is left out. */
static inline void limits_add(limits *l, int way, const char *entry, const char *options,
                              const kerf__arg *args, int num_args, kerf__grid grid)
{
    if (kerf__launch_create(&l->launch[way], l->dev, &LIMITS_SOURCE, entry, options, args, num_args,
                            grid) != KERF_OK)
        l->launch[way] = NULL;
}

/* `items` of num vectors each, one piece an item on CPU devices, else neighbours together. */
static inline void limits_add_walk(limits *l, int way, const char *entry, const char *options,
                                   size_t items)
{
    const int together = limits_on_cpu(l) && items < l->bytes / 64;
    const size_t group = together ? 1 : 64;
    const unsigned num = (unsigned)(l->bytes / 64 / items);
    limits_add(l, way, entry, options,
               KERF__ARGS(ARG(l->src), ARG(l->dst), ARG(num), ARG(together ? num : 1u),
                          ARG(together ? 1u : (unsigned)items)),
               (kerf__grid){1, {items / group, 1, 1}, {group, 1, 1}});
}

static inline void limits_add_copies(limits *l)
{
    const size_t vectors = l->bytes / 64;
    for (int i = 0; i < 4; i++)
        limits_add_walk(l, i, "limits_copy", i % 2 != 0 ? "-DSTREAM" : "",
                        i < 2 ? vectors : vectors / 512);
    if (!limits_on_cpu(l))
        return;
    l->host = malloc(2 * l->bytes);
    if (l->host != NULL)
        memset(l->host, 1, 2 * l->bytes); /* pages that were never written to are one page */
}

static inline void limits_add_reads(limits *l)
{
    const size_t vectors = l->bytes / 64;
    for (int i = 0; i < 4; i++)
        limits_add_walk(l, i, "limits_read", "", vectors / (256u << 2 * i));
}

static inline void limits_add_chains(limits *l)
{
    enum { CHAINS = 12 };
    const kerf_device_info *info = kerf_device_get_info(l->dev);
    const size_t items = 8 * (size_t)info->compute_units * (limits_on_cpu(l) ? 1 : 256);
    const double a_round = 2.0 * 16 * CHAINS * (double)items;
    const unsigned rounds = (unsigned)ceil(l->units / a_round);
    l->units = rounds * a_round;
    limits_add(l, 0, "limits_multiply_add",
               info->features.vector_floats < 16 ? "-DCHAINS=6" : "-DCHAINS=12",
               KERF__ARGS(ARG(l->dst), ARG(rounds), ARG(1.0f), ARG(1.0f)),
               kerf__grid_wide(items, 1, 1));
    if (info->features.vector_floats < 16)
        l->units /= 2;
}

/* units: bytes to copy (half of them read) or to read, or operations: about so many a sample. */
static inline void limits_open(limits *l, kerf_device *dev, limits_kind kind, double units)
{
    *l = (limits){.dev = dev, .kind = kind, .units = units};
    l->bytes = kind == LIMITS_COPY ? (size_t)(units / 2) : kind == LIMITS_READ ? (size_t)units : 0;
    l->bytes = (l->bytes + 65535) / 65536 * 65536;
    bench_ok(kerf__buffer_create(&l->src, dev, l->bytes));
    bench_ok(kerf__buffer_create(&l->dst, dev, kind == LIMITS_COPY ? l->bytes : 1 << 22));
    bench_ok(kerf__buffer_fill_zero(l->src, 0, l->bytes));
    if (kind == LIMITS_MULTIPLY_ADD) {
        limits_add_chains(l);
        return;
    }
    l->units = (double)l->bytes * (kind == LIMITS_COPY ? 2 : 1);
    if (kind == LIMITS_COPY)
        limits_add_copies(l);
    else
        limits_add_reads(l);
}

static inline void limits_close(limits *l)
{
    for (int i = 0; i < LIMITS_WAYS; i++)
        kerf__launch_destroy(l->launch[i]);
    kerf__buffer_destroy(l->src);
    kerf__buffer_destroy(l->dst);
    free(l->host);
}

typedef struct limits_piece {
    char *dst;
    const char *src;
    size_t bytes;
} limits_piece;

static inline void *limits_copy_piece(void *argument)
{
    const limits_piece *p = argument;
    memcpy(p->dst, p->src, p->bytes);
    return NULL;
}

/* Milliseconds of memcpy on all cores. */
static inline double limits_memcpy_ms(const limits *l)
{
    pthread_t threads[LIMITS_THREADS];
    limits_piece pieces[LIMITS_THREADS];
    size_t num = kerf_device_get_info(l->dev)->compute_units, started = 0;
    num = num < LIMITS_THREADS ? num : LIMITS_THREADS;
    const size_t share = l->bytes / num / 64 * 64;
    const double start = kerf__now_ms();
    for (size_t i = 0; i < num; i++)
        pieces[i] = (limits_piece){l->host + l->bytes + i * share, l->host + i * share,
                                   i + 1 < num ? share : l->bytes - i * share};
    while (started + 1 < num &&
           pthread_create(&threads[started], NULL, limits_copy_piece, &pieces[started]) == 0)
        started++;
    for (size_t i = started; i < num; i++)
        limits_copy_piece(&pieces[i]);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return kerf__now_ms() - start;
}

static inline kerf_status limits_body(void *launch)
{
    return kerf__launch_enqueue(launch);
}

/* Units a nanosecond of the way that is fastest now. */
static inline double limits_rate(const limits *l)
{
    double best = INFINITY;
    for (int i = 0; i < LIMITS_WAYS; i++)
        if (l->launch[i] != NULL)
            best = fmin(best, bench_sample_ms(l->dev, limits_body, l->launch[i], 1));
    if (l->host != NULL)
        best = fmin(best, limits_memcpy_ms(l));
    return 1e-6 * l->units / best;
}

#endif
