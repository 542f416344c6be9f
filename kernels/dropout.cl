/* dropout.cl -- dst = src scale where a random number is at least `threshold`, else 0.
 *
 * The numbers come from the step, the key and the element's place, so the gradient is the same
 * kernel over what arrives, and no mask is stored.  64 elements share 16 blocks of Philox: element
 * e has word e / 16 % 4 of block e / 64 * 16 + e % 16, which gives vectors whole words.
 *
 *     V = 16   an item has `chunk` elements, 64 at a time (CPU devices)
 *     V = 1    an item has the four elements of a block
 *
 * A dropped element is 0 whatever it was, NaN too.  In place is allowed.
 * Limit: the ten rounds: 38 % of a copy on two cores of Zen 4.  Host side: lib/ops/dropout.c. */
#include "rows.clh"
#include "philox.clh"

/* Place of kerf.step's number of the step, exact up to 2^24. */
#define STEP_NUMBER 3

#if V == 1
kernel void dropout(global const float *src, global const float *step, global float *dst,
                    float scale, uint threshold, uint key0, uint key1, uint num, uint chunk)
{
    const uint block = (uint)get_global_id(0);
    const uint first = block / 16 * 64 + block % 16;
    const words random = philox(key0, key1, (uint)step[STEP_NUMBER], block);
    (void)chunk;
    if (first < num)
        dst[first] = random.w[0] >= threshold ? src[first] * scale : 0.0f;
    if (first + 16 < num)
        dst[first + 16] = random.w[1] >= threshold ? src[first + 16] * scale : 0.0f;
    if (first + 32 < num)
        dst[first + 32] = random.w[2] >= threshold ? src[first + 32] * scale : 0.0f;
    if (first + 48 < num)
        dst[first + 48] = random.w[3] >= threshold ? src[first + 48] * scale : 0.0f;
}
#else
static inline void keep(global const float *src, global float *dst, uintv random, float scale,
                        uint threshold, uint at, uint num)
{
    if (at >= num)
        return;
    const floatv x = load_some(src + at, num - at, num - at, 0.0f) * scale;
    store_some(random >= (uintv)(threshold) ? x : (floatv)(0.0f), dst + at, num - at);
}

kernel void dropout(global const float *src, global const float *step, global float *dst,
                    float scale, uint threshold, uint key0, uint key1, uint num, uint chunk)
{
    const uint begin = (uint)get_global_id(0) * chunk, end = min(begin + chunk, num);
    const uint number = (uint)step[STEP_NUMBER];
    for (uint i = begin; i < end; i += 64) {
        const words random =
            philox(key0, key1, number, convert_uint16(LANES) + (uintv)(i / 64 * 16));
        keep(src, dst, random.w[0], scale, threshold, i, num);
        keep(src, dst, random.w[1], scale, threshold, i + 16, num);
        keep(src, dst, random.w[2], scale, threshold, i + 32, num);
        keep(src, dst, random.w[3], scale, threshold, i + 48, num);
    }
}
#endif
