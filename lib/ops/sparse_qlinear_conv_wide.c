/* ops/sparse_qlinear_conv_wide.c -- sparse convolutions of bytes for CPU devices, in blocks of 16
 * channels: which tile, and how the image is cut into items.
 *
 * Forms of the dot product are those of qlinear_conv_wide.c.  A candidate's name is the number of
 * vectors to a tile: its lines lie one behind the other in one run, so the best is that whose
 * vectors the lines fill.
 *
 * Device side: kernels/sparse_qlinear_conv_wide.cl. */
#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "ops/conv_cut.h"
#include "ops/integer_common.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"
#include "ops/sparse_qlinear_conv.h"

extern const kerf__source kerf__source_sparse_qlinear_conv_wide;

enum { V = 16 }; /* pixels to a vector */

#define RUN(vectors)                                                                               \
    {                                                                                              \
#vectors, " -DRUN=" #vectors,                                                              \
        {                                                                                          \
            vectors                                                                                \
        }                                                                                          \
    }

const kerf__candidate kerf__sparse_qlinear_runs[KERF__SPARSE_QLINEAR_NUM_RUNS] = {
    RUN(8), RUN(4), RUN(7), RUN(11), RUN(13), RUN(14),
};

/* The convolution as the kernel sees it, and an item's share. */
typedef struct cut {
    kerf__conv v;
    int rows, cols; /* of dst to a tile */
    int pitch, phase_words, turns;
    size_t band_bytes, sums_bytes;
    double cycles; /* of the busiest core */
} cut;

/* ---- how it is cut ------------------------------------------------------------------------- */

/* Pixels behind a tile's own that its taps reach, in each phase. */
static int reach(const kerf__conv_axis *a)
{
    return (int)((kerf__conv_reach(a) - 1) / a->stride);
}

static int num_phases(const kerf__conv_axis *a)
{
    return (int)(kerf__conv_reach(a) < a->stride ? kerf__conv_reach(a) : a->stride);
}

static int evenly(int num, int most)
{
    return kerf__ceil_div_int(num, kerf__ceil_div_int(num, most));
}

/* 1x1 filters of stride 1 see a plane as one line. */
static kerf__conv seen(const kerf__conv *of)
{
    kerf__conv v = *of;
    if (kerf__conv_is_one_to_one(&v.h) && kerf__conv_is_one_to_one(&v.w)) {
        v.w.src *= v.h.src;
        v.w.dst = v.w.src;
        v.h.src = v.h.dst = 1;
    }
    return v;
}

static int num_tiles(const cut *k)
{
    return kerf__ceil_div_int(k->v.h.dst, k->rows) * kerf__ceil_div_int(k->v.w.dst, k->cols);
}

/* 0 if a tile of so many vectors is not for the kernel's numbers. */
static int size_tile(cut *k, int vectors)
{
    const kerf__conv_axis *h = &k->v.h, *w = &k->v.w;
    const int lanes = V * vectors, blocks = kerf__ceil_div_int(k->v.src_channels, KERF__LANES);
    if ((double)(reach(h) + lanes) * (reach(w) + lanes) > INT_MAX / 2)
        return 0;
    k->cols = evenly(w->dst, w->dst < lanes ? w->dst : lanes);
    const int least = k->cols + reach(w), whole = kerf__ceil_div_int(least, V) * V;
    k->pitch = reach(h) > 0 && whole - least <= least / 8 ? whole : least;
    const int pitch = k->pitch, fitting = (lanes - k->cols) / pitch + 1;
    k->rows = evenly(h->dst, h->dst < fitting ? h->dst : fitting);
    const int read = lanes + reach(h) * pitch + reach(w);
    const int stored = kerf__ceil_div_int(pitch, V) * V; /* what the last line's stores reach */
    const int written = (k->rows + reach(h) - 1) * pitch + stored;
    k->phase_words = read > written ? read : written;
    if (pitch % V == 0 || reach(h) + reach(w) == 0) /* some loads are aligned, or all */
        k->phase_words = kerf__ceil_div_int(k->phase_words, V) * V;
    const double plane = (double)num_phases(h) * num_phases(w) * k->phase_words;
    const double band = plane * blocks * KERF__LANES;
    k->band_bytes = band < INT_MAX ? (size_t)band : INT_MAX;
    k->sums_bytes = sizeof(int32_t) * (size_t)(KERF__LANES * lanes + V);
    return 1;
}

/* Cycles of one item: entries, each a load and a dot product to a vector; rows; endings; and the
 * band, which is slow to read where it leaves the first cache.  Measured on two cores of Zen 5
 * under PoCL. */
static double item_cycles(const kerf__op_case *c, const cut *k, int vectors)
{
    enum { AN_ENTRY = 3, A_ROW = 40, AN_ENDING = 160, A_COPY = 20, A_BEGIN = 500 };
    enum { FIRST_CACHE = 40 << 10 };
    const kerf__conv *v = &k->v;
    const double entries = (double)kerf__sparse_num_words(v) * kerf__sparse_words_density(c->node);
    const double a_vector = (v->h.kernel * v->w.kernel == 1 ? 1.0 : 1.4) *
                            (k->band_bytes + k->sums_bytes > FIRST_CACHE ? 1.3 : 1);
    const double row = entries * (AN_ENTRY + a_vector * vectors) + A_ROW + vectors;
    const double endings = (double)k->rows * kerf__ceil_div_int(k->cols, V) * AN_ENDING;
    return A_BEGIN + k->turns * (KERF__LANES * row + endings) +
           A_COPY * (double)k->band_bytes / (V * KERF__LANES);
}

/* So many blocks to an item that the busiest core is done first. */
static void share(const kerf__op_case *c, cut *k, int vectors)
{
    const double units = kerf_device_get_info(c->dev)->compute_units;
    const int blocks = kerf__ceil_div_int(k->v.dst_channels, KERF__LANES);
    cut best = *k;
    best.cycles = INFINITY;
    for (int parts = 1; parts <= blocks; parts *= 2) {
        k->turns = kerf__ceil_div_int(blocks, parts);
        const double items = (double)num_tiles(k) * k->v.n * kerf__ceil_div_int(blocks, k->turns);
        /* So the busiest core is a quarter of an item behind, on average. */
        k->cycles = fmax(ceil(items / units), items / units + 0.25) * item_cycles(c, k, vectors);
        if (k->cycles < best.cycles)
            best = *k;
    }
    *k = best;
}

static int has_room(const cut *k, size_t local_bytes)
{
    return k->band_bytes + k->sums_bytes <= local_bytes;
}

/* 0 if local memory is too small. */
static int cut_of(const kerf__op_case *c, const kerf__candidate *run, cut *k)
{
    const kerf__conv v = kerf__conv_of(c->node);
    *k = (cut){.v = seen(&v)};
    if (!size_tile(k, run->parameters[0]) || !has_room(k, kerf__conv_local_bytes(c, &v)))
        return 0;
    share(c, k, run->parameters[0]);
    return 1;
}

/* ---- when ---------------------------------------------------------------------------------- */

kerf__wish kerf__sparse_qlinear_conv_wish(const kerf_node *n, kerf__layouts *out)
{
    const kerf__conv v = kerf__conv_of(n);
    const kerf__conv_bytes b = kerf__conv_bytes_of(n);
    if (v.n < 1)
        return KERF__STAYS;
    out->inputs[b.x] = out->outputs[0] = KERF__C16;
    if (v.has_residual)
        out->inputs[b.other] = KERF__C16;
    return KERF__SEEKS;
}

int kerf__sparse_qlinear_takes(const kerf__op_case *c, const kerf__candidate *candidate)
{
    cut k;
    return cut_of(c, candidate, &k);
}

int kerf__sparse_qlinear_has_room(const kerf_device *dev, const kerf__conv *v)
{
    const kerf__op_case c = {.dev = (kerf_device *)dev};
    cut k = {.v = seen(v)};
    for (int i = 0; i < KERF__SPARSE_QLINEAR_NUM_RUNS; i++)
        if (size_tile(&k, kerf__sparse_qlinear_runs[i].parameters[0]) &&
            has_room(&k, kerf__conv_local_bytes(&c, v)))
            return 1;
    return 0;
}

/* ---- the variant --------------------------------------------------------------------------- */

static int fits(const kerf__op_case *c, kerf_dot form)
{
    const kerf__conv v = kerf__conv_of(c->node);
    return kerf__input_layout(c->node, kerf__conv_bytes_of(c->node).x) == KERF__C16 &&
           kerf__fits_31_bits(c) && kerf__has_dot_us(c, form) &&
           kerf__sparse_qlinear_has_room(c->dev, &v);
}

static double guess(const kerf__op_case *c, kerf_dot form)
{
    enum { REGISTERS = 32 };
    const kerf__candidate *run = c->option.candidate;
    cut k;
    if (!cut_of(c, run, &k))
        return INFINITY;
    const int wanted = run->parameters[0] + 2 * kerf__dot_registers(form);
    return k.cycles * kerf__dot_cycles(form) * kerf__wide_register_cost(c, V) *
           (wanted * kerf__wide_register_cost(c, V) > REGISTERS ? 1.5 : 1);
}

static kerf_status build(const kerf__op_case *c, kerf_dot form)
{
    kerf__arg args[KERF__MOST_CONV_ARGS];
    char options[128];
    cut k;
    if (!cut_of(c, c->option.candidate, &k))
        return KERF_ERR_UNSUPPORTED; /* takes has said that it can */
    const char *more = kerf__conv_bytes_options(c->node);
    const size_t blocks = (size_t)kerf__ceil_div_int(k.v.dst_channels, KERF__LANES);
    int num = kerf__conv_bytes_args(c, &k.v, args);
    args[num++] = ARG(kerf__in(c, KERF__SPARSE_ROWS));
    args[num++] = ARG(kerf__in(c, KERF__SPARSE_PLACES));
    args[num++] = kerf__arg_local(k.band_bytes);
    args[num++] = kerf__arg_local(k.sums_bytes);
    args[num++] = kerf__arg_local(kerf__conv_taps_bytes(&k.v));
    args[num++] = ARG(k.rows);
    args[num++] = ARG(k.cols);
    args[num++] = ARG(k.pitch);
    args[num++] = ARG(k.phase_words);
    args[num++] = ARG(k.turns);
    snprintf(options, sizeof options, "%s%s%s%s", kerf__dot_options(c->dev, form),
             c->option.candidate->options, *more == '\0' ? "" : " ", more);
    return kerf__emit(c, &kerf__source_sparse_qlinear_conv_wide, "sparse_qlinear_conv_wide",
                      options, args, num,
                      kerf__grid_wide((size_t)num_tiles(&k),
                                      kerf__ceil_div(blocks, (size_t)k.turns), (size_t)k.v.n));
}

#define FORM(name, form)                                                                           \
    int kerf__sparse_qlinear_##name##_fits(const kerf__op_case *c)                                 \
    {                                                                                              \
        return fits(c, form);                                                                      \
    }                                                                                              \
    double kerf__sparse_qlinear_##name##_guess(const kerf__op_case *c)                             \
    {                                                                                              \
        return guess(c, form);                                                                     \
    }                                                                                              \
    kerf_status kerf__sparse_qlinear_##name##_build(const kerf__op_case *c)                        \
    {                                                                                              \
        return build(c, form);                                                                     \
    }
KERF__QLINEAR_CONV_FORM_LIST(FORM)
