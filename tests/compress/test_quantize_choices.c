/* test_quantize_choices.c -- layers that are left out, and those with types and modes of their own;
 * which choices are refused. */
#include "sample_network.h"

static kerf_device *dev;

/* Layers that are left out stay floats, with floats on both sides. */
static void test_skip(void)
{
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    const char *skip[] = {"conv"};
    network n = sample_network(dev);
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
    check_mode(dev, what, &o, ops, 0.05);
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
    network n = sample_network(dev);
    o.choices = CHOICES;
    o.num_choices = 1;
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(quantize_static(&n, o, RANGES));
    CHECK(type_of(&n, "conv.weight_q") == KERF_S8);
    CHECK(type_of(&n, "fc.weight_q") == KERF_S2);
    network_end(&n);
    n = sample_network(dev);
    o.num_choices = 3;
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(quantize_static(&n, o,
                             "{\"ranges\":{\"flat\":{\"low\":0,\"high\":6},\"logits\":{\"low\":-9,"
                             "\"high\":9}}}"));
    CHECK(kerf_graph_find(n.g, "conv.weight_q") == NULL);
    CHECK(type_of(&n, "fc.weight_q") == KERF_S2);
    network_end(&n);
}

static void check_choice_refused(kerf_quantize_mode mode, kerf_quantize_choice choice,
                                 const char *words)
{
    kerf_quantize_options o = kerf_quantize_defaults(mode);
    o.choices = &choice;
    o.num_choices = 1;
    check_refused(dev, o, mode == KERF_QUANTIZE_STATIC ? RANGES : NULL, words);
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

int main(void)
{
    dev = check_open_device();
    test_skip();
    test_choices();
    test_bits_by_layer();
    test_choices_refused();
    kerf_device_close(dev);
    return check_result();
}
