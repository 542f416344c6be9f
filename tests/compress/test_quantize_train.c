/* test_quantize_train.c -- training with roundings: what is trained is what is quantized
 * afterwards, integer by integer, by given ranges or by trained ones; it learns, and what was
 * pruned stays pruned. */
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/kerf.h"
#include "network.h"

enum { CHANNELS = 4, SIDE = 8, CLASSES = 3, FLAT = CHANNELS * 4 * 4, SAMPLES = 48 };
enum { NUM_SAMPLES = SAMPLES * SIDE * SIDE, NUM_CONV = CHANNELS * 9, NUM_FC = CLASSES * FLAT };

static kerf_device *dev;
static float samples[NUM_SAMPLES];
static int64_t labels[SAMPLES];

static float next_random(void)
{
    static unsigned x = 77;
    x = x * 1664525u + 1013904223u;
    return (float)(x >> 8) / 16777216.0f - 0.5f;
}

/* Classes are where an image is bright, in steps that a scale of 1/64 holds. */
static void fill_samples(void)
{
    for (int s = 0; s < SAMPLES; s++) {
        labels[s] = s % CLASSES;
        for (int i = 0; i < SIDE * SIDE; i++) {
            const float bright = i / SIDE / 3 == labels[s] ? 1.0f : 0.0f;
            samples[s * SIDE * SIDE + i] = rintf((bright + next_random()) * 64) / 64;
        }
    }
}

/* Random numbers, the largest of each channel of `most` steps of 1/64: the scale is a power of 2.
 */
static void fill(float *x, int num, int a_channel, int most)
{
    for (int i = 0; i < num; i++) {
        const int sign = next_random() < 0 ? -1 : 1;
        x[i] = i % a_channel == 3 ? (float)(sign * most) / 64 : next_random() * (float)most / 64;
    }
}

/* Numbers that no scale holds. */
static void fill_any(float *x, int num)
{
    for (int i = 0; i < num; i++)
        x[i] = 1.7f * next_random();
}

/* Conv, Relu, MaxPool, Flatten, Gemm; biases in steps of the sums, as the scales are 1/64.  With no
 * most: any numbers. */
static network make(int conv_most, int fc_most)
{
    float conv[NUM_CONV], fc[NUM_FC], bias[CHANNELS];
    fill(conv, NUM_CONV, 9, conv_most);
    fill(fc, NUM_FC, FLAT, fc_most);
    for (int i = 0; i < CHANNELS; i++)
        bias[i] = (float)(i - 1) / 8;
    if (conv_most == 0) {
        fill_any(conv, NUM_CONV);
        fill_any(fc, NUM_FC);
        fill_any(bias, CHANNELS);
    }
    return network_small(dev, SIDE, CHANNELS, conv, bias, KERF_SHAPE(CLASSES, FLAT), fc, bias);
}

/* Ranges of 255 steps that are powers of 2; or any. */
static kerf_ranges *make_ranges(int any)
{
    static const char TEXT[] = "{\"ranges\":{\"input\":{\"low\":-1,\"high\":2.984375},"
                               "\"relu\":{\"low\":0,\"high\":7.96875},"
                               "\"logits\":{\"low\":-16,\"high\":15.875}}}";
    static const char ANY[] = "{\"ranges\":{\"input\":{\"low\":-0.53,\"high\":1.47},"
                              "\"relu\":{\"low\":0,\"high\":3.1},"
                              "\"logits\":{\"low\":-11.3,\"high\":9.7}}}";
    char path[] = "/tmp/kerf-ranges-XXXXXX";
    kerf_ranges *r;
    FILE *f = fdopen(mkstemp(path), "w");
    fputs(any ? ANY : TEXT, f);
    fclose(f);
    CHECK_OK(kerf_ranges_read(&r, path));
    remove(path);
    return r;
}

static kerf_quantize_options options_of(kerf_type weights, const kerf_ranges *r)
{
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    o.weights = weights;
    o.ranges = r;
    return o;
}

/* ---- what is trained is what runs -------------------------------------------------------- */

static void check_same(const char *what, const unsigned char *a, const unsigned char *b, int num)
{
    for (int i = 0; i < num; i++)
        if (a[i] != b[i]) {
            printf("%s: integer %d is %d in training, %d afterwards\n", what, i, a[i], b[i]);
            check_failures++;
            return;
        }
}

static int is_any_of(const char *op, const char *const *ops, size_t num)
{
    for (size_t i = 0; i < num; i++)
        if (strcmp(op, ops[i]) == 0)
            return 1;
    return 0;
}

/* It multiplies integers. */
static void check_kernels(const kerf_plan *p)
{
    static const char *const FLOATS[] = {"Conv", "Gemm", "Relu", "kerf.FakeQuant"};
    static const char *const INTEGERS[] = {"QLinearConv", "QLinearMatMul"};
    int num = 0;
    for (int i = 0; i < kerf_plan_num_steps(p); i++) {
        kerf_plan_step step;
        CHECK_OK(kerf_plan_get_step(p, i, &step));
        CHECK(!is_any_of(step.op, FLOATS, 4));
        num += is_any_of(step.op, INTEGERS, 2);
    }
    CHECK(num == 2);
}

/* What each layer takes and gives, and how many integers a sample. */
static const struct {
    const char *name;
    int num;
} ENDS[] = {{"input_q", SIDE *SIDE},
            {"relu_q", CHANNELS *SIDE *SIDE},
            {"flat_q", FLAT},
            {"logits_q", CLASSES}};
enum { NUM_ENDS = sizeof ENDS / sizeof ENDS[0] };

/* Evaluates all samples, with all ends as outputs. */
static kerf_plan *run_ends(kerf_graph *g, kerf_state *s)
{
    const kerf_plan_options o = {.mode = KERF_EVALUATE, .batch = SAMPLES};
    kerf_plan *p;
    for (int i = 0; i < NUM_ENDS; i++)
        CHECK_OK(kerf_graph_add_output(g, kerf_graph_find(g, ENDS[i].name)));
    CHECK_OK(kerf_graph_verify(g));
    CHECK_OK(kerf_plan_create(&p, g, s, &o));
    CHECK_OK(kerf_tensor_write(kerf_plan_input(p, "input"), samples));
    CHECK_OK(kerf_plan_run(p));
    return p;
}

/* An evaluation of what is trained and the network that is written: the integers of every layer.
 */
static void check_integers(const network *n, kerf_graph *rounding, const kerf_quantize_options *o)
{
    static unsigned char in_training[SAMPLES * CHANNELS * SIDE * SIDE],
        afterwards[sizeof in_training];
    kerf_graph *g;
    kerf_state *s;
    CHECK_OK(kerf_graph_copy(&g, n->g));
    CHECK_OK(kerf_state_copy(&s, n->s, dev));
    CHECK_OK(kerf_quantize(g, s, o));
    kerf_plan *a = run_ends(rounding, n->s), *b = run_ends(g, s);
    check_kernels(a);
    for (int i = 0; i < NUM_ENDS; i++) {
        CHECK_OK(kerf_tensor_read(kerf_plan_output(a, ENDS[i].name), in_training));
        CHECK_OK(kerf_tensor_read(kerf_plan_output(b, ENDS[i].name), afterwards));
        check_same(ENDS[i].name, in_training, afterwards, SAMPLES * ENDS[i].num);
    }
    kerf_plan_destroy(a);
    kerf_plan_destroy(b);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

static void test_same_integers(kerf_quantize_per per, kerf_type weights, int most,
                               kerf_type fc_weights, int fc_most)
{
    kerf_ranges *r = make_ranges(most == 0);
    const kerf_quantize_choice fc = {"fc", fc_weights, KERF_QUANTIZE_STATIC};
    kerf_quantize_options o = options_of(weights, r);
    network n = make(most, fc_most);
    kerf_graph *rounding;
    o.per = per;
    o.choices = &fc;
    o.num_choices = 1;
    CHECK_OK(kerf_quantize_rounding(&rounding, n.g, NULL, &o));
    CHECK(kerf_value_type(kerf_graph_find(rounding, "fc.weight_q")) == fc_weights);
    CHECK(kerf_graph_find(n.g, "input_q") == NULL); /* the network itself is as it was */
    check_integers(&n, rounding, &o);
    kerf_graph_destroy(rounding);
    kerf_ranges_destroy(r);
    network_end(&n);
}

/* ---- ranges that follow what is seen ------------------------------------------------------- */

/* Steps of training by all samples, each counting `observe` in the ranges. */
static void train_steps(const network *n, const kerf_graph *rounding, int num, float observe)
{
    const kerf_plan_options o = {
        .mode = KERF_TRAIN, .batch = SAMPLES, .loss = KERF_LOSS_CROSS_ENTROPY};
    kerf_plan *p;
    CHECK_OK(kerf_plan_create(&p, rounding, n->s, &o));
    CHECK_OK(kerf_tensor_write(kerf_plan_input(p, "input"), samples));
    CHECK_OK(kerf_tensor_write(kerf_plan_input(p, "labels"), labels));
    for (int i = 1; i <= num; i++) {
        CHECK_OK(kerf_plan_set_step(p, &(kerf_step){.lr = 0.01f, .step = i, .observe = observe}));
        CHECK_OK(kerf_plan_run(p));
    }
    CHECK_OK(kerf_device_finish(dev));
    CHECK_OK(kerf_plan_verify(p));
    kerf_plan_destroy(p);
}

static float state_of(const network *n, const char *name)
{
    float x = NAN;
    const kerf_state_entry *e = kerf_state_find(n->s, name);
    CHECK(e != NULL);
    if (e != NULL)
        CHECK_OK(kerf_state_read(n->s, e->id, &x));
    return x;
}

/* Ends of the samples, which no step changes: a moving average by hand. */
static void check_moved(const network *n, double low, double high, int steps, double observe)
{
    double least = 0, most = 0;
    for (int i = 0; i < NUM_SAMPLES; i++) {
        least = fmin(least, (double)samples[i]);
        most = fmax(most, (double)samples[i]);
    }
    for (int i = 0; i < steps; i++) {
        low += observe * (least - low);
        high += observe * (most - high);
    }
    CHECK(fabs((double)state_of(n, "input.low") - low) < 1e-5);
    CHECK(fabs((double)state_of(n, "input.high") - high) < 1e-5);
}

static void check_range(const kerf_ranges *r, const char *name, float low, float high)
{
    for (size_t i = 0; i < kerf_ranges_num(r); i++) {
        const kerf_range range = kerf_ranges_get(r, i);
        if (strcmp(range.name, name) != 0)
            continue;
        CHECK(range.low == (double)low && range.high == (double)high);
        return;
    }
    printf("there is no trained range of %s\n", name);
    check_failures++;
}

/* A Clip from 0 on in the place of the Relu. */
static void clip_at(const network *n, float most)
{
    kerf_node *clip = kerf_graph_find(n->g, "relu")->producer;
    CHECK_OK(kerf__node_set_op(clip, "Clip"));
    CHECK_OK(kerf_node_set_float(clip, "min", 0));
    CHECK_OK(kerf_node_set_float(clip, "max", most));
}

/* Ranges move, and stay when they are frozen; then the trained graph, evaluated, and the file by
 * the trained ranges have the same integers.  clip: 0, or where the activations end. */
static void test_follows(kerf_type activations, kerf_type weights, float clip)
{
    const int steps = getenv("KERF_TEST_SMALL") != NULL ? 2 : 6;
    kerf_ranges *r = make_ranges(1), *trained;
    kerf_quantize_options o = options_of(weights, r);
    network n = make(0, 0);
    kerf_graph *rounding;
    o.activations = activations;
    if (clip > 0)
        clip_at(&n, clip);
    CHECK_OK(kerf_quantize_rounding(&rounding, n.g, n.s, &o));
    CHECK_OK(kerf_graph_verify(rounding));
    CHECK(clip == 0 || state_of(&n, "relu.high") == clip); /* though 3.1 was told */
    check_moved(&n, -0.53, 1.47, 0, 0);
    train_steps(&n, rounding, steps, 0.125f);
    check_moved(&n, -0.53, 1.47, steps, 0.125);
    const float low = state_of(&n, "input.low"), high = state_of(&n, "input.high"),
                relu = state_of(&n, "relu.high");
    CHECK(relu != 3.1f && kerf_state_find(n.s, "relu.low") == NULL);
    train_steps(&n, rounding, 1, 0);
    CHECK(state_of(&n, "input.low") == low && state_of(&n, "relu.high") == relu);
    const float logits[] = {state_of(&n, "logits.low"), state_of(&n, "logits.high")};
    kerf_state *before;
    CHECK_OK(kerf_state_copy(&before, n.s, dev));
    CHECK_OK(kerf_quantize_take_ranges(&trained, n.g, n.s, &o));
    CHECK(kerf_state_find(n.s, "relu.high") == NULL);
    check_range(trained, "input", low, high);
    check_range(trained, "relu", 0, relu);
    check_range(trained, "logits", logits[0], logits[1]);
    kerf_state_destroy(n.s);
    n.s = before;
    o.ranges = trained;
    check_integers(&n, rounding, &o);
    kerf_graph_destroy(rounding);
    kerf_ranges_destroy(trained);
    kerf_ranges_destroy(r);
    network_end(&n);
}

/* ---- learning ------------------------------------------------------------------------------ */

static kerf_dataset *open_data(void)
{
    return network_data(KERF_SHAPE(SAMPLES, 1, SIDE, SIDE), samples, labels);
}

/* Loss and hits of the network as integers. */
static kerf_evaluation evaluate(const network *n, const kerf_quantize_options *o, kerf_dataset *d)
{
    kerf_evaluation result = {0};
    kerf_state *s;
    kerf_graph *g;
    CHECK_OK(kerf_graph_copy(&g, n->g));
    CHECK_OK(kerf_state_copy(&s, n->s, dev));
    CHECK_OK(kerf_quantize(g, s, o));
    CHECK_OK(kerf_evaluate(g, s, d, KERF_SPLIT_TRAIN, SAMPLES, "raw", &result, NULL));
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return result;
}

static void prune_half(network *n)
{
    kerf_pruner *pruner;
    kerf_prune_options p = {.method = KERF_PRUNE_MAGNITUDE, .amount = 0.5};
    CHECK_OK(kerf_prune_mark(n->g, n->s, &p));
    CHECK_OK(kerf_pruner_create(&pruner, n->g, n->s, &p));
    CHECK_OK(kerf_pruner_apply(pruner, 1));
    CHECK_OK(kerf_device_finish(dev));
    kerf_pruner_destroy(pruner);
}

/* Ternary weights, half of them pruned: a hard case, which training mends; where time is dear two
 * epochs show that zeros stay. */
static void test_learns(void)
{
    const int is_short = getenv("KERF_TEST_SMALL") != NULL;
    float before[NUM_FC], after[NUM_FC];
    kerf_dataset *d = open_data();
    kerf_ranges *r = make_ranges(0);
    const kerf_quantize_options o = options_of(KERF_S2, r);
    kerf_train_options t = kerf_train_defaults();
    network n = make(64, 64);
    kerf_graph *rounding;
    t.batch = 16;
    t.epochs = is_short ? 2 : 15;
    t.prep = "raw";
    prune_half(&n);
    network_read(&n, "fc.weight", before);
    const kerf_evaluation was = evaluate(&n, &o, d);
    CHECK_OK(kerf_quantize_rounding(&rounding, n.g, NULL, &o));
    CHECK_OK(kerf_train(rounding, n.s, d, &t));
    const kerf_evaluation is = evaluate(&n, &o, d);
    network_read(&n, "fc.weight", after);
    for (int i = 0; i < NUM_FC; i++)
        CHECK(before[i] != 0 || after[i] == 0);
    CHECK(memcmp(before, after, sizeof before) != 0);
    if (!is_short && !(is.loss < 0.5 * was.loss && is.top1 > 90)) {
        printf("loss %g became %g, top-1 %g %%\n", was.loss, is.loss, is.top1);
        check_failures++;
    }
    kerf_graph_destroy(rounding);
    kerf_ranges_destroy(r);
    kerf_dataset_close(d);
    network_end(&n);
}

/* ---- what is refused ------------------------------------------------------------------------ */

static void test_refused(void)
{
    kerf_ranges *r = make_ranges(0), *none;
    kerf_quantize_options o = options_of(KERF_S8, r);
    network n = make(127, 127);
    kerf_graph *rounding;
    o.asymmetric = 1;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_quantize_rounding(&rounding, n.g, NULL, &o));
    CHECK(rounding == NULL && strstr(kerf_last_error(), "weights symmetric") != NULL);
    o = kerf_quantize_defaults(KERF_QUANTIZE_DYNAMIC);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_quantize_rounding(&rounding, n.g, NULL, &o));
    const kerf_quantize_choice fc = {"fc", KERF_S8, KERF_QUANTIZE_DYNAMIC};
    o = options_of(KERF_S8, r);
    o.choices = &fc;
    o.num_choices = 1;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_quantize_rounding(&rounding, n.g, NULL, &o));
    CHECK(strstr(kerf_last_error(), "layers static or weight-only") != NULL);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_quantize_take_ranges(&none, n.g, n.s, &o));
    CHECK(none == NULL && strstr(kerf_last_error(), "no trained range of 'input'") != NULL);
    o = options_of(KERF_S8, NULL);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_quantize_rounding(&rounding, n.g, NULL, &o));
    CHECK(strstr(kerf_last_error(), "must have ranges") != NULL);
    kerf_ranges_destroy(r);
    network_end(&n);
}

int main(void)
{
    dev = check_open_device();
    fill_samples();
    test_same_integers(KERF_PER_CHANNEL, KERF_S8, 127, KERF_S8, 127);
    test_same_integers(KERF_PER_CHANNEL, KERF_S4, 7, KERF_S2, 1);
    test_same_integers(KERF_PER_CHANNEL, KERF_S8, 0, KERF_S8, 0);
    test_same_integers(KERF_PER_CHANNEL, KERF_S4, 0, KERF_S8, 0);
    test_same_integers(KERF_PER_TENSOR, KERF_S2, 0, KERF_S4, 0);
    test_follows(KERF_U8, KERF_S8, 0);
    test_follows(KERF_S8, KERF_S4, 0);
    test_follows(KERF_U8, KERF_S8, 0.75f);
    test_learns();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
