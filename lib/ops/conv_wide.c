/* ops/conv_wide.c -- convolution on CPU devices, and its gradient by src: which tile, and how the
 * image is cut into items.
 *
 * A candidate's name tells its tile: "4x7" has 4 vectors of channels by 7 pixels; "...e" reads
 * a pixel anew for every vector (an embedded broadcast), "...v8" has vectors of 8 floats, for CPUs
 * with 256-bit registers.
 *
 * Device side: kernels/conv_wide.cl. */
#include "ops/conv_wide.h"

#include <math.h>
#include <stdio.h>

#include "device/quirks.h"
#include "ops/conv_cut.h"
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

/* h is folded into w. */
static void flatten(kerf__conv_images *p)
{
    p->w.in = p->w.out = p->h.in * p->w.in;
    p->h.in = p->h.out = 1;
}

/* Under 1x1 filters of stride 1 the plane is one line, and read in place if it is of floats. */
static kerf__conv_images images_of(const kerf__op_case *c, const kerf__candidate *tile)
{
    kerf__conv_images p = kerf__conv_images_of(c);
    p.in_place = !kerf__stores_halves(c->node) && kerf__conv_is_one_to_one(&p.v.h) &&
                 kerf__conv_is_one_to_one(&p.v.w) && p.in_lanes == KERF__LANES &&
                 (int64_t)p.h.out * p.w.out >= tile->parameters[PIXELS];
    if (p.in_place)
        flatten(&p);
    return p;
}

/* ---- how it is cut ------------------------------------------------------------------------- */

static int num_vector_groups(const kerf__conv_images *p, const int *tile)
{
    return kerf__num_vector_groups(p->out_channels, tile[VECTORS], tile[VECTOR]);
}

/* Items that differ in more than the pixels. */
static int num_layers(const kerf__conv_images *p, const int *tile)
{
    return p->v.n * p->v.groups * p->h.remainders * p->w.remainders * num_vector_groups(p, tile);
}

static double num_rects(const kerf__conv_images *p, const kerf__conv_cut *k)
{
    return (double)kerf__ceil_div_int(kerf__pixels_a_remainder(&p->h), k->rows) *
           kerf__ceil_div_int(kerf__pixels_a_remainder(&p->w), k->cols);
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
        if (items < KERF__ITEMS_A_UNIT * units && share > 1)
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
static size_t band_floats(const kerf__conv_images *p, int rows, int cols)
{
    const int step = p->h.reach == 1 ? 1 : p->h.step; /* other lines are left out */
    const int phases = p->w.reach == 1 ? 1 : p->w.step;
    return ((size_t)(rows - 1) * (size_t)step + (size_t)p->h.reach) * (size_t)phases *
           ((size_t)cols + (size_t)((p->w.reach - 1) / p->w.step)) * (size_t)p->in_lanes;
}

/* Turns of all loops that an item goes through. */
static double num_iterations(const kerf__conv_images *p, const int *tile, const kerf__conv_cut *k)
{
    const double tiles = (double)k->rows * k->cols / tile[PIXELS];
    const double taps = (double)p->v.h.kernel * p->v.w.kernel;
    const double copied = (double)band_floats(p, k->rows, k->cols) / p->in_lanes *
                          kerf__conv_num_blocks(p) * !p->in_place;
    return k->turns * (copied + tiles * p->in_channels * (taps + 1)) + taps * 2;
}

/* 0 if the pixels are too many for one block even. */
static int size_chunk(const kerf__conv_images *p, const int *tile, size_t local_bytes,
                      kerf__conv_cut *k)
{
    const int channels = tile[VECTORS] * tile[VECTOR];
    const size_t band = p->in_place ? 0 : band_floats(p, k->rows, k->cols) * sizeof(float);
    const size_t sums = (size_t)k->rows * (size_t)k->cols * (size_t)channels * sizeof(float);
    return kerf__conv_size_chunk(p, channels, band, sums, local_bytes, k);
}

static int halve(int x, int multiple)
{
    return kerf__ceil_div_int(x / multiple, 2) * multiple;
}

/* Fewer pixels; 0 if it is one tile already. */
static int shrink(kerf__conv_cut *k, int pixels)
{
    if (k->rows > 1)
        k->rows = halve(k->rows, 1);
    else if (k->cols > pixels)
        k->cols = halve(k->cols, pixels);
    else
        return 0;
    return 1;
}

static int num_turns(const kerf__op_case *c, const kerf__conv_images *p, const int *tile,
                     const kerf__conv_cut *k)
{
    const int groups = num_vector_groups(p, tile);
    return kerf__conv_num_turns(c, p, k, groups, num_layers(p, tile) / groups * num_rects(p, k));
}

/* 0 if the device cannot take it. */
static int cut_of(const kerf__op_case *c, const kerf__conv_images *p, const int *tile,
                  kerf__conv_cut *k)
{
    const kerf_device_info *info = kerf_device_get_info(c->dev);
    const int loops_end = kerf__has_quirk(info, KERF__QUIRK_LONG_LOOPS);
    const int units = (int)info->compute_units;
    const int across = kerf__ceil_div_int(kerf__pixels_a_remainder(&p->w), tile[PIXELS]);
    const size_t local_bytes = kerf__conv_local_bytes(c, &p->v);
    if (local_bytes == 0)
        return 0;
    *k = (kerf__conv_cut){.rows = 1, .cols = across * tile[PIXELS], .turns = 1};
    if (p->v.n == 0)
        return size_chunk(p, tile, local_bytes, k);
    share_lines(p->in_place ? across : kerf__pixels_a_remainder(&p->h), num_layers(p, tile), units,
                p->in_place ? &k->cols : &k->rows);
    if (p->in_place)
        k->cols *= tile[PIXELS];
    else if (p->h.reach == 1 && p->w.reach == 1) /* little is done with a band: share it */
        while (k->rows > 1 &&
               band_floats(p, k->rows, k->cols) * (size_t)kerf__conv_num_blocks(p) * sizeof(float) >
                   local_bytes)
            k->rows = halve(k->rows, 1);
    for (;;) {
        if (size_chunk(p, tile, local_bytes, k)) {
            k->turns = loops_end ? 1 : num_turns(c, p, tile, k);
            if (!loops_end || num_iterations(p, tile, k) <= KERF__MOST_ITERATIONS)
                return 1;
        }
        if (!shrink(k, tile[PIXELS]))
            return 0;
    }
}

/* ---- the wish --------------------------------------------------------------------------- */

/* Blocks of few channels are mostly padding, which costs memory's time: src then stays plain, and
 * so does what is depth-wise. Filters may be as few as they like: 16 lanes, one of them used, are
 * still twice as fast as what takes plain ones. */
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
    return kerf__conv_are_whole(v) && is_small_enough(v);
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
    kerf__conv_cut k;
    if (!kerf__conv_is_blocked(c))
        return 0;
    for (int i = 0; i < KERF__CONV_NUM_WIDE; i++) {
        const kerf__candidate *tile = &kerf__conv_wide_candidates[i];
        const kerf__conv_images p = images_of(c, tile);
        if (!cut_of(c, &p, tile->parameters, &k))
            return 0;
    }
    return 1;
}

/* Cycles of a step: a multiply-add a cycle, and some to come in; each has to wait for the last
 * one on the same sum. */
static double step_cycles(const kerf__op_case *c, const int *tile)
{
    const double multiply_adds = tile[VECTORS] * tile[PIXELS];
    return 1.0 + (multiply_adds > 8 ? multiply_adds : 8) * (multiply_adds < 20 ? 1.05 : 1.0) /
                     kerf__vectors_a_cycle(c, tile[VECTOR]);
}

/* In cycles of one core, as all guesses of this operation. */
double kerf__conv_wide_guess(const kerf__op_case *c)
{
    enum { A_TILE = 100, A_VECTOR = 6, A_PIXEL = 3 };
    const int *tile = c->option.candidate->parameters;
    const kerf__conv_images p = images_of(c, c->option.candidate);
    const int units = (int)kerf_device_get_info(c->dev)->compute_units;
    const double taps = (double)p.v.h.kernel * p.v.w.kernel / (p.h.remainders * p.w.remainders);
    kerf__conv_cut k;
    if (!cut_of(c, &p, tile, &k))
        return INFINITY;
    const double tiles = (double)k.rows * k.cols / tile[PIXELS];
    const double items = num_rects(&p, &k) * num_layers(&p, tile) / k.turns;
    double cycles = tiles * (p.in_channels * taps * step_cycles(c, tile) + A_TILE +
                             A_VECTOR * tile[VECTORS] * tile[PIXELS]);
    if (!p.in_place)
        cycles += A_PIXEL * (double)band_floats(&p, k.rows, k.cols) / p.in_lanes *
                  kerf__conv_num_blocks(&p) / k.turns;
    cycles *= kerf__wide_register_cost(c, tile[VECTOR]);
    if (tile[VECTORS] * tile[PIXELS] == 28 && tile[VECTORS] == 4 && !tile[EMBED])
        cycles *= 1.01; /* one register more than there are */
    return ceil(items / units) * units * k.turns * cycles;
}

kerf_status kerf__conv_wide_build(const kerf__op_case *c)
{
    const int *tile = c->option.candidate->parameters;
    const kerf__conv_images p = images_of(c, c->option.candidate);
    const kerf__conv *v = &p.v;
    const int zero = 0, remainders = p.h.remainders * p.w.remainders;
    char options[128];
    kerf__conv_cut k;
    if (!cut_of(c, &p, tile, &k))
        return KERF_ERR_UNSUPPORTED; /* fits has said that it can */
    snprintf(options, sizeof options, "%s -DDIRECT=%d -DSRC_LANES=%d", c->option.candidate->options,
             p.in_place, p.in_lanes);
    const size_t groups = (size_t)kerf__ceil_div_int(num_vector_groups(&p, tile), k.turns);
    return kerf__emit(
        c, &kerf__source_conv_wide, "conv_wide", options,
        KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__conv_bias(c, v)),
                   ARG(kerf__conv_residual(c, v)), ARG(kerf__out(c, 0)),
                   kerf__arg_local(k.band_bytes), kerf__arg_local(k.sums_bytes),
                   kerf__arg_local(kerf__conv_taps_bytes(v)), ARG(p.is_gradient),
                   ARG(p.in_channels), ARG(p.out_channels), ARG(v->groups),
                   KERF__AXIS_ARGS(p.h.in, p.h.out, v->h), KERF__AXIS_ARGS(p.w.in, p.w.out, v->w),
                   ARG(k.rows), ARG(k.cols), ARG(k.chunk), ARG(k.turns), ARG(p.block_pitch),
                   ARG(p.group_pitch), KERF__FINISH_ARGS(*v), ARG(zero)),
        kerf__grid_wide((size_t)remainders * groups, (size_t)num_rects(&p, &k),
                        (size_t)v->n * (size_t)v->groups));
}
