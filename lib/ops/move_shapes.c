/* ops/move_shapes.c -- the shapes of operations that only move data, and their boxes; see
 * move_common.h.
 *
 * A rule fills dimensions outermost first, in the order of the output, as ONNX counts them;
 * finish() turns and merges them. */
#include <string.h>

#include "base/fail.h"
#include "ops/move_common.h"

static const int64_t LARGEST = (int64_t)1 << 62; /* as in tensor/types.c */

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* Elements between neighbours along each dimension; the shape is not empty. */
void kerf__move_strides(kerf_shape shape, int64_t *strides)
{
    int64_t stride = 1;
    for (int i = shape.rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= shape.dims[i];
    }
}

kerf_status kerf__node_check_movable(const kerf_node *n, int input)
{
    const kerf_value *v = n->inputs[input];
    if (kerf_type_bits(v->type) >= 8)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s is %s, must be of 8 bits or more",
                           v->name, kerf_type_name(v->type));
}

/* ---- boxes ------------------------------------------------------------------------------- */

void kerf__box_add_dim(kerf__box *b, int64_t dim, int64_t src_stride, int64_t dst_stride)
{
    b->dims[b->rank] = dim;
    b->src_strides[b->rank] = src_stride;
    b->dst_strides[b->rank++] = dst_stride;
}

/* All of src in another order: dimension i of the result is perm[i] of src. */
static void add_permuted(kerf__box *b, kerf_shape src, const int *perm)
{
    int64_t strides[KERF_MAX_RANK], stride = 1;
    kerf__move_strides(src, strides);
    for (int i = 0; i < src.rank; i++)
        kerf__box_add_dim(b, src.dims[perm[i]], strides[perm[i]], 0);
    for (int i = src.rank - 1; i >= 0; i--) {
        b->dst_strides[i] = stride;
        stride *= b->dims[i];
    }
}

/* Innermost first, without dimensions of 1, neighbours in one line made one. */
static kerf__box finish(const kerf__box *from)
{
    kerf__box b = {
        .src_at = from->src_at, .dst_at = from->dst_at, .src = from->src, .dst = from->dst};
    for (int i = from->rank - 1; i >= 0; i--) {
        const int64_t dim = from->dims[i], src = from->src_strides[i], dst = from->dst_strides[i];
        const int last = b.rank - 1;
        if (dim == 1)
            continue;
        if (b.rank > 0 && src == b.src_strides[last] * b.dims[last] &&
            dst == b.dst_strides[last] * b.dims[last])
            b.dims[last] *= dim;
        else
            kerf__box_add_dim(&b, dim, src, dst);
    }
    return b;
}

int kerf__box_is_empty(const kerf__box *b)
{
    for (int i = 0; i < b->rank; i++)
        if (b->dims[i] == 0)
            return 1;
    return 0;
}

/* ---- Transpose --------------------------------------------------------------------------- */

static kerf_status permutation(const kerf_node *n, int *perm)
{
    const int rank = n->inputs[0]->shape.rank;
    unsigned seen = 0;
    size_t num;
    const int64_t *given = kerf_node_ints(n, "perm", &num);
    for (int i = 0; i < rank; i++)
        perm[i] = rank - 1 - i;
    if (given == NULL)
        return KERF_OK;
    if (num != (size_t)rank)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "perm has %zu numbers, must have %d", num, rank);
    for (int i = 0; i < rank; i++) {
        if (given[i] < 0 || given[i] >= rank || (seen >> given[i] & 1u) != 0)
            return kerf__fail_node(KERF_ERR_SHAPE, n,
                                   "perm[%d] is %lld, must be each of 0 to %d once", i,
                                   (long long)given[i], rank - 1);
        seen |= 1u << given[i];
        perm[i] = (int)given[i];
    }
    return KERF_OK;
}

static kerf_status infer_transpose(kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    kerf_shape dst = src;
    int perm[KERF_MAX_RANK];
    KERF__TRY(permutation(n, perm));
    for (int i = 0; i < src.rank; i++)
        dst.dims[i] = src.dims[perm[i]];
    kerf__set_output(n, 0, n->inputs[0]->type, dst);
    return KERF_OK;
}

static void box_transpose(const kerf_node *n, int i, kerf__box *b)
{
    int perm[KERF_MAX_RANK];
    (void)i;
    if (permutation(n, perm) == KERF_OK) /* it was, in infer */
        add_permuted(b, n->inputs[0]->shape, perm);
}

/* ---- DepthToSpace, SpaceToDepth ------------------------------------------------------------ */

/* Six dimensions and their order.  mode CRD has a block's pixels inside a channel, DCR, which is
 * all that ONNX knows for SpaceToDepth, channels inside a block's pixel. */
typedef struct blocks {
    kerf_shape six;
    int perm[6];
} blocks;

static int is_crd(const kerf_node *n)
{
    return strcmp(kerf_node_string(n, "mode", "DCR"), "CRD") == 0;
}

static blocks blocks_of(const kerf_node *n)
{
    const kerf_shape s = n->inputs[0]->shape;
    const int64_t b = kerf_node_int(n, "blocksize", 1);
    const int64_t N = s.dims[0], C = s.dims[1], H = s.dims[2], W = s.dims[3];
    if (strcmp(n->op, "SpaceToDepth") == 0)
        return is_crd(n) ? (blocks){{6, {N, C, H / b, b, W / b, b}}, {0, 1, 3, 5, 2, 4}}
                         : (blocks){{6, {N, C, H / b, b, W / b, b}}, {0, 3, 5, 1, 2, 4}};
    return is_crd(n) ? (blocks){{6, {N, C / (b * b), b, b, H, W}}, {0, 1, 4, 2, 5, 3}}
                     : (blocks){{6, {N, b, b, C / (b * b), H, W}}, {0, 3, 4, 1, 5, 2}};
}

static kerf_status infer_blocks(kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    const int64_t b = kerf_node_int(n, "blocksize", 0);
    const int to_depth = strcmp(n->op, "SpaceToDepth") == 0;
    char text[128];
    if (src.rank != 4 || b < 1 || b > 32768 ||
        (to_depth ? src.dims[2] % b != 0 || src.dims[3] % b != 0 : src.dims[1] % (b * b) != 0))
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "input is %s, blocksize %lld; must be (N, C, H, W) with %s",
                               kerf_shape_text(src, text, sizeof text), (long long)b,
                               to_depth ? "H and W multiples of it" : "C a multiple of its square");
    const int64_t area = b * b;
    if (!to_depth && (src.dims[2] > LARGEST / b || src.dims[3] > LARGEST / b))
        return kerf__fail_node(KERF_ERR_SHAPE, n, "its result is larger than 2^62 bytes");
    const kerf_shape dst =
        to_depth ? KERF_SHAPE(src.dims[0], src.dims[1] > LARGEST / area ? -1 : src.dims[1] * area,
                              src.dims[2] / b, src.dims[3] / b)
                 : KERF_SHAPE(src.dims[0], src.dims[1] / area, src.dims[2] * b, src.dims[3] * b);
    kerf__set_output(n, 0, n->inputs[0]->type, dst);
    return KERF_OK;
}

static void box_blocks(const kerf_node *n, int i, kerf__box *b)
{
    const blocks k = blocks_of(n);
    (void)i;
    add_permuted(b, k.six, k.perm);
}

/* ---- Slice ------------------------------------------------------------------------------- */

/* numpy's rule: what lies beyond an end is that end. */
static void cut_axis(kerf__cut *cut, int axis, int64_t dim, int64_t start, int64_t end,
                     int64_t step)
{
    const int back = step < 0;
    step = clamp(step, -LARGEST, LARGEST);
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

/* ---- Tile -------------------------------------------------------------------------------- */

static kerf_status infer_tile(kerf_node *n)
{
    kerf_shape dst = n->inputs[0]->shape;
    kerf__ints repeats;
    KERF__TRY(kerf__node_get_ints(n, "repeats", 1, &repeats));
    if (repeats.num != (size_t)dst.rank)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "has %zu repeats, must have %d", repeats.num,
                               dst.rank);
    for (int i = 0; i < dst.rank; i++) {
        if (repeats.items[i] < 0 || (dst.dims[i] > 0 && repeats.items[i] > LARGEST / dst.dims[i]))
            return kerf__fail_node(KERF_ERR_SHAPE, n,
                                   "repeats[%d] is %lld, must be 0 or more and the result below "
                                   "2^62",
                                   i, (long long)repeats.items[i]);
        dst.dims[i] *= repeats.items[i];
    }
    kerf__set_output(n, 0, n->inputs[0]->type, dst);
    return KERF_OK;
}

static void box_tile(const kerf_node *n, int i, kerf__box *b)
{
    const kerf_shape src = n->inputs[0]->shape, dst = n->outputs[0]->shape;
    int64_t from[KERF_MAX_RANK], to[KERF_MAX_RANK];
    (void)i;
    kerf__move_strides(src, from);
    kerf__move_strides(dst, to);
    for (int k = 0; k < src.rank; k++) {
        kerf__box_add_dim(b, dst.dims[k] / src.dims[k], 0, to[k] * src.dims[k]);
        kerf__box_add_dim(b, src.dims[k], from[k], to[k]);
    }
}

/* ---- Concat, Split ------------------------------------------------------------------------- */

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
        if (part.dims[axis] > LARGEST - dst.dims[axis])
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
    return clamp(left, 0, size);
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
    *(is_split ? &b->dst : &b->src) = i;
}

/* ---- the family ---------------------------------------------------------------------------- */

static const struct rule {
    const char *op;
    kerf_status (*infer)(kerf_node *n);
    void (*box)(const kerf_node *n, int i, kerf__box *b);
    enum { ONE, AN_INPUT, AN_OUTPUT, PADS } boxes;
} RULES[] = {
    {"Concat", infer_concat, box_joined, AN_INPUT},
    {"DepthToSpace", infer_blocks, box_blocks, ONE},
    {"Pad", kerf__pad_infer, kerf__pad_box, PADS},
    {"Slice", infer_slice, box_slice, ONE},
    {"SpaceToDepth", infer_blocks, box_blocks, ONE},
    {"Split", infer_split, box_joined, AN_OUTPUT},
    {"Tile", infer_tile, box_tile, ONE},
    {"Transpose", infer_transpose, box_transpose, ONE},
    {"kerf.SliceGrad", infer_slice_grad, box_slice_grad, ONE},
};

static const struct rule *rule_of(const kerf_node *n)
{
    const struct rule *r = RULES;
    while (strcmp(r->op, n->op) != 0)
        r++;
    return r;
}

int kerf__move_num_boxes(const kerf_node *n)
{
    const struct rule *r = rule_of(n);
    if (r->boxes == PADS)
        return kerf__pad_num_boxes(n);
    return r->boxes == ONE ? 1 : r->boxes == AN_INPUT ? n->num_inputs : n->num_outputs;
}

kerf__box kerf__move_box(const kerf_node *n, int i)
{
    const struct rule *r = rule_of(n);
    const kerf_value *src = n->inputs[r->boxes == AN_INPUT ? i : 0];
    const kerf_value *dst = n->outputs[r->boxes == AN_OUTPUT ? i : 0];
    kerf__box b = {.rank = 0};
    if (kerf__value_elements(src) == 0 || kerf__value_elements(dst) == 0 ||
        i >= kerf__move_num_boxes(n))
        return (kerf__box){.rank = 1};
    r->box(n, i, &b);
    return finish(&b);
}

int kerf__move_fills(const kerf_node *n, uint64_t *bits)
{
    const int is_pad = strcmp(n->op, "Pad") == 0;
    *bits = is_pad ? kerf__pad_value(n) : 0;
    return strcmp(n->op, "kerf.SliceGrad") == 0 ||
           (is_pad && strcmp(kerf_node_string(n, "mode", "constant"), "constant") == 0);
}

kerf_status kerf__move_infer(kerf_node *n)
{
    KERF__TRY(kerf__node_check_movable(n, 0));
    KERF__TRY(rule_of(n)->infer(n));
    for (int i = 0; i < n->num_outputs; i++)
        if (kerf__value_elements(n->outputs[i]) < 0)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "its result is larger than 2^62 bytes");
    const int rank = kerf__move_box(n, 0).rank; /* of several, none has more than its input */
    if (rank > KERF__BOX_RANK)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "copies over %d dimensions, supported are up to %d", rank,
                               KERF__BOX_RANK);
    return KERF_OK;
}
