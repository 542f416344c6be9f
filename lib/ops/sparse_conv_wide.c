/* ops/sparse_conv_wide.c -- sparse convolution on CPU devices: which tile, and how the image is cut
 * into items.
 *
 * A candidate's name is the number of vectors to a tile.  Lines of a tile lie one behind the other
 * in one run, so the best is that whose vectors the lines fill.
 *
 * Device side: kernels/sparse_conv_wide.cl. */
#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "base/fail.h"
#include "ops/conv_cut.h"
#include "ops/shape_common.h"
#include "ops/sparse_conv.h"
#include "ops/sparse_places.h"

extern const kerf__source kerf__source_sparse_conv_wide;

enum { V = 16 };                 /* floats to a vector */
enum { SHARE = 4 };              /* rows that share loads if their offsets are the same */
enum { MOST_BAND = 24 << 10 };   /* bytes, beside sums and pattern in the first cache */
enum { WHOLE_BAND = 160 << 10 }; /* bytes, where there is little to do in a chunk */
enum { A_CHUNK = 24 };           /* entries of a row at least, lest sums are moved more than made */

#define TILE(vectors)                                                                              \
    {                                                                                              \
#vectors, "-DNV=" #vectors,                                                                \
        {                                                                                          \
            vectors                                                                                \
        }                                                                                          \
    }

const kerf__candidate kerf__sparse_conv_wide_candidates[KERF__SPARSE_CONV_NUM_WIDE] = {
    TILE(8), TILE(4), TILE(6), TILE(7), TILE(11), TILE(13), TILE(14),
};

/* The convolution and an item's share; see the kernel. */
typedef struct cut {
    kerf__conv v;
    int in_place;   /* src is read where it is */
    int rows, cols; /* of dst to a tile */
    int pitch, phase_floats, plane;
    int chunk, num_rows;
    size_t band_bytes, sums_bytes;
} cut;

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

/* ---- lines -------------------------------------------------------------------------------- */

/* Pixels behind a tile's own that its taps reach, in each phase. */
static int reach(const kerf__conv_axis *a)
{
    return (int)((kerf__conv_reach(a) - 1) / a->stride);
}

static int num_phases(const kerf__conv_axis *a)
{
    return (int)(kerf__conv_reach(a) < a->stride ? kerf__conv_reach(a) : a->stride);
}

/* Pixels of a line of `width` that lie before src, and behind it. */
static int zeros_before(const kerf__conv_axis *a, int phase, int width)
{
    const int missing = a->pad - phase;
    return missing <= 0 ? 0 : smaller(kerf__ceil_div_int(missing, a->stride), width);
}

static int zeros_behind(const kerf__conv_axis *a, int phase, int width)
{
    const int there = a->src + a->pad - phase;
    return width - (there <= 0 ? 0 : smaller(kerf__ceil_div_int(there, a->stride), width));
}

/* From line to line of the band: zeros that end one begin the next. */
static int pitch_of(const kerf__conv_axis *a, int cols)
{
    const int width = cols + reach(a);
    int shared = cols == a->dst ? width - 1 : 0;
    for (int phase = 0; phase < num_phases(a); phase++)
        shared =
            smaller(shared, smaller(zeros_before(a, phase, width), zeros_behind(a, phase, width)));
    return width - shared;
}

static void size_tile(cut *k, int lanes)
{
    const kerf__conv_axis *h = &k->v.h, *w = &k->v.w;
    k->cols = smaller(w->dst, lanes);
    if (!k->in_place) /* all the same; those in place begin at whole vectors */
        k->cols = kerf__ceil_div_int(w->dst, kerf__ceil_div_int(w->dst, k->cols));
    k->pitch = pitch_of(w, k->cols);
    k->rows = smaller(h->dst, (lanes - k->cols) / k->pitch + 1);
    k->rows = kerf__ceil_div_int(h->dst, kerf__ceil_div_int(h->dst, k->rows));
    k->phase_floats = kerf__ceil_div_int(lanes + reach(h) * k->pitch + reach(w), V) * V;
    k->plane = num_phases(h) * num_phases(w) * k->phase_floats;
}

/* ---- items -------------------------------------------------------------------------------- */

static size_t bytes(int floats)
{
    return sizeof(float) * (size_t)floats;
}

/* Channels in the band at a time. */
static int chunk_of(const cut *k, double density, size_t local_bytes)
{
    const double plane = (double)bytes(k->plane), taps = (double)k->v.h.kernel * k->v.w.kernel;
    const double few = fmin(A_CHUNK / fmax(taps * density, 1e-6), WHOLE_BAND / plane);
    const double most = fmin(fmax(MOST_BAND / plane, few), 0.75 * (double)local_bytes / plane);
    if (most < 1)
        return 1;
    if (most >= k->v.src_channels)
        return k->v.src_channels;
    return kerf__ceil_div_int(k->v.src_channels, kerf__ceil_div_int(k->v.src_channels, (int)most));
}

static int num_tiles(const cut *k)
{
    return kerf__ceil_div_int(k->v.h.dst, k->rows) * kerf__ceil_div_int(k->v.w.dst, k->cols);
}

/* Rows of the pattern to an item: as many as give each core one, as each copies the band anew: with
 * two layers of 14x14 and 7x7 pixels take 5 percent longer, those with a stride 14. */
static int want_rows(const kerf__op_case *c, const cut *k)
{
    enum { LEAST = 8 };
    const double want = (double)kerf_device_get_info(c->dev)->compute_units;
    const double others = fmax((double)num_tiles(k) * k->v.n * k->v.groups, 1);
    const int parts = (int)fmin(ceil(want / others), k->v.dst_channels);
    return larger(kerf__ceil_div_int(k->v.dst_channels, parts), smaller(LEAST, k->v.dst_channels));
}

/* 0 if local memory is too small. */
static int size_item(const kerf__op_case *c, cut *k, int lanes)
{
    const size_t local_bytes = kerf__conv_local_bytes(c, &k->v);
    k->num_rows = want_rows(c, k);
    k->chunk =
        k->in_place ? k->v.src_channels : chunk_of(k, kerf__sparse_density(c->node), local_bytes);
    k->band_bytes = k->in_place ? sizeof(float) : bytes(k->chunk) * (size_t)k->plane;
    const size_t a_row = 2 * sizeof(int) + (k->chunk < k->v.src_channels ? bytes(lanes) : 0);
    const size_t others = k->band_bytes + 2 * SHARE * bytes(lanes);
    if (others + a_row > local_bytes)
        return 0;
    const size_t most = (local_bytes - others) / a_row;
    if (most < (size_t)k->num_rows)
        k->num_rows = (int)most;
    k->num_rows =
        kerf__ceil_div_int(k->v.dst_channels, kerf__ceil_div_int(k->v.dst_channels, k->num_rows));
    const int whole = kerf__ceil_div_int(k->num_rows, SHARE) * SHARE;
    if ((size_t)whole <= most)
        k->num_rows = whole;
    k->sums_bytes = bytes(lanes) * (k->chunk < k->v.src_channels ? (size_t)k->num_rows : 2 * SHARE);
    return 1;
}

/* Lanes become pixels of longer lines, with taps as far apart as there are lanes. */
static int unfold_lanes(kerf__conv *v)
{
    kerf__conv_axis *a = &v->w;
    const double longest = fabs((double)a->pad) + fabs((double)a->pad_end) + a->src + a->dst;
    if (v->lanes == 1)
        return 1;
    if (a->stride != 1 || (longest + a->dilation) * v->lanes > INT_MAX / 4)
        return 0;
    a->src *= v->lanes;
    a->dst *= v->lanes;
    a->pad *= v->lanes;
    a->pad_end *= v->lanes;
    a->dilation *= v->lanes;
    v->lanes = 1;
    return 1;
}

static int cut_of(const kerf__op_case *c, const kerf__candidate *candidate, cut *k)
{
    const int lanes = V * candidate->parameters[0];
    *k = (cut){.v = kerf__conv_of(c->node)};
    if (!unfold_lanes(&k->v))
        return 0;
    if (kerf__conv_is_one_to_one(&k->v.h) && kerf__conv_is_one_to_one(&k->v.w)) {
        k->v.w.src *= k->v.h.src; /* the plane is one line */
        k->v.w.dst = k->v.w.src;
        k->v.h.src = k->v.h.dst = 1;
        k->in_place = k->v.w.dst >= lanes;
    }
    if ((double)reach(&k->v.h) * (lanes + reach(&k->v.w)) > INT32_MAX / 2 / V)
        return 0;
    size_tile(k, lanes);
    return size_item(c, k, lanes);
}

/* ---- the variant -------------------------------------------------------------------------- */

int kerf__sparse_conv_wide_takes(const kerf__op_case *c, const kerf__candidate *candidate)
{
    cut k;
    return cut_of(c, candidate, &k);
}

int kerf__sparse_conv_wide_fits(const kerf__op_case *c)
{
    if (!kerf__fits_31_bits(c) || kerf__conv_of(c->node).direction != KERF__CONV_DST ||
        kerf__sparse_tile_of(c->node).vectors > 0)
        return 0;
    for (int i = 0; i < KERF__SPARSE_CONV_NUM_WIDE; i++)
        if (kerf__sparse_conv_wide_takes(c, &kerf__sparse_conv_wide_candidates[i]))
            return 1;
    return 0;
}

/* Cycles of one core, Zen 4 and 5 under PoCL. */
double kerf__sparse_conv_wide_guess(const kerf__op_case *c)
{
    enum { AN_ENTRY = 3, A_ROW = 40, A_VECTOR = 8, A_COPY = 3 };
    const int vectors = c->option.candidate->parameters[0];
    const double units = kerf_device_get_info(c->dev)->compute_units;
    cut k;
    if (!cut_of(c, c->option.candidate, &k))
        return INFINITY;
    const kerf__conv *v = &k.v;
    const double entries =
        (double)v->src_channels * v->h.kernel * v->w.kernel * kerf__sparse_density(c->node);
    const double chunks = kerf__ceil_div_int(v->src_channels, k.chunk);
    const int is_aligned = kerf__conv_of(c->node).lanes == V ||
                           (v->w.kernel * v->h.kernel == 1 && (!k.in_place || v->w.src % V == 0));
    const double step = (is_aligned ? 1.0 : 1.5) * vectors + AN_ENTRY;
    const double register_cost =
        kerf__wide_register_cost(c, V) *
        (vectors * V > 6 * V && kerf_device_get_info(c->dev)->features.vector_floats < V ? 2 : 1);
    const double row = entries * step * register_cost + A_ROW + chunks * vectors * A_VECTOR;
    const double copied = k.in_place ? 0 : (double)v->src_channels * k.plane / V * A_COPY;
    const double parts = kerf__ceil_div_int(v->dst_channels, k.num_rows);
    const double items = (double)num_tiles(&k) * v->n * v->groups * parts;
    return ceil(items / units) * units * (k.num_rows * row + copied);
}

kerf_status kerf__sparse_conv_wide_build(const kerf__op_case *c)
{
    char options[64];
    cut k;
    if (!cut_of(c, c->option.candidate, &k))
        return KERF_ERR_UNSUPPORTED; /* takes has said that it can */
    const kerf__conv *v = &k.v;
    snprintf(options, sizeof options, "%s -DDIRECT=%d", c->option.candidate->options, k.in_place);
    return kerf__emit(
        c, &kerf__source_sparse_conv_wide, "sparse_conv_wide", options,
        KERF__ARGS(ARG(kerf__in(c, KERF__SPARSE_SRC)), ARG(kerf__in(c, KERF__SPARSE_VALUES)),
                   ARG(kerf__in(c, KERF__SPARSE_STARTS)), ARG(kerf__in(c, KERF__SPARSE_OFFSETS)),
                   ARG(kerf__conv_bias(c, v)), ARG(kerf__conv_residual(c, v)), ARG(kerf__out(c, 0)),
                   kerf__arg_local(k.band_bytes), kerf__arg_local(k.sums_bytes),
                   kerf__arg_local(2 * sizeof(int) * (size_t)k.num_rows),
                   kerf__arg_local(kerf__conv_taps_bytes(v)), ARG(v->groups), ARG(v->src_channels),
                   ARG(v->dst_channels), KERF__AXIS_ARGS(v->h.src, v->h.dst, v->h),
                   KERF__AXIS_ARGS(v->w.src, v->w.dst, v->w), ARG(k.rows), ARG(k.cols),
                   ARG(k.pitch), ARG(k.phase_floats), ARG(k.chunk), ARG(k.num_rows),
                   KERF__FINISH_ARGS(*v)),
        kerf__grid_wide((size_t)num_tiles(&k),
                        (size_t)kerf__ceil_div_int(v->dst_channels, k.num_rows),
                        (size_t)v->n * (size_t)v->groups));
}
