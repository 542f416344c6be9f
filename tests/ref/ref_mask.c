/* ref_mask.c -- the definitions of Mask and ThresholdMask. */
#include "ref/ref.h"

#include <math.h>

REF(mask)
{
    const int64_t num = kerf_shape_num_elements(n->outputs[0]->shape);
    for (int64_t i = 0; i < num; i++)
        outputs[0][i] = n->num_inputs == 2
                            ? inputs[1][i] != 0 ? inputs[0][i] : 0
                            : inputs[2][i] != 0 && !(fabs(inputs[1][i]) <= *inputs[0]);
}
