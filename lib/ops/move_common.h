/* ops/move_common.h -- operations that only move data, as boxes of strided copies.
 *
 * box: dims of elements that are read at src_at + sum(i * src_stride) and written at dst_at +
 * sum(i * dst_stride), all counted in elements.  Transpose, Slice, Tile and their relatives are
 * one box, Concat is one an input, Split one an output.  What an element is does not matter,
 * only how many bytes it has.
 *
 * move_shapes.c says which boxes a node is (move_pad.c those of Pad), move_gradients.c what its
 * gradient is, move.c how boxes are copied. */
#ifndef KERF_OPS_MOVE_COMMON_H
#define KERF_OPS_MOVE_COMMON_H

#include "ops/shape_common.h"

enum {
    KERF__BOX_MOST = 2 * KERF_MAX_RANK, /* Tile gives two dimensions for each of its input */
    KERF__BOX_RANK = 8                  /* what a kernel takes, after merging */
};

typedef struct kerf__box {
    int rank; /* dimensions stand innermost first */
    int64_t dims[KERF__BOX_MOST], src_strides[KERF__BOX_MOST], dst_strides[KERF__BOX_MOST];
    int64_t src_at, dst_at;
    int src, dst; /* which input and output of the node */
} kerf__box;

/* How many boxes the node has, and box i; shapes are known.  Dimensions of 1 are gone and
 * neighbours that lie in one line on both sides are merged; one of 0 makes the box empty. */
int kerf__move_num_boxes(const kerf_node *n);
kerf__box kerf__move_box(const kerf_node *n, int i);
int kerf__box_is_empty(const kerf__box *b);
/* 1 if the boxes do not cover the output: what is left has these bits, of an element's size. */
int kerf__move_fills(const kerf_node *n, uint64_t *bits);

kerf_status kerf__move_infer(kerf_node *n);
kerf_status kerf__move_gradient(kerf__gradients *grads, kerf_node *n);

/* The type must be one whose elements have bytes of their own; says so by name. */
kerf_status kerf__node_check_movable(const kerf_node *n, int input);

/* Slice: first element and step of every dimension of the input, and how many are taken. */
typedef struct kerf__cut {
    int64_t begin[KERF_MAX_RANK], step[KERF_MAX_RANK], num[KERF_MAX_RANK];
} kerf__cut;
kerf_status kerf__slice_cut(const kerf_node *n, kerf__cut *out);

/* How a rule makes its box: dimensions outermost first.  Strides of a shape that is not empty. */
void kerf__box_add_dim(kerf__box *b, int64_t dim, int64_t src_stride, int64_t dst_stride);
void kerf__move_strides(kerf_shape shape, int64_t *strides);

/* Pad (move_pad.c): boxes, the bits of what it puts in with mode constant, gradient. */
kerf_status kerf__pad_infer(kerf_node *n);
int kerf__pad_num_boxes(const kerf_node *n);
void kerf__pad_box(const kerf_node *n, int i, kerf__box *b);
uint64_t kerf__pad_value(const kerf_node *n);
kerf_status kerf__pad_gradient(kerf__gradients *grads, kerf_node *n, kerf_value *diff);

#endif
