/* plan/fold_moves.c -- operations of fold.h that move numbers: shapes, views, slices, lists. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"
#include "plan/fold.h"

/* An index that may count from the end, brought to low..high. */
static int64_t from_end(int64_t i, int64_t size, int64_t low, int64_t high)
{
    i = i < 0 && i >= -size ? i + size : i < 0 ? low : i;
    return i < low ? low : i > high ? high : i;
}

/* ---- shapes -------------------------------------------------------------------------------- */

kerf_status kerf__fold_shape(kerf__folding *x)
{
    const kerf_shape src = x->in[0].shape;
    if (src.rank < 0 || kerf_shape_num_elements(src) < 0)
        return KERF_OK;
    const int64_t begin = from_end(kerf_node_int(x->n, "start", 0), src.rank, 0, src.rank);
    const int64_t end = from_end(kerf_node_int(x->n, "end", src.rank), src.rank, 0, src.rank);
    kerf__few *out = kerf__fold_begin(x, 0, KERF_S64, KERF_SHAPE(end > begin ? end - begin : 0));
    for (int64_t d = 0; d < out->num; d++)
        out->items[d].i = src.dims[begin + d];
    return KERF_OK;
}

kerf_status kerf__fold_size(kerf__folding *x)
{
    const kerf_shape src = x->in[0].shape;
    const int64_t num = src.rank < 0 ? -1 : kerf_shape_num_elements(src);
    if (num >= 0)
        kerf__fold_begin(x, 0, KERF_S64, KERF_SCALAR)->items[0].i = num;
    return KERF_OK;
}

/* ---- the same numbers -------------------------------------------------------------------- */

static kerf_status copy(kerf__folding *x, kerf_shape shape)
{
    kerf__few *out = kerf__fold_begin(x, 0, x->in[0].type, shape);
    if (out != NULL)
        memcpy(out->items, x->in[0].items, sizeof out->items);
    return KERF_OK;
}

kerf_status kerf__fold_identity(kerf__folding *x)
{
    return copy(x, x->in[0].shape);
}

/* The shape rule of the operation knows the shape. */
kerf_status kerf__fold_view(kerf__folding *x)
{
    KERF__TRY(kerf__node_infer((kerf_node *)x->n)); /* sets types and shapes alone */
    return copy(x, x->n->outputs[0]->shape);
}

kerf_status kerf__fold_cast(kerf__folding *x)
{
    static const struct {
        int number;
        kerf_type type;
    } TYPES[] = {{1, KERF_F32}, {6, KERF_S32}, {7, KERF_S64}, {9, KERF_BOOL}};
    const kerf__few *in = &x->in[0];
    kerf__few *out = NULL;
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++)
        if (kerf_node_int(x->n, "to", 0) == TYPES[i].number)
            out = kerf__fold_begin(x, 0, TYPES[i].type, in->shape);
    for (int64_t i = 0; out != NULL && i < out->num; i++) {
        const double f = kerf__few_is_float(in) ? in->items[i].f : (double)in->items[i].i;
        if (kerf__few_is_float(out))
            out->items[i].f = (double)(float)f;
        else if (out->type == KERF_BOOL)
            out->items[i].i = f != 0;
        else if (!kerf__few_is_float(in))
            out->items[i].i =
                out->type == KERF_S32 ? (int32_t)(uint32_t)in->items[i].i : in->items[i].i;
        else if (fabs(f) < 9e18) /* NaN is not */
            out->items[i].i = (int64_t)f;
        else
            return kerf__fail_node(KERF_ERR_SHAPE, x->n, "%g is no int64", f);
    }
    return KERF_OK;
}

/* ---- one number from one place ----------------------------------------------------------- */

/* out[i] = in[0][base + coordinates times strides]. */
static void move(kerf__folding *x, int i, int64_t base, const int64_t *strides)
{
    kerf__few *out = &x->out[i];
    for (int64_t k = 0; k < out->num; k++)
        out->items[k] = x->in[0].items[base + kerf__few_at(out->shape, strides, k)];
}

kerf_status kerf__fold_transpose(kerf__folding *x)
{
    const kerf_shape src = x->in[0].shape;
    int64_t perm[KERF_MAX_RANK], own[KERF_MAX_RANK], strides[KERF_MAX_RANK];
    int num;
    unsigned seen = 0;
    KERF__TRY(kerf__fold_ints(x, "perm", INT32_MAX, perm, &num));
    kerf_shape dst = {src.rank, {0}};
    kerf__few_strides(src, own);
    for (int d = 0; d < src.rank; d++) {
        const int64_t from = num < 0 ? src.rank - 1 - d : d < num ? perm[d] : -1;
        if (from < 0 || from >= src.rank || (seen >> from & 1u) != 0)
            return kerf__fail_node(KERF_ERR_SHAPE, x->n,
                                   "perm must name each of %d dimensions once", src.rank);
        seen |= 1u << from;
        dst.dims[d] = src.dims[from];
        strides[d] = own[from];
    }
    if (kerf__fold_begin(x, 0, x->in[0].type, dst) != NULL)
        move(x, 0, 0, strides);
    return KERF_OK;
}

kerf_status kerf__fold_expand(kerf__folding *x)
{
    int64_t strides[KERF_MAX_RANK];
    kerf__ints list;
    kerf_shape dst = {0, {0}};
    KERF__TRY(kerf__node_get_ints(x->n, "shape", 1, &list));
    dst.rank = (int)list.num;
    memcpy(dst.dims, list.items, sizeof dst.dims);
    if (kerf_shape_num_elements(dst) < 0)
        return kerf__fail_node(KERF_ERR_SHAPE, x->n, "has no shape of dimensions of 0 or more");
    KERF__TRY(kerf__node_broadcast(x->n, x->in[0].shape, dst, &dst));
    kerf__few_broadcast_strides(x->in[0].shape, dst, strides);
    if (kerf__fold_begin(x, 0, x->in[0].type, dst) != NULL)
        move(x, 0, 0, strides);
    return KERF_OK;
}

typedef struct slice {
    int64_t begin, step, num;
} slice;

/* ONNX's rules: both ends are cut at the array's, going down the end may be -1. */
static slice make_slice(int64_t begin, int64_t end, int64_t step, int64_t size)
{
    const int64_t low = step < 0 ? -1 : 0, high = step < 0 ? size - 1 : size;
    begin = from_end(begin, size, step < 0 ? -1 : 0, high);
    end = from_end(end, size, low, high);
    const int64_t span = step < 0 ? begin - end : end - begin;
    const int64_t stride = step < 0 ? -step : step;
    return (slice){begin, step, span > 0 ? (span - 1) / stride + 1 : 0};
}

static kerf_status read_slice(const kerf__folding *x, slice *slices)
{
    int64_t lists[4][KERF_MAX_RANK];
    int nums[4];
    static const char *const KEYS[] = {"starts", "ends", "axes", "steps"};
    const kerf_shape src = x->in[0].shape;
    for (int k = 0; k < 4; k++)
        KERF__TRY(kerf__fold_ints(x, KEYS[k], k + 1, lists[k], &nums[k]));
    for (int k = 1; k < 4; k++)
        if (nums[k] != nums[0] && (k == 1 || nums[k] >= 0))
            return kerf__fail_node(KERF_ERR_SHAPE, x->n, "has %d starts and %d %s", nums[0],
                                   nums[k], KEYS[k]);
    for (int i = 0; i < nums[0]; i++) {
        int axis;
        const int64_t step = nums[3] >= 0 ? lists[3][i] : 1;
        KERF__TRY(kerf__node_axis(x->n, nums[2] >= 0 ? lists[2][i] : i, src.rank, &axis));
        if (step == 0 || step < -INT32_MAX)
            return kerf__fail_node(KERF_ERR_SHAPE, x->n, "steps[%d] is %lld, must not be 0", i,
                                   (long long)step);
        slices[axis] = make_slice(lists[0][i], lists[1][i], step, src.dims[axis]);
    }
    return KERF_OK;
}

kerf_status kerf__fold_slice(kerf__folding *x)
{
    const kerf_shape src = x->in[0].shape;
    slice slices[KERF_MAX_RANK];
    int64_t strides[KERF_MAX_RANK], base = 0;
    kerf_shape dst = src;
    for (int d = 0; d < src.rank; d++)
        slices[d] = (slice){0, 1, src.dims[d]};
    KERF__TRY(read_slice(x, slices));
    kerf__few_strides(src, strides);
    for (int d = 0; d < src.rank; d++) {
        dst.dims[d] = slices[d].num;
        base += slices[d].begin * strides[d];
        strides[d] *= slices[d].step;
    }
    if (kerf__fold_begin(x, 0, x->in[0].type, dst) != NULL)
        move(x, 0, base, strides);
    return KERF_OK;
}

/* The split's sizes: given, or as equal as they come. */
static kerf_status split_sizes(const kerf__folding *x, int64_t size, int64_t *sizes)
{
    kerf__ints list = {0};
    const int64_t num = x->n->num_outputs, part = (size + num - 1) / num;
    int64_t sum = 0;
    KERF__TRY(kerf__node_get_ints(x->n, "split", 1, &list));
    if (list.given && (int64_t)list.num != num)
        return kerf__fail_node(KERF_ERR_SHAPE, x->n, "splits into %zu parts, has %d outputs",
                               list.num, x->n->num_outputs);
    for (int64_t i = 0; i < num; i++) {
        sizes[i] = list.given ? list.items[i] : size - sum < part ? size - sum : part;
        if (sizes[i] < 0 || sizes[i] > size - sum)
            return kerf__fail_node(KERF_ERR_SHAPE, x->n, "part %lld is %lld of %lld", (long long)i,
                                   (long long)sizes[i], (long long)size);
        sum += sizes[i];
    }
    return sum == size ? KERF_OK
                       : kerf__fail_node(KERF_ERR_SHAPE, x->n, "parts add up to %lld of %lld",
                                         (long long)sum, (long long)size);
}

kerf_status kerf__fold_split(kerf__folding *x)
{
    int axis;
    int64_t sizes[KERF_MAX_RANK], strides[KERF_MAX_RANK], base = 0;
    const kerf_shape src = x->in[0].shape;
    if (x->n->num_outputs > KERF_MAX_RANK)
        return KERF_OK;
    KERF__TRY(kerf__node_axis(x->n, kerf_node_int(x->n, "axis", 0), src.rank, &axis));
    KERF__TRY(split_sizes(x, src.dims[axis], sizes));
    kerf__few_strides(src, strides);
    for (int i = 0; i < x->n->num_outputs; i++) {
        kerf_shape dst = src;
        dst.dims[axis] = sizes[i];
        if (kerf__fold_begin(x, i, x->in[0].type, dst) != NULL)
            move(x, i, base, strides);
        base += sizes[i] * strides[axis];
    }
    return KERF_OK;
}

/* ---- several places ------------------------------------------------------------------------ */

/* in[0] as (before, axis, after). */
static void part(kerf_shape s, int axis, int64_t *before, int64_t *after)
{
    *before = *after = 1;
    for (int d = 0; d < s.rank; d++)
        if (d != axis)
            *(d < axis ? before : after) *= s.dims[d];
}

kerf_status kerf__fold_gather(kerf__folding *x)
{
    const kerf__few *src = &x->in[0], *index = &x->in[1];
    int axis;
    int64_t before, after;
    if (kerf__few_is_float(index))
        return KERF_OK;
    KERF__TRY(kerf__node_axis(x->n, kerf_node_int(x->n, "axis", 0), src->shape.rank, &axis));
    const int64_t size = src->shape.dims[axis];
    kerf_shape dst = {src->shape.rank - 1 + index->shape.rank, {0}};
    if (dst.rank > KERF_MAX_RANK)
        return KERF_OK;
    for (int d = 0; d < dst.rank; d++)
        dst.dims[d] = d < axis                       ? src->shape.dims[d]
                      : d < axis + index->shape.rank ? index->shape.dims[d - axis]
                                                     : src->shape.dims[d - index->shape.rank + 1];
    kerf__few *out = kerf__fold_begin(x, 0, src->type, dst);
    part(src->shape, axis, &before, &after);
    for (int64_t k = 0; out != NULL && k < index->num; k++) {
        const int64_t at = index->items[k].i + (index->items[k].i < 0 ? size : 0);
        if (at < 0 || at >= size)
            return kerf__fail_node(KERF_ERR_SHAPE, x->n, "index %lld is out of %lld elements",
                                   (long long)index->items[k].i, (long long)size);
        for (int64_t b = 0; b < before; b++)
            memcpy(out->items + (b * index->num + k) * after, src->items + (b * size + at) * after,
                   (size_t)after * sizeof *out->items);
    }
    return KERF_OK;
}

static kerf_status concat_shape(const kerf__folding *x, int axis, kerf_shape *dst)
{
    for (int i = 1; i < x->n->num_inputs; i++) {
        kerf_shape part_shape = x->in[i].shape;
        if (part_shape.rank == dst->rank) {
            const int64_t size = part_shape.dims[axis];
            part_shape.dims[axis] = dst->dims[axis];
            dst->dims[axis] += kerf_shape_equal(part_shape, *dst) ? size : 0;
            part_shape.dims[axis] = dst->dims[axis];
        }
        if (!kerf_shape_equal(part_shape, *dst) || x->in[i].type != x->in[0].type)
            return kerf__fail_node(KERF_ERR_SHAPE, x->n, "input %d does not fit to the first", i);
    }
    return KERF_OK;
}

kerf_status kerf__fold_concat(kerf__folding *x)
{
    kerf_shape dst = x->in[0].shape;
    int axis;
    int64_t before, after, at = 0;
    for (int i = 0; i < x->n->num_inputs; i++)
        if (!x->in[i].given)
            return KERF_OK;
    KERF__TRY(kerf__node_axis(x->n, kerf_node_int(x->n, "axis", 0), dst.rank, &axis));
    KERF__TRY(concat_shape(x, axis, &dst));
    kerf__few *out = kerf__fold_begin(x, 0, x->in[0].type, dst);
    part(dst, axis, &before, &after);
    for (int i = 0; out != NULL && i < x->n->num_inputs; i++) {
        const int64_t size = x->in[i].shape.dims[axis] * after;
        for (int64_t b = 0; b < before; b++)
            memcpy(out->items + b * dst.dims[axis] * after + at, x->in[i].items + b * size,
                   (size_t)size * sizeof *out->items);
        at += size;
    }
    return KERF_OK;
}

kerf_status kerf__fold_tile(kerf__folding *x)
{
    kerf_shape dst = x->in[0].shape;
    int64_t own[KERF_MAX_RANK];
    kerf__ints repeats;
    KERF__TRY(kerf__node_get_ints(x->n, "repeats", 1, &repeats));
    if ((int)repeats.num != dst.rank)
        return kerf__fail_node(KERF_ERR_SHAPE, x->n, "has %zu repeats, must have %d", repeats.num,
                               dst.rank);
    for (int d = 0; d < dst.rank; d++) {
        if (repeats.items[d] < 0 || repeats.items[d] > INT32_MAX)
            return kerf__fail_node(KERF_ERR_SHAPE, x->n, "repeats[%d] is %lld, must be 0 or more",
                                   d, (long long)repeats.items[d]);
        dst.dims[d] *= repeats.items[d];
    }
    kerf__few *out = kerf__fold_begin(x, 0, x->in[0].type, dst);
    kerf__few_strides(x->in[0].shape, own);
    for (int64_t k = 0; out != NULL && k < out->num; k++) {
        int64_t left = k, at = 0;
        for (int d = dst.rank; d-- > 0; left /= dst.dims[d])
            at += left % dst.dims[d] % x->in[0].shape.dims[d] * own[d];
        out->items[k] = x->in[0].items[at];
    }
    return KERF_OK;
}

/* ---- new lists ----------------------------------------------------------------------------- */

kerf_status kerf__fold_constant_of_shape(kerf__folding *x)
{
    const kerf__attribute *value = kerf__node_attribute(x->n, "value");
    const kerf_tensor *t = value != NULL ? value->tensor : NULL;
    const kerf_type type = t != NULL ? t->type : KERF_F32;
    kerf_shape dst = {(int)x->in[0].num, {0}};
    if (x->in[0].num > KERF_MAX_RANK || kerf__few_is_float(&x->in[0]) ||
        (t != NULL && t->num_elements != 1))
        return KERF_OK;
    for (int d = 0; d < dst.rank; d++)
        dst.dims[d] = x->in[0].items[d].i;
    kerf__few *out = kerf__fold_begin(x, 0, type, dst);
    for (int64_t k = 0; out != NULL && k < out->num; k++) {
        out->items[k].i = 0; /* all bits, so 0.0 too */
        if (t != NULL && type == KERF_F32)
            out->items[k].f = (double)*(const float *)t->data;
        else if (t != NULL && type == KERF_S64)
            memcpy(&out->items[k].i, t->data, sizeof(int64_t));
        else if (t != NULL)
            out->items[k].i =
                type == KERF_S32 ? *(const int32_t *)t->data : *(const unsigned char *)t->data;
    }
    return KERF_OK;
}

static double as_float(const kerf__few *a)
{
    return kerf__few_is_float(a) ? a->items[0].f : (double)a->items[0].i;
}

kerf_status kerf__fold_range(kerf__folding *x)
{
    const kerf__few *start = &x->in[0], *step = &x->in[2];
    if (start->num != 1 || x->in[1].num != 1 || step->num != 1)
        return kerf__fail_node(KERF_ERR_SHAPE, x->n, "must have one number in each input");
    if (as_float(step) == 0)
        return kerf__fail_node(KERF_ERR_SHAPE, x->n, "its step is 0");
    const double num = ceil((as_float(&x->in[1]) - as_float(start)) / as_float(step));
    if (!(num <= KERF__FOLD_ITEMS))
        return KERF_OK;
    kerf__few *out = kerf__fold_begin(x, 0, start->type, KERF_SHAPE(num > 0 ? (int64_t)num : 0));
    for (int64_t k = 0; out != NULL && k < out->num; k++) {
        if (kerf__few_is_float(out))
            out->items[k].f = start->items[0].f + (double)k * step->items[0].f;
        else
            out->items[k].i = start->items[0].i + k * step->items[0].i;
    }
    return KERF_OK;
}
