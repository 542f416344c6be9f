/* ops/matmul_codes.c -- kerf.MatMulCodes: rows of floats times weights that are numbers of a
 * codebook's entries; no float of them but the codebook ever lies in device memory.
 *
 *     kerf.MatMulCodes(a, packed, codebook (entries), bias?) -> y
 *
 * packed is what kerf__codes_pack() makes of the numbers; bits (2, 4 or 8) and columns say of what.
 * activation may be "relu".  Leading dimensions of a are rows.
 *
 * Few rows are bound by reading the weights, which are an eighth of floats at 4 bits.
 *
 * Device side: kernels/matmul_codes.cl.  Definition: tests/ref/ref_matmul_codes.c. */
#include "ops/matmul_codes_common.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "device/quirks.h"

extern const kerf__source kerf__source_matmul_codes;

/* ---- packing ------------------------------------------------------------------------------- */

kerf_status kerf__codes_pack(kerf_tensor **out, const unsigned char *codes, int64_t k, int64_t n,
                             int is_turned, int bits)
{
    const int64_t per = KERF__CODE_WORD_BITS / bits, lines = (k + per - 1) / per;
    KERF__TRY(kerf_tensor_create(out, NULL, KERF_U8, kerf__codes_shape(k, n, bits)));
    uint32_t *words = kerf_tensor_data(*out);
    for (int64_t j = 0; j < n; j++) {
        uint32_t *column =
            words + j / KERF__CODE_COLUMNS * lines * KERF__CODE_COLUMNS + j % KERF__CODE_COLUMNS;
        for (int64_t p = 0; p < k; p++)
            column[p / per * KERF__CODE_COLUMNS] |=
                (uint32_t)codes[is_turned ? j * k + p : p * n + j] << p % per * bits;
    }
    return KERF_OK;
}

/* ---- shapes -------------------------------------------------------------------------------- */

typedef struct product {
    int m, n, k, bits, entries;
} product;

/* Of a node with right shapes. */
static product product_of(const kerf_node *n)
{
    const kerf_shape a = n->inputs[0]->shape;
    return (product){.m = (int)kerf__shape_product(a, 0, a.rank - 1),
                     .n = (int)kerf_node_int(n, "columns", 0),
                     .k = (int)a.dims[a.rank - 1],
                     .bits = (int)kerf_node_int(n, "bits", 0),
                     .entries = (int)n->inputs[2]->shape.dims[0]};
}

static kerf_status check_attributes(const kerf_node *n)
{
    const int64_t bits = kerf_node_int(n, "bits", 0), columns = kerf_node_int(n, "columns", 0);
    if (bits != 2 && bits != 4 && bits != 8)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "bits is %lld, must be 2, 4 or 8",
                               (long long)bits);
    if (columns <= 0 || columns > INT32_MAX)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "columns is %lld, must be in [1, 2^31)",
                               (long long)columns);
    return KERF_OK;
}

static kerf_status check_operands(const kerf_node *n)
{
    const kerf_shape a = n->inputs[0]->shape, codebook = n->inputs[2]->shape;
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_U8));
    KERF__TRY(kerf__node_check_type(n, 2, KERF_F32));
    if (a.rank < 1 || a.dims[a.rank - 1] < 1 || kerf__value_elements(n->inputs[0]) > INT32_MAX)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "%s must have rows of at least 1 and less than 2^31 elements",
                               n->inputs[0]->name);
    if (codebook.rank != 1 || codebook.dims[0] < 1 || codebook.dims[0] > INT32_MAX)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "%s must be a list of at least 1 entry",
                               n->inputs[2]->name);
    return KERF_OK;
}

static kerf_status infer(kerf_node *n)
{
    KERF__TRY(check_attributes(n));
    KERF__TRY(check_operands(n));
    const product p = product_of(n);
    kerf_shape dst = n->inputs[0]->shape;
    KERF__TRY(kerf__node_check_shape(n, 1, kerf__codes_shape(p.k, p.n, p.bits)));
    if (kerf_node_input(n, 3) != NULL) {
        KERF__TRY(kerf__node_check_type(n, 3, KERF_F32));
        KERF__TRY(kerf__node_check_shape(n, 3, KERF_SHAPE(p.n)));
    }
    dst.dims[dst.rank - 1] = p.n;
    kerf__set_output(n, 0, KERF_F32, dst);
    return KERF_OK;
}

static double macs(const kerf_node *n)
{
    const product p = product_of(n);
    return (double)p.m * p.n * p.k;
}

/* ---- variants ------------------------------------------------------------------------------ */

enum { ROWS, PANELS, FLOATS };
#define TILE(rows, panels, floats)                                                                 \
    {                                                                                              \
#rows "x" #panels "f" #floats, "-DMR=" #rows " -DNV=" #panels " -DFLOATS=" #floats,        \
        {                                                                                          \
            rows, panels, floats                                                                   \
        }                                                                                          \
    }
static const kerf__candidate WIDE[] = {
    TILE(1, 4, 16), TILE(1, 1, 16), TILE(4, 2, 16), TILE(8, 1, 16), TILE(1, 2, 8),
    TILE(4, 1, 8),  TILE(1, 2, 1),  TILE(4, 2, 1),  TILE(8, 1, 1),
};
static const kerf__candidate SIMT[] = {TILE(1, 1, 1), TILE(4, 1, 1)};

static int fits_simt(const kerf__op_case *c)
{
    const product p = product_of(c->node);
    return kerf__fits_31_bits(c) && kerf__loop_fits(c, p.k / (KERF__CODE_WORD_BITS / p.bits));
}

/* llvmpipe, which that quirk is of, takes vectors of 16 apart and compiles this for minutes. */
static int fits_wide(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) &&
           !kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS);
}

/* The codebook in registers that hold so many floats, or in memory. */
static int takes(const kerf__op_case *c, const kerf__candidate *candidate)
{
    const product p = product_of(c->node);
    const int floats = candidate->parameters[FLOATS], room = kerf__codes_room(p.bits, p.entries);
    return floats == 1 ? room > 16 : room <= (floats == 8 ? 16 : 64);
}

static double num_tiles(const kerf__op_case *c, const product *p)
{
    const int *tile = c->option.candidate->parameters;
    return ceil((double)p->m / tile[ROWS]) *
           ceil((double)p->n / (KERF__CODE_COLUMNS * tile[PANELS]));
}

/* Cycles that it takes to make 16 numbers floats. */
static double taking_cycles(const kerf__op_case *c, const product *p)
{
    enum { FROM_MEMORY = 20, WITHOUT_PERMUTATION = 60, HALVES = 6, WHOLE = 2 };
    const int floats = c->option.candidate->parameters[FLOATS];
    const int room = kerf__codes_room(p->bits, p->entries);
    if (floats == 1)
        return FROM_MEMORY;
    if (kerf_device_get_info(c->dev)->features.vector_floats < floats)
        return WITHOUT_PERMUTATION;
    return floats == 8 ? HALVES : WHOLE * (room > 16 ? room / 16 : 1);
}

/* Cycles of one core: no step takes less than its chain of sums. */
static double guess_wide(const kerf__op_case *c)
{
    enum { CHAIN = 4 };
    const int *tile = c->option.candidate->parameters;
    const product p = product_of(c->node);
    const double units = kerf_device_get_info(c->dev)->compute_units, tiles = num_tiles(c, &p);
    const double step = tile[PANELS] * (taking_cycles(c, &p) + tile[ROWS]);
    return (tiles > units ? tiles : units) *
           ((double)p.k * (step > CHAIN ? step : CHAIN) + 20.0 * tile[ROWS] * tile[PANELS]);
}

/* As a CPU device has it: few of its items become vectors. */
static double guess_simt(const kerf__op_case *c)
{
    const int *tile = c->option.candidate->parameters;
    const product p = product_of(c->node);
    return num_tiles(c, &p) * (double)p.k * KERF__CODE_COLUMNS * (3 + tile[ROWS]);
}

/* ---- launches ------------------------------------------------------------------------------ */

static kerf_status emit(const kerf__op_case *c, const char *entry, int is_wide, kerf__grid grid)
{
    const kerf_node *n = c->node;
    const product p = product_of(n);
    const int has_bias = kerf_node_input(n, 3) != NULL;
    const int relu = strcmp(kerf_node_string(n, "activation", ""), "relu") == 0;
    char options[96];
    snprintf(options, sizeof options, "-DWIDE=%d -DBITS=%d -DROOM=%d %s", is_wide, p.bits,
             kerf__codes_room(p.bits, p.entries), c->option.candidate->options);
    return kerf__emit(c, &kerf__source_matmul_codes, entry, options,
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__in(c, 2)),
                                 ARG(has_bias ? kerf__in(c, 3) : kerf__in(c, 0)),
                                 ARG(kerf__out(c, 0)), ARG(p.m), ARG(p.n), ARG(p.k), ARG(p.entries),
                                 ARG(has_bias), ARG(relu)),
                      grid);
}

static kerf_status build_wide(const kerf__op_case *c)
{
    const int *tile = c->option.candidate->parameters;
    const product p = product_of(c->node);
    const size_t columns = KERF__CODE_COLUMNS * (size_t)tile[PANELS];
    return emit(c, "matmul_codes_wide", 1,
                kerf__grid_wide(kerf__ceil_div((size_t)p.n, columns),
                                kerf__ceil_div((size_t)p.m, (size_t)tile[ROWS]), 1));
}

static kerf_status build_simt(const kerf__op_case *c)
{
    enum { ITEMS = 64 };
    const int *tile = c->option.candidate->parameters;
    const product p = product_of(c->node);
    return emit(c, "matmul_codes_simt", 0,
                (kerf__grid){2,
                             {kerf__ceil_div((size_t)p.n, KERF__CODE_COLUMNS),
                              kerf__ceil_div((size_t)p.m, (size_t)tile[ROWS])},
                             {ITEMS, 1}});
}

/* ---- the table ----------------------------------------------------------------------------- */

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static const kerf__variant VARIANTS[] = {
    {.name = "matmul_codes_wide",
     .wide = 1,
     .fits = fits_wide,
     .guess = guess_wide,
     .build = build_wide,
     .candidates = WIDE,
     .num_candidates = LENGTH(WIDE),
     .takes = takes},
    {.name = "matmul_codes_simt",
     .fits = fits_simt,
     .guess = guess_simt,
     .build = build_simt,
     .candidates = SIMT,
     .num_candidates = LENGTH(SIMT)},
};

extern const kerf__op kerf__ops_matmul_codes[];
const kerf__op kerf__ops_matmul_codes[] = {
    {.op = "kerf.MatMulCodes",
     .min_inputs = 3,
     .max_inputs = 4,
     .num_outputs = 1,
     .infer = infer,
     .macs = macs,
     .variants = VARIANTS,
     .num_variants = LENGTH(VARIANTS)},
    {.op = NULL},
};
