/* plan/gates.c -- the formulas of gates take the place of kerf.Gate, and their cost its place in
 * the loss; see gates.h.
 *
 * The loss that is reported stays that of the data: its sums are made before.  The strength of the
 * cost is a number of the step buffer, so a schedule changes it without another plan. */
#include <string.h>

#include "base/fail.h"
#include "base/random.h"
#include "plan/formula.h"
#include "plan/gates.h"

const kerf__gate_kind *kerf__gate_kind_of(const char *name)
{
    static const kerf__gate_kind *const KINDS[] = {&kerf__gate_l0, &kerf__gate_variational};
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (strcmp(KINDS[i]->name, name) == 0)
            return KINDS[i];
    return NULL;
}

/* Hard ones are known by their weight, soft ones stand in front. */
static kerf_value *mask_of(const kerf__planning *p, const kerf_value *weight)
{
    if (weight->state_id >= 0)
        return (size_t)weight->state_id < p->num_masks ? p->masks[weight->state_id] : NULL;
    return kerf__node_is(weight->producer, "kerf.Mask") ? weight->producer->inputs[1] : NULL;
}

/* By the parameter's name, so that a network that was saved and read again has the same. */
static kerf_status add_noise(const kerf__planning *p, kerf__gate *gate, const char *value)
{
    const kerf_state_entry *e = kerf_state_get(p->plan->state, gate->parameter->state_id);
    const kerf__random key =
        kerf__random_key(p->options->seed, KERF__RANDOM_DROPOUT, kerf__plan_hash(e->name));
    kerf_node *n;
    KERF__TRY(kerf_graph_add_node(gate->g, "kerf.Noise", NULL,
                                  (kerf_value *[]){gate->parameter, p->plan->step}, 2, 1, &n));
    KERF__TRY(kerf_node_set_ints(n, "key", (int64_t[]){key.key[0], key.key[1]}, 2));
    KERF__TRY(kerf_node_set_string(n, "value", value));
    gate->noise = n->outputs[0];
    return kerf__node_infer(n);
}

/* *cost NULL: the first. */
static kerf_status add_to_cost(const kerf__gate *gate, const kerf__gate_kind *kind,
                               kerf_value **cost)
{
    kerf_value *all, *sum;
    KERF__TRY(kind->add_cost(gate, &all));
    KERF__TRY(kerf__formula_sum(gate->g, all, &sum));
    if (*cost != NULL)
        KERF__TRY(kerf__formula(gate->g, "Add", *cost, sum, &sum));
    *cost = sum;
    return KERF_OK;
}

static kerf_status replace(const kerf__planning *p, const kerf_node *n, kerf_value **cost)
{
    const kerf__gate_kind *kind = kerf__gate_kind_of(kerf_node_string(n, "kind", ""));
    kerf__gate gate = {n->graph, n->inputs[0], n->inputs[1], mask_of(p, n->inputs[0]), NULL};
    kerf_value *out;
    if (kind == NULL)
        return kerf__fail_node(KERF_ERR_ARGUMENT, n, "kind '%s': must be l0 or variational",
                               kerf_node_string(n, "kind", ""));
    if (gate.parameter->state_id < 0)
        return kerf__fail_node(KERF_ERR_ARGUMENT, n, "its parameter must be a state");
    if (p->plan->mode == KERF_TRAIN) {
        KERF__TRY(add_noise(p, &gate, kind->noise));
        KERF__TRY(kind->add_sampled(&gate, &out));
        KERF__TRY(add_to_cost(&gate, kind, cost));
    } else
        KERF__TRY(kind->add_settled(&gate, &out));
    kerf__graph_replace_uses(n->graph, n->outputs[0], out);
    return KERF_OK;
}

static kerf_status add_to_loss(kerf__planning *p, kerf_value *cost)
{
    kerf_graph *g = p->plan->graph;
    kerf_value *strength, *part;
    KERF__TRY(kerf__formula_step(g, p->plan->step, KERF__STEP_SHRINK, &strength));
    KERF__TRY(kerf__formula(g, "Mul", cost, strength, &part));
    return kerf__formula(g, "Add", p->loss, part, &p->loss);
}

kerf_status kerf__plan_set_gates(kerf__planning *p)
{
    kerf_graph *g = p->plan->graph;
    const size_t num_nodes = g->num_nodes;
    kerf_value *cost = NULL;
    int num = 0;
    for (size_t i = 0; i < num_nodes; i++)
        if (strcmp(g->nodes[i]->op, "kerf.Gate") == 0) {
            KERF__TRY(replace(p, g->nodes[i], &cost));
            num++;
        }
    if (cost != NULL)
        KERF__TRY(add_to_loss(p, cost));
    return num > 0 ? kerf__graph_sort(g) : KERF_OK;
}

const kerf_node *kerf__gate_of(const kerf_value *v)
{
    const kerf_graph *g = v->graph;
    for (size_t i = 0; i < g->num_nodes; i++)
        if (strcmp(g->nodes[i]->op, "kerf.Gate") == 0 && g->nodes[i]->inputs[1] == v)
            return g->nodes[i];
    return NULL;
}
