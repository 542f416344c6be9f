/* sparse_qlinear_conv.cl -- a convolution of bytes that skips words of weights that are 0: one
 * element of the result to a work-item, whatever the strides, dilations, pads and zero points.
 * Neighbours walk the same entries.  Padding holds x's zero point, which adds nothing.
 *
 * Entry i is a word, weights of four input channels, and its place, (channel / 4) * 256 + tap; row
 * k has entries rows[k].x to before rows[k + 1].x.  A channel that x does not have is never read.
 *
 * Limit: loads, six an entry.  It was not timed on any GPU.  Host side:
 * lib/ops/sparse_qlinear_conv.c. */
#define V 1
#include "common.clh"
#include "quant.clh"
#include "qlinear_conv.clh"

#define TAP_BITS 8 /* of an offset; the rest is the word */
#define TAP_MASK 255
#define WORD     4 /* channels */

/* Of the channels of x, as many as there are, and those of a word. */
static inline int products(global const uchar *x, int plane, int num, char4 w, int flip, int zero)
{
    int sum = (quant_number(x[0], flip) - zero) * w.x;
    if (num > 1)
        sum += (quant_number(x[plane], flip) - zero) * w.y;
    if (num > 2)
        sum += (quant_number(x[2 * plane], flip) - zero) * w.z;
    if (num > 3)
        sum += (quant_number(x[3 * plane], flip) - zero) * w.w;
    return sum;
}

kernel void sparse_qlinear_conv(global const uchar *x, global const char4 *words, global uchar *dst,
                                INTEGERS, GEOMETRY ADDEND, global const int2 *rows,
                                global const int *offsets, int num)
{
    const int at = (int)get_global_id(0);
    if (at >= num)
        return;
    const int q = at % dst_w, p = at / dst_w % dst_h, outer = at / dst_w / dst_h;
    const int channel = outer % dst_channels, image = outer / dst_channels;
    const int from_x = X_ZERO, plane = src_h * src_w, end = rows[channel + 1].x;
    int sum = 0;
    x += image * src_channels * plane;
    for (int i = rows[channel].x; i < end; i++) {
        const int c = (offsets[i] >> TAP_BITS) * WORD, tap = offsets[i] & TAP_MASK;
        const int row = p * stride_h - pad_h + tap / kernel_w * dilation_h;
        const int column = q * stride_w - pad_w + tap % kernel_w * dilation_w;
        if (row >= 0 && row < src_h && column >= 0 && column < src_w)
            sum += products(x + c * plane + row * src_w + column, plane, src_channels - c, words[i],
                            x_flip, from_x);
    }
    dst[at] = result_of(sum, channel, at, RESULT_ARGS ADDEND_ARGS);
}
