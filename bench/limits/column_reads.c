/* column_reads.c -- what bounds a sum over rows: the order in which a matrix is read.
 *
 * A sum of columns may read its matrix in many orders, and none is the order of the fastest
 * kernel that only reads.  This program times the orders themselves, without any formula: an item
 * has `width` columns of a part of the rows, `rows` rows at a time side by side, sums in its
 * cache (reduce_columns of kernels/reduce_lines.cl) or, `strip`, in registers down the rows.
 * Each beside the limit of reading, in turns; the share is the median of 15 pairs.
 *
 *     tests/device_run.sh pocl build/release/tests/column_reads [ROWS COLUMNS] */
#include "bench.h"
#include "limits/limits.h"

enum { PAIRS = 15, ITEMS_A_CORE = 8 };

/* clang-format off */
static const kerf__source SOURCE = {"column_reads",
"kernel void sums_in_cache(global const float *src, global float *dst, uint k, uint n, uint width)\n"
"{\n"
"    src += get_global_id(1) * k * n + get_global_id(0) * width;\n"
"    dst += get_global_id(1) * n + get_global_id(0) * width;\n"
"    for (uint i = 0; i < width; i += 16)\n"
"        vstore16((float16)(0.0f), 0, dst + i);\n"
"    for (uint r = 0; r < k; r += ROWS)\n"
"        for (uint i = 0; i < width; i += 16 * SIDE) {\n"
"            float16 sum[SIDE];\n"
"#pragma unroll\n"
"            for (uint v = 0; v < SIDE; v++)\n"
"                sum[v] = vload16(v, dst + i);\n"
"#pragma unroll\n"
"            for (uint j = 0; j < ROWS; j++)\n"
"#pragma unroll\n"
"                for (uint v = 0; v < SIDE; v++)\n"
"                    sum[v] += vload16(v, src + (size_t)(r + j) * n + i);\n"
"#pragma unroll\n"
"            for (uint v = 0; v < SIDE; v++)\n"
"                vstore16(sum[v], v, dst + i);\n"
"        }\n"
"}\n"
/* width is 64 ROWS: that many vectors of sums. */
"kernel void sums_in_registers(global const float *src, global float *dst, uint k, uint n, uint width)\n"
"{\n"
"    float16 sum[4 * ROWS];\n"
"    src += get_global_id(1) * k * n + get_global_id(0) * width;\n"
"    dst += get_global_id(1) * n + get_global_id(0) * width;\n"
"#pragma unroll\n"
"    for (int i = 0; i < 4 * ROWS; i++)\n"
"        sum[i] = (float16)(0.0f);\n"
"    for (uint r = 0; r < k; r++) {\n"
"#pragma unroll\n"
"        for (int i = 0; i < 4 * ROWS; i++)\n"
"            sum[i] += vload16(i, src + (size_t)r * n);\n"
"    }\n"
"#pragma unroll\n"
"    for (int i = 0; i < 4 * ROWS; i++)\n"
"        vstore16(sum[i], i, dst);\n"
"}\n"};
/* clang-format on */

static const struct order {
    const char *name, *entry, *options;
    unsigned width; /* 0: as wide as the matrix */
} ORDERS[] = {
    {"strip of 64", "sums_in_registers", "-DROWS=1 -DSIDE=1", 64},
    {"strip of 256", "sums_in_registers", "-DROWS=4 -DSIDE=1", 256},
    {"1 rows, 1 side by side, all", "sums_in_cache", "-DROWS=1 -DSIDE=1", 0},
    {"1 rows, 2 side by side, all", "sums_in_cache", "-DROWS=1 -DSIDE=2", 0},
    {"1 rows, 4 side by side, all", "sums_in_cache", "-DROWS=1 -DSIDE=4", 0},
    {"8 rows, 1 side by side, all", "sums_in_cache", "-DROWS=8 -DSIDE=1", 0},
    {"8 rows, 2 side by side, all", "sums_in_cache", "-DROWS=8 -DSIDE=2", 0},
    {"8 rows, 4 side by side, all", "sums_in_cache", "-DROWS=8 -DSIDE=4", 0},
    {"16 rows, 1 side by side, all", "sums_in_cache", "-DROWS=16 -DSIDE=1", 0},
    {"16 rows, 2 side by side, all", "sums_in_cache", "-DROWS=16 -DSIDE=2", 0},
    {"16 rows, 4 side by side, all", "sums_in_cache", "-DROWS=16 -DSIDE=4", 0},
    {"32 rows, 1 side by side, all", "sums_in_cache", "-DROWS=32 -DSIDE=1", 0},
    {"32 rows, 2 side by side, all", "sums_in_cache", "-DROWS=32 -DSIDE=2", 0},
    {"32 rows, 4 side by side, all", "sums_in_cache", "-DROWS=32 -DSIDE=4", 0},
    {"8 rows, 1 side by side, 2048", "sums_in_cache", "-DROWS=8 -DSIDE=1", 2048},
    {"16 rows, 1 side by side, 2048", "sums_in_cache", "-DROWS=16 -DSIDE=1", 2048},
    {"8 rows, 2 side by side, 2048", "sums_in_cache", "-DROWS=8 -DSIDE=2", 2048},
    {"16 rows, 1 side by side, 4096", "sums_in_cache", "-DROWS=16 -DSIDE=1", 4096},
    {"8 rows, 1 side by side, 4096", "sums_in_cache", "-DROWS=8 -DSIDE=1", 4096},
};

typedef struct matrix {
    kerf_device *dev;
    kerf__buffer *src, *dst;
    size_t k, n;
} matrix;

/* Rows are cut into as many parts as give each core ITEMS_A_CORE items. */
static kerf__launch *make_launch(const matrix *m, const struct order *o)
{
    kerf__launch *launch;
    const size_t items = ITEMS_A_CORE * (size_t)kerf_device_get_info(m->dev)->compute_units;
    const size_t width = o->width != 0 && o->width < m->n ? o->width : m->n;
    const size_t strips = m->n / width;
    size_t parts = strips < items ? items / strips : 1;
    while (m->k % (parts * 32) != 0)
        parts--;
    bench_ok(kerf__launch_create(&launch, m->dev, &SOURCE, o->entry, o->options,
                                 KERF__ARGS(ARG(m->src), ARG(m->dst), ARG((unsigned)(m->k / parts)),
                                            ARG((unsigned)m->n), ARG((unsigned)width)),
                                 kerf__grid_wide(strips, parts, 1)));
    return launch;
}

static void time_order(const matrix *m, const limits *l, const struct order *o)
{
    double share[PAIRS];
    const double bytes = (double)(m->k * m->n * sizeof(float));
    kerf__launch *launch = make_launch(m, o);
    bench_sample_ms(m->dev, limits_body, launch, 1);
    for (int i = 0; i < PAIRS; i++) {
        const double ms = bench_sample_ms(m->dev, limits_body, launch, 1);
        share[i] = 1e-6 * bytes / ms / limits_rate(l);
    }
    qsort(share, PAIRS, sizeof share[0], bench_order);
    printf("%zux%zu,%s,%.2f,%.2f,%.2f\n", m->k, m->n, o->name, share[PAIRS / 2], share[3],
           share[PAIRS - 4]);
    kerf__launch_destroy(launch);
}

static void time_matrix(kerf_device *dev, size_t k, size_t n)
{
    matrix m = {dev, NULL, NULL, k, n};
    limits l;
    const size_t bytes = k * n * sizeof(float);
    limits_open(&l, dev, LIMITS_READ, (double)bytes);
    bench_ok(kerf__buffer_create(&m.src, dev, bytes));
    bench_ok(kerf__buffer_create(&m.dst, dev, 256 * n * sizeof(float)));
    bench_ok(kerf__buffer_fill_zero(m.src, 0, bytes));
    for (size_t i = 0; i < sizeof ORDERS / sizeof ORDERS[0]; i++)
        if (n % (ORDERS[i].width + (ORDERS[i].width == 0)) == 0)
            time_order(&m, &l, &ORDERS[i]);
    kerf__buffer_destroy(m.src);
    kerf__buffer_destroy(m.dst);
    limits_close(&l);
}

int main(int argc, char **argv)
{
    static const size_t SHAPES[][2] = {{16384, 1024}, {4096, 4096}, {1024, 16384}, {1024, 16512}};
    kerf_device *dev;
    bench_ok(kerf_device_open(&dev, NULL));
    printf("%s\nrows x columns,order,share of reading,low,high\n", kerf_device_name(dev));
    if (argc == 3)
        time_matrix(dev, strtoul(argv[1], NULL, 10), strtoul(argv[2], NULL, 10));
    for (size_t i = 0; argc != 3 && i < sizeof SHAPES / sizeof SHAPES[0]; i++)
        time_matrix(dev, SHAPES[i][0], SHAPES[i][1]);
    kerf_device_close(dev);
    return 0;
}
