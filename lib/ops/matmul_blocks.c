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
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/matmul_blocks_common.h"

extern const kerf__source kerf__source_matmul_blocks;

/* ---- shapes -------------------------------------------------------------------------------- */

/* Of a node with right shapes. */
static kerf__blocks blocks_of(const kerf_node *n)
{
    const kerf__panels p = kerf__panels_of(n);
    const int size = (int)kerf_node_int(n, "block_size", 0);
    kerf__blocks b = {.k = p.k, .n = p.n, .bits = p.bits, .size = size > 0 ? size : p.k};
    b.has_zero =
        n->inputs[1]->shape.dims[2] > (int64_t)kerf__blocks_rows(&b) * KERF__PANEL_COLUMNS * 4;
    return b;
}

static kerf_status check_blocks(const kerf_node *n)
{
    const int bits = (int)kerf_node_int(n, "bits", 0);
    const int64_t size = kerf_node_int(n, "block_size", 0);
    if (!kerf__blocks_hold_words(bits, size) || size > INT32_MAX)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "block_size is %lld, must be a multiple of %d, for words of 32 bits",
                               (long long)size, KERF__PANEL_WORD_BITS / bits);
    if (n->inputs[1]->shape.rank != 3)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "%s has %d dimensions, must have 3",
                               n->inputs[1]->name, n->inputs[1]->shape.rank);
    return KERF_OK;
}

static kerf_status infer(kerf_node *n)
{
    KERF__TRY(kerf__panels_check(n));
    KERF__TRY(check_blocks(n));
    const kerf__blocks b = blocks_of(n);
    KERF__TRY(kerf__node_check_shape(n, 1, kerf__blocks_shape(&b)));
    return kerf__panels_set_output(n, 2);
}

/* ---- variants ------------------------------------------------------------------------------ */

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

/* Of each vector of weights a mask and a conversion or difference. */
static double guess_wide(const kerf__op_case *c)
{
    return kerf__panels_guess_wide(c, 1.5);
}

/* ---- launches ------------------------------------------------------------------------------ */

static kerf_status emit(const kerf__op_case *c, const char *entry, int is_wide, kerf__grid grid)
{
    const kerf_node *n = c->node;
    const kerf__panels p = kerf__panels_of(n);
    const kerf__blocks b = blocks_of(n);
    const int has_bias = kerf_node_input(n, 2) != NULL;
    const int relu = strcmp(kerf_node_string(n, "activation", ""), "relu") == 0;
    char options[96];
    snprintf(options, sizeof options, "-DWIDE=%d -DBITS=%d -DHAS_ZERO=%d %s", is_wide, p.bits,
             b.has_zero, c->option.candidate->options);
    return kerf__emit(c, &kerf__source_matmul_blocks, entry, options,
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)),
                                 ARG(has_bias ? kerf__in(c, 2) : kerf__in(c, 0)),
                                 ARG(kerf__out(c, 0)), ARG(p.m), ARG(p.n), ARG(p.k), ARG(b.size),
                                 ARG(has_bias), ARG(relu), ARG((float)kerf_node_int(n, "zero", 0))),
                      grid);
}

static kerf_status build_wide(const kerf__op_case *c)
{
    const int rows = c->option.candidate->parameters[KERF__PANEL_ROWS];
    return emit(c, rows == 1 ? "matmul_blocks_row" : "matmul_blocks_wide", 1,
                kerf__panels_grid_wide(c));
}

static kerf_status build_simt(const kerf__op_case *c)
{
    return emit(c, "matmul_blocks_simt", 0, kerf__panels_grid_simt(c));
}

/* ---- the table ----------------------------------------------------------------------------- */

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static const kerf__variant VARIANTS[] = {
    {.name = "matmul_blocks_row",
     .wide = 1,
     .fits = kerf__panels_fit_wide,
     .guess = guess_wide,
     .build = build_wide,
     .candidates = ROW,
     .num_candidates = LENGTH(ROW)},
    {.name = "matmul_blocks_wide",
     .wide = 1,
     .fits = kerf__panels_fit_wide,
     .guess = guess_wide,
     .build = build_wide,
     .candidates = WIDE,
     .num_candidates = LENGTH(WIDE)},
    {.name = "matmul_blocks_simt",
     .fits = kerf__panels_fit_simt,
     .guess = kerf__panels_guess_simt,
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
     .macs = kerf__panels_macs,
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
