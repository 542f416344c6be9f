/* ops/reduce_common.h -- what the files of reductions share: reduce.c (formulas, shapes, the
 * table, any axes), reduce_lines.c (rows, columns, planes), reduce_gradient.c. */
#ifndef KERF_OPS_REDUCE_COMMON_H
#define KERF_OPS_REDUCE_COMMON_H

#include "ops/shape_common.h"

/* How one pass over src is computed, by the names of kernels/reduce.clh. */
typedef struct kerf__reduce_pass {
    const char *options;
    float scale;
    const kerf__buffer *center; /* borrowed; one number an output; NULL: none */
} kerf__reduce_pass;

/* The one or two passes of a node; the first of two leaves the centers in the output. */
int kerf__reduce_passes(const kerf__op_case *c, kerf__reduce_pass passes[2]);
/* 1 if the node has two. */
int kerf__reduce_is_centred(const kerf_node *n);

/* What the output is divided by where that is the number of terms, else 1. */
float kerf__reduce_scale(const kerf_node *n);
/* A bit for each axis that goes. */
kerf_status kerf__reduce_axes(const kerf_node *n, unsigned *bits);
/* The shape with every reduced dimension 1. */
kerf_shape kerf__reduce_kept_shape(kerf_shape src, unsigned bits);

/* Neighbouring dimensions of one kind merged, innermost first; those of 1 are left out. */
typedef struct kerf__reduce_dims {
    int num;
    size_t dims[KERF_MAX_RANK];
    int reduced[KERF_MAX_RANK];
} kerf__reduce_dims;
kerf__reduce_dims kerf__reduce_merge(const kerf_node *n);

/* The variant of reduce_lines.c. */
int kerf__reduce_fits_lines(const kerf__op_case *c);
size_t kerf__reduce_lines_bytes(const kerf__op_case *c);
kerf_status kerf__reduce_build_lines(const kerf__op_case *c);

/* The gradient rules of reduce_gradient.c, named after what they derive. */
kerf_status kerf__reduce_gradient_sum(kerf__gradients *grads, kerf_node *n);
kerf_status kerf__reduce_gradient_extreme(kerf__gradients *grads, kerf_node *n);
kerf_status kerf__reduce_gradient_norm(kerf__gradients *grads, kerf_node *n);
kerf_status kerf__reduce_gradient_l1(kerf__gradients *grads, kerf_node *n);
kerf_status kerf__reduce_gradient_squares(kerf__gradients *grads, kerf_node *n);
kerf_status kerf__reduce_gradient_prod(kerf__gradients *grads, kerf_node *n);
kerf_status kerf__reduce_gradient_log_sum(kerf__gradients *grads, kerf_node *n);
kerf_status kerf__reduce_gradient_log_sum_exp(kerf__gradients *grads, kerf_node *n);

#endif
