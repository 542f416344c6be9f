/* ref_histogram.c -- numbers counted by bins of 2^k, the least k by which `bins` of them hold all
 * numbers so far, those of earlier runs moved there.  Powers of two are exact, so a double finds
 * the bins that floats do; what is within 2^-60 of a bin from 0 counts as 0, as not all devices
 * know the smallest floats. */
#include "ref/ref.h"

#include <float.h>
#include <math.h>

typedef struct row {
    int k;
    double first;
} row;

static double number_of(double x, int k)
{
    const double at = x * pow(2, -k);
    return fabs(at) < pow(2, -60) ? 0 : floor(at);
}

static double held(double x)
{
    const double most = (double)FLT_MAX;
    return x > most ? most : x < -most ? -most : x;
}

/* Bins have numbers below 2^23 and widths from 2^-60 to 2^126. */
static row row_of(double low, double high, int64_t bins)
{
    row r = {-60, 0};
    low = held(low), high = held(high);
    while (r.k < 126 &&
           (fabs(low) * pow(2, -r.k) >= pow(2, 23) || fabs(high) * pow(2, -r.k) >= pow(2, 23) ||
            number_of(high, r.k) - number_of(low, r.k) >= (double)bins))
        r.k++;
    r.first = number_of(low, r.k);
    return r;
}

static int64_t place_of(double number, row r, int64_t bins)
{
    const double at = number - r.first;
    return at < 0 ? 0 : at > (double)(bins - 1) ? bins - 1 : (int64_t)at;
}

REF(histogram)
{
    const double *x = inputs[0], *range = inputs[1], *counts = inputs[2];
    const int64_t num = kerf_shape_num_elements(n->inputs[0]->shape);
    const int64_t bins = n->inputs[2]->shape.dims[0] - 1;
    double low = range[0], high = range[1];
    for (int64_t i = 0; i < num; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    const row was = row_of(range[0], range[1], bins), is = row_of(low, high, bins);
    for (int64_t b = 0; b <= bins; b++)
        outputs[1][b] = b == bins ? counts[bins] : 0;
    for (int64_t b = 0; b < bins && range[0] <= range[1]; b++) {
        const double number = floor((was.first + (double)b) * pow(2, was.k - is.k));
        outputs[1][place_of(number, is, bins)] += counts[b];
    }
    for (int64_t i = 0; i < num; i++)
        outputs[1][isnan(x[i]) ? bins : place_of(number_of(x[i], is.k), is, bins)]++;
    outputs[0][0] = low;
    outputs[0][1] = high;
}
