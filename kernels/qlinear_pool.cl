/* qlinear_pool.cl -- means of windows of bytes, with a scale and zero point on both sides:
 *
 *     dst = saturate(round(sum of (src - x_zero) * (x_scale / (count * y_scale))) + y_zero)
 *
 * as quant.clh requantizes sums: count * y_scale is a float, and so is the quotient.  src is
 * (planes, z, y, x), and so is dst; padding is x's zero point, and counts or not.  low, high:
 * bounds of the result.  Bytes are uchar here, whatever their type: (byte ^ flip) - flip is the
 * number, flip 0x80 for a type with a sign.
 *
 * An item makes `num` elements of dst.  With -DV=16, for CPU devices, these are pixels of 16
 * channels that lie side by side (layout c16), each of which is a plane of its own.
 *
 * Limit: loads, one a tap.  Host side: lib/ops/qlinear_pool.c. */
#ifndef V
#define V 1
#endif
#include "common.clh"
#include "quant.clh"
#include "window.clh"

#if V == 16
typedef uchar16 pixel;
#define TO_PIXEL convert_uchar16
#define TO_INTV  convert_int16
#else
typedef uchar pixel;
#define TO_PIXEL (uchar)
#define TO_INTV  (int)
#endif

/* Of a window, above `zero`. */
static inline intv sum_of(global const pixel *plane, axis z, axis y, axis x, int oz, int oy, int ox,
                          int flip, int zero)
{
    const taps tz = taps_inside(z, oz), ty = taps_inside(y, oy), tx = taps_inside(x, ox);
    intv sum = (intv)(0);
    for (int kz = tz.from; kz < tz.end; kz++)
        for (int ky = ty.from; ky < ty.end; ky++) {
            const int iz = begin_of(z, oz) + kz * z.dilation;
            const int iy = begin_of(y, oy) + ky * y.dilation;
            const long at = ((long)iz * y.src + iy) * x.src + begin_of(x, ox);
            for (int kx = tx.from; kx < tx.end; kx++)
                sum += (TO_INTV(plane[at + kx * x.dilation]) ^ flip) - zero;
        }
    return sum;
}

kernel void qlinear_pool(global const pixel *src, global const float *x_scale,
                         global const uchar *x_zero, global const float *y_scale,
                         global const uchar *y_zero, global pixel *dst, int has_x_zero,
                         int has_y_zero, int x_flip, int y_flip, int low, int high, uint with_pads,
                         uint planes, uint num, AXIS(z), AXIS(y), AXIS(x))
{
    const axis z = MAKE_AXIS(z), y = MAKE_AXIS(y), x = MAKE_AXIS(x);
    const uint size = (uint)(z.dst * y.dst * x.dst), all = planes * size;
    const uint begin = min((uint)get_global_id(0) * num, all), end = min(begin + num, all);
    const int from = x_flip + (has_x_zero ? quant_number(x_zero[0], x_flip) : 0);
    const int zero = has_y_zero ? quant_number(y_zero[0], y_flip) : 0;
    for (uint i = begin; i < end; i++) {
        const int at = (int)(i % size), ox = at % x.dst, oy = at / x.dst % y.dst;
        const int oz = at / x.dst / y.dst;
        global const pixel *plane = src + (long)(i / size) * z.src * y.src * x.src;
        const int count =
            counted(z, oz, with_pads) * counted(y, oy, with_pads) * counted(x, ox, with_pads);
        const floatv multiplier = quant_multiplier((floatv)(x_scale[0]), (floatv)(1.0f),
                                                   (floatv)((float)max(count, 1) * y_scale[0]));
        const intv sum = sum_of(plane, z, y, x, oz, oy, ox, x_flip, from);
        const intv q = quant_requantize(sum, multiplier, (floatv)((float)(low - zero)),
                                        (floatv)((float)(high - zero)));
        dst[i] = TO_PIXEL((q + zero) & 255);
    }
}
