/* local_sgd.h -- local SGD by its definition, in double (Stich 2019): ranks of 16-30-10-3 with
 * ReLUs and cross entropy, each of which makes steps of Nesterov's momentum by its own gradient
 * alone; where they meet weights and momentum become the mean of all.  Ranks that meet behind each
 * step make steps by the gradient of all samples, as all of it is linear. */
#ifndef KERF_TEST_LOCAL_SGD_H
#define KERF_TEST_LOCAL_SGD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { LOCAL_LAYERS = 3, LOCAL_WIDEST = 30, LOCAL_MOST = 480, LOCAL_RANKS = 3 };
static const int LOCAL_SIZES[LOCAL_LAYERS + 1] = {16, 30, 10, 3};

typedef struct local_layer {
    double weight[LOCAL_MOST], bias[LOCAL_WIDEST]; /* (out, in), (out) */
} local_layer;
typedef struct local_rank {
    local_layer at[LOCAL_LAYERS], speed[LOCAL_LAYERS];
} local_rank;

typedef double local_values[LOCAL_LAYERS + 1][LOCAL_WIDEST];

static inline void local_forward(const local_rank *r, const float *image, local_values x)
{
    for (int i = 0; i < LOCAL_SIZES[0]; i++)
        x[0][i] = (double)image[i];
    for (int l = 0; l < LOCAL_LAYERS; l++)
        for (int o = 0; o < LOCAL_SIZES[l + 1]; o++) {
            double sum = r->at[l].bias[o];
            for (int i = 0; i < LOCAL_SIZES[l]; i++)
                sum += r->at[l].weight[o * LOCAL_SIZES[l] + i] * x[l][i];
            x[l + 1][o] = l + 1 < LOCAL_LAYERS ? fmax(sum, 0) : sum;
        }
}

/* Of the loss by what the last layer gives: softmax less one at the label. */
static inline void local_loss(const double *y, int32_t label, double share, double *diff)
{
    double sum = 0;
    for (int o = 0; o < LOCAL_SIZES[LOCAL_LAYERS]; o++)
        sum += exp(y[o]);
    for (int o = 0; o < LOCAL_SIZES[LOCAL_LAYERS]; o++)
        diff[o] = share * (exp(y[o]) / sum - (o == label));
}

/* Adds the gradient of one sample, whose loss counts `share`. */
static inline void local_backward(const local_rank *r, const local_values x, int32_t label,
                                  double share, local_layer *grad)
{
    double diff[LOCAL_WIDEST], before[LOCAL_WIDEST];
    local_loss(x[LOCAL_LAYERS], label, share, diff);
    for (int l = LOCAL_LAYERS; l-- > 0;) {
        const int ins = LOCAL_SIZES[l];
        memset(before, 0, sizeof before);
        for (int o = 0; o < LOCAL_SIZES[l + 1]; o++) {
            grad[l].bias[o] += diff[o];
            for (int i = 0; i < ins; i++) {
                grad[l].weight[o * ins + i] += diff[o] * x[l][i];
                before[i] += diff[o] * r->at[l].weight[o * ins + i];
            }
        }
        for (int i = 0; i < ins; i++)
            diff[i] = x[l][i] > 0 ? before[i] : 0;
    }
}

static inline void local_move(double *w, double *v, const double *g, int num, double lr)
{
    const double momentum = (double)0.9f;
    for (int i = 0; i < num; i++) {
        v[i] = momentum * v[i] + g[i];
        w[i] -= lr * (g[i] + momentum * v[i]);
    }
}

/* A step by (num) samples of 16 pixels. */
static inline void local_step(local_rank *r, const float *images, const int32_t *labels, int num,
                              double lr)
{
    static local_layer grad[LOCAL_LAYERS];
    local_values x;
    memset(grad, 0, sizeof grad);
    for (int i = 0; i < num; i++) {
        local_forward(r, images + i * LOCAL_SIZES[0], x);
        local_backward(r, (const double(*)[LOCAL_WIDEST])x, labels[i], 1.0 / num, grad);
    }
    for (int l = 0; l < LOCAL_LAYERS; l++) {
        local_move(r->at[l].weight, r->speed[l].weight, grad[l].weight,
                   LOCAL_SIZES[l] * LOCAL_SIZES[l + 1], lr);
        local_move(r->at[l].bias, r->speed[l].bias, grad[l].bias, LOCAL_SIZES[l + 1], lr);
    }
}

/* By samples.  A rank is doubles and nothing else. */
static inline void local_meet(local_rank *all, const int *rows, int num)
{
    for (size_t i = 0; i < sizeof(local_rank) / sizeof(double); i++) {
        double sum = 0, samples = 0;
        for (int k = 0; k < num; k++) {
            sum += rows[k] * ((double *)&all[k])[i];
            samples += rows[k];
        }
        for (int k = 0; k < num; k++)
            ((double *)&all[k])[i] = sum / samples;
    }
}

#endif
