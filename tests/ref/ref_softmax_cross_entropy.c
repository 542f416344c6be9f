/* ref_softmax_cross_entropy.c -- the definition (ONNX, reduction mean) and its gradient. */
#include "ref/ref.h"
#include "ref/ref_labels.h"

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

static int wanted(const kerf_node *n, const double *const *inputs, int64_t r, int64_t m, double *q,
                  int64_t k)
{
    const int is_soft = strncmp(n->op, "kerf.SoftLabel", 14) == 0;
    return ref_wanted(inputs[1], is_soft ? inputs[n->num_inputs - 1][0] : 1,
                      is_soft ? kerf_node_float(n, "smoothing", 0) : 0, r, m, q, k);
}

static void gradient(const double *log_prob, const double *q, double by, double *dst, int64_t k)
{
    for (int64_t i = 0; i < k; i++)
        dst[i] = (exp(log_prob[i]) - q[i]) * by;
}

REF(softmax_cross_entropy)
{
    const int64_t m = n->inputs[0]->shape.dims[0], k = n->inputs[0]->shape.dims[1];
    const int is_grad = strstr(n->op, "Grad") != NULL;
    double loss = 0, line[4096], q[4096];
    for (int64_t r = 0; r < m; r++) {
        const int is_right = wanted(n, inputs, r, m, q, k);
        if (is_grad) {
            gradient(inputs[0] + r * k, q, is_right ? inputs[2][0] / (double)m : 0,
                     outputs[0] + r * k, k);
            continue;
        }
        double *log_prob = n->num_outputs > 1 ? outputs[1] + r * k : line;
        log_softmax(inputs[0] + r * k, log_prob, k);
        loss += is_right ? 0 : NAN;
        for (int64_t i = 0; i < k; i++)
            loss -= q[i] != 0 ? q[i] * log_prob[i] : 0;
    }
    if (!is_grad)
        outputs[0][0] = loss / (double)m;
}
