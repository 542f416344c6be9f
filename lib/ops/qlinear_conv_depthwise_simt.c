/* ops/qlinear_conv_depthwise_simt.c -- depth-wise convolutions of bytes for GPUs: tiles of 8 by 8
 * pixels, groups of 64 work-items and local memory; candidates are the forms of the dot product.
 *
 * Device side: kernels/qlinear_conv_depthwise_simt.cl. */
#include <math.h>

#include "ops/integer_common.h"
#include "ops/layout_common.h"
#include "ops/qlinear_conv_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_qlinear_conv_depthwise_simt;

enum { GROUP = 64, TILE = 8 }; /* work-items; pixels along each side of a tile */

/* What a group keeps in local memory: rows and words across of x, and words of the filter. */
typedef struct words {
    double rows, columns, filter;
} words;

static words words_of(const kerf__conv *v)
{
    const double span = kerf__ceil_div_int(v->w.kernel, KERF__WORD);
    /* The last pixel's words begin at any byte, so one more is read than they span. */
    const double first = floor((TILE - 1.0) * v->w.stride / KERF__WORD);
    return (words){(TILE - 1.0) * v->h.stride + (double)kerf__conv_reach(&v->h), first + span + 1,
                   v->h.kernel * span};
}

static kerf__grid grid_of(const kerf__conv *v)
{
    return (kerf__grid){
        2,
        {kerf__ceil_div((size_t)v->h.dst, TILE) * kerf__ceil_div((size_t)v->w.dst, TILE),
         (size_t)v->n * (size_t)v->groups},
        {GROUP, 1, 1}};
}

int kerf__qlinear_depthwise_simt_fits(const kerf__op_case *c)
{
    enum { MOST_WORDS = 4000 }; /* of 16 KiB, some left to the driver */
    const kerf__conv v = kerf__conv_of(c->node);
    const kerf__conv_bytes b = kerf__conv_bytes_of(c->node);
    const kerf_device_info *info = kerf_device_get_info(c->dev);
    const words k = words_of(&v);
    return kerf__conv_is_plain(c->node) && kerf__conv_is_depthwise(&v) && v.w.dilation == 1 &&
           v.h.src > 0 && kerf__has_no_zero(c->node, b.w, b.w_zero) && kerf__fits_31_bits(c) &&
           info->max_group >= GROUP && info->local_bytes >= 16384 &&
           k.rows * k.columns + k.filter <= MOST_WORDS;
}

/* Cycles of the whole device, as qlinear_conv_simt.c counts them. */
double kerf__qlinear_depthwise_simt_guess(const kerf__op_case *c)
{
    enum { A_GROUP = 64, A_DOT = 8, A_LOAD = 24, ON_A_CPU = 96 };
    const kerf__conv v = kerf__conv_of(c->node);
    const words k = words_of(&v);
    const kerf__grid grid = grid_of(&v);
    const double units = kerf_device_get_info(c->dev)->compute_units;
    const double groups = (double)grid.groups[0] * (double)grid.groups[1];
    const double loads = (k.rows * k.columns + k.filter) / GROUP + 1;
    return (groups < units ? units : groups) * (A_GROUP + A_LOAD * loads + A_DOT * k.filter) *
           (kerf__is_cpu(c) ? ON_A_CPU : 1);
}

kerf_status kerf__qlinear_depthwise_simt_build(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const words k = words_of(&v);
    kerf__arg args[KERF__MOST_CONV_ARGS];
    char options[96];
    int num = kerf__conv_bytes_args(c, &v, args);
    args[num++] = kerf__arg_local((size_t)(k.rows * k.columns) * KERF__WORD);
    args[num++] = kerf__arg_local((size_t)k.filter * KERF__WORD);
    args[num++] = ARG((int)k.rows);
    args[num++] = ARG((int)k.columns);
    kerf__conv_bytes_simt_options(c, options, sizeof options);
    return kerf__emit(c, &kerf__source_qlinear_conv_depthwise_simt, "qlinear_conv_depthwise_simt",
                      options, args, num, grid_of(&v));
}
