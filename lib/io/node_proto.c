/* io/node_proto.c -- attributes of nodes, checked and taken over into a graph.
 *
 * Graphs keep numbers, lists of numbers, text and tensors.  What else an attribute can be
 * (subgraphs, sparse tensors, types, lists of text) is refused by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/io_internal.h"

/* Several times what any operator has; look-ups among attributes go one by one. */
enum { MAX_ATTRIBUTES = 64 };

static const struct {
    Onnx__AttributeProto__AttributeType type;
    char letter;
    const char *name;
} KINDS[] = {
    {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT, 'f', "a float"},
    {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, 'i', "an int"},
    {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING, 's', "text"},
    {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR, 't', "a tensor"},
    {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS, 'F', "a list of floats"},
    {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, 'I', "a list of ints"},
    {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS, 'S', "a list of texts"},
    {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH, 'g', "a subgraph"},
    {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPHS, 'G', "a list of subgraphs"},
    {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__SPARSE_TENSOR, 'p', "a sparse tensor"},
    {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__SPARSE_TENSORS, 'P', "a list of sparse tensors"},
    {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSORS, 'T', "a list of tensors"},
    {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TYPE_PROTO, 'y', "a type"},
    {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TYPE_PROTOS, 'Y', "a list of types"},
};
enum { NUM_KINDS = sizeof KINDS / sizeof KINDS[0] };

const char *kerf__node_what(const Onnx__NodeProto *p, char *text)
{
    const char *name = kerf__text(p->name);
    if (name[0] == '\0' && p->n_output > 0)
        name = p->output[0];
    snprintf(text, KERF__WHAT_BYTES, "node '%.120s' (%.48s)", name, kerf__text(p->op_type));
    return text;
}

int kerf__is_onnx_domain(const char *domain)
{
    return domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0;
}

/* ---- checking ----------------------------------------------------------------------------- */

static const char *kind_name(int letter)
{
    for (int k = 0; k < NUM_KINDS; k++)
        if (KINDS[k].letter == letter)
            return KINDS[k].name;
    return "of an unknown kind";
}

static int letter_of(const Onnx__AttributeProto *a)
{
    for (int k = 0; k < NUM_KINDS; k++)
        if (a->has_type && KINDS[k].type == a->type)
            return KINDS[k].letter;
    return 0;
}

/* Whether the operator is there, in this opset, with a meaning that Kerf knows. */
static kerf_status check_operator(const Onnx__NodeProto *p, int opset)
{
    char what[KERF__WHAT_BYTES];
    kerf__opsets opsets;
    if (opset == 0 || !kerf__is_onnx_domain(kerf__text(p->domain)) ||
        !kerf__operator_opsets(kerf__text(p->op_type), &opsets))
        return KERF_OK;
    if (opset > opsets.last)
        return kerf__fail(KERF_ERR_FORMAT, "%s: opset %d has no such operator, the last was %d",
                          kerf__node_what(p, what), opset, opsets.last);
    if (opset < opsets.first)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: is taken from opset %d on, the model has %d",
                          kerf__node_what(p, what), opsets.first, opset);
    return KERF_OK;
}

static kerf_status check_known(const Onnx__NodeProto *p, const Onnx__AttributeProto *a, int opset)
{
    char what[KERF__WHAT_BYTES];
    kerf__opsets opsets;
    if (opset == 0 || !kerf__is_onnx_domain(kerf__text(p->domain)))
        return KERF_OK;
    const int wanted = kerf__attribute_letter(kerf__text(p->op_type), a->name, &opsets);
    if (wanted == 0 || (wanted > 0 && (opset < opsets.first || opset > opsets.last)))
        return kerf__fail(KERF_ERR_FORMAT, "%s: has an attribute '%s', which %s does not know%s",
                          kerf__node_what(p, what), a->name, p->op_type,
                          wanted == 0 ? "" : " in this opset");
    if (wanted > 0 && wanted != letter_of(a))
        return kerf__fail(KERF_ERR_FORMAT, "%s: attribute '%s' is %s, must be %s",
                          kerf__node_what(p, what), a->name, kind_name(letter_of(a)),
                          kind_name(wanted));
    return KERF_OK;
}

static kerf_status check_kind(const Onnx__NodeProto *p, const Onnx__AttributeProto *a, int opset)
{
    char what[KERF__WHAT_BYTES];
    const int letter = letter_of(a);
    if (letter == 'g' || letter == 'G')
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "%s: has a subgraph ('%s'), control flow is not supported",
                          kerf__node_what(p, what), a->name);
    if (kerf__text(a->ref_attr_name)[0] != '\0' || letter == 0)
        return kerf__fail(KERF_ERR_FORMAT, "%s: attribute '%s' has no value of its own",
                          kerf__node_what(p, what), a->name);
    return check_known(p, a, opset);
}

kerf_status kerf__attributes_check(const Onnx__NodeProto *p, int opset)
{
    char what[KERF__WHAT_BYTES];
    KERF__TRY(check_operator(p, opset));
    if (p->n_attribute > MAX_ATTRIBUTES)
        return kerf__fail(KERF_ERR_FORMAT, "%s: has %zu attributes, at most %d are believed",
                          kerf__node_what(p, what), p->n_attribute, MAX_ATTRIBUTES);
    for (size_t i = 0; i < p->n_attribute; i++) {
        const char *name = kerf__text(p->attribute[i]->name);
        if (name[0] == '\0')
            return kerf__fail(KERF_ERR_FORMAT, "%s: has an attribute without a name",
                              kerf__node_what(p, what));
        for (size_t k = 0; k < i; k++)
            if (strcmp(p->attribute[k]->name, name) == 0)
                return kerf__fail(KERF_ERR_FORMAT, "%s: has two attributes '%s'",
                                  kerf__node_what(p, what), name);
        KERF__TRY(check_kind(p, p->attribute[i], opset));
    }
    return KERF_OK;
}

/* ---- taking over ---------------------------------------------------------------------------- */

static kerf_status set_string(kerf_node *n, const Onnx__AttributeProto *a, const char *what)
{
    if (a->s.len > 0 && memchr(a->s.data, '\0', a->s.len) != NULL)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: attribute '%s' is text with a zero byte", what,
                          a->name);
    char *text = kerf__alloc(a->s.len + 1, 1);
    if (text == NULL)
        return kerf__fail_memory(what, a->s.len + 1);
    if (a->s.len > 0)
        memcpy(text, a->s.data, a->s.len);
    kerf_status status = kerf_node_set_string(n, a->name, text);
    free(text);
    return status;
}

static kerf_status set_tensor(kerf_node *n, const Onnx__AttributeProto *a,
                              const kerf__outside *outside, const char *what)
{
    if (a->t == NULL)
        return kerf__fail(KERF_ERR_FORMAT, "%s: attribute '%s' has no tensor", what, a->name);
    char what_attribute[2 * KERF__WHAT_BYTES];
    snprintf(what_attribute, sizeof what_attribute, "%s: attribute '%.64s'", what, a->name);
    kerf__array array;
    kerf_tensor *tensor = NULL;
    KERF__TRY(kerf__array_read(&array, a->t, outside, what_attribute));
    kerf_status status = kerf__array_to_tensor(&tensor, &array);
    kerf__array_free(&array);
    return status == KERF_OK ? kerf__node_set_tensor(n, a->name, tensor) : status;
}

static kerf_status set_attribute(kerf_node *n, const Onnx__AttributeProto *a,
                                 const kerf__outside *outside, const char *what)
{
    int letter = letter_of(a);
    switch (letter) {
    case 'f':
        return kerf_node_set_float(n, a->name, a->f);
    case 'i':
        return kerf_node_set_int(n, a->name, a->i);
    case 's':
        return set_string(n, a, what);
    case 'F':
        return kerf_node_set_floats(n, a->name, a->floats, a->n_floats);
    case 'I':
        return kerf_node_set_ints(n, a->name, a->ints, a->n_ints);
    case 't':
        return set_tensor(n, a, outside, what);
    default:
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: attribute '%s' is %s, which is not supported",
                          what, a->name, kind_name(letter));
    }
}

kerf_status kerf__attributes_read(kerf_node *n, const Onnx__NodeProto *p,
                                  const kerf__outside *outside)
{
    char what[KERF__WHAT_BYTES];
    kerf__node_what(p, what);
    for (size_t i = 0; i < p->n_attribute; i++)
        KERF__TRY(set_attribute(n, p->attribute[i], outside, what));
    return KERF_OK;
}
