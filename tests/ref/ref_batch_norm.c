/* ref_batch_norm.c -- the definitions, a channel at a time.  In blocks of 16 channels (attribute
 * "layouts") channels that there are not have a scale and a bias of 0, and are not looked at. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

typedef struct sizes {
    int64_t images, channels, pixels, lanes, blocks;
} sizes;

static sizes sizes_of(const kerf_node *n, int64_t channels)
{
    const kerf_shape src = n->inputs[0]->shape;
    const int blocked = kerf__node_attribute(n, "layouts") != NULL;
    sizes s = {src.dims[0], channels, 1, blocked ? 16 : 1, src.dims[1]};
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

/* Of how many elements statistics are, of which some may lie elsewhere. */
static double total_of(const kerf_node *n, const sizes *s)
{
    return (double)kerf_node_int(n, "total", s->images * s->pixels);
}

static void moments(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    const sizes s = sizes_of(n, kerf_node_int(n, "channels", 0));
    for (int64_t c = 0; c < s.channels; c++) {
        double *squares = &outputs[0][s.channels + c];
        statistics(&s, inputs[0], c, &outputs[0][c], squares);
        *squares *= (double)(s.images * s.pixels);
    }
}

static void forward(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    const sizes s = sizes_of(n, n->inputs[1]->shape.dims[0]);
    const double keep = (double)kerf_node_float(n, "momentum", 0.9f);
    const double epsilon = (double)kerf_node_float(n, "epsilon", 1e-5f);
    const double num = total_of(n, &s);
    const int unbiased = kerf_node_int(n, "unbiased", 0) != 0 && num > 1;
    const int training = kerf_node_int(n, "training_mode", 0) != 0;
    for (int64_t c = 0; c < s.channels; c++) {
        double mean = inputs[3][c], variance = inputs[4][c];
        if (n->num_inputs > 5) {
            mean = inputs[5][c];
            variance = inputs[5][s.channels + c] / num;
        } else if (training) {
            statistics(&s, inputs[0], c, &mean, &variance);
        }
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

/* Sums of diff_dst, and of it times src as it was normalised. */
static void sum_up(const sizes *s, const double *const *inputs, int64_t c, double inv, double *sum,
                   double *product)
{
    *sum = 0;
    *product = 0;
    for (int64_t i = 0; i < s->images * s->pixels; i++) {
        const int64_t k = at(s, c, i);
        *sum += inputs[1][k];
        *product += inputs[1][k] * (inputs[0][k] - inputs[3][c]) * inv;
    }
}

/* diff_src by the three factors of a channel. */
static void apply(const sizes *s, const double *const *inputs, int64_t c, const double *factors,
                  double *diff_src)
{
    for (int64_t i = 0; i < s->images * s->pixels; i++) {
        const int64_t k = at(s, c, i);
        diff_src[k] =
            factors[0] * (inputs[1][k] - factors[1] - (inputs[0][k] - inputs[3][c]) * factors[2]);
    }
}

/* src, diff_dst, scale, mean, inverse deviation or variance; then what sums() left, if others have
 * added to it. */
static void backward(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    const sizes s = sizes_of(n, n->inputs[2]->shape.dims[0]);
    const int training = kerf_node_int(n, "training_mode", 0) != 0;
    const double epsilon = (double)kerf_node_float(n, "epsilon", 1e-5f);
    const double num = total_of(n, &s);
    for (int64_t c = 0; c < s.channels; c++) {
        const double inv = training ? inputs[4][c] : 1 / sqrt(inputs[4][c] + epsilon);
        double factors[3] = {inputs[2][c] * inv, 0, 0};
        for (int i = 0; i < 3 && n->num_inputs > 5; i++)
            factors[i] = inputs[5][i * s.channels + c];
        if (n->num_inputs == 5) {
            sum_up(&s, inputs, c, inv, &outputs[2][c], &outputs[1][c]);
            factors[1] = training ? outputs[2][c] / num : 0;
            factors[2] = training ? outputs[1][c] * inv / num : 0;
        }
        apply(&s, inputs, c, factors, outputs[0]);
    }
}

static void sums(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    const sizes s = sizes_of(n, n->inputs[2]->shape.dims[0]);
    for (int64_t c = 0; c < s.channels; c++) {
        const double inv = inputs[4][c];
        sum_up(&s, inputs, c, inv, &outputs[1][c], &outputs[0][c]);
        outputs[2][c] = inputs[2][c] * inv;
        outputs[2][s.channels + c] = outputs[1][c] / total_of(n, &s);
        outputs[2][2 * s.channels + c] = outputs[0][c] * inv / total_of(n, &s);
    }
}

REF(batch_norm)
{
    typedef void (*definition)(const kerf_node *, const double *const *, double *const *);
    static const struct {
        const char *op;
        definition of;
    } ALL[] = {{"BatchNormalization", forward},
               {"kerf.BatchNormGrad", backward},
               {"kerf.BatchNormMoments", moments},
               {"kerf.BatchNormSums", sums}};
    for (size_t i = 0; i < sizeof ALL / sizeof ALL[0]; i++)
        if (strcmp(n->op, ALL[i].op) == 0)
            ALL[i].of(n, inputs, outputs);
}
