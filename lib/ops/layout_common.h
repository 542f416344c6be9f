/* ops/layout_common.h -- memory layouts of values, as nodes of the lowered graph see them.
 * Other half: layout_common.c; who chooses them: lib/plan/layout.c.
 *
 * In the lowered graph a shape is what lies in memory.  A value in another layout than plain
 * simply has another shape, so arenas, copies, element-wise kernels and comparisons need to
 * know nothing of layouts:
 *
 *     plain   (N, C, spatial...)                      ONNX's order
 *     c16     (N, ceil(C/16), spatial..., 16)         16 channels of a pixel are one vector
 *     o16     (ceil(O/16), I, kernel..., 16)          filters, 16 output channels side by side
 *     i16     (ceil(I/16), O, kernel..., 16)          filters, 16 input channels side by side
 *     w16     (ceil(O/16), 4, 4, I, 16)               3x3 filters, transformed for Winograd's
 * method (kernels/reorder_winograd.cl); no way back
 *     v16     (ceil(O/16), ceil(I/4), kernel..., 64)  filters of bytes, 16 output channels side by
 * side, each with four input channels, as kernels/dot.clh wants them: with a sign, of uint8 128
 * less; no way back, and I is known as a multiple of 4 alone
 *     k4      (ceil(N/16), ceil(K/4) + 1, 64)         matrices of bytes (K, N), in words of four
 * steps of k, 16 columns side by side, with a sign; then the columns' sums (kernels/
 * reorder_words.cl); no way back
 *     n4      as k4                                   matrices of bytes (N, K)
 *
 * A node that is computed in other layouts than plain says so in its attribute "layouts", one
 * word an operand: "c16,o16,plain>c16" are three inputs and an output.  Without the attribute,
 * and behind its end, operands are plain.
 *
 * Pad lanes (channels C and up of the last block) are computed like channels whose weights are
 * 0; they hold anything, NaN too, and no kernel lets them into another lane. */
#ifndef KERF_OPS_LAYOUT_COMMON_H
#define KERF_OPS_LAYOUT_COMMON_H

#include "ops/op.h"

enum { KERF__LANES = 16, KERF__WORD = 4 };

/* Layouts of the node's input i and output k. */
kerf__layout kerf__input_layout(const kerf_node *n, int i);
kerf__layout kerf__output_layout(const kerf_node *n, int k);
/* Writes the attribute; plain everywhere takes none. */
kerf_status kerf__node_set_layouts(kerf_node *n, const kerf__layouts *layouts);

/* Notes how many channels (those that a layout cuts into lanes) the inputs have, which their laid
 * shapes no longer tell: attribute "laid_channels", one number an input.  Inputs are still plain.
 */
kerf_status kerf__node_note_channels(kerf_node *n, const kerf__layouts *layouts);
/* The plain shape of input i, rank -1 where what is noted does not fit; a laid input that nobody
 * has noted has all of its lanes. */
kerf_shape kerf__input_plain_shape(const kerf_node *n, int i);

/* 1 for k4 and n4. */
int kerf__layout_is_words(kerf__layout layout);
/* The dimension that a layout cuts into lanes. */
int kerf__layout_axis(kerf__layout layout);
/* What a value of this plain shape looks like in memory; rank -1 where the layout cannot hold
 * it (too few dimensions, or too many). */
kerf_shape kerf__layout_shape(kerf__layout layout, kerf_shape plain);
/* The way back; `channels` are those of the plain value. */
kerf_shape kerf__layout_plain_shape(kerf__layout layout, kerf_shape laid, int64_t channels);

/* What element-wise operations wish: blocks as soon as output 0 and each input are of one shape,
 * or an input is a single number or has its channels along the output's, (1, C, 1, 1) say. */
kerf__wish kerf__wish_elementwise(const kerf_node *n, kerf__layouts *out);
/* What an operation wishes that looks at every number of input 0, in any order, and gives something
 * that has no channels: blocks as they come, if no lane is a pad. */
kerf__wish kerf__wish_any_order(const kerf_node *n, kerf__layouts *out);

#endif
