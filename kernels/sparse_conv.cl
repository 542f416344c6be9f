/* sparse_conv.cl -- convolution with few weights that are not 0, for GPUs: a work-item makes one
 * pixel of one output channel, a group 64 neighbouring ones, so all its items walk the same row of
 * the pattern and read neighbouring pixels of src for each entry.
 *
 * The pattern is that of kerf.SparsePattern with 256 for stride_c: offset = channel * 256 + tap.
 * Limit: a load for each multiply-add.  Host side: lib/ops/sparse_conv.c; for CPU devices:
 * sparse_conv_wide.cl. */
#include "conv.clh"

#define TAP_BITS 8 /* of an offset; the rest is the channel */
#define TAP_MASK 255

/* Group (x, y, z): elements 64 * x and on, which are pixels where `lanes` is 1, of channel y of
 * image z. */
__attribute__((reqd_work_group_size(64, 1, 1))) kernel void
sparse_conv(global const float *src, global const float *values, global const int *starts,
            global const int *offsets, global const float *bias, global const float *residual,
            global float *dst, int groups, int src_channels, int dst_channels, int src_h, int src_w,
            int dst_h, int dst_w, int kernel_w, int stride_h, int stride_w, int pad_h, int pad_w,
            int dilation_h, int dilation_w, int lanes, int has_bias, FINISH)
{
    const int element = (int)get_global_id(0), pixel = element / lanes, lane = element % lanes;
    const int plane = src_h * src_w * lanes;
    const int k = (int)get_group_id(1), image = (int)get_group_id(2);
    const int y0 = pixel / dst_w * stride_h - pad_h, x0 = pixel % dst_w * stride_w - pad_w;
    const int end = starts[k + 1];
    float sum = 0.0f;
    if (pixel >= dst_h * dst_w)
        return;
    src += (image * groups + k / dst_channels) * src_channels * plane;
    for (int i = starts[k]; i < end; i++) {
        const int offset = offsets[i], tap = offset & TAP_MASK, r = tap / kernel_w;
        const int y = y0 + r * dilation_h, x = x0 + (tap - r * kernel_w) * dilation_w;
        if (y >= 0 && y < src_h && x >= 0 && x < src_w)
            sum = fma(values[i], src[(offset >> TAP_BITS) * plane + (y * src_w + x) * lanes + lane],
                      sum);
    }
    const int at = (image * groups * dst_channels + k) * dst_h * dst_w * lanes + element;
    dst[at] = finish(sum + bias_of(bias, k, has_bias), residual, at, FINISH_ARGS);
}

/* The gradient by src: row c of the transposed pattern has entries k * 256 + tap.  Group (x, y, z):
 * elements 64 * x and on of channel y of image z. */
__attribute__((reqd_work_group_size(64, 1, 1))) kernel void
sparse_conv_grad_src(global const float *diff, global const float *values, global const int *starts,
                     global const int *offsets, global const float *bias,
                     global const float *residual, global float *dst, int groups, int src_channels,
                     int dst_channels, int src_h, int src_w, int dst_h, int dst_w, int kernel_w,
                     int stride_h, int stride_w, int pad_h, int pad_w, int dilation_h,
                     int dilation_w, int lanes, int has_bias, FINISH)
{
    const int element = (int)get_global_id(0), pixel = element / lanes, lane = element % lanes;
    const int plane = dst_h * dst_w * lanes;
    const int c = (int)get_group_id(1), image = (int)get_group_id(2);
    const int y0 = pixel / src_w + pad_h, x0 = pixel % src_w + pad_w;
    const int end = starts[c + 1];
    float sum = 0.0f;
    if (pixel >= src_h * src_w)
        return;
    diff += image * dst_channels * plane;
    for (int i = starts[c]; i < end; i++) {
        const int offset = offsets[i], tap = offset & TAP_MASK, r = tap / kernel_w;
        const int y = y0 - r * dilation_h, x = x0 - (tap - r * kernel_w) * dilation_w;
        const int p = y / stride_h, q = x / stride_w;
        if (y >= 0 && x >= 0 && p * stride_h == y && q * stride_w == x && p < dst_h && q < dst_w)
            sum = fma(values[i],
                      diff[(offset >> TAP_BITS) * plane + (p * dst_w + q) * lanes + lane], sum);
    }
    dst[(image * src_channels + c) * src_h * src_w * lanes + element] = sum;
}
