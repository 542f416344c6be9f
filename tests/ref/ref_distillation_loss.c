/* ref_distillation_loss.c -- the definition (lib/ops/distillation_loss.c) and its gradient. */
#include "ref/ref.h"

#include <math.h>

enum { MOST_CLASSES = 4096 };

static void log_softmax(const double *x, double t, double *dst, int64_t k)
{
    double top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < k; i++)
        top = fmax(top, x[i] / t);
    for (int64_t i = 0; i < k; i++)
        sum += exp(x[i] / t - top);
    for (int64_t i = 0; i < k; i++)
        dst[i] = x[i] / t - top - log(sum);
}

REF(distillation_loss)
{
    const int64_t m = n->inputs[0]->shape.dims[0], k = n->inputs[0]->shape.dims[1];
    const double *settings = inputs[3] + kerf_node_int(n, "at", 0);
    const double weight = settings[0], by_label = settings[1], t = settings[2];
    double loss = 0, soft[MOST_CLASSES], wanted[MOST_CLASSES], hard[MOST_CLASSES];
    for (int64_t r = 0; r < m; r++) {
        const double label = inputs[2][r];
        const int is_class = label >= 0 && label < (double)k, is_right = by_label == 0 || is_class;
        log_softmax(inputs[0] + r * k, t, soft, k);
        log_softmax(inputs[1] + r * k, t, wanted, k);
        log_softmax(inputs[0] + r * k, 1, hard, k);
        loss += is_right ? 0 : NAN;
        if (is_class)
            loss -= by_label * hard[(int64_t)label];
        for (int64_t i = 0; i < k; i++) {
            const double off_soft = exp(soft[i]) - exp(wanted[i]);
            const double off_hard = exp(hard[i]) - ((double)i == label ? 1 : 0);
            loss += weight * t * t * exp(wanted[i]) * (wanted[i] - soft[i]);
            outputs[1][r * k + i] =
                is_right ? (weight * t * off_soft + by_label * off_hard) / (double)m : 0;
        }
    }
    outputs[0][0] = loss / (double)m;
}
