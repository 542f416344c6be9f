/* ops/elementwise.c -- operations that differ by a formula only.
 *
 * A row of FORMULA_LIST is an operation: its macro in kernels/elementwise.cl, its inputs,
 * the attributes that are its numbers p and q, and whether a gradient passes.  Broadcasting is done
 * by strides after neighbouring dimensions are merged, so equal shapes, scalars, biases and numbers
 * a channel all become rows; only what is left goes the general way.
 *
 * All of this is float32.  Formulas on other types, those that compare, Cast and Where are in
 * elementwise_typed.c.
 *
 * Definition: tests/ref/ref_elementwise.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/elementwise_common.h"
#include "ops/layout_common.h"

extern const kerf__source kerf__source_elementwise;

/* ---- the family ---------------------------------------------------------------------------- */

/* ONNX name, formula, its inputs, those of the node (Clip has p and q as such), attributes for p
 * and q with their defaults, 1 if a gradient passes. */
#define NONE                                                                                       \
    {                                                                                              \
        {NULL, 0},                                                                                 \
        {                                                                                          \
            NULL, 0                                                                                \
        }                                                                                          \
    }
#define ONE(key, x)                                                                                \
    {                                                                                              \
        {key, x},                                                                                  \
        {                                                                                          \
            NULL, 0                                                                                \
        }                                                                                          \
    }
#define TWO(key, x, second, y)                                                                     \
    {                                                                                              \
        {key, x},                                                                                  \
        {                                                                                          \
            second, y                                                                              \
        }                                                                                          \
    }
/* clang-format off */
#define FORMULA_LIST(X) \
    X("Abs",                  Abs,              1, 1, NONE, 1) \
    X("Acos",                 Acos,             1, 1, NONE, 1) \
    X("Acosh",                Acosh,            1, 1, NONE, 1) \
    X("Add",                  Add,              2, 2, NONE, 1) \
    X("Asin",                 Asin,             1, 1, NONE, 1) \
    X("Asinh",                Asinh,            1, 1, NONE, 1) \
    X("Atan",                 Atan,             1, 1, NONE, 1) \
    X("Atanh",                Atanh,            1, 1, NONE, 1) \
    X("Ceil",                 Ceil,             1, 1, NONE, 0) \
    X("Celu",                 Celu,             1, 1, ONE("alpha", 1), 1) \
    X("Clip",                 Clip,             1, 3, TWO("min", -INFINITY, "max", INFINITY), 1) \
    X("Cos",                  Cos,              1, 1, NONE, 1) \
    X("Cosh",                 Cosh,             1, 1, NONE, 1) \
    X("Div",                  Div,              2, 2, NONE, 1) \
    X("Elu",                  Elu,              1, 1, ONE("alpha", 1), 1) \
    X("Erf",                  Erf,              1, 1, NONE, 1) \
    X("Exp",                  Exp,              1, 1, NONE, 1) \
    X("Floor",                Floor,            1, 1, NONE, 0) \
    X("Gelu",                 Gelu,             1, 1, ONE("approximate", 0), 1) \
    X("HardSigmoid",          HardSigmoid,      1, 1, TWO("alpha", 0.2f, "beta", 0.5f), 1) \
    X("HardSwish",            HardSwish,        1, 1, NONE, 1) \
    X("LeakyRelu",            LeakyRelu,        1, 1, ONE("alpha", 0.01f), 1) \
    X("Log",                  Log,              1, 1, NONE, 1) \
    X("Max",                  Max,              2, 2, NONE, 1) \
    X("Min",                  Min,              2, 2, NONE, 1) \
    X("Mish",                 Mish,             1, 1, NONE, 1) \
    X("Mod",                  Mod,              2, 2, NONE, 0) \
    X("Mul",                  Mul,              2, 2, NONE, 1) \
    X("Neg",                  Neg,              1, 1, NONE, 1) \
    X("PRelu",                PRelu,            2, 2, NONE, 1) \
    X("Pow",                  Pow,              2, 2, NONE, 1) \
    X("Reciprocal",           Reciprocal,       1, 1, NONE, 1) \
    X("Relu",                 Relu,             1, 1, NONE, 1) \
    X("Round",                Round,            1, 1, NONE, 0) \
    X("Selu",                 Selu,             1, 1, TWO("alpha", 1.67326319f, "gamma", 1.05070102f), 1) \
    X("Shrink",               Shrink,           1, 1, TWO("lambd", 0.5f, "bias", 0), 1) \
    X("Sigmoid",              Sigmoid,          1, 1, NONE, 1) \
    X("Sign",                 Sign,             1, 1, NONE, 0) \
    X("Sin",                  Sin,              1, 1, NONE, 1) \
    X("Sinh",                 Sinh,             1, 1, NONE, 1) \
    X("Softplus",             Softplus,         1, 1, NONE, 1) \
    X("Softsign",             Softsign,         1, 1, NONE, 1) \
    X("Sqrt",                 Sqrt,             1, 1, NONE, 1) \
    X("Sub",                  Sub,              2, 2, NONE, 1) \
    X("Tan",                  Tan,              1, 1, NONE, 1) \
    X("Tanh",                 Tanh,             1, 1, NONE, 1) \
    X("ThresholdedRelu",      ThresholdedRelu,  1, 1, ONE("alpha", 1), 1) \
    X("kerf.Above",           Above,            2, 2, NONE, 0) \
    X("kerf.AbsGrad",         AbsGrad,          2, 2, NONE, 0) \
    X("kerf.AcosGrad",        AcosGrad,         2, 2, NONE, 0) \
    X("kerf.AcoshGrad",       AcoshGrad,        2, 2, NONE, 0) \
    X("kerf.AsinGrad",        AsinGrad,         2, 2, NONE, 0) \
    X("kerf.AsinhGrad",       AsinhGrad,        2, 2, NONE, 0) \
    X("kerf.AtanGrad",        AtanGrad,         2, 2, NONE, 0) \
    X("kerf.AtanhGrad",       AtanhGrad,        2, 2, NONE, 0) \
    X("kerf.CeluGrad",        CeluGrad,         2, 2, ONE("alpha", 1), 0) \
    X("kerf.ClipGrad",        ClipGrad,         2, 2, TWO("min", -INFINITY, "max", INFINITY), 0) \
    X("kerf.CosGrad",         CosGrad,          2, 2, NONE, 0) \
    X("kerf.CoshGrad",        CoshGrad,         2, 2, NONE, 0) \
    X("kerf.DivOrZero",       DivOrZero,        2, 2, NONE, 0) \
    X("kerf.EluGrad",         EluGrad,          2, 2, ONE("alpha", 1), 0) \
    X("kerf.Equal",           Equal,            2, 2, NONE, 0) \
    X("kerf.ErfGrad",         ErfGrad,          2, 2, NONE, 0) \
    X("kerf.GeluGrad",        GeluGrad,         2, 2, ONE("approximate", 0), 0) \
    X("kerf.HardSigmoidGrad", HardSigmoidGrad,  2, 2, TWO("alpha", 0.2f, "beta", 0.5f), 0) \
    X("kerf.HardSwishGrad",   HardSwishGrad,    2, 2, NONE, 0) \
    X("kerf.LeakyReluGrad",   LeakyReluGrad,    2, 2, ONE("alpha", 0.01f), 0) \
    X("kerf.LogGrad",         LogGrad,          2, 2, NONE, 0) \
    X("kerf.LogOrZero",       LogOrZero,        1, 1, NONE, 0) \
    X("kerf.MishGrad",        MishGrad,         2, 2, NONE, 0) \
    X("kerf.Negative",        Negative,         1, 1, NONE, 0) \
    X("kerf.PReluSlope",      PReluSlope,       2, 2, NONE, 0) \
    X("kerf.PowGrad",         PowGrad,          2, 2, NONE, 0) \
    X("kerf.ReciprocalGrad",  ReciprocalGrad,   2, 2, NONE, 0) \
    X("kerf.ReluGrad",        ReluGrad,         2, 2, NONE, 0) \
    X("kerf.Scale",           Scale,            1, 1, ONE("scale", 1), 1) \
    X("kerf.SeluGrad",        SeluGrad,         2, 2, TWO("alpha", 1.67326319f, "gamma", 1.05070102f), 0) \
    X("kerf.ShrinkGrad",      ShrinkGrad,       2, 2, TWO("lambd", 0.5f, "bias", 0), 0) \
    X("kerf.SigmoidGrad",     SigmoidGrad,      2, 2, NONE, 0) \
    X("kerf.SinGrad",         SinGrad,          2, 2, NONE, 0) \
    X("kerf.SinhGrad",        SinhGrad,         2, 2, NONE, 0) \
    X("kerf.SoftplusGrad",    SoftplusGrad,     2, 2, NONE, 0) \
    X("kerf.SoftsignGrad",    SoftsignGrad,     2, 2, NONE, 0) \
    X("kerf.SqrtGrad",        SqrtGrad,         2, 2, NONE, 0) \
    X("kerf.TanGrad",         TanGrad,          2, 2, NONE, 0) \
    X("kerf.TanhGrad",        TanhGrad,         2, 2, NONE, 0) \
    X("kerf.ThresholdedReluGrad", ThresholdedReluGrad, 2, 2, ONE("alpha", 1), 0)
/* clang-format on */

typedef struct formula {
    const char *op, *options;
    int num_inputs;
    struct {
        const char *key; /* of the attribute, or NULL */
        float otherwise;
    } numbers[2];
} formula;

static const formula FORMULAS[] = {
#define X(op, name, num, most, numbers, gradient) {op, "-DOP=op_" #name, num, numbers},
    FORMULA_LIST(X)
#undef X
        {"Expand", "-DOP=op_Expand", 1, NONE},
};

static const formula *formula_of(const kerf_node *n)
{
    const formula *f = FORMULAS;
    while (strcmp(f->op, n->op) != 0)
        f++;
    return f;
}

static int is_op(const kerf_node *n, const char *op)
{
    return strcmp(n->op, op) == 0;
}

/* Clip has its bounds as inputs from opset 11 on. */
static kerf_status check_numbers(const kerf_node *n)
{
    for (int i = formula_of(n)->num_inputs; i < n->num_inputs; i++) {
        const kerf_value *v = n->inputs[i];
        if (v == NULL)
            continue;
        if (v->kind != KERF__VALUE_CONSTANT || v->type != KERF_F32 || kerf__value_elements(v) != 1)
            return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                                   "input %s must be a constant number of float32", v->name);
    }
    if (is_op(n, "Mod") && kerf_node_int(n, "fmod", 0) == 0)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "fmod is 0, must be 1 for float32");
    return KERF_OK;
}

static kerf_status infer(kerf_node *n)
{
    const int num = formula_of(n)->num_inputs;
    if (kerf__elementwise_is_typed(n))
        return kerf__elementwise_typed_infer(n);
    KERF__TRY(check_numbers(n));
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
    char text[192];
    if (kerf__elementwise_is_typed(n)) /* which says whether the type will do */
        KERF__TRY(kerf__elementwise_typed_infer(n));
    KERF__TRY(kerf__node_get_ints(n, "shape", 1, &shape));
    dst.rank = (int)shape.num;
    memcpy(dst.dims, shape.items, sizeof dst.dims);
    if (!shape.given)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "has no shape, must have one");
    if (kerf_shape_num_elements(dst) < 0)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "shape is %s, must have dimensions of 0 or more and less than 2^62 "
                               "elements",
                               kerf_shape_text(dst, text, sizeof text));
    KERF__TRY(kerf__node_broadcast(n, n->inputs[0]->shape, dst, &dst));
    kerf__set_output(n, 0, n->inputs[0]->type, dst);
    return KERF_OK;
}

/* ---- launches -------------------------------------------------------------------------------- */

/* Number p (0) or q (1): a text counts as 1 if it is "tanh", a form of Gelu. */
static float number_of(const kerf_node *n, int i)
{
    const formula *f = formula_of(n);
    const int input = f->num_inputs + i;
    const char *key = f->numbers[i].key;
    if (key == NULL)
        return 0.0f;
    if (input < n->num_inputs && n->inputs[input] != NULL)
        return *(const float *)n->inputs[input]->constant->data;
    if (strcmp(key, "approximate") == 0)
        return strcmp(kerf_node_string(n, key, "none"), "tanh") == 0 ? 1.0f : 0.0f;
    return kerf_node_float(n, key, f->numbers[i].otherwise);
}

/* The kernel's first arguments: inputs, output, p, q. */
static int first_arguments(const kerf__op_case *c, kerf__arg *args)
{
    int num = 0;
    for (int i = 0; i < formula_of(c->node)->num_inputs; i++)
        args[num++] = ARG(kerf__in(c, i));
    args[num++] = ARG(kerf__out(c, 0));
    for (int i = 0; i < 2; i++)
        args[num++] = ARG(number_of(c->node, i));
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
static kerf__rows rows_of(const kerf__op_case *c, kerf__merged *m)
{
    *m = kerf__elementwise_merge(c->node, formula_of(c->node)->num_inputs);
    return kerf__elementwise_rows(m);
}

static int fits_rows(const kerf__op_case *c)
{
    return !kerf__elementwise_is_typed(c->node) && kerf__fits_31_bits(c) &&
           kerf__elementwise_merge(c->node, formula_of(c->node)->num_inputs).rank <= 3;
}

/* What both kernels for rows begin with. */
static int rows_arguments(const kerf__op_case *c, kerf__arg *args)
{
    kerf__merged m;
    const kerf__rows r = rows_of(c, &m);
    int num = first_arguments(c, args);
    args[num++] = ARG((unsigned)r.m);
    args[num++] = ARG((unsigned)r.inner);
    args[num++] = ARG((unsigned)r.n);
    for (int k = 0; k < 2; k++)
        for (int i = 2; i >= 0; i--)
            args[num++] = ARG((unsigned)m.strides[k][i]);
    return num;
}

enum { MOST_ARGUMENTS = 40 };

static kerf_status build_simt(const kerf__op_case *c)
{
    enum { VECTOR = 4 };
    kerf__merged m;
    const kerf__rows r = rows_of(c, &m);
    kerf__arg args[MOST_ARGUMENTS];
    const int num = rows_arguments(c, args);
    return emit(c, "elementwise_vectors", "-DV=4", args, num,
                kerf__grid_items(r.m * kerf__ceil_div(r.n, VECTOR)));
}

/* ---- wide ------------------------------------------------------------------------------------ */

enum { VECTOR = 16 };

/* At most so many elements of rows that are cut, or else whole rows with about as many. */
static kerf__piece at_most(kerf__piece p, kerf__rows r, size_t most)
{
    const size_t num_rows = most / r.n + 1;
    if (p.columns < r.n)
        return (kerf__piece){1, p.columns < most ? p.columns : most};
    return (kerf__piece){p.rows < num_rows ? p.rows : num_rows, p.columns};
}

static kerf_status emit_wide(const kerf__op_case *c, kerf__rows r, kerf__piece p, const char *style)
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
    kerf__merged m;
    const kerf__rows r = rows_of(c, &m);
    return emit_wide(c, r, kerf__elementwise_piece(c, r), "-DV=16");
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
    kerf__merged m;
    const kerf__rows r = rows_of(c, &m);
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
    kerf__merged m;
    const kerf__rows r = rows_of(c, &m);
    if (is_in_place(c) || r.m * r.n == 0)
        return build_wide(c);
    return emit_wide(c, r, at_most(kerf__elementwise_piece(c, r), r, MOST), "-DV=16 -DSTREAM=1");
}

/* ---- any broadcasting ------------------------------------------------------------------------ */

static int fits_any(const kerf__op_case *c)
{
    return !kerf__elementwise_is_typed(c->node) && kerf__fits_31_bits(c);
}

static kerf_status build_any(const kerf__op_case *c)
{
    const kerf__merged m = kerf__elementwise_merge(c->node, formula_of(c->node)->num_inputs);
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
    KERF__BOTH_STYLES("elementwise_any", .fits = fits_any, .build = build_any),
    KERF__ELEMENTWISE_TYPED,
};

enum { NUM_VARIANTS = sizeof VARIANTS / sizeof VARIANTS[0] };

extern const kerf__op kerf__ops_elementwise[];
const kerf__op kerf__ops_elementwise[] = {
#define X(name, macro, num, most, numbers, passes)                                                 \
    {.op = (name),                                                                                 \
     .min_inputs = (num),                                                                          \
     .max_inputs = (most),                                                                         \
     .num_outputs = 1,                                                                             \
     .infer = infer,                                                                               \
     .gradient = (passes) ? kerf__elementwise_gradient : NULL,                                     \
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
         .gradient = kerf__elementwise_gradient,
         .variants = VARIANTS,
         .num_variants = NUM_VARIANTS},
    {.op = NULL},
};
