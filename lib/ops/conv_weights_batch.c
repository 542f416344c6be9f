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
#include "ops/conv_common.h"
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
    int channels;     /* of src */
    int rows_of_taps; /* of the kernel */
    int images, rows; /* of dst, to a strip */
    size_t band_bytes, diff_bytes, sums_bytes;
} cut;

enum {
    MOST_LOCAL = 220 << 10,
    STRIP_PIXELS = 256, /* of diff_dst, which all tiles of an item read again */
    LEAST_IMAGES = 4,   /* side by side, if there are so many: runs are not short */
    ITEMS_A_UNIT = 4
};

static problem problem_of(const kerf__op_case *c)
{
    problem p = {.v = kerf__conv_of(c->node)};
    p.lanes = kerf__input_layout(c->node, 0) == KERF__C16 ? KERF__LANES : 1;
    return p;
}

/* ---- how it is cut ------------------------------------------------------------------------- */

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

/* Pixels of src, of one image and channel, that a strip needs. */
static size_t src_pixels(const problem *p, const cut *k)
{
    const int64_t lines = (int64_t)(k->rows - 1) * p->v.h.stride +
                          (int64_t)(k->rows_of_taps - 1) * p->v.h.dilation + 1;
    return (size_t)(lines < p->v.h.src ? lines : p->v.h.src) * (size_t)p->v.w.src;
}

static size_t set_bytes(const problem *p, const int *tile, cut *k)
{
    const size_t vectors = (size_t)(tile[VECTORS] * tile[VECTOR]) * sizeof(float);
    const size_t lanes = p->lanes == KERF__LANES ? KERF__LANES : (size_t)k->channels;
    k->band_bytes = src_pixels(p, k) * (size_t)k->images * lanes * sizeof(float);
    k->diff_bytes = (size_t)k->rows * (size_t)p->v.w.dst * (size_t)k->images * vectors;
    k->sums_bytes = vectors * (size_t)k->channels * (size_t)k->rows_of_taps * (size_t)p->v.w.kernel;
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

/* 0 if the device cannot take it. */
static int cut_of(const kerf__op_case *c, const problem *p, const int *tile, cut *k)
{
    const kerf_device_info *info = kerf_device_get_info(c->dev);
    const double want = ITEMS_A_UNIT * (double)info->compute_units;
    const size_t local_bytes =
        info->local_bytes < MOST_LOCAL ? (size_t)info->local_bytes : MOST_LOCAL;
    *k = (cut){.channels = p->v.src_channels < KERF__LANES ? p->v.src_channels : KERF__LANES,
               .rows_of_taps = p->v.h.kernel};
    set_strip(p, k);
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
    while (set_bytes(p, tile, k) > local_bytes) {
        if (k->rows > 1)
            k->rows = kerf__ceil_div_int(k->rows, 2);
        else if (k->images > 1)
            k->images = kerf__ceil_div_int(k->images, 2);
        else if (k->rows_of_taps > 1)
            k->rows_of_taps = kerf__ceil_div_int(k->rows_of_taps, 2);
        else if (k->channels > 1)
            k->channels = kerf__ceil_div_int(k->channels, 2);
        else
            return 0;
    }
    return 1;
}

/* ---- the variant --------------------------------------------------------------------------- */

int kerf__conv_weights_batch_fits(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    cut k;
    if (v.direction != KERF__CONV_WEIGHTS || kerf__conv_is_plain(c->node) || v.n < 2 ||
        !kerf__conv_are_whole(&v) ||
        kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS) ||
        !kerf__fits_31_bits(c) || kerf__input_layout(c->node, 1) != KERF__C16)
        return 0;
    const problem p = problem_of(c);
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
    const kerf_device_info *info = kerf_device_get_info(c->dev);
    const int units = (int)info->compute_units, sums = tile[VECTORS] * tile[CHANNELS];
    cut k;
    if (!cut_of(c, &p, tile, &k))
        return INFINITY;
    /* Two vectors of half the size take a cycle. */
    const double step = 1.0 + 1.03 * sums * tile[VECTOR] / KERF__LANES;
    const double strips = ceil((double)p.v.n / k.images) * kerf__ceil_div_int(p.v.h.dst, k.rows);
    const double taps = (double)p.v.h.kernel * p.v.w.kernel;
    const double runs = strips * k.rows * (p.v.w.stride == 1 ? 1 : p.v.w.dst);
    const double tiles = (double)p.v.groups * num_vector_groups(&p, tile) *
                         kerf__ceil_div_int(p.v.src_channels, tile[CHANNELS]);
    const double pairs = (double)p.v.n * kerf__conv_pairs(&p.v.h) * kerf__conv_pairs(&p.v.w);
    const double items = num_items(&p, tile, &k);
    const double band =
        strips * ((double)k.band_bytes / p.lanes + (double)k.diff_bytes / tile[VECTOR]) / 4;
    double cycles = tiles * (pairs * step + taps * (A_RUN * runs + A_SUM * strips * sums)) +
                    items * A_PIXEL * band;
    if (tile[VECTOR] > info->features.vector_floats) /* registers in parts, and too few of them */
        cycles *= 1.5 * tile[VECTOR] / info->features.vector_floats;
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
                                 ARG(v->dst_channels), ARG(v->groups), ARG(v->h.src), ARG(v->h.dst),
                                 ARG(v->h.kernel), ARG(v->h.stride), ARG(v->h.pad),
                                 ARG(v->h.dilation), ARG(v->w.src), ARG(v->w.dst), ARG(v->w.kernel),
                                 ARG(v->w.stride), ARG(v->w.pad), ARG(v->w.dilation),
                                 ARG(k.channels), ARG(k.rows_of_taps), ARG(k.rows), ARG(k.images)),
                      kerf__grid_wide((size_t)num_vector_groups(&p, tile),
                                      (size_t)kerf__ceil_div_int(v->src_channels, k.channels),
                                      (size_t)v->groups *
                                          (size_t)kerf__ceil_div_int(v->h.kernel, k.rows_of_taps)));
}
