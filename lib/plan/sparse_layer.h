/* plan/sparse_layer.h -- what layers that become sparse have in common, be they linear
 * (sparse_linear.c) or convolutions (use_zeros.c, in training sparse_train.c).  Other half:
 * sparse_layer.c. */
#ifndef KERF_PLAN_SPARSE_LAYER_H
#define KERF_PLAN_SPARSE_LAYER_H

#include "plan/plan_internal.h"

/* A node in the same part of a step; shapes are inferred by the caller behind its attributes. */
kerf_status kerf__sparse_add_node(const kerf_node *like, const char *op, kerf_value *const *inputs,
                                  int num_inputs, int num_outputs, kerf_node **out);
/* `sparse` does the work of n from here on, by its name and when n would have run: behind all
 * others it would keep alive what it reads. */
void kerf__sparse_take_place(kerf_node *sparse, kerf_node *n);
/* The node that writes the weights' next value; NULL: none.  1 if it is an optimizer's. */
kerf_node *kerf__sparse_find_update(const kerf_graph *g, const kerf_value *weights);
int kerf__sparse_is_update(const kerf_node *n);
/* The same update, of a pattern's entries and their moments and without the mask; it becomes the
 * writer of the states. */
kerf_status kerf__sparse_make_update(kerf_node *n, kerf_value *values, const kerf_node *pattern);
/* What a pattern of the weights is made of: their hard mask, or where nothing updates them they
 * themselves; NULL: it would have to be made anew in each step. */
kerf_status kerf__sparse_find_pattern(const kerf__planning *p, kerf_value *weights,
                                      const kerf_node *update, kerf_value **out);

/* A layer that may become sparse, in all its directions or none. */
typedef struct kerf__sparse_question {
    kerf_node *nodes[3];  /* dense: forward, and gradients by source and weights; NULL: none */
    kerf_node *update;    /* of the weights; NULL: none */
    const kerf_value *of; /* what its pattern is made of: a state, or shared weights */
    double guess;         /* sparse up to this density where nothing was measured; -1: never */
} kerf__sparse_question;
/* 1 if it is sparse, by what is known of it (zeros_known.h); noted for kerf_plan_is_stale(), and
 * in its nodes. */
kerf_status kerf__sparse_decide(const kerf__planning *p, const kerf__sparse_question *q,
                                int64_t *capacity, int *is_sparse);

#endif
