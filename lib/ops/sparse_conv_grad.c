/* ops/sparse_conv_grad.c -- the gradient of a convolution by those of its weights that are not 0.
 *
 *     kerf.SparseConvGrad(src, diff_dst, starts, offsets) -> diff_values (capacity)
 *
 * The pattern is that of kerf.SparseConv; behind the last entry there is 0.  Attributes: those of
 * Conv, and kernel_shape.  A fifth dimension has samples that are one pixel: (N / 16, C, H, W, 16).
 *
 * Device side: kernels/sparse_conv_grad.cl.  Definition: tests/ref/ref_sparse_conv_grad.c. */
#include <limits.h>

#include "base/fail.h"
#include "ops/conv_cut.h"
#include "ops/conv_gather.h"
#include "ops/shape_common.h"
#include "ops/sparse_conv.h"

extern const kerf__source kerf__source_sparse_conv_grad;

enum { SRC, DIFF, STARTS, OFFSETS }; /* inputs */
enum { V = 16, GROUP = 64 };         /* as in the kernel */

/* ---- shapes ---------------------------------------------------------------------------------- */

static kerf_status infer(kerf_node *n)
{
    kerf__conv v;
    KERF__TRY(kerf__conv_read(n, &v));
    KERF__TRY(kerf__sparse_check_pattern(n, &v, STARTS, OFFSETS));
    kerf__set_output(n, 0, KERF_F32, n->inputs[OFFSETS]->shape);
    return KERF_OK;
}

/* Pixels of dst in all images. */
static double num_pixels(const kerf__conv *v)
{
    return (double)v->n * v->h.dst * v->w.dst * v->lanes;
}

static int capacity_of(const kerf_node *n)
{
    return (int)n->inputs[OFFSETS]->shape.dims[0];
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

static int fits_wide(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    return v.lanes == V && fits(c) &&
           kerf__conv_loop_fits(c, (int64_t)v.src_channels * v.h.kernel * v.w.kernel);
}

/* Vectors are worth sixteen terms. */
static double guess(const kerf__op_case *c)
{
    return kerf__is_wide(c) ? 1 : 2;
}

/* Images and lines of dst whose src the second cache holds. */
static void size_strip(const kerf__conv *v, int *images, int *strip)
{
    enum { MOST = 384 << 10 }; /* bytes */
    const double line = (double)sizeof(float) * V * v->w.src * v->src_channels * v->groups;
    const double image = line * v->h.src, most = MOST / line;
    *images = image >= MOST ? 1 : image * v->n <= MOST ? v->n : (int)(MOST / image);
    *strip = v->h.dst;
    if (image > MOST) {
        const double lines = (most - (double)kerf__conv_reach(&v->h)) / v->h.stride + 1;
        const int least = v->h.dst < 4 ? v->h.dst : 4; /* sums over lines cost time, too */
        *strip = lines < least ? least : (int)lines;
    }
}

static kerf_status build(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const int is_wide = kerf__is_wide(c), capacity = capacity_of(c->node);
    const int rows = (int)kerf__pieces_an_item(c, (size_t)num_rows(&v), 1, 1);
    int images, strip;
    size_strip(&v, &images, &strip);
    kerf__arg args[32] = {ARG(kerf__in(c, SRC)),
                          ARG(kerf__in(c, DIFF)),
                          ARG(kerf__in(c, STARTS)),
                          ARG(kerf__in(c, OFFSETS)),
                          ARG(kerf__out(c, 0)),
                          ARG(v.n),
                          ARG(v.groups),
                          ARG(v.src_channels),
                          ARG(v.dst_channels),
                          KERF__AXIS_ARGS(v.h.src, v.h.dst, v.h),
                          KERF__AXIS_ARGS(v.w.src, v.w.dst, v.w),
                          ARG(capacity)};
    int num = 22;
    if (!is_wide) {
        args[num++] = ARG(v.lanes);
        return kerf__emit(c, &kerf__source_sparse_conv_grad, "sparse_conv_grad_simt", "", args, num,
                          kerf__grid_items((size_t)num_rows(&v) * GROUP));
    }
    args[num++] = ARG(images);
    args[num++] = ARG(strip);
    args[num++] = ARG(rows);
    args[num++] = kerf__arg_local(kerf__sparse_walks_bytes(&v));
    return kerf__emit(c, &kerf__source_sparse_conv_grad, "sparse_conv_grad_wide", "", args, num,
                      kerf__grid_wide(kerf__ceil_div((size_t)num_rows(&v), (size_t)rows), 1, 1));
}

static const kerf__variant VARIANTS[] = {
    {.name = "sparse_conv_grad_wide", .wide = 1, .fits = fits_wide, .guess = guess, .build = build},
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
     .variants = VARIANTS,
     .num_variants = sizeof VARIANTS / sizeof VARIANTS[0]},
    {.op = NULL},
};
