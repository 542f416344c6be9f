/* ops/conv_wide.h -- the variants of a convolution for CPU devices, in blocks of 16 channels
 * (layout_common.h), as conv.c lists them.  Other half: conv_wide.c. */
#ifndef KERF_OPS_CONV_WIDE_H
#define KERF_OPS_CONV_WIDE_H

#include "ops/conv_common.h"

/* What a convolution wishes on CPU devices: blocks, where a wide variant pays and fits. */
kerf__wish kerf__conv_wish(const kerf_node *n, kerf__layouts *out);
/* The blocks that input 1 has in wide variants. */
kerf__layout kerf__conv_second_layout(const kerf__conv *v);

int kerf__conv_wide_fits(const kerf__op_case *c);
double kerf__conv_wide_guess(const kerf__op_case *c);
kerf_status kerf__conv_wide_build(const kerf__op_case *c);
enum { KERF__CONV_NUM_WIDE = 6 };
extern const kerf__candidate kerf__conv_wide_candidates[KERF__CONV_NUM_WIDE];

/* conv_batch.c: the same for images of a batch side by side. */
int kerf__conv_batch_fits(const kerf__op_case *c);
double kerf__conv_batch_guess(const kerf__op_case *c);
kerf_status kerf__conv_batch_build(const kerf__op_case *c);
enum { KERF__CONV_NUM_BATCH = 4 };
extern const kerf__candidate kerf__conv_batch_candidates[KERF__CONV_NUM_BATCH];

/* conv_winograd.c: 3x3 filters of stride 1, transformed.  Whether they are such, and whether that
 * pays. */
int kerf__conv_is_winograd(const kerf__conv *v);
int kerf__conv_winograd_pays(const kerf__conv *v);
int kerf__conv_winograd_fits(const kerf__op_case *c);
double kerf__conv_winograd_guess(const kerf__op_case *c);
kerf_status kerf__conv_winograd_build(const kerf__op_case *c);
enum { KERF__CONV_NUM_WINOGRAD = 5 };
extern const kerf__candidate kerf__conv_winograd_candidates[KERF__CONV_NUM_WINOGRAD];

/* conv_depthwise_wide.c: a filter a channel, in all directions. */
int kerf__conv_depthwise_wide_fits(const kerf__op_case *c);
double kerf__conv_depthwise_wide_guess(const kerf__op_case *c);
kerf_status kerf__conv_depthwise_wide_build(const kerf__op_case *c);
enum { KERF__CONV_NUM_DEPTHWISE = 2 };
extern const kerf__candidate kerf__conv_depthwise_candidates[KERF__CONV_NUM_DEPTHWISE];
int kerf__conv_depthwise_weights_wide_fits(const kerf__op_case *c);
kerf_status kerf__conv_depthwise_weights_wide_build(const kerf__op_case *c);

/* conv_weights_wide.c: the gradient by the weights. */
int kerf__conv_weights_wide_fits(const kerf__op_case *c);
double kerf__conv_weights_wide_guess(const kerf__op_case *c);
kerf_status kerf__conv_weights_wide_build(const kerf__op_case *c);
enum { KERF__CONV_NUM_WEIGHTS_WIDE = 5 };
extern const kerf__candidate kerf__conv_weights_wide_candidates[KERF__CONV_NUM_WEIGHTS_WIDE];

/* conv_weights_batch.c: the same for images of a batch side by side. */
int kerf__conv_weights_batch_fits(const kerf__op_case *c);
double kerf__conv_weights_batch_guess(const kerf__op_case *c);
kerf_status kerf__conv_weights_batch_build(const kerf__op_case *c);
enum { KERF__CONV_NUM_WEIGHTS_BATCH = 3 };
extern const kerf__candidate kerf__conv_weights_batch_candidates[KERF__CONV_NUM_WEIGHTS_BATCH];

#endif
