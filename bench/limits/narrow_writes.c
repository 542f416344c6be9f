/* narrow_writes.c -- what bounds a kernel that reads floats and writes few bytes for each, as
 * QuantizeLinear does: copying is no bound for it, as it writes less than it reads.
 *
 * Each order reads a tensor of 64 MiB and writes 1 line of 64 bytes for K that it read, the
 * exclusive or of these: no formula costs less.  K = 1 is a copy, 4 is to uint8, 8 to int4, 16 to
 * int2.  Beside each, in turns, are copying and reading at their best; shares are the median of 15
 * pairs, in bytes read and written a second.
 *
 *     tests/device_run.sh pocl build/release/tests/narrow_writes [K] */
#include "bench.h"
#include "limits/limits.h"

enum { PAIRS = 15, LINE = 64 };

/* clang-format off */
/* An item has a piece of `lines` written lines, in SIDE streams side by side.  AHEAD: lines that
 * are asked for before they are read. */
static const kerf__source SOURCE = {"narrow_writes",
"kernel void narrow(global const int *src, global int *dst, uint lines)\n"
"{\n"
"    src += get_global_id(0) * lines * K * 16;\n"
"    dst += get_global_id(0) * lines * 16;\n"
"    for (uint i = 0; i < lines / SIDE; i++) {\n"
"#pragma unroll\n"
"        for (uint s = 0; s < SIDE; s++) {\n"
"            const uint line = s * (lines / SIDE) + i;\n"
"            int16 x = 0;\n"
"#pragma unroll\n"
"            for (uint k = 0; k < K; k++) {\n"
"                x ^= vload16(line * K + k, src);\n"
"#if AHEAD > 0\n"
"                __builtin_prefetch((const void *)(size_t)(src + (line * K + k + AHEAD) * 16));\n"
"#endif\n"
"            }\n"
"#ifdef STREAM\n"
"            __builtin_nontemporal_store(x, (global int16 *)dst + line);\n"
"#else\n"
"            vstore16(x, line, dst);\n"
"#endif\n"
"        }\n"
"    }\n"
"}\n"};
/* clang-format on */

static const struct order {
    const char *name, *options;
    size_t items; /* a core */
} ORDERS[] = {
    {"plain stores", "-DSIDE=1 -DAHEAD=0", 8},
    {"streaming stores", "-DSIDE=1 -DAHEAD=0 -DSTREAM", 8},
    {"pieces of 64 KiB", "-DSIDE=1 -DAHEAD=0 -DSTREAM", 512},
    {"2 streams an item", "-DSIDE=2 -DAHEAD=0 -DSTREAM", 8},
    {"4 streams an item", "-DSIDE=4 -DAHEAD=0 -DSTREAM", 8},
    {"32 lines ahead", "-DSIDE=1 -DAHEAD=32 -DSTREAM", 8},
    {"128 lines ahead", "-DSIDE=1 -DAHEAD=128 -DSTREAM", 8},
    {"2 streams, 32 ahead", "-DSIDE=2 -DAHEAD=32 -DSTREAM", 8},
};

static void time_order(const limits *copy, const limits *read, const struct order *o, unsigned k)
{
    char options[96];
    double of_copy[PAIRS], of_read[PAIRS], ms[PAIRS];
    kerf__launch *launch;
    const size_t items = o->items * (size_t)kerf_device_get_info(copy->dev)->compute_units;
    const double bytes = (double)copy->bytes * (1 + 1.0 / k);
    snprintf(options, sizeof options, "-DK=%u %s", k, o->options);
    bench_ok(kerf__launch_create(
        &launch, copy->dev, &SOURCE, "narrow", options,
        KERF__ARGS(ARG(copy->src), ARG(copy->dst), ARG((unsigned)(copy->bytes / LINE / k / items))),
        kerf__grid_wide(items, 1, 1)));
    bench_sample_ms(copy->dev, limits_body, launch, 1);
    for (int i = 0; i < PAIRS; i++) {
        ms[i] = bench_sample_ms(copy->dev, limits_body, launch, 1);
        of_copy[i] = 1e-6 * bytes / ms[i] / limits_rate(copy);
        ms[i] = bench_sample_ms(copy->dev, limits_body, launch, 1);
        of_read[i] = 1e-6 * (double)copy->bytes / ms[i] / limits_rate(read);
    }
    qsort(ms, PAIRS, sizeof ms[0], bench_order);
    qsort(of_copy, PAIRS, sizeof ms[0], bench_order);
    qsort(of_read, PAIRS, sizeof ms[0], bench_order);
    printf("%u,%s,%.3f,%.2f,%.2f,%.2f,%.2f\n", k, o->name, ms[PAIRS / 2], of_copy[PAIRS / 2],
           of_copy[3], of_copy[PAIRS - 4], of_read[PAIRS / 2]);
    fflush(stdout);
    kerf__launch_destroy(launch);
}

int main(int argc, char **argv)
{
    static const unsigned RATIOS[] = {1, 4, 8, 16};
    enum { BYTES = 64 << 20 };
    kerf_device *dev;
    limits copy, read;
    bench_ok(kerf_device_open(&dev, NULL));
    limits_open(&copy, dev, LIMITS_COPY, 2.0 * BYTES);
    limits_open(&read, dev, LIMITS_READ, BYTES);
    printf(
        "%s\nread for 1 written,order,ms,share of copying,low,high,of what reading alone reads\n",
        kerf_device_name(dev));
    for (size_t r = 0; r < sizeof RATIOS / sizeof RATIOS[0]; r++)
        for (size_t i = 0; i < sizeof ORDERS / sizeof ORDERS[0]; i++)
            if (argc < 2 || strtoul(argv[1], NULL, 10) == RATIOS[r])
                time_order(&copy, &read, &ORDERS[i], RATIOS[r]);
    limits_close(&copy);
    limits_close(&read);
    kerf_device_close(dev);
    return 0;
}
