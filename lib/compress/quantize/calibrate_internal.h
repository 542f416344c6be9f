/* compress/quantize/calibrate_internal.h -- what the halves of calibration share.
 *
 * pass: all samples once through the network, with an observer at each site.  Ranges are one pass,
 * which for observers that cut them counts what lies where; means are one more, of what layers
 * take.
 *
 *   calibrate.c           sites and passes
 *   calibrate_samples.c   samples, batch by batch through a network
 *   calibrate_passes.c    the nodes that observe, and reading what they saw
 *   observe.c             from counts to a range, on the host */
#ifndef KERF_CALIBRATE_INTERNAL_H
#define KERF_CALIBRATE_INTERNAL_H

#include "compress/quantize/quantize_internal.h"

#include "kerf/plan.h"

/* ---- samples --------------------------------------------------------------------------- */

typedef struct kerf__samples {
    const kerf_calibrate_options *how; /* borrowed */
    kerf_loader *loader;               /* owned */
    int64_t num, batch;
    const int32_t *labels; /* of the batch at hand; NULL: there are none */
    int64_t seen, to_see;  /* for progress; the caller sets how many it will look at in all */
} kerf__samples;

/* Some of the training split, or of another if there is none.  Close it in any case. */
kerf_status kerf__samples_open(kerf__samples *out, const kerf_graph *g, const kerf_dataset *d,
                               const kerf_calibrate_options *how);
/* `num` of that split, or as many as there are. */
kerf_status kerf__samples_open_split(kerf__samples *out, const kerf_graph *g, const kerf_dataset *d,
                                     const kerf_calibrate_options *how, kerf_split split,
                                     int64_t num);
void kerf__samples_close(kerf__samples *x);
int64_t kerf__samples_num_batches(const kerf__samples *x);
int64_t kerf__samples_num_own(const kerf__samples *x);
/* What a sample settles of the network's input. */
size_t kerf__samples_known(const kerf__samples *x, const kerf_graph *g, kerf_known_input *known);
/* All of them once, in order; num is below the batch in the last.  Of ranks that share them each
 * takes its own batches, as far apart as there are ranks: num_own of them. */
kerf_status kerf__samples_each(kerf__samples *x,
                               kerf_status (*take)(void *context, const float *images, int64_t num),
                               void *context);

/* Plans for whole batches and for the rest. */
typedef struct kerf__sample_plans {
    kerf_device *dev;       /* borrowed */
    kerf_plan *full, *rest; /* owned; NULL: no such batches */
    const char *input;      /* borrowed from the graph */
    int64_t batch;
    size_t sample_bytes;
} kerf__sample_plans;
kerf_status kerf__sample_plans_create(kerf__sample_plans *out, const kerf__samples *x,
                                      const kerf_graph *g, kerf_state *s);
void kerf__sample_plans_destroy(kerf__sample_plans *p);
/* Waits; *ran has the results. */
kerf_status kerf__sample_plans_run(const kerf__sample_plans *p, const float *images, int64_t num,
                                   kerf_plan **ran);

/* ---- watching -------------------------------------------------------------------------- */

enum { KERF__BINS = 2048 };

typedef struct kerf__span {
    double low, high;
} kerf__span;

enum { KERF__MOST_SEEN = 2 };

/* A site, and the states of the pass that is running. */
typedef struct kerf__watched {
    const char *name; /* of the value; borrowed from the caller's graph */
    int ids[KERF__MOST_SEEN], num_ids;
    size_t channels; /* of what a layer takes, and its rank; for means */
    int rank;
    kerf__span span; /* what was found so far */
} kerf__watched;

typedef struct kerf__watching {
    kerf_graph *g; /* owned; of the pass: the network with its observers */
    kerf_state *s; /* borrowed */
    const kerf_calibrate_options *how;
    kerf__samples samples;
    kerf__sample_plans plans; /* of the pass */
    kerf__watched *sites;     /* owned */
    size_t num;
    kerf_ranges *out; /* borrowed; what was found in the end */
} kerf__watching;

typedef struct kerf__pass_rules {
    /* Puts the observer of a site behind v. */
    kerf_status (*add)(kerf__watching *w, kerf__watched *site, kerf_value *v);
    /* Takes what the site's states hold, of all ranks, as its span, or as its means; waits. */
    kerf_status (*read)(const kerf__watching *w, kerf__watched *site);
} kerf__pass_rules;
extern const kerf__pass_rules kerf__pass_ranges, kerf__pass_counts, kerf__pass_means;

/* 1 if the observer needs counts. */
int kerf__observer_counts(kerf_observer observer);
/* The range that the observer gives to numbers from low to high, of which kerf.Histogram has
 * counted so many in each of KERF__BINS. */
kerf__span kerf__observe(const kerf_calibrate_options *how, const int32_t *counts, float low,
                         float high);

#endif
