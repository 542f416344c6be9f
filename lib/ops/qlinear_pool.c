/* ops/qlinear_pool.c -- means of windows of bytes, as ONNX Runtime's operators of these names have
 * them; plans make them of DequantizeLinear, AveragePool and QuantizeLinear
 * (lib/plan/fuse_integer.c).
 *
 *     com.microsoft.QLinearAveragePool(x, x_scale, x_zero_point?, y_scale, y_zero_point?) -> y
 *     com.microsoft.QLinearGlobalAveragePool(the same) -> y
 *
 * uint8 or int8 on both sides, each of its own; the attributes are AveragePool's.  `low` and `high`
 * bound the result: an activation that fusing took in.  Sums are of int32 and exact; they are
 * requantized as those of a convolution are, by x_scale / (count * y_scale).
 *
 * Device side: kernels/qlinear_pool.cl.  Definition: tests/ref/ref_qlinear_pool.c.  Of floats, and
 * maxima: pool.c. */
#include <stdint.h>
#include <string.h>

#include "base/fail.h"
#include "ops/integer_common.h"
#include "ops/layout_common.h"
#include "ops/window_common.h"

extern const kerf__source kerf__source_qlinear_pool;

enum { X, X_SCALE, X_ZERO, Y_SCALE, Y_ZERO };

typedef struct pool {
    kerf_shape src; /* as it lies in memory, lanes left out */
    size_t planes;
    int is_blocked;
    kerf__window window;
} pool;

static kerf_status read_pool(const kerf_node *n, pool *p)
{
    p->src = n->inputs[X]->shape;
    p->is_blocked = kerf__input_layout(n, X) != KERF__PLAIN;
    p->src.rank -= p->is_blocked && p->src.rank > 0;
    KERF__TRY(strcmp(n->op, "com.microsoft.QLinearGlobalAveragePool") == 0
                  ? kerf__node_global_window(n, p->src, &p->window)
                  : kerf__node_window(n, p->src, NULL, &p->window));
    p->planes = (size_t)p->src.dims[0] * (size_t)p->src.dims[1];
    return KERF_OK;
}

static pool pool_of(const kerf_node *n)
{
    pool p;
    return read_pool(n, &p) == KERF_OK ? p : (pool){.planes = 0};
}

/* ---- shapes -------------------------------------------------------------------------------- */

/* Without a zero point the result is like x. */
static kerf_type type_of(const kerf_node *n)
{
    return n->inputs[kerf_node_input(n, Y_ZERO) != NULL ? Y_ZERO : X]->type;
}

static kerf_status check_numbers(const kerf_node *n, int scale, kerf_type type)
{
    if (kerf_node_input(n, scale) == NULL)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "input %d is left out, must be there", scale);
    KERF__TRY(kerf__node_check_numbers(n, scale, KERF_F32, KERF__ALONE));
    return kerf__node_check_numbers(n, scale + 1, type, KERF__ALONE);
}

static kerf_status infer(kerf_node *n)
{
    pool p;
    KERF__TRY(kerf__node_check_bytes(n, X));
    if (kerf_node_input(n, Y_ZERO) != NULL)
        KERF__TRY(kerf__node_check_bytes(n, Y_ZERO));
    KERF__TRY(check_numbers(n, X_SCALE, n->inputs[X]->type));
    KERF__TRY(check_numbers(n, Y_SCALE, type_of(n)));
    KERF__TRY(kerf__node_check_bounds(n, type_of(n)));
    KERF__TRY(read_pool(n, &p));
    kerf_shape dst = kerf__window_dst(&p.window, p.src);
    if (p.is_blocked)
        dst.dims[dst.rank++] = KERF__LANES;
    kerf__set_output(n, 0, type_of(n), dst);
    return KERF_OK;
}

/* Where its neighbours are in blocks anyway. */
static kerf__wish wish(const kerf_node *n, kerf__layouts *out)
{
    const pool p = pool_of(n);
    if (kerf__layout_shape(KERF__C16, n->outputs[0]->shape).rank < 0 ||
        kerf__window_taps(&p.window) > KERF__MOST_ITERATIONS)
        return KERF__STAYS;
    out->inputs[X] = out->outputs[0] = KERF__C16;
    return KERF__FOLLOWS;
}

/* ---- launches ------------------------------------------------------------------------------ */

/* Sums of so few bytes fit int32, and floats, too. */
static int fits(const kerf__op_case *c)
{
    const pool p = pool_of(c->node);
    return kerf__fits_31_bits(c) && kerf__window_taps(&p.window) <= KERF__MOST_ITERATIONS;
}

static int fits_blocked(const kerf__op_case *c)
{
    return fits(c) && pool_of(c->node).is_blocked;
}

static int fits_items(const kerf__op_case *c)
{
    return fits(c) && !pool_of(c->node).is_blocked;
}

static size_t num_results(const pool *p)
{
    size_t num = p->planes;
    for (int i = 0; i < KERF__SPATIAL; i++)
        num *= (size_t)p->window.axes[i].dst;
    return num;
}

/* Of `num` results an item, in vectors as `options` say. */
static kerf_status emit(const kerf__op_case *c, const pool *p, size_t num, const char *options,
                        kerf__grid grid)
{
    enum { SIGN = 0x80, NUM_BUFFERS = 5 };
    const kerf_node *n = c->node;
    const int has_sign = type_of(n) == KERF_S8, least = has_sign ? INT8_MIN : 0;
    kerf__arg args[48];
    int at = 0;
    for (int i = 0; i < NUM_BUFFERS; i++)
        args[at++] = kerf__numbers_arg(c, i);
    args[at++] = ARG(kerf__out(c, 0));
    args[at++] = ARG((int)(kerf_node_input(n, X_ZERO) != NULL));
    args[at++] = ARG((int)(kerf_node_input(n, Y_ZERO) != NULL));
    args[at++] = ARG(SIGN * kerf__has_sign(n, X));
    args[at++] = ARG(SIGN * has_sign);
    args[at++] = ARG((int)kerf_node_int(n, "low", least));
    args[at++] = ARG((int)kerf_node_int(n, "high", least + UINT8_MAX));
    args[at++] = ARG((unsigned)(kerf_node_int(n, "count_include_pad", 0) != 0));
    args[at++] = ARG((unsigned)p->planes);
    args[at++] = ARG((unsigned)num);
    return kerf__emit(c, &kerf__source_qlinear_pool, "qlinear_pool", options, args,
                      kerf__window_args(&p->window, KERF__SPATIAL, args, at), grid);
}

static kerf_status build_blocked(const kerf__op_case *c)
{
    enum { WORTH_AN_ITEM = 1024 }; /* taps */
    const pool p = pool_of(c->node);
    const size_t taps = kerf__window_taps(&p.window) + 1, all = num_results(&p);
    const size_t num = kerf__pieces_an_item(c, all, taps, WORTH_AN_ITEM / taps + 1);
    return emit(c, &p, num, "-DV=16", kerf__grid_wide(kerf__ceil_div(all, num), 1, 1));
}

static kerf_status build_items(const kerf__op_case *c)
{
    const pool p = pool_of(c->node);
    return emit(c, &p, 1, "-DV=1", kerf__grid_items(num_results(&p)));
}

static const kerf__variant VARIANTS[] = {
    {.name = "qlinear_pool_blocked", .wide = 1, .fits = fits_blocked, .build = build_blocked},
    {.name = "qlinear_pool_items", .fits = fits_items, .build = build_items},
};

#define ENTRY(name)                                                                                \
    {                                                                                              \
        .op = (name), .min_inputs = 2, .max_inputs = 5, .num_outputs = 1, .infer = infer,          \
        .layouts = wish, .variants = VARIANTS,                                                     \
        .num_variants = sizeof VARIANTS / sizeof VARIANTS[0]                                       \
    }

extern const kerf__op kerf__ops_qlinear_pool[];
const kerf__op kerf__ops_qlinear_pool[] = {
    ENTRY("com.microsoft.QLinearAveragePool"),
    ENTRY("com.microsoft.QLinearGlobalAveragePool"),
    {.op = NULL},
};
