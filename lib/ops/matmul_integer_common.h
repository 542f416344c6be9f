/* ops/matmul_integer_common.h -- a product of bytes as its variants see it.  Other half:
 * matmul_integer.c. */
#ifndef KERF_OPS_MATMUL_INTEGER_COMMON_H
#define KERF_OPS_MATMUL_INTEGER_COMMON_H

#include "ops/gemm_common.h"

/* Inputs of a node, -1 where it has none. */
typedef struct kerf__matmul_bytes {
    int a, b, a_zero, b_zero, y_zero, a_scale, b_scale, y_scale, bias;
} kerf__matmul_bytes;

kerf__matmul_bytes kerf__matmul_bytes_of(const kerf_node *n);
enum { KERF__MOST_MATMUL_ARGS = 40 };
/* a, b, the result, and INTEGERS of kernels/matmul_integer.clh; their number. */
int kerf__matmul_bytes_args(const kerf__op_case *c, kerf__arg *args);
/* "-DINTEGER " where sums are the result, "-DUNROUNDED " where the floats behind it are one, too:
 * what the line of options begins with. */
const char *kerf__matmul_bytes_options(const kerf_node *n);

/* matmul_integer_packed.c */
typedef struct kerf__packed_sizes {
    int m, n, k;
} kerf__packed_sizes;
/* Of a node whose weights are packed, after its shape rule. */
kerf__packed_sizes kerf__matmul_packed_sizes(const kerf_node *n);
/* The shape rule of such a node, whose result has this type. */
kerf_status kerf__matmul_packed_infer(kerf_node *n, kerf_type type);
int kerf__matmul_is_packed(const kerf_node *n);
kerf__wish kerf__matmul_packed_layouts(const kerf_node *n, kerf__layouts *out);
/* Its variants: a name's end, and the form of the dot product. */
#define KERF__MATMUL_FORM_LIST(X)                                                                  \
    X(vnni, KERF_DOT_X86)                                                                          \
    X(pairs, KERF_DOT_PAIRS)                                                                       \
    X(packed, KERF_DOT_PLAIN)
#define KERF__MATMUL_FORM(name, form)                                                              \
    int kerf__matmul_##name##_fits(const kerf__op_case *c);                                        \
    double kerf__matmul_##name##_guess(const kerf__op_case *c);                                    \
    kerf_status kerf__matmul_##name##_build(const kerf__op_case *c);
KERF__MATMUL_FORM_LIST(KERF__MATMUL_FORM)
#undef KERF__MATMUL_FORM
enum { KERF__MATMUL_NUM_PACKED = 3 };
extern const kerf__candidate kerf__matmul_packed_candidates[KERF__MATMUL_NUM_PACKED];

#endif
