/* ops/conv_simt.c -- convolutions for GPUs: tiles of channels by pixels, groups of 64 work-items
 * and local memory.
 *
 * A gradient of weights sums over all pixels of a batch for few results, so its pixels are cut
 * into parts that go side by side, each into scratch; a second kernel adds them in order.
 * Device side: kernels/conv_simt.cl. */
#include "ops/conv_simt.h"

#include <limits.h>

#include "base/fail.h"
#include "ops/conv_gather.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_conv_simt;

enum { GROUP = 64, TILE = 32 }; /* work-items; results along each side of a tile */
enum { TURNS_A_TERM = 3 };      /* one of the sum and up to two of loading */

/* ---- gradient of weights: parts ------------------------------------------------------------ */

typedef struct parts {
    int num, terms; /* so many, each but the last of so many terms */
} parts;

static int64_t num_terms(const kerf__conv *v)
{
    return (int64_t)v->n * v->h.dst * v->w.dst;
}

static size_t num_columns(const kerf__conv *v)
{
    return (size_t)v->src_channels * (size_t)v->h.kernel * (size_t)v->w.kernel;
}

/* Groups that compute all weights once. */
static size_t num_tiles(const kerf__conv *v)
{
    return kerf__ceil_div((size_t)v->dst_channels, TILE) * kerf__ceil_div(num_columns(v), TILE) *
           (size_t)v->groups;
}

/* Enough parts to busy the device, none shorter than a tile is worth nor longer than a loop may
 * be. */
static parts parts_of(const kerf__op_case *c, const kerf__conv *v)
{
    enum {
        GROUPS_A_UNIT = 8,
        LEAST_TERMS = 256,
        MOST_TERMS = KERF__MOST_ITERATIONS / TURNS_A_TERM
    };
    const size_t units = kerf_device_get_info(c->dev)->compute_units, all = (size_t)num_terms(v);
    const size_t wanted = kerf__ceil_div(GROUPS_A_UNIT * units, num_tiles(v));
    size_t terms = kerf__ceil_div(all, wanted);
    if (terms < LEAST_TERMS)
        terms = LEAST_TERMS;
    if (terms > MOST_TERMS)
        terms = MOST_TERMS;
    const size_t num = kerf__ceil_div(all, terms);
    return (parts){num > 0 ? (int)num : 1, (int)terms};
}

size_t kerf__conv_simt_scratch(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    if (v.direction != KERF__CONV_WEIGHTS)
        return 0;
    const parts p = parts_of(c, &v);
    const size_t num = (size_t)kerf__value_elements(c->node->outputs[0]);
    return p.num > 1 ? (size_t)p.num * num * sizeof(float) : 0;
}

static kerf_status build_weights(const kerf__op_case *c, const kerf__conv *v)
{
    const parts p = parts_of(c, v);
    const kerf__conv_axis h = v->h, w = v->w;
    const int num = (int)kerf__value_elements(c->node->outputs[0]);
    kerf__buffer *to = p.num > 1 ? c->scratch : kerf__out(c, 0);
    const kerf__grid grid = {3,
                             {kerf__ceil_div(num_columns(v), TILE),
                              kerf__ceil_div((size_t)v->dst_channels, TILE),
                              (size_t)v->groups * (size_t)p.num},
                             {GROUP, 1, 1}};
    KERF__TRY(
        kerf__emit(c, &kerf__source_conv_simt, "conv_simt_weights", "",
                   KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(to), ARG(v->groups),
                              ARG(v->src_channels), ARG(v->dst_channels), ARG(h.src), ARG(w.src),
                              ARG(h.dst), ARG(w.dst), ARG(h.kernel), ARG(w.kernel), ARG(h.stride),
                              ARG(w.stride), ARG(h.dilation), ARG(w.dilation), ARG(h.pad),
                              ARG(w.pad), ARG((int)num_terms(v)), ARG(p.num), ARG(p.terms)),
                   grid));
    if (p.num == 1)
        return KERF_OK;
    return kerf__emit(c, &kerf__source_conv_simt, "conv_simt_join", "",
                      KERF__ARGS(ARG(c->scratch), ARG(kerf__out(c, 0)), ARG(num), ARG(p.num)),
                      kerf__grid_items((size_t)num));
}

/* ---- all three ----------------------------------------------------------------------------- */

/* Parts of a gradient of weights are few enough for ints on any device there is. */
static int weights_fit(const kerf__op_case *c, const kerf__conv *v)
{
    const int64_t most = (num_terms(v) / 256 + 1) * kerf__value_elements(c->node->outputs[0]);
    return kerf__conv_is_plain(c->node) && most < INT_MAX;
}

int kerf__conv_simt_fits(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const kerf_device_info *info = kerf_device_get_info(c->dev);
    if (info->max_group < GROUP || info->local_bytes < 16384)
        return 0;
    return v.direction == KERF__CONV_WEIGHTS ? weights_fit(c, &v)
                                             : kerf__gather_fits(c, &v, TURNS_A_TERM);
}

static kerf__grid gather_grid(const kerf__conv *v, const kerf__gather *g, int *num_pixels)
{
    *num_pixels = v->n * g->h.num * g->w.num;
    return (kerf__grid){3,
                        {kerf__ceil_div((size_t)*num_pixels, TILE),
                         kerf__ceil_div((size_t)g->rows, TILE), (size_t)v->groups},
                        {GROUP, 1, 1}};
}

/* Cycles of the whole device, as gemm_simt.c counts them; loading costs more than there.  A CPU
 * makes loops of the barriers: on Zen 4 under PoCL 3.8 cycles of one core a multiply-add, and 1.2
 * for a gradient of weights. */
double kerf__conv_simt_guess(const kerf__op_case *c)
{
    enum { STEP = 16 + 2 * 8 + 8 }; /* of one term: products, reading tiles, loading them */
    const kerf__conv v = kerf__conv_of(c->node);
    const double units = kerf_device_get_info(c->dev)->compute_units;
    double cost = 0;
    if (v.direction == KERF__CONV_WEIGHTS) {
        const parts p = parts_of(c, &v);
        const double groups = (double)num_tiles(&v) * p.num;
        cost = (groups < units ? units : groups) * p.terms * STEP;
    }
    for (int i = 0; v.direction != KERF__CONV_WEIGHTS && i < kerf__conv_num_gathers(&v); i++) {
        const kerf__gather g = kerf__conv_gather(&v, i);
        int num;
        const kerf__grid grid = gather_grid(&v, &g, &num);
        const double groups =
            (double)grid.groups[0] * (double)grid.groups[1] * (double)grid.groups[2];
        cost += (groups < units ? units : groups) *
                ((double)g.channels * g.h.taps * g.w.taps * STEP + 64);
    }
    if (kerf__is_cpu(c))
        cost *= v.direction == KERF__CONV_WEIGHTS ? 32 : 96;
    return cost;
}

kerf_status kerf__conv_simt_build(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    if (v.direction == KERF__CONV_WEIGHTS)
        return build_weights(c, &v);
    return kerf__gather_build(c, &kerf__source_conv_simt, "conv_simt_gather", "", gather_grid);
}
