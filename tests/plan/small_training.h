/* small_training.h -- a small network, and in plain C and double what training makes of it:
 * forward, loss, gradients and each optimizer, with hard and soft masks, frozen weights and a final
 * Softmax. test_training.c holds plans against it, test_training_plans.c asks what else a plan
 * does. */
#ifndef KERF_SMALL_TRAINING_H
#define KERF_SMALL_TRAINING_H

#include <string.h>

#include "base/random.h"
#include "check.h"
#include "plan/node_trial.h"

enum { BATCH = 6, LAYERS = 3, STEPS = 5, PARAMS = 2 * LAYERS };
static const int SIZES[LAYERS + 1] = {9, 17, 8, 5};
enum { MAX_SIZE = 17, MAX_WEIGHT = 17 * 17 };

static kerf_device *dev;

/* ---- the definition ---------------------------------------------------------------- */

/* Parameter 2l is the weight (out, in) of layer l, 2l + 1 its bias. */
typedef struct reference {
    kerf_optimizer optimizer;
    kerf_loss kind;
    int soft;    /* masks hide weights, which live on behind them */
    double clip; /* what gradients are shortened to; 0: they are not */
    double x[PARAMS][MAX_WEIGHT], grad[PARAMS][MAX_WEIGHT];
    double m[PARAMS][MAX_WEIGHT], v[PARAMS][MAX_WEIGHT];
    char mask[PARAMS][MAX_WEIGHT], frozen[PARAMS];
    int steps;
    double loss, top1, top5; /* sums */
} reference;

static inline int num_elements(int param)
{
    const int layer = param / 2;
    return param % 2 == 0 ? SIZES[layer] * SIZES[layer + 1] : SIZES[layer + 1];
}

typedef double activations[LAYERS + 1][BATCH][MAX_SIZE];

/* What the network sees of a parameter. */
static inline double seen(const reference *r, int p, int i)
{
    return r->mask[p][i] ? r->x[p][i] : 0;
}

static inline void forward(const reference *r, activations a)
{
    for (int l = 0; l < LAYERS; l++)
        for (int n = 0; n < BATCH; n++)
            for (int o = 0; o < SIZES[l + 1]; o++) {
                double sum = seen(r, 2 * l + 1, o);
                for (int i = 0; i < SIZES[l]; i++)
                    sum += a[l][n][i] * seen(r, 2 * l, o * SIZES[l] + i);
                a[l + 1][n][o] = l + 1 < LAYERS ? fmax(0, sum) : sum;
            }
}

/* diff becomes the gradient of the mean loss by the logits. */
static inline void cross_entropy(reference *r, activations a, const int *labels, activations diff)
{
    const int classes = SIZES[LAYERS];
    for (int n = 0; n < BATCH; n++) {
        const double *z = a[LAYERS][n];
        double sum = 0;
        int above = 0;
        for (int c = 0; c < classes; c++) {
            sum += exp(z[c]);
            above += z[c] > z[labels[n]];
        }
        for (int c = 0; c < classes; c++)
            diff[LAYERS][n][c] = (exp(z[c]) / sum - (c == labels[n])) / BATCH;
        r->loss += log(sum) - z[labels[n]];
        r->top1 += above == 0;
        r->top5 += above < 5;
    }
}

/* The mean over all elements of squared distances to one-hot rows. */
static inline void squares(reference *r, activations a, const int *labels, activations diff)
{
    const int classes = SIZES[LAYERS];
    for (int n = 0; n < BATCH; n++) {
        int above = 0;
        for (int c = 0; c < classes; c++) {
            const double d = a[LAYERS][n][c] - (c == labels[n]);
            diff[LAYERS][n][c] = 2 * d / (BATCH * classes);
            r->loss += d * d / classes;
            above += a[LAYERS][n][c] > a[LAYERS][n][labels[n]];
        }
        r->top1 += above == 0;
        r->top5 += above < 5;
    }
}

static inline void backward(reference *r, activations a, activations diff)
{
    memset(r->grad, 0, sizeof r->grad);
    for (int l = LAYERS; l-- > 0;)
        for (int n = 0; n < BATCH; n++) {
            for (int i = 0; i < SIZES[l]; i++)
                diff[l][n][i] = 0;
            for (int o = 0; o < SIZES[l + 1]; o++) {
                const double d = diff[l + 1][n][o];
                r->grad[2 * l + 1][o] += d;
                for (int i = 0; i < SIZES[l]; i++) {
                    r->grad[2 * l][o * SIZES[l] + i] += d * a[l][n][i];
                    diff[l][n][i] += d * seen(r, 2 * l, o * SIZES[l] + i);
                }
            }
            for (int i = 0; i < SIZES[l]; i++)
                if (l > 0 && a[l][n][i] <= 0)
                    diff[l][n][i] = 0;
        }
}

/* PyTorch's torch.optim.SGD, Adam and AdamW, element by element. */
static inline void update_element(reference *r, int p, int i, double lr)
{
    const kerf_optimizer *o = &r->optimizer;
    /* Past a soft mask the gradient goes straight through. */
    const double slope = r->mask[p][i] || r->soft ? r->grad[p][i] : 0;
    const double decay = (double)o->weight_decay, beta1 = (double)o->beta1;
    const double beta2 = (double)o->beta2, momentum = (double)o->momentum;
    double *x = &r->x[p][i], *m = &r->m[p][i], *v = &r->v[p][i];
    double g = slope + (o->kind == KERF_ADAMW ? 0 : decay * *x);
    if (o->kind == KERF_SGD) {
        *m = momentum * *m + g;
        *x -= lr * (o->nesterov ? g + momentum * *m : *m);
    } else {
        if (o->kind == KERF_ADAMW)
            *x -= lr * decay * *x;
        *m = beta1 * *m + (1 - beta1) * g;
        *v = beta2 * *v + (1 - beta2) * g * g;
        *x -= lr * (*m / (1 - pow(beta1, r->steps))) /
              (sqrt(*v / (1 - pow(beta2, r->steps))) + (double)o->epsilon);
    }
    if (!r->mask[p][i] && !r->soft)
        *x = *m = *v = 0;
}

/* Forward and loss of a batch, which the sums count. */
static inline void reference_forward(reference *r, const float *images, const int *labels,
                                     activations a, activations diff)
{
    for (int n = 0; n < BATCH; n++)
        for (int i = 0; i < SIZES[0]; i++)
            a[0][n][i] = (double)images[n * SIZES[0] + i];
    r->steps++;
    forward(r, a);
    if (r->kind == KERF_LOSS_MSE)
        squares(r, a, labels, diff);
    else
        cross_entropy(r, a, labels, diff);
}

/* All that is updated counts as one vector. */
static inline void clip(reference *r)
{
    double squares = 0;
    for (int p = 0; p < PARAMS; p++)
        for (int i = 0; i < num_elements(p) && !r->frozen[p]; i++)
            squares += r->mask[p][i] || r->soft ? r->grad[p][i] * r->grad[p][i] : 0;
    for (int p = 0; p < PARAMS && squares > r->clip * r->clip; p++)
        for (int i = 0; i < num_elements(p); i++)
            r->grad[p][i] *= r->clip / sqrt(squares);
}

static inline void reference_step(reference *r, const float *images, const int *labels, double lr)
{
    static activations a, diff;
    reference_forward(r, images, labels, a, diff);
    backward(r, a, diff);
    if (r->clip > 0)
        clip(r);
    for (int p = 0; p < PARAMS; p++)
        for (int i = 0; i < num_elements(p) && !r->frozen[p]; i++)
            update_element(r, p, i, lr);
}

/* ---- the same as a graph ----------------------------------------------------------- */

typedef struct network {
    kerf_graph *g;
    kerf_state *s;
    int ids[PARAMS];
    kerf_value *values[PARAMS];
} network;

static inline float random_float(uint64_t stream, uint64_t i)
{
    return 2 * kerf__random_float(kerf__random_key(5, KERF__RANDOM_TEST, 1), stream, i) - 1;
}

static inline void add_param(network *n, reference *r, int p)
{
    char name[32];
    float x[MAX_WEIGHT];
    const int layer = p / 2;
    const kerf_shape shape =
        p % 2 == 0 ? KERF_SHAPE(SIZES[layer + 1], SIZES[layer]) : KERF_SHAPE(SIZES[layer + 1]);
    snprintf(name, sizeof name, "fc%d.%s", layer + 1, p % 2 == 0 ? "weight" : "bias");
    for (int i = 0; i < num_elements(p); i++) {
        r->mask[p][i] = r->mask[p][i] == 0; /* 1 there means pruned, before this loop */
        x[i] = r->mask[p][i] || r->soft ? random_float((uint64_t)p, (uint64_t)i) : 0;
        r->x[p][i] = (double)x[i];
    }
    CHECK_OK(kerf_state_add(n->s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &n->ids[p]));
    CHECK_OK(kerf_state_write(n->s, n->ids[p], x));
    CHECK_OK(kerf_graph_add_state(n->g, name, n->ids[p], KERF_F32, shape, &n->values[p]));
}

/* Puts the reference's mask into a state and a Mask node behind the weight. */
static inline void add_mask(network *n, const reference *r, int p)
{
    char name[32];
    uint8_t mask[MAX_WEIGHT];
    int id;
    kerf_value *v;
    kerf_node *node;
    snprintf(name, sizeof name, "%s.mask", n->values[p]->name);
    for (int i = 0; i < num_elements(p); i++)
        mask[i] = (uint8_t)r->mask[p][i];
    CHECK_OK(
        kerf_state_add(n->s, name, KERF_ROLE_MASK, n->ids[p], KERF_BOOL, n->values[p]->shape, &id));
    CHECK_OK(kerf_state_write(n->s, id, mask));
    CHECK_OK(kerf_graph_add_state(n->g, name, id, KERF_BOOL, n->values[p]->shape, &v));
    CHECK_OK(kerf_graph_add_node(n->g, "kerf.Mask", NULL, (kerf_value *[]){n->values[p], v}, 2, 1,
                                 &node));
    CHECK_OK(kerf_node_set_int(node, "hard", !r->soft));
    n->values[p] = node->outputs[0];
}

static inline kerf_value *add(network *n, const char *op, kerf_value *a, kerf_value *b,
                              kerf_value *c)
{
    kerf_node *node;
    kerf_value *inputs[] = {a, b, c};
    CHECK_OK(kerf_graph_add_node(n->g, op, NULL, inputs,
                                 c != NULL   ? 3
                                 : b != NULL ? 2
                                             : 1,
                                 1, &node));
    if (strcmp(op, "Gemm") == 0)
        CHECK_OK(kerf_node_set_int(node, "transB", 1));
    return node->outputs[0];
}

/* masked: bit p puts a Mask behind parameter p.  softmax: the graph ends in one. */
static inline void make_network(network *n, reference *r, unsigned masked, int softmax)
{
    kerf_value *v;
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    CHECK_OK(kerf_graph_add_input(n->g, "input", KERF_F32,
                                  KERF_SHAPE(kerf_graph_symbol(n->g, "N"), 1, 3, 3), &v));
    v = add(n, "Flatten", v, NULL, NULL);
    for (int p = 0; p < PARAMS; p++)
        for (int i = 0; (masked >> p & 1u) != 0 && i < num_elements(p); i++)
            r->mask[p][i] = random_float(99, (uint64_t)(p * MAX_WEIGHT + i)) < 0.5f;
    for (int p = 0; p < PARAMS; p++) {
        add_param(n, r, p);
        if ((masked >> p & 1u) != 0)
            add_mask(n, r, p);
    }
    for (int l = 0; l < LAYERS; l++) {
        v = add(n, "Gemm", v, n->values[2 * l], n->values[2 * l + 1]);
        if (l + 1 < LAYERS)
            v = add(n, "Relu", v, NULL, NULL);
    }
    CHECK_OK(kerf_value_rename(n->g, v, "logits"));
    if (softmax) {
        v = add(n, "Softmax", v, NULL, NULL);
        CHECK_OK(kerf_value_rename(n->g, v, "probabilities"));
    }
    CHECK_OK(kerf_graph_add_output(n->g, v));
}

static inline void destroy_network(network *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

static inline void make_batch(float *images, int *labels, int step)
{
    for (int i = 0; i < BATCH * SIZES[0]; i++)
        images[i] = random_float(200 + (uint64_t)step, (uint64_t)i);
    for (int i = 0; i < BATCH; i++)
        labels[i] = (i * 7 + step) % SIZES[LAYERS];
}

static inline void plan_step(kerf_plan *p, const float *images, const int *labels, float lr,
                             int step)
{
    CHECK_OK(kerf_plan_feed(p, "input", images, BATCH * (size_t)SIZES[0] * sizeof *images));
    CHECK_OK(kerf_plan_feed(p, "labels", labels, BATCH * sizeof *labels));
    CHECK_OK(kerf_plan_set_step(p, &(kerf_step){.lr = lr, .step = step}));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_device_finish(dev)); /* the batch lies on the caller's stack */
}

/* ---- comparing --------------------------------------------------------------------- */

static inline void compare_params(const network *n, const reference *r, const char *what,
                                  double tolerance)
{
    char text[64];
    float got[MAX_WEIGHT];
    for (int p = 0; p < PARAMS; p++) {
        CHECK_OK(kerf_state_read(n->s, n->ids[p], got));
        snprintf(text, sizeof text, "%s, %s", what, kerf_state_get(n->s, n->ids[p])->name);
        check_close(text, got, r->x[p], (size_t)num_elements(p), tolerance);
        for (int i = 0; i < num_elements(p); i++)
            CHECK(r->mask[p][i] || r->soft || got[i] == 0);
    }
}

/* ---- what is trained --------------------------------------------------------------- */

static const struct row {
    const char *what;
    kerf_loss loss;
    kerf_optimizer optimizer;
    float lr;
    unsigned masked;
    int softmax;
    const char *freeze;
    int soft;
} ROWS[] = {
    {"sgd", KERF_LOSS_CROSS_ENTROPY, {.kind = KERF_SGD}, 0.5f, 0, 0, NULL, 0},
    {"momentum",
     KERF_LOSS_CROSS_ENTROPY,
     {.kind = KERF_SGD, .momentum = 0.9f, .weight_decay = 0.01f},
     0.2f,
     0,
     1,
     NULL,
     0},
    {"nesterov, masks",
     KERF_LOSS_CROSS_ENTROPY,
     {.kind = KERF_SGD, .momentum = 0.9f, .weight_decay = 0.01f, .nesterov = 1},
     0.2f,
     0x15,
     0,
     NULL,
     0},
    {"adam, masks",
     KERF_LOSS_CROSS_ENTROPY,
     {.kind = KERF_ADAM, .weight_decay = 0.1f, .beta1 = 0.9f, .beta2 = 0.99f, .epsilon = 1e-3f},
     0.01f,
     0x3F,
     0,
     NULL,
     0},
    {"adamw",
     KERF_LOSS_CROSS_ENTROPY,
     {.kind = KERF_ADAMW, .weight_decay = 0.1f, .beta1 = 0.9f, .beta2 = 0.99f, .epsilon = 1e-3f},
     0.01f,
     0x01,
     1,
     NULL,
     0},
    {"frozen",
     KERF_LOSS_CROSS_ENTROPY,
     {.kind = KERF_SGD, .momentum = 0.5f},
     0.5f,
     0,
     0,
     "fc[12].*",
     0},
    {"squares", KERF_LOSS_MSE, {.kind = KERF_SGD, .momentum = 0.9f}, 0.5f, 0x10, 0, NULL, 0},
    {"soft masks",
     KERF_LOSS_CROSS_ENTROPY,
     {.kind = KERF_SGD, .momentum = 0.9f, .weight_decay = 0.1f},
     0.2f,
     0x15,
     0,
     NULL,
     1},
};
enum { NUM_ROWS = sizeof ROWS / sizeof ROWS[0] };

static inline kerf_plan_options options_of(const struct row *row)
{
    return (kerf_plan_options){.mode = KERF_TRAIN,
                               .batch = BATCH,
                               .loss = row->loss,
                               .optimizer = row->optimizer,
                               .freeze = &row->freeze,
                               .num_freeze = row->freeze != NULL};
}

#endif
