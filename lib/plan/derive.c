/* plan/derive.c -- from the model graph's copy towards what runs.
 *
 * A hard mask costs nothing: masked weights are exactly 0 already, so readers of the Mask
 * read the weight, and only the update gets the mask (update.c).  A Mask whose mask is being
 * made in this very graph is real work and stays. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"

/* ---- which part of a step ---------------------------------------------------------- */

kerf_status kerf__node_set_pass(kerf_node *n, kerf__pass pass)
{
    return kerf_node_set_int(n, "kerf.pass", (int64_t)pass);
}

kerf__pass kerf__node_pass(const kerf_node *n)
{
    return (kerf__pass)kerf_node_int(n, "kerf.pass", KERF__FORWARD);
}

kerf_status kerf__plan_set_pass(kerf_graph *g, size_t first, kerf__pass pass)
{
    for (size_t i = first; i < g->num_nodes; i++)
        KERF__TRY(kerf__node_set_pass(g->nodes[i], pass));
    return KERF_OK;
}

/* ---- masks ------------------------------------------------------------------------- */

/* Of a weight, by a mask that no node here makes. */
static int masks_weight(const kerf_node *n)
{
    return strcmp(n->op, "kerf.Mask") == 0 && n->inputs[0]->kind == KERF__VALUE_STATE &&
           n->inputs[1]->kind == KERF__VALUE_STATE && n->outputs[0]->next_of < 0;
}

static kerf_status note_score(kerf__planning *p, const kerf_node *n)
{
    const char *name = kerf_node_string(n, "score", "");
    if (name[0] == '\0')
        return KERF_OK;
    const kerf__score *score = kerf__plan_score(name);
    if (score == NULL)
        return kerf__fail_node(KERF_ERR_ARGUMENT, n, "score '%s': there is none of that name",
                               name);
    p->scores[n->inputs[0]->state_id] = score;
    return KERF_OK;
}

/* A soft mask stays: its weight lives on behind it. */
static kerf_status drop_masks(kerf__planning *p)
{
    kerf_graph *g = p->plan->graph;
    p->num_masks = (size_t)kerf_state_num_ids(p->plan->state);
    p->masks = kerf__alloc(p->num_masks, sizeof *p->masks);
    p->scores = kerf__alloc(p->num_masks, sizeof *p->scores);
    if (p->masks == NULL || p->scores == NULL)
        return kerf__fail_memory("plan", p->num_masks * sizeof(kerf_value *));
    for (size_t i = 0; i < g->num_nodes; i++) {
        kerf_node *n = g->nodes[i];
        if (!masks_weight(n))
            continue;
        KERF__TRY(note_score(p, n));
        if (kerf_node_int(n, "hard", 1) == 0)
            continue;
        p->masks[n->inputs[0]->state_id] = n->inputs[1];
        kerf__graph_replace_uses(g, n->outputs[0], n->inputs[0]);
    }
    return KERF_OK;
}

/* ---- what the loss is taken of ----------------------------------------------------- */

static kerf_value *end_named(const kerf__ends *ends, const char *name)
{
    for (size_t i = 0; i < ends->num; i++)
        if (strcmp(ends->items[i].name, name) == 0)
            return ends->items[i].value;
    return NULL;
}

static kerf_status find_output(const kerf__planning *p, kerf_value **out)
{
    const char *name = p->options->output;
    const kerf_graph *g = p->plan->graph;
    if (name == NULL) {
        *out = kerf_graph_output(g, 0);
        return *out != NULL ? KERF_OK
                            : kerf__fail(KERF_ERR_ARGUMENT,
                                         "plan: the graph has no output to take a loss of");
    }
    *out = end_named(&p->plan->outputs, name);
    if (*out == NULL)
        *out = kerf_graph_find(g, name);
    return *out != NULL ? KERF_OK
                        : kerf__fail(KERF_ERR_ARGUMENT,
                                     "plan: the graph has no value '%s' for the loss", name);
}

/* Cross entropy is taken of logits: a Softmax at the end (behind views) is left out. */
kerf_value *kerf__before_softmax(kerf_value *v)
{
    kerf_value *end = v;
    while (kerf__node_is(end->producer, "Identity") || kerf__node_is(end->producer, "Dropout"))
        end = end->producer->inputs[0];
    if (!kerf__node_is(end->producer, "Softmax"))
        return v;
    const kerf_node *softmax = end->producer;
    const int64_t axis = kerf_node_int(softmax, "axis", -1);
    const int last = softmax->inputs[0]->shape.rank - 1;
    const int is_last = axis == -1 || axis == last || (last < 0 && axis == 1); /* (N, C) */
    return is_last ? softmax->inputs[0] : v;
}

kerf_status kerf__plan_derive(kerf__planning *p)
{
    KERF__TRY(drop_masks(p));
    for (size_t i = 0; i < p->plan->outputs.num; i++) /* a Mask may have been an output */
        p->plan->outputs.items[i].value = p->plan->graph->outputs[i];
    if (p->options->loss == KERF_LOSS_NONE)
        return KERF_OK;
    KERF__TRY(find_output(p, &p->target));
    if (p->options->loss == KERF_LOSS_CROSS_ENTROPY)
        p->target = kerf__before_softmax(p->target);
    return KERF_OK;
}
