/* ops/conv_direct.c -- convolutions of few channels a group, depth-wise ones above all: pixels
 * or weights go to work-items as they are, without tiles.
 *
 * Device side: kernels/conv_direct.cl. */
#include "base/fail.h"
#include "ops/conv_gather.h"
#include "ops/conv_simt.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_conv_direct;

enum { GROUP = 64, PIXELS = 4 }; /* of a group, of an item */

static int64_t num_terms(const kerf__conv *v)
{
    return (int64_t)v->n * v->h.dst * v->w.dst;
}

int kerf__conv_direct_fits(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    if (v.direction != KERF__CONV_WEIGHTS)
        return kerf__gather_fits(c, &v, 3); /* loops of one turn each, at the worst */
    return kerf__conv_is_plain(c->node) && kerf__conv_loop_fits(c, num_terms(&v) / GROUP + 8);
}

static kerf__grid gather_grid(const kerf__conv *v, const kerf__gather *g, int *num)
{
    *num = v->n * v->groups * g->rows * (g->h.num / PIXELS + (g->h.num % PIXELS > 0)) * g->w.num;
    return kerf__grid_items((size_t)*num);
}

/* Cycles of the whole device, as gemm_simt.c counts them: a load and a multiply-add for each
 * pixel, and finding out where they are.  On Zen 4 under PoCL 2.1 cycles of one core a
 * multiply-add, and 14 for a gradient of weights. */
double kerf__conv_direct_guess(const kerf__op_case *c)
{
    enum { PIXEL_STEP = 6, WEIGHT_STEP = 12 };
    const kerf__conv v = kerf__conv_of(c->node);
    const double units = kerf_device_get_info(c->dev)->compute_units;
    double cost = 0;
    if (v.direction == KERF__CONV_WEIGHTS) {
        const double groups = (double)kerf__value_elements(c->node->outputs[0]);
        cost = (groups < units ? units : groups) *
               ((double)kerf__ceil_div((size_t)num_terms(&v), GROUP) * WEIGHT_STEP + 64);
    }
    for (int i = 0; v.direction != KERF__CONV_WEIGHTS && i < kerf__conv_num_gathers(&v); i++) {
        const kerf__gather g = kerf__conv_gather(&v, i);
        int num;
        const double groups = (double)gather_grid(&v, &g, &num).groups[0];
        cost += (groups < units ? units : groups) *
                ((double)g.channels * g.h.taps * g.w.taps * PIXELS * PIXEL_STEP + 64);
    }
    if (kerf__is_cpu(c))
        cost *= v.direction == KERF__CONV_WEIGHTS ? 75 : 22;
    return cost;
}

kerf_status kerf__conv_direct_build(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const kerf__conv_axis h = v.h, w = v.w;
    if (v.direction != KERF__CONV_WEIGHTS)
        return kerf__gather_build(c, &kerf__source_conv_direct, "conv_direct_gather", "",
                                  gather_grid);
    const kerf__grid grid = {
        1, {(size_t)kerf__value_elements(c->node->outputs[0]), 1, 1}, {GROUP, 1, 1}};
    return kerf__emit(c, &kerf__source_conv_direct, "conv_direct_weights", "",
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__out(c, 0)),
                                 ARG(v.groups), ARG(v.src_channels), ARG(v.dst_channels),
                                 ARG(h.src), ARG(w.src), ARG(h.dst), ARG(w.dst), ARG(h.kernel),
                                 ARG(w.kernel), ARG(h.stride), ARG(w.stride), ARG(h.dilation),
                                 ARG(w.dilation), ARG(h.pad), ARG(w.pad), ARG((int)num_terms(&v))),
                      grid);
}
