/* plan/blocks.c -- which values lie on which bytes, and how long those are needed.
 *
 * A value gets a block of its own, unless
 *   - it is an input, a constant or a state: those stand outside of the arena,
 *   - it is the next value of a state: then it is written over that state's entry,
 *   - its node only gives a shape: then it is its input,
 *   - a prepared node makes it for others: then it is kept outside of the arena,
 *   - its node may work in place and is the last to read that input.
 * Nodes are seen in the order in which they run, so whatever else will ever lie on a block
 * is known when its last reader comes. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"

typedef struct layout {
    kerf_plan *plan;
    int *last_use;     /* owned; by value: place of its last reader, num_nodes for outputs, or -1 */
    int *state_blocks; /* owned; by state id, or -1 */
    size_t num_states;
} layout;

static kerf_status add_block(kerf_plan *p, kerf__block block, int *out)
{
    if (!kerf__grow((void **)&p->blocks, &p->block_capacity, p->num_blocks, sizeof *p->blocks))
        return kerf__fail_memory("plan", p->num_blocks * sizeof *p->blocks);
    *out = (int)p->num_blocks;
    p->blocks[p->num_blocks++] = block;
    return KERF_OK;
}

static void find_last_uses(layout *l)
{
    const kerf_graph *g = l->plan->graph;
    for (size_t i = 0; i < g->num_values; i++)
        l->last_use[i] = -1;
    for (size_t i = 0; i < g->num_nodes; i++)
        for (int k = 0; k < g->nodes[i]->num_inputs; k++)
            if (g->nodes[i]->inputs[k] != NULL)
                l->last_use[g->nodes[i]->inputs[k]->index] = (int)i;
    for (size_t i = 0; i < g->num_outputs; i++)
        l->last_use[g->outputs[i]->index] = (int)g->num_nodes;
    for (size_t i = g->num_nodes; i-- > 0;) { /* who reads a view reads what it shows */
        const kerf_node *n = g->nodes[i];
        if (!kerf__node_is_view(n))
            continue;
        int *last = &l->last_use[n->inputs[0]->index];
        if (*last < l->last_use[n->outputs[0]->index])
            *last = l->last_use[n->outputs[0]->index];
    }
}

static size_t value_bytes(const kerf_value *v)
{
    const int64_t bytes = kerf__tensor_bytes(v->type, v->shape);
    return bytes > 0 ? (size_t)bytes : 0; /* an unused output may have no shape */
}

/* As large as the value: the state may keep a moment whole until the plan is bound. */
static kerf_status state_block(layout *l, const kerf_value *v, int id, int *out)
{
    if (l->state_blocks[id] < 0)
        KERF__TRY(add_block(
            l->plan,
            (kerf__block){.kind = KERF__BLOCK_STATE, .state_id = id, .size_bytes = value_bytes(v)},
            &l->state_blocks[id]));
    *out = l->state_blocks[id];
    return KERF_OK;
}

/* The block of an input that output 0 may be written over, or -1. */
static int find_in_place(const layout *l, const kerf_node *n)
{
    const kerf_plan *p = l->plan;
    const unsigned allowed = kerf__op_find(n->op)->in_place;
    for (int i = 0; i < n->num_inputs && i < 32; i++) {
        const kerf_value *v = n->inputs[i];
        if ((allowed >> i & 1u) == 0 || v == NULL || v->type != n->outputs[0]->type ||
            value_bytes(v) != value_bytes(n->outputs[0]))
            continue;
        const int block = p->block_of[v->index];
        int readers = 0;
        for (int k = 0; k < n->num_inputs; k++)
            readers += n->inputs[k] != NULL && p->block_of[n->inputs[k]->index] == block;
        if (p->blocks[block].kind == KERF__BLOCK_ARENA && p->blocks[block].last == n->index &&
            readers == 1)
            return block;
    }
    return -1;
}

/* 1 if every run reads what only a change of the states makes anew. */
static int is_kept(const kerf_plan *p, const kerf_node *n, int last)
{
    return (size_t)n->index < p->num_prepared && last >= (int)p->num_prepared;
}

static kerf_status place_output(layout *l, const kerf_node *n, int k)
{
    kerf_plan *p = l->plan;
    const kerf_value *v = n->outputs[k];
    int *block = &p->block_of[v->index], last = l->last_use[v->index];
    if (v->next_of >= 0)
        return state_block(l, v, v->next_of, block);
    *block = -1;
    if (k == 0 && kerf__node_is_view(n))
        *block = p->block_of[n->inputs[0]->index];
    else if (k == 0 && !is_kept(p, n, last))
        *block = find_in_place(l, n);
    last = last > n->index ? last : n->index;
    if (*block < 0)
        return add_block(
            p,
            (kerf__block){.kind = is_kept(p, n, last) ? KERF__BLOCK_KEPT : KERF__BLOCK_ARENA,
                          .state_id = -1,
                          .first = n->index,
                          .last = last,
                          .size_bytes = value_bytes(v)},
            block);
    if (p->blocks[*block].last < last)
        p->blocks[*block].last = last;
    return KERF_OK;
}

static kerf_status place_node(layout *l, size_t i)
{
    kerf_plan *p = l->plan;
    const kerf_node *n = p->graph->nodes[i];
    kerf__planned *node = &p->nodes[i];
    for (int k = 0; k < n->num_outputs; k++)
        KERF__TRY(place_output(l, n, k));
    if (node->option.variant == NULL)
        return KERF_OK;
    const kerf__op_case c = {.dev = p->dev, .node = n, .option = node->option};
    const size_t bytes = kerf__case_scratch(&c);
    if (bytes == 0)
        return KERF_OK;
    return add_block(p,
                     (kerf__block){.kind = KERF__BLOCK_ARENA,
                                   .state_id = -1,
                                   .first = (int)i,
                                   .last = (int)i,
                                   .size_bytes = bytes},
                     &node->scratch);
}

static kerf_status place_all(layout *l)
{
    kerf_plan *p = l->plan;
    const kerf_graph *g = p->graph;
    find_last_uses(l);
    for (size_t i = 0; i < l->num_states; i++)
        l->state_blocks[i] = -1;
    for (size_t i = 0; i < g->num_values; i++) {
        const kerf_value *v = g->values[i];
        if (v->kind == KERF__VALUE_STATE)
            KERF__TRY(state_block(l, v, v->state_id, &p->block_of[i]));
        else if (v->kind != KERF__VALUE_RESULT)
            KERF__TRY(add_block(p,
                                (kerf__block){.kind = KERF__BLOCK_OWN,
                                              .state_id = -1,
                                              .size_bytes = value_bytes(v)},
                                &p->block_of[i]));
    }
    for (size_t i = 0; i < g->num_nodes; i++)
        KERF__TRY(place_node(l, i));
    return KERF_OK;
}

kerf_status kerf__plan_make_blocks(kerf_plan *p)
{
    layout l = {.plan = p, .num_states = (size_t)kerf_state_num_ids(p->state)};
    p->block_of = kerf__alloc(p->graph->num_values, sizeof *p->block_of);
    l.last_use = kerf__alloc(p->graph->num_values, sizeof *l.last_use);
    l.state_blocks = kerf__alloc(l.num_states, sizeof *l.state_blocks);
    kerf_status status = KERF_OK;
    if (p->block_of == NULL || l.last_use == NULL || l.state_blocks == NULL)
        status = kerf__fail_memory("plan", p->graph->num_values * sizeof(int));
    if (status == KERF_OK)
        status = place_all(&l);
    free(l.last_use);
    free(l.state_blocks);
    return status;
}
