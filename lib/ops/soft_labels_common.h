/* ops/soft_labels_common.h -- losses of labels that are pairs, or smoothed: the input that says how
 * much the first of each pair counts, and the attribute `smoothing`.
 * Kernels: kernels/soft_labels.clh. */
#ifndef KERF_OPS_SOFT_LABELS_COMMON_H
#define KERF_OPS_SOFT_LABELS_COMMON_H

#include "base/fail.h"
#include "ops/rows_common.h"

static inline float kerf__smoothing(const kerf_node *n)
{
    return (float)kerf_node_float(n, "smoothing", 0);
}

static inline kerf_status kerf__soft_labels_check(const kerf_node *n, int mix)
{
    const double smoothing = (double)kerf__smoothing(n);
    KERF__TRY(kerf__node_check_type(n, mix, KERF_F32));
    KERF__TRY(kerf__node_check_shape(n, mix, KERF_SHAPE(1)));
    if (smoothing >= 0 && smoothing < 1)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_ARGUMENT, n, "smoothing is %g, must be at least 0 and below 1",
                           smoothing);
}

#endif
