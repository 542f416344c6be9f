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
 * Assumes: the zero points of w are 0 (of uint8, 128); with DIRECT at least NP pixels.  What pad
 * lanes of x hold meets filters of 0.  Limit: dot products.  Host side:
 * lib/ops/qlinear_conv_wide.c. */
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
#ifndef DOT_V
#define DOT_V 16
#endif
#include "dot.clh"

#define LANES   16 /* channels of a block */
#define WORDS   4  /* of a pixel's block */
#define INLINED inline __attribute__((always_inline))
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
        BAND const uint *word = src + c / WORDS * plane + c % WORDS;
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

/* ---- results --------------------------------------------------------------------------------- */

/* Of a vector of channels: what is added to a sum, and what that is multiplied by. */
typedef struct factors {
    int16 offset[NV];
    float16 multiplier[NV];
    float low, high;
    int zero;
#ifdef RESIDUAL
    quant_sum sum;
    int other_flip, other_zero;
#endif
} factors;

/* Of 16 numbers from `channel` on; lanes behind the last of `num` are those of that one. */
static inline int16 int_lanes(global const int *x, int channel, int num)
{
    int lanes[LANES];
    if (channel + LANES <= num)
        return vload16(0, x + channel);
    for (int i = 0; i < LANES; i++)
        lanes[i] = x[min(channel + i, num - 1)];
    return vload16(0, lanes);
}

static inline float16 float_lanes(global const float *x, int channel, int num)
{
    return as_float16(int_lanes((global const int *)x, channel, num));
}

/* Sums of the filters, which x's zero point multiplies. */
static INLINED void sum_filters(int16 *sums, const filters *f)
{
    for (int v = 0; v < NV; v++)
        sums[v] = (int16)(0);
    for (int step = 0; step < f->num_words * f->num_taps; step++)
#pragma unroll
        for (int v = 0; v < NV; v++)
            sums[v] = dot_us((uint16)(0x01010101u), vload16(0, f->at[v] + step * LANES), sums[v]);
}

static INLINED void find_factors(factors *k, const filters *f, int from_x, int first, int end,
                                 global const uchar *y_zero, global const float *x_scale,
                                 global const float *w_scale, global const float *y_scale,
                                 global const int *bias, int has_bias, int w_scale_step, int y_flip,
                                 int low, int high ADDEND)
{
    int16 sums[NV];
    k->zero = quant_number(y_zero[0], y_flip);
    k->low = (float)(OWN_LOW - k->zero);
    k->high = (float)(OWN_HIGH - k->zero);
#ifdef RESIDUAL
    (void)other;
    k->sum = SUM_OF;
    k->other_flip = other_flip;
    k->other_zero = OTHER_ZERO;
#endif
    if (from_x != 0)
        sum_filters(sums, f);
    for (int v = 0; v < NV; v++) {
        const int channel = min(first + v * LANES, end - 1);
        const int16 add = has_bias ? int_lanes(bias, channel, end) : (int16)(0);
        const float16 scale =
            w_scale_step ? float_lanes(w_scale, channel, end) : (float16)(w_scale[0]);
        k->offset[v] = from_x != 0 ? add - sums[v] * from_x : add;
        k->multiplier[v] = quant_multiplier((float16)(x_scale[0]), scale, (float16)(y_scale[0]));
    }
}

/* Blocks are aligned, which vload16 and vstore16 do not know: PoCL would write byte by byte. */
static INLINED void store_pixel(int16 sum, float16 multiplier, const factors *k,
                                global const uchar *other, global uchar *dst)
{
    int16 q = quant_requantize(sum, multiplier, (float16)(k->low), (float16)(k->high));
#ifdef RESIDUAL
    const int16 byte = convert_int16(*(global const uchar16 *)(global const void *)other);
    q = quant_add(q, (byte ^ k->other_flip) - k->other_zero, &k->sum);
#else
    (void)other;
    q += k->zero;
#endif
    *(global uchar16 *)(global void *)dst = convert_uchar16(q & 255);
}

/* Pixels begin to end - 1 of a tile; blocks of other and dst are `plane` bytes apart, num_vectors
 * of them are there. */
static INLINED void store_tile(int16 (*acc)[NP], const factors *k, global const uchar *other,
                               global uchar *dst, int plane, int num_vectors, int begin, int end)
{
#pragma unroll
    for (int v = 0; v < NV; v++, other += plane, dst += plane) {
        const int16 offset = k->offset[v];
        const float16 multiplier = k->multiplier[v];
        if (v >= num_vectors)
            continue;
        if (begin == 0 && end == NP)
#pragma unroll
            for (int p = 0; p < NP; p++)
                store_pixel(acc[v][p] + offset, multiplier, k, other + p * LANES, dst + p * LANES);
        else
#pragma unroll
            for (int p = 0; p < NP; p++)
                if (p >= begin && p < end)
                    store_pixel(acc[v][p] + offset, multiplier, k, other + p * LANES,
                                dst + p * LANES);
    }
}

/* ---- an item --------------------------------------------------------------------------------- */

/* Work-item (x, y, z): `turns` groups of NV vectors of filters from x * turns on, rectangle y of
 * `rows` by `cols`, image and group of channels z.  Counts of channels are those of one group. */
kernel void qlinear_conv_wide(global const uint *x, global const uint *weights, global uchar *dst,
                              INTEGERS, GEOMETRY ADDEND, local uint *in_band, local int *taps,
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
#ifdef RESIDUAL
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
    for (int turn = 0; turn < turns; turn++) {
        const int vector = ((int)get_global_id(0) * turns + turn) * NV;
        factors k;
        if (vector >= dst_blocks)
            return;
        for (int v = 0; v < NV; v++)
            f.at[v] =
                weights + (long)min(vector + v, dst_blocks - 1) * f.num_words * f.num_taps * LANES;
        find_factors(&k, &f, from_x, group * dst_channels + vector * LANES,
                     (group + 1) * dst_channels, RESULT_ARGS ADDEND_ARGS);
        for (int t = 0; t < num_rows * tiles; t++) {
            int16 acc[NV][NP];
            const int r = t / tiles, own = t % tiles * NP;
            /* Read in place, a last tile moves back into the plane and does some pixels again. */
            const int c = DIRECT ? min(own, dst_w - col - NP) : own;
#pragma unroll
            for (int v = 0; v < NV; v++)
#pragma unroll
                for (int p = 0; p < NP; p++)
                    acc[v][p] = (int16)(0);
#if DIRECT
            multiply(acc, x + (col + c) * WORDS, &f, taps, src_h * src_w * WORDS);
#else
            multiply(acc, in_band + r * (kernel_h == 1 ? 1 : stride_h) * b.row + c * WORDS, &f,
                     taps, b.plane);
#endif
            const long at = (long)vector * plane + ((row + r) * dst_w + col + c) * LANES;
            store_tile(acc, &k, other + at, dst + at, plane, dst_blocks - vector, own - c,
                       min(NP, num_cols - c));
        }
    }
}
