/* io/packed_write.c -- a model as a packed file; see kerf/packed.h and docs/format.md.  Other half:
 * packed_read.c.
 *
 * The graph is the ONNX model without its tensors' data, which are taken out of its initializers
 * and lie behind it, each coded by weights_coder.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "io/graph_coder.h"
#include "io/io_internal.h"
#include "io/packed_internal.h"
#include "io/weights_coder.h"

typedef struct packing {
    kerf__builder build;
    kerf__bytes sizes, tensors;
    kerf_packed_tensor *told; /* owned */
    size_t num, capacity;
} packing;

const char *kerf_packed_form_name(kerf_packed_form form)
{
    static const char *const NAMES[] = {"dense", "sparse", "table", "sparse table"};
    return (unsigned)form < KERF_NUM_PACKED_FORMS ? NAMES[form] : "?";
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* The tensor's data is now part `num` of the file. */
static kerf_status point_to_part(packing *p, Onnx__TensorProto *t)
{
    Onnx__StringStringEntryProto **entries =
        kerf__build_memory(&p->build, 2, sizeof(Onnx__StringStringEntryProto *));
    if (entries == NULL)
        return p->build.status;
    entries[0] = kerf__build_entry(&p->build, "location", KERF__PACKED_LOCATION);
    entries[1] =
        kerf__build_entry(&p->build, "offset", kerf__build_format(&p->build, "%zu", p->num));
    t->has_raw_data = 0;
    t->has_data_location = 1;
    t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    t->external_data = entries;
    t->n_external_data = 2;
    return p->build.status;
}

static kerf_status tell(packing *p, const Onnx__TensorProto *t, const kerf__array *a,
                        kerf_packed_form form, size_t num_bytes)
{
    if (!kerf__grow((void **)&p->told, &p->capacity, p->num, sizeof *p->told))
        return kerf__fail_memory("packed file", p->num * sizeof *p->told);
    kerf_packed_tensor *told = &p->told[p->num];
    *told = (kerf_packed_tensor){
        .form = form, .bytes = (double)a->num_bytes, .packed_bytes = (double)num_bytes};
    snprintf(told->name, sizeof told->name, "%s", kerf__text(t->name));
    return KERF_OK;
}

static kerf_status add_tensor(packing *p, Onnx__TensorProto *t)
{
    kerf__array a;
    kerf_packed_form form;
    const size_t before = p->tensors.num;
    KERF__TRY(kerf__array_take(&a, t, NULL, kerf__text(t->name)));
    kerf_status status = kerf__weights_encode(&p->tensors, &form, a.bytes, a.type, a.shape);
    const size_t num_bytes = p->tensors.num - before;
    if (status == KERF_OK)
        status = kerf__bytes_add_number(&p->sizes, num_bytes);
    if (status == KERF_OK)
        status = tell(p, t, &a, form, num_bytes);
    kerf__array_free(&a);
    KERF__TRY(status);
    KERF__TRY(point_to_part(p, t));
    p->num++;
    return KERF_OK;
}

static kerf_status add_tensors(packing *p, Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_initializer; i++)
        if (graph->initializer[i]->has_raw_data && graph->initializer[i]->raw_data.len > 0)
            KERF__TRY(add_tensor(p, graph->initializer[i]));
    return KERF_OK;
}

/* The proto is freed as it was unpacked: what was pointed elsewhere is not its own. */
static void point_back(Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_initializer; i++) {
        Onnx__TensorProto *t = graph->initializer[i];
        if (t->n_external_data == 0)
            continue;
        t->has_raw_data = 1;
        t->external_data = NULL;
        t->n_external_data = 0;
    }
}

/* ---- the frame ------------------------------------------------------------------------------- */

static kerf_status add_graph(kerf__bytes *out, packing *p, const void *graph, size_t num_bytes)
{
    kerf__bytes coded = {0};
    kerf_status status = kerf__graph_encode(&coded, graph, num_bytes);
    if (status == KERF_OK)
        status = kerf__bytes_add_number(out, num_bytes);
    if (status == KERF_OK)
        status = kerf__bytes_add_number(out, coded.num);
    if (status == KERF_OK)
        status = kerf__bytes_add_number(out, p->num);
    if (status == KERF_OK)
        status = kerf__bytes_add(out, p->sizes.at, p->sizes.num);
    if (status == KERF_OK)
        status = kerf__bytes_add(out, coded.at, coded.num);
    kerf__bytes_free(&coded);
    return status;
}

static kerf_status finish(kerf__bytes *out, packing *p, const void *graph, size_t num_bytes)
{
    unsigned char header[KERF__PACKED_HEADER] = {'K', 'E', 'R', 'F'};
    KERF__TRY(kerf__bytes_add(out, header, sizeof header));
    KERF__TRY(add_graph(out, p, graph, num_bytes));
    KERF__TRY(kerf__bytes_add(out, p->tensors.at, p->tensors.num));
    kerf__packed_seal(out->at, out->num, KERF__PACKED_PLAIN_VERSION);
    return KERF_OK;
}

static kerf_status pack(kerf__bytes *out, packing *p, Onnx__ModelProto *model)
{
    void *graph = NULL;
    size_t num_bytes;
    kerf_status status = add_tensors(p, model->graph);
    if (status == KERF_OK)
        status = kerf__build_pack(&p->build, model, &graph, &num_bytes);
    if (status == KERF_OK)
        status = finish(out, p, graph, num_bytes);
    free(graph);
    point_back(model->graph);
    return status;
}

kerf_status kerf_packed_serialize(const kerf_graph *g, const kerf_state *s, void **bytes,
                                  size_t *num_bytes, kerf_packed_tensor **tensors,
                                  size_t *num_tensors)
{
    packing p = {0};
    kerf__bytes out = {0};
    Onnx__ModelProto *model = NULL;
    void *onnx;
    size_t num_onnx;
    *bytes = NULL;
    *num_bytes = 0;
    KERF__TRY(kerf_onnx_serialize(g, s, &onnx, &num_onnx));
    kerf_status status = kerf__proto_unpack(&model, onnx, num_onnx);
    free(onnx);
    if (status == KERF_OK)
        status = pack(&out, &p, model);
    kerf__proto_free(model);
    if (status == KERF_OK) {
        *bytes = out.at;
        *num_bytes = out.num;
        out = (kerf__bytes){0};
    }
    if (status == KERF_OK && tensors != NULL) {
        *tensors = p.told;
        *num_tensors = p.num;
        p.told = NULL;
    }
    free(p.told);
    kerf__bytes_free(&out);
    kerf__bytes_free(&p.sizes);
    kerf__bytes_free(&p.tensors);
    kerf__builder_free(&p.build);
    return status;
}

kerf_status kerf_packed_write(const kerf_graph *g, const kerf_state *s, const char *path)
{
    void *bytes;
    size_t num_bytes;
    KERF__TRY(kerf_packed_serialize(g, s, &bytes, &num_bytes, NULL, NULL));
    const kerf_status status = kerf__file_write(path, bytes, num_bytes);
    free(bytes);
    return status;
}

int kerf_packed_is_path(const char *path)
{
    const size_t length = strlen(path);
    return length > 5 && strcmp(path + length - 5, ".kerf") == 0;
}

kerf_status kerf_model_write(const kerf_graph *g, const kerf_state *s, const char *path)
{
    return kerf_packed_is_path(path) ? kerf_packed_write(g, s, path) : kerf_onnx_write(g, s, path);
}
