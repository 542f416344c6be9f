/* qlinear_conv.cl -- convolutions of bytes without tiles: one element of the result to a
 * work-item, whatever the strides, dilations, groups, pads and zero points.  Padding holds x's
 * zero point, which adds nothing.
 *
 * Limit: index arithmetic and loads, two a multiply-add.  Host side: lib/ops/qlinear_conv.c. */
#define V 1
#include "common.clh"
#include "quant.clh"
#include "qlinear_conv.clh"

kernel void qlinear_conv_plain(global const uchar *x, global const uchar *weights,
                               global result *dst, INTEGERS, GEOMETRY ADDEND, int num)
{
    const int at = (int)get_global_id(0);
    if (at >= num)
        return;
    const int q = at % dst_w, p = at / dst_w % dst_h, plane = at / dst_w / dst_h;
    const int channel = plane % (groups * dst_channels), image = plane / (groups * dst_channels);
    const int terms = src_channels * kernel_h * kernel_w;
    const int from_x = X_ZERO, from_w = W_ZERO(channel);
    x += (image * groups + channel / dst_channels) * src_channels * src_h * src_w;
    weights += channel * terms;
    int sum = 0, s = 0, r = 0, c = 0;
    for (int i = 0; i < terms; i++) {
        const int row = p * stride_h - pad_h + r * dilation_h;
        const int column = q * stride_w - pad_w + s * dilation_w;
        if (row >= 0 && row < src_h && column >= 0 && column < src_w)
            sum += (quant_number(x[(c * src_h + row) * src_w + column], x_flip) - from_x) *
                   (quant_number(weights[i], w_flip) - from_w);
        if (++s == kernel_w) {
            s = 0;
            if (++r == kernel_h) {
                r = 0;
                c++;
            }
        }
    }
    dst[at] = result_of(sum, channel, at, RESULT_ARGS ADDEND_ARGS);
}
