/* ops/reorder.c -- a value in another memory layout; only the plan makes such nodes.
 *
 *     kerf.Reorder(src) -> dst, layouts "plain>c16", "plain>o16", "plain>i16" and back
 *     kerf.Reorder(src) -> dst, layouts "plain>w16"
 *     kerf.Reorder(src) -> dst, of bytes: layouts "plain>c16" and back, "plain>v16", "plain>k4",
 *     "plain>n4"
 *
 * `channels` counts those of the plain side, where the blocked side is the input.  Pad lanes
 * become 0.  The lanes of o16 are output channels, which stand where c16 has batch and
 * channel, so both are one kernel.
 *
 * A plan that stores halves (lib/plan/store_halves.c) sets the types of src and dst each to float32
 * or float16, whatever the shape rule said.
 *
 * Device side: kernels/reorder.cl.  Definition: tests/ref/ref_reorder.c. */
#include <stdio.h>

#include "base/fail.h"
#include "ops/layout_common.h"
#include "ops/reorder_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_reorder;

static int is_to_blocks(const kerf_node *n)
{
    return kerf__input_layout(n, 0) == KERF__PLAIN;
}

static kerf__layout blocked_layout(const kerf_node *n)
{
    return is_to_blocks(n) ? kerf__output_layout(n, 0) : kerf__input_layout(n, 0);
}

static kerf_status infer_from_blocks(kerf_node *n, kerf__layout layout, kerf_shape *dst)
{
    const kerf_shape src = n->inputs[0]->shape;
    const int64_t channels = kerf_node_int(n, "channels", 0);
    if (layout == KERF__W16 || layout == KERF__V16)
        return kerf__fail_node(KERF_ERR_ARGUMENT, n, "transformed filters have no way back");
    if (kerf__layout_is_words(layout))
        return kerf__fail_node(KERF_ERR_ARGUMENT, n, "packed matrices have no way back");
    *dst = kerf__layout_plain_shape(layout, src, channels);
    if (src.rank < 2 || channels < 1 || !kerf_shape_equal(kerf__layout_shape(layout, *dst), src))
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "its input does not hold %lld channels by blocks of %d",
                               (long long)channels, KERF__LANES);
    return KERF_OK;
}

/* Activations are floats or bytes, and so are filters of o16; other filters are one of the two,
 * matrices bytes. */
static kerf_status check_type(const kerf_node *n, kerf__layout layout)
{
    const int of_bytes =
        layout == KERF__V16 || kerf__layout_is_words(layout) ||
        ((layout == KERF__C16 || layout == KERF__O16) && n->inputs[0]->type != KERF_F32);
    return of_bytes ? kerf__node_check_bytes(n, 0) : kerf__node_check_type(n, 0, KERF_F32);
}

static kerf_status infer(kerf_node *n)
{
    const kerf__layout layout = blocked_layout(n);
    kerf_shape dst;
    if (layout == KERF__PLAIN)
        return kerf__fail_node(KERF_ERR_ARGUMENT, n, "one of its layouts must be blocked");
    if (is_to_blocks(n))
        dst = kerf__layout_shape(layout, n->inputs[0]->shape);
    else
        KERF__TRY(infer_from_blocks(n, layout, &dst));
    if (dst.rank < 0 && layout == KERF__W16)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "only filters of 3x3 are transformed");
    if (dst.rank < 0)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "its input has %d dimensions, too few or many",
                               n->inputs[0]->shape.rank);
    KERF__TRY(check_type(n, layout));
    kerf__set_output(n, 0, n->inputs[0]->type, dst);
    return KERF_OK;
}

/* ---- launches ------------------------------------------------------------------------ */

/* (outer, channels, pixels) of the plain side. */
typedef struct sizes {
    size_t outer, channels, pixels;
} sizes;

static sizes sizes_of(const kerf_node *n)
{
    const kerf_shape plain = is_to_blocks(n) ? n->inputs[0]->shape : n->outputs[0]->shape;
    const int axis = kerf__layout_axis(blocked_layout(n));
    sizes s = {axis == 1 ? (size_t)plain.dims[0] : 1, (size_t)plain.dims[axis], 1};
    for (int i = axis + 1; i < plain.rank; i++)
        s.pixels *= (size_t)plain.dims[i];
    return s;
}

int kerf__reorder_is_float(kerf_type type)
{
    return type == KERF_F32 || type == KERF_F16;
}

const char *kerf__reorder_types(const kerf_node *n)
{
    static const char *const OPTIONS[2][2] = {
        {"", "-DFROM=float -DTO=half"},
        {"-DFROM=half -DTO=float", "-DFROM=half -DTO=half"},
    };
    return OPTIONS[n->inputs[0]->type == KERF_F16][n->outputs[0]->type == KERF_F16];
}

static kerf_status build(const kerf__op_case *c)
{
    char options[64];
    const sizes s = sizes_of(c->node);
    const size_t blocks = s.outer * kerf__ceil_div(s.channels, KERF__LANES);
    if (blocks == 0 || s.pixels == 0)
        return KERF_OK;
    const int wide = kerf__is_wide(c), blocks_first = blocked_layout(c->node) == KERF__I16;
    const size_t pieces = kerf__ceil_div(s.pixels, KERF__LANES);
    const size_t chunk = wide ? KERF__LANES * kerf__pieces_an_item(c, pieces, KERF__LANES, 16) : 1;
    const size_t x = kerf__ceil_div(s.pixels, chunk);
    const kerf__grid grid = wide ? kerf__grid_wide(x, blocks, 1)
                                 : (kerf__grid){2, {kerf__ceil_div(x, 64), blocks, 1}, {64, 1, 1}};
    const char *types = kerf__reorder_types(c->node);
    snprintf(options, sizeof options, "%s%s%s", wide ? "-DV=16" : "-DV=1",
             types[0] != '\0' ? " " : "", types);
    return kerf__emit(c, &kerf__source_reorder,
                      is_to_blocks(c->node) ? "reorder_to_blocks" : "reorder_from_blocks", options,
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG((unsigned)s.outer),
                                 ARG((unsigned)s.channels), ARG((unsigned)s.pixels),
                                 ARG(blocks_first), ARG((unsigned)chunk)),
                      grid);
}

static int fits(const kerf__op_case *c)
{
    return blocked_layout(c->node) != KERF__W16 &&
           kerf__reorder_is_float(c->node->inputs[0]->type) && kerf__fits_31_bits(c);
}

static const kerf__variant VARIANTS[] = {
    {.name = "reorder_winograd",
     .wide = 1,
     .fits = kerf__reorder_winograd_fits,
     .build = kerf__reorder_winograd_build},
    {.name = "reorder_bytes",
     .wide = 1,
     .fits = kerf__reorder_bytes_fits,
     .build = kerf__reorder_bytes_build},
    {.name = "reorder_words",
     .wide = 1,
     .fits = kerf__reorder_words_fits,
     .build = kerf__reorder_words_build},
    KERF__BOTH_STYLES("reorder", .fits = fits, .build = build),
};

extern const kerf__op kerf__ops_reorder[];
const kerf__op kerf__ops_reorder[] = {
    {.op = "kerf.Reorder",
     .min_inputs = 1,
     .max_inputs = 1,
     .num_outputs = 1,
     .infer = infer,
     .variants = VARIANTS,
     .num_variants = sizeof VARIANTS / sizeof VARIANTS[0]},
    {.op = NULL},
};
