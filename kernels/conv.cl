/* conv.cl -- convolutions without tiles: one element of the result to a work-item, whatever the
 * strides, dilations, groups and pads.  Each kernel computes one of the three tensors of a
 * convolution from the two others; names as in lib/ops/conv_common.h.
 *
 * A sum is over `terms`, in order; a launch adds first to last - 1 of them, goes on from what
 * the launch before left in the result, and the last one finishes.  Padding is not multiplied.
 *
 * Limit: index arithmetic and loads, two a multiply-add.  Host side: lib/ops/conv.c. */
#include "conv.clh"

/* All tensors have less than 2^31 elements, and no coordinate leaves an int. */
#define GEOMETRY                                                                                   \
    int groups, int src_channels, int dst_channels, int src_h, int src_w, int dst_h, int dst_w,    \
        int kernel_h, int kernel_w, int stride_h, int stride_w, int dilation_h, int dilation_w,    \
        int pad_h, int pad_w
#define RANGE int num, int first, int last, int terms

kernel void conv_plain_dst(global const stored *src, global const stored *weights,
                           global const float *bias, global const stored *residual,
                           global stored *dst, GEOMETRY, int has_bias, FINISH, RANGE)
{
    const int at = (int)get_global_id(0);
    if (at >= num)
        return;
    const int q = at % dst_w, p = at / dst_w % dst_h, plane = at / dst_w / dst_h;
    const int channel = plane % (groups * dst_channels), image = plane / (groups * dst_channels);
    src += (image * groups + channel / dst_channels) * src_channels * src_h * src_w;
    weights += channel * terms;
    float sum = first > 0 ? GET(dst + at) : 0.0f;
    int s = first % kernel_w, r = first / kernel_w % kernel_h, c = first / kernel_w / kernel_h;
    for (int i = first; i < last; i++) {
        const int y = p * stride_h - pad_h + r * dilation_h;
        const int x = q * stride_w - pad_w + s * dilation_w;
        if (y >= 0 && y < src_h && x >= 0 && x < src_w)
            sum = fma(GET(src + ((c * src_h + y) * src_w + x)), GET(weights + i), sum);
        if (++s == kernel_w) {
            s = 0;
            if (++r == kernel_h) {
                r = 0;
                c++;
            }
        }
    }
    PUT(last < terms ? sum
                     : finish(sum + bias_of(bias, channel, has_bias), residual, at, FINISH_ARGS),
        dst + at);
}

/* A pixel of src meets a pixel of dst where the stride divides. */
kernel void conv_plain_src(global const stored *dst, global const stored *weights,
                           global const float *bias, global const stored *residual,
                           global stored *src, GEOMETRY, int has_bias, FINISH, RANGE)
{
    const int at = (int)get_global_id(0);
    if (at >= num)
        return;
    const int w = at % src_w, h = at / src_w % src_h, plane = at / src_w / src_h;
    const int channel = plane % (groups * src_channels), image = plane / (groups * src_channels);
    const int first_k = channel / src_channels * dst_channels;
    dst += (image * groups * dst_channels + first_k) * dst_h * dst_w;
    weights += (first_k * src_channels + channel % src_channels) * kernel_h * kernel_w;
    float sum = first > 0 ? GET(src + at) : 0.0f;
    int s = first % kernel_w, r = first / kernel_w % kernel_h, k = first / kernel_w / kernel_h;
    for (int i = first; i < last; i++) {
        const int y = h + pad_h - r * dilation_h, x = w + pad_w - s * dilation_w;
        const int p = y / stride_h, q = x / stride_w;
        if (y >= 0 && x >= 0 && p * stride_h == y && q * stride_w == x && p < dst_h && q < dst_w)
            sum = fma(GET(dst + ((k * dst_h + p) * dst_w + q)),
                      GET(weights + ((k * src_channels * kernel_h + r) * kernel_w + s)), sum);
        if (++s == kernel_w) {
            s = 0;
            if (++r == kernel_h) {
                r = 0;
                k++;
            }
        }
    }
    PUT(last < terms ? sum
                     : finish(sum + bias_of(bias, channel, has_bias), residual, at, FINISH_ARGS),
        src + at);
}

kernel void conv_plain_weights(global const float *src, global const float *dst,
                               global const float *bias, global const float *residual,
                               global float *weights, GEOMETRY, int has_bias, FINISH, RANGE)
{
    const int at = (int)get_global_id(0);
    if (at >= num)
        return;
    const int s = at % kernel_w, r = at / kernel_w % kernel_h, filter = at / kernel_w / kernel_h;
    const int c = filter % src_channels, k = filter / src_channels, g = k / dst_channels;
    const int src_plane = src_h * src_w, dst_plane = dst_h * dst_w;
    float sum = first > 0 ? weights[at] : 0.0f;
    int q = first % dst_w, p = first / dst_w % dst_h, image = first / dst_w / dst_h;
    for (int i = first; i < last; i++) {
        const int y = p * stride_h - pad_h + r * dilation_h;
        const int x = q * stride_w - pad_w + s * dilation_w;
        if (y >= 0 && y < src_h && x >= 0 && x < src_w)
            sum = fma(src[((image * groups + g) * src_channels + c) * src_plane + y * src_w + x],
                      dst[(image * groups * dst_channels + k) * dst_plane + p * dst_w + q], sum);
        if (++q == dst_w) {
            q = 0;
            if (++p == dst_h) {
                p = 0;
                image++;
            }
        }
    }
    weights[at] = sum;
}
