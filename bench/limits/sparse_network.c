/* sparse_network.c -- how many times as fast as dense ResNet-18 and ResNet-50 can be with a tenth
 * of their weights, batch 1: a bound from loads and sums.
 *
 * Each sparse layer is done by what a kernel of runs of pixels cannot leave out.  Windows larger
 * than a pixel, and strides: what a chunk of channels' entries read is copied once into the first
 * cache, and for each row of a chunk the run's sums come, every entry loads and multiplies NV
 * vectors from anywhere in the chunk, and the sums go.  1x1: entries load from the image in place.
 * No index is looked up, all rows are of the same length, nothing is finished, lanes are lost only
 * where lines do not fill vectors.  Layers that are not sparse are steps of this device's own dense
 * plan, timed alone in the same run, and so warm; the dense side is that plan as a whole.
 *
 *     tests/device_run.sh pocl build/release/tests/sparse_network */
#include "bench.h"
#include "kerf/kerf.h"
#include "limits/limits.h"

enum { ROUNDS = 7, V = 16, MOST_VECTORS = 14, BAND = 30 << 8 /* floats: 30 KiB */ };
enum { MOST_ENTRIES = 1 << 18, SUMS = 1 << 20, SRC = 1 << 21 };

/* clang-format off */
static const kerf__source SOURCE = {"sparse_network",
"kernel void sparse_chunks(global const float *src, global const int *offsets,\n"
"                          global const float *values, global float *sums, local float *band,\n"
"                          int tiles, int chunks, int rows, int entries, int floats)\n"
"{\n"
"    sums += get_global_id(0) * rows * NV * 16;\n"
"    for (int t = 0; t < tiles * chunks; t++) {\n"
"#if IN_PLACE\n"
"        global const float *from = src + t * NV * 16;\n"
"#else\n"
"        local const float *from = band;\n"
"        for (int i = 0; i < floats; i += 16)\n"
"            *(local float16 *)(band + i) = vload16(0, src + i);\n"
"#endif\n"
"        for (int r = 0; r < rows; r++) {\n"
"            global float16 *out = (global float16 *)sums + r * NV;\n"
"            float16 acc[NV];\n"
"#pragma unroll\n"
"            for (int v = 0; v < NV; v++)\n"
"                acc[v] = out[v];\n"
"            for (int i = r * entries; i < r * entries + entries; i++) {\n"
"                const int at = offsets[i];\n"
"#pragma unroll\n"
"                for (int v = 0; v < NV; v++)\n"
"                    acc[v] = fma((float16)(values[i]), vload16(v, from + at), acc[v]);\n"
"            }\n"
"#pragma unroll\n"
"            for (int v = 0; v < NV; v++)\n"
"                out[v] = acc[v];\n"
"        }\n"
"    }\n"
"}\n"};
/* clang-format on */

/* Convolutions but for the first, of 224x224 pixels; side: of what comes out. */
typedef struct layer {
    int src_channels, dst_channels, taps, side, stride, count;
} layer;
static const layer RESNET_18[] = {{64, 64, 9, 56, 1, 4},
                                  {64, 128, 9, 28, 2, 1},
                                  {64, 128, 1, 28, 2, 1},
                                  {128, 128, 9, 28, 1, 3},
                                  {128, 256, 9, 14, 2, 1},
                                  {128, 256, 1, 14, 2, 1},
                                  {256, 256, 9, 14, 1, 3},
                                  {256, 512, 9, 7, 2, 1},
                                  {256, 512, 1, 7, 2, 1},
                                  {512, 512, 9, 7, 1, 3},
                                  {0}};
static const layer RESNET_50[] = {{64, 64, 1, 56, 1, 1},
                                  {64, 64, 9, 56, 1, 3},
                                  {64, 256, 1, 56, 1, 4},
                                  {256, 64, 1, 56, 1, 2},
                                  {256, 128, 1, 56, 1, 1},
                                  {128, 128, 9, 28, 2, 1},
                                  {128, 512, 1, 28, 1, 4},
                                  {256, 512, 1, 28, 2, 1},
                                  {512, 128, 1, 28, 1, 3},
                                  {128, 128, 9, 28, 1, 3},
                                  {512, 256, 1, 28, 1, 1},
                                  {256, 256, 9, 14, 2, 1},
                                  {256, 1024, 1, 14, 1, 6},
                                  {512, 1024, 1, 14, 2, 1},
                                  {1024, 256, 1, 14, 1, 5},
                                  {256, 256, 9, 14, 1, 5},
                                  {1024, 512, 1, 14, 1, 1},
                                  {512, 512, 9, 7, 2, 1},
                                  {512, 2048, 1, 7, 1, 3},
                                  {1024, 2048, 1, 7, 2, 1},
                                  {2048, 512, 1, 7, 1, 2},
                                  {512, 512, 9, 7, 1, 2},
                                  {0}};

/* A tile's run, and how many of them cover an image of so many pixels a side. */
static const struct {
    int side, vectors, tiles;
} RUNS[] = {{56, 14, 14}, {28, 13, 4}, {14, 14, 1}, {7, 4, 1}};

typedef struct data {
    kerf_device *dev;
    kerf__buffer *src, *offsets, *values, *sums; /* owned */
} data;

/* ---- sparse layers ------------------------------------------------------------------------------
 */

/* Items share tiles where there are many, else output channels. */
typedef struct work {
    int in_place, vectors, tiles, chunks, rows, entries;
    int floats, channel; /* of a band, and of one channel in it, or of one that is read in place */
} work;

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

/* In a band, of each remainder of the stride, lie the lines that a run's window meets. */
static work work_of(const layer *l, int items)
{
    int run = 0;
    while (RUNS[run].side != l->side)
        run++;
    work w = {.in_place = l->taps == 1 && l->stride == 1,
              .vectors = RUNS[run].vectors,
              .tiles = ceil_div(RUNS[run].tiles, items),
              .chunks = 1,
              .rows = RUNS[run].tiles >= items ? l->dst_channels : ceil_div(l->dst_channels, items),
              .channel = l->side * l->side};
    if (!w.in_place) {
        const int lines = ceil_div(w.vectors * V, l->side) + (l->taps > 1 ? 2 : 0);
        w.channel = lines * (l->side + 1) * (l->taps > 1 ? l->stride * l->stride : 1);
        w.chunks = ceil_div(l->src_channels, BAND / w.channel);
    }
    w.floats = ceil_div(w.channel * ceil_div(l->src_channels, w.chunks), V) * V;
    w.entries = (int)lrint(0.1 * l->taps * l->src_channels / w.chunks);
    return w;
}

/* In a band anywhere, in place where channels begin; a run may end behind the last. */
static void write_offsets(const data *d, const work *w)
{
    static int offsets[MOST_ENTRIES];
    const int room = w->floats - w->vectors * V;
    uint32_t random = 1;
    for (int i = 0; i < w->rows * w->entries; i++) {
        random = random * 1664525u + 1013904223u;
        offsets[i] = w->in_place ? (int)(random >> 8) % (w->floats / w->channel) * w->channel
                     : room > 0  ? (int)(random >> 8) % room
                                 : 0;
    }
    bench_ok(
        kerf__buffer_write(d->offsets, 0, offsets, sizeof(int) * (size_t)(w->rows * w->entries)));
}

/* The fastest of some samples. */
static double time_layer(const data *d, const layer *l)
{
    char options[48];
    const int items = (int)kerf_device_get_info(d->dev)->compute_units;
    const work w = work_of(l, items);
    double best = INFINITY;
    kerf__launch *launch;
    snprintf(options, sizeof options, "-DNV=%d -DIN_PLACE=%d", w.vectors, w.in_place);
    write_offsets(d, &w);
    bench_ok(kerf__buffer_fill_zero(d->sums, 0, sizeof(float) * SUMS));
    bench_ok(kerf__launch_create(
        &launch, d->dev, &SOURCE, "sparse_chunks", options,
        KERF__ARGS(ARG(d->src), ARG(d->offsets), ARG(d->values), ARG(d->sums),
                   kerf__arg_local(sizeof(float) * (BAND + MOST_VECTORS * V)), ARG(w.tiles),
                   ARG(w.chunks), ARG(w.rows), ARG(w.entries), ARG(w.floats)),
        kerf__grid_wide((size_t)items, 1, 1)));
    bench_sample_ms(d->dev, limits_body, launch, 1);
    for (int i = 0; i < ROUNDS; i++)
        best = fmin(best, bench_sample_ms(d->dev, limits_body, launch, 10));
    kerf__launch_destroy(launch);
    return best;
}

/* ---- the dense network -------------------------------------------------------------------------
 */

typedef struct dense {
    double whole_ms, rest_ms; /* rest: steps that are dense on the other side, too */
} dense;

static int is_sparse(const kerf_plan_step *step)
{
    return strcmp(step->op, "Conv") == 0 && strncmp(step->name, "conv1", 5) != 0;
}

static kerf_status run_plan(void *plan)
{
    return kerf_plan_run(plan);
}

static dense time_plan(kerf_device *dev, kerf_plan *p)
{
    dense d = {INFINITY, 0};
    for (int i = 0; i < kerf_plan_num_steps(p); i++) {
        kerf_plan_step step;
        double best = INFINITY, ms;
        bench_ok(kerf_plan_get_step(p, i, &step));
        for (int k = 0; k < ROUNDS && !is_sparse(&step); k++) {
            bench_ok(kerf_plan_time_step(p, i, 10, &ms));
            best = fmin(best, ms);
        }
        d.rest_ms += is_sparse(&step) ? 0 : best;
    }
    bench_ok(kerf_plan_join(p));
    bench_sample_ms(dev, run_plan, p, 3);
    for (int k = 0; k < 3 * ROUNDS; k++)
        d.whole_ms = fmin(d.whole_ms, bench_sample_ms(dev, run_plan, p, 5));
    return d;
}

static dense time_dense(kerf_device *dev, const char *net)
{
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    bench_ok(kerf_net_create(&g, &s, net, &(kerf_net_options){.seed = 1}, dev));
    bench_ok(kerf_plan_create(&p, g, s, &(kerf_plan_options){.mode = KERF_EVALUATE, .batch = 1}));
    bench_ok(kerf_plan_run(p));
    const dense d = time_plan(dev, p);
    kerf_plan_destroy(p);
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
    return d;
}

/* ---- both --------------------------------------------------------------------------------------
 */

static void time_network(const data *d, const char *net, const layer *layers)
{
    double sum = 0;
    printf("%s\ninputs to outputs,window,side,stride,number,ms of one\n", net);
    for (const layer *l = layers; l->count > 0; l++) {
        const double ms = time_layer(d, l);
        printf("%d to %d,%d,%d,%d,%d,%.4f\n", l->src_channels, l->dst_channels, l->taps, l->side,
               l->stride, l->count, ms);
        sum += ms * l->count;
    }
    const dense whole = time_dense(d->dev, net);
    printf("dense %.3f ms; sparse at least %.3f: layers %.3f, rest %.3f; at most %.2f times\n",
           whole.whole_ms, sum + whole.rest_ms, sum, whole.rest_ms,
           whole.whole_ms / (sum + whole.rest_ms));
}

int main(void)
{
    data d;
    bench_ok(kerf_device_open(&d.dev, NULL));
    bench_ok(kerf__buffer_create(&d.src, d.dev, sizeof(float) * SRC));
    bench_ok(kerf__buffer_create(&d.offsets, d.dev, sizeof(int) * MOST_ENTRIES));
    bench_ok(kerf__buffer_create(&d.values, d.dev, sizeof(float) * MOST_ENTRIES));
    bench_ok(kerf__buffer_create(&d.sums, d.dev, sizeof(float) * SUMS));
    bench_ok(kerf__buffer_fill_zero(d.src, 0, sizeof(float) * SRC));
    bench_ok(kerf__buffer_fill_zero(d.values, 0, sizeof(float) * MOST_ENTRIES));
    printf("%s\n", kerf_device_name(d.dev));
    time_network(&d, "resnet-18", RESNET_18);
    time_network(&d, "resnet-50", RESNET_50);
    kerf__buffer_destroy(d.src);
    kerf__buffer_destroy(d.offsets);
    kerf__buffer_destroy(d.values);
    kerf__buffer_destroy(d.sums);
    kerf_device_close(d.dev);
    return 0;
}
