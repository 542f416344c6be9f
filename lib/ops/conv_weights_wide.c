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
#include "ops/conv_common.h"
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
    int channels;     /* of src */
    int rows_of_taps; /* of the kernel */
    int rows;         /* of dst, to a strip */
    size_t band_bytes, sums_bytes;
} cut;

enum {
    MOST_LOCAL = 220 << 10,
    STRIP_PIXELS = 256, /* of diff_dst, which all tiles of an item read again */
    ITEMS_A_UNIT = 4
};

static int is_unpadded(const kerf__conv_axis *a)
{
    return a->pad == 0 && a->stride * (a->dst - 1) + kerf__conv_reach(a) <= a->src;
}

static int is_one_to_one(const kerf__conv_axis *a)
{
    return a->kernel == 1 && a->stride == 1 && a->src == a->dst;
}

static problem problem_of(const kerf__op_case *c, const int *tile)
{
    problem p = {.v = kerf__conv_of(c->node)};
    p.lanes = kerf__input_layout(c->node, 0) == KERF__C16 ? KERF__LANES : 1;
    p.in_place = is_unpadded(&p.v.h) && is_unpadded(&p.v.w) && p.v.w.kernel % tile[TAPS] == 0;
    if (p.in_place && is_one_to_one(&p.v.h) && is_one_to_one(&p.v.w)) {
        p.v.w.src = p.v.w.dst = p.v.h.src * p.v.w.src; /* the plane is one line */
        p.v.h.src = p.v.h.dst = 1;
    }
    return p;
}

static int num_vector_groups(const problem *p, const int *tile)
{
    return kerf__ceil_div_int(kerf__ceil_div_int(p->v.dst_channels, tile[VECTOR]), tile[VECTORS]);
}

static double num_items(const problem *p, const int *tile, const cut *k)
{
    return (double)p->v.groups * num_vector_groups(p, tile) *
           kerf__ceil_div_int(p->v.src_channels, k->channels) *
           kerf__ceil_div_int(p->v.h.kernel, k->rows_of_taps);
}

static void set_bytes(const problem *p, const int *tile, cut *k)
{
    const kerf__conv_axis *h = &p->v.h, *w = &p->v.w;
    const size_t taps = (size_t)kerf__ceil_div_int(w->kernel, tile[TAPS]) * (size_t)tile[TAPS];
    const size_t cols =
        (size_t)(w->dst - 1) * (size_t)w->stride + (taps - 1) * (size_t)w->dilation + 1;
    const size_t rows = (size_t)(k->rows - 1) * (size_t)h->stride +
                        (size_t)(k->rows_of_taps - 1) * (size_t)h->dilation + 1;
    const size_t lanes = p->lanes == KERF__LANES ? KERF__LANES : (size_t)k->channels;
    k->band_bytes = sizeof(float) * (p->in_place ? 1 : rows * cols * lanes);
    k->sums_bytes = sizeof(float) * (size_t)(tile[VECTORS] * tile[VECTOR]) * (size_t)k->channels *
                    (size_t)k->rows_of_taps * (size_t)w->kernel;
}

/* Turns of all loops that an item goes through. */
static double num_iterations(const problem *p, const int *tile, const cut *k)
{
    const double passes = (double)kerf__ceil_div_int(k->channels, tile[CHANNELS]) *
                          k->rows_of_taps * kerf__ceil_div_int(p->v.w.kernel, tile[TAPS]);
    const double strips = (double)p->v.n * kerf__ceil_div_int(p->v.h.dst, k->rows);
    return (double)k->sums_bytes / 4 +
           strips * ((double)k->band_bytes / 4 + passes * (k->rows * (double)(p->v.w.dst + 1) + 1));
}

/* 0 if the device cannot take it. */
static int cut_of(const kerf__op_case *c, const problem *p, const int *tile, cut *k)
{
    const kerf_device_info *info = kerf_device_get_info(c->dev);
    const int loops_end = kerf__has_quirk(info, KERF__QUIRK_LONG_LOOPS);
    const double want = ITEMS_A_UNIT * (double)info->compute_units;
    const size_t local_bytes =
        info->local_bytes < MOST_LOCAL ? (size_t)info->local_bytes : MOST_LOCAL;
    const int most_rows = STRIP_PIXELS / p->v.w.dst > 0 ? STRIP_PIXELS / p->v.w.dst : 1;
    *k = (cut){.channels = p->v.src_channels < KERF__LANES ? p->v.src_channels : KERF__LANES,
               .rows_of_taps = p->v.h.kernel};
    k->rows = kerf__ceil_div_int(p->v.h.dst, kerf__ceil_div_int(p->v.h.dst, most_rows));
    while (k->rows_of_taps > 1 && num_items(p, tile, k) < want)
        do /* shares are even: 3 rows are not parted into 2 and 1 */
            k->rows_of_taps--;
        while (p->v.h.kernel % k->rows_of_taps != 0);
    while (k->channels > tile[CHANNELS] && num_items(p, tile, k) < want)
        k->channels =
            kerf__ceil_div_int(kerf__ceil_div_int(k->channels, tile[CHANNELS]), 2) * tile[CHANNELS];
    if (p->lanes == KERF__LANES) /* shares do not go over the edges of blocks */
        while (KERF__LANES % k->channels != 0)
            k->channels--;
    for (;;) {
        set_bytes(p, tile, k);
        if (k->band_bytes + k->sums_bytes <= local_bytes &&
            (!loops_end || num_iterations(p, tile, k) <= 2 * KERF__MOST_ITERATIONS - 1024))
            return 1;
        if (k->rows > 1 && k->band_bytes > local_bytes / 2)
            k->rows = kerf__ceil_div_int(k->rows, 2);
        else if (k->rows_of_taps > 1)
            k->rows_of_taps = kerf__ceil_div_int(k->rows_of_taps, 2);
        else if (k->channels > 1)
            k->channels = kerf__ceil_div_int(k->channels, 2);
        else if (k->rows > 1)
            k->rows = kerf__ceil_div_int(k->rows, 2);
        else
            return 0;
    }
}

int kerf__conv_weights_wide_fits(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    cut k;
    if (v.direction != KERF__CONV_WEIGHTS || kerf__conv_is_plain(c->node) || v.n == 0 ||
        kerf__conv_is_depthwise(&v) || !kerf__fits_31_bits(c) ||
        kerf__input_layout(c->node, 1) != KERF__C16)
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
    const int widest = kerf_device_get_info(c->dev)->features.vector_floats;
    const int sums = tile[VECTORS] * tile[CHANNELS] * tile[TAPS];
    /* Two vectors of half the size take a cycle. */
    const double adds = (sums < 20 ? 1.03 : 1.0) * sums * tile[VECTOR] / KERF__LANES;
    cut k;
    if (!cut_of(c, &p, tile, &k))
        return INFINITY;
    const double passes = (double)kerf__ceil_div_int(k.channels, tile[CHANNELS]) * k.rows_of_taps *
                          kerf__ceil_div_int(p.v.w.kernel, tile[TAPS]);
    const double strips = (double)p.v.n * kerf__ceil_div_int(p.v.h.dst, k.rows);
    double pass = k.rows * (p.v.w.dst * (adds + 1) + A_LINE) + A_SUM * sums;
    if (tile[VECTOR] > widest) /* registers in parts, and too few of them */
        pass *= 1.5 * tile[VECTOR] / widest;
    const double band = p.in_place ? 0 : A_PIXEL * (double)k.band_bytes / 4 / p.lanes;
    return ceil(num_items(&p, tile, &k) / units) * units * strips * (passes * pass + band);
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
                                 ARG(v->groups), ARG(v->h.src), ARG(v->h.dst), ARG(v->h.kernel),
                                 ARG(v->h.stride), ARG(v->h.pad), ARG(v->h.dilation), ARG(v->w.src),
                                 ARG(v->w.dst), ARG(v->w.kernel), ARG(v->w.stride), ARG(v->w.pad),
                                 ARG(v->w.dilation), ARG(k.channels), ARG(k.rows_of_taps),
                                 ARG(k.rows)),
                      kerf__grid_wide((size_t)num_vector_groups(&p, tile),
                                      (size_t)kerf__ceil_div_int(v->src_channels, k.channels),
                                      (size_t)v->groups *
                                          (size_t)kerf__ceil_div_int(v->h.kernel, k.rows_of_taps)));
}
