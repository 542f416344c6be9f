/* ops/gemm_common.h -- one matrix product as all its variants see it.  Other half: gemm.c.
 *
 *     dst[z](m, n) = act(alpha * a[z](m, k) * b[z](k, n) + beta * bias(m, n))
 *
 * Elements are found by strides, so that transposes and broadcasts are numbers and not
 * cases: a(i, p) lies at i * a_row + p * a_col.  dst is dense.  z counts products of a batch
 * in two levels, z = outer * num_inner + inner, which carries every broadcast that merges to
 * two dimensions. */
#ifndef KERF_OPS_GEMM_COMMON_H
#define KERF_OPS_GEMM_COMMON_H

#include "ops/op.h"

typedef struct kerf__gemm {
    int m, n, k;
    int a_row, a_col, b_row, b_col; /* in elements */
    int num_outer, num_inner;       /* products */
    int a_outer, a_inner, b_outer, b_inner;
    int bias_row, bias_col; /* has_bias only */
    int has_bias, relu;
    float alpha, beta;
} kerf__gemm;

/* The shape rule of MatMul and its relatives, whose result has this type. */
kerf_status kerf__matmul_infer(kerf_node *n, kerf_type type);

/* The product that a node of this file means; its shapes are bound and right. */
kerf__gemm kerf__gemm_of(const kerf_node *n);

/* Buffers of a case: a, b, bias (dst where there is none: kernels then do not read it). */
kerf__buffer *kerf__gemm_bias(const kerf__op_case *c, const kerf__gemm *g);

/* The variants of the other files. */
int kerf__gemm_wide_fits(const kerf__op_case *c);
double kerf__gemm_wide_guess(const kerf__op_case *c);
size_t kerf__gemm_wide_scratch(const kerf__op_case *c);
kerf_status kerf__gemm_wide_build(const kerf__op_case *c);
enum { KERF__GEMM_NUM_WIDE = 14, KERF__GEMM_NUM_SIMT = 2 };
extern const kerf__candidate kerf__gemm_wide_candidates[KERF__GEMM_NUM_WIDE];

int kerf__gemm_simt_fits(const kerf__op_case *c);
double kerf__gemm_simt_guess(const kerf__op_case *c);
kerf_status kerf__gemm_simt_build(const kerf__op_case *c);
extern const kerf__candidate kerf__gemm_simt_candidates[KERF__GEMM_NUM_SIMT];

#endif
