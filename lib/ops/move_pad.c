/* ops/move_pad.c -- Pad as boxes of strided copies (move_common.h).
 *
 * An axis of the output is up to three parts: what is put in front of the input, the input, what is
 * put behind.  A part is `num` elements from `dst` on, read from `src` on in steps of 1, -1 (a
 * reflection) or 0 (the edge).  Every choice of one part an axis is a box.  With mode constant
 * there is one part an axis, and what it leaves is filled.  Numbers of pads below 0 cut elements
 * off.
 *
 * The gradient goes the same way back, one axis after the other: each part of what arrives is added
 * to the elements that it was read from. */
#include <string.h>

#include "base/fail.h"
#include "ops/move_common.h"

typedef struct part {
    int64_t num, src, step, dst;
} part;

typedef struct axis {
    int num;
    part parts[3];
} axis;

typedef struct padding {
    int64_t before[KERF_MAX_RANK], behind[KERF_MAX_RANK];
} padding;

static const char *mode_of(const kerf_node *n)
{
    return kerf_node_string(n, "mode", "constant");
}

/* ---- parts ------------------------------------------------------------------------------- */

static void add(axis *a, int64_t num, int64_t src, int64_t step, int64_t dst)
{
    if (num > 0)
        a->parts[a->num++] = (part){num, src, step, dst};
}

/* Of `dim` elements. */
static axis axis_of(const char *mode, int64_t dim, int64_t before, int64_t behind)
{
    axis a = {.num = 0};
    const int64_t cut = before < 0 ? -before : 0, front = before > 0 ? before : 0;
    const int64_t kept = dim - cut - (behind < 0 ? -behind : 0), end = front + kept;
    if (strcmp(mode, "edge") == 0)
        add(&a, before, 0, 0, 0);
    else if (strcmp(mode, "reflect") == 0)
        add(&a, before, before, -1, 0);
    else if (strcmp(mode, "wrap") == 0)
        add(&a, before, dim - before, 1, 0);
    add(&a, kept, cut, 1, front);
    if (strcmp(mode, "edge") == 0)
        add(&a, behind, dim - 1, 0, end);
    else if (strcmp(mode, "reflect") == 0)
        add(&a, behind, dim - 2, -1, end);
    else if (strcmp(mode, "wrap") == 0)
        add(&a, behind, 0, 1, end);
    return a;
}

/* ---- what the node says -------------------------------------------------------------------- */

/* The list of pads, which may be longer than kerf__ints takes. */
static kerf_status list_of(const kerf_node *n, const int64_t **list, size_t *num)
{
    *list = kerf_node_ints(n, "pads", num);
    if (n->num_inputs < 2 || n->inputs[1] == NULL)
        return KERF_OK;
    const kerf_value *v = n->inputs[1];
    if (v->kind != KERF__VALUE_CONSTANT || v->type != KERF_S64)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s must be a constant of int64",
                               v->name);
    *list = v->constant->data;
    *num = v->constant->num_elements;
    return KERF_OK;
}

static kerf_status padding_of(const kerf_node *n, padding *p)
{
    const int rank = n->inputs[0]->shape.rank;
    const int64_t *list;
    size_t num;
    kerf__ints axes;
    unsigned seen = 0;
    *p = (padding){{0}, {0}};
    KERF__TRY(list_of(n, &list, &num));
    KERF__TRY(kerf__node_get_ints(n, "axes", 3, &axes));
    const size_t named = axes.given ? axes.num : (size_t)rank;
    if (num != 2 * named)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "has %zu pads, must have %zu", num, 2 * named);
    for (size_t i = 0; i < named; i++) {
        int k;
        KERF__TRY(kerf__node_axis(n, axes.given ? axes.items[i] : (int64_t)i, rank, &k));
        if ((seen >> k & 1u) != 0)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "axis %d is named twice", k);
        seen |= 1u << k;
        p->before[k] = list[i];
        p->behind[k] = list[named + i];
    }
    return KERF_OK;
}

/* Elements that the mode has to put before or behind `dim` of them. */
static int64_t most_of(const char *mode, int64_t dim)
{
    if (strcmp(mode, "constant") == 0)
        return KERF__MOST_MOVED;
    if (strcmp(mode, "edge") == 0)
        return dim > 0 ? KERF__MOST_MOVED : 0;
    return strcmp(mode, "reflect") == 0 && dim > 0 ? dim - 1 : dim;
}

static kerf_status check_axis(const kerf_node *n, int k, int64_t before, int64_t behind)
{
    const int64_t dim = n->inputs[0]->shape.dims[k], most = most_of(mode_of(n), dim);
    if (before < -dim || before > most || behind < -dim || behind > most)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "dimension %d of %lld is padded by %lld and %lld, must be by %lld "
                               "to %lld",
                               k, (long long)dim, (long long)before, (long long)behind,
                               (long long)-dim, (long long)most);
    if (dim + (before < 0 ? before : 0) + (behind < 0 ? behind : 0) < 0 ||
        before > KERF__MOST_MOVED - dim - (behind > 0 ? behind : 0))
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "dimension %d of %lld cannot be padded by %lld "
                               "and %lld",
                               k, (long long)dim, (long long)before, (long long)behind);
    return KERF_OK;
}

static kerf_status check_value(const kerf_node *n)
{
    const kerf_value *v = n->num_inputs > 2 ? n->inputs[2] : NULL;
    if (v == NULL)
        return KERF_OK;
    KERF__TRY(kerf__node_check_type(n, 2, n->inputs[0]->type));
    if (v->kind != KERF__VALUE_CONSTANT || v->constant->num_elements != 1)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s must be a constant number",
                               v->name);
    return KERF_OK;
}

static kerf_status check_mode(const kerf_node *n)
{
    static const char *const MODES[] = {"constant", "edge", "reflect", "wrap"};
    for (size_t i = 0; i < sizeof MODES / sizeof MODES[0]; i++)
        if (strcmp(MODES[i], mode_of(n)) == 0)
            return KERF_OK;
    return kerf__fail_node(KERF_ERR_SHAPE, n, "mode is %s, must be constant, edge, reflect or wrap",
                           mode_of(n));
}

static kerf_status infer_pad(kerf_node *n)
{
    enum { MOST_BOXES = 81 }; /* each is a launch */
    kerf_shape dst = n->inputs[0]->shape;
    padding p;
    int boxes = 1;
    KERF__TRY(check_mode(n));
    KERF__TRY(check_value(n));
    KERF__TRY(padding_of(n, &p));
    for (int k = 0; k < dst.rank; k++) {
        KERF__TRY(check_axis(n, k, p.before[k], p.behind[k]));
        boxes *= axis_of(mode_of(n), dst.dims[k], p.before[k], p.behind[k]).num;
        dst.dims[k] += p.before[k] + p.behind[k];
    }
    if (boxes > MOST_BOXES)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "pads on too many sides: %d copies, "
                               "supported are up to %d",
                               boxes, MOST_BOXES);
    kerf__set_output(n, 0, n->inputs[0]->type, dst);
    return KERF_OK;
}

/* ---- boxes ------------------------------------------------------------------------------- */

static void axes_of(const kerf_node *n, axis *axes)
{
    padding p;
    if (padding_of(n, &p) != KERF_OK)
        p = (padding){{0}, {0}}; /* cannot be: infer has read it */
    for (int k = 0; k < n->inputs[0]->shape.rank; k++)
        axes[k] = axis_of(mode_of(n), n->inputs[0]->shape.dims[k], p.before[k], p.behind[k]);
}

static int num_boxes(const kerf_node *n)
{
    axis axes[KERF_MAX_RANK];
    int num = 1;
    axes_of(n, axes);
    for (int k = 0; k < n->inputs[0]->shape.rank; k++)
        num *= axes[k].num;
    return num;
}

/* Box i has a part of every axis: i in a number system whose digits are the parts. */
static void box_pad(const kerf_node *n, int i, kerf__box *b)
{
    const int rank = n->inputs[0]->shape.rank;
    int64_t from[KERF_MAX_RANK], to[KERF_MAX_RANK];
    axis axes[KERF_MAX_RANK];
    axes_of(n, axes);
    kerf__move_strides(n->inputs[0]->shape, from);
    kerf__move_strides(n->outputs[0]->shape, to);
    for (int k = 0; k < rank; k++) {
        const part *p = &axes[k].parts[i % axes[k].num];
        i /= axes[k].num;
        kerf__box_add_dim(b, p->num, from[k] * p->step, to[k]);
        b->src_at += p->src * from[k];
        b->dst_at += p->dst * to[k];
    }
}

static int fills(const kerf_node *n, uint64_t *bits)
{
    const kerf_value *v = n->num_inputs > 2 ? n->inputs[2] : NULL;
    *bits = 0;
    if (v != NULL) /* little-endian: the low bytes come first */
        memcpy(bits, v->constant->data, kerf_type_bits(v->type) / 8);
    return strcmp(mode_of(n), "constant") == 0;
}

const kerf__move_rule kerf__move_pad = {
    .infer = infer_pad, .box = box_pad, .num_boxes = num_boxes, .fills = fills};

/* ---- gradient ---------------------------------------------------------------------------- */

/* Where a part of axis k lies in what arrives, and where it goes. */
typedef struct place {
    int k;
    const part *part;
    kerf_shape src; /* of the axes that are done and of this one as the input has it */
} place;

static kerf_status cut_out(kerf__gradients *grads, kerf_node *n, const place *at, kerf_value **v)
{
    const int64_t begin = at->part->dst, end = begin + at->part->num, along = at->k;
    kerf_node *node;
    if (begin == 0 && end == (*v)->shape.dims[at->k])
        return KERF_OK;
    KERF__TRY(kerf__gradient_add_node(grads, "Slice", n, "grad", v, 1, &node));
    KERF__TRY(kerf_node_set_ints(node, "starts", &begin, 1));
    KERF__TRY(kerf_node_set_ints(node, "ends", &end, 1));
    KERF__TRY(kerf_node_set_ints(node, "axes", &along, 1));
    *v = node->outputs[0];
    return kerf__node_infer(node);
}

/* All copies of an edge are added up. */
static kerf_status add_up(kerf__gradients *grads, kerf_node *n, const place *at, kerf_value **v)
{
    const int64_t along = at->k;
    kerf_node *node;
    if (at->part->step != 0)
        return KERF_OK;
    KERF__TRY(kerf__gradient_add_node(grads, "ReduceSum", n, "grad", v, 1, &node));
    KERF__TRY(kerf_node_set_ints(node, "axes", &along, 1));
    *v = node->outputs[0];
    return kerf__node_infer(node);
}

static kerf_status put_back(kerf__gradients *grads, kerf_node *n, const place *at, kerf_value **v)
{
    int64_t starts[KERF_MAX_RANK] = {0}, steps[KERF_MAX_RANK];
    const size_t rank = (size_t)at->src.rank;
    kerf_node *node;
    if (at->part->step == 1 && kerf_shape_equal((*v)->shape, at->src))
        return KERF_OK;
    for (int i = 0; i < at->src.rank; i++)
        steps[i] = 1;
    starts[at->k] = at->part->src;
    steps[at->k] = at->part->step < 0 ? -1 : 1;
    KERF__TRY(kerf__gradient_add_node(grads, "kerf.SliceGrad", n, "grad", v, 1, &node));
    KERF__TRY(kerf_node_set_ints(node, "shape", at->src.dims, rank));
    KERF__TRY(kerf_node_set_ints(node, "starts", starts, rank));
    KERF__TRY(kerf_node_set_ints(node, "steps", steps, rank));
    *v = node->outputs[0];
    return kerf__node_infer(node);
}

static kerf_status add_part(kerf__gradients *grads, kerf_node *n, const place *at, kerf_value *diff,
                            kerf_value **sum)
{
    kerf_node *node;
    KERF__TRY(cut_out(grads, n, at, &diff));
    KERF__TRY(add_up(grads, n, at, &diff));
    KERF__TRY(put_back(grads, n, at, &diff));
    if (*sum != NULL) {
        KERF__TRY(
            kerf__gradient_node(grads, "Add", n, "grad", (kerf_value *[]){*sum, diff}, 2, &node));
        diff = node->outputs[0];
    }
    *sum = diff;
    return KERF_OK;
}

kerf_status kerf__pad_gradient(kerf__gradients *grads, kerf_node *n, kerf_value *diff)
{
    const kerf_shape src = n->inputs[0]->shape;
    axis axes[KERF_MAX_RANK];
    axes_of(n, axes);
    if (kerf__value_elements(diff) == 0 || num_boxes(n) == 0)
        return KERF_OK; /* nothing arrives */
    for (int k = 0; k < src.rank; k++) {
        place at = {k, NULL, diff->shape};
        kerf_value *sum = NULL;
        at.src.dims[k] = src.dims[k];
        for (int i = 0; i < axes[k].num; i++) {
            at.part = &axes[k].parts[i];
            KERF__TRY(add_part(grads, n, &at, diff, &sum));
        }
        diff = sum;
    }
    return kerf__gradient_add(grads, n->inputs[0], diff);
}
