/* plan/zeros_known.h -- what was measured of layers with and without their zeros, and up to which
 * density a layer is therefore faster without them.
 *
 *     zeros train 10% Conv ... TAB 0.0996 3.01 1.52 TAB 1.52
 *
 * is a line of the tuning store (device/tuning.h): mode, share of the weights that is left, in
 * steps, and the dense node's case; then the very density, and the milliseconds dense and sparse.
 * Each direction of a layer has its own, with all that it needs (values, updates).
 *
 * Planners ask what is known of a layer (use_zeros.c, sparse_layer.c); what they were told is a
 * choice of the plan like any other, so that a run that goes on is told the same whatever the store
 * holds by then.  tune_zeros.c measures.  Other half: zeros_known.c. */
#ifndef KERF_PLAN_ZEROS_KNOWN_H
#define KERF_PLAN_ZEROS_KNOWN_H

#include "plan/plan_internal.h"

enum { KERF__MOST_CROSSINGS = 9 };

/* Ascending densities, and the time without zeros over that with them. */
typedef struct kerf__zeros_known {
    int num;
    double density[KERF__MOST_CROSSINGS], ratio[KERF__MOST_CROSSINGS];
} kerf__zeros_known;

/* What is known of a layer that these nodes compute, forward first; NULL among them is passed
 * over.  By the run's choices, else by the store. */
kerf_status kerf__zeros_ask(const kerf__planning *p, kerf_node *const *nodes, int num,
                            kerf__zeros_known *known);
/* Up to this density the layer is faster without its zeros, if it also costs `extra` of its dense
 * time: the guess, bounded by what is known from both sides. */
double kerf__zeros_most_density(const kerf__zeros_known *known, double extra, double guess);

/* Notes in n that it is a part of what the dense node `of` computes, for tune_zeros.c. */
kerf_status kerf__zeros_mark(const kerf__planning *p, kerf_node *n, const kerf_node *of,
                             double density);
kerf_status kerf__zeros_copy_mark(kerf_node *n, const kerf_node *from);
const char *kerf__zeros_mark_of(const kerf_node *n);  /* the key of the store; NULL: none */
const char *kerf__zeros_owner_of(const kerf_node *n); /* the name of `of`; NULL: none */
double kerf__zeros_density_of(const kerf_node *n);

kerf_status kerf__zeros_remember(kerf_device *dev, const char *key, double density, double dense_ms,
                                 double sparse_ms);
/* From now on the key's layer is guessed as if it had never been measured. */
kerf_status kerf__zeros_forget(kerf_device *dev, const char *key);

#endif
