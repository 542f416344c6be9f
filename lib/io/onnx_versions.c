/* io/onnx_versions.c -- what an operator meant in the opset of a file, said in the words of
 * KERF__OPSET, so that the rest of Kerf knows one meaning.
 *
 * A row of CHANGED is one change, and the opsets before or after it that are brought here.
 * What is in no row only grew: new types, new attributes whose default is the
 * old meaning.  Newer operators are kept; newer forms are put back into the old one where they
 * say the same.  Other halves: onnx_blocks.c, a product that has much to say, and onnx_lowest.c,
 * which finds the opset to write. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/onnx_reader.h"
#include "tensor/tensor_internal.h"

/* ---- helpers --------------------------------------------------------------------------------- */

static kerf_status fail_version(const kerf__onnx_reader *r, const kerf_node *n, const char *what)
{
    return kerf__fail(KERF_ERR_UNSUPPORTED, "node '%s' (%s) of opset %" PRId64 ": %s", n->name,
                      n->op, r->opset, what);
}

static kerf_status add_constant(kerf__onnx_reader *r, kerf_type type, kerf_shape shape,
                                const void *data, kerf_value **out)
{
    kerf_tensor *t;
    KERF__TRY(kerf_tensor_create(&t, NULL, type, shape));
    if (t->size_bytes > 0)
        memcpy(t->data, data, t->size_bytes);
    return kerf_graph_add_constant(r->graph, NULL, t, out);
}

static kerf_status add_ints(kerf__onnx_reader *r, const int64_t *items, size_t num,
                            kerf_value **out)
{
    return add_constant(r, KERF_S64, KERF_SHAPE((int64_t)num), items, out);
}

/* The attribute as a constant in input i; nothing where it is not there. */
static kerf_status to_input(kerf__onnx_reader *r, kerf_node *n, const char *key, int i)
{
    const kerf__attribute *a = kerf__node_attribute(n, key);
    kerf_value *v = NULL;
    if (a == NULL)
        return KERF_OK;
    switch (a->kind) {
    case KERF__ATTRIBUTE_INT:
        KERF__TRY(add_constant(r, KERF_S64, KERF_SHAPE(1), &a->as_int, &v));
        break;
    case KERF__ATTRIBUTE_FLOAT:
        KERF__TRY(add_constant(r, KERF_F32, KERF_SCALAR, &a->as_float, &v));
        break;
    case KERF__ATTRIBUTE_INTS:
        KERF__TRY(add_ints(r, a->ints, a->num, &v));
        break;
    case KERF__ATTRIBUTE_FLOATS:
        KERF__TRY(add_constant(r, KERF_F32, KERF_SHAPE((int64_t)a->num), a->floats, &v));
        break;
    default:
        return fail_version(r, n, "an attribute has a kind that no input can have");
    }
    kerf__node_remove_attribute(n, key);
    return kerf__node_put_input(n, i, v);
}

/* The number of dimensions, where it can be told without shape rules; -1. */
static int rank_of(const kerf_value *v)
{
    if (v == NULL || v->shape.rank >= 0 || v->producer == NULL)
        return v != NULL ? v->shape.rank : -1;
    const char *op = v->producer->op;
    return strcmp(op, "Gemm") == 0 || strcmp(op, "Flatten") == 0 ? 2 : -1;
}

kerf_status kerf__onnx_add_before(kerf__onnx_reader *r, const kerf_node *n, const char *op,
                                  kerf_value *const *inputs, int num_inputs, kerf_node **out)
{
    char base[KERF__WHAT_BYTES];
    snprintf(base, sizeof base, "%.100s.%s", n->name, op);
    char *name = kerf__graph_fresh_name(r->graph, base);
    if (name == NULL)
        return kerf__fail_memory("ONNX node", sizeof base);
    kerf_status status = kerf_graph_add_node(r->graph, op, name, inputs, num_inputs, 1, out);
    free(name);
    return status;
}

/* ---- attributes that became inputs ----------------------------------------------------------- */

static const struct {
    const char *op, *key;
    int input, since;
} BECAME_INPUTS[] = {
    {"Clip", "min", 1, 11},       {"Clip", "max", 2, 11},       {"Dropout", "ratio", 1, 12},
    {"Pad", "pads", 1, 11},       {"Pad", "value", 2, 11},      {"ReduceSum", "axes", 1, 13},
    {"Slice", "starts", 1, 10},   {"Slice", "ends", 2, 10},     {"Slice", "axes", 3, 10},
    {"Split", "split", 1, 13},    {"Squeeze", "axes", 1, 13},   {"TopK", "k", 1, 10},
    {"Unsqueeze", "axes", 1, 13}, {"Upsample", "scales", 1, 9},
};

static kerf_status bring_inputs(kerf__onnx_reader *r, kerf_node *n)
{
    for (size_t i = 0; i < sizeof BECAME_INPUTS / sizeof BECAME_INPUTS[0]; i++)
        if (r->opset < BECAME_INPUTS[i].since && strcmp(BECAME_INPUTS[i].op, n->op) == 0)
            KERF__TRY(to_input(r, n, BECAME_INPUTS[i].key, BECAME_INPUTS[i].input));
    return KERF_OK;
}

/* ---- operators ------------------------------------------------------------------------------- */

/* Before 14, several outputs were what asked for the training form, and two of the five were
 * only there for the gradient. */
static kerf_status bring_batch_norm(kerf__onnx_reader *r, kerf_node *n)
{
    enum { OUTPUTS = 3 };
    if (kerf_node_int(n, "spatial", 1) == 0)
        return fail_version(r, n, "spatial=0 is not supported, must be 1");
    kerf__node_remove_attribute(n, "spatial");
    kerf__node_remove_attribute(n, "is_test");
    if (n->num_outputs <= 1 || r->opset >= 14)
        return KERF_OK;
    while (n->num_outputs > OUTPUTS) {
        if (kerf__value_num_uses(n->outputs[n->num_outputs - 1]) > 0)
            return fail_version(r, n, "the saved mean and variance are not supported");
        kerf__node_pop_output(n);
    }
    return kerf_node_set_int(n, "training_mode", 1);
}

/* Before 7, the second input lay at dimension `axis` of the first; now at its end. */
static kerf_status bring_broadcast(kerf__onnx_reader *r, kerf_node *n)
{
    const int given = kerf__node_attribute(n, "axis") != NULL;
    const int64_t axis = kerf_node_int(n, "axis", 0);
    int64_t axes[KERF_MAX_RANK];
    kerf__node_remove_attribute(n, "broadcast");
    kerf__node_remove_attribute(n, "axis");
    if (!given || n->num_inputs < 2)
        return KERF_OK;
    const int to = rank_of(n->inputs[0]), from = rank_of(n->inputs[1]);
    if (to < 0 || from < 0)
        return fail_version(r, n, "the shapes that axis refers to are not known");
    const int64_t behind = to - from - (axis < 0 ? axis + to : axis);
    if (behind < 0 || behind > to - from)
        return fail_version(r, n, "axis leaves no room for the second input");
    if (behind == 0)
        return KERF_OK;
    for (int i = 0; i < (int)behind; i++)
        axes[i] = from + i;
    kerf_value *list;
    kerf_node *unsqueeze;
    KERF__TRY(add_ints(r, axes, (size_t)behind, &list));
    KERF__TRY(kerf__onnx_add_before(r, n, "Unsqueeze", (kerf_value *[]){n->inputs[1], list}, 2,
                                    &unsqueeze));
    kerf__node_set_input(n, 1, unsqueeze->outputs[0]);
    return KERF_OK;
}

/* Before 7, a slope a channel lay at dimension 1. */
static kerf_status bring_prelu(kerf__onnx_reader *r, kerf_node *n)
{
    if (n->num_inputs < 2 || rank_of(n->inputs[1]) != 1 || n->inputs[1]->shape.dims[0] == 1)
        return KERF_OK;
    if (rank_of(n->inputs[0]) < 2)
        return fail_version(r, n, "the shape of its input is not known");
    KERF__TRY(kerf_node_set_int(n, "axis", 1));
    return bring_broadcast(r, n);
}

static kerf_status drop_is_test(kerf__onnx_reader *r, kerf_node *n)
{
    (void)r;
    kerf__node_remove_attribute(n, "is_test");
    return KERF_OK;
}

static kerf_status bring_resize(kerf__onnx_reader *r, kerf_node *n)
{
    (void)r;
    kerf_value *scales = n->num_inputs > 1 ? n->inputs[1] : NULL;
    if (scales == NULL)
        return kerf__fail(KERF_ERR_FORMAT, "%s '%s': has no scales, must have them", n->op,
                          n->name);
    KERF__TRY(kerf__node_put_input(n, 2, scales));
    kerf__node_set_input(n, 1, NULL);
    KERF__TRY(kerf_node_set_string(n, "coordinate_transformation_mode", "asymmetric"));
    KERF__TRY(kerf_node_set_string(n, "nearest_mode", "floor"));
    return kerf__node_set_op(n, "Resize");
}

/* 16 moved the default by half a pixel. */
static kerf_status bring_roi_align(kerf__onnx_reader *r, kerf_node *n)
{
    (void)r;
    return kerf_node_set_string(
        n, "coordinate_transformation_mode",
        kerf_node_string(n, "coordinate_transformation_mode", "output_half_pixel"));
}

static kerf_status bring_scatter(kerf__onnx_reader *r, kerf_node *n)
{
    (void)r;
    return kerf__node_set_op(n, "ScatterElements");
}

/* y = Softmax(x) as y = Reshape(Softmax(Flatten(x)), Shape(x)). */
static kerf_status flatten_around(kerf__onnx_reader *r, kerf_node *n, int64_t axis)
{
    kerf_node *shape, *flat, *inner;
    KERF__TRY(kerf__onnx_add_before(r, n, "Shape", n->inputs, 1, &shape));
    KERF__TRY(kerf__onnx_add_before(r, n, "Flatten", n->inputs, 1, &flat));
    KERF__TRY(kerf_node_set_int(flat, "axis", axis));
    KERF__TRY(kerf__onnx_add_before(r, n, n->op, flat->outputs, 1, &inner));
    KERF__TRY(kerf_node_set_int(inner, "axis", -1));
    kerf__node_remove_attribute(n, "axis");
    kerf__node_set_input(n, 0, inner->outputs[0]);
    KERF__TRY(kerf__node_put_input(n, 1, shape->outputs[0]));
    return kerf__node_set_op(n, "Reshape");
}

/* Before 13, all dimensions from `axis` (1) on were one. */
static kerf_status bring_softmax(kerf__onnx_reader *r, kerf_node *n)
{
    const int64_t axis = kerf_node_int(n, "axis", 1);
    if (n->num_inputs < 1 || n->inputs[0] == NULL)
        return KERF_OK;
    if (axis == -1 || axis == rank_of(n->inputs[0]) - 1)
        return kerf_node_set_int(n, "axis", -1);
    return flatten_around(r, n, axis);
}

/* Constant axes go back into the attribute. */
static kerf_status bring_axes(kerf__onnx_reader *r, kerf_node *n)
{
    (void)r;
    const kerf_value *axes = n->num_inputs > 1 ? n->inputs[1] : NULL;
    const int none =
        axes == NULL || (axes->kind == KERF__VALUE_CONSTANT && axes->constant->num_elements == 0);
    if (none && kerf_node_int(n, "noop_with_empty_axes", 0) != 0)
        return KERF_OK;
    if (axes != NULL && (axes->kind != KERF__VALUE_CONSTANT || axes->type != KERF_S64 ||
                         axes->constant->num_elements > KERF_MAX_RANK))
        return KERF_OK;
    kerf__node_remove_attribute(n, "noop_with_empty_axes");
    if (!none)
        KERF__TRY(
            kerf_node_set_ints(n, "axes", axes->constant->data, axes->constant->num_elements));
    if (axes != NULL)
        kerf__node_set_input(n, 1, NULL);
    kerf__node_trim_inputs(n);
    return KERF_OK;
}

static kerf_status bring_cast(kerf__onnx_reader *r, kerf_node *n)
{
    (void)r; /* of 8-bit floats alone, which no value has */
    kerf__node_remove_attribute(n, "saturate");
    kerf__node_remove_attribute(n, "round_mode");
    return KERF_OK;
}

/* What 18 brought is refused unless it is off: an operation would pass over it. */
static kerf_status bring_new_resize(kerf__onnx_reader *r, kerf_node *n)
{
    if (kerf_node_int(n, "antialias", 0) != 0)
        return fail_version(r, n, "antialias=1 is not supported");
    if (kerf__node_attribute(n, "axes") != NULL)
        return fail_version(r, n, "axes is not supported, must scale all dimensions");
    if (strcmp(kerf_node_string(n, "keep_aspect_ratio_policy", "stretch"), "stretch") != 0)
        return fail_version(r, n, "keep_aspect_ratio_policy must be stretch");
    kerf__node_remove_attribute(n, "antialias");
    kerf__node_remove_attribute(n, "keep_aspect_ratio_policy");
    return KERF_OK;
}

static kerf_status bring_grid_sample(kerf__onnx_reader *r, kerf_node *n)
{
    (void)r;
    const char *mode = kerf_node_string(n, "mode", "linear");
    return kerf_node_set_string(n, "mode",
                                strcmp(mode, "linear") == 0  ? "bilinear"
                                : strcmp(mode, "cubic") == 0 ? "bicubic"
                                                             : mode);
}

/* Changes apply to opsets from `from` to below `to`. */
static const struct {
    const char *op;
    int64_t from, to;
    kerf_status (*bring)(kerf__onnx_reader *r, kerf_node *n);
} CHANGED[] = {
    {"Add", 1, 7, bring_broadcast},
    {"And", 1, 7, bring_broadcast},
    {"BatchNormalization", 1, 14, bring_batch_norm},
    {"Cast", 19, 99, bring_cast},
    {"Div", 1, 7, bring_broadcast},
    {"Dropout", 1, 7, drop_is_test},
    {"Equal", 1, 7, bring_broadcast},
    {"Gemm", 1, 7, bring_broadcast},
    {"Greater", 1, 7, bring_broadcast},
    {"GridSample", 20, 99, bring_grid_sample},
    {"Hardmax", 1, 13, bring_softmax},
    {"Less", 1, 7, bring_broadcast},
    {"LogSoftmax", 1, 13, bring_softmax},
    {"Mul", 1, 7, bring_broadcast},
    {"Or", 1, 7, bring_broadcast},
    {"PRelu", 1, 7, bring_prelu},
    {"Pow", 1, 7, bring_broadcast},
    {"QuantizeLinear", 19, 99, bring_cast},
    {"ReduceL1", 18, 99, bring_axes},
    {"ReduceL2", 18, 99, bring_axes},
    {"ReduceLogSum", 18, 99, bring_axes},
    {"ReduceLogSumExp", 18, 99, bring_axes},
    {"ReduceMax", 18, 99, bring_axes},
    {"ReduceMean", 18, 99, bring_axes},
    {"ReduceMin", 18, 99, bring_axes},
    {"ReduceProd", 18, 99, bring_axes},
    {"ReduceSumSquare", 18, 99, bring_axes},
    {"Resize", 10, 11, bring_resize},
    {"Resize", 18, 99, bring_new_resize},
    {"RoiAlign", 1, 16, bring_roi_align},
    {"Scatter", 1, 11, bring_scatter},
    {"Softmax", 1, 13, bring_softmax},
    {"Sub", 1, 7, bring_broadcast},
    {"Upsample", 1, 10, bring_resize},
    {"Xor", 1, 7, bring_broadcast},
    {"com.microsoft.MatMulNBits", 1, 99, kerf__onnx_bring_blocks},
};

static kerf_status bring_node(kerf__onnx_reader *r, kerf_node *n)
{
    KERF__TRY(bring_inputs(r, n));
    for (size_t i = 0; i < sizeof CHANGED / sizeof CHANGED[0]; i++)
        if (r->opset >= CHANGED[i].from && r->opset < CHANGED[i].to &&
            strcmp(CHANGED[i].op, n->op) == 0)
            return CHANGED[i].bring(r, n); /* one at most: the operator may be another now */
    return KERF_OK;
}

kerf_status kerf__onnx_bring(kerf__onnx_reader *r)
{
    const size_t num = r->graph->num_nodes; /* the file's; others are added behind */
    for (size_t i = 0; i < num; i++)
        KERF__TRY(bring_node(r, r->graph->nodes[i]));
    return kerf__graph_sort(r->graph);
}
