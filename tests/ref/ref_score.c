/* ref_score.c -- what pruning remembers of a weight: the formulas of Molchanov et al. 2017
 * (taylor), LeCun et al. 1990 with the squared gradient in the second derivative's place (fisher),
 * Sanh et al. 2020 (movement), Evci et al. 2020 (gradient). */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

REF(score)
{
    const char *value = kerf_node_string(n, "value", "");
    const double keep = (double)kerf_node_float(n, "keep", 0);
    const double take = (double)kerf_node_float(n, "take", 1);
    for (int64_t i = 0; i < kerf_shape_num_elements(n->inputs[0]->shape); i++) {
        const double w = inputs[1][i], g = inputs[2][i];
        const double x = strcmp(value, "gradient") == 0 ? g
                         : strcmp(value, "taylor") == 0 ? fabs(w * g)
                         : strcmp(value, "fisher") == 0 ? g * g
                                                        : -w * g;
        outputs[0][i] = keep * inputs[0][i] + take * x;
    }
}
