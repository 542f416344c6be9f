/* qlinear_conv_depthwise_wide.cl -- depth-wise convolutions of bytes for CPU devices: 16 channels
 * of a pixel lie together (layout c16), and so do 16 filters' weights at one tap (o16); an item is
 * alone in its group.
 *
 * A dot product (dot.clh) takes a column of up to four taps: byte r of a channel's word is of row r
 * of the window.  A word of x is made once for a tile, NP neighbouring pixels, and serves every tap
 * across that meets it; so a pixel under a 3x3 filter takes three loads, which become a word, and
 * three dot products.  Rows and columns outside of x are its zero point, and what that adds is one
 * number a filter.
 *
 * ROWS: of taps in a word, 4 or, if that is less, the filter's; TAPS and STEP: taps across, without
 * dilation, and the stride of usual filters, which are spelled out; 0: any.
 *
 * Assumes: the zero points of w are 0 (of uint8, 128); x has rows.  Limit: making words, and loads.
 * Host side: lib/ops/qlinear_conv_depthwise_wide.c. */
#ifndef NP
#define NP 7
#endif
#ifndef ROWS
#define ROWS 4
#define TAPS 0
#define STEP 0
#endif
#define NV 1
#define V  16
#include "common.clh"
#include "quant.clh"
#include "qlinear_conv.clh"
#include "qlinear_conv_tile.clh"
#ifndef DOT_V
#define DOT_V 16
#endif
#include "dot.clh"

#define EACH_BYTE 0x01010101u

/* Aligned, which vload16 does not know: PoCL would read byte by byte. */
static INLINED uint16 lanes_at(global const uchar *at)
{
    return convert_uint16(*(global const uchar16 *)(global const void *)at);
}

/* Makes the words of 16 filters, one a column of taps, and returns the sums of their weights. */
static INLINED int16 fill_words(global const uchar *weights, local uint *words, int kernel_h,
                                int kernel_w, uint flip)
{
    int16 sum = (int16)(0);
    for (int top = 0; top < kernel_h; top += ROWS)
        for (int s = 0; s < kernel_w; s++, words += LANES) {
            uint16 word = (uint16)(0u);
            for (int r = 0; r < min(ROWS, kernel_h - top); r++)
                word |= (lanes_at(weights + ((top + r) * kernel_w + s) * LANES) ^ flip)
                        << (uint)(8 * r);
            sum = dot_us((uint16)(EACH_BYTE), word, sum);
            vstore16(word, 0, words);
        }
    return sum;
}

/* ---- rows of x ------------------------------------------------------------------------------- */

/* Of one word; a row outside of x is the first, and its bytes are not kept. */
typedef struct band {
    global const uchar *at[ROWS];
    uint flip, keep, padding;
} band;

static INLINED band band_of(global const uchar *x, int row, int step, int num, int src_h, int src_w,
                            uint flip, uint from_x)
{
    band b = {.flip = flip * EACH_BYTE, .keep = 0, .padding = 0};
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        const int y = r < num ? row + r * step : -1, inside = y >= 0 && y < src_h;
        b.at[r] = x + (inside ? y * src_w * LANES : 0);
        b.keep |= (inside ? 255u : 0u) << 8 * r;
        b.padding |= (inside ? 0u : from_x) << 8 * r;
    }
    return b;
}

static INLINED uint16 word_at(const band *b, int column)
{
    uint16 word = lanes_at(b->at[0] + column * LANES);
#pragma unroll
    for (int r = 1; r < ROWS; r++)
        word |= lanes_at(b->at[r] + column * LANES) << (uint)(8 * r);
    return ((word ^ b->flip) & b->keep) | b->padding;
}

static INLINED uint16 word_or_padding(const band *b, long column, int src_w, uint from_x)
{
    if (column >= 0 && column < src_w)
        return word_at(b, (int)column);
    return (uint16)(from_x * EACH_BYTE);
}

/* ---- a tile ---------------------------------------------------------------------------------- */

#if TAPS > 0
#define SPAN ((NP - 1) * STEP + TAPS) /* columns of x */

/* Column j of the tile's, for all pixels that it is under. */
static INLINED void add_column(int16 *acc, uint16 word, const uint16 *w, int j)
{
#pragma unroll
    for (int s = 0; s < TAPS; s++)
        if (j >= s && (j - s) % STEP == 0 && (j - s) / STEP < NP)
            acc[(j - s) / STEP] = dot_us(word, w[s], acc[(j - s) / STEP]);
}

static INLINED void add_rows(int16 *acc, const band *b, local const uint *words, int column,
                             int step, int dilation, int taps, int src_w, uint from_x)
{
    uint16 w[TAPS];
    (void)step;
    (void)dilation;
    (void)taps;
#pragma unroll
    for (int s = 0; s < TAPS; s++)
        w[s] = vload16(s, words);
    if (column >= 0 && column <= src_w - SPAN)
#pragma unroll
        for (int j = 0; j < SPAN; j++)
            add_column(acc, word_at(b, column + j), w, j);
    else
#pragma unroll
        for (int j = 0; j < SPAN; j++)
            add_column(acc, word_or_padding(b, column + (long)j, src_w, from_x), w, j);
}
#else
static INLINED void add_rows(int16 *acc, const band *b, local const uint *words, int column,
                             int step, int dilation, int taps, int src_w, uint from_x)
{
    for (int s = 0; s < taps; s++) {
        const uint16 w = vload16(s, words);
#pragma unroll
        for (int p = 0; p < NP; p++) {
            const long at = column + p * (long)step + s * (long)dilation;
            acc[p] = dot_us(word_or_padding(b, at, src_w, from_x), w, acc[p]);
        }
    }
}
#endif

/* ---- an item --------------------------------------------------------------------------------- */

/* Work-item (x, y): `num` rows of dst from x * num on, in block y of the channels of all images. */
kernel void qlinear_conv_depthwise_wide(global const uchar *x, global const uchar *weights,
                                        global uchar *dst, INTEGERS, GEOMETRY ADDEND,
                                        local uint *words, int num)
{
    const int plane = (int)get_global_id(1), block = plane % ((groups + LANES - 1) / LANES);
    const int first = (int)get_global_id(0) * num, end = min(first + num, dst_h);
    const uint from_x = has_x_zero ? (uint)x_zero[0] ^ (uint)x_flip : (uint)x_flip;
    factors k;
    x += (long)plane * src_h * src_w * LANES;
    dst += (long)plane * dst_h * dst_w * LANES;
#if defined RESIDUAL || defined UNROUNDED
    other += (long)plane * dst_h * dst_w * LANES;
#else
    global const uchar *other = dst;
#endif
    const int16 sums = fill_words(weights + (long)block * kernel_h * kernel_w * LANES, words,
                                  kernel_h, kernel_w, (uint)(128 - w_flip));
    find_factors(&k, &sums, (int)from_x, block * LANES, groups * src_channels * dst_channels,
                 RESULT_ARGS ADDEND_ARGS);
    for (int p = first; p < end; p++)
        for (int q = 0; q < dst_w; q += NP) {
            int16 acc[1][NP];
            const int at = (p * dst_w + q) * LANES;
#pragma unroll
            for (int i = 0; i < NP; i++)
                acc[0][i] = (int16)(0);
            for (int top = 0; top < kernel_h; top += ROWS) {
                const band b = band_of(x, p * stride_h - pad_h + top * dilation_h, dilation_h,
                                       kernel_h - top, src_h, src_w, (uint)x_flip, from_x);
                add_rows(acc[0], &b, words + top / ROWS * kernel_w * LANES, q * stride_w - pad_w,
                         stride_w, dilation_w, kernel_w, src_w, from_x);
            }
            store_tile(acc, &k, other + at, dst + at, 0, 1, 0, min(NP, dst_w - q));
        }
}
