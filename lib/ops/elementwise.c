/* ops/elementwise.c -- operations that differ by a formula only.
 *
 * A row of FORMULA_LIST is an operation: its macro in kernels/elementwise.cl, its inputs,
 * the attribute that is its number p, and its gradient rule.  Broadcasting is done by
 * strides after neighbouring dimensions are merged, so equal shapes, scalars, biases and
 * numbers a channel all become rows; only what is left goes the general way.
 *
 * Definition: tests/ref/ref_elementwise.c. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_elementwise;

/* ---- gradient rules ------------------------------------------------------------------------ */

/* Makes node `op` of two inputs and hands its output back. */
static kerf_status make(kerf__gradients *grads, const char *op, const kerf_node *n, kerf_value *a,
                        kerf_value *b, kerf_value **out)
{
    kerf_node *node;
    KERF__TRY(kerf__gradient_node(grads, op, n, "grad", (kerf_value *[]){a, b}, b != NULL ? 2 : 1,
                                  &node));
    *out = node->outputs[0];
    return KERF_OK;
}

static kerf_status gradient_add(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    for (int i = 0; i < 2 && diff != NULL; i++)
        if (kerf__gradient_wanted(grads, n->inputs[i]))
            KERF__TRY(kerf__gradient_add_broadcast(grads, n->inputs[i], diff));
    return KERF_OK;
}

static kerf_status gradient_sub(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *negative;
    if (diff == NULL)
        return KERF_OK;
    if (kerf__gradient_wanted(grads, n->inputs[0]))
        KERF__TRY(kerf__gradient_add_broadcast(grads, n->inputs[0], diff));
    if (!kerf__gradient_wanted(grads, n->inputs[1]))
        return KERF_OK;
    KERF__TRY(make(grads, "Neg", n, diff, NULL, &negative));
    return kerf__gradient_add_broadcast(grads, n->inputs[1], negative);
}

static kerf_status gradient_mul(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *product;
    for (int i = 0; i < 2 && diff != NULL; i++) {
        if (!kerf__gradient_wanted(grads, n->inputs[i]))
            continue;
        KERF__TRY(make(grads, "Mul", n, diff, n->inputs[1 - i], &product));
        KERF__TRY(kerf__gradient_add_broadcast(grads, n->inputs[i], product));
    }
    return KERF_OK;
}

/* d(a/b): diff / b, and -(diff / b) dst. */
static kerf_status gradient_div(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *share, *product;
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(make(grads, "Div", n, diff, n->inputs[1], &share));
    if (kerf__gradient_wanted(grads, n->inputs[0]))
        KERF__TRY(kerf__gradient_add_broadcast(grads, n->inputs[0], share));
    if (!kerf__gradient_wanted(grads, n->inputs[1]))
        return KERF_OK;
    KERF__TRY(make(grads, "Mul", n, share, n->outputs[0], &product));
    KERF__TRY(make(grads, "Neg", n, product, NULL, &product));
    return kerf__gradient_add_broadcast(grads, n->inputs[1], product);
}

/* d(a^b): diff b a^(b-1), and diff dst log(a). */
static kerf_status gradient_pow(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *slope;
    if (diff == NULL)
        return KERF_OK;
    if (kerf__gradient_wanted(grads, n->inputs[0])) {
        KERF__TRY(make(grads, "kerf.PowGrad", n, n->inputs[0], n->inputs[1], &slope));
        KERF__TRY(make(grads, "Mul", n, slope, diff, &slope));
        KERF__TRY(kerf__gradient_add_broadcast(grads, n->inputs[0], slope));
    }
    if (!kerf__gradient_wanted(grads, n->inputs[1]))
        return KERF_OK;
    KERF__TRY(make(grads, "Log", n, n->inputs[0], NULL, &slope));
    KERF__TRY(make(grads, "Mul", n, slope, n->outputs[0], &slope));
    KERF__TRY(make(grads, "Mul", n, slope, diff, &slope));
    return kerf__gradient_add_broadcast(grads, n->inputs[1], slope);
}

/* Max and Min: all to the one that was taken, half to each at a tie. */
static kerf_status gradient_pick(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *share;
    const int greater = strcmp(n->op, "Max") == 0;
    for (int i = 0; i < 2 && diff != NULL; i++) {
        if (!kerf__gradient_wanted(grads, n->inputs[i]))
            continue;
        KERF__TRY(make(grads, "kerf.Above", n, n->inputs[greater ? i : 1 - i],
                       n->inputs[greater ? 1 - i : i], &share));
        KERF__TRY(make(grads, "Mul", n, share, diff, &share));
        KERF__TRY(kerf__gradient_add_broadcast(grads, n->inputs[i], share));
    }
    return KERF_OK;
}

static kerf_status gradient_expand(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    if (diff == NULL || !kerf__gradient_wanted(grads, n->inputs[0]))
        return KERF_OK;
    return kerf__gradient_add_broadcast(grads, n->inputs[0], diff);
}

/* Unary operations: one node of the forward input or output and what arrives. */
static const struct {
    const char *op, *gradient;
    enum { TAKES_INPUT, TAKES_OUTPUT, TAKES_DIFF_ONLY } takes;
} UNARY_GRADIENTS[] = {
    {"Abs", "kerf.AbsGrad", TAKES_INPUT},
    {"Exp", "Mul", TAKES_OUTPUT},
    {"LeakyRelu", "kerf.LeakyReluGrad", TAKES_INPUT},
    {"Log", "kerf.LogGrad", TAKES_INPUT},
    {"Neg", "Neg", TAKES_DIFF_ONLY},
    {"Reciprocal", "kerf.ReciprocalGrad", TAKES_OUTPUT},
    {"Relu", "kerf.ReluGrad", TAKES_OUTPUT},
    {"kerf.Scale", "kerf.Scale", TAKES_DIFF_ONLY},
    {"Sigmoid", "kerf.SigmoidGrad", TAKES_OUTPUT},
    {"Sqrt", "kerf.SqrtGrad", TAKES_OUTPUT},
    {"Tanh", "kerf.TanhGrad", TAKES_OUTPUT},
};

static kerf_status gradient_unary(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    kerf_node *node;
    size_t i = 0;
    if (diff == NULL || !kerf__gradient_wanted(grads, n->inputs[0]))
        return KERF_OK;
    while (strcmp(UNARY_GRADIENTS[i].op, n->op) != 0)
        i++;
    int alone = UNARY_GRADIENTS[i].takes == TAKES_DIFF_ONLY;
    kerf_value *x = UNARY_GRADIENTS[i].takes == TAKES_INPUT ? n->inputs[0] : n->outputs[0];
    KERF__TRY(kerf__gradient_node(grads, UNARY_GRADIENTS[i].gradient, n, "grad",
                                  alone ? &diff : (kerf_value *[]){x, diff}, alone ? 1 : 2, &node));
    KERF__TRY(kerf__node_copy_attributes(node, n));
    return kerf__gradient_add(grads, n->inputs[0], node->outputs[0]);
}

/* ---- the family ---------------------------------------------------------------------------- */

/* ONNX name, formula, number of inputs, attribute for p and its default, gradient rule. */
/* clang-format off */
#define FORMULA_LIST(X)                                                     \
    X("Abs",                 Abs,            1, NULL, 0,         gradient_unary)  \
    X("Add",                 Add,            2, NULL, 0,         gradient_add)    \
    X("Div",                 Div,            2, NULL, 0,         gradient_div)    \
    X("Exp",                 Exp,            1, NULL, 0,         gradient_unary)  \
    X("LeakyRelu",           LeakyRelu,      1, "alpha", 0.01f,  gradient_unary)  \
    X("Log",                 Log,            1, NULL, 0,         gradient_unary)  \
    X("Max",                 Max,            2, NULL, 0,         gradient_pick)   \
    X("Min",                 Min,            2, NULL, 0,         gradient_pick)   \
    X("Mul",                 Mul,            2, NULL, 0,         gradient_mul)    \
    X("Neg",                 Neg,            1, NULL, 0,         gradient_unary)  \
    X("Pow",                 Pow,            2, NULL, 0,         gradient_pow)    \
    X("Reciprocal",          Reciprocal,     1, NULL, 0,         gradient_unary)  \
    X("Relu",                Relu,           1, NULL, 0,         gradient_unary)  \
    X("Sigmoid",             Sigmoid,        1, NULL, 0,         gradient_unary)  \
    X("Sign",                Sign,           1, NULL, 0,         NULL)            \
    X("Sqrt",                Sqrt,           1, NULL, 0,         gradient_unary)  \
    X("Sub",                 Sub,            2, NULL, 0,         gradient_sub)    \
    X("Tanh",                Tanh,           1, NULL, 0,         gradient_unary)  \
    X("kerf.Above",          Above,          2, NULL, 0,         NULL)            \
    X("kerf.AbsGrad",        AbsGrad,        2, NULL, 0,         NULL)            \
    X("kerf.DivOrZero",      DivOrZero,      2, NULL, 0,         NULL)            \
    X("kerf.Equal",          Equal,          2, NULL, 0,         NULL)            \
    X("kerf.LeakyReluGrad",  LeakyReluGrad,  2, "alpha", 0.01f,  NULL)            \
    X("kerf.LogGrad",        LogGrad,        2, NULL, 0,         NULL)            \
    X("kerf.PowGrad",        PowGrad,        2, NULL, 0,         NULL)            \
    X("kerf.ReciprocalGrad", ReciprocalGrad, 2, NULL, 0,         NULL)            \
    X("kerf.ReluGrad",       ReluGrad,       2, NULL, 0,         NULL)            \
    X("kerf.Scale",          Scale,          1, "scale", 1,      gradient_unary)  \
    X("kerf.SigmoidGrad",    SigmoidGrad,    2, NULL, 0,         NULL)            \
    X("kerf.SqrtGrad",       SqrtGrad,       2, NULL, 0,         NULL)            \
    X("kerf.TanhGrad",       TanhGrad,       2, NULL, 0,         NULL)
/* clang-format on */

typedef struct formula {
    const char *op, *options, *key; /* key: the attribute that is p, or NULL */
    int num_inputs;
    float otherwise;
} formula;

static const formula FORMULAS[] = {
#define X(op, name, num, key, otherwise, gradient) {op, "-DOP=op_" #name, key, num, otherwise},
    FORMULA_LIST(X)
#undef X
        {"Expand", "-DOP=op_Expand", NULL, 1, 0},
};

static const formula *formula_of(const kerf_node *n)
{
    const formula *f = FORMULAS;
    while (strcmp(f->op, n->op) != 0)
        f++;
    return f;
}

static kerf_status infer(kerf_node *n)
{
    const int num = formula_of(n)->num_inputs;
    kerf_shape dst = n->inputs[0]->shape;
    for (int i = 0; i < num; i++)
        KERF__TRY(kerf__node_check_type(n, i, KERF_F32));
    if (num == 2)
        KERF__TRY(kerf__node_broadcast(n, dst, n->inputs[1]->shape, &dst));
    kerf__set_output(n, 0, KERF_F32, dst);
    return KERF_OK;
}

static kerf_status infer_expand(kerf_node *n)
{
    kerf__ints shape;
    kerf_shape dst = {0, {0}};
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(kerf__node_get_ints(n, "shape", 1, &shape));
    dst.rank = (int)shape.num;
    memcpy(dst.dims, shape.items, sizeof dst.dims);
    if (!shape.given || kerf_shape_num_elements(dst) < 0)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "has no shape of dimensions of 0 or more");
    KERF__TRY(kerf__node_broadcast(n, n->inputs[0]->shape, dst, &dst));
    kerf__set_output(n, 0, KERF_F32, dst);
    return KERF_OK;
}

/* ---- shapes with merged dimensions ----------------------------------------------------------- */

typedef struct merged {
    int rank;
    size_t dims[KERF_MAX_RANK], strides[2][KERF_MAX_RANK]; /* innermost first */
} merged;

/* Stride of dimension `i` of dst in an input, 0 where that is broadcast. */
static size_t stride_in(kerf_shape src, kerf_shape dst, int i)
{
    const int j = i - (dst.rank - src.rank);
    size_t stride = 1;
    if (j < 0 || src.dims[j] == 1)
        return 0;
    for (int k = j + 1; k < src.rank; k++)
        stride *= (size_t)src.dims[k];
    return stride;
}

static merged merge(const kerf_node *n)
{
    const kerf_shape dst = n->outputs[0]->shape;
    const int num = formula_of(n)->num_inputs;
    merged m = {.rank = 0};
    for (int i = dst.rank - 1; i >= 0; i--) {
        const size_t dim = (size_t)dst.dims[i];
        size_t strides[2] = {0, 0};
        if (dim == 1)
            continue;
        int joins = m.rank > 0;
        for (int k = 0; k < num; k++) {
            strides[k] = stride_in(n->inputs[k]->shape, dst, i);
            if (joins && strides[k] != m.strides[k][m.rank - 1] * m.dims[m.rank - 1])
                joins = 0;
        }
        if (joins) {
            m.dims[m.rank - 1] *= dim;
            continue;
        }
        m.dims[m.rank] = dim;
        for (int k = 0; k < 2; k++)
            m.strides[k][m.rank] = strides[k];
        m.rank++;
    }
    return m;
}

/* ---- launches -------------------------------------------------------------------------------- */

static float number_of(const kerf_node *n)
{
    const formula *f = formula_of(n);
    return f->key != NULL ? kerf_node_float(n, f->key, f->otherwise) : 0.0f;
}

/* The kernel's first arguments: inputs, output, p. */
static int first_arguments(const kerf__op_case *c, kerf__arg *args)
{
    int num = 0;
    for (int i = 0; i < formula_of(c->node)->num_inputs; i++)
        args[num++] = ARG(kerf__in(c, i));
    args[num++] = ARG(kerf__out(c, 0));
    args[num++] = ARG(number_of(c->node));
    return num;
}

static kerf_status emit(const kerf__op_case *c, const char *entry, const char *style,
                        const kerf__arg *args, int num_args, kerf__grid grid)
{
    const formula *f = formula_of(c->node);
    char options[96];
    snprintf(options, sizeof options, "%s -DBINARY=%d %s", f->options, f->num_inputs == 2, style);
    return kerf__emit(c, &kerf__source_elementwise, entry, options, args, num_args, grid);
}

/* dst is (outer, inner, n); all rows are m. */
typedef struct rows {
    size_t m, inner, n;
} rows;

static rows rows_of(const merged *m)
{
    rows r = {1, 1, m->rank > 0 ? m->dims[0] : 1};
    r.inner = m->rank > 1 ? m->dims[1] : 1;
    r.m = r.inner * (m->rank > 2 ? m->dims[2] : 1);
    return r;
}

static int fits_rows(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) && merge(c->node).rank <= 3;
}

/* What both kernels for rows begin with. */
static int rows_arguments(const kerf__op_case *c, kerf__arg *args)
{
    const merged m = merge(c->node);
    const rows r = rows_of(&m);
    int num = first_arguments(c, args);
    args[num++] = ARG((unsigned)r.m);
    args[num++] = ARG((unsigned)r.inner);
    args[num++] = ARG((unsigned)r.n);
    for (int k = 0; k < 2; k++)
        for (int i = 2; i >= 0; i--)
            args[num++] = ARG((unsigned)m.strides[k][i]);
    return num;
}

enum { MOST_ARGUMENTS = 32 };

static kerf_status build_simt(const kerf__op_case *c)
{
    enum { VECTOR = 4 };
    const merged m = merge(c->node);
    const rows r = rows_of(&m);
    kerf__arg args[MOST_ARGUMENTS];
    const int num = rows_arguments(c, args);
    return emit(c, "elementwise_vectors", "-DV=4", args, num,
                kerf__grid_items(r.m * kerf__ceil_div(r.n, VECTOR)));
}

/* ---- wide ------------------------------------------------------------------------------------ */

enum { VECTOR = 16 };

/* What one item takes. */
typedef struct piece {
    size_t rows, columns;
} piece;

/* At most so many elements of rows that are cut, or else whole rows with about as many. */
static piece at_most(piece p, rows r, size_t most)
{
    const size_t num_rows = most / r.n + 1;
    if (p.columns < r.n)
        return (piece){1, p.columns < most ? p.columns : most};
    return (piece){p.rows < num_rows ? p.rows : num_rows, p.columns};
}

static piece piece_of(const kerf__op_case *c, rows r)
{
    enum { LEAST = 4096 };
    if (r.m * LEAST <= r.n) { /* few long rows: cut them */
        const size_t vectors = kerf__pieces_an_item(c, r.m * r.n / VECTOR, 1, LEAST / VECTOR);
        return (piece){1, vectors * VECTOR};
    }
    const size_t n = r.n > 0 ? r.n : 1;
    return (piece){kerf__pieces_an_item(c, r.m, n / VECTOR + n % VECTOR, LEAST / n + 1), n};
}

static kerf_status emit_wide(const kerf__op_case *c, rows r, piece p, const char *style)
{
    kerf__arg args[MOST_ARGUMENTS];
    int num = rows_arguments(c, args);
    args[num++] = ARG((unsigned)p.rows);
    args[num++] = ARG((unsigned)p.columns);
    return emit(c, "elementwise_rows", style, args, num,
                kerf__grid_wide(kerf__ceil_div(r.n, p.columns), kerf__ceil_div(r.m, p.rows), 1));
}

static kerf_status build_wide(const kerf__op_case *c)
{
    const merged m = merge(c->node);
    const rows r = rows_of(&m);
    return emit_wide(c, r, piece_of(c, r), "-DV=16");
}

/* ---- streaming ------------------------------------------------------------------------------- */

static int fits_stream(const kerf__op_case *c)
{
    return kerf_device_get_info(c->dev)->features.streaming_stores && fits_rows(c);
}

/* First where it pays, else last.  A result that the caches hold is better left there for who
 * reads it; of one that takes half of them little is left to find, as its inputs passed through,
 * too.  Rows that do not begin with a line lose time at both ends.
 *
 * A formula's cost is not asked for.  On PoCL and Intel's runtime, two Zen 4 cores, Log, Tanh and
 * Pow, all far from memory's pace, are as fast either way, and Exp and Sigmoid, near it, gained in
 * more runs than they lost. */
static double guess_stream(const kerf__op_case *c)
{
    enum { FIRST = -1, LAST = 100, LONG = 512 };
    const merged m = merge(c->node);
    const rows r = rows_of(&m);
    const int is_large = 2 * sizeof(float) * r.m * r.n > kerf_device_get_info(c->dev)->cache_bytes;
    return is_large && (r.n % VECTOR == 0 || r.n >= LONG) ? FIRST : LAST;
}

static int is_in_place(const kerf__op_case *c)
{
    for (int i = 0; i < formula_of(c->node)->num_inputs; i++)
        if (kerf__buffer_same_start(kerf__in(c, i), kerf__out(c, 0)))
            return 1;
    return 0;
}

/* In place the line that is written was read just now: plain stores are faster, 1.0 against 0.8 of
 * a copy.  Which values share their bytes is not yet known when variants are chosen. */
static kerf_status build_stream(const kerf__op_case *c)
{
    enum { MOST = 16384 }; /* with 16 times as many Log and Sigmoid fell behind plain stores */
    const merged m = merge(c->node);
    const rows r = rows_of(&m);
    if (is_in_place(c) || r.m * r.n == 0)
        return build_wide(c);
    return emit_wide(c, r, at_most(piece_of(c, r), r, MOST), "-DV=16 -DSTREAM=1");
}

/* ---- any broadcasting ------------------------------------------------------------------------ */

static kerf_status build_any(const kerf__op_case *c)
{
    const merged m = merge(c->node);
    const size_t n = (size_t)kerf__value_elements(c->node->outputs[0]);
    const unsigned chunk = kerf__is_wide(c) ? 1024 : 1;
    kerf__arg args[MOST_ARGUMENTS];
    int num = first_arguments(c, args);
    args[num++] = ARG((unsigned)n);
    args[num++] = ARG(chunk);
    for (int i = KERF_MAX_RANK - 2; i >= 0; i--)
        args[num++] = ARG(i < m.rank ? (unsigned)m.dims[i] : 1u);
    for (int k = 0; k < 2; k++)
        for (int i = KERF_MAX_RANK - 1; i >= 0; i--)
            args[num++] = ARG(i < m.rank ? (unsigned)m.strides[k][i] : 0u);
    const size_t items = kerf__ceil_div(n, chunk);
    return emit(c, "elementwise_any", "-DV=1", args, num,
                kerf__is_wide(c) ? kerf__grid_wide(items, 1, 1) : kerf__grid_items(items));
}

static const kerf__variant VARIANTS[] = {
    {.name = "elementwise_wide", .wide = 1, .fits = fits_rows, .build = build_wide},
    {.name = "elementwise_stream",
     .wide = 1,
     .fits = fits_stream,
     .guess = guess_stream,
     .build = build_stream},
    {.name = "elementwise_simt", .fits = fits_rows, .build = build_simt},
    KERF__BOTH_STYLES("elementwise_any", .fits = kerf__fits_31_bits, .build = build_any),
};

enum { NUM_VARIANTS = sizeof VARIANTS / sizeof VARIANTS[0] };

extern const kerf__op kerf__ops_elementwise[];
const kerf__op kerf__ops_elementwise[] = {
#define X(name, macro, num, key, otherwise, rule)                                                  \
    {.op = (name),                                                                                 \
     .min_inputs = (num),                                                                          \
     .max_inputs = (num),                                                                          \
     .num_outputs = 1,                                                                             \
     .infer = infer,                                                                               \
     .gradient = (rule),                                                                           \
     .layouts = kerf__wish_elementwise,                                                            \
     .variants = VARIANTS,                                                                         \
     .num_variants = NUM_VARIANTS,                                                                 \
     .in_place = (num) == 2 ? 3u : 1u},
    FORMULA_LIST(X)
#undef X
        {.op = "Expand",
         .min_inputs = 1,
         .max_inputs = 2,
         .num_outputs = 1,
         .infer = infer_expand,
         .gradient = gradient_expand,
         .variants = VARIANTS,
         .num_variants = NUM_VARIANTS},
    {.op = NULL},
};
