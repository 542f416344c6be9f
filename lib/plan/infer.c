/* plan/infer.c -- shapes and types of a whole graph, for one batch.
 *
 * The symbol in the first dimension of an input is the batch and becomes a number wherever
 * inputs name it; results follow from the operations' shape rules.  No other dimension may
 * stay open, as a plan's buffers have fixed sizes: known_inputs.c has bound them before. */
#include <string.h>

#include "base/fail.h"
#include "plan/plan_internal.h"

/* 1 if `dim` is the symbol in the first dimension of some input. */
static int is_batch(const kerf_graph *g, int64_t dim)
{
    for (size_t i = 0; i < g->num_inputs; i++)
        if (g->inputs[i]->shape.rank > 0 && g->inputs[i]->shape.dims[0] == dim)
            return 1;
    return 0;
}

static kerf_status check_input(const kerf_graph *g, const kerf_value *v)
{
    if (v->shape.rank < 0)
        return kerf__fail(KERF_ERR_SHAPE, "graph: the shape of input '%s' is not known", v->name);
    kerf_shape known = v->shape;
    for (int i = 0; i < known.rank; i++)
        known.dims[i] = known.dims[i] < 0 ? 1 : known.dims[i];
    if (kerf__tensor_bytes(v->type, known) < 0) {
        char text[256];
        return kerf__fail(KERF_ERR_SHAPE, "graph: input '%s' is %s, larger than 2^62 bytes",
                          v->name, kerf_shape_text(v->shape, text, sizeof text));
    }
    for (int i = 0; i < v->shape.rank; i++) {
        const int64_t dim = v->shape.dims[i];
        if (dim < 0 && !is_batch(g, dim))
            return kerf__fail(KERF_ERR_SHAPE,
                              "graph: dimension %d of input '%s' is '%s', must be a number: give "
                              "the shape",
                              i, v->name, kerf_graph_symbol_name(g, dim));
    }
    return KERF_OK;
}

static void bind(kerf_graph *g, int64_t batch)
{
    /* First dimensions last: they tell which symbols are the batch. */
    for (int first = 0; first <= 1; first++)
        for (size_t i = 0; i < g->num_inputs; i++)
            for (int k = 0; k < g->inputs[i]->shape.rank; k++)
                if ((k == 0) == first && g->inputs[i]->shape.dims[k] < 0)
                    g->inputs[i]->shape.dims[k] = batch;
}

static kerf_status check_outputs(const kerf_node *n)
{
    for (int i = 0; i < n->num_outputs; i++) {
        const kerf_value *v = n->outputs[i];
        if (v->shape.rank >= 0 && kerf__tensor_bytes(v->type, v->shape) < 0)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "its result is larger than 2^62 bytes");
    }
    return KERF_OK;
}

/* A Cast to the type that is there does nothing. */
static kerf_status drop_cast(kerf_node *n)
{
    static const int NUMBERS[KERF_NUM_TYPES] = {
#define X(type, bits, text, onnx) [type] = (onnx),
        KERF_TYPE_LIST(X)
#undef X
    };
    if (strcmp(n->op, "Cast") != 0 || n->num_inputs != 1 || n->inputs[0] == NULL ||
        kerf_node_int(n, "to", 0) != NUMBERS[n->inputs[0]->type])
        return KERF_OK;
    kerf__node_remove_attribute(n, "to");
    return kerf__node_set_op(n, "Identity");
}

/* A ConstantOfShape that is too large to fold is one number, expanded. */
static kerf_status spread_value(kerf_graph *g, kerf_node *n)
{
    const kerf__attribute *a = kerf__node_attribute(n, "value");
    const kerf_tensor *value = a != NULL ? a->tensor : NULL;
    kerf_tensor *t;
    kerf_value *one;
    if (strcmp(n->op, "ConstantOfShape") != 0 || n->num_inputs != 1 || n->inputs[0] == NULL ||
        (value != NULL && value->num_elements != 1))
        return KERF_OK;
    KERF__TRY(kerf_tensor_create(&t, NULL, value != NULL ? value->type : KERF_F32, KERF_SCALAR));
    if (value != NULL)
        memcpy(t->data, value->data, t->size_bytes);
    KERF__TRY(kerf_graph_add_constant(g, NULL, t, &one));
    kerf__node_remove_attribute(n, "value");
    KERF__TRY(kerf__node_put_input(n, 1, n->inputs[0]));
    kerf__node_set_input(n, 0, one);
    return kerf__node_set_op(n, "Expand");
}

kerf_status kerf_graph_infer(kerf_graph *g, int64_t batch)
{
    if (batch < 1)
        return kerf__fail(KERF_ERR_ARGUMENT, "graph: the batch is %lld, must be at least 1",
                          (long long)batch);
    for (size_t i = 0; i < g->num_inputs; i++)
        KERF__TRY(check_input(g, g->inputs[i]));
    bind(g, batch);
    KERF__TRY(kerf__plan_expand(g));
    int num_folded = 0;
    for (size_t i = 0; i < g->num_nodes; i++) {
        int folded;
        KERF__TRY(kerf__plan_fold(g, g->nodes[i], &folded));
        num_folded += folded;
        if (folded)
            continue;
        KERF__TRY(drop_cast(g->nodes[i]));
        KERF__TRY(spread_value(g, g->nodes[i]));
        KERF__TRY(kerf__node_infer(g->nodes[i]));
        KERF__TRY(check_outputs(g->nodes[i]));
    }
    if (num_folded > 0) /* and what only they read */
        kerf__graph_remove_dead(g);
    return KERF_OK;
}

double kerf_node_macs(const kerf_node *n)
{
    const kerf__op *op = kerf__op_find(n->op);
    return op != NULL && op->macs != NULL ? op->macs(n) : 0;
}
