/* soft_targets.c -- what bounds the loss by soft targets (kernels/distillation_loss.cl): reading
 * the logits of two networks and writing a gradient, row by row, with so many exponentials an
 * element and nothing else but what joins them.
 *
 * exps 0 is a copy in rows.  kept: numbers go through local memory, as they must where a row's sums
 * are needed before its gradient can be written.  Beside each, in turns, is copying at its best;
 * shares are the median of 15 pairs, in bytes read and written a second.
 *
 *     tests/device_run.sh pocl build/release/tests/soft_targets */
#include "bench.h"
#include "limits/limits.h"

enum { PAIRS = 15, ROWS = 4096, CLASSES = 1008 };

/* clang-format off */
/* The exponential is that of kernels/exp.clh.  An item has whole rows, and asks for the next one. */
static const kerf__source SOURCE = {"soft_targets",
"static inline float16 raise(float16 x)\n"
"{\n"
"    const float16 magic = (float16)(12582912.0f), whole = x + magic, r = x - (whole - magic);\n"
"    float16 sum = fma(r, (float16)(0.00133002561f), (float16)(0.00966971833f));\n"
"    sum = fma(sum, r, (float16)(0.0555055998f));\n"
"    sum = fma(sum, r, (float16)(0.240222812f));\n"
"    sum = fma(sum, r, (float16)(0.693147182f));\n"
"    sum = fma(sum, r, (float16)(1.0f));\n"
"    return as_float16(as_int16(sum) + (as_int16(whole) << 23));\n"
"}\n"
"#define ASK(p, write) __builtin_prefetch((const void *)(size_t)(p), write)\n"
"kernel void soft(global const float *x, global const float *y, global float *dst,\n"
"                 local float *kept, uint k, uint rows)\n"
"{\n"
"    for (uint row = get_global_id(0) * rows; row < (get_global_id(0) + 1) * rows; row++) {\n"
"        const size_t at = (size_t)row * k;\n"
"        for (uint i = 0; i < k; i += 16) {\n"
"            ASK(x + at + k + i, 0);\n"
"            ASK(y + at + k + i, 0);\n"
"            ASK(dst + at + i, 1);\n"
"            float16 u = vload16(0, x + at + i), v = vload16(0, y + at + i);\n"
"            if (EXPS > 0)\n"
"                u = raise(u);\n"
"            if (EXPS > 1)\n"
"                v = raise(v);\n"
"#if KEPT\n"
"            vstore16(u, 0, kept + 2 * i);\n"
"            vstore16(v, 0, kept + 2 * i + 16);\n"
"        }\n"
"        for (uint i = 0; i < k; i += 16) {\n"
"            const float16 u = vload16(0, kept + 2 * i), v = vload16(0, kept + 2 * i + 16);\n"
"#endif\n"
"            vstore16(u - v, 0, dst + at + i);\n"
"        }\n"
"    }\n"
"}\n"};
/* clang-format on */

typedef struct matrices {
    kerf__buffer *x, *y, *dst;
} matrices;

static void time_one(const limits *copy, const matrices *m, int exps, int kept)
{
    char options[64];
    double share[PAIRS], ms[PAIRS];
    kerf__launch *launch;
    const unsigned rows = 16;
    const double bytes = 3.0 * ROWS * CLASSES * sizeof(float);
    snprintf(options, sizeof options, "-DEXPS=%d -DKEPT=%d", exps, kept);
    bench_ok(
        kerf__launch_create(&launch, copy->dev, &SOURCE, "soft", options,
                            KERF__ARGS(ARG(m->x), ARG(m->y), ARG(m->dst),
                                       kerf__arg_local(kept ? 2 * CLASSES * sizeof(float) : 64),
                                       ARG((unsigned)CLASSES), ARG(rows)),
                            kerf__grid_wide(ROWS / rows, 1, 1)));
    bench_sample_ms(copy->dev, limits_body, launch, 1);
    for (int i = 0; i < PAIRS; i++) {
        ms[i] = bench_sample_ms(copy->dev, limits_body, launch, 1);
        share[i] = 1e-6 * bytes / ms[i] / limits_rate(copy);
    }
    qsort(ms, PAIRS, sizeof ms[0], bench_order);
    qsort(share, PAIRS, sizeof share[0], bench_order);
    printf("%d,%s,%.3f,%.2f,%.2f,%.2f\n", exps, kept ? "kept" : "at once", ms[PAIRS / 2],
           share[PAIRS / 2], share[3], share[PAIRS - 4]);
    fflush(stdout);
    kerf__launch_destroy(launch);
}

static void open_matrix(kerf__buffer **out, kerf_device *dev)
{
    const size_t bytes =
        (size_t)(ROWS + 1) * CLASSES * sizeof(float); /* a row is asked for beyond */
    bench_ok(kerf__buffer_create(out, dev, bytes));
    bench_ok(kerf__buffer_fill_zero(*out, 0, bytes));
}

int main(void)
{
    kerf_device *dev;
    limits copy;
    matrices m;
    bench_ok(kerf_device_open(&dev, NULL));
    limits_open(&copy, dev, LIMITS_COPY, 2.0 * (32 << 20));
    open_matrix(&m.x, dev);
    open_matrix(&m.y, dev);
    open_matrix(&m.dst, dev);
    printf("%s\nexps,sums first,ms,share of copying,low,high\n", kerf_device_name(dev));
    for (int kept = 0; kept < 2; kept++)
        for (int exps = 0; exps < 3; exps++)
            time_one(&copy, &m, exps, kept);
    kerf__buffer_destroy(m.x);
    kerf__buffer_destroy(m.y);
    kerf__buffer_destroy(m.dst);
    limits_close(&copy);
    kerf_device_close(dev);
    return 0;
}
