/* ops/elementwise_typed.c -- formulas on elements of any type: comparisons, logic, arithmetic of
 * integers, Cast and Where.
 *
 * A row of FORMULAS is a formula: its macro in kernels/elementwise_typed.cl, the types it takes
 * and the one it gives.  Abs, Add and others are in elementwise.c too, which has them for float32;
 * here they are for integers.
 *
 * Device side: kernels/elementwise_typed.cl.  Definition: tests/ref/ref_elementwise.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/elementwise_common.h"

extern const kerf__source kerf__source_elementwise_typed;

/* ---- the family ---------------------------------------------------------------------------- */

enum { INTS = 1, FLOATS = 2, BOOLS = 4, ANY = INTS | FLOATS | BOOLS };

typedef struct formula {
    const char *op;
    int num_inputs;
    unsigned takes;
    enum { SAME, TRUTH, AS_TOLD } gives;
    const char *numbers[2]; /* attributes that are p and q; of Pow: whether the base is whole */
    int moves;              /* bits are moved, whatever they mean */
    int is_here_alone;      /* elementwise.c does not have it */
} formula;

static const formula FORMULAS[] = {
    {"Abs", 1, INTS, SAME, {NULL}, 0, 0},
    {"Add", 2, INTS, SAME, {NULL}, 0, 0},
    {"And", 2, BOOLS, TRUTH, {NULL}, 0, 1},
    {"BitShift", 2, INTS, SAME, {"direction"}, 0, 1},
    {"BitwiseAnd", 2, INTS, SAME, {NULL}, 0, 1},
    {"BitwiseNot", 1, INTS, SAME, {NULL}, 0, 1},
    {"BitwiseOr", 2, INTS, SAME, {NULL}, 0, 1},
    {"BitwiseXor", 2, INTS, SAME, {NULL}, 0, 1},
    {"Cast", 1, ANY, AS_TOLD, {NULL}, 0, 1},
    {"Clip", 1, INTS, SAME, {"min", "max"}, 0, 0},
    {"Div", 2, INTS, SAME, {NULL}, 0, 0},
    {"Equal", 2, ANY, TRUTH, {NULL}, 0, 1},
    {"Expand", 1, ANY, SAME, {NULL}, 1, 0},
    {"Greater", 2, INTS | FLOATS, TRUTH, {NULL}, 0, 1},
    {"GreaterOrEqual", 2, INTS | FLOATS, TRUTH, {NULL}, 0, 1},
    {"IsInf", 1, FLOATS, TRUTH, {"detect_positive", "detect_negative"}, 0, 1},
    {"IsNaN", 1, FLOATS, TRUTH, {NULL}, 0, 1},
    {"Less", 2, INTS | FLOATS, TRUTH, {NULL}, 0, 1},
    {"LessOrEqual", 2, INTS | FLOATS, TRUTH, {NULL}, 0, 1},
    {"Max", 2, INTS, SAME, {NULL}, 0, 0},
    {"Min", 2, INTS, SAME, {NULL}, 0, 0},
    {"Mod", 2, INTS, SAME, {"fmod"}, 0, 0},
    {"Mul", 2, INTS, SAME, {NULL}, 0, 0},
    {"Neg", 1, INTS, SAME, {NULL}, 0, 0},
    {"Not", 1, BOOLS, TRUTH, {NULL}, 0, 1},
    {"Or", 2, BOOLS, TRUTH, {NULL}, 0, 1},
    {"Pow", 2, INTS, SAME, {NULL}, 0, 0},
    {"Sign", 1, INTS, SAME, {NULL}, 0, 0},
    {"Sub", 2, INTS, SAME, {NULL}, 0, 0},
    {"Where", 3, ANY, SAME, {NULL}, 1, 1},
    {"Xor", 2, BOOLS, TRUTH, {NULL}, 0, 1},
};

static const formula *find_formula(const kerf_node *n)
{
    for (size_t i = 0; i < sizeof FORMULAS / sizeof FORMULAS[0]; i++)
        if (strcmp(FORMULAS[i].op, n->op) == 0)
            return &FORMULAS[i];
    return NULL;
}

int kerf__elementwise_is_typed(const kerf_node *n)
{
    const formula *f = find_formula(n);
    if (f == NULL || f->is_here_alone)
        return f != NULL;
    for (int i = 0; i < f->num_inputs; i++)
        if (n->inputs[i]->type != KERF_F32)
            return 1;
    return 0;
}

/* ---- types --------------------------------------------------------------------------------- */

/* What the kernel calls a type, and what a formula does. */
enum kind { U8, S8, U16, S16, U32, S32, S64, F16, F32, BOOL };
static const struct {
    enum kind kind;
    unsigned is;
} TYPES[KERF_NUM_TYPES] = {
    [KERF_F32] = {F32, FLOATS}, [KERF_F16] = {F16, FLOATS}, [KERF_S32] = {S32, INTS},
    [KERF_S64] = {S64, INTS},   [KERF_U8] = {U8, INTS},     [KERF_S8] = {S8, INTS},
    [KERF_BOOL] = {U8, BOOLS},  [KERF_S16] = {S16, INTS},   [KERF_U16] = {U16, INTS},
};

static kerf_status check_class(const kerf_node *n, int input, unsigned takes)
{
    static const char *const WORDS[ANY + 1] = {
        [INTS] = "an integer",
        [FLOATS] = "float32 or float16",
        [BOOLS] = "bool",
        [INTS | FLOATS] = "a float or an integer",
        [ANY] = "of 8 bits or more",
    };
    const kerf_value *v = n->inputs[input];
    if ((TYPES[v->type].is & takes) != 0)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s is %s, must be %s", v->name,
                           kerf_type_name(v->type), WORDS[takes]);
}

/* The first input tells the type of the others; of Where the second. */
static kerf_status check_types(const kerf_node *n, const formula *f)
{
    const int is_where = strcmp(f->op, "Where") == 0, is_pow = strcmp(f->op, "Pow") == 0;
    if (is_pow) { /* the exponent may have a type of its own */
        KERF__TRY(check_class(n, 0, INTS | FLOATS));
        return check_class(n, 1, INTS | FLOATS);
    }
    KERF__TRY(check_class(n, is_where, f->takes));
    for (int i = is_where; i < f->num_inputs; i++)
        KERF__TRY(kerf__node_check_type(n, i, n->inputs[is_where]->type));
    return is_where ? kerf__node_check_type(n, 0, KERF_BOOL) : KERF_OK;
}

static kerf_status told_type(const kerf_node *n, kerf_type *type)
{
    const int64_t to = kerf_node_int(n, "to", 0);
    *type = kerf__type_of_onnx(to);
    if (*type < KERF_NUM_TYPES && TYPES[*type].is != 0)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                           "to is %lld, must be the number of a type of 8 bits or more",
                           (long long)to);
}

/* ---- numbers ------------------------------------------------------------------------------- */

/* A bound of Clip is a constant that a float holds. */
static kerf_status bound_of(const kerf_node *n, int i, float *out)
{
    enum { EXACT = 1 << 24 };
    *out = i == 0 ? -INFINITY : INFINITY;
    if (i + 1 >= n->num_inputs || n->inputs[i + 1] == NULL)
        return KERF_OK;
    const kerf_value *v = n->inputs[i + 1];
    KERF__TRY(kerf__node_check_type(n, i + 1, n->inputs[0]->type));
    if (v->kind != KERF__VALUE_CONSTANT || v->constant->num_elements != 1)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s must be a constant number",
                               v->name);
    const int64_t bound = kerf__tensor_int(v->constant, 0);
    if (bound < -EXACT || bound > EXACT)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s is %lld, must be within 2^24",
                               v->name, (long long)bound);
    *out = (float)bound;
    return KERF_OK;
}

/* p (0) or q (1). */
static kerf_status number_of(const kerf_node *n, const formula *f, int i, float *out)
{
    const char *key = f->numbers[i];
    *out = 0;
    if (strcmp(f->op, "Pow") == 0)
        *out = TYPES[n->inputs[0]->type].is == INTS ? 1.0f : 0.0f;
    if (key == NULL)
        return KERF_OK;
    if (strcmp(f->op, "Clip") == 0)
        return bound_of(n, i, out);
    if (strcmp(key, "direction") == 0)
        *out = strcmp(kerf_node_string(n, key, ""), "RIGHT") == 0 ? 1.0f : 0.0f;
    else
        *out = kerf_node_int(n, key, strcmp(key, "fmod") != 0) != 0 ? 1.0f : 0.0f;
    return KERF_OK;
}

/* ---- shapes -------------------------------------------------------------------------------- */

kerf_status kerf__elementwise_typed_infer(kerf_node *n)
{
    const formula *f = find_formula(n);
    kerf_shape dst = n->inputs[0]->shape;
    kerf_type type = KERF_BOOL;
    float number;
    KERF__TRY(check_types(n, f));
    for (int i = 0; i < 2; i++)
        KERF__TRY(number_of(n, f, i, &number));
    if (f->gives == SAME)
        type = n->inputs[strcmp(f->op, "Where") == 0]->type;
    if (f->gives == AS_TOLD)
        KERF__TRY(told_type(n, &type));
    for (int i = 1; i < f->num_inputs; i++)
        KERF__TRY(kerf__node_broadcast(n, dst, n->inputs[i]->shape, &dst));
    kerf__set_output(n, 0, type, dst);
    return KERF_OK;
}

/* ---- launches ------------------------------------------------------------------------------ */

/* Where only bits are moved, their number is all of a type. */
static unsigned kind_of(const formula *f, const kerf_value *v)
{
    if (!f->moves)
        return TYPES[v->type].kind;
    const size_t bits = kerf_type_bits(v->type);
    return bits == 8 ? U8 : bits == 16 ? U16 : bits == 32 ? U32 : S64;
}

static int is_of_floats(const kerf_node *n, const formula *f)
{
    for (int i = 0; i < f->num_inputs && !f->moves; i++)
        if (TYPES[n->inputs[i]->type].is == FLOATS)
            return 1;
    return 0;
}

/* Which input stands in place i of three. */
static int place(const formula *f, int i)
{
    return i < f->num_inputs ? i : 0;
}

static int operand_args(const kerf__op_case *c, const formula *f, kerf__arg *args)
{
    const kerf_node *n = c->node;
    int num = 0;
    for (int i = 0; i < KERF__ELEMENTWISE_INPUTS; i++)
        args[num++] = ARG(kerf__in(c, place(f, i)));
    args[num++] = ARG(kerf__out(c, 0));
    for (int i = 0; i < KERF__ELEMENTWISE_INPUTS; i++)
        args[num++] = ARG(kind_of(f, n->inputs[place(f, i)]));
    args[num++] =
        ARG(n->outputs[0]->type == KERF_BOOL ? (unsigned)BOOL : kind_of(f, n->outputs[0]));
    return num;
}

static int shape_args(const kerf__merged *m, const formula *f, kerf__arg *args)
{
    int num = 0;
    args[num++] = ARG(m->rank > 0 ? (unsigned)m->rank : 1u);
    for (int i = 1; i < KERF_MAX_RANK; i++)
        args[num++] = ARG(i < m->rank ? (unsigned)m->dims[i] : 1u);
    for (int k = 0; k < KERF__ELEMENTWISE_INPUTS; k++)
        for (int i = 0; i < KERF_MAX_RANK; i++)
            args[num++] = ARG(i < m->rank ? (unsigned)m->strides[place(f, k)][i] : 0u);
    return num;
}

int kerf__elementwise_typed_fits(const kerf__op_case *c)
{
    return kerf__elementwise_is_typed(c->node) && kerf__fits_31_bits(c);
}

kerf_status kerf__elementwise_typed_build(const kerf__op_case *c)
{
    enum { MOST_ARGUMENTS = 48 };
    const formula *f = find_formula(c->node);
    const kerf__merged m = kerf__elementwise_merge(c->node, f->num_inputs);
    const kerf__rows r = kerf__elementwise_rows(&m);
    const int wide = kerf__is_wide(c);
    const kerf__piece piece = wide ? kerf__elementwise_piece(c, r) : (kerf__piece){1, 1};
    kerf__arg args[MOST_ARGUMENTS];
    char options[96];
    int num = operand_args(c, f, args);
    for (int i = 0; i < 2; i++) {
        float number;
        KERF__TRY(number_of(c->node, f, i, &number));
        args[num++] = ARG(number);
    }
    args[num++] = ARG((unsigned)r.m);
    args[num++] = ARG((unsigned)r.n);
    args[num++] = ARG((unsigned)piece.rows);
    args[num++] = ARG((unsigned)piece.columns);
    num += shape_args(&m, f, args + num);
    snprintf(options, sizeof options, "-DOP=op_%s -DFLOATS=%d -DV=%d", f->op,
             is_of_floats(c->node, f), wide ? 16 : 1);
    const size_t items =
        r.m * r.n == 0 ? 0 : kerf__ceil_div(r.m, piece.rows) * kerf__ceil_div(r.n, piece.columns);
    return kerf__emit(c, &kerf__source_elementwise_typed, "elementwise_typed", options, args, num,
                      wide ? kerf__grid_wide(items, 1, 1) : kerf__grid_items(items));
}

static const kerf__variant VARIANTS[] = {KERF__ELEMENTWISE_TYPED};

#define ENTRY(name, num, rule)                                                                     \
    {                                                                                              \
        .op = (name), .min_inputs = (num), .max_inputs = (num), .num_outputs = 1,                  \
        .infer = kerf__elementwise_typed_infer, .gradient = (rule), .variants = VARIANTS,          \
        .num_variants = sizeof VARIANTS / sizeof VARIANTS[0],                                      \
        .in_place = (num) == 3 ? 6u : 0u /* what Where chooses from */                             \
    }

extern const kerf__op kerf__ops_elementwise_typed[];
const kerf__op kerf__ops_elementwise_typed[] = {
    ENTRY("And", 2, NULL),
    ENTRY("BitShift", 2, NULL),
    ENTRY("BitwiseAnd", 2, NULL),
    ENTRY("BitwiseNot", 1, NULL),
    ENTRY("BitwiseOr", 2, NULL),
    ENTRY("BitwiseXor", 2, NULL),
    ENTRY("Cast", 1, NULL),
    ENTRY("Equal", 2, NULL),
    ENTRY("Greater", 2, NULL),
    ENTRY("GreaterOrEqual", 2, NULL),
    ENTRY("IsInf", 1, NULL),
    ENTRY("IsNaN", 1, NULL),
    ENTRY("Less", 2, NULL),
    ENTRY("LessOrEqual", 2, NULL),
    ENTRY("Not", 1, NULL),
    ENTRY("Or", 2, NULL),
    ENTRY("Where", 3, kerf__elementwise_gradient),
    ENTRY("Xor", 2, NULL),
    {.op = NULL},
};
