/* plan/train_integers.c -- a training with roundings multiplies integers on its way forward, as an
 * evaluation of the same network does, and its gradients read floats.
 *
 * Stands behind autodiff, whose rules know plain nodes alone, and before recompute.c, so that what
 * is made again is made by the same nodes.  Other half: fuse_integer.c. */
#include "base/fail.h"
#include "plan/plan_internal.h"

static int is_read_forward(const kerf_value *v)
{
    const kerf_graph *g = v->graph;
    int num = 0;
    for (size_t i = 0; i < g->num_outputs; i++)
        num += g->outputs[i] == v;
    for (size_t i = 0; i < g->num_nodes; i++)
        for (int k = 0; k < g->nodes[i]->num_inputs; k++)
            num += g->nodes[i]->inputs[k] == v && kerf__node_pass(g->nodes[i]) == KERF__FORWARD;
    return num > 0;
}

/* Floats that gradients alone read are made for them: until then integers of a quarter lie in
 * memory.  A new node stands right before its first reader (graph/sort.c). */
static kerf_status put_off(kerf_graph *g, kerf_node *dequantize)
{
    kerf_node *n;
    if (is_read_forward(dequantize->outputs[0]))
        return KERF_OK;
    KERF__TRY(kerf_graph_add_node(g, dequantize->op, NULL, dequantize->inputs,
                                  dequantize->num_inputs, 1, &n));
    KERF__TRY(kerf__node_copy_attributes(n, dequantize));
    KERF__TRY(kerf__node_set_pass(n, KERF__BACKWARD));
    KERF__TRY(kerf__node_infer(n));
    kerf__graph_replace_uses(g, dequantize->outputs[0], n->outputs[0]);
    return KERF_OK;
}

kerf_status kerf__plan_train_integers(kerf_graph *g)
{
    static const kerf__plan_rule RULES[] = {{"QuantizeLinear", kerf__plan_fuse_trained},
                                            {"DequantizeLinear", put_off}};
    return kerf__plan_apply(g, RULES, sizeof RULES / sizeof RULES[0]);
}
