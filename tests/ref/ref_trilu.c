/* ref_trilu.c -- the triangle of each matrix, element by element. */
#include "ref/ref.h"

REF(trilu)
{
    const kerf_shape src = n->inputs[0]->shape;
    const int64_t rows = src.dims[src.rank - 2], columns = src.dims[src.rank - 1];
    size_t num;
    const int64_t *list = n->num_inputs > 1 /* no double holds all of them */
                              ? kerf_tensor_data(n->inputs[1]->constant)
                              : kerf_node_ints(n, "k", &num);
    const int64_t k = list != NULL ? list[0] : 0;
    for (int64_t i = 0; i < kerf_shape_num_elements(src); i++) {
        const int64_t off = i % columns - i / columns % rows;
        const int keep = kerf_node_int(n, "upper", 1) != 0 ? off >= k : off <= k;
        outputs[0][i] = keep ? inputs[0][i] : 0;
    }
}
