/* test_store_halves.c -- a plan of precision f16 computes what one of f32 does, but for roundings;
 * where Casts stand; and what weights take. */
#include <string.h>

#include "device/tuning.h"
#include "op_check.h"
#include "plan/plan_internal.h"

enum { CHANNELS = 32, SIZE = 8, NUM = 2 * CHANNELS * SIZE * SIZE, NUM_CLASSES = 10 };

static float x[NUM], weights[4 * CHANNELS * CHANNELS * 9];

static kerf_value *add(kerf_graph *g, const char *op, kerf_value *a, kerf_value *b, kerf_node **n)
{
    CHECK_OK(kerf_graph_add_node(g, op, NULL, (kerf_value *[]){a, b}, b != NULL ? 2 : 1, 1, n));
    return (*n)->outputs[0];
}

static kerf_value *add_weights(kerf_graph *g, kerf_state *s, const char *name, kerf_shape shape,
                               const float *data)
{
    int id;
    kerf_value *v;
    CHECK_OK(kerf_state_add(s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_state_write(s, id, data));
    CHECK_OK(kerf_graph_add_state(g, name, id, KERF_F32, shape, &v));
    return v;
}

/* Convolutions as Winograd's method likes them and of one pixel, depth-wise and with a residual,
 * pooling, a node that has no halves (Exp), a view, and a matrix. */
static void build(kerf_graph *g, kerf_state *s)
{
    const int64_t pads[] = {1, 1, 1, 1};
    kerf_node *n;
    kerf_value *v, *w, *first;
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(2, CHANNELS, SIZE, SIZE), &v));
    w = add_weights(g, s, "w1", KERF_SHAPE(CHANNELS, CHANNELS, 3, 3), weights);
    first = v = add(g, "Conv", v, w, &n);
    CHECK_OK(kerf_node_set_ints(n, "pads", pads, 4));
    w = add_weights(g, s, "w2", KERF_SHAPE(CHANNELS, CHANNELS, 1, 1), weights + 500);
    v = add(g, "Relu", add(g, "Conv", v, w, &n), NULL, &n);
    w = add_weights(g, s, "w3", KERF_SHAPE(CHANNELS, 1, 3, 3), weights + 900);
    v = add(g, "Conv", v, w, &n);
    CHECK_OK(kerf_node_set_ints(n, "pads", pads, 4));
    CHECK_OK(kerf_node_set_int(n, "group", CHANNELS));
    v = add(g, "Add", v, first, &n);
    v = add(g, "MaxPool", v, NULL, &n);
    CHECK_OK(kerf_node_set_ints(n, "kernel_shape", (int64_t[]){2, 2}, 2));
    CHECK_OK(kerf_node_set_ints(n, "strides", (int64_t[]){2, 2}, 2));
    v = add(g, "Tanh", v, NULL, &n);
    v = add(g, "GlobalAveragePool", v, NULL, &n);
    v = add(g, "Flatten", v, NULL, &n);
    w = add_weights(g, s, "w4", KERF_SHAPE(CHANNELS, NUM_CLASSES), weights + 1300);
    v = add(g, "Gemm", v, w, &n);
    CHECK_OK(kerf_graph_add_output(g, v));
}

static int count(const kerf_plan *p, const char *op, kerf_type type)
{
    int num = 0;
    for (size_t i = 0; i < p->graph->num_nodes; i++)
        num +=
            strcmp(p->graph->nodes[i]->op, op) == 0 && p->graph->nodes[i]->outputs[0]->type == type;
    return num;
}

static size_t run(kerf_device *dev, kerf_precision precision, float *y)
{
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_state_create(&s, dev));
    build(g, s);
    const kerf_plan_options options = {.batch = 2, .precision = precision};
    CHECK_OK(kerf_plan_create(&p, g, s, &options));
    CHECK(count(p, "Conv", precision == KERF_PRECISION_F16 ? KERF_F16 : KERF_F32) == 3);
    CHECK(count(p, "Gemm", precision == KERF_PRECISION_F16 ? KERF_F16 : KERF_F32) == 1);
    const kerf_tensor *out = kerf_plan_output(p, kerf_value_name(kerf_graph_output(g, 0)));
    CHECK(kerf_tensor_type(out) == KERF_F32);
    CHECK_OK(kerf_plan_feed(p, "x", x, sizeof x));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(out, y));
    CHECK_OK(kerf_plan_verify(p));
    const size_t bytes = kerf_plan_arena_bytes(p);
    kerf_plan_destroy(p);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return bytes;
}

/* Between layers a number is rounded by 2^-11 of itself at most; so are weights.  Sums of n terms
 * carry that on at random. */
static void test_as_floats(kerf_device *dev)
{
    float want[2 * NUM_CLASSES], got[2 * NUM_CLASSES];
    double wanted[2 * NUM_CLASSES];
    const size_t whole = run(dev, KERF_PRECISION_F32, want);
    const size_t half = run(dev, KERF_PRECISION_F16, got);
    int same = 1;
    for (int i = 0; i < 2 * NUM_CLASSES; i++) {
        wanted[i] = (double)want[i];
        same &= want[i] == got[i];
    }
    check_close("f16", got, wanted, 2 * NUM_CLASSES, 4 * 0x1p-11 * sqrt(CHANNELS));
    CHECK(!same);
    CHECK(half < whole);
}

/* A layer's sums do not fit: it is named, and not the one that makes no numbers of them.  A number
 * that comes in infinite is nobody's fault. */
static void test_overflow(kerf_device *dev)
{
    enum { BATCH = 2, NUM_IN = BATCH * CHANNELS };
    float in[NUM_IN], large[CHANNELS * CHANNELS];
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    kerf_value *v;
    kerf_node *n;
    for (int i = 0; i < CHANNELS * CHANNELS; i++)
        large[i] = 1000.0f;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_state_create(&s, dev));
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(BATCH, CHANNELS), &v));
    v = add(g, "Gemm", v, add_weights(g, s, "w1", KERF_SHAPE(CHANNELS, CHANNELS), large), &n);
    const char *first = kerf_node_name(n);
    v = add(g, "Gemm", v, add_weights(g, s, "w2", KERF_SHAPE(CHANNELS, CHANNELS), weights), &n);
    CHECK_OK(kerf_graph_add_output(g, v));
    for (int run = 0; run < 3; run++) {
        static const float INPUTS[] = {1.0f, 100.0f, INFINITY};
        const kerf_plan_options options = {.batch = BATCH, .precision = KERF_PRECISION_F16};
        for (int i = 0; i < NUM_IN; i++)
            in[i] = INPUTS[run];
        CHECK_OK(kerf_plan_create(&p, g, s, &options));
        CHECK_OK(kerf_plan_feed(p, "x", in, sizeof in));
        CHECK_OK(kerf_plan_run(p));
        CHECK_STATUS(run == 1 ? KERF_ERR_ARGUMENT : KERF_OK, kerf_plan_check_halves(p));
        char want[200];
        snprintf(want, sizeof want, "plan: %s: has a number beyond 65504", first);
        CHECK(run != 1 || strncmp(kerf_last_error(), want, strlen(want)) == 0);
        kerf_plan_destroy(p);
    }
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

static kerf_precision choose(kerf_device *dev, int is_huge, const char *known)
{
    kerf_graph *g;
    kerf_state *s;
    kerf_value *v;
    kerf_node *n;
    char *key;
    kerf_precision precision;
    float huge[CHANNELS * CHANNELS];
    for (int i = 0; i < CHANNELS * CHANNELS; i++)
        huge[i] = i % 3 == 0 ? 60000.0f : -50000.0f;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_state_create(&s, dev));
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(2, CHANNELS), &v));
    v = add(g, "Gemm", v,
            add_weights(g, s, "w", KERF_SHAPE(CHANNELS, CHANNELS), is_huge ? huge : weights), &n);
    CHECK_OK(kerf_graph_add_output(g, v));
    const kerf_tune_target target = {g, s, {.batch = 2, .precision = KERF_PRECISION_F32}};
    CHECK_OK(kerf__plan_precision_key(&key, &target));
    if (known != NULL)
        CHECK_OK(kerf__tuning_set(dev, key, known, 1));
    CHECK_OK(kerf_plan_choose_precision(&target, &target, &precision));
    CHECK(strcmp(kerf__tuning_find(dev, key), kerf_precision_name(precision)) == 0);
    free(key);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return precision;
}

/* Where halves do not agree it is floats, whatever is faster.  What was found is kept, of these
 * weights alone; a word that is none is measured anew. */
static void test_choice(kerf_device *dev)
{
    CHECK(choose(dev, 1, NULL) == KERF_PRECISION_F32);
    CHECK(choose(dev, 0, "f16") == KERF_PRECISION_F16);
    CHECK(choose(dev, 0, NULL) == KERF_PRECISION_F16);
    CHECK(choose(dev, 1, NULL) == KERF_PRECISION_F32);
    CHECK(choose(dev, 1, "f8") == KERF_PRECISION_F32);
    CHECK(choose(dev, 0, "f32") == KERF_PRECISION_F32);
}

static void test_refused(kerf_device *dev)
{
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_state_create(&s, dev));
    build(g, s);
    const kerf_plan_options options = {.mode = KERF_TRAIN,
                                       .batch = 2,
                                       .loss = KERF_LOSS_CROSS_ENTROPY,
                                       .precision = KERF_PRECISION_F16};
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_create(&p, g, s, &options));
    CHECK(strstr(kerf_last_error(), "precision must be f32 or mixed in training") != NULL);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

int main(void)
{
    kerf_device *dev = check_open_device();
    op_check_fill(x, NUM, 1);
    op_check_fill(weights, sizeof weights / sizeof weights[0], 2);
    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++)
        weights[i] *= 0.25f;
    test_as_floats(dev);
    test_overflow(dev);
    test_choice(dev);
    test_refused(dev);
    kerf_device_close(dev);
    return check_result();
}
