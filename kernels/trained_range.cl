/* trained_range.cl -- ranges of activations that follow what is seen while a network is trained:
 *
 *     follow_range    next = end + observe * (seen - end), observe from the step buffer (ops/op.h)
 *     trained_range   scale = (high - low) / steps, zero = least - round(low / scale)
 *
 * A batch whose end is no finite number changes nothing.  Ends stay within 2^56, and are 0 or
 * normal floats, so that a device without denormals finds the same.  The range is made to hold 0;
 * its high end is `limit` at most, which is up to 2^56; its scale is 2^-60 at least, and 1 where
 * the range is 0 alone.  Quotients are IEEE's (quant.clh), so the numbers are those that the host
 * finds when it quantizes.
 *
 * next may lie on end.  Limit: the launch.  Host side: lib/ops/trained_range.c. */
#ifndef V
#define V 1 /* a number at a time */
#endif
#ifndef BITS
#define BITS 8
#endif
#ifndef SIGNED
#define SIGNED 0
#endif

#include "common.clh"
#include "quant.clh"

#define STEP_OBSERVE 4 /* place in the step buffer, as in ops/op.h */

#define LEAST_SCALE 0x1p-60f
#define MOST_END    0x1p56f
#define LEAST_END   0x1p-126f

#if BITS == 16 && SIGNED
typedef short integer;
#elif BITS == 16
typedef ushort integer;
#elif SIGNED
typedef char integer;
#else
typedef uchar integer;
#endif

#define STEPS ((1 << BITS) - 1)
#define LEAST (SIGNED ? -(1 << (BITS - 1)) : 0)

static inline float divide(float x, float by)
{
    return quant_divide(x, by, quant_divisor(by));
}

kernel void follow_range(global const float *end, global const float *seen,
                         global const float *step, global float *next, uint of)
{
    if (get_global_id(0) > 0)
        return;
    const float now = seen[of], old = end[0];
    const float to = clamp(old + step[STEP_OBSERVE] * (now - old), -MOST_END, MOST_END);
    const float kept = isfinite(now) ? to : old;
    next[0] = fabs(kept) < LEAST_END ? 0.0f : kept;
}

kernel void trained_range(global const float *low, global const float *high, global float *scale,
                          global integer *zero, float limit)
{
    if (get_global_id(0) > 0)
        return;
    const float bottom = clamp(fmin(low[0], 0.0f), -MOST_END, 0.0f);
    const float top = clamp(fmax(high[0], 0.0f), 0.0f, limit), most = top - bottom;
    const float s = most > 0.0f ? fmax(divide(most, (float)STEPS), LEAST_SCALE) : 1.0f;
    scale[0] = s;
    zero[0] = (integer)clamp(LEAST - quant_round(divide(bottom, s)), LEAST, LEAST + STEPS);
}
