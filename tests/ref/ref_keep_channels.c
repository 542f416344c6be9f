/* ref_keep_channels.c -- channels in the order of saliency, and the filters of some. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

/* 1 if channel b, which stands behind a, is before it. */
static int is_before(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(b) && !isnan(a);
    return b > a || (a == 0 && b == 0 && signbit(a) && !signbit(b));
}

static void top_channels(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    const int64_t lines = n->inputs[0]->shape.dims[0], c = n->inputs[0]->shape.dims[1];
    const int64_t k = kerf_node_int(n, "k", 0);
    for (int64_t line = 0; line < lines; line++)
        for (int64_t own = 0; own < c; own++) {
            const double *x = inputs[0] + line * c;
            int64_t rank = 0;
            for (int64_t i = 0; i < c; i++)
                rank += i < own ? !is_before(x[i], x[own]) : i > own && is_before(x[own], x[i]);
            if (rank < k) {
                outputs[0][line * k + rank] = (double)(line * c + own);
                outputs[1][line * k + rank] = x[own];
            }
        }
}

/* By comparisons of floats, in which nothing is before a NaN, and a NaN before nothing. */
static void keep_channels(const kerf_node *n, const double *x, double *out)
{
    const int64_t num = kerf_shape_num_elements(n->inputs[0]->shape);
    const int64_t c = n->inputs[0]->shape.dims[1];
    for (int64_t own = 0; own < num; own++) {
        int64_t above = 0;
        for (int64_t i = own / c * c; i < own / c * c + c; i++)
            above += x[i] > x[own];
        out[own] = above < kerf_node_int(n, "k", 0) ? x[own] : 0;
    }
}

/* The channel of sample s that is at its place i, of `some`. */
static int64_t channel_at(const double *places, int64_t s, int64_t i, int64_t some, int64_t all)
{
    const double at = places != NULL ? places[s * some + i] - (double)(s * all) : (double)i;
    return at < 0 || at >= (double)all ? all - 1 : (int64_t)at;
}

static void take_filters(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    const kerf_shape all = n->inputs[0]->shape, some = n->outputs[0]->shape;
    const double *outs = n->num_inputs > 1 ? inputs[1] : NULL;
    const double *ins = n->num_inputs > 2 ? inputs[2] : NULL;
    const int64_t all_ins = all.rank > 1 ? all.dims[1] : 1,
                  num_ins = some.rank > 1 ? some.dims[1] : 1;
    const int64_t num_outs = some.dims[0] / kerf_node_int(n, "samples", 1);
    int64_t taps = 1;
    for (int i = 2; i < all.rank; i++)
        taps *= all.dims[i];
    for (int64_t row = 0; row < some.dims[0]; row++)
        for (int64_t i = 0; i < num_ins; i++) {
            const int64_t s = row / num_outs;
            const int64_t o = channel_at(outs, s, row % num_outs, num_outs, all.dims[0]);
            const int64_t from = o * all_ins + channel_at(ins, s, i, num_ins, all_ins);
            for (int64_t t = 0; t < taps; t++)
                outputs[0][(row * num_ins + i) * taps + t] =
                    inputs[0][from * taps + t] * (outs != NULL ? inputs[3][row] : 1);
        }
}

REF(keep_channels)
{
    if (strcmp(n->op, "kerf.TopChannels") == 0)
        top_channels(n, inputs, outputs);
    else if (strcmp(n->op, "kerf.KeepChannels") == 0)
        keep_channels(n, inputs[0], outputs[0]);
    else
        take_filters(n, inputs, outputs);
}
