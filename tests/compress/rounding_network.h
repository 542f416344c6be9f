/* rounding_network.h -- a small network that is trained with its roundings, its samples, and what
 * tests of that look at: integers of every layer, in training and of the file. */
#ifndef TESTS_COMPRESS_ROUNDING_NETWORK_H
#define TESTS_COMPRESS_ROUNDING_NETWORK_H

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

static unsigned random_state = 77;

static inline float next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (float)(random_state >> 8) / 16777216.0f - 0.5f;
}

/* Classes are where an image is bright, in steps that a scale of 1/64 holds. */
static inline void fill_samples(void)
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
static inline void fill(float *x, int num, int a_channel, int most)
{
    for (int i = 0; i < num; i++) {
        const int sign = next_random() < 0 ? -1 : 1;
        x[i] = i % a_channel == 3 ? (float)(sign * most) / 64 : next_random() * (float)most / 64;
    }
}

/* Numbers that no scale holds. */
static inline void fill_any(float *x, int num)
{
    for (int i = 0; i < num; i++)
        x[i] = 1.7f * next_random();
}

/* Conv, Relu, MaxPool, Flatten, Gemm; biases in steps of the sums, as the scales are 1/64.  With no
 * most: any numbers. */
static inline network make(int conv_most, int fc_most)
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
static inline kerf_ranges *make_ranges(int any)
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

static inline kerf_quantize_options options_of(kerf_type weights, const kerf_ranges *r)
{
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    o.weights = weights;
    o.ranges = r;
    return o;
}

/* ---- what is trained is what runs -------------------------------------------------------- */

static inline void check_same(const char *what, const unsigned char *a, const unsigned char *b,
                              int num)
{
    for (int i = 0; i < num; i++)
        if (a[i] != b[i]) {
            printf("%s: integer %d is %d in training, %d afterwards\n", what, i, a[i], b[i]);
            check_failures++;
            return;
        }
}

static inline int is_any_of(const char *op, const char *const *ops, size_t num)
{
    for (size_t i = 0; i < num; i++)
        if (strcmp(op, ops[i]) == 0)
            return 1;
    return 0;
}

/* It multiplies integers. */
static inline void check_kernels(const kerf_plan *p)
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
static inline kerf_plan *run_ends(kerf_graph *g, kerf_state *s)
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
static inline void check_integers(const network *n, kerf_graph *rounding,
                                  const kerf_quantize_options *o)
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

/* ---- ranges that change ------------------------------------------------------------------- */

/* Steps of training by all samples, each counting `observe` in the ranges. */
static inline void train_steps_but(const network *n, const kerf_graph *rounding, int num,
                                   float observe, const char *freeze)
{
    const kerf_plan_options o = {.mode = KERF_TRAIN,
                                 .batch = SAMPLES,
                                 .loss = KERF_LOSS_CROSS_ENTROPY,
                                 .freeze = &freeze,
                                 .num_freeze = freeze != NULL};
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

static inline void train_steps(const network *n, const kerf_graph *rounding, int num, float observe)
{
    train_steps_but(n, rounding, num, observe, NULL);
}

static inline float state_of(const network *n, const char *name)
{
    float x = NAN;
    const kerf_state_entry *e = kerf_state_find(n->s, name);
    CHECK(e != NULL);
    if (e != NULL)
        CHECK_OK(kerf_state_read(n->s, e->id, &x));
    return x;
}

static inline void check_range(const kerf_ranges *r, const char *name, float low, float high)
{
    for (size_t i = 0; i < kerf_ranges_num(r); i++) {
        const kerf_range range = kerf_ranges_get(r, i);
        if (strcmp(range.name, name) != 0)
            continue;
        CHECK((float)range.low == low && (float)range.high == high);
        return;
    }
    printf("there is no trained range of %s\n", name);
    check_failures++;
}

/* A Clip from 0 on in the place of the Relu. */
static inline void clip_at(const network *n, float most)
{
    kerf_node *clip = kerf_graph_find(n->g, "relu")->producer;
    CHECK_OK(kerf__node_set_op(clip, "Clip"));
    CHECK_OK(kerf_node_set_float(clip, "min", 0));
    CHECK_OK(kerf_node_set_float(clip, "max", most));
}

static inline kerf_dataset *open_data(void)
{
    return network_data(KERF_SHAPE(SAMPLES, 1, SIDE, SIDE), samples, labels);
}

#endif
