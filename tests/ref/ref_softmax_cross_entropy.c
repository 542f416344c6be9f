/* ref_softmax_cross_entropy.c -- the definition (ONNX, reduction mean) and its gradient. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

static void log_softmax(const double *x, double *dst, int64_t k)
{
    double top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < k; i++)
        top = fmax(top, x[i]);
    for (int64_t i = 0; i < k; i++)
        sum += exp(x[i] - top);
    for (int64_t i = 0; i < k; i++)
        dst[i] = x[i] - top - log(sum);
}

static void gradient(const double *log_prob, double label, double by, double *dst, int64_t k)
{
    for (int64_t i = 0; i < k; i++)
        dst[i] = label >= 0 && label < (double)k
                     ? (exp(log_prob[i]) - ((double)i == label ? 1 : 0)) * by
                     : 0;
}

REF(softmax_cross_entropy)
{
    const int64_t m = n->inputs[0]->shape.dims[0], k = n->inputs[0]->shape.dims[1];
    double loss = 0, line[4096];
    for (int64_t r = 0; r < m; r++) {
        if (strcmp(n->op, "kerf.SoftmaxCrossEntropyGrad") == 0) {
            gradient(inputs[0] + r * k, inputs[1][r], inputs[2][0] / (double)m, outputs[0] + r * k,
                     k);
            continue;
        }
        double label = inputs[1][r];
        double *log_prob = n->num_outputs > 1 ? outputs[1] + r * k : line;
        log_softmax(inputs[0] + r * k, log_prob, k);
        loss -= label >= 0 && label < (double)k ? log_prob[(int64_t)label] : NAN;
    }
    if (strcmp(n->op, "SoftmaxCrossEntropyLoss") == 0)
        outputs[0][0] = loss / (double)m;
}
