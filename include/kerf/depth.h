/* depth.h -- whole residual blocks out: a network with fewer layers.
 *
 * A residual block adds to what it takes, so without it that goes on as it is: its shortcut takes
 * its place.  Which blocks there are is found from the graph itself.
 *
 *     kerf_depth_find(&d, g, s);
 *     kerf_depth_judge(d, g, s, data, &how);   how much each is missed (train.h)
 *     kerf_depth_choose(d, &options);          those that are missed least go
 *     kerf_depth_remove(d, g, s);              and they are gone from graph and state
 *
 * Thread safety: that of graph and state. */
#ifndef KERF_DEPTH_H
#define KERF_DEPTH_H

#include "kerf/channels.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kerf_depth kerf_depth;

/* Texts live as long as the depth. */
typedef struct kerf_depth_block {
    const char *name;          /* of the node that adds the shortcut */
    const char *const *layers; /* the weights inside */
    size_t num_layers;
    double macs;       /* multiply-adds of a sample */
    const char *fixed; /* why it may not go; NULL: it may */
    double lost; /* points of top-1 without it alone; NAN: not judged, or without data, as next */
    double harm; /* how much the loss grows; without data, the change of the outputs, squared, over
                  * their square */
    int stays;
} kerf_depth_block;

/* Finds the blocks in the order of the graph; borrows nothing.  Those whose shortcut is no plain
 * one, or whose inner results are read by others, are fixed, and say why. */
KERF_API kerf_status kerf_depth_find(kerf_depth **out, const kerf_graph *g, const kerf_state *s);
KERF_API void kerf_depth_destroy(kerf_depth *d); /* NULL is allowed */
KERF_API int kerf_depth_num_blocks(const kerf_depth *d);
KERF_API kerf_status kerf_depth_get_block(const kerf_depth *d, int i, kerf_depth_block *block);

typedef struct kerf_depth_options {
    double amount;                           /* share of the blocks that may go, 0 to 1 */
    const char *const *layers, *const *skip; /* shell patterns of layers; a block is chosen if one
                                              * inside is, and none is skipped */
    size_t num_layers, num_skip;
} kerf_depth_options;

/* Decides that floor(amount * num + 0.5) of those that may go do, the least missed first, at a tie
 * the one that comes first.  They must have been judged, unless all go. */
KERF_API kerf_status kerf_depth_choose(kerf_depth *d, const kerf_depth_options *options);
/* As kerf_channels_choose_target(): as few of them as the bounds need. */
KERF_API kerf_status kerf_depth_choose_target(
    kerf_depth *d, const kerf_graph *g, const kerf_state *s, const kerf_depth_options *options,
    const kerf_channel_target *target, const kerf_channel_search *how, kerf_channels_found *found);
/* Multiply-adds of one sample, as the network is and without what goes. */
KERF_API kerf_status kerf_depth_macs(const kerf_depth *d, double *before, double *after);
/* Takes what goes out of graph and state, which must be those that blocks were found in.  They are
 * to be found anew behind it. */
KERF_API kerf_status kerf_depth_remove(const kerf_depth *d, kerf_graph *g, kerf_state *s);

#ifdef __cplusplus
}
#endif
#endif
