/* train/norms.h -- batch normalisation by the statistics of all ranks' samples: what plans ask for
 * within a run (plan/partials.c).  Other half: norms.c; what else ranks exchange: ranks.c,
 * buckets.h. */
#ifndef KERF_TRAIN_NORMS_H
#define KERF_TRAIN_NORMS_H

#include "train/buckets.h"

typedef struct kerf__norms {
    const kerf_ranks *ranks; /* borrowed, as the next; NULL: each goes by its own */
    kerf__buckets *buckets;  /* of the same plan: their sums go on meanwhile */
    float *floats;           /* owned; a tensor as the device has it */
    double *sums;            /* owned; what is added up of it */
    size_t room;             /* numbers in each */
} kerf__norms;

/* The plan, which borrows *norms, asks from its next run on. */
void kerf__norms_begin(kerf__norms *norms, kerf_plan *plan, const kerf_ranks *ranks,
                       kerf__buckets *buckets);
void kerf__norms_free(kerf__norms *norms);

#endif
