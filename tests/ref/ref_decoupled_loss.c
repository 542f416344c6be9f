/* ref_decoupled_loss.c -- the definition (lib/ops/decoupled_loss.c) and its gradient. */
#include "ref/ref.h"

#include <math.h>

enum { MOST_CLASSES = 4096 };

/* log softmax of all but y, and how far y is above the logarithm of their sum. */
static double split(const double *x, double t, int64_t y, double *others, int64_t k)
{
    double top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < k; i++)
        top = i != y ? fmax(top, x[i] / t) : top;
    for (int64_t i = 0; i < k; i++)
        sum += i != y ? exp(x[i] / t - top) : 0;
    for (int64_t i = 0; i < k; i++)
        others[i] = x[i] / t - top - log(sum);
    return x[y] / t - top - log(sum);
}

static double log_sigmoid(double x)
{
    return fmin(x, 0) - log1p(exp(-fabs(x)));
}

REF(decoupled_loss)
{
    const int64_t m = n->inputs[0]->shape.dims[0], k = n->inputs[0]->shape.dims[1];
    const double *settings = inputs[3] + kerf_node_int(n, "at", 0);
    const double weight = settings[0], t = settings[2];
    const double beta = (double)kerf_node_float(n, "others", 8);
    double loss = 0, mine[MOST_CLASSES], theirs[MOST_CLASSES];
    for (int64_t r = 0; r < m; r++) {
        const int is_class = inputs[2][r] >= 0 && inputs[2][r] < (double)k;
        const int64_t y = is_class ? (int64_t)inputs[2][r] : 0;
        double *diff = outputs[1] + r * k;
        const double sure = split(inputs[0] + r * k, t, y, mine, k);
        const double must = split(inputs[1] + r * k, t, y, theirs, k);
        const double p = exp(log_sigmoid(sure)), q = exp(log_sigmoid(must));
        double row = q * (log_sigmoid(must) - log_sigmoid(sure)) +
                     exp(log_sigmoid(-must)) * (log_sigmoid(-must) - log_sigmoid(-sure));
        for (int64_t i = 0; i < k; i++) {
            const double a = exp(mine[i]), b = exp(theirs[i]), by = weight * t / (double)m;
            row += i != y ? beta * b * (theirs[i] - mine[i]) : 0;
            diff[i] = i == y ? by * (p - q) : by * (beta * (a - b) - (p - q) * a);
            diff[i] = is_class && k > 1 ? diff[i] : 0;
        }
        loss += is_class ? (k > 1 ? weight * t * t * row / (double)m : 0) : NAN;
    }
    outputs[0][0] = loss;
}
