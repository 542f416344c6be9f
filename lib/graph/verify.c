/* graph/verify.c -- every promise of kerf/graph.h and graph.c, checked.
 *
 * Called by assert in debug builds and after whatever came from a file.  A message says
 * which promise broke; where the fault is ours that is all that is known. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/graph_internal.h"
#include "tensor/tensor_internal.h"

static kerf_status broken(const char *what, const char *name)
{
    return kerf__fail(KERF_ERR_ARGUMENT, "graph: %s '%s'", what, name);
}

/* 1 if v is one of this graph's living values. */
static int holds_value(const kerf_graph *g, const kerf_value *v)
{
    return v != NULL && v->graph == g && v->index >= 0 && (size_t)v->index < g->num_values &&
           g->values[v->index] == v;
}

static int is_output_of(const kerf_value *v, const kerf_node *n)
{
    for (int i = 0; n != NULL && i < n->num_outputs; i++)
        if (n->outputs[i] == v)
            return 1;
    return 0;
}

static int is_input_of(const kerf_value *v, const kerf_graph *g)
{
    for (size_t i = 0; i < g->num_inputs; i++)
        if (g->inputs[i] == v)
            return 1;
    return 0;
}

/* What a value's kind asks of its other fields. */
static int kind_fits(const kerf_value *v)
{
    switch (v->kind) {
    case KERF__VALUE_INPUT:
        return is_input_of(v, v->graph);
    case KERF__VALUE_STATE:
        return v->state_id >= 0;
    case KERF__VALUE_CONSTANT:
        return v->constant != NULL && v->constant->dev == NULL && v->type == v->constant->type &&
               kerf_shape_equal(v->shape, v->constant->shape);
    case KERF__VALUE_RESULT:
        return is_output_of(v, v->producer);
    }
    return 0;
}

static kerf_status verify_value(const kerf_graph *g, size_t i)
{
    const kerf_value *v = g->values[i];
    if (v->graph != g || v->index != (int)i)
        return broken("a wrong place is written in value", v->name);
    if (kerf_graph_find(g, v->name) != v)
        return broken("names must be unique, not so value", v->name);
    if (!kind_fits(v))
        return broken("what it is and what it holds do not agree in value", v->name);
    if ((v->kind == KERF__VALUE_RESULT) != (v->producer != NULL) ||
        (v->kind == KERF__VALUE_STATE) != (v->state_id >= 0) ||
        (v->kind == KERF__VALUE_CONSTANT) != (v->constant != NULL) ||
        (v->next_of >= 0 && v->kind != KERF__VALUE_RESULT))
        return broken("fields of two kinds are set in value", v->name);
    if (v->shape.rank < -1 || v->shape.rank > KERF_MAX_RANK || kerf_type_bits(v->type) == 0)
        return broken("impossible type or shape of value", v->name);
    for (int k = 0; k < v->shape.rank; k++)
        if (v->shape.dims[k] < 0 && kerf_graph_symbol_name(g, v->shape.dims[k]) == NULL)
            return broken("unknown symbol in the shape of value", v->name);
    return KERF_OK;
}

static kerf_status verify_node(const kerf_graph *g, size_t i)
{
    const kerf_node *n = g->nodes[i];
    if (n->graph != g || n->index != (int)i)
        return broken("a wrong place is written in node", n->name);
    for (int k = 0; k < n->num_inputs; k++) {
        const kerf_value *v = n->inputs[k];
        if (v == NULL)
            continue;
        if (!holds_value(g, v))
            return broken("a value that is not in the graph is read by node", n->name);
        if (v->producer != NULL && v->producer->index >= (int)i)
            return broken("what it reads is made later or by itself: node", n->name);
    }
    for (int k = 0; k < n->num_outputs; k++)
        if (!holds_value(g, n->outputs[k]) || n->outputs[k]->producer != n)
            return broken("an output does not know its node", n->name);
    return KERF_OK;
}

static int compare_ints(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* A state has one value and at most one next value.  `ids` has room for all values. */
static kerf_status verify_states(const kerf_graph *g, int *ids)
{
    for (int next = 0; next <= 1; next++) {
        size_t num = 0;
        for (size_t i = 0; i < g->num_values; i++) {
            int id = next ? g->values[i]->next_of : g->values[i]->state_id;
            if (id >= 0)
                ids[num++] = id;
        }
        qsort(ids, num, sizeof *ids, compare_ints);
        for (size_t i = 1; i < num; i++)
            if (ids[i] == ids[i - 1])
                return kerf__fail(KERF_ERR_ARGUMENT, "graph: state %d has two %s, must have one",
                                  ids[i], next ? "next values" : "values");
    }
    return KERF_OK;
}

kerf_status kerf_graph_verify(const kerf_graph *g)
{
    if (g->names.num != g->num_values)
        return kerf__fail(KERF_ERR_ARGUMENT, "graph: %zu names for %zu values", g->names.num,
                          g->num_values);
    for (size_t i = 0; i < g->num_values; i++)
        KERF__TRY(verify_value(g, i));
    for (size_t i = 0; i < g->num_nodes; i++)
        KERF__TRY(verify_node(g, i));
    for (size_t i = 0; i < g->num_inputs; i++)
        if (!holds_value(g, g->inputs[i]) || g->inputs[i]->kind != KERF__VALUE_INPUT)
            return kerf__fail(KERF_ERR_ARGUMENT, "graph: input %zu is not an input value", i);
    for (size_t i = 0; i < g->num_outputs; i++)
        if (!holds_value(g, g->outputs[i]))
            return kerf__fail(KERF_ERR_ARGUMENT, "graph: output %zu is not in the graph", i);
    int *ids = kerf__alloc(g->num_values, sizeof *ids);
    if (ids == NULL)
        return kerf__fail_memory("graph", g->num_values * sizeof *ids);
    kerf_status status = verify_states(g, ids);
    free(ids);
    return status;
}
