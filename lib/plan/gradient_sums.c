/* plan/gradient_sums.c -- a step of several runs: gradients are added up in states, and updates,
 * which order.c puts behind all else, read the sums.
 *
 *     run, run, ..., update             kerf_plan_run(), kerf_plan_update() (run.c)
 *
 * Between the two the sums are all that one who trains on several devices has to add up.  Every
 * run's loss counts by its share of the step's samples (KERF__STEP_SHARE), which its gradient
 * begins with (autodiff.c), so that a sum is the gradient of the mean over all of them, without a
 * division.
 *
 * Sums are 0 between steps, so that no run is a special one.  Layers whose weights are mostly 0 are
 * trained as dense ones (sparse_linear.c). */
#include "base/fail.h"
#include "plan/plan_internal.h"

/* A run before this plan may have left something: one that stopped within a step. */
static kerf_status begin_at_0(const kerf_state *s, int id)
{
    kerf_tensor *t = kerf_state_get(s, id)->tensor;
    return kerf__buffer_fill_zero(t->buffer, 0, kerf_tensor_size_bytes(t));
}

static kerf_status add_sum(const kerf__planning *p, const kerf_value *weight, kerf_value *gradient,
                           kerf_value **out)
{
    kerf_value *sum;
    kerf_node *n;
    KERF__TRY(kerf__plan_add_owned(p, weight, KERF_ROLE_GRADIENT, "gradient", &sum));
    KERF__TRY(begin_at_0(p->plan->state, sum->state_id));
    KERF__TRY(kerf__plan_append(p->plan->graph, "Add", "gradient", (kerf_value *[]){sum, gradient},
                                2, 1, &n));
    KERF__TRY(kerf__node_infer(n));
    n->outputs[0]->next_of = sum->state_id;
    *out = n->outputs[0];
    return KERF_OK;
}

kerf_status kerf__plan_sum_gradients(const kerf__planning *p, kerf__gradients *grads)
{
    kerf_graph *g = p->plan->graph;
    const size_t first = g->num_nodes;
    for (size_t i = 0; i < grads->num; i++)
        if (g->values[i]->kind == KERF__VALUE_STATE && grads->diffs[i] != NULL)
            KERF__TRY(add_sum(p, g->values[i], grads->diffs[i], &grads->diffs[i]));
    return kerf__plan_set_pass(g, first, KERF__BACKWARD);
}
