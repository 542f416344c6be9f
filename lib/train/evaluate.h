/* train/evaluate.h -- measuring a network on a split, many times with the same plans.
 *
 * Every sample counts: full batches run by one plan, the rest by a second one for its
 * size.  Both read the one state.  Ranks deal batches out in turn, and all get the same result.
 * Other halves: evaluate.c, and evaluate_together.c for several devices. */
#ifndef KERF_TRAIN_EVALUATE_H
#define KERF_TRAIN_EVALUATE_H

#include "train/buckets.h"
#include "train/mixing.h"
#include "train/teaching.h"

typedef struct kerf__evaluator {
    kerf_device *dev;       /* borrowed */
    kerf_plan *full, *rest; /* owned; NULL: no such batches */
    kerf_loader *loader;    /* owned, or another's */
    int is_guest;           /* 1: it is another's */
    const char *input;      /* borrowed from the graph */
    const char *output;
    int64_t samples, batch;  /* of all ranks, if they share it */
    const kerf_ranks *ranks; /* borrowed; NULL: one alone */
    int num_classes;         /* of the data */
    int64_t num_outputs;
} kerf__evaluator;

typedef struct kerf__evaluator_options {
    kerf_split split;
    int64_t batch;
    const char *prep;
    kerf_loss loss;
    kerf_precision precision;
    const char *choices;
    int64_t most_samples; /* 0: all; else some that stand anywhere in the split, whole batches */
    kerf_loader *loader;  /* borrowed, of an evaluator with the same data; NULL: one of its own */
    const kerf_ranks *ranks; /* borrowed: runs are shared with these; NULL: one alone */
} kerf__evaluator_options;

kerf_status kerf__evaluator_create(kerf__evaluator *e, const kerf_graph *g, kerf_state *s,
                                   const kerf_dataset *d, const kerf__evaluator_options *options);
void kerf__evaluator_free(kerf__evaluator *e);
kerf_status kerf__evaluator_run(kerf__evaluator *e, kerf_evaluation *result, int64_t *confusion);
/* What each rank summed becomes what all did. */
kerf_status kerf__metrics_join(const kerf_ranks *ranks, kerf_metrics *m);

/* Parts of a run: what its plan made of a batch goes into the table; loss and hits since the last
 * reading; what a sum of them says. */
kerf_status kerf__evaluator_count(const kerf__evaluator *e, const kerf_plan *plan,
                                  const int32_t *labels, int64_t num_samples, int64_t *confusion);
kerf_status kerf__evaluator_read(kerf__evaluator *e, kerf_metrics *sum);
kerf_status kerf__evaluator_conclude(kerf__evaluator *e, const kerf_metrics *sum, double ms,
                                     kerf_evaluation *result);

/* What is held back; else what comes nearest to it. */
kerf_split kerf__split_to_judge(const kerf_dataset *d);

/* Whether this network can take that data's samples, prepared, and tell its classes apart (NULL: it
 * need not). */
kerf_status kerf__check_network(const kerf_graph *g, const kerf_dataset *d, const kerf_prep *prep,
                                int64_t *num_outputs);

/* options' text, else the graph's, else the data set's. */
const char *kerf__choose_prep(const char *prep, const kerf_graph *g, const kerf_dataset *d);

/* Steps that are queued and not known to be done: each holds a batch of the loader. */
enum { KERF__FLIGHT_STEPS = 3 };
typedef struct kerf__flight {
    kerf_plan *plans[KERF__FLIGHT_STEPS]; /* borrowed */
    uint64_t tokens[KERF__FLIGHT_STEPS];
    kerf_batch batches[KERF__FLIGHT_STEPS];
    int num;
    int updates; /* 1: behind the next batch weights are updated, of a plan that sums gradients */
    kerf__buckets *buckets; /* borrowed: the next batch is a step's last, and its run is queued so;
                             * NULL: as a whole */
    const kerf__mixing *mixing; /* borrowed: of what samples are mixed; NULL: they are not */
    kerf__teaching *teaching;   /* borrowed: teachers take each batch before the plan does, and it
                                 * reads it where they do; NULL: none */
} kerf__flight;

/* Copies the batch in and queues the plan; waits for the oldest step if there are three. */
kerf_status kerf__flight_launch(kerf__flight *f, kerf_loader *loader, kerf_plan *plan,
                                const char *input, const kerf_batch *batch);
/* Waits for all, also after a failure; gives every batch back. */
kerf_status kerf__flight_land(kerf__flight *f, kerf_loader *loader);

#endif
