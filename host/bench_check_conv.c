/* bench_check_conv.c -- what convolutions must give; see bench_check.c.
 *
 * A convolution is linear in every channel, so its result, summed over its channels with random
 * weights, must be what the operand that has these channels gives when they are summed alike.
 * That leaves one channel a group to compute, and an error of one element shows in its sum. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_node.h"

/* src (n, groups, src_channels, pixels), weights (groups, dst_channels, src_channels, taps) and dst
 * (n, groups, dst_channels, pixels), each in double and one of its dimensions perhaps summed. */
typedef struct sums {
    size_t n, groups, src_channels, dst_channels, taps, src_pixels, dst_pixels; /* once summed */
    double *src, *weights, *dst;                                                /* owned */
} sums;

/* (outer, channels, inner) summed over channels with weights x; NULL without memory. */
static double *sum_channels(const float *data, size_t outer, size_t channels, size_t inner,
                            const double *x)
{
    double *out = calloc(outer * inner, sizeof *out);
    for (size_t o = 0; out != NULL && o < outer; o++)
        for (size_t k = 0; k < channels; k++)
            for (size_t i = 0; i < inner; i++)
                out[o * inner + i] += x[k] * (double)data[(o * channels + k) * inner + i];
    return out;
}

/* Adds to `to` what the products of one channel of src with one of dst give, once each: to is
 * one of the three. */
static void multiply_plane(const case_conv *v, const double *src, const double *weights,
                           const double *dst, double *to)
{
    const int64_t *in = v->src.dims, *taps = v->weights.dims, *out = v->dst.dims;
    for (int64_t i = 0; i < out[2] * out[3] * taps[2] * taps[3]; i++) {
        const int64_t s = i % taps[3], r = i / taps[3] % taps[2], pixel = i / taps[3] / taps[2];
        const int64_t y = pixel / out[3] * v->stride - v->pad + r;
        const int64_t x = pixel % out[3] * v->stride - v->pad + s;
        const int64_t place = y * in[3] + x, tap = r * taps[3] + s;
        if (y < 0 || y >= in[2] || x < 0 || x >= in[3])
            continue;
        if (to == dst)
            to[pixel] += src[place] * weights[tap];
        else if (to == src)
            to[place] += dst[pixel] * weights[tap];
        else
            to[tap] += src[place] * dst[pixel];
    }
}

/* Where `result` stands for one of the three, which begins as zeros. */
static void multiply_all(const case_conv *v, const sums *x, double *result)
{
    for (size_t image = 0; image < x->n * x->groups; image++)
        for (size_t k = 0; k < x->dst_channels; k++)
            for (size_t c = 0; c < x->src_channels; c++) {
                const size_t group = image % x->groups;
                double *src = x->src + (image * x->src_channels + c) * x->src_pixels;
                double *dst = x->dst + (image * x->dst_channels + k) * x->dst_pixels;
                double *weights =
                    x->weights + ((group * x->dst_channels + k) * x->src_channels + c) * x->taps;
                multiply_plane(v, src, weights, dst,
                               result == x->src   ? src
                               : result == x->dst ? dst
                                                  : weights);
            }
}

static double *as_double(const float *data, kerf_shape shape)
{
    const double one = 1;
    return sum_channels(data, 1, 1, (size_t)kerf_shape_num_elements(shape), &one);
}

/* Sums the result's channels in the operand that has them and in the result itself, *got; the
 * result's own place in x is all zeros.  0 without memory. */
static int sum_all(const bench_case *c, const case_data *d, const double *w, sums *x, double **got)
{
    const case_conv *v = &c->conv;
    const float *first = d->inputs[0], *second = d->inputs[1], *result = d->outputs[0];
    const size_t images = x->n * x->groups, filters = x->groups * x->dst_channels;
    double **zeros = &x->dst;
    size_t num = images * x->dst_pixels;
    if (strcmp(c->node, "Conv") == 0) {
        x->src = as_double(first, v->src);
        x->weights = sum_channels(second, x->groups, x->dst_channels, x->src_channels * x->taps, w);
        *got = sum_channels(result, images, x->dst_channels, x->dst_pixels, w);
        x->dst_channels = 1;
    } else if (strcmp(c->node, "kerf.ConvGradInput") == 0) {
        x->dst = as_double(first, v->dst);
        x->weights = sum_channels(second, filters, x->src_channels, x->taps, w);
        *got = sum_channels(result, images, x->src_channels, x->src_pixels, w);
        x->src_channels = 1;
        zeros = &x->src;
        num = images * x->src_pixels;
    } else {
        x->src = sum_channels(first, images, x->src_channels, x->src_pixels, w);
        x->dst = as_double(second, v->dst);
        *got = sum_channels(result, filters, x->src_channels, x->taps, w);
        x->src_channels = 1;
        zeros = &x->weights;
        num = filters * x->taps;
    }
    *zeros = calloc(num, sizeof **zeros);
    if (x->src == NULL || x->weights == NULL || x->dst == NULL || *got == NULL)
        return 0;
    multiply_all(v, x, *zeros);
    return 1;
}

/* None is small, so that no channel counts little. */
static double *random_weights(size_t num)
{
    float *x = malloc(num * sizeof *x);
    double *w = malloc(num * sizeof *w);
    for (size_t i = 0; x != NULL && w != NULL && i < num; i++) {
        if (i == 0)
            fill_random(x, num, 77);
        w[i] = 0.5 * ((double)x[i] + (x[i] < 0 ? -1 : 1));
    }
    free(x);
    return w;
}

void check_conv(const bench_case *c, const case_data *d, case_verdict *v)
{
    const int64_t *src = c->conv.src.dims, *weights = c->conv.weights.dims, *dst = c->conv.dst.dims;
    const int is_dst = strcmp(c->node, "Conv") == 0;
    sums x = {.n = (size_t)src[0],
              .groups = (size_t)c->conv.group,
              .src_channels = (size_t)weights[1],
              .dst_channels = (size_t)(weights[0] / c->conv.group),
              .taps = (size_t)(weights[2] * weights[3]),
              .src_pixels = (size_t)(src[2] * src[3]),
              .dst_pixels = (size_t)(dst[2] * dst[3])};
    const size_t channels = is_dst ? x.dst_channels : x.src_channels;
    double *w = random_weights(channels), *got = NULL;
    if (w == NULL || !sum_all(c, d, w, &x, &got)) {
        snprintf(v->why, sizeof v->why, "no memory to check it");
    } else {
        const int is_src = strcmp(c->node, "kerf.ConvGradInput") == 0;
        const double *want = is_dst ? x.dst : is_src ? x.src : x.weights;
        const size_t num = is_dst   ? x.n * x.groups * x.dst_pixels
                           : is_src ? x.n * x.groups * x.src_pixels
                                    : x.groups * x.dst_channels * x.taps;
        /* As for a product: each sum of `channels` results, each of so many products of 1/3. */
        const double terms = 0.5 * c->flops / ((double)num * (double)channels);
        const double allowed =
            4 * (double)FLT_EPSILON * fmax(1, terms) * sqrt((double)channels) / 3;
        for (size_t i = 0; i < num && v->why[0] == '\0'; i++)
            expect(v, i, got[i], want[i], allowed);
    }
    free(w);
    free(got);
    free(x.src);
    free(x.weights);
    free(x.dst);
}
