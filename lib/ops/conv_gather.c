/* ops/conv_gather.c -- see conv_gather.h.  Device side: GATHER in kernels/conv.clh. */
#include "ops/conv_gather.h"

#include "base/fail.h"
#include "device/quirks.h"
#include "ops/shape_common.h"

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int common_divisor(int a, int b)
{
    while (b != 0) {
        const int rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

int64_t kerf__conv_num_gathers(const kerf__conv *v)
{
    if (v->direction == KERF__CONV_DST)
        return 1;
    return (int64_t)smaller(v->h.stride, v->h.src) * smaller(v->w.stride, v->w.src);
}

static kerf__gather_axis dst_axis(const kerf__conv_axis *a)
{
    return (kerf__gather_axis){.in = a->src,
                               .out = a->dst,
                               .num = a->dst,
                               .out_step = 1,
                               .in_first = -a->pad,
                               .in_step = a->stride,
                               .taps = a->kernel,
                               .tap_step = a->dilation,
                               .weight_step = 1};
}

/* Pixels `residue`, residue + stride, ...  Pixel h finds tap r at (h + pad - r * dilation) /
 * stride where that is whole: for one r and every stride / divisor-th behind it. */
static kerf__gather_axis src_axis(const kerf__conv_axis *a, int residue)
{
    const int divisor = common_divisor(a->stride, a->dilation), every = a->stride / divisor;
    kerf__gather_axis g = {.in = a->dst,
                           .out = a->src,
                           .num = (a->src - residue - 1) / a->stride + 1,
                           .out_first = residue,
                           .out_step = a->stride,
                           .in_step = 1,
                           .tap_step = -(a->dilation / divisor),
                           .weight_step = every};
    for (int r = 0; r < every && r < a->kernel; r++) {
        const int64_t at = (int64_t)residue + a->pad - (int64_t)r * a->dilation;
        if (at % a->stride != 0)
            continue;
        g.in_first = (int)(at / a->stride);
        g.weight_first = r;
        g.taps = (a->kernel - 1 - r) / every + 1;
        break;
    }
    return g;
}

kerf__gather kerf__conv_gather(const kerf__conv *v, int i)
{
    const int taps = v->h.kernel * v->w.kernel, filter = v->src_channels * taps;
    if (v->direction == KERF__CONV_DST)
        return (kerf__gather){
            v->dst_channels, v->src_channels, v->dst_channels * filter, filter, taps,
            dst_axis(&v->h), dst_axis(&v->w)};
    const int classes_w = smaller(v->w.stride, v->w.src);
    return (kerf__gather){v->src_channels,
                          v->dst_channels,
                          v->dst_channels * filter,
                          taps,
                          filter,
                          src_axis(&v->h, i / classes_w),
                          src_axis(&v->w, i % classes_w)};
}

int kerf__conv_loop_fits(const kerf__op_case *c, int64_t turns)
{
    return turns <= KERF__MOST_ITERATIONS ||
           !kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS);
}

int kerf__gather_fits(const kerf__op_case *c, const kerf__conv *v, int turns_a_term)
{
    const int channels = v->direction == KERF__CONV_DST ? v->src_channels : v->dst_channels;
    return kerf__conv_is_plain(c->node) && v->direction != KERF__CONV_WEIGHTS &&
           kerf__conv_num_gathers(v) <= KERF__MOST_GATHERS &&
           kerf__conv_loop_fits(c, (int64_t)channels * v->h.kernel * v->w.kernel * turns_a_term);
}

static kerf_status emit(const kerf__op_case *c, const kerf__source *source, const char *entry,
                        const char *options, const kerf__conv *v, const kerf__gather *g,
                        kerf__gather_grid grid_of)
{
    const kerf__gather_axis h = g->h, w = g->w;
    const int kernel_w = v->w.kernel, out_plane = h.out * w.out;
    int num = 0;
    const kerf__grid grid = grid_of(v, g, &num);
    return kerf__emit(
        c, source, entry, options,
        KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__conv_bias(c, v)),
                   ARG(kerf__conv_residual(c, v)), ARG(kerf__out(c, 0)), ARG(v->groups),
                   ARG(g->rows), ARG(g->channels), ARG(h.in), ARG(w.in), ARG(out_plane), ARG(h.num),
                   ARG(w.num), ARG(h.out_first * w.out + w.out_first), ARG(h.out_step * w.out),
                   ARG(w.out_step), ARG(h.in_first), ARG(w.in_first), ARG(h.in_step),
                   ARG(w.in_step), ARG(h.taps), ARG(w.taps), ARG(h.tap_step), ARG(w.tap_step),
                   ARG(g->weight_group), ARG(g->weight_row), ARG(g->weight_channel),
                   ARG(h.weight_first * kernel_w + w.weight_first), ARG(h.weight_step * kernel_w),
                   ARG(w.weight_step), ARG(v->has_bias), ARG(v->has_residual),
                   ARG(v->activation.slope), ARG(v->activation.low), ARG(v->activation.high),
                   ARG(num)),
        grid);
}

kerf_status kerf__gather_build(const kerf__op_case *c, const kerf__source *source,
                               const char *entry, const char *options, kerf__gather_grid grid_of)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const int num = (int)kerf__conv_num_gathers(&v);
    for (int i = 0; i < num; i++) {
        const kerf__gather g = kerf__conv_gather(&v, i);
        KERF__TRY(emit(c, source, entry, options, &v, &g, grid_of));
    }
    return KERF_OK;
}
