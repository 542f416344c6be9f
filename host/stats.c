/* stats.c -- medians, percentiles, drift and the interval of a ratio; see stats.h. */
#include "stats.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

int timing_add(timing *t, double ms)
{
    if ((t->num & (t->num - 1)) == 0) { /* a power of 2: it is full */
        double *larger = realloc(t->ms, (t->num == 0 ? 1 : 2 * t->num) * sizeof *larger);
        if (larger == NULL)
            return 0;
        t->ms = larger;
    }
    t->ms[t->num++] = ms;
    return 1;
}

void timing_free(timing *t)
{
    free(t->ms);
    *t = (timing){0};
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Between the two nearest of sorted numbers. */
static double percentile(const double *sorted, size_t num, double share)
{
    if (num == 0)
        return NAN;
    double at = share * (double)(num - 1);
    size_t low = (size_t)at;
    size_t high = low + 1 < num ? low + 1 : low;
    return sorted[low] + (at - (double)low) * (sorted[high] - sorted[low]);
}

static double median_of(const double *x, size_t num)
{
    double *sorted = malloc(num * sizeof *sorted + 1);
    if (sorted == NULL)
        return NAN;
    memcpy(sorted, x, num * sizeof *sorted);
    qsort(sorted, num, sizeof *sorted, by_size);
    double median = percentile(sorted, num, 0.5);
    free(sorted);
    return median;
}

timing_summary timing_summarize(const timing *t)
{
    timing_summary s = {NAN, NAN, NAN, NAN, NAN, NAN};
    double *sorted = malloc(t->num * sizeof *sorted + 1);
    if (sorted == NULL || t->num == 0) {
        free(sorted);
        return s;
    }
    memcpy(sorted, t->ms, t->num * sizeof *sorted);
    qsort(sorted, t->num, sizeof *sorted, by_size);
    double sum = 0;
    for (size_t i = 0; i < t->num; i++)
        sum += sorted[i];
    s.min = sorted[0];
    s.median = percentile(sorted, t->num, 0.5);
    s.mean = sum / (double)t->num;
    s.p90 = percentile(sorted, t->num, 0.9);
    s.p99 = percentile(sorted, t->num, 0.99);
    free(sorted);
    if (t->num >= 2)
        s.drift_pct =
            100 *
            (median_of(t->ms + t->num / 2, t->num - t->num / 2) / median_of(t->ms, t->num / 2) - 1);
    return s;
}

json_t *timing_json(const timing *t)
{
    timing_summary s = timing_summarize(t);
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:I,s:o}", "ms_min", json_number(s.min), "ms_median",
                     json_number(s.median), "ms_mean", json_number(s.mean), "ms_p90",
                     json_number(s.p90), "ms_p99", json_number(s.p99), "runs", (json_int_t)t->num,
                     "drift_pct", json_number(s.drift_pct));
}

/* A linear congruential generator (Knuth's MMIX numbers): good enough to draw pairs. */
static size_t draw(uint64_t *seed, size_t bound)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t)((*seed >> 33) % bound);
}

ratio_summary timing_ratio(const timing *a, const timing *b)
{
    enum { DRAWS = 2000 };
    ratio_summary s = {NAN, NAN, NAN};
    size_t num = a->num < b->num ? a->num : b->num;
    double *ratios = malloc(num * sizeof *ratios + 1), *drawn = malloc(num * sizeof *drawn + 1);
    double *medians = malloc(DRAWS * sizeof *medians);
    uint64_t seed = 1;
    if (ratios != NULL && drawn != NULL && medians != NULL && num > 0) {
        for (size_t i = 0; i < num; i++)
            ratios[i] = a->ms[i] / b->ms[i];
        for (int d = 0; d < DRAWS; d++) {
            for (size_t i = 0; i < num; i++)
                drawn[i] = ratios[draw(&seed, num)];
            medians[d] = median_of(drawn, num);
        }
        qsort(medians, DRAWS, sizeof *medians, by_size);
        s = (ratio_summary){median_of(ratios, num), percentile(medians, DRAWS, 0.025),
                            percentile(medians, DRAWS, 0.975)};
    }
    free(ratios);
    free(drawn);
    free(medians);
    return s;
}
