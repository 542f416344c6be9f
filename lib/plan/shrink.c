/* plan/shrink.c -- regularisers that leave zeros: behind the optimizer's update w of a weight
 * stands the step that takes a penalty into account, the x that makes |x - w|^2 / 2 + t penalty(x)
 * least:
 *
 *     L1, each weight alone:     sign(w) max(|w| - t, 0)           Tibshirani 1996
 *     group lasso, all that lies
 *     at one place of an axis:   w max(1 - t sqrt(n) / |w|, 0)     Yuan and Lin 2006; for channels
 *                                                                  Wen et al. 2016
 *
 * (Parikh and Boyd 2014, "Proximal algorithms", 6.5).  Adding the penalty's gradient instead would
 * leave small numbers and no zeros.  t is the learning rate times the penalty's strength, from the
 * step buffer: at 0 the bits are those of a training without a penalty, so the schedule may turn it
 * on and off without another plan.
 *
 * Made of nodes that ONNX has, so there is no kernel here.  A layer whose update ends so is trained
 * as a dense one (sparse_linear.c). */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "plan/formula.h"
#include "plan/plan_internal.h"

static kerf_status add_single(kerf_graph *g, kerf_value *w, kerf_value *t, kerf_value **out)
{
    kerf_value *size, *less, *rest, *sign;
    KERF__TRY(kerf__formula(g, "Abs", w, NULL, &size));
    KERF__TRY(kerf__formula(g, "Sub", size, t, &less));
    KERF__TRY(kerf__formula(g, "Relu", less, NULL, &rest));
    KERF__TRY(kerf__formula(g, "Sign", w, NULL, &sign));
    return kerf__formula(g, "Mul", sign, rest, out);
}

/* Norms, one a place along the axis; never 0, as 0 over 0 is no number. */
static kerf_status add_norms(kerf_graph *g, kerf_value *w, int axis, kerf_value **out)
{
    static const float TINY = 1e-30f;
    int64_t axes[KERF_MAX_RANK];
    size_t num = 0;
    kerf_node *n;
    for (int i = 0; i < w->shape.rank; i++)
        if (i != axis)
            axes[num++] = i;
    KERF__TRY(kerf_graph_add_node(g, "ReduceL2", NULL, &w, 1, 1, &n));
    KERF__TRY(kerf_node_set_ints(n, "axes", axes, num));
    KERF__TRY(kerf_node_set_int(n, "keepdims", 1));
    KERF__TRY(kerf__node_infer(n));
    return kerf__formula_with(g, "Max", n->outputs[0], TINY, out);
}

static kerf_status add_group(kerf_graph *g, kerf_value *w, int axis, kerf_value *t,
                             kerf_value **out)
{
    const double num = (double)kerf_shape_num_elements(w->shape) / (double)w->shape.dims[axis];
    kerf_value *norms, *much, *part, *one, *rest, *alive;
    KERF__TRY(add_norms(g, w, axis, &norms));
    KERF__TRY(kerf__formula_number(g, 1, &one));
    KERF__TRY(kerf__formula_with(g, "Mul", t, (float)sqrt(num), &much));
    KERF__TRY(kerf__formula(g, "Div", much, norms, &part));
    KERF__TRY(kerf__formula(g, "Sub", one, part, &rest));
    KERF__TRY(kerf__formula(g, "Relu", rest, NULL, &alive));
    return kerf__formula(g, "Mul", w, alive, out);
}

static const kerf_shrunk_weight *find(const kerf__planning *p, const kerf_value *weight)
{
    const char *name = kerf_state_get(p->plan->state, weight->state_id)->name;
    for (size_t i = 0; i < p->options->num_shrunk; i++)
        if (strcmp(p->options->shrunk[i].weight, name) == 0)
            return &p->options->shrunk[i];
    return NULL;
}

kerf_status kerf__plan_add_shrink(kerf__planning *p, const kerf_value *weight, kerf_node *update)
{
    const kerf_shrunk_weight *shrunk = find(p, weight);
    kerf_value *w = update->outputs[0], *t, *next;
    if (shrunk == NULL || kerf_shape_num_elements(w->shape) == 0)
        return KERF_OK;
    if (shrunk->axis >= w->shape.rank)
        return kerf__fail(KERF_ERR_ARGUMENT, "plan: '%s' is drawn to 0 along axis %d, has %d",
                          weight->name, shrunk->axis, w->shape.rank);
    w->next_of = -1;
    KERF__TRY(kerf__formula_step(p->plan->graph, p->step, KERF__STEP_SHRINK, &t));
    KERF__TRY(shrunk->axis < 0 ? add_single(p->plan->graph, w, t, &next)
                               : add_group(p->plan->graph, w, shrunk->axis, t, &next));
    next->next_of = weight->state_id;
    return KERF_OK;
}
