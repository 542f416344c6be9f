/* test_quantize_refused.c -- networks, options and files of ranges that rewriting to small integers
 * refuses, in words that say what would be right. */
#include "sample_network.h"

static kerf_device *dev;

static void test_refused(void)
{
    const kerf_quantize_options is_static = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    const char *nobody[] = {"nobody"};
    kerf_quantize_options o = is_static;
    check_refused(dev, o, NULL, "mode static must have ranges; calibrate first");
    check_refused(dev, o, "{\"ranges\":{}}", "there is no range of 'input'");
    check_refused(dev, o, "{\"ranges\":{\"input\":{\"low\":0,\"high\":1e30}}}",
                  "range of 'input' is from 0 to 1e+30, must be one within 2^56 of 0");
    kerf_quantize_options dynamic = kerf_quantize_defaults(KERF_QUANTIZE_DYNAMIC);
    dynamic.weights = KERF_S4;
    check_refused(dev, dynamic, NULL, "weights are int4, must be int8 in mode dynamic");
    o = is_static;
    o.per = KERF_PER_BLOCK;
    check_refused(dev, o, RANGES, "must have one a channel or tensor in mode static");
    o = is_static;
    o.layers = nobody;
    o.num_layers = 1;
    check_refused(dev, o, RANGES,
                  "'nobody' fits no layer that can be integers; there are Conv conv, Gemm fc");
    o = kerf_quantize_defaults(KERF_QUANTIZE_WEIGHT_ONLY);
    o.per = KERF_PER_BLOCK;
    o.block = 20;
    check_refused(dev, o, NULL, "blocks are of 20 weights, must be of 16, 32, 64, 128 or 256");
    o.weights = KERF_F32;
    check_refused(dev, o, NULL,
                  "weights are float32, must be int8, int4 or int2, or float16 in mode");
}

static void test_bad_weights(void)
{
    float bias[CLASSES] = {0, NAN, 0, 0};
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    network n = sample_network(dev);
    CHECK_OK(kerf_state_write(n.s, kerf_state_find(n.s, "fc.bias")->id, bias));
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_STATUS(KERF_ERR_ARGUMENT, quantize_static(&n, o, RANGES));
    check_message("element 1 of 'fc.bias' is nan, must be a finite number");
    network_end(&n);
}

/* Whose scale no file could hold. */
static void test_huge_weights(void)
{
    static const kerf_quantize_mode MODES[] = {KERF_QUANTIZE_WEIGHT_ONLY, KERF_QUANTIZE_STATIC};
    for (size_t i = 0; i < sizeof MODES / sizeof MODES[0]; i++) {
        float weights[CLASSES * FLAT] = {0, 0, 1e37f};
        network n = sample_network(dev);
        CHECK_OK(kerf_state_write(n.s, kerf_state_find(n.s, "fc.weight")->id, weights));
        CHECK_OK(kerf_quantize_fold(n.g, n.s));
        CHECK_STATUS(KERF_ERR_ARGUMENT,
                     quantize_static(&n, kerf_quantize_defaults(MODES[i]), RANGES));
        check_message("quantize: 'fc.weight' holds 1e+37, must be within 2^100 of 0");
        network_end(&n);
    }
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
    test_refused();
    test_bad_weights();
    test_huge_weights();
    test_long_sums();
    test_bad_ranges();
    kerf_device_close(dev);
    return check_result();
}
