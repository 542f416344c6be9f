/* plan/clip.c -- gradients that are too long are shortened: with g for all of them together, each
 * is multiplied by min(1, bound / |g|) (Pascanu, Mikolov, Bengio 2013, "On the difficulty of
 * training recurrent neural networks").
 *
 * What a hard mask prunes is never updated and adds nothing to the length.  Where there are sums of
 * several runs (gradient_sums.c) their length counts, and of gradients that are scaled
 * (loss_scale.c) what it would be without.  Squares are added in the order of the graph's values,
 * on the device: a step still waits for nothing.  A length that is no number, or beyond what a
 * float holds, leaves no number or 0 of the gradients, which the next look at the loss finds; where
 * gradients are scaled such a step is skipped.
 *
 * Made of nodes that ONNX has, so there is no kernel here. */
#include "base/fail.h"
#include "plan/formula.h"
#include "plan/plan_internal.h"

static kerf_status add_squares(const kerf__planning *p, const kerf_value *weight, kerf_value *g,
                               kerf_value **all)
{
    kerf_graph *graph = p->plan->graph;
    const size_t id = (size_t)weight->state_id;
    kerf_node *n;
    if (id < p->num_masks && p->masks[id] != NULL)
        KERF__TRY(kerf__formula(graph, "kerf.Mask", g, p->masks[id], &g));
    KERF__TRY(kerf_graph_add_node(graph, "ReduceSumSquare", NULL, &g, 1, 1, &n));
    KERF__TRY(kerf_node_set_int(n, "keepdims", 0));
    KERF__TRY(kerf__node_infer(n));
    if (*all != NULL)
        return kerf__formula(graph, "Add", *all, n->outputs[0], all);
    *all = n->outputs[0];
    return KERF_OK;
}

kerf_status kerf__plan_add_squares(const kerf__planning *p, const kerf__gradients *grads,
                                   kerf_value **squares)
{
    const kerf_graph *g = p->plan->graph;
    *squares = NULL;
    for (size_t i = 0; i < grads->num; i++)
        if (g->values[i]->kind == KERF__VALUE_STATE && grads->diffs[i] != NULL &&
            kerf_shape_num_elements(g->values[i]->shape) > 0)
            KERF__TRY(add_squares(p, g->values[i], grads->diffs[i], squares));
    return KERF_OK;
}

kerf_status kerf__plan_clip(const kerf__planning *p, kerf_value *squares, kerf_value **shorter)
{
    static const float TINY = 1e-30f; /* 0 over 0 is no number */
    kerf_graph *g = p->plan->graph;
    kerf_value *length, *bound, *part;
    KERF__TRY(kerf__formula(g, "Sqrt", squares, NULL, &length));
    if (p->unscale != NULL)
        KERF__TRY(kerf__formula(g, "Mul", length, p->unscale, &length));
    KERF__TRY(kerf__formula_with(g, "Max", length, TINY, &length));
    KERF__TRY(kerf__formula_number(g, (float)p->options->clip, &bound));
    KERF__TRY(kerf__formula(g, "Div", bound, length, &part));
    return kerf__formula_with(g, "Min", part, 1, shorter);
}
