/* compress/prune/prune_gates.c -- the rewrites of gates: in front of a training each chosen weight
 * gets one, behind it gates have settled and are gone, and what they closed is 0 behind a mask.
 *
 *     weight ---> Gemm        weight -> (kerf.Mask ->) kerf.Gate --> Gemm
 *                             parameter -------------------^
 *
 * A parameter is a trained state that belongs to its weight, so checkpoints hold it.  What it
 * means, and where that is from: lib/plan/gates.h.  Settling runs the very formulas that
 * evaluations had while the run lasted, so nothing is another number afterwards. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/prune_internal.h"
#include "plan/gates.h"

/* ---- in front ------------------------------------------------------------------------------ */

/* What the layer reads: the weight, or what its mask leaves of it. */
static kerf_value *behind_mask(const kerf_graph *g, kerf_value *weight)
{
    for (size_t i = 0; i < g->num_nodes; i++)
        if (kerf__is_mask_of(g->nodes[i], weight))
            return g->nodes[i]->outputs[0];
    return weight;
}

static int is_gated(const kerf_graph *g, const kerf_value *v)
{
    for (size_t i = 0; i < g->num_nodes; i++)
        if (strcmp(g->nodes[i]->op, "kerf.Gate") == 0 && g->nodes[i]->inputs[0] == v)
            return 1;
    return 0;
}

static int is_frozen(const kerf__gate_options *o, const kerf_value *weight)
{
    for (size_t i = 0; i < o->num_freeze; i++)
        if (fnmatch(o->freeze[i], weight->name, 0) == 0)
            return 1;
    return 0;
}

/* The parameter's: a gate a weight, or one for all that leads to an output. */
static kerf_status shape_of(const kerf__prune_target *t, int by_outputs, kerf_shape *out)
{
    int rows, columns;
    *out = t->weight->shape;
    if (!by_outputs)
        return KERF_OK;
    KERF__TRY(kerf__prune_axes(t, &rows, &columns));
    for (int i = 0; i < out->rank; i++)
        out->dims[i] = i == rows ? out->dims[i] : 1;
    return KERF_OK;
}

static kerf_status fill(kerf_state *s, int id, float x)
{
    const size_t num = kerf_tensor_num_elements(kerf_state_get(s, id)->tensor);
    float *numbers = kerf__alloc(num, sizeof *numbers);
    if (numbers == NULL)
        return kerf__fail_memory("prune", num * sizeof *numbers);
    for (size_t i = 0; i < num; i++)
        numbers[i] = x;
    kerf_status status = kerf_state_write(s, id, numbers);
    free(numbers);
    return status;
}

static kerf_status add_parameter(kerf_graph *g, kerf_state *s, const kerf_value *weight,
                                 kerf_shape shape, float begin, kerf_value **out)
{
    int id;
    char *name = kerf__prune_fresh_name(g, s, weight->name, "gate");
    if (name == NULL)
        return kerf__fail_memory("prune", strlen(weight->name));
    kerf_status status =
        kerf_state_add(s, name, KERF_ROLE_WEIGHT, weight->state_id, KERF_F32, shape, &id);
    if (status == KERF_OK)
        status = fill(s, id, begin);
    if (status == KERF_OK)
        status = kerf_graph_add_state(g, name, id, KERF_F32, shape, out);
    free(name);
    return status;
}

static kerf_status add_gate(kerf_graph *g, kerf_state *s, const kerf__prune_target *t,
                            const kerf__gate_options *o)
{
    kerf_value *v = behind_mask(g, t->weight), *parameter;
    kerf_shape shape;
    kerf_node *n;
    if (is_gated(g, v) || is_frozen(o, t->weight) || kerf_shape_num_elements(t->weight->shape) == 0)
        return KERF_OK;
    KERF__TRY(shape_of(t, o->by_outputs, &shape));
    KERF__TRY(
        add_parameter(g, s, t->weight, shape, kerf__gate_kind_of(o->kind)->begin, &parameter));
    char *name = kerf__prune_fresh_name(g, s, t->weight->name, "gated");
    if (name == NULL)
        return kerf__fail_memory("prune", strlen(t->weight->name));
    kerf_status status =
        kerf_graph_add_node(g, "kerf.Gate", name, (kerf_value *[]){v, parameter}, 2, 1, &n);
    free(name);
    KERF__TRY(status);
    KERF__TRY(kerf_node_set_string(n, "kind", o->kind));
    KERF__TRY(kerf_node_set_float(n, "rate", o->rate));
    n->outputs[0]->type = v->type;
    n->outputs[0]->shape = v->shape;
    kerf__graph_replace_uses(g, v, n->outputs[0]);
    kerf__node_set_input(n, 0, v);
    return KERF_OK;
}

kerf_status kerf__prune_add_gates(kerf_graph *g, kerf_state *s, const kerf_prune_options *options,
                                  const kerf__gate_options *gates)
{
    kerf__prune_targets targets;
    KERF__TRY(kerf__prune_find(&targets, g, s, 0));
    kerf_status status = kerf__prune_choose(&targets, options);
    for (size_t i = 0; status == KERF_OK && i < targets.num; i++)
        status = add_gate(g, s, &targets.at[i], gates);
    kerf__prune_targets_free(&targets);
    return status == KERF_OK ? kerf__graph_sort(g) : status;
}

/* ---- behind -------------------------------------------------------------------------------- */

static kerf_value *weight_of(const kerf_node *gate)
{
    kerf_value *v = gate->inputs[0];
    return kerf__node_is(v->producer, "kerf.Mask") ? v->producer->inputs[0] : v;
}

static kerf_node *first_gate(const kerf_graph *g)
{
    for (size_t i = 0; i < g->num_nodes; i++)
        if (strcmp(g->nodes[i]->op, "kerf.Gate") == 0)
            return g->nodes[i];
    return NULL;
}

static kerf_status add_state(kerf_graph *g, const kerf_value *v, kerf_value **out)
{
    return kerf_graph_add_state(g, NULL, v->state_id, v->type, v->shape, out);
}

/* weight, parameter -> next weight */
static kerf_status add_settling(kerf_graph *settling, const kerf_node *gate)
{
    kerf_value *inputs[2];
    kerf_node *n, *next;
    KERF__TRY(add_state(settling, weight_of(gate), &inputs[0]));
    KERF__TRY(add_state(settling, gate->inputs[1], &inputs[1]));
    KERF__TRY(kerf_graph_add_node(settling, "kerf.Gate", NULL, inputs, 2, 1, &n));
    KERF__TRY(kerf__node_copy_attributes(n, gate));
    KERF__TRY(kerf_graph_add_node(settling, "Identity", NULL, n->outputs, 1, 1, &next));
    next->outputs[0]->next_of = inputs[0]->state_id;
    return KERF_OK;
}

static kerf_status run_once(const kerf_graph *g, kerf_state *s)
{
    const kerf_plan_options options = {.mode = KERF_EVALUATE, .batch = 1};
    kerf_plan *plan;
    uint64_t token;
    KERF__TRY(kerf_plan_create(&plan, g, s, &options));
    kerf_status status = kerf_plan_run(plan);
    if (status == KERF_OK)
        status = kerf_plan_mark(plan, &token);
    if (status == KERF_OK)
        status = kerf_plan_finish(plan, token);
    kerf_plan_destroy(plan);
    return status;
}

static kerf_status settle(const kerf_graph *g, kerf_state *s)
{
    kerf_graph *settling;
    KERF__TRY(kerf_graph_create(&settling));
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < g->num_nodes; i++)
        if (strcmp(g->nodes[i]->op, "kerf.Gate") == 0)
            status = add_settling(settling, g->nodes[i]);
    if (status == KERF_OK)
        status = run_once(settling, s);
    kerf_graph_destroy(settling);
    return status;
}

/* What an optimizer remembers of a weight is not 0 where the weight is by now. */
static void drop_moments(kerf_state *s, int weight)
{
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e != NULL && e->role == KERF_ROLE_MOMENT && e->owner == weight)
            kerf_state_drop(s, id);
    }
}

static kerf_status remove_gate(kerf_graph *g, kerf_state *s, kerf_node *gate)
{
    kerf_value *weight = weight_of(gate);
    const int parameter = gate->inputs[1]->state_id;
    kerf__graph_replace_uses(g, gate->outputs[0], gate->inputs[0]);
    kerf__graph_remove_node(g, gate);
    kerf_state_drop(s, parameter);
    drop_moments(s, weight->state_id);
    return kerf__prune_mark_zeros(g, s, weight);
}

kerf_status kerf__prune_settle_gates(kerf_graph *g, kerf_state *s)
{
    if (first_gate(g) == NULL)
        return KERF_OK;
    KERF__TRY(settle(g, s));
    for (kerf_node *gate = first_gate(g); gate != NULL; gate = first_gate(g))
        KERF__TRY(remove_gate(g, s, gate));
    KERF__TRY(kerf__graph_sort(g)); /* new masks stand behind their readers */
    kerf__graph_remove_dead(g);     /* the parameters' values */
    return KERF_OK;
}
