/* compress/prune/channel_rules.c -- which channels an operation ties together, and which it needs
 * as they are.  Other half: channel_views.c, for operations that only arrange. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/channels_internal.h"
#include "ops/shape_common.h"

kerf_status kerf__channel_fix_node(kerf_channels *c, const kerf_node *n, const char *why)
{
    uint32_t reason;
    KERF__TRY(kerf__channel_add_reason(c, n, why, &reason));
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL)
            kerf__channel_fix_all(c, n->inputs[i], reason);
    for (int i = 0; i < n->num_outputs; i++)
        kerf__channel_fix_all(c, n->outputs[i], reason);
    return KERF_OK;
}

/* ---- element by element ---------------------------------------------------------------------- */

/* An axis of 1 that is broadcast cannot shrink. */
static void join_broadcast(kerf_channels *c, const kerf_value *in, int num_axes,
                           const kerf_value *out, int out_axes, uint32_t reason)
{
    for (int k = 1; k <= num_axes; k++) {
        const int a = num_axes - k, b = out_axes - k;
        if (b >= 0 && in->shape.dims[a] == out->shape.dims[b])
            kerf__channel_join_axes(c, in, a, out, b);
        else
            kerf__channel_fix(c, in, a, reason);
    }
}

static kerf_status elementwise(kerf_channels *c, const kerf_node *n)
{
    uint32_t reason;
    KERF__TRY(kerf__channel_add_reason(c, n, "repeats what has one element", &reason));
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL)
            join_broadcast(c, n->inputs[i], n->inputs[i]->shape.rank, n->outputs[0],
                           n->outputs[0]->shape.rank, reason);
    return KERF_OK;
}

kerf_status kerf__channel_pass_but(kerf_channels *c, const kerf_node *n, unsigned bits,
                                   const char *why)
{
    const kerf_value *in = n->inputs[0], *out = n->outputs[0];
    uint32_t reason;
    KERF__TRY(kerf__channel_add_reason(c, n, why, &reason));
    for (int axis = 0; axis < in->shape.rank; axis++) {
        if ((bits >> axis & 1u) == 0 && in->shape.dims[axis] == out->shape.dims[axis]) {
            kerf__channel_join_axes(c, in, axis, out, axis);
            continue;
        }
        kerf__channel_fix(c, in, axis, reason);
        kerf__channel_fix(c, out, axis, reason);
    }
    return KERF_OK;
}

static const unsigned SPACE = ~3u;

/* Pools, resizing, and whatever works on each channel's picture alone. */
static kerf_status pictures(kerf_channels *c, const kerf_node *n)
{
    return kerf__channel_pass_but(c, n, SPACE, "works on pictures");
}

/* One number a channel in all further inputs. */
static kerf_status normalize_channels(kerf_channels *c, const kerf_node *n)
{
    KERF__TRY(kerf__channel_pass_but(c, n, SPACE, "works on pictures"));
    for (int i = 1; i < n->num_inputs; i++)
        kerf__channel_join_axes(c, n->inputs[i], 0, n->inputs[0], 1);
    return KERF_OK;
}

static kerf_status normalize_last(kerf_channels *c, const kerf_node *n)
{
    int axis;
    const int rank = n->inputs[0]->shape.rank;
    KERF__TRY(kerf__node_axis(n, kerf_node_int(n, "axis", -1), rank, &axis));
    KERF__TRY(kerf__channel_pass_but(c, n, ~0u << axis, "runs over all channels"));
    for (int i = 1; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL)
            kerf__channel_fix_all(c, n->inputs[i], (uint32_t)c->num_reasons);
    return KERF_OK;
}

static kerf_status softmax(kerf_channels *c, const kerf_node *n)
{
    int axis;
    KERF__TRY(kerf__node_axis(n, kerf_node_int(n, "axis", -1), n->inputs[0]->shape.rank, &axis));
    return kerf__channel_pass_but(c, n, 1u << axis, "runs over all channels");
}

static kerf_status local_response(kerf_channels *c, const kerf_node *n)
{
    return kerf__channel_pass_but(c, n, ~1u, "mixes channels with their neighbours");
}

/* Scales and zero points: one, or one a channel. */
static kerf_status quantize(kerf_channels *c, const kerf_node *n)
{
    const kerf_value *x = n->inputs[0];
    int axis = 0;
    if (x->shape.rank > 0)
        KERF__TRY(kerf__node_axis(n, kerf_node_int(n, "axis", 1), x->shape.rank, &axis));
    KERF__TRY(kerf__channel_pass_but(c, n, 0, ""));
    for (int i = 1; i < n->num_inputs; i++) {
        const kerf_value *v = n->inputs[i];
        if (v == NULL || v->shape.rank == 0 || kerf_shape_num_elements(v->shape) == 1)
            continue;
        if (v->shape.rank != 1 || v->shape.dims[0] != x->shape.dims[axis])
            return kerf__channel_fix_node(c, n, "has scales in blocks");
        kerf__channel_join_axes(c, v, 0, x, axis);
    }
    return KERF_OK;
}

/* ---- sums of products ------------------------------------------------------------------------ */

static kerf_status fix_behind(kerf_channels *c, const kerf_node *n, const kerf_value *v, int axis)
{
    uint32_t reason;
    KERF__TRY(kerf__channel_add_reason(c, n, "works on pictures", &reason));
    for (; axis < v->shape.rank; axis++)
        kerf__channel_fix(c, v, axis, reason);
    return KERF_OK;
}

/* One input a group: it goes with all that is made of it. */
static void tie_depthwise(kerf_channels *c, const kerf_node *n, int64_t groups)
{
    const kerf_value *x = n->inputs[0], *w = n->inputs[1];
    const int64_t each = w->shape.dims[0] / groups;
    for (int64_t i = 0; i < w->shape.dims[0]; i++)
        kerf__channel_join(c, kerf__channel_slot(c, x, 1, i / each),
                           kerf__channel_slot(c, w, 0, i));
}

/* Groups stay as many, so each loses what the others lose. */
static void tie_groups(kerf_channels *c, const kerf_node *n, int64_t groups)
{
    const kerf_value *x = n->inputs[0], *w = n->inputs[1];
    const int64_t inputs = w->shape.dims[1], outputs = w->shape.dims[0] / groups;
    for (int64_t i = 0; i < inputs * groups; i++)
        kerf__channel_join(c, kerf__channel_slot(c, x, 1, i),
                           kerf__channel_slot(c, w, 1, i % inputs));
    for (int64_t i = 0; i < outputs * groups; i++)
        kerf__channel_join(c, kerf__channel_slot(c, w, 0, i),
                           kerf__channel_slot(c, w, 0, i % outputs));
}

static kerf_status conv(kerf_channels *c, const kerf_node *n)
{
    const kerf_value *x = n->inputs[0], *w = n->inputs[1], *y = n->outputs[0];
    const int64_t groups = kerf_node_int(n, "group", 1);
    const int is_depthwise = groups > 1 && w->shape.dims[1] == 1;
    kerf__channel_join_axes(c, x, 0, y, 0);
    kerf__channel_join_axes(c, w, 0, y, 1);
    if (n->num_inputs > 2 && n->inputs[2] != NULL)
        kerf__channel_join_axes(c, n->inputs[2], 0, y, 1);
    if (is_depthwise)
        tie_depthwise(c, n, groups);
    else
        tie_groups(c, n, groups);
    KERF__TRY(fix_behind(c, n, x, 2));
    KERF__TRY(fix_behind(c, n, y, 2));
    return fix_behind(c, n, w, is_depthwise ? 1 : 2);
}

static kerf_status conv_transpose(kerf_channels *c, const kerf_node *n)
{
    const kerf_value *x = n->inputs[0], *w = n->inputs[1], *y = n->outputs[0];
    if (kerf_node_int(n, "group", 1) != 1)
        return kerf__channel_fix_node(c, n, "has groups");
    kerf__channel_join_axes(c, x, 0, y, 0);
    kerf__channel_join_axes(c, x, 1, w, 0);
    kerf__channel_join_axes(c, w, 1, y, 1);
    if (n->num_inputs > 2 && n->inputs[2] != NULL)
        kerf__channel_join_axes(c, n->inputs[2], 0, y, 1);
    KERF__TRY(fix_behind(c, n, x, 2));
    KERF__TRY(fix_behind(c, n, y, 2));
    return fix_behind(c, n, w, 2);
}

static kerf_status gemm(kerf_channels *c, const kerf_node *n)
{
    const kerf_value *a = n->inputs[0], *b = n->inputs[1], *y = n->outputs[0];
    const int rows = kerf_node_int(n, "transA", 0) != 0,
              columns = kerf_node_int(n, "transB", 0) == 0;
    kerf__channel_join_axes(c, a, 1 - rows, b, 1 - columns);
    kerf__channel_join_axes(c, a, rows, y, 0);
    kerf__channel_join_axes(c, b, columns, y, 1);
    if (n->num_inputs > 2 && n->inputs[2] != NULL) {
        uint32_t reason;
        KERF__TRY(kerf__channel_add_reason(c, n, "repeats what has one element", &reason));
        join_broadcast(c, n->inputs[2], n->inputs[2]->shape.rank, y, 2, reason);
    }
    return KERF_OK;
}

static kerf_status matmul(kerf_channels *c, const kerf_node *n)
{
    const kerf_value *a = n->inputs[0], *b = n->inputs[1], *y = n->outputs[0];
    const int ra = a->shape.rank, rb = b->shape.rank, ry = y->shape.rank;
    if (ra < 2 || rb < 2)
        return kerf__channel_fix_node(c, n, "multiplies by a vector");
    uint32_t reason;
    KERF__TRY(kerf__channel_add_reason(c, n, "repeats what has one element", &reason));
    kerf__channel_join_axes(c, a, ra - 1, b, rb - 2);
    kerf__channel_join_axes(c, a, ra - 2, y, ry - 2);
    kerf__channel_join_axes(c, b, rb - 1, y, ry - 1);
    join_broadcast(c, a, ra - 2, y, ry - 2, reason);
    join_broadcast(c, b, rb - 2, y, ry - 2, reason);
    return KERF_OK;
}

/* ---- over axes ------------------------------------------------------------------------------- */

static kerf_status reduce(kerf_channels *c, const kerf_node *n)
{
    const kerf_value *x = n->inputs[0], *y = n->outputs[0];
    const int keeps = kerf_node_int(n, "keepdims", 1) != 0;
    unsigned bits;
    KERF__TRY(kerf__node_axes(n, "axes", 1, x->shape.rank, &bits));
    if (kerf_shape_equal(x->shape, y->shape)) /* nothing to reduce, or said so */
        return kerf__channel_pass_but(c, n, bits, "runs over all channels");
    uint32_t reason;
    KERF__TRY(kerf__channel_add_reason(c, n, "runs over all channels", &reason));
    for (int axis = 0, to = 0; axis < x->shape.rank; axis++) {
        const int goes = (bits >> axis & 1u) != 0;
        if (goes)
            kerf__channel_fix(c, x, axis, reason);
        else
            kerf__channel_join_axes(c, x, axis, y, to);
        if (goes && keeps)
            kerf__channel_fix(c, y, to, reason);
        to += !goes || keeps;
    }
    return KERF_OK;
}

/* The axis that is looked up stays; the others are handed on. */
static kerf_status gather(kerf_channels *c, const kerf_node *n)
{
    const kerf_value *x = n->inputs[0], *indices = n->inputs[1], *y = n->outputs[0];
    uint32_t reason;
    int axis;
    KERF__TRY(kerf__channel_add_reason(c, n, "looks channels up by number", &reason));
    KERF__TRY(kerf__node_axis(n, kerf_node_int(n, "axis", 0), x->shape.rank, &axis));
    kerf__channel_fix(c, x, axis, reason);
    kerf__channel_fix_all(c, indices, reason);
    for (int k = 0; k < indices->shape.rank; k++)
        kerf__channel_fix(c, y, axis + k, reason);
    for (int k = 0; k < x->shape.rank; k++)
        if (k != axis)
            kerf__channel_join_axes(c, x, k, y, k < axis ? k : k + indices->shape.rank - 1);
    return KERF_OK;
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct {
    const char *op;
    kerf__channel_rule rule;
} RULES[] = {
    {"AveragePool", pictures},
    {"BatchNormalization", normalize_channels},
    {"Concat", kerf__channel_concat},
    {"Conv", conv},
    {"ConvTranspose", conv_transpose},
    {"DequantizeLinear", quantize},
    {"Dropout", elementwise},
    {"Expand", kerf__channel_expand},
    {"Flatten", kerf__channel_reshape},
    {"Gather", gather},
    {"Gemm", gemm},
    {"GlobalAveragePool", pictures},
    {"GlobalLpPool", pictures},
    {"GlobalMaxPool", pictures},
    {"Identity", elementwise},
    {"InstanceNormalization", normalize_channels},
    {"LRN", local_response},
    {"LayerNormalization", normalize_last},
    {"LogSoftmax", softmax},
    {"LpPool", pictures},
    {"MatMul", matmul},
    {"MaxPool", pictures},
    {"Pad", kerf__channel_pad},
    {"QuantizeLinear", quantize},
    {"ReduceL1", reduce},
    {"ReduceL2", reduce},
    {"ReduceLogSum", reduce},
    {"ReduceLogSumExp", reduce},
    {"ReduceMax", reduce},
    {"ReduceMean", reduce},
    {"ReduceMin", reduce},
    {"ReduceProd", reduce},
    {"ReduceSum", reduce},
    {"ReduceSumSquare", reduce},
    {"Reshape", kerf__channel_reshape},
    {"Resize", kerf__channel_resize},
    {"Slice", kerf__channel_slice},
    {"Softmax", softmax},
    {"Split", kerf__channel_split},
    {"Squeeze", kerf__channel_reshape},
    {"Transpose", kerf__channel_transpose},
    {"Unsqueeze", kerf__channel_reshape},
    {"Upsample", pictures},
    {"kerf.Gate", elementwise},
    {"kerf.Mask", elementwise},
};

extern const kerf__op kerf__ops_elementwise[], kerf__ops_elementwise_typed[];

static int is_listed(const kerf__op *ops, const char *op)
{
    for (; ops->op != NULL; ops++)
        if (strcmp(ops->op, op) == 0)
            return 1;
    return 0;
}

static kerf__channel_rule rule_of(const kerf_node *n)
{
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++)
        if (strcmp(RULES[i].op, n->op) == 0)
            return RULES[i].rule;
    return is_listed(kerf__ops_elementwise, n->op) || is_listed(kerf__ops_elementwise_typed, n->op)
               ? elementwise
               : NULL;
}

static kerf_status tie(kerf_channels *c, const kerf_node *n)
{
    const kerf__channel_rule rule = rule_of(n);
    if (rule == NULL)
        return kerf__channel_fix_node(c, n, "needs its operands as they are");
    KERF__TRY(rule(c, n));
    if (strcmp(n->op, "Split") == 0 || n->num_outputs < 2)
        return KERF_OK;
    uint32_t reason;
    KERF__TRY(kerf__channel_add_reason(c, n, "has a second result", &reason));
    for (int i = 1; i < n->num_outputs; i++) /* where a maximum was, and the like */
        kerf__channel_fix_all(c, n->outputs[i], reason);
    return KERF_OK;
}

static kerf_status fix_ends(kerf_channels *c, kerf_value *const *ends, size_t num, const char *what)
{
    uint32_t reason;
    KERF__TRY(kerf__channel_add_reason(c, NULL, what, &reason));
    for (size_t i = 0; i < num; i++)
        kerf__channel_fix_all(c, ends[i], reason);
    return KERF_OK;
}

kerf_status kerf__channel_walk(kerf_channels *c)
{
    const kerf_graph *g = c->graph;
    KERF__TRY(fix_ends(c, g->inputs, g->num_inputs, "they are an input of the network"));
    KERF__TRY(fix_ends(c, g->outputs, g->num_outputs, "they are an output of the network"));
    for (size_t i = 0; i < g->num_nodes; i++)
        KERF__TRY(tie(c, g->nodes[i]));
    return KERF_OK;
}
