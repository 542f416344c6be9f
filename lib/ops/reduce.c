/* ops/reduce.c -- sums, means, extremes and norms along axes; the standard deviation of a
 * whole tensor and the number of its non-zeros.
 *
 * Axes are merged until src is (m, k, n) with k reduced; that covers all but axes with kept
 * ones in between, which go the general way.  Every result is added in an order that only
 * shapes and the device decide.
 *
 * Device side: kernels/reduce.cl.  Definition: tests/ref/ref_reduce.c. */
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_reduce;

typedef enum finish { BY_ONE, BY_COUNT } finish;

static const struct formula {
    const char *op, *wide, *simt;
    finish scale; /* what the result is divided by */
} FORMULAS[] = {
    {"ReduceL2", "-DREDUCE=Norm -DV=16", "-DREDUCE=Norm -DV=1", BY_ONE},
    {"ReduceMax", "-DREDUCE=Max -DV=16", "-DREDUCE=Max -DV=1", BY_ONE},
    {"ReduceMean", "-DREDUCE=Sum -DV=16", "-DREDUCE=Sum -DV=1", BY_COUNT},
    {"ReduceMin", "-DREDUCE=Min -DV=16", "-DREDUCE=Min -DV=1", BY_ONE},
    {"ReduceSum", "-DREDUCE=Sum -DV=16", "-DREDUCE=Sum -DV=1", BY_ONE},
    {"kerf.StdDev", "-DREDUCE=Norm -DV=16", "-DREDUCE=Norm -DV=1", BY_COUNT},
    {"kerf.CountNonzero", "-DV=16", "-DV=1", BY_ONE},
};

static const struct formula *formula_of(const kerf_node *n)
{
    const struct formula *f = FORMULAS;
    while (strcmp(f->op, n->op) != 0)
        f++;
    return f;
}

/* ---- shapes -------------------------------------------------------------------------------- */

static kerf_status axes_of(const kerf_node *n, unsigned *bits)
{
    return kerf__node_axes(n, "axes", 1, n->inputs[0]->shape.rank, bits);
}

/* The shape with every reduced dimension 1. */
static kerf_shape kept_shape(kerf_shape src, unsigned bits)
{
    for (int i = 0; i < src.rank; i++)
        if ((bits >> i & 1u) != 0)
            src.dims[i] = 1;
    return src;
}

static kerf_status infer(kerf_node *n)
{
    unsigned bits;
    const kerf_shape src = n->inputs[0]->shape;
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(axes_of(n, &bits));
    if (bits == (1u << src.rank) - 1u && kerf_node_int(n, "noop_with_empty_axes", 0) != 0)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "noop_with_empty_axes is not supported");
    kerf_shape dst = kept_shape(src, bits);
    if (kerf_node_int(n, "keepdims", 1) == 0) {
        dst.rank = 0;
        for (int i = 0; i < src.rank; i++)
            if ((bits >> i & 1u) == 0)
                dst.dims[dst.rank++] = src.dims[i];
    }
    kerf__set_output(n, 0, KERF_F32, dst);
    return KERF_OK;
}

static kerf_status infer_std_dev(kerf_node *n)
{
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    kerf__set_output(n, 0, KERF_F32, KERF_SCALAR);
    return KERF_OK;
}

static kerf_status infer_count(kerf_node *n)
{
    KERF__TRY(kerf__node_check_type(n, 0, KERF_BOOL));
    kerf__set_output(n, 0, KERF_S32, KERF_SCALAR);
    return KERF_OK;
}

/* Neighbouring dimensions of one kind merged, innermost first. */
typedef struct merged {
    int num;
    size_t dims[KERF_MAX_RANK];
    int reduced[KERF_MAX_RANK];
} merged;

static merged merge(const kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    unsigned bits;
    merged m = {.num = 0};
    if (axes_of(n, &bits) != KERF_OK)
        return m; /* cannot be: infer has read them */
    for (int i = src.rank - 1; i >= 0; i--) {
        const int reduced = (bits >> i & 1u) != 0;
        if (src.dims[i] == 1)
            continue;
        if (m.num > 0 && m.reduced[m.num - 1] == reduced) {
            m.dims[m.num - 1] *= (size_t)src.dims[i];
            continue;
        }
        m.dims[m.num] = (size_t)src.dims[i];
        m.reduced[m.num++] = reduced;
    }
    return m;
}

/* (m, k, n); 0 if the axes do not merge to that. */
typedef struct sizes {
    size_t m, k, n;
} sizes;

static int sizes_of(const kerf_node *node, sizes *s)
{
    const merged g = merge(node);
    int at = 0;
    *s = (sizes){1, 1, 1};
    if (at < g.num && !g.reduced[at])
        s->n = g.dims[at++];
    if (at < g.num && g.reduced[at])
        s->k = g.dims[at++];
    if (at < g.num && !g.reduced[at])
        s->m = g.dims[at++];
    return at == g.num;
}

static size_t num_reduced(const kerf_node *n)
{
    const merged g = merge(n);
    size_t num = 1;
    for (int i = 0; i < g.num; i++)
        if (g.reduced[i])
            num *= g.dims[i];
    return num;
}

static float scale_of(const kerf_node *n)
{
    return formula_of(n)->scale == BY_COUNT ? 1.0f / (float)num_reduced(n) : 1.0f;
}

/* ---- gradients ----------------------------------------------------------------------------- */

static kerf_status expand(kerf__gradients *grads, const kerf_node *n, kerf_value **v)
{
    kerf_node *node;
    const kerf_shape src = n->inputs[0]->shape;
    KERF__TRY(kerf__gradient_add_node(grads, "Expand", n, "grad", v, 1, &node));
    KERF__TRY(kerf_node_set_ints(node, "shape", src.dims, (size_t)src.rank));
    *v = node->outputs[0];
    return kerf__node_infer(node);
}

static kerf_status scale(kerf__gradients *grads, const kerf_node *n, kerf_value **v, float by)
{
    kerf_node *node;
    KERF__TRY(kerf__gradient_node(grads, "kerf.Scale", n, "grad", v, 1, &node));
    *v = node->outputs[0];
    return kerf_node_set_float(node, "scale", by);
}

static kerf_status make(kerf__gradients *grads, const char *op, const kerf_node *n, kerf_value *a,
                        kerf_value *b, kerf_value **out)
{
    kerf_node *node;
    KERF__TRY(kerf__gradient_node(grads, op, n, "grad", (kerf_value *[]){a, b}, 2, &node));
    *out = node->outputs[0];
    return KERF_OK;
}

/* What arrived, with the reduced dimensions back as 1, or NULL if nobody wants it. */
static kerf_status arrived(kerf__gradients *grads, const kerf_node *n, kerf_value **diff)
{
    unsigned bits;
    *diff = kerf__gradient_of(grads, n->outputs[0]);
    if (!kerf__gradient_wanted(grads, n->inputs[0]))
        *diff = NULL;
    if (*diff == NULL)
        return KERF_OK;
    KERF__TRY(axes_of(n, &bits));
    return kerf__gradient_reshape(grads, n, *diff, kept_shape(n->inputs[0]->shape, bits), diff);
}

static kerf_status gradient_sum(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff;
    KERF__TRY(arrived(grads, n, &diff));
    if (diff == NULL)
        return KERF_OK;
    if (formula_of(n)->scale == BY_COUNT)
        KERF__TRY(scale(grads, n, &diff, scale_of(n)));
    KERF__TRY(expand(grads, n, &diff));
    return kerf__gradient_add(grads, n->inputs[0], diff);
}

/* To the largest (or smallest); where several are, each has an equal share. */
static kerf_status gradient_extreme(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff, *chosen, *dst = n->outputs[0], *src = n->inputs[0];
    kerf_node *num;
    KERF__TRY(arrived(grads, n, &diff));
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(kerf__gradient_reshape(grads, n, dst, diff->shape, &dst));
    KERF__TRY(make(grads, "kerf.Equal", n, src, dst, &chosen));
    KERF__TRY(kerf__gradient_add_node(grads, "ReduceSum", n, "grad.count", &chosen, 1, &num));
    unsigned bits;
    int64_t axes[KERF_MAX_RANK];
    size_t num_axes = 0;
    KERF__TRY(axes_of(n, &bits));
    for (int i = 0; i < src->shape.rank; i++)
        if ((bits >> i & 1u) != 0)
            axes[num_axes++] = i;
    KERF__TRY(kerf_node_set_ints(num, "axes", axes, num_axes));
    KERF__TRY(kerf__node_infer(num));
    KERF__TRY(make(grads, "Div", n, diff, num->outputs[0], &diff));
    KERF__TRY(make(grads, "Mul", n, chosen, diff, &diff));
    return kerf__gradient_add(grads, src, diff);
}

/* x / |x|, and 0 for the norm of zeros. */
static kerf_status gradient_norm(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff, *dst = n->outputs[0];
    KERF__TRY(arrived(grads, n, &diff));
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(kerf__gradient_reshape(grads, n, dst, diff->shape, &dst));
    KERF__TRY(make(grads, "kerf.DivOrZero", n, diff, dst, &diff));
    KERF__TRY(make(grads, "Mul", n, n->inputs[0], diff, &diff));
    return kerf__gradient_add(grads, n->inputs[0], diff);
}

/* ---- launches ------------------------------------------------------------------------------ */

static const char *options_of(const kerf__op_case *c)
{
    const struct formula *f = formula_of(c->node);
    return kerf__is_wide(c) ? f->wide : f->simt;
}

static int fits_lines(const kerf__op_case *c)
{
    sizes s;
    return kerf__fits_31_bits(c) && sizes_of(c->node, &s);
}

/* Each output is one item's, so it must not be long. */
static int fits_any(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) && num_reduced(c->node) <= KERF__MOST_ITERATIONS;
}

/* How k is cut: enough parts to busy the device, none shorter than is worth a launch, none
 * so long that an item has too many iterations. */
static size_t num_parts(const kerf__op_case *c, sizes s)
{
    const int wide = kerf__is_wide(c);
    const size_t units = (size_t)kerf_device_get_info(c->dev)->compute_units;
    const size_t wanted = (wide ? 8 : 64) * units;
    const size_t longest = s.n == 1 ? (size_t)KERF__MOST_ITERATIONS * 8 : 1024;
    const size_t shortest = (wide ? 16384 : 4096) / s.n + 64;
    const size_t others = s.n == 1 ? s.m : s.m * kerf__ceil_div(s.n, 256);
    const size_t least = kerf__ceil_div(s.k, longest);
    size_t parts = wanted / others;
    if (parts > s.k / shortest)
        parts = s.k / shortest;
    if (parts < least)
        parts = least;
    return parts > 1 ? parts : 1;
}

static size_t parts_bytes(const kerf__op_case *c)
{
    sizes s;
    sizes_of(c->node, &s);
    if (s.m == 0 || s.n == 0)
        return 0;
    const size_t parts = num_parts(c, s);
    return parts > 1 ? parts * s.m * s.n * sizeof(float) : 0;
}

static kerf_status emit_join(const kerf__op_case *c, const kerf__buffer *parts, kerf__buffer *dst,
                             const char *options, float by, size_t num_parts_, size_t num)
{
    return kerf__emit(
        c, &kerf__source_reduce, "reduce_join", options,
        KERF__ARGS(ARG(parts), ARG(dst), ARG(by), ARG((unsigned)num_parts_), ARG((unsigned)num)),
        kerf__grid_items(num));
}

typedef struct rows_launch {
    const kerf__buffer *src, *center; /* center NULL: 0 */
    kerf__buffer *dst;
    const char *options;
    float by;
    size_t m, k, parts;
} rows_launch;

static kerf_status emit_rows(const kerf__op_case *c, const rows_launch *r)
{
    const int wide = kerf__is_wide(c);
    const size_t part = kerf__ceil_div(r->k, r->parts);
    const size_t rows =
        wide ? kerf__pieces_an_item(c, r->m, part / 16 + part % 16, 4096 / (part + 1)) : 1;
    const size_t x = kerf__ceil_div(r->m, rows);
    const kerf__grid grid =
        wide ? kerf__grid_wide(x, r->parts, 1) : (kerf__grid){2, {x, r->parts, 1}, {64, 1, 1}};
    return kerf__emit(c, &kerf__source_reduce, wide ? "reduce_rows" : "reduce_rows_simt",
                      r->options,
                      KERF__ARGS(ARG(r->src), ARG(r->center != NULL ? r->center : r->src),
                                 ARG(r->dst), ARG(r->by), ARG((unsigned)(r->center != NULL)),
                                 ARG((unsigned)(r->parts == 1)), ARG((unsigned)r->m),
                                 ARG((unsigned)r->k), ARG((unsigned)rows), ARG((unsigned)part)),
                      grid);
}

static kerf_status emit_columns(const kerf__op_case *c, kerf__buffer *dst, sizes s, size_t parts)
{
    const int wide = kerf__is_wide(c);
    const size_t part = kerf__ceil_div(s.k, parts);
    const size_t vectors = kerf__pieces_an_item(c, kerf__ceil_div(s.n, 16) * s.m * parts, part, 1);
    const size_t columns = wide ? vectors * 16 : 1;
    const size_t x = kerf__ceil_div(s.n, columns);
    const kerf__grid grid = wide ? kerf__grid_wide(x, parts, s.m)
                                 : (kerf__grid){3, {kerf__ceil_div(x, 64), parts, s.m}, {64, 1, 1}};
    return kerf__emit(c, &kerf__source_reduce, "reduce_columns", options_of(c),
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(dst), ARG(scale_of(c->node)),
                                 ARG((unsigned)(parts == 1)), ARG((unsigned)s.k),
                                 ARG((unsigned)s.n), ARG((unsigned)columns), ARG((unsigned)part)),
                      grid);
}

static kerf_status build_lines(const kerf__op_case *c)
{
    sizes s;
    sizes_of(c->node, &s);
    if (s.m == 0 || s.n == 0)
        return KERF_OK;
    const size_t parts = num_parts(c, s);
    kerf__buffer *dst = parts > 1 ? c->scratch : kerf__out(c, 0);
    const float by = scale_of(c->node);
    if (s.n == 1)
        KERF__TRY(emit_rows(
            c, &(rows_launch){kerf__in(c, 0), NULL, dst, options_of(c), by, s.m, s.k, parts}));
    else
        KERF__TRY(emit_columns(c, dst, s, parts));
    if (parts == 1)
        return KERF_OK;
    return emit_join(c, dst, kerf__out(c, 0), options_of(c), by, parts, s.m * s.n);
}

/* Kept and reduced dimensions apart, each with its strides, innermost first. */
static kerf_status build_any(const kerf__op_case *c)
{
    const merged g = merge(c->node);
    unsigned dims[2][4] = {{1, 1, 1, 1}, {1, 1, 1, 1}}, strides[2][4] = {{0}};
    int num[2] = {0, 0};
    size_t stride = 1;
    for (int i = 0; i < g.num; i++) {
        const int r = g.reduced[i];
        dims[r][num[r]] = (unsigned)g.dims[i];
        strides[r][num[r]++] = (unsigned)stride;
        stride *= g.dims[i];
    }
    const size_t outputs = (size_t)kerf__value_elements(c->node->outputs[0]);
    const unsigned chunk =
        kerf__is_wide(c) ? (unsigned)kerf__pieces_an_item(c, outputs, num_reduced(c->node), 1) : 1;
    kerf__arg args[24] = {ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG(scale_of(c->node)),
                          ARG((unsigned)outputs), ARG(chunk)};
    int at = 5;
    for (int r = 0; r < 2; r++) {
        for (int i = 0; i < 4; i++)
            args[at++] = ARG(dims[r][i]);
        for (int i = 0; i < 4; i++)
            args[at++] = ARG(strides[r][i]);
    }
    if (outputs == 0)
        return KERF_OK;
    const size_t x = kerf__ceil_div(outputs, chunk);
    return kerf__emit(c, &kerf__source_reduce, "reduce_any", options_of(c), args, at,
                      kerf__is_wide(c) ? kerf__grid_wide(x, 1, 1) : kerf__grid_items(x));
}

/* ---- the standard deviation ---------------------------------------------------------------- */

/* At least two parts, so that both passes leave their sums in scratch. */
static size_t std_dev_parts(const kerf__op_case *c)
{
    sizes s;
    sizes_of(c->node, &s);
    const size_t parts = num_parts(c, s);
    return parts > 1 ? parts : 2;
}

static size_t std_dev_bytes(const kerf__op_case *c)
{
    return std_dev_parts(c) * sizeof(float);
}

/* In two passes: the second sums squares about the mean, so nothing cancels.  The mean lies
 * in the output until the last launch. */
static kerf_status build_std_dev(const kerf__op_case *c)
{
    sizes s;
    sizes_of(c->node, &s);
    const size_t parts = std_dev_parts(c);
    const char *sum = kerf__is_wide(c) ? "-DREDUCE=Sum -DV=16" : "-DREDUCE=Sum -DV=1";
    const char *norm = options_of(c);
    const float by = scale_of(c->node);
    kerf__buffer *mean = kerf__out(c, 0);
    rows_launch r = {kerf__in(c, 0), NULL, c->scratch, sum, 1.0f, 1, s.k, parts};
    KERF__TRY(emit_rows(c, &r));
    KERF__TRY(emit_join(c, c->scratch, mean, sum, by, parts, 1));
    r.center = mean;
    r.options = norm;
    KERF__TRY(emit_rows(c, &r));
    return emit_join(c, c->scratch, kerf__out(c, 0), norm, by, parts, 1);
}

/* ---- counting ------------------------------------------------------------------------------ */

/* By vectors of 16 on CPU devices, else by bytes; at least 1 part. */
static size_t count_chunk(const kerf__op_case *c)
{
    const size_t num = (size_t)kerf__value_elements(c->node->inputs[0]);
    if (!kerf__is_wide(c))
        return 1024;
    return 16 * kerf__pieces_an_item(c, kerf__ceil_div(num, 16), 1, 1024);
}

static size_t count_parts(const kerf__op_case *c)
{
    return (size_t)kerf__value_elements(c->node->inputs[0]) / count_chunk(c) + 1;
}

static size_t count_bytes(const kerf__op_case *c)
{
    return count_parts(c) * sizeof(int32_t);
}

static kerf_status build_count(const kerf__op_case *c)
{
    const size_t num = (size_t)kerf__value_elements(c->node->inputs[0]), parts = count_parts(c);
    const unsigned chunk = (unsigned)count_chunk(c);
    KERF__TRY(
        kerf__emit(c, &kerf__source_reduce, "count_part", options_of(c),
                   KERF__ARGS(ARG(kerf__in(c, 0)), ARG(c->scratch), ARG((unsigned)num), ARG(chunk)),
                   kerf__grid_wide(parts, 1, 1)));
    return kerf__emit(c, &kerf__source_reduce, "count_join", options_of(c),
                      KERF__ARGS(ARG(c->scratch), ARG(kerf__out(c, 0)), ARG((unsigned)parts)),
                      kerf__grid_wide(1, 1, 1));
}

/* ---- the table ----------------------------------------------------------------------------- */

static const kerf__variant REDUCE[] = {
    KERF__BOTH_STYLES("reduce", .fits = fits_lines, .build = build_lines,
                      .scratch_bytes = parts_bytes),
    KERF__BOTH_STYLES("reduce_any", .fits = fits_any, .build = build_any),
};
static const kerf__variant STD_DEV[] = {
    KERF__BOTH_STYLES("reduce_std_dev", .fits = kerf__fits_31_bits, .build = build_std_dev,
                      .scratch_bytes = std_dev_bytes),
};
static const kerf__variant COUNT[] = {
    KERF__BOTH_STYLES("reduce_count", .fits = kerf__fits_31_bits, .build = build_count,
                      .scratch_bytes = count_bytes),
};

#define ENTRY(name, most, shape_rule, gradient_rule, table)                                        \
    {                                                                                              \
        .op = (name), .min_inputs = 1, .max_inputs = (most), .num_outputs = 1,                     \
        .infer = (shape_rule), .gradient = (gradient_rule), .variants = (table),                   \
        .num_variants = sizeof(table) / sizeof(table)[0]                                           \
    }

extern const kerf__op kerf__ops_reduce[];
const kerf__op kerf__ops_reduce[] = {
    ENTRY("ReduceL2", 2, infer, gradient_norm, REDUCE),
    ENTRY("ReduceMax", 2, infer, gradient_extreme, REDUCE),
    ENTRY("ReduceMean", 2, infer, gradient_sum, REDUCE),
    ENTRY("ReduceMin", 2, infer, gradient_extreme, REDUCE),
    ENTRY("ReduceSum", 2, infer, gradient_sum, REDUCE),
    ENTRY("kerf.CountNonzero", 1, infer_count, NULL, COUNT),
    ENTRY("kerf.StdDev", 1, infer_std_dev, NULL, STD_DEV),
    {.op = NULL},
};
