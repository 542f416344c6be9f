/* ops/conv_batch.c -- convolution of a batch on CPU devices, and its gradient by src: which tile,
 * and how the batch is cut into items.
 *
 * A candidate's name tells its tile: "2x8" has 2 vectors of channels by one pixel of 8 images,
 * "...v8" vectors of 8 floats, for CPUs with 256-bit registers or counts of channels that are
 * far from a multiple of 16.
 *
 * The kernel reads images and writes others; which of them are the convolution's src depends
 * on the direction.  Here `in` and `out` are the two.
 *
 * Device side: kernels/conv_batch.cl. */
#include "ops/conv_wide.h"

#include <math.h>
#include <stdio.h>

#include "device/quirks.h"
#include "ops/conv_common.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_conv_batch;

/* A candidate's parameters. */
enum { VECTORS, IMAGES, VECTOR };

#define TILE(name, vectors, images, vector)                                                        \
    {                                                                                              \
        name, "-DNV=" #vectors " -DNP=" #images " -DV=" #vector,                                   \
        {                                                                                          \
            vectors, images, vector                                                                \
        }                                                                                          \
    }

const kerf__candidate kerf__conv_batch_candidates[KERF__CONV_NUM_BATCH] = {
    TILE("2x8", 2, 8, 16),
    TILE("4x4", 4, 4, 16),
    TILE("3x8v8", 3, 8, 8),
    TILE("7x4v8", 7, 4, 8),
};

/* ---- the convolution as the kernel sees it ------------------------------------------------- */

/* One direction of the images. */
typedef struct side {
    int in, out;    /* pixels */
    int remainders; /* of out's pixels by the stride, where those have taps of their own */
    int step;       /* in in, from pixel to pixel of one remainder */
    int reach;      /* pixels of in that the taps of one remainder lie in */
    double pairs;   /* of pixel and tap that meet one of in */
} side;

typedef struct problem {
    kerf__conv v;
    side h, w;
    int in_channels, out_channels, in_lanes;
    int block_pitch, group_pitch; /* of the filters */
} problem;

static side side_of(const kerf__conv_axis *a, int is_gradient)
{
    const int reach = a->dilation * (a->kernel - 1);
    return is_gradient
               ? (side){a->dst, a->src, a->stride, 1, reach / a->stride + 1, kerf__conv_pairs(a)}
               : (side){a->src, a->dst, 1, a->stride, reach + 1, kerf__conv_pairs(a)};
}

static problem problem_of(const kerf__op_case *c)
{
    problem p = {.v = kerf__conv_of(c->node)};
    const int is_gradient = p.v.direction == KERF__CONV_SRC;
    const int taps = p.v.h.kernel * p.v.w.kernel;
    p.h = side_of(&p.v.h, is_gradient);
    p.w = side_of(&p.v.w, is_gradient);
    p.in_channels = is_gradient ? p.v.dst_channels : p.v.src_channels;
    p.out_channels = is_gradient ? p.v.src_channels : p.v.dst_channels;
    p.in_lanes = kerf__input_layout(c->node, 0) == KERF__C16 ? KERF__LANES : 1;
    p.block_pitch = (is_gradient ? p.v.groups : 1) * p.in_channels * taps * KERF__LANES;
    p.group_pitch = is_gradient ? p.in_channels * taps * KERF__LANES
                                : kerf__ceil_div_int(p.out_channels, KERF__LANES) * p.block_pitch;
    return p;
}

/* ---- how it is cut ------------------------------------------------------------------------- */

/* An item's share; see the kernel. */
typedef struct cut {
    int rows;  /* of pixels of one remainder */
    int chunk; /* blocks of channels in local memory at a time */
    int turns; /* groups of vectors, one after the other */
    size_t band_bytes, sums_bytes, taps_bytes;
} cut;

enum {
    MOST_LOCAL = 220 << 10,   /* beside the filters in the second cache */
    MOST_FILTERS = 400 << 10, /* of a chunk, which all tiles of an item read again */
    ITEMS_A_UNIT = 4          /* so that cores end together */
};

static int num_blocks(const problem *p)
{
    return kerf__ceil_div_int(p->in_channels, p->in_lanes);
}

static int num_vector_groups(const problem *p, const int *tile)
{
    return kerf__ceil_div_int(kerf__ceil_div_int(p->out_channels, tile[VECTOR]), tile[VECTORS]);
}

static int num_batches(const problem *p, const int *tile)
{
    return kerf__ceil_div_int(p->v.n, tile[IMAGES]) * p->v.groups;
}

static int pixels_a_remainder(const side *s)
{
    return kerf__ceil_div_int(s->out, s->remainders);
}

/* Items, were each to make one group of vectors. */
static double num_items(const problem *p, const int *tile, int rows)
{
    return (double)num_batches(p, tile) * p->h.remainders * p->w.remainders *
           num_vector_groups(p, tile) * kerf__ceil_div_int(pixels_a_remainder(&p->h), rows);
}

/* Lines of in under so many rows. */
static int num_lines(const problem *p, int rows)
{
    const int64_t lines = (int64_t)(rows - 1) * p->h.step + p->h.reach;
    return lines < p->h.in ? (int)lines : p->h.in;
}

/* Sets chunk and bytes; 0 if the rows are too many for one block even. */
static int size_chunk(const problem *p, const int *tile, size_t local_bytes, cut *k)
{
    const size_t lanes = (size_t)(tile[VECTORS] * tile[VECTOR]);
    const size_t taps = (size_t)p->v.h.kernel * (size_t)p->v.w.kernel;
    const size_t filters = lanes * (size_t)p->in_lanes * taps * sizeof(float);
    const size_t images = (size_t)tile[IMAGES] * sizeof(float);
    const size_t band =
        (size_t)num_lines(p, k->rows) * (size_t)p->w.in * (size_t)p->in_lanes * images;
    const size_t sums = (size_t)k->rows * (size_t)pixels_a_remainder(&p->w) * lanes * images;
    const int blocks = num_blocks(p);
    k->taps_bytes = taps * 2 * sizeof(int);
    k->sums_bytes = sizeof(float);
    k->chunk = filters < MOST_FILTERS ? (int)(MOST_FILTERS / filters) : 1;
    if (k->chunk >= blocks && (size_t)blocks * band <= local_bytes) {
        k->chunk = blocks;
    } else {
        if (sums + band > local_bytes)
            return 0;
        k->sums_bytes = sums;
        if ((local_bytes - sums) / band < (size_t)k->chunk)
            k->chunk = (int)((local_bytes - sums) / band);
        k->chunk = kerf__ceil_div_int(blocks,
                                      kerf__ceil_div_int(blocks, k->chunk)); /* as even as can be */
    }
    k->band_bytes = (size_t)k->chunk * band;
    return 1;
}

/* A band of all channels serves several groups of vectors: it is copied once for them. */
static int num_turns(const problem *p, const int *tile, const cut *k, int units)
{
    const int groups = num_vector_groups(p, tile);
    const double others = num_items(p, tile, k->rows) / groups;
    int turns = 1;
    if (k->chunk < num_blocks(p))
        return 1;
    while (turns < groups && others * kerf__ceil_div_int(groups, turns + 1) >= ITEMS_A_UNIT * units)
        turns++;
    return turns;
}

/* 0 if the device cannot take it. */
static int cut_of(const kerf__op_case *c, const problem *p, const int *tile, cut *k)
{
    const kerf_device_info *info = kerf_device_get_info(c->dev);
    const int units = (int)info->compute_units;
    const size_t tap_bytes = (size_t)p->v.h.kernel * (size_t)p->v.w.kernel * 2 * sizeof(int) + 64;
    if (info->local_bytes <= tap_bytes)
        return 0;
    size_t local_bytes = (size_t)info->local_bytes - tap_bytes;
    if (local_bytes > MOST_LOCAL)
        local_bytes = MOST_LOCAL;
    *k = (cut){.rows = pixels_a_remainder(&p->h)};
    while (k->rows > 1 && num_items(p, tile, k->rows) < ITEMS_A_UNIT * units)
        k->rows = kerf__ceil_div_int(k->rows, 2);
    while (!size_chunk(p, tile, local_bytes, k)) {
        if (k->rows == 1)
            return 0;
        k->rows = kerf__ceil_div_int(k->rows, 2);
    }
    k->turns = num_turns(p, tile, k, units);
    return 1;
}

/* ---- the variant --------------------------------------------------------------------------- */

/* A single image has nothing beside it; loops that end are too short for a batch. */
int kerf__conv_batch_fits(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const kerf__layout filters = v.direction == KERF__CONV_DST ? KERF__O16 : KERF__I16;
    cut k;
    if (v.direction == KERF__CONV_WEIGHTS || v.n < 2 || !kerf__conv_are_whole(&v) ||
        !kerf__fits_31_bits(c) ||
        kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS) ||
        kerf__input_layout(c->node, 1) != filters || kerf__output_layout(c->node, 0) != KERF__C16)
        return 0;
    const problem p = problem_of(c);
    for (int i = 0; i < KERF__CONV_NUM_BATCH; i++)
        if (!cut_of(c, &p, kerf__conv_batch_candidates[i].parameters, &k))
            return 0;
    return 1;
}

/* In cycles of one core, as all guesses of this operation. */
double kerf__conv_batch_guess(const kerf__op_case *c)
{
    enum { A_TILE = 100, A_VECTOR = 6, A_PIXEL = 3 };
    const int *tile = c->option.candidate->parameters;
    const problem p = problem_of(c);
    const kerf_device_info *info = kerf_device_get_info(c->dev);
    const int units = (int)info->compute_units, sums = tile[VECTORS] * tile[IMAGES];
    cut k;
    if (!cut_of(c, &p, tile, &k))
        return INFINITY;
    /* Two vectors of half the size take a cycle. */
    const double step = 1.0 + 1.05 * sums * tile[VECTOR] / KERF__LANES;
    const double layers = (double)num_batches(&p, tile) * num_vector_groups(&p, tile);
    const double pixels = (double)p.h.out * p.w.out;
    const double strips = kerf__ceil_div_int(pixels_a_remainder(&p.h), k.rows);
    const double copied = strips * num_lines(&p, k.rows) * p.w.in * num_blocks(&p) * tile[IMAGES];
    double cycles = layers * (p.h.pairs * p.w.pairs * p.in_channels * step +
                              pixels * (A_TILE + A_VECTOR * sums) + A_PIXEL * copied / k.turns);
    if (tile[VECTOR] > info->features.vector_floats) /* registers in parts, and too few of them */
        cycles *= 1.5 * tile[VECTOR] / info->features.vector_floats;
    const double items = num_items(&p, tile, k.rows) / k.turns;
    return ceil(items / units) * units / items * cycles;
}

kerf_status kerf__conv_batch_build(const kerf__op_case *c)
{
    const int *tile = c->option.candidate->parameters;
    const problem p = problem_of(c);
    const kerf__conv *v = &p.v;
    const int is_gradient = v->direction == KERF__CONV_SRC;
    const int remainders = p.h.remainders * p.w.remainders;
    char options[128];
    cut k;
    if (!cut_of(c, &p, tile, &k))
        return KERF_ERR_UNSUPPORTED; /* fits has said that it can */
    snprintf(options, sizeof options, "%s -DSRC_LANES=%d", c->option.candidate->options,
             p.in_lanes);
    const int strips = kerf__ceil_div_int(pixels_a_remainder(&p.h), k.rows);
    return kerf__emit(
        c, &kerf__source_conv_batch, "conv_batch", options,
        KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__conv_bias(c, v)),
                   ARG(kerf__conv_residual(c, v)), ARG(kerf__out(c, 0)),
                   kerf__arg_local(k.band_bytes), kerf__arg_local(k.sums_bytes),
                   kerf__arg_local(k.taps_bytes), ARG(is_gradient), ARG(v->n), ARG(p.in_channels),
                   ARG(p.out_channels), ARG(v->groups), ARG(p.h.in), ARG(p.h.out), ARG(v->h.kernel),
                   ARG(v->h.stride), ARG(v->h.pad), ARG(v->h.dilation), ARG(p.w.in), ARG(p.w.out),
                   ARG(v->w.kernel), ARG(v->w.stride), ARG(v->w.pad), ARG(v->w.dilation),
                   ARG(k.rows), ARG(k.chunk), ARG(k.turns), ARG(p.block_pitch), ARG(p.group_pitch),
                   ARG(v->has_bias), ARG(v->has_residual), ARG(v->activation.slope),
                   ARG(v->activation.low), ARG(v->activation.high)),
        kerf__grid_wide((size_t)remainders *
                            (size_t)kerf__ceil_div_int(num_vector_groups(&p, tile), k.turns),
                        (size_t)strips, (size_t)num_batches(&p, tile)));
}
