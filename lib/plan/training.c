/* plan/training.c -- what a plan has beyond its network: a loss, gradients of it, updates.
 *
 * The small runtime (KERF_RUNTIME, docs/runtime.md) has none of it, nor what is called from here
 * alone: each library compiles this file for itself, as it does the list of operations. */
#include "base/fail.h"
#include "plan/gates.h"
#include "plan/plan_internal.h"

#ifdef KERF_RUNTIME

kerf_status kerf__plan_add_objective(kerf__planning *p)
{
    if (p->options->loss == KERF_LOSS_NONE)
        return KERF_OK;
    return kerf__fail(KERF_ERR_UNSUPPORTED,
                      "plan: training and losses are no part of the small runtime: mode must be "
                      "KERF_EVALUATE, loss KERF_LOSS_NONE");
}

#else

/* Training keeps what the loss is taken of, and no other output. */
static kerf_status keep_target(kerf__planning *p)
{
    kerf_plan *plan = p->plan;
    kerf__ends_free(&plan->outputs);
    KERF__TRY(kerf__graph_keep_output(plan->graph, p->target));
    return kerf__ends_add(&plan->outputs, p->target->name, p->target);
}

static kerf_status add_updates(kerf__planning *p)
{
    kerf__gradients grads;
    p->step = p->plan->step;
    if (p->options->precision == KERF_PRECISION_MIXED)
        KERF__TRY(kerf__plan_add_scale(p));
    KERF__TRY(kerf__plan_add_gradients(p, &grads));
    kerf_status status =
        p->plan->runs_per_update > 0 ? kerf__plan_keep_gradients(p, &grads) : KERF_OK;
    if (status == KERF_OK && p->scale != NULL)
        status = kerf__plan_guard_states(p, &grads);
    if (status == KERF_OK)
        status = kerf__plan_add_updates(p, &grads);
    kerf__gradients_free(&grads);
    return status;
}

kerf_status kerf__plan_add_objective(kerf__planning *p)
{
    const int trains = p->options->mode == KERF_TRAIN;
    if (trains)
        KERF__TRY(keep_target(p));
    if (p->options->loss != KERF_LOSS_NONE)
        KERF__TRY(kerf__plan_add_loss(p));
    KERF__TRY(kerf__plan_set_gates(p));
    KERF__TRY(kerf__plan_add_saliencies(p));
    return trains ? add_updates(p) : KERF_OK;
}

#endif
