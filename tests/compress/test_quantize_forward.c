/* test_quantize_forward.c -- what a step of training with roundings computes on its way forward is
 * what an evaluation computes, and the network that is written: every layer's integers, bit for
 * bit, where floats could not hold its sums, too, and where ranges are learned.  Its gradients are
 * those of a simulation in floats, which an Identity before each rounding makes of the same
 * network. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/kerf.h"
#include "network.h"
#include "op_check.h"

enum { BATCH = 4, CLASSES = 5, MOST_NAMES = 8, MOST = 1 << 17 };
static kerf_device *dev;

/* ---- networks ------------------------------------------------------------------------------ */

/* A network, what it takes, and the values that are rounded behind layers. */
typedef struct example {
    network n;
    kerf_shape shape;
    float samples[MOST];
    const char *names[MOST_NAMES];
    int fits_floats; /* which hold its sums, but for little */
} example;

static void fill(float *x, size_t num, unsigned seed, float least, float most)
{
    op_check_fill(x, num, seed);
    for (size_t i = 0; i < num; i++)
        x[i] = least + 0.5f * (x[i] + 1) * (most - least);
}

static kerf_value *weight(network *n, const char *name, kerf_shape shape, float least, float most)
{
    static float data[MOST];
    static unsigned seed;
    fill(data, (size_t)kerf_shape_num_elements(shape), ++seed, least, most);
    return network_weight(n, name, shape, data);
}

static kerf_value *conv(network *n, const char *name, kerf_value *x, kerf_shape weights, int group)
{
    char names[2][32];
    snprintf(names[0], sizeof names[0], "%s.weight", name);
    snprintf(names[1], sizeof names[1], "%s.bias", name);
    kerf_value *const inputs[] = {x, weight(n, names[0], weights, -0.5f, 0.5f),
                                  weight(n, names[1], KERF_SHAPE(weights.dims[0]), -0.2f, 0.2f)};
    return network_conv(n, name, inputs, 3, group);
}

/* To so many features by `num` weights each, which lie between the bounds, as the bias does. */
static kerf_value *linear(network *n, const char *name, kerf_value *x, int64_t features,
                          int64_t num, float least, float bias)
{
    char names[2][32];
    kerf_node *node;
    snprintf(names[0], sizeof names[0], "%s.weight", name);
    snprintf(names[1], sizeof names[1], "%s.bias", name);
    kerf_value *const inputs[] = {x, weight(n, names[0], KERF_SHAPE(features, num), least, 1),
                                  weight(n, names[1], KERF_SHAPE(features), bias - 0.1f, bias)};
    x = network_node(n, "Gemm", name, inputs, 3, &node);
    CHECK_OK(kerf_node_set_int(node, "transB", 1));
    return x;
}

static kerf_value *simple(network *n, const char *op, const char *name, kerf_value *v)
{
    kerf_node *node;
    v = network_node(n, op, name, &v, 1, &node);
    if (strcmp(op, "Clip") == 0) {
        CHECK_OK(kerf_node_set_float(node, "min", 0));
        CHECK_OK(kerf_node_set_float(node, "max", 0.6f));
    }
    return v;
}

static void end(example *e, kerf_value *v)
{
    CHECK_OK(kerf_value_rename(e->n.g, v, "logits"));
    CHECK_OK(kerf_graph_add_output(e->n.g, v));
}

/* Convolutions with and without an activation, a sum, one filter a channel, a mean. */
static void make_residual(example *e)
{
    enum { CHANNELS = 3, WIDTH = 16 };
    const int64_t side = op_check_small() ? 3 : 6;
    static const char *const NAMES[] = {"relu1", "conv2", "relu2", "clip", "gap", "logits"};
    const kerf_shape filters = KERF_SHAPE(WIDTH, WIDTH, 3, 3);
    network *n = &e->n;
    e->fits_floats = 1;
    memcpy(e->names, NAMES, sizeof NAMES);
    e->shape = KERF_SHAPE(BATCH, CHANNELS, side, side);
    fill(e->samples, (size_t)(BATCH * CHANNELS * side * side), 7, -1, 1);
    kerf_value *v = network_begin(n, dev, CHANNELS, side), *relu, *sum[2];
    relu = simple(n, "Relu", "relu1", conv(n, "conv1", v, KERF_SHAPE(WIDTH, CHANNELS, 3, 3), 1));
    sum[0] = conv(n, "conv2", relu, filters, 1);
    sum[1] = relu;
    kerf_node *node;
    v = simple(n, "Relu", "relu2", network_node(n, "Add", "sum", sum, 2, &node));
    v = simple(n, "Clip", "clip", conv(n, "conv3", v, KERF_SHAPE(WIDTH, 1, 3, 3), WIDTH));
    v = simple(n, "Flatten", "flat", simple(n, "GlobalAveragePool", "gap", v));
    end(e, linear(n, "fc", v, CLASSES, WIDTH, -1, 0));
}

/* Sums beyond 2^24, of which a bias leaves little: floats count them by steps of two and more. */
static void make_wide(example *e, int is_conv)
{
    enum { K = 8192, WIDTH = 16 };
    static const char *const NAMES[] = {"relu", "logits"};
    const float least = 0.98f, bias = -0.99f * 0.99f * K + 1;
    network *n = &e->n;
    memcpy(e->names, NAMES, sizeof NAMES);
    e->shape = KERF_SHAPE(BATCH, K, 1, 1);
    fill(e->samples, BATCH * K, 8, least, 1);
    kerf_value *v = network_begin(n, dev, K, 1);
    kerf_node *node;
    if (is_conv) {
        kerf_value *const inputs[] = {
            v, weight(n, "conv.weight", KERF_SHAPE(WIDTH, K, 1, 1), least, 1),
            weight(n, "conv.bias", KERF_SHAPE(WIDTH), bias - 0.1f, bias)};
        v = network_node(n, "Conv", "conv", inputs, 3, &node);
        v = simple(n, "Flatten", "flat", simple(n, "Relu", "relu", v));
    } else {
        v = simple(n, "Flatten", "flat", v);
        v = simple(n, "Relu", "relu", linear(n, "fc1", v, WIDTH, K, least, bias));
    }
    end(e, linear(n, "fc", v, CLASSES, WIDTH, -1, 0));
}

/* ---- what a layer gives -------------------------------------------------------------------- */

static kerf_optimizer optimizer(void)
{
    return (kerf_optimizer){.kind = KERF_SGD};
}

/* The numbers that the integers of a value stand for. */
static kerf_value *find_rounded(const kerf_graph *g, const char *name)
{
    char integers[64];
    snprintf(integers, sizeof integers, "%s_q", name);
    const kerf_value *q = kerf_graph_find(g, integers);
    for (size_t i = 0; i < g->num_nodes; i++)
        if (kerf__node_is(g->nodes[i], "DequantizeLinear") && g->nodes[i]->inputs[0] == q)
            return g->nodes[i]->outputs[0];
    printf("nothing is made of %s\n", integers);
    check_failures++;
    return NULL;
}

static void feed(kerf_plan *p, const example *e)
{
    static const int32_t LABELS[BATCH] = {0, 1, 2, 0};
    CHECK_OK(kerf_tensor_write(kerf_plan_input(p, "input"), e->samples));
    if (kerf_plan_input(p, "labels") != NULL) {
        CHECK_OK(kerf_tensor_write(kerf_plan_input(p, "labels"), LABELS));
        CHECK_OK(kerf_plan_set_step(p, &(kerf_step){.lr = 0.05f, .step = 1, .observe = 0.01f}));
    }
}

/* Runs the graph with value `name` at its end, where a loss is taken of it in training, and gives
 * back how many floats it has. */
static size_t run(const kerf_graph *from, const kerf_state *state, const example *e, kerf_mode mode,
                  const char *name, float *out)
{
    const kerf_plan_options o = {.mode = mode,
                                 .batch = BATCH,
                                 .output = "seen",
                                 .loss =
                                     mode == KERF_TRAIN ? KERF_LOSS_CROSS_ENTROPY : KERF_LOSS_NONE,
                                 .optimizer = optimizer()};
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    kerf_node *node;
    CHECK_OK(kerf_graph_copy(&g, from));
    CHECK_OK(kerf_state_copy(&s, state, dev));
    kerf_value *v = find_rounded(g, name);
    CHECK_OK(kerf_graph_add_node(g, "Flatten", "seen", &v, 1, 1, &node));
    CHECK_OK(kerf_graph_add_output(g, node->outputs[0]));
    CHECK_OK(kerf_plan_create(&p, g, s, &o));
    feed(p, e);
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, "seen"), out));
    const size_t num = kerf_tensor_num_elements(kerf_plan_output(p, "seen"));
    kerf_plan_destroy(p);
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
    return num;
}

static int num_different(const float *a, const float *b, size_t num)
{
    int different = 0;
    for (size_t i = 0; i < num; i++)
        different += memcmp(&a[i], &b[i], sizeof *a) != 0;
    return different;
}

/* Of those that are rounded, the first to look at: what is behind hangs on it. */
static int first_name(const example *e)
{
    int num = 0;
    while (num < MOST_NAMES && e->names[num] != NULL)
        num++;
    return op_check_small() ? num - 2 : 0;
}

/* The network in training, evaluated, as it is written, and simulated; how many numbers of the
 * simulation differ. */
static int check_layers(const example *e, const kerf_graph *rounding, const kerf_graph *simulation,
                        const kerf_graph *written, const kerf_state *written_state)
{
    static float trained[MOST], other[MOST];
    const kerf_state *s = e->n.s;
    int simulated = 0;
    for (int i = first_name(e); i < MOST_NAMES && e->names[i] != NULL; i++) {
        const char *name = e->names[i];
        const size_t num = run(rounding, s, e, KERF_TRAIN, name, trained);
        CHECK(run(rounding, s, e, KERF_EVALUATE, name, other) == num);
        int different = num_different(trained, other, num);
        CHECK(run(written, written_state, e, KERF_EVALUATE, name, other) == num);
        different += num_different(trained, other, num);
        run(simulation, s, e, KERF_TRAIN, name, other);
        simulated += num_different(trained, other, num);
        if (different > 0) {
            printf("%s: %d of %zu are others in training\n", name, different, num);
            check_failures++;
        }
    }
    return simulated;
}

/* ---- gradients ----------------------------------------------------------------------------- */

/* No product stands right before its rounding. */
static kerf_graph *simulate(const kerf_graph *rounding)
{
    kerf_graph *g;
    kerf_node *node;
    CHECK_OK(kerf_graph_copy(&g, rounding));
    const size_t num = g->num_nodes;
    for (size_t i = 0; i < num; i++) {
        kerf_node *n = g->nodes[i];
        if (!kerf__node_is(n, "QuantizeLinear") || n->inputs[0]->producer == NULL)
            continue;
        CHECK_OK(kerf_graph_add_node(g, "Identity", NULL, n->inputs, 1, 1, &node));
        kerf__node_set_input(n, 0, node->outputs[0]);
    }
    CHECK_OK(kerf__graph_sort(g));
    return g;
}

static int has_step(const kerf_plan *p, const char *op, const char *direction)
{
    int num = 0;
    for (int i = 0; i < kerf_plan_num_steps(p); i++) {
        kerf_plan_step step;
        CHECK_OK(kerf_plan_get_step(p, i, &step));
        num += strcmp(step.op, op) == 0 && strcmp(step.direction, direction) == 0;
    }
    return num > 0;
}

/* Floats multiply backwards alone, and those that gradients alone read are made there. */
static void check_steps(const kerf_plan *p, int is_simulation)
{
    CHECK(has_step(p, "Conv", "forward") == is_simulation);
    CHECK(has_step(p, "QLinearConv", "forward") == !is_simulation);
    CHECK(has_step(p, "DequantizeLinear", "backward") == !is_simulation);
}

/* A step of training; the state is the caller's. */
static kerf_state *train(const kerf_graph *g, const example *e, int is_simulation)
{
    const kerf_plan_options o = {.mode = KERF_TRAIN,
                                 .batch = BATCH,
                                 .loss = KERF_LOSS_CROSS_ENTROPY,
                                 .optimizer = optimizer()};
    kerf_state *s;
    kerf_plan *p;
    CHECK_OK(kerf_state_copy(&s, e->n.s, dev));
    CHECK_OK(kerf_plan_create(&p, g, s, &o));
    check_steps(p, is_simulation);
    feed(p, e);
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_device_finish(dev));
    kerf_plan_destroy(p);
    return s;
}

/* By how much weights changed; all of them one behind the other. */
static size_t read_changes(const kerf_state *s, const kerf_state *before, float *out)
{
    static float was[MOST];
    size_t num = 0;
    for (int id = 0; id < kerf_state_num_ids(before); id++) {
        const kerf_state_entry *entry = kerf_state_get(before, id);
        if (entry == NULL) /* calibration's, gone again */
            continue;
        const size_t count = kerf_tensor_num_elements(entry->tensor);
        CHECK_OK(kerf_state_read(before, id, was));
        CHECK_OK(kerf_state_read(s, id, out + num));
        for (size_t i = 0; i < count; i++)
            out[num + i] -= was[i];
        num += count;
    }
    return num;
}

static double norm(const float *x, size_t num)
{
    double sum = 0;
    for (size_t i = 0; i < num; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* Few numbers round another way in floats, or end on another side of a bound, so weights go the
 * same way but for a little; the same training twice goes the same way, bit for bit. */
static void check_gradients(const example *e, const kerf_graph *rounding,
                            const kerf_graph *simulation)
{
    static float changes[3][2 * MOST];
    kerf_state *states[3];
    size_t num = 0;
    states[0] = train(rounding, e, 0);
    states[1] = train(rounding, e, 0);
    states[2] = train(simulation, e, 1);
    for (int i = 0; i < 3; i++) {
        num = read_changes(states[i], e->n.s, changes[i]);
        kerf_state_destroy(states[i]);
    }
    const double size = norm(changes[2], num);
    CHECK(size > 0 && memcmp(changes[0], changes[1], num * sizeof **changes) == 0);
    for (size_t i = 0; i < num; i++)
        changes[1][i] -= changes[2][i];
    if (!(norm(changes[1], num) < 0.1 * size)) {
        printf("changes of size %g are %g off\n", size, norm(changes[1], num));
        check_failures++;
    }
}

/* ---- all of it ----------------------------------------------------------------------------- */

static kerf_ranges *find_ranges(const example *e, const kerf_quantize_options *o)
{
    const kerf_calibrate_options how = {.samples = BATCH, .batch = BATCH, .seed = 1, .prep = "raw"};
    kerf_dataset *d = network_data(e->shape, e->samples, NULL);
    kerf_ranges *r;
    CHECK_OK(kerf_calibrate(&r, e->n.g, e->n.s, d, o, &how));
    kerf_dataset_close(d);
    return r;
}

/* How many numbers floats round another way. */
static int check_example(example *e, kerf_type weights, kerf_type activations, int learns)
{
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    kerf_graph *rounding, *written;
    kerf_ranges *learned = NULL;
    kerf_state *s;
    o.weights = weights;
    o.activations = activations;
    kerf_ranges *r = find_ranges(e, &o);
    o.ranges = r;
    o.learn_ranges = learns;
    CHECK_OK(kerf_quantize_rounding(&rounding, e->n.g, learns ? e->n.s : NULL, &o));
    CHECK_OK(kerf_graph_copy(&written, e->n.g));
    CHECK_OK(kerf_state_copy(&s, e->n.s, dev));
    if (learns) {
        CHECK_OK(kerf_quantize_take_ranges(&learned, e->n.g, s, &o));
        o.ranges = learned;
    }
    CHECK_OK(kerf_quantize(written, s, &o));
    kerf_graph *simulation = simulate(rounding);
    const int different = check_layers(e, rounding, simulation, written, s);
    if (e->fits_floats)
        check_gradients(e, rounding, simulation);
    kerf_graph_destroy(simulation);
    kerf_graph_destroy(rounding);
    kerf_graph_destroy(written);
    kerf_state_destroy(s);
    kerf_ranges_destroy(learned);
    kerf_ranges_destroy(r);
    network_end(&e->n);
    return different;
}

static void test_layers(kerf_type weights, kerf_type activations, int learns)
{
    static example e;
    make_residual(&e);
    check_example(&e, weights, activations, learns);
}

static void test_long_sums(int is_conv)
{
    static example e;
    memset(e.names, 0, sizeof e.names);
    make_wide(&e, is_conv);
    CHECK(check_example(&e, KERF_S8, KERF_U8, 0) > 0); /* else nothing was shown */
}

int main(void)
{
    dev = check_open_device();
    test_layers(KERF_S8, KERF_U8, 0);
    if (!op_check_small()) {
        test_layers(KERF_S4, KERF_S8, 0);
        test_layers(KERF_S2, KERF_U8, 1);
        test_layers(KERF_S4, KERF_S8, 1);
        test_long_sums(1);
        test_long_sums(0);
    }
    kerf_device_close(dev);
    return check_result();
}
