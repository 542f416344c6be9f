/* ops/sparse_conv_grad.c -- the gradient of a convolution by those of its weights that are not 0.
 *
 *     kerf.SparseConvGrad(src, diff_dst, starts, offsets) -> diff_values (capacity)
 *
 * The pattern is that of kerf.SparseConv; behind the last entry there is 0.  Attributes: those of
 * Conv, and kernel_shape.  A fifth dimension has samples that are one pixel: (N / 16, C, H, W, 16).
 *
 * Device side: kernels/sparse_conv_grad.cl; of CPU devices sparse_conv_grad_wide.c.  Definition:
 * tests/ref/ref_sparse_conv_grad.c. */
#include <limits.h>

#include "base/fail.h"
#include "ops/conv_cut.h"
#include "ops/conv_gather.h"
#include "ops/shape_common.h"
#include "ops/sparse_conv.h"

extern const kerf__source kerf__source_sparse_conv_grad;

enum { GROUP = 64 }; /* as in the kernel */

/* ---- shapes ---------------------------------------------------------------------------------- */

static kerf_status infer(kerf_node *n)
{
    kerf__conv v;
    KERF__TRY(kerf__conv_read(n, &v));
    KERF__TRY(kerf__sparse_check_pattern(n, &v, KERF__SPARSE_STARTS, KERF__SPARSE_OFFSETS));
    kerf__set_output(n, 0, KERF_F32, n->inputs[KERF__SPARSE_OFFSETS]->shape);
    return KERF_OK;
}

/* Pixels of dst in all images. */
static double num_pixels(const kerf__conv *v)
{
    return (double)v->n * v->h.dst * v->w.dst * v->lanes;
}

static int capacity_of(const kerf_node *n)
{
    return (int)n->inputs[KERF__SPARSE_OFFSETS]->shape.dims[0];
}

static int num_rows(const kerf__conv *v)
{
    return v->groups * v->dst_channels;
}

static double macs(const kerf_node *n)
{
    const kerf__conv v = kerf__conv_of(n);
    return capacity_of(n) * num_pixels(&v);
}

/* ---- launches -------------------------------------------------------------------------------- */

static int fits(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    return kerf__fits_31_bits(c) && num_rows(&v) > 0 && num_pixels(&v) < INT_MAX &&
           kerf__conv_loop_fits(c, (int64_t)num_pixels(&v));
}

/* A tile's multiply-adds are sixteen. */
static double guess(const kerf__op_case *c)
{
    return 100 * macs(c->node);
}

static kerf_status build(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    return kerf__emit(
        c, &kerf__source_sparse_conv_grad, "sparse_conv_grad_simt", "",
        KERF__ARGS(ARG(kerf__in(c, KERF__SPARSE_SRC)), ARG(kerf__in(c, KERF__SPARSE_DIFF)),
                   ARG(kerf__in(c, KERF__SPARSE_STARTS)), ARG(kerf__in(c, KERF__SPARSE_OFFSETS)),
                   ARG(kerf__out(c, 0)), ARG(v.n), ARG(v.groups), ARG(v.src_channels),
                   ARG(v.dst_channels), KERF__AXIS_ARGS(v.h.src, v.h.dst, v.h),
                   KERF__AXIS_ARGS(v.w.src, v.w.dst, v.w), ARG(capacity_of(c->node)), ARG(v.lanes)),
        kerf__grid_items((size_t)num_rows(&v) * GROUP));
}

/* ---- trials ---------------------------------------------------------------------------------- */

/* As many entries to every row, one somewhere in each equal part of its weights. */
static void fill_trial(const kerf_node *n, int input, void *bytes)
{
    const kerf__conv v = kerf__conv_of(n);
    const int64_t taps = (int64_t)v.h.kernel * v.w.kernel, length = v.src_channels * taps;
    const int64_t room = capacity_of(n) / num_rows(&v), num = room < length ? room : length;
    int32_t *out = bytes;
    if (input == KERF__SPARSE_STARTS)
        for (int64_t k = 0; k <= num_rows(&v); k++)
            out[k] = (int32_t)(k * num);
    for (int64_t i = 0; input == KERF__SPARSE_OFFSETS && i < num_rows(&v) * num; i++) {
        const int64_t begin = i % num * length / num, end = (i % num + 1) * length / num;
        const int64_t at = begin + (int64_t)((uint32_t)i * 2654435761u >> 8) % (end - begin);
        out[i] = (int32_t)(at / taps * KERF__SPARSE_CHANNEL + at % taps);
    }
}

static const kerf__variant VARIANTS[] = {
    {.name = "sparse_conv_grad_wide",
     .wide = 1,
     .fits = kerf__sparse_conv_grad_fits,
     .takes = kerf__sparse_conv_grad_takes,
     .guess = kerf__sparse_conv_grad_guess,
     .build = kerf__sparse_conv_grad_build,
     .candidates = kerf__sparse_conv_grad_tiles,
     .num_candidates = KERF__SPARSE_CONV_GRAD_NUM_TILES},
    {.name = "sparse_conv_grad_simt", .fits = fits, .guess = guess, .build = build},
};

extern const kerf__op kerf__ops_sparse_conv_grad[];
const kerf__op kerf__ops_sparse_conv_grad[] = {
    {.op = "kerf.SparseConvGrad",
     .min_inputs = 4,
     .max_inputs = 4,
     .num_outputs = 1,
     .infer = infer,
     .macs = macs,
     .fill_trial = fill_trial,
     .variants = VARIANTS,
     .num_variants = sizeof VARIANTS / sizeof VARIANTS[0]},
    {.op = NULL},
};
