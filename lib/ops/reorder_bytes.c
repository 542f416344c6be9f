/* ops/reorder_bytes.c -- bytes in another layout: c16 and o16 and back, and filters into v16.  Only
 * CPU devices ask for them.  Device side: kernels/reorder_bytes.cl. */
#include "ops/layout_common.h"
#include "ops/reorder_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_reorder_bytes;

int kerf__reorder_bytes_fits(const kerf__op_case *c)
{
    return !kerf__reorder_is_float(c->node->inputs[0]->type) &&
           !kerf__layout_is_words(kerf__output_layout(c->node, 0)) && kerf__fits_31_bits(c);
}

static kerf_status build_filters(const kerf__op_case *c)
{
    const kerf_value *src = c->node->inputs[0];
    const size_t channels = (size_t)src->shape.dims[0], inner = (size_t)src->shape.dims[1];
    const size_t taps = kerf__shape_product(src->shape, 2, src->shape.rank);
    const size_t words = kerf__ceil_div(inner, KERF__WORD);
    if (channels == 0 || words * taps == 0)
        return KERF_OK;
    const size_t chunk = kerf__pieces_an_item(c, words, taps * KERF__LANES * KERF__WORD, 1);
    const unsigned flip = src->type == KERF_U8 ? 0x80 : 0;
    return kerf__emit(
        c, &kerf__source_reorder_bytes, "reorder_bytes_filters", "",
        KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG((unsigned)channels),
                   ARG((unsigned)inner), ARG((unsigned)taps), ARG((unsigned)chunk), ARG(flip)),
        kerf__grid_wide(kerf__ceil_div(words, chunk), kerf__ceil_div(channels, KERF__LANES), 1));
}

kerf_status kerf__reorder_bytes_build(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const kerf__layout from = kerf__input_layout(n, 0), to = kerf__output_layout(n, 0);
    const int to_blocks = from == KERF__PLAIN;
    const kerf_shape plain = to_blocks ? n->inputs[0]->shape : n->outputs[0]->shape;
    if (to == KERF__V16)
        return build_filters(c);
    const int axis = kerf__layout_axis(to_blocks ? to : from);
    const size_t outer = kerf__shape_product(plain, 0, axis), channels = (size_t)plain.dims[axis];
    const size_t pixels = kerf__shape_product(plain, axis + 1, plain.rank);
    const size_t blocks = outer * kerf__ceil_div(channels, KERF__LANES);
    if (blocks * pixels == 0)
        return KERF_OK;
    const size_t pieces = kerf__ceil_div(pixels, KERF__LANES);
    const size_t chunk = KERF__LANES * kerf__pieces_an_item(c, pieces, KERF__LANES, 16);
    return kerf__emit(c, &kerf__source_reorder_bytes,
                      to_blocks ? "reorder_bytes_to_blocks" : "reorder_bytes_from_blocks", "",
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG((unsigned)channels),
                                 ARG((unsigned)pixels), ARG((unsigned)chunk)),
                      kerf__grid_wide(kerf__ceil_div(pixels, chunk), blocks, 1));
}
