/* sparse_qlinear_conv_wide.cl -- convolution of bytes with few words of weights that are not 0, for
 * CPU devices: an item, alone in its group, makes a tile of pixels for some blocks of 16 output
 * channels.  x and dst lie in blocks of 16 channels (layout c16), as those of dense ones do.
 *
 * A tile is one run of RUN vectors over `rows` lines of dst, 16 neighbouring pixels to a vector.
 * For each entry of an output channel its word, weights of four input channels, goes to all lanes,
 * and RUN vectors of x, 16 pixels with those four channels, are met by it from where the tap lies:
 * a load and a dot product (dot.clh) to a vector, in sums that stay in registers.
 *
 * x is read from the *band*, a copy in local memory of what the tile needs of all channels: a plane
 * for each word of four channels, without signs, with x's zero point where x has no pixels.  Lines
 * of a plane are `pitch` words apart, whole vectors where that costs little, so that taps of the
 * first column are aligned.  With a stride it has a part for each remainder (`phase`), in
 * which neighbouring pixels lie together.  The sums of 16 output channels wait in local memory,
 * go through what the dense kernel's go through (qlinear_conv_tile.clh), so that they become the
 * same integers, and are turned into pixels of 16 channels as bytes.  Lanes that are no pixels are
 * computed and not stored.
 *
 * Limit: loads, of which nearly each crosses a line of the cache but with 1x1 filters.
 * Host side: lib/ops/sparse_qlinear_conv_wide.c. */
#ifndef RUN
#define RUN 8 /* vectors to a tile */
#endif
#define V  16
#define NV 1 /* vectors of channels, and pixels, that are finished at a time */
#define NP 16
#include "common.clh"
#include "quant.clh"
#include "qlinear_conv.clh"
#include "qlinear_conv_tile.clh"
#ifndef DOT_V
#define DOT_V 16
#endif
#include "dot.clh"
#include "sparse_axis.clh"

#define WORDS    4          /* of a pixel's block */
#define SUMS     (RUN * 16) /* of an output channel */
#define TAP_BITS 8          /* of an offset; the rest is the word */
#define TAP_MASK 255

/* ---- the band -------------------------------------------------------------------------------- */

/* By one store, where vstore16 writes PoCL's four parts of it. */
typedef uint16 lanes16 __attribute__((aligned(4)));

/* A block of planes in the band, and the pixels that may be read from where x has its own on. */
typedef struct planes {
    local uint *at;
    int plane; /* from one to the next */
    int first, end;
    uint flip, padding;
} planes;

static INLINED uint16 four_pixels(global const uint *x, int step)
{
    if (step == 1)
        return vload16(0, x);
    return (uint16)(vload4(0, x), vload4(step, x), vload4(2 * step, x), vload4(3 * step, x));
}

/* Four words of each of 16 pixels become 16 of each word. */
static INLINED void split_words(uint16 p, uint16 q, uint16 r, uint16 s, uint16 *words)
{
    words[0] = (uint16)(p.s048c, q.s048c, r.s048c, s.s048c);
    words[1] = (uint16)(p.s159d, q.s159d, r.s159d, s.s159d);
    words[2] = (uint16)(p.s26ae, q.s26ae, r.s26ae, s.s26ae);
    words[3] = (uint16)(p.s37bf, q.s37bf, r.s37bf, s.s37bf);
}

/* 16 lanes of a line: those from begin to before end are pixels, `step` apart, the first lane would
 * be `pixel`; the others are padding. */
static INLINED void copy_lanes(global const uint *x, int pixel, int step, local uint *to, int begin,
                               int end, const planes *b)
{
    const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const int16 is_pixel = (lane >= begin) & (lane < end);
    uint16 words[WORDS];
    if (pixel >= b->first && pixel + 15 * step < b->end) {
        x += pixel * WORDS;
        split_words(four_pixels(x, step), four_pixels(x + 4 * step * WORDS, step),
                    four_pixels(x + 8 * step * WORDS, step),
                    four_pixels(x + 12 * step * WORDS, step), words);
    } else {
        uint lanes[16 * WORDS];
        for (int i = 0; i < 16; i++)
            vstore4(i >= begin && i < end ? vload4(pixel + i * step, x) : (uint4)(0), i, lanes);
        split_words(vload16(0, lanes), vload16(1, lanes), vload16(2, lanes), vload16(3, lanes),
                    words);
    }
#pragma unroll
    for (int w = 0; w < WORDS; w++)
        *(local lanes16 *)(to + w * b->plane) =
            select((uint16)(b->padding), words[w] ^ b->flip, as_uint16(is_pixel));
}

/* One phase of a block's plane, line by line, and what is behind the last one.  A line's last store
 * may reach over what is written later. */
static inline void copy_phase(global const uint *x, local uint *to, const axis *down,
                              const axis *across, int phase_y, int phase_x, int phase_words,
                              const planes *b)
{
    const int first = first_inside(across, phase_x), last = end_inside(across, phase_x);
    const int col = place(across, phase_x, 0), pitch = across->num, step = across->stride;
    for (int i = 0; i < down->num; i++) {
        const int row = place(down, phase_y, i), inside = row >= 0 && row < down->src;
        const int pixel = inside ? row * across->src + col : 0;
        for (int j = 0; j < pitch; j += 16)
            copy_lanes(x, pixel + j * step, step, to + i * pitch + j, inside ? first - j : 0,
                       inside ? last - j : 0, b);
    }
    for (int w = 0; w < WORDS; w++)
        for (int i = down->num * pitch; i < phase_words; i++)
            to[w * b->plane + i] = b->padding;
}

static inline void fill_band(global const uint *x, planes b, const axis *down, const axis *across,
                             int num_blocks, int phase_words)
{
    const int pixels = down->src * across->src;
    for (int c = 0; c < num_blocks; c++, x += pixels * WORDS) {
        local uint *to = b.at + c * WORDS * b.plane;
        b.first = c > 0 ? -pixels : 0; /* so that a store's worth is read at once */
        b.end = c + 1 < num_blocks ? 2 * pixels : pixels;
        for (int i = 0; i < num_phases(down); i++)
            for (int j = 0; j < num_phases(across); j++, to += phase_words)
                copy_phase(x, to, down, across, i, j, phase_words, &b);
    }
}

static inline void find_taps(local int *taps, const axis *down, const axis *across, int phase_words)
{
    for (int r = 0; r < down->num_taps; r++)
        for (int s = 0; s < across->num_taps; s++) {
            const int v = r * down->dilation, u = s * across->dilation;
            const int phase = v % down->stride * num_phases(across) + u % across->stride;
            taps[r * across->num_taps + s] =
                phase * phase_words + v / down->stride * across->num + u / across->stride;
        }
}

/* ---- sums ------------------------------------------------------------------------------------ */

/* Those of 16 output channels, `num` of which are there: a function of its own, whose few variables
 * stay in registers. */
static __attribute__((noinline)) void add_rows(local const uint *band, local const int *taps,
                                               global const uint *words, global const int *offsets,
                                               global const int2 *rows, local int16 *sums, int num,
                                               int plane)
{
    for (int k = 0; k < LANES; k++, sums += RUN) {
        int16 acc[RUN];
#pragma unroll
        for (int v = 0; v < RUN; v++)
            acc[v] = (int16)(0);
        for (int i = rows[min(k, num)].x, end = rows[min(k + 1, num)].x; i < end; i++) {
            const int offset = offsets[i];
            local const uint *x = band + (offset >> TAP_BITS) * plane + taps[offset & TAP_MASK];
            const uint16 w = (uint16)(words[i]);
#pragma unroll
            for (int v = 0; v < RUN; v++)
                acc[v] = dot_us(vload16(0, x + v * V), w, acc[v]);
        }
#pragma unroll
        for (int v = 0; v < RUN; v++)
            sums[v] = acc[v]; /* aligned, so by one store */
    }
}

/* ---- results --------------------------------------------------------------------------------- */

/* Lanes of two vectors in turns. */
#define ZIP_LO(a, b)                                                                               \
    (uint16)((a).s0, (b).s0, (a).s1, (b).s1, (a).s2, (b).s2, (a).s3, (b).s3, (a).s4, (b).s4,       \
             (a).s5, (b).s5, (a).s6, (b).s6, (a).s7, (b).s7)
#define ZIP_HI(a, b)                                                                               \
    (uint16)((a).s8, (b).s8, (a).s9, (b).s9, (a).sa, (b).sa, (a).sb, (b).sb, (a).sc, (b).sc,       \
             (a).sd, (b).sd, (a).se, (b).se, (a).sf, (b).sf)

/* 16 pixels of a block, or the first `num` of them, as vectors of each word. */
static INLINED void load_words(global const uint *from, int num, uint16 *words)
{
    uint lanes[NP * WORDS];
    if (num < NP) {
        for (int i = 0; i < NP; i++)
            vstore4(i < num ? vload4(i, from) : (uint4)(0), i, lanes);
        split_words(vload16(0, lanes), vload16(1, lanes), vload16(2, lanes), vload16(3, lanes),
                    words);
    } else
        split_words(vload16(0, from), vload16(1, from), vload16(2, from), vload16(3, from), words);
}

static INLINED void store_words(const uint16 *words, int num, global uint *to)
{
    const uint16 a = ZIP_LO(words[0], words[2]), b = ZIP_LO(words[1], words[3]);
    const uint16 c = ZIP_HI(words[0], words[2]), d = ZIP_HI(words[1], words[3]);
    uint lanes[NP * WORDS];
    if (num < NP) {
        vstore16(ZIP_LO(a, b), 0, lanes);
        vstore16(ZIP_HI(a, b), 1, lanes);
        vstore16(ZIP_LO(c, d), 2, lanes);
        vstore16(ZIP_HI(c, d), 3, lanes);
        for (int i = 0; i < num; i++)
            vstore4(vload4(i, lanes), i, to);
        return;
    }
    *(global lanes16 *)to = ZIP_LO(a, b);
    *(global lanes16 *)(to + V) = ZIP_HI(a, b);
    *(global lanes16 *)(to + 2 * V) = ZIP_LO(c, d);
    *(global lanes16 *)(to + 3 * V) = ZIP_HI(c, d);
}

/* What becomes of a channel's sums, as in store_vector(); `rest` are its bytes of a residual. */
static INLINED int16 finished(int16 sums, float multiplier, const factors *k, uint16 rest)
{
#ifdef RESIDUAL
#pragma OPENCL FP_CONTRACT OFF
    const quant_sum *s = &k->sum;
    const int16 number = as_int16(rest ^ (uint)k->other_flip) - k->other_zero;
    const float16 x = (requantized(sums, (float16)(multiplier), k) - WHOLE) * s->a_scale;
    return quant_finish(quant_quotient(x + quant_dequantize(number, s->b_scale), s), s);
#else
    (void)rest;
    return AS_INTV(requantized(sums, (float16)(multiplier), k)) + k->zero;
#endif
}

/* `num` neighbouring pixels of 16 channels. */
static INLINED void finish_pixels(local const int *sums, const int *offsets,
                                  const float *multipliers, const factors *k, OTHER *other,
                                  global uchar *dst, int num)
{
    uint16 words[WORDS], rest[WORDS] = {(uint16)(0)};
#ifdef RESIDUAL
    load_words((global const uint *)(global const void *)other, num, rest);
#else
    (void)other;
#endif
#pragma unroll
    for (int w = 0; w < WORDS; w++) {
        words[w] = (uint16)(0);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int c = 4 * w + i;
            const int16 all = vload16(0, sums + c * SUMS) + offsets[c];
            const int16 q = finished(all, multipliers[c], k, rest[w] >> (8 * i) & 255u);
            words[w] |= as_uint16(q & 255) << (8 * i);
        }
    }
    store_words(words, num, (global uint *)(global void *)dst);
}

/* ---- an item --------------------------------------------------------------------------------- */

/* Work-item (x, y, z): tile x, columns fastest; `turns` blocks of output channels from y * turns
 * on; image z.  in_band, sums (RUN for each of 16 channels, and one) and taps are local memory. */
kernel void sparse_qlinear_conv_wide(global const uint *x, global const uint *words,
                                     global uchar *dst, INTEGERS, GEOMETRY ADDEND,
                                     global const int2 *row_of, global const int *offsets,
                                     local uint16 *in_band, local int16 *sums, local int *taps,
                                     int rows, int cols, int pitch, int phase_words, int turns)
{
    const int along = (dst_w + cols - 1) / cols, tile = (int)get_global_id(0);
    const int p = tile / along * rows, q = tile % along * cols, image = (int)get_global_id(2);
    axis down = {src_h, dst_h, kernel_h, stride_h, pad_h, dilation_h, p, 0};
    axis across = {src_w, dst_w, kernel_w, stride_w, pad_w, dilation_w, q, 0};
    down.num = rows + (kernel_h - 1) * dilation_h / stride_h;
    across.num = pitch;
    const int plane = num_phases(&down) * num_phases(&across) * phase_words;
    const int end_y = min(rows, dst_h - p), end_x = min(cols, dst_w - q);
    const int src_blocks = (src_channels + LANES - 1) / LANES;
    const int dst_blocks = (dst_channels + LANES - 1) / LANES, dst_plane = dst_h * dst_w * LANES;
    const int from_x = has_x_zero ? (int)(x_zero[0] ^ x_flip) : x_flip;
    local uint *band = (local uint *)in_band;
    const planes b = {band, plane, 0, 0, (uint)x_flip * 0x01010101u, (uint)from_x * 0x01010101u};
    x += (long)image * src_blocks * src_h * src_w * WORDS;
    dst += (long)image * dst_blocks * dst_plane;
#ifdef RESIDUAL
    other += (long)image * dst_blocks * dst_plane;
#else
    global const uchar *other = dst;
#endif
    find_taps(taps, &down, &across, phase_words);
    fill_band(x, b, &down, &across, src_blocks, phase_words);
    for (int block = (int)get_global_id(1) * turns, last = min(block + turns, dst_blocks);
         block < last; block++) {
        int weights[LANES], offset[LANES];
        float multiplier[LANES];
        factors k;
        const int num = min(LANES, dst_channels - block * LANES);
        add_rows(band, taps, words, offsets, row_of + block * LANES, sums, num, plane);
        for (int r = 0; r < LANES; r++)
            weights[r] = row_of[block * LANES + min(r, num)].y;
        const int16 all = vload16(0, weights);
        find_factors(&k, &all, from_x, block * LANES, dst_channels, RESULT_ARGS ADDEND_ARGS);
        vstore16(k.offset[0], 0, offset);
        vstore16(k.multiplier[0], 0, multiplier);
        for (int i = 0; i < end_y; i++)
            for (int j = 0; j < end_x; j += NP) {
                const long at = (long)block * dst_plane + ((long)(p + i) * dst_w + q + j) * LANES;
                finish_pixels((local const int *)sums + i * across.num + j, offset, multiplier, &k,
                              other + at, dst + at, min(NP, end_x - j));
            }
    }
}
