/* io/onnx_outline.c -- what an ONNX file asks for, held against the list of what Kerf does not
 * run (unsupported.txt, which says what its lines mean).
 *
 * Looked at before anything is read, so that a file can be told to be out of reach by name, and
 * everything else that goes wrong is a fault. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/names.h"
#include "io/io_internal.h"

extern const unsigned char kerf__unsupported[]; /* made from unsupported.txt */

enum { LINE_BYTES = 96 };

/* Values that are no tensors stand with tensors' types, below all of ONNX's numbers. */
enum { SEQUENCE = -1, OPTIONAL = -2, OTHER = -3 };

typedef struct described {
    int32_t type; /* ONNX's number, or one of those above */
    int rank;     /* -1: not said */
} described;

typedef struct outline {
    const Onnx__GraphProto *graph; /* borrowed */
    kerf__names names;             /* of a value -> what is said of it */
    described *values;             /* owned */
    size_t num_values;
} outline;

/* ---- values ---------------------------------------------------------------------------- */

static const char *type_name(int32_t number)
{
    const char *name = number > 0 ? kerf__onnx_type_name(number) : NULL;
    return number == SEQUENCE   ? "sequence"
           : number == OPTIONAL ? "optional"
           : name != NULL       ? name
                                : "unknown";
}

static described describe(const Onnx__ValueInfoProto *info)
{
    const Onnx__TypeProto *type = info->type;
    if (type == NULL)
        return (described){OTHER, -1};
    switch (type->value_case) {
    case ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE:
        return (described){type->tensor_type->elem_type, type->tensor_type->shape != NULL
                                                             ? (int)type->tensor_type->shape->n_dim
                                                             : -1};
    case ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE:
        return (described){SEQUENCE, -1};
    case ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE:
        return (described){OPTIONAL, -1};
    default:
        return (described){OTHER, -1};
    }
}

static kerf_status add_value(outline *x, const char *name, described value)
{
    if (name == NULL || name[0] == '\0' || kerf__names_find(&x->names, name) != NULL)
        return KERF_OK;
    if (!kerf__names_reserve(&x->names))
        return kerf__fail_memory("ONNX names", x->names.num);
    x->values[x->num_values] = value;
    kerf__names_add(&x->names, name, &x->values[x->num_values++]);
    return KERF_OK;
}

static kerf_status add_infos(outline *x, Onnx__ValueInfoProto *const *infos, size_t num)
{
    for (size_t i = 0; i < num; i++)
        KERF__TRY(add_value(x, infos[i]->name, describe(infos[i])));
    return KERF_OK;
}

static kerf_status add_values(outline *x)
{
    const Onnx__GraphProto *g = x->graph;
    const size_t most = g->n_initializer + g->n_input + g->n_output + g->n_value_info;
    x->values = kerf__alloc(most, sizeof *x->values);
    if (x->values == NULL)
        return kerf__fail_memory("ONNX values", most);
    for (size_t i = 0; i < g->n_initializer; i++)
        KERF__TRY(
            add_value(x, g->initializer[i]->name,
                      (described){g->initializer[i]->data_type, (int)g->initializer[i]->n_dims}));
    KERF__TRY(add_infos(x, g->input, g->n_input));
    KERF__TRY(add_infos(x, g->output, g->n_output));
    return add_infos(x, g->value_info, g->n_value_info);
}

/* ---- one line of the list ---------------------------------------------------------------- */

static int has_value_of_type(const outline *x, char *const *names, size_t num, const char *type)
{
    for (size_t i = 0; i < num; i++) {
        const described *value = kerf__names_find(&x->names, names[i]);
        if (value != NULL && strcmp(type_name(value->type), type) == 0)
            return 1;
    }
    return 0;
}

/* Attributes that name a type, or hold a tensor of it. */
static int names_type(const Onnx__AttributeProto *a, const char *type)
{
    const char *name = kerf__text(a->name);
    if (a->t != NULL)
        return strcmp(type_name(a->t->data_type), type) == 0;
    return (strcmp(name, "to") == 0 || strcmp(name, "dtype") == 0) && a->i > 0 &&
           a->i <= INT32_MAX && strcmp(type_name((int32_t)a->i), type) == 0;
}

/* "mode=cubic", "storage_order=1", or the name alone for any value. */
static int is_attribute(const Onnx__AttributeProto *a, const char *word)
{
    char value[64], text[LINE_BYTES];
    const char *name = kerf__text(a->name);
    if (strcmp(name, word) == 0)
        return 1;
    if (a->has_s)
        snprintf(value, sizeof value, "%.*s", (int)(a->s.len < 63 ? a->s.len : 63),
                 a->s.data != NULL ? (const char *)a->s.data : "");
    else
        snprintf(value, sizeof value, "%lld", (long long)a->i);
    snprintf(text, sizeof text, "%.30s=%s", name, value);
    return strcmp(text, word) == 0;
}

/* "input:2": given, that is named at all. */
static int has_end(char *const *names, size_t num, const char *kind, const char *word)
{
    const size_t length = strlen(kind);
    if (strncmp(word, kind, length) != 0)
        return 0;
    const long i = strtol(word + length, NULL, 10);
    return i >= 0 && (size_t)i < num && names[i][0] != '\0';
}

/* "dimensions:5": so many has the first input. */
static int has_rank(const outline *x, const Onnx__NodeProto *n, const char *word)
{
    static const char kind[] = "dimensions:";
    if (strncmp(word, kind, sizeof kind - 1) != 0 || n->n_input == 0)
        return 0;
    const described *value = kerf__names_find(&x->names, n->input[0]);
    return value != NULL && value->rank == strtol(word + sizeof kind - 1, NULL, 10);
}

static int fits_word(const outline *x, const Onnx__NodeProto *n, const char *word)
{
    if (word[0] == '\0' || has_value_of_type(x, n->input, n->n_input, word) ||
        has_value_of_type(x, n->output, n->n_output, word) ||
        has_end(n->input, n->n_input, "input:", word) ||
        has_end(n->output, n->n_output, "output:", word) || has_rank(x, n, word))
        return 1;
    for (size_t i = 0; i < n->n_attribute; i++)
        if (names_type(n->attribute[i], word) || is_attribute(n->attribute[i], word))
            return 1;
    return 0;
}

static void full_name(const Onnx__NodeProto *n, char *text, size_t text_bytes)
{
    const char *domain = kerf__text(n->domain);
    const int plain = kerf__is_onnx_domain(domain);
    snprintf(text, text_bytes, "%s%s%s", plain ? "" : domain, plain ? "" : ".",
             kerf__text(n->op_type));
}

static int fits_node(const outline *x, const Onnx__NodeProto *n, const char *op, const char *word)
{
    char name[LINE_BYTES];
    full_name(n, name, sizeof name);
    return (strcmp(op, "*") == 0 || strcmp(op, name) == 0) && fits_word(x, n, word);
}

static int fits_line(const outline *x, const char *line)
{
    char op[LINE_BYTES] = "", word[LINE_BYTES] = "";
    const size_t length = strcspn(line, " \n"), rest = strcspn(line, "\n") - length;
    snprintf(op, sizeof op, "%.*s", (int)length, line);
    if (rest > 1)
        snprintf(word, sizeof word, "%.*s", (int)rest - 1, line + length + 1);
    for (size_t i = 0; i < x->graph->n_node; i++)
        if (fits_node(x, x->graph->node[i], op, word))
            return 1;
    return 0;
}

/* ---- the file ------------------------------------------------------------------------------ */

static void find_unsupported(const outline *x, kerf_onnx_outline *out)
{
    const char *line = (const char *)kerf__unsupported;
    for (; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        if (line[0] == '#' || line[0] == '\n' || !fits_line(x, line))
            continue;
        const int any = strncmp(line, "* ", 2) == 0;
        snprintf(out->unsupported, sizeof out->unsupported, "%s%.*s", any ? "type " : "",
                 (int)strcspn(line + (any ? 2 : 0), "\n"), line + (any ? 2 : 0));
        return;
    }
}

static void find_op(const Onnx__GraphProto *g, kerf_onnx_outline *out)
{
    char name[sizeof out->op];
    for (size_t i = 0; i < g->n_node; i++) {
        if (strcmp(kerf__text(g->node[i]->op_type), "Constant") == 0 && g->n_node > 1)
            continue;
        full_name(g->node[i], name, sizeof name);
        if (out->op[0] != '\0' && strcmp(out->op, name) != 0) {
            out->op[0] = '\0';
            return;
        }
        memcpy(out->op, name, sizeof name);
    }
}

static kerf_status look(kerf_onnx_outline *out, const Onnx__ModelProto *model)
{
    if (model->graph == NULL)
        return kerf__fail(KERF_ERR_FORMAT, "not an ONNX model: it has no graph");
    outline x = {.graph = model->graph};
    kerf_status status = add_values(&x);
    if (status == KERF_OK) {
        find_op(x.graph, out);
        find_unsupported(&x, out);
    }
    kerf__names_free(&x.names);
    free(x.values);
    return status;
}

kerf_status kerf_onnx_read_outline(kerf_onnx_outline *out, const char *path)
{
    *out = (kerf_onnx_outline){0};
    void *bytes;
    size_t num_bytes;
    Onnx__ModelProto *model;
    KERF__TRY(kerf__file_read(path, INT32_MAX, &bytes, &num_bytes));
    kerf_status status = kerf__proto_unpack(&model, bytes, num_bytes);
    if (status == KERF_OK)
        status = look(out, model);
    kerf__proto_free(model);
    free(bytes);
    return status == KERF_OK ? KERF_OK : kerf__fail_clean(status, path);
}
