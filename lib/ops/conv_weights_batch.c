/* ops/conv_weights_batch.c -- the gradient of a convolution by its weights on CPU devices, for a
 * batch of small images: which tile, and what part of the weights an item makes.
 *
 * A candidate's name tells its tile: "2x8" has 2 vectors of output channels by 8 input channels,
 * "...v8" vectors of 8 floats.
 *
 * Device side: kernels/conv_weights_batch.cl. */
#include "ops/conv_wide.h"

#include <math.h>
#include <stdio.h>

#include "device/quirks.h"
#include "ops/conv_cut.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_conv_weights_batch;

/* A candidate's parameters. */
enum { VECTORS, CHANNELS, VECTOR };

#define TILE(name, vectors, channels, vector)                                                      \
    {                                                                                              \
        name, "-DNV=" #vectors " -DNI=" #channels " -DV=" #vector,                                 \
        {                                                                                          \
            vectors, channels, vector                                                              \
        }                                                                                          \
    }

const kerf__candidate kerf__conv_weights_batch_candidates[KERF__CONV_NUM_WEIGHTS_BATCH] = {
    TILE("2x8", 2, 8, 16),
    TILE("4x4", 4, 4, 16),
    TILE("7x4v8", 7, 4, 8),
};

typedef struct problem {
    kerf__conv v;
    int lanes; /* of src: 16, or 1 where it is plain */
} problem;

/* An item's share. */
typedef struct cut {
    kerf__weights_share own;
    int images, rows; /* of dst, to a strip */
    size_t band_bytes, diff_bytes, sums_bytes;
} cut;

enum {
    STRIP_PIXELS = 256, /* of diff_dst, which all tiles of an item read again */
    LEAST_IMAGES = 4    /* side by side, if there are so many: runs are not short */
};

static problem problem_of(const kerf__op_case *c)
{
    return (problem){kerf__conv_of(c->node), kerf__weights_lanes(c)};
}

/* ---- how it is cut ------------------------------------------------------------------------- */

/* Pixels of src, of one image and channel, that a strip needs. */
static size_t src_pixels(const problem *p, const cut *k)
{
    const int64_t lines = (int64_t)(k->rows - 1) * p->v.h.stride +
                          (int64_t)(k->own.rows_of_taps - 1) * p->v.h.dilation + 1;
    return (size_t)(lines < p->v.h.src ? lines : p->v.h.src) * (size_t)p->v.w.src;
}

static size_t set_bytes(const problem *p, const int *tile, cut *k)
{
    const size_t vectors = (size_t)(tile[VECTORS] * tile[VECTOR]) * sizeof(float);
    const size_t lanes = p->lanes == KERF__LANES ? KERF__LANES : (size_t)k->own.channels;
    k->band_bytes = src_pixels(p, k) * (size_t)k->images * lanes * sizeof(float);
    k->diff_bytes = (size_t)k->rows * (size_t)p->v.w.dst * (size_t)k->images * vectors;
    k->sums_bytes = kerf__weights_sums_bytes(&p->v, &k->own, tile[VECTORS] * tile[VECTOR]);
    return k->band_bytes + k->diff_bytes + k->sums_bytes;
}

static int at_least_1(int x)
{
    return x > 1 ? x : 1;
}

/* Whole images side by side as long as they are few pixels, else some rows of a few images. */
static void set_strip(const problem *p, cut *k)
{
    const kerf__conv_axis *h = &p->v.h, *w = &p->v.w;
    const int whole = STRIP_PIXELS / w->dst / h->dst;
    const int least = p->v.n < LEAST_IMAGES ? p->v.n : LEAST_IMAGES;
    k->images = whole < least ? least : whole < p->v.n ? whole : p->v.n;
    const int most_rows = at_least_1(STRIP_PIXELS / w->dst / k->images);
    k->rows = kerf__ceil_div_int(h->dst, kerf__ceil_div_int(h->dst, most_rows));
}

static kerf__weights_share share_of(const kerf__op_case *c, const problem *p, const int *tile)
{
    return kerf__weights_share_of(
        c, &p->v, kerf__num_vector_groups(p->v.dst_channels, tile[VECTORS], tile[VECTOR]),
        tile[CHANNELS]);
}

/* 0 if the device cannot take it. */
static int cut_of(const kerf__op_case *c, const problem *p, const int *tile, cut *k)
{
    const size_t local_bytes = kerf__item_local_bytes(c, 0);
    *k = (cut){.own = share_of(c, p, tile)};
    set_strip(p, k);
    while (set_bytes(p, tile, k) > local_bytes) {
        if (k->rows > 1)
            k->rows = kerf__ceil_div_int(k->rows, 2);
        else if (k->images > 1)
            k->images = kerf__ceil_div_int(k->images, 2);
        else if (!kerf__weights_halve(&k->own))
            return 0;
    }
    return 1;
}

/* ---- the variant --------------------------------------------------------------------------- */

int kerf__conv_weights_batch_fits(const kerf__op_case *c)
{
    const problem p = problem_of(c);
    cut k;
    if (!kerf__weights_are_blocked(c) || p.v.n < 2 || !kerf__conv_are_whole(&p.v) ||
        kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS))
        return 0;
    for (int i = 0; i < KERF__CONV_NUM_WEIGHTS_BATCH; i++)
        if (!cut_of(c, &p, kerf__conv_weights_batch_candidates[i].parameters, &k))
            return 0;
    return 1;
}

/* In cycles of one core, as all guesses of this operation. */
double kerf__conv_weights_batch_guess(const kerf__op_case *c)
{
    enum { A_RUN = 20, A_SUM = 3, A_PIXEL = 3 };
    const int *tile = c->option.candidate->parameters;
    const problem p = problem_of(c);
    const int units = (int)kerf_device_get_info(c->dev)->compute_units;
    const int sums = tile[VECTORS] * tile[CHANNELS];
    cut k;
    if (!cut_of(c, &p, tile, &k))
        return INFINITY;
    /* Two vectors of half the size take a cycle. */
    const double step = 1.0 + 1.03 * sums * tile[VECTOR] / KERF__LANES;
    const double strips = ceil((double)p.v.n / k.images) * kerf__ceil_div_int(p.v.h.dst, k.rows);
    const double taps = (double)p.v.h.kernel * p.v.w.kernel;
    const double runs = strips * k.rows * (p.v.w.stride == 1 ? 1 : p.v.w.dst);
    const double tiles = (double)p.v.groups * k.own.vector_groups *
                         kerf__ceil_div_int(p.v.src_channels, tile[CHANNELS]);
    const double pairs = (double)p.v.n * kerf__conv_pairs(&p.v.h) * kerf__conv_pairs(&p.v.w);
    const double items = kerf__weights_num_items(&p.v, &k.own);
    const double band =
        strips * ((double)k.band_bytes / p.lanes + (double)k.diff_bytes / tile[VECTOR]) / 4;
    const double cycles = (tiles * (pairs * step + taps * (A_RUN * runs + A_SUM * strips * sums)) +
                           items * A_PIXEL * band) *
                          kerf__tile_register_cost(c, tile[VECTOR], sums);
    return ceil(items / units) * units / items * cycles;
}

kerf_status kerf__conv_weights_batch_build(const kerf__op_case *c)
{
    const int *tile = c->option.candidate->parameters;
    const problem p = problem_of(c);
    const kerf__conv *v = &p.v;
    char options[128];
    cut k;
    if (!cut_of(c, &p, tile, &k))
        return KERF_ERR_UNSUPPORTED; /* fits has said that it can */
    snprintf(options, sizeof options, "%s -DSRC_LANES=%d", c->option.candidate->options, p.lanes);
    return kerf__emit(c, &kerf__source_conv_weights_batch, "conv_weights_batch", options,
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__out(c, 0)),
                                 kerf__arg_local(k.band_bytes), kerf__arg_local(k.diff_bytes),
                                 kerf__arg_local(k.sums_bytes), ARG(v->n), ARG(v->src_channels),
                                 ARG(v->dst_channels), ARG(v->groups),
                                 KERF__AXIS_ARGS(v->h.src, v->h.dst, v->h),
                                 KERF__AXIS_ARGS(v->w.src, v->w.dst, v->w), ARG(k.own.channels),
                                 ARG(k.own.rows_of_taps), ARG(k.rows), ARG(k.images)),
                      kerf__weights_grid(v, &k.own));
}
