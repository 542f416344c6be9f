/* compress/quantize/equalize.c -- neighbouring layers share their ranges evenly, channel by channel
 * (cross-layer equalization, Nagel et al. 2019, section 4.1).
 *
 *     first --> what keeps factors --> second         first[c] * f, second[:, c] / f
 *
 * A channel whose weights are small beside its layer's others wastes integers, in the weights where
 * they have one scale a tensor, and in the activations always.  What leaves it small makes the next
 * layer's weights for it large, so the square root of both ranges' quotient evens them out.
 *
 * Factors are powers of two here: the float network computes the same bits as before, and a factor
 * is at most half a step of 2 from the best. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"

/* Channels of the first are inputs of the second: input k belongs to channel k / fold. */
typedef struct pair {
    const kerf__quantize_layer *first, *second;
    kerf_value *weight[2], *bias; /* states; bias of the first, may be NULL */
    float *x[2], *b;              /* owned; their numbers */
    size_t num[2], channels, fold;
    double *ranges[2]; /* owned; by channel */
    int *exponents;    /* owned; of the factor, by channel */
    int is_flattened, changed;
} pair;

/* ---- pairs ----------------------------------------------------------------------------- */

/* f(x * k) = f(x) * k for k > 0, channel by channel. */
static int keeps_factors(const kerf_node *n)
{
    static const char *const OPS[] = {"AveragePool", "Dropout",  "GlobalAveragePool",
                                      "Flatten",     "Identity", "GlobalMaxPool",
                                      "LeakyRelu",   "MaxPool",  "Relu"};
    for (size_t i = 0; i < sizeof OPS / sizeof OPS[0]; i++)
        if (strcmp(OPS[i], n->op) == 0)
            return strcmp(n->op, "Flatten") != 0 || kerf_node_int(n, "axis", 1) == 1;
    return 0;
}

static const kerf__quantize_layer *layer_of(const kerf__quantize_layers *layers,
                                            const kerf_value *out)
{
    for (size_t i = 0; i < layers->num; i++)
        if (layers->at[i].node->outputs[0] == out)
            return &layers->at[i];
    return NULL;
}

/* Finds the layer whose numbers the second takes, and nobody else; NULL: there is none. */
static void find_first(pair *p, const kerf__quantize_layers *layers)
{
    const kerf_value *v = p->second->node->inputs[0];
    while (kerf__value_num_uses(v) == 1 && v->producer != NULL && layer_of(layers, v) == NULL &&
           keeps_factors(v->producer)) {
        p->is_flattened |= strcmp(v->producer->op, "Flatten") == 0;
        v = v->producer->inputs[0];
    }
    p->first = kerf__value_num_uses(v) == 1 ? layer_of(layers, v) : NULL;
}

static int is_pair(pair *p, const kerf__quantize_layers *layers, const kerf__quantize_layer *second)
{
    *p = (pair){.second = second};
    find_first(p, layers);
    /* Only images, flattened, bring a matrix whole channels side by side. */
    if (p->first == NULL ||
        p->is_flattened != (kerf__layer_is_conv(p->first) && !kerf__layer_is_conv(second)))
        return 0;
    p->channels = (size_t)p->first->channels;
    p->fold = kerf__layer_num_inputs(second) / p->channels;
    p->weight[0] = kerf__quantize_own_state(p->first->node->inputs[1]);
    p->weight[1] = kerf__quantize_own_state(second->node->inputs[1]);
    p->bias = p->first->bias != NULL ? kerf__quantize_own_state(p->first->node->inputs[2]) : NULL;
    return p->fold * p->channels == kerf__layer_num_inputs(second) && p->weight[0] != NULL &&
           p->weight[1] != NULL && (p->first->bias == NULL) == (p->bias == NULL);
}

/* ---- one pair -------------------------------------------------------------------------- */

/* Of the power of two next to the best factor; 0 for a channel that is not used on one side, and
 * where a number would leave the floats' exact range. */
static int exponent_of(double made, double taken)
{
    enum { MOST = 60 };
    const double best = made > 0 && taken > 0 ? 0.5 * log2(taken / made) : 0;
    return fabs(best) <= MOST ? (int)rint(best) : 0;
}

static kerf_status find_exponents(pair *p)
{
    p->exponents = kerf__alloc(p->channels, sizeof *p->exponents);
    if (p->exponents == NULL)
        return kerf__fail_memory("equalize", p->channels * sizeof *p->exponents);
    for (size_t c = 0; c < p->channels; c++) {
        p->exponents[c] = exponent_of(p->ranges[0][c], p->ranges[1][c]);
        p->changed |= p->exponents[c] != 0;
    }
    return KERF_OK;
}

/* Of weight i of the first the channel that it makes, of the second the one that it multiplies. */
static size_t channel_of(const pair *p, int side, size_t i)
{
    return side == 0 ? kerf__layer_made(p->first, i) : kerf__layer_taken(p->second, i) / p->fold;
}

static kerf_status open_pair(pair *p, const kerf_state *s)
{
    for (int side = 0; side < 2; side++) {
        KERF__TRY(kerf__quantize_read(s, p->weight[side], &p->x[side]));
        p->num[side] = (size_t)kerf_shape_num_elements(p->weight[side]->shape);
        p->ranges[side] = kerf__alloc(p->channels, sizeof *p->ranges[side]);
        if (p->ranges[side] == NULL)
            return kerf__fail_memory("equalize", p->channels * sizeof *p->ranges[side]);
        for (size_t i = 0; i < p->num[side]; i++) {
            double *range = &p->ranges[side][channel_of(p, side, i)];
            *range = fmax(*range, fabs((double)p->x[side][i]));
        }
    }
    return p->bias != NULL ? kerf__quantize_read(s, p->bias, &p->b) : KERF_OK;
}

static void close_pair(pair *p)
{
    for (int side = 0; side < 2; side++) {
        free(p->x[side]);
        free(p->ranges[side]);
    }
    free(p->b);
    free(p->exponents);
}

static void scale_pair(pair *p)
{
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < p->num[side]; i++) {
            const int exponent = p->exponents[channel_of(p, side, i)];
            p->x[side][i] = ldexpf(p->x[side][i], side == 0 ? exponent : -exponent);
        }
    for (size_t c = 0; p->b != NULL && c < p->channels; c++)
        p->b[c] = ldexpf(p->b[c], p->exponents[c]);
}

static kerf_status write_pair(const pair *p, kerf_state *s)
{
    KERF__TRY(kerf_state_write(s, p->weight[0]->state_id, p->x[0]));
    KERF__TRY(kerf_state_write(s, p->weight[1]->state_id, p->x[1]));
    return p->b != NULL ? kerf_state_write(s, p->bias->state_id, p->b) : KERF_OK;
}

static kerf_status equalize_pair(pair *p, kerf_state *s)
{
    kerf_status status = open_pair(p, s);
    if (status == KERF_OK)
        status = find_exponents(p);
    if (status == KERF_OK && p->changed) {
        scale_pair(p);
        status = write_pair(p, s);
    }
    close_pair(p);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------- */

/* A layer is the second of one pair and the first of another, so one pair disturbs the next; most
 * networks are at rest after a few rounds. */
static kerf_status equalize(const kerf__quantize_layers *layers, kerf_state *s)
{
    enum { MOST_ROUNDS = 20 };
    int changed = 1;
    pair p;
    for (int round = 0; round < MOST_ROUNDS && changed; round++) {
        changed = 0;
        for (size_t i = 0; i < layers->num; i++) {
            if (!is_pair(&p, layers, &layers->at[i]))
                continue;
            KERF__TRY(equalize_pair(&p, s));
            changed |= p.changed;
        }
    }
    return KERF_OK;
}

kerf_status kerf_quantize_equalize(kerf_graph *g, kerf_state *s,
                                   const kerf_quantize_options *options)
{
    kerf__quantize_layers layers;
    KERF__TRY(kerf__quantize_find(&layers, g, options));
    kerf_status status = equalize(&layers, s);
    kerf__quantize_layers_free(&layers);
    return status;
}
