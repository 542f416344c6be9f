/* test_dropping.c -- Dropout in a plan: training drops by seed and step, evaluation does not.
 */
#include <string.h>

#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/kerf.h"

enum { BATCH = 4, NUM = 96, CLASSES = 3 };
static kerf_device *dev;
static float images[BATCH * NUM];
static const int LABELS[BATCH] = {0, 2, 1, 0};

typedef struct network {
    kerf_graph *g;
    kerf_state *s;
} network;

/* Dropout by ratio, so many times, then the weight; its gradient shows what was dropped. */
static void make_layers(network *n, const float *ratio, kerf_type type, int times)
{
    kerf_value *inputs[3], *v;
    kerf_node *node;
    kerf_tensor *t;
    int id;
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    CHECK_OK(kerf_graph_add_input(n->g, "input", KERF_F32, KERF_SHAPE(BATCH, NUM), &inputs[0]));
    CHECK_OK(kerf_tensor_create(&t, NULL, type, KERF_SCALAR));
    CHECK_OK(kerf_tensor_write(t, ratio));
    CHECK_OK(kerf_graph_add_constant(n->g, "ratio", t, &inputs[1]));
    for (int i = 0; i < times; i++) {
        CHECK_OK(kerf_graph_add_node(n->g, "Dropout", i == 0 ? "drop" : NULL, inputs, 2, 1, &node));
        inputs[0] = node->outputs[0];
    }
    CHECK_OK(
        kerf_state_add(n->s, "w", KERF_ROLE_WEIGHT, -1, KERF_F32, KERF_SHAPE(NUM, CLASSES), &id));
    CHECK_OK(kerf_graph_add_state(n->g, "w", id, KERF_F32, KERF_SHAPE(NUM, CLASSES), &v));
    CHECK_OK(kerf_graph_add_node(n->g, "MatMul", NULL, (kerf_value *[]){node->outputs[0], v}, 2, 1,
                                 &node));
    CHECK_OK(kerf_graph_add_output(n->g, node->outputs[0]));
}

static void make_network(network *n, const float *ratio, kerf_type type)
{
    make_layers(n, ratio, type, 1);
}

static void destroy_network(network *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

static const kerf_plan_options TRAIN = {.mode = KERF_TRAIN,
                                        .batch = BATCH,
                                        .loss = KERF_LOSS_CROSS_ENTROPY,
                                        .optimizer = {.kind = KERF_SGD},
                                        .seed = 5};

/* The weight after one step from 0: minus the gradient, a row of zeros for what was dropped. */
static void train_layers(float *weight, const kerf_plan_options *options, float ratio, int step,
                         int times)
{
    network n;
    kerf_plan *p;
    make_layers(&n, &ratio, KERF_F32, times);
    CHECK_OK(kerf_plan_create(&p, n.g, n.s, options));
    CHECK_OK(kerf_plan_feed(p, "input", images, sizeof images));
    CHECK_OK(kerf_plan_feed(p, "labels", LABELS, sizeof LABELS));
    CHECK_OK(kerf_plan_set_step(p, &(kerf_step){.lr = 1, .step = step}));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_device_finish(dev));
    CHECK_OK(kerf_state_read(n.s, kerf_state_find(n.s, "w")->id, weight));
    kerf_plan_destroy(p);
    destroy_network(&n);
}

static void train(float *weight, const kerf_plan_options *options, float ratio, int step)
{
    train_layers(weight, options, ratio, step, 1);
}

/* Image 0 alone has pixels, so a row of the weight stays 0 where its pixel was dropped. */
static int num_dropped(const float *weight)
{
    int dropped = 0;
    for (int i = 0; i < NUM; i++)
        dropped += weight[i * CLASSES] == 0;
    return dropped;
}

static int is_same(const float *a, const float *b)
{
    return memcmp(a, b, NUM * CLASSES * sizeof *a) == 0;
}

static void test_training_drops(void)
{
    float first[NUM * CLASSES], again[NUM * CLASSES];
    kerf_plan_options options = TRAIN;
    train(first, &options, 0.5f, 1);
    CHECK(num_dropped(first) > NUM / 4 && num_dropped(first) < NUM - NUM / 4);
    /* Logits are 0 at first, so the gradient of class 0 is -2/3 of an image in four. */
    for (int i = 0; i < NUM; i++)
        CHECK(first[i * CLASSES] == 0 ||
              fabs((double)first[i * CLASSES] - 2 * (2.0 / 3) / BATCH) < 1e-6);
    train(again, &options, 0.5f, 1);
    CHECK(is_same(first, again));
    train(again, &options, 0.5f, 2);
    CHECK(!is_same(first, again));
    options.seed = 6;
    train(again, &options, 0.5f, 1);
    CHECK(!is_same(first, again));
    train(again, &options, 0, 1);
    CHECK(num_dropped(again) == 0);
}

static void test_evaluation_keeps(void)
{
    network n;
    kerf_plan *p;
    const float ratio = 0.5f;
    const kerf_plan_options options = {.mode = KERF_EVALUATE, .batch = BATCH};
    make_network(&n, &ratio, KERF_F32);
    CHECK_OK(kerf_plan_create(&p, n.g, n.s, &options));
    for (int i = 0; i < kerf_plan_num_steps(p); i++) {
        kerf_plan_step step;
        CHECK_OK(kerf_plan_get_step(p, i, &step));
        CHECK(strstr(step.op, "Dropout") == NULL);
    }
    kerf_plan_destroy(p);
    destroy_network(&n);
}

static void test_a_bad_ratio_is_named(void)
{
    network n;
    kerf_plan *p;
    const float bad = 2;
    make_network(&n, &bad, KERF_S32);
    CHECK_STATUS(KERF_ERR_UNSUPPORTED, kerf_plan_create(&p, n.g, n.s, &TRAIN));
    CHECK(strstr(kerf_last_error(), "Dropout drop: ratio ratio must be a constant, a single "
                                    "float") != NULL);
    destroy_network(&n);
    make_network(&n, &bad, KERF_F32);
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_plan_create(&p, n.g, n.s, &TRAIN));
    CHECK(strstr(kerf_last_error(), "ratio is 2, must be in [0, 1]") != NULL);
    destroy_network(&n);
}

/* Each drops half of its own: behind both a quarter is left, and not a half. */
static void test_two_drop_differently(void)
{
    float weight[NUM * CLASSES];
    train_layers(weight, &TRAIN, 0.5f, 1, 2);
    CHECK(num_dropped(weight) > NUM * 5 / 8 && num_dropped(weight) < NUM * 7 / 8);
}

int main(void)
{
    dev = check_open_device();
    for (int i = 0; i < NUM; i++)
        images[i] = 1;
    test_training_drops();
    test_two_drop_differently();
    test_evaluation_keeps();
    test_a_bad_ratio_is_named();
    kerf_device_close(dev);
    return check_result();
}
