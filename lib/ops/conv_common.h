/* ops/conv_common.h -- one convolution as all its variants see it.  Other half: conv_common.c.
 *
 * Three tensors belong to a convolution, and each of them is computed from the other two:
 *
 *     dst      Conv                                  src, weights   (and bias, residual)
 *     src      kerf.ConvGradInput, ConvTranspose     dst, weights   (and bias)
 *     weights  kerf.ConvGradWeights                  src, dst
 *
 * so `src` and `dst` are always those of Conv: a ConvTranspose reads dst and writes src.
 *
 *     src      (n, groups * src_channels, h.src, w.src)
 *     weights  (groups * dst_channels, src_channels, h.kernel, w.kernel)
 *     dst      (n, groups * dst_channels, h.dst, w.dst)
 *     dst[p][q] = sum of weights[r][s] * src[p * stride - pad + r * dilation][...]
 *
 * Where lanes are more than 1, src and dst have a fifth dimension of them, innermost, for samples
 * that lie side by side as one pixel.
 *
 * A 1-D convolution is one whose h has a size of 1 everywhere.  Those of bytes, ConvInteger and
 * QLinearConv, make dst as Conv does, from other inputs (qlinear_conv.c); so do kerf.SparseConv and
 * kerf.SparseQLinearConv, from weights without their zeros (sparse_conv.c, sparse_qlinear_conv.c).
 */
#ifndef KERF_OPS_CONV_COMMON_H
#define KERF_OPS_CONV_COMMON_H

#include "ops/op.h"

/* What is computed. */
typedef enum kerf__conv_direction {
    KERF__CONV_DST,
    KERF__CONV_SRC,
    KERF__CONV_WEIGHTS
} kerf__conv_direction;

/* One direction of the image.  In every node (src + pad + pad_end - reach) / stride + 1 is dst,
 * reach = dilation * (kernel - 1) + 1; no sum of these is above 2^31. */
typedef struct kerf__conv_axis {
    int kernel, stride, dilation;
    int pad, pad_end; /* zeros before and behind src; below 0 they crop */
    int src, dst;     /* pixels */
} kerf__conv_axis;

/* What the result goes through: below 0 times slope, then not below low, not above high; NaN
 * stays NaN.  Attributes: activation "relu", "leaky_relu" (activation_alpha, 0.01) or "clip"
 * (activation_min, activation_max). */
typedef struct kerf__activation {
    float slope, low, high;
} kerf__activation;

typedef struct kerf__conv {
    kerf__conv_direction direction;
    int n, groups;
    int lanes; /* samples that are one pixel, a fifth dimension of sparse ones; else 1 */
    int src_channels, dst_channels; /* of one group */
    kerf__conv_axis h, w;
    int has_bias;     /* one number a channel of the result */
    int has_residual; /* of the result's shape: added before the activation */
    kerf__activation activation;
} kerf__conv;

/* The convolution that a node means, every attribute read (auto_pad too); says what is wrong. */
kerf_status kerf__conv_read(const kerf_node *n, kerf__conv *out);
/* The same for a node whose shapes were inferred. */
kerf__conv kerf__conv_of(const kerf_node *n);

kerf__activation kerf__activation_of(const kerf_node *n);

/* 1 if all tensors lie in memory as ONNX has them. */
static inline int kerf__conv_is_plain(const kerf_node *n)
{
    return kerf__node_attribute(n, "layouts") == NULL;
}

/* 1 if every channel has a filter of its own. */
static inline int kerf__conv_is_depthwise(const kerf__conv *v)
{
    return v->groups > 1 && v->src_channels == 1 && v->dst_channels == 1;
}

/* 1 if every pixel of dst sees the pixel of src at its own place alone. */
static inline int kerf__conv_is_one_to_one(const kerf__conv_axis *a)
{
    return a->kernel == 1 && a->stride == 1 && a->pad == 0 && a->src == a->dst;
}

/* Pixels that a kernel reaches over. */
static inline int64_t kerf__conv_reach(const kerf__conv_axis *a)
{
    return (int64_t)a->dilation * (a->kernel - 1) + 1;
}

/* Multiply-adds, those with padding included: the same in all directions. */
double kerf__conv_macs(const kerf__conv *v);
/* Pairs of a pixel of dst and a tap that meet a pixel of src; the same in all directions. */
double kerf__conv_pairs(const kerf__conv_axis *a);

/* Buffers of a case; where there is no bias or residual the output, which kernels then do not
 * read. */
kerf__buffer *kerf__conv_bias(const kerf__op_case *c, const kerf__conv *v);
kerf__buffer *kerf__conv_residual(const kerf__op_case *c, const kerf__conv *v);

#endif
