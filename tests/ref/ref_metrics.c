/* ref_metrics.c -- the rank of a label by its definition. */
#include "ref/ref.h"

#include <math.h>

/* -1: a miss whatever the others are. */
static int64_t rank(const double *x, int64_t k, double label)
{
    int64_t above = 0;
    if (!(label >= 0 && label < (double)k) || isnan(x[(int64_t)label]))
        return -1;
    for (int64_t i = 0; i < k; i++)
        above += isnan(x[i]) || x[i] > x[(int64_t)label] ||
                 (x[i] == x[(int64_t)label] && (double)i < label);
    return above;
}

REF(metrics)
{
    const int64_t m = n->inputs[1]->shape.dims[0], k = n->inputs[1]->shape.dims[1];
    for (int i = 0; i < 4; i++)
        outputs[0][i] = inputs[3][i];
    outputs[0][0] += inputs[0][0] * (double)m;
    outputs[0][3] += (double)m;
    for (int64_t r = 0; r < m; r++) {
        int64_t at = rank(inputs[1] + r * k, k, inputs[2][r]);
        outputs[0][1] += at == 0;
        outputs[0][2] += at >= 0 && at < 5;
    }
}
