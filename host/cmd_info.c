/* cmd_info.c -- `kerf info`: what is in a model file; no device is touched. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bundle_report.h"
#include "command.h"
#include "gate_report.h"
#include "json.h"
#include "model.h"

/* PyTorch names weights so that it has multiplied with a batch norm. */
static int num_folded(const model *m)
{
    static const char mark[] = "onnx::Conv_";
    int num = 0;
    for (int i = 0; i < kerf_graph_num_nodes(m->g); i++) {
        const kerf_node *n = kerf_graph_node(m->g, i);
        const kerf_value *weights = kerf_node_num_inputs(n) > 2 ? kerf_node_input(n, 1) : NULL;
        num += strcmp(kerf_node_op(n), "Conv") == 0 && weights != NULL &&
               strncmp(kerf_value_name(weights), mark, sizeof mark - 1) == 0;
    }
    return num;
}

static void warn_folded(json_t *list, const model *m)
{
    const int num = num_folded(m);
    if (num > 0)
        json_array_append_new(
            list, json_sprintf("batch norm is folded into %d convolution%s: they train without it, "
                               "slower and to less; docs/pytorch.md has the line that keeps it",
                               num, num > 1 ? "s" : ""));
}

static int num_kept_zeros(const layer_list *layers)
{
    int num = 0;
    for (size_t i = 0; i < layers->num; i++) {
        const layer *l = &layers->items[i];
        num +=
            l->bits == 32 && (double)(l->weights - l->nonzeros) > KEPT_ZEROS * (double)l->weights;
    }
    return num;
}

static void warn_empty(json_t *list, const layer_list *layers)
{
    for (size_t i = 0; i < layers->num; i++)
        if (layers->items[i].weights > 0 && layers->items[i].nonzeros == 0)
            json_array_append_new(list, json_sprintf("%s: no weight is left; the layer gives its "
                                                     "biases alone",
                                                     layers->items[i].name));
}

/* What will be in the way later, a line each. */
static json_t *find_warnings(const model *m, const layer_list *layers)
{
    json_t *list = json_array();
    for (int i = 0; i < kerf_graph_num_inputs(m->g); i++) {
        const kerf_value *v = kerf_graph_input(m->g, i);
        kerf_shape shape = kerf_value_shape(v);
        if (shape.rank > 0 && shape.dims[0] >= 0)
            json_array_append_new(
                list,
                json_sprintf("input %s: the batch is fixed to %lld; train, prune and eval free "
                             "it, and write a file whose batch is open",
                             kerf_value_name(v), (long long)shape.dims[0]));
    }
    warn_folded(list, m);
    if (layers->why_no_macs[0] != '\0')
        json_array_append_new(list, json_sprintf("not supported: %s", layers->why_no_macs));
    warn_empty(list, layers);
    if (layers->num == 0)
        json_array_append_new(list, json_text("no layer with weights: nothing to prune"));
    return list;
}

/* Weights that are NaN or endless spoil all that is done with them. */
static void warn_strange_weights(json_t *list, const model *m)
{
    for (int id = 0; id < kerf_state_num_ids(m->s); id++) {
        const kerf_state_entry *entry = kerf_state_get(m->s, id);
        if (entry == NULL || kerf_tensor_type(entry->tensor) != KERF_F32)
            continue;
        size_t num = (size_t)kerf_shape_num_elements(entry->shape), num_strange = 0;
        float *data = malloc(num * sizeof *data + 1);
        if (data != NULL && kerf_state_read(m->s, id, data) == KERF_OK)
            for (size_t i = 0; i < num; i++)
                num_strange += isfinite(data[i]) ? 0 : 1;
        free(data);
        if (num_strange > 0)
            json_array_append_new(list, json_sprintf("%s: %zu of %zu numbers are NaN or infinite",
                                                     entry->name, num_strange, num));
    }
}

static json_t *inputs_json(const model *m)
{
    json_t *list = json_array();
    for (int i = 0; i < kerf_graph_num_inputs(m->g); i++) {
        const kerf_value *v = kerf_graph_input(m->g, i);
        json_t *object = json_object();
        json_object_set_new(object, "name", json_text(kerf_value_name(v)));
        json_object_set_new(object, "type", json_text(kerf_type_name(kerf_value_type(v))));
        json_object_set_new(object, "shape", json_shape(kerf_value_shape(v)));
        json_array_append_new(list, object);
    }
    return list;
}

static int print_json(const options *o, const model *m, const layer_list *layers, json_t *warnings,
                      json_t *devices)
{
    const char *prep = kerf_graph_metadata(m->g, "kerf.prep");
    json_t *object = json_begin();
    json_object_set_new(object, "file", json_text(m->path));
    layers_json_totals(object, layers);
    json_object_set_new(object, "bytes",
                        m->file_bytes > 0 ? json_integer(m->file_bytes) : json_null());
    json_object_set_new(object, "inputs", inputs_json(m));
    json_object_set_new(object, "prep", prep != NULL ? json_text(prep) : json_null());
    json_object_set_new(object, "kept_zeros", json_integer(num_kept_zeros(layers)));
    json_object_set(object, "warnings", warnings);
    json_object_set(object, "devices", devices);
    json_object_set_new(object, "layers", layers_json(layers));
    if (kerf_boost_num(m->g) > 0)
        json_object_set_new(object, "gates", gates_json(m->g));
    return json_finish(o, object);
}

/* "(N, 1, 28, 28)": symbols by their names. */
static const char *shape_text(const kerf_graph *g, kerf_shape shape, char *text, size_t text_bytes)
{
    size_t used = (size_t)snprintf(text, text_bytes, "(");
    for (int i = 0; i < shape.rank && used < text_bytes; i++) {
        const char *comma = i > 0 ? ", " : "";
        const char *symbol = shape.dims[i] < 0 ? kerf_graph_symbol_name(g, shape.dims[i]) : NULL;
        if (shape.dims[i] < 0)
            used += (size_t)snprintf(text + used, text_bytes - used, "%s%s", comma,
                                     symbol != NULL ? symbol : "?");
        else
            used += (size_t)snprintf(text + used, text_bytes - used, "%s%lld", comma,
                                     (long long)shape.dims[i]);
    }
    if (used < text_bytes)
        snprintf(text + used, text_bytes - used, ")");
    return text;
}

static void print_values(const model *m)
{
    table *t = table_create("|name|type|shape");
    char text[128];
    int num_inputs = kerf_graph_num_inputs(m->g);
    for (int i = 0; i < num_inputs + kerf_graph_num_outputs(m->g); i++) {
        const kerf_value *v =
            i < num_inputs ? kerf_graph_input(m->g, i) : kerf_graph_output(m->g, i - num_inputs);
        table_cell(t, "%s", i < num_inputs ? "input" : "output");
        table_cell(t, "%s", kerf_value_name(v));
        table_cell(t, "%s", kerf_type_name(kerf_value_type(v)));
        table_cell(t, "%s", shape_text(m->g, kerf_value_shape(v), text, sizeof text));
    }
    table_print(t, stdout);
    table_destroy(t);
}

static int print_text(const model *m, const layer_list *layers, const json_t *warnings,
                      const table *devices)
{
    char text[40];
    const char *prep = kerf_graph_metadata(m->g, "kerf.prep");
    printf("%s: %d nodes, read as opset 17", m->path, kerf_graph_num_nodes(m->g));
    if (m->file_bytes > 0)
        printf(", %s", bytes_text((double)m->file_bytes, text, sizeof text));
    printf("%s%s\n\n", prep != NULL ? ", prepared by " : "", prep != NULL ? prep : "");
    print_values(m);
    fputc('\n', stdout);
    layers_print(layers, stdout);
    if (layers->nonzeros > 0)
        printf("\ncompression %.2fx: %s weights", layers_compression(layers),
               grouped((double)layers->weights, text, sizeof text));
    if (layers->nonzeros > 0)
        printf(" / %s non-zeros\n", grouped((double)layers->nonzeros, text, sizeof text));
    if (num_kept_zeros(layers) > 0)
        printf("zeros of %d layer%s are kept by what trains (--no-keep-zeros lets them grow)\n",
               num_kept_zeros(layers), num_kept_zeros(layers) > 1 ? "s" : "");
    if (kerf_boost_num(m->g) > 0) {
        fputc('\n', stdout);
        gates_print(m->g, stdout);
    }
    if (devices != NULL) {
        fputc('\n', stdout);
        table_print(devices, stdout);
    }
    for (size_t i = 0; i < json_array_size(warnings); i++)
        printf("warning: %s\n", json_string_value(json_array_get(warnings, i)));
    return EXIT_DONE;
}

static int show(const options *o, const model *m, const layer_list *layers)
{
    table *devices;
    json_t *list, *warnings = find_warnings(m, layers);
    warn_strange_weights(warnings, m);
    int code = bundle_tell(o, m->path, &devices, &list);
    if (code == 0)
        code = o->json ? print_json(o, m, layers, warnings, list)
                       : print_text(m, layers, warnings, devices);
    json_decref(warnings);
    json_decref(list);
    table_destroy(devices);
    return code;
}

int cmd_info(const options *o)
{
    model m;
    layer_list layers = {0};
    int code = model_read(o, &m, o->words.items[0], NULL);
    kerf_status status = code == 0 ? layers_read(&layers, m.g, m.s) : KERF_OK;
    if (status != KERF_OK)
        code = fail_kerf(o, status);
    if (code == 0)
        code = show(o, &m, &layers);
    layers_free(&layers);
    model_free(&m);
    return code;
}
