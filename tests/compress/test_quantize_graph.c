/* test_quantize_graph.c -- rewriting a graph to small integers: which nodes come out, which numbers
 * they hold, and that the network still computes what it did, within its steps. */
#include <string.h>

#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/kerf.h"
#include "network.h"
#include "tensor/tensor_internal.h"

enum { BATCH = 3, SIDE = 6, CHANNELS = 5, CLASSES = 4, FLAT = CHANNELS * 3 * 3 };
enum { NUM_INPUTS = BATCH * SIDE * SIDE, NUM_OUTPUTS = BATCH * CLASSES };

static kerf_device *dev;

/* ---- a network ------------------------------------------------------------------------- */

/* Plain pseudo-random numbers in [-0.5, 0.5). */
static float next_random(void)
{
    static unsigned x = 12345;
    x = x * 1664525u + 1013904223u;
    return (float)(x >> 8) / 16777216.0f - 0.5f;
}

static kerf_value *add_weight(network *n, const char *name, kerf_shape shape, float offset)
{
    float data[CLASSES * FLAT];
    const int64_t num = kerf_shape_num_elements(shape);
    for (int64_t i = 0; i < num; i++)
        data[i] = offset + next_random();
    return network_weight(n, name, shape, data);
}

/* Conv, BatchNormalization, Relu, MaxPool, Flatten, Gemm. */
static network make(void)
{
    network n;
    kerf_node *node;
    kerf_value *v, *in[5];
    in[0] = network_begin(&n, dev, 1, SIDE);
    in[1] = add_weight(&n, "conv.weight", KERF_SHAPE(CHANNELS, 1, 3, 3), 0);
    in[0] = network_conv(&n, "conv", in, 2, 1);
    in[1] = add_weight(&n, "norm.scale", KERF_SHAPE(CHANNELS), 1);
    in[2] = add_weight(&n, "norm.offset", KERF_SHAPE(CHANNELS), 0);
    in[3] = add_weight(&n, "norm.mean", KERF_SHAPE(CHANNELS), 0);
    in[4] = add_weight(&n, "norm.variance", KERF_SHAPE(CHANNELS), 1);
    v = network_node(&n, "BatchNormalization", "norm", in, 5, &node);
    v = network_node(&n, "Relu", "relu", &v, 1, &node);
    v = network_pool(&n, "pool", v);
    in[0] = network_node(&n, "Flatten", "flat", &v, 1, &node);
    in[1] = add_weight(&n, "fc.weight", KERF_SHAPE(CLASSES, FLAT), 0);
    in[2] = add_weight(&n, "fc.bias", KERF_SHAPE(CLASSES), 0);
    v = network_node(&n, "Gemm", "fc", in, 3, &node);
    CHECK_OK(kerf_node_set_int(node, "transB", 1));
    CHECK_OK(kerf_value_rename(n.g, v, "logits"));
    CHECK_OK(kerf_graph_add_output(n.g, v));
    return n;
}

/* The same inputs each time. */
static const float *inputs(void)
{
    static float x[NUM_INPUTS];
    for (int i = 0; i < NUM_INPUTS; i++)
        x[i] = sinf((float)i * 0.7f) * 2;
    return x;
}

static void run(const network *n, float *out)
{
    network_run(n->g, n->s, inputs(), BATCH, "logits", out);
}

static void run_as_wanted(const network *n, double *want)
{
    float out[NUM_OUTPUTS];
    run(n, out);
    for (int i = 0; i < NUM_OUTPUTS; i++)
        want[i] = (double)out[i];
}

static void check_ops(const network *n, const char *want)
{
    char text[1024] = "";
    for (size_t i = 0; i < n->g->num_nodes; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 0 ? " " : "",
                 n->g->nodes[i]->op);
    if (strcmp(text, want) != 0) {
        printf("nodes are:  %s\nnot         %s\n", text, want);
        check_failures++;
    }
}

static const kerf_tensor *constant(const network *n, const char *name)
{
    const kerf_value *v = kerf_graph_find(n->g, name);
    if (v != NULL && kerf_value_constant(v) != NULL)
        return kerf_value_constant(v);
    printf("there is no constant '%s'\n", name);
    exit(1);
}

static void check_message(const char *words)
{
    if (strstr(kerf_last_error(), words) == NULL) {
        printf("message '%s' does not hold '%s'\n", kerf_last_error(), words);
        check_failures++;
    }
}

/* ---- ranges ---------------------------------------------------------------------------- */

static kerf_ranges *ranges_of(const char *json)
{
    char path[] = "/tmp/kerf-ranges-XXXXXX";
    kerf_ranges *r;
    FILE *f = fdopen(mkstemp(path), "w");
    fputs(json, f);
    fclose(f);
    CHECK_OK(kerf_ranges_read(&r, path));
    remove(path);
    return r;
}

static const char RANGES[] = "{\"ranges\":{\"input\":{\"low\":-2,\"high\":3.1},\"relu\":{\"low\":0,"
                             "\"high\":6},\"logits\":{\"low\":-9,\"high\":9}}}";

static kerf_status quantize_static(network *n, kerf_quantize_options options, const char *json)
{
    kerf_ranges *r = ranges_of(json);
    options.ranges = r;
    kerf_status status = kerf_quantize(n->g, n->s, &options);
    kerf_ranges_destroy(r);
    return status;
}

/* ---- tests ----------------------------------------------------------------------------- */

static void test_fold(void)
{
    double want[NUM_OUTPUTS];
    float got[NUM_OUTPUTS];
    network n = make();
    run_as_wanted(&n, want);
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    check_ops(&n, "Conv Relu MaxPool Flatten Gemm");
    CHECK(kerf_graph_find(n.g, "conv.bias") != NULL);
    run(&n, got);
    check_close("folded", got, want, NUM_OUTPUTS, check_tolerance(4, FLAT));
    network_end(&n);
}

/* A normalisation that somebody looks past, or weights of two, stay. */
static void test_fold_not(void)
{
    network n = make();
    CHECK_OK(kerf_graph_add_output(n.g, kerf_graph_find(n.g, "conv")));
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    check_ops(&n, "Conv BatchNormalization Relu MaxPool Flatten Gemm");
    network_end(&n);
}

static void test_static(void)
{
    double want[NUM_OUTPUTS];
    float got[NUM_OUTPUTS];
    network n = make();
    run_as_wanted(&n, want);
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(quantize_static(&n, kerf_quantize_defaults(KERF_QUANTIZE_STATIC), RANGES));
    check_ops(&n, "QuantizeLinear DequantizeLinear DequantizeLinear DequantizeLinear Conv Relu "
                  "QuantizeLinear DequantizeLinear MaxPool QuantizeLinear DequantizeLinear Flatten "
                  "QuantizeLinear DequantizeLinear DequantizeLinear DequantizeLinear Gemm "
                  "QuantizeLinear DequantizeLinear");
    run(&n, got);
    check_close("static", got, want, NUM_OUTPUTS, 0.04);
    CHECK(kerf_state_find(n.s, "conv.weight") == NULL && kerf_state_find(n.s, "fc.bias") == NULL);
    network_end(&n);
}

/* What only moves numbers has the same scale on both sides; a Relu's range begins at integer 0. */
static void test_shared_ranges(void)
{
    static const char *const NAMES[] = {"relu", "pool", "flat"};
    network n = make();
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(quantize_static(&n, kerf_quantize_defaults(KERF_QUANTIZE_STATIC), RANGES));
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s_scale", NAMES[i]);
        CHECK(*(const float *)constant(&n, name)->data == 6.0f / 255);
        snprintf(name, sizeof name, "%s_zero", NAMES[i]);
        CHECK(kerf__tensor_int(constant(&n, name), 0) == 0);
    }
    CHECK(kerf__tensor_int(constant(&n, "input_zero"), 0) == 100);
    network_end(&n);
}

/* Each weight within half a step of what it was, zeros exact, none below -127. */
static void check_weights(const float *was, const kerf_tensor *q, const kerf_tensor *scales,
                          size_t weights_a_channel)
{
    for (size_t i = 0; i < q->num_elements; i++) {
        const float scale = ((const float *)scales->data)[i / weights_a_channel];
        const int64_t x = kerf__tensor_int(q, i);
        CHECK(x >= -127 && fabsf((float)x * scale - was[i]) <= 0.5001f * scale);
        CHECK(was[i] != 0 || x == 0);
    }
}

static void test_weights(void)
{
    float was[CLASSES * FLAT];
    network n = make();
    const int id = kerf_state_find(n.s, "fc.weight")->id;
    CHECK_OK(kerf_state_read(n.s, id, was));
    for (int i = 0; i < FLAT; i++) /* a channel that was pruned altogether, some in another */
        was[FLAT + i] = was[2 * FLAT + i / 2] = 0;
    CHECK_OK(kerf_state_write(n.s, id, was));
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(quantize_static(&n, kerf_quantize_defaults(KERF_QUANTIZE_STATIC), RANGES));
    check_weights(was, constant(&n, "fc.weight_q"), constant(&n, "fc.weight_scale"), FLAT);
    network_end(&n);
}

/* A bias far beyond the weights takes wider steps rather than overflow. */
static void test_large_bias(void)
{
    const float bias[CLASSES] = {1e12f, -1e12f, 0, 1};
    network n = make();
    CHECK_OK(kerf_state_write(n.s, kerf_state_find(n.s, "fc.bias")->id, bias));
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(quantize_static(&n, kerf_quantize_defaults(KERF_QUANTIZE_STATIC), RANGES));
    const kerf_tensor *q = constant(&n, "fc.bias_q"), *scale = constant(&n, "fc.bias_scale");
    for (int c = 0; c < CLASSES; c++) {
        const double x = (double)kerf__tensor_int(q, (size_t)c);
        CHECK(fabs(x) <= 0x1p30 * 1.0001);
        CHECK(fabs(x * (double)((const float *)scale->data)[c] - (double)bias[c]) <=
              1e-6 * fabs((double)bias[c]) + (double)((const float *)scale->data)[c]);
    }
    network_end(&n);
}

static void check_mode(const char *what, const kerf_quantize_options *options, const char *ops,
                       double tolerance)
{
    double want[NUM_OUTPUTS];
    float got[NUM_OUTPUTS];
    network n = make();
    run_as_wanted(&n, want);
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(options->mode == KERF_QUANTIZE_STATIC ? quantize_static(&n, *options, RANGES)
                                                   : kerf_quantize(n.g, n.s, options));
    if (ops != NULL)
        check_ops(&n, ops);
    run(&n, got);
    check_close(what, got, want, NUM_OUTPUTS, tolerance);
    network_end(&n);
}

static void test_static_ways(void)
{
    for (int asymmetric = 0; asymmetric < 2; asymmetric++)
        for (int per = KERF_PER_TENSOR; per <= KERF_PER_CHANNEL; per++) {
            kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
            o.asymmetric = asymmetric;
            o.per = (kerf_quantize_per)per;
            o.activations = asymmetric ? KERF_S8 : KERF_U8;
            check_mode("static ways", &o, NULL, 0.05);
            o.weights = KERF_S4;
            check_mode("static int4", &o, NULL, 0.6);
        }
}

static void test_dynamic(void)
{
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_DYNAMIC);
    const char *ops =
        "Conv Relu MaxPool Flatten DynamicQuantizeLinear MatMulInteger Cast Mul Mul Add";
    check_mode("dynamic", &o, ops, 0.03);
    o.asymmetric = 1;
    check_mode("dynamic with zero points", &o, ops, 0.03);
    o.per = KERF_PER_TENSOR;
    check_mode("dynamic per tensor", &o, ops, 0.03);
}

/* Integer i of weight `base` as the float it stands for; its scale is number k. */
static float number(const network *n, const char *base, size_t i, size_t k)
{
    char name[64];
    snprintf(name, sizeof name, "%s_q", base);
    const int64_t q = kerf__tensor_int(constant(n, name), i);
    snprintf(name, sizeof name, "%s_zero", base);
    const int64_t zero = kerf__tensor_int(constant(n, name), k);
    snprintf(name, sizeof name, "%s_scale", base);
    return (float)(q - zero) * ((const float *)constant(n, name)->data)[k];
}

/* Puts what the integers of `n` stand for into the weights of the float network `f`. */
static void copy_numbers(const network *n, const network *f, kerf_quantize_per per, size_t block)
{
    float conv[CHANNELS * 9], fc[CLASSES * FLAT];
    for (size_t i = 0; i < CHANNELS * 9; i++)
        conv[i] = number(n, "conv.weight", i, per == KERF_PER_TENSOR ? 0 : i / 9);
    for (size_t c = 0; c < CLASSES; c++)
        for (size_t t = 0; t < FLAT; t++) {
            const size_t scales[] = {0, c, t / block * CLASSES + c};
            fc[c * FLAT + t] = number(n, "fc.weight", t * CLASSES + c, scales[per]);
        }
    CHECK_OK(kerf_state_write(f->s, kerf_state_find(f->s, "conv.weight")->id, conv));
    CHECK_OK(kerf_state_write(f->s, kerf_state_find(f->s, "fc.weight")->id, fc));
}

/* Activations of 16 bits are a step of theirs off the network with the rounded weights. */
static void test_sixteen_bits(void)
{
    static const kerf_type TYPES[] = {KERF_U16, KERF_S16};
    for (int i = 0; i < 2; i++) {
        double want[NUM_OUTPUTS];
        float got[NUM_OUTPUTS], conv[CHANNELS * 9], fc[CLASSES * FLAT];
        kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
        network n = make(), f = make();
        o.activations = TYPES[i];
        kerf_state_destroy(f.s);
        CHECK_OK(kerf_state_copy(&f.s, n.s, dev));
        CHECK_OK(kerf_quantize_fold(n.g, n.s));
        CHECK_OK(kerf_quantize_fold(f.g, f.s));
        CHECK_OK(quantize_static(&n, o, RANGES));
        CHECK(constant(&n, "input_zero")->type == TYPES[i]);
        CHECK(*(const float *)constant(&n, "relu_scale")->data == 6.0f / 65535);
        CHECK(kerf__tensor_int(constant(&n, "relu_zero"), 0) == (i == 0 ? 0 : -32768));
        for (size_t k = 0; k < CHANNELS * 9; k++)
            conv[k] = number(&n, "conv.weight", k, k / 9);
        for (size_t k = 0; k < CLASSES * FLAT; k++)
            fc[k] = number(&n, "fc.weight", k, k / FLAT);
        CHECK_OK(kerf_state_write(f.s, kerf_state_find(f.s, "conv.weight")->id, conv));
        CHECK_OK(kerf_state_write(f.s, kerf_state_find(f.s, "fc.weight")->id, fc));
        run_as_wanted(&f, want);
        run(&n, got);
        check_close("16 bits", got, want, NUM_OUTPUTS, 5e-4);
        network_end(&n);
        network_end(&f);
    }
}

/* The file's integers are read as they were written, and lie at most half a step off. */
static void check_weight_only(const kerf_quantize_options *o)
{
    double want[NUM_OUTPUTS];
    float got[NUM_OUTPUTS], was[CLASSES * FLAT], is[CLASSES * FLAT];
    network n = make(), f = make();
    const int id = kerf_state_find(n.s, "fc.weight")->id;
    kerf_state_destroy(f.s); /* f has the numbers of n */
    CHECK_OK(kerf_state_copy(&f.s, n.s, dev));
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(kerf_quantize_fold(f.g, f.s));
    CHECK_OK(kerf_state_read(n.s, id, was));
    CHECK_OK(kerf_quantize(n.g, n.s, o));
    check_ops(&n, "DequantizeLinear Conv Relu MaxPool Flatten DequantizeLinear MatMul Add");
    copy_numbers(&n, &f, o->per, (size_t)o->block);
    CHECK_OK(kerf_state_read(f.s, id, is));
    const float half = 0.51f / (float)((1 << (kerf_type_bits(o->weights) - 1)) - 1);
    for (int i = 0; i < CLASSES * FLAT; i++)
        CHECK(fabsf(is[i] - was[i]) <= half);
    run_as_wanted(&f, want);
    run(&n, got);
    /* The sums' terms are some ten times what is left of them. */
    check_close("weight-only", got, want, NUM_OUTPUTS, check_tolerance(16, FLAT));
    network_end(&n);
    network_end(&f);
}

static void test_weight_only(void)
{
    static const kerf_type TYPES[] = {KERF_S8, KERF_S4, KERF_S2};
    for (int i = 0; i < 3; i++)
        for (int per = KERF_PER_TENSOR; per <= KERF_PER_BLOCK; per++)
            for (int asymmetric = 0; asymmetric < 2; asymmetric++) {
                kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_WEIGHT_ONLY);
                o.weights = TYPES[i];
                o.per = (kerf_quantize_per)per;
                o.block = 16; /* 45 terms: the last block is smaller */
                o.asymmetric = asymmetric;
                check_weight_only(&o);
            }
}

/* Halves are as near as they can be, and the network computes with them. */
static void check_halves(const network *n, const network *f, const char *name, const char *of)
{
    enum { MOST = 1024 };
    float x[MOST];
    const kerf_tensor *t = kerf_graph_find(n->g, name)->constant;
    const uint16_t *halves = t->data;
    const int id = kerf_state_find(f->s, of)->id;
    CHECK(t->type == KERF_F16 && t->num_elements <= MOST);
    CHECK_OK(kerf_state_read(f->s, id, x));
    for (size_t i = 0; i < t->num_elements; i++) {
        const int exponent = halves[i] >> 10 & 31, fraction = halves[i] & 1023;
        const double size =
            exponent > 0 ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
        const double half = (halves[i] & 0x8000) != 0 ? -size : size;
        CHECK(fabs(half - (double)x[i]) <= fmax(ldexp(fabs((double)x[i]), -11), ldexp(1, -25)));
        x[i] = (float)half;
    }
    CHECK_OK(kerf_state_write(f->s, id, x));
}

static void test_halves(void)
{
    static const float STRANGE[] = {0.0f,  -0.0f,  65504.0f, -65519.0f,
                                    1e-7f, -3e-8f, 2e-8f,    6.2e-5f};
    double want[NUM_OUTPUTS];
    float got[NUM_OUTPUTS], x[CLASSES * FLAT];
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_WEIGHT_ONLY);
    network n = make(), f = make();
    const int id = kerf_state_find(n.s, "fc.weight")->id;
    o.weights = KERF_F16;
    CHECK_OK(kerf_state_read(n.s, id, x));
    x[FLAT] = 65520; /* the first that has no half */
    CHECK_OK(kerf_state_write(n.s, id, x));
    CHECK(kerf_quantize(n.g, n.s, &o) == KERF_ERR_UNSUPPORTED);
    check_message("weight 45 of fc.weight is 65520, must be within 65504 for float16");
    network_end(&n);
    n = make();
    x[FLAT] = 1;
    memcpy(x, STRANGE, sizeof STRANGE);
    CHECK_OK(kerf_state_write(n.s, id, x));
    kerf_state_destroy(f.s);
    CHECK_OK(kerf_state_copy(&f.s, n.s, dev));
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(kerf_quantize_fold(f.g, f.s));
    CHECK_OK(kerf_quantize(n.g, n.s, &o));
    check_ops(&n, "Cast Conv Relu MaxPool Flatten Cast Gemm");
    check_halves(&n, &f, "conv.weight_f16", "conv.weight");
    check_halves(&n, &f, "fc.weight_f16", "fc.weight");
    run_as_wanted(&f, want);
    run(&n, got);
    check_close("float16", got, want, NUM_OUTPUTS, check_tolerance(16, FLAT));
    network_end(&n);
    network_end(&f);
}

/* Layers that are left out stay floats, with floats on both sides. */
static void test_skip(void)
{
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    const char *skip[] = {"conv"};
    network n = make();
    o.skip = skip;
    o.num_skip = 1;
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(quantize_static(&n, o,
                             "{\"ranges\":{\"flat\":{\"low\":0,\"high\":6},\"logits\":{\"low\":-9,"
                             "\"high\":9}}}"));
    check_ops(&n, "Conv Relu MaxPool Flatten QuantizeLinear DequantizeLinear DequantizeLinear "
                  "DequantizeLinear Gemm QuantizeLinear DequantizeLinear");
    CHECK(kerf_state_find(n.s, "conv.weight") != NULL);
    network_end(&n);
}

/* Each layer has the bits and the mode of the first pattern that fits it. */
static void check_choices(const char *what, const kerf_quantize_choice *choices,
                          kerf_quantize_per per, const char *ops)
{
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    o.choices = choices;
    o.num_choices = 2;
    o.per = per;
    o.block = 16;
    check_mode(what, &o, ops, 0.05);
}

static kerf_type type_of(const network *n, const char *name)
{
    return kerf_value_type(kerf_graph_find(n->g, name));
}

static void test_choices(void)
{
    static const kerf_quantize_choice FLOAT[] = {{"fc", KERF_F32, KERF_QUANTIZE_STATIC},
                                                 {"*", KERF_S8, KERF_QUANTIZE_STATIC}},
                                      HYBRID[] = {{"last", KERF_S8, KERF_QUANTIZE_WEIGHT_ONLY},
                                                  {"fc", KERF_S2, KERF_QUANTIZE_STATIC}},
                                      DYNAMIC[] = {{"op:Gemm", KERF_S8, KERF_QUANTIZE_DYNAMIC},
                                                   {"*", KERF_S8, KERF_QUANTIZE_STATIC}};
    check_choices("a float layer", FLOAT, KERF_PER_CHANNEL,
                  "QuantizeLinear DequantizeLinear DequantizeLinear DequantizeLinear Conv Relu "
                  "QuantizeLinear DequantizeLinear MaxPool QuantizeLinear DequantizeLinear Flatten "
                  "QuantizeLinear DequantizeLinear Gemm");
    check_choices("a weight-only layer", HYBRID, KERF_PER_BLOCK,
                  "QuantizeLinear DequantizeLinear DequantizeLinear DequantizeLinear Conv Relu "
                  "QuantizeLinear DequantizeLinear MaxPool QuantizeLinear DequantizeLinear Flatten "
                  "QuantizeLinear DequantizeLinear DequantizeLinear MatMul Add");
    check_choices("a dynamic layer", DYNAMIC, KERF_PER_CHANNEL, NULL);
}

/* Of two layers the one has 8 bits, the other 2. */
static void test_bits_by_layer(void)
{
    static const kerf_quantize_choice CHOICES[] = {{"fc", KERF_S2, KERF_QUANTIZE_STATIC},
                                                   {"*", KERF_F32, KERF_QUANTIZE_STATIC},
                                                   {"fc", KERF_S4, KERF_QUANTIZE_STATIC}};
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    network n = make();
    o.choices = CHOICES;
    o.num_choices = 1;
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(quantize_static(&n, o, RANGES));
    CHECK(type_of(&n, "conv.weight_q") == KERF_S8);
    CHECK(type_of(&n, "fc.weight_q") == KERF_S2);
    network_end(&n);
    n = make();
    o.num_choices = 3;
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(quantize_static(&n, o,
                             "{\"ranges\":{\"flat\":{\"low\":0,\"high\":6},\"logits\":{\"low\":-9,"
                             "\"high\":9}}}"));
    CHECK(kerf_graph_find(n.g, "conv.weight_q") == NULL);
    CHECK(type_of(&n, "fc.weight_q") == KERF_S2);
    network_end(&n);
}

/* ---- what is refused ------------------------------------------------------------------- */

static void check_refused(kerf_quantize_options o, const char *json, const char *words)
{
    network n = make();
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK(json != NULL ? quantize_static(&n, o, json) != KERF_OK
                       : kerf_quantize(n.g, n.s, &o) != KERF_OK);
    check_message(words);
    network_end(&n);
}

static void check_choice_refused(kerf_quantize_mode mode, kerf_quantize_choice choice,
                                 const char *words)
{
    kerf_quantize_options o = kerf_quantize_defaults(mode);
    o.choices = &choice;
    o.num_choices = 1;
    check_refused(o, mode == KERF_QUANTIZE_STATIC ? RANGES : NULL, words);
}

static void test_choices_refused(void)
{
    const kerf_quantize_mode is_static = KERF_QUANTIZE_STATIC, dynamic = KERF_QUANTIZE_DYNAMIC;
    check_choice_refused(
        is_static, (kerf_quantize_choice){"nobody", KERF_S8, is_static},
        "'nobody' fits no layer that can be integers; there are Conv conv, Gemm fc");
    check_choice_refused(is_static, (kerf_quantize_choice){"fc", KERF_S32, is_static},
                         "weights are int32, must be int8, int4 or int2");
    check_choice_refused(is_static, (kerf_quantize_choice){"fc", KERF_S4, dynamic},
                         "weights are int4, must be int8 in mode dynamic");
    check_choice_refused(is_static, (kerf_quantize_choice){"conv", KERF_S8, dynamic},
                         "layer conv is a Conv, must be a Gemm or MatMul in mode dynamic");
    check_choice_refused(dynamic, (kerf_quantize_choice){"fc", KERF_S8, is_static},
                         "'fc' has mode static, must be dynamic like the network");
    check_choice_refused(is_static, (kerf_quantize_choice){"*", KERF_F32, is_static},
                         "no layer is left");
}

static void test_refused(void)
{
    const kerf_quantize_options is_static = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    const char *nobody[] = {"nobody"};
    kerf_quantize_options o = is_static;
    check_refused(o, NULL, "mode static must have ranges; calibrate first");
    check_refused(o, "{\"ranges\":{}}", "there is no range of 'input'");
    check_refused(o, "{\"ranges\":{\"input\":{\"low\":0,\"high\":1e30}}}",
                  "range of 'input' is from 0 to 1e+30, must be one within 2^56 of 0");
    kerf_quantize_options dynamic = kerf_quantize_defaults(KERF_QUANTIZE_DYNAMIC);
    dynamic.weights = KERF_S4;
    check_refused(dynamic, NULL, "weights are int4, must be int8 in mode dynamic");
    o = is_static;
    o.per = KERF_PER_BLOCK;
    check_refused(o, RANGES, "must have one a channel or tensor in mode static");
    o = is_static;
    o.layers = nobody;
    o.num_layers = 1;
    check_refused(o, RANGES,
                  "'nobody' fits no layer that can be integers; there are Conv conv, Gemm fc");
    o = kerf_quantize_defaults(KERF_QUANTIZE_WEIGHT_ONLY);
    o.per = KERF_PER_BLOCK;
    o.block = 20;
    check_refused(o, NULL, "blocks are of 20 weights, must be of 16, 32, 64, 128 or 256");
    o.weights = KERF_F32;
    check_refused(o, NULL, "weights are float32, must be int8, int4 or int2, or float16 in mode");
}

static void test_bad_weights(void)
{
    float bias[CLASSES] = {0, NAN, 0, 0};
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    network n = make();
    CHECK_OK(kerf_state_write(n.s, kerf_state_find(n.s, "fc.bias")->id, bias));
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_STATUS(KERF_ERR_ARGUMENT, quantize_static(&n, o, RANGES));
    check_message("element 1 of 'fc.bias' is nan, must be a finite number");
    network_end(&n);
}

static void test_long_sums(void)
{
    network n = {0};
    kerf_value *in[2];
    kerf_node *node;
    int id;
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_DYNAMIC);
    const kerf_shape shape = KERF_SHAPE(33026, 1);
    CHECK_OK(kerf_graph_create(&n.g));
    CHECK_OK(kerf_state_create(&n.s, NULL));
    CHECK_OK(kerf_graph_add_input(n.g, "x", KERF_F32, KERF_SHAPE(1, 33026), &in[0]));
    CHECK_OK(kerf_state_add(n.s, "w", KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_graph_add_state(n.g, "w", id, KERF_F32, shape, &in[1]));
    CHECK_OK(kerf_graph_add_output(n.g, network_node(&n, "MatMul", "long", in, 2, &node)));
    CHECK_STATUS(KERF_ERR_UNSUPPORTED, kerf_quantize(n.g, n.s, &o));
    check_message("layer long adds up 33026 products, must be up to 33025 to fit int32");
    network_end(&n);
}

static void test_bad_ranges(void)
{
    static const struct {
        const char *text, *words;
    } FILES[] = {
        {"{", "must be JSON"},
        {"{}", "holds no ranges"},
        {"{\"ranges\":{\"x\":{\"low\":1}}}", "range of 'x': must have numbers low and high"},
        {"{\"ranges\":{\"x\":{\"low\":1,\"high\":0}}}", "low not above high"},
    };
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        char path[] = "/tmp/kerf-ranges-XXXXXX";
        kerf_ranges *r;
        FILE *f = fdopen(mkstemp(path), "w");
        fputs(FILES[i].text, f);
        fclose(f);
        CHECK_STATUS(KERF_ERR_FORMAT, kerf_ranges_read(&r, path));
        CHECK(r == NULL);
        check_message(FILES[i].words);
        remove(path);
    }
}

int main(void)
{
    dev = check_open_device();
    test_fold();
    test_fold_not();
    test_static();
    test_shared_ranges();
    test_weights();
    test_large_bias();
    test_static_ways();
    test_sixteen_bits();
    test_dynamic();
    test_weight_only();
    test_halves();
    test_skip();
    test_choices();
    test_bits_by_layer();
    test_refused();
    test_choices_refused();
    test_bad_weights();
    test_long_sums();
    test_bad_ranges();
    kerf_device_close(dev);
    return check_result();
}
