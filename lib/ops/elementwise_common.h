/* ops/elementwise_common.h -- what the files of the element-wise family share.
 *
 *     elementwise.c            formulas on float32, and how they are launched
 *     elementwise_typed.c      formulas on any type, comparisons, Cast, Where
 *     elementwise_gradient.c   gradients of both
 *     elementwise_common.c     broadcasting as rows, and how much of them an item takes */
#ifndef KERF_OPS_ELEMENTWISE_COMMON_H
#define KERF_OPS_ELEMENTWISE_COMMON_H

#include "ops/shape_common.h"

/* ---- broadcasting -------------------------------------------------------------------------- */

/* dst without dimensions of 1, neighbours merged where every input takes them in one stride;
 * innermost first.  The innermost stride of an input is 1, or 0 where it is broadcast. */
enum { KERF__ELEMENTWISE_INPUTS = 3 };
typedef struct kerf__merged {
    int rank;
    size_t dims[KERF_MAX_RANK], strides[KERF__ELEMENTWISE_INPUTS][KERF_MAX_RANK];
} kerf__merged;
kerf__merged kerf__elementwise_merge(const kerf_node *n, int num_inputs);

/* dst as m rows of n; inner: the dimension next to a row. */
typedef struct kerf__rows {
    size_t m, inner, n;
} kerf__rows;
kerf__rows kerf__elementwise_rows(const kerf__merged *m);

/* What one item of a wide launch takes: whole rows, or a part of one. */
typedef struct kerf__piece {
    size_t rows, columns;
} kerf__piece;
kerf__piece kerf__elementwise_piece(const kerf__op_case *c, kerf__rows r);

/* ---- formulas on any type ------------------------------------------------------------------- */

/* 1 if elementwise_typed.c computes the node: its formula is there alone, or its types are. */
int kerf__elementwise_is_typed(const kerf_node *n);
kerf_status kerf__elementwise_typed_infer(kerf_node *n);
int kerf__elementwise_typed_fits(const kerf__op_case *c);
kerf_status kerf__elementwise_typed_build(const kerf__op_case *c);

#define KERF__ELEMENTWISE_TYPED                                                                    \
    KERF__BOTH_STYLES("elementwise_typed", .fits = kerf__elementwise_typed_fits,                   \
                      .build = kerf__elementwise_typed_build)

kerf_status kerf__elementwise_gradient(kerf__gradients *grads, kerf_node *n);

#endif
