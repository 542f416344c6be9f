/* ops/sparse_conv_lanes.c -- sparse convolution of samples that lie side by side, and its gradient
 * by src, on CPU devices: how the image is cut into items.
 *
 * Device side: kernels/sparse_conv_lanes.cl. */
#include <math.h>

#include "ops/conv_cut.h"
#include "ops/conv_gather.h"
#include "ops/shape_common.h"
#include "ops/sparse_conv.h"
#include "ops/sparse_places.h"

extern const kerf__source kerf__source_sparse_conv_lanes;

enum { V = 16 }; /* samples to a pixel */

/* The result, and what it is made of. */
typedef struct problem {
    kerf__conv v;
    int is_gradient;
    int in_channels, out_channels, out_h, out_w;
    double in_line, step; /* floats of all channels; lines of these to one of the result */
} problem;

static problem problem_of(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const int is_gradient = v.direction == KERF__CONV_SRC;
    problem p = {v, is_gradient, v.src_channels, v.dst_channels, v.h.dst, v.w.dst, 0, v.h.stride};
    p.in_line = (double)v.w.src * V * v.src_channels * v.groups;
    if (is_gradient) {
        p.in_channels = v.dst_channels;
        p.out_channels = v.src_channels;
        p.out_h = v.h.src;
        p.out_w = v.w.src;
        p.in_line = (double)v.w.dst * V * v.dst_channels * v.groups;
        p.step = 1.0 / v.h.stride;
    }
    return p;
}

/* Lines of the result whose sums fit the first cache, and what they are made of the second; 0 if
 * local memory is too small for one. */
static int strip_of(const kerf__op_case *c, const problem *p)
{
    enum { MOST_SUMS = 16 << 10, MOST_BAND = 640 << 10 };
    const double line = (double)sizeof(float) * p->out_w * V;
    const double room = (double)kerf__item_local_bytes(c, kerf__sparse_walks_bytes(&p->v) + 64);
    const double band = MOST_BAND / sizeof(float) / p->in_line - (double)kerf__conv_reach(&p->v.h);
    if (line > room)
        return 0;
    const double most = fmin(fmin(room, MOST_SUMS) / line, fmax(band / p->step, 4));
    return most < 1 ? 1 : most > p->out_h ? p->out_h : (int)most;
}

int kerf__sparse_conv_lanes_fits(const kerf__op_case *c)
{
    const problem p = problem_of(c);
    return p.v.lanes == V && kerf__sparse_tile_of(c->node).vectors == 0 && kerf__fits_31_bits(c) &&
           strip_of(c, &p) > 0 &&
           kerf__conv_loop_fits(c, (int64_t)p.in_channels * p.v.h.kernel * p.v.w.kernel);
}

/* Cycles of one core, as all guesses of this operation. */
double kerf__sparse_conv_lanes_guess(const kerf__op_case *c)
{
    enum { AN_ENTRY = 10, A_LINE = 4, A_VECTOR = 4 };
    const double a_term = 1.8;
    const problem p = problem_of(c);
    const kerf__conv *v = &p.v;
    const double entries =
        (double)v->groups * p.in_channels * p.out_channels * kerf__sparse_density(c->node) * v->n;
    const double taps = (double)v->h.kernel * v->w.kernel;
    const double strips = kerf__ceil_div_int(p.out_h, strip_of(c, &p));
    return entries * (a_term * kerf__conv_pairs(&v->h) * kerf__conv_pairs(&v->w) +
                      taps * (AN_ENTRY * strips + A_LINE * v->h.dst)) +
           A_VECTOR * (double)kerf__value_elements(c->node->outputs[0]) / V;
}

kerf_status kerf__sparse_conv_lanes_build(const kerf__op_case *c)
{
    const problem p = problem_of(c);
    const kerf__conv *v = &p.v;
    const int strip = strip_of(c, &p), num_rows = v->groups * p.out_channels;
    const int strips = kerf__ceil_div_int(p.out_h, strip);
    const double others = fmax((double)strips * v->n, 1);
    const double want = KERF__ITEMS_A_UNIT * (double)kerf_device_get_info(c->dev)->compute_units;
    const int parts = (int)fmin(ceil(want / others), num_rows);
    const int rows = kerf__ceil_div_int(num_rows, parts);
    return kerf__emit(
        c, &kerf__source_sparse_conv_lanes, "sparse_conv_lanes",
        p.is_gradient ? "-DGRADIENT=1" : "-DGRADIENT=0",
        KERF__ARGS(ARG(kerf__in(c, KERF__SPARSE_SRC)), ARG(kerf__in(c, KERF__SPARSE_VALUES)),
                   ARG(kerf__in(c, KERF__SPARSE_STARTS)), ARG(kerf__in(c, KERF__SPARSE_OFFSETS)),
                   ARG(kerf__conv_bias(c, v)), ARG(kerf__conv_residual(c, v)), ARG(kerf__out(c, 0)),
                   kerf__arg_local(sizeof(float) * V * (size_t)strip * (size_t)p.out_w),
                   kerf__arg_local(kerf__sparse_walks_bytes(v)), ARG(v->groups), ARG(p.in_channels),
                   ARG(p.out_channels), KERF__AXIS_ARGS(v->h.src, v->h.dst, v->h),
                   KERF__AXIS_ARGS(v->w.src, v->w.dst, v->w), ARG(strip), ARG(rows),
                   KERF__FINISH_ARGS(*v)),
        kerf__grid_wide((size_t)kerf__ceil_div_int(num_rows, rows), (size_t)strips, (size_t)v->n));
}
