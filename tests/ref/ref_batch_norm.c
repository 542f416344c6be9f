/* ref_batch_norm.c -- the definitions, a channel at a time.  In blocks of 16 channels (attribute
 * "layouts") channels that there are not have a scale and a bias of 0, and are not looked at. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

typedef struct sizes {
    int64_t images, channels, pixels, lanes, blocks;
} sizes;

static sizes sizes_of(const kerf_node *n, const kerf_value *scale)
{
    const kerf_shape src = n->inputs[0]->shape;
    const int blocked = kerf__node_attribute(n, "layouts") != NULL;
    sizes s = {src.dims[0], scale->shape.dims[0], 1, blocked ? 16 : 1, src.dims[1]};
    for (int i = 2; i < src.rank - blocked; i++)
        s.pixels *= src.dims[i];
    return s;
}

/* Element i of channel c, counted over all images. */
static int64_t at(const sizes *s, int64_t c, int64_t i)
{
    const int64_t plane = i / s->pixels * s->blocks + c / s->lanes;
    return (plane * s->pixels + i % s->pixels) * s->lanes + c % s->lanes;
}

static void statistics(const sizes *s, const double *src, int64_t c, double *mean, double *variance)
{
    const int64_t num = s->images * s->pixels;
    *mean = 0;
    *variance = 0;
    for (int64_t i = 0; i < num; i++)
        *mean += src[at(s, c, i)] / (double)num;
    for (int64_t i = 0; i < num; i++)
        *variance += pow(src[at(s, c, i)] - *mean, 2) / (double)num;
}

static void forward(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    const sizes s = sizes_of(n, n->inputs[1]);
    const double keep = (double)kerf_node_float(n, "momentum", 0.9f);
    const double epsilon = (double)kerf_node_float(n, "epsilon", 1e-5f);
    const double num = (double)(s.images * s.pixels);
    const int unbiased = kerf_node_int(n, "unbiased", 0) != 0 && num > 1;
    const int training = kerf_node_int(n, "training_mode", 0) != 0;
    for (int64_t c = 0; c < s.channels; c++) {
        double mean = inputs[3][c], variance = inputs[4][c];
        if (training)
            statistics(&s, inputs[0], c, &mean, &variance);
        const double inv = 1 / sqrt(variance + epsilon);
        for (int64_t i = 0; i < s.images * s.pixels; i++)
            outputs[0][at(&s, c, i)] =
                (inputs[0][at(&s, c, i)] - mean) * inv * inputs[1][c] + inputs[2][c];
        if (n->num_outputs > 1) {
            outputs[1][c] = keep * inputs[3][c] + (1 - keep) * mean;
            outputs[2][c] =
                keep * inputs[4][c] + (1 - keep) * variance * (unbiased ? num / (num - 1) : 1);
        }
        if (n->num_outputs > 3) {
            outputs[3][c] = mean;
            outputs[4][c] = inv;
        }
    }
}

/* src, diff_dst, scale, mean, inverse deviation or variance. */
static void backward(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    const sizes s = sizes_of(n, n->inputs[2]);
    const int training = kerf_node_int(n, "training_mode", 0) != 0;
    const double epsilon = (double)kerf_node_float(n, "epsilon", 1e-5f);
    const double num = (double)(s.images * s.pixels);
    for (int64_t c = 0; c < s.channels; c++) {
        const double inv = training ? inputs[4][c] : 1 / sqrt(inputs[4][c] + epsilon);
        double sum = 0, product = 0;
        for (int64_t i = 0; i < s.images * s.pixels; i++) {
            sum += inputs[1][at(&s, c, i)];
            product += inputs[1][at(&s, c, i)] * (inputs[0][at(&s, c, i)] - inputs[3][c]) * inv;
        }
        outputs[1][c] = product;
        outputs[2][c] = sum;
        for (int64_t i = 0; i < s.images * s.pixels; i++) {
            const int64_t k = at(&s, c, i);
            const double x = (inputs[0][k] - inputs[3][c]) * inv;
            outputs[0][k] =
                inputs[2][c] * inv * (inputs[1][k] - (training ? (sum + x * product) / num : 0));
        }
    }
}

REF(batch_norm)
{
    if (strcmp(n->op, "kerf.BatchNormGrad") == 0)
        backward(n, inputs, outputs);
    else
        forward(n, inputs, outputs);
}
