/* ops/ends.c -- the ends of what a tensor holds, for ranges that follow it while a network is
 * trained.
 *
 *     kerf.Ends  (x, ends (2)?)  -> ends (2): the least and the largest of x, 0 and the ends before
 *
 * Values in blocks are read as they come, but for their pad lanes.  There is no gradient.
 *
 * Device side: kernels/ends.cl.  Definition: tests/ref/ref_ends.c. */
#include "base/fail.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_ends;

enum { SRC, BEFORE }; /* inputs */
enum { GROUP = 64 };

/* ---- shapes -------------------------------------------------------------------------------- */

static kerf_status infer(kerf_node *n)
{
    KERF__TRY(kerf__node_check_type(n, SRC, KERF_F32));
    if (kerf_node_input(n, BEFORE) != NULL) {
        KERF__TRY(kerf__node_check_type(n, BEFORE, KERF_F32));
        KERF__TRY(kerf__node_check_shape(n, BEFORE, KERF_SHAPE(2)));
    }
    kerf__set_output(n, 0, KERF_F32, KERF_SHAPE(2));
    return KERF_OK;
}

/* Blocks, as the numbers come. */
static kerf__wish wish(const kerf_node *n, kerf__layouts *out)
{
    const kerf_shape src = n->inputs[SRC]->shape;
    if (src.rank < 3 || kerf__layout_shape(KERF__C16, src).rank < 0)
        return KERF__STAYS;
    out->inputs[SRC] = KERF__C16;
    return KERF__FOLLOWS;
}

/* ---- launches ------------------------------------------------------------------------------ */

static size_t num_of(const kerf__op_case *c)
{
    return (size_t)kerf__value_elements(c->node->inputs[SRC]);
}

static size_t chunk_of(const kerf__op_case *c)
{
    enum { LEAST = 512, VECTORS = 1 << 6, MOST_GROUPS = 1 << 12 };
    const size_t num = num_of(c);
    if (kerf__is_wide(c))
        return KERF__LANES * kerf__pieces_an_item(c, kerf__ceil_div(num, KERF__LANES), 1, LEAST);
    const size_t each = kerf__ceil_div(num, (size_t)GROUP * MOST_GROUPS);
    return GROUP * (each > VECTORS ? each : VECTORS);
}

/* At least 1: nothing says something, too. */
static size_t num_parts(const kerf__op_case *c)
{
    const size_t parts = kerf__ceil_div(num_of(c), chunk_of(c));
    return parts > 0 ? parts : 1;
}

static size_t scratch_bytes(const kerf__op_case *c)
{
    const size_t lanes = kerf__is_wide(c) ? KERF__LANES : 1;
    return num_parts(c) * lanes * 2 * sizeof(float);
}

/* Planes, as kernels/ends.cl has them. */
typedef struct planes {
    size_t plane, blocks, lanes;
} planes;

static planes planes_of(const kerf__op_case *c)
{
    const kerf_shape laid = c->node->inputs[SRC]->shape;
    const size_t num = num_of(c);
    if (kerf__input_layout(c->node, SRC) == KERF__PLAIN)
        return (planes){num > 0 ? num : 1, 1, KERF__LANES};
    const size_t blocks = (size_t)laid.dims[1];
    const size_t channels = (size_t)kerf__input_plain_shape(c->node, SRC).dims[1];
    return (planes){kerf__shape_product(laid, 2, laid.rank), blocks,
                    channels - (blocks - 1) * KERF__LANES};
}

static kerf_status build(const kerf__op_case *c)
{
    const size_t parts = num_parts(c), items = kerf__is_wide(c) ? 1 : GROUP;
    const char *options = kerf__is_wide(c) ? "-DV=16" : "-DV=1";
    const int has_before = kerf_node_input(c->node, BEFORE) != NULL;
    const planes p = planes_of(c);
    KERF__TRY(
        kerf__emit(c, &kerf__source_ends, "ends_part", options,
                   KERF__ARGS(ARG(kerf__in(c, SRC)), ARG(c->scratch), ARG((unsigned)num_of(c)),
                              ARG((unsigned)chunk_of(c)), ARG((unsigned)p.plane),
                              ARG((unsigned)p.blocks), ARG((unsigned)p.lanes)),
                   (kerf__grid){1, {parts, 1, 1}, {items, 1, 1}}));
    return kerf__emit(
        c, &kerf__source_ends, "ends_join", options,
        KERF__ARGS(ARG(c->scratch), ARG(has_before ? kerf__in(c, BEFORE) : c->scratch),
                   ARG(kerf__out(c, 0)), ARG((unsigned)has_before), ARG((unsigned)parts)),
        (kerf__grid){1, {1, 1, 1}, {items, 1, 1}});
}

static int fits_wide(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) && (kerf__input_layout(c->node, SRC) == KERF__PLAIN ||
                                     kerf__input_plain_shape(c->node, SRC).rank > 1);
}

static int fits_simt(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) && kerf__input_layout(c->node, SRC) == KERF__PLAIN;
}

static const kerf__variant VARIANTS[] = {
    {.name = "ends_wide",
     .wide = 1,
     .fits = fits_wide,
     .scratch_bytes = scratch_bytes,
     .build = build},
    {.name = "ends_simt", .fits = fits_simt, .scratch_bytes = scratch_bytes, .build = build},
};

extern const kerf__op kerf__ops_ends[];
const kerf__op kerf__ops_ends[] = {
    {.op = "kerf.Ends",
     .min_inputs = 1,
     .max_inputs = 2,
     .num_outputs = 1,
     .infer = infer,
     .layouts = wish,
     .variants = VARIANTS,
     .num_variants = 2},
    {.op = NULL},
};
