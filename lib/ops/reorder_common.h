/* ops/reorder_common.h -- the variant of kerf.Reorder for transformed filters, as reorder.c lists
 * it.  Other half: reorder_winograd.c. */
#ifndef KERF_OPS_REORDER_COMMON_H
#define KERF_OPS_REORDER_COMMON_H

#include "ops/op.h"

int kerf__reorder_winograd_fits(const kerf__op_case *c);
kerf_status kerf__reorder_winograd_build(const kerf__op_case *c);

#endif
