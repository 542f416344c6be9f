/* suite_result.h -- a file that `kerf bench --suite N -o` wrote: what a device did, with what the
 * system told meanwhile.  It is a file of `kerf bench -o` (bench_results.h) with more in it.
 * Other halves: suite_run.c writes, suite_check.c reads and doubts, suite_page.c shows many. */
#ifndef HOST_SUITE_RESULT_H
#define HOST_SUITE_RESULT_H

#include <stdio.h>

#include "bench_results.h"
#include "suite_list.h"

typedef struct suite_result {
    bench_results r;
    suite_list list;
} suite_result;

/* Reads a file and checks all that can be checked; the first thing that is wrong is told.  0 or an
 * exit code.  Free it in any case. */
int suite_result_read(const options *o, const char *path, suite_result *s);
void suite_result_free(suite_result *s);

/* Files side by side, each as fast as many times the first. */
typedef struct suite_results {
    suite_result *items; /* owned */
    size_t num;
} suite_results;

/* 1 if the words of kerf report are files, and not folders of runs. */
int suite_results_are(const options *o);
int suite_results_read(const options *o, suite_results *s);
void suite_results_free(suite_results *s);
json_t *suite_page(const suite_results *s);      /* what report.h takes */
json_t *suite_page_json(const suite_results *s); /* for --json */
void suite_csv(FILE *out, const suite_results *s);

/* Hexadecimal digest of all of an object but its key "digest"; 1 unless memory is short. */
int suite_digest(const json_t *object, char digest[20]);

#endif
