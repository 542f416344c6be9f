/* io/onnx_read.c -- ONNX in: the file, its versions, its texts, and who does the rest
 * (onnx_reader.h).  Other half: onnx_write.c.
 *
 * The way of the bytes: file -> protos (one copy) -> state (one copy); nothing is done
 * twice, so a large model takes as long as reading and copying it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "io/onnx_reader.h"

enum { MAX_DOMAINS = 64, MAX_METADATA = 4096 };

/* ---- versions -------------------------------------------------------------------------------- */

static kerf_status check_ir(const Onnx__ModelProto *m)
{
    if (!m->has_ir_version)
        return kerf__fail(KERF_ERR_FORMAT, "not an ONNX model: it has no IR version");
    if (m->ir_version < KERF__IR_MIN || m->ir_version > KERF__IR_MAX)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "IR version is %" PRId64 ", must be %d to %d",
                          m->ir_version, KERF__IR_MIN, KERF__IR_MAX);
    return KERF_OK;
}

static kerf_status find_opset(kerf__onnx_reader *r)
{
    const Onnx__ModelProto *m = r->model;
    if (m->n_opset_import > MAX_DOMAINS)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "imports %zu operator sets, at most %d are supported", m->n_opset_import,
                          MAX_DOMAINS);
    r->opset = 0;
    for (size_t i = 0; i < m->n_opset_import; i++) {
        if (!kerf__is_onnx_domain(kerf__text(m->opset_import[i]->domain)))
            continue;
        if (r->opset != 0 && r->opset != m->opset_import[i]->version)
            return kerf__fail(KERF_ERR_FORMAT,
                              "imports opset %" PRId64 " and %" PRId64 ", must be one", r->opset,
                              m->opset_import[i]->version);
        r->opset = m->opset_import[i]->version;
    }
    if (r->opset == 0)
        return kerf__fail(KERF_ERR_FORMAT, "imports no opset of ONNX, must be 1 to %d",
                          KERF__OPSET_MAX);
    if (r->opset < 1 || r->opset > KERF__OPSET_MAX)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "opset is %" PRId64 ", must be 1 to %d (onnx.version_converter brings "
                          "a model there)",
                          r->opset, KERF__OPSET_MAX);
    return KERF_OK;
}

static kerf_status check_model(kerf__onnx_reader *r)
{
    const Onnx__ModelProto *m = r->model;
    KERF__TRY(check_ir(m));
    KERF__TRY(find_opset(r));
    if (m->n_functions > 0)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "function '%s': functions of the model's own are not supported; "
                          "onnx.inliner puts their nodes in their place",
                          kerf__text(m->functions[0]->name));
    if (m->graph == NULL)
        return kerf__fail(KERF_ERR_FORMAT, "not an ONNX model: it has no graph");
    r->proto = m->graph;
    return KERF_OK;
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* The graph's name and foreign operator sets wait in metadata for onnx_write.c. */
static kerf_status keep_versions(kerf__onnx_reader *r)
{
    char key[KERF__WHAT_BYTES], version[32];
    if (kerf__text(r->proto->name)[0] != '\0')
        KERF__TRY(kerf_graph_set_metadata(r->graph, KERF__KEY_GRAPH, r->proto->name));
    for (size_t i = 0; i < r->model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *set = r->model->opset_import[i];
        if (kerf__is_onnx_domain(kerf__text(set->domain)))
            continue;
        if ((size_t)snprintf(key, sizeof key, KERF__KEY_OPSET "%s", set->domain) >= sizeof key)
            return kerf__fail(KERF_ERR_UNSUPPORTED, "domain '%.32s...' is longer than %d bytes",
                              set->domain, KERF__WHAT_BYTES);
        snprintf(version, sizeof version, "%" PRId64, set->version);
        KERF__TRY(kerf_graph_set_metadata(r->graph, key, version));
    }
    return KERF_OK;
}

static kerf_status keep_metadata(kerf__onnx_reader *r)
{
    const Onnx__ModelProto *m = r->model;
    if (m->n_metadata_props > MAX_METADATA)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "has %zu metadata entries, at most %d are supported", m->n_metadata_props,
                          MAX_METADATA);
    for (size_t i = 0; i < m->n_metadata_props; i++)
        KERF__TRY(kerf_graph_set_metadata(r->graph, kerf__text(m->metadata_props[i]->key),
                                          kerf__text(m->metadata_props[i]->value)));
    return KERF_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static kerf_status read_model(kerf__onnx_reader *r)
{
    static kerf_status (*const steps[])(kerf__onnx_reader *) = {
        check_model,
        kerf__onnx_find_uses,
        kerf__onnx_add_initializers,
        kerf__onnx_add_inputs,
        kerf__onnx_add_nodes,
        kerf__onnx_add_outputs,
        kerf__onnx_set_value_infos,
        kerf__onnx_bring,
        kerf__onnx_set_inference,
        kerf__onnx_check_codebooks,
        keep_metadata,
        keep_versions,
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        KERF__TRY(steps[i](r));
    return kerf_graph_verify(r->graph);
}

static kerf_status parse(kerf__onnx_reader *r, const void *bytes, size_t num_bytes,
                         kerf_device *dev)
{
    Onnx__ModelProto *model;
    KERF__TRY(kerf__proto_unpack(&model, bytes, num_bytes));
    r->model = model;
    kerf_status status = kerf_graph_create(&r->graph);
    if (status == KERF_OK)
        status = kerf_state_create(&r->state, dev);
    if (status == KERF_OK)
        status = read_model(r);
    kerf__names_free(&r->initializers);
    kerf__names_free(&r->uses);
    kerf__proto_free(model);
    return status;
}

kerf_status kerf__onnx_parse(kerf_graph **g, kerf_state **s, const void *bytes, size_t num_bytes,
                             const kerf__outside *outside, kerf_device *dev, const char *path)
{
    *g = NULL;
    *s = NULL;
    kerf__onnx_reader r = {.outside = outside};
    kerf_status status = parse(&r, bytes, num_bytes, dev);
    if (status != KERF_OK) {
        kerf_graph_destroy(r.graph);
        kerf_state_destroy(r.state);
        return kerf__fail_clean(status, path);
    }
    *g = r.graph;
    *s = r.state;
    return KERF_OK;
}

kerf_status kerf_onnx_parse(kerf_graph **g, kerf_state **s, const void *bytes, size_t num_bytes,
                            const char *folder, kerf_device *dev)
{
    return kerf__onnx_parse(g, s, bytes, num_bytes, &(kerf__outside){.folder = folder}, dev, "");
}

/* The folder a file lies in, in fresh memory; NULL without memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = kerf__strdup(slash != NULL ? path : ".");
    if (folder != NULL && slash != NULL)
        folder[slash == path ? 1 : slash - path] = '\0';
    return folder;
}

kerf_status kerf__onnx_parse_file(kerf_graph **g, kerf_state **s, const void *bytes,
                                  size_t num_bytes, const char *path, kerf_device *dev)
{
    const int piped = strcmp(path, "-") == 0;
    char *folder = piped ? NULL : folder_of(path);
    if (!piped && folder == NULL)
        return kerf__fail_memory(path, strlen(path));
    const kerf_status status =
        kerf__onnx_parse(g, s, bytes, num_bytes, &(kerf__outside){.folder = folder}, dev,
                         piped ? "standard input" : path);
    free(folder);
    return status;
}

kerf_status kerf_onnx_read(kerf_graph **g, kerf_state **s, const char *path, kerf_device *dev)
{
    *g = NULL;
    *s = NULL;
    void *bytes;
    size_t num_bytes;
    KERF__TRY(kerf__file_read(path, KERF__MOST_FILE_BYTES, &bytes, &num_bytes));
    const kerf_status status = kerf__onnx_parse_file(g, s, bytes, num_bytes, path, dev);
    free(bytes);
    return status;
}
