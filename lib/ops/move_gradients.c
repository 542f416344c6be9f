/* ops/move_gradients.c -- gradients of operations that only move data (move_common.h): what
 * arrives is moved back, and added up where one element went to several places. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "ops/move_common.h"

typedef struct attribute {
    const char *key;
    const int64_t *items;
    size_t num;
} attribute;

/* A node of one input with these lists of integers; its output comes back in its place. */
static kerf_status make(kerf__gradients *grads, const char *op, const kerf_node *n, kerf_value **v,
                        const attribute *attributes, int num)
{
    kerf_node *node;
    KERF__TRY(kerf__gradient_add_node(grads, op, n, "grad", v, 1, &node));
    for (int i = 0; i < num; i++)
        KERF__TRY(
            kerf_node_set_ints(node, attributes[i].key, attributes[i].items, attributes[i].num));
    *v = node->outputs[0];
    return kerf__node_infer(node);
}

static kerf_status gradient_transpose(kerf__gradients *grads, kerf_node *n, kerf_value *diff)
{
    int64_t inverse[KERF_MAX_RANK];
    size_t num;
    const int rank = diff->shape.rank;
    const int64_t *perm = kerf_node_ints(n, "perm", &num);
    for (int i = 0; i < rank; i++)
        inverse[perm != NULL ? perm[i] : rank - 1 - i] = i;
    KERF__TRY(make(grads, "Transpose", n, &diff, (attribute[]){{"perm", inverse, (size_t)rank}},
                   rank > 0));
    return kerf__gradient_add(grads, n->inputs[0], diff);
}

/* The other one, in the same mode. */
static kerf_status gradient_blocks(kerf__gradients *grads, kerf_node *n, kerf_value *diff)
{
    const char *back = strcmp(n->op, "DepthToSpace") == 0 ? "SpaceToDepth" : "DepthToSpace";
    kerf_node *node;
    KERF__TRY(kerf__gradient_add_node(grads, back, n, "grad", &diff, 1, &node));
    KERF__TRY(kerf__node_copy_attributes(node, n));
    KERF__TRY(kerf__node_infer(node));
    return kerf__gradient_add(grads, n->inputs[0], node->outputs[0]);
}

/* A part of the input that begins at `begin`, among zeros. */
static kerf_status put_back(kerf__gradients *grads, kerf_node *n, kerf_value *diff,
                            const int64_t *begin, const int64_t *step)
{
    const kerf_shape src = n->inputs[0]->shape;
    const size_t rank = (size_t)src.rank;
    KERF__TRY(make(
        grads, "kerf.SliceGrad", n, &diff,
        (attribute[]){{"shape", src.dims, rank}, {"starts", begin, rank}, {"steps", step, rank}},
        rank > 0 ? 3 : 0));
    return kerf__gradient_add(grads, n->inputs[0], diff);
}

static kerf_status gradient_slice(kerf__gradients *grads, kerf_node *n, kerf_value *diff)
{
    kerf__cut cut;
    KERF__TRY(kerf__slice_cut(n, &cut));
    for (int i = 0; i < n->inputs[0]->shape.rank; i++)
        if (cut.num[i] == 0)
            cut.begin[i] = 0;
    return put_back(grads, n, diff, cut.begin, cut.step);
}

/* One repeated axis after the other: (before, repeats, after) is summed over its middle. */
static kerf_status gradient_tile(kerf__gradients *grads, kerf_node *n, kerf_value *diff)
{
    const kerf_shape src = n->inputs[0]->shape;
    kerf_shape now = diff->shape;
    for (int i = 0; i < src.rank; i++) {
        const int64_t middle = 1, keep = 0;
        kerf_shape three = KERF_SHAPE(1, src.dims[i] > 0 ? now.dims[i] / src.dims[i] : 1, 1);
        if (now.dims[i] == src.dims[i])
            continue;
        now.dims[i] = src.dims[i];
        for (int k = 0; k < src.rank; k++)
            three.dims[k < i ? 0 : 2] *= now.dims[k];
        kerf_node *node;
        KERF__TRY(kerf__gradient_reshape(grads, n, diff, three, &diff));
        KERF__TRY(kerf__gradient_add_node(grads, "ReduceSum", n, "grad", &diff, 1, &node));
        KERF__TRY(kerf_node_set_ints(node, "axes", &middle, 1));
        KERF__TRY(kerf_node_set_int(node, "keepdims", keep));
        KERF__TRY(kerf__node_infer(node));
        diff = node->outputs[0];
    }
    KERF__TRY(kerf__gradient_reshape(grads, n, diff, src, &diff));
    return kerf__gradient_add(grads, n->inputs[0], diff);
}

/* Each input's part. */
static kerf_status gradient_concat(kerf__gradients *grads, kerf_node *n, kerf_value *whole)
{
    int axis;
    int64_t begin = 0;
    KERF__TRY(kerf__node_axis(n, kerf_node_int(n, "axis", 0), whole->shape.rank, &axis));
    const int64_t along = axis;
    for (int i = 0; i < n->num_inputs; i++) {
        const int64_t end = begin + n->inputs[i]->shape.dims[axis];
        kerf_value *diff = whole;
        if (kerf__gradient_wanted(grads, n->inputs[i])) {
            KERF__TRY(make(
                grads, "Slice", n, &diff,
                (attribute[]){{"starts", &begin, 1}, {"ends", &end, 1}, {"axes", &along, 1}}, 3));
            KERF__TRY(kerf__gradient_add(grads, n->inputs[i], diff));
        }
        begin = end;
    }
    return KERF_OK;
}

/* Where every part has a gradient, one behind the other. */
static kerf_status join_parts(kerf__gradients *grads, kerf_node *n, kerf_value *const *diffs,
                              int axis)
{
    kerf_node *node;
    KERF__TRY(kerf__gradient_add_node(grads, "Concat", n, "grad", diffs, n->num_outputs, &node));
    KERF__TRY(kerf_node_set_int(node, "axis", axis));
    KERF__TRY(kerf__node_infer(node));
    return kerf__gradient_add(grads, n->inputs[0], node->outputs[0]);
}

static kerf_status add_parts(kerf__gradients *grads, kerf_node *n, kerf_value *const *diffs,
                             int axis)
{
    int64_t begin[KERF_MAX_RANK] = {0}, step[KERF_MAX_RANK];
    for (int k = 0; k < KERF_MAX_RANK; k++)
        step[k] = 1;
    for (int i = 0; i < n->num_outputs; i++) {
        const int64_t num = n->outputs[i]->shape.dims[axis];
        if (diffs[i] != NULL && num > 0)
            KERF__TRY(put_back(grads, n, diffs[i], begin, step));
        begin[axis] += num;
    }
    return KERF_OK;
}

static kerf_status gradient_split(kerf__gradients *grads, kerf_node *n)
{
    int axis, missing = 0;
    KERF__TRY(kerf__node_axis(n, kerf_node_int(n, "axis", 0), n->inputs[0]->shape.rank, &axis));
    kerf_value **diffs = kerf__alloc((size_t)n->num_outputs, sizeof *diffs);
    if (diffs == NULL)
        return kerf__fail_memory("Split", (size_t)n->num_outputs * sizeof *diffs);
    for (int i = 0; i < n->num_outputs; i++) {
        diffs[i] = kerf__gradient_of(grads, n->outputs[i]);
        missing += diffs[i] == NULL;
    }
    kerf_status status =
        missing == 0 ? join_parts(grads, n, diffs, axis) : add_parts(grads, n, diffs, axis);
    free(diffs);
    return status;
}

static const struct {
    const char *op;
    kerf_status (*rule)(kerf__gradients *grads, kerf_node *n, kerf_value *diff);
} RULES[] = {
    {"Concat", gradient_concat},       {"DepthToSpace", gradient_blocks},
    {"Pad", kerf__pad_gradient},       {"Slice", gradient_slice},
    {"SpaceToDepth", gradient_blocks}, {"Tile", gradient_tile},
    {"Transpose", gradient_transpose},
};

kerf_status kerf__move_gradient(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    if (strcmp(n->op, "Split") == 0)
        return kerf__gradient_wanted(grads, n->inputs[0]) ? gradient_split(grads, n) : KERF_OK;
    const int any = strcmp(n->op, "Concat") == 0; /* it looks itself, input by input */
    if (diff == NULL || (!any && !kerf__gradient_wanted(grads, n->inputs[0])))
        return KERF_OK;
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++)
        if (strcmp(RULES[i].op, n->op) == 0)
            return RULES[i].rule(grads, n, diff);
    return KERF_OK;
}
