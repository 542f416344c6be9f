/* ref_feature_loss.c -- the definition (lib/ops/feature_loss.c) and its gradient. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

static double one_minus_cosine(const double *x, const double *y, double *diff, int64_t k)
{
    double of_x = 0, of_y = 0, shared = 0;
    for (int64_t i = 0; i < k; i++) {
        of_x += x[i] * x[i];
        of_y += y[i] * y[i];
        shared += x[i] * y[i];
    }
    const int is_known = of_x > 0 && of_y > 0;
    const double cosine = is_known ? shared / sqrt(of_x) / sqrt(of_y) : 0;
    for (int64_t i = 0; i < k; i++)
        diff[i] = is_known ? cosine * x[i] / of_x - y[i] / sqrt(of_x) / sqrt(of_y) : 0;
    return 1 - cosine;
}

static double square(const double *x, const double *y, double *diff, int64_t k)
{
    double sum = 0;
    for (int64_t i = 0; i < k; i++) {
        diff[i] = 2 * (x[i] - y[i]) / (double)k;
        sum += (x[i] - y[i]) * (x[i] - y[i]) / (double)k;
    }
    return sum;
}

static double huber(const double *x, const double *y, double *diff, int64_t k)
{
    double sum = 0;
    for (int64_t i = 0; i < k; i++) {
        const double d = x[i] - y[i], size = fabs(d);
        diff[i] = (size < 1 ? d : d / size) / (double)k;
        sum += (size < 1 ? d * d / 2 : size - 0.5) / (double)k;
    }
    return sum;
}

REF(feature_loss)
{
    const kerf_shape s = n->inputs[0]->shape;
    const int64_t num = kerf_shape_num_elements(s);
    const int is_cosine = strcmp(kerf_node_string(n, "loss", ""), "cosine") == 0;
    const double weight =
        inputs[2][kerf_node_int(n, "at", 0)] * (double)kerf_node_float(n, "scale", 1);
    int64_t m = 1;
    for (int i = 0; i + 1 < s.rank && (i == 0 || s.rank <= 3); i++)
        m *= s.dims[i];
    double loss = 0;
    for (int64_t r = 0; is_cosine && r < m; r++)
        loss += one_minus_cosine(inputs[0] + r * (num / m), inputs[1] + r * (num / m),
                                 outputs[1] + r * (num / m), num / m);
    const int is_huber = strcmp(kerf_node_string(n, "loss", ""), "huber") == 0;
    if (!is_cosine)
        loss = (is_huber ? huber : square)(inputs[0], inputs[1], outputs[1], num);
    const double by = is_cosine ? weight / (double)m : weight;
    outputs[0][0] = loss * by;
    for (int64_t i = 0; i < num; i++)
        outputs[1][i] *= by;
}
