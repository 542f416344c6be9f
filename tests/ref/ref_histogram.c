/* ref_histogram.c -- the bin of each number, in the kernel's own float arithmetic: on the border
 * of two bins a double would choose another. */
#include "ref/ref.h"

#include <math.h>

REF(histogram)
{
    const int64_t num = kerf_shape_num_elements(n->inputs[0]->shape);
    const int64_t bins = n->inputs[2]->shape.dims[0];
    const float low = (float)inputs[1][0], factor = (float)inputs[1][1];
    for (int64_t b = 0; b < bins; b++)
        outputs[0][b] = inputs[2][b];
    for (int64_t i = 0; i < num; i++) {
        const float above = (float)inputs[0][i] - low, at = above * factor;
        if (isnan(inputs[0][i]))
            continue;
        outputs[0][at >= (float)bins ? bins - 1 : at > 0 ? (int64_t)at : 0]++;
    }
}
