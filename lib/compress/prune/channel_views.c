/* compress/prune/channel_views.c -- channels through operations that only arrange: views, and
 * copies of parts.  Other half: channel_rules.c.
 *
 * Where axes are joined into one, or one is taken apart, a channel is an index of one of them and
 * takes everything along that lies at this index; the others stay as they are. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/channels_internal.h"
#include "ops/shape_common.h"

/* ---- numbers that say a shape ---------------------------------------------------------------- */

int kerf__channel_find_number(kerf_node *n, int input, int k, kerf__channel_number *out)
{
    kerf_value *v = input < n->num_inputs ? n->inputs[input] : NULL;
    if (v != NULL && v->kind == KERF__VALUE_CONSTANT && (size_t)k < v->constant->num_elements) {
        *out = (kerf__channel_number){n, input, (size_t)k};
        return 1;
    }
    if (v == NULL || !kerf__node_is(v->producer, "Concat") || k >= v->producer->num_inputs)
        return 0;
    v = v->producer->inputs[k];
    if (v->kind != KERF__VALUE_CONSTANT || v->constant->num_elements != 1)
        return 0;
    *out = (kerf__channel_number){n->inputs[input]->producer, k, 0};
    return 1;
}

/* ---- views ----------------------------------------------------------------------------------- */

/* Axes first to end (not with it) of a value. */
typedef struct span {
    const kerf_value *v;
    int first, end;
} span;

static void fix_span(kerf_channels *c, span s, int but, uint32_t reason)
{
    for (int axis = s.first; axis < s.end; axis++)
        if (axis != but)
            kerf__channel_fix(c, s.v, axis, reason);
}

/* Index i of the axis that all of `many` are in `one`, by that of `carrier`. */
static void join_carrier(kerf_channels *c, span one, span many, int carrier)
{
    int64_t stride = 1;
    const int64_t dim = many.v->shape.dims[carrier];
    for (int axis = carrier + 1; axis < many.end; axis++)
        stride *= many.v->shape.dims[axis];
    for (int64_t i = 0; i < one.v->shape.dims[one.first]; i++)
        kerf__channel_join(c, kerf__channel_slot(c, one.v, one.first, i),
                           kerf__channel_slot(c, many.v, carrier, i / stride % dim));
}

/* The first axis that may lose something, -1: none. */
static int first_free(const kerf_channels *c, span s)
{
    for (int axis = s.first; axis < s.end; axis++)
        if (s.v->shape.dims[axis] > 1 && !kerf__channel_is_fixed(c, s.v, axis))
            return axis;
    return -1;
}

/* Features are taken apart into heads and what each has: heads go.  Before pictures the longest
 * axis is the one with most to choose from (ShuffleNet's groups). */
static int carrier_of_parts(span whole, span parts)
{
    int longest = parts.first;
    if (whole.first == whole.v->shape.rank - 1)
        return parts.end - 2;
    for (int axis = parts.first; axis < parts.end; axis++)
        if (parts.v->shape.dims[axis] > parts.v->shape.dims[longest])
            longest = axis;
    return longest;
}

static kerf_status tie_spans(kerf_channels *c, const kerf_node *n, span in, span out)
{
    const int num_in = in.end - in.first, num_out = out.end - out.first;
    uint32_t reason;
    if (num_in == 1 && num_out == 1) {
        kerf__channel_join_axes(c, in.v, in.first, out.v, out.first);
        return KERF_OK;
    }
    KERF__TRY(kerf__channel_add_reason(c, n, "makes other axes of it", &reason));
    int carrier = num_out == 1 ? first_free(c, in) : -1;
    if (num_in == 1 && !kerf__channel_is_fixed(c, in.v, in.first))
        carrier = carrier_of_parts(in, out);
    fix_span(c, in, num_in > 1 ? carrier : carrier >= 0 ? in.first : -1, reason);
    fix_span(c, out, num_out > 1 ? carrier : carrier >= 0 ? out.first : -1, reason);
    if (carrier >= 0 && num_in == 1)
        join_carrier(c, in, out, carrier);
    else if (carrier >= 0)
        join_carrier(c, out, in, carrier);
    return KERF_OK;
}

/* Axes of 1 say nothing, but cannot shrink. */
static void skip_ones(kerf_channels *c, span *s, uint32_t reason)
{
    while (s->end < s->v->shape.rank && s->v->shape.dims[s->end] == 1)
        kerf__channel_fix(c, s->v, s->end++, reason);
    s->first = s->end;
}

/* What a Reshape is told: a size that changes must be a number that can be written. */
static kerf_status check_told(kerf_channels *c, const kerf_node *n, int input)
{
    const kerf_value *out = n->outputs[0], *model = kerf_graph_find(c->model, out->name);
    kerf_node *told = model != NULL ? model->producer : NULL;
    uint32_t reason;
    kerf__channel_number number;
    if (told == NULL || strcmp(told->op, n->op) != 0 || input >= told->num_inputs)
        return KERF_OK;
    KERF__TRY(kerf__channel_add_reason(c, n, "computes its shape", &reason));
    const kerf_value *list = told->inputs[input];
    const int is_known =
        list == NULL || list->kind == KERF__VALUE_CONSTANT ||
        (kerf__node_is(list->producer, "Concat") && list->producer->num_inputs == out->shape.rank);
    for (int axis = 0; axis < out->shape.rank; axis++)
        if (!is_known && !kerf__channel_find_number(told, input, axis, &number))
            kerf__channel_fix(c, out, axis, reason);
    return KERF_OK;
}

kerf_status kerf__channel_reshape(kerf_channels *c, const kerf_node *n)
{
    span in = {n->inputs[0], 0, 0}, out = {n->outputs[0], 0, 0};
    uint32_t reason;
    if (kerf_shape_num_elements(in.v->shape) == 0)
        return kerf__channel_fix_node(c, n, "has no elements");
    KERF__TRY(kerf__channel_add_reason(c, n, "has one element there", &reason));
    if (strcmp(n->op, "Reshape") == 0)
        KERF__TRY(check_told(c, n, 1));
    for (;;) {
        skip_ones(c, &in, reason);
        skip_ones(c, &out, reason);
        if (in.end == in.v->shape.rank || out.end == out.v->shape.rank)
            return KERF_OK;
        int64_t a = in.v->shape.dims[in.end++], b = out.v->shape.dims[out.end++];
        while (a != b) /* both products end alike */
            if (a < b)
                a *= in.v->shape.dims[in.end++];
            else
                b *= out.v->shape.dims[out.end++];
        KERF__TRY(tie_spans(c, n, in, out));
    }
}

kerf_status kerf__channel_transpose(kerf_channels *c, const kerf_node *n)
{
    size_t num;
    const int64_t *order = kerf_node_ints(n, "perm", &num);
    const int rank = n->inputs[0]->shape.rank;
    for (int axis = 0; axis < rank; axis++)
        kerf__channel_join_axes(c, n->inputs[0], order != NULL ? (int)order[axis] : rank - 1 - axis,
                                n->outputs[0], axis);
    return KERF_OK;
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* A part lies in the whole from `offset` on, along the axis. */
static void join_part(kerf_channels *c, const kerf_value *part, const kerf_value *whole, int axis,
                      int64_t offset)
{
    for (int k = 0; k < part->shape.rank; k++)
        if (k != axis)
            kerf__channel_join_axes(c, part, k, whole, k);
    for (int64_t i = 0; i < part->shape.dims[axis]; i++)
        kerf__channel_join(c, kerf__channel_slot(c, part, axis, i),
                           kerf__channel_slot(c, whole, axis, offset + i));
}

static kerf_status join_parts(kerf_channels *c, const kerf_node *n, kerf_value *const *parts,
                              int num, const kerf_value *whole, int64_t otherwise)
{
    int axis;
    int64_t offset = 0;
    KERF__TRY(kerf__node_axis(n, kerf_node_int(n, "axis", otherwise), whole->shape.rank, &axis));
    for (int i = 0; i < num; i++) {
        join_part(c, parts[i], whole, axis, offset);
        offset += parts[i]->shape.dims[axis];
    }
    return KERF_OK;
}

kerf_status kerf__channel_concat(kerf_channels *c, const kerf_node *n)
{
    return join_parts(c, n, n->inputs, n->num_inputs, n->outputs[0], 1);
}

kerf_status kerf__channel_split(kerf_channels *c, const kerf_node *n)
{
    return join_parts(c, n, n->outputs, n->num_outputs, n->inputs[0], 0);
}

/* Element k of the list that is attribute `key` or constant input `input`; 0 if neither says. */
static int list_element(const kerf_node *n, const char *key, int input, size_t k, int64_t *out)
{
    size_t num;
    const int64_t *ints = kerf_node_ints(n, key, &num);
    const kerf_tensor *t =
        input < n->num_inputs && n->inputs[input] != NULL ? n->inputs[input]->constant : NULL;
    if (ints != NULL && k < num)
        *out = ints[k];
    else if (t != NULL && k < t->num_elements)
        *out = kerf__tensor_int(t, k);
    else
        return 0;
    return 1;
}

kerf_status kerf__channel_pad(kerf_channels *c, const kerf_node *n)
{
    const int rank = n->inputs[0]->shape.rank;
    unsigned whole = 0;
    int64_t before, behind;
    for (int axis = 0; axis < rank && (n->num_inputs < 4 || n->inputs[3] == NULL); axis++)
        if (list_element(n, "pads", 1, (size_t)axis, &before) &&
            list_element(n, "pads", 1, (size_t)(rank + axis), &behind) && before == 0 &&
            behind == 0)
            whole |= 1u << axis;
    return kerf__channel_pass_but(c, n, ~whole, "pads it");
}

/* As long as before, and not backwards: all of it. */
kerf_status kerf__channel_slice(kerf_channels *c, const kerf_node *n)
{
    int64_t step;
    int is_forward = 1;
    for (size_t k = 0; list_element(n, "steps", 4, k, &step); k++)
        is_forward &= step > 0;
    return kerf__channel_pass_but(c, n, is_forward ? 0 : ~0u, "takes a part of it");
}

kerf_status kerf__channel_resize(kerf_channels *c, const kerf_node *n)
{
    KERF__TRY(check_told(c, n, 3));
    return kerf__channel_pass_but(c, n, ~3u, "resizes it");
}

/* Only axes before which nothing is repeated. */
kerf_status kerf__channel_expand(kerf_channels *c, const kerf_node *n)
{
    const kerf_value *in = n->inputs[0], *out = n->outputs[0];
    if (in->shape.rank != out->shape.rank)
        return kerf__channel_fix_node(c, n, "repeats it");
    KERF__TRY(check_told(c, n, 1));
    return kerf__channel_pass_but(c, n, 0, "repeats it");
}
