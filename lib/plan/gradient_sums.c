/* plan/gradient_sums.c -- a step of runs and an update: gradients stay in states between them, and
 * updates, which order.c puts behind all else, read them there.
 *
 *     run, run, ..., update             kerf_plan_run(), kerf_plan_update() (run.c)
 *
 * Between the two they are all that one who trains on several devices has to add up.  Every run's
 * loss counts by its share of the step's samples (KERF__STEP_SHARE), which its gradient begins with
 * (autodiff.c), so that a sum is the gradient of the mean over all of them, without a division.
 *
 * One run's gradients are written where they stay.  Those of several are added to sums that are 0
 * between steps, so that no run is a special one.  Layers whose weights are mostly 0 are trained as
 * dense ones (sparse_linear.c). */
#include "base/fail.h"
#include "plan/plan_internal.h"

/* A run before this plan may have left something: one that stopped within a step. */
static kerf_status begin_at_0(const kerf_state *s, int id)
{
    kerf_tensor *t = kerf_state_get(s, id)->tensor;
    return kerf__buffer_fill_zero(t->buffer, 0, kerf_tensor_size_bytes(t));
}

static kerf_status append(const kerf__planning *p, const char *op, kerf_value *const *inputs,
                          int num_inputs, kerf_value **out)
{
    kerf_node *n;
    KERF__TRY(kerf__plan_append(p->plan->graph, op, "gradient", inputs, num_inputs, 1, &n));
    *out = n->outputs[0];
    return kerf__node_infer(n);
}

static kerf_status add(const kerf__planning *p, kerf_value *sum, kerf_value **gradient)
{
    KERF__TRY(begin_at_0(p->plan->state, sum->state_id));
    return append(p, "Add", (kerf_value *[]){sum, *gradient}, 2, gradient);
}

/* Of how many values it is the gradient. */
static int num_owners(const kerf__gradients *grads, const kerf_value *gradient)
{
    int num = 0;
    for (size_t i = 0; i < grads->num; i++)
        num += grads->diffs[i] == gradient;
    return num;
}

/* Others may add to it while the run goes on, so what the run still reads, another weight's or the
 * seed, is copied. */
static kerf_status own(const kerf__planning *p, const kerf__gradients *grads, kerf_value **gradient)
{
    if ((*gradient)->kind == KERF__VALUE_RESULT && (*gradient)->next_of < 0 &&
        kerf__value_num_uses(*gradient) == 0 && num_owners(grads, *gradient) == 1)
        return KERF_OK;
    return append(p, "Identity", gradient, 1, gradient);
}

static kerf_status keep(const kerf__planning *p, const kerf__gradients *grads,
                        const kerf_value *weight, kerf_value **gradient)
{
    kerf_value *kept;
    KERF__TRY(kerf__plan_add_owned(p, weight, KERF_ROLE_GRADIENT, "gradient", &kept));
    KERF__TRY(p->plan->runs_per_update > 1 ? add(p, kept, gradient) : own(p, grads, gradient));
    (*gradient)->next_of = kept->state_id;
    return KERF_OK;
}

kerf_status kerf__plan_keep_gradients(const kerf__planning *p, kerf__gradients *grads)
{
    kerf_graph *g = p->plan->graph;
    const size_t first = g->num_nodes;
    for (size_t i = 0; i < grads->num; i++)
        if (g->values[i]->kind == KERF__VALUE_STATE && grads->diffs[i] != NULL)
            KERF__TRY(keep(p, grads, g->values[i], &grads->diffs[i]));
    return kerf__plan_set_pass(g, first, KERF__BACKWARD);
}
