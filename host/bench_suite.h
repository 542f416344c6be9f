/* bench_suite.h -- cases measured on one device.  Other halves: bench_suite.c measures,
 * bench_rate.c rates, bench_suite_report.c tells. */
#ifndef HOST_BENCH_SUITE_H
#define HOST_BENCH_SUITE_H

#include "bench_beside.h"
#include "sensors.h"
#include "stats.h"

enum { MAX_BESIDE = 8 };

typedef enum case_outcome {
    CASE_TIMED,
    CASE_DOUBTED, /* faster than the device can be */
    CASE_SKIPPED, /* the device cannot hold it, or this version cannot compute it */
    CASE_WRONG,   /* a result that is not the definition's: not timed */
    CASE_FAILED
} case_outcome;

typedef struct case_result {
    const bench_case *c; /* borrowed */
    char variant[64];
    timing times;                 /* of one call, a sample each; owned, as those of the others */
    timing others[MAX_BESIDE];    /* taken in turns with ours; empty where there is none */
    double gflops, gbps, of_peak; /* NAN where unknown */
    double joules;                /* of one call, NAN where nobody asked or knows */
    case_outcome outcome;
    case_verdict verdict; /* why it is not CASE_TIMED */
} case_result;

typedef struct bench_suite {
    case_set set;
    case_result *results; /* owned */
    size_t num_results;
    beside others[MAX_BESIDE];
    size_t num_others;
    kerf_device *dev; /* borrowed */
    kerf_device_peaks peaks;
    sensors *meter; /* borrowed; or NULL */
} bench_suite;

/* Multiply-adds of a definition in 1e9 a second, times 2, that the device could reach by this
 * kernel: of floats or of bytes, and Winograd's method saves some. */
double multiply_peak(const char *variant, const kerf_device_peaks *peaks);

/* Sets the rates of a case whose inputs and outputs are so many bytes, and CASE_DOUBTED where
 * they cannot be. */
void case_rate(case_result *r, double bytes, const kerf_device_peaks *peaks, uint64_t cache_bytes);

case_result case_result_of(const bench_case *c);
/* Checks and times one; an exit code only where nothing further can be done. */
int case_run(const options *o, bench_suite *x, case_result *r);
/* What the library said is why there is no time. */
void case_set_failure(case_result *r, kerf_status status);
/* Enough samples, or so slow that fewer must do: as --runs and --duration (0.25 s) say. */
int bench_is_enough(const options *o, size_t num, double passed_ms);

/* A case as JSON, and the table of all with the reasons of those that have no time. */
json_t *case_result_json(const bench_suite *x, const case_result *r);
void suite_print(const bench_suite *x, FILE *out);
/* Wrong numbers and failed launches are failures, though all else was measured. */
int suite_check_results(const options *o, const bench_suite *x);

/* A table and, where they were asked for, JSON and its file; an exit code. */
int suite_report(const options *o, const bench_suite *x);

#endif
