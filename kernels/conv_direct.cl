/* conv_direct.cl -- convolutions of few channels a group, depth-wise ones above all, where a
 * product of matrices would have one row or one column.
 *
 *     conv_direct_gather    four pixels above each other to a work-item: dst, or the pixels of
 *                           src that one residue of the stride gives
 *     conv_direct_weights   a weight to a group of 64
 *
 * Neighbours read neighbouring pixels; what a kernel reads several times comes from the cache.
 * A weight's sum: an item has every 64th term, then halves are added, so the order is fixed.
 *
 * Limit: loads, one a multiply-add.  Host side: lib/ops/conv_direct.c. */
#include "conv.clh"

#define EACH_PIXEL(X) X(0) X(1) X(2) X(3)

/* num: work-items that have something to do. */
kernel void conv_direct_gather(global const stored *in, global const stored *weights,
                               global const float *bias, global const stored *residual,
                               global stored *out, GATHER, int has_bias, FINISH, int num)
{
    const int at = (int)get_global_id(0);
    if (at >= num)
        return;
    const int blocks = (num_h + 3) / 4, i_w = at % num_w, i_h = at / num_w % blocks * 4;
    const int plane = at / num_w / blocks, channel = plane % (groups * rows);
    const int image = plane / (groups * rows), group = channel / rows;
    const int row0 = i_h * in_step_h + in_first_h, column0 = i_w * in_step_w + in_first_w;
    in += (image * groups + group) * channels * in_h * in_w;
    weights += group * weight_group + channel % rows * weight_row + weight_first;
    float acc[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (int c = 0; c < channels; c++)
        for (int r = 0; r < taps_h; r++)
            for (int s = 0; s < taps_w; s++) {
                const int row = row0 + r * tap_step_h, column = column0 + s * tap_step_w;
                const int is_column = column >= 0 && column < in_w;
                const float w =
                    GET(weights + (c * weight_channel + r * weight_step_h + s * weight_step_w));
#define MULTIPLY_ADD(j)                                                                            \
    if (is_column && row + j * in_step_h >= 0 && row + j * in_step_h < in_h)                       \
        acc[j] = fma(GET(in + ((c * in_h + row + j * in_step_h) * in_w + column)), w, acc[j]);
                EACH_PIXEL(MULTIPLY_ADD)
            }
    const float own_bias = bias_of(bias, channel, has_bias);
    const int place = plane * out_plane + out_first + i_h * out_step_h + i_w * out_step_w;
#define STORE(j)                                                                                   \
    if (i_h + j < num_h)                                                                           \
        PUT(finish(acc[j] + own_bias, residual, place + j * out_step_h, FINISH_ARGS),              \
            out + (place + j * out_step_h));
    EACH_PIXEL(STORE)
}

__attribute__((reqd_work_group_size(64, 1, 1))) kernel void
conv_direct_weights(global const float *src, global const float *dst, global float *weights,
                    int groups, int src_channels, int dst_channels, int src_h, int src_w, int dst_h,
                    int dst_w, int kernel_h, int kernel_w, int stride_h, int stride_w,
                    int dilation_h, int dilation_w, int pad_h, int pad_w, int num_terms)
{
    local float sums[64];
    const int item = (int)get_local_id(0), at = (int)get_group_id(0);
    const int s = at % kernel_w, r = at / kernel_w % kernel_h, filter = at / kernel_w / kernel_h;
    const int c = filter % src_channels, k = filter / src_channels, group = k / dst_channels;
    const int src_plane = src_h * src_w, dst_plane = dst_h * dst_w;
    /* How far 64 terms are, in columns, rows and images. */
    const int step_q = 64 % dst_w, step_p = 64 / dst_w % dst_h, step_image = 64 / dst_w / dst_h;
    int q = item % dst_w, p = item / dst_w % dst_h, image = item / dst_w / dst_h;
    float sum = 0.0f;
    src += (group * src_channels + c) * src_plane;
    dst += k * dst_plane;
    for (int i = item; i < num_terms; i += 64) {
        const int row = p * stride_h - pad_h + r * dilation_h;
        const int column = q * stride_w - pad_w + s * dilation_w;
        if (row >= 0 && row < src_h && column >= 0 && column < src_w)
            sum = fma(src[image * groups * src_channels * src_plane + row * src_w + column],
                      dst[image * groups * dst_channels * dst_plane + p * dst_w + q], sum);
        q += step_q;
        p += step_p + (q >= dst_w);
        q -= q >= dst_w ? dst_w : 0;
        image += step_image + (p >= dst_h);
        p -= p >= dst_h ? dst_h : 0;
    }
    sums[item] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int width = 32; width > 0; width /= 2) {
        if (item < width)
            sums[item] += sums[item + width];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (item == 0)
        weights[at] = sums[0];
}
