/* qlinear_conv_depthwise_wide.cl -- depth-wise convolutions of bytes for CPU devices: 16 channels
 * of a pixel lie together (layout c16), and so do 16 filters' weights at one tap (o16); an item is
 * alone in its group.
 *
 * A dot product (dot.clh) takes four neighbouring columns of a row: byte b of a channel's word is
 * of column b.  64 bytes of x, four pixels, become the words of 16 channels by turning a square of
 * 4 by 4 twice, which no channel's byte leaves its word for.  SHARE pixels of the result take the
 * same words, by weights that lie as many bytes further in theirs; so a pixel under a 3x3 filter
 * of stride 1 takes half of three words, and three dot products.
 *
 * The item's part of x is copied into local memory first, the *band*, with x's zero point where x
 * has no pixels and without signs, as dot_us wants it; so the loop knows no edges, and what x's
 * zero point adds is one number a filter.
 *
 * TAPS and STEP: taps across, without dilation, and the stride of usual filters, which are spelled
 * out; 0: any, whose words are gathered from four pixels.
 *
 * With -DW_ZEROS a window is a channel's own, and found by the same dot products with weights of 1.
 *
 * Assumes: without W_ZEROS the zero points of w are 0 (of uint8, 128).  Limit: results that become
 * bytes, then dot products.  Host side: lib/ops/qlinear_conv_depthwise_wide.c. */
#ifndef NP
#define NP 7
#endif
#ifndef TAPS
#define TAPS 0
#define STEP 0
#endif
#define NV     1
#define V      16
#define WINDOW int16
#include "common.clh"
#include "quant.clh"
#include "qlinear_conv.clh"
#include "qlinear_conv_tile.clh"
#ifndef DOT_V
#define DOT_V 16
#endif
#include "dot.clh"

#define EACH_BYTE 0x01010101u
#define WORDS     4 /* of a pixel's block in the band */
#define COLUMNS   4 /* of a word */

/* Words of a row of a usual filter, and pixels of the result that take the same. */
#if TAPS > 0
#define SPAN  ((TAPS + COLUMNS - 1) / COLUMNS)
#define SHARE ((SPAN * COLUMNS - TAPS) / STEP + 1)
#else
#define SPAN  ((kernel_w + COLUMNS - 1) / COLUMNS) /* where kernel_w is known */
#define SHARE 1
#endif

/* ---- filters --------------------------------------------------------------------------------- */

/* Aligned, which vload16 does not know: PoCL would read byte by byte. */
static INLINED uint16 lanes_at(global const uchar *at)
{
    return convert_uint16(*(global const uchar16 *)(global const void *)at);
}

/* Word `k` of a row of 16 filters, whose first weight lies in byte `skip` of all words. */
static INLINED uint16 filter_word(global const uchar *row, int k, int skip, int kernel_w, uint flip)
{
    uint16 word = (uint16)(0u);
#pragma unroll
    for (int b = 0; b < COLUMNS; b++) {
        const int s = k * COLUMNS + b - skip;
        if (s >= 0 && s < kernel_w)
            word |= (lanes_at(row + s * LANES) ^ flip) << (uint)(8 * b);
    }
    return word;
}

/* Makes the words of 16 filters, for each of the pixels that share words of x, and returns the sums
 * of their weights. */
static INLINED int16 fill_words(global const uchar *weights, local uint *words, int kernel_h,
                                int kernel_w, uint flip)
{
    int16 sum = (int16)(0);
    for (int r = 0; r < kernel_h; r++, weights += kernel_w * LANES)
        for (int k = 0; k < SPAN; k++, words += SHARE * LANES) {
            sum = dot_us((uint16)(EACH_BYTE), filter_word(weights, k, 0, kernel_w, flip), sum);
#pragma unroll
            for (int p = 0; p < SHARE; p++)
                vstore16(filter_word(weights, k, p * STEP, kernel_w, flip), p, words);
        }
    return sum;
}

#ifdef W_ZEROS
/* Makes the words of a row of filters whose weights are all 1. */
static INLINED void fill_ones(local uint *words, int kernel_w)
{
    for (int k = 0; k < SPAN; k++, words += SHARE * LANES)
        for (int p = 0; p < SHARE; p++) {
            uint word = 0;
            for (int b = 0; b < COLUMNS; b++) {
                const int s = k * COLUMNS + b - p * STEP;
                word |= (s >= 0 && s < kernel_w ? 1u : 0u) << (8 * b);
            }
            vstore16((uint16)(word), p, words);
        }
}
#endif

/* ---- the band -------------------------------------------------------------------------------- */

static INLINED void fill(local uint *to, int num, uint padding)
{
    for (int i = 0; i < num; i++)
        vstore4((uint4)(padding), i, to);
}

/* Columns first to first + num - 1 of a row of x. */
static INLINED void copy_row(global const uint *row, local uint *to, int first, int num, int src_w,
                             uint padding, uint flip)
{
    const int begin = first < 0 ? min(-first, num) : 0;
    const int end = clamp(src_w - max(first, -num), begin, num);
    int i = begin;
    fill(to, begin, padding);
    for (; i + COLUMNS <= end; i += COLUMNS)
        vstore16(vload16(0, row + (first + i) * WORDS) ^ flip, 0, to + i * WORDS);
    for (; i < end; i++)
        vstore4(vload4(first + i, row) ^ flip, i, to);
    fill(to + end * WORDS, num - end, padding);
}

static INLINED void copy_band(global const uint *x, local uint *to, int row, int column,
                              int num_rows, int num_columns, int src_h, int src_w, uint padding,
                              uint flip)
{
    for (int end = row + num_rows; row < end; row++, to += num_columns * WORDS)
        if (row >= 0 && row < src_h)
            copy_row(x + row * src_w * WORDS, to, column, num_columns, src_w, padding, flip);
        else
            fill(to, num_columns, padding);
}

/* ---- a tile ---------------------------------------------------------------------------------- */

#if TAPS > 0
/* A square of 4 by 4 bytes, its rows for its columns. */
static INLINED uint4 turn_bytes(uint4 x)
{
    return as_uint4(as_uchar16(x).s048c159d26ae37bf);
}

/* Of four neighbouring pixels. */
static INLINED uint16 word_at(local const uint *at)
{
    const uint16 x = vload16(0, at).s048c159d26ae37bf;
    return (uint16)(turn_bytes(x.s0123), turn_bytes(x.s4567), turn_bytes(x.s89ab),
                    turn_bytes(x.scdef));
}

static INLINED void add_row(int16 *acc, local const uint *x, local const uint *words, int kernel_w,
                            int step, int dilation)
{
    (void)kernel_w;
    (void)step;
    (void)dilation;
#pragma unroll
    for (int k = 0; k < SPAN; k++) {
        uint16 w[SHARE], word = (uint16)(0u);
#pragma unroll
        for (int p = 0; p < SHARE; p++)
            w[p] = vload16(k * SHARE + p, words);
#pragma unroll
        for (int i = 0; i < NP; i++) {
            if (i % SHARE == 0)
                word = word_at(x + (i * STEP + k * COLUMNS) * WORDS);
            acc[i] = dot_us(word, w[i % SHARE], acc[i]);
        }
    }
}
#else
/* Of four columns, `dilation` pixels apart; what lies behind the last meets weights of 0. */
static INLINED uint16 word_at(local const uint *at, int dilation)
{
    uint16 word = (uint16)(0u);
#pragma unroll
    for (int b = 0; b < COLUMNS; b++)
        word |= convert_uint16(as_uchar16(vload4(b * dilation, at))) << (uint)(8 * b);
    return word;
}

static INLINED void add_row(int16 *acc, local const uint *x, local const uint *words, int kernel_w,
                            int step, int dilation)
{
    for (int k = 0; k < SPAN; k++) {
        const uint16 w = vload16(k, words);
#pragma unroll
        for (int i = 0; i < NP; i++)
            acc[i] = dot_us(word_at(x + (i * step + k * COLUMNS * dilation) * WORDS, dilation), w,
                            acc[i]);
    }
}
#endif

/* ---- an item --------------------------------------------------------------------------------- */

/* Work-item (x, y, z): rectangle y of `rows` by `cols` pixels of dst, in block x of the channels of
 * image z; so neighbouring items make the same part of a picture, as those of the layers around do.
 * The band is `columns` wide, words behind the last column of a tile included. */
kernel void qlinear_conv_depthwise_wide(global const uint *x, global const uchar *weights,
                                        global uchar *dst, INTEGERS, GEOMETRY ADDEND,
                                        local uint *band, local uint *words, int rows, int cols,
                                        int columns)
{
    const int block = (int)get_global_id(0), blocks = (int)get_global_size(0);
    const int plane = (int)get_global_id(2) * blocks + block;
    const int rects = (dst_w + cols - 1) / cols, rect = (int)get_global_id(1);
    const int row = rect / rects * rows, col = rect % rects * cols;
    const int num_rows = min(rows, dst_h - row), num_cols = min(cols, dst_w - col);
    const uint from_x = has_x_zero ? (uint)x_zero[0] ^ (uint)x_flip : (uint)x_flip;
    factors k;
    dst += (long)plane * dst_h * dst_w * LANES;
#if defined RESIDUAL || defined UNROUNDED
    other += (long)plane * dst_h * dst_w * LANES;
#else
    global const uchar *other = dst;
#endif
    copy_band(x + (long)plane * src_h * src_w * WORDS, band, row * stride_h - pad_h,
              col * stride_w - pad_w, (num_rows - 1) * stride_h + (kernel_h - 1) * dilation_h + 1,
              columns, src_h, src_w, from_x * EACH_BYTE, (uint)x_flip * EACH_BYTE);
    const int16 sums = fill_words(weights + (long)block * kernel_h * kernel_w * LANES, words,
                                  kernel_h, TAPS > 0 ? TAPS : kernel_w, (uint)(128 - w_flip));
    find_factors(&k, &sums, (int)from_x, block * LANES, groups * src_channels * dst_channels,
                 RESULT_ARGS ADDEND_ARGS);
#ifdef W_ZEROS
    local uint *ones = words + kernel_h * SPAN * SHARE * LANES;
    int16 zeros;
    fill_ones(ones, TAPS > 0 ? TAPS : kernel_w);
    find_zeros(&zeros, block * LANES, groups * src_channels * dst_channels, w_zero, has_w_zero,
               w_zero_step, w_flip);
#endif
    for (int p = 0; p < num_rows; p++)
        for (int q = 0; q < num_cols; q += NP) {
            int16 acc[1][NP];
            const int at = ((row + p) * dst_w + col + q) * LANES;
            local const uint *from = band + (p * stride_h * columns + q * stride_w) * WORDS;
#pragma unroll
            for (int i = 0; i < NP; i++)
                acc[0][i] = (int16)(0);
            for (int r = 0; r < kernel_h; r++)
                add_row(acc[0], from + r * dilation_h * columns * WORDS,
                        words + r * SPAN * SHARE * LANES, kernel_w, stride_w, dilation_w);
#ifdef W_ZEROS
            int16 windows[NP];
#pragma unroll
            for (int i = 0; i < NP; i++)
                windows[i] = (int16)(-kernel_h * kernel_w * (int)from_x);
            for (int r = 0; r < kernel_h; r++)
                add_row(windows, from + r * dilation_h * columns * WORDS, ones, kernel_w, stride_w,
                        dilation_w);
            take_zeros(acc, &zeros, windows);
#endif
            store_tile(acc, &k, other + at, dst + at, 0, 1, 0, min(NP, num_cols - q));
        }
}
