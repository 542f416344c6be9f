/* compress/prune/prune_curve.c -- how much of the final amount is gone after each event.
 *
 * Cubic is that of Zhu and Gupta 2017: fast while there is much to take, slow at the end.
 * Exponential takes the same share of what is left at each event, down to 1 % of the
 * way, scaled so that it ends exactly at 1. */
#include <math.h>

#include "compress/prune/prune_internal.h"

double kerf_prune_curve_at(kerf_prune_curve curve, int i, int num)
{
    if (i >= num)
        return 1;
    if (i <= 0)
        return 0;
    double t = (double)i / num;
    switch (curve) {
    case KERF_CURVE_LINEAR:
        return t;
    case KERF_CURVE_CUBIC:
        return 1 - (1 - t) * (1 - t) * (1 - t);
    case KERF_CURVE_EXP:
        return (1 - pow(0.01, t)) / (1 - 0.01);
    case KERF_CURVE_ONCE:
        break;
    }
    return 1; /* once: all at the first event */
}
