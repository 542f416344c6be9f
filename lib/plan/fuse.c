/* plan/fuse.c -- neighbouring nodes that one kernel does together become one node.
 *
 * Runs after autodiff, so gradients see the plain nodes.  A result may vanish only if its
 * one reader takes it in: Relu's gradient is written in terms of Relu's own result, which
 * is what makes Gemm with activation="relu" possible in training as well.
 *
 * Other halves: fuse_batch_norm.c, fuse_blocks.c, fuse_gate.c, fuse_integer.c, fuse_integer_sum.c,
 * fuse_passing.c, fuse_quant.c. */
#include <math.h>

#include "base/fail.h"
#include "plan/plan_internal.h"

int kerf__plan_is_read_once(const kerf_value *v)
{
    return v->next_of < 0 && kerf__value_num_uses(v) == 1;
}

int kerf__plan_may_extend(const kerf_node *n, const char *op)
{
    return kerf__node_is(n, op) && kerf__plan_is_read_once(n->outputs[0]) && n->num_inputs < 4 &&
           kerf__node_attribute(n, "activation") == NULL;
}

/* Readers of the second node's result read the first's, which now means the same. */
static void take_over(kerf_graph *g, kerf_node *first, kerf_node *second)
{
    kerf__graph_replace_uses(g, second->outputs[0], first->outputs[0]);
    first->outputs[0]->shape = second->outputs[0]->shape;
    first->outputs[0]->type = second->outputs[0]->type;
}
/* ---- MatMul, Add -> Gemm ----------------------------------------------------------- */

/* What Gemm can add: (N), (1, N), (M, 1), (M, N) or a scalar, made before the MatMul. */
static int is_bias(const kerf_value *v, const kerf_node *matmul)
{
    const kerf_shape dst = matmul->outputs[0]->shape;
    if (v->producer != NULL && v->producer->index > matmul->index)
        return 0;
    if (v->type != KERF_F32 || v->shape.rank > 2)
        return 0;
    for (int i = 1; i <= v->shape.rank; i++) {
        const int64_t dim = v->shape.dims[v->shape.rank - i];
        if (dim != 1 && dim != dst.dims[2 - i])
            return 0;
    }
    return 1;
}

static kerf_status fuse_bias(kerf_graph *g, kerf_node *add)
{
    for (int i = 0; i < 2; i++) {
        kerf_node *matmul = add->inputs[i]->producer;
        if (!kerf__node_is(matmul, "MatMul") || !kerf__plan_is_read_once(matmul->outputs[0]) ||
            matmul->inputs[0]->shape.rank != 2 || matmul->inputs[1]->shape.rank != 2 ||
            !is_bias(add->inputs[1 - i], matmul))
            continue;
        kerf_node *gemm;
        kerf_value *inputs[] = {matmul->inputs[0], matmul->inputs[1], add->inputs[1 - i]};
        KERF__TRY(kerf_graph_add_node(g, "Gemm", NULL, inputs, 3, 1, &gemm));
        kerf__node_take_name(gemm, matmul);
        KERF__TRY(kerf__node_set_pass(gemm, kerf__node_pass(add)));
        KERF__TRY(kerf__node_infer(gemm));
        gemm->outputs[0]->next_of = add->outputs[0]->next_of;
        add->outputs[0]->next_of = -1;
        kerf__graph_replace_uses(g, add->outputs[0], gemm->outputs[0]);
        return KERF_OK;
    }
    return KERF_OK;
}

/* ---- Conv, Add -> Conv with a residual --------------------------------------------- */

/* Nothing that Add's other input is made of reads the convolution: Add alone does. */
static kerf_status fuse_residual(kerf_graph *g, kerf_node *add)
{
    for (int i = 0; i < 2; i++) {
        kerf_node *conv = add->inputs[i]->producer;
        if (!kerf__plan_may_extend(conv, "Conv") || add->outputs[0]->next_of >= 0 ||
            !kerf_shape_equal(add->inputs[1 - i]->shape, conv->outputs[0]->shape))
            continue;
        KERF__TRY(kerf__node_put_input(conv, 3, add->inputs[1 - i]));
        kerf__graph_replace_uses(g, add->outputs[0], conv->outputs[0]);
        return KERF_OK;
    }
    return KERF_OK;
}

/* ---- Gemm or Conv, activation -> one with activation --------------------------------- */

static int takes_activation(const kerf_node *n)
{
    return (kerf__node_is(n, "Gemm") || kerf__node_is(n, "Conv")) &&
           kerf__plan_is_read_once(n->outputs[0]) && kerf__node_attribute(n, "activation") == NULL;
}

static kerf_status fuse_relu(kerf_graph *g, kerf_node *relu)
{
    kerf_node *first = relu->inputs[0]->producer;
    if (!takes_activation(first) || relu->outputs[0]->next_of >= 0)
        return KERF_OK;
    KERF__TRY(kerf_node_set_string(first, "activation", "relu"));
    take_over(g, first, relu);
    return KERF_OK;
}

/* Bound i of a Clip, `otherwise` where it has none; 0 if it is not known while planning. */
static int read_bound(const kerf_node *clip, int i, const char *key, float otherwise, float *out)
{
    *out = kerf_node_float(clip, key, otherwise);
    if (i >= clip->num_inputs || clip->inputs[i] == NULL)
        return 1;
    const kerf_value *v = clip->inputs[i];
    if (v->kind != KERF__VALUE_CONSTANT || v->type != KERF_F32 || v->constant->num_elements != 1)
        return 0;
    *out = *(const float *)v->constant->data;
    return 1;
}

int kerf__plan_read_clip(const kerf_node *clip, float *low, float *high)
{
    return read_bound(clip, 1, "min", -INFINITY, low) && read_bound(clip, 2, "max", INFINITY, high);
}

static kerf_status fuse_clip(kerf_graph *g, kerf_node *clip)
{
    kerf_node *conv = clip->inputs[0]->producer;
    float low, high;
    if (!kerf__node_is(conv, "Conv") || !takes_activation(conv) || clip->outputs[0]->next_of >= 0 ||
        !kerf__plan_read_clip(clip, &low, &high))
        return KERF_OK;
    KERF__TRY(kerf_node_set_string(conv, "activation", "clip"));
    KERF__TRY(kerf_node_set_float(conv, "activation_min", low));
    KERF__TRY(kerf_node_set_float(conv, "activation_max", high));
    take_over(g, conv, clip);
    return KERF_OK;
}

/* ---- the table --------------------------------------------------------------------- */

/* In this order: what one rule makes the next may take. */
static const kerf__plan_rule RULES[] = {
    {"QuantizeLinear", kerf__plan_fuse_integer},
    {"QuantizeLinear", kerf__plan_fuse_passing},
    {"com.microsoft.QLinearAdd", kerf__plan_fuse_integer_sum},
    {"DequantizeLinear", kerf__plan_fuse_quant},
    {"Add", fuse_bias},
    {"BatchNormalization", kerf__plan_fuse_batch_norm},
    {"Add", fuse_residual},
    {"Where", kerf__plan_fuse_gate},
    {"Relu", kerf__plan_fuse_gated_relu},
    {"Relu", fuse_relu},
    {"Clip", fuse_clip},
    {"Gemm", kerf__plan_fuse_blocks},
    {"MatMul", kerf__plan_fuse_blocks},
};

kerf_status kerf__plan_apply(kerf_graph *g, const kerf__plan_rule *rules, size_t num_rules)
{
    for (size_t r = 0; r < num_rules; r++) {
        const size_t num = g->num_nodes;
        for (size_t i = 0; i < num; i++)
            if (kerf__node_is(g->nodes[i], rules[r].op))
                KERF__TRY(rules[r].apply(g, g->nodes[i]));
        KERF__TRY(kerf__graph_sort(g)); /* new inputs stand behind their readers */
        kerf__graph_remove_dead(g);     /* and this wants readers behind */
    }
    return KERF_OK;
}

kerf_status kerf__plan_fuse(kerf_graph *g)
{
    return kerf__plan_apply(g, RULES, sizeof RULES / sizeof RULES[0]);
}
