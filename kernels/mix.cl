/* mix.cl -- samples of a batch mixed in pairs: row r with row n - 1 - r, *mix of the one and the
 * rest of 1 of the other.
 *
 * src, dst (n, inner), apart.  An item has `chunk` elements of both rows of a pair, so that each is
 * read and written once; the middle one of an odd number is mixed with itself.
 * Limit: memory; PoCL on two cores of Zen 5: 64 x 3 x 224 x 224 floats at 0.82 of a copy, 128 x 3 x
 * 32 x 32 at 0.59, where the launch counts.  Host side: lib/ops/mix.c. */
#include "common.clh"

kernel void mix_pairs(global const float *src, global const float *mix, global float *dst, uint n,
                      uint inner, uint chunk)
{
    const uint r = (uint)get_global_id(1);
    const size_t at = (size_t)r * inner, across = (size_t)(n - 1 - r) * inner;
    const float share = mix[0], rest = 1.0f - share;
    uint i = min((uint)get_global_id(0) * chunk, inner);
    const uint end = min(i + chunk, inner);
    for (; i + V <= end; i += V) {
        const floatv x = LOADV(src + at + i), y = LOADV(src + across + i);
        STOREV(x * share + y * rest, dst + at + i);
        STOREV(y * share + x * rest, dst + across + i);
    }
    for (; i < end; i++) {
        const float x = src[at + i], y = src[across + i];
        dst[at + i] = x * share + y * rest;
        dst[across + i] = y * share + x * rest;
    }
}
