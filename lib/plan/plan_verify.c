/* plan/plan_verify.c -- the invariants of a plan, checked by playing a run on paper.
 *
 * (1) A node reads only what is there: inputs, constants, states, or results that an earlier
 *     node wrote and nobody wrote over.  So no two live values share bytes, and all readers
 *     of a state's old value come before its writer.
 * (2) A node writes over its own input only where its operation works in place.
 * (3) A state has one writer.
 * (4) Blocks of the arena lie inside of it, at multiples of the device's alignment.
 * (5) Outputs are still there at the end.
 * (6) A second run finds what prepared nodes made in the first.
 *
 * Knows nothing of lifetimes (blocks.c) or packing (arena.c), only where values ended up.
 * Quadratic, so for debug builds and tests. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"

typedef struct range {
    kerf__block_kind kind;
    int id; /* which own block or state; 0 for the arena */
    size_t begin, end;
} range;

static range block_range(const kerf_plan *p, int block)
{
    const kerf__block *b = &p->blocks[block];
    switch (b->kind) {
    case KERF__BLOCK_ARENA:
        return (range){b->kind, 0, b->offset_bytes, b->offset_bytes + b->size_bytes};
    case KERF__BLOCK_STATE:
        return (range){b->kind, b->state_id, 0, b->size_bytes};
    case KERF__BLOCK_OWN:
    case KERF__BLOCK_KEPT:
        break;
    }
    return (range){b->kind, block, 0, b->size_bytes};
}

static int overlap(range a, range b)
{
    return a.kind == b.kind && a.id == b.id && a.begin < b.end && b.begin < a.end;
}

static range value_range(const kerf_plan *p, const kerf_value *v)
{
    range r = block_range(p, p->block_of[v->index]);
    const int64_t bytes = kerf__tensor_bytes(v->type, v->shape);
    r.end = r.begin + (bytes > 0 ? (size_t)bytes : 0);
    return r;
}

/* Everything that lies on these bytes is gone. */
static void write_over(const kerf_plan *p, char *there, range r)
{
    for (size_t i = 0; i < p->graph->num_values; i++)
        if (there[i] && overlap(value_range(p, p->graph->values[i]), r))
            there[i] = 0;
}

static kerf_status check_reads(const kerf_node *n, const char *there)
{
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL && !there[n->inputs[i]->index])
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "plan: %s '%s' reads '%s' after something was written over it", n->op,
                              n->name, n->inputs[i]->name);
    return KERF_OK;
}

static kerf_status check_in_place(const kerf_plan *p, const kerf_node *n)
{
    const kerf__planned *node = &p->nodes[n->index];
    for (int k = 0; k < n->num_outputs; k++)
        for (int i = 0; i < n->num_inputs; i++) {
            if (n->inputs[i] == NULL)
                continue;
            const range in = value_range(p, n->inputs[i]), out = value_range(p, n->outputs[k]);
            const int same = in.begin == out.begin && in.end == out.end;
            if ((overlap(in, out) && !(same && kerf__node_may_overwrite(n, i, k))) ||
                (node->scratch >= 0 && (overlap(in, block_range(p, node->scratch)) ||
                                        overlap(out, block_range(p, node->scratch)))))
                return kerf__fail(KERF_ERR_ARGUMENT, "plan: %s '%s' writes over what it reads",
                                  n->op, n->name);
        }
    return KERF_OK;
}

static kerf_status play_node(const kerf_plan *p, const kerf_node *n, char *there)
{
    KERF__TRY(check_reads(n, there));
    if (kerf__node_is_view(n)) {
        there[n->outputs[0]->index] = 1;
        return KERF_OK;
    }
    KERF__TRY(check_in_place(p, n));
    if (p->nodes[n->index].scratch >= 0)
        write_over(p, there, block_range(p, p->nodes[n->index].scratch));
    for (int k = 0; k < n->num_outputs; k++)
        write_over(p, there, value_range(p, n->outputs[k]));
    for (int k = 0; k < n->num_outputs; k++)
        there[n->outputs[k]->index] = 1;
    return KERF_OK;
}

/* A run from node `first` on: what no node makes is there at its beginning. */
static kerf_status play_run(const kerf_plan *p, size_t first, char *there)
{
    const kerf_graph *g = p->graph;
    for (size_t i = 0; i < g->num_values; i++)
        there[i] |= (char)(g->values[i]->kind != KERF__VALUE_RESULT);
    for (size_t i = first; i < g->num_nodes; i++)
        KERF__TRY(play_node(p, g->nodes[i], there));
    return KERF_OK;
}

static kerf_status play(const kerf_plan *p, char *there)
{
    const kerf_graph *g = p->graph;
    KERF__TRY(play_run(p, 0, there));
    KERF__TRY(play_run(p, p->num_prepared, there));
    for (size_t i = 0; i < g->num_outputs; i++) {
        const kerf_value *v = g->outputs[i];
        if (!there[v->index] && p->blocks[p->block_of[v->index]].kind == KERF__BLOCK_ARENA)
            return kerf__fail(KERF_ERR_ARGUMENT, "plan: output '%s' is written over", v->name);
    }
    return KERF_OK;
}

static kerf_status check_blocks(const kerf_plan *p)
{
    const size_t align = kerf_device_get_info(p->dev)->align_bytes;
    for (size_t i = 0; i < p->num_blocks; i++) {
        const kerf__block *b = &p->blocks[i];
        if (b->kind == KERF__BLOCK_ARENA &&
            (b->offset_bytes % (align > 0 ? align : 1) != 0 || b->offset_bytes > p->arena_bytes ||
             b->size_bytes > p->arena_bytes - b->offset_bytes))
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "plan: a block of %zu bytes at %zu does not fit the arena of %zu",
                              b->size_bytes, b->offset_bytes, p->arena_bytes);
    }
    return KERF_OK;
}

static kerf_status check_writers(const kerf_plan *p)
{
    const kerf_graph *g = p->graph;
    for (size_t i = 0; i < g->num_values; i++)
        for (size_t k = i + 1; k < g->num_values && g->values[i]->next_of >= 0; k++)
            if (g->values[k]->next_of == g->values[i]->next_of)
                return kerf__fail(KERF_ERR_ARGUMENT, "plan: state %d has two writers",
                                  g->values[i]->next_of);
    return KERF_OK;
}

kerf_status kerf_plan_verify(const kerf_plan *p)
{
    KERF__TRY(check_blocks(p));
    KERF__TRY(check_writers(p));
    char *there = kerf__alloc(p->graph->num_values, 1);
    if (there == NULL)
        return kerf__fail_memory("plan", p->graph->num_values);
    kerf_status status = play(p, there);
    free(there);
    return status;
}
