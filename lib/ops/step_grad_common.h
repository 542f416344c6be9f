/* ops/step_grad_common.h -- the gradient of a rounding whose step is learned, for the rule of
 * QuantizeLinear.  Other half: step_grad.c. */
#ifndef KERF_OPS_STEP_GRAD_COMMON_H
#define KERF_OPS_STEP_GRAD_COMMON_H

#include "ops/op.h"

/* 1 if the QuantizeLinear rounds by an end that is trained. */
int kerf__learns_step(const kerf__gradients *grads, const kerf_node *quantize);
/* The gradients of that end, or of both, and of what is rounded; diff has arrived at the integers.
 */
kerf_status kerf__pass_step(kerf__gradients *grads, kerf_node *quantize, kerf_value *diff);

#endif
