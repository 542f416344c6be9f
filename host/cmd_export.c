/* cmd_export.c -- `kerf export`: a quantized file for the program that is to run it, and what that
 * program will make of each node.  No device is touched. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "model.h"

/* Behind those of kerf_profile, in the order of --profile's choices. */
enum { TFLITE = KERF_NUM_PROFILES };

typedef struct exported {
    kerf_export_change *changes; /* owned, as nodes */
    kerf_export_node *nodes;
    size_t num_changes, num_nodes, num_fused;
} exported;

static int check_profile(const options *o)
{
    if (!options_given(o, "profile"))
        return fail_usage(o, "--profile is missing: must be ort, ort-mobile, trt or openvino");
    if (o->profile == TFLITE)
        return fail_usage(o, "--profile tflite: TensorFlow Lite reads no ONNX; on a phone, "
                             "ort-mobile is what runs the file");
    return output_needed(o);
}

static void print(const options *o, const exported *x)
{
    FILE *out = result_stream(o);
    for (size_t i = 0; i < x->num_changes; i++)
        fprintf(out, "%s: %s\n", x->changes[i].name, x->changes[i].what);
    table *t = table_create("node|operator|becomes|why");
    for (size_t i = 0; i < x->num_nodes; i++) {
        table_cell(t, "%s", x->nodes[i].name);
        table_cell(t, "%s", x->nodes[i].op);
        table_cell(t, "%s", x->nodes[i].becomes);
        table_cell(t, "%s", x->nodes[i].why);
    }
    table_print(t, out);
    table_destroy(t);
    fprintf(out, "%s: %zu of %zu nodes with integers run as such\n", o->output, x->num_fused,
            x->num_nodes);
}

static json_t *to_json(const options *o, const exported *x)
{
    static const char *const NAMES[] = {[KERF_PROFILE_ORT] = "ort",
                                        [KERF_PROFILE_ORT_MOBILE] = "ort-mobile",
                                        [KERF_PROFILE_TRT] = "trt",
                                        [KERF_PROFILE_OPENVINO] = "openvino"};
    json_t *object = json_begin(), *nodes = json_array(), *changes = json_array();
    for (size_t i = 0; i < x->num_changes; i++)
        json_array_append_new(changes, json_pack("{s:o,s:s}", "name", json_text(x->changes[i].name),
                                                 "what", x->changes[i].what));
    for (size_t i = 0; i < x->num_nodes; i++) {
        const kerf_export_node *n = &x->nodes[i];
        json_array_append_new(nodes, json_pack("{s:o,s:o,s:b,s:s,s:s}", "name", json_text(n->name),
                                               "op", json_text(n->op), "fuses", n->fuses, "becomes",
                                               n->becomes, "why", n->why));
    }
    json_object_set_new(object, "profile", json_string(NAMES[o->profile]));
    json_object_set_new(object, "fused", json_integer((json_int_t)x->num_fused));
    json_object_set_new(object, "changes", changes);
    json_object_set_new(object, "nodes", nodes);
    json_object_set_new(object, "output", json_text(o->output));
    return object;
}

static int rewrite(const options *o, const model *m, exported *x)
{
    const kerf_profile profile = (kerf_profile)o->profile;
    kerf_status status = kerf_export(m->g, profile, &x->changes, &x->num_changes);
    if (status == KERF_OK)
        status = kerf_export_predict(&x->nodes, &x->num_nodes, m->g, profile);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    if (x->num_nodes == 0)
        return fail_work(o, "%s: has no integers; kerf quantize makes them", m->path);
    for (size_t i = 0; i < x->num_nodes; i++)
        x->num_fused += x->nodes[i].fuses != 0;
    return 0;
}

static int run(const options *o, const model *m, exported *x)
{
    int code = rewrite(o, m, x);
    if (code == 0)
        code = model_write(o, m->g, m->s, o->output);
    if (code != 0)
        return code;
    if (o->json)
        return json_finish(o, to_json(o, x));
    print(o, x);
    return EXIT_DONE;
}

int cmd_export(const options *o)
{
    model m;
    exported x = {0};
    int code = check_profile(o);
    if (code != 0)
        return code;
    code = model_read(o, &m, o->words.items[0], NULL);
    if (code == 0)
        code = run(o, &m, &x);
    free(x.changes);
    free(x.nodes);
    model_free(&m);
    return code;
}
