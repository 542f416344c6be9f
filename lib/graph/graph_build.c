/* graph/graph_build.c -- adding values and nodes to a graph, and copying a whole one.
 *
 * Each function adds all or nothing: room is made first, then what cannot fail is done. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/graph_internal.h"
#include "tensor/tensor_internal.h"

static const kerf_shape UNKNOWN_SHAPE = {.rank = -1};

/* ---- values ------------------------------------------------------------------------------- */

char *kerf__graph_fresh_name(const kerf_graph *g, const char *base)
{
    size_t bytes = strlen(base) + 24;
    char *name = kerf__alloc(bytes, 1);
    if (name == NULL)
        return NULL;
    snprintf(name, bytes, "%s", base);
    for (size_t i = 1; kerf_graph_find(g, name) != NULL; i++)
        snprintf(name, bytes, "%s_%zu", base, i);
    return name;
}

/* The name to be: a copy, checked, or a fresh one. */
static kerf_status make_name(char **out, const kerf_graph *g, const char *name)
{
    *out = NULL;
    if (name != NULL && name[0] != '\0') {
        if (kerf_graph_find(g, name) != NULL)
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "graph: there is a value '%s' already, names must be unique", name);
        *out = kerf__strdup(name);
    } else {
        *out = kerf__graph_fresh_name(g, "value");
    }
    return *out != NULL ? KERF_OK : kerf__fail_memory("graph", 64);
}

kerf_status kerf__graph_add_value(kerf_graph *g, const char *name, kerf__value_kind kind,
                                  kerf_value **out)
{
    *out = NULL;
    kerf_value *v = kerf__alloc(1, sizeof *v);
    if (v == NULL || !kerf__names_reserve(&g->names) ||
        !kerf__grow((void **)&g->values, &g->value_capacity, g->num_values, sizeof *g->values)) {
        free(v);
        return kerf__fail_memory("graph", sizeof *v);
    }
    *v = (kerf_value){.kind = kind,
                      .type = KERF_F32,
                      .shape = UNKNOWN_SHAPE,
                      .index = (int)g->num_values,
                      .state_id = -1,
                      .next_of = -1,
                      .graph = g};
    kerf_status status = make_name(&v->name, g, name);
    if (status != KERF_OK) {
        kerf__value_destroy(v);
        return status;
    }
    g->values[g->num_values++] = v;
    kerf__names_add(&g->names, v->name, v);
    *out = v;
    return KERF_OK;
}

void kerf__graph_pop_value(kerf_graph *g)
{
    kerf_value *v = g->values[--g->num_values];
    kerf__names_remove(&g->names, v->name);
    kerf__value_destroy(v);
}

/* Symbols must be the graph's own; rank -1 is "not known yet". */
static kerf_status check_shape(const kerf_graph *g, const char *name, kerf_type type,
                               kerf_shape shape)
{
    int good = shape.rank >= -1 && shape.rank <= KERF_MAX_RANK && kerf_type_bits(type) != 0;
    for (int i = 0; good && i < shape.rank; i++)
        good = shape.dims[i] >= 0 || kerf_graph_symbol_name(g, shape.dims[i]) != NULL;
    if (good)
        return KERF_OK;
    return kerf__fail(KERF_ERR_SHAPE,
                      "graph: '%s' must have a known type and 0 to %d dimensions, each a number "
                      "or a symbol of this graph",
                      name != NULL ? name : "", KERF_MAX_RANK);
}

kerf_status kerf_graph_add_input(kerf_graph *g, const char *name, kerf_type type, kerf_shape shape,
                                 kerf_value **out)
{
    *out = NULL;
    KERF__TRY(check_shape(g, name, type, shape));
    if (!kerf__grow((void **)&g->inputs, &g->input_capacity, g->num_inputs, sizeof *g->inputs))
        return kerf__fail_memory("graph", g->num_inputs * sizeof *g->inputs);
    KERF__TRY(kerf__graph_add_value(g, name, KERF__VALUE_INPUT, out));
    (*out)->type = type;
    (*out)->shape = shape;
    g->inputs[g->num_inputs++] = *out;
    return KERF_OK;
}

kerf_status kerf_graph_add_state(kerf_graph *g, const char *name, int state_id, kerf_type type,
                                 kerf_shape shape, kerf_value **out)
{
    *out = NULL;
    KERF__TRY(check_shape(g, name, type, shape));
    if (state_id < 0)
        return kerf__fail(KERF_ERR_ARGUMENT, "graph: '%s' has state %d, must be 0 or more",
                          name != NULL ? name : "", state_id);
    KERF__TRY(kerf__graph_add_value(g, name, KERF__VALUE_STATE, out));
    (*out)->type = type;
    (*out)->shape = shape;
    (*out)->state_id = state_id;
    return KERF_OK;
}

kerf_status kerf_graph_add_constant(kerf_graph *g, const char *name, kerf_tensor *t,
                                    kerf_value **out)
{
    *out = NULL;
    kerf_status status = KERF_OK;
    if (t == NULL || t->dev != NULL)
        status = kerf__fail(KERF_ERR_ARGUMENT, "graph: constant '%s' must lie in host memory",
                            name != NULL ? name : "");
    if (status == KERF_OK)
        status = kerf__graph_add_value(g, name, KERF__VALUE_CONSTANT, out);
    if (status != KERF_OK) {
        kerf_tensor_destroy(t);
        return status;
    }
    (*out)->type = t->type;
    (*out)->shape = t->shape;
    (*out)->constant = t;
    return KERF_OK;
}

kerf_status kerf_graph_add_output(kerf_graph *g, kerf_value *value)
{
    if (value == NULL || value->graph != g)
        return kerf__fail(KERF_ERR_ARGUMENT, "graph: an output must be a value of this graph");
    if (!kerf__grow((void **)&g->outputs, &g->output_capacity, g->num_outputs, sizeof *g->outputs))
        return kerf__fail_memory("graph", g->num_outputs * sizeof *g->outputs);
    g->outputs[g->num_outputs++] = value;
    return KERF_OK;
}

kerf_status kerf_value_rename(kerf_graph *g, kerf_value *value, const char *name)
{
    if (name == NULL || name[0] == '\0')
        return kerf__fail(KERF_ERR_ARGUMENT, "graph: the new name of '%s' is empty", value->name);
    if (strcmp(value->name, name) == 0)
        return KERF_OK;
    char *copy;
    KERF__TRY(make_name(&copy, g, name));
    kerf__names_remove(&g->names, value->name); /* makes the room that the add needs */
    free(value->name);
    value->name = copy;
    kerf__names_add(&g->names, copy, value);
    return KERF_OK;
}

/* ---- nodes -------------------------------------------------------------------------------- */

static kerf_status check_inputs(const kerf_graph *g, const char *name, kerf_value *const *inputs,
                                int num_inputs)
{
    for (int i = 0; i < num_inputs; i++)
        if (inputs[i] != NULL && inputs[i]->graph != g)
            return kerf__fail(KERF_ERR_ARGUMENT, "graph: input %d of '%s' is of another graph", i,
                              name);
    return KERF_OK;
}

/* The node alone, not yet in the graph, with room for its outputs. */
static kerf_status create_node(kerf_node **out, kerf_graph *g, const char *op, const char *name,
                               kerf_value *const *inputs, int num_inputs, int num_outputs)
{
    *out = NULL;
    kerf_node *n = kerf__alloc(1, sizeof *n);
    if (n == NULL)
        return kerf__fail_memory("graph", sizeof *n);
    n->graph = g;
    n->op = kerf__strdup(op);
    n->name = name != NULL && name[0] != '\0' ? kerf__strdup(name) : kerf__graph_fresh_name(g, op);
    n->inputs = kerf__alloc((size_t)num_inputs, sizeof *n->inputs);
    n->outputs = kerf__alloc((size_t)num_outputs, sizeof *n->outputs);
    if (n->op == NULL || n->name == NULL || n->inputs == NULL || n->outputs == NULL) {
        kerf__node_destroy(n);
        return kerf__fail_memory("graph", sizeof *n);
    }
    if (num_inputs > 0)
        memcpy(n->inputs, inputs, (size_t)num_inputs * sizeof *n->inputs);
    n->num_inputs = num_inputs;
    *out = n;
    return KERF_OK;
}

/* Output i of a node: "NAME", "NAME:1", "NAME:2". */
static kerf_status add_output_value(kerf_graph *g, kerf_node *n, int i)
{
    size_t bytes = strlen(n->name) + 16;
    char *name = kerf__alloc(bytes, 1);
    if (name == NULL)
        return kerf__fail_memory("graph", bytes);
    snprintf(name, bytes, i == 0 ? "%s" : "%s:%d", n->name, i);
    kerf_status status = kerf__graph_add_value(g, name, KERF__VALUE_RESULT, &n->outputs[i]);
    free(name);
    if (status != KERF_OK)
        return status;
    n->outputs[i]->producer = n;
    n->num_outputs = i + 1;
    return KERF_OK;
}

kerf_status kerf_graph_add_node(kerf_graph *g, const char *op, const char *name,
                                kerf_value *const *inputs, int num_inputs, int num_outputs,
                                kerf_node **out)
{
    *out = NULL;
    if (op == NULL || op[0] == '\0' || num_inputs < 0 || num_outputs < 0)
        return kerf__fail(KERF_ERR_ARGUMENT, "graph: a node must have an operation's name");
    KERF__TRY(check_inputs(g, name != NULL ? name : op, inputs, num_inputs));
    if (!kerf__grow((void **)&g->nodes, &g->node_capacity, g->num_nodes, sizeof *g->nodes))
        return kerf__fail_memory("graph", g->num_nodes * sizeof *g->nodes);
    kerf_node *n;
    KERF__TRY(create_node(&n, g, op, name, inputs, num_inputs, num_outputs));
    for (int i = 0; i < num_outputs; i++) {
        kerf_status status = add_output_value(g, n, i);
        if (status == KERF_OK)
            continue;
        while (i-- > 0)
            kerf__graph_pop_value(g);
        kerf__node_destroy(n);
        return status;
    }
    n->index = (int)g->num_nodes;
    g->nodes[g->num_nodes++] = n;
    *out = n;
    return KERF_OK;
}

static kerf_status reserve_output(kerf_node *n)
{
    size_t num = (size_t)n->num_outputs + 1;
    kerf_value **larger = kerf__realloc(n->outputs, num, sizeof *n->outputs);
    if (larger == NULL)
        return kerf__fail_memory("graph", num * sizeof *larger);
    n->outputs = larger;
    return KERF_OK;
}

kerf_status kerf__node_adopt_output(kerf_node *n, kerf_value *v)
{
    assert(v->kind == KERF__VALUE_RESULT && v->producer == NULL && v->graph == n->graph);
    KERF__TRY(reserve_output(n));
    v->producer = n;
    n->outputs[n->num_outputs++] = v;
    return KERF_OK;
}

kerf_status kerf__graph_list_input(kerf_graph *g, kerf_value *v)
{
    assert(v->kind == KERF__VALUE_INPUT && v->graph == g);
    if (!kerf__grow((void **)&g->inputs, &g->input_capacity, g->num_inputs, sizeof *g->inputs))
        return kerf__fail_memory("graph", g->num_inputs * sizeof *g->inputs);
    g->inputs[g->num_inputs++] = v;
    return KERF_OK;
}

kerf_status kerf__graph_add_output_value(kerf_graph *g, kerf_node *n, const char *name,
                                         kerf_value **out)
{
    *out = NULL;
    KERF__TRY(reserve_output(n));
    KERF__TRY(kerf__graph_add_value(g, name, KERF__VALUE_RESULT, out));
    (*out)->producer = n;
    n->outputs[n->num_outputs++] = *out;
    return KERF_OK;
}

/* ---- copying ------------------------------------------------------------------------------ */

static kerf_status copy_constant(kerf_tensor **out, const kerf_tensor *src)
{
    KERF__TRY(kerf_tensor_create(out, NULL, src->type, src->shape));
    return kerf_tensor_copy(src, *out);
}

static kerf_status copy_value(kerf_graph *g, const kerf_value *src)
{
    kerf_value *v;
    KERF__TRY(kerf__graph_add_value(g, src->name, src->kind, &v));
    v->type = src->type;
    v->shape = src->shape;
    v->state_id = src->state_id;
    v->next_of = src->next_of;
    return src->constant != NULL ? copy_constant(&v->constant, src->constant) : KERF_OK;
}

/* Values are there already, at the same places; the node takes its own of them. */
static kerf_status copy_node(kerf_graph *g, const kerf_node *src)
{
    if (!kerf__grow((void **)&g->nodes, &g->node_capacity, g->num_nodes, sizeof *g->nodes))
        return kerf__fail_memory("graph", g->num_nodes * sizeof *g->nodes);
    kerf_node *n;
    KERF__TRY(
        create_node(&n, g, src->op, src->name, src->inputs, src->num_inputs, src->num_outputs));
    n->index = (int)g->num_nodes;
    g->nodes[g->num_nodes++] = n;
    n->num_outputs = src->num_outputs;
    for (int i = 0; i < src->num_inputs; i++)
        if (src->inputs[i] != NULL)
            n->inputs[i] = g->values[src->inputs[i]->index];
    for (int i = 0; i < src->num_outputs; i++) {
        n->outputs[i] = g->values[src->outputs[i]->index];
        n->outputs[i]->producer = n;
    }
    return kerf__node_copy_attributes(n, src);
}

static kerf_status copy_ends(kerf_graph *g, const kerf_graph *src)
{
    for (size_t i = 0; i < src->num_inputs; i++) {
        if (!kerf__grow((void **)&g->inputs, &g->input_capacity, i, sizeof *g->inputs))
            return kerf__fail_memory("graph", i * sizeof *g->inputs);
        g->inputs[g->num_inputs++] = g->values[src->inputs[i]->index];
    }
    for (size_t i = 0; i < src->num_outputs; i++)
        KERF__TRY(kerf_graph_add_output(g, g->values[src->outputs[i]->index]));
    return KERF_OK;
}

static kerf_status copy_content(kerf_graph *g, const kerf_graph *src)
{
    for (size_t i = 0; i < src->num_symbols; i++)
        if (kerf_graph_symbol(g, src->symbols[i]) == 0)
            return kerf__fail_memory("graph", strlen(src->symbols[i]));
    for (size_t i = 0; i < src->num_metadata; i++)
        KERF__TRY(kerf_graph_set_metadata(g, src->metadata[2 * i], src->metadata[2 * i + 1]));
    for (size_t i = 0; i < src->num_values; i++)
        KERF__TRY(copy_value(g, src->values[i]));
    for (size_t i = 0; i < src->num_nodes; i++)
        KERF__TRY(copy_node(g, src->nodes[i]));
    return copy_ends(g, src);
}

kerf_status kerf_graph_copy(kerf_graph **out, const kerf_graph *src)
{
    KERF__TRY(kerf_graph_create(out));
    kerf_status status = copy_content(*out, src);
    if (status != KERF_OK) {
        kerf_graph_destroy(*out);
        *out = NULL;
    }
    return status;
}
