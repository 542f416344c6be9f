/* stats.h -- what many timings say.  Other half: stats.c. */
#ifndef HOST_STATS_H
#define HOST_STATS_H

#include <jansson.h>
#include <stddef.h>

typedef struct timing {
    double *ms; /* owned, in the order they were taken */
    size_t num;
} timing;

typedef struct timing_summary {
    double min, median, mean, p90, p99;
    double drift_pct; /* the second half's median against the first's */
} timing_summary;

int timing_add(timing *t, double ms); /* 0 when memory is short */
void timing_free(timing *t);
timing_summary timing_summarize(const timing *t);
json_t *timing_json(const timing *t); /* ms_min and so on */

/* Median of a[i] / b[i] and its 95 % interval, by resampling the pairs (Efron 1979); the
 * same input gives the same interval. */
typedef struct ratio_summary {
    double median, low, high;
} ratio_summary;
ratio_summary timing_ratio(const timing *a, const timing *b);

#endif
