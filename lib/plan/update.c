/* plan/update.c -- the optimizer: a node a trained weight that writes its next value.
 *
 * Moments are entries of the state that belong to their weight, found by name, so that
 * another plan or a resumed run goes on with the same.  The mask of a pruned weight is an
 * input of its update: weight and moments behind it stay exactly 0.  What a pruning method wants
 * remembered of a weight is one moment more, with a node of its own.
 * Ends of ranges that are learned go by the same optimizer, without decay, and within bounds
 * (lib/ops/optimizer.c). */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/formula.h"
#include "plan/gates.h"

/* ---- what is trained --------------------------------------------------------------- */

int kerf__plan_is_frozen(const kerf_plan_options *options, const char *name)
{
    for (size_t i = 0; i < options->num_freeze; i++)
        if (fnmatch(options->freeze[i], name, 0) == 0)
            return 1;
    return 0;
}

static int is_weight(const kerf__planning *p, const kerf_value *v)
{
    const kerf_state_entry *entry = kerf_state_get(p->plan->state, v->state_id);
    return v->kind == KERF__VALUE_STATE && v->type == KERF_F32 && entry != NULL &&
           entry->role == KERF_ROLE_WEIGHT;
}

/* An end of a range that nothing else moves is learned (compress/quantize/trained_ranges.c). */
static int is_learned_end(const kerf__planning *p, const kerf_value *v)
{
    const kerf_state_entry *entry = kerf_state_get(p->plan->state, v->state_id);
    if (v->kind != KERF__VALUE_STATE || v->type != KERF_F32 || entry == NULL ||
        entry->role != KERF_ROLE_RANGE)
        return 0;
    for (size_t i = 0; i < v->graph->num_values; i++)
        if (v->graph->values[i]->next_of == v->state_id)
            return 0;
    return 1;
}

/* What patterns are for: ends are known by their state's name alone. */
static const char *name_of(const kerf__planning *p, const kerf_value *v)
{
    return is_learned_end(p, v) ? kerf_state_get(p->plan->state, v->state_id)->name : v->name;
}

int kerf__plan_trains(const kerf__planning *p, const kerf_value *v)
{
    return (is_weight(p, v) || is_learned_end(p, v)) &&
           !kerf__plan_is_frozen(p->options, name_of(p, v));
}

/* Running statistics can be frozen, too (statistics.c). */
static int can_freeze(const kerf__planning *p, const kerf_value *v)
{
    return is_weight(p, v) || is_learned_end(p, v) ||
           (v->kind == KERF__VALUE_STATE &&
            kerf_state_get(p->plan->state, v->state_id)->role == KERF_ROLE_STATISTIC);
}

/* A pattern that fits nothing is a slip of the pen. */
static kerf_status check_patterns(const kerf__planning *p)
{
    const kerf_graph *g = p->plan->graph;
    for (size_t i = 0; i < p->options->num_freeze; i++) {
        int fits = 0;
        for (size_t k = 0; k < g->num_values && !fits; k++)
            fits = can_freeze(p, g->values[k]) &&
                   fnmatch(p->options->freeze[i], name_of(p, g->values[k]), 0) == 0;
        if (!fits)
            return kerf__fail(KERF_ERR_ARGUMENT, "plan: no weight has a name like '%s' to freeze",
                              p->options->freeze[i]);
    }
    return KERF_OK;
}

/* ---- optimizers -------------------------------------------------------------------- */

typedef struct setting {
    const char *key;
    size_t offset; /* of a float in kerf_optimizer */
} setting;

#define SETTING(name)                                                                              \
    {                                                                                              \
#name, offsetof(kerf_optimizer, name)                                                      \
    }

/* Inputs are weight, gradient, moments, mask, step; outputs next weight, next moments. */
typedef struct optimizer {
    const char *op;
    const char *moments[2]; /* behind the weight's name; NULL: none */
    int decoupled;          /* weight decay off the weight and not into the gradient */
    setting settings[4];
} optimizer;

static const optimizer OPTIMIZERS[] = {
    [KERF_SGD] = {"kerf.SgdUpdate",
                  {"momentum", NULL},
                  0,
                  {SETTING(momentum), SETTING(weight_decay), {NULL, 0}}},
    [KERF_ADAM] = {"kerf.AdamUpdate",
                   {"adam_m", "adam_v"},
                   0,
                   {SETTING(beta1), SETTING(beta2), SETTING(epsilon), SETTING(weight_decay)}},
    [KERF_ADAMW] = {"kerf.AdamUpdate",
                    {"adam_m", "adam_v"},
                    1,
                    {SETTING(beta1), SETTING(beta2), SETTING(epsilon), SETTING(weight_decay)}},
};

/* ---- states of a weight ------------------------------------------------------------ */

kerf_status kerf__plan_add_owned(const kerf__planning *p, const kerf_value *weight, kerf_role role,
                                 const char *suffix, kerf_value **out)
{
    kerf_state *s = p->plan->state;
    const char *owner = kerf_state_get(s, weight->state_id)->name;
    const size_t bytes = strlen(owner) + strlen(suffix) + 2;
    char *name = kerf__alloc(bytes, 1);
    if (name == NULL)
        return kerf__fail_memory("plan", bytes);
    snprintf(name, bytes, "%s.%s", owner, suffix);
    const kerf_state_entry *entry = kerf_state_find(s, name);
    kerf_status status = KERF_OK;
    int id = entry != NULL ? entry->id : -1;
    if (entry == NULL)
        status = kerf_state_add(s, name, role, weight->state_id, weight->type, weight->shape, &id);
    else if (entry->role != role || entry->owner != weight->state_id ||
             !kerf_shape_equal(entry->shape, weight->shape))
        status = kerf__fail(KERF_ERR_ARGUMENT, "plan: '%s' must be a %s of '%s'", name,
                            role == KERF_ROLE_MOMENT ? "moment" : "sum of gradients", weight->name);
    if (status == KERF_OK)
        status = kerf_graph_add_state(p->plan->graph, NULL, id, weight->type, weight->shape, out);
    free(name);
    return status;
}

static kerf_status add_moment(const kerf__planning *p, const kerf_value *weight, const char *suffix,
                              kerf_value **out)
{
    return kerf__plan_add_owned(p, weight, KERF_ROLE_MOMENT, suffix, out);
}

/* ---- updates ----------------------------------------------------------------------- */

static kerf_status set_attributes(kerf_node *n, const optimizer *o, const kerf_optimizer *values)
{
    for (size_t i = 0; i < sizeof o->settings / sizeof o->settings[0]; i++)
        if (o->settings[i].key != NULL)
            KERF__TRY(kerf_node_set_float(
                n, o->settings[i].key,
                *(const float *)((const char *)values + o->settings[i].offset)));
    if (o->moments[1] == NULL)
        return kerf_node_set_int(n, "nesterov", values->nesterov != 0);
    return kerf_node_set_int(n, "decoupled", o->decoupled);
}

/* Decay would draw the ends of a range to 0. */
static kerf_status bound(kerf_node *n)
{
    KERF__TRY(kerf_node_set_float(n, "weight_decay", 0));
    return kerf_node_set_int(n, "bounded", 1);
}

/* Slopes of gates are tiny and of all sizes: whatever trains the weights, gates go by Adam, without
 * decay. */
static kerf_optimizer optimizer_of(const kerf__planning *p, const kerf_value *v)
{
    kerf_optimizer o = p->plan->optimizer;
    if (kerf__gate_of(v) == NULL)
        return o;
    o.kind = KERF_ADAM;
    o.weight_decay = 0;
    o.epsilon = 1e-12f;
    return o;
}

/* The step buffer, for gates with a learning rate of their own. */
static kerf_status add_step_of(const kerf__planning *p, const kerf_value *v, kerf_value **out)
{
    const kerf_node *gate = kerf__gate_of(v);
    kerf_tensor *factors;
    kerf_value *constant;
    *out = p->step;
    if (gate == NULL)
        return KERF_OK;
    KERF__TRY(kerf_tensor_create(&factors, NULL, KERF_F32, KERF_SHAPE(KERF__STEP_FLOATS)));
    float *x = kerf_tensor_data(factors);
    for (int i = 0; i < KERF__STEP_FLOATS; i++)
        x[i] = i == KERF__STEP_LR ? kerf_node_float(gate, "rate", 1) : 1;
    KERF__TRY(kerf_graph_add_constant(p->plan->graph, NULL, factors, &constant));
    return kerf__formula(p->plan->graph, "Mul", p->step, constant, out);
}

static kerf_status add_update(kerf__planning *p, kerf_value *weight, kerf_value *gradient)
{
    const kerf_optimizer of_this = optimizer_of(p, weight), *values = &of_this;
    const optimizer *o = &OPTIMIZERS[values->kind];
    kerf_value *inputs[6] = {weight, gradient}, *moments[2] = {NULL};
    int num = 2, num_moments = 0;
    /* SGD without momentum has no moment, but keeps the place of the input. */
    const int plain = values->kind == KERF_SGD && values->momentum == 0;
    for (int i = 0; i < 2 && o->moments[i] != NULL; i++) {
        if (!plain)
            KERF__TRY(add_moment(p, weight, o->moments[i], &moments[num_moments++]));
        inputs[num++] = moments[i];
    }
    inputs[num++] = (size_t)weight->state_id < p->num_masks ? p->masks[weight->state_id] : NULL;
    KERF__TRY(add_step_of(p, weight, &inputs[num++]));
    kerf_node *n;
    char *name = kerf__graph_fresh_name(p->plan->graph, weight->name);
    if (name == NULL)
        return kerf__fail_memory("plan", strlen(weight->name));
    kerf_status status =
        kerf_graph_add_node(p->plan->graph, o->op, name, inputs, num, 1 + num_moments, &n);
    free(name);
    KERF__TRY(status);
    KERF__TRY(set_attributes(n, o, values));
    if (is_learned_end(p, weight))
        KERF__TRY(bound(n));
    n->outputs[0]->next_of = weight->state_id;
    for (int i = 0; i < num_moments; i++)
        n->outputs[1 + i]->next_of = moments[i]->state_id;
    KERF__TRY(kerf__node_infer(n));
    return is_weight(p, weight) ? kerf__plan_add_shrink(p, weight, n) : KERF_OK;
}

/* ---- what pruning remembers -------------------------------------------------------- */

const kerf__score *kerf__plan_score(const char *name)
{
    /* Averages over the last steps, about fifty; the last gradient; a sum over all. */
    static const kerf__score SCORES[] = {
        {"taylor", 0.98f, 0.02f},
        {"fisher", 0.98f, 0.02f},
        {"gradient", 0, 1},
        {"movement", 1, 1},
    };
    for (size_t i = 0; i < sizeof SCORES / sizeof SCORES[0]; i++)
        if (strcmp(SCORES[i].name, name) == 0)
            return &SCORES[i];
    return NULL;
}

static kerf_status add_score(kerf__planning *p, kerf_value *weight, kerf_value *gradient)
{
    const kerf__score *score =
        (size_t)weight->state_id < p->num_masks ? p->scores[weight->state_id] : NULL;
    kerf_value *was;
    kerf_node *n;
    if (score == NULL)
        return KERF_OK;
    KERF__TRY(add_moment(p, weight, "score", &was));
    if (p->unscale != NULL)
        KERF__TRY(kerf__formula(p->plan->graph, "Mul", gradient, p->unscale, &gradient));
    KERF__TRY(kerf_graph_add_node(p->plan->graph, "kerf.ScoreUpdate", NULL,
                                  (kerf_value *[]){was, weight, gradient}, 3, 1, &n));
    KERF__TRY(kerf_node_set_string(n, "value", score->name));
    KERF__TRY(kerf_node_set_float(n, "keep", score->keep));
    KERF__TRY(kerf_node_set_float(n, "take", score->take));
    KERF__TRY(kerf__node_infer(n));
    return kerf__plan_set_next(p, p->is_good, n->outputs[0], was);
}

kerf_status kerf__plan_add_step(kerf_plan *plan)
{
    char *name = kerf__graph_fresh_name(plan->graph, "kerf.step");
    if (name == NULL)
        return kerf__fail_memory("plan", sizeof "kerf.step");
    kerf_status status = kerf_graph_add_input(plan->graph, name, KERF_F32,
                                              KERF_SHAPE(KERF__STEP_FLOATS), &plan->step);
    free(name);
    return status == KERF_OK ? kerf__ends_add(&plan->inputs, "kerf.step", plan->step) : status;
}

/* What gradients are multiplied by before an update; NULL: they are taken as they are. */
static kerf_status add_factor(kerf__planning *p, const kerf__gradients *grads, kerf_value **factor)
{
    const int is_scaled = p->scale != NULL, is_clipped = p->options->clip > 0;
    kerf_value *squares = p->plan->runs_per_update > 0 ? NULL : p->squares;
    *factor = NULL;
    if (squares == NULL && (is_scaled || is_clipped))
        KERF__TRY(kerf__plan_add_squares(p, grads, &squares));
    if (squares == NULL)
        return KERF_OK;
    if (is_scaled)
        KERF__TRY(kerf__plan_follow_scale(p, squares));
    if (is_clipped)
        KERF__TRY(kerf__plan_clip(p, squares, factor));
    if (is_scaled && is_clipped)
        return kerf__formula(p->plan->graph, "Mul", *factor, p->unscale, factor);
    *factor = is_scaled ? p->unscale : *factor;
    return KERF_OK;
}

kerf_status kerf__plan_add_updates(kerf__planning *p, const kerf__gradients *grads)
{
    kerf_graph *g = p->plan->graph;
    const size_t first = g->num_nodes;
    kerf_value *factor;
    int num = 0;
    KERF__TRY(check_patterns(p));
    KERF__TRY(add_factor(p, grads, &factor));
    for (size_t i = 0; i < grads->num; i++) {
        kerf_value *v = g->values[i];
        if (v->kind != KERF__VALUE_STATE || kerf__gradient_of(grads, v) == NULL)
            continue;
        kerf_value *gradient = kerf__gradient_of(grads, v);
        KERF__TRY(add_score(p, v, gradient));
        if (factor != NULL)
            KERF__TRY(kerf__formula(g, "Mul", gradient, factor, &gradient));
        KERF__TRY(add_update(p, v, gradient));
        num++;
    }
    if (num == 0)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "plan: the loss depends on no weight that is trained (not frozen)");
    return kerf__plan_set_pass(g, first, KERF__UPDATE);
}
