/* bench.h -- the parts of `kerf bench`.  Other halves: cmd_bench.c chooses, bench_suite.c
 * times single nodes, bench_model.c models, bench_compare.c compares what was written, suite_run.c
 * runs what devices are compared by, suite_check.c looks whether a file of it can be true. */
#ifndef HOST_BENCH_H
#define HOST_BENCH_H

#include <jansson.h>

#include "kerf/kerf.h"
#include "say.h"

int bench_suite_run(const options *o);
/* open_ms: what opening the device took. */
int bench_models(const options *o, kerf_device *dev, double open_ms);
int bench_compare(const options *o);
int bench_numbered_run(const options *o); /* --suite N: suite_run.c */
int bench_check_files(const options *o);  /* --check R.json...: suite_check.c */

/* Puts "device", "driver" and "probe" into an object of results. */
void bench_tell_device(json_t *object, const kerf_device *dev, const kerf_device_peaks *peaks);
/* Where results go: --json and -o.  Takes the object; gives the exit code. */
int bench_finish(const options *o, json_t *object);

#endif
