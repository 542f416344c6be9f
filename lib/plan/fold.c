/* plan/fold.c -- arithmetic on shapes, done while planning; see fold.h.
 *
 * Exporters write x.view(x.size(0), -1) as Shape, Gather, Unsqueeze, Concat, Reshape, and the
 * size of a Resize as floats that are multiplied and rounded down.  With the inputs' shapes
 * bound, all of it is known: each such node's result becomes a constant.  Called by infer.c,
 * node by node. */
#include "plan/fold.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "ops/shape_common.h"

/* ---- the operations ------------------------------------------------------------------------ */

/* least: inputs that must be there.  of_shape: only the input's shape is asked. */
static const struct {
    const char *op;
    kerf_status (*fold)(kerf__folding *x);
    int least, of_shape;
} FOLDS[] = {
    {"Abs", kerf__fold_arithmetic, 1, 0},
    {"Add", kerf__fold_arithmetic, 2, 0},
    {"And", kerf__fold_arithmetic, 2, 0},
    {"Cast", kerf__fold_cast, 1, 0},
    {"Ceil", kerf__fold_arithmetic, 1, 0},
    {"Concat", kerf__fold_concat, 1, 0},
    {"ConstantOfShape", kerf__fold_constant_of_shape, 1, 0},
    {"Div", kerf__fold_arithmetic, 2, 0},
    {"Equal", kerf__fold_arithmetic, 2, 0},
    {"Expand", kerf__fold_expand, 2, 0},
    {"Flatten", kerf__fold_view, 1, 0},
    {"Floor", kerf__fold_arithmetic, 1, 0},
    {"Gather", kerf__fold_gather, 2, 0},
    {"Greater", kerf__fold_arithmetic, 2, 0},
    {"GreaterOrEqual", kerf__fold_arithmetic, 2, 0},
    {"Identity", kerf__fold_identity, 1, 0},
    {"Less", kerf__fold_arithmetic, 2, 0},
    {"LessOrEqual", kerf__fold_arithmetic, 2, 0},
    {"Max", kerf__fold_arithmetic, 1, 0},
    {"Min", kerf__fold_arithmetic, 1, 0},
    {"Mod", kerf__fold_arithmetic, 2, 0},
    {"Mul", kerf__fold_arithmetic, 2, 0},
    {"Neg", kerf__fold_arithmetic, 1, 0},
    {"Not", kerf__fold_arithmetic, 1, 0},
    {"Or", kerf__fold_arithmetic, 2, 0},
    {"Range", kerf__fold_range, 3, 0},
    {"ReduceMax", kerf__fold_reduce, 1, 0},
    {"ReduceMin", kerf__fold_reduce, 1, 0},
    {"ReduceProd", kerf__fold_reduce, 1, 0},
    {"ReduceSum", kerf__fold_reduce, 1, 0},
    {"Reshape", kerf__fold_view, 2, 0},
    {"Round", kerf__fold_arithmetic, 1, 0},
    {"Shape", kerf__fold_shape, 1, 1},
    {"Size", kerf__fold_size, 1, 1},
    {"Slice", kerf__fold_slice, 1, 0},
    {"Split", kerf__fold_split, 1, 0},
    {"Sqrt", kerf__fold_arithmetic, 1, 0},
    {"Squeeze", kerf__fold_view, 1, 0},
    {"Sub", kerf__fold_arithmetic, 2, 0},
    {"Tile", kerf__fold_tile, 2, 0},
    {"Transpose", kerf__fold_transpose, 1, 0},
    {"Unsqueeze", kerf__fold_view, 1, 0},
    {"Where", kerf__fold_where, 3, 0},
};

static int find_fold(const char *op)
{
    for (int i = 0; i < (int)(sizeof FOLDS / sizeof FOLDS[0]); i++)
        if (strcmp(FOLDS[i].op, op) == 0)
            return i;
    return -1;
}

/* ---- what goes in ------------------------------------------------------------------------ */

static int is_foldable(kerf_type type)
{
    return type == KERF_F32 || type == KERF_S32 || type == KERF_S64 || type == KERF_BOOL;
}

/* 1 if all inputs are small and known, at a glance: most nodes end here. */
static int inputs_fit(const kerf_node *n, int fold)
{
    if (n->num_inputs < FOLDS[fold].least)
        return 0;
    for (int k = 0; k < n->num_inputs; k++) {
        const kerf_value *v = n->inputs[k];
        if (v == NULL && k < FOLDS[fold].least)
            return 0;
        if (v == NULL || FOLDS[fold].of_shape)
            continue;
        if (v->kind != KERF__VALUE_CONSTANT || !is_foldable(v->type) ||
            v->constant->num_elements > KERF__FOLD_ITEMS)
            return 0;
    }
    return 1;
}

static kerf__item item_of(const kerf_tensor *t, size_t i)
{
    switch (t->type) {
    case KERF_F32:
        return (kerf__item){.f = (double)((const float *)t->data)[i]};
    case KERF_S32:
        return (kerf__item){.i = ((const int32_t *)t->data)[i]};
    case KERF_S64:
        return (kerf__item){.i = ((const int64_t *)t->data)[i]};
    default:
        return (kerf__item){.i = ((const unsigned char *)t->data)[i] != 0};
    }
}

static void read_few(kerf__few *a, const kerf_value *v)
{
    a->given = 1;
    a->type = v->type;
    a->shape = v->shape;
    if (v->kind != KERF__VALUE_CONSTANT)
        return;
    a->num = (int64_t)v->constant->num_elements;
    for (int64_t i = 0; i < a->num && i < KERF__FOLD_ITEMS; i++)
        a->items[i] = item_of(v->constant, (size_t)i);
}

/* ---- what comes out ---------------------------------------------------------------------- */

static void set_item(kerf_tensor *t, size_t i, kerf__item item)
{
    switch (t->type) {
    case KERF_F32:
        ((float *)t->data)[i] = (float)item.f;
        break;
    case KERF_S32:
        ((int32_t *)t->data)[i] = (int32_t)item.i;
        break;
    case KERF_S64:
        ((int64_t *)t->data)[i] = item.i;
        break;
    default:
        ((unsigned char *)t->data)[i] = item.i != 0;
        break;
    }
}

static int is_output(const kerf_graph *g, const kerf_value *v)
{
    for (size_t i = 0; i < g->num_outputs; i++)
        if (g->outputs[i] == v)
            return 1;
    return 0;
}

/* A graph's output keeps its name, whoever makes it. */
static kerf_status take_name(kerf_graph *g, kerf_value *from, kerf_value *to)
{
    char *name = kerf__strdup(from->name), *fresh = kerf__graph_fresh_name(g, "folded");
    kerf_status status = name != NULL && fresh != NULL ? KERF_OK : kerf__fail_memory("graph", 64);
    if (status == KERF_OK)
        status = kerf_value_rename(g, from, fresh);
    if (status == KERF_OK)
        status = kerf_value_rename(g, to, name);
    free(name);
    free(fresh);
    return status;
}

kerf_status kerf__plan_replace(kerf_graph *g, kerf_value *old, kerf_value *replacement)
{
    if (is_output(g, old))
        KERF__TRY(take_name(g, old, replacement));
    kerf__graph_replace_uses(g, old, replacement);
    return KERF_OK;
}

static kerf_status replace(kerf_graph *g, kerf_value *v, const kerf__few *a)
{
    kerf_tensor *t;
    kerf_value *constant;
    KERF__TRY(kerf_tensor_create(&t, NULL, a->type, a->shape));
    for (int64_t i = 0; i < a->num; i++)
        set_item(t, (size_t)i, a->items[i]);
    KERF__TRY(kerf_graph_add_constant(g, NULL, t, &constant));
    return kerf__plan_replace(g, v, constant);
}

/* ---- helpers of the operations ------------------------------------------------------------- */

kerf__few *kerf__fold_begin(kerf__folding *x, int i, kerf_type type, kerf_shape shape)
{
    kerf__few *out = &x->out[i];
    const int64_t num = kerf_shape_num_elements(shape);
    if (num < 0 || num > KERF__FOLD_ITEMS || !is_foldable(type))
        return NULL;
    out->given = 1;
    out->type = type;
    out->shape = shape;
    out->num = num;
    x->folded = 1;
    return out;
}

void kerf__few_strides(kerf_shape shape, int64_t *strides)
{
    int64_t stride = 1;
    for (int d = shape.rank; d-- > 0; stride *= shape.dims[d])
        strides[d] = stride;
}

int64_t kerf__few_at(kerf_shape shape, const int64_t *strides, int64_t i)
{
    int64_t at = 0;
    for (int d = shape.rank; d-- > 0; i /= shape.dims[d])
        at += i % shape.dims[d] * strides[d];
    return at;
}

void kerf__few_broadcast_strides(kerf_shape src, kerf_shape dst, int64_t *strides)
{
    int64_t own[KERF_MAX_RANK];
    kerf__few_strides(src, own);
    for (int d = 0; d < dst.rank; d++) {
        const int s = d - (dst.rank - src.rank);
        strides[d] = s < 0 || src.dims[s] == 1 ? 0 : own[s];
    }
}

kerf_status kerf__fold_ints(const kerf__folding *x, const char *key, int i, int64_t *items,
                            int *num)
{
    kerf__ints list;
    KERF__TRY(kerf__node_get_ints(x->n, key, i, &list));
    *num = list.given ? (int)list.num : -1;
    memcpy(items, list.items, sizeof list.items);
    return KERF_OK;
}

/* ---- the node ------------------------------------------------------------------------------ */

static kerf_status fold(kerf_graph *g, kerf_node *n, int row, kerf__folding *x)
{
    for (int k = 0; k < n->num_inputs; k++)
        if (n->inputs[k] != NULL)
            read_few(&x->in[k], n->inputs[k]);
    KERF__TRY(FOLDS[row].fold(x));
    for (int k = 0; x->folded && k < n->num_outputs; k++)
        KERF__TRY(replace(g, n->outputs[k], &x->out[k]));
    return KERF_OK;
}

kerf_status kerf__plan_fold(kerf_graph *g, kerf_node *n, int *folded)
{
    const int row = find_fold(n->op);
    *folded = 0;
    if (row < 0 || !inputs_fit(n, row))
        return KERF_OK;
    kerf__folding x = {.n = n};
    x.in = kerf__alloc((size_t)n->num_inputs, sizeof *x.in);
    x.out = kerf__alloc((size_t)n->num_outputs, sizeof *x.out);
    kerf_status status = x.in != NULL && x.out != NULL ? fold(g, n, row, &x)
                                                       : kerf__fail_memory(n->name, sizeof *x.in);
    *folded = status == KERF_OK && x.folded;
    free(x.in);
    free(x.out);
    return status;
}
