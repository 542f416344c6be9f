/* ref_mse_loss.c -- the mean of squared differences, and its gradient. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

REF(mse_loss)
{
    const kerf_shape src = n->inputs[0]->shape;
    const int64_t num = kerf_shape_num_elements(src), k = src.dims[src.rank - 1];
    const int labels = n->inputs[1]->type == KERF_S32;
    double loss = 0;
    for (int64_t i = 0; i < num; i++) {
        double label = labels ? inputs[1][i / k] : 0;
        int bad = labels && !(label >= 0 && label < (double)k);
        double target = labels ? (double)(label == (double)(i % k)) : inputs[1][i];
        double d = inputs[0][i] - target;
        loss += bad ? NAN : d * d / (double)num;
        if (strcmp(n->op, "kerf.MseGrad") == 0)
            outputs[0][i] = bad ? 0 : 2 * d / (double)num * inputs[2][0];
    }
    if (strcmp(n->op, "kerf.MseLoss") == 0)
        outputs[0][0] = loss;
}
