/* test_mixed.c -- a plan of precision mixed beside one of f32: gradients of every kind of layer; a
 * step whose gradients are no numbers changes nothing; the scale goes up and down; bits stay. */
#include "op_check.h"
#include "plan/plan_internal.h"

enum { BATCH = 4, CHANNELS = 16, SIZE = 8, NUM_CLASSES = 5 };
enum { NUM = BATCH * CHANNELS * SIZE * SIZE, MOST = 16 * 16 * 9 };
static const float LR = 0.5f;

static kerf_device *dev;
static float x[NUM], weights[MOST + 200];
static int32_t labels[BATCH];

/* ---- the network ------------------------------------------------------------------- */

typedef struct net {
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    int num; /* states so far: each begins elsewhere in `weights` */
} net;

static kerf_value *add_state(net *n, kerf_role role, kerf_shape shape, const float *data)
{
    char name[32];
    kerf_value *v;
    int id;
    snprintf(name, sizeof name, "s%d", n->num++);
    CHECK_OK(kerf_state_add(n->s, name, role, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_state_write(n->s, id, data));
    CHECK_OK(kerf_graph_add_state(n->g, name, id, KERF_F32, shape, &v));
    return v;
}

static kerf_value *weight(net *n, kerf_shape shape)
{
    return add_state(n, KERF_ROLE_WEIGHT, shape, weights + 17 * n->num);
}

static kerf_node *add(net *n, const char *op, kerf_value *const *inputs, int num_inputs)
{
    kerf_node *node;
    CHECK_OK(kerf_graph_add_node(n->g, op, NULL, inputs, num_inputs, 1, &node));
    return node;
}

static kerf_value *add_simple(net *n, const char *op, kerf_value *a, kerf_value *b)
{
    return add(n, op, (kerf_value *[]){a, b}, b != NULL ? 2 : 1)->outputs[0];
}

/* A bias before a norm would have no gradient. */
static kerf_value *add_conv(net *n, kerf_value *v, int groups, int has_bias)
{
    const int64_t pads[] = {1, 1, 1, 1};
    kerf_value *inputs[3] = {v, weight(n, KERF_SHAPE(CHANNELS, CHANNELS / groups, 3, 3))};
    if (has_bias)
        inputs[2] = weight(n, KERF_SHAPE(CHANNELS));
    kerf_node *node = add(n, "Conv", inputs, has_bias ? 3 : 2);
    CHECK_OK(kerf_node_set_ints(node, "pads", pads, 4));
    CHECK_OK(kerf_node_set_int(node, "group", groups));
    return node->outputs[0];
}

static kerf_value *add_norm(net *n, kerf_value *v)
{
    float zeros[CHANNELS] = {0}, ones[CHANNELS];
    kerf_value *inputs[5] = {v};
    for (int i = 0; i < CHANNELS; i++)
        ones[i] = 1;
    inputs[1] = add_state(n, KERF_ROLE_WEIGHT, KERF_SHAPE(CHANNELS), ones);
    inputs[2] = weight(n, KERF_SHAPE(CHANNELS));
    inputs[3] = add_state(n, KERF_ROLE_STATISTIC, KERF_SHAPE(CHANNELS), zeros);
    inputs[4] = add_state(n, KERF_ROLE_STATISTIC, KERF_SHAPE(CHANNELS), ones);
    return add(n, "BatchNormalization", inputs, 5)->outputs[0];
}

static kerf_value *add_pool(net *n, const char *op, kerf_value *v)
{
    const int64_t two[] = {2, 2};
    kerf_node *node = add(n, op, &v, 1);
    CHECK_OK(kerf_node_set_ints(node, "kernel_shape", two, 2));
    CHECK_OK(kerf_node_set_ints(node, "strides", two, 2));
    return node->outputs[0];
}

/* Convolutions, one of them depth-wise, with batch norm, a residual, activations that remember what
 * they get or what they give, both poolings, one that goes back up, a product and a layer. */
static void build(net *n)
{
    kerf_value *v, *first;
    *n = (net){0};
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    CHECK_OK(
        kerf_graph_add_input(n->g, "x", KERF_F32, KERF_SHAPE(BATCH, CHANNELS, SIZE, SIZE), &v));
    first = v = add_simple(n, "Relu", add_norm(n, add_conv(n, v, 1, 0)), NULL);
    v = add_simple(n, "HardSwish", add_norm(n, add_conv(n, v, CHANNELS, 0)), NULL);
    v = add_simple(n, "Tanh", add_simple(n, "Add", add_conv(n, v, 1, 1), first), NULL);
    v = add_pool(n, "AveragePool", add_pool(n, "MaxPool", v));
    v = add_simple(n, "ConvTranspose", v, weight(n, KERF_SHAPE(CHANNELS, 6, 2, 2)));
    v = add_simple(n, "Flatten", v, NULL);
    v = add_simple(n, "Relu", add_simple(n, "MatMul", v, weight(n, KERF_SHAPE(54, 20))), NULL);
    v = add(n, "Gemm",
            (kerf_value *[]){v, weight(n, KERF_SHAPE(20, NUM_CLASSES)),
                             weight(n, KERF_SHAPE(NUM_CLASSES))},
            3)
            ->outputs[0];
    CHECK_OK(kerf_graph_add_output(n->g, v));
}

static kerf_plan_options options_of(kerf_precision precision)
{
    return (kerf_plan_options){.mode = KERF_TRAIN,
                               .batch = BATCH,
                               .loss = KERF_LOSS_CROSS_ENTROPY,
                               .optimizer = {.kind = KERF_SGD, .momentum = 0.5f},
                               .precision = precision};
}

static net begin(kerf_plan_options options)
{
    net n;
    build(&n);
    CHECK_OK(kerf_plan_create(&n.p, n.g, n.s, &options));
    CHECK_OK(kerf_plan_verify(n.p));
    return n;
}

static void end(net *n)
{
    kerf_plan_destroy(n->p);
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

static void run(const net *n, int step)
{
    CHECK_OK(kerf_plan_feed(n->p, "x", x, sizeof x));
    CHECK_OK(kerf_plan_feed(n->p, "labels", labels, sizeof labels));
    CHECK_OK(kerf_plan_set_step(n->p, &(kerf_step){.lr = LR, .step = step, .share = 0.5f}));
    CHECK_OK(kerf_plan_run(n->p));
    CHECK_OK(kerf_device_finish(dev));
}

static kerf_loss_scale scale_of(const net *n)
{
    kerf_loss_scale scale;
    CHECK_OK(kerf_loss_scale_read(&scale, n->s));
    return scale;
}

/* ---- gradients --------------------------------------------------------------------- */

/* What a first step changes, one weight after the other, is the gradient times the learning rate.
 * Numbers are rounded by 2^-11 of themselves between layers, forth and back; sums of n terms, here
 * a convolution's gradient, carry that on at random. */
static void compare(const net *whole, const net *half, const net *before)
{
    const double tolerance = 8 * 0x1p-11 * sqrt(CHANNELS * 9);
    for (int id = 0; id < whole->num; id++) {
        const kerf_state_entry *e = kerf_state_get(whole->s, id);
        const size_t num = kerf_tensor_num_elements(e->tensor);
        float want[MOST], got[MOST], was[MOST];
        double wanted[MOST];
        CHECK_OK(kerf_state_read(whole->s, id, want));
        CHECK_OK(kerf_state_read(half->s, id, got));
        CHECK_OK(kerf_state_read(before->s, id, was));
        for (size_t i = 0; i < num; i++) {
            wanted[i] = (double)(want[i] - was[i]);
            got[i] -= was[i];
        }
        check_close(e->name, got, wanted, num, tolerance);
    }
}

static void test_gradients(double clip)
{
    kerf_plan_options options = options_of(KERF_PRECISION_F32);
    options.clip = clip;
    net before = begin(options), whole = begin(options);
    options.precision = KERF_PRECISION_MIXED;
    net half = begin(options);
    int num_halves = 0;
    for (size_t i = 0; i < half.p->graph->num_nodes; i++)
        num_halves += kerf__stores_halves(half.p->graph->nodes[i]);
    CHECK(num_halves >= 12); /* 7 layers and poolings forth, most of them back */
    run(&whole, 1);
    run(&half, 1);
    compare(&whole, &half, &before);
    CHECK(scale_of(&half).scale == 65536 && scale_of(&half).skipped == 0);
    CHECK(scale_of(&whole).scale == 0);
    end(&before);
    end(&whole);
    end(&half);
}

/* ---- steps that are skipped --------------------------------------------------------- */

/* 1 if all bits of the states of a network, moments and sums too, are those of the other, but for
 * what counts steps. */
static int same_bits(const net *a, const net *b)
{
    int same = 1;
    for (int id = 0; id < kerf_state_num_ids(a->s); id++) {
        const kerf_state_entry *e = kerf_state_get(a->s, id);
        const kerf_state_entry *other = kerf_state_find(b->s, e->name);
        unsigned char one[4 * MOST], two[4 * MOST];
        if (strncmp(e->name, "kerf.loss_scale", 15) == 0 || e->role == KERF_ROLE_GRADIENT)
            continue;
        CHECK_OK(kerf_state_read(a->s, id, one));
        CHECK_OK(kerf_state_read(b->s, other->id, two));
        same &= memcmp(one, two, kerf_tensor_size_bytes(e->tensor)) == 0;
    }
    return same;
}

/* From a scale that no gradient survives down to one that all do; from there on everything is as if
 * the scale had begun there. */
static void test_too_large(void)
{
    enum { MOST_STEPS = 64 };
    kerf_plan_options options = options_of(KERF_PRECISION_MIXED);
    options.loss_scale = 0x1p60;
    net still = begin(options), n = begin(options);
    int step = 0;
    do {
        CHECK(same_bits(&n, &still));
        CHECK(scale_of(&n).scale == ldexp(1, 60 - step) && scale_of(&n).skipped == step);
        run(&n, ++step);
    } while (scale_of(&n).skipped == step && step < MOST_STEPS);
    CHECK(step > 1 && step < MOST_STEPS && !same_bits(&n, &still));
    options.loss_scale = scale_of(&n).scale;
    net good = begin(options);
    run(&good, step);
    CHECK(same_bits(&n, &good));
    end(&still);
    end(&good);
    end(&n);
}

/* A number that is none goes into all of the forward pass: statistics and metrics stay, too. */
static void test_no_number(void)
{
    kerf_plan_options options = options_of(KERF_PRECISION_MIXED);
    options.loss_scale = 1;
    net still = begin(options), n = begin(options);
    kerf_metrics m;
    const float was = x[5];
    x[5] = NAN;
    run(&n, 1);
    x[5] = was;
    CHECK(same_bits(&n, &still) && scale_of(&n).scale == 1 && scale_of(&n).skipped == 1);
    CHECK_OK(kerf_plan_read_metrics(n.p, &m));
    CHECK(m.samples == 0 && m.loss == 0);
    run(&n, 2);
    CHECK(!same_bits(&n, &still));
    CHECK_OK(kerf_plan_read_metrics(n.p, &m));
    CHECK(m.samples == BATCH && isfinite(m.loss));
    end(&still);
    end(&n);
}

/* One bad run of several spoils the step, and not the next. */
static void test_sums(void)
{
    kerf_plan_options options = options_of(KERF_PRECISION_MIXED);
    options.runs_per_update = 2;
    net still = begin(options), n = begin(options), other = begin(options);
    const float was = x[5];
    x[5] = INFINITY;
    run(&n, 1);
    x[5] = was;
    run(&n, 1);
    CHECK_OK(kerf_plan_update(n.p));
    CHECK(same_bits(&n, &still) && scale_of(&n).skipped == 1 && scale_of(&n).scale == 32768);
    for (int i = 0; i < 2; i++) {
        run(&n, 1);
        run(&other, 1);
    }
    CHECK_OK(kerf_plan_update(n.p));
    CHECK_OK(kerf_plan_update(other.p));
    CHECK(!same_bits(&n, &still) && scale_of(&n).skipped == 1);
    compare(&other, &n, &still);
    end(&still);
    end(&other);
    end(&n);
}

/* ---- the scale ---------------------------------------------------------------------- */

static void test_growth(void)
{
    kerf_plan_options options = options_of(KERF_PRECISION_MIXED);
    options.loss_scale = 8;
    options.scale_steps = 2;
    net n = begin(options), again = begin(options);
    for (int step = 1; step <= 5; step++) {
        run(&n, step);
        run(&again, step);
        CHECK(scale_of(&n).scale == ldexp(8, step / 2));
    }
    CHECK(same_bits(&n, &again));
    options.loss_scale = 1e9; /* the state has one */
    kerf_plan_destroy(n.p);
    CHECK_OK(kerf_plan_create(&n.p, n.g, n.s, &options));
    run(&n, 6);
    run(&again, 6);
    CHECK(scale_of(&n).scale == 64 && same_bits(&n, &again));
    end(&n);
    end(&again);
}

static void check_refused(const net *n, kerf_plan_options options, const char *words)
{
    kerf_plan *p;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_create(&p, n->g, n->s, &options));
    CHECK(strstr(kerf_last_error(), words) != NULL);
}

static void test_refused(void)
{
    net n;
    build(&n);
    kerf_plan_options options = options_of(KERF_PRECISION_F16);
    check_refused(&n, options, "precision must be f32 or mixed in training");
    options = (kerf_plan_options){.batch = BATCH, .precision = KERF_PRECISION_MIXED};
    check_refused(&n, options, "f32 or f16 in an evaluation");
    options = options_of(KERF_PRECISION_MIXED);
    options.loss_scale = 0.5;
    check_refused(&n, options, "the loss is scaled by 0.5");
    end(&n);
}

int main(void)
{
    dev = check_open_device();
    op_check_fill(x, NUM, 1);
    op_check_fill(weights, sizeof weights / sizeof weights[0], 2);
    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++)
        weights[i] *= 0.25f;
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % NUM_CLASSES;
    test_gradients(0.01);
    if (!op_check_small()) {
        test_gradients(0);
        test_too_large();
        test_no_number();
        test_sums();
        test_growth();
        test_refused();
    }
    kerf_device_close(dev);
    return check_result();
}
