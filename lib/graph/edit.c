/* graph/edit.c -- changing what is there: who reads what, and what may go.
 *
 * Edits that allocate do it first, so none fails half way. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/graph_internal.h"

void kerf__node_set_input(kerf_node *n, int i, kerf_value *v)
{
    assert(i >= 0 && i < n->num_inputs && (v == NULL || v->graph == n->graph));
    n->inputs[i] = v;
}

void kerf__node_take_name(kerf_node *n, kerf_node *was)
{
    char *name = n->name;
    n->name = was->name;
    was->name = name;
}

void kerf__graph_swap_nodes(kerf_node *a, kerf_node *b)
{
    kerf_graph *g = a->graph;
    const int index = a->index;
    g->nodes[b->index] = a;
    g->nodes[index] = b;
    a->index = b->index;
    b->index = index;
}

kerf_status kerf__node_put_input(kerf_node *n, int i, kerf_value *v)
{
    if (i >= n->num_inputs) {
        const size_t num = (size_t)i + 1;
        kerf_value **larger = kerf__realloc(n->inputs, num, sizeof *n->inputs);
        if (larger == NULL)
            return kerf__fail_memory("graph", num * sizeof *larger);
        n->inputs = larger;
        while (n->num_inputs <= i)
            n->inputs[n->num_inputs++] = NULL;
    }
    kerf__node_set_input(n, i, v);
    return KERF_OK;
}

void kerf__node_trim_inputs(kerf_node *n)
{
    while (n->num_inputs > 0 && n->inputs[n->num_inputs - 1] == NULL)
        n->num_inputs--;
}

kerf_status kerf__node_set_op(kerf_node *n, const char *op)
{
    char *copy = kerf__strdup(op);
    if (copy == NULL)
        return kerf__fail_memory("graph", strlen(op));
    free(n->op);
    n->op = copy;
    return KERF_OK;
}

void kerf__graph_replace_uses(kerf_graph *g, kerf_value *old, kerf_value *replacement)
{
    assert(old->graph == g && replacement->graph == g);
    for (size_t i = 0; i < g->num_nodes; i++)
        for (int k = 0; k < g->nodes[i]->num_inputs; k++)
            if (g->nodes[i]->inputs[k] == old)
                g->nodes[i]->inputs[k] = replacement;
    for (size_t i = 0; i < g->num_outputs; i++)
        if (g->outputs[i] == old)
            g->outputs[i] = replacement;
}

kerf_status kerf__graph_keep_output(kerf_graph *g, kerf_value *v)
{
    g->num_outputs = 0;
    return kerf_graph_add_output(g, v);
}

int kerf__value_num_uses(const kerf_value *v)
{
    const kerf_graph *g = v->graph;
    int num = 0;
    for (size_t i = 0; i < g->num_nodes; i++)
        for (int k = 0; k < g->nodes[i]->num_inputs; k++)
            num += g->nodes[i]->inputs[k] == v;
    for (size_t i = 0; i < g->num_outputs; i++)
        num += g->outputs[i] == v;
    return num;
}

kerf_node *kerf__value_only_reader(const kerf_value *v)
{
    if (kerf__value_num_uses(v) != 1)
        return NULL;
    for (size_t i = 0; i < v->graph->num_nodes; i++)
        for (int k = 0; k < v->graph->nodes[i]->num_inputs; k++)
            if (v->graph->nodes[i]->inputs[k] == v)
                return v->graph->nodes[i];
    return NULL; /* an output of the graph */
}

/* ---- removing: what has index -1 goes ------------------------------------------------------- */

static void compact_nodes(kerf_graph *g)
{
    size_t num = 0;
    for (size_t i = 0; i < g->num_nodes; i++) {
        if (g->nodes[i]->index < 0) {
            kerf__node_destroy(g->nodes[i]);
            continue;
        }
        g->nodes[i]->index = (int)num;
        g->nodes[num++] = g->nodes[i];
    }
    g->num_nodes = num;
}

void kerf__graph_sweep_values(kerf_graph *g)
{
    size_t num = 0;
    for (size_t i = 0; i < g->num_values; i++) {
        kerf_value *v = g->values[i];
        if (v->index < 0) {
            kerf__names_remove(&g->names, v->name);
            kerf__value_destroy(v);
            continue;
        }
        v->index = (int)num;
        g->values[num++] = v;
    }
    g->num_values = num;
}

void kerf__graph_remove_node(kerf_graph *g, kerf_node *n)
{
    assert(n->graph == g);
    for (int i = 0; i < n->num_outputs; i++) {
        assert(kerf__value_num_uses(n->outputs[i]) == 0);
        n->outputs[i]->index = -1;
    }
    n->index = -1;
    compact_nodes(g);
    kerf__graph_sweep_values(g);
}

void kerf__node_pop_output(kerf_node *n)
{
    kerf_value *v = n->outputs[--n->num_outputs];
    assert(kerf__value_num_uses(v) == 0);
    v->index = -1;
    kerf__graph_sweep_values(n->graph);
}

/* Whether anything the node makes is wanted: its outputs were marked by their readers. */
static int is_wanted(const kerf_node *n)
{
    for (int i = 0; i < n->num_outputs; i++)
        if (n->outputs[i]->index >= 0 || n->outputs[i]->next_of >= 0)
            return 1;
    return 0;
}

/* A wanted node keeps all its outputs and wants all its inputs. */
static void want(kerf_node *n)
{
    n->index = 0;
    for (int i = 0; i < n->num_outputs; i++)
        n->outputs[i]->index = 0;
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL)
            n->inputs[i]->index = 0;
}

void kerf__graph_remove_dead(kerf_graph *g)
{
    for (size_t i = 0; i < g->num_values; i++)
        g->values[i]->index = g->values[i]->kind == KERF__VALUE_INPUT ? 0 : -1;
    for (size_t i = 0; i < g->num_outputs; i++)
        g->outputs[i]->index = 0;
    for (size_t i = g->num_nodes; i-- > 0;) { /* readers come behind, so from the end */
        g->nodes[i]->index = -1;
        if (is_wanted(g->nodes[i]))
            want(g->nodes[i]);
    }
    compact_nodes(g);
    kerf__graph_sweep_values(g);
}
