/* ops/conv_depthwise_wide.c -- depth-wise convolutions on CPU devices, in blocks of 16 channels
 * (layout_common.h), in all three directions.
 *
 * A candidate's name is the pixels of its tile: "7" fits the rows of most networks, "14" loads
 * weights half as often.  Filters lie as o16 whatever is computed, as they have a channel each.
 *
 * Device side: kernels/conv_depthwise_wide.cl. */
#include "ops/conv_wide.h"

#include <stdio.h>

#include "device/quirks.h"
#include "ops/conv_gather.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_conv_depthwise_wide;

const kerf__candidate kerf__conv_depthwise_candidates[KERF__CONV_NUM_DEPTHWISE] = {
    {"7", "-DNP=7", {7}},
    {"14", "-DNP=14", {14}},
};

enum {
    ITEM_PIXELS = 512, /* about a microsecond: cores end together */
    TILE_CYCLES = 20,  /* of its results */
};

/* Not on drivers whose loops end early: there nothing is laid out (plan/layout.c). */
static int fits(const kerf__op_case *c, const kerf__conv *v, kerf__layout second)
{
    return kerf__conv_is_depthwise(v) && kerf__fits_31_bits(c) &&
           kerf__input_layout(c->node, 0) == KERF__C16 &&
           kerf__input_layout(c->node, 1) == second &&
           !kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS);
}

static size_t num_blocks(const kerf__conv *v)
{
    return kerf__ceil_div((size_t)v->groups, KERF__LANES);
}

/* ---- dst and src --------------------------------------------------------------------------- */

int kerf__conv_depthwise_wide_fits(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    return v.direction != KERF__CONV_WEIGHTS && fits(c, &v, KERF__O16) &&
           kerf__conv_num_gathers(&v) <= KERF__MOST_GATHERS;
}

/* Cycles of one core, as conv_wide.c counts them: a load is one. */
double kerf__conv_depthwise_wide_guess(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const size_t pixels = (size_t)c->option.candidate->parameters[0];
    const int units = (int)kerf_device_get_info(c->dev)->compute_units;
    double cycles = 0;
    for (int i = 0; i < kerf__conv_num_gathers(&v); i++) {
        const kerf__gather g = kerf__conv_gather(&v, i);
        const double tiles = (double)g.h.num * (double)kerf__ceil_div((size_t)g.w.num, pixels);
        cycles += tiles * ((double)g.h.taps * g.w.taps * (double)(pixels + 1) + TILE_CYCLES);
    }
    return cycles * v.n * (double)num_blocks(&v) / units;
}

/* `num` are the rows of an item. */
static kerf__grid gather_grid(const kerf__conv *v, const kerf__gather *g, int *num)
{
    *num = ITEM_PIXELS / g->w.num + 1;
    return kerf__grid_wide(kerf__ceil_div((size_t)g->h.num, (size_t)*num),
                           (size_t)v->n * num_blocks(v), 1);
}

kerf_status kerf__conv_depthwise_wide_build(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const int step = v.direction == KERF__CONV_DST ? v.w.stride : 1;
    char options[64];
    snprintf(options, sizeof options, "%s -DIN_STEP=%d", c->option.candidate->options,
             step <= 2 ? step : 0);
    return kerf__gather_build(c, &kerf__source_conv_depthwise_wide, "conv_depthwise_wide", options,
                              gather_grid);
}

/* ---- weights ------------------------------------------------------------------------------- */

int kerf__conv_depthwise_weights_wide_fits(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    return v.direction == KERF__CONV_WEIGHTS && fits(c, &v, KERF__C16);
}

kerf_status kerf__conv_depthwise_weights_wide_build(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    return kerf__emit(c, &kerf__source_conv_depthwise_wide, "conv_depthwise_weights_wide", "",
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__out(c, 0)),
                                 ARG(v.n), ARG(v.groups), ARG(v.h.src), ARG(v.h.dst),
                                 ARG(v.h.kernel), ARG(v.h.stride), ARG(v.h.pad), ARG(v.h.dilation),
                                 ARG(v.w.src), ARG(v.w.dst), ARG(v.w.kernel), ARG(v.w.stride),
                                 ARG(v.w.pad), ARG(v.w.dilation)),
                      kerf__grid_wide((size_t)v.h.kernel * (size_t)v.w.kernel, num_blocks(&v), 1));
}
