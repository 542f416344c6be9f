/* plan/expand.c -- operators that are said by others: before shapes are inferred, such a node
 * becomes the nodes it stands for.  ONNX calls most of them functions.
 *
 * The node itself stays as the last of its kind, so its outputs keep their names.  Nothing is
 * known of shapes here, and nothing is needed.  Other halves: expand_einsum.c, expand_integer.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"
#include "tensor/tensor_internal.h"

kerf_status kerf__plan_add_before(const kerf_node *n, const char *op, kerf_value *const *inputs,
                                  int num_inputs, kerf_node **out)
{
    char *name = kerf__graph_fresh_name(n->graph, n->name);
    if (name == NULL)
        return kerf__fail_memory("plan", strlen(n->name));
    kerf_status status = kerf_graph_add_node(n->graph, op, name, inputs, num_inputs, 1, out);
    free(name);
    return status;
}

/* Any number of inputs, two by two by `op`; n is left with two, or with the only one. */
static kerf_status fold_inputs(kerf_node *n, const char *op)
{
    enum { MOST = 1024 }; /* names of nodes are searched one after the other */
    if (n->num_inputs > MOST)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "has %d inputs, supported are up to %d",
                               n->num_inputs, MOST);
    while (n->num_inputs > 2) {
        kerf_node *pair;
        KERF__TRY(kerf__plan_add_before(n, op, n->inputs, 2, &pair));
        memmove(n->inputs, n->inputs + 1, (size_t)--n->num_inputs * sizeof *n->inputs);
        n->inputs[0] = pair->outputs[0];
    }
    return kerf__node_set_op(n, n->num_inputs == 1 ? "Identity" : op);
}

static kerf_status expand_pairs(kerf_node *n)
{
    char op[8];
    snprintf(op, sizeof op, "%s", n->op);
    return fold_inputs(n, op);
}

static kerf_status expand_sum(kerf_node *n)
{
    return fold_inputs(n, "Add");
}

static kerf_status expand_mean(kerf_node *n)
{
    const int num = n->num_inputs;
    kerf_node *sum;
    if (num < 2)
        return fold_inputs(n, "Add");
    KERF__TRY(kerf__plan_add_before(n, "Add", n->inputs, num, &sum));
    KERF__TRY(fold_inputs(sum, "Add"));
    KERF__TRY(kerf_node_set_float(n, "scale", 1.0f / (float)num));
    n->inputs[0] = sum->outputs[0];
    n->num_inputs = 1;
    return kerf__node_set_op(n, "kerf.Scale");
}

/* One kernel does it for the loss that Kerf trains with: of (N, C) and int32, the mean. */
static int is_plain_loss(const kerf_node *n)
{
    const kerf_value *labels = n->num_inputs == 2 ? n->inputs[1] : NULL;
    return labels != NULL && labels->type == KERF_S32 && labels->shape.rank == 1 &&
           strcmp(kerf_node_string(n, "reduction", "mean"), "mean") == 0 &&
           kerf__node_attribute(n, "ignore_index") == NULL;
}

/* LogSoftmax over the classes, which may be an output too, and the loss of that. */
static kerf_status expand_cross_entropy(kerf_node *n)
{
    kerf_node *softmax;
    if (is_plain_loss(n))
        return KERF_OK;
    KERF__TRY(kerf__plan_add_before(n, "LogSoftmax", n->inputs, 1, &softmax));
    KERF__TRY(kerf_node_set_int(softmax, "axis", 1));
    n->inputs[0] = softmax->outputs[0];
    if (n->num_outputs > 1) {
        KERF__TRY(kerf__plan_replace(n->graph, n->outputs[1], softmax->outputs[0]));
        kerf__node_pop_output(n);
    }
    return kerf__node_set_op(n, "NegativeLogLikelihoodLoss");
}

/* Stored integers of a few bits, such as numbers of a codebook's entries, have a byte each here. */
static kerf_status expand_cast(kerf_node *n)
{
    const kerf_value *v = n->inputs[0];
    kerf_tensor *t;
    kerf_value *wide;
    if (v->kind != KERF__VALUE_CONSTANT || kerf_type_bits(v->type) >= 8)
        return KERF_OK;
    const int is_signed = v->type == KERF_S4 || v->type == KERF_S2;
    KERF__TRY(kerf_tensor_create(&t, NULL, is_signed ? KERF_S8 : KERF_U8, v->shape));
    unsigned char *bytes = kerf_tensor_data(t);
    for (size_t i = 0; i < t->num_elements; i++)
        bytes[i] = (unsigned char)kerf__tensor_int(v->constant, i);
    KERF__TRY(kerf_graph_add_constant(n->graph, NULL, t, &wide));
    kerf__node_set_input(n, 0, wide);
    return KERF_OK;
}

static const struct {
    const char *op;
    kerf_status (*expand)(kerf_node *n);
    int may_lack; /* inputs */
} ROWS[] = {
    {"Cast", expand_cast, 0},
    {"DynamicQuantizeLinear", kerf__expand_dynamic_quantize, 0},
    {"Einsum", kerf__expand_einsum, 0},
    {"Max", expand_pairs, 0},
    {"Mean", expand_mean, 0},
    {"Min", expand_pairs, 0},
    {"com.microsoft.QGemm", kerf__expand_qgemm, 1},
    {"com.microsoft.QLinearAveragePool", kerf__expand_qlinear, 1},
    {"com.microsoft.QLinearConcat", kerf__expand_qlinear, 1},
    {"com.microsoft.QLinearGlobalAveragePool", kerf__expand_qlinear, 1},
    {"com.microsoft.QLinearLeakyRelu", kerf__expand_qlinear, 1},
    {"com.microsoft.QLinearMul", kerf__expand_qlinear, 1},
    {"com.microsoft.QLinearSigmoid", kerf__expand_qlinear, 1},
    {"com.microsoft.QLinearSoftmax", kerf__expand_qlinear, 1},
    {"SoftmaxCrossEntropyLoss", expand_cross_entropy, 0},
    {"Sum", expand_sum, 0},
};

static int has_all_inputs(const kerf_node *n)
{
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] == NULL)
            return 0;
    return n->num_inputs > 0;
}

kerf_status kerf__plan_expand(kerf_graph *g)
{
    const size_t num = g->num_nodes; /* what is added stands behind */
    for (size_t i = 0; i < num; i++)
        for (size_t k = 0; k < sizeof ROWS / sizeof ROWS[0]; k++)
            if (strcmp(ROWS[k].op, g->nodes[i]->op) == 0 &&
                (ROWS[k].may_lack || has_all_inputs(g->nodes[i]))) {
                KERF__TRY(ROWS[k].expand(g->nodes[i]));
                break;
            }
    return g->num_nodes > num ? kerf__graph_sort(g) : KERF_OK;
}
