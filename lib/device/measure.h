/* device/measure.h -- what the parts of measuring share; see measure.c. */
#ifndef KERF_DEVICE_MEASURE_H
#define KERF_DEVICE_MEASURE_H

#include "device/device_internal.h"

extern const kerf__source kerf__source_probe;

/* Times of one thing, in milliseconds.  The best counts: other work only adds to a time.  How
 * far the middle lies above it tells how busy the machine was. */
enum { KERF__MOST_TIMES = 64 };
typedef struct kerf__times {
    double ms[KERF__MOST_TIMES]; /* the first of them */
    double best;
    int num; /* 0: none yet */
} kerf__times;
void kerf__times_add(kerf__times *times, double ms);
double kerf__times_best(const kerf__times *times); /* INFINITY without any */
/* Raises *unrest to middle / best - 1; to KERF__NO_REST where nothing could be told. */
void kerf__times_unrest(const kerf__times *times, double *unrest);
#define KERF__NO_REST 1e6

/* A kernel whose items each run chains of operations of which none waits for another chain. */
typedef struct kerf__chain {
    const char *entry;
    char options[192];
    int lanes, chains, lane_bytes;
    int wide;          /* one item a group */
    double operations; /* of one lane, chain and round */
    kerf__arg more[2]; /* behind dst and rounds */
    int num_more;
    /* 1 if a lane's result is what so many rounds make of it. */
    int (*is_right)(const struct kerf__chain *c, const void *lane, int rounds);
    kerf_dot dot; /* for is_right() of measure_dot.c */
    int sign;
} kerf__chain;

/* Operations a nanosecond, 0 if they cannot be told. */
double kerf__measure_chain(kerf_device *dev, const kerf__chain *chain, double budget_ms,
                           double *unrest);

/* One figure each; *unrest grows with how far samples lay apart. */
double kerf__measure_f32(kerf_device *dev, double *unrest);
double kerf__measure_f16(kerf_device *dev, double *unrest);
double kerf__measure_copy(kerf_device *dev, double *unrest);
double kerf__measure_dot(kerf_device *dev, kerf_dot dot, int sign, double *unrest);

#endif
