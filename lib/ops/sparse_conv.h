/* ops/sparse_conv.h -- variants of a sparse convolution for CPU devices, for the table in
 * sparse_conv.c and sparse_conv_grad.c.  Other halves: sparse_conv_wide.c, sparse_conv_lanes.c,
 * sparse_conv_chunks.c, sparse_conv_grad_wide.c. */
#ifndef KERF_OPS_SPARSE_CONV_H
#define KERF_OPS_SPARSE_CONV_H

#include "ops/conv_common.h"

/* Inputs of kerf.SparseConv; kerf.SparseConvGrad has dst's gradient for the values. */
enum {
    KERF__SPARSE_SRC,
    KERF__SPARSE_VALUES,
    KERF__SPARSE_DIFF = KERF__SPARSE_VALUES,
    KERF__SPARSE_STARTS,
    KERF__SPARSE_OFFSETS,
    KERF__SPARSE_BIAS,
    KERF__SPARSE_RESIDUAL
};

/* An offset is channel * KERF__SPARSE_CHANNEL + tap. */
enum { KERF__SPARSE_CHANNEL = 256 };

/* Inputs `starts` and `offsets` are a pattern of the convolution's weights. */
kerf_status kerf__sparse_check_pattern(const kerf_node *n, const kerf__conv *v, int starts,
                                       int offsets);
/* Of the weights, so many are expected not to be 0: from 0 to 1. */
double kerf__sparse_density(const kerf_node *n);

/* Of the walks, one a tap, of kernels/sparse_walk.clh. */
static inline size_t kerf__sparse_walks_bytes(const kerf__conv *v)
{
    return (size_t)v->h.kernel * (size_t)v->w.kernel * 6 * sizeof(int);
}

/* sparse_conv_lanes.c: where 16 samples are one pixel, and of the gradient by src, too. */
int kerf__sparse_conv_lanes_fits(const kerf__op_case *c);
double kerf__sparse_conv_lanes_guess(const kerf__op_case *c);
kerf_status kerf__sparse_conv_lanes_build(const kerf__op_case *c);

/* sparse_conv_chunks.c: by a pattern for a tile. */
int kerf__sparse_conv_chunks_fits(const kerf__op_case *c);
int kerf__sparse_conv_chunks_takes(const kerf__op_case *c, const kerf__candidate *candidate);
double kerf__sparse_conv_chunks_guess(const kerf__op_case *c);
kerf_status kerf__sparse_conv_chunks_build(const kerf__op_case *c);
enum { KERF__SPARSE_CONV_NUM_CHUNKS = 5 };
extern const kerf__candidate kerf__sparse_conv_chunks_candidates[KERF__SPARSE_CONV_NUM_CHUNKS];

/* sparse_conv_wide.c: by any pattern. */
int kerf__sparse_conv_wide_fits(const kerf__op_case *c);
int kerf__sparse_conv_wide_takes(const kerf__op_case *c, const kerf__candidate *candidate);
double kerf__sparse_conv_wide_guess(const kerf__op_case *c);
kerf_status kerf__sparse_conv_wide_build(const kerf__op_case *c);
enum { KERF__SPARSE_CONV_NUM_WIDE = 7 };
extern const kerf__candidate kerf__sparse_conv_wide_candidates[KERF__SPARSE_CONV_NUM_WIDE];

/* sparse_conv_grad_wide.c: the weights' gradient, where 16 samples are one pixel. */
int kerf__sparse_conv_grad_fits(const kerf__op_case *c);
int kerf__sparse_conv_grad_takes(const kerf__op_case *c, const kerf__candidate *tile);
double kerf__sparse_conv_grad_guess(const kerf__op_case *c);
kerf_status kerf__sparse_conv_grad_build(const kerf__op_case *c);
enum { KERF__SPARSE_CONV_GRAD_NUM_TILES = 5 };
extern const kerf__candidate kerf__sparse_conv_grad_tiles[KERF__SPARSE_CONV_GRAD_NUM_TILES];

#endif
