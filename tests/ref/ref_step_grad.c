/* ref_step_grad.c -- the slopes of a rounding, number by number: by what is rounded, 1 within the
 * range and 0 beyond; by the step, the integer beyond the range, and within it what rounding adds
 * (Esser et al. 2020, equation 3). */
#include <math.h>

#include "ref/ref.h"
#include "ref/ref_quant.h"

enum { LOW = 2 };

static int64_t scale_at(const kerf_node *n, int64_t i)
{
    const kerf_shape src = n->inputs[0]->shape;
    const int axis = (int)kerf_node_int(n, "axis", 0);
    int64_t inner = 1;
    if (kerf_shape_num_elements(n->inputs[2]->shape) == 1)
        return 0;
    for (int d = axis + 1; d < src.rank; d++)
        inner *= src.dims[d];
    return i / inner % src.dims[axis];
}

REF(step_grad)
{
    const int64_t num = kerf_shape_num_elements(n->inputs[0]->shape),
                  scales = kerf_shape_num_elements(n->inputs[2]->shape);
    const double factor = (double)kerf_node_float(n, "factor", 0),
                 up = (double)kerf_node_int(n, "up", 0), down = (double)kerf_node_int(n, "down", 0),
                 span = (double)kerf_node_int(n, "span", 0);
    for (int k = 1; k < n->num_outputs; k++)
        for (int64_t i = 0; i < scales; i++)
            outputs[k][i] = 0;
    for (int64_t i = 0; i < num; i++) {
        const int64_t c = scale_at(n, i);
        const kerf_quant q = ref_quant_range(n->inputs[3]->type, inputs[2][c], inputs[3][c]);
        const double x = inputs[0][i], diff = inputs[1][i];
        const int is_within = ref_quant_is_within(x, q);
        const double steps_of_x = (double)(float)(x / (double)q.scale);
        const double error = is_within ? rint(steps_of_x) - steps_of_x : 0;
        const int above = !is_within && x > 0, below = !is_within && x < 0;
        outputs[0][i] = is_within ? diff : 0;
        outputs[1][c] += factor * diff * (above * up + below * down + error);
        if (n->num_outputs > LOW)
            outputs[LOW][c] += factor * diff * (below * span - error);
    }
}
