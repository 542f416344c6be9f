/* plan/fold_numbers.c -- operations of fold.h that compute: arithmetic, comparisons, reductions.
 *
 * Floats are rounded to float32 after each step, as a device would.  Integers that leave 64 bits
 * are a fault: no shape has them. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"
#include "plan/fold.h"

/* ---- formulas: 0 where the result is no number ----------------------------------------------- */

typedef int (*int_formula)(int64_t a, int64_t b, int64_t *out);
typedef double (*float_formula)(double a, double b);

static int add_i(int64_t a, int64_t b, int64_t *out)
{
    if (b > 0 ? a > INT64_MAX - b : a < INT64_MIN - b)
        return 0;
    *out = a + b;
    return 1;
}

static int sub_i(int64_t a, int64_t b, int64_t *out)
{
    if (b < 0 ? a > INT64_MAX + b : a < INT64_MIN + b)
        return 0;
    *out = a - b;
    return 1;
}

static int mul_i(int64_t a, int64_t b, int64_t *out)
{
    /* A product below 2^62 as doubles see it is one of 63 bits. */
    if (fabs((double)a * (double)b) > 4.6e18)
        return 0;
    *out = a * b;
    return 1;
}

static int div_i(int64_t a, int64_t b, int64_t *out)
{
    if (b == 0 || (a == INT64_MIN && b == -1))
        return 0;
    *out = a / b;
    return 1;
}

/* The sign is b's; with fmod (never of shapes) it would be a's. */
static int mod_i(int64_t a, int64_t b, int64_t *out)
{
    if (b == 0 || b == -1)
        return b != 0 && (*out = 0, 1);
    *out = a % b + (a % b != 0 && (a < 0) != (b < 0) ? b : 0);
    return 1;
}

#define INT_FORMULA(name, expression)                                                              \
    static int name(int64_t a, int64_t b, int64_t *out)                                            \
    {                                                                                              \
        (void)a, (void)b;                                                                          \
        *out = (expression);                                                                       \
        return 1;                                                                                  \
    }
#define FLOAT_FORMULA(name, expression)                                                            \
    static double name(double a, double b)                                                         \
    {                                                                                              \
        (void)a, (void)b;                                                                          \
        return (expression);                                                                       \
    }
/* clang-format off */
INT_FORMULA(abs_i, a < 0 && a > INT64_MIN ? -a : a)
INT_FORMULA(neg_i, a > INT64_MIN ? -a : a)
INT_FORMULA(same_i, a)
INT_FORMULA(not_i, !a)
INT_FORMULA(and_i, a && b)
INT_FORMULA(or_i, a || b)
INT_FORMULA(max_i, a > b ? a : b)
INT_FORMULA(min_i, a < b ? a : b)
INT_FORMULA(equal_i, a == b)
INT_FORMULA(greater_i, a > b)
INT_FORMULA(greater_equal_i, a >= b)
INT_FORMULA(less_i, a < b)
INT_FORMULA(less_equal_i, a <= b)
FLOAT_FORMULA(abs_f, fabs(a))
FLOAT_FORMULA(neg_f, -a)
FLOAT_FORMULA(ceil_f, ceil(a))
FLOAT_FORMULA(floor_f, floor(a))
FLOAT_FORMULA(round_f, nearbyint(a))
FLOAT_FORMULA(sqrt_f, sqrt(a))
FLOAT_FORMULA(add_f, a + b)
FLOAT_FORMULA(sub_f, a - b)
FLOAT_FORMULA(mul_f, a * b)
FLOAT_FORMULA(div_f, a / b)
FLOAT_FORMULA(max_f, a > b ? a : b)
FLOAT_FORMULA(min_f, a < b ? a : b)
FLOAT_FORMULA(equal_f, a == b)
FLOAT_FORMULA(greater_f, a > b)
FLOAT_FORMULA(greater_equal_f, a >= b)
FLOAT_FORMULA(less_f, a < b)
FLOAT_FORMULA(less_equal_f, a <= b)
/* clang-format on */

typedef struct formula {
    const char *op;
    int num_inputs; /* -1: one or more, taken two by two */
    int_formula of_ints;
    float_formula of_floats; /* NULL, like of_ints: there is none */
    int gives_bool;
} formula;

static const formula FORMULAS[] = {
    {"Abs", 1, abs_i, abs_f, 0},
    {"Add", 2, add_i, add_f, 0},
    {"And", 2, and_i, NULL, 1},
    {"Ceil", 1, same_i, ceil_f, 0},
    {"Div", 2, div_i, div_f, 0},
    {"Equal", 2, equal_i, equal_f, 1},
    {"Floor", 1, same_i, floor_f, 0},
    {"Greater", 2, greater_i, greater_f, 1},
    {"GreaterOrEqual", 2, greater_equal_i, greater_equal_f, 1},
    {"Less", 2, less_i, less_f, 1},
    {"LessOrEqual", 2, less_equal_i, less_equal_f, 1},
    {"Max", -1, max_i, max_f, 0},
    {"Min", -1, min_i, min_f, 0},
    {"Mod", 2, mod_i, NULL, 0},
    {"Mul", 2, mul_i, mul_f, 0},
    {"Neg", 1, neg_i, neg_f, 0},
    {"Not", 1, not_i, NULL, 1},
    {"Or", 2, or_i, NULL, 1},
    {"Round", 1, same_i, round_f, 0},
    {"Sqrt", 1, NULL, sqrt_f, 0},
    {"Sub", 2, sub_i, sub_f, 0},
    {"ReduceMax", -1, max_i, max_f, 0},
    {"ReduceMin", -1, min_i, min_f, 0},
    {"ReduceProd", -1, mul_i, mul_f, 0},
    {"ReduceSum", -1, add_i, add_f, 0},
};

static const formula *formula_of(const kerf_node *n)
{
    const formula *f = FORMULAS;
    while (strcmp(f->op, n->op) != 0)
        f++;
    return f;
}

/* *out = a (op) b, both of this type. */
static kerf_status compute(const kerf__folding *x, const formula *f, kerf_type type, kerf__item a,
                           kerf__item b, kerf__item *out)
{
    if (type == KERF_F32 && f->gives_bool) {
        out->i = f->of_floats(a.f, b.f) != 0;
        return KERF_OK;
    }
    if (type == KERF_F32) {
        out->f = (double)(float)f->of_floats(a.f, b.f);
        return KERF_OK;
    }
    const int64_t left = a.i, right = b.i;
    if (!f->of_ints(left, right, &out->i) ||
        (type == KERF_S32 && (out->i < INT32_MIN || out->i > INT32_MAX)))
        return kerf__fail_node(KERF_ERR_SHAPE, x->n, "%lld and %lld give no %s", (long long)left,
                               (long long)right, kerf_type_name(type));
    return KERF_OK;
}

/* ---- element by element ---------------------------------------------------------------------- */

/* *a = *a (op) b where b is broadcast to it; a's own shape when there is no b. */
static kerf_status fold_pair(kerf__folding *x, const formula *f, const kerf__few *a,
                             const kerf__few *b, kerf__few *out)
{
    int64_t strides_a[KERF_MAX_RANK], strides_b[KERF_MAX_RANK];
    kerf__few_broadcast_strides(a->shape, out->shape, strides_a);
    kerf__few_broadcast_strides(b->shape, out->shape, strides_b);
    for (int64_t k = out->num; k-- > 0;) /* from the end: a may be out, never larger before */
        KERF__TRY(compute(x, f, a->type, a->items[kerf__few_at(out->shape, strides_a, k)],
                          b->items[kerf__few_at(out->shape, strides_b, k)], &out->items[k]));
    return KERF_OK;
}

kerf_status kerf__fold_arithmetic(kerf__folding *x)
{
    const formula *f = formula_of(x->n);
    const kerf_type type = x->in[0].type;
    kerf_shape dst = x->in[0].shape;
    if ((type == KERF_F32 ? f->of_floats == NULL : f->of_ints == NULL) ||
        kerf_node_int(x->n, "fmod", 0) != 0)
        return KERF_OK;
    for (int i = 1; i < x->n->num_inputs; i++) {
        if (!x->in[i].given || x->in[i].type != type)
            return KERF_OK;
        KERF__TRY(kerf__node_broadcast(x->n, dst, x->in[i].shape, &dst));
    }
    kerf__few *out = kerf__fold_begin(x, 0, f->gives_bool ? KERF_BOOL : type, dst);
    if (out == NULL)
        return KERF_OK;
    if (x->n->num_inputs == 1 && f->num_inputs < 0) { /* the one is the largest */
        memcpy(out->items, x->in[0].items, sizeof out->items);
        return KERF_OK;
    }
    KERF__TRY(fold_pair(x, f, &x->in[0], &x->in[x->n->num_inputs > 1], out));
    for (int i = 2; i < x->n->num_inputs; i++)
        KERF__TRY(fold_pair(x, f, out, &x->in[i], out));
    return KERF_OK;
}

kerf_status kerf__fold_where(kerf__folding *x)
{
    int64_t strides[3][KERF_MAX_RANK];
    kerf_shape dst = x->in[0].shape;
    if (x->in[0].type != KERF_BOOL || x->in[1].type != x->in[2].type)
        return KERF_OK;
    for (int i = 1; i < 3; i++)
        KERF__TRY(kerf__node_broadcast(x->n, dst, x->in[i].shape, &dst));
    kerf__few *out = kerf__fold_begin(x, 0, x->in[1].type, dst);
    for (int i = 0; i < 3; i++)
        kerf__few_broadcast_strides(x->in[i].shape, dst, strides[i]);
    for (int64_t k = 0; out != NULL && k < out->num; k++) {
        const int from = x->in[0].items[kerf__few_at(dst, strides[0], k)].i != 0 ? 1 : 2;
        out->items[k] = x->in[from].items[kerf__few_at(dst, strides[from], k)];
    }
    return KERF_OK;
}

/* ---- reductions ------------------------------------------------------------------------------ */

/* The reduced dimensions as bits; all for none, unless the node says that none means none. */
static kerf_status read_axes(const kerf__folding *x, unsigned *bits)
{
    kerf__ints axes;
    KERF__TRY(kerf__node_get_ints(x->n, "axes", 1, &axes));
    KERF__TRY(kerf__node_axes(x->n, "axes", 1, x->in[0].shape.rank, bits));
    if (axes.num == 0 && kerf_node_int(x->n, "noop_with_empty_axes", 0) != 0)
        *bits = 0;
    return KERF_OK;
}

kerf_status kerf__fold_reduce(kerf__folding *x)
{
    const formula *f = formula_of(x->n);
    const kerf__few *src = &x->in[0];
    unsigned bits;
    int64_t strides[KERF_MAX_RANK], kept_strides[KERF_MAX_RANK];
    char seen[KERF__FOLD_ITEMS] = {0};
    kerf_shape kept = src->shape, dst = {0, {0}};
    KERF__TRY(read_axes(x, &bits));
    for (int d = 0; d < src->shape.rank; d++) {
        kept.dims[d] = (bits >> d & 1u) != 0 ? 1 : src->shape.dims[d];
        if ((bits >> d & 1u) == 0 || kerf_node_int(x->n, "keepdims", 1) != 0)
            dst.dims[dst.rank++] = kept.dims[d];
    }
    if (src->num == 0)
        return KERF_OK;
    kerf__few *out = kerf__fold_begin(x, 0, src->type, dst);
    kerf__few_strides(kept, kept_strides);
    for (int d = 0; d < src->shape.rank; d++)
        strides[d] = (bits >> d & 1u) != 0 ? 0 : kept_strides[d];
    for (int64_t k = 0; out != NULL && k < src->num; k++) {
        const int64_t at = kerf__few_at(src->shape, strides, k);
        if (seen[at])
            KERF__TRY(compute(x, f, src->type, out->items[at], src->items[k], &out->items[at]));
        else
            out->items[at] = src->items[k];
        seen[at] = 1;
    }
    return KERF_OK;
}
