/* compress/prune/depth_internal.h -- what the files about depth share.
 *
 * block: all between a value and the Add that puts it to what was made of it.
 *
 *   depth_find.c     blocks, and why some may not go
 *   depth_choose.c   which go, by an amount or a bound
 *   depth_cut.c      taking them out
 *
 * How much each is missed is found by train/depth_judge.c. */
#ifndef KERF_COMPRESS_DEPTH_INTERNAL_H
#define KERF_COMPRESS_DEPTH_INTERNAL_H

#include "compress/prune/channels_internal.h"
#include "kerf/depth.h"

typedef struct kerf__depth_block {
    kerf_depth_block told;
    const kerf_value *in, *out; /* of the depth's graph */
    int first, num;             /* places of nodes among which it lies */
    char *inside;               /* owned; by place from the first on: 1 if it is of the block */
    const char **layers;        /* owned */
    char fixed[320];
} kerf__depth_block;

struct kerf_depth {
    kerf_graph *model; /* copy as it was given; owned, as all here */
    kerf_graph *graph; /* the same with bound shapes, for a batch of 1 */
    kerf__prune_targets targets;
    char *has_data; /* by node's index: 1 if it depends on an input of the network */
    kerf__depth_block *blocks;
    size_t num_blocks, block_capacity;
    int is_judged;
};

/* 1 if the node at this place of the depth's graph is of the block. */
int kerf__depth_holds(const kerf__depth_block *block, int place);
/* The shortcut of a block in the place of it, in a graph that has the values of the depth's; what
 * nobody reads any more stays. */
void kerf__depth_bypass(const kerf__depth_block *block, kerf_graph *g);
/* The smaller graph with bound shapes, without any weights. */
kerf_status kerf__depth_cut_copy(kerf_graph **out, const kerf_depth *d);

#endif
