/* ref_qlinear_pool.c -- means of windows of bytes: sums of what lies above x's zero point,
 * requantized by x_scale / (count * y_scale). */
#include <stdlib.h>

#include "ref/ref.h"
#include "ref/ref_quant.h"

enum { X, X_SCALE, X_ZERO, Y_SCALE, Y_ZERO };

static double zero_of(const kerf_node *n, const double *const *in, int i)
{
    return i < n->num_inputs && n->inputs[i] != NULL ? in[i][0] : 0;
}

REF(qlinear_pool)
{
    const int64_t num_src = kerf_shape_num_elements(n->inputs[X]->shape);
    const int64_t num = kerf_shape_num_elements(n->outputs[0]->shape);
    kerf_quant q =
        ref_quant_range(n->outputs[0]->type, inputs[Y_SCALE][0], zero_of(n, inputs, Y_ZERO));
    double *above = malloc(((size_t)num_src + 1) * sizeof *above);
    double *counts = malloc(((size_t)num + 1) * sizeof *counts);
    q.qmin = (int)kerf_node_int(n, "low", q.qmin);
    q.qmax = (int)kerf_node_int(n, "high", q.qmax);
    for (int64_t i = 0; i < num_src; i++)
        above[i] = inputs[X][i] - zero_of(n, inputs, X_ZERO);
    ref_pool_sums(n, above, outputs[0], counts);
    for (int64_t i = 0; i < num; i++) {
        const float y_scale = (float)(counts[i] > 1 ? counts[i] : 1) * (float)inputs[Y_SCALE][0];
        const double multiplier = ref_quant_multiplier(inputs[X_SCALE][0], 1, (double)y_scale);
        outputs[0][i] = ref_quant_of_sum(outputs[0][i], multiplier, q);
    }
    free(above);
    free(counts);
}
