/* qlinear_conv_depthwise_simt.cl -- depth-wise convolutions of bytes for GPUs: a group of 64
 * work-items computes 8 by 8 pixels of one channel.
 *
 * The part of x that the tile sees and the filter come into local memory as words of four
 * neighbouring bytes, all with a sign, x's zero point where x has no pixels; weights behind the
 * last are 0.  A dot product (dot.clh) takes four taps of a row: the word of x begins at any byte,
 * so it is cut from two.  What x's zero point adds is taken off at the end, by the filter's sum.
 *
 * Assumes: no dilation across; the zero points of w are 0 (of uint8, 128); local memory for `rows`
 * rows of `columns` words.  Limit: the loads of single bytes, which an image's edges ask for.  Host
 * side: lib/ops/qlinear_conv_depthwise_simt.c. */
#define V 1
#include "common.clh"
#include "quant.clh"
#include "qlinear_conv.clh"
#include "dot.clh"

#define GROUP  64
#define TILE   8 /* pixels of dst along each side */
#define COLUMN 4 /* bytes of a word */

/* Bytes column to column + 3 of a row of `size` bytes, `padding` where it has none. */
static inline uint row_word(global const uchar *row, int column, int size, uint flip, uint padding)
{
    uint word = 0;
    for (int b = 0; b < COLUMN; b++) {
        const int at = column + b, inside = at >= 0 && at < size;
        word |= (inside ? (uint)row[at] ^ flip : padding) << 8 * b;
    }
    return word;
}

/* The word that begins at byte `at`. */
static inline uint word_from(local const uint *words, int at)
{
    const uint skip = (uint)(at % COLUMN) * 8u;
    local const uint *word = words + at / COLUMN;
    return word[0] >> skip | word[1] << 1 << (31u - skip);
}

/* Group (x, y): tile x of plane y, a channel of an image. */
__attribute__((reqd_work_group_size(64, 1, 1))) kernel void
qlinear_conv_depthwise_simt(global const uchar *x, global const uchar *weights, global result *dst,
                            INTEGERS, GEOMETRY ADDEND, local uint *tile, local uint *filter,
                            int rows, int columns)
{
    const int item = (int)get_local_id(0), plane = (int)get_group_id(1), channel = plane % groups;
    const int tiles = (dst_w + TILE - 1) / TILE, own = (int)get_group_id(0);
    const int top = own / tiles * TILE, left = own % tiles * TILE;
    const int span = (kernel_w + COLUMN - 1) / COLUMN, from_x = X_ZERO - (128 - x_flip);
    const int row0 = top * stride_h - pad_h, column0 = left * stride_w - pad_w;
    const uint padding = (uint)from_x & 0xFFu;
    x += plane * src_h * src_w;
    weights += channel * kernel_h * kernel_w;
    for (int i = item; i < rows * columns; i += GROUP) {
        const int row = row0 + i / columns, inside = row >= 0 && row < src_h;
        tile[i] = row_word(x + (inside ? row * src_w : 0), column0 + i % columns * COLUMN,
                           inside ? src_w : 0, (uint)(128 - x_flip), padding);
    }
    for (int i = item; i < kernel_h * span; i += GROUP)
        filter[i] = row_word(weights + i / span * kernel_w, i % span * COLUMN, kernel_w,
                             (uint)(128 - w_flip), 0u);
    barrier(CLK_LOCAL_MEM_FENCE);

    const int p = item / TILE, q = item % TILE;
    int sum = 0, sum_w = 0;
    if (top + p >= dst_h || left + q >= dst_w)
        return;
    for (int r = 0; r < kernel_h; r++)
        for (int k = 0; k < span; k++) {
            const uint w = filter[r * span + k];
            local const uint *line = tile + (p * stride_h + r * dilation_h) * columns;
            sum = dot_ss(word_from(line, q * stride_w + k * COLUMN), w, sum);
            sum_w = dot_ss(0x01010101u, w, sum_w);
        }
    const int at = (plane * dst_h + top + p) * dst_w + left + q;
    dst[at] = result_of(sum - from_x * sum_w, channel, at, RESULT_ARGS ADDEND_ARGS);
}
