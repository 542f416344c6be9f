/* ops/gradient_common.c -- what gradient rules call to add their nodes (declared in op.h).
 *
 * The plan walks the nodes backwards and calls each rule; a value's gradient is complete
 * when its producer's rule runs, because all its readers came before. */
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "ops/rows_common.h"

/* Values that gradient rules add lie behind `num`: nobody asks for their gradient. */
int kerf__gradient_wanted(const kerf__gradients *grads, const kerf_value *v)
{
    return v != NULL && (size_t)v->index < grads->num && grads->wanted[v->index];
}

kerf_value *kerf__gradient_of(const kerf__gradients *grads, const kerf_value *v)
{
    return v != NULL && (size_t)v->index < grads->num ? grads->diffs[v->index] : NULL;
}

static kerf_status add_named(kerf__gradients *grads, const char *op, const char *like,
                             const char *suffix, kerf_value *const *inputs, int num_inputs,
                             kerf_node **out)
{
    char base[256];
    snprintf(base, sizeof base, "%.200s.%s", like, suffix);
    char *name = kerf__graph_fresh_name(grads->graph, base);
    if (name == NULL)
        return kerf__fail(KERF_ERR_MEMORY, "no memory for the name of a gradient node");
    kerf_status status = kerf_graph_add_node(grads->graph, op, name, inputs, num_inputs, 1, out);
    free(name);
    return status;
}

kerf_status kerf__gradient_add_node(kerf__gradients *grads, const char *op, const kerf_node *like,
                                    const char *suffix, kerf_value *const *inputs, int num_inputs,
                                    kerf_node **out)
{
    return add_named(grads, op, like->name, suffix, inputs, num_inputs, out);
}

kerf_status kerf__gradient_node(kerf__gradients *grads, const char *op, const kerf_node *like,
                                const char *suffix, kerf_value *const *inputs, int num_inputs,
                                kerf_node **out)
{
    KERF__TRY(kerf__gradient_add_node(grads, op, like, suffix, inputs, num_inputs, out));
    return kerf__node_infer(*out);
}

static kerf_status reshape_named(kerf__gradients *grads, const char *like, kerf_value *v,
                                 kerf_shape shape, kerf_value **out)
{
    kerf_node *node;
    *out = v;
    if (kerf_shape_equal(v->shape, shape))
        return KERF_OK;
    KERF__TRY(add_named(grads, "Reshape", like, "grad.shape", &v, 1, &node));
    KERF__TRY(kerf_node_set_ints(node, "shape", shape.dims, (size_t)shape.rank));
    /* Without this a 0 in the list would mean "as before", not an empty dimension. */
    KERF__TRY(kerf_node_set_int(node, "allowzero", 1));
    KERF__TRY(kerf__node_infer(node));
    *out = node->outputs[0];
    return KERF_OK;
}

kerf_status kerf__gradient_reshape(kerf__gradients *grads, const kerf_node *like, kerf_value *v,
                                   kerf_shape shape, kerf_value **out)
{
    return reshape_named(grads, like->name, v, shape, out);
}

kerf_status kerf__gradient_add(kerf__gradients *grads, kerf_value *v, kerf_value *diff)
{
    kerf_value *before = grads->diffs[v->index];
    kerf_node *node;
    if (before == NULL) {
        grads->diffs[v->index] = diff;
        return KERF_OK;
    }
    KERF__TRY(
        add_named(grads, "Add", v->name, "grad.sum", (kerf_value *[]){before, diff}, 2, &node));
    KERF__TRY(kerf__node_infer(node));
    grads->diffs[v->index] = node->outputs[0];
    return KERF_OK;
}

static kerf_status reduce_to(kerf__gradients *grads, const kerf_value *v, kerf_value **diff)
{
    const kerf_shape big = (*diff)->shape, small = v->shape;
    int64_t axes[KERF_MAX_RANK];
    size_t num = 0;
    for (int i = 0; i < big.rank; i++) {
        int j = i - (big.rank - small.rank);
        if (j < 0 || (small.dims[j] == 1 && big.dims[i] != 1))
            axes[num++] = i;
    }
    if (num == 0)
        return KERF_OK;
    kerf_node *node;
    KERF__TRY(add_named(grads, "ReduceSum", v->name, "grad.reduce", diff, 1, &node));
    KERF__TRY(kerf_node_set_ints(node, "axes", axes, num));
    KERF__TRY(kerf_node_set_int(node, "keepdims", 0));
    KERF__TRY(kerf__node_infer(node));
    *diff = node->outputs[0];
    return KERF_OK;
}

kerf_status kerf__gradient_add_broadcast(kerf__gradients *grads, kerf_value *v, kerf_value *diff)
{
    KERF__TRY(reduce_to(grads, v, &diff));
    KERF__TRY(reshape_named(grads, v->name, diff, v->shape, &diff));
    return kerf__gradient_add(grads, v, diff);
}

/* What arrives at the last node of training is the constant 1. */
static int is_one(const kerf_value *v)
{
    return v->constant != NULL && *(const float *)kerf_tensor_data(v->constant) == 1;
}

kerf_status kerf__gradient_by_second(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    kerf_node *node;
    if (diff == NULL || !kerf__gradient_wanted(grads, n->inputs[0]))
        return KERF_OK;
    if (is_one(diff))
        return kerf__gradient_add(grads, n->inputs[0], n->outputs[1]);
    KERF__TRY(kerf__gradient_node(grads, "Mul", n, "grad", (kerf_value *[]){n->outputs[1], diff}, 2,
                                  &node));
    return kerf__gradient_add(grads, n->inputs[0], node->outputs[0]);
}
