/* compress/prune/prune_making.h -- the graph of one pruning event while it is made; shared by
 * prune_graph.c, which puts it together, prune_blocks.c and the files of methods.
 *
 * unit: what is taken or left as one, a weight or a block of them.  was: the mask that a choice
 * begins with; what it lacks cannot come back. */
#ifndef KERF_PRUNE_MAKING_H
#define KERF_PRUNE_MAKING_H

#include "compress/prune/prune_internal.h"

/* A layer's values in the graph that is being made. */
typedef struct kerf__making_layer {
    kerf_value *weight, *mask;
    kerf_value *may;    /* all ones where weights come back, else the mask */
    kerf_value *was;    /* the mask itself, or all ones where weights come back */
    kerf_value *scores; /* a float a weight; the smallest go */
    kerf_value *unit_scores, *unit_was, *unit_next; /* the same by unit, and what was chosen */
    kerf_value *next_mask;
} kerf__making_layer;

struct kerf__making {
    kerf_graph *g;
    const kerf_state *s;
    const kerf_prune_options *options;
    const kerf__prune_way *way;
    const kerf__prune_targets *targets;
    kerf__making_layer *layers; /* owned */
};

/* A state's entry as a value. */
kerf_status kerf__making_state(const kerf__making *m, int id, kerf_value **out);
/* An input "what.LAYER" of one number. */
kerf_status kerf__making_input(const kerf__making *m, const char *what, size_t layer,
                               kerf_type type, kerf_value **out);
kerf_status kerf__making_output(const kerf__making *m, const char *what, size_t layer,
                                kerf_value *v);
/* A node with one output. */
kerf_status kerf__making_node(const kerf__making *m, const char *op, kerf_value *const *inputs,
                              int num_inputs, kerf_value **out);

/* What the training plan remembers of layer i. */
kerf_status kerf__making_remembered(const kerf__making *m, size_t layer, kerf_value **out);
/* "count.0" and its like for layers first to first + num - 1, all of them in global scope. */
size_t kerf__making_step(const kerf__making *m);

/* ---- prune_blocks.c: units ---------------------------------------------------------------- */

/* Any scores and mask of layer i by unit. */
kerf_status kerf__making_pool(const kerf__making *m, size_t i, kerf_value *scores, kerf_value *mask,
                              kerf_value **unit_scores, kerf_value **unit_mask);
/* The mask of units as one of weights. */
kerf_status kerf__making_spread(const kerf__making *m, size_t i, kerf_value *units,
                                kerf_value **out);
/* N of each M: chooses by itself. */
kerf_status kerf__making_rank(const kerf__making *m, size_t i);

/* ---- choices ------------------------------------------------------------------------------- */

/* Of layers first to first + num - 1 together: `count` units with the smallest scores go.
 * threshold NULL: nobody asks. */
kerf_status kerf__making_top_k(const kerf__making *m, kerf_value *count, size_t first, size_t num,
                               kerf_value *const *scores, kerf_value *const *was, kerf_value **next,
                               kerf_value **threshold);

#endif
