/* ops/elementwise_common.h -- what the two files of the element-wise family share: elementwise.c
 * has the formulas and their launches, elementwise_gradient.c their gradients. */
#ifndef KERF_OPS_ELEMENTWISE_COMMON_H
#define KERF_OPS_ELEMENTWISE_COMMON_H

#include "ops/shape_common.h"

kerf_status kerf__elementwise_gradient(kerf__gradients *grads, kerf_node *n);

#endif
