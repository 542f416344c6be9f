/* sparse_loads.c -- what bounds a sparse convolution: loads that lie anywhere.
 *
 * For each non-zero a kernel multiplies and adds NV vectors of src, one load each, so multiply-adds
 * are no bound for it.  Here an item does nothing else: rows of 32 entries, each with an offset
 * into a band that fits the first cache; no channels, no copying, nothing is finished.  Loads at
 * any float, at whole vectors, and at any float but used by four rows, as in blocks of four output
 * channels.  Each beside the multiply-add limit, in turns; shares are the median of 15 pairs.
 *
 *     tests/device_run.sh pocl build/release/tests/sparse_loads */
#include "bench.h"
#include "limits/limits.h"

enum { PAIRS = 15, V = 16, ENTRIES = 32, ROWS = 1024, ITEMS_A_CORE = 8, MOST_VECTORS = 16 };

/* clang-format off */
static const kerf__source SOURCE = {"sparse_loads",
"kernel void sparse_loads(global const int *offsets, global const float *values,\n"
"                         global float *dst, local float *band, int floats, int rows)\n"
"{\n"
"    dst += get_global_id(0) * SHARE * NV * 16;\n"
"    for (int i = 0; i < floats; i++)\n"
"        band[i] = 0.0f;\n"
"    for (int r = 0; r < rows; r++) {\n"
"        float16 acc[SHARE * NV];\n"
"#pragma unroll\n"
"        for (int v = 0; v < SHARE * NV; v++)\n"
"            acc[v] = (float16)(0.0f);\n"
"        for (int i = r * 32; i < r * 32 + 32; i++) {\n"
"            local const float *x = band + offsets[i];\n"
"#pragma unroll\n"
"            for (int v = 0; v < NV; v++)\n"
"#pragma unroll\n"
"                for (int s = 0; s < SHARE; s++)\n"
"                    acc[s * NV + v] =\n"
"                        fma((float16)(values[i + s]), vload16(v, x), acc[s * NV + v]);\n"
"        }\n"
"#pragma unroll\n"
"        for (int v = 0; v < SHARE * NV; v++)\n"
"            vstore16(acc[v], v, dst);\n"
"    }\n"
"}\n"};
/* clang-format on */

static const struct order {
    const char *name, *options;
    int vectors, share;
    unsigned align; /* floats */
} ORDERS[] = {
    {"11 vectors, anywhere", "-DNV=11 -DSHARE=1", 11, 1, 1},
    {"11 vectors, aligned", "-DNV=11 -DSHARE=1", 11, 1, V},
    {"4 vectors, anywhere", "-DNV=4 -DSHARE=1", 4, 1, 1},
    {"4 vectors, aligned", "-DNV=4 -DSHARE=1", 4, 1, V},
    {"5 vectors for 4 rows, anywhere", "-DNV=5 -DSHARE=4", 5, 4, 1},
};

typedef struct data {
    kerf_device *dev;
    kerf__buffer *offsets, *values, *dst; /* owned */
    int floats;                           /* of the band */
} data;

static void write_offsets(const data *d, const struct order *o)
{
    static int offsets[ROWS * ENTRIES];
    uint32_t random = 1;
    for (int i = 0; i < ROWS * ENTRIES; i++) {
        random = random * 1664525u + 1013904223u;
        offsets[i] =
            (int)((random >> 8) % (unsigned)(d->floats - MOST_VECTORS * V) / o->align * o->align);
    }
    bench_ok(kerf__buffer_write(d->offsets, 0, offsets, sizeof offsets));
}

static void time_order(const data *d, const limits *l, const struct order *o)
{
    double share[PAIRS];
    const size_t items = ITEMS_A_CORE * (size_t)kerf_device_get_info(d->dev)->compute_units;
    const double operations = 2.0 * V * o->vectors * o->share * ENTRIES * ROWS * (double)items;
    kerf__launch *launch;
    write_offsets(d, o);
    bench_ok(kerf__launch_create(&launch, d->dev, &SOURCE, "sparse_loads", o->options,
                                 KERF__ARGS(ARG(d->offsets), ARG(d->values), ARG(d->dst),
                                            kerf__arg_local(sizeof(float) * (size_t)d->floats),
                                            ARG(d->floats), ARG((int)ROWS)),
                                 kerf__grid_wide(items, 1, 1)));
    bench_sample_ms(d->dev, limits_body, launch, 1);
    for (int i = 0; i < PAIRS; i++) {
        const double ms = bench_sample_ms(d->dev, limits_body, launch, 1);
        share[i] = 1e-6 * operations / ms / limits_rate(l);
    }
    qsort(share, PAIRS, sizeof share[0], bench_order);
    printf("%s,%.2f,%.2f,%.2f\n", o->name, share[PAIRS / 2], share[3], share[PAIRS - 4]);
    kerf__launch_destroy(launch);
}

int main(void)
{
    enum { OPERATIONS = 1 << 28, VALUES = ROWS * ENTRIES + 4, DST = 1 << 20 };
    data d = {.floats = 19 * 256};
    limits l;
    bench_ok(kerf_device_open(&d.dev, NULL));
    limits_open(&l, d.dev, LIMITS_MULTIPLY_ADD, OPERATIONS);
    bench_ok(kerf__buffer_create(&d.offsets, d.dev, sizeof(int) * ROWS * ENTRIES));
    bench_ok(kerf__buffer_create(&d.values, d.dev, sizeof(float) * VALUES));
    bench_ok(kerf__buffer_create(&d.dst, d.dev, DST));
    bench_ok(kerf__buffer_fill_zero(d.values, 0, sizeof(float) * VALUES));
    printf("%s\nloads,share of multiply-adds,low,high\n", kerf_device_name(d.dev));
    for (size_t i = 0; i < sizeof ORDERS / sizeof ORDERS[0]; i++)
        time_order(&d, &l, &ORDERS[i]);
    kerf__buffer_destroy(d.offsets);
    kerf__buffer_destroy(d.values);
    kerf__buffer_destroy(d.dst);
    limits_close(&l);
    kerf_device_close(d.dev);
    return 0;
}
