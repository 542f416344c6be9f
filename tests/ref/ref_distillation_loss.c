/* ref_distillation_loss.c -- the definition (lib/ops/distillation_loss.c) and its gradient. */
#include "ref/ref.h"
#include "ref/ref_labels.h"

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

static int asked(const kerf_node *n, const double *const *inputs, int64_t r, int64_t m, double *q,
                 int64_t k)
{
    const int is_soft = n->num_inputs > 4;
    return ref_wanted(inputs[2], is_soft ? inputs[4][0] : 1,
                      is_soft ? kerf_node_float(n, "smoothing", 0) : 0, r, m, q, k);
}

REF(distillation_loss)
{
    const int64_t m = n->inputs[0]->shape.dims[0], k = n->inputs[0]->shape.dims[1];
    const double *settings = inputs[3] + kerf_node_int(n, "at", 0);
    const double weight = settings[0], by_label = settings[1], t = settings[2];
    double loss = 0, soft[MOST_CLASSES], wanted[MOST_CLASSES], hard[MOST_CLASSES], q[MOST_CLASSES];
    for (int64_t r = 0; r < m; r++) {
        const int is_right = asked(n, inputs, r, m, q, k) || by_label == 0;
        log_softmax(inputs[0] + r * k, t, soft, k);
        log_softmax(inputs[1] + r * k, t, wanted, k);
        log_softmax(inputs[0] + r * k, 1, hard, k);
        loss += is_right ? 0 : NAN;
        for (int64_t i = 0; i < k; i++) {
            const double off_soft = exp(soft[i]) - exp(wanted[i]);
            const double off_hard = exp(hard[i]) - q[i];
            loss -= by_label * q[i] * hard[i];
            loss += weight * t * t * exp(wanted[i]) * (wanted[i] - soft[i]);
            outputs[1][r * k + i] =
                is_right ? (weight * t * off_soft + by_label * off_hard) / (double)m : 0;
        }
    }
    outputs[0][0] = loss / (double)m;
}
