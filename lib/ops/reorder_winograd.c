/* ops/reorder_winograd.c -- 3x3 filters into layout w16, transformed for conv_winograd.c; there is
 * no way back.  Device side: kernels/reorder_winograd.cl. */
#include "ops/layout_common.h"
#include "ops/reorder_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_reorder_winograd;

int kerf__reorder_winograd_fits(const kerf__op_case *c)
{
    return kerf__output_layout(c->node, 0) == KERF__W16 && kerf__fits_31_bits(c);
}

kerf_status kerf__reorder_winograd_build(const kerf__op_case *c)
{
    const kerf_shape plain = c->node->inputs[0]->shape;
    const int channels = (int)plain.dims[0], inner = (int)plain.dims[1];
    const size_t blocks = kerf__ceil_div((size_t)channels, KERF__LANES);
    if (blocks == 0 || inner == 0)
        return KERF_OK;
    const int chunk = (int)kerf__pieces_an_item(c, (size_t)inner, 9 * KERF__LANES, 8);
    return kerf__emit(c, &kerf__source_reorder_winograd, "reorder_winograd",
                      kerf__reorder_types(c->node),
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG(channels),
                                 ARG(inner), ARG(chunk)),
                      kerf__grid_wide(kerf__ceil_div((size_t)inner, (size_t)chunk), blocks, 1));
}
