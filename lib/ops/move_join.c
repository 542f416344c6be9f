/* ops/move_join.c -- Concat and Split: a box for each part of the whole (move_common.h). */
#include <string.h>

#include "base/fail.h"
#include "ops/move_common.h"

/* The axis counts from the end of the inputs; Split's is 0 where it says none. */
static kerf_status joined_axis(const kerf_node *n, int *axis)
{
    const int is_split = strcmp(n->op, "Split") == 0;
    if (!is_split && kerf__node_attribute(n, "axis") == NULL)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "has no axis, must have one");
    return kerf__node_axis(n, kerf_node_int(n, "axis", 0), n->inputs[0]->shape.rank, axis);
}

static kerf_status infer_concat(kerf_node *n)
{
    kerf_shape dst = n->inputs[0]->shape;
    int axis;
    KERF__TRY(joined_axis(n, &axis));
    for (int i = 1; i < n->num_inputs; i++) {
        if (n->inputs[i] == NULL)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "input %d is left out, must be there", i);
        kerf_shape part = n->inputs[i]->shape, want = dst;
        if (part.rank == dst.rank)
            want.dims[axis] = part.dims[axis];
        KERF__TRY(kerf__node_check_type(n, i, n->inputs[0]->type));
        KERF__TRY(kerf__node_check_shape(n, i, want));
        if (part.dims[axis] > KERF__MOST_MOVED - dst.dims[axis])
            return kerf__fail_node(KERF_ERR_SHAPE, n, "its result is larger than 2^62 bytes");
        dst.dims[axis] += part.dims[axis];
    }
    kerf__set_output(n, 0, n->inputs[0]->type, dst);
    return KERF_OK;
}

static kerf_status check_parts(const kerf_node *n, const int64_t *parts, size_t num, int64_t dim)
{
    int64_t sum = 0;
    for (size_t i = 0; i < num; i++) {
        if (parts[i] < 0 || parts[i] > dim - sum)
            return kerf__fail_node(KERF_ERR_SHAPE, n,
                                   "part %zu of split is %lld, must be 0 to %lld", i,
                                   (long long)parts[i], (long long)(dim - sum));
        sum += parts[i];
    }
    if (num != (size_t)n->num_outputs || sum != dim)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "split has %zu parts, %lld in all, must be %d, %lld in all", num,
                               (long long)sum, n->num_outputs, (long long)dim);
    return KERF_OK;
}

/* The list of parts, which may be longer than kerf__ints takes, or NULL for equal ones. */
static kerf_status split_parts(const kerf_node *n, int64_t dim, const int64_t **parts)
{
    size_t num;
    *parts = kerf_node_ints(n, "split", &num);
    if (n->num_inputs > 1 && n->inputs[1] != NULL) {
        const kerf_value *v = n->inputs[1];
        if (v->kind != KERF__VALUE_CONSTANT || v->type != KERF_S64)
            return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s must be a constant of int64",
                                   v->name);
        *parts = v->constant->data;
        num = v->constant->num_elements;
    }
    return *parts != NULL ? check_parts(n, *parts, num, dim) : KERF_OK;
}

/* Equal parts; from opset 18 on, which says how many, the last may be smaller. */
static int64_t equal_part(const kerf_node *n, int64_t dim, int i)
{
    const int64_t size = (dim - 1) / n->num_outputs + 1, left = dim - i * size;
    return left < 0 ? 0 : left < size ? left : size;
}

static int64_t split_part(const kerf_node *n, const int64_t *parts, int64_t dim, int i)
{
    return parts != NULL ? parts[i] : equal_part(n, dim, i);
}

static kerf_status infer_split(kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    const int64_t *parts, num = kerf_node_int(n, "num_outputs", 0);
    int axis;
    KERF__TRY(joined_axis(n, &axis));
    KERF__TRY(split_parts(n, src.dims[axis], &parts));
    if (num != 0 && num != n->num_outputs)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "num_outputs is %lld, must be %d", (long long)num,
                               n->num_outputs);
    if (parts == NULL && num == 0 && src.dims[axis] % n->num_outputs != 0)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "%lld do not part into %d equal outputs",
                               (long long)src.dims[axis], n->num_outputs);
    for (int i = 0; i < n->num_outputs; i++) {
        kerf_shape dst = src;
        dst.dims[axis] = split_part(n, parts, src.dims[axis], i);
        kerf__set_output(n, i, n->inputs[0]->type, dst);
    }
    return KERF_OK;
}

/* Part i begins at `at` along the axis of the whole. */
static void add_part(kerf__box *b, kerf_shape whole, kerf_shape part, int is_split)
{
    int64_t outer[KERF_MAX_RANK], inner[KERF_MAX_RANK];
    kerf__move_strides(whole, outer);
    kerf__move_strides(part, inner);
    for (int k = 0; k < whole.rank; k++)
        kerf__box_add_dim(b, part.dims[k], is_split ? outer[k] : inner[k],
                          is_split ? inner[k] : outer[k]);
}

static void box_joined(const kerf_node *n, int i, kerf__box *b)
{
    const int is_split = strcmp(n->op, "Split") == 0;
    kerf_value *const *parts = is_split ? n->outputs : n->inputs;
    const kerf_shape whole = (is_split ? n->inputs : n->outputs)[0]->shape;
    int64_t at = 0;
    int axis;
    if (joined_axis(n, &axis) != KERF_OK)
        return; /* cannot be: infer has read it */
    for (int k = 0; k < i; k++)
        at += parts[k]->shape.dims[axis];
    for (int k = axis + 1; k < whole.rank; k++)
        at *= whole.dims[k];
    add_part(b, whole, parts[i]->shape, is_split);
    *(is_split ? &b->src_at : &b->dst_at) = at;
}

/* ---- rules ------------------------------------------------------------------------------- */

const kerf__move_rule kerf__move_concat = {
    .infer = infer_concat, .box = box_joined, .each = KERF__MOVE_INPUT};
const kerf__move_rule kerf__move_split = {
    .infer = infer_split, .box = box_joined, .each = KERF__MOVE_OUTPUT};
