/* plan/fold.h -- small arrays of numbers on the host, and the operations on them: how shapes
 * are computed while planning.  fold.c has the table of operations and puts results into the
 * graph; fold_moves.c has those that move numbers, fold_numbers.c those that compute with them.
 *
 * Words.  folded: computed here; the node's result is a constant then.  A node that does not
 * fit is no fault: a kernel may do it.  Numbers that no shape can have (an index beyond the
 * end, more than 63 bits) are a fault of the node, told by name. */
#ifndef KERF_PLAN_FOLD_H
#define KERF_PLAN_FOLD_H

#include "plan/plan_internal.h"

enum { KERF__FOLD_ITEMS = 1024 };

/* floats as a double holds them; bools are 0 and 1. */
typedef union kerf__item {
    int64_t i;
    double f;
} kerf__item;

typedef struct kerf__few {
    int given; /* 0: the node leaves this input out */
    kerf_type type;
    kerf_shape shape;
    int64_t num;
    kerf__item items[KERF__FOLD_ITEMS];
} kerf__few;

typedef struct kerf__folding {
    const kerf_node *n;
    kerf__few *in, *out; /* owned; one an input and an output of the node */
    int folded;
} kerf__folding;

/* out[i] with this type and shape, items still to be set; NULL if it is too large. */
kerf__few *kerf__fold_begin(kerf__folding *x, int i, kerf_type type, kerf_shape shape);
static inline int kerf__few_is_float(const kerf__few *a)
{
    return a->type == KERF_F32;
}
/* Row-major strides of a shape, one a dimension. */
void kerf__few_strides(kerf_shape shape, int64_t *strides);
/* Element i of `shape` as a sum of its coordinates times strides. */
int64_t kerf__few_at(kerf_shape shape, const int64_t *strides, int64_t i);
/* Strides of src for the coordinates of a shape that it is broadcast to. */
void kerf__few_broadcast_strides(kerf_shape src, kerf_shape dst, int64_t *strides);
/* `num` integers from input i, or from the attribute `key`; *num -1: neither is there. */
kerf_status kerf__fold_ints(const kerf__folding *x, const char *key, int i, int64_t *items,
                            int *num);

/* Each sets x->out and x->folded, or leaves x->folded 0. */
kerf_status kerf__fold_cast(kerf__folding *x);
kerf_status kerf__fold_concat(kerf__folding *x);
kerf_status kerf__fold_constant_of_shape(kerf__folding *x);
kerf_status kerf__fold_expand(kerf__folding *x);
kerf_status kerf__fold_gather(kerf__folding *x);
kerf_status kerf__fold_identity(kerf__folding *x);
kerf_status kerf__fold_range(kerf__folding *x);
kerf_status kerf__fold_shape(kerf__folding *x);
kerf_status kerf__fold_size(kerf__folding *x);
kerf_status kerf__fold_slice(kerf__folding *x);
kerf_status kerf__fold_split(kerf__folding *x);
kerf_status kerf__fold_tile(kerf__folding *x);
kerf_status kerf__fold_transpose(kerf__folding *x);
kerf_status kerf__fold_view(kerf__folding *x); /* Reshape, Flatten, Squeeze, Unsqueeze */
kerf_status kerf__fold_arithmetic(kerf__folding *x);
kerf_status kerf__fold_reduce(kerf__folding *x);
kerf_status kerf__fold_where(kerf__folding *x);

#endif
