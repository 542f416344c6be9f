/* ref_mix.c -- the definition of kerf.Mix. */
#include "ref/ref.h"

REF(mix)
{
    const int64_t num = n->inputs[0]->shape.dims[0];
    const int64_t inner = num > 0 ? kerf_shape_num_elements(n->inputs[0]->shape) / num : 0;
    const double share = inputs[1][0];
    for (int64_t r = 0; r < num; r++)
        for (int64_t i = 0; i < inner; i++)
            outputs[0][r * inner + i] = share * inputs[0][r * inner + i] +
                                        (1 - share) * inputs[0][(num - 1 - r) * inner + i];
}
