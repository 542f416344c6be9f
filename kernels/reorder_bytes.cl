/* reorder_bytes.cl -- bytes to and from blocks of 16 channels, as reorder.cl has floats, and
 * filters of bytes into layout v16 (lib/ops/layout_common.h).
 *
 *     reorder_bytes_to_blocks    (outer, channels, pixels) -> (outer, blocks, pixels, 16)
 *     reorder_bytes_from_blocks  the way back
 *     reorder_bytes_filters      (channels, inner, taps) -> (blocks, words, taps, 16, 4)
 *
 * An item takes `chunk` pixels, or words, of one block.  Sixteen pixels go through registers as
 * four vectors of words, each with four channels.  Limit: memory.  Host side:
 * lib/ops/reorder_bytes.c. */
#define LANES 16u
#define WORD  4u

/* X(p) for each of 16 pixels. */
#define EACH_PIXEL(X)                                                                              \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(a) X(b) X(c) X(d) X(e) X(f)

static inline uint16 row_of(global const uchar *src, uint row, uint num, uint pitch)
{
    return row < num ? convert_uint16(vload16(0, src + (size_t)row * pitch)) : (uint16)(0u);
}

/* Channels 4 k to 4 k + 3 of 16 pixels. */
static inline uint16 words_of(global const uchar *src, uint k, uint num, uint pitch)
{
    const uint row = k * WORD;
    return row_of(src, row, num, pitch) | row_of(src, row + 1u, num, pitch) << 8u |
           row_of(src, row + 2u, num, pitch) << 16u | row_of(src, row + 3u, num, pitch) << 24u;
}

static inline void rows_from(uint16 words, global uchar *dst, uint k, uint num, uint pitch)
{
    for (uint i = 0; i < WORD && k * WORD + i < num; i++)
        vstore16(convert_uchar16(words >> 8u * i & 255u), 0, dst + (size_t)(k * WORD + i) * pitch);
}

/* The plain side of block b, and how many of its lanes are channels. */
static inline size_t plain_offset(uint b, uint channels, uint pixels, uint *num)
{
    const uint blocks = (channels + LANES - 1u) / LANES, first = b % blocks * LANES;
    *num = min(channels - first, LANES);
    return ((size_t)(b / blocks) * channels + first) * pixels;
}

kernel void reorder_bytes_to_blocks(global const uchar *src, global uchar *dst, uint channels,
                                    uint pixels, uint chunk)
{
    const uint b = (uint)get_global_id(1);
    uint at = min((uint)get_global_id(0) * chunk, pixels), num;
    const uint end = min(at + chunk, pixels);
    src += plain_offset(b, channels, pixels, &num);
    dst += (size_t)b * pixels * LANES;
    for (; at + LANES <= end; at += LANES) {
        const uint16 w0 = words_of(src + at, 0, num, pixels);
        const uint16 w1 = words_of(src + at, 1, num, pixels);
        const uint16 w2 = words_of(src + at, 2, num, pixels);
        const uint16 w3 = words_of(src + at, 3, num, pixels);
        /* Whole and aligned, which vstore16 does not know: PoCL would write byte by byte. */
        global uint4 *to = (global uint4 *)(global void *)dst + at;
#define PUT(p) to[0x##p] = (uint4)(w0.s##p, w1.s##p, w2.s##p, w3.s##p);
        EACH_PIXEL(PUT)
    }
    for (; at < end; at++)
        for (uint lane = 0; lane < LANES; lane++)
            dst[(size_t)at * LANES + lane] =
                (uchar)(lane < num ? src[(size_t)lane * pixels + at] : 0);
}

kernel void reorder_bytes_from_blocks(global const uchar *src, global uchar *dst, uint channels,
                                      uint pixels, uint chunk)
{
    const uint b = (uint)get_global_id(1);
    uint at = min((uint)get_global_id(0) * chunk, pixels), num;
    const uint end = min(at + chunk, pixels);
    dst += plain_offset(b, channels, pixels, &num);
    src += (size_t)b * pixels * LANES;
    for (; at + LANES <= end; at += LANES) {
        uint16 w0, w1, w2, w3;
#define GET(p)                                                                                     \
    {                                                                                              \
        const uint4 words = as_uint4(vload16(at + 0x##p##u, src));                                 \
        w0.s##p = words.x;                                                                         \
        w1.s##p = words.y;                                                                         \
        w2.s##p = words.z;                                                                         \
        w3.s##p = words.w;                                                                         \
    }
        EACH_PIXEL(GET)
        rows_from(w0, dst + at, 0, num, pixels);
        rows_from(w1, dst + at, 1, num, pixels);
        rows_from(w2, dst + at, 2, num, pixels);
        rows_from(w3, dst + at, 3, num, pixels);
    }
    for (; at < end; at++)
        for (uint lane = 0; lane < num; lane++)
            dst[(size_t)lane * pixels + at] = src[(size_t)at * LANES + lane];
}

/* flip: 0x80 for bytes without a sign, which become those of 128 less; what is added is 0. */
kernel void reorder_bytes_filters(global const uchar *src, global uchar *dst, uint channels,
                                  uint inner, uint taps, uint chunk, uint flip)
{
    const uint words = (inner + WORD - 1u) / WORD, block = (uint)get_global_id(1);
    const uint first = (uint)get_global_id(0) * chunk, end = min(first + chunk, words);
    dst += ((size_t)block * words + first) * taps * LANES * WORD;
    for (uint word = first; word < end; word++)
        for (uint tap = 0; tap < taps; tap++)
            for (uint i = 0; i < LANES * WORD; i++) {
                const uint channel = block * LANES + i / WORD, input = word * WORD + i % WORD;
                const int inside = channel < channels && input < inner;
                const size_t at = ((size_t)channel * inner + input) * taps + tap;
                *dst++ = (uchar)(inside ? src[at] ^ flip : 0u);
            }
}
