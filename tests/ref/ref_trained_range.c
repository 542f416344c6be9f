/* ref_trained_range.c -- the moving average in double; scale and zero point by floats that are
 * rounded as IEEE says. */
#include <math.h>
#include <string.h>

#include "ref/ref.h"

enum { OBSERVE = 4, UINT8 = 2, INT8 = 3, UINT16 = 4, INT16 = 5 };

/* What is no number is no end. */
static double within(double x)
{
    if (isnan(x))
        return 0;
    x = fmin(fmax(x, -0x1p56), 0x1p56);
    return fabs(x) < 0x1p-126 ? 0 : x;
}

static void range(double low, double high, int64_t to, double *scale, double *zero)
{
    const int has_sign = to == INT8 || to == INT16, bits = to == UINT8 || to == INT8 ? 8 : 16;
    const double steps = ldexp(1, bits) - 1, least = has_sign ? -ldexp(1, bits - 1) : 0;
    const float most = (float)fmax(high, 0) - (float)fmin(low, 0);
    const float s = fmaxf((float)((double)most / steps), 0x1p-60f);
    *scale = most > 0 ? (double)s : 1;
    const double quotient = (double)((float)fmin(low, 0) / (float)*scale);
    *zero = fmin(fmax(least - rint(quotient), least), least + steps);
}

REF(trained_range)
{
    if (strcmp(n->op, "kerf.TrainedRange") == 0) {
        const double most = (double)kerf_node_float(n, "most", INFINITY);
        range(within(inputs[0][0]), fmin(within(inputs[1][0]), most), kerf_node_int(n, "to", 0),
              outputs[0], outputs[1]);
        return;
    }
    const double end = inputs[0][0], seen = inputs[1][kerf_node_int(n, "of", 0)];
    outputs[0][0] = within(isfinite(seen) ? end + inputs[2][OBSERVE] * (seen - end) : end);
}
