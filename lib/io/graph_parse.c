/* io/graph_parse.c -- the way back from graph_serialize.c, which tells the form.
 *
 * A checkpoint has a checksum, but these bytes are believed no more than those of any file:
 * what is built must pass kerf_graph_verify(). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/io_internal.h"

/* As in ONNX files; see onnx_values.c and onnx_nodes.c. */
enum { MAX_ENDS = 4096, MAX_NODE_INPUTS = 65536, MAX_NODE_OUTPUTS = 256, MAX_TEXTS = 8192 };

static kerf_status damaged(const char *what, const char *name)
{
    return kerf__fail(KERF_ERR_FORMAT, "saved graph: %s '%s' is damaged", what, name);
}

static kerf_status read_texts(kerf_graph *g, const Onnx__ModelProto *model)
{
    if (model->n_metadata_props > MAX_TEXTS)
        return damaged("list of", "texts");
    for (size_t i = 0; i < model->n_metadata_props; i++) {
        const char *key = kerf__text(model->metadata_props[i]->key);
        const char *text = kerf__text(model->metadata_props[i]->value);
        if (strncmp(key, "text:", 5) == 0) {
            KERF__TRY(kerf_graph_set_metadata(g, key + 5, text));
        } else if (strcmp(key, "symbol") == 0) {
            int64_t wanted = -1 - (int64_t)g->num_symbols, got = kerf_graph_symbol(g, text);
            if (got == 0)
                return kerf__fail_memory("saved graph", strlen(text));
            if (got != wanted)
                return damaged("symbol", text);
        } else {
            return damaged("text", key);
        }
    }
    return KERF_OK;
}

/* ---- values ------------------------------------------------------------------------------ */

/* "state 5" with prefix "state " gives 5, all else -1. */
static int read_id(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    char *end;
    if (strncmp(text, prefix, length) != 0 || text[length] < '0' || text[length] > '9')
        return -1;
    long id = strtol(text + length, &end, 10);
    return *end == '\0' && id <= INT32_MAX ? (int)id : -1;
}

static int read_kind(kerf_value *v, const char *text)
{
    static const struct {
        const char *text;
        kerf__value_kind kind;
    } kinds[] = {
        {"input", KERF__VALUE_INPUT},
        {"constant", KERF__VALUE_CONSTANT},
        {"result", KERF__VALUE_RESULT},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].text, text) == 0) {
            v->kind = kinds[i].kind;
            return 1;
        }
    v->state_id = read_id(text, "state ");
    v->next_of = read_id(text, "result next ");
    v->kind = v->state_id >= 0 ? KERF__VALUE_STATE : KERF__VALUE_RESULT;
    return v->state_id >= 0 || v->next_of >= 0;
}

static kerf_status read_value(kerf_graph *g, const Onnx__ValueInfoProto *info)
{
    const char *name = kerf__text(info->name);
    kerf_value *v;
    if (name[0] == '\0' || kerf_graph_find(g, name) != NULL)
        return damaged("value", name);
    KERF__TRY(kerf__graph_add_value(g, name, KERF__VALUE_RESULT, &v));
    if (!read_kind(v, kerf__text(info->doc_string)))
        return damaged("value", name);
    return kerf__value_type_read(&v->type, &v->shape, g, info, 0, name);
}

static kerf_status read_constant(kerf_graph *g, const Onnx__TensorProto *t)
{
    const char *name = kerf__text(t->name);
    kerf_value *v = kerf_graph_find(g, name);
    if (v == NULL || v->kind != KERF__VALUE_CONSTANT || v->constant != NULL)
        return damaged("constant", name);
    kerf__array array;
    KERF__TRY(kerf__array_read(&array, t, NULL, name));
    kerf_status status = kerf__array_to_tensor(&v->constant, &array);
    kerf__array_free(&array);
    return status;
}

static kerf_status read_values(kerf_graph *g, const Onnx__GraphProto *proto)
{
    size_t num_symbols = g->num_symbols;
    for (size_t i = 0; i < proto->n_value_info; i++)
        KERF__TRY(read_value(g, proto->value_info[i]));
    for (size_t i = 0; i < proto->n_initializer; i++)
        KERF__TRY(read_constant(g, proto->initializer[i]));
    return g->num_symbols == num_symbols ? KERF_OK : damaged("list of", "symbols");
}

/* ---- nodes ------------------------------------------------------------------------------- */

static kerf_status find_inputs(kerf_value **inputs, kerf_graph *g, const Onnx__NodeProto *p)
{
    for (size_t i = 0; i < p->n_input; i++) {
        if (p->input[i][0] == '\0')
            continue;
        inputs[i] = kerf_graph_find(g, p->input[i]);
        if (inputs[i] == NULL)
            return damaged("input", p->input[i]);
    }
    return KERF_OK;
}

static kerf_status create_node(kerf_node **out, kerf_graph *g, const Onnx__NodeProto *p)
{
    const char *domain = kerf__text(p->domain), *op = kerf__text(p->op_type);
    size_t op_bytes = strlen(domain) + strlen(op) + 2;
    char *full = kerf__alloc(op_bytes, 1);
    kerf_value **inputs = kerf__alloc(p->n_input, sizeof *inputs);
    kerf_status status = full != NULL && inputs != NULL ? find_inputs(inputs, g, p)
                                                        : kerf__fail_memory("node", op_bytes);
    if (status == KERF_OK) {
        snprintf(full, op_bytes, "%s%s%s", domain, domain[0] != '\0' ? "." : "", op);
        status = kerf_graph_add_node(g, full, kerf__text(p->name), inputs, (int)p->n_input, 0, out);
    }
    free(full);
    free(inputs);
    return status;
}

static kerf_status read_node(kerf_graph *g, const Onnx__NodeProto *p)
{
    const char *name = kerf__text(p->name);
    if (name[0] == '\0' || kerf__text(p->op_type)[0] == '\0' || p->n_input > MAX_NODE_INPUTS ||
        p->n_output > MAX_NODE_OUTPUTS)
        return damaged("node", name);
    kerf_node *n;
    KERF__TRY(kerf__attributes_check(p, 0));
    KERF__TRY(create_node(&n, g, p));
    for (size_t i = 0; i < p->n_output; i++) {
        kerf_value *v = kerf_graph_find(g, p->output[i]);
        if (v == NULL || v->kind != KERF__VALUE_RESULT || v->producer != NULL)
            return damaged("node", name);
        KERF__TRY(kerf__node_adopt_output(n, v));
    }
    return kerf__attributes_read(n, p, NULL);
}

static kerf_status read_ends(kerf_graph *g, const Onnx__GraphProto *proto)
{
    if (proto->n_input > MAX_ENDS || proto->n_output > MAX_ENDS)
        return damaged("list of", "inputs and outputs");
    for (size_t i = 0; i < proto->n_input; i++) {
        const char *name = kerf__text(proto->input[i]->name);
        kerf_value *v = kerf_graph_find(g, name);
        if (v == NULL || v->kind != KERF__VALUE_INPUT)
            return damaged("input", name);
        KERF__TRY(kerf__graph_list_input(g, v));
    }
    for (size_t i = 0; i < proto->n_output; i++) {
        const char *name = kerf__text(proto->output[i]->name);
        kerf_value *v = kerf_graph_find(g, name);
        if (v == NULL)
            return damaged("output", name);
        KERF__TRY(kerf_graph_add_output(g, v));
    }
    return KERF_OK;
}

/* ---- all of it --------------------------------------------------------------------------- */

static kerf_status read_graph(kerf_graph *g, const Onnx__ModelProto *model)
{
    if (model->n_opset_import != 1 || model->graph == NULL ||
        strcmp(kerf__text(model->opset_import[0]->domain), "kerf") != 0)
        return kerf__fail(KERF_ERR_FORMAT, "not a graph that Kerf saved");
    if (model->opset_import[0]->version != KERF__GRAPH_FORM)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "saved graph: form %lld, this version reads %d",
                          (long long)model->opset_import[0]->version, KERF__GRAPH_FORM);
    KERF__TRY(read_texts(g, model));
    KERF__TRY(read_values(g, model->graph));
    for (size_t i = 0; i < model->graph->n_node; i++)
        KERF__TRY(read_node(g, model->graph->node[i]));
    KERF__TRY(read_ends(g, model->graph));
    return kerf_graph_verify(g);
}

kerf_status kerf_graph_parse(kerf_graph **g, const void *bytes, size_t num_bytes)
{
    *g = NULL;
    Onnx__ModelProto *model;
    KERF__TRY(kerf__proto_unpack(&model, bytes, num_bytes));
    kerf_graph *graph;
    kerf_status status = kerf_graph_create(&graph);
    if (status == KERF_OK)
        status = read_graph(graph, model);
    kerf__proto_free(model);
    if (status != KERF_OK) {
        kerf_graph_destroy(graph);
        return status;
    }
    *g = graph;
    return KERF_OK;
}
