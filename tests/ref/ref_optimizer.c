/* ref_optimizer.c -- torch.optim's SGD, Adam and AdamW, written down from their documents,
 * with a mask or a pattern. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

static double number(const kerf_node *n, const char *key, float otherwise)
{
    return (double)kerf_node_float(n, key, otherwise);
}

/* Element i, whose gradient and moments are the j-th. */
static void sgd(const kerf_node *n, const double *const *in, double *const *out, int64_t i,
                int64_t j)
{
    const double momentum = number(n, "momentum", 0), lr = in[4][0];
    double w = in[0][i], g = in[1][j] + number(n, "weight_decay", 0) * w;
    if (in[2] != NULL) {
        double v = momentum * in[2][j] + g;
        g = kerf_node_int(n, "nesterov", 0) ? g + momentum * v : v;
        out[1][j] = v;
    }
    out[0][i] = w - lr * g;
}

static void adam(const kerf_node *n, const double *const *in, double *const *out, int64_t i,
                 int64_t j)
{
    const double beta1 = number(n, "beta1", 0.9f), beta2 = number(n, "beta2", 0.999f);
    const double decay = number(n, "weight_decay", 0), lr = in[5][0];
    double w = in[0][i], g = in[1][j];
    if (kerf_node_int(n, "decoupled", 0))
        w -= lr * decay * w;
    else
        g += decay * w;
    out[1][j] = beta1 * in[2][j] + (1 - beta1) * g;
    out[2][j] = beta2 * in[3][j] + (1 - beta2) * g * g;
    out[0][i] =
        w - lr * out[1][j] * in[5][1] / (sqrt(out[2][j] * in[5][2]) + number(n, "epsilon", 1e-8f));
}

static void keep_all(const kerf_node *n, const double *const *in, double *const *out)
{
    for (int k = 0; k < n->num_outputs; k++) {
        const int was = k == 0 ? 0 : k + 1;
        const int64_t num = kerf_shape_num_elements(n->inputs[was]->shape);
        memcpy(out[k], in[was], (size_t)num * sizeof(double));
    }
}

/* What has no entry stays. */
static void update_entries(const kerf_node *n, const double *const *in, double *const *out)
{
    const int is_adam = strcmp(n->op, "kerf.AdamUpdate") == 0, starts = is_adam ? 6 : 5;
    keep_all(n, in, out);
    for (int64_t e = 0; e < (int64_t)in[starts][n->inputs[starts]->shape.dims[0] - 1]; e++)
        (is_adam ? adam : sgd)(n, in, out, (int64_t)in[starts + 1][e], e);
}

/* The end of a range: an eighth more or less at most. */
static double bounded(double w, double next, double observe)
{
    const double size = fabs(w), to = w < 0 ? -next : next;
    const double least = size > 0x1p-60 ? size * 7 / 8 : size,
                 most = size < 0x1p56 ? size * 9 / 8 : size;
    if (!(observe > 0) || isnan(to))
        return w;
    return copysign(fmin(fmax(to, least), most), w);
}

REF(optimizer)
{
    enum { OBSERVE = 4, SKIP = 7 };
    const int is_adam = strcmp(n->op, "kerf.AdamUpdate") == 0;
    const double *mask = inputs[is_adam ? 4 : 3];
    const int is_skipped = inputs[is_adam ? 5 : 4][SKIP] > 0;
    if (is_skipped)
        keep_all(n, inputs, outputs);
    else if (n->num_inputs == (is_adam ? 8 : 7))
        update_entries(n, inputs, outputs);
    if (n->num_inputs == (is_adam ? 8 : 7))
        return;
    for (int64_t i = 0; i < kerf_shape_num_elements(n->inputs[0]->shape); i++) {
        if (!is_skipped)
            (is_adam ? adam : sgd)(n, inputs, outputs, i, i);
        if (!is_skipped && kerf_node_int(n, "bounded", 0))
            outputs[0][i] = bounded(inputs[0][i], outputs[0][i], inputs[is_adam ? 5 : 4][OBSERVE]);
        for (int k = 0; mask != NULL && mask[i] == 0 && k < n->num_outputs; k++)
            outputs[k][i] = 0;
    }
}
