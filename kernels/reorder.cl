/* reorder.cl -- (outer, channels, pixels) to and from blocks of 16 channels, (outer, blocks,
 * pixels, 16); lib/ops/layout_common.h has the layouts.
 *
 * An item takes `chunk` pixels of one block; with V = 1 (GPUs) that is one pixel.  Whole squares of
 * 16 channels by 16 pixels go through registers: rows come in as vectors, are turned by four rounds
 * of exchanges, each of which brings lanes that differ in one bit of their number together, and
 * leave as vectors. Single loads took four times as long on Zen 4.  Limit: memory.  Host side:
 * lib/ops/reorder.c. */

#include "common.clh"
#include "reorder.clh"

#define LANES 16u

#if V == 16
/* One round on rows a and b: lanes of a with bit `w` set and of b without it change places. */
#define SWAP8(a, b)                                                                                \
    do {                                                                                           \
        const float16 t_ = (float16)(a.lo, b.lo);                                                  \
        b = (float16)(a.hi, b.hi);                                                                 \
        a = t_;                                                                                    \
    } while (0)
#define SWAP4(a, b)                                                                                \
    do {                                                                                           \
        const float16 t_ = (float16)(a.s0123, b.s0123, a.s89ab, b.s89ab);                          \
        b = (float16)(a.s4567, b.s4567, a.scdef, b.scdef);                                         \
        a = t_;                                                                                    \
    } while (0)
#define SWAP2(a, b)                                                                                \
    do {                                                                                           \
        const float16 t_ = (float16)(a.s01, b.s01, a.s45, b.s45, a.s89, b.s89, a.scd, b.scd);      \
        b = (float16)(a.s23, b.s23, a.s67, b.s67, a.sab, b.sab, a.sef, b.sef);                     \
        a = t_;                                                                                    \
    } while (0)
#define SWAP1(a, b)                                                                                \
    do {                                                                                           \
        const float16 t_ = (float16)(a.s0, b.s0, a.s2, b.s2, a.s4, b.s4, a.s6, b.s6, a.s8, b.s8,   \
                                     a.sa, b.sa, a.sc, b.sc, a.se, b.se);                          \
        b = (float16)(a.s1, b.s1, a.s3, b.s3, a.s5, b.s5, a.s7, b.s7, a.s9, b.s9, a.sb, b.sb,      \
                      a.sd, b.sd, a.sf, b.sf);                                                     \
        a = t_;                                                                                    \
    } while (0)

/* dst = the square at src turned: rows lie a stride apart. */
static inline void turn(global const FROM *src, size_t src_stride, global TO *dst,
                        size_t dst_stride)
{
    float16 r0 = READ16(src), r1 = READ16(src + src_stride);
    float16 r2 = READ16(src + 2 * src_stride), r3 = READ16(src + 3 * src_stride);
    float16 r4 = READ16(src + 4 * src_stride), r5 = READ16(src + 5 * src_stride);
    float16 r6 = READ16(src + 6 * src_stride), r7 = READ16(src + 7 * src_stride);
    float16 r8 = READ16(src + 8 * src_stride), r9 = READ16(src + 9 * src_stride);
    float16 ra = READ16(src + 10 * src_stride), rb = READ16(src + 11 * src_stride);
    float16 rc = READ16(src + 12 * src_stride), rd = READ16(src + 13 * src_stride);
    float16 re = READ16(src + 14 * src_stride), rf = READ16(src + 15 * src_stride);
#define ROUND(S, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)                                   \
    S(a, b);                                                                                       \
    S(c, d);                                                                                       \
    S(e, f);                                                                                       \
    S(g, h);                                                                                       \
    S(i, j);                                                                                       \
    S(k, l);                                                                                       \
    S(m, n);                                                                                       \
    S(o, p)
    ROUND(SWAP8, r0, r8, r1, r9, r2, ra, r3, rb, r4, rc, r5, rd, r6, re, r7, rf);
    ROUND(SWAP4, r0, r4, r1, r5, r2, r6, r3, r7, r8, rc, r9, rd, ra, re, rb, rf);
    ROUND(SWAP2, r0, r2, r1, r3, r4, r6, r5, r7, r8, ra, r9, rb, rc, re, rd, rf);
    ROUND(SWAP1, r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, ra, rb, rc, rd, re, rf);
#undef ROUND
    WRITE16(r0, dst);
    WRITE16(r1, dst + dst_stride);
    WRITE16(r2, dst + 2 * dst_stride);
    WRITE16(r3, dst + 3 * dst_stride);
    WRITE16(r4, dst + 4 * dst_stride);
    WRITE16(r5, dst + 5 * dst_stride);
    WRITE16(r6, dst + 6 * dst_stride);
    WRITE16(r7, dst + 7 * dst_stride);
    WRITE16(r8, dst + 8 * dst_stride);
    WRITE16(r9, dst + 9 * dst_stride);
    WRITE16(ra, dst + 10 * dst_stride);
    WRITE16(rb, dst + 11 * dst_stride);
    WRITE16(rc, dst + 12 * dst_stride);
    WRITE16(rd, dst + 13 * dst_stride);
    WRITE16(re, dst + 14 * dst_stride);
    WRITE16(rf, dst + 15 * dst_stride);
}
#endif

/* What a square does not cover: `num` channels of pixels begin to end. */
static inline void pixels_to_block(global const FROM *src, global TO *dst, uint num, uint pixels,
                                   uint begin, uint end)
{
    for (uint p = begin; p < end; p++)
        for (uint lane = 0; lane < LANES; lane++)
            WRITE(lane < num ? READ(src + ((size_t)lane * pixels + p)) : 0.0f,
                  dst + ((size_t)p * LANES + lane));
}

static inline void pixels_from_block(global const FROM *src, global TO *dst, uint num, uint pixels,
                                     uint begin, uint end)
{
    for (uint lane = 0; lane < num; lane++)
        for (uint p = begin; p < end; p++)
            WRITE(READ(src + ((size_t)p * LANES + lane)), dst + ((size_t)lane * pixels + p));
}

/* The plain side of block `b`, and how many of its lanes are channels.  With blocks_first (i16)
 * memory holds the first block of all outer ones, then the second. */
static inline size_t plain_offset(uint b, uint outer, uint channels, uint pixels, int blocks_first,
                                  uint *num)
{
    const uint blocks = (channels + LANES - 1u) / LANES;
    const uint first = (blocks_first ? b / outer : b % blocks) * LANES;
    *num = min(channels - first, LANES);
    return ((size_t)(blocks_first ? b % outer : b / blocks) * channels + first) * pixels;
}

kernel void reorder_to_blocks(global const FROM *src, global TO *dst, uint outer, uint channels,
                              uint pixels, int blocks_first, uint chunk)
{
    const uint b = (uint)get_global_id(1);
    uint begin = min((uint)get_global_id(0) * chunk, pixels), num;
    const uint end = min(begin + chunk, pixels);
    src += plain_offset(b, outer, channels, pixels, blocks_first, &num);
    dst += (size_t)b * pixels * LANES;
#if V == 16
    for (; num == LANES && begin + LANES <= end; begin += LANES)
        turn(src + begin, pixels, dst + (size_t)begin * LANES, LANES);
#endif
    pixels_to_block(src, dst, num, pixels, begin, end);
}

kernel void reorder_from_blocks(global const FROM *src, global TO *dst, uint outer, uint channels,
                                uint pixels, int blocks_first, uint chunk)
{
    const uint b = (uint)get_global_id(1);
    uint begin = min((uint)get_global_id(0) * chunk, pixels), num;
    const uint end = min(begin + chunk, pixels);
    dst += plain_offset(b, outer, channels, pixels, blocks_first, &num);
    src += (size_t)b * pixels * LANES;
#if V == 16
    for (; num == LANES && begin + LANES <= end; begin += LANES)
        turn(src + (size_t)begin * LANES, LANES, dst + begin, pixels);
#endif
    pixels_from_block(src, dst, num, pixels, begin, end);
}
