/* ops/histogram_common.h -- where the bins of kerf.Histogram lie, for whoever reads its counts.
 * Other half: histogram.c. */
#ifndef KERF_OPS_HISTOGRAM_COMMON_H
#define KERF_OPS_HISTOGRAM_COMMON_H

typedef struct kerf__bins {
    double low, width; /* of the first bin, and of each */
} kerf__bins;

/* Those of `num` bins whose numbers so far go from low to high. */
kerf__bins kerf__histogram_bins(float low, float high, int num);

#endif
