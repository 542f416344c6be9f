/* test_skip_channels.c -- channels that gates drop are not computed: the same results as where all
 * of them are, for one sample and for several, each of which has its own. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "compress/network.h"
#include "op_check.h"
#include "plan/plan_internal.h"

enum { SIDE = 24, CHANNELS = 64, INPUT = 4 * SIDE * SIDE, BATCH = 3 };
enum { OUTPUT = CHANNELS * SIDE * SIDE * 5 / 4 }; /* of a sample */
static kerf_device *dev;
static float x[BATCH * INPUT];

static kerf_value *random_weight(network *n, const char *name, kerf_shape shape, float scale)
{
    static unsigned seed;
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    float *data = malloc((num + 1) * sizeof *data);
    op_check_fill(data, num, ++seed);
    for (size_t i = 0; i < num; i++)
        data[i] *= scale;
    kerf_value *v = network_weight(n, name, shape, data);
    free(data);
    return v;
}

static kerf_value *conv(network *n, const char *name, kerf_value *v, int64_t inputs)
{
    char text[64];
    kerf_value *in[3] = {v};
    snprintf(text, sizeof text, "%s.weight", name);
    in[1] = random_weight(n, text, KERF_SHAPE(CHANNELS, inputs, 3, 3), 0.1f);
    snprintf(text, sizeof text, "%s.bias", name);
    in[2] = random_weight(n, text, KERF_SHAPE(CHANNELS), 0.5f);
    return network_conv(n, name, in, 3, 1);
}

static kerf_value *one(network *n, const char *op, const char *name, kerf_value *v)
{
    kerf_node *node;
    return network_node(n, op, name, &v, 1, &node);
}

/* What the states of a batch normalization are. */
static kerf_value *norm(network *n, kerf_value *v)
{
    static const char *const NAMES[] = {"scale", "offset", "mean", "variance"};
    kerf_value *in[5] = {v};
    kerf_node *node;
    float data[CHANNELS];
    for (int i = 0; i < 4; i++) {
        op_check_fill(data, CHANNELS, 50 + (unsigned)i);
        for (int c = 0; c < CHANNELS; c++)
            data[c] = i % 3 == 0 ? 1 + data[c] / 2 : data[c] / 4;
        in[i + 1] = network_weight(n, NAMES[i], KERF_SHAPE(CHANNELS), data);
    }
    return network_node(n, "BatchNormalization", "norm", in, 5, &node);
}

/* A gate's result goes through all that follows it: a layer with a gate, one without, and a sum,
 * which wants all channels. */
static network make(int has_norm)
{
    network n;
    kerf_node *node;
    kerf_value *v = network_begin(&n, dev, 4, SIDE);
    v = one(&n, "Relu", "relu0", conv(&n, "conv0", v, 4));
    kerf_value *first = conv(&n, "conv1", v, CHANNELS);
    first = one(&n, "Relu", "relu1", has_norm ? norm(&n, first) : first);
    kerf_value *second = one(&n, "Relu", "relu2", conv(&n, "conv2", first, CHANNELS));
    v = network_node(&n, "Add", "sum", (kerf_value *[]){first, second}, 2, &node);
    v = conv(&n, "conv3", network_pool(&n, "pool", second), CHANNELS);
    CHECK_OK(kerf_graph_add_output(n.g, node->outputs[0]));
    CHECK_OK(kerf_graph_add_output(n.g, v));
    return n;
}

static void fill_gates(const network *n, const char *const *names, int num)
{
    float w[CHANNELS * CHANNELS];
    for (int i = 0; i < num; i++) {
        const kerf_state_entry *e = kerf_state_find(n->s, names[i]);
        op_check_fill(w, CHANNELS * CHANNELS, 90 + (unsigned)i);
        CHECK_OK(kerf_state_write(n->s, e->id, w));
    }
}

static int count(const kerf_plan *p, const char *op)
{
    int num = 0;
    for (size_t i = 0; i < p->graph->num_nodes; i++)
        num += kerf__node_is(p->graph->nodes[i], op);
    return num;
}

/* Of each sample the two outputs that make() has named, one behind the other. */
static void read_outputs(const kerf_graph *g, kerf_plan *p, int64_t batch, float *out)
{
    for (int i = 0; i < 2; i++) {
        const kerf_tensor *t = kerf_plan_output(p, kerf_value_name(kerf_graph_output(g, i)));
        const size_t num = kerf_tensor_num_elements(t) / (size_t)batch;
        float *read = malloc(num * (size_t)batch * sizeof *read);
        CHECK_OK(kerf_tensor_read(t, read));
        for (int64_t k = 0; k < batch; k++)
            memcpy(out + k * OUTPUT, read + (size_t)k * num, num * sizeof *read);
        out += num;
        free(read);
    }
}

/* How many gates are skipped by; the multiply-adds of a sample. */
static int run(const network *n, const kerf_graph *g, int64_t batch, float *out, double *macs)
{
    kerf_plan *plan;
    CHECK_OK(kerf_plan_create(&plan, g, n->s,
                              &(kerf_plan_options){.mode = KERF_EVALUATE, .batch = batch}));
    const int num = count(plan, "kerf.TopChannels");
    *macs = kerf_plan_macs(plan) / (double)batch;
    CHECK_OK(kerf_tensor_write(kerf_plan_input(plan, "input"), x));
    CHECK_OK(kerf_plan_run(plan));
    read_outputs(g, plan, batch, out);
    kerf_plan_destroy(plan);
    return num;
}

/* Whoever wants what a convolution makes gets all of it. */
static void run_whole(const network *n, float *out, double *macs)
{
    static const char *const WANTED[] = {"conv1.gated", "conv2.gated"};
    kerf_graph *g;
    CHECK_OK(kerf_graph_copy(&g, n->g));
    for (int i = 0; i < 2; i++)
        CHECK_OK(kerf_graph_add_output(g, kerf_graph_find(g, WANTED[i])->producer->inputs[0]));
    CHECK(run(n, g, BATCH, out, macs) == 0);
    kerf_graph_destroy(g);
}

/* Several samples: in groups of whole blocks, which are CPU devices'. */
static void test_same(int has_norm, double keep, int want_alone, int want_together)
{
    static float some[BATCH * OUTPUT], whole[BATCH * OUTPUT];
    static double want[BATCH * OUTPUT];
    static const char *const GATES[] = {"conv1.gate.weight", "conv2.gate.weight"};
    static const char *const LAYERS[] = {"conv1", "conv2"};
    const double tolerance = 16 * check_tolerance(8, CHANNELS * 9);
    const double layer = 9.0 * CHANNELS * CHANNELS * SIDE * SIDE;
    const double saved = layer * (2 - keep - keep * keep);
    double whole_macs, macs;
    network n = make(has_norm);
    CHECK_OK(kerf_boost_mark(
        n.g, n.s, &(kerf_boost_options){.keep = keep, .layers = LAYERS, .num_layers = 2}));
    fill_gates(&n, GATES, 2);
    run_whole(&n, whole, &whole_macs);
    for (int i = 0; i < BATCH * OUTPUT; i++)
        want[i] = (double)whole[i];
    CHECK(run(&n, n.g, 1, some, &macs) == want_alone);
    CHECK(macs == whole_macs - saved);
    check_close("alone", some, want, OUTPUT, tolerance);
    CHECK(run(&n, n.g, BATCH, some, &macs) == want_together * kerf__plan_lays(dev));
    CHECK(macs == whole_macs - (want_together && kerf__plan_lays(dev) ? saved : 0));
    check_close("together", some, want, BATCH * OUTPUT, tolerance);
    network_end(&n);
}

/* ---- where it does not pay ------------------------------------------------------------------- */

/* A gate is one launch, and Relu behind it a part of the convolution; where it is trained,
 * gradients read what lies between. */
static void test_fused(void)
{
    static const char *const LAYERS = "conv[12]";
    static const struct {
        kerf_plan_options options;
        int fused, relus;
    } CASES[] = {
        {{.mode = KERF_EVALUATE, .batch = 2}, 2, 0},
        {{.mode = KERF_TRAIN, .batch = 2, .loss = KERF_LOSS_GIVEN, .output = "loss"}, 0, 2}};
    network n = make(1);
    kerf_node *node;
    kerf_value *loss = kerf_graph_find(n.g, "sum");
    CHECK_OK(kerf_boost_mark(
        n.g, n.s, &(kerf_boost_options){.keep = 0.375, .layers = &LAYERS, .num_layers = 1}));
    loss = network_node(&n, "ReduceSum", "loss", &loss, 1, &node);
    CHECK_OK(kerf_node_set_int(node, "keepdims", 0));
    CHECK_OK(kerf_graph_add_output(n.g, loss));
    for (int i = 0; i < 2; i++) {
        kerf_plan *p;
        CHECK_OK(kerf_plan_create(&p, n.g, n.s, &CASES[i].options));
        CHECK(count(p, "kerf.KeepChannels") == CASES[i].fused);
        CHECK(count(p, "Greater") == 2 - CASES[i].fused);
        CHECK(count(p, "Relu") == CASES[i].relus);
        kerf_plan_destroy(p);
    }
    network_end(&n);
}

int main(void)
{
    dev = check_open_device();
    op_check_fill(x, BATCH * INPUT, 1);
    if (op_check_small()) /* what is worth it takes hours there; its kernels have tests of their own
                           */
        return check_result();
    test_same(0, 0.25, 2, 2);
    test_same(1, 0.25, 2, 2);
    test_same(1, 0.375, 2, 0); /* 24 channels are no whole blocks */
    test_same(0, 1, 0, 0);
    test_fused();
    kerf_device_close(dev);
    return check_result();
}
