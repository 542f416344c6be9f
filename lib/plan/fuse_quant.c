/* plan/fuse_quant.c -- a QuantizeLinear whose integers are only taken back to floats, and the
 * DequantizeLinear that do so with the same scale and zero point, become one kerf.FakeQuant:
 * floats in, floats out, the same bits in one pass over memory.
 *
 * This is what fake quantization is, in training as in an evaluation.  Where a kernel takes the
 * integers themselves the pair stays. */
#include <string.h>

#include "base/fail.h"
#include "plan/plan_internal.h"

int kerf__plan_holds_same(const kerf_value *a, const kerf_value *b)
{
    if (a == b || a == NULL || b == NULL)
        return a == b;
    return a->kind == KERF__VALUE_CONSTANT && b->kind == KERF__VALUE_CONSTANT &&
           a->type == b->type && kerf_shape_equal(a->shape, b->shape) &&
           memcmp(a->constant->data, b->constant->data, a->constant->size_bytes) == 0;
}

int kerf__plan_is_plain_scale(const kerf_value *v, float most)
{
    if (v->type != KERF_F32 || kerf_shape_num_elements(v->shape) != 1)
        return 0;
    if (v->kind != KERF__VALUE_CONSTANT) /* those have scales from 2^-60 to 2^57 */
        return kerf__node_is(v->producer, "kerf.TrainedRange");
    const float *scale = v->constant->data;
    return *scale >= 0x1p-100f && *scale <= most;
}

static int takes_back(const kerf_node *dequantize, const kerf_node *quantize)
{
    return kerf__node_is(dequantize, "DequantizeLinear") &&
           dequantize->inputs[0] == quantize->outputs[0] && dequantize->outputs[0]->next_of < 0 &&
           kerf__plan_holds_same(kerf_node_input(dequantize, 1), kerf_node_input(quantize, 1)) &&
           kerf__plan_holds_same(kerf_node_input(dequantize, 2), kerf_node_input(quantize, 2)) &&
           kerf_node_int(dequantize, "axis", 1) == kerf_node_int(quantize, "axis", 1) &&
           kerf_node_int(dequantize, "block_size", 0) == kerf_node_int(quantize, "block_size", 0);
}

/* 1 if nobody reads the integers but to take them back. */
static int is_only_taken_back(const kerf_graph *g, const kerf_node *quantize)
{
    int num = 0;
    for (size_t i = 0; i < g->num_nodes; i++)
        num += takes_back(g->nodes[i], quantize);
    return num > 0 && num == kerf__value_num_uses(quantize->outputs[0]);
}

kerf_status kerf__plan_fuse_quant(kerf_graph *g, kerf_node *dequantize)
{
    const kerf_node *quantize = dequantize->inputs[0]->producer;
    const size_t num = g->num_nodes;
    kerf_node *fake;
    if (!kerf__node_is(quantize, "QuantizeLinear") ||
        kerf__value_num_uses(dequantize->outputs[0]) == 0 || !is_only_taken_back(g, quantize))
        return KERF_OK;
    KERF__TRY(kerf_graph_add_node(g, "kerf.FakeQuant", NULL, quantize->inputs, quantize->num_inputs,
                                  1, &fake));
    KERF__TRY(kerf__node_copy_attributes(fake, quantize));
    KERF__TRY(kerf__node_set_pass(fake, kerf__node_pass(dequantize)));
    KERF__TRY(kerf__node_infer(fake));
    for (size_t i = 0; i < num; i++)
        if (takes_back(g->nodes[i], quantize))
            kerf__graph_replace_uses(g, g->nodes[i]->outputs[0], fake->outputs[0]);
    return KERF_OK;
}
