/* ref/ref.h -- every operation again, in plain C and in double, to compare with.
 *
 * A reference takes a node with bound shapes for its attributes and sizes, all inputs as
 * doubles (NULL: left out), and fills all outputs. */
#ifndef KERF_REF_H
#define KERF_REF_H

#include "graph/graph_internal.h"

#define REF(name)                                                                                  \
    void ref_##name(const kerf_node *n, const double *const *inputs, double *const *outputs)

REF(angle_loss);
REF(arg_extreme);
REF(batch_norm);
REF(block_mask);
REF(conv);
REF(decoupled_loss);
REF(distillation_loss);
REF(dropout);
REF(elementwise);
REF(ends);
REF(feature_loss);
REF(gather);
REF(gemm);
REF(histogram);
REF(keep_channels);
REF(mask);
REF(matmul_blocks);
REF(matmul_codes);
REF(matmul_integer);
REF(metrics);
REF(mix);
REF(move);
REF(mse_loss);
REF(nll_loss);
REF(noise);
REF(norm);
REF(optimizer);
REF(pool);
/* What means are the quotients of, in every window; of a plain node. */
void ref_pool_sums(const kerf_node *n, const double *src, double *sums, double *counts);
REF(qlinear_add);
REF(qlinear_conv);
REF(qlinear_pool);
REF(quantize);
REF(quantize_layer);
REF(reduce);
REF(reorder);
/* The 4x4 numbers that Winograd's method has in place of a filter's 3x3. */
void ref_winograd_filter(const double *taps, double *out);
/* Bytes of a matrix, columns along `axis`, in words of four with the columns' sums. */
void ref_pack_words(kerf_type type, kerf_shape plain, int axis, const double *src, double *dst);
REF(resize);
REF(score);
REF(softmax);
REF(softmax_cross_entropy);
REF(sparse_conv);
REF(sparse_conv_grad);
REF(sparse_matmul);
REF(sparse_pattern);
REF(sparse_qlinear_conv);
REF(step_grad);
REF(top_k_mask);
REF(trained_range);
REF(trilu);

#endif
