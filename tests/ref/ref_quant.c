/* ref_quant.c -- see ref_quant.h.  x / scale is rounded to a float before it is rounded to an
 * integer, as ONNX has it; a double's quotient of two floats rounds to the same float. */
#include "ref/ref_quant.h"

#include <math.h>

kerf_quant ref_quant_range(kerf_type type, double scale, double zero_point)
{
    const int bits = (int)kerf_type_bits(type);
    const int has_sign = type == KERF_S2 || type == KERF_S4 || type == KERF_S8 || type == KERF_S16;
    const int span = bits < 32 ? 1 << bits : 0; /* of int32 nobody asks */
    return (kerf_quant){.scale = (float)scale,
                        .zero_point = (int)zero_point,
                        .qmin = has_sign ? -span / 2 : 0,
                        .qmax = (has_sign ? span / 2 : span) - 1};
}

/* NaN: the zero point. */
static double saturate(double above_zero_point, kerf_quant q)
{
    if (isnan(above_zero_point))
        return q.zero_point;
    return fmin(fmax(rint(above_zero_point) + q.zero_point, q.qmin), q.qmax);
}

static double quotient(double x, kerf_quant q)
{
    const double scale = (double)q.scale;
    return scale >= 0x1p-126 && scale <= 0x1p100 ? (double)(float)(x / scale) : (double)NAN;
}

double ref_quant_of_float(double x, kerf_quant q)
{
    return saturate(quotient(x, q), q);
}

double ref_quant_of_sum(double sum, double multiplier, kerf_quant q)
{
    return saturate((double)((float)sum * (float)multiplier), q);
}

double ref_quant_unrounded(double sum, double multiplier, double y_scale)
{
    return (double)((float)sum * (float)multiplier * (float)y_scale);
}

double ref_quant_to_float(double integer, kerf_quant q)
{
    return (double)((float)(integer - q.zero_point) * q.scale);
}

double ref_quant_multiplier(double x_scale, double w_scale, double y_scale)
{
    return quotient((double)(float)(x_scale * w_scale), (kerf_quant){.scale = (float)y_scale});
}

int ref_quant_is_within(double x, kerf_quant q)
{
    const double whole = rint(quotient(x, q)) + q.zero_point;
    return whole >= q.qmin && whole <= q.qmax; /* not so if it is NaN */
}
