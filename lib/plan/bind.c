/* plan/bind.c -- buffers, tensors and launches: the last pass, and the only one that asks
 * the device for something.
 *
 * Every value gets a tensor: the state's own, one of its own (inputs, constants), or a view
 * of its block.  Then each node's variant appends its launches, all arguments set. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "device/refusal.h"
#include "plan/plan_internal.h"
#include "state/compact.h"

/* ---- tensors ----------------------------------------------------------------------- */

static kerf_status create_own(kerf_plan *p, const kerf_value *v)
{
    kerf_tensor **t = &p->tensors[v->index];
    KERF__TRY(kerf_tensor_create(t, p->dev, v->type, v->shape));
    p->blocks[p->block_of[v->index]].buffer = (*t)->buffer;
    return v->constant != NULL ? kerf_tensor_write(*t, kerf_tensor_data(v->constant)) : KERF_OK;
}

/* Another plan's tensor, if the value lies there; else NULL. */
static const kerf_tensor *shared_place(const kerf_plan *p, const kerf_value *v)
{
    for (size_t i = 0; i < p->num_shared; i++)
        if (p->shared[i].value == v)
            return p->shared[i].place;
    return NULL;
}

static kerf_status create_tensor(kerf_plan *p, const kerf_value *v)
{
    const kerf_tensor *place = shared_place(p, v);
    if (place != NULL) {
        p->blocks[p->block_of[v->index]].buffer = place->buffer;
        return kerf__tensor_create_view(&p->tensors[v->index], p->dev, place->buffer, 0, v->type,
                                        v->shape);
    }
    if (v->kind == KERF__VALUE_INPUT || v->kind == KERF__VALUE_CONSTANT)
        return create_own(p, v);
    if (v->state_id >= 0 || v->next_of >= 0) {
        const int id = v->state_id >= 0 ? v->state_id : v->next_of;
        p->tensors[v->index] = kerf_state_get(p->state, id)->tensor;
        return KERF_OK;
    }
    if (v->shape.rank < 0) /* an output that its operation does not make */
        return KERF_OK;
    const kerf__block *b = &p->blocks[p->block_of[v->index]];
    return kerf__tensor_create_view(&p->tensors[v->index], p->dev, b->buffer, b->offset_bytes,
                                    v->type, v->shape);
}

static kerf_status create_block(kerf_plan *p, kerf__block *b)
{
    switch (b->kind) {
    case KERF__BLOCK_ARENA:
        b->buffer = p->arena;
        return KERF_OK;
    case KERF__BLOCK_STATE:
        b->buffer = kerf_state_get(p->state, b->state_id)->tensor->buffer;
        return KERF_OK;
    case KERF__BLOCK_KEPT:
        return kerf__buffer_create(&b->buffer, p->dev, b->size_bytes);
    case KERF__BLOCK_OWN: /* comes with its tensor */
        return KERF_OK;
    }
    return KERF_OK;
}

static kerf_status create_tensors(kerf_plan *p)
{
    const kerf_graph *g = p->graph;
    p->tensors = kerf__alloc(g->num_values, sizeof(kerf_tensor *));
    if (p->tensors == NULL)
        return kerf__fail_memory("plan", g->num_values * sizeof(kerf_tensor *));
    p->num_tensors = g->num_values;
    for (size_t i = 0; i < p->num_blocks; i++)
        KERF__TRY(create_block(p, &p->blocks[i]));
    for (int results = 0; results <= 1; results++) /* views come after what they look at */
        for (size_t i = 0; i < g->num_values; i++)
            if ((g->values[i]->kind == KERF__VALUE_RESULT) == results)
                KERF__TRY(create_tensor(p, g->values[i]));
    return KERF_OK;
}

/* ---- launches ---------------------------------------------------------------------- */

typedef struct copy {
    const kerf__buffer *src; /* borrowed, both */
    kerf__buffer *dst;
    size_t src_offset, dst_offset, num_bytes;
} copy;

static kerf_status enqueue_copy(void *context)
{
    const copy *c = context;
    return kerf__buffer_copy(c->src, c->src_offset, c->dst, c->dst_offset, c->num_bytes);
}

/* A node without kernels whose result must lie elsewhere. */
static kerf_status add_copy(kerf_plan *p, const kerf_node *n)
{
    const kerf__block *from = &p->blocks[p->block_of[n->inputs[0]->index]];
    const kerf__block *to = &p->blocks[p->block_of[n->outputs[0]->index]];
    if (from == to || to->size_bytes == 0)
        return KERF_OK;
    copy *context = kerf__alloc(1, sizeof *context);
    kerf__launch *launch;
    if (context == NULL)
        return kerf__fail_memory("plan", sizeof *context);
    *context =
        (copy){from->buffer, to->buffer, from->offset_bytes, to->offset_bytes, to->size_bytes};
    kerf_status status = kerf__launch_create_foreign(&launch, p->dev, enqueue_copy, free, context);
    if (status != KERF_OK) {
        free(context);
        return status;
    }
    return kerf__steps_append(&p->steps, launch);
}

/* As large as the option wants it: in the arena if that has room for it, which was laid out for
 * the option that was chosen first. */
static kerf_status make_scratch(const kerf_plan *p, kerf__planned *node, size_t num_bytes)
{
    kerf__buffer_destroy(node->scratch_buffer);
    node->scratch_buffer = NULL;
    if (num_bytes == 0)
        return KERF_OK;
    const kerf__block *b = node->scratch >= 0 ? &p->blocks[node->scratch] : NULL;
    if (b != NULL && b->size_bytes >= num_bytes)
        return kerf__buffer_create_view(&node->scratch_buffer, p->arena, b->offset_bytes,
                                        num_bytes);
    return kerf__buffer_create(&node->scratch_buffer, p->dev, num_bytes);
}

static kerf_status build_option(kerf_plan *p, size_t i, kerf_tensor *const *tensors,
                                kerf__steps *steps)
{
    const kerf_node *n = p->graph->nodes[i];
    kerf__planned *node = &p->nodes[i];
    kerf__op_case c = {.dev = p->dev,
                       .node = n,
                       .option = node->option,
                       .inputs = tensors,
                       .outputs = tensors + n->num_inputs,
                       .steps = steps,
                       .pieces = kerf__plan_pieces(p, n)};
    KERF__TRY(make_scratch(p, node, kerf__case_scratch(&c)));
    c.scratch = node->scratch_buffer;
    return node->option.variant->build(&c);
}

/* Several launches are one option's: all of them or none. */
static kerf_status build_first_that_can(kerf_plan *p, size_t i, kerf_tensor *const *tensors,
                                        kerf__steps *steps)
{
    const size_t before = steps->num;
    for (;;) {
        kerf_status status = build_option(p, i, tensors, steps);
        if (status != KERF_ERR_UNSUPPORTED)
            return status;
        while (steps->num > before)
            kerf__launch_destroy(steps->launches[--steps->num]);
        KERF__TRY(kerf__plan_choose_next(p, i));
    }
}

kerf_status kerf__plan_build_node(kerf_plan *p, size_t i, kerf__steps *steps)
{
    const kerf_node *n = p->graph->nodes[i];
    const size_t num = (size_t)n->num_inputs + (size_t)n->num_outputs;
    kerf_tensor **tensors = kerf__alloc(num, sizeof(kerf_tensor *));
    if (tensors == NULL)
        return kerf__fail_memory("plan", num * sizeof(kerf_tensor *));
    for (int k = 0; k < n->num_inputs; k++)
        tensors[k] = n->inputs[k] != NULL ? p->tensors[n->inputs[k]->index] : NULL;
    for (int k = 0; k < n->num_outputs; k++)
        tensors[n->num_inputs + k] = p->tensors[n->outputs[k]->index];
    kerf_status status = build_first_that_can(p, i, tensors, steps);
    free(tensors);
    return status;
}

static kerf_status bind_node(kerf_plan *p, size_t i)
{
    const kerf_node *n = p->graph->nodes[i];
    kerf__planned *node = &p->nodes[i];
    kerf_status status = KERF_OK;
    node->first_launch = p->steps.num;
    if (kerf__node_copies(n))
        status = add_copy(p, n);
    else if (node->option.variant != NULL)
        status = kerf__plan_build_node(p, i, &p->steps);
    node->num_launches = p->steps.num - node->first_launch;
    return status;
}

static kerf_status bind_nodes(kerf_plan *p)
{
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < p->num_nodes; i++)
        status = bind_node(p, i);
    kerf__refusals_settle(p->dev, status == KERF_OK);
    return status;
}

/* ---- what runs need at hand -------------------------------------------------------- */

static int is_behind_run(const kerf_plan *p, size_t node)
{
    return p->runs_per_update > 0 && kerf__node_pass(p->graph->nodes[node]) == KERF__UPDATE;
}

static void list_written(kerf_plan *p, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        for (int k = 0; k < p->graph->nodes[i]->num_outputs; k++)
            if (p->graph->nodes[i]->outputs[k]->next_of >= 0)
                p->written[p->num_written++] = p->graph->nodes[i]->outputs[k]->next_of;
}

static kerf_status list_steps(kerf_plan *p)
{
    const kerf_graph *g = p->graph;
    p->step_nodes = kerf__alloc(p->num_nodes, sizeof *p->step_nodes);
    p->written = kerf__alloc(g->num_values, sizeof *p->written);
    if (p->step_nodes == NULL || p->written == NULL)
        return kerf__fail_memory("plan", (p->num_nodes + g->num_values) * sizeof(int));
    for (size_t i = p->num_prepared; i < p->num_nodes; i++)
        if (p->nodes[i].num_launches > 0)
            p->step_nodes[p->num_steps++] = (int)i;
    p->num_before_update = p->num_prepared;
    while (p->num_before_update < p->num_nodes && !is_behind_run(p, p->num_before_update))
        p->num_before_update++;
    list_written(p, 0, p->num_before_update);
    p->num_written_by_runs = p->num_written;
    list_written(p, p->num_before_update, p->num_nodes);
    return KERF_OK;
}

kerf_status kerf__plan_bind(kerf_plan *p)
{
    KERF__TRY(kerf__plan_lay_moments(p));
    p->layouts = p->checked_layouts = kerf__state_layouts(p->state);
    KERF__TRY(kerf__buffer_create(&p->arena, p->dev, p->arena_bytes));
    KERF__TRY(create_tensors(p));
    KERF__TRY(bind_nodes(p));
    KERF__TRY(kerf__plan_list_prepared(p));
    return list_steps(p);
}
