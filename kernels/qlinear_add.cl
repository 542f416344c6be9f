/* qlinear_add.cl -- the sum of two tensors of bytes, each with a scale and zero point of its own:
 *
 *     dst = saturate(round(((a - a_zero) * a_scale + (b - b_zero) * b_scale) / scale) + zero)
 *
 * as quant.clh has it.  low, high: bounds of the result, an activation.  Bytes are uchar here,
 * whatever their type: (byte ^ flip) - flip is the number, flip 0x80 for a type with a sign.
 *
 * An item walks `chunk` elements, a multiple of V; it may work in place.
 *
 * Limit: arithmetic, some 25 vector operations for 16 elements; two cores of Zen 4 add 4.5 thousand
 * million a second, a fifth of what memory brings.  Host side: lib/ops/qlinear_add.c. */
#include "common.clh"
#include "packed.clh"
#include "quant.clh"

#define ZERO(zero, has_zero, flip) ((has_zero) ? quant_number((zero)[0], flip) : 0)
#define LEFT(byte)                 (((byte) ^ a_flip) - left)
#define RIGHT(byte)                (((byte) ^ b_flip) - right)
#define SUM(a, b)                  (quant_add(LEFT(a), RIGHT(b), &s) & 255)

kernel void qlinear_add(global const uchar *a, global const uchar *b, global const float *a_scale,
                        global const float *b_scale, global const float *scale,
                        global const uchar *a_zero, global const uchar *b_zero,
                        global const uchar *zero, global uchar *dst, int has_a_zero, int has_b_zero,
                        int has_zero, int a_flip, int b_flip, int flip, int low, int high, uint num,
                        uint chunk)
{
    const uint begin = min((uint)get_global_id(0) * chunk, num), end = min(begin + chunk, num);
    const int left = a_flip + ZERO(a_zero, has_a_zero, a_flip);
    const int right = b_flip + ZERO(b_zero, has_b_zero, b_flip);
    const quant_sum s =
        quant_sum_of(a_scale[0], b_scale[0], scale[0], ZERO(zero, has_zero, flip), flip, low, high);
    uint i = begin;
    for (; i + V <= end; i += V)
        PACKED_STORE(SUM(PACKED_LOAD(a + i), PACKED_LOAD(b + i)), dst + i);
    for (; i < end; i++)
        dst[i] = (uchar)SUM((intv)((int)a[i]), (intv)((int)b[i])).s0;
}
