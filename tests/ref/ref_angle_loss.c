/* ref_angle_loss.c -- the definition (lib/ops/angle_loss.c), and its gradient by the slopes of each
 * angle's three sides. */
#include "ref/ref.h"

#include <math.h>

static const double NONE = 1e-5;

/* Of the angle at j between i and k; slopes by S[j][i], S[j][k] and S[k][i]. */
static double cosine(const double *s, int64_t n, int64_t j, int64_t i, int64_t k, double slopes[3])
{
    const double a = s[j * n + i], b = s[j * n + k], across = s[k * n + i];
    slopes[0] = slopes[1] = slopes[2] = 0;
    if (!(a > NONE) || !(b > NONE))
        return 0;
    const double root = sqrt(a * b), c = (a + b - across) / (2 * root);
    slopes[0] = 1 / (2 * root) - c / (2 * a);
    slopes[1] = 1 / (2 * root) - c / (2 * b);
    slopes[2] = -1 / (2 * root);
    return c;
}

REF(angle_loss)
{
    const int64_t n_ = n->inputs[0]->shape.dims[0];
    const double by = inputs[2][kerf_node_int(n, "at", 0)] *
                      (double)kerf_node_float(n, "scale", 1) /
                      ((double)n_ * (double)n_ * (double)n_);
    double loss = 0, mine[3], theirs[3], *diff = outputs[1];
    for (int64_t i = 0; i < n_ * n_; i++)
        diff[i] = 0;
    for (int64_t j = 0; j < n_; j++)
        for (int64_t i = 0; i < n_; i++)
            for (int64_t k = 0; k < n_; k++) {
                if (i == j || k == j || i == k)
                    continue;
                const double d =
                    cosine(inputs[0], n_, j, i, k, mine) - cosine(inputs[1], n_, j, i, k, theirs);
                const double slope = fmax(-1, fmin(1, d)) * by;
                loss += by * (fabs(d) < 1 ? d * d / 2 : fabs(d) - 0.5);
                diff[j * n_ + i] += slope * mine[0];
                diff[j * n_ + k] += slope * mine[1];
                diff[k * n_ + i] += slope * mine[2];
            }
    outputs[0][0] = loss;
}
