/* share.h -- weights that take few values: each layer has a codebook, and a weight is the number of
 * an entry (Han et al. 2016).
 *
 * A weight becomes Gather(codebook, indices): the codebook is trained like any weight, each entry
 * by the sum of its weights' gradients, and files hold the indices as uint4 or uint8.
 *
 * Thread safety: that of the graph and the state. */
#ifndef KERF_SHARE_H
#define KERF_SHARE_H

#include "kerf/graph.h"
#include "kerf/state.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where entries stand before k-means moves them. */
typedef enum kerf_share_init {
    KERF_SHARE_LINEAR,  /* evenly between the least and the largest weight: keeps the large ones */
    KERF_SHARE_DENSITY, /* as many weights to each */
    KERF_SHARE_RANDOM,  /* at weights by chance */
    KERF_NUM_SHARE_INITS
} kerf_share_init;

enum { KERF_SHARE_MOST_BITS = 8 };

typedef struct kerf_share_options {
    int bits; /* of an index: 1 to KERF_SHARE_MOST_BITS */
    kerf_share_init init;
    int64_t block; /* weights that follow each other and have a codebook; 0: all of a layer */
    uint64_t seed; /* random */
    const char *const *layers, *const *skip; /* shell patterns; none: all layers */
    size_t num_layers, num_skip;
} kerf_share_options;

/* Gives the layers that the options choose 2^bits values each, those nearest to their weights: the
 * means that k-means ends with.  Where a weight is exactly 0, as pruning leaves it, entry 0 of
 * every codebook is 0 and stays so (a mask keeps it), and no other weight takes it.  What belonged
 * to the weights, masks and moments, goes with them.  A layer that is shared already stays as it
 * is; a pattern that fits no layer is an error. */
KERF_API kerf_status kerf_share_mark(kerf_graph *g, kerf_state *s,
                                     const kerf_share_options *options);
/* Masks for entries of codebooks that are 0, such as a file brings: training leaves them. */
KERF_API kerf_status kerf_share_keep_zeros(kerf_graph *g, kerf_state *s, int *num_kept);

#ifdef __cplusplus
}
#endif
#endif
