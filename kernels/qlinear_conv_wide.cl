/* qlinear_conv_wide.cl -- convolutions of bytes for CPU devices: 16 channels of a pixel lie
 * together (layout c16), an item is alone in its group.
 *
 * An item makes `rows` by `cols` pixels for `turns` groups of filters, in tiles of NV vectors of 16
 * output channels by NP neighbouring pixels, whose sums stay in registers.  A step takes a word,
 * four input channels, of one tap: NV loads of filters (v16: the channels of a vector lie together,
 * each with its four bytes), and every pixel's word of x goes to all lanes.  With 28 sums that is
 * 28 dot products to 2 + 14 loads.
 *
 * The item's part of x is copied into local memory once, the *band*, with x's zero point where x
 * has no pixels and without signs, as dot_us wants it (dot.clh); so the loop knows no edges, and
 * what x's zero point adds is one number a filter.  Columns of the band are sorted by their
 * remainder by the stride (`phase`): neighbours lie together whatever the stride.  DIRECT is for
 * 1x1 filters of stride 1 without padding and x without a sign: the plane is one line, read in
 * place.
 *
 * With -DW_ZEROS what the channels of each pixel of the band are together above x's zero point is
 * summed once; a window is the sum of its taps' of these (qlinear_conv_tile.clh).
 *
 * Assumes: without W_ZEROS the zero points of w are 0 (of uint8, 128); with DIRECT at least NP
 * pixels, and no W_ZEROS.  What pad lanes of x hold meets filters of 0.  Limit: dot products.  Host
 * side: lib/ops/qlinear_conv_wide.c. */
#ifndef NV
#define NV 2
#define NP 14
#endif
#ifndef DIRECT
#define DIRECT 0
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

#define WORDS 4 /* of a pixel's block */
#if DIRECT
#define BAND global
#else
#define BAND local
#endif

typedef struct axis {
    int src, dst, num_taps, stride, dilation, pad;
} axis;

/* In words; a line has the columns of one phase. */
typedef struct band {
    int num_rows, num_cols, phases, row_step;
    int line, row, plane; /* from each to the next */
} band;

static inline int reach(const axis *a)
{
    return a->dilation * (a->num_taps - 1) + 1;
}

/* Of one tap, pixels between those that it meets are left out. */
static inline band band_of(const axis *y, const axis *x, int num_rows, int num_cols)
{
    band b;
    b.phases = x->num_taps == 1 ? 1 : x->stride;
    b.row_step = y->num_taps == 1 ? y->stride : 1;
    b.num_rows = y->num_taps == 1 ? num_rows : (num_rows - 1) * y->stride + reach(y);
    b.num_cols = num_cols + (reach(x) - 1) / x->stride;
    b.line = b.num_cols * WORDS;
    b.row = b.phases * b.line;
    b.plane = b.num_rows * b.row;
    return b;
}

/* Columns col, col + step, ... of a row of x. */
static inline void copy_line(global const uint *x, local uint *to, int col, int step, int size,
                             int num, uint4 padding, uint flip)
{
    for (int i = 0; i < num; i++, col += step)
        vstore4(col >= 0 && col < size ? vload4(col, x) ^ flip : padding, i, to);
}

static inline void copy_blocks(global const uint *src, local uint *to, int num, int row0, int col0,
                               const axis *y, const axis *x, const band *b, uint padding, uint flip)
{
    for (int i = 0; i < num; i++, src += y->src * x->src * WORDS)
        for (int r = 0; r < b->num_rows; r++)
            for (int phase = 0; phase < b->phases; phase++, to += b->line) {
                const int row = row0 + r * b->row_step, inside = row >= 0 && row < y->src;
                copy_line(src + (inside ? row * x->src * WORDS : 0), to, col0 + phase, x->stride,
                          inside ? x->src : 0, b->num_cols, (uint4)(padding), flip);
            }
}

static inline void list_taps(const axis *y, const axis *x, const band *b, local int *taps)
{
    for (int r = 0; r < y->num_taps; r++)
        for (int s = 0; s < x->num_taps; s++) {
            const int col = s * x->dilation;
            *taps++ =
                r * y->dilation * b->row + col % b->phases * b->line + col / b->phases * WORDS;
        }
}

#ifdef W_ZEROS
/* Bytes of word i of a block that are of channels, of which `left` are in the block or behind. */
static inline uint bytes_of(int left, int i)
{
    const int num = clamp(left - i * WORDS, 0, WORDS);
    return num == 0 ? 0u : 0xFFFFFFFFu >> 8 * (WORDS - num);
}

static inline void sum_pixels(local const uint *from, local int *sums, const band *b,
                              int num_channels, int from_x)
{
    const int num = b->plane / WORDS;
    for (int i = 0; i < num; i++)
        sums[i] = -num_channels * from_x;
    for (int left = num_channels; left > 0; left -= LANES, from += b->plane) {
        const uint4 real =
            (uint4)(bytes_of(left, 0), bytes_of(left, 1), bytes_of(left, 2), bytes_of(left, 3));
        for (int i = 0; i < num; i++) {
            const uint4 word = vload4(i, from) & real;
            const uint4 pairs = (word & 0x00FF00FFu) + (word >> 8 & 0x00FF00FFu);
            const uint2 sum = pairs.lo + pairs.hi;
            const uint both = sum.x + sum.y;
            sums[i] += (int)((both & 0xFFFFu) + (both >> 16));
        }
    }
}

/* Of NP neighbouring pixels. */
static inline void sum_windows(int *windows, local const int *sums, local const int *taps,
                               int num_taps)
{
    for (int p = 0; p < NP; p++)
        windows[p] = 0;
    for (int t = 0; t < num_taps; t++)
        for (int p = 0; p < NP; p++)
            windows[p] += sums[taps[t] / WORDS + p];
}
#define SUMS , local int *in_sums
#else
#define SUMS
#endif

/* ---- a tile ---------------------------------------------------------------------------------- */

/* The filters of NV vectors: steps of a word and a tap lie LANES words apart. */
typedef struct filters {
    global const uint *at[NV];
    int num_words, num_taps;
} filters;

static INLINED void multiply(int16 (*acc)[NP], BAND const uint *src, const filters *f,
                             local const int *taps, int plane)
{
    int step = 0;
    for (int c = 0; c < f->num_words; c++) {
        BAND const uint *block = src + c / WORDS * plane, *word = block + c % WORDS;
        if (DIRECT) /* the next tile's part of this plane, a line a step */
            PREFETCH(block + NP * WORDS + c % WORDS * (LINE / 4));
        for (int t = 0; t < f->num_taps; t++, step += LANES) {
            BAND const uint *x = word + (DIRECT ? 0 : taps[t]);
            uint16 w[NV];
#pragma unroll
            for (int v = 0; v < NV; v++)
                w[v] = vload16(0, f->at[v] + step);
#pragma unroll
            for (int p = 0; p < NP; p++)
#pragma unroll
                for (int v = 0; v < NV; v++)
                    acc[v][p] = dot_us((uint16)(x[p * WORDS]), w[v], acc[v][p]);
        }
    }
}

/* Sums of the filters, which x's zero point multiplies. */
static INLINED void sum_filters(int16 *sums, const filters *f)
{
    for (int step = 0; step < f->num_words * f->num_taps; step++)
#pragma unroll
        for (int v = 0; v < NV; v++)
            sums[v] = dot_us((uint16)(0x01010101u), vload16(0, f->at[v] + step * LANES), sums[v]);
}

/* ---- an item --------------------------------------------------------------------------------- */

/* Work-item (x, y, z): `turns` groups of NV vectors of filters from x * turns on, rectangle y of
 * `rows` by `cols`, image and group of channels z.  Counts of channels are those of one group. */
kernel void qlinear_conv_wide(global const uint *x, global const uint *weights, global uchar *dst,
                              INTEGERS, GEOMETRY ADDEND, local uint *in_band, local int *taps SUMS,
                              int rows, int cols, int turns)
{
    const axis down = {src_h, dst_h, kernel_h, stride_h, dilation_h, pad_h};
    const axis across = {src_w, dst_w, kernel_w, stride_w, dilation_w, pad_w};
    const int image = (int)get_global_id(2), group = image % groups;
    const int rects = (dst_w + cols - 1) / cols, rect = (int)get_global_id(1);
    const int row = rect / rects * rows, col = rect % rects * cols;
    const int num_rows = min(rows, dst_h - row), num_cols = min(cols, dst_w - col);
    const int tiles = (num_cols + NP - 1) / NP;
    const int src_blocks = (src_channels + LANES - 1) / LANES;
    const int dst_blocks = (dst_channels + LANES - 1) / LANES, plane = dst_h * dst_w * LANES;
    const band b = band_of(&down, &across, num_rows, tiles * NP);
    const int from_x = (has_x_zero ? (int)(x_zero[0] ^ x_flip) : x_flip);
    filters f;
    f.num_words = (src_channels + 3) / 4;
    f.num_taps = kernel_h * kernel_w;
    x += (long)image * src_blocks * src_h * src_w * WORDS;
    dst += (long)image * dst_blocks * plane;
#if defined RESIDUAL || defined UNROUNDED
    other += (long)image * dst_blocks * plane;
#else
    global const uchar *other = dst;
#endif
    weights += (long)group * dst_blocks * f.num_words * f.num_taps * LANES;
    if (!DIRECT) {
        list_taps(&down, &across, &b, taps);
        copy_blocks(x, in_band, src_blocks, row * stride_h - pad_h, col * stride_w - pad_w, &down,
                    &across, &b, (uint)from_x * 0x01010101u, (uint)x_flip * 0x01010101u);
    }
#ifdef W_ZEROS
    sum_pixels(in_band, in_sums, &b, src_channels, from_x);
#endif
    for (int turn = 0; turn < turns; turn++) {
        const int vector = ((int)get_global_id(0) * turns + turn) * NV;
        factors k;
        int16 sums[NV] = {(int16)(0)};
        if (vector >= dst_blocks)
            return;
        for (int v = 0; v < NV; v++)
            f.at[v] =
                weights + (long)min(vector + v, dst_blocks - 1) * f.num_words * f.num_taps * LANES;
        if (from_x != 0)
            sum_filters(sums, &f);
        find_factors(&k, sums, from_x, group * dst_channels + vector * LANES,
                     (group + 1) * dst_channels, RESULT_ARGS ADDEND_ARGS);
#ifdef W_ZEROS
        int16 zeros[NV];
        find_zeros(zeros, group * dst_channels + vector * LANES, (group + 1) * dst_channels, w_zero,
                   has_w_zero, w_zero_step, w_flip);
#endif
        for (int t = 0; t < num_rows * tiles; t++) {
            int16 acc[NV][NP];
            const int r = t / tiles, own = t % tiles * NP;
            /* Read in place, a last tile moves back into the plane and does some pixels again. */
            const int c = DIRECT ? min(own, dst_w - col - NP) : own;
            const long at = (long)vector * plane + ((row + r) * dst_w + col + c) * LANES;
            fetch_residual(other + at, plane);
#pragma unroll
            for (int v = 0; v < NV; v++)
#pragma unroll
                for (int p = 0; p < NP; p++)
                    acc[v][p] = (int16)(0);
#if DIRECT
            multiply(acc, x + (col + c) * WORDS, &f, taps, src_h * src_w * WORDS);
#else
            const int from = r * (kernel_h == 1 ? 1 : stride_h) * b.row + c * WORDS;
            multiply(acc, in_band + from, &f, taps, b.plane);
#endif
#ifdef W_ZEROS
            int windows[NP];
            sum_windows(windows, in_sums + from / WORDS, taps, f.num_taps);
            take_zeros(acc, zeros, windows);
#endif
            store_tile(acc, &k, other + at, dst + at, plane, dst_blocks - vector, own - c,
                       min(NP, num_cols - c));
        }
    }
}
