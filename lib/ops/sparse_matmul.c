/* ops/sparse_matmul.c -- products with a matrix of few non-zeros.
 *
 *     kerf.SparseMatMul(src (K, B), values (capacity), starts (N + 1), offsets (capacity), bias
 * (N))
 *         -> dst (N, B), dst = act(W src + bias); the bias may be left out; activation relu or none
 *     kerf.SparseMatMulGrad(diff (N, B), src (K, B), starts, offsets)
 *         -> diff_values (capacity): of the non-zeros alone, 0 behind the last
 *
 * B are samples; they lie innermost, so that a non-zero meets a row of them.  The gradient of src
 * is the same product with the transposed pattern.  Patterns: ops/sparse_pattern.c; what they hold
 * is data, so rows that are empty, and all of them, are nothing particular.
 *
 * Device side: kernels/sparse_matmul.cl.  Definition: tests/ref/ref_sparse_matmul.c. */
#include <limits.h>
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_sparse_matmul;

enum { V = 16, GROUP = 64 }; /* as in the kernel */

/* ---- shapes ---------------------------------------------------------------------------------- */

static kerf_status check_matrix(const kerf_node *n, int input)
{
    const kerf_value *v = n->inputs[input];
    char text[128];
    KERF__TRY(kerf__node_check_type(n, input, KERF_F32));
    if (v->shape.rank != 2 || kerf__value_elements(v) < 1)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "input %s is %s, must be a matrix of features by samples", v->name,
                               kerf_shape_text(v->shape, text, sizeof text));
    return KERF_OK;
}

/* starts and offsets from input `first` on. */
static kerf_status check_pattern(const kerf_node *n, int first)
{
    for (int i = first; i < first + 2; i++) {
        KERF__TRY(kerf__node_check_type(n, i, KERF_S32));
        if (n->inputs[i]->shape.rank != 1 || n->inputs[i]->shape.dims[0] < 1)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "input %s must be a list, of a pattern",
                                   n->inputs[i]->name);
    }
    return KERF_OK;
}

static kerf_status infer_product(kerf_node *n)
{
    KERF__TRY(check_matrix(n, 0));
    KERF__TRY(check_pattern(n, 2));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_F32));
    KERF__TRY(kerf__node_check_shape(n, 1, n->inputs[3]->shape));
    const int64_t rows = n->inputs[2]->shape.dims[0] - 1;
    if (n->num_inputs > 4) {
        KERF__TRY(kerf__node_check_type(n, 4, KERF_F32));
        KERF__TRY(kerf__node_check_shape(n, 4, KERF_SHAPE(rows)));
    }
    kerf__set_output(n, 0, KERF_F32, KERF_SHAPE(rows, n->inputs[0]->shape.dims[1]));
    return KERF_OK;
}

static kerf_status infer_gradient(kerf_node *n)
{
    KERF__TRY(check_matrix(n, 0));
    KERF__TRY(check_matrix(n, 1));
    KERF__TRY(check_pattern(n, 2));
    const int64_t batch = n->inputs[0]->shape.dims[1];
    KERF__TRY(kerf__node_check_shape(n, 1, KERF_SHAPE(n->inputs[1]->shape.dims[0], batch)));
    KERF__TRY(kerf__node_check_shape(n, 2, KERF_SHAPE(n->inputs[0]->shape.dims[0] + 1)));
    kerf__set_output(n, 0, KERF_F32, n->inputs[3]->shape);
    return KERF_OK;
}

/* ---- what the kernels see -------------------------------------------------------------------- */

static int is_product(const kerf_node *n)
{
    return strcmp(n->op, "kerf.SparseMatMul") == 0;
}

static int batch_of(const kerf_node *n)
{
    return (int)n->inputs[0]->shape.dims[1];
}

static int num_rows(const kerf_node *n)
{
    return (int)n->inputs[2]->shape.dims[0] - 1;
}

/* Entries that a row may have. */
static int row_length(const kerf_node *n)
{
    return (int)n->inputs[is_product(n) ? 0 : 1]->shape.dims[0];
}

static int capacity_of(const kerf_node *n)
{
    return (int)n->inputs[3]->shape.dims[0];
}

/* Entries are spread over the rows as nobody knows, but evenly is a good guess. */
static double macs(const kerf_node *n)
{
    return (double)capacity_of(n) * batch_of(n);
}

static int fits(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const double turns = (double)row_length(n) * batch_of(n) / (is_product(n) ? 1 : V);
    const int few = is_product(n) ? (batch_of(n) < V ? batch_of(n) : 1) : 1;
    return kerf__fits_31_bits(c) && num_rows(n) > 0 && turns < INT_MAX &&
           kerf__loop_fits(c, is_product(n) ? row_length(n) * few : (int)turns);
}

static size_t rows_an_item(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const size_t entries = (size_t)row_length(n);
    return kerf__pieces_an_item(c, (size_t)num_rows(n),
                                is_product(n) ? entries : entries * (size_t)batch_of(n) / V, 1);
}

/* ---- launches -------------------------------------------------------------------------------- */

/* Rows are left and samples right of it; both styles begin alike. */
static int product_args(const kerf__op_case *c, int with_rows, kerf__arg *args)
{
    const kerf_node *n = c->node;
    const int has_bias = n->num_inputs > 4;
    const int relu = strcmp(kerf_node_string(n, "activation", ""), "relu") == 0;
    int num = 0;
    for (int i = 0; i < 4; i++)
        args[num++] = ARG(kerf__in(c, i));
    args[num++] = ARG(has_bias ? kerf__in(c, 4) : kerf__in(c, 1)); /* is not read */
    args[num++] = ARG(kerf__out(c, 0));
    if (with_rows)
        args[num++] = ARG(num_rows(n));
    args[num++] = ARG(batch_of(n));
    args[num++] = ARG(has_bias);
    args[num++] = ARG(relu);
    return num;
}

static int vectors_of(const kerf__op_case *c)
{
    return c->option.candidate->parameters[0];
}

static kerf_status emit(const kerf__op_case *c, const char *entry, const kerf__arg *args, int num,
                        kerf__grid grid)
{
    return kerf__emit(c, &kerf__source_sparse_matmul, entry, c->option.candidate->options, args,
                      num, grid);
}

static kerf_status build_product(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const size_t batch = (size_t)batch_of(n), rows = rows_an_item(c);
    const size_t items = kerf__ceil_div((size_t)num_rows(n), rows);
    kerf__arg args[16];
    int num = product_args(c, kerf__is_wide(c), args);
    if (!kerf__is_wide(c))
        return emit(
            c, "sparse_matmul_simt", args, num,
            (kerf__grid){2, {kerf__ceil_div(batch, GROUP), (size_t)num_rows(n), 1}, {GROUP, 1, 1}});
    args[num++] = ARG((int)rows);
    if (batch < V)
        return emit(c, "sparse_matmul_few", args, num, kerf__grid_wide(items, 1, 1));
    return emit(c, "sparse_matmul_wide", args, num,
                kerf__grid_wide(items, kerf__ceil_div(batch, (size_t)(V * vectors_of(c))), 1));
}

static kerf_status build_gradient(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const size_t rows = rows_an_item(c);
    kerf__arg args[16];
    int num = 0;
    for (int i = 0; i < 4; i++)
        args[num++] = ARG(kerf__in(c, i));
    args[num++] = ARG(kerf__out(c, 0));
    args[num++] = ARG(num_rows(n));
    args[num++] = ARG(batch_of(n));
    args[num++] = ARG(capacity_of(n));
    if (!kerf__is_wide(c))
        return emit(c, "sparse_grad_simt", args, num,
                    kerf__grid_items((size_t)num_rows(n) * GROUP));
    args[num++] = ARG((int)rows);
    return emit(c, "sparse_grad_wide", args, num,
                kerf__grid_wide(kerf__ceil_div((size_t)num_rows(n), rows), 1, 1));
}

static kerf_status build(const kerf__op_case *c)
{
    return is_product(c->node) ? build_product(c) : build_gradient(c);
}

/* Vectors of samples in registers: as many as there are, so that a non-zero is fetched least often;
 * eight hide the latency of a multiply-add. */
static const kerf__candidate VECTORS[] = {
    {"8", "-DNV=8", {8}}, {"4", "-DNV=4", {4}}, {"2", "-DNV=2", {2}}, {"1", "-DNV=1", {1}}};

static int takes(const kerf__op_case *c, const kerf__candidate *candidate)
{
    const int most = batch_of(c->node) / V, vectors = candidate->parameters[0];
    return vectors == 1 || (is_product(c->node) && vectors <= most);
}

static double guess(const kerf__op_case *c)
{
    return kerf__is_wide(c) ? 1.0 / vectors_of(c) : 2.0;
}

static const kerf__variant VARIANTS[] = {
    {.name = "sparse_matmul_wide",
     .wide = 1,
     .fits = fits,
     .guess = guess,
     .build = build,
     .candidates = VECTORS,
     .num_candidates = sizeof VECTORS / sizeof VECTORS[0],
     .takes = takes},
    {.name = "sparse_matmul_simt",
     .fits = fits,
     .guess = guess,
     .build = build,
     .candidates = VECTORS + 3,
     .num_candidates = 1},
};

#define ENTRY(name, least, most, rule)                                                             \
    {                                                                                              \
        .op = (name), .min_inputs = (least), .max_inputs = (most), .num_outputs = 1,               \
        .infer = (rule), .macs = macs, .variants = VARIANTS, .num_variants = 2                     \
    }

extern const kerf__op kerf__ops_sparse_matmul[];
const kerf__op kerf__ops_sparse_matmul[] = {
    ENTRY("kerf.SparseMatMul", 4, 5, infer_product),
    ENTRY("kerf.SparseMatMulGrad", 4, 4, infer_gradient),
    {.op = NULL},
};
