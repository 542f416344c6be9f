/* ops/qlinear_conv_simt.c -- convolutions of bytes for GPUs: tiles of channels by pixels, groups of
 * 64 work-items and local memory; candidates are the forms of the dot product.
 *
 * Device side: kernels/qlinear_conv_simt.cl. */
#include "ops/conv_gather.h"
#include "ops/qlinear_conv_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_qlinear_conv_simt;

enum { GROUP = 64, TILE = 32 }; /* work-items; results along each side of a tile */

static size_t num_pixels(const kerf__conv *v)
{
    return (size_t)v->n * (size_t)v->h.dst * (size_t)v->w.dst;
}

static kerf__grid grid_of(const kerf__conv *v)
{
    return (kerf__grid){3,
                        {kerf__ceil_div(num_pixels(v), TILE),
                         kerf__ceil_div((size_t)v->dst_channels, TILE), (size_t)v->groups},
                        {GROUP, 1, 1}};
}

int kerf__qlinear_conv_simt_fits(const kerf__op_case *c)
{
    enum { TURNS_A_TERM = 2 }; /* loading and multiplying, four terms at a time */
    const kerf__conv v = kerf__conv_of(c->node);
    const kerf_device_info *info = kerf_device_get_info(c->dev);
    const int64_t terms = (int64_t)v.src_channels * v.h.kernel * v.w.kernel;
    return kerf__conv_is_plain(c->node) && kerf__fits_31_bits(c) && info->max_group >= GROUP &&
           info->local_bytes >= 16384 && kerf__conv_loop_fits(c, terms * TURNS_A_TERM);
}

/* Cycles of the whole device, as conv_simt.c counts them; a CPU makes loops of the barriers. */
double kerf__qlinear_conv_simt_guess(const kerf__op_case *c)
{
    enum { A_WORD = 16 + 2 * 8 + 4 * 8, ON_A_CPU = 96 };
    const kerf__conv v = kerf__conv_of(c->node);
    const kerf__grid grid = grid_of(&v);
    const double units = kerf_device_get_info(c->dev)->compute_units;
    const double groups = (double)grid.groups[0] * (double)grid.groups[1] * (double)grid.groups[2];
    const double words = (double)v.src_channels * v.h.kernel * v.w.kernel / 4;
    return (groups < units ? units : groups) * (words * A_WORD + 64) *
           (kerf__is_cpu(c) ? ON_A_CPU : 1);
}

kerf_status kerf__qlinear_conv_simt_build(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    kerf__arg args[KERF__MOST_CONV_ARGS];
    char options[96];
    int num = kerf__conv_bytes_args(c, &v, args);
    args[num++] = ARG((int)num_pixels(&v));
    kerf__conv_bytes_simt_options(c, options, sizeof options);
    return kerf__emit(c, &kerf__source_qlinear_conv_simt, "qlinear_conv_simt", options, args, num,
                      grid_of(&v));
}
