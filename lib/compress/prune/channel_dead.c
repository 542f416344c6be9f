/* compress/prune/channel_dead.c -- channels that add nothing to any output: wherever one is summed
 * over, it or the weights for it are 0.
 *
 * Zeros are followed through the network: a slot is zero if all elements at its index are, whatever
 * the input.  Of weights that is read, of results it follows from the operands, set by set. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/channels_internal.h"

typedef struct zeros {
    const kerf_channels *c;
    char *zero;                          /* by slot */
    char *alive;                         /* by root */
    char *one, *all;                     /* by root: 1 if all of it that was looked at is zero */
    uint32_t *in_one, *in_all, turn, at; /* by root: the turn that looked at it */
} zeros;

/* ---- what is known of a set ---------------------------------------------------------------------
 */

static void look_at_axis(zeros *z, const kerf_value *v, int axis)
{
    for (int64_t i = 0; i < v->shape.dims[axis]; i++) {
        const size_t slot = kerf__channel_slot(z->c, v, axis, i);
        const uint32_t root = kerf__channel_root(z->c, slot);
        z->one[root] = (char)(z->zero[slot] && (z->in_one[root] != z->turn || z->one[root]));
        z->in_one[root] = z->turn;
    }
}

/* Joins what is known by now with this operand; any: one zero is enough. */
static void merge(zeros *z, const kerf_value *v, int axis, int any)
{
    z->turn++;
    for (int k = axis < 0 ? 0 : axis; k < (axis < 0 ? v->shape.rank : axis + 1); k++)
        look_at_axis(z, v, k);
    for (int k = axis < 0 ? 0 : axis; k < (axis < 0 ? v->shape.rank : axis + 1); k++)
        for (int64_t i = 0; i < v->shape.dims[k]; i++) {
            const uint32_t root = kerf__channel_root(z->c, kerf__channel_slot(z->c, v, k, i));
            const char one = z->one[root];
            if (z->in_all[root] != z->at)
                z->all[root] = one;
            else
                z->all[root] = (char)(any ? z->all[root] || one : z->all[root] && one);
            z->in_all[root] = z->at;
        }
}

static void give(zeros *z, const kerf_value *v)
{
    for (int axis = 0; axis < v->shape.rank; axis++)
        for (int64_t i = 0; i < v->shape.dims[axis]; i++) {
            const size_t slot = kerf__channel_slot(z->c, v, axis, i);
            const uint32_t root = kerf__channel_root(z->c, slot);
            z->zero[slot] = (char)(z->in_all[root] == z->at && z->all[root]);
        }
}

/* ---- operations -------------------------------------------------------------------------------
 */

static void each_input(zeros *z, const kerf_node *n)
{
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL)
            merge(z, n->inputs[i], -1, 0);
}

/* What is repeated along a channel's axis is added to every channel. */
static void add_repeated(zeros *z, const kerf_value *in, const kerf_value *out)
{
    z->turn++;
    for (int axis = 0; axis < in->shape.rank; axis++)
        look_at_axis(z, in, axis);
    for (int axis = 0; axis < out->shape.rank; axis++)
        for (int64_t i = 0; i < out->shape.dims[axis]; i++) {
            const uint32_t root = kerf__channel_root(z->c, kerf__channel_slot(z->c, out, axis, i));
            if (z->in_one[root] != z->turn)
                z->all[root] = 0;
        }
}

static void add(zeros *z, const kerf_node *n)
{
    each_input(z, n);
    for (int i = 0; i < n->num_inputs; i++)
        add_repeated(z, n->inputs[i], n->outputs[0]);
}

static void any_input(zeros *z, const kerf_node *n)
{
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL)
            merge(z, n->inputs[i], -1, 1);
}

static void first_input(zeros *z, const kerf_node *n)
{
    merge(z, n->inputs[0], -1, 0);
}

/* Bounds that leave 0 as it is. */
static void clip(zeros *z, const kerf_node *n)
{
    for (int i = 1; i < n->num_inputs; i++) {
        const kerf_value *v = n->inputs[i];
        const float *x =
            v != NULL && v->constant != NULL && v->type == KERF_F32 ? v->constant->data : NULL;
        if (v != NULL && (x == NULL || (i == 1 ? *x > 0 : *x < 0)))
            return;
    }
    first_input(z, n);
}

/* y = scale (x - mean) / deviation + bias. */
static void batch_norm(zeros *z, const kerf_node *n)
{
    merge(z, n->inputs[0], -1, 0);
    merge(z, n->inputs[3], 0, 0);
    merge(z, n->inputs[1], 0, 1);
    merge(z, n->inputs[2], 0, 0);
}

static void sum_of_products(zeros *z, const kerf_node *n, const kerf_value *w, int outputs)
{
    merge(z, w, outputs, 0);
    if (n->num_inputs < 3 || n->inputs[2] == NULL)
        return;
    merge(z, n->inputs[2], -1, 0);
    add_repeated(z, n->inputs[2], n->outputs[0]);
}

/* Where a set is summed over; alive are those that add something. */
static void contract(zeros *z, const kerf_value *a, int axis_a, const kerf_value *b, int axis_b)
{
    z->at++;
    merge(z, a, axis_a, 1);
    merge(z, b, axis_b, 1);
    for (int64_t i = 0; i < a->shape.dims[axis_a]; i++) {
        const uint32_t root = kerf__channel_root(z->c, kerf__channel_slot(z->c, a, axis_a, i));
        z->alive[root] |= !z->all[root];
    }
    z->at++;
}

static void conv(zeros *z, const kerf_node *n)
{
    const kerf_value *x = n->inputs[0], *w = n->inputs[1];
    const int is_depthwise = kerf_node_int(n, "group", 1) > 1 && w->shape.dims[1] == 1;
    if (!is_depthwise)
        contract(z, x, 1, w, 1);
    else
        merge(z, x, 1, 0);
    merge(z, w, 0, 1);
    if (n->num_inputs > 2 && n->inputs[2] != NULL)
        merge(z, n->inputs[2], 0, 0);
}

static void conv_transpose(zeros *z, const kerf_node *n)
{
    contract(z, n->inputs[0], 1, n->inputs[1], 0);
    sum_of_products(z, n, n->inputs[1], 1);
}

static void gemm(zeros *z, const kerf_node *n)
{
    const int rows = kerf_node_int(n, "transA", 0) != 0,
              columns = kerf_node_int(n, "transB", 0) == 0;
    contract(z, n->inputs[0], 1 - rows, n->inputs[1], 1 - columns);
    sum_of_products(z, n, n->inputs[1], columns);
}

static void matmul(zeros *z, const kerf_node *n)
{
    const kerf_value *a = n->inputs[0], *b = n->inputs[1];
    if (a->shape.rank < 2 || b->shape.rank < 2)
        return;
    contract(z, a, a->shape.rank - 1, b, b->shape.rank - 2);
    merge(z, b, b->shape.rank - 1, 0);
}

/* Those that give 0 for 0; whatever is not here does not. */
static const struct {
    const char *op;
    void (*follow)(zeros *z, const kerf_node *n);
} ROWS[] = {
    {"Abs", first_input},
    {"Add", add},
    {"AveragePool", first_input},
    {"BatchNormalization", batch_norm},
    {"Cast", first_input},
    {"Celu", first_input},
    {"Clip", clip},
    {"Concat", each_input},
    {"Conv", conv},
    {"ConvTranspose", conv_transpose},
    {"DequantizeLinear", first_input},
    {"Dropout", first_input},
    {"Elu", first_input},
    {"Erf", first_input},
    {"Flatten", first_input},
    {"Gather", first_input},
    {"Gelu", first_input},
    {"Gemm", gemm},
    {"GlobalAveragePool", first_input},
    {"GlobalMaxPool", first_input},
    {"HardSwish", first_input},
    {"Identity", first_input},
    {"LeakyRelu", first_input},
    {"MatMul", matmul},
    {"MaxPool", first_input},
    {"Mish", first_input},
    {"Mul", any_input},
    {"Neg", first_input},
    {"PRelu", first_input},
    {"QuantizeLinear", first_input},
    {"ReduceL2", first_input},
    {"ReduceMax", first_input},
    {"ReduceMean", first_input},
    {"ReduceSum", first_input},
    {"Relu", first_input},
    {"Reshape", first_input},
    {"Resize", first_input},
    {"Selu", first_input},
    {"Slice", first_input},
    {"Split", first_input},
    {"Squeeze", first_input},
    {"Sub", add},
    {"Tanh", first_input},
    {"Transpose", first_input},
    {"Unsqueeze", first_input},
    {"kerf.Gate", first_input},
    {"kerf.Mask", any_input},
};

static void follow(zeros *z, const kerf_node *n)
{
    z->at++;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        if (strcmp(ROWS[i].op, n->op) == 0)
            ROWS[i].follow(z, n);
    for (int i = 0; i < n->num_outputs; i++)
        give(z, n->outputs[i]);
}

/* ---- weights ------------------------------------------------------------------------------------
 */

static void clear_used(zeros *z, const kerf_value *v, const float *x)
{
    const size_t num = (size_t)kerf_shape_num_elements(v->shape);
    for (int axis = 0; axis < v->shape.rank; axis++) {
        const kerf__channel_extent e = kerf__channel_extent_of(v->shape, axis);
        char *zero = z->zero + kerf__channel_slot(z->c, v, axis, 0);
        memset(zero, 1, e.num);
        for (size_t i = 0; i < num; i++)
            if (x[i] != 0)
                zero[i / e.inner % e.num] = 0;
    }
}

static kerf_status read_weights(zeros *z, const kerf_state *s)
{
    const kerf_graph *g = z->c->graph;
    for (size_t i = 0; i < g->num_values; i++) {
        const kerf_value *v = g->values[i];
        float *x;
        if (v->type != KERF_F32 ||
            (v->kind != KERF__VALUE_STATE && v->kind != KERF__VALUE_CONSTANT))
            continue;
        kerf_status status = kerf__channel_read(s, v, &x);
        if (status == KERF_OK)
            clear_used(z, v, x);
        free(x);
        KERF__TRY(status);
    }
    return KERF_OK;
}

/* ---- the choice
 * ---------------------------------------------------------------------------------- */

/* A group keeps one channel: nothing has 0 of them. */
static void take_dead(kerf_channels *c, const zeros *z)
{
    memset(c->goes, 0, c->num_slots);
    for (size_t i = 0; i < c->num_groups; i++) {
        kerf__channel_group *group = &c->groups[i];
        group->told.kept = group->told.num;
        for (int64_t k = 0; group->told.fixed == NULL && k < group->told.num; k++) {
            const int is_last = group->told.kept == 1;
            group->stay[k] = (char)(z->alive[group->roots[k]] || is_last);
            c->goes[group->roots[k]] = !group->stay[k];
            group->told.kept -= !group->stay[k];
        }
    }
}

static kerf_status find_dead(kerf_channels *c, zeros *z, const kerf_state *s)
{
    const size_t num = c->num_slots + 1;
    z->c = c;
    z->zero = kerf__alloc(num, 1);
    z->alive = kerf__alloc(num, 1);
    z->one = kerf__alloc(num, 1);
    z->all = kerf__alloc(num, 1);
    z->in_one = kerf__alloc(num, sizeof *z->in_one);
    z->in_all = kerf__alloc(num, sizeof *z->in_all);
    if (z->zero == NULL || z->alive == NULL || z->one == NULL || z->all == NULL ||
        z->in_one == NULL || z->in_all == NULL)
        return kerf__fail_memory("channels", num * sizeof *z->in_one);
    KERF__TRY(read_weights(z, s));
    for (size_t i = 0; i < c->graph->num_nodes; i++)
        follow(z, c->graph->nodes[i]);
    take_dead(c, z);
    return KERF_OK;
}

kerf_status kerf_channels_choose_dead(kerf_channels *c, const kerf_state *s)
{
    zeros z = {0};
    kerf_status status = find_dead(c, &z, s);
    free(z.zero);
    free(z.alive);
    free(z.one);
    free(z.all);
    free(z.in_one);
    free(z.in_all);
    return status;
}
