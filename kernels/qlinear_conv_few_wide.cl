/* qlinear_conv_few_wide.cl -- convolutions of bytes for CPU devices whose x has few channels, a
 * picture: x is plain, the result in blocks of 16 channels (layout c16); an item is alone in its
 * group.
 *
 * Read in words of four channels, a picture of three is a quarter padding, and one in grey three
 * quarters.  So the bytes of a pixel lie in the *band*, the item's rows of x in local memory, right
 * behind those of its neighbour, and a word takes four bytes of the row, whatever pixels they are
 * of: seven taps of three channels are six words.  The item turns filters into such words itself,
 * from those of layout v16.
 *
 * The band holds whole rows, with x's zero point where x has no pixels and without signs, as dot_us
 * wants it (dot.clh), so the loop knows no edges.  An item makes `rows` rows of the result in tiles
 * of NV vectors of 16 output channels by NP neighbouring pixels.
 *
 * CHANNELS: of x, up to 4.  STRIDE: across.
 *
 * Assumes: one group, no dilation across, pad_w at least 0, and without W_ZEROS
 * (qlinear_conv_tile.clh) that the zero points of w are 0 (of uint8, 128).  Limit: dot products.
 * PoCL on two cores of Zen 5 takes 0.19 ms for ResNet's first layer; in blocks it took 0.23, and
 * 0.03 to make them.  Host side: lib/ops/qlinear_conv_few_wide.c. */
#ifndef NV
#define NV 2
#define NP 14
#endif
#ifndef CHANNELS
#define CHANNELS 3
#define STRIDE   2
#endif
#define V 16
#include "common.clh"
#include "quant.clh"
#include "qlinear_conv.clh"
#include "qlinear_conv_tile.clh"
#ifndef DOT_V
#define DOT_V 16
#endif
#include "dot.clh"

#define WORD 4
#define STEP (STRIDE * CHANNELS) /* bytes from pixel to pixel of the result */

/* At any address, which a plain pointer would not say. */
typedef struct __attribute__((packed)) some_word {
    uint word;
} some_word;
typedef struct __attribute__((packed)) some_bytes {
    uchar16 bytes;
} some_bytes;

/* ---- the band -------------------------------------------------------------------------------- */

/* The channels of four pixels, a word each, side by side; what is behind them is of no account. */
#if CHANNELS == 1
#define CLOSE(x) (x).s048c048c048c048c
#elif CHANNELS == 2
#define CLOSE(x) (x).s014589cd014589cd
#elif CHANNELS == 3
#define CLOSE(x) (x).s01245689acde0124
#else
#define CLOSE(x) (x)
#endif

static inline void put_four(uint4 pixels, local uchar *to)
{
    ((local some_bytes *)to)->bytes = CLOSE(as_uchar16(pixels));
}

/* Sixteen pixels, whose channels lie `plane` bytes apart. */
static INLINED void put_pixels(global const uchar *x, int plane, local uchar *to, uint flip)
{
    uint16 words = (uint16)(0u);
#pragma unroll
    for (int c = 0; c < CHANNELS; c++) {
        const uchar16 bytes = ((global const some_bytes *)(x + c * plane))->bytes;
        words |= convert_uint16(bytes) << (uint)(8 * c);
    }
    words ^= flip;
    put_four(words.s0123, to);
    put_four(words.s4567, to + 4 * CHANNELS);
    put_four(words.s89ab, to + 8 * CHANNELS);
    put_four(words.scdef, to + 12 * CHANNELS);
}

static inline void pad_row(local uchar *to, int begin, int end, uchar padding)
{
    for (int i = begin; i < end; i++)
        to[i] = padding;
}

/* A whole row of x.  A last vector moves back into the row and does some pixels again. */
static inline void put_row(global const uchar *x, int plane, int size, local uchar *to, uint flip)
{
    if (size < LANES) {
        for (int i = 0; i < size * CHANNELS; i++)
            to[i] = (uchar)(x[i % CHANNELS * plane + i / CHANNELS] ^ flip);
        return;
    }
    for (int i = 0; i < size; i += LANES) {
        const int at = min(i, size - LANES);
        put_pixels(x + at, plane, to + at * CHANNELS, flip);
    }
}

/* ---- a tile ---------------------------------------------------------------------------------- */

/* Words of a row of filters, from those of its taps in v16, a vector of channels side by side. */
static INLINED void put_filter_row(global const uint *taps, int num_taps, int num_words,
                                   local uint16 *to)
{
    for (int k = 0; k < num_words; k++, to += NV) {
        uint16 word = (uint16)(0u);
        for (int b = k * WORD; b < min((k + 1) * WORD, num_taps * CHANNELS); b++) {
            const uint16 tap = vload16(b / CHANNELS, taps);
            word |= (tap >> (uint)(8 * (b % CHANNELS)) & 255u) << (uint)(8 * (b % WORD));
        }
        *to = word;
    }
}

static INLINED void multiply(int16 (*acc)[NP], local const uchar *src, local const uint16 *filters,
                             int num_rows, int row_step, int num_words)
{
    for (int r = 0; r < num_rows; r++, src += row_step)
        for (int k = 0; k < num_words; k++, filters += NV) {
            local const uchar *x = src + k * WORD;
            uint16 w[NV];
#pragma unroll
            for (int v = 0; v < NV; v++)
                w[v] = filters[v];
#pragma unroll
            for (int p = 0; p < NP; p++)
#pragma unroll
                for (int v = 0; v < NV; v++)
                    acc[v][p] = dot_us((uint16)(((local const some_word *)(x + p * STEP))->word),
                                       w[v], acc[v][p]);
        }
}

/* Sums of the filters, which x's zero point multiplies. */
static INLINED void sum_filters(int16 *sums, local const uint16 *filters, int num)
{
    for (int i = 0; i < num; i++)
#pragma unroll
        for (int v = 0; v < NV; v++)
            sums[v] = dot_us((uint16)(0x01010101u), filters[i * NV + v], sums[v]);
}

#ifdef W_ZEROS
/* Of the bytes of words. */
static inline int sum_bytes(uint word)
{
    const uint pairs = (word & 0x00FF00FFu) + (word >> 8 & 0x00FF00FFu);
    return (int)((pairs & 0xFFFFu) + (pairs >> 16));
}

/* Of NP pixels; the last word of a row reaches beyond the filter. */
static inline void sum_windows(int *windows, local const uchar *src, int num_rows, int row_step,
                               int row_bytes, int from_x)
{
    const int num_words = (row_bytes + WORD - 1) / WORD;
    const uint last = 0xFFFFFFFFu >> 8 * (num_words * WORD - row_bytes);
    for (int p = 0; p < NP; p++)
        windows[p] = -num_rows * row_bytes * from_x;
    for (int r = 0; r < num_rows; r++, src += row_step)
        for (int k = 0; k < num_words; k++) {
            const uint real = k + 1 < num_words ? 0xFFFFFFFFu : last;
            for (int p = 0; p < NP; p++)
                windows[p] +=
                    sum_bytes(((local const some_word *)(src + k * WORD + p * STEP))->word & real);
        }
}
#endif

/* ---- an item --------------------------------------------------------------------------------- */

/* Work-item (0, y, z): rows y * rows to y * rows + rows - 1 of image z.  `pitch`: bytes from row to
 * row of the band. */
kernel void qlinear_conv_few_wide(global const uchar *x, global const uint *weights,
                                  global uchar *dst, INTEGERS, GEOMETRY ADDEND, local uint *in_band,
                                  local uint16 *filters, int rows, int pitch)
{
    const int image = (int)get_global_id(2), row = (int)get_global_id(1) * rows;
    const int num_rows = min(rows, dst_h - row), tiles = (dst_w + NP - 1) / NP;
    const int dst_blocks = (dst_channels + LANES - 1) / LANES, plane = dst_h * dst_w * LANES;
    const int num_words = (kernel_w * CHANNELS + WORD - 1) / WORD;
    const int from_x = (has_x_zero ? (int)(x_zero[0] ^ x_flip) : x_flip);
    const int band_rows = (num_rows - 1) * stride_h + dilation_h * (kernel_h - 1) + 1;
    local uchar *band = (local uchar *)in_band;
    x += (long)image * CHANNELS * src_h * src_w;
    dst += (long)image * dst_blocks * plane;
#if defined RESIDUAL || defined UNROUNDED
    other += (long)image * dst_blocks * plane;
#else
    global const uchar *other = dst;
#endif
    for (int r = 0; r < band_rows; r++) {
        const int from = row * stride_h - pad_h + r, inside = from >= 0 && from < src_h;
        const int begin = pad_w * CHANNELS, end = inside ? begin + src_w * CHANNELS : begin;
        local uchar *to = band + r * pitch;
        pad_row(to, 0, begin, (uchar)from_x);
        if (inside)
            put_row(x + from * src_w, src_h * src_w, src_w, to + begin, (uint)x_flip * 0x01010101u);
        pad_row(to, end, pitch, (uchar)from_x);
    }
    for (int vector = 0; vector < dst_blocks; vector += NV) {
        factors k;
        int16 sums[NV] = {(int16)(0)};
        for (int v = 0; v < NV; v++)
            for (int r = 0; r < kernel_h; r++)
                put_filter_row(weights + (min(vector + v, dst_blocks - 1) * kernel_h + r) *
                                             kernel_w * LANES,
                               kernel_w, num_words, filters + r * num_words * NV + v);
        if (from_x != 0)
            sum_filters(sums, filters, kernel_h * num_words);
        find_factors(&k, sums, from_x, vector * LANES, dst_channels, RESULT_ARGS ADDEND_ARGS);
#ifdef W_ZEROS
        int16 zeros[NV];
        find_zeros(zeros, vector * LANES, dst_channels, w_zero, has_w_zero, w_zero_step, w_flip);
#endif
        for (int t = 0; t < num_rows * tiles; t++) {
            int16 acc[NV][NP];
            const int r = t / tiles, c = t % tiles * NP;
#pragma unroll
            for (int v = 0; v < NV; v++)
#pragma unroll
                for (int p = 0; p < NP; p++)
                    acc[v][p] = (int16)(0);
            local const uchar *from = band + r * stride_h * pitch + c * STEP;
            multiply(acc, from, filters, kernel_h, dilation_h * pitch, num_words);
#ifdef W_ZEROS
            int windows[NP];
            sum_windows(windows, from, kernel_h, dilation_h * pitch, kernel_w * CHANNELS, from_x);
            take_zeros(acc, zeros, windows);
#endif
            const long at = (long)vector * plane + ((row + r) * dst_w + c) * LANES;
            store_tile(acc, &k, other + at, dst + at, plane, dst_blocks - vector, 0,
                       min(NP, dst_w - c));
        }
    }
}
