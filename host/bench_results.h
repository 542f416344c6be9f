/* bench_results.h -- a file that `kerf bench -o` wrote, read back.  Other half:
 * bench_results.c. */
#ifndef HOST_BENCH_RESULTS_H
#define HOST_BENCH_RESULTS_H

#include <jansson.h>

#include "say.h"

typedef struct result_case {
    const char *op, *name; /* live as long as root, like all texts here */
    double ms;             /* median; NAN where the case is not valid */
} result_case;

typedef struct bench_results {
    const char *path, *kerf, *case_set, *device, *driver;
    result_case *cases; /* owned */
    size_t num;
    json_t *root; /* owned */
} bench_results;

/* The file may hold anything; 0 or an exit code after one line.  Free in any case. */
int results_read(const options *o, const char *path, bench_results *r);
void results_free(bench_results *r);
/* NULL where it has no such case. */
const result_case *results_find(const bench_results *r, const char *op, const char *name);

/* How many times as fast r is as a case of the reference; NAN where one of them has no time. */
double results_ratio(const bench_results *r, const result_case *row);
/* Geometric mean over a family, or with op NULL over all; *num is of how many cases both have. */
double results_mean(const bench_results *ref, const bench_results *r, const char *op, size_t *num);
/* 1 at the first case of each family. */
int results_begin_family(const bench_results *r, size_t i);

#endif
