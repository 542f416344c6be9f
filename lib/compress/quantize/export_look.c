/* compress/quantize/export_look.c -- looking around in a quantized graph. */
#include <string.h>

#include "compress/quantize/export_internal.h"
#include "tensor/tensor_internal.h"

/* ---- nodes and values ---------------------------------------------------------------------- */

int kerf__is_among(const char *op, const char *const *list, size_t num)
{
    for (size_t i = 0; i < num; i++)
        if (strcmp(op, list[i]) == 0)
            return 1;
    return 0;
}

kerf_node *kerf__dequantized_by(const kerf_value *v)
{
    kerf_node *n = v != NULL ? v->producer : NULL;
    return kerf__node_is(n, "DequantizeLinear") && kerf_node_input(n, 0) != NULL &&
                   kerf_node_input(n, 1) != NULL && n->inputs[1]->type == KERF_F32
               ? n
               : NULL;
}

static int is_constant(const kerf_value *v)
{
    return v != NULL && v->kind == KERF__VALUE_CONSTANT;
}

kerf_node *kerf__rounded_by(const kerf_value *v)
{
    kerf_node *dq = kerf__dequantized_by(v);
    return dq != NULL && !is_constant(dq->inputs[0]) ? dq : NULL;
}

static int is_float(kerf_type type)
{
    return type == KERF_F32 || type == KERF_F16;
}

/* Of a file anything may come: numbers are read as these types later. */
kerf_node *kerf__stored_by(const kerf_value *v)
{
    kerf_node *dq = kerf__dequantized_by(v);
    if (dq == NULL || !is_constant(dq->inputs[0]) || !is_constant(dq->inputs[1]) ||
        is_float(dq->inputs[0]->type) || dq->inputs[1]->type != KERF_F32)
        return NULL;
    const kerf_value *zero = kerf_node_input(dq, 2);
    return zero == NULL || (is_constant(zero) && zero->type == dq->inputs[0]->type) ? dq : NULL;
}

int kerf__is_rounded_after(const kerf_value *v)
{
    int num = 0;
    for (size_t i = 0; i < v->graph->num_nodes; i++)
        num += kerf__node_is(v->graph->nodes[i], "QuantizeLinear") &&
               kerf_node_input(v->graph->nodes[i], 0) == v;
    return num > 0 && num == kerf__value_num_uses(v);
}

static int is_bound(const kerf_node *n)
{
    return kerf__node_is(n, "Relu") || kerf__node_is(n, "Clip");
}

static int is_output(const kerf_value *v)
{
    for (size_t i = 0; i < v->graph->num_outputs; i++)
        if (v->graph->outputs[i] == v)
            return 1;
    return 0;
}

kerf_node *kerf__bound_behind(const kerf_value *v)
{
    kerf_node *n = kerf__value_only_reader(v);
    return is_bound(n) && kerf_node_input(n, 0) == v && !is_output(n->outputs[0]) ? n : NULL;
}

kerf_value *kerf__with_bias(const kerf_node *product)
{
    kerf_value *v = product->outputs[0];
    const kerf_node *n = kerf__value_only_reader(v);
    if (!kerf__node_is(n, "Add"))
        return v;
    const kerf_value *other = kerf_node_input(n, n->inputs[0] == v);
    return other != NULL &&
                   (other->kind == KERF__VALUE_CONSTANT || other->kind == KERF__VALUE_STATE)
               ? n->outputs[0]
               : v;
}

int kerf__is_move(const kerf_node *n)
{
    static const char *const MOVES[] = {"Dropout", "Flatten", "Identity",  "MaxPool",
                                        "Reshape", "Squeeze", "Transpose", "Unsqueeze"};
    return KERF__IS_AMONG(n->op, MOVES);
}

/* ---- scalings -------------------------------------------------------------------------------- */

int kerf__is_number(const kerf_value *v)
{
    return is_constant(v) && v->constant->num_elements == 1;
}

int kerf__scaling_of(kerf__scaling *out, const kerf_node *n)
{
    enum { MOST_BITS = 16 };
    const kerf_value *zero = kerf_node_input(n, 2);
    if (n->num_inputs < 2 || !kerf__is_number(n->inputs[1]) || n->inputs[1]->type != KERF_F32 ||
        (zero != NULL && (!kerf__is_number(zero) || is_float(zero->type) ||
                          kerf_type_bits(zero->type) > MOST_BITS)))
        return 0;
    *out = (kerf__scaling){.scale = (double)*(const float *)kerf_node_input(n, 1)->constant->data,
                           .zero = zero != NULL ? kerf__tensor_int(zero->constant, 0) : 0,
                           .type = zero != NULL ? zero->type : KERF_U8};
    return 1;
}

int kerf__scaling_equal(kerf__scaling a, kerf__scaling b)
{
    return a.scale == b.scale && a.zero == b.zero && a.type == b.type;
}

int64_t kerf__lowest(kerf_type type)
{
    const int64_t half = (int64_t)1 << (kerf_type_bits(type) - 1);
    return type == KERF_S8 || type == KERF_S16 ? -half : 0;
}

int64_t kerf__highest(kerf_type type)
{
    return kerf__lowest(type) + ((int64_t)1 << kerf_type_bits(type)) - 1;
}
