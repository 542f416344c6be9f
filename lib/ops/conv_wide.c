/* ops/conv_wide.c -- convolution on CPU devices, and its gradient by src: which tile, and how the
 * image is cut into items.
 *
 * A candidate's name tells its tile: "4x7" has 4 vectors of channels by 7 pixels; "...e" reads
 * a pixel anew for every vector (an embedded broadcast), "...v8" has vectors of 8 floats, for CPUs
 * with 256-bit registers.
 *
 * The kernel reads one image and writes another; which of them is the convolution's src depends
 * on the direction.  Here `in` and `out` are the two.
 *
 * Device side: kernels/conv_wide.cl. */
#include "ops/conv_wide.h"

#include <math.h>
#include <stdio.h>

#include "device/quirks.h"
#include "ops/conv_gather.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_conv_wide;

/* A candidate's parameters. */
enum { VECTORS, PIXELS, VECTOR, EMBED };

#define TILE(name, vectors, pixels, vector, embed)                                                 \
    {                                                                                              \
        name, "-DNV=" #vectors " -DNP=" #pixels " -DV=" #vector " -DEMBED=" #embed,                \
        {                                                                                          \
            vectors, pixels, vector, embed                                                         \
        }                                                                                          \
    }

const kerf__candidate kerf__conv_wide_candidates[KERF__CONV_NUM_WIDE] = {
    TILE("4x7e", 4, 7, 16, 1), TILE("4x7", 4, 7, 16, 0),   TILE("2x14", 2, 14, 16, 0),
    TILE("2x8", 2, 8, 16, 0),  TILE("1x14", 1, 14, 16, 0), TILE("2x6v8", 2, 6, 8, 0),
};

/* ---- the convolution as the kernel sees it ------------------------------------------------- */

/* One direction of the images. */
typedef struct side {
    int in, out;            /* pixels */
    int remainders;         /* of out's pixels by the stride, where those have taps of their own */
    int step;               /* in in, from pixel to pixel of one remainder */
    int reach;              /* pixels of in that the taps of one remainder lie in */
    kerf__conv_axis window; /* the convolution's */
} side;

typedef struct problem {
    kerf__conv v;
    side h, w;
    int in_channels, out_channels, in_lanes;
    int in_place;                 /* 1x1 of stride 1: the plane is one line */
    int block_pitch, group_pitch; /* of the filters */
} problem;

static side side_of(const kerf__conv_axis *a, int is_gradient)
{
    const int reach = a->dilation * (a->kernel - 1);
    return is_gradient ? (side){a->dst, a->src, a->stride, 1, reach / a->stride + 1, *a}
                       : (side){a->src, a->dst, 1, a->stride, reach + 1, *a};
}

static int is_one_to_one(const kerf__conv_axis *a)
{
    return a->kernel == 1 && a->stride == 1 && a->pad == 0 && a->src == a->dst;
}

/* h is folded into w. */
static void flatten(problem *p)
{
    p->w.in = p->w.out = p->h.in * p->w.in;
    p->h.in = p->h.out = 1;
}

static problem problem_of(const kerf__op_case *c, const kerf__candidate *tile)
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
    p.in_place = is_one_to_one(&p.v.h) && is_one_to_one(&p.v.w) && p.in_lanes == KERF__LANES &&
                 (int64_t)p.h.out * p.w.out >= tile->parameters[PIXELS];
    if (p.in_place)
        flatten(&p);
    return p;
}

/* ---- how it is cut ------------------------------------------------------------------------- */

/* An item's share; see the kernel. */
typedef struct cut {
    int rows, cols; /* of pixels of one remainder */
    int chunk;      /* blocks of channels in local memory at a time */
    int turns;      /* groups of vectors, one after the other */
    size_t band_bytes, sums_bytes;
} cut;

enum {
    MOST_LOCAL = 220 << 10,   /* beside the filters in the second cache */
    MOST_FILTERS = 400 << 10, /* of a chunk, which all tiles of an item read again */
    ITEMS_A_UNIT = 4          /* so that cores end together; drivers deal out in large pieces */
};

static int num_blocks(const problem *p)
{
    return kerf__ceil_div_int(p->in_channels, p->in_lanes);
}

static int num_vector_groups(const problem *p, const int *tile)
{
    return kerf__ceil_div_int(kerf__ceil_div_int(p->out_channels, KERF__LANES) *
                                  (KERF__LANES / tile[VECTOR]),
                              tile[VECTORS]);
}

static int pixels_a_remainder(const side *s)
{
    return kerf__ceil_div_int(s->out, s->remainders);
}

/* Items that differ in more than the pixels. */
static int num_layers(const problem *p, const int *tile)
{
    return p->v.n * p->v.groups * p->h.remainders * p->w.remainders * num_vector_groups(p, tile);
}

/* Lines (or tiles of the only line) to an item: few items a core, but all of them with as much to
 * do.  Returns how much longer the busiest core takes than if all could be shared evenly. */
static double share_lines(int lines, int layers, int units, int *best)
{
    double least = INFINITY;
    *best = lines;
    for (int parts = 1; parts <= lines; parts++) {
        const int share = kerf__ceil_div_int(lines, parts);
        const double items = (double)layers * kerf__ceil_div_int(lines, share);
        const double load = ceil(items / units) * units * share / ((double)layers * lines);
        if (items < ITEMS_A_UNIT * units && share > 1)
            continue;
        if (load < least - 0.02) {
            least = load;
            *best = share;
        }
        if (least < 1.02)
            break;
    }
    return least;
}

/* Floats of a block's band. */
static size_t band_floats(const problem *p, int rows, int cols)
{
    const int step = p->h.reach == 1 ? 1 : p->h.step; /* other lines are left out */
    const int phases = p->w.reach == 1 ? 1 : p->w.step;
    return ((size_t)(rows - 1) * (size_t)step + (size_t)p->h.reach) * (size_t)phases *
           ((size_t)cols + (size_t)((p->w.reach - 1) / p->w.step)) * (size_t)p->in_lanes;
}

/* Turns of all loops that an item goes through. */
static double num_iterations(const problem *p, const int *tile, const cut *k)
{
    const double tiles = (double)k->rows * k->cols / tile[PIXELS];
    const double taps = (double)p->v.h.kernel * p->v.w.kernel;
    const double copied =
        (double)band_floats(p, k->rows, k->cols) / p->in_lanes * num_blocks(p) * !p->in_place;
    return k->turns * (copied + tiles * p->in_channels * (taps + 1)) + taps * 2;
}

/* Sets chunk and bytes; 0 if the pixels are too many for one block even. */
static int size_chunk(const problem *p, const int *tile, size_t local_bytes, cut *k)
{
    const size_t lanes = (size_t)(tile[VECTORS] * tile[VECTOR]);
    const size_t filters =
        lanes * (size_t)p->in_lanes * (size_t)p->v.h.kernel * (size_t)p->v.w.kernel * sizeof(float);
    const size_t band = p->in_place ? 0 : band_floats(p, k->rows, k->cols) * sizeof(float);
    const size_t sums = (size_t)k->rows * (size_t)k->cols * lanes * sizeof(float);
    const int blocks = num_blocks(p),
              most = filters < MOST_FILTERS ? (int)(MOST_FILTERS / filters) : 1;
    k->chunk = blocks < most ? blocks : most;
    k->sums_bytes = sizeof(float);
    if (k->chunk < blocks || (size_t)blocks * band > local_bytes) {
        if (sums + band > local_bytes)
            return 0;
        k->sums_bytes = sums;
        if (band > 0 && (local_bytes - sums) / band < (size_t)k->chunk)
            k->chunk = (int)((local_bytes - sums) / band);
        k->chunk = kerf__ceil_div_int(blocks,
                                      kerf__ceil_div_int(blocks, k->chunk)); /* as even as can be */
    }
    k->band_bytes = (size_t)k->chunk * band + sizeof(float);
    return 1;
}

static int halve(int x, int multiple)
{
    return kerf__ceil_div_int(x / multiple, 2) * multiple;
}

/* Fewer pixels; 0 if it is one tile already. */
static int shrink(cut *k, int pixels)
{
    if (k->rows > 1)
        k->rows = halve(k->rows, 1);
    else if (k->cols > pixels)
        k->cols = halve(k->cols, pixels);
    else
        return 0;
    return 1;
}

/* A band of all channels serves several groups of vectors: it is copied once for them. */
static int num_turns(const problem *p, const int *tile, const cut *k, int units)
{
    const int groups = num_vector_groups(p, tile);
    const double others = (double)num_layers(p, tile) / groups *
                          kerf__ceil_div_int(pixels_a_remainder(&p->h), k->rows) *
                          kerf__ceil_div_int(pixels_a_remainder(&p->w), k->cols);
    int turns = 1;
    if (p->in_place || k->chunk < num_blocks(p))
        return 1;
    while (turns < groups && others * kerf__ceil_div_int(groups, turns + 1) >= ITEMS_A_UNIT * units)
        turns++;
    return turns;
}

/* 0 if the device cannot take it. */
static int cut_of(const kerf__op_case *c, const problem *p, const int *tile, cut *k)
{
    const kerf_device_info *info = kerf_device_get_info(c->dev);
    const int loops_end = kerf__has_quirk(info, KERF__QUIRK_LONG_LOOPS);
    const int units = (int)info->compute_units, taps = p->v.h.kernel * p->v.w.kernel;
    const int across = kerf__ceil_div_int(pixels_a_remainder(&p->w), tile[PIXELS]);
    const size_t tap_bytes = (size_t)taps * 2 * sizeof(int);
    if (info->local_bytes < tap_bytes + 64)
        return 0;
    size_t local_bytes = (size_t)info->local_bytes - tap_bytes - 64;
    if (local_bytes > MOST_LOCAL)
        local_bytes = MOST_LOCAL;
    *k = (cut){.rows = 1, .cols = across * tile[PIXELS], .turns = 1};
    if (p->v.n == 0)
        return size_chunk(p, tile, local_bytes, k);
    share_lines(p->in_place ? across : pixels_a_remainder(&p->h), num_layers(p, tile), units,
                p->in_place ? &k->cols : &k->rows);
    if (p->in_place)
        k->cols *= tile[PIXELS];
    else if (p->h.reach == 1 && p->w.reach == 1) /* little is done with a band: share it */
        while (k->rows > 1 &&
               band_floats(p, k->rows, k->cols) * (size_t)num_blocks(p) * sizeof(float) >
                   local_bytes)
            k->rows = halve(k->rows, 1);
    for (;;) {
        if (size_chunk(p, tile, local_bytes, k)) {
            k->turns = loops_end ? 1 : num_turns(p, tile, k, units);
            if (!loops_end || num_iterations(p, tile, k) <= KERF__MOST_ITERATIONS)
                return 1;
        }
        if (!shrink(k, tile[PIXELS]))
            return 0;
    }
}

/* ---- the wish --------------------------------------------------------------------------- */

int kerf__conv_are_whole(const kerf__conv *v)
{
    return v->groups == 1 ||
           (v->src_channels % KERF__LANES == 0 && v->dst_channels % KERF__LANES == 0);
}

/* Blocks of few channels are mostly padding: src then stays plain, and what is written so, too. */
enum { FEW_CHANNELS = 8, MOST_BAND = 24 << 10, MOST_STEPS = KERF__MOST_ITERATIONS / 4 };

/* 1 if every CPU device can take it: one tile of a block's band is small, and a sum is not too
 * long for a loop (see KERF__MOST_ITERATIONS). */
static int is_small_enough(const kerf__conv *v)
{
    enum { WIDEST_TILE = 14 };
    const double band = (double)kerf__conv_reach(&v->h) * v->w.stride *
                        (double)(kerf__conv_reach(&v->w) + WIDEST_TILE) * KERF__LANES *
                        (double)sizeof(float);
    const double steps = (double)v->h.kernel * v->w.kernel *
                         (v->direction == KERF__CONV_SRC ? v->dst_channels : v->src_channels);
    return band <= MOST_BAND && steps <= MOST_STEPS;
}

/* Filters of one channel are the same vectors in both directions. */
kerf__layout kerf__conv_second_layout(const kerf__conv *v)
{
    static const kerf__layout SECOND[] = {KERF__O16, KERF__I16, KERF__C16};
    const int as_forward = kerf__conv_is_depthwise(v) && v->direction == KERF__CONV_SRC;
    return SECOND[as_forward ? KERF__CONV_DST : v->direction];
}

/* 1 if a wide variant can compute it in blocks. */
static int can_block(const kerf__conv *v)
{
    if (v->n == 0)
        return 0;
    if (kerf__conv_is_depthwise(v))
        return v->groups >= FEW_CHANNELS && kerf__conv_num_gathers(v) <= KERF__MOST_GATHERS;
    const int out_channels = v->direction == KERF__CONV_SRC ? v->src_channels : v->dst_channels;
    return out_channels >= FEW_CHANNELS && kerf__conv_are_whole(v) && is_small_enough(v);
}

kerf__wish kerf__conv_wish(const kerf_node *n, kerf__layouts *out)
{
    const kerf__conv v = kerf__conv_of(n);
    const int is_gradient = v.direction == KERF__CONV_SRC;
    const int in_channels = v.groups * (is_gradient ? v.dst_channels : v.src_channels);
    if (!can_block(&v))
        return KERF__STAYS;
    out->inputs[0] = in_channels < FEW_CHANNELS ? KERF__PLAIN : KERF__C16;
    out->inputs[1] = kerf__conv_winograd_pays(&v) ? KERF__W16 : kerf__conv_second_layout(&v);
    out->inputs[3] = v.has_residual ? KERF__C16 : KERF__PLAIN;
    out->outputs[0] = v.direction == KERF__CONV_WEIGHTS ? KERF__PLAIN : KERF__C16;
    return KERF__SEEKS;
}

/* ---- the variant --------------------------------------------------------------------------- */

int kerf__conv_wide_fits(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const kerf__layout filters = v.direction == KERF__CONV_DST ? KERF__O16 : KERF__I16;
    cut k;
    if (v.direction == KERF__CONV_WEIGHTS || !kerf__conv_are_whole(&v) || !kerf__fits_31_bits(c) ||
        kerf__input_layout(c->node, 1) != filters || kerf__output_layout(c->node, 0) != KERF__C16)
        return 0;
    for (int i = 0; i < KERF__CONV_NUM_WIDE; i++) {
        const kerf__candidate *tile = &kerf__conv_wide_candidates[i];
        const problem p = problem_of(c, tile);
        if (!cut_of(c, &p, tile->parameters, &k))
            return 0;
    }
    return 1;
}

/* Cycles of a step: a multiply-add a cycle, and some to come in; each has to wait for the last
 * one on the same sum. */
static double step_cycles(const int *tile)
{
    const double multiply_adds = tile[VECTORS] * tile[PIXELS];
    return 1.0 + (multiply_adds > 8 ? multiply_adds : 8) * (multiply_adds < 20 ? 1.05 : 1.0);
}

/* In cycles of one core, as all guesses of this operation. */
double kerf__conv_wide_guess(const kerf__op_case *c)
{
    enum { A_TILE = 100, A_VECTOR = 6, A_PIXEL = 3 };
    const int *tile = c->option.candidate->parameters;
    const problem p = problem_of(c, c->option.candidate);
    const int units = (int)kerf_device_get_info(c->dev)->compute_units;
    const int widest = kerf_device_get_info(c->dev)->features.vector_floats;
    const double taps = (double)p.v.h.kernel * p.v.w.kernel / (p.h.remainders * p.w.remainders);
    cut k;
    if (!cut_of(c, &p, tile, &k))
        return INFINITY;
    const double tiles = (double)k.rows * k.cols / tile[PIXELS];
    const double rects = (double)kerf__ceil_div_int(pixels_a_remainder(&p.h), k.rows) *
                         kerf__ceil_div_int(pixels_a_remainder(&p.w), k.cols);
    const double items = rects * num_layers(&p, tile) / k.turns;
    double cycles = tiles * (p.in_channels * taps * step_cycles(tile) + A_TILE +
                             A_VECTOR * tile[VECTORS] * tile[PIXELS]);
    if (!p.in_place)
        cycles += A_PIXEL * (double)band_floats(&p, k.rows, k.cols) / p.in_lanes * num_blocks(&p) /
                  k.turns;
    if (tile[VECTOR] > widest) /* registers in parts, and too few of them */
        cycles *= 1.5 * tile[VECTOR] / widest;
    if (tile[VECTORS] * tile[PIXELS] == 28 && tile[VECTORS] == 4 && !tile[EMBED])
        cycles *= 1.01; /* one register more than there are */
    return ceil(items / units) * units * k.turns * cycles;
}

kerf_status kerf__conv_wide_build(const kerf__op_case *c)
{
    const int *tile = c->option.candidate->parameters;
    const problem p = problem_of(c, c->option.candidate);
    const kerf__conv *v = &p.v;
    const int is_gradient = v->direction == KERF__CONV_SRC, zero = 0;
    const int remainders = p.h.remainders * p.w.remainders;
    char options[128];
    cut k;
    if (!cut_of(c, &p, tile, &k))
        return KERF_ERR_UNSUPPORTED; /* fits has said that it can */
    snprintf(options, sizeof options, "%s -DDIRECT=%d -DSRC_LANES=%d", c->option.candidate->options,
             p.in_place, p.in_lanes);
    const size_t rects = (size_t)kerf__ceil_div_int(pixels_a_remainder(&p.h), k.rows) *
                         (size_t)kerf__ceil_div_int(pixels_a_remainder(&p.w), k.cols);
    const size_t groups = (size_t)kerf__ceil_div_int(num_vector_groups(&p, tile), k.turns);
    return kerf__emit(
        c, &kerf__source_conv_wide, "conv_wide", options,
        KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__conv_bias(c, v)),
                   ARG(kerf__conv_residual(c, v)), ARG(kerf__out(c, 0)),
                   kerf__arg_local(k.band_bytes), kerf__arg_local(k.sums_bytes),
                   kerf__arg_local((size_t)(v->h.kernel * v->w.kernel) * 2 * sizeof(int)),
                   ARG(is_gradient), ARG(p.in_channels), ARG(p.out_channels), ARG(v->groups),
                   ARG(p.h.in), ARG(p.h.out), ARG(v->h.kernel), ARG(v->h.stride), ARG(v->h.pad),
                   ARG(v->h.dilation), ARG(p.w.in), ARG(p.w.out), ARG(v->w.kernel),
                   ARG(v->w.stride), ARG(v->w.pad), ARG(v->w.dilation), ARG(k.rows), ARG(k.cols),
                   ARG(k.chunk), ARG(k.turns), ARG(p.block_pitch), ARG(p.group_pitch),
                   ARG(v->has_bias), ARG(v->has_residual), ARG(v->activation.slope),
                   ARG(v->activation.low), ARG(v->activation.high), ARG(zero)),
        kerf__grid_wide((size_t)remainders * groups, rects, (size_t)v->n * (size_t)v->groups));
}
