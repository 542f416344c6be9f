/* plan/autodiff.c -- adds the nodes that compute the gradient of every trained weight.
 *
 * Nodes are walked backwards; each operation's rule (lib/ops) adds what its inputs need.
 * A gradient is wanted only where it leads to something trained, so the first layer's input
 * gets none. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/formula.h"
#include "plan/plan_internal.h"

void kerf__gradients_free(kerf__gradients *grads)
{
    free(grads->diffs);
    free(grads->wanted);
    *grads = (kerf__gradients){0};
}

/* Floats, and integers that may stand for some (lib/ops/quantize.c): indices and truths do not. */
static int may_have_gradient(kerf_type type)
{
    return type != KERF_F16 && type != KERF_S64 && type != KERF_BOOL;
}

/* Trained weights, and results of nodes that read something wanted. */
static int is_wanted(const kerf__planning *p, const kerf__gradients *grads, const kerf_value *v)
{
    if (!may_have_gradient(v->type))
        return 0;
    if (v->kind == KERF__VALUE_STATE)
        return v->type == KERF_F32 && kerf__plan_trains(p, v);
    if (v->producer == NULL || v->next_of >= 0)
        return 0;
    for (int i = 0; i < v->producer->num_inputs; i++)
        if (kerf__gradient_wanted(grads, v->producer->inputs[i]))
            return 1;
    return 0;
}

static kerf_status begin(const kerf__planning *p, kerf__gradients *grads)
{
    kerf_graph *g = p->plan->graph;
    *grads = (kerf__gradients){.graph = g,
                               .diffs = kerf__alloc(g->num_values, sizeof(kerf_value *)),
                               .wanted = kerf__alloc(g->num_values, 1),
                               .num = g->num_values};
    if (grads->diffs == NULL || grads->wanted == NULL) {
        kerf__gradients_free(grads);
        return kerf__fail_memory("plan", g->num_values * sizeof(kerf_value *));
    }
    /* States first: values do not stand in the order of nodes. */
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->producer == NULL)
            grads->wanted[i] = (char)is_wanted(p, grads, g->values[i]);
    for (size_t i = 0; i < g->num_nodes; i++)
        for (int k = 0; k < g->nodes[i]->num_outputs; k++) {
            const kerf_value *v = g->nodes[i]->outputs[k];
            grads->wanted[v->index] = (char)is_wanted(p, grads, v);
        }
    return KERF_OK;
}

/* By a number of shape (1); the seed keeps its shape. */
static kerf_status multiply(const kerf__planning *p, kerf_value *by, kerf_value **seed)
{
    if ((*seed)->shape.rank == 0)
        KERF__TRY(kerf__formula_sum(p->plan->graph, by, &by));
    return kerf__formula(p->plan->graph, "Mul", *seed, by, seed);
}

/* Of several runs, each by what it counts. */
static kerf_status take_share(const kerf__planning *p, kerf_value **seed)
{
    kerf_value *share;
    if (p->plan->runs_per_update == 0)
        return KERF_OK;
    KERF__TRY(kerf__formula_step(p->plan->graph, p->plan->step, KERF__STEP_SHARE, &share));
    return multiply(p, share, seed);
}

/* The loss by itself: 1, or the scale. */
static kerf_status add_seed(const kerf__planning *p, kerf__gradients *grads)
{
    const float one = 1;
    kerf_tensor *t;
    kerf_value *seed;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_F32, p->loss->shape));
    if (kerf_tensor_num_elements(t) != 1) {
        kerf_tensor_destroy(t);
        return kerf__fail(KERF_ERR_SHAPE, "plan: the loss must be a single number");
    }
    kerf_status status = kerf_tensor_write(t, &one);
    if (status != KERF_OK) {
        kerf_tensor_destroy(t);
        return status;
    }
    KERF__TRY(kerf_graph_add_constant(p->plan->graph, NULL, t, &seed));
    KERF__TRY(take_share(p, &seed));
    if (p->scale != NULL)
        KERF__TRY(multiply(p, p->scale, &seed));
    return kerf__gradient_add(grads, p->loss, seed);
}

static int has_gradient(const kerf__gradients *grads, const kerf_node *n)
{
    for (int i = 0; i < n->num_outputs; i++)
        if (kerf__gradient_wanted(grads, n->outputs[i]) &&
            kerf__gradient_of(grads, n->outputs[i]) != NULL)
            return 1;
    return 0;
}

kerf_status kerf__plan_add_gradients(kerf__planning *p, kerf__gradients *grads)
{
    kerf_graph *g = p->plan->graph;
    const size_t num_forward = g->num_nodes;
    KERF__TRY(begin(p, grads));
    kerf_status status = add_seed(p, grads);
    for (size_t i = num_forward; i-- > 0 && status == KERF_OK;) {
        const kerf__op *op = kerf__op_find(g->nodes[i]->op);
        if (op->gradient != NULL && has_gradient(grads, g->nodes[i]))
            status = op->gradient(grads, g->nodes[i]);
    }
    if (status == KERF_OK)
        status = kerf__plan_set_pass(g, num_forward, KERF__BACKWARD);
    if (status != KERF_OK)
        kerf__gradients_free(grads);
    return status;
}
