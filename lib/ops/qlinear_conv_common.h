/* ops/qlinear_conv_common.h -- a convolution of bytes as its variants see it.  Other half:
 * qlinear_conv.c. */
#ifndef KERF_OPS_QLINEAR_CONV_COMMON_H
#define KERF_OPS_QLINEAR_CONV_COMMON_H

#include "ops/conv_common.h"

/* Inputs of a node, -1 where it has none. */
typedef struct kerf__conv_bytes {
    int x, w, x_zero, w_zero, y_zero, x_scale, w_scale, y_scale, bias;
    int other, other_scale, other_zero, sum_scale, sum_zero; /* a residual */
    int low, high;                                           /* bounds of the result */
} kerf__conv_bytes;

kerf__conv_bytes kerf__conv_bytes_of(const kerf_node *n);
/* The shape rule. */
kerf_status kerf__qlinear_conv_infer(kerf_node *n);

enum { KERF__MOST_CONV_ARGS = 56 };
/* INTEGERS, GEOMETRY and ADDEND of kernels/qlinear_conv.clh behind x, weights and dst; their
 * number. */
int kerf__conv_bytes_args(const kerf__op_case *c, const kerf__conv *v, kerf__arg *args);
/* "-DINTEGER" where sums are the result, "-DRESIDUAL" where something is added to it,
 * "-DUNROUNDED" where the floats behind it are a result, too. */
const char *kerf__conv_bytes_options(const kerf_node *n);
/* The same and the form of the dot product, of a case whose candidates are kerf__dots_ss. */
void kerf__conv_bytes_simt_options(const kerf__op_case *c, char *options, size_t options_bytes);
/* 1 if filters have zero points for all that is known; " -DW_ZEROS" for the kernels of CPU devices,
 * else "". */
int kerf__conv_bytes_has_zeros(const kerf_node *n);
const char *kerf__conv_zeros_options(const kerf_node *n);

/* Filters and a band of one row and the narrowest tile must fit the local memory of every CPU
 * device. */
enum { KERF__BYTES_MOST_LOCAL = 24 << 10, KERF__BYTES_NARROWEST_TILE = 7 };

/* qlinear_conv_simt.c */
int kerf__qlinear_conv_simt_fits(const kerf__op_case *c);
double kerf__qlinear_conv_simt_guess(const kerf__op_case *c);
kerf_status kerf__qlinear_conv_simt_build(const kerf__op_case *c);

/* qlinear_conv_depthwise_simt.c */
int kerf__qlinear_depthwise_simt_fits(const kerf__op_case *c);
double kerf__qlinear_depthwise_simt_guess(const kerf__op_case *c);
kerf_status kerf__qlinear_depthwise_simt_build(const kerf__op_case *c);

/* qlinear_conv_wide.c: in blocks, for CPU devices. */
kerf__wish kerf__qlinear_conv_wish(const kerf_node *n, kerf__layouts *out);
/* Its variants: a name's end, and the form of the dot product. */
#define KERF__QLINEAR_CONV_FORM_LIST(X)                                                            \
    X(vnni, KERF_DOT_X86)                                                                          \
    X(pairs, KERF_DOT_PAIRS)                                                                       \
    X(wide, KERF_DOT_PLAIN)
#define KERF__QLINEAR_CONV_FORM(name, form)                                                        \
    int kerf__qlinear_conv_##name##_fits(const kerf__op_case *c);                                  \
    double kerf__qlinear_conv_##name##_guess(const kerf__op_case *c);                              \
    kerf_status kerf__qlinear_conv_##name##_build(const kerf__op_case *c);
KERF__QLINEAR_CONV_FORM_LIST(KERF__QLINEAR_CONV_FORM)
#undef KERF__QLINEAR_CONV_FORM
int kerf__qlinear_conv_takes(const kerf__op_case *c, const kerf__candidate *candidate);
enum { KERF__QLINEAR_CONV_NUM_TILES = 4 };
extern const kerf__candidate kerf__qlinear_conv_tiles[KERF__QLINEAR_CONV_NUM_TILES];
/* Of a dot product of a vector in such a tile. */
double kerf__qlinear_conv_sum_cycles(const int *tile, kerf_dot form);

/* qlinear_conv_depthwise_wide.c: those of one filter a channel; the wish is qlinear_conv_wide.c's.
 */
int kerf__qlinear_depthwise_is_wished(const kerf_node *n, const kerf__conv *v);
#define KERF__QLINEAR_DEPTHWISE_FORM(name, form)                                                   \
    int kerf__qlinear_depthwise_##name##_fits(const kerf__op_case *c);                             \
    double kerf__qlinear_depthwise_##name##_guess(const kerf__op_case *c);                         \
    kerf_status kerf__qlinear_depthwise_##name##_build(const kerf__op_case *c);
KERF__QLINEAR_CONV_FORM_LIST(KERF__QLINEAR_DEPTHWISE_FORM)
#undef KERF__QLINEAR_DEPTHWISE_FORM
int kerf__qlinear_depthwise_takes(const kerf__op_case *c, const kerf__candidate *candidate);
enum { KERF__QLINEAR_DEPTHWISE_NUM_TILES = 2 };
extern const kerf__candidate kerf__qlinear_depthwise_tiles[KERF__QLINEAR_DEPTHWISE_NUM_TILES];

/* qlinear_conv_few_wide.c: those of a picture; the wish is qlinear_conv_wide.c's. */
int kerf__qlinear_few_is_wished(const kerf__conv *v);
#define KERF__QLINEAR_FEW_FORM(name, form)                                                         \
    int kerf__qlinear_few_##name##_fits(const kerf__op_case *c);                                   \
    double kerf__qlinear_few_##name##_guess(const kerf__op_case *c);                               \
    kerf_status kerf__qlinear_few_##name##_build(const kerf__op_case *c);
KERF__QLINEAR_CONV_FORM_LIST(KERF__QLINEAR_FEW_FORM)
#undef KERF__QLINEAR_FEW_FORM
enum { KERF__QLINEAR_FEW_NUM_TILES = 2 };
extern const kerf__candidate kerf__qlinear_few_tiles[KERF__QLINEAR_FEW_NUM_TILES];
int kerf__qlinear_few_takes(const kerf__op_case *c, const kerf__candidate *candidate);

#endif
