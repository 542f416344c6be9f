/* plan/loss_scale.c -- training in mixed precision: gradients that are stored as float16 are made
 * larger on purpose, so that small ones do not become 0 (Micikevicius et al. 2018, "Mixed precision
 * training").
 *
 * The gradient of the loss by itself is the scale and not 1 (autodiff.c), and so all others are
 * larger by it; updates take it off again (update.c).  A step of which one gradient is no number
 * changes nothing: optimizers read so in the step buffer (lib/ops/optimizer.c), every other state
 * keeps its value by a Where, and the scale is halved.  As many good steps in a row as the options
 * say double it.
 *
 * All of it is nodes, and three states of one number: nobody waits for a step to know, and a
 * checkpoint holds what the next step needs.  Where a step is of several runs (gradient_sums.c) the
 * sums of all of them decide on the update; what a run writes by itself, statistics and sums of
 * metrics, is decided on by the sums so far. */
#include <float.h>

#include "base/fail.h"
#include "plan/formula.h"
#include "plan/plan_internal.h"

/* As PyTorch's GradScaler has them; above the last one even gradients of 1e-9 are normal halves. */
static const double FIRST_SCALE = 65536, GOOD_STEPS = 2000;
static const float LEAST_SCALE = 1, MOST_SCALE = 16777216;

static const char SCALE[] = "kerf.loss_scale", GOOD[] = "kerf.loss_scale.good",
                  SKIPPED[] = "kerf.loss_scale.skipped";

/* ---- states -------------------------------------------------------------------------------- */

static kerf_status add_state(const kerf__planning *p, const char *name, double first,
                             kerf_value **out)
{
    kerf_state *s = p->plan->state;
    const kerf_state_entry *entry = kerf_state_find(s, name);
    const float number = (float)first;
    int id = entry != NULL ? entry->id : -1;
    if (entry == NULL) {
        KERF__TRY(kerf_state_add(s, name, KERF_ROLE_METRIC, -1, KERF_F32, KERF_SCALAR, &id));
        KERF__TRY(kerf_state_write(s, id, &number));
    }
    return kerf_graph_add_state(p->plan->graph, NULL, id, KERF_F32, KERF_SCALAR, out);
}

kerf_status kerf__plan_add_scale(kerf__planning *p)
{
    const double first = p->options->loss_scale;
    KERF__TRY(add_state(p, SCALE, first > 0 ? first : FIRST_SCALE, &p->scale));
    KERF__TRY(add_state(p, GOOD, 0, &p->good_steps));
    return add_state(p, SKIPPED, 0, &p->skipped_steps);
}

static kerf_status read_number(const kerf_state *s, const char *name, double *out)
{
    const kerf_state_entry *entry = kerf_state_find(s, name);
    float number = 0;
    if (entry != NULL)
        KERF__TRY(kerf_state_read(s, entry->id, &number));
    *out = (double)number;
    return KERF_OK;
}

kerf_status kerf_loss_scale_read(kerf_loss_scale *out, const kerf_state *s)
{
    double skipped = 0;
    KERF__TRY(read_number(s, SCALE, &out->scale));
    KERF__TRY(read_number(s, SKIPPED, &skipped));
    out->skipped = (int64_t)skipped;
    return KERF_OK;
}

/* ---- formulas ------------------------------------------------------------------------------ */

static kerf_status choose(kerf_graph *g, kerf_value *truth, kerf_value *yes, kerf_value *no,
                          kerf_value **out)
{
    kerf_node *n;
    KERF__TRY(kerf_graph_add_node(g, "Where", NULL, (kerf_value *[]){truth, yes, no}, 3, 1, &n));
    *out = n->outputs[0];
    return kerf__node_infer(n);
}

static kerf_status choose_or_number(kerf_graph *g, kerf_value *truth, kerf_value *yes, float no,
                                    kerf_value **out)
{
    kerf_value *number;
    KERF__TRY(kerf__formula_number(g, no, &number));
    return choose(g, truth, yes, number, out);
}

/* The sum of squares is a number if all are: infinity and NaN go into each sum that they are part
 * of. */
static kerf_status find_truth(kerf_graph *g, kerf_value *squares, kerf_value **out)
{
    return kerf__formula_with(g, "LessOrEqual", squares, FLT_MAX, out);
}

/* The step buffer as updates read it: of a step that is skipped it says so, and nothing else. */
static kerf_status make_step(kerf__planning *p)
{
    kerf_graph *g = p->plan->graph;
    kerf_tensor *skip;
    kerf_value *skipped;
    KERF__TRY(kerf_tensor_create(&skip, NULL, KERF_F32, KERF_SHAPE(KERF__STEP_FLOATS)));
    float *x = kerf_tensor_data(skip);
    for (int i = 0; i < KERF__STEP_FLOATS; i++)
        x[i] = i == KERF__STEP_SKIP;
    KERF__TRY(kerf_graph_add_constant(g, NULL, skip, &skipped));
    return choose(g, p->is_good, p->plan->step, skipped, &p->step);
}

static kerf_status next_scale(const kerf__planning *p, kerf_value *grows, kerf_value **out)
{
    kerf_graph *g = p->plan->graph;
    kerf_value *larger, *smaller;
    KERF__TRY(kerf__formula_with(g, "Mul", p->scale, 2, &larger));
    KERF__TRY(kerf__formula_with(g, "Min", larger, MOST_SCALE, &larger));
    KERF__TRY(choose(g, grows, larger, p->scale, &larger));
    KERF__TRY(kerf__formula_with(g, "Mul", p->scale, 0.5f, &smaller));
    KERF__TRY(kerf__formula_with(g, "Max", smaller, LEAST_SCALE, &smaller));
    return choose(g, p->is_good, larger, smaller, out);
}

/* Good steps since the last change of the scale, and all that were skipped. */
static kerf_status next_counts(const kerf__planning *p, kerf_value *more, kerf_value *grows,
                               kerf_value **good, kerf_value **skipped)
{
    kerf_graph *g = p->plan->graph;
    kerf_value *none;
    KERF__TRY(kerf__formula_number(g, 0, &none));
    KERF__TRY(choose(g, grows, none, more, good));
    KERF__TRY(choose_or_number(g, p->is_good, *good, 0, good));
    KERF__TRY(kerf__formula_with(g, "Add", p->skipped_steps, 1, skipped));
    return choose(g, p->is_good, p->skipped_steps, *skipped, skipped);
}

static kerf_status follow(const kerf__planning *p)
{
    kerf_graph *g = p->plan->graph;
    const int64_t steps = p->options->scale_steps;
    kerf_value *more, *grows, *scale, *good, *skipped;
    KERF__TRY(kerf__formula_with(g, "Add", p->good_steps, 1, &more));
    KERF__TRY(kerf__formula_with(g, "GreaterOrEqual", more,
                                 (float)(steps > 0 ? (double)steps : GOOD_STEPS), &grows));
    KERF__TRY(next_scale(p, grows, &scale));
    KERF__TRY(next_counts(p, more, grows, &good, &skipped));
    scale->next_of = p->scale->state_id;
    good->next_of = p->good_steps->state_id;
    skipped->next_of = p->skipped_steps->state_id;
    return KERF_OK;
}

kerf_status kerf__plan_follow_scale(kerf__planning *p, kerf_value *squares)
{
    kerf_graph *g = p->plan->graph;
    kerf_value *one;
    KERF__TRY(find_truth(g, squares, &p->is_good));
    KERF__TRY(kerf__formula_number(g, 1, &one));
    KERF__TRY(kerf__formula(g, "Div", one, p->scale, &p->unscale));
    KERF__TRY(make_step(p));
    return follow(p);
}

/* ---- what stays ---------------------------------------------------------------------------- */

kerf_status kerf__plan_set_next(const kerf__planning *p, kerf_value *is_good, kerf_value *next,
                                kerf_value *was)
{
    next->next_of = -1;
    if (is_good != NULL)
        KERF__TRY(choose(p->plan->graph, is_good, next, was, &next));
    next->next_of = was->state_id;
    return KERF_OK;
}

static int is_guarded(const kerf__planning *p, const kerf_value *v)
{
    return v->next_of >= 0 &&
           kerf_state_get(p->plan->state, v->next_of)->role != KERF_ROLE_GRADIENT;
}

static kerf_value *find_state(const kerf_graph *g, int id)
{
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->state_id == id)
            return g->values[i];
    return NULL;
}

kerf_status kerf__plan_guard_states(kerf__planning *p, const kerf__gradients *grads)
{
    kerf_graph *g = p->plan->graph;
    const size_t first = g->num_nodes, num_values = g->num_values;
    kerf_value *is_good;
    KERF__TRY(kerf__plan_add_squares(p, grads, &p->squares));
    if (p->squares == NULL)
        return KERF_OK;
    KERF__TRY(find_truth(g, p->squares, &is_good));
    for (size_t i = 0; i < num_values; i++)
        if (is_guarded(p, g->values[i]))
            KERF__TRY(kerf__plan_set_next(p, is_good, g->values[i],
                                          find_state(g, g->values[i]->next_of)));
    return kerf__plan_set_pass(g, first, KERF__BACKWARD);
}
