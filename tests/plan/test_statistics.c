/* test_statistics.c -- batch normalisation in a plan: training takes the batch's statistics and
 * moves the running ones on, evaluation takes the running ones, whatever the file says. */
#include <string.h>

#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/kerf.h"

enum { BATCH = 4, CHANNELS = 3, PIXELS = 6, CLASSES = 2, NUM = BATCH * CHANNELS * PIXELS };
static kerf_device *dev;
static float images[NUM];
static const int LABELS[BATCH] = {0, 1, 1, 0};
static const float START_MEAN[CHANNELS] = {0.5f, -1, 2}, START_VARIANCE[CHANNELS] = {1, 4, 0.25f};
static const float SCALE[CHANNELS] = {1.5f, -2, 0.5f}, BIAS[CHANNELS] = {0.1f, 0.2f, -0.3f};

typedef struct network {
    kerf_graph *g;
    kerf_state *s;
    kerf_node *norm;
} network;

static kerf_value *add_state(network *n, const char *name, kerf_role role, kerf_shape shape,
                             const float *x)
{
    int id;
    kerf_value *v;
    CHECK_OK(kerf_state_add(n->s, name, role, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_state_write(n->s, id, x));
    CHECK_OK(kerf_graph_add_state(n->g, name, id, KERF_F32, shape, &v));
    return v;
}

static kerf_value *add_norm(network *n, kerf_value *v, kerf_value *const *statistics)
{
    kerf_value *inputs[] = {v,
                            add_state(n, n->norm == NULL ? "bn.weight" : "bn2.weight",
                                      KERF_ROLE_WEIGHT, KERF_SHAPE(CHANNELS), SCALE),
                            add_state(n, n->norm == NULL ? "bn.bias" : "bn2.bias", KERF_ROLE_WEIGHT,
                                      KERF_SHAPE(CHANNELS), BIAS),
                            statistics[0], statistics[1]};
    CHECK_OK(kerf_graph_add_node(n->g, "BatchNormalization", NULL, inputs, 5, 1, &n->norm));
    return n->norm->outputs[0];
}

/* Normalised once or twice by the same statistics, flat, and one layer behind that. */
static void make_network(network *n, int times)
{
    float weight[CLASSES * CHANNELS * PIXELS];
    kerf_value *v;
    kerf_node *node;
    *n = (network){NULL, NULL, NULL};
    for (int i = 0; i < CLASSES * CHANNELS * PIXELS; i++)
        weight[i] = (float)(i * 7 % 11) / 11 - 0.5f;
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    CHECK_OK(kerf_graph_add_input(n->g, "input", KERF_F32, KERF_SHAPE(BATCH, CHANNELS, 2, 3), &v));
    kerf_value *statistics[] = {
        add_state(n, "bn.mean", KERF_ROLE_STATISTIC, KERF_SHAPE(CHANNELS), START_MEAN),
        add_state(n, "bn.var", KERF_ROLE_STATISTIC, KERF_SHAPE(CHANNELS), START_VARIANCE)};
    for (int i = 0; i < times; i++)
        v = add_norm(n, v, statistics);
    CHECK_OK(kerf_graph_add_node(n->g, "Flatten", NULL, &v, 1, 1, &node));
    kerf_value *inputs[] = {node->outputs[0],
                            add_state(n, "fc.weight", KERF_ROLE_WEIGHT,
                                      KERF_SHAPE(CHANNELS * PIXELS, CLASSES), weight)};
    CHECK_OK(kerf_graph_add_node(n->g, "MatMul", NULL, inputs, 2, 1, &node));
    CHECK_OK(kerf_graph_add_output(n->g, node->outputs[0]));
}

static void destroy_network(network *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

static void run(network *n, const kerf_plan_options *options)
{
    kerf_plan *p;
    CHECK_OK(kerf_plan_create(&p, n->g, n->s, options));
    if (p == NULL)
        return;
    CHECK_OK(kerf_plan_feed(p, "input", images, sizeof images));
    if (options->loss != KERF_LOSS_NONE)
        CHECK_OK(kerf_plan_feed(p, "labels", LABELS, sizeof LABELS));
    if (options->mode == KERF_TRAIN)
        CHECK_OK(kerf_plan_set_step(p, &(kerf_step){.lr = 0.1f, .step = 1}));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_device_finish(dev));
    CHECK_OK(kerf_plan_verify(p));
    kerf_plan_destroy(p);
}

static void check_state(const network *n, const char *name, const double *want, double tolerance)
{
    float got[CHANNELS];
    CHECK_OK(kerf_state_read(n->s, kerf_state_find(n->s, name)->id, got));
    check_close(name, got, want, CHANNELS, tolerance);
}

static float pixel(int image, int channel, int i)
{
    return images[(image * CHANNELS + channel) * PIXELS + i];
}

/* 0.9 of the old and 0.1 of the batch's, the variance divided by one less than there are. */
static void expected(double *mean, double *variance)
{
    const int num = BATCH * PIXELS;
    for (int c = 0; c < CHANNELS; c++) {
        double m = 0, v = 0;
        for (int i = 0; i < num; i++)
            m += (double)pixel(i / PIXELS, c, i % PIXELS) / num;
        for (int i = 0; i < num; i++)
            v += pow((double)pixel(i / PIXELS, c, i % PIXELS) - m, 2) / (num - 1);
        mean[c] = 0.9 * (double)START_MEAN[c] + 0.1 * m;
        variance[c] = 0.9 * (double)START_VARIANCE[c] + 0.1 * v;
    }
}

static const kerf_plan_options TRAIN = {.mode = KERF_TRAIN,
                                        .batch = BATCH,
                                        .loss = KERF_LOSS_CROSS_ENTROPY,
                                        .optimizer = {.kind = KERF_SGD}};
static const kerf_plan_options EVALUATE = {.mode = KERF_EVALUATE, .batch = BATCH};

static void as_doubles(const float *x, double *out)
{
    for (int c = 0; c < CHANNELS; c++)
        out[c] = (double)x[c];
}

static void test_training_moves_them(void)
{
    network n;
    double mean[CHANNELS], variance[CHANNELS], before[CHANNELS];
    float scale[CHANNELS];
    make_network(&n, 1);
    run(&n, &TRAIN);
    expected(mean, variance);
    check_state(&n, "bn.mean", mean, check_tolerance(4, BATCH * PIXELS));
    check_state(&n, "bn.var", variance, check_tolerance(4, BATCH * PIXELS));
    as_doubles(SCALE, before);
    CHECK_OK(kerf_state_read(n.s, kerf_state_find(n.s, "bn.weight")->id, scale));
    for (int c = 0; c < CHANNELS; c++)
        CHECK((double)scale[c] != before[c]);
    destroy_network(&n);
}

/* By name, by pattern; the weights beside them go on learning. */
static void test_frozen_stay(void)
{
    static const char *const PATTERNS[] = {"bn.mean", "bn.v*"};
    network n;
    double mean[CHANNELS], variance[CHANNELS];
    float scale[CHANNELS];
    as_doubles(START_MEAN, mean);
    as_doubles(START_VARIANCE, variance);
    for (int i = 0; i < 2; i++) {
        kerf_plan_options options = TRAIN;
        make_network(&n, 1);
        options.freeze = &PATTERNS[i];
        options.num_freeze = 1;
        run(&n, &options);
        check_state(&n, "bn.mean", mean, 0);
        check_state(&n, "bn.var", variance, 0);
        CHECK_OK(kerf_state_read(n.s, kerf_state_find(n.s, "bn.weight")->id, scale));
        CHECK(scale[0] != SCALE[0]);
        destroy_network(&n);
    }
}

/* A file that was saved while training is evaluated like any other. */
static void test_evaluation_takes_them(void)
{
    for (int mode = 0; mode < 2; mode++) {
        network n;
        kerf_plan *p;
        float got[NUM];
        double want[NUM], mean[CHANNELS];
        make_network(&n, 1);
        CHECK_OK(kerf_node_set_int(n.norm, "training_mode", mode));
        n.g->num_outputs = 0;
        CHECK_OK(kerf_graph_add_output(n.g, n.norm->outputs[0]));
        CHECK_OK(kerf_plan_create(&p, n.g, n.s, &EVALUATE));
        CHECK_OK(kerf_plan_feed(p, "input", images, sizeof images));
        CHECK_OK(kerf_plan_run(p));
        CHECK_OK(kerf_tensor_read(kerf_plan_output(p, n.norm->outputs[0]->name), got));
        for (int i = 0; i < NUM; i++) {
            const int c = i / PIXELS % CHANNELS;
            want[i] = ((double)images[i] - (double)START_MEAN[c]) /
                          sqrt((double)START_VARIANCE[c] + 1e-5) * (double)SCALE[c] +
                      (double)BIAS[c];
        }
        check_close("evaluation", got, want, NUM, check_tolerance(4, 1));
        as_doubles(START_MEAN, mean);
        check_state(&n, "bn.mean", mean, 0);
        kerf_plan_destroy(p);
        destroy_network(&n);
    }
}

/* Whoever reads what becomes of them wants what ONNX says: the biased variance. */
static void test_next_ones_as_output(void)
{
    network n;
    kerf_plan *p;
    kerf_value *next;
    float got[CHANNELS];
    double mean[CHANNELS], variance[CHANNELS];
    make_network(&n, 1);
    for (int i = 0; i < 2; i++)
        CHECK_OK(kerf__graph_add_output_value(n.g, n.norm, NULL, &next));
    CHECK_OK(kerf_node_set_int(n.norm, "training_mode", 1));
    CHECK_OK(kerf_graph_add_output(n.g, next));
    CHECK_OK(kerf_plan_create(&p, n.g, n.s, &EVALUATE));
    CHECK_OK(kerf_plan_feed(p, "input", images, sizeof images));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, next->name), got));
    expected(mean, variance);
    for (int c = 0; c < CHANNELS; c++) {
        const double old = 0.9 * (double)START_VARIANCE[c];
        variance[c] = old + (variance[c] - old) * (BATCH * PIXELS - 1) / (BATCH * PIXELS);
    }
    check_close("next variance", got, variance, CHANNELS, check_tolerance(4, BATCH * PIXELS));
    kerf_plan_destroy(p);
    destroy_network(&n);
}

static void test_shared_ones_are_refused(void)
{
    static const char *const PATTERN = "bn.mean";
    network n;
    kerf_plan *p;
    kerf_plan_options options = TRAIN;
    make_network(&n, 2);
    CHECK_STATUS(KERF_ERR_UNSUPPORTED, kerf_plan_create(&p, n.g, n.s, &TRAIN));
    CHECK(strstr(kerf_last_error(), "running statistics 'bn.mean' belong to two nodes, must "
                                    "belong to one (or be frozen)") != NULL);
    options.freeze = &PATTERN;
    options.num_freeze = 1;
    run(&n, &options);
    destroy_network(&n);
}

int main(void)
{
    dev = check_open_device();
    for (int i = 0; i < NUM; i++)
        images[i] = (float)(i * 37 % 101) / 25 - 2;
    test_training_moves_them();
    test_frozen_stay();
    test_evaluation_takes_them();
    test_next_ones_as_output();
    test_shared_ones_are_refused();
    kerf_device_close(dev);
    return check_result();
}
