/* prune.h -- taking weights away.
 *
 * A rewrite puts a kerf.Mask node behind each chosen weight (kerf_prune_mark); from then
 * on choosing masks is data, made on the device by a small plan (kerf_pruner).  Pruned
 * weights and their moments are exactly 0 and stay so.
 *
 * Methods: magnitude (Han et al. 2015; globally, and on the cubic curve of Zhu and Gupta
 * 2017), random, std (threshold = s times the standard deviation of a layer's weights,
 * Han et al. 2015), mask from a file; soft magnitude (Lin et al. 2020), dynamic network surgery
 * (Guo et al. 2016), movement (Sanh et al. 2020), first order (taylor, Molchanov et al. 2017) and
 * second order (OBD, LeCun et al. 1990), SNIP (Lee et al. 2019), RigL (Evci et al. 2020). */
#ifndef KERF_PRUNE_H
#define KERF_PRUNE_H

#include "kerf/graph.h"
#include "kerf/state.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum kerf_prune_method {
    KERF_PRUNE_MAGNITUDE,
    KERF_PRUNE_RANDOM,
    KERF_PRUNE_STD,
    KERF_PRUNE_MASK,
    KERF_PRUNE_SOFT,     /* magnitude; weights live on behind the mask and come back */
    KERF_PRUNE_SURGERY,  /* the same, with a margin for what comes back */
    KERF_PRUNE_MOVEMENT, /* this and what follows choose by gradients, as a part of a training */
    KERF_PRUNE_TAYLOR,
    KERF_PRUNE_SNIP,
    KERF_PRUNE_OBD,
    KERF_PRUNE_RIGL,
    KERF_NUM_PRUNE_METHODS
} kerf_prune_method;
typedef enum kerf_prune_scope { KERF_SCOPE_LAYER, KERF_SCOPE_GLOBAL } kerf_prune_scope;
/* What is taken or left as one.  A layer's outputs are rows and its inputs columns, whatever the
 * axes of its weight; what is left, the taps of a filter, are taken one by one. */
typedef enum kerf_prune_structure {
    KERF_STRUCTURE_WEIGHT,
    KERF_STRUCTURE_BLOCK,  /* block[0] rows by block[1] columns */
    KERF_STRUCTURE_N_OF_M, /* block[0] of each block[1] columns stay; no amount beside it */
    KERF_STRUCTURE_KERNEL, /* all taps from one input to one output */
    KERF_STRUCTURE_CHANNEL /* all that leads to one output */
} kerf_prune_structure;
typedef enum kerf_prune_curve {
    KERF_CURVE_ONCE,
    KERF_CURVE_LINEAR,
    KERF_CURVE_CUBIC,
    KERF_CURVE_EXP
} kerf_prune_curve;

/* An amount for the layers whose name fits a shell pattern; the first that fits counts. */
typedef struct kerf_prune_amount {
    const char *pattern;
    double value; /* share to prune, 0 to below 1; for std: s */
} kerf_prune_amount;

typedef struct kerf_prune_options {
    kerf_prune_method method;
    kerf_prune_scope scope;
    double amount;                    /* for layers without an entry below */
    const kerf_prune_amount *amounts; /* by layer; in global scope at most so much of it goes */
    size_t num_amounts;
    double min_keep; /* global scope: at least this share of every layer stays */
    const char *const *layers, *const *skip; /* shell patterns; none: all layers */
    size_t num_layers, num_skip;
    int biases;            /* 1: also one-dimensional weights */
    uint64_t seed;         /* random */
    const char *mask_file; /* method mask: .npz of arrays by weight name, 0 is pruned */
    kerf_prune_structure structure;
    int64_t block[2]; /* of structures block and N of M */
} kerf_prune_options;

/* A layer's line of the table. */
typedef struct kerf_prune_layer {
    const char *name; /* of the weight; lives as long as the pruner */
    kerf_shape shape;
    double threshold; /* largest magnitude that was taken; NAN where there is none */
    int64_t nonzeros, total;
    /* Shares of what is taken as one: what was asked for by the last event, and the nearest to it
     * that can be had.  NAN where no amount is asked of the layer alone. */
    double asked, nearest;
} kerf_prune_layer;

/* Structure and block from "weight", "block=4x1", "n:m=2:4", "kernel" or "channel"; NULL leaves
 * them. */
KERF_API kerf_status kerf_prune_structure_parse(kerf_prune_options *out, const char *text);

typedef struct kerf_pruner kerf_pruner;

/* Puts a Mask node (all ones) behind every weight that the options choose and that has
 * none, and says on it what the method wants of a training.  Calling it again adds nothing.  A
 * pattern that fits no layer is an error. */
KERF_API kerf_status kerf_prune_mark(kerf_graph *g, kerf_state *s,
                                     const kerf_prune_options *options);
/* 1 if the method scores weights by gradients: it has a choice only while kerf_train() trains. */
KERF_API int kerf_prune_needs_training(kerf_prune_method method);
/* Lifts all masks: weights behind them are trained again (kerf_prune_schedule.lift). */
KERF_API kerf_status kerf_prune_lift(kerf_state *s);
/* What kerf_train() ends with: soft masks become hard, weights behind them 0. */
KERF_API kerf_status kerf_prune_harden(kerf_graph *g, kerf_state *s);
/* Mask nodes for weights with more than `share` zeros, that keep those zeros. */
KERF_API kerf_status kerf_prune_keep_zeros(kerf_graph *g, kerf_state *s, double share,
                                           int *num_kept);
/* Of g's filters of int8, a quantized file's, leaves that share of the words, four input channels at
 * one tap, chosen at random.  What that is worth is asked before floats are pruned so
 * (structure block=1x4).  Returns how many constants of filters there are. */
KERF_API int kerf_prune_words(kerf_graph *g, double left, uint64_t seed);

/* Prepares choosing masks for the marked weights of g; borrows s. */
KERF_API kerf_status kerf_pruner_create(kerf_pruner **out, const kerf_graph *g, kerf_state *s,
                                        const kerf_prune_options *options);
KERF_API void kerf_pruner_destroy(kerf_pruner *p); /* NULL is allowed */

/* Chooses masks so that `progress` (0 to 1) of the amount is pruned, and zeroes weights
 * and moments behind them.  Exactly floor(amount * total + 0.5) weights go, or blocks, kernels
 * or channels of that many, those with the smallest sums first, in global scope by the mean of a
 * weight; at a tie the one with the lower index goes first.  Where a layer ends within a block or
 * a group of M the rest counts as zeros.  What was pruned before stays pruned.  Only queues. */
KERF_API kerf_status kerf_pruner_apply(kerf_pruner *p, double progress);

/* The table; waits. */
KERF_API int kerf_pruner_num_layers(const kerf_pruner *p);
KERF_API kerf_status kerf_pruner_read_layer(const kerf_pruner *p, int i, kerf_prune_layer *layer);

/* Share of the final amount after event i of num (i from 1): the curve's value. */
KERF_API double kerf_prune_curve_at(kerf_prune_curve curve, int i, int num);

#ifdef __cplusplus
}
#endif
#endif
