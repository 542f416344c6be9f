/* test_quantize_graph.c -- rewriting a graph to small integers: which nodes come out, which numbers
 * they hold, and that the network still computes what it did, within its steps.  Of weights alone:
 * test_quantize_weights.c; layers of their own types: test_quantize_choices.c. */
#include "sample_network.h"

static kerf_device *dev;

static void test_fold(void)
{
    double want[NUM_OUTPUTS];
    float got[NUM_OUTPUTS];
    network n = sample_network(dev);
    sample_run_as_wanted(&n, want);
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    check_ops(&n, "Conv Relu MaxPool Flatten Gemm");
    CHECK(kerf_graph_find(n.g, "conv.bias") != NULL);
    sample_run(&n, got);
    check_close("folded", got, want, NUM_OUTPUTS, check_tolerance(4, FLAT));
    network_end(&n);
}

/* A normalisation that somebody looks past, or weights of two, stay. */
static void test_fold_not(void)
{
    network n = sample_network(dev);
    CHECK_OK(kerf_graph_add_output(n.g, kerf_graph_find(n.g, "conv")));
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    check_ops(&n, "Conv BatchNormalization Relu MaxPool Flatten Gemm");
    network_end(&n);
}

static void test_static(void)
{
    double want[NUM_OUTPUTS];
    float got[NUM_OUTPUTS];
    network n = sample_network(dev);
    sample_run_as_wanted(&n, want);
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(quantize_static(&n, kerf_quantize_defaults(KERF_QUANTIZE_STATIC), RANGES));
    check_ops(&n, "QuantizeLinear DequantizeLinear DequantizeLinear DequantizeLinear Conv Relu "
                  "QuantizeLinear DequantizeLinear MaxPool QuantizeLinear DequantizeLinear Flatten "
                  "QuantizeLinear DequantizeLinear DequantizeLinear DequantizeLinear Gemm "
                  "QuantizeLinear DequantizeLinear");
    sample_run(&n, got);
    check_close("static", got, want, NUM_OUTPUTS, 0.04);
    CHECK(kerf_state_find(n.s, "conv.weight") == NULL && kerf_state_find(n.s, "fc.bias") == NULL);
    network_end(&n);
}

/* What only moves numbers has the same scale on both sides; a Relu's range begins at integer 0. */
static void test_shared_ranges(void)
{
    static const char *const NAMES[] = {"relu", "pool", "flat"};
    network n = sample_network(dev);
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
    network n = sample_network(dev);
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
    network n = sample_network(dev);
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

static void test_static_ways(void)
{
    for (int asymmetric = 0; asymmetric < 2; asymmetric++)
        for (int per = KERF_PER_TENSOR; per <= KERF_PER_CHANNEL; per++) {
            kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
            o.asymmetric = asymmetric;
            o.per = (kerf_quantize_per)per;
            o.activations = asymmetric ? KERF_S8 : KERF_U8;
            check_mode(dev, "static ways", &o, NULL, 0.05);
            o.weights = KERF_S4;
            check_mode(dev, "static int4", &o, NULL, 0.6);
        }
}

/* Activations of 16 bits are a step of theirs off the network with the rounded weights. */
static void test_sixteen_bits(void)
{
    static const kerf_type TYPES[] = {KERF_U16, KERF_S16};
    for (int i = 0; i < 2; i++) {
        double want[NUM_OUTPUTS];
        float got[NUM_OUTPUTS], conv[CHANNELS * 9], fc[CLASSES * FLAT];
        kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
        network n = sample_network(dev), f = sample_network(dev);
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
            conv[k] = number_of(&n, "conv.weight", k, k / 9);
        for (size_t k = 0; k < CLASSES * FLAT; k++)
            fc[k] = number_of(&n, "fc.weight", k, k / FLAT);
        CHECK_OK(kerf_state_write(f.s, kerf_state_find(f.s, "conv.weight")->id, conv));
        CHECK_OK(kerf_state_write(f.s, kerf_state_find(f.s, "fc.weight")->id, fc));
        sample_run_as_wanted(&f, want);
        sample_run(&n, got);
        check_close("16 bits", got, want, NUM_OUTPUTS, 5e-4);
        network_end(&n);
        network_end(&f);
    }
}

static void test_dynamic(void)
{
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_DYNAMIC);
    const char *ops =
        "Conv Relu MaxPool Flatten DynamicQuantizeLinear MatMulInteger Cast Mul Mul Add";
    check_mode(dev, "dynamic", &o, ops, 0.03);
    o.asymmetric = 1;
    check_mode(dev, "dynamic with zero points", &o, ops, 0.03);
    o.per = KERF_PER_TENSOR;
    check_mode(dev, "dynamic per tensor", &o, ops, 0.03);
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
    kerf_device_close(dev);
    return check_result();
}
