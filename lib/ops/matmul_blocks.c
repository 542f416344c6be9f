/* ops/matmul_blocks.c -- kerf.MatMulBlocks: rows of floats times weights of 2, 4 or 8 bits, which
 * become floats in registers: shape rule, variants, launches, and the table of both operations.
 *
 *     kerf.MatMulBlocks(a, packed, bias?) -> y
 *
 * packed is what kerf.PackBlocks (matmul_blocks_pack.c) makes of them, and attributes say of what:
 * bits, columns, block_size (0: one block), zero: the zero point of all where blocks hold none, in
 * integers without a sign.  activation may be "relu".  Leading dimensions of a are rows.
 *
 * Few rows are bound by reading the weights, so they take as much less time as they have fewer
 * bits.  Of many rows lib/plan/fuse_blocks.c makes no such product.
 *
 * Device side: kernels/matmul_blocks.cl.  Definition: tests/ref/ref_matmul_blocks.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "device/quirks.h"
#include "ops/gemm_common.h"
#include "ops/matmul_blocks_common.h"

extern const kerf__source kerf__source_matmul_blocks;

/* ---- shapes -------------------------------------------------------------------------------- */

typedef struct product {
    kerf__blocks b;
    int m;
} product;

/* Of a node with right shapes. */
static product product_of(const kerf_node *n)
{
    const kerf_shape a = n->inputs[0]->shape;
    const int k = (int)a.dims[a.rank - 1], size = (int)kerf_node_int(n, "block_size", 0);
    product p = {{.k = k,
                  .n = (int)kerf_node_int(n, "columns", 0),
                  .bits = (int)kerf_node_int(n, "bits", 0),
                  .size = size > 0 ? size : k},
                 (int)kerf__shape_product(a, 0, a.rank - 1)};
    p.b.has_zero =
        n->inputs[1]->shape.dims[2] > (int64_t)kerf__blocks_rows(&p.b) * KERF__BLOCK_COLUMNS * 4;
    return p;
}

static kerf_status check_attributes(const kerf_node *n)
{
    const int64_t bits = kerf_node_int(n, "bits", 0), size = kerf_node_int(n, "block_size", 0);
    const int64_t columns = kerf_node_int(n, "columns", 0);
    if (bits != 2 && bits != 4 && bits != 8)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "bits is %lld, must be 2, 4 or 8",
                               (long long)bits);
    if (columns <= 0 || columns > INT32_MAX)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "columns is %lld, must be in [1, 2^31)",
                               (long long)columns);
    if (kerf__blocks_hold_words((int)bits, size) && size <= INT32_MAX)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                           "block_size is %lld, must be a multiple of %d, for words of 32 bits",
                           (long long)size, KERF__WORD_BITS / (int)bits);
}

static kerf_status check_operands(const kerf_node *n)
{
    const kerf_shape a = n->inputs[0]->shape;
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_U8));
    if (a.rank < 1 || a.dims[a.rank - 1] < 1 || kerf__value_elements(n->inputs[0]) > INT32_MAX)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "%s must have rows of at least 1 and less than 2^31 elements",
                               n->inputs[0]->name);
    if (n->inputs[1]->shape.rank != 3)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "%s has %d dimensions, must have 3",
                               n->inputs[1]->name, n->inputs[1]->shape.rank);
    return KERF_OK;
}

static kerf_status infer(kerf_node *n)
{
    KERF__TRY(check_attributes(n));
    KERF__TRY(check_operands(n));
    const product p = product_of(n);
    kerf_shape dst = n->inputs[0]->shape;
    KERF__TRY(kerf__node_check_shape(n, 1, kerf__blocks_shape(&p.b)));
    if (kerf_node_input(n, 2) != NULL) {
        KERF__TRY(kerf__node_check_type(n, 2, KERF_F32));
        KERF__TRY(kerf__node_check_shape(n, 2, KERF_SHAPE(p.b.n)));
    }
    dst.dims[dst.rank - 1] = p.b.n;
    kerf__set_output(n, 0, KERF_F32, dst);
    return KERF_OK;
}

static double macs(const kerf_node *n)
{
    const product p = product_of(n);
    return (double)p.m * p.b.n * p.b.k;
}

/* ---- variants ------------------------------------------------------------------------------ */

enum { ROWS, PANELS };
#define TILE(rows, panels)                                                                         \
    {                                                                                              \
#rows "x" #panels, "-DMR=" #rows " -DNV=" #panels,                                         \
        {                                                                                          \
            rows, panels                                                                           \
        }                                                                                          \
    }
static const kerf__candidate ROW[] = {TILE(1, 8), TILE(1, 4), TILE(1, 1)};
static const kerf__candidate WIDE[] = {TILE(4, 2), TILE(8, 1)};
static const kerf__candidate SIMT[] = {TILE(1, 1), TILE(4, 1)};

static int fits_simt(const kerf__op_case *c)
{
    const product p = product_of(c->node);
    return kerf__fits_31_bits(c) && kerf__loop_fits(c, p.b.k / (KERF__WORD_BITS / p.b.bits));
}

/* llvmpipe, which that quirk is of, takes vectors of 16 apart and compiles this for minutes. */
static int fits_wide(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) &&
           !kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS);
}

/* How many tiles there are. */
static double num_tiles(const kerf__op_case *c, const product *p)
{
    const int *tile = c->option.candidate->parameters;
    return ceil((double)p->m / tile[ROWS]) *
           ceil((double)p->b.n / (KERF__BLOCK_COLUMNS * tile[PANELS]));
}

/* Cycles of one core: of each vector of weights a mask and a conversion or difference, then a
 * multiply-add a row; no step takes less than its chain of sums. */
static double guess_wide(const kerf__op_case *c)
{
    enum { CHAIN = 4 };
    const int *tile = c->option.candidate->parameters;
    const product p = product_of(c->node);
    const double units = kerf_device_get_info(c->dev)->compute_units, tiles = num_tiles(c, &p);
    const double step = tile[PANELS] * (1.5 + tile[ROWS]);
    return (tiles > units ? tiles : units) *
           ((double)p.b.k * (step > CHAIN ? step : CHAIN) + 20.0 * tile[ROWS] * tile[PANELS]);
}

/* As a CPU device has it: few of its items become vectors. */
static double guess_simt(const kerf__op_case *c)
{
    const int *tile = c->option.candidate->parameters;
    const product p = product_of(c->node);
    return num_tiles(c, &p) * (double)p.b.k * KERF__BLOCK_COLUMNS * (3 + tile[ROWS]);
}

/* ---- launches ------------------------------------------------------------------------------ */

static kerf_status emit(const kerf__op_case *c, const char *entry, int is_wide, kerf__grid grid)
{
    const kerf_node *n = c->node;
    const product p = product_of(n);
    const int has_bias = kerf_node_input(n, 2) != NULL;
    const int relu = strcmp(kerf_node_string(n, "activation", ""), "relu") == 0;
    char options[96];
    snprintf(options, sizeof options, "-DWIDE=%d -DBITS=%d -DHAS_ZERO=%d %s", is_wide, p.b.bits,
             p.b.has_zero, c->option.candidate->options);
    return kerf__emit(c, &kerf__source_matmul_blocks, entry, options,
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)),
                                 ARG(has_bias ? kerf__in(c, 2) : kerf__in(c, 0)),
                                 ARG(kerf__out(c, 0)), ARG(p.m), ARG(p.b.n), ARG(p.b.k),
                                 ARG(p.b.size), ARG(has_bias), ARG(relu),
                                 ARG((float)kerf_node_int(n, "zero", 0))),
                      grid);
}

static kerf_status build_wide(const kerf__op_case *c)
{
    const int *tile = c->option.candidate->parameters;
    const product p = product_of(c->node);
    const size_t columns = KERF__BLOCK_COLUMNS * (size_t)tile[PANELS];
    return emit(c, tile[ROWS] == 1 ? "matmul_blocks_row" : "matmul_blocks_wide", 1,
                kerf__grid_wide(kerf__ceil_div((size_t)p.b.n, columns),
                                kerf__ceil_div((size_t)p.m, (size_t)tile[ROWS]), 1));
}

static kerf_status build_simt(const kerf__op_case *c)
{
    enum { ITEMS = 64 };
    const int *tile = c->option.candidate->parameters;
    const product p = product_of(c->node);
    return emit(c, "matmul_blocks_simt", 0,
                (kerf__grid){2,
                             {kerf__ceil_div((size_t)p.b.n, KERF__BLOCK_COLUMNS),
                              kerf__ceil_div((size_t)p.m, (size_t)tile[ROWS])},
                             {ITEMS, 1}});
}

/* ---- the table ----------------------------------------------------------------------------- */

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static const kerf__variant VARIANTS[] = {
    {.name = "matmul_blocks_row",
     .wide = 1,
     .fits = fits_wide,
     .guess = guess_wide,
     .build = build_wide,
     .candidates = ROW,
     .num_candidates = LENGTH(ROW)},
    {.name = "matmul_blocks_wide",
     .wide = 1,
     .fits = fits_wide,
     .guess = guess_wide,
     .build = build_wide,
     .candidates = WIDE,
     .num_candidates = LENGTH(WIDE)},
    {.name = "matmul_blocks_simt",
     .fits = fits_simt,
     .guess = guess_simt,
     .build = build_simt,
     .candidates = SIMT,
     .num_candidates = LENGTH(SIMT)},
};

static const kerf__variant PACK_VARIANTS[] = {
    {.name = "pack_blocks", .fits = kerf__pack_blocks_fits, .build = kerf__pack_blocks_build},
};

extern const kerf__op kerf__ops_matmul_blocks[];
const kerf__op kerf__ops_matmul_blocks[] = {
    {.op = "kerf.MatMulBlocks",
     .min_inputs = 2,
     .max_inputs = 3,
     .num_outputs = 1,
     .infer = infer,
     .macs = macs,
     .variants = VARIANTS,
     .num_variants = LENGTH(VARIANTS)},
    {.op = "kerf.PackBlocks",
     .min_inputs = 2,
     .max_inputs = 3,
     .num_outputs = 1,
     .infer = kerf__pack_blocks_infer,
     .variants = PACK_VARIANTS,
     .num_variants = LENGTH(PACK_VARIANTS)},
    {.op = NULL},
};
