/* plan/expand_integer.c -- operators of bytes that others say.  Other half: expand.c, which calls
 * these.
 *
 *     QLinearConcat(a, b)      DequantizeLinear(a), DequantizeLinear(b) -> Concat -> QuantizeLinear
 *
 * What is between such nodes runs on integers again where a kernel can (fuse_passing.c). */
#include <string.h>

#include "base/fail.h"
#include "plan/plan_internal.h"

/* The range of all elements, the scale and zero point that hold it, and QuantizeLinear. */
kerf_status kerf__expand_dynamic_quantize(kerf_node *n)
{
    static const char *const ENDS[] = {"ReduceMin", "ReduceMax"};
    kerf_value *ends[2], *zero_point;
    kerf_node *range;
    for (int i = 0; i < 2; i++) {
        kerf_node *end;
        KERF__TRY(kerf__plan_add_before(n, ENDS[i], n->inputs, 1, &end));
        KERF__TRY(kerf_node_set_int(end, "keepdims", 0));
        ends[i] = end->outputs[0];
    }
    KERF__TRY(kerf__plan_add_before(n, "kerf.QuantizeRange", ends, 2, &range));
    KERF__TRY(kerf__graph_add_output_value(n->graph, range, NULL, &zero_point));
    for (int i = n->num_outputs - 1; i > 0; i--) {
        KERF__TRY(kerf__plan_replace(n->graph, n->outputs[i], range->outputs[i - 1]));
        kerf__node_pop_output(n);
    }
    for (int i = 0; i < 2; i++)
        KERF__TRY(kerf__node_put_input(n, i + 1, range->outputs[i]));
    return kerf__node_set_op(n, "QuantizeLinear");
}

/* ONNX Runtime's: the inputs of QLinearMatMul in another order. */
kerf_status kerf__expand_qgemm(kerf_node *n)
{
    enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, C, Y_SCALE, Y_ZERO, INPUTS };
    static const int ORDER[INPUTS] = {A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, Y_SCALE, Y_ZERO, C};
    kerf_value *in[INPUTS];
    if (n->num_inputs != INPUTS || n->inputs[Y_SCALE] == NULL)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "its result is float32, must have a scale and zero point");
    if (kerf_node_float(n, "alpha", 1) != 1 || kerf_node_int(n, "transA", 0) != 0)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "alpha must be 1 and transA 0");
    memcpy(in, n->inputs, sizeof in);
    for (int i = 0; i < INPUTS; i++)
        kerf__node_set_input(n, i, in[ORDER[i]]);
    kerf__node_trim_inputs(n);
    kerf__node_remove_attribute(n, "alpha");
    kerf__node_remove_attribute(n, "transA");
    return kerf__node_set_op(n, "QLinearMatMul");
}

/* Where ONNX Runtime's operators have what they need; a zero point follows each scale. */
static const struct {
    const char *op;
    int num_data; /* 0: as many as there are */
    int first;    /* input: the first of data, each followed by its scale */
    int y_scale;
} QLINEAR[] = {
    {"AveragePool", 1, 0, 3}, {"Concat", 0, 2, 0}, {"GlobalAveragePool", 1, 0, 3},
    {"LeakyRelu", 1, 0, 3},   {"Mul", 2, 0, 6},    {"Sigmoid", 1, 0, 3},
    {"Softmax", 1, 0, 3},
};

/* Its attributes, but those that only ONNX Runtime's has. */
static kerf_status take_attributes(kerf_node *core, const kerf_node *n)
{
    if (kerf_node_int(n, "channels_last", 0) != 0)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "channels_last must be 0");
    if (kerf_node_int(n, "opset", 13) < 13)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "opset is %d, must be 13 or later",
                               (int)kerf_node_int(n, "opset", 13));
    KERF__TRY(kerf__node_copy_attributes(core, n));
    kerf__node_remove_attribute(core, "opset");
    return KERF_OK;
}

/* Of three inputs that begin there, all but a zero point that lacks. */
static kerf_status dequantize(const kerf_node *n, int at, kerf_value **out)
{
    kerf_node *dq;
    if (kerf_node_input(n, at) == NULL || kerf_node_input(n, at + 1) == NULL)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "input %d and its scale must be there", at);
    KERF__TRY(kerf__plan_add_before(n, "DequantizeLinear", n->inputs + at,
                                    kerf_node_input(n, at + 2) != NULL ? 3 : 2, &dq));
    *out = dq->outputs[0];
    return KERF_OK;
}

static kerf_status quantize(kerf_node *n, kerf_value *v, int y_scale)
{
    kerf_value *const inputs[] = {v, kerf_node_input(n, y_scale), kerf_node_input(n, y_scale + 1)};
    if (inputs[1] == NULL)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "its result's scale must be there");
    for (int i = 0; i < n->num_inputs; i++)
        kerf__node_set_input(n, i, i < 3 ? inputs[i] : NULL);
    kerf__node_trim_inputs(n);
    return kerf__node_set_op(n, "QuantizeLinear");
}

/* DequantizeLinear of each, the operator, QuantizeLinear. */
kerf_status kerf__expand_qlinear(kerf_node *n)
{
    enum { MOST = 1024 }; /* names of nodes are searched one after the other */
    const char *op = n->op + strlen("com.microsoft.QLinear");
    kerf_node *core;
    size_t row = 0;
    while (strcmp(QLINEAR[row].op, op) != 0)
        row++;
    const int first = QLINEAR[row].first;
    const int num =
        QLINEAR[row].num_data > 0 ? QLINEAR[row].num_data : (n->num_inputs - first + 1) / 3;
    if (num < 1 || n->num_inputs < first + 3 * (num - 1) + 2)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "has %d inputs, must have %d or more",
                               n->num_inputs, first + 3 * (num > 0 ? num : 1));
    if (num > MOST)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "joins %d, supported are up to %d", num,
                               MOST);
    kerf_value *v;
    KERF__TRY(dequantize(n, first, &v));
    KERF__TRY(kerf__plan_add_before(n, op, &v, 1, &core));
    for (int i = 1; i < num; i++) {
        KERF__TRY(dequantize(n, first + 3 * i, &v));
        KERF__TRY(kerf__node_put_input(core, i, v));
    }
    KERF__TRY(take_attributes(core, n));
    return quantize(n, core->outputs[0], QLINEAR[row].y_scale);
}
