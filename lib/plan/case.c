/* plan/case.c -- the text of a case: all that the speed of a node depends on.
 *
 *     Gemm transB=1 activation=relu float32(64,784) float32(300,784) float32(300) > float32(64,300)
 *
 * Attributes stand in the order of the alphabet, a left out input is "-", a short list of
 * integers that is known (axes, a shape) stands behind its type: "int64(2)=0,3".  Names are not
 * part of it: equal cases make equal choices, and the tuning store (device/tuning.h) and
 * choices.json are keyed by it.  No tabs or line breaks. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/plan_internal.h"

typedef struct text {
    char *chars; /* owned */
    size_t num, capacity;
    int failed;
} text;

static void append(text *t, const char *format, ...)
{
    va_list args;
    for (;;) {
        va_start(args, format);
        const int more = vsnprintf(t->chars + t->num, t->capacity - t->num, format, args);
        va_end(args);
        if (t->failed || (size_t)more < t->capacity - t->num) {
            t->num += t->failed ? 0 : (size_t)more;
            return;
        }
        char *larger = kerf__realloc(t->chars, t->capacity * 2 + (size_t)more, 1);
        if (larger == NULL) {
            t->failed = 1;
            return;
        }
        t->chars = larger;
        t->capacity = t->capacity * 2 + (size_t)more;
    }
}

static void append_attribute(text *t, const kerf__attribute *a)
{
    append(t, " %s=", a->key);
    switch (a->kind) {
    case KERF__ATTRIBUTE_INT:
        append(t, "%" PRId64, a->as_int);
        return;
    case KERF__ATTRIBUTE_FLOAT:
        append(t, "%.9g", (double)a->as_float);
        return;
    case KERF__ATTRIBUTE_INTS:
        for (size_t i = 0; i < a->num; i++)
            append(t, i == 0 ? "%" PRId64 : ",%" PRId64, a->ints[i]);
        return;
    case KERF__ATTRIBUTE_FLOATS:
        for (size_t i = 0; i < a->num; i++)
            append(t, i == 0 ? "%.9g" : ",%.9g", (double)a->floats[i]);
        return;
    case KERF__ATTRIBUTE_STRING:
        append(t, "%s", a->string);
        return;
    case KERF__ATTRIBUTE_TENSOR:
        append(t, "tensor");
        return;
    }
}

/* The attribute whose key follows `after` in the alphabet, or NULL.  Kerf's own notes
 * (kerf.pass) are left out. */
static const kerf__attribute *next_attribute(const kerf_node *n, const char *after)
{
    const kerf__attribute *best = NULL;
    for (size_t i = 0; i < n->num_attributes; i++) {
        const kerf__attribute *a = &n->attributes[i];
        if (strncmp(a->key, "kerf.", 5) != 0 && strcmp(a->key, after) > 0 &&
            (best == NULL || strcmp(a->key, best->key) < 0))
            best = a;
    }
    return best;
}

/* ONNX has axes and shapes as inputs; which kernel fits depends on them. */
static void append_integers(text *t, const kerf_value *v)
{
    const kerf_tensor *list = v->constant;
    if (list == NULL || list->type != KERF_S64 || list->num_elements > KERF_MAX_RANK)
        return;
    for (size_t i = 0; i < list->num_elements; i++)
        append(t, i == 0 ? "=%" PRId64 : ",%" PRId64, ((const int64_t *)list->data)[i]);
}

static void append_value(text *t, const kerf_value *v)
{
    if (v == NULL) {
        append(t, " -");
        return;
    }
    append(t, " %s(", kerf_type_name(v->type));
    for (int i = 0; i < v->shape.rank; i++)
        append(t, i == 0 ? "%" PRId64 : ",%" PRId64, v->shape.dims[i]);
    append(t, ")");
    append_integers(t, v);
}

char *kerf__case_text(const kerf_node *n)
{
    text t = {.chars = kerf__alloc(256, 1), .capacity = 256};
    if (t.chars == NULL)
        return NULL;
    append(&t, "%s", n->op);
    for (const kerf__attribute *a = next_attribute(n, ""); a != NULL; a = next_attribute(n, a->key))
        append_attribute(&t, a);
    for (int i = 0; i < n->num_inputs; i++)
        append_value(&t, n->inputs[i]);
    append(&t, " >");
    for (int i = 0; i < n->num_outputs; i++)
        append_value(&t, n->outputs[i]);
    for (size_t i = 0; i < t.num; i++) /* a string attribute may hold anything */
        if ((unsigned char)t.chars[i] < ' ')
            t.chars[i] = '_';
    if (t.failed) {
        free(t.chars);
        return NULL;
    }
    return t.chars;
}
