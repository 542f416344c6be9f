/* compress/prune/prune_internal.h -- shared by the files of this room.
 *
 * layer: a weight and the node that multiplies by it.  A layer is marked once a kerf.Mask
 * node stands behind its weight.
 *
 *   prune_layers.c   finds layers, and which of them patterns choose
 *   prune_options.c  says what is wrong with options
 *   prune_mark.c     the rewrite
 *   prune_graph.c    the small graph that chooses masks, and the table of methods
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

/* ---- choosing masks ------------------------------------------------------------------------ */

/* What the pruner keeps of a layer. */
typedef struct kerf__prune_layer {
    char *name; /* owned; of the weight */
    kerf_shape shape;
    int mask_id;
    int64_t total;
    double amount;
    /* What an event feeds; lies here because a feed reads it after the call. */
    int32_t count; /* methods by rank: how many go; of all layers, where all are one */
    float factor;  /* methods by threshold: s, or what stands in the file's place for it */
} kerf__prune_layer;

/* A method: by which numbers a mask is chosen, and how many of the smallest go. */
typedef struct kerf__prune_way {
    int by_rank;         /* so and so many of the smallest go; else all up to a threshold */
    int by_deviation;    /* the threshold counts in standard deviations of the weights */
    int shows_threshold; /* it is a magnitude of weights and worth a column */
    /* Host numbers (float32, the weight's shape) in the weights' place; NULL: the weights. */
    kerf_status (*numbers)(kerf_tensor **out, const kerf_prune_options *options,
                           const kerf__prune_target *target);
} kerf__prune_way;

const kerf__prune_way *kerf__prune_way_of(kerf_prune_method method);

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

#endif
