/* plan/fold.c -- arithmetic on shapes, done while planning.
 *
 * Exporters write x.view(x.size(0), -1) as Shape, Gather, Unsqueeze, Concat, Reshape.  With
 * the batch bound, all of it is known: each such node's result becomes a constant, and no
 * kernel for short lists of integers is ever needed.  Called by infer.c, node by node.
 *
 * What is folded has rank 0 or 1, few elements and integers; a node that does not fit is
 * left as it is, and infer.c says what is wrong with it. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "plan/plan_internal.h"

enum { MAX_ITEMS = 64 };

typedef struct list {
    int64_t items[MAX_ITEMS];
    int num, rank; /* rank 0: num is 1 */
} list;

static int read_list(list *out, const kerf_value *v)
{
    if (v == NULL || v->kind != KERF__VALUE_CONSTANT || v->type != KERF_S64 || v->shape.rank > 1 ||
        v->constant->num_elements > MAX_ITEMS)
        return 0;
    out->rank = v->shape.rank;
    out->num = (int)v->constant->num_elements;
    if (out->num > 0)
        memcpy(out->items, v->constant->data, v->constant->size_bytes);
    return 1;
}

/* Input i, if it is a list. */
static int input(list *out, const kerf_node *n, int i)
{
    return i < n->num_inputs && read_list(out, n->inputs[i]);
}

/* Input i as one number; `otherwise` where it is left out. */
static int number(int64_t *out, const kerf_node *n, int i, int64_t otherwise)
{
    list l;
    *out = otherwise;
    if (i >= n->num_inputs || n->inputs[i] == NULL)
        return 1;
    if (!read_list(&l, n->inputs[i]) || l.num != 1)
        return 0;
    *out = l.items[0];
    return 1;
}

/* An index that may count from the end, brought to 0..limit. */
static int64_t from_end(int64_t i, int64_t limit)
{
    i = i < 0 ? i + limit : i;
    return i < 0 ? 0 : i > limit ? limit : i;
}

/* ---- the operations: 1 if out was made ----------------------------------------------- */

static int fold_shape(const kerf_node *n, list *out)
{
    const kerf_value *src = n->num_inputs == 1 ? n->inputs[0] : NULL;
    if (src == NULL || src->shape.rank < 0 || kerf_shape_num_elements(src->shape) < 0)
        return 0;
    const int rank = src->shape.rank;
    const int64_t begin = from_end(kerf_node_int(n, "start", 0), rank);
    const int64_t end = from_end(kerf_node_int(n, "end", rank), rank);
    out->rank = 1;
    out->num = 0;
    for (int64_t d = begin; d < end; d++)
        out->items[out->num++] = src->shape.dims[d];
    return 1;
}

static int fold_gather(const kerf_node *n, list *out)
{
    list src, index;
    const int64_t axis = kerf_node_int(n, "axis", 0);
    if (!input(&src, n, 0) || !input(&index, n, 1) || src.rank != 1 || (axis != 0 && axis != -1))
        return 0;
    out->rank = index.rank;
    out->num = index.num;
    for (int i = 0; i < index.num; i++) {
        const int64_t at = index.items[i] + (index.items[i] < 0 ? src.num : 0);
        if (at < 0 || at >= src.num)
            return 0;
        out->items[i] = src.items[at];
    }
    return 1;
}

/* Between a number and a list of one. */
static int fold_unsqueeze(const kerf_node *n, list *out)
{
    int64_t axis;
    if (!input(out, n, 0) || out->rank != 0 || !number(&axis, n, 1, 0) || (axis != 0 && axis != -1))
        return 0;
    out->rank = 1;
    return 1;
}

static int fold_squeeze(const kerf_node *n, list *out)
{
    int64_t axis;
    if (!input(out, n, 0) || out->num != 1 || !number(&axis, n, 1, 0) || (axis != 0 && axis != -1))
        return 0;
    out->rank = 0;
    return 1;
}

static int fold_concat(const kerf_node *n, list *out)
{
    list part;
    const int64_t axis = kerf_node_int(n, "axis", 0);
    out->rank = 1;
    out->num = 0;
    for (int i = 0; i < n->num_inputs; i++) {
        if (!input(&part, n, i) || part.rank != 1 || out->num + part.num > MAX_ITEMS)
            return 0;
        memcpy(out->items + out->num, part.items, (size_t)part.num * sizeof *part.items);
        out->num += part.num;
    }
    return axis == 0 || axis == -1;
}

static int fold_slice(const kerf_node *n, list *out)
{
    list src;
    int64_t begin, end, axis, step;
    if (!input(&src, n, 0) || src.rank != 1 || n->num_inputs < 3 || !number(&begin, n, 1, 0) ||
        !number(&end, n, 2, 0) || !number(&axis, n, 3, 0) || !number(&step, n, 4, 1) ||
        (axis != 0 && axis != -1) || step < 1 || step > MAX_ITEMS)
        return 0;
    out->rank = 1;
    out->num = 0;
    for (int64_t i = from_end(begin, src.num); i < from_end(end, src.num); i += step)
        out->items[out->num++] = src.items[i];
    return 1;
}

static int fold_cast(const kerf_node *n, list *out)
{
    enum { ONNX_INT64 = 7 };
    return kerf_node_int(n, "to", 0) == ONNX_INT64 && input(out, n, 0);
}

static int fold_identity(const kerf_node *n, list *out)
{
    return input(out, n, 0);
}

/* Numbers of shapes stay small; what does not is left to fail by name. */
static int compute(char op, int64_t a, int64_t b, int64_t *out)
{
    const int64_t large = (int64_t)1 << 31;
    if (a < -large || a > large || b < -large || b > large || (op == '/' && b == 0))
        return 0;
    *out = op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b;
    return 1;
}

static int fold_arithmetic(const kerf_node *n, list *out)
{
    static const struct {
        const char *op;
        char sign;
    } signs[] = {{"Add", '+'}, {"Sub", '-'}, {"Mul", '*'}, {"Div", '/'}};
    list a, b;
    char sign = 0;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (strcmp(signs[i].op, n->op) == 0)
            sign = signs[i].sign;
    if (!input(&a, n, 0) || !input(&b, n, 1) || (a.num != b.num && a.num != 1 && b.num != 1))
        return 0;
    out->rank = a.rank > b.rank ? a.rank : b.rank;
    out->num = a.num == 1 ? b.num : a.num;
    for (int i = 0; i < out->num; i++)
        if (!compute(sign, a.items[a.num > 1 ? i : 0], b.items[b.num > 1 ? i : 0], &out->items[i]))
            return 0;
    return 1;
}

static const struct {
    const char *op;
    int (*fold)(const kerf_node *n, list *out);
} FOLDS[] = {
    {"Add", fold_arithmetic},  {"Cast", fold_cast},      {"Concat", fold_concat},
    {"Div", fold_arithmetic},  {"Gather", fold_gather},  {"Identity", fold_identity},
    {"Mul", fold_arithmetic},  {"Shape", fold_shape},    {"Slice", fold_slice},
    {"Squeeze", fold_squeeze}, {"Sub", fold_arithmetic}, {"Unsqueeze", fold_unsqueeze},
};

/* ---- the node -------------------------------------------------------------------------- */

static int try_fold(const kerf_node *n, list *out)
{
    for (size_t i = 0; n->num_outputs == 1 && i < sizeof FOLDS / sizeof FOLDS[0]; i++)
        if (strcmp(FOLDS[i].op, n->op) == 0)
            return FOLDS[i].fold(n, out);
    return 0;
}

/* A graph's output keeps its name, so it keeps its node. */
static int is_output(const kerf_graph *g, const kerf_value *v)
{
    for (size_t i = 0; i < g->num_outputs; i++)
        if (g->outputs[i] == v)
            return 1;
    return 0;
}

kerf_status kerf__plan_fold(kerf_graph *g, kerf_node *n, int *folded)
{
    list l;
    *folded = try_fold(n, &l) && !is_output(g, n->outputs[0]);
    if (!*folded)
        return KERF_OK;
    kerf_tensor *t;
    kerf_value *constant;
    KERF__TRY(
        kerf_tensor_create(&t, NULL, KERF_S64, l.rank == 0 ? KERF_SCALAR : KERF_SHAPE(l.num)));
    memcpy(t->data, l.items, t->size_bytes);
    KERF__TRY(kerf_graph_add_constant(g, NULL, t, &constant));
    kerf__graph_replace_uses(g, n->outputs[0], constant);
    return KERF_OK;
}
