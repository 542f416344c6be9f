/* ops/block_mask_common.h -- how a weight is seen as rows, columns and taps, cut into blocks.
 * Other half: block_mask.c. */
#ifndef KERF_OPS_BLOCK_MASK_COMMON_H
#define KERF_OPS_BLOCK_MASK_COMMON_H

#include "graph/graph_internal.h"

enum { KERF__ROWS, KERF__COLUMNS, KERF__TAPS };

typedef struct kerf__extent {
    int64_t num, stride, block; /* block: how many of them one has */
} kerf__extent;

typedef struct kerf__block_geometry {
    kerf__extent of[3];
    int64_t num_blocks;
} kerf__block_geometry;

/* By the node's attributes, for a weight of this shape. */
kerf_status kerf__block_geometry_of(const kerf_node *n, kerf_shape shape,
                                    kerf__block_geometry *out);

#endif
