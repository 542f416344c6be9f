/* io/graph_serialize.c -- a graph as bytes, exactly as it is, for checkpoints.
 *
 * The messages are ONNX's, the use of them is not: this is no ONNX model.
 *   opset_import     domain "kerf", version 1: the number of this form
 *   metadata_props   "symbol" -> name, in order; then "text:KEY" -> text
 *   value_info       every value in the order of its index; doc_string tells its kind:
 *                    "input", "state 5", "constant", "result", "result next 5"
 *   initializer      the constants
 *   node             in order; Kerf's own are of domain "kerf"
 *   input, output    names only
 * Values keep their index because random numbers are drawn by it.
 * Other half: graph_parse.c. */
#include <stdlib.h>

#include "base/fail.h"
#include "io/io_internal.h"

static const char *kind_text(kerf__builder *b, const kerf_value *v)
{
    switch (v->kind) {
    case KERF__VALUE_INPUT:
        return "input";
    case KERF__VALUE_CONSTANT:
        return "constant";
    case KERF__VALUE_STATE:
        return kerf__build_format(b, "state %d", v->state_id);
    case KERF__VALUE_RESULT:
        break;
    }
    return v->next_of >= 0 ? kerf__build_format(b, "result next %d", v->next_of) : "result";
}

static void add_values(kerf__builder *b, const kerf_graph *g, Onnx__GraphProto *proto)
{
    proto->value_info = kerf__build_memory(b, g->num_values, sizeof(Onnx__ValueInfoProto *));
    proto->initializer = kerf__build_memory(b, g->num_values, sizeof(Onnx__TensorProto *));
    for (size_t i = 0; b->status == KERF_OK && i < g->num_values; i++) {
        const kerf_value *v = g->values[i];
        Onnx__ValueInfoProto *info = kerf__build_value_info(b, v, v->name);
        if (info == NULL)
            return;
        info->doc_string = (char *)kind_text(b, v); /* only read */
        proto->value_info[proto->n_value_info++] = info;
        if (v->kind == KERF__VALUE_CONSTANT)
            proto->initializer[proto->n_initializer++] =
                kerf__build_tensor(b, v->name, v->type, v->shape, kerf_tensor_data(v->constant),
                                   kerf_tensor_size_bytes(v->constant));
    }
}

static void add_nodes(kerf__builder *b, const kerf_graph *g, Onnx__GraphProto *proto)
{
    char **names = kerf__build_memory(b, g->num_values, sizeof *names);
    proto->node = kerf__build_memory(b, g->num_nodes, sizeof(Onnx__NodeProto *));
    for (size_t i = 0; proto->node != NULL && i < g->num_values; i++)
        names[i] = g->values[i]->name;
    for (size_t i = 0; proto->node != NULL && i < g->num_nodes; i++)
        proto->node[proto->n_node++] = kerf__build_node(b, g->nodes[i], g->nodes[i]->name, names);
}

static Onnx__ValueInfoProto **build_ends(kerf__builder *b, kerf_value *const *values, size_t num)
{
    Onnx__ValueInfoProto **infos = kerf__build_memory(b, num, sizeof *infos);
    for (size_t i = 0; infos != NULL && i < num; i++) {
        infos[i] = kerf__build_memory(b, 1, sizeof **infos);
        if (infos[i] == NULL)
            return NULL;
        onnx__value_info_proto__init(infos[i]);
        infos[i]->name = values[i]->name;
    }
    return infos;
}

static void add_texts(kerf__builder *b, const kerf_graph *g, Onnx__ModelProto *model)
{
    size_t num = g->num_symbols + g->num_metadata;
    model->metadata_props = kerf__build_memory(b, num, sizeof(Onnx__StringStringEntryProto *));
    for (size_t i = 0; model->metadata_props != NULL && i < g->num_symbols; i++)
        model->metadata_props[model->n_metadata_props++] =
            kerf__build_entry(b, "symbol", g->symbols[i]);
    for (size_t i = 0; model->metadata_props != NULL && i < g->num_metadata; i++)
        model->metadata_props[model->n_metadata_props++] = kerf__build_entry(
            b, kerf__build_format(b, "text:%s", g->metadata[2 * i]), g->metadata[2 * i + 1]);
}

static Onnx__ModelProto *build(kerf__builder *b, const kerf_graph *g)
{
    Onnx__ModelProto *model = kerf__build_model(b);
    Onnx__OperatorSetIdProto **sets = kerf__build_memory(b, 1, sizeof *sets);
    if (sets == NULL)
        return NULL;
    sets[0] = kerf__build_opset(b, "kerf", KERF__GRAPH_FORM);
    model->opset_import = sets;
    model->n_opset_import = 1;
    add_values(b, g, model->graph);
    add_nodes(b, g, model->graph);
    model->graph->input = build_ends(b, g->inputs, g->num_inputs);
    model->graph->n_input = g->num_inputs;
    model->graph->output = build_ends(b, g->outputs, g->num_outputs);
    model->graph->n_output = g->num_outputs;
    add_texts(b, g, model);
    return model;
}

kerf_status kerf_graph_serialize(const kerf_graph *g, void **bytes, size_t *num_bytes)
{
    kerf__builder b = {0};
    const Onnx__ModelProto *model = build(&b, g);
    kerf_status status = kerf__build_pack(&b, model, bytes, num_bytes);
    kerf__builder_free(&b);
    return status;
}
