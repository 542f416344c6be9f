/* ref_optimizer.c -- torch.optim's SGD, Adam and AdamW, written down from their documents,
 * with a mask. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

static double number(const kerf_node *n, const char *key, float otherwise)
{
    return (double)kerf_node_float(n, key, otherwise);
}

static void sgd(const kerf_node *n, const double *const *in, double *const *out, int64_t i)
{
    const double momentum = number(n, "momentum", 0), lr = in[4][0];
    double w = in[0][i], g = in[1][i] + number(n, "weight_decay", 0) * w;
    if (in[2] != NULL) {
        double v = momentum * in[2][i] + g;
        g = kerf_node_int(n, "nesterov", 0) ? g + momentum * v : v;
        out[1][i] = v;
    }
    out[0][i] = w - lr * g;
}

static void adam(const kerf_node *n, const double *const *in, double *const *out, int64_t i)
{
    const double beta1 = number(n, "beta1", 0.9f), beta2 = number(n, "beta2", 0.999f);
    const double decay = number(n, "weight_decay", 0), lr = in[5][0];
    double w = in[0][i], g = in[1][i];
    if (kerf_node_int(n, "decoupled", 0))
        w -= lr * decay * w;
    else
        g += decay * w;
    out[1][i] = beta1 * in[2][i] + (1 - beta1) * g;
    out[2][i] = beta2 * in[3][i] + (1 - beta2) * g * g;
    out[0][i] =
        w - lr * out[1][i] * in[5][1] / (sqrt(out[2][i] * in[5][2]) + number(n, "epsilon", 1e-8f));
}

REF(optimizer)
{
    const int is_adam = strcmp(n->op, "kerf.AdamUpdate") == 0;
    const double *mask = inputs[is_adam ? 4 : 3];
    for (int64_t i = 0; i < kerf_shape_num_elements(n->inputs[0]->shape); i++) {
        if (is_adam)
            adam(n, inputs, outputs, i);
        else
            sgd(n, inputs, outputs, i);
        for (int k = 0; mask != NULL && mask[i] == 0 && k < n->num_outputs; k++)
            outputs[k][i] = 0;
    }
}
