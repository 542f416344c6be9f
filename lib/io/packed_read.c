/* io/packed_read.c -- a model from a packed file; see kerf/packed.h and docs/format.md.  Other
 * half: packed_write.c.
 *
 * The graph is read as any ONNX model; where it comes to a tensor, that one is decoded
 * (kerf__packed_take), so no two of them are in host memory at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "io/bundle.h"
#include "io/graph_coder.h"
#include "io/io_internal.h"
#include "io/packed_internal.h"
#include "io/weights_coder.h"
#include "kerf/packed.h"

enum { MOST_TENSORS = 1 << 20 };

int kerf_packed_is(const void *bytes, size_t num_bytes)
{
    return num_bytes >= 4 && memcmp(bytes, "KERF", 4) == 0;
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* Plain decimal digits; SIZE_MAX for anything else. */
static size_t part_number(const char *text)
{
    size_t x = 0;
    if (*text == '\0')
        return SIZE_MAX;
    for (; *text >= '0' && *text <= '9' && x < MOST_TENSORS; text++)
        x = x * 10 + (size_t)(*text - '0');
    return *text == '\0' ? x : SIZE_MAX;
}

static size_t part_of(Onnx__StringStringEntryProto *const *entries, size_t num_entries)
{
    size_t part = SIZE_MAX;
    int is_here = 0;
    for (size_t i = 0; i < num_entries; i++) {
        const char *key = kerf__text(entries[i]->key), *text = kerf__text(entries[i]->value);
        is_here |= strcmp(key, "location") == 0 && strcmp(text, KERF__PACKED_LOCATION) == 0;
        if (strcmp(key, "offset") == 0)
            part = part_number(text);
    }
    return is_here ? part : SIZE_MAX;
}

static void tell(kerf_packed_tensor *told, const char *name, const kerf__array *a,
                 kerf__reading part)
{
    *told = (kerf_packed_tensor){.form = (kerf_packed_form)part.at[0],
                                 .bytes = (double)a->num_bytes,
                                 .packed_bytes = (double)part.left};
    snprintf(told->name, sizeof told->name, "%s", name);
}

kerf_status kerf__packed_take(kerf__array *a, const Onnx__TensorProto *t,
                              const kerf__packed_parts *parts, const char *what)
{
    const size_t part = part_of(t->external_data, t->n_external_data);
    if (part >= parts->num)
        return kerf__fail(KERF_ERR_FORMAT, "%s: lies in no part of the packed file", what);
    KERF__TRY(kerf__weights_check(a->type, a->shape, parts->num_bytes[part]));
    a->owned = kerf__alloc(a->num_bytes, 1);
    if (a->owned == NULL)
        return kerf__fail_memory(what, a->num_bytes);
    a->bytes = a->owned;
    const kerf__reading in = {parts->at[part], parts->num_bytes[part]};
    KERF__TRY(kerf__weights_decode(a->owned, a->type, a->shape, in));
    if (parts->told != NULL)
        tell(&parts->told[part], kerf__text(t->name), a, in);
    return KERF_OK;
}

/* ---- the frame ------------------------------------------------------------------------------- */

uint64_t kerf__packed_digest(const unsigned char *bytes, size_t num_bytes)
{
    const uint64_t seed = (uint64_t)bytes[4] - KERF__PACKED_PLAIN_VERSION;
    return XXH64(bytes + KERF__PACKED_HEADER, num_bytes - KERF__PACKED_HEADER, seed);
}

static kerf_status check_header(const unsigned char *bytes, size_t num_bytes)
{
    uint64_t digest;
    if (num_bytes < KERF__PACKED_HEADER || !kerf_packed_is(bytes, num_bytes))
        return kerf__fail(KERF_ERR_FORMAT, "not a packed file: it must begin with KERF");
    if (bytes[4] > KERF__PACKED_VERSION)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "a packed file of version %d, this Kerf reads up to %d", (int)bytes[4],
                          (int)KERF__PACKED_VERSION);
    memcpy(&digest, bytes + KERF__PACKED_DIGEST_AT, sizeof digest);
    if (bytes[4] < KERF__PACKED_PLAIN_VERSION || bytes[5] != 0 || bytes[6] != 0 || bytes[7] != 0 ||
        digest != kerf__packed_digest(bytes, num_bytes))
        return kerf__fail(KERF_ERR_FORMAT, "the packed file is damaged: its checksum is not that "
                                           "of its bytes");
    return KERF_OK;
}

typedef struct frame {
    size_t num_graph, num_coded;
    kerf__packed_parts parts;
    const unsigned char **at;   /* owned */
    size_t *num_bytes;          /* owned */
    const unsigned char *coded; /* the graph */
    kerf__reading bundle;       /* left 0: none */
    size_t num_sections;        /* bytes of all */
} frame;

static kerf_status read_sizes(frame *f, kerf__reading *in)
{
    uint64_t num_graph, num_coded, num, size;
    KERF__TRY(kerf__reading_number(in, INT32_MAX, &num_graph));
    KERF__TRY(kerf__reading_number(in, in->left, &num_coded));
    KERF__TRY(kerf__reading_number(in, MOST_TENSORS, &num));
    if (num_graph / KERF__MOST_OF_GRAPH > num_coded || num > in->left)
        return kerf__fail(KERF_ERR_FORMAT, "packed file: sizes that cannot be true");
    f->num_graph = (size_t)num_graph;
    f->num_coded = (size_t)num_coded;
    f->parts.num = (size_t)num;
    f->at = kerf__alloc(f->parts.num, sizeof *f->at);
    f->num_bytes = kerf__alloc(f->parts.num, sizeof *f->num_bytes);
    if (f->at == NULL || f->num_bytes == NULL)
        return kerf__fail_memory("packed file", f->parts.num * sizeof *f->at);
    for (size_t i = 0; i < f->parts.num; i++) {
        KERF__TRY(kerf__reading_number(in, in->left, &size));
        f->num_bytes[i] = (size_t)size;
    }
    return KERF_OK;
}

/* Tag, length, content; what has an unknown tag is passed over. */
static kerf_status read_section(frame *f, kerf__reading *in)
{
    uint64_t num;
    const unsigned char *tag, *at;
    KERF__TRY(kerf__reading_take(in, 4, &tag));
    KERF__TRY(kerf__reading_number(in, in->left, &num));
    KERF__TRY(kerf__reading_take(in, (size_t)num, &at));
    if (memcmp(tag, KERF__PACKED_BUNDLE_TAG, 4) != 0)
        return KERF_OK;
    if (f->bundle.left > 0 || num == 0)
        return kerf__fail(KERF_ERR_FORMAT, "packed file: must have one bundle that is not empty");
    f->bundle = (kerf__reading){at, (size_t)num};
    return KERF_OK;
}

static kerf_status read_sections(frame *f, kerf__reading in, int version)
{
    f->num_sections = in.left;
    if (version == KERF__PACKED_PLAIN_VERSION && in.left > 0)
        return kerf__fail(KERF_ERR_FORMAT, "packed file: %zu bytes are left over", in.left);
    while (in.left > 0)
        KERF__TRY(read_section(f, &in));
    return KERF_OK;
}

static kerf_status read_frame(frame *f, kerf__reading in, int version)
{
    KERF__TRY(read_sizes(f, &in));
    KERF__TRY(kerf__reading_take(&in, f->num_coded, &f->coded));
    for (size_t i = 0; i < f->parts.num; i++)
        KERF__TRY(kerf__reading_take(&in, f->num_bytes[i], &f->at[i]));
    f->parts.at = f->at;
    f->parts.num_bytes = f->num_bytes;
    return read_sections(f, in, version);
}

static kerf_status decode_graph(unsigned char **out, const frame *f)
{
    *out = kerf__alloc(f->num_graph + 1, 1);
    if (*out == NULL)
        return kerf__fail_memory("packed file", f->num_graph);
    return kerf__graph_decode(*out, f->num_graph, (kerf__reading){f->coded, f->num_coded});
}

static void free_frame(frame *f)
{
    free(f->at);
    free(f->num_bytes);
}

/* Fills *f, which is freed in any case. */
static kerf_status open_frame(frame *f, const unsigned char *bytes, size_t num_bytes)
{
    KERF__TRY(check_header(bytes, num_bytes));
    return read_frame(
        f, (kerf__reading){bytes + KERF__PACKED_HEADER, num_bytes - KERF__PACKED_HEADER}, bytes[4]);
}

kerf_status kerf__packed_bundle(kerf__reading *out, const void *bytes, size_t num_bytes)
{
    frame f = {0};
    const kerf_status status = open_frame(&f, bytes, num_bytes);
    *out = f.bundle;
    free_frame(&f);
    return status;
}

kerf_status kerf__packed_measure(size_t *num_plain, const void *bytes, size_t num_bytes)
{
    frame f = {0};
    const kerf_status status = open_frame(&f, bytes, num_bytes);
    *num_plain = num_bytes - f.num_sections;
    free_frame(&f);
    return status;
}

static kerf_status parse_frame(kerf_graph **g, kerf_state **s, const frame *f, kerf_device *dev,
                               const char *path)
{
    unsigned char *graph = NULL;
    kerf_status status = kerf__bundle_offer(dev, f->bundle);
    if (status == KERF_OK)
        status = decode_graph(&graph, f);
    if (status == KERF_OK)
        status = kerf__onnx_parse(g, s, graph, f->num_graph, &(kerf__outside){.packed = &f->parts},
                                  dev, path);
    else
        status = kerf__fail_clean(status, path);
    free(graph);
    return status;
}

static kerf_status parse(kerf_graph **g, kerf_state **s, const unsigned char *bytes,
                         size_t num_bytes, kerf_device *dev, const char *path)
{
    frame f = {0};
    kerf_status status = open_frame(&f, bytes, num_bytes);
    status = status == KERF_OK ? parse_frame(g, s, &f, dev, path) : kerf__fail_clean(status, path);
    free_frame(&f);
    return status;
}

kerf_status kerf_packed_parse(kerf_graph **g, kerf_state **s, const void *bytes, size_t num_bytes,
                              kerf_device *dev)
{
    *g = NULL;
    *s = NULL;
    return parse(g, s, bytes, num_bytes, dev, "");
}

static const char *name_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

kerf_status kerf_model_parse(kerf_graph **g, kerf_state **s, const void *bytes, size_t num_bytes,
                             kerf_device *dev)
{
    return kerf_packed_is(bytes, num_bytes) ? kerf_packed_parse(g, s, bytes, num_bytes, dev)
                                            : kerf_onnx_parse(g, s, bytes, num_bytes, NULL, dev);
}

/* A pipe is read once, whatever it holds. */
kerf_status kerf_model_read(kerf_graph **g, kerf_state **s, const char *path, kerf_device *dev)
{
    void *bytes;
    size_t num_bytes;
    *g = NULL;
    *s = NULL;
    KERF__TRY(kerf__file_read(path, KERF__MOST_FILE_BYTES, &bytes, &num_bytes));
    const kerf_status status = kerf_packed_is(bytes, num_bytes)
                                   ? parse(g, s, bytes, num_bytes, dev, name_of(path))
                                   : kerf__onnx_parse_file(g, s, bytes, num_bytes, path, dev);
    free(bytes);
    return status;
}

/* ---- a file checked ----------------------------------------------------------------------------
 */

static kerf_status check_parts(frame *f, const char *path)
{
    kerf_graph *g;
    kerf_state *s;
    f->parts.told = kerf__alloc(f->parts.num, sizeof *f->parts.told);
    if (f->parts.told == NULL)
        return kerf__fail_memory(path, f->parts.num * sizeof *f->parts.told);
    KERF__TRY(parse_frame(&g, &s, f, NULL, path));
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    for (size_t i = 0; i < f->parts.num; i++)
        if (f->parts.told[i].packed_bytes == 0)
            return kerf__fail(KERF_ERR_FORMAT, "%s: part %zu is no tensor's", path, i);
    return KERF_OK;
}

static kerf_status check(kerf_packed_tensor **told, size_t *num, const void *bytes,
                         size_t num_bytes, const char *path)
{
    frame f = {0};
    kerf_status status = open_frame(&f, bytes, num_bytes);
    status = status == KERF_OK ? check_parts(&f, path) : kerf__fail_clean(status, path);
    if (status == KERF_OK) {
        *told = f.parts.told;
        *num = f.parts.num;
        f.parts.told = NULL;
    }
    free(f.parts.told);
    free_frame(&f);
    return status;
}

kerf_status kerf_packed_check(const char *path, kerf_packed_tensor **tensors, size_t *num_tensors,
                              size_t *num_bytes)
{
    void *bytes;
    *tensors = NULL;
    *num_tensors = 0;
    KERF__TRY(kerf__file_read(path, KERF__MOST_FILE_BYTES, &bytes, num_bytes));
    const kerf_status status = check(tensors, num_tensors, bytes, *num_bytes, name_of(path));
    free(bytes);
    return status;
}
