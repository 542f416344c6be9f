/* ref_norm.c -- the definitions: every row apart, element by element. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

/* One row (num) and, by element, its scale and bias: first + i / inner. */
static void row(const double *src, const double *scale, const double *bias, double *dst,
                double *mean, double *inv, double epsilon, int64_t num, int64_t first,
                int64_t inner)
{
    double m = 0, variance = 0;
    for (int64_t i = 0; i < num; i++)
        m += src[i] / (double)num;
    for (int64_t i = 0; i < num; i++)
        variance += (src[i] - m) * (src[i] - m) / (double)num;
    *mean = m;
    *inv = 1 / sqrt(variance + epsilon);
    for (int64_t i = 0; i < num; i++) {
        const int64_t c = first + i / inner;
        dst[i] = (src[i] - m) * *inv * scale[c] + (bias != NULL ? bias[c] : 0);
    }
}

static void backward(const kerf_node *n, const double *const *inputs, double *diff_src)
{
    const int64_t m = n->inputs[0]->shape.dims[0], k = n->inputs[0]->shape.dims[1];
    for (int64_t r = 0; r < m; r++) {
        const double *src = inputs[0] + r * k, *diff = inputs[1] + r * k;
        const double mean = inputs[2][r], inv = inputs[3][r];
        double sum = 0, product = 0;
        for (int64_t i = 0; i < k; i++) {
            sum += diff[i] / (double)k;
            product += diff[i] * (src[i] - mean) * inv / (double)k;
        }
        for (int64_t i = 0; i < k; i++)
            diff_src[r * k + i] = inv * (diff[i] - sum - (src[i] - mean) * inv * product);
    }
}

static int64_t product(kerf_shape shape, int from, int end)
{
    int64_t all = 1;
    for (int i = from; i < end; i++)
        all *= shape.dims[i];
    return all;
}

REF(norm)
{
    const kerf_shape src = n->inputs[0]->shape;
    const double epsilon = (double)kerf_node_float(n, "epsilon", 1e-5f);
    int64_t rows, first = 0, inner = 1, period = 1, span = 0;
    if (strcmp(n->op, "kerf.NormGrad") == 0) {
        backward(n, inputs, outputs[0]);
        return;
    }
    if (strcmp(n->op, "LayerNormalization") == 0) {
        const int64_t axis = kerf_node_int(n, "axis", -1);
        rows = product(src, 0, (int)(axis < 0 ? axis + src.rank : axis));
    } else {
        const int64_t scales = product(n->inputs[1]->shape, 0, n->inputs[1]->shape.rank);
        period = kerf_node_int(n, "num_groups", src.dims[1]); /* an instance is a group of one */
        rows = src.dims[0] * period;
        span = scales / period;
        inner = rows > 0 ? product(src, 0, src.rank) / (src.dims[0] * scales) : 1;
    }
    const int64_t num = rows > 0 ? product(src, 0, src.rank) / rows : 0;
    for (int64_t r = 0; r < rows; r++) {
        double mean, inv;
        first = r % period * span;
        row(inputs[0] + r * num, inputs[1], n->num_inputs > 2 ? inputs[2] : NULL,
            outputs[0] + r * num, &mean, &inv, epsilon, num, first, inner);
        if (n->num_outputs > 1)
            outputs[1][r] = mean;
        if (n->num_outputs > 2)
            outputs[2][r] = inv;
    }
}
