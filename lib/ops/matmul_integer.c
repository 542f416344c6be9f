/* ops/matmul_integer.c -- products of matrices of bytes: shape rules, the table of variants, and
 * the variants that fit everything.
 *
 *     MatMulInteger(a, b, a_zero_point?, b_zero_point?) -> sums in int32
 *     QLinearMatMul(a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point,
 *                   bias?) -> y, unrounded?
 *
 * a and b are uint8 or int8, each with or without a sign.  Scale and zero point of a may be one a
 * row, those of b one a column.  What ONNX does not know, and fusing adds: a bias, int32 in units
 * of a_scale * b_scale, one a column; attribute `transB`; attributes `low` and `high`, which bound
 * the result: an activation; and `unrounded`, the floats that y is rounded and bounded from, for
 * gradients to read.
 *
 * Weights that are constants are packed on CPU devices: matmul_integer_packed.c.  Device side:
 * kernels/matmul_integer.cl.  Definition: tests/ref/ref_matmul_integer.c. */
#include "ops/matmul_integer_common.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/integer_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_matmul_integer;

/* ---- what a node has ----------------------------------------------------------------------- */

static int is_integer(const kerf_node *n)
{
    return strcmp(n->op, "MatMulInteger") == 0;
}

kerf__matmul_bytes kerf__matmul_bytes_of(const kerf_node *n)
{
    static const kerf__matmul_bytes INTEGER = {0, 1, 2, 3, -1, -1, -1, -1, -1};
    static const kerf__matmul_bytes QLINEAR = {0, 3, 2, 5, 7, 1, 4, 6, 8};
    return is_integer(n) ? INTEGER : QLINEAR;
}

/* 1 if the floats behind the result are a result, too. */
static int is_unrounded(const kerf_node *n)
{
    return n->num_outputs > 1;
}

/* The node as gemm_common.h knows products: its operands alone. */
typedef struct bare_product {
    kerf_node node;
    kerf_value *inputs[2];
} bare_product;

static void strip(bare_product *p, const kerf_node *n)
{
    const kerf__matmul_bytes b = kerf__matmul_bytes_of(n);
    p->node = *n;
    p->node.inputs = p->inputs;
    p->node.num_inputs = 2;
    p->inputs[0] = n->inputs[b.a];
    p->inputs[1] = n->inputs[b.b];
}

static kerf__gemm gemm_of(const kerf_node *n)
{
    bare_product p;
    strip(&p, n);
    return kerf__gemm_of(&p.node);
}

/* ---- shapes -------------------------------------------------------------------------------- */

static kerf_status check_bias(const kerf_node *n, int i, int64_t columns)
{
    if (kerf_node_input(n, i) == NULL)
        return KERF_OK;
    KERF__TRY(kerf__node_check_type(n, i, KERF_S32));
    return kerf__node_check_shape(n, i, KERF_SHAPE(columns));
}

/* What QLinearMatMul has beyond MatMulInteger, before shapes are known. */
static kerf_status check_operands(const kerf_node *n, const kerf__matmul_bytes *b)
{
    KERF__TRY(kerf__node_check_bytes(n, b->y_zero));
    return kerf__node_check_bounds(n, n->inputs[b->y_zero]->type);
}

static kerf_status check_result(const kerf_node *n, const kerf__matmul_bytes *b, int64_t rows,
                                int64_t columns)
{
    KERF__TRY(kerf__node_check_numbers(n, b->a_scale, KERF_F32, rows));
    KERF__TRY(kerf__node_check_numbers(n, b->b_scale, KERF_F32, columns));
    KERF__TRY(kerf__node_check_numbers(n, b->y_scale, KERF_F32, KERF__ALONE));
    KERF__TRY(kerf__node_check_numbers(n, b->y_zero, n->inputs[b->y_zero]->type, KERF__ALONE));
    return check_bias(n, b->bias, columns);
}

static kerf_status infer_product(kerf_node *n, kerf_type type)
{
    const int most = is_integer(n) ? 1 : 2;
    bare_product p;
    strip(&p, n);
    if (n->num_outputs < 1 || n->num_outputs > most)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "it has %d outputs, must have 1%s",
                               n->num_outputs, most > 1 ? " or 2" : "");
    KERF__TRY(kerf__matmul_is_packed(n) ? kerf__matmul_packed_infer(n, type)
                                        : kerf__matmul_infer(&p.node, type));
    if (is_unrounded(n))
        kerf__set_output(n, 1, KERF_F32, n->outputs[0]->shape);
    return KERF_OK;
}

/* Rows that may have numbers of their own: of one product, whose batches repeat them. */
static kerf__packed_sizes sizes_of(const kerf_node *n)
{
    if (kerf__matmul_is_packed(n))
        return kerf__matmul_packed_sizes(n);
    const kerf__gemm g = gemm_of(n);
    return (kerf__packed_sizes){g.m, g.n, g.k};
}

static kerf_status infer(kerf_node *n)
{
    const kerf__matmul_bytes b = kerf__matmul_bytes_of(n);
    KERF__TRY(kerf__node_check_bytes(n, b.a));
    KERF__TRY(kerf__node_check_bytes(n, b.b));
    if (!is_integer(n))
        KERF__TRY(check_operands(n, &b));
    KERF__TRY(infer_product(n, is_integer(n) ? KERF_S32 : n->inputs[b.y_zero]->type));
    const kerf__packed_sizes s = sizes_of(n);
    KERF__TRY(kerf__node_check_numbers(n, b.a_zero, n->inputs[b.a]->type, s.m));
    KERF__TRY(kerf__node_check_numbers(n, b.b_zero, n->inputs[b.b]->type, s.n));
    if (!is_integer(n))
        KERF__TRY(check_result(n, &b, s.m, s.n));
    if (s.k <= KERF__LONGEST_SUM)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                           "the inner size is %d, must be up to %d for a sum to fit int32", s.k,
                           KERF__LONGEST_SUM);
}

static size_t batch_of(const kerf__gemm *g)
{
    return (size_t)g->num_outer * (size_t)g->num_inner;
}

static double macs(const kerf_node *n)
{
    return (double)kerf__value_elements(n->outputs[0]) * sizes_of(n).k;
}

/* ---- launches ------------------------------------------------------------------------------ */

const char *kerf__matmul_bytes_options(const kerf_node *n)
{
    return is_integer(n) ? "-DINTEGER " : is_unrounded(n) ? "-DUNROUNDED " : "";
}

int kerf__matmul_bytes_args(const kerf__op_case *c, kerf__arg *args)
{
    enum { SIGN = 0x80 };
    const kerf_node *n = c->node;
    const kerf__matmul_bytes b = kerf__matmul_bytes_of(n);
    const kerf_type y_type = n->outputs[0]->type;
    const int buffers[] = {b.a_zero, b.b_zero, b.y_zero, b.a_scale, b.b_scale, b.y_scale, b.bias};
    const int least = y_type == KERF_S8 ? INT8_MIN : 0;
    const int numbers[] = {
        kerf_node_input(n, b.a_zero) != NULL, kerf_node_input(n, b.b_zero) != NULL,
        kerf_node_input(n, b.bias) != NULL,   kerf__has_many(n, b.a_zero),
        kerf__has_many(n, b.b_zero),          kerf__has_many(n, b.a_scale),
        kerf__has_many(n, b.b_scale),         SIGN * kerf__has_sign(n, b.a),
        SIGN * kerf__has_sign(n, b.b),        SIGN * (y_type == KERF_S8),
        (int)kerf_node_int(n, "low", least),  (int)kerf_node_int(n, "high", least + UINT8_MAX)};
    int num = 0;
    args[num++] = ARG(kerf__in(c, b.a));
    args[num++] = ARG(kerf__in(c, b.b));
    args[num++] = ARG(kerf__out(c, 0));
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        args[num++] = kerf__numbers_arg(c, buffers[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        args[num++] = ARG(numbers[i]);
    if (is_unrounded(n))
        args[num++] = ARG(kerf__out(c, 1));
    return num;
}

static kerf_status emit(const kerf__op_case *c, const char *entry, int vector, kerf__grid grid)
{
    const kerf__gemm g = gemm_of(c->node);
    const int numbers[] = {g.m,         g.n,       g.k,       g.b_row,   g.b_col,
                           g.num_inner, g.a_outer, g.a_inner, g.b_outer, g.b_inner};
    kerf__arg args[KERF__MOST_MATMUL_ARGS];
    const char *form = c->option.candidate->options;
    char options[96];
    int num = kerf__matmul_bytes_args(c, args);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        args[num++] = ARG(numbers[i]);
    snprintf(options, sizeof options, "%s-DV=%d%s%s", kerf__matmul_bytes_options(c->node), vector,
             *form == '\0' ? "" : " ", form);
    return kerf__emit(c, &kerf__source_matmul_integer, entry, options, args, num, grid);
}

static int fits(const kerf__op_case *c)
{
    if (kerf__matmul_is_packed(c->node))
        return 0;
    const kerf__gemm g = gemm_of(c->node);
    return kerf__fits_31_bits(c) && kerf__loop_fits(c, g.k);
}

static kerf_status build_wide(const kerf__op_case *c)
{
    enum { ROWS = 4, COLUMNS = 16 };
    const kerf__gemm g = gemm_of(c->node);
    return emit(c, "matmul_integer_wide", COLUMNS,
                kerf__grid_wide(kerf__ceil_div((size_t)g.n, COLUMNS),
                                kerf__ceil_div((size_t)g.m, ROWS), batch_of(&g)));
}

static kerf_status build_simt(const kerf__op_case *c)
{
    enum { ITEMS = 64, TILE = 32 };
    const kerf__gemm g = gemm_of(c->node);
    return emit(c, "matmul_integer_simt", 1,
                (kerf__grid){3,
                             {kerf__ceil_div((size_t)g.n, TILE), kerf__ceil_div((size_t)g.m, TILE),
                              batch_of(&g)},
                             {ITEMS, 1, 1}});
}

/* ---- the table ----------------------------------------------------------------------------- */

#define PACKED(form, dot)                                                                          \
    {.name = "matmul_integer_" #form,                                                              \
     .wide = 1,                                                                                    \
     .fits = kerf__matmul_##form##_fits,                                                           \
     .guess = kerf__matmul_##form##_guess,                                                         \
     .build = kerf__matmul_##form##_build,                                                         \
     .candidates = kerf__matmul_packed_candidates,                                                 \
     .num_candidates = KERF__MATMUL_NUM_PACKED},

static const kerf__variant VARIANTS[] = {
    KERF__MATMUL_FORM_LIST(PACKED) /* the fastest first */
    {.name = "matmul_integer_wide", .wide = 1, .fits = fits, .build = build_wide},
    {.name = "matmul_integer_simt",
     .fits = fits,
     .build = build_simt,
     .candidates = kerf__dots_ss,
     .num_candidates = KERF__NUM_DOTS_SS,
     .takes = kerf__takes_dot_ss},
};

#define ENTRY(name, least, most)                                                                   \
    {                                                                                              \
        .op = name, .min_inputs = least, .max_inputs = most, .num_outputs = -1, .infer = infer,    \
        .macs = macs, .layouts = kerf__matmul_packed_layouts, .variants = VARIANTS,                \
        .num_variants = sizeof VARIANTS / sizeof VARIANTS[0]                                       \
    }

extern const kerf__op kerf__ops_matmul_integer[];
const kerf__op kerf__ops_matmul_integer[] = {
    ENTRY("MatMulInteger", 2, 4),
    ENTRY("QLinearMatMul", 8, 9),
    {.op = NULL},
};
