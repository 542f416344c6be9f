/* noise.cl -- random numbers of a step: of the logistic distribution (NORMAL 0), log(u / (1 - u)),
 * or of the normal one (NORMAL 1), two from each pair of words by Box and Muller's method.
 *
 * Numbers and places are those of dropout.cl: element e has word e / 16 % 4 of Philox's block
 * e / 64 * 16 + e % 16, so a normal one shares its pair with the element 16 before or behind it.  u
 * is an odd multiple of 2^-24, so neither it nor 1 - u is 0 or rounded.
 *
 *     V = 16   an item has `chunk` elements, 64 at a time (CPU devices)
 *     V = 1    an item has the four elements of a block
 *
 * Limit: the ten rounds and the logarithms.  Host side: lib/ops/noise.c. */
#include "rows.clh"
#include "philox.clh"

/* Place of kerf.step's number of the step, exact up to 2^24. */
#define STEP_NUMBER 3

#ifndef NORMAL
#define NORMAL 0
#endif

#if V == 16
#define TO_FLOATS(x) convert_float16(x)
#else
#define TO_FLOATS(x) ((float)(x))
#endif

static inline floatv unit(uintv word)
{
    return TO_FLOATS((word >> (uintv)(9u)) * (uintv)(2u) + (uintv)(1u)) * 0x1p-24f;
}

/* One number from each of two words. */
#if NORMAL
static inline void draw(uintv first, uintv second, floatv *a, floatv *b)
{
    const floatv size = sqrt(-2.0f * log(unit(first))), turns = 2.0f * unit(second);
    *a = size * cospi(turns);
    *b = size * sinpi(turns);
}
#else
static inline floatv logistic(uintv word)
{
    const floatv u = unit(word);
    return log(u) - log(1.0f - u);
}

static inline void draw(uintv first, uintv second, floatv *a, floatv *b)
{
    *a = logistic(first);
    *b = logistic(second);
}
#endif

#if V == 1
static inline void put(global float *dst, float x, uint at, uint num)
{
    if (at < num)
        dst[at] = x;
}

kernel void noise(global const float *step, global float *dst, uint key0, uint key1, uint num,
                  uint chunk)
{
    const uint block = (uint)get_global_id(0);
    const uint first = block / 16 * 64 + block % 16;
    const words random = philox(key0, key1, (uint)step[STEP_NUMBER], block);
    float a, b, c, d;
    (void)chunk;
    draw(random.w[0], random.w[1], &a, &b);
    draw(random.w[2], random.w[3], &c, &d);
    put(dst, a, first, num);
    put(dst, b, first + 16, num);
    put(dst, c, first + 32, num);
    put(dst, d, first + 48, num);
}
#else
static inline void put(global float *dst, float16 x, uint at, uint num)
{
    if (at < num)
        store_some(x, dst + at, num - at);
}

kernel void noise(global const float *step, global float *dst, uint key0, uint key1, uint num,
                  uint chunk)
{
    const uint begin = (uint)get_global_id(0) * chunk, end = min(begin + chunk, num);
    const uint number = (uint)step[STEP_NUMBER];
    for (uint i = begin; i < end; i += 64) {
        const words random =
            philox(key0, key1, number, convert_uint16(LANES) + (uintv)(i / 64 * 16));
        floatv a, b, c, d;
        draw(random.w[0], random.w[1], &a, &b);
        draw(random.w[2], random.w[3], &c, &d);
        put(dst, a, i, num);
        put(dst, b, i + 16, num);
        put(dst, c, i + 32, num);
        put(dst, d, i + 48, num);
    }
}
#endif
