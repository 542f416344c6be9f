/* ops/shape.c -- operations without work: the output is input 0 under another shape.
 *
 * They have no variants, so the plan gives the output the same bytes.  Their gradient is
 * a Reshape back.  Dropout is here because in the model graph it means evaluation; so is kerf.Gate,
 * which a plan replaces by formulas (plan/gates.c). */
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"

static kerf_status pass(kerf_node *n, kerf_shape shape)
{
    char from[128], to[128];
    const kerf_value *src = n->inputs[0];
    if (kerf_shape_num_elements(shape) != kerf__value_elements(src))
        return kerf__fail_node(KERF_ERR_SHAPE, n, "%s does not hold the elements of %s",
                               kerf_shape_text(shape, to, sizeof to),
                               kerf_shape_text(src->shape, from, sizeof from));
    kerf__set_output(n, 0, src->type, shape);
    return KERF_OK;
}

static kerf_status infer_identity(kerf_node *n)
{
    return pass(n, n->inputs[0]->shape);
}

static kerf_status infer_dropout(kerf_node *n)
{
    if (n->num_outputs > 1 && n->outputs[1] != NULL && kerf__value_num_uses(n->outputs[1]) > 0)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "the mask output is not supported");
    if (n->num_inputs > 2 && n->inputs[2] != NULL) {
        const kerf_value *training = n->inputs[2];
        if (training->kind != KERF__VALUE_CONSTANT || training->constant->num_elements != 1 ||
            *(const char *)training->constant->data != 0)
            return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "training_mode must be constant false");
    }
    return infer_identity(n);
}

/* 0 keeps the input's dimension (unless allowzero), one -1 takes what is left. */
static kerf_status infer_reshape(kerf_node *n)
{
    kerf__ints shape;
    KERF__TRY(kerf__node_get_ints(n, "shape", 1, &shape));
    if (!shape.given)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "has no shape, must have one");
    const kerf_shape src = n->inputs[0]->shape;
    kerf_shape dst = {(int)shape.num, {0}};
    int open = -1;
    for (int i = 0; i < dst.rank; i++) {
        int64_t d = shape.items[i];
        if (d == 0 && kerf_node_int(n, "allowzero", 0) == 0 && i < src.rank)
            d = src.dims[i];
        if (d < -1 || (d == -1 && open >= 0))
            return kerf__fail_node(KERF_ERR_SHAPE, n,
                                   "shape[%d] is %lld, must be 0 or more, or "
                                   "-1 once",
                                   i, (long long)d);
        open = d == -1 ? i : open;
        dst.dims[i] = d == -1 ? 1 : d;
    }
    const int64_t known = kerf_shape_num_elements(dst);
    if (open >= 0 && known >= 0) /* else pass() says what is wrong */
        dst.dims[open] = known == 0 ? 0 : kerf_shape_num_elements(src) / known;
    return pass(n, dst);
}

static kerf_status infer_flatten(kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    int64_t axis = kerf_node_int(n, "axis", 1);
    if (axis < 0)
        axis += src.rank;
    if (axis < 0 || axis > src.rank)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "axis is %lld, must be in [%d, %d]",
                               (long long)axis, -src.rank, src.rank);
    kerf_shape dst = KERF_SHAPE(1, 1);
    for (int i = 0; i < src.rank; i++)
        dst.dims[i >= axis] *= src.dims[i];
    return pass(n, dst);
}

static kerf_status infer_squeeze(kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    kerf__ints axes;
    unsigned bits;
    KERF__TRY(kerf__node_get_ints(n, "axes", 1, &axes));
    KERF__TRY(kerf__node_axes(n, "axes", 1, src.rank, &bits));
    kerf_shape dst = {0, {0}};
    for (int i = 0; i < src.rank; i++) {
        int chosen = axes.num > 0 ? (bits >> i & 1u) != 0 : src.dims[i] == 1;
        if (chosen && src.dims[i] != 1)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "dimension %d is %lld, must be 1", i,
                                   (long long)src.dims[i]);
        if (!chosen)
            dst.dims[dst.rank++] = src.dims[i];
    }
    return pass(n, dst);
}

static kerf_status infer_unsqueeze(kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    kerf__ints axes;
    unsigned bits;
    KERF__TRY(kerf__node_get_ints(n, "axes", 1, &axes));
    kerf_shape dst = {src.rank + (int)axes.num, {0}};
    if (axes.num == 0 || dst.rank > KERF_MAX_RANK)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "axes has %zu numbers, must have 1 to %d",
                               axes.num, KERF_MAX_RANK - src.rank);
    KERF__TRY(kerf__node_axes(n, "axes", 1, dst.rank, &bits));
    for (int i = 0, next = 0; i < dst.rank; i++) {
        if ((bits >> i & 1u) == 0 && next == src.rank)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "axes names a dimension twice");
        dst.dims[i] = (bits >> i & 1u) != 0 ? 1 : src.dims[next++];
    }
    return pass(n, dst);
}

static kerf_status gradient_pass(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *src = n->inputs[0];
    if (diff == NULL || !kerf__gradient_wanted(grads, src))
        return KERF_OK;
    KERF__TRY(kerf__gradient_reshape(grads, n, diff, src->shape, &diff));
    return kerf__gradient_add(grads, src, diff);
}

#define ENTRY(name, max, outputs, rule)                                                            \
    {                                                                                              \
        .op = (name), .min_inputs = 1, .max_inputs = (max), .num_outputs = (outputs),              \
        .infer = (rule), .gradient = gradient_pass                                                 \
    }

extern const kerf__op kerf__ops_shape[];
const kerf__op kerf__ops_shape[] = {
    ENTRY("Dropout", 3, 2, infer_dropout),
    ENTRY("Flatten", 1, 1, infer_flatten),
    ENTRY("Identity", 1, 1, infer_identity),
    ENTRY("Reshape", 2, 1, infer_reshape),
    ENTRY("Squeeze", 2, 1, infer_squeeze),
    ENTRY("Unsqueeze", 2, 1, infer_unsqueeze),
    ENTRY("kerf.Gate", 2, 1, infer_identity),
    {.op = NULL},
};
