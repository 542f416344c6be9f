/* io/packed_read.c -- a model from a packed file; see kerf/packed.h and docs/format.md.  Other
 * halves: packed_write.c, packed_part.c.
 *
 * The graph is read as any ONNX model; where it comes to a tensor, that one is decoded
 * (kerf__packed_take), so no two of them are in host memory at once, nor is the file
 * (packed_source.c). */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "io/bundle.h"
#include "io/graph_coder.h"
#include "io/io_internal.h"
#include "io/packed_internal.h"
#include "kerf/packed.h"

int kerf_packed_is(const void *bytes, size_t num_bytes)
{
    return num_bytes >= 4 && memcmp(bytes, "KERF", 4) == 0;
}

/* ---- the frame ------------------------------------------------------------------------------- */

static kerf_status check_digest(const kerf__packed_source *s, const unsigned char *header)
{
    uint64_t digest, want;
    KERF__TRY(kerf__packed_digest(s, header[4], &digest));
    memcpy(&want, header + KERF__PACKED_DIGEST_AT, sizeof want);
    if (header[4] < KERF__PACKED_PLAIN_VERSION || header[5] != 0 || header[6] != 0 ||
        header[7] != 0 || digest != want)
        return kerf__fail(KERF_ERR_FORMAT, "the packed file is damaged: its checksum is not that "
                                           "of its bytes");
    return KERF_OK;
}

static kerf_status check_header(const kerf__packed_source *s, int *version)
{
    void *owned;
    const unsigned char *header;
    kerf_status status;
    if (s->num_bytes < KERF__PACKED_HEADER)
        return kerf__fail(KERF_ERR_FORMAT, "not a packed file: it must begin with KERF");
    KERF__TRY(kerf__packed_fetch(s, 0, KERF__PACKED_HEADER, &owned, &header));
    if (!kerf_packed_is(header, KERF__PACKED_HEADER))
        status = kerf__fail(KERF_ERR_FORMAT, "not a packed file: it must begin with KERF");
    else if (header[4] > KERF__PACKED_VERSION)
        status = kerf__fail(KERF_ERR_UNSUPPORTED,
                            "a packed file of version %d, this Kerf reads up to %d", (int)header[4],
                            (int)KERF__PACKED_VERSION);
    else
        status = check_digest(s, header);
    *version = header[4];
    free(owned);
    return status;
}

typedef struct frame {
    kerf__packed_source source;
    int version;
    size_t next; /* place in the source behind what was read */
    size_t num_graph, num_coded, coded_at;
    kerf__packed_parts parts;
    size_t *at, *num_bytes; /* owned */
    void *sections;         /* owned, where the source is no memory */
    kerf__reading bundle;   /* left 0: none */
    size_t num_sections;    /* bytes of all */
} frame;

enum { NUMBER_BYTES = 9 }; /* at most */

static size_t num_left(const frame *f)
{
    return f->source.num_bytes - f->next;
}

/* Reads at most so many numbers by `read`. */
static kerf_status read_numbers(frame *f, size_t num,
                                kerf_status (*read)(frame *f, kerf__reading *in))
{
    void *owned;
    const unsigned char *bytes;
    const size_t most = num * NUMBER_BYTES, left = num_left(f), taken = left < most ? left : most;
    KERF__TRY(kerf__packed_fetch(&f->source, f->next, taken, &owned, &bytes));
    kerf__reading in = {bytes, taken};
    const kerf_status status = read(f, &in);
    f->next += taken - in.left;
    free(owned);
    return status;
}

static kerf_status read_counts(frame *f, kerf__reading *in)
{
    uint64_t num_graph, num_coded, num;
    KERF__TRY(kerf__reading_number(in, INT32_MAX, &num_graph));
    KERF__TRY(kerf__reading_number(in, num_left(f), &num_coded));
    KERF__TRY(kerf__reading_number(in, KERF__MOST_PARTS, &num));
    if (num_graph / KERF__MOST_OF_GRAPH > num_coded || num > num_left(f))
        return kerf__fail(KERF_ERR_FORMAT, "packed file: sizes that cannot be true");
    f->num_graph = (size_t)num_graph;
    f->num_coded = (size_t)num_coded;
    f->parts.num = (size_t)num;
    return KERF_OK;
}

static kerf_status read_sizes(frame *f, kerf__reading *in)
{
    uint64_t size;
    for (size_t i = 0; i < f->parts.num; i++) {
        KERF__TRY(kerf__reading_number(in, num_left(f), &size));
        f->num_bytes[i] = (size_t)size;
    }
    return KERF_OK;
}

static kerf_status place(frame *f, size_t num, size_t *at)
{
    if (num > num_left(f))
        return kerf__fail(KERF_ERR_FORMAT, "packed file: %zu bytes are missing", num - num_left(f));
    *at = f->next;
    f->next += num;
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

static kerf_status read_sections(frame *f)
{
    const unsigned char *bytes;
    f->num_sections = num_left(f);
    if (f->version == KERF__PACKED_PLAIN_VERSION && f->num_sections > 0)
        return kerf__fail(KERF_ERR_FORMAT, "packed file: %zu bytes are left over", f->num_sections);
    KERF__TRY(kerf__packed_fetch(&f->source, f->next, f->num_sections, &f->sections, &bytes));
    kerf__reading in = {bytes, f->num_sections};
    while (in.left > 0)
        KERF__TRY(read_section(f, &in));
    return KERF_OK;
}

static kerf_status read_frame(frame *f)
{
    f->next = KERF__PACKED_HEADER;
    KERF__TRY(read_numbers(f, 3, read_counts));
    f->at = kerf__alloc(f->parts.num, sizeof *f->at);
    f->num_bytes = kerf__alloc(f->parts.num, sizeof *f->num_bytes);
    if (f->at == NULL || f->num_bytes == NULL)
        return kerf__fail_memory("packed file", f->parts.num * sizeof *f->at);
    KERF__TRY(read_numbers(f, f->parts.num, read_sizes));
    KERF__TRY(place(f, f->num_coded, &f->coded_at));
    for (size_t i = 0; i < f->parts.num; i++)
        KERF__TRY(place(f, f->num_bytes[i], &f->at[i]));
    f->parts.source = &f->source;
    f->parts.at = f->at;
    f->parts.num_bytes = f->num_bytes;
    return read_sections(f);
}

static kerf_status decode_graph(unsigned char **out, const frame *f)
{
    void *owned;
    const unsigned char *coded;
    *out = kerf__alloc(f->num_graph + 1, 1);
    if (*out == NULL)
        return kerf__fail_memory("packed file", f->num_graph);
    KERF__TRY(kerf__packed_fetch(&f->source, f->coded_at, f->num_coded, &owned, &coded));
    const kerf_status status =
        kerf__graph_decode(*out, f->num_graph, (kerf__reading){coded, f->num_coded});
    free(owned);
    return status;
}

static void free_frame(frame *f)
{
    free(f->at);
    free(f->num_bytes);
    free(f->sections);
}

/* Fills *f, whose source is set; freed in any case. */
static kerf_status open_frame(frame *f)
{
    KERF__TRY(check_header(&f->source, &f->version));
    return read_frame(f);
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

static kerf_status parse(kerf_graph **g, kerf_state **s, kerf__packed_source source,
                         kerf_device *dev, const char *path)
{
    frame f = {.source = source};
    kerf_status status = open_frame(&f);
    status = status == KERF_OK ? parse_frame(g, s, &f, dev, path) : kerf__fail_clean(status, path);
    free_frame(&f);
    return status;
}

static kerf__packed_source in_memory(const void *bytes, size_t num_bytes)
{
    return (kerf__packed_source){.bytes = num_bytes > 0 ? bytes : (const void *)"",
                                 .num_bytes = num_bytes};
}

kerf_status kerf__packed_bundle(kerf__reading *out, const void *bytes, size_t num_bytes)
{
    frame f = {.source = in_memory(bytes, num_bytes)};
    const kerf_status status = open_frame(&f);
    *out = f.bundle;
    free_frame(&f);
    return status;
}

kerf_status kerf__packed_measure(size_t *num_plain, const void *bytes, size_t num_bytes)
{
    frame f = {.source = in_memory(bytes, num_bytes)};
    const kerf_status status = open_frame(&f);
    *num_plain = num_bytes - f.num_sections;
    free_frame(&f);
    return status;
}

kerf_status kerf_packed_parse(kerf_graph **g, kerf_state **s, const void *bytes, size_t num_bytes,
                              kerf_device *dev)
{
    *g = NULL;
    *s = NULL;
    return parse(g, s, in_memory(bytes, num_bytes), dev, "");
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
    kerf__packed_source source;
    *g = NULL;
    *s = NULL;
    if (kerf__packed_open(&source, path)) {
        const kerf_status status = parse(g, s, source, dev, path);
        fclose(source.stream);
        return status;
    }
    KERF__TRY(kerf__file_read(path, KERF__MOST_FILE_BYTES, &bytes, &num_bytes));
    const kerf_status status = kerf_packed_is(bytes, num_bytes)
                                   ? parse(g, s, in_memory(bytes, num_bytes), dev, name_of(path))
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

static kerf_status check(kerf_packed_tensor **told, size_t *num, kerf__packed_source source,
                         const char *path)
{
    frame f = {.source = source};
    kerf_status status = open_frame(&f);
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
    kerf__packed_source source;
    *tensors = NULL;
    *num_tensors = 0;
    if (kerf__packed_open(&source, path)) {
        *num_bytes = source.num_bytes;
        const kerf_status status = check(tensors, num_tensors, source, path);
        fclose(source.stream);
        return status;
    }
    KERF__TRY(kerf__file_read(path, KERF__MOST_FILE_BYTES, &bytes, num_bytes));
    const kerf_status status =
        check(tensors, num_tensors, in_memory(bytes, *num_bytes), name_of(path));
    free(bytes);
    return status;
}
