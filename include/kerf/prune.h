/* prune.h -- taking weights away.
 *
 * A rewrite puts a kerf.Mask node behind each chosen weight (kerf_prune_mark); from then
 * on choosing masks is data, made on the device by a small plan (kerf_pruner).  Pruned
 * weights and their moments are exactly 0 and stay so.
 *
 * Methods: magnitude (Han et al. 2015; globally, and on the cubic curve of Zhu and Gupta
 * 2017), random, std (threshold = s times the standard deviation of a layer's weights,
 * Han et al. 2015), mask from a file. */
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
    KERF_PRUNE_MASK
} kerf_prune_method;
typedef enum kerf_prune_scope { KERF_SCOPE_LAYER, KERF_SCOPE_GLOBAL } kerf_prune_scope;
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
    const kerf_prune_amount *amounts; /* by layer; not with global scope */
    size_t num_amounts;
    const char *const *layers, *const *skip; /* shell patterns; none: all layers */
    size_t num_layers, num_skip;
    int biases;            /* 1: also one-dimensional weights */
    uint64_t seed;         /* random */
    const char *mask_file; /* method mask: .npz of arrays by weight name, 0 is pruned */
} kerf_prune_options;

/* A layer's line of the table. */
typedef struct kerf_prune_layer {
    const char *name; /* of the weight; lives as long as the pruner */
    kerf_shape shape;
    double threshold; /* largest magnitude that was taken; NAN where there is none */
    int64_t nonzeros, total;
} kerf_prune_layer;

typedef struct kerf_pruner kerf_pruner;

/* Puts a Mask node (all ones) behind every weight that the options choose and that has
 * none.  Calling it again adds nothing.  A pattern that fits no layer is an error. */
KERF_API kerf_status kerf_prune_mark(kerf_graph *g, kerf_state *s,
                                     const kerf_prune_options *options);
/* The same for weights with more than `share` zeros, with masks that keep those zeros. */
KERF_API kerf_status kerf_prune_keep_zeros(kerf_graph *g, kerf_state *s, double share,
                                           int *num_kept);

/* Prepares choosing masks for the marked weights of g; borrows s. */
KERF_API kerf_status kerf_pruner_create(kerf_pruner **out, const kerf_graph *g, kerf_state *s,
                                        const kerf_prune_options *options);
KERF_API void kerf_pruner_destroy(kerf_pruner *p); /* NULL is allowed */

/* Chooses masks so that `progress` (0 to 1) of the amount is pruned, and zeroes weights
 * and moments behind them.  Exactly floor(amount * total + 0.5) weights go; at a tie the
 * one with the lower index goes first.  What was pruned before stays pruned.  Only queues. */
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
