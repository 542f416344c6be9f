/* ops/conv_weights_wide.c -- the gradient of a convolution by its weights on CPU devices: which
 * tile, and what part of the weights an item makes.
 *
 * A candidate's name tells its tile: "2x8" has 2 vectors of output channels by 8 input channels,
 * "2x4x3" three neighbouring taps of each besides, "...v8" vectors of 8 floats.
 *
 * Device side: kernels/conv_weights_wide.cl. */
#include "ops/conv_wide.h"

#include <math.h>
#include <stdio.h>

#include "device/quirks.h"
#include "ops/conv_cut.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_conv_weights_wide;

/* A candidate's parameters. */
enum { VECTORS, CHANNELS, TAPS, VECTOR };

#define TILE(name, vectors, channels, taps, vector)                                                \
    {                                                                                              \
        name, "-DNV=" #vectors " -DNI=" #channels " -DNK=" #taps " -DV=" #vector,                  \
        {                                                                                          \
            vectors, channels, taps, vector                                                        \
        }                                                                                          \
    }

const kerf__candidate kerf__conv_weights_wide_candidates[KERF__CONV_NUM_WEIGHTS_WIDE] = {
    TILE("4x4", 4, 4, 1, 16),    TILE("4x2x3", 4, 2, 3, 16), TILE("4x1x7", 4, 1, 7, 16),
    TILE("3x1x5v8", 3, 1, 5, 8), TILE("2x6v8", 2, 6, 1, 8),
};

typedef struct problem {
    kerf__conv v;
    int lanes;    /* of src: 16, or 1 where it is plain */
    int in_place; /* no padding: src is read where it lies */
} problem;

/* An item's share. */
typedef struct cut {
    kerf__weights_share own;
    int rows; /* of dst, to a strip */
    size_t band_bytes, sums_bytes;
} cut;

enum {
    STRIP_PIXELS = 256 /* of diff_dst, which all tiles of an item read again */
};

static int is_unpadded(const kerf__conv_axis *a)
{
    return a->pad == 0 && a->stride * (a->dst - 1) + kerf__conv_reach(a) <= a->src;
}

static problem problem_of(const kerf__op_case *c, const int *tile)
{
    problem p = {.v = kerf__conv_of(c->node)};
    p.lanes = kerf__weights_lanes(c);
    p.in_place = is_unpadded(&p.v.h) && is_unpadded(&p.v.w) && p.v.w.kernel % tile[TAPS] == 0;
    if (p.in_place && kerf__conv_is_one_to_one(&p.v.h) && kerf__conv_is_one_to_one(&p.v.w)) {
        p.v.w.src = p.v.w.dst = p.v.h.src * p.v.w.src; /* the plane is one line */
        p.v.h.src = p.v.h.dst = 1;
    }
    return p;
}

static void set_bytes(const problem *p, const int *tile, cut *k)
{
    const kerf__conv_axis *h = &p->v.h, *w = &p->v.w;
    const size_t taps = (size_t)kerf__ceil_div_int(w->kernel, tile[TAPS]) * (size_t)tile[TAPS];
    const size_t cols =
        (size_t)(w->dst - 1) * (size_t)w->stride + (taps - 1) * (size_t)w->dilation + 1;
    const size_t rows = (size_t)(k->rows - 1) * (size_t)h->stride +
                        (size_t)(k->own.rows_of_taps - 1) * (size_t)h->dilation + 1;
    const size_t lanes = p->lanes == KERF__LANES ? KERF__LANES : (size_t)k->own.channels;
    k->band_bytes = sizeof(float) * (p->in_place ? 1 : rows * cols * lanes);
    k->sums_bytes = kerf__weights_sums_bytes(&p->v, &k->own, tile[VECTORS] * tile[VECTOR]);
}

/* Turns of all loops that an item goes through. */
static double num_iterations(const problem *p, const int *tile, const cut *k)
{
    const double passes = (double)kerf__ceil_div_int(k->own.channels, tile[CHANNELS]) *
                          k->own.rows_of_taps * kerf__ceil_div_int(p->v.w.kernel, tile[TAPS]);
    const double strips = (double)p->v.n * kerf__ceil_div_int(p->v.h.dst, k->rows);
    return (double)k->sums_bytes / 4 +
           strips * ((double)k->band_bytes / 4 + passes * (k->rows * (double)(p->v.w.dst + 1) + 1));
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
    const int loops_end = kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS);
    const size_t local_bytes = kerf__item_local_bytes(c, 0);
    const int most_rows = STRIP_PIXELS / p->v.w.dst > 0 ? STRIP_PIXELS / p->v.w.dst : 1;
    *k = (cut){.own = share_of(c, p, tile)};
    k->rows = kerf__ceil_div_int(p->v.h.dst, kerf__ceil_div_int(p->v.h.dst, most_rows));
    for (;;) {
        set_bytes(p, tile, k);
        if (k->band_bytes + k->sums_bytes <= local_bytes &&
            (!loops_end || num_iterations(p, tile, k) <= 2 * KERF__MOST_ITERATIONS - 1024))
            return 1;
        if (k->rows > 1 && k->band_bytes > local_bytes / 2)
            k->rows = kerf__ceil_div_int(k->rows, 2);
        else if (kerf__weights_halve(&k->own))
            continue;
        else if (k->rows > 1)
            k->rows = kerf__ceil_div_int(k->rows, 2);
        else
            return 0;
    }
}

int kerf__conv_weights_wide_fits(const kerf__op_case *c)
{
    cut k;
    if (!kerf__weights_are_blocked(c))
        return 0;
    for (int i = 0; i < KERF__CONV_NUM_WEIGHTS_WIDE; i++) {
        const int *tile = kerf__conv_weights_wide_candidates[i].parameters;
        const problem p = problem_of(c, tile);
        if (!cut_of(c, &p, tile, &k))
            return 0;
    }
    return 1;
}

/* In cycles of one core, as all guesses of this operation. */
double kerf__conv_weights_wide_guess(const kerf__op_case *c)
{
    enum { A_LINE = 8, A_SUM = 3, A_PIXEL = 3 };
    const int *tile = c->option.candidate->parameters;
    const problem p = problem_of(c, tile);
    const int units = (int)kerf_device_get_info(c->dev)->compute_units;
    const int sums = tile[VECTORS] * tile[CHANNELS] * tile[TAPS];
    /* Two vectors of half the size take a cycle. */
    const double adds = (sums < 20 ? 1.03 : 1.0) * sums * tile[VECTOR] / KERF__LANES;
    cut k;
    if (!cut_of(c, &p, tile, &k))
        return INFINITY;
    const double passes = (double)kerf__ceil_div_int(k.own.channels, tile[CHANNELS]) *
                          k.own.rows_of_taps * kerf__ceil_div_int(p.v.w.kernel, tile[TAPS]);
    const double strips = (double)p.v.n * kerf__ceil_div_int(p.v.h.dst, k.rows);
    const double pass = (k.rows * (p.v.w.dst * (adds + 1) + A_LINE) + A_SUM * sums) *
                        kerf__tile_register_cost(c, tile[VECTOR], sums);
    const double band = p.in_place ? 0 : A_PIXEL * (double)k.band_bytes / 4 / p.lanes;
    const double items = kerf__weights_num_items(&p.v, &k.own);
    return ceil(items / units) * units * strips * (passes * pass + band);
}

kerf_status kerf__conv_weights_wide_build(const kerf__op_case *c)
{
    const int *tile = c->option.candidate->parameters;
    const problem p = problem_of(c, tile);
    const kerf__conv *v = &p.v;
    char options[128];
    cut k;
    if (!cut_of(c, &p, tile, &k))
        return KERF_ERR_UNSUPPORTED; /* fits has said that it can */
    snprintf(options, sizeof options, "%s -DDIRECT=%d -DSRC_LANES=%d", c->option.candidate->options,
             p.in_place, p.lanes);
    return kerf__emit(c, &kerf__source_conv_weights_wide, "conv_weights_wide", options,
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__out(c, 0)),
                                 kerf__arg_local(k.band_bytes), kerf__arg_local(k.sums_bytes),
                                 ARG(v->n), ARG(v->src_channels), ARG(v->dst_channels),
                                 ARG(v->groups), KERF__AXIS_ARGS(v->h.src, v->h.dst, v->h),
                                 KERF__AXIS_ARGS(v->w.src, v->w.dst, v->w), ARG(k.own.channels),
                                 ARG(k.own.rows_of_taps), ARG(k.rows)),
                      kerf__weights_grid(v, &k.own));
}
