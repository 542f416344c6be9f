/* ops/reorder_words.c -- matrices of bytes into layouts k4 and n4, for matmul_integer_packed.c;
 * there is no way back.  Device side: kernels/reorder_words.cl. */
#include "ops/layout_common.h"
#include "ops/reorder_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_reorder_words;

int kerf__reorder_words_fits(const kerf__op_case *c)
{
    return kerf__layout_is_words(kerf__output_layout(c->node, 0)) && kerf__fits_31_bits(c);
}

kerf_status kerf__reorder_words_build(const kerf__op_case *c)
{
    enum { SIGN = 0x80 };
    const kerf_value *src = c->node->inputs[0];
    const int axis = kerf__layout_axis(kerf__output_layout(c->node, 0));
    const int columns = (int)src->shape.dims[axis], k = (int)src->shape.dims[1 - axis];
    const int k_step = axis == 1 ? columns : 1, n_step = axis == 1 ? 1 : k;
    const int flip = src->type == KERF_U8 ? SIGN : 0;
    if (columns == 0)
        return KERF_OK;
    return kerf__emit(c, &kerf__source_reorder_words, "reorder_words", "",
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG(k), ARG(columns),
                                 ARG(k_step), ARG(n_step), ARG(flip)),
                      kerf__grid_wide(kerf__ceil_div((size_t)columns, KERF__LANES), 1, 1));
}
