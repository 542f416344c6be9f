/* plan/node_trial.h -- every way to compute one node, side by side on tensors of their own, and
 * which of the results is right.  Other halves: node_trial.c builds, runs and times, ballot.c
 * compares.  tune.c drives it on one device, verify_layers.c on many. */
#ifndef KERF_PLAN_NODE_TRIAL_H
#define KERF_PLAN_NODE_TRIAL_H

#include "plan/plan_internal.h"

/* ---- what is right ------------------------------------------------------------------ */

/* One result, and how many came to it. */
typedef struct kerf__result {
    char *bytes;   /* owned: all outputs of the node, one behind the other */
    double factor; /* of the error of who came first */
    int votes;
    const kerf_device *device; /* borrowed, as the next: who voted last */
    const kerf__variant *variant;
} kerf__result;

/* The definition of an operation is not in the library, so what most kernels agree on is taken
 * as right.  A vote is a variant's on a device: its candidates are one kernel and err alike.
 * At a tie the one that came first wins. */
typedef struct kerf__ballot {
    const kerf_node *node; /* borrowed */
    kerf__result *items;   /* owned */
    size_t num, capacity;
} kerf__ballot;

/* How far one result is from another: the largest difference, relative to the largest number
 * of that output; 1 where integers differ, infinite for NaN and infinity against a number. */
typedef struct kerf__gap {
    double rel;
    double tolerance; /* 8 eps sqrt(terms of a sum), and the variants' factor */
    int is_within;
} kerf__gap;

/* Finds the result that `bytes` (taken, also on failure) agree with, or adds one. */
kerf_status kerf__ballot_vote(kerf__ballot *b, char *bytes, const kerf_device *dev,
                              const kerf__variant *variant, int *result, kerf__gap *gap);
int kerf__ballot_winner(const kerf__ballot *b); /* there must be a vote */
kerf__gap kerf__ballot_gap(const kerf__ballot *b, int result, int from);
void kerf__ballot_clear(kerf__ballot *b);

/* The largest difference of two results relative to the largest number; infinite as above. */
double kerf__float_gap(const float *got, const float *want, size_t num);
/* How many numbers are summed for an element of an output: a product's inner size, or what a
 * reduction leaves out. */
double kerf__num_terms(const kerf_node *n, const kerf_value *output);

/* Bytes of all outputs. */
size_t kerf__outputs_bytes(const kerf_node *n);

/* ---- trials --------------------------------------------------------------------------- */

typedef struct kerf__trial {
    kerf__option option;
    kerf__buffer *scratch; /* owned, or NULL */
    kerf__steps steps;     /* owned */
    int alive;             /* 0: does not build, run or agree */
    char why[192];         /* it is not alive */
    int result;            /* the place of its result in the ballot */
    kerf__gap gap;         /* of its result from the right one */
    double ms;             /* the fastest run so far */
} kerf__trial;

typedef struct kerf__trials {
    kerf_device *dev;      /* borrowed */
    const kerf_node *node; /* borrowed */
    kerf_tensor **tensors; /* owned, each too: inputs, then outputs; NULL: left out */
    kerf__trial *items;    /* owned; in the order of the operation's table */
    int num, capacity;
} kerf__trials;

/* Makes tensors and builds what can be built; an option that cannot is not alive.  inputs: the
 * bytes of each, or NULL for random content.  Destroy also after a failure. */
kerf_status kerf__trials_create(kerf__trials *t, kerf_device *dev, const kerf_node *n,
                                const void *const *inputs);
void kerf__trials_destroy(kerf__trials *t);
/* Runs each once and votes with its result. */
kerf_status kerf__trials_vote(kerf__trials *t, kerf__ballot *b);
/* Who came to another result than the winner's is not alive any more. */
void kerf__trials_judge(kerf__trials *t, const kerf__ballot *b);
/* Times all that live, in turn, for about budget_ms (0: as long as it takes); who is far
 * behind drops out, but not `keep` (may be NULL). */
kerf_status kerf__trials_time(kerf__trials *t, const kerf__trial *keep, double budget_ms);
/* The trial of this option, or NULL. */
kerf__trial *kerf__trials_find(const kerf__trials *t, kerf__option option);

/* "gemm_simt/8x4: why" for each that is not alive, a line each, into fresh memory. */
char *kerf__trials_left_out(const kerf__trials *t);

/* Floats in [-1, 1), flags of 0 and 1, integers 0 (an index that always exists). */
void kerf__fill_random(void *bytes, kerf_type type, size_t num_elements, uint32_t id);

#endif
