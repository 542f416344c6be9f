/* graph/graph.c -- the life of a graph, its symbols and texts, and looking at it.
 *
 * (1) values[i]->index == i and nodes[i]->index == i.
 * (2) A node stands behind the producers of its inputs, except between the reading of a
 *     file and kerf__graph_sort().
 * (3) Every value stands in `names` under its name.
 *                                           checked by kerf_graph_verify(), verify.c
 * Building is graph_build.c, editing edit.c. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/graph_internal.h"
#include "tensor/tensor_internal.h"

kerf_status kerf_graph_create(kerf_graph **out)
{
    *out = kerf__alloc(1, sizeof **out);
    return *out != NULL ? KERF_OK : kerf__fail_memory("graph", sizeof **out);
}

void kerf__value_destroy(kerf_value *v)
{
    if (v == NULL)
        return;
    kerf_tensor_destroy(v->constant);
    free(v->name);
    free(v);
}

static void free_texts(char **texts, size_t num)
{
    for (size_t i = 0; i < num; i++)
        free(texts[i]);
    free(texts);
}

void kerf_graph_destroy(kerf_graph *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->num_nodes; i++)
        kerf__node_destroy(g->nodes[i]);
    for (size_t i = 0; i < g->num_values; i++)
        kerf__value_destroy(g->values[i]);
    free(g->nodes);
    free(g->values);
    free(g->inputs);
    free(g->outputs);
    free_texts(g->symbols, g->num_symbols);
    free_texts(g->metadata, 2 * g->num_metadata);
    kerf__names_free(&g->names);
    free(g);
}

/* ---- symbols and metadata ----------------------------------------------------------------- */

int64_t kerf_graph_symbol(kerf_graph *g, const char *name)
{
    for (size_t i = 0; i < g->num_symbols; i++)
        if (strcmp(g->symbols[i], name) == 0)
            return -1 - (int64_t)i;
    char *copy = kerf__strdup(name);
    if (copy == NULL || !kerf__grow((void **)&g->symbols, &g->symbol_capacity, g->num_symbols,
                                    sizeof *g->symbols)) {
        free(copy);
        return 0;
    }
    g->symbols[g->num_symbols++] = copy;
    return -(int64_t)g->num_symbols;
}

const char *kerf_graph_symbol_name(const kerf_graph *g, int64_t dim)
{
    return dim < 0 && -1 - dim < (int64_t)g->num_symbols ? g->symbols[-1 - dim] : NULL;
}

/* Place of the key among the pairs, or their number. */
static size_t find_metadata(const kerf_graph *g, const char *key)
{
    size_t i = 0;
    while (i < g->num_metadata && strcmp(g->metadata[2 * i], key) != 0)
        i++;
    return i;
}

const char *kerf_graph_metadata(const kerf_graph *g, const char *key)
{
    size_t i = find_metadata(g, key);
    return i < g->num_metadata ? g->metadata[2 * i + 1] : NULL;
}

static void remove_metadata(kerf_graph *g, size_t i)
{
    free(g->metadata[2 * i]);
    free(g->metadata[2 * i + 1]);
    g->num_metadata--;
    memmove(&g->metadata[2 * i], &g->metadata[2 * i + 2],
            2 * (g->num_metadata - i) * sizeof *g->metadata);
}

kerf_status kerf_graph_set_metadata(kerf_graph *g, const char *key, const char *text)
{
    size_t i = find_metadata(g, key);
    if (text == NULL) {
        if (i < g->num_metadata)
            remove_metadata(g, i);
        return KERF_OK;
    }
    char *copy = kerf__strdup(text);
    if (copy != NULL && i < g->num_metadata) {
        free(g->metadata[2 * i + 1]);
        g->metadata[2 * i + 1] = copy;
        return KERF_OK;
    }
    char *copied_key = kerf__strdup(key);
    if (copy == NULL || copied_key == NULL ||
        !kerf__grow((void **)&g->metadata, &g->metadata_capacity, i, 2 * sizeof *g->metadata)) {
        free(copy);
        free(copied_key);
        return kerf__fail_memory(key, strlen(text));
    }
    g->metadata[2 * i] = copied_key;
    g->metadata[2 * i + 1] = copy;
    g->num_metadata++;
    return KERF_OK;
}

/* ---- looking ------------------------------------------------------------------------------ */

int kerf_graph_num_inputs(const kerf_graph *g)
{
    return (int)g->num_inputs;
}

int kerf_graph_num_outputs(const kerf_graph *g)
{
    return (int)g->num_outputs;
}

int kerf_graph_num_nodes(const kerf_graph *g)
{
    return (int)g->num_nodes;
}

/* Out of range is NULL, so that a loop over a list may end on it. */
kerf_value *kerf_graph_input(const kerf_graph *g, int i)
{
    return i >= 0 && (size_t)i < g->num_inputs ? g->inputs[i] : NULL;
}

kerf_value *kerf_graph_output(const kerf_graph *g, int i)
{
    return i >= 0 && (size_t)i < g->num_outputs ? g->outputs[i] : NULL;
}

kerf_node *kerf_graph_node(const kerf_graph *g, int i)
{
    return i >= 0 && (size_t)i < g->num_nodes ? g->nodes[i] : NULL;
}

kerf_value *kerf_graph_find(const kerf_graph *g, const char *name)
{
    return kerf__names_find(&g->names, name);
}

const char *kerf_value_name(const kerf_value *v)
{
    return v->name;
}

kerf_type kerf_value_type(const kerf_value *v)
{
    return v->type;
}

kerf_shape kerf_value_shape(const kerf_value *v)
{
    return v->shape;
}

int kerf_value_state(const kerf_value *v)
{
    return v->state_id;
}

const kerf_tensor *kerf_value_constant(const kerf_value *v)
{
    return v->constant;
}

int kerf__node_is(const kerf_node *n, const char *op)
{
    return n != NULL && strcmp(n->op, op) == 0;
}

const char *kerf_node_op(const kerf_node *n)
{
    return n->op;
}

const char *kerf_node_name(const kerf_node *n)
{
    return n->name;
}

int kerf_node_num_inputs(const kerf_node *n)
{
    return n->num_inputs;
}

int kerf_node_num_outputs(const kerf_node *n)
{
    return n->num_outputs;
}

kerf_value *kerf_node_input(const kerf_node *n, int i)
{
    return i >= 0 && i < n->num_inputs ? n->inputs[i] : NULL;
}

kerf_value *kerf_node_output(const kerf_node *n, int i)
{
    return i >= 0 && i < n->num_outputs ? n->outputs[i] : NULL;
}
