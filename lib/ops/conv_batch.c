/* ops/conv_batch.c -- convolution of a batch on CPU devices, and its gradient by src: which tile,
 * and how the batch is cut into items.
 *
 * A candidate's name tells its tile: "2x8" has 2 vectors of channels by one pixel of 8 images,
 * "...v8" vectors of 8 floats, for CPUs with 256-bit registers or counts of channels that are
 * far from a multiple of 16.
 *
 * Device side: kernels/conv_batch.cl. */
#include "ops/conv_wide.h"

#include <math.h>
#include <stdio.h>

#include "device/quirks.h"
#include "ops/conv_cut.h"
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

/* ---- how it is cut ------------------------------------------------------------------------- */

static int num_vector_groups(const kerf__conv_images *p, const int *tile)
{
    return kerf__num_vector_groups(p->out_channels, tile[VECTORS], tile[VECTOR]);
}

static int num_batches(const kerf__conv_images *p, const int *tile)
{
    return kerf__ceil_div_int(p->v.n, tile[IMAGES]) * p->v.groups;
}

/* Items, were each to make one group of vectors. */
static double num_items(const kerf__conv_images *p, const int *tile, int rows)
{
    return (double)num_batches(p, tile) * p->h.remainders * p->w.remainders *
           num_vector_groups(p, tile) * kerf__ceil_div_int(kerf__pixels_a_remainder(&p->h), rows);
}

/* Lines of in under so many rows. */
static int num_lines(const kerf__conv_images *p, int rows)
{
    const int64_t lines = (int64_t)(rows - 1) * p->h.step + p->h.reach;
    return lines < p->h.in ? (int)lines : p->h.in;
}

/* 0 if the rows are too many for one block even. */
static int size_chunk(const kerf__conv_images *p, const int *tile, size_t local_bytes,
                      kerf__conv_cut *k)
{
    const int channels = tile[VECTORS] * tile[VECTOR];
    const size_t images = (size_t)tile[IMAGES] * sizeof(float);
    const size_t band =
        (size_t)num_lines(p, k->rows) * (size_t)p->w.in * (size_t)p->in_lanes * images;
    const size_t sums = (size_t)k->rows * (size_t)k->cols * (size_t)channels * images;
    return kerf__conv_size_chunk(p, channels, band, sums, local_bytes, k);
}

/* 0 if the device cannot take it. */
static int cut_of(const kerf__op_case *c, const kerf__conv_images *p, const int *tile,
                  kerf__conv_cut *k)
{
    const int units = (int)kerf_device_get_info(c->dev)->compute_units;
    const int groups = num_vector_groups(p, tile);
    const size_t local_bytes = kerf__conv_local_bytes(c, &p->v);
    *k = (kerf__conv_cut){.rows = kerf__pixels_a_remainder(&p->h),
                          .cols = kerf__pixels_a_remainder(&p->w)};
    while (k->rows > 1 && num_items(p, tile, k->rows) < KERF__ITEMS_A_UNIT * units)
        k->rows = kerf__ceil_div_int(k->rows, 2);
    while (!size_chunk(p, tile, local_bytes, k)) {
        if (k->rows == 1)
            return 0;
        k->rows = kerf__ceil_div_int(k->rows, 2);
    }
    k->turns = kerf__conv_num_turns(c, p, k, groups, num_items(p, tile, k->rows) / groups);
    return 1;
}

/* ---- the variant --------------------------------------------------------------------------- */

/* A single image has nothing beside it; loops that end are too short for a batch. */
int kerf__conv_batch_fits(const kerf__op_case *c)
{
    const kerf__conv_images p = kerf__conv_images_of(c);
    kerf__conv_cut k;
    if (!kerf__conv_is_blocked(c) || p.v.n < 2 ||
        kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS))
        return 0;
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
    const kerf__conv_images p = kerf__conv_images_of(c);
    const int units = (int)kerf_device_get_info(c->dev)->compute_units;
    const int sums = tile[VECTORS] * tile[IMAGES];
    kerf__conv_cut k;
    if (!cut_of(c, &p, tile, &k))
        return INFINITY;
    /* Two vectors of half the size take a cycle. */
    const double step = 1.0 + 1.05 * sums * tile[VECTOR] / KERF__LANES;
    const double layers = (double)num_batches(&p, tile) * num_vector_groups(&p, tile);
    const double pixels = (double)p.h.out * p.w.out;
    const double strips = kerf__ceil_div_int(kerf__pixels_a_remainder(&p.h), k.rows);
    const double copied =
        strips * num_lines(&p, k.rows) * p.w.in * kerf__conv_num_blocks(&p) * tile[IMAGES];
    const double pairs = kerf__conv_pairs(&p.v.h) * kerf__conv_pairs(&p.v.w);
    const double cycles = layers *
                          (pairs * p.in_channels * step + pixels * (A_TILE + A_VECTOR * sums) +
                           A_PIXEL * copied / k.turns) *
                          kerf__tile_register_cost(c, tile[VECTOR], sums);
    const double items = num_items(&p, tile, k.rows) / k.turns;
    return ceil(items / units) * units / items * cycles;
}

kerf_status kerf__conv_batch_build(const kerf__op_case *c)
{
    const int *tile = c->option.candidate->parameters;
    const kerf__conv_images p = kerf__conv_images_of(c);
    const kerf__conv *v = &p.v;
    const int remainders = p.h.remainders * p.w.remainders;
    char options[128];
    kerf__conv_cut k;
    if (!cut_of(c, &p, tile, &k))
        return KERF_ERR_UNSUPPORTED; /* fits has said that it can */
    snprintf(options, sizeof options, "%s -DSRC_LANES=%d", c->option.candidate->options,
             p.in_lanes);
    const int strips = kerf__ceil_div_int(kerf__pixels_a_remainder(&p.h), k.rows);
    return kerf__emit(
        c, &kerf__source_conv_batch, "conv_batch", options,
        KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__conv_bias(c, v)),
                   ARG(kerf__conv_residual(c, v)), ARG(kerf__out(c, 0)),
                   kerf__arg_local(k.band_bytes), kerf__arg_local(k.sums_bytes),
                   kerf__arg_local(kerf__conv_taps_bytes(v)), ARG(p.is_gradient), ARG(v->n),
                   ARG(p.in_channels), ARG(p.out_channels), ARG(v->groups),
                   KERF__AXIS_ARGS(p.h.in, p.h.out, v->h), KERF__AXIS_ARGS(p.w.in, p.w.out, v->w),
                   ARG(k.rows), ARG(k.chunk), ARG(k.turns), ARG(p.block_pitch), ARG(p.group_pitch),
                   KERF__FINISH_ARGS(*v)),
        kerf__grid_wide((size_t)remainders *
                            (size_t)kerf__ceil_div_int(num_vector_groups(&p, tile), k.turns),
                        (size_t)strips, (size_t)num_batches(&p, tile)));
}
