/* plan/prepare.c -- finds the nodes whose results no run changes, and puts them first.
 *
 * A node is prepared if all it reads are constants, states that this plan never writes, and
 * results of prepared nodes: folded and packed weights of an evaluation, mostly.  Such nodes
 * run once, and once more when a state that one of them reads has another version (run.c), say
 * because a training plan has changed the weights in between.  What others read of them lies
 * outside of the arena (blocks.c). */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"

/* 1 by state id where some node writes its next value; `num` ids. */
static void find_written(const kerf_graph *g, char *written)
{
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->next_of >= 0)
            written[g->values[i]->next_of] = 1;
}

static int is_prepared(const kerf_node *n, const char *written, const char *prepared)
{
    for (int k = 0; k < n->num_outputs; k++)
        if (n->outputs[k]->next_of >= 0)
            return 0;
    for (int i = 0; i < n->num_inputs; i++) {
        const kerf_value *v = n->inputs[i];
        if (v == NULL || v->kind == KERF__VALUE_CONSTANT)
            continue;
        if (v->kind == KERF__VALUE_INPUT || (v->state_id >= 0 && written[v->state_id]) ||
            (v->producer != NULL && !prepared[v->producer->index]))
            return 0;
    }
    return 1;
}

/* Prepared nodes first; both halves keep their order. */
static kerf_status partition(kerf_graph *g, const char *prepared, size_t *num_prepared)
{
    kerf_node **old = kerf__alloc(g->num_nodes, sizeof(kerf_node *));
    if (old == NULL)
        return kerf__fail_memory("plan", g->num_nodes * sizeof(kerf_node *));
    for (size_t i = 0; i < g->num_nodes; i++)
        old[i] = g->nodes[i];
    size_t at = 0;
    for (int first = 1; first >= 0; first--) {
        for (size_t i = 0; i < g->num_nodes; i++)
            if (prepared[i] == first)
                g->nodes[at++] = old[i];
        if (first)
            *num_prepared = at;
    }
    for (size_t i = 0; i < g->num_nodes; i++)
        g->nodes[i]->index = (int)i;
    free(old);
    return KERF_OK;
}

kerf_status kerf__plan_prepare(kerf_plan *p)
{
    kerf_graph *g = p->graph;
    char *written = kerf__alloc((size_t)kerf_state_num_ids(p->state), 1);
    char *prepared = kerf__alloc(g->num_nodes, 1);
    kerf_status status = KERF_OK;
    if (written == NULL || prepared == NULL) {
        status = kerf__fail_memory("plan", g->num_nodes);
    } else {
        find_written(g, written);
        for (size_t i = 0; i < g->num_nodes; i++)
            prepared[i] = (char)is_prepared(g->nodes[i], written, prepared);
        status = partition(g, prepared, &p->num_prepared);
    }
    free(written);
    free(prepared);
    return status;
}

/* ---- at work ---------------------------------------------------------------------------- */

/* Ids of the states that prepared nodes read, each once. */
kerf_status kerf__plan_list_prepared(kerf_plan *p)
{
    size_t most = 0;
    for (size_t i = 0; i < p->num_prepared; i++)
        most += (size_t)p->graph->nodes[i]->num_inputs;
    p->prepared = kerf__alloc(most, sizeof *p->prepared);
    if (p->prepared == NULL)
        return kerf__fail_memory("plan", most * sizeof *p->prepared);
    for (size_t i = 0; i < p->num_prepared; i++) {
        const kerf_node *n = p->graph->nodes[i];
        p->num_prepared_launches += p->nodes[i].num_launches;
        for (int k = 0; k < n->num_inputs; k++) {
            const int id = n->inputs[k] != NULL ? n->inputs[k]->state_id : -1;
            size_t j = 0;
            while (j < p->num_prepared_states && p->prepared[j].state_id != id)
                j++;
            if (id >= 0 && j == p->num_prepared_states)
                p->prepared[p->num_prepared_states++] = (kerf__prepared){.state_id = id};
        }
    }
    return KERF_OK;
}

/* Notes the versions that are prepared next. */
static int is_fresh(kerf_plan *p)
{
    int fresh = p->is_prepared;
    for (size_t i = 0; i < p->num_prepared_states; i++) {
        const kerf_state_entry *entry = kerf_state_get(p->state, p->prepared[i].state_id);
        fresh &= entry->version == p->prepared[i].version;
        p->prepared[i].version = entry->version;
    }
    return fresh;
}

kerf_status kerf__plan_try_prepared(kerf_plan *p, int *is_ready)
{
    *is_ready = kerf__plan_find_moved(p) == NULL;
    if (!*is_ready || is_fresh(p))
        return KERF_OK;
    p->is_prepared = 0;
    KERF__TRY(kerf__plan_enqueue(p, 0, &p->num_prepared_launches));
    KERF__TRY(kerf__plan_count_patterns(p));
    *is_ready = kerf__plan_find_overflow(p) == NULL;
    if (!*is_ready)
        return KERF_OK;
    KERF__TRY(kerf__plan_follow_patterns(p));
    p->is_prepared = 1;
    return KERF_OK;
}

kerf_status kerf__plan_run_prepared(kerf_plan *p)
{
    int is_ready;
    KERF__TRY(kerf__plan_try_prepared(p, &is_ready));
    if (is_ready)
        return KERF_OK;
    const kerf_state_entry *moved = kerf__plan_find_moved(p);
    if (moved != NULL)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "plan: '%s' lies elsewhere since another plan was made, or the state "
                          "edited; make this plan anew",
                          moved->name);
    const kerf_node *full = kerf__plan_find_overflow(p);
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "plan: '%s' has %lld non-zeros or more, must have fewer as when the plan was "
                      "made; make the plan anew",
                      full->inputs[0]->name, (long long)kerf_node_int(full, "capacity", 0));
}
