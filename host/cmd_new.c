/* cmd_new.c -- `kerf new`: a fresh network into a file, or the list of all. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "model.h"

/* "3,32,32" into input[3]. */
static int parse_input(const options *o, int64_t input[3])
{
    const char *p = o->shape;
    for (int i = 0; i < 3; i++) {
        char *end;
        input[i] = strtoll(p, &end, 10);
        if (end == p || input[i] < 1 || input[i] > 65536 || *end != (i < 2 ? ',' : '\0'))
            return fail_usage(o, "--input %s: must be three numbers above 0 like 1,28,28",
                              o->shape);
        p = end + 1;
    }
    return 0;
}

/* Weights and biases of a network as it comes, told by their shapes alone. */
static int64_t count_parameters(const kerf_state *s)
{
    int64_t num = 0;
    for (int i = 0; i < kerf_state_num_ids(s); i++) {
        const kerf_state_entry *entry = kerf_state_get(s, i);
        if (entry != NULL && entry->role == KERF_ROLE_WEIGHT)
            num += (int64_t)kerf_tensor_num_elements(entry->tensor);
    }
    return num;
}

/* Parameters, and multiply-adds for one image. */
static kerf_status net_facts(const char *name, int64_t *num_parameters, double *macs)
{
    kerf_graph *g;
    kerf_state *s;
    kerf_net_options net_options = {.shapes_only = 1};
    kerf_status status = kerf_net_create(&g, &s, name, &net_options, NULL);
    *num_parameters = status == KERF_OK ? count_parameters(s) : 0;
    *macs = 0;
    if (status == KERF_OK)
        status = kerf_graph_infer(g, 1);
    for (int i = 0; status == KERF_OK && i < kerf_graph_num_nodes(g); i++)
        *macs += kerf_node_macs(kerf_graph_node(g, i));
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return status;
}

static int list_nets(const options *o)
{
    json_t *nets = json_array();
    table *t = table_create("network|input|>classes|>parameters|>MACs|what it is");
    kerf_status status = KERF_OK;
    const kerf_net_info *net;
    for (int i = 0; status == KERF_OK && (net = kerf_net_list(i)) != NULL; i++) {
        int64_t num_parameters;
        double macs;
        char text[40];
        status = net_facts(net->name, &num_parameters, &macs);
        kerf_shape shape = KERF_SHAPE(net->input[0], net->input[1], net->input[2]);
        table_cell(t, "%s", net->name);
        table_cell(t, "%s", kerf_shape_text(shape, text, sizeof text));
        table_cell(t, "%d", net->classes);
        table_cell(t, "%s", grouped((double)num_parameters, text, sizeof text));
        table_cell(t, "%s", grouped(macs, text, sizeof text));
        table_cell(t, "%s", net->summary);
        json_array_append_new(
            nets, json_pack("{s:s,s:s,s:i,s:o,s:I,s:o}", "name", net->name, "summary", net->summary,
                            "classes", net->classes, "input", json_shape(shape), "parameters",
                            (json_int_t)num_parameters, "macs", json_number(macs)));
    }
    int code = status == KERF_OK ? EXIT_DONE : fail_kerf(o, status);
    if (code == 0 && o->json) {
        json_t *object = json_begin();
        json_object_set(object, "networks", nets);
        code = json_finish(o, object);
    } else if (code == 0) {
        table_print(t, stdout);
    }
    table_destroy(t);
    json_decref(nets);
    return code;
}

static int report_new(const options *o, const layer_list *layers)
{
    if (o->json) {
        json_t *object = json_begin();
        layers_json_totals(object, layers);
        json_object_set_new(object, "output", json_text(o->output));
        return json_finish(o, object);
    }
    if (!o->quiet)
        layers_print(layers, result_stream(o));
    return EXIT_DONE;
}

int cmd_new(const options *o)
{
    if (o->list)
        return list_nets(o);
    if (o->words.num == 0)
        return fail_usage(o, "the network's name is missing; kerf new --list names them");
    kerf_net_options net_options = {
        .classes = (int)o->num_classes, .width = o->width, .seed = (uint64_t)o->seed};
    int code = o->shape != NULL ? parse_input(o, net_options.input) : 0;
    if (code != 0 || (code = output_needed(o)) != 0)
        return code;
    kerf_graph *g;
    kerf_state *s;
    layer_list layers = {0};
    kerf_status status = kerf_net_create(&g, &s, o->words.items[0], &net_options, NULL);
    if (status == KERF_OK)
        status = layers_read(&layers, g, s);
    if (status == KERF_OK)
        status = kerf_onnx_write(g, s, o->output);
    code = status == KERF_OK ? report_new(o, &layers) : fail_kerf(o, status);
    layers_free(&layers);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return code;
}
