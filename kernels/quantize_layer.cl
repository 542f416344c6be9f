/* quantize_layer.cl -- the scales of a layer's weights, and its bias in steps of its sums:
 *
 *     weight_scale = max(most / largest, |bias| / x_scale / 2^30, 2^-60)
 *     bias_scale   = x_scale * weight_scale
 *     integers     = saturate(round(bias / bias_scale))
 *
 * A scale is 1 where weights and bias are 0.  With one scale for all channels the largest |bias|
 * counts.  Quotients are IEEE's (quant.clh), so the numbers are those that the host finds when it
 * quantizes.  NaN makes a scale that is NaN, and zeros of the integers.
 *
 * An item takes `chunk` scales, each with its channels, in stretches that every loop may have.
 * Limit: the launch; there are a few hundred channels.  Host side: lib/ops/quantize_layer.c. */
#ifndef V
#define V 1 /* a number at a time */
#endif

#include "common.clh"
#include "quant.clh"

#define STRETCH     4096u
#define LEAST_SCALE 0x1p-60f
#define ROOM        0x1p-30f /* half of int32 is left to the sums */
#define MOST_INT    0x1.fffffep30f

/* NaN is larger than anything. */
static inline float larger(float a, float b)
{
    return a != a || a >= b ? a : b;
}

static inline float divide(float x, float by)
{
    return quant_divide(x, by, quant_divisor(by));
}

static inline float most_of(global const float *bias, uint begin, uint end)
{
    float most = 0.0f;
    for (uint i = begin; i < end; i += STRETCH)
        for (uint k = i; k < min(i + STRETCH, end); k++)
            most = larger(most, fabs(bias[k]));
    return most;
}

static inline float scale_of(float most, float most_bias, float x_scale, int largest)
{
    const float least = divide(most_bias * ROOM, x_scale);
    const float scale = larger(larger(divide(most, (float)largest), least), LEAST_SCALE);
    return most == 0.0f && most_bias == 0.0f ? 1.0f : scale;
}

static inline int integer_of(float bias, float scale)
{
    const float whole = rint(divide(bias, scale));
    return whole == whole ? (int)clamp(whole, -0x1p31f, MOST_INT) : 0;
}

kernel void quantize_layer(global const float *most, global const float *x_scale,
                           global const float *bias, global float *weight_scale,
                           global int *integers, global float *bias_scale, int largest,
                           uint num_scales, uint channels, uint has_bias, uint chunk)
{
    const uint first = min((uint)get_global_id(0) * chunk, num_scales);
    const uint stop = min(first + chunk, num_scales), an_own = channels / num_scales;
    for (uint i = first; i < stop; i++) {
        const uint begin = i * an_own, end = has_bias ? begin + an_own : begin;
        const float x = has_bias ? x_scale[0] : 1.0f;
        const float scale = scale_of(most[i], most_of(bias, begin, end), x, largest);
        weight_scale[i] = scale;
        if (has_bias)
            bias_scale[i] = x * scale;
        for (uint j = begin; j < end; j += STRETCH)
            for (uint k = j; k < min(j + STRETCH, end); k++)
                integers[k] = integer_of(bias[k], x * scale);
    }
}
