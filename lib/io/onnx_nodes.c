/* io/onnx_nodes.c -- the nodes of an ONNX graph.
 *
 * First all nodes are made with their outputs, then inputs are connected; onnx_versions.c puts
 * all in order later: a file need not be sorted, and what is missing or runs in a circle is
 * found with every name at hand.  Operators that Kerf cannot run are kept; a plan refuses them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/onnx_reader.h"

/* Beyond any operator; the outputs of a node are searched one by one. */
enum { MAX_NODE_INPUTS = 65536, MAX_NODE_OUTPUTS = 256 };

/* Trailing names that are empty say nothing. */
static size_t num_named(char *const *names, size_t num)
{
    while (num > 0 && names[num - 1][0] == '\0')
        num--;
    return num;
}

static int is_constant(const Onnx__NodeProto *p)
{
    return kerf__is_onnx_domain(kerf__text(p->domain)) && strcmp(p->op_type, "Constant") == 0;
}

/* ---- constants ------------------------------------------------------------------------------ */

/* The plain-number forms of Constant's value. */
static int constant_array(kerf__array *out, const Onnx__AttributeProto *a)
{
    const struct {
        const char *key;
        kerf__array array;
    } forms[] = {
        {"value_float", {KERF_F32, KERF_SCALAR, &a->f, sizeof a->f, NULL}},
        {"value_int", {KERF_S64, KERF_SCALAR, &a->i, sizeof a->i, NULL}},
        {"value_floats",
         {KERF_F32, KERF_SHAPE((int64_t)a->n_floats), a->floats, a->n_floats * sizeof(float),
          NULL}},
        {"value_ints",
         {KERF_S64, KERF_SHAPE((int64_t)a->n_ints), a->ints, a->n_ints * sizeof(int64_t), NULL}},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (strcmp(forms[i].key, a->name) == 0) {
            *out = forms[i].array;
            return 1;
        }
    return 0;
}

static kerf_status add_constant(kerf__onnx_reader *r, const Onnx__NodeProto *p)
{
    char what[KERF__WHAT_BYTES];
    kerf__node_what(p, what);
    if (p->n_output != 1 || p->n_attribute != 1)
        return kerf__fail(KERF_ERR_FORMAT, "%s: must have one value and one output", what);
    KERF__TRY(kerf__onnx_check_name(r, p->output[0], what));
    const Onnx__AttributeProto *a = p->attribute[0];
    kerf__array array;
    if (strcmp(a->name, "value") == 0 && a->t != NULL)
        KERF__TRY(kerf__array_read(&array, a->t, r->outside, what));
    else if (!constant_array(&array, a))
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: '%s' is not supported, must be a tensor", what,
                          a->name);
    else
        KERF__TRY(kerf__array_check(&array, what));
    return kerf__onnx_add_constant(r, p->output[0], &array);
}

/* ---- nodes ------------------------------------------------------------------------------- */

static kerf_status check_domain(const kerf__onnx_reader *r, const Onnx__NodeProto *p,
                                const char *what)
{
    const char *domain = kerf__text(p->domain);
    if (strncmp(domain, "kerf", 4) == 0 && (domain[4] == '\0' || domain[4] == '.'))
        return kerf__fail(KERF_ERR_FORMAT, "%s: domain 'kerf' never stands in an ONNX file", what);
    for (size_t i = 0; i < r->model->n_opset_import; i++)
        if (strcmp(kerf__text(r->model->opset_import[i]->domain), domain) == 0)
            return KERF_OK;
    if (kerf__is_onnx_domain(domain)) /* its two names mean the same */
        return KERF_OK;
    return kerf__fail(KERF_ERR_FORMAT, "%s: its domain '%s' is not among the imported ones", what,
                      domain);
}

static kerf_status check_node(const kerf__onnx_reader *r, const Onnx__NodeProto *p)
{
    char what[KERF__WHAT_BYTES];
    kerf__node_what(p, what);
    const char *op = kerf__text(p->op_type);
    if (op[0] == '\0' || strchr(op, '.') != NULL)
        return kerf__fail(KERF_ERR_FORMAT, "%s: '%s' is no operator's name", what, op);
    if (p->n_input > MAX_NODE_INPUTS || p->n_output > MAX_NODE_OUTPUTS)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "%s: has %zu inputs and %zu outputs, at most %d and %d are supported",
                          what, p->n_input, p->n_output, MAX_NODE_INPUTS, MAX_NODE_OUTPUTS);
    if (num_named(p->output, p->n_output) == 0)
        return kerf__fail(KERF_ERR_FORMAT, "%s: has no output", what);
    KERF__TRY(check_domain(r, p, what));
    return kerf__attributes_check(p, (int)r->opset);
}

/* The name of the first output that is not left out; check_node() saw that there is one. */
static const char *first_output(const Onnx__NodeProto *p)
{
    size_t i = 0;
    while (p->output[i][0] == '\0')
        i++;
    return p->output[i];
}

/* "Gemm", or "com.microsoft.Gelu". */
static kerf_status create_node(kerf_node **out, kerf__onnx_reader *r, const Onnx__NodeProto *p)
{
    *out = NULL;
    const char *domain = kerf__text(p->domain), *name = kerf__text(p->name);
    size_t num_inputs = num_named(p->input, p->n_input);
    size_t op_bytes = strlen(domain) + strlen(p->op_type) + 2;
    char *op = kerf__alloc(op_bytes, 1);
    kerf_value **none = kerf__alloc(num_inputs, sizeof *none); /* connected later */
    kerf_status status = KERF_OK;
    if (op == NULL || none == NULL) {
        status = kerf__fail_memory("ONNX node", op_bytes + num_inputs * sizeof *none);
    } else {
        int plain = kerf__is_onnx_domain(domain);
        snprintf(op, op_bytes, "%s%s%s", plain ? "" : domain, plain ? "" : ".", p->op_type);
        status = kerf_graph_add_node(r->graph, op, name[0] != '\0' ? name : first_output(p), none,
                                     (int)num_inputs, 0, out);
    }
    free(op);
    free(none);
    return status;
}

/* What an output is called that is left out while another one follows: "y:1", with a number
 * behind it where that is taken.  Numbers only go up, so that no file makes this long. */
static void name_left_out(kerf__onnx_reader *r, const Onnx__NodeProto *p, size_t i, char *name,
                          size_t name_bytes)
{
    snprintf(name, name_bytes, "%.120s:%zu", first_output(p), i);
    while (kerf_graph_find(r->graph, name) != NULL)
        snprintf(name, name_bytes, "%.120s:%zu_%zu", first_output(p), i, ++r->num_renamed);
}

static kerf_status add_outputs(kerf__onnx_reader *r, kerf_node *n, const Onnx__NodeProto *p)
{
    char what[KERF__WHAT_BYTES], left_out[KERF__WHAT_BYTES];
    for (size_t i = 0; i < num_named(p->output, p->n_output); i++) {
        const char *name = p->output[i];
        kerf_value *value;
        if (name[0] == '\0') {
            name_left_out(r, p, i, left_out, sizeof left_out);
            name = left_out;
        } else {
            KERF__TRY(kerf__onnx_check_name(r, name, kerf__node_what(p, what)));
        }
        KERF__TRY(kerf__graph_add_output_value(r->graph, n, name, &value));
    }
    return KERF_OK;
}

static kerf_status add_node(kerf__onnx_reader *r, const Onnx__NodeProto *p)
{
    kerf_node *n;
    KERF__TRY(check_node(r, p));
    if (is_constant(p))
        return add_constant(r, p);
    kerf_status status = create_node(&n, r, p);
    if (n == NULL)
        return status;
    KERF__TRY(add_outputs(r, n, p));
    return kerf__attributes_read(n, p, r->outside);
}

static kerf_status connect(kerf__onnx_reader *r, kerf_node *n, const Onnx__NodeProto *p)
{
    char what[KERF__WHAT_BYTES];
    for (int i = 0; i < n->num_inputs; i++) {
        if (p->input[i][0] == '\0')
            continue;
        kerf_value *value = kerf_graph_find(r->graph, p->input[i]);
        if (value == NULL)
            return kerf__fail(KERF_ERR_FORMAT,
                              "%s: reads '%s', which no input, initializer or node makes",
                              kerf__node_what(p, what), p->input[i]);
        kerf__node_set_input(n, i, value);
    }
    return KERF_OK;
}

kerf_status kerf__onnx_add_nodes(kerf__onnx_reader *r)
{
    const Onnx__GraphProto *proto = r->proto;
    for (size_t i = 0; i < proto->n_node; i++)
        KERF__TRY(add_node(r, proto->node[i]));
    for (size_t i = 0, made = 0; i < proto->n_node; i++)
        if (!is_constant(proto->node[i]))
            KERF__TRY(connect(r, r->graph->nodes[made++], proto->node[i]));
    return KERF_OK;
}
