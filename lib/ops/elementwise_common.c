/* ops/elementwise_common.c -- see elementwise_common.h. */
#include "ops/elementwise_common.h"

/* Stride of dimension `i` of dst in an input, 0 where that is broadcast. */
static size_t stride_in(kerf_shape src, kerf_shape dst, int i)
{
    const int j = i - (dst.rank - src.rank);
    size_t stride = 1;
    if (j < 0 || src.dims[j] == 1)
        return 0;
    for (int k = j + 1; k < src.rank; k++)
        stride *= (size_t)src.dims[k];
    return stride;
}

kerf__merged kerf__elementwise_merge(const kerf_node *n, int num_inputs)
{
    const kerf_shape dst = n->outputs[0]->shape;
    kerf__merged m = {.rank = 0};
    for (int i = dst.rank - 1; i >= 0; i--) {
        const size_t dim = (size_t)dst.dims[i];
        size_t strides[KERF__ELEMENTWISE_INPUTS] = {0};
        if (dim == 1)
            continue;
        int joins = m.rank > 0;
        for (int k = 0; k < num_inputs; k++) {
            strides[k] = stride_in(n->inputs[k]->shape, dst, i);
            if (joins && strides[k] != m.strides[k][m.rank - 1] * m.dims[m.rank - 1])
                joins = 0;
        }
        if (joins) {
            m.dims[m.rank - 1] *= dim;
            continue;
        }
        m.dims[m.rank] = dim;
        for (int k = 0; k < KERF__ELEMENTWISE_INPUTS; k++)
            m.strides[k][m.rank] = strides[k];
        m.rank++;
    }
    return m;
}

kerf__rows kerf__elementwise_rows(const kerf__merged *m)
{
    kerf__rows r = {1, m->rank > 1 ? m->dims[1] : 1, m->rank > 0 ? m->dims[0] : 1};
    for (int i = 1; i < m->rank; i++)
        r.m *= m->dims[i];
    return r;
}

kerf__piece kerf__elementwise_piece(const kerf__op_case *c, kerf__rows r)
{
    enum { LEAST = 4096, VECTOR = 16 };
    if (r.m * LEAST <= r.n) { /* few long rows: cut them */
        const size_t vectors = kerf__pieces_an_item(c, r.m * r.n / VECTOR, 1, LEAST / VECTOR);
        return (kerf__piece){1, vectors * VECTOR};
    }
    const size_t n = r.n > 0 ? r.n : 1;
    return (kerf__piece){kerf__pieces_an_item(c, r.m, n / VECTOR + n % VECTOR, LEAST / n + 1), n};
}
