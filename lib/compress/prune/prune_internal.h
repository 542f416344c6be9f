/* compress/prune/prune_internal.h -- shared by the files of this room.
 *
 * layer: a weight and the node that multiplies by it.  A layer is marked once a kerf.Mask
 * node stands behind its weight.
 *
 *   prune_layers.c   finds layers, and which of them patterns choose
 *   prune_options.c  says what is wrong with options
 *   prune_mark.c     the rewrite
 *   prune_gates.c    another: gates that are trained
 *   prune_graph.c    the small graph that chooses masks, and the table of methods
 *   prune_blocks.c   structures: blocks, kernels, channels, N of M
 *   prune_random.c, prune_file.c   numbers that stand for magnitudes
 *   pruner.c         applies and reads it */
#ifndef KERF_PRUNE_INTERNAL_H
#define KERF_PRUNE_INTERNAL_H

#include "graph/graph_internal.h"
#include "kerf/plan.h"
#include "kerf/prune.h"

/* ---- layers ---------------------------------------------------------------------------- */

typedef struct kerf__prune_target {
    kerf_value *weight;    /* borrowed from the graph, as all here */
    const kerf_node *user; /* the first node that reads it */
    kerf_value *mask;      /* NULL: not marked */
} kerf__prune_target;

typedef struct kerf__prune_targets {
    kerf__prune_target *at; /* owned; in the order of the nodes that use them */
    size_t num, capacity;
} kerf__prune_targets;

/* All weights that nodes multiply by; with biases != 0 also those they only add. */
kerf_status kerf__prune_find(kerf__prune_targets *out, const kerf_graph *g, const kerf_state *s,
                             int biases);
void kerf__prune_targets_free(kerf__prune_targets *targets);

/* Keeps those that the patterns of the options choose.  A pattern that fits none, of
 * amounts too, is an error that names what there is. */
kerf_status kerf__prune_choose(kerf__prune_targets *targets, const kerf_prune_options *options);

/* Whether target i of all is meant by a pattern: a shell pattern on the weight's name
 * ("fc1.weight"), that name's stem ("fc1") or the node's; "op:Gemm", "first" or "last". */
int kerf__prune_fits(const char *pattern, const kerf__prune_targets *all, size_t i);

/* The options' amount for target i. */
double kerf__prune_amount_of(const kerf_prune_options *options, const kerf__prune_targets *all,
                             size_t i);

kerf_status kerf__prune_check_options(const kerf_prune_options *options);

/* Ones in a mask of the state; waits. */
kerf_status kerf__mask_read_nonzeros(const kerf_state *s, int id, int64_t *nonzeros);

/* As kerf_pruner_create, with the choices of kernels of an earlier time (NULL: none). */
kerf_status kerf__pruner_create(kerf_pruner **out, const kerf_graph *g, kerf_state *s,
                                const kerf_prune_options *options, const char *choices);
const kerf_plan *kerf__pruner_plan(const kerf_pruner *p);
/* For methods that exchange: 0 at the first event to 1 at the last, when nothing is exchanged. */
void kerf__pruner_set_time(kerf_pruner *p, double time);

/* ---- rewrites ------------------------------------------------------------------------------ */

/* "fc1.weight" and "mask": "fc1.weight.mask", with a number behind it where that is taken. */
char *kerf__prune_fresh_name(const kerf_graph *g, const kerf_state *s, const char *base,
                             const char *suffix);
int kerf__is_mask_of(const kerf_node *n, const kerf_value *weight);
/* What is 0 of a weight stays 0: behind the mask that it has, or a new one. */
kerf_status kerf__prune_mark_zeros(kerf_graph *g, kerf_state *s, kerf_value *weight);

typedef struct kerf__gate_options {
    const char *kind; /* plan/gates.h */
    int by_outputs;   /* one for all that leads to an output of a layer, else one a weight */
    float rate;       /* at which gates are trained: times the learning rate */
    const char *const *freeze; /* weights that get none */
    size_t num_freeze;
} kerf__gate_options;
/* Gates behind the weights that the options choose; again: none more. */
kerf_status kerf__prune_add_gates(kerf_graph *g, kerf_state *s, const kerf_prune_options *options,
                                  const kerf__gate_options *gates);
/* Weights become what their gates leave of them, and gates go; without gates nothing. */
kerf_status kerf__prune_settle_gates(kerf_graph *g, kerf_state *s);

/* ---- choosing masks ------------------------------------------------------------------------ */

/* What the pruner keeps of a layer. */
typedef struct kerf__prune_layer {
    char *name; /* owned; of the weight */
    kerf_shape shape;
    int mask_id;
    int64_t total, units; /* weights, and what is taken or left as one */
    int64_t columns;      /* N of M: what groups are made of */
    double amount;        /* global scope: the most that may go */
    /* What an event feeds; lies here because a feed reads it after the call. */
    int32_t count;       /* methods by rank: how many go; of all layers, where all are one */
    int32_t bound;       /* global scope with bounds: how many may go at most */
    int32_t taken, stay; /* that exchange: gone before others come back, and left out of those */
    float factor;        /* methods by threshold: s, or what stands in the file's place for it */
} kerf__prune_layer;

typedef struct kerf__making kerf__making; /* prune_making.h */

/* A method: by which numbers a mask is chosen, and how many of the smallest go.  Each has a file
 * of its own, named as the literature names it; the oldest four stand in prune_graph.c. */
typedef struct kerf__prune_way {
    int by_rank;           /* so and so many of the smallest go; else all up to a threshold */
    int by_deviation;      /* the threshold counts in standard deviations of the weights */
    int shows_threshold;   /* it is a magnitude of weights and worth a column */
    int is_signed;         /* scores below 0 go first; else their magnitude counts */
    int is_soft;           /* weights live on behind the mask, and come back */
    int exchanges;         /* events take more than they must and give others back */
    int rests;             /* nothing is learned before the first event */
    const char *remembers; /* the training plan's score (a Mask's attribute); NULL: none */
    /* Host numbers (float32, the weight's shape) in the weights' place; NULL: the weights. */
    kerf_status (*numbers)(kerf_tensor **out, const kerf_prune_options *options,
                           const kerf__prune_target *target);
    /* A float a weight, of whatever there is; NULL: numbers. */
    kerf_status (*add_scores)(const kerf__making *m, size_t layer, kerf_value **out);
    /* Chooses .unit_next of all layers; NULL: the smallest go. */
    kerf_status (*add_choice)(const kerf__making *m);
} kerf__prune_way;

const kerf__prune_way *kerf__prune_way_of(kerf_prune_method method);
extern const kerf__prune_way kerf__prune_soft, kerf__prune_surgery, kerf__prune_movement,
    kerf__prune_taylor, kerf__prune_snip, kerf__prune_obd, kerf__prune_rigl;

/* 1 if weights are taken in blocks that are scored as one. */
int kerf__prune_has_blocks(const kerf_prune_options *o);
/* 1 if global scope has bounds by layer. */
int kerf__prune_has_bounds(const kerf_prune_options *o);
/* Which axes of a target's weight are outputs (rows) and inputs (columns) of its layer. */
kerf_status kerf__prune_axes(const kerf__prune_target *t, int *rows, int *columns);
/* In how many units a target is taken. */
kerf_status kerf__prune_num_units(const kerf_prune_options *o, const kerf__prune_target *t,
                                  int64_t *num);

/* Each in a file of its own. */
kerf_status kerf__prune_random_numbers(kerf_tensor **out, const kerf_prune_options *options,
                                       const kerf__prune_target *target);
kerf_status kerf__prune_file_numbers(kerf_tensor **out, const kerf_prune_options *options,
                                     const kerf__prune_target *target);

/* The graph that one event runs: inputs "count.I" or "factor.I", outputs "threshold.I" and
 * "nonzeros.I", I the layer (0 alone where all are one); next values of masks, weights and
 * moments. */
kerf_status kerf__prune_make_graph(kerf_graph **out, const kerf_state *s,
                                   const kerf_prune_options *options,
                                   const kerf__prune_targets *targets);

/* ---- prune_lottery.c ----------------------------------------------------------------------- */

/* Makes room for what weights will go back to; before the pruner is created, whose events put
 * zeros there, too. */
kerf_status kerf__lottery_begin(kerf_state *s);
/* These are the weights to go back to. */
kerf_status kerf__lottery_keep(kerf_state *s);
kerf_status kerf__lottery_rewind(kerf_state *s);

#endif
