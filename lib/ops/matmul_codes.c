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

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "device/quirks.h"

extern const kerf__source kerf__source_matmul_codes;

/* ---- packing ------------------------------------------------------------------------------- */

kerf_status kerf__codes_pack(kerf_tensor **out, const unsigned char *codes, int64_t k, int64_t n,
                             int is_turned, int bits)
{
    const int64_t per = KERF__PANEL_WORD_BITS / bits, lines = (k + per - 1) / per;
    KERF__TRY(kerf_tensor_create(out, NULL, KERF_U8, kerf__codes_shape(k, n, bits)));
    uint32_t *words = kerf_tensor_data(*out);
    for (int64_t j = 0; j < n; j++) {
        uint32_t *column =
            words + j / KERF__PANEL_COLUMNS * lines * KERF__PANEL_COLUMNS + j % KERF__PANEL_COLUMNS;
        for (int64_t p = 0; p < k; p++)
            column[p / per * KERF__PANEL_COLUMNS] |=
                (uint32_t)codes[is_turned ? j * k + p : p * n + j] << p % per * bits;
    }
    return KERF_OK;
}

/* ---- shapes -------------------------------------------------------------------------------- */

static int entries_of(const kerf_node *n)
{
    return (int)n->inputs[2]->shape.dims[0];
}

/* Values of the codebook that there is room for. */
static int room_of(const kerf_node *n)
{
    return kerf__codes_room(kerf__panels_of(n).bits, entries_of(n));
}

static kerf_status check_codebook(const kerf_node *n)
{
    const kerf_shape codebook = n->inputs[2]->shape;
    KERF__TRY(kerf__node_check_type(n, 2, KERF_F32));
    if (codebook.rank != 1 || codebook.dims[0] < 1 || codebook.dims[0] > INT32_MAX)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "%s must be a list of at least 1 entry",
                               n->inputs[2]->name);
    return KERF_OK;
}

static kerf_status infer(kerf_node *n)
{
    KERF__TRY(kerf__panels_check(n));
    KERF__TRY(check_codebook(n));
    const kerf__panels p = kerf__panels_of(n);
    KERF__TRY(kerf__node_check_shape(n, 1, kerf__codes_shape(p.k, p.n, p.bits)));
    return kerf__panels_set_output(n, 3);
}

/* ---- variants ------------------------------------------------------------------------------ */

enum { FLOATS = KERF__PANEL_PANELS + 1 };
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

/* The codebook in registers that hold so many floats, or in memory. */
static int takes(const kerf__op_case *c, const kerf__candidate *candidate)
{
    const int floats = candidate->parameters[FLOATS], room = room_of(c->node);
    return floats == 1 ? room > 16 : room <= (floats == 8 ? 16 : 64);
}

/* Cycles that it takes to make 16 numbers floats. */
static double taking_cycles(const kerf__op_case *c)
{
    enum { FROM_MEMORY = 20, WITHOUT_PERMUTATION = 60, HALVES = 6, WHOLE = 2 };
    const int floats = c->option.candidate->parameters[FLOATS];
    const int room = room_of(c->node);
    if (floats == 1)
        return FROM_MEMORY;
    if (kerf_device_get_info(c->dev)->features.vector_floats < floats)
        return WITHOUT_PERMUTATION;
    return floats == 8 ? HALVES : WHOLE * (room > 16 ? room / 16 : 1);
}

static double guess_wide(const kerf__op_case *c)
{
    return kerf__panels_guess_wide(c, taking_cycles(c));
}

/* ---- launches ------------------------------------------------------------------------------ */

static kerf_status emit(const kerf__op_case *c, const char *entry, int is_wide, kerf__grid grid)
{
    const kerf_node *n = c->node;
    const kerf__panels p = kerf__panels_of(n);
    const int has_bias = kerf_node_input(n, 3) != NULL;
    const int relu = strcmp(kerf_node_string(n, "activation", ""), "relu") == 0;
    char options[96];
    snprintf(options, sizeof options, "-DWIDE=%d -DBITS=%d -DROOM=%d %s", is_wide, p.bits,
             room_of(n), c->option.candidate->options);
    return kerf__emit(c, &kerf__source_matmul_codes, entry, options,
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__in(c, 2)),
                                 ARG(has_bias ? kerf__in(c, 3) : kerf__in(c, 0)),
                                 ARG(kerf__out(c, 0)), ARG(p.m), ARG(p.n), ARG(p.k),
                                 ARG(entries_of(n)), ARG(has_bias), ARG(relu)),
                      grid);
}

static kerf_status build_wide(const kerf__op_case *c)
{
    return emit(c, "matmul_codes_wide", 1, kerf__panels_grid_wide(c));
}

static kerf_status build_simt(const kerf__op_case *c)
{
    return emit(c, "matmul_codes_simt", 0, kerf__panels_grid_simt(c));
}

/* ---- the table ----------------------------------------------------------------------------- */

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static const kerf__variant VARIANTS[] = {
    {.name = "matmul_codes_wide",
     .wide = 1,
     .fits = kerf__panels_fit_wide,
     .guess = guess_wide,
     .build = build_wide,
     .candidates = WIDE,
     .num_candidates = LENGTH(WIDE),
     .takes = takes},
    {.name = "matmul_codes_simt",
     .fits = kerf__panels_fit_simt,
     .guess = kerf__panels_guess_simt,
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
     .macs = kerf__panels_macs,
     .variants = VARIANTS,
     .num_variants = LENGTH(VARIANTS)},
    {.op = NULL},
};
