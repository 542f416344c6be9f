/* test_saliency.c -- the penalty on what gates of channels make: its gradient against differences
 * of its definition, what it leaves alone, and how a run counts it. */
#include <math.h>
#include <string.h>

#include "compress/network.h"
#include "op_check.h"
#include "small_run.h"

enum { BATCH = 6, SIDE = 8, HALF = 4, FIRST = 4, SECOND = 6, CLASSES = 3, KEPT = 2 };
static kerf_device *dev;
static float x[BATCH * SIDE * SIDE];
static int32_t labels[BATCH];

/* ---- the network ---------------------------------------------------------------------------- */

enum { FILTERS, FILTERS_BIAS, GATE1, GATE1_BIAS, GATE2, GATE2_BIAS, REST, NUM_STATES };
static const char *const NAMES[] = {"conv1.weight",    "conv1.bias",        "conv1.gate.weight",
                                    "conv1.gate.bias", "conv2.gate.weight", "conv2.gate.bias",
                                    "conv2.weight"};
static const int SIZES[] = {FIRST * 9,        FIRST, FIRST, FIRST, SECOND *FIRST, SECOND,
                            SECOND *FIRST * 9};
enum { MOST = SECOND * FIRST * 9 };

static kerf_value *conv(network *n, const char *name, kerf_value *v, int64_t outs, int64_t ins)
{
    float numbers[MOST];
    char text[32];
    kerf_value *in[3] = {v};
    snprintf(text, sizeof text, "%s.weight", name);
    op_check_fill(numbers, MOST, (unsigned)outs);
    in[1] = network_weight(n, text, KERF_SHAPE(outs, ins, 3, 3), numbers);
    snprintf(text, sizeof text, "%s.bias", name);
    op_check_fill(numbers, MOST, (unsigned)outs + 1);
    in[2] = network_weight(n, text, KERF_SHAPE(outs), numbers);
    return network_conv(n, name, in, 3, 1);
}

/* Gates behind both convolutions. */
static network make(void)
{
    static const char *const BOTH = "conv*";
    float numbers[CLASSES * SECOND * HALF * HALF];
    network n;
    kerf_node *node;
    kerf_value *in[2], *v = network_begin(&n, dev, 1, SIDE);
    v = conv(&n, "conv1", v, FIRST, 1);
    v = network_pool(&n, "pool", network_node(&n, "Relu", "relu", &v, 1, &node));
    v = conv(&n, "conv2", v, SECOND, FIRST);
    in[0] = network_node(&n, "Flatten", "flat", &v, 1, &node);
    op_check_fill(numbers, sizeof numbers / sizeof numbers[0], 9);
    in[1] = network_weight(&n, "fc.weight", KERF_SHAPE(CLASSES, SECOND * HALF * HALF), numbers);
    v = network_node(&n, "Gemm", "fc", in, 2, &node);
    CHECK_OK(kerf_node_set_int(node, "transB", 1));
    CHECK_OK(kerf_graph_add_output(n.g, v));
    CHECK_OK(kerf_boost_mark(
        n.g, n.s,
        &(kerf_boost_options){.keep = (double)KEPT / FIRST, .layers = &BOTH, .num_layers = 1}));
    for (unsigned i = GATE1; i <= GATE2_BIAS; i++) {
        op_check_fill(numbers, MOST, 20 + i);
        for (int k = 0; i != GATE1 && i != GATE2 && k < SECOND; k++) /* some saliencies are 0 */
            numbers[k] += 0.3f;
        CHECK_OK(kerf_state_write(n.s, kerf_state_find(n.s, NAMES[i])->id, numbers));
    }
    return n;
}

/* ---- the definition ------------------------------------------------------------------------- */

typedef double states[NUM_STATES][MOST];

static double convolved(states w, const float *image, int c, int row, int column)
{
    double sum = w[FILTERS_BIAS][c];
    for (int r = 0; r < 3; r++)
        for (int s = 0; s < 3; s++) {
            const int i = row + r - 1, k = column + s - 1;
            if (i >= 0 && i < SIDE && k >= 0 && k < SIDE)
                sum += w[FILTERS][c * 9 + r * 3 + s] * (double)image[i * SIDE + k];
        }
    return sum;
}

/* The mean of channel c behind its gate, Relu and pooling. */
static double pooled_mean(states w, const float *image, int c, double scale)
{
    double sum = 0;
    for (int row = 0; row < SIDE; row += 2)
        for (int column = 0; column < SIDE; column += 2) {
            double most = 0;
            for (int i = 0; i < 4; i++)
                most = fmax(most, scale * convolved(w, image, c, row + i / 2, column + i % 2));
            sum += most;
        }
    return sum / (HALF * HALF);
}

static double saliency(const double *weights, double bias, const double *means, int num)
{
    for (int i = 0; i < num; i++)
        bias += weights[i] * means[i];
    return fmax(bias, 0);
}

/* Of one sample: what both gates make. */
static double penalty_of(states w, const float *image)
{
    double mean = 0, scales[FIRST], means[FIRST], sum = 0;
    for (int i = 0; i < SIDE * SIDE; i++)
        mean += (double)image[i] / (SIDE * SIDE);
    for (int c = 0; c < FIRST; c++)
        sum += scales[c] = saliency(&w[GATE1][c], w[GATE1_BIAS][c], &mean, 1);
    for (int c = 0; c < FIRST; c++) {
        int above = 0;
        for (int i = 0; i < FIRST; i++)
            above += scales[i] > scales[c];
        means[c] = pooled_mean(w, image, c, above < KEPT ? scales[c] : 0);
    }
    for (int c = 0; c < SECOND; c++)
        sum += saliency(&w[GATE2][c * FIRST], w[GATE2_BIAS][c], means, FIRST);
    return sum;
}

static double penalty(states w)
{
    double sum = 0;
    for (int i = 0; i < BATCH; i++)
        sum += penalty_of(w, x + i * SIDE * SIDE) / BATCH;
    return sum;
}

/* ---- a step --------------------------------------------------------------------------------- */

/* States behind one step down the slope at rate 1; the loss that is reported. */
static float step(int shrinks, float shrink, float after[NUM_STATES][MOST])
{
    network n = make();
    kerf_plan *p;
    float loss = 0;
    CHECK_OK(kerf_plan_create(&p, n.g, n.s,
                              &(kerf_plan_options){.mode = KERF_TRAIN,
                                                   .batch = BATCH,
                                                   .loss = KERF_LOSS_CROSS_ENTROPY,
                                                   .optimizer = {.kind = KERF_SGD},
                                                   .shrinks_saliencies = shrinks}));
    CHECK_OK(kerf_plan_feed(p, "input", x, sizeof x));
    CHECK_OK(kerf_plan_feed(p, "labels", labels, sizeof labels));
    CHECK_OK(kerf_plan_set_step(p, &(kerf_step){.lr = 1, .step = 1, .shrink = shrink}));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, "kerf.loss"), &loss));
    for (int i = 0; i < NUM_STATES; i++)
        network_read(&n, NAMES[i], after[i]);
    kerf_plan_destroy(p);
    network_end(&n);
    return loss;
}

static double slope(states w, int i, int k)
{
    static const double AWAY = 1e-5;
    const double kept = w[i][k];
    w[i][k] = kept + AWAY;
    const double above = penalty(w);
    w[i][k] = kept - AWAY;
    const double below = penalty(w);
    w[i][k] = kept;
    return (above - below) / (2 * AWAY);
}

static void test_gradient(void)
{
    static float plain[NUM_STATES][MOST], idle[NUM_STATES][MOST], next[NUM_STATES][MOST];
    static states w;
    double want[MOST];
    float got[MOST], begin[MOST];
    network n = make();
    for (int i = 0; i < NUM_STATES; i++) {
        network_read(&n, NAMES[i], begin);
        for (int k = 0; k < SIZES[i]; k++)
            w[i][k] = (double)begin[k];
    }
    network_end(&n);
    const float loss = step(0, 0, plain);
    CHECK(step(1, 0, idle) == loss && step(1, 1, next) == loss); /* that of the data */
    for (int i = 0; i < NUM_STATES; i++) {
        int num = 0;
        CHECK(memcmp(plain[i], idle[i], (size_t)SIZES[i] * sizeof(float)) == 0);
        for (int k = 0; k < SIZES[i]; k++) {
            want[k] = i == REST ? 0 : slope(w, i, k);
            got[k] = plain[i][k] - next[i][k];
            num += want[k] != 0;
        }
        CHECK(i == REST || num > 0);
        check_close(NAMES[i], got, want, (size_t)SIZES[i], check_tolerance(8, SIDE * SIDE * BATCH));
    }
}

/* ---- runs ------------------------------------------------------------------------------------ */

static kerf_status run(const network *n, const kerf_penalty *penalty)
{
    const kerf_event event = {KERF_EVENT_PENALTY, .penalty = penalty};
    kerf_train_options o = small_options(0.05);
    kerf_dataset *d;
    char spec[32];
    snprintf(spec, sizeof spec, "random:1,%d,%d,%d", SIDE, SIDE, CLASSES);
    CHECK_OK(kerf_dataset_open(&d, spec));
    o.prune.events = 0;
    o.batch = 32;
    o.events = &event;
    o.num_events = 1;
    const kerf_status status = kerf_train(n->g, n->s, d, &o);
    kerf_dataset_close(d);
    return status;
}

static double sum_of_biases(const network *n)
{
    float bias[SECOND];
    double sum = 0;
    network_read(n, NAMES[GATE2_BIAS], bias);
    for (int i = 0; i < SECOND; i++)
        sum += (double)bias[i];
    return sum;
}

static void test_runs(void)
{
    uint64_t digests[3];
    double sums[3];
    static const kerf_penalty HOW[] = {{.kind = KERF_PENALTY_NONE},
                                       {.kind = KERF_PENALTY_SALIENCY},
                                       {.kind = KERF_PENALTY_SALIENCY, .strength = 0.3}};
    for (int i = 0; i < 3; i++) {
        network n = make();
        CHECK_OK(run(&n, &HOW[i]));
        digests[i] = small_digest(n.s);
        sums[i] = sum_of_biases(&n);
        network_end(&n);
    }
    CHECK(digests[0] == digests[1] && digests[1] != digests[2]);
    CHECK(sums[2] < sums[1]);
}

static void test_refused(void)
{
    static const char *const LAYER = "conv1";
    kerf_penalty p = {
        .kind = KERF_PENALTY_SALIENCY, .strength = 1, .layers = &LAYER, .num_layers = 1};
    network n = make();
    CHECK_STATUS(KERF_ERR_ARGUMENT, run(&n, &p));
    CHECK(strcmp(kerf_last_error(), "train: a penalty on saliencies is of all gates, must be "
                                    "without layers and skip") == 0);
    network_end(&n);
    small_run r = small_begin(dev);
    p.num_layers = 0;
    const kerf_event event = {KERF_EVENT_PENALTY, .penalty = &p};
    kerf_train_options o = small_options(1);
    o.events = &event;
    o.num_events = 1;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_train(r.g, r.s, r.d, &o));
    CHECK(strcmp(kerf_last_error(),
                 "plan: a penalty on saliencies is of gates that choose channels, the network has "
                 "none; kerf prune --gates makes them") == 0);
    small_end(&r);
}

int main(void)
{
    dev = check_open_device();
    op_check_fill(x, BATCH * SIDE * SIDE, 1);
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % CLASSES;
    test_gradient();
    if (!small_is_tiny())
        test_runs();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
