/* ops/matmul_integer.c -- MatMulInteger: products of matrices of bytes, summed in int32.
 *
 * Device side: kernels/matmul_integer.cl.  Definition: tests/ref/ref_matmul_integer.c. */
#include <stdio.h>

#include "base/fail.h"
#include "ops/gemm_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_matmul_integer;

enum { A, B, A_ZERO, B_ZERO };

/* Every product is below 255 * 255: a longer sum might leave int32. */
enum { LONGEST = INT32_MAX / (255 * 255) };

static const kerf_value *input_of(const kerf_node *n, int i)
{
    return i < n->num_inputs ? n->inputs[i] : NULL;
}

/* ---- shapes -------------------------------------------------------------------------------- */

/* One number, or one a row of A or a column of B. */
static kerf_status check_zero(const kerf_node *n, int i, int operand, int size)
{
    const kerf_value *zero = input_of(n, i);
    if (zero == NULL)
        return KERF_OK;
    KERF__TRY(kerf__node_check_type(n, i, n->inputs[operand]->type));
    if (kerf__value_elements(zero) == 1)
        return KERF_OK;
    return kerf__node_check_shape(n, i, KERF_SHAPE(size));
}

static kerf_status infer(kerf_node *n)
{
    KERF__TRY(kerf__node_check_bytes(n, A));
    KERF__TRY(kerf__node_check_bytes(n, B));
    KERF__TRY(kerf__matmul_infer(n, KERF_S32));
    const kerf__gemm g = kerf__gemm_of(n);
    KERF__TRY(check_zero(n, A_ZERO, A, g.m));
    KERF__TRY(check_zero(n, B_ZERO, B, g.n));
    if (g.k <= LONGEST)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                           "the inner size is %d, must be up to %d for a sum to fit int32", g.k,
                           LONGEST);
}

static double macs(const kerf_node *n)
{
    const kerf__gemm g = kerf__gemm_of(n);
    return (double)g.num_outer * g.num_inner * (double)g.m * g.n * g.k;
}

/* ---- launches ------------------------------------------------------------------------------ */

static int is_unsigned(const kerf_node *n, int i)
{
    return n->inputs[i]->type == KERF_U8;
}

/* A zero point that is left out is the operand itself, which is never read as one. */
static int zero_args(const kerf__op_case *c, kerf__arg *args)
{
    const kerf_node *n = c->node;
    for (int i = 0; i < 2; i++)
        args[i] = ARG(kerf__in(c, input_of(n, A_ZERO + i) != NULL ? A_ZERO + i : A + i));
    return 2;
}

static int step_args(const kerf_node *n, kerf__arg *args)
{
    int num = 0;
    for (int i = A_ZERO; i <= B_ZERO; i++) {
        const kerf_value *zero = input_of(n, i);
        args[num++] = ARG(zero != NULL ? 1 : 0);
        args[num++] = ARG(zero != NULL && kerf__value_elements(zero) > 1 ? 1 : 0);
    }
    return num;
}

static kerf_status emit(const kerf__op_case *c, const char *entry, const char *style,
                        kerf__grid grid)
{
    enum { MOST_ARGUMENTS = 20 };
    static const char *const TYPES[] = {"char", "uchar"};
    const kerf_node *n = c->node;
    const kerf__gemm g = kerf__gemm_of(n);
    const int unsigned_a = is_unsigned(n, A), unsigned_b = is_unsigned(n, B);
    const int numbers[] = {g.m, g.n, g.k, g.num_inner, g.a_outer, g.a_inner, g.b_outer, g.b_inner};
    kerf__arg args[MOST_ARGUMENTS] = {ARG(kerf__in(c, A)), ARG(kerf__in(c, B))};
    char options[96];
    int num = 2;
    num += zero_args(c, args + num);
    args[num++] = ARG(kerf__out(c, 0));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        args[num++] = ARG(numbers[i]);
    num += step_args(n, args + num);
    snprintf(options, sizeof options, "-DA=%s -DB=%s -DA_UNSIGN=%d -DB_UNSIGN=%d%s",
             TYPES[unsigned_a], TYPES[unsigned_b], 128 * unsigned_a, 128 * unsigned_b, style);
    return kerf__emit(c, &kerf__source_matmul_integer, entry, options, args, num, grid);
}

static size_t batch_of(const kerf__gemm *g)
{
    return (size_t)g->num_outer * (size_t)g->num_inner;
}

static int fits(const kerf__op_case *c)
{
    const kerf__gemm g = kerf__gemm_of(c->node);
    return kerf__fits_31_bits(c) && kerf__gemm_loop_fits(c, g.k);
}

static kerf_status build_wide(const kerf__op_case *c)
{
    enum { ROWS = 4, COLUMNS = 16 };
    const kerf__gemm g = kerf__gemm_of(c->node);
    return emit(c, "matmul_integer_wide", " -DWIDE",
                kerf__grid_wide(kerf__ceil_div((size_t)g.n, COLUMNS),
                                kerf__ceil_div((size_t)g.m, ROWS), batch_of(&g)));
}

static kerf_status build_simt(const kerf__op_case *c)
{
    enum { ITEMS = 64, TILE = 32 };
    const kerf__gemm g = kerf__gemm_of(c->node);
    return emit(c, "matmul_integer_simt", "",
                (kerf__grid){3,
                             {kerf__ceil_div((size_t)g.n, TILE), kerf__ceil_div((size_t)g.m, TILE),
                              batch_of(&g)},
                             {ITEMS, 1, 1}});
}

static const kerf__variant VARIANTS[] = {
    {.name = "matmul_integer_wide", .wide = 1, .fits = fits, .build = build_wide},
    {.name = "matmul_integer_simt", .fits = fits, .build = build_simt},
};

extern const kerf__op kerf__ops_matmul_integer[];
const kerf__op kerf__ops_matmul_integer[] = {
    {.op = "MatMulInteger",
     .min_inputs = 2,
     .max_inputs = 4,
     .num_outputs = 1,
     .infer = infer,
     .macs = macs,
     .variants = VARIANTS,
     .num_variants = sizeof VARIANTS / sizeof VARIANTS[0]},
    {.op = NULL},
};
