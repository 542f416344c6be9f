/* io/onnx_write.c -- ONNX out.  Other half: onnx_read.c.
 *
 * A kerf.Mask is Kerf's way to say which weights count; in the file the weight itself says
 * so, with zeros, under its own name.  Only where something else reads the weight unmasked
 * are there two: the masked one then has the name of the Mask's result. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/names.h"
#include "io/io_internal.h"

typedef struct writer {
    kerf__builder build;
    const kerf_graph *graph; /* borrowed, like state */
    const kerf_state *state; /* NULL: none */
    /* By value index; in the pool. */
    char **names;
    int *num_uses;           /* by nodes that are written, and as graph output */
    const kerf_node **masks; /* the value is written as this Mask's result */
    int opset;
    kerf__names node_names; /* owned; given so far, since ONNX Runtime wants them unique */
    size_t num_renamed;
} writer;

static int is_mask(const kerf_node *n)
{
    return strcmp(n->op, "kerf.Mask") == 0;
}

static int is_stored(const kerf_value *v)
{
    return v != NULL && (v->kind == KERF__VALUE_STATE || v->kind == KERF__VALUE_CONSTANT);
}

/* ---- what is written, under which name --------------------------------------------------- */

static kerf_status check_mask(const kerf_node *n)
{
    const kerf_value *weight = kerf_node_input(n, 0), *mask = kerf_node_input(n, 1);
    if (!is_stored(weight) || !is_stored(mask))
        return kerf__fail(
            KERF_ERR_UNSUPPORTED,
            "node '%s' (kerf.Mask): masks what is computed; only masks of weights can "
            "be written to ONNX",
            n->name);
    if (mask->type != KERF_BOOL || !kerf_shape_equal(mask->shape, weight->shape) ||
        kerf_type_bits(weight->type) < 8)
        return kerf__fail(
            KERF_ERR_SHAPE,
            "node '%s' (kerf.Mask): the mask must be bool and have the weight's shape", n->name);
    return KERF_OK;
}

static kerf_status check_node(const kerf_node *n)
{
    if (is_mask(n))
        return check_mask(n);
    if (strncmp(n->op, "kerf.", 5) == 0)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "node '%s' (%s): is Kerf's own and cannot be written to ONNX", n->name,
                          n->op);
    kerf__opsets opsets;
    for (size_t i = 0; i < n->num_attributes; i++)
        if (strchr(n->op, '.') == NULL &&
            kerf__attribute_letter(n->op, n->attributes[i].key, &opsets) == 0)
            return kerf__fail(KERF_ERR_UNSUPPORTED,
                              "node '%s' (%s): attribute '%s' is not ONNX's and cannot be written",
                              n->name, n->op, n->attributes[i].key);
    return KERF_OK;
}

static void count_uses(writer *w)
{
    const kerf_graph *g = w->graph;
    for (size_t i = 0; i < g->num_nodes; i++)
        for (int k = 0; k < g->nodes[i]->num_inputs && !is_mask(g->nodes[i]); k++)
            if (g->nodes[i]->inputs[k] != NULL)
                w->num_uses[g->nodes[i]->inputs[k]->index]++;
    for (size_t i = 0; i < g->num_outputs; i++)
        w->num_uses[g->outputs[i]->index]++;
}

static int is_output(const kerf_graph *g, const kerf_value *v)
{
    for (size_t i = 0; i < g->num_outputs; i++)
        if (g->outputs[i] == v)
            return 1;
    return 0;
}

/* The Mask's result takes the weight's place and name if nothing else reads the weight. */
static void name_masked(writer *w, const kerf_node *n)
{
    const kerf_value *weight = n->inputs[0], *result = n->outputs[0];
    int alone = w->num_uses[weight->index] == 0 && w->masks[weight->index] == NULL;
    if (alone && !is_output(w->graph, result)) {
        w->masks[weight->index] = n;
        w->names[result->index] = weight->name;
        w->num_uses[weight->index] = w->num_uses[result->index];
        w->num_uses[result->index] = 0;
    } else {
        w->masks[result->index] = n;
    }
}

static kerf_status choose_names(writer *w)
{
    const kerf_graph *g = w->graph;
    w->names = kerf__build_memory(&w->build, g->num_values, sizeof *w->names);
    w->num_uses = kerf__build_memory(&w->build, g->num_values, sizeof *w->num_uses);
    w->masks = kerf__build_memory(&w->build, g->num_values, sizeof(kerf_node *));
    if (w->masks == NULL)
        return w->build.status;
    for (size_t i = 0; i < g->num_values; i++)
        w->names[i] = g->values[i]->name;
    count_uses(w);
    for (size_t i = 0; i < g->num_nodes; i++) {
        KERF__TRY(check_node(g->nodes[i]));
        if (is_mask(g->nodes[i]))
            name_masked(w, g->nodes[i]);
    }
    return KERF_OK;
}

/* ---- weights and constants ------------------------------------------------------------------- */

/* The tensor behind a stored value. */
static kerf_status tensor_of(const writer *w, const kerf_value *v, const kerf_tensor **out)
{
    *out = v->constant;
    if (v->kind == KERF__VALUE_CONSTANT)
        return KERF_OK;
    const kerf_state_entry *entry = w->state != NULL ? kerf_state_get(w->state, v->state_id) : NULL;
    if (entry == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "'%s' is state %d, which the state does not hold",
                          v->name, v->state_id);
    if (kerf_tensor_type(entry->tensor) != v->type ||
        !kerf_shape_equal(kerf_tensor_shape(entry->tensor), v->shape))
        return kerf__fail(KERF_ERR_SHAPE, "'%s' has another type or shape than its state", v->name);
    *out = entry->tensor;
    return KERF_OK;
}

/* Its bytes: where they lie if that is the host, else read into the pool. */
static kerf_status read_bytes(writer *w, const kerf_value *v, int fresh, const void **bytes,
                              size_t *num_bytes)
{
    const kerf_tensor *t;
    KERF__TRY(tensor_of(w, v, &t));
    *num_bytes = kerf_tensor_size_bytes(t);
    *bytes = kerf_tensor_data((kerf_tensor *)t); /* only read */
    if (*bytes != NULL && !fresh)
        return KERF_OK;
    void *copy = kerf__build_memory(&w->build, *num_bytes, 1);
    if (copy == NULL)
        return w->build.status;
    *bytes = copy;
    return *num_bytes > 0 ? kerf_tensor_read(t, copy) : KERF_OK;
}

static kerf_status read_masked(writer *w, const kerf_node *n, const void **bytes, size_t *num_bytes)
{
    const void *weights, *mask;
    size_t num;
    KERF__TRY(read_bytes(w, n->inputs[0], 1, &weights, num_bytes));
    KERF__TRY(read_bytes(w, n->inputs[1], 0, &mask, &num));
    size_t width = kerf_type_bits(n->inputs[0]->type) / 8;
    for (size_t i = 0; i < num; i++)
        if (((const unsigned char *)mask)[i] == 0)
            memset((char *)weights + i * width, 0, width); /* a fresh copy */
    *bytes = weights;
    return KERF_OK;
}

/* The name, with a number behind it if another node has it already.  Numbers only go up, so
 * that no file makes this search long. */
static char *unique_node_name(writer *w, char *name)
{
    char *unique = name;
    if (!kerf__names_reserve(&w->node_names))
        w->build.status = kerf__fail_memory("ONNX names", w->node_names.num);
    while (w->build.status == KERF_OK && unique != NULL) {
        if (kerf__names_find(&w->node_names, unique) == NULL) {
            kerf__names_add(&w->node_names, unique, w);
            return unique;
        }
        unique = kerf__build_format(&w->build, "%s_%zu", name, ++w->num_renamed);
    }
    return NULL;
}

/* A reader takes floats among the initializers for weights, to be trained; so these
 * constants are written as Constant nodes. */
static int is_constant_node(const writer *w, const kerf_value *v)
{
    return v->kind == KERF__VALUE_CONSTANT && w->masks[v->index] == NULL && v->shape.rank > 0 &&
           (v->type == KERF_F32 || v->type == KERF_F16);
}

static void add_constant_node(writer *w, Onnx__GraphProto *graph, const kerf_value *v,
                              Onnx__TensorProto *tensor)
{
    kerf__builder *b = &w->build;
    Onnx__NodeProto *node = kerf__build_memory(b, 1, sizeof *node);
    Onnx__AttributeProto *attribute = kerf__build_memory(b, 1, sizeof *attribute);
    Onnx__AttributeProto **attributes = kerf__build_memory(b, 1, sizeof *attributes);
    char **outputs = kerf__build_memory(b, 1, sizeof *outputs);
    if (outputs == NULL)
        return;
    onnx__node_proto__init(node);
    onnx__attribute_proto__init(attribute);
    attribute->name = (char *)"value"; /* borrowed, only read, as all texts */
    attribute->has_type = 1;
    attribute->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
    attribute->t = tensor;
    attributes[0] = attribute;
    outputs[0] = w->names[v->index];
    node->name = unique_node_name(w, w->names[v->index]);
    node->op_type = (char *)"Constant";
    node->attribute = attributes;
    node->output = outputs;
    node->n_attribute = node->n_output = 1;
    graph->node[graph->n_node++] = node;
}

static kerf_status add_stored(writer *w, Onnx__GraphProto *graph, const kerf_value *v)
{
    const kerf_node *mask = w->masks[v->index];
    const kerf_value *source = mask != NULL ? mask->inputs[0] : v;
    const void *bytes;
    size_t num_bytes;
    if (mask != NULL)
        KERF__TRY(read_masked(w, mask, &bytes, &num_bytes));
    else
        KERF__TRY(read_bytes(w, v, 0, &bytes, &num_bytes));
    Onnx__TensorProto *tensor = kerf__build_tensor(&w->build, w->names[v->index], source->type,
                                                   source->shape, bytes, num_bytes);
    if (is_constant_node(w, v))
        add_constant_node(w, graph, v, tensor);
    else
        graph->initializer[graph->n_initializer++] = tensor;
    return w->build.status;
}

/* Weights and constants; the constants among the nodes come first there. */
static kerf_status add_all_stored(writer *w, Onnx__GraphProto *graph)
{
    const kerf_graph *g = w->graph;
    graph->initializer =
        kerf__build_memory(&w->build, g->num_values + g->num_nodes, sizeof(Onnx__TensorProto *));
    graph->node =
        kerf__build_memory(&w->build, g->num_values + g->num_nodes, sizeof(Onnx__NodeProto *));
    if (graph->node == NULL)
        return w->build.status;
    for (size_t i = 0; i < g->num_values; i++)
        if (w->num_uses[i] > 0 && (is_stored(g->values[i]) || w->masks[i] != NULL))
            KERF__TRY(add_stored(w, graph, g->values[i]));
    return KERF_OK;
}

/* ---- nodes, ends, texts ---------------------------------------------------------------------- */

static kerf_status add_nodes(writer *w, Onnx__GraphProto *graph)
{
    const kerf_graph *g = w->graph;
    for (size_t i = 0; i < g->num_nodes; i++) {
        if (is_mask(g->nodes[i]))
            continue;
        Onnx__NodeProto *p = kerf__build_node(&w->build, g->nodes[i],
                                              unique_node_name(w, g->nodes[i]->name), w->names);
        graph->node[graph->n_node++] = p;
        if (w->build.status == KERF_OK)
            kerf__onnx_raise(&w->build, graph, p, w->opset);
    }
    return w->build.status;
}

static Onnx__ValueInfoProto **add_ends(writer *w, kerf_value *const *values, size_t num)
{
    Onnx__ValueInfoProto **infos = kerf__build_memory(&w->build, num, sizeof *infos);
    for (size_t i = 0; infos != NULL && i < num; i++)
        infos[i] = kerf__build_value_info(&w->build, values[i], w->names[values[i]->index]);
    return infos;
}

/* The version that a foreign domain had where it was read, else 1. */
static int64_t version_of(writer *w, const char *domain)
{
    const char *key = kerf__build_format(&w->build, KERF__KEY_OPSET "%s", domain);
    const char *text = key != NULL ? kerf_graph_metadata(w->graph, key) : NULL;
    long long version = text != NULL ? strtoll(text, NULL, 10) : 1;
    return version > 0 ? version : 1;
}

static int is_listed(const Onnx__ModelProto *model, const char *domain)
{
    for (size_t i = 0; i < model->n_opset_import; i++)
        if (strcmp(model->opset_import[i]->domain, domain) == 0)
            return 1;
    return 0;
}

static kerf_status add_opsets(writer *w, Onnx__ModelProto *model)
{
    const kerf_graph *g = w->graph;
    kerf__builder *b = &w->build;
    model->opset_import =
        kerf__build_memory(b, g->num_nodes + 1, sizeof(Onnx__OperatorSetIdProto *));
    if (model->opset_import == NULL)
        return b->status;
    model->opset_import[model->n_opset_import++] = kerf__build_opset(b, "", w->opset);
    for (size_t i = 0; b->status == KERF_OK && i < g->num_nodes; i++) {
        const char *domain = is_mask(g->nodes[i]) ? "" : kerf__build_domain(b, g->nodes[i]);
        if (b->status == KERF_OK && !is_listed(model, domain))
            model->opset_import[model->n_opset_import++] =
                kerf__build_opset(b, domain, version_of(w, domain));
    }
    return b->status;
}

static kerf_status add_metadata(writer *w, Onnx__ModelProto *model)
{
    const kerf_graph *g = w->graph;
    model->metadata_props =
        kerf__build_memory(&w->build, g->num_metadata, sizeof(Onnx__StringStringEntryProto *));
    for (size_t i = 0; model->metadata_props != NULL && i < g->num_metadata; i++) {
        const char *key = g->metadata[2 * i];
        if (strcmp(key, KERF__KEY_GRAPH) != 0 &&
            strncmp(key, KERF__KEY_OPSET, strlen(KERF__KEY_OPSET)) != 0)
            model->metadata_props[model->n_metadata_props++] =
                kerf__build_entry(&w->build, key, g->metadata[2 * i + 1]);
    }
    return w->build.status;
}

static kerf_status build(writer *w, Onnx__ModelProto **out)
{
    KERF__TRY(choose_names(w));
    Onnx__ModelProto *model = kerf__build_model(&w->build);
    if (model == NULL)
        return w->build.status;
    Onnx__GraphProto *graph = model->graph;
    w->opset = kerf__onnx_lowest_opset(w->graph);
    model->ir_version = kerf__onnx_lowest_ir(w->opset);
    const char *name = kerf_graph_metadata(w->graph, KERF__KEY_GRAPH);
    graph->name = (char *)(name != NULL ? name : "kerf"); /* borrowed, only read */
    KERF__TRY(add_all_stored(w, graph));
    KERF__TRY(add_nodes(w, graph));
    graph->input = add_ends(w, w->graph->inputs, w->graph->num_inputs);
    graph->n_input = w->graph->num_inputs;
    graph->output = add_ends(w, w->graph->outputs, w->graph->num_outputs);
    graph->n_output = w->graph->num_outputs;
    KERF__TRY(add_opsets(w, model));
    KERF__TRY(add_metadata(w, model));
    *out = model;
    return KERF_OK;
}

kerf_status kerf_onnx_serialize(const kerf_graph *g, const kerf_state *s, void **bytes,
                                size_t *num_bytes)
{
    *bytes = NULL;
    *num_bytes = 0;
    writer w = {.graph = g, .state = s};
    Onnx__ModelProto *model = NULL;
    kerf_status status = build(&w, &model);
    if (status == KERF_OK)
        status = kerf__build_pack(&w.build, model, bytes, num_bytes);
    kerf__names_free(&w.node_names);
    kerf__builder_free(&w.build);
    return status;
}

kerf_status kerf_onnx_write(const kerf_graph *g, const kerf_state *s, const char *path)
{
    void *bytes;
    size_t num_bytes;
    KERF__TRY(kerf_onnx_serialize(g, s, &bytes, &num_bytes));
    kerf_status status = kerf__file_write(path, bytes, num_bytes);
    free(bytes);
    return status;
}
