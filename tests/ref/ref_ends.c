/* ref_ends.c -- the ends of numbers, 0 and the ends before; NaN is none. */
#include <math.h>

#include "ref/ref.h"

REF(ends)
{
    double least = 0, most = 0;
    if (n->num_inputs > 1) {
        least = fmin(least, inputs[1][0]);
        most = fmax(most, inputs[1][1]);
    }
    for (int64_t i = 0; i < kerf_shape_num_elements(n->inputs[0]->shape); i++) {
        least = fmin(least, inputs[0][i]);
        most = fmax(most, inputs[0][i]);
    }
    outputs[0][0] = least;
    outputs[0][1] = most;
}
