/* ops/move_common.h -- operations that only move data, as boxes of strided copies.
 *
 * box: dims of elements that are read at src_at + sum(i * src_stride) and written at dst_at +
 * sum(i * dst_stride), all counted in elements.  Transpose, Slice, Tile and their relatives are
 * one box, Concat is one an input, Split one an output.  What an element is does not matter,
 * only how many bytes it has.
 *
 * Each operation has a rule for its boxes, in move_shapes.c, move_slice.c, move_join.c or
 * move_pad.c; these call move_boxes.c, and move_rules.c calls them.  move_gradients.c says what
 * gradients are, move.c how boxes are copied. */
#ifndef KERF_OPS_MOVE_COMMON_H
#define KERF_OPS_MOVE_COMMON_H

#include "ops/shape_common.h"

enum {
    KERF__BOX_MOST = 2 * KERF_MAX_RANK, /* Tile gives two dimensions for each of its input */
    KERF__BOX_RANK = 8                  /* what a kernel takes, after merging */
};

#define KERF__MOST_MOVED ((int64_t)1 << 62) /* elements along an axis: a shape's limit */

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

/* ---- rules ------------------------------------------------------------------------------- */

/* How an operation is made of boxes. */
typedef struct kerf__move_rule {
    kerf_status (*infer)(kerf_node *n);
    /* Dimensions outermost first, in the order of the output, as ONNX counts them. */
    void (*box)(const kerf_node *n, int i, kerf__box *b);
    enum { KERF__MOVE_WHOLE, KERF__MOVE_INPUT, KERF__MOVE_OUTPUT } each; /* has a box */
    int (*num_boxes)(const kerf_node *n);                                /* NULL: as `each` says */
    int (*fills)(const kerf_node *n, uint64_t *bits); /* NULL: boxes cover the output */
} kerf__move_rule;

extern const kerf__move_rule kerf__move_transpose, kerf__move_blocks, kerf__move_tile;
extern const kerf__move_rule kerf__move_slice, kerf__move_slice_grad;
extern const kerf__move_rule kerf__move_concat, kerf__move_split, kerf__move_pad;

void kerf__box_add_dim(kerf__box *b, int64_t dim, int64_t src_stride, int64_t dst_stride);
/* Innermost first, without dimensions of 1, neighbours in one line made one. */
kerf__box kerf__box_finish(const kerf__box *from);
/* Elements between neighbours along each dimension; the shape is not empty. */
void kerf__move_strides(kerf_shape shape, int64_t *strides);

kerf_status kerf__pad_gradient(kerf__gradients *grads, kerf_node *n, kerf_value *diff);

#endif
