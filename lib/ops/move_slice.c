/* ops/move_slice.c -- Slice, and kerf.SliceGrad, the way back: a box each (move_common.h). */
#include <string.h>

#include "base/fail.h"
#include "ops/move_common.h"

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* ---- Slice ------------------------------------------------------------------------------- */

/* numpy's rule: what lies beyond an end is that end. */
static void cut_axis(kerf__cut *cut, int axis, int64_t dim, int64_t start, int64_t end,
                     int64_t step)
{
    const int back = step < 0;
    step = clamp(step, -KERF__MOST_MOVED, KERF__MOST_MOVED);
    start = clamp(start < 0 ? start + dim : start, 0, back ? dim - 1 : dim);
    end = clamp(end < 0 ? end + dim : end, back ? -1 : 0, back ? dim - 1 : dim);
    const int64_t length = back ? start - end : end - start;
    cut->num[axis] = length > 0 ? (length - 1) / (back ? -step : step) + 1 : 0;
    cut->begin[axis] = start;
    cut->step[axis] = cut->num[axis] > 1 ? step : 1;
}

kerf_status kerf__slice_cut(const kerf_node *n, kerf__cut *out)
{
    const kerf_shape src = n->inputs[0]->shape;
    kerf__ints starts, ends, axes, steps;
    unsigned seen = 0;
    KERF__TRY(kerf__node_get_ints(n, "starts", 1, &starts));
    KERF__TRY(kerf__node_get_ints(n, "ends", 2, &ends));
    KERF__TRY(kerf__node_get_ints(n, "axes", 3, &axes));
    KERF__TRY(kerf__node_get_ints(n, "steps", 4, &steps));
    if (ends.num != starts.num || (axes.given && axes.num != starts.num) ||
        (steps.given && steps.num != starts.num) || starts.num > (size_t)src.rank)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "has %zu starts, %zu ends, %zu axes and %zu steps, must be as many "
                               "of each, up to %d",
                               starts.num, ends.num, axes.num, steps.num, src.rank);
    *out = (kerf__cut){{0}, {0}, {0}};
    for (int i = 0; i < src.rank; i++) {
        out->num[i] = src.dims[i];
        out->step[i] = 1;
    }
    for (size_t i = 0; i < starts.num; i++) {
        int axis;
        const int64_t step = steps.given ? steps.items[i] : 1;
        KERF__TRY(kerf__node_axis(n, axes.given ? axes.items[i] : (int64_t)i, src.rank, &axis));
        if (step == 0 || (seen >> axis & 1u) != 0)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "axis %d %s", axis,
                                   step == 0 ? "has step 0, must have another" : "is named twice");
        seen |= 1u << axis;
        cut_axis(out, axis, src.dims[axis], starts.items[i], ends.items[i], step);
    }
    return KERF_OK;
}

static kerf_status infer_slice(kerf_node *n)
{
    kerf_shape dst = n->inputs[0]->shape;
    kerf__cut cut;
    KERF__TRY(kerf__slice_cut(n, &cut));
    memcpy(dst.dims, cut.num, sizeof dst.dims);
    kerf__set_output(n, 0, n->inputs[0]->type, dst);
    return KERF_OK;
}

static void box_slice(const kerf_node *n, int i, kerf__box *b)
{
    const kerf_shape src = n->inputs[0]->shape, dst = n->outputs[0]->shape;
    int64_t from[KERF_MAX_RANK], to[KERF_MAX_RANK];
    kerf__cut cut;
    (void)i;
    if (kerf__slice_cut(n, &cut) != KERF_OK)
        return; /* cannot be: infer has read it */
    kerf__move_strides(src, from);
    kerf__move_strides(dst, to);
    for (int k = 0; k < src.rank; k++) {
        kerf__box_add_dim(b, cut.num[k], from[k] * cut.step[k], to[k]);
        b->src_at += cut.begin[k] * from[k];
    }
}

/* ---- the way back -------------------------------------------------------------------------- */

/* The gradient of a Slice with steps: what arrived, back at its place among zeros.  Attributes
 * shape, starts and steps have a number for each dimension, none below 0 but steps. */
static kerf_status infer_slice_grad(kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    kerf__ints shape, starts, steps;
    KERF__TRY(kerf__node_get_ints(n, "shape", 1, &shape));
    KERF__TRY(kerf__node_get_ints(n, "starts", 1, &starts));
    KERF__TRY(kerf__node_get_ints(n, "steps", 1, &steps));
    kerf_shape dst = {src.rank, {0}};
    const size_t rank = (size_t)src.rank;
    if (shape.num != rank || starts.num != rank || steps.num != rank)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "shape, starts and steps must have %d numbers",
                               src.rank);
    for (int i = 0; i < src.rank; i++) {
        const int64_t first = starts.items[i], dim = shape.items[i];
        const int64_t last = first + (src.dims[i] - 1) * clamp(steps.items[i], -dim, dim);
        dst.dims[i] = dim;
        if (src.dims[i] > dim ||
            (src.dims[i] > 0 && (first < 0 || first >= dim || last < 0 || last >= dim)))
            return kerf__fail_node(KERF_ERR_SHAPE, n, "dimension %d does not lie in its shape", i);
    }
    kerf__set_output(n, 0, n->inputs[0]->type, dst);
    return KERF_OK;
}

static void box_slice_grad(const kerf_node *n, int i, kerf__box *b)
{
    const kerf_shape src = n->inputs[0]->shape;
    int64_t from[KERF_MAX_RANK], to[KERF_MAX_RANK];
    size_t num;
    const int64_t *starts = kerf_node_ints(n, "starts", &num);
    const int64_t *steps = kerf_node_ints(n, "steps", &num);
    (void)i;
    kerf__move_strides(src, from);
    kerf__move_strides(n->outputs[0]->shape, to);
    for (int k = 0; k < src.rank; k++) {
        kerf__box_add_dim(b, src.dims[k], from[k], to[k] * steps[k]);
        b->dst_at += starts[k] * to[k];
    }
}

/* ---- rules ------------------------------------------------------------------------------- */

/* What nothing arrives at is 0. */
static int fills_slice_grad(const kerf_node *n, uint64_t *bits)
{
    (void)n;
    *bits = 0;
    return 1;
}

const kerf__move_rule kerf__move_slice = {.infer = infer_slice, .box = box_slice};
const kerf__move_rule kerf__move_slice_grad = {
    .infer = infer_slice_grad, .box = box_slice_grad, .fills = fills_slice_grad};
