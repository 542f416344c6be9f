/* ops/reduce.c -- ONNX's reductions, the standard deviation of a whole tensor and the number of
 * its non-zeros: formulas, shapes, the table, and the way for any axes.
 *
 * A formula is a row of FORMULAS and five macros of kernels/reduce.clh.  Most axes are rows,
 * columns or planes: reduce_lines.c.  Gradients: reduce_gradient.c.  Every result is added in
 * an order that only shapes and the device decide.
 *
 * Device side: kernels/reduce.cl.  Definition: tests/ref/ref_reduce.c. */
#include <string.h>

#include "base/fail.h"
#include "ops/layout_common.h"
#include "ops/reduce_common.h"

extern const kerf__source kerf__source_reduce;

typedef enum finish { BY_ONE, BY_COUNT } finish;

#define STYLES(name)                                                                               \
    {                                                                                              \
        "-DREDUCE=" name " -DV=1", "-DREDUCE=" name " -DV=16"                                      \
    }

static const struct formula {
    const char *op;
    const char *center[2];  /* SIMT, wide: the pass before, if terms are taken about a center */
    const char *options[2]; /* SIMT, wide */
    finish scale;           /* what the result, or the center, is divided by */
} FORMULAS[] = {
    {"ReduceL1", {NULL, NULL}, STYLES("L1"), BY_ONE},
    {"ReduceL2", {NULL, NULL}, STYLES("Norm"), BY_ONE},
    {"ReduceLogSum", {NULL, NULL}, STYLES("LogSum"), BY_ONE},
    {"ReduceLogSumExp", STYLES("Max"), STYLES("LogSumExp"), BY_ONE},
    {"ReduceMax", {NULL, NULL}, STYLES("Max"), BY_ONE},
    {"ReduceMean", {NULL, NULL}, STYLES("Sum"), BY_COUNT},
    {"ReduceMin", {NULL, NULL}, STYLES("Min"), BY_ONE},
    {"ReduceProd", {NULL, NULL}, STYLES("Prod"), BY_ONE},
    {"ReduceSum", {NULL, NULL}, STYLES("Sum"), BY_ONE},
    {"ReduceSumSquare", {NULL, NULL}, STYLES("Squares"), BY_ONE},
    {"kerf.StdDev", STYLES("Sum"), STYLES("Deviation"), BY_COUNT},
};

static const struct formula *formula_of(const kerf_node *n)
{
    const struct formula *f = FORMULAS;
    while (strcmp(f->op, n->op) != 0)
        f++;
    return f;
}

int kerf__reduce_is_centred(const kerf_node *n)
{
    return formula_of(n)->center[0] != NULL;
}

int kerf__reduce_passes(const kerf__op_case *c, kerf__reduce_pass passes[2])
{
    const struct formula *f = formula_of(c->node);
    const int wide = kerf__is_wide(c), two = f->center[0] != NULL;
    const float scale = kerf__reduce_scale(c->node);
    if (two)
        passes[0] = (kerf__reduce_pass){f->center[wide], scale, NULL};
    passes[two] = (kerf__reduce_pass){f->options[wide], scale, two ? kerf__out(c, 0) : NULL};
    return 1 + two;
}

/* ---- shapes -------------------------------------------------------------------------------- */

/* No axes are all, or none if the node says so. */
kerf_status kerf__reduce_axes(const kerf_node *n, unsigned *bits)
{
    kerf__ints axes;
    KERF__TRY(kerf__node_get_ints(n, "axes", 1, &axes));
    if (axes.num == 0 && kerf_node_int(n, "noop_with_empty_axes", 0) != 0) {
        *bits = 0;
        return KERF_OK;
    }
    return kerf__node_axes(n, "axes", 1, n->inputs[0]->shape.rank, bits);
}

kerf_shape kerf__reduce_kept_shape(kerf_shape src, unsigned bits)
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
    KERF__TRY(kerf__reduce_axes(n, &bits));
    kerf_shape dst = kerf__reduce_kept_shape(src, bits);
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

kerf__reduce_dims kerf__reduce_merge(const kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    unsigned bits;
    kerf__reduce_dims m = {.num = 0};
    if (kerf__reduce_axes(n, &bits) != KERF_OK)
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

static size_t num_reduced(const kerf_node *n)
{
    const kerf__reduce_dims g = kerf__reduce_merge(n);
    size_t num = 1;
    for (int i = 0; i < g.num; i++)
        if (g.reduced[i])
            num *= g.dims[i];
    return num;
}

float kerf__reduce_scale(const kerf_node *n)
{
    return formula_of(n)->scale == BY_COUNT ? 1.0f / (float)num_reduced(n) : 1.0f;
}

/* ---- any axes ------------------------------------------------------------------------------ */

/* Each output is one item's, so it must not be long. */
static int fits_any(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) && num_reduced(c->node) <= KERF__MOST_ITERATIONS;
}

/* Kept and reduced dimensions apart, each with its strides, innermost first. */
static void put_dims(const kerf_node *n, kerf__arg *args)
{
    const kerf__reduce_dims g = kerf__reduce_merge(n);
    unsigned dims[2][4] = {{1, 1, 1, 1}, {1, 1, 1, 1}}, strides[2][4] = {{0}};
    int num[2] = {0, 0};
    size_t stride = 1;
    for (int i = 0; i < g.num; i++) {
        const int r = g.reduced[i];
        dims[r][num[r]] = (unsigned)g.dims[i];
        strides[r][num[r]++] = (unsigned)stride;
        stride *= g.dims[i];
    }
    for (int i = 0; i < 8; i++) {
        args[i % 4 + i / 4 * 8] = ARG(dims[i / 4][i % 4]);
        args[i % 4 + i / 4 * 8 + 4] = ARG(strides[i / 4][i % 4]);
    }
}

static kerf_status build_any(const kerf__op_case *c)
{
    kerf__reduce_pass passes[2];
    const int wide = kerf__is_wide(c), num = kerf__reduce_passes(c, passes);
    const size_t outputs = (size_t)kerf__value_elements(c->node->outputs[0]);
    if (outputs == 0)
        return KERF_OK;
    const unsigned chunk =
        wide ? (unsigned)kerf__pieces_an_item(c, outputs, num_reduced(c->node), 1) : 1;
    const size_t x = kerf__ceil_div(outputs, chunk);
    for (int i = 0; i < num; i++) {
        kerf__arg args[21] = {ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG(passes[i].scale),
                              ARG((unsigned)outputs), ARG(chunk)};
        put_dims(c->node, args + 5);
        KERF__TRY(kerf__emit(c, &kerf__source_reduce, "reduce_any", passes[i].options, args, 21,
                             wide ? kerf__grid_wide(x, 1, 1) : kerf__grid_items(x)));
    }
    return KERF_OK;
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

static const char *count_options(const kerf__op_case *c)
{
    return kerf__is_wide(c) ? "-DV=16" : "-DV=1";
}

static kerf_status build_count(const kerf__op_case *c)
{
    const size_t num = (size_t)kerf__value_elements(c->node->inputs[0]), parts = count_parts(c);
    const unsigned chunk = (unsigned)count_chunk(c);
    KERF__TRY(
        kerf__emit(c, &kerf__source_reduce, "count_part", count_options(c),
                   KERF__ARGS(ARG(kerf__in(c, 0)), ARG(c->scratch), ARG((unsigned)num), ARG(chunk)),
                   kerf__grid_wide(parts, 1, 1)));
    return kerf__emit(c, &kerf__source_reduce, "count_join", count_options(c),
                      KERF__ARGS(ARG(c->scratch), ARG(kerf__out(c, 0)), ARG((unsigned)parts)),
                      kerf__grid_wide(1, 1, 1));
}

/* ---- layouts ------------------------------------------------------------------------------- */

/* Of everything at once, an extreme does not ask where a number stands. */
static kerf__wish wish_extreme(const kerf_node *n, kerf__layouts *out)
{
    return n->outputs[0]->shape.rank == 0 ? kerf__wish_any_order(n, out) : KERF__STAYS;
}

/* ---- the table ----------------------------------------------------------------------------- */

static const kerf__variant REDUCE[] = {
    KERF__BOTH_STYLES("reduce", .fits = kerf__reduce_fits_lines, .build = kerf__reduce_build_lines,
                      .scratch_bytes = kerf__reduce_lines_bytes),
    KERF__BOTH_STYLES("reduce_any", .fits = fits_any, .build = build_any),
};
static const kerf__variant COUNT[] = {
    KERF__BOTH_STYLES("reduce_count", .fits = kerf__fits_31_bits, .build = build_count,
                      .scratch_bytes = count_bytes),
};

#define ROW(name, most, shape_rule, gradient_rule, wish, table)                                    \
    {                                                                                              \
        .op = (name), .min_inputs = 1, .max_inputs = (most), .num_outputs = 1,                     \
        .infer = (shape_rule), .gradient = (gradient_rule), .layouts = (wish),                     \
        .variants = (table), .num_variants = sizeof(table) / sizeof(table)[0]                      \
    }
#define ENTRY(name, most, shape_rule, gradient_rule, table)                                        \
    ROW(name, most, shape_rule, gradient_rule, NULL, table)
#define EXTREME(name) ROW(name, 2, infer, kerf__reduce_gradient_extreme, wish_extreme, REDUCE)

extern const kerf__op kerf__ops_reduce[];
const kerf__op kerf__ops_reduce[] = {
    ENTRY("ReduceL1", 2, infer, kerf__reduce_gradient_l1, REDUCE),
    ENTRY("ReduceL2", 2, infer, kerf__reduce_gradient_norm, REDUCE),
    ENTRY("ReduceLogSum", 2, infer, kerf__reduce_gradient_log_sum, REDUCE),
    ENTRY("ReduceLogSumExp", 2, infer, kerf__reduce_gradient_log_sum_exp, REDUCE),
    EXTREME("ReduceMax"),
    ENTRY("ReduceMean", 2, infer, kerf__reduce_gradient_sum, REDUCE),
    EXTREME("ReduceMin"),
    ENTRY("ReduceProd", 2, infer, kerf__reduce_gradient_prod, REDUCE),
    ENTRY("ReduceSum", 2, infer, kerf__reduce_gradient_sum, REDUCE),
    ENTRY("ReduceSumSquare", 2, infer, kerf__reduce_gradient_squares, REDUCE),
    ENTRY("kerf.CountNonzero", 1, infer_count, NULL, COUNT),
    ENTRY("kerf.StdDev", 1, infer_std_dev, NULL, REDUCE),
    {.op = NULL},
};
