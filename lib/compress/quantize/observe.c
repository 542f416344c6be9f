/* compress/quantize/observe.c -- from how often numbers came to the range that they are given.
 *
 * A range that holds all that was ever seen wastes integers on numbers that hardly come.  These
 * observers cut it; each is given counts of the numbers in equal bins, the first and the last of
 * which may reach beyond the least and the largest number.
 *
 *   percentile   so and so many percent are below the upper end, and as many above the lower
 *   mse          of a hundred shares of the whole range that of the least squared error, rounding
 *                and cutting together (Banner et al. 2019 solve for it; here it is searched)
 *   entropy      that whose rounded distribution tells least from the true one: the least
 *                Kullback-Leibler divergence (Migacz 2017) */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/calibrate_internal.h"
#include "ops/histogram_common.h"

enum { NUM_SHARES = 100, LEAST_SHARE = 10, LEVELS = 256 };

typedef struct seen {
    const int32_t *counts;
    double low, width; /* of the first bin, and of each */
    kerf__span all;    /* the least and the largest number */
    double total;
} seen;

static double center_of(const seen *s, int bin)
{
    return s->low + (bin + 0.5) * s->width;
}

/* ---- percentile -------------------------------------------------------------------------- */

/* The bin in which, from the lower end on, a share of all numbers is reached. */
static int bin_at(const seen *s, double share)
{
    double sum = 0;
    for (int bin = 0; bin < KERF__BINS; bin++) {
        sum += s->counts[bin];
        if (sum >= share * s->total)
            return bin;
    }
    return KERF__BINS - 1;
}

static kerf__span percentile(const seen *s, double percent)
{
    /* The upper end takes its bin in, the lower too; a share of 1 is all. */
    return (kerf__span){fmax(s->low + bin_at(s, 1 - percent / 100) * s->width, s->all.low),
                        fmin(s->low + (bin_at(s, percent / 100) + 1) * s->width, s->all.high)};
}

/* ---- mse --------------------------------------------------------------------------------- */

static double squared_error(const seen *s, kerf__span span)
{
    const kerf_quant q = kerf__quant_of_range(span.low, span.high, KERF_U8, 0, 0);
    const double scale = (double)q.scale;
    double sum = 0;
    for (int bin = 0; bin < KERF__BINS; bin++) {
        if (s->counts[bin] == 0)
            continue;
        const double x = center_of(s, bin), rounded = rint(x / scale) + q.zero_point;
        const double back = (fmin(fmax(rounded, q.qmin), q.qmax) - q.zero_point) * scale;
        sum += s->counts[bin] * (x - back) * (x - back);
    }
    return sum;
}

/* ---- entropy ----------------------------------------------------------------------------- */

/* Bins of a span, one at least: the numbers outside are counted at its ends, as rounding will put
 * them there. */
typedef struct window {
    int first, num;
} window;

static window window_of(const seen *s, kerf__span span)
{
    const double begin = floor((span.low - s->low) / s->width + 0.5);
    const int first = (int)fmin(fmax(begin, 0), KERF__BINS - 1); /* it may lie beyond all numbers */
    const int end = (int)fmin(ceil((span.high - s->low) / s->width - 0.5), KERF__BINS);
    return (window){first, end > first ? end - first : 1};
}

static double true_count(const seen *s, window w, int i)
{
    double count = s->counts[w.first + i];
    for (int bin = 0; i == 0 && bin < w.first; bin++)
        count += s->counts[bin];
    for (int bin = w.first + w.num; i == w.num - 1 && bin < KERF__BINS; bin++)
        count += s->counts[bin];
    return count;
}

/* Divergence of the bins that become one integer: in the rounded distribution what is inside of
 * the span is spread evenly over those that are not empty. */
static double divergence_of_level(const seen *s, window w, int begin, int end)
{
    double inside = 0, divergence = 0;
    int num = 0;
    for (int i = begin; i < end; i++) {
        inside += s->counts[w.first + i];
        num += true_count(s, w, i) > 0;
    }
    for (int i = begin; i < end; i++) {
        const double p = true_count(s, w, i) / s->total;
        const double q = fmax(inside, 1e-4) / num /
                         s->total; /* nothing inside is told badly, not infinitely so */
        divergence += p > 0 ? p * log(p / q) : 0;
    }
    return divergence;
}

static double divergence(const seen *s, kerf__span span)
{
    const window w = window_of(s, span);
    const int levels = w.num < LEVELS ? w.num : LEVELS;
    double sum = 0;
    for (int level = 0; level < levels; level++)
        sum += divergence_of_level(s, w, level * w.num / levels, (level + 1) * w.num / levels);
    return sum;
}

/* ---- searching --------------------------------------------------------------------------- */

/* The share of the whole range with the least cost; of equal ones the largest. */
static kerf__span search(const seen *s, double (*cost)(const seen *s, kerf__span span))
{
    kerf__span best = s->all;
    double least = cost(s, best);
    for (int share = NUM_SHARES - 1; share >= LEAST_SHARE; share--) {
        const kerf__span span = {s->all.low * share / NUM_SHARES, s->all.high * share / NUM_SHARES};
        const double now = cost(s, span);
        if (now < least) {
            least = now;
            best = span;
        }
    }
    return best;
}

kerf__span kerf__observe(const kerf_calibrate_options *how, const int32_t *counts, float low,
                         float high)
{
    const kerf__bins bins = kerf__histogram_bins(low, high, KERF__BINS);
    seen s = {counts, bins.low, bins.width, {(double)low, (double)high}, 0};
    for (int bin = 0; bin < KERF__BINS; bin++)
        s.total += counts[bin];
    if (low >= high || s.total <= 0)
        return s.all;
    switch (how->observer) {
    case KERF_OBSERVE_PERCENTILE:
        return percentile(&s, how->percentile);
    case KERF_OBSERVE_MSE:
        return search(&s, squared_error);
    case KERF_OBSERVE_ENTROPY:
        return search(&s, divergence);
    case KERF_OBSERVE_MINMAX:
    case KERF_OBSERVE_MOVING:
        break;
    }
    return s.all;
}
