/* ops/shape_common.h -- what many operations need: constants as numbers, axes, broadcasting,
 * and how much work one work-item is given.  Other half: shape_common.c. */
#ifndef KERF_OPS_SHAPE_COMMON_H
#define KERF_OPS_SHAPE_COMMON_H

#include "ops/op.h"

/* Integers that a node gets as attribute `key` or, from ONNX 13 on, as constant input
 * `input`.  *given is 0 if it has neither; then *num is 0. */
typedef struct kerf__ints {
    int given;
    size_t num;
    int64_t items[KERF_MAX_RANK];
} kerf__ints;
kerf_status kerf__node_get_ints(const kerf_node *n, const char *key, int input, kerf__ints *out);

/* An axis in 0 to rank - 1 from one that may count from the end. */
kerf_status kerf__node_axis(const kerf_node *n, int64_t axis, int rank, int *out);
/* The same for a list, as a bit a dimension; an empty list gives all bits. */
kerf_status kerf__node_axes(const kerf_node *n, const char *key, int input, int rank,
                            unsigned *bits);

/* The input must have this type; says so by name. */
kerf_status kerf__node_check_type(const kerf_node *n, int input, kerf_type type);
/* The input must be uint8 or int8. */
kerf_status kerf__node_check_bytes(const kerf_node *n, int input);
/* Attributes `low` and `high`, which bound results of this type (uint8 or int8). */
kerf_status kerf__node_check_bounds(const kerf_node *n, kerf_type type);
/* The input must have this shape. */
kerf_status kerf__node_check_shape(const kerf_node *n, int input, kerf_shape shape);

/* ONNX's (numpy's) broadcasting. */
kerf_status kerf__node_broadcast(const kerf_node *n, kerf_shape a, kerf_shape b, kerf_shape *out);

/* 1 on CPU devices, where an item alone in its group walks a long chunk ("wide"). */
int kerf__is_cpu(const kerf__op_case *c);
/* What most variants need: every input and output is counted in 31 bits. */
int kerf__fits_31_bits(const kerf__op_case *c);
/* 1 if a kernel may turn so often through its loops, all of them together: llvmpipe leaves
 * after 65535 without a word. */
int kerf__loop_fits(const kerf__op_case *c, int turns);
/* How many of `num` pieces of work one item of a wide launch takes: few items, so that
 * handing them out costs nothing, but several a core, so that the cores end together; at
 * least `least` (or all).  A piece is so many loop iterations; an item never has more than
 * 32768 in all, because llvmpipe leaves any loop after 65535 without a word. */
size_t kerf__pieces_an_item(const kerf__op_case *c, size_t num, size_t iterations, size_t least);
enum { KERF__MOST_ITERATIONS = 32768 };

/* For kernels over `num` elements whose item takes `*chunk` of them from its id times chunk:
 * wide (V = 16) or SIMT (V = 4, an item a vector). */
kerf__grid kerf__grid_flat(const kerf__op_case *c, size_t num, unsigned *chunk);

/* a / b, rounded up. */
static inline size_t kerf__ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}
static inline int kerf__ceil_div_int(int a, int b)
{
    return (a + b - 1) / b;
}

/* Of the dimensions from `begin` to before `end`, all known. */
static inline size_t kerf__shape_product(kerf_shape shape, int begin, int end)
{
    size_t num = 1;
    for (int i = begin; i < end; i++)
        num *= (size_t)shape.dims[i];
    return num;
}

/* OpenCL's type for elements that are only moved: uchar to ulong. */
static inline const char *kerf__unsigned_of_bits(size_t bits)
{
    return bits == 8 ? "uchar" : bits == 16 ? "ushort" : bits == 32 ? "uint" : "ulong";
}

static inline void kerf__set_output(kerf_node *n, int i, kerf_type type, kerf_shape shape)
{
    if (i < n->num_outputs && n->outputs[i] != NULL) {
        n->outputs[i]->type = type;
        n->outputs[i]->shape = shape;
    }
}

static inline int64_t kerf__value_elements(const kerf_value *v)
{
    return kerf_shape_num_elements(v->shape);
}

#endif
