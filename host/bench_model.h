/* bench_model.h -- a model that is timed.  Other halves: bench_model.c runs it,
 * bench_report.c tells;
 * bench_crossover.c compares it dense and sparse, bench_start.c starts it, bench_costs.c times
 * what may be made of it, suite_net.c makes one of a suite's case. */
#ifndef HOST_BENCH_MODEL_H
#define HOST_BENCH_MODEL_H

#include "bench_start.h"
#include "model.h"
#include "stats.h"

typedef struct contender {
    model m;
    kerf_plan *plan; /* owned, as all below */
    float **inputs;  /* random numbers, one an input */
    int32_t *labels;
    char *room; /* where outputs are read to */
    int num_inputs;
    int64_t batch, step;
    kerf_precision precision; /* of its plans */
    kerf_known_input known; /* the first input, with --shape; its name is the model's */
    size_t num_known;
    start_times start;
    timing times;
} contender;

/* Reads and plans it, and makes numbers to run it on: 0, or an exit code after a message.  Close
 * what was opened in any case. */
int bench_open_model(const options *o, contender *c, const char *path, kerf_device *dev);
void bench_close_model(contender *c);
/* The same of a model and a batch that are there. */
kerf_status bench_plan_model(const options *o, contender *c, kerf_device *dev);
/* One batch through, waited for. */
kerf_status bench_run_once(contender *c, int trains, double *ms);

/* How the options want it planned. */
kerf_plan_options bench_plan_options(const options *o, const contender *c);

/* Its layers at several densities, dense and sparse. */
int bench_crossover(const options *o, kerf_device *dev, contender *c);

/* Its layers with less of them, for searches elsewhere. */
int bench_costs(const options *o, contender *c);

/* Tables or JSON of all, and the ratios to the first. */
int bench_report(const options *o, kerf_device *dev, contender *all, size_t num);

#endif
