/* plan/saliency.c -- the penalty on saliencies: the loss of a plan that trains counts, beside that
 * of the data, kerf_step.shrink times the sum over channels of what gates make of a sample
 * (kerf/boost.h), as a mean over samples; equation 9 of Gao et al. 2019.
 *
 * Saliencies are 0 or more, so their sum is its own magnitude, and behind a Relu, which leaves
 * zeros: so this is a part of the loss, where penalties on weights (shrink.c) are proximal steps.
 * The loss that is reported stays that of the data. */
#include "base/fail.h"
#include "plan/channel_gate.h"
#include "plan/formula.h"
#include "plan/plan_internal.h"

/* *all NULL: the first. */
static kerf_status add_sum(kerf_graph *g, const kerf__channel_gate *gate, kerf_value **all)
{
    const float by = 1 / (float)gate->saliency->shape.dims[0];
    kerf_value *sum;
    KERF__TRY(kerf__formula_sum(g, gate->saliency, &sum));
    KERF__TRY(kerf__formula_with(g, "Mul", sum, by, &sum));
    if (*all != NULL)
        KERF__TRY(kerf__formula(g, "Add", *all, sum, &sum));
    *all = sum;
    return KERF_OK;
}

kerf_status kerf__plan_add_saliencies(kerf__planning *p)
{
    kerf_graph *g = p->plan->graph;
    const size_t num = g->num_nodes;
    kerf_value *all = NULL, *strength;
    kerf__channel_gate gate;
    if (p->plan->mode != KERF_TRAIN || !p->options->shrinks_saliencies)
        return KERF_OK;
    for (size_t i = 0; i < num; i++)
        if (kerf__is_channel_gate(g->nodes[i], &gate) &&
            kerf_shape_num_elements(gate.saliency->shape) > 0)
            KERF__TRY(add_sum(g, &gate, &all));
    if (all == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "plan: a penalty on saliencies is of gates that choose channels, the "
                          "network has none; kerf prune --gates makes them");
    KERF__TRY(kerf__formula_step(g, p->plan->step, KERF__STEP_SHRINK, &strength));
    KERF__TRY(kerf__formula(g, "Mul", all, strength, &all));
    return kerf__formula(g, "Add", p->loss, all, &p->loss);
}
