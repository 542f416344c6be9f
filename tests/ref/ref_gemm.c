/* ref_gemm.c -- the definition of Gemm and MatMul: three loops, one sum after another. */
#include "ref/ref.h"

#include <string.h>

/* Element (z, i, p) of an operand, z counted through dst's batch dimensions. */
static double element(const kerf_node *n, int input, const double *x, int64_t z, int64_t row,
                      int64_t column)
{
    kerf_shape s = n->inputs[input]->shape, dst = n->outputs[0]->shape;
    const int vectors =
        (n->inputs[0]->shape.rank == 1 ? 1 : 0) + (n->inputs[1]->shape.rank == 1 ? 1 : 0);
    const int batch = dst.rank - (2 - vectors);
    if (s.rank == 1)
        return x[input == 0 ? column : row];
    int64_t offset = 0, stride = s.dims[s.rank - 1] * s.dims[s.rank - 2];
    for (int i = 1; i <= batch; i++) {
        const int64_t at = z % dst.dims[batch - i], own = s.rank - 2 - i;
        z /= dst.dims[batch - i];
        if (own < 0)
            continue;
        offset += (s.dims[own] == 1 ? 0 : at) * stride;
        stride *= s.dims[own];
    }
    const int is_transposed = kerf_node_int(n, input == 0 ? "transA" : "transB", 0) != 0;
    return x[offset + (is_transposed ? column : row) * s.dims[s.rank - 1] +
             (is_transposed ? row : column)];
}

static double bias_of(const kerf_node *n, const double *bias, int64_t row, int64_t column)
{
    const kerf_shape s = n->inputs[2]->shape;
    const int64_t columns = s.rank > 0 ? s.dims[s.rank - 1] : 1;
    const int64_t rows = s.rank > 1 ? s.dims[0] : 1;
    return bias[(rows > 1 ? row : 0) * columns + (columns > 1 ? column : 0)];
}

REF(gemm)
{
    const kerf_shape a = n->inputs[0]->shape, b = n->inputs[1]->shape, dst = n->outputs[0]->shape;
    const int ta = kerf_node_int(n, "transA", 0) != 0, tb = kerf_node_int(n, "transB", 0) != 0;
    const int64_t m = a.rank == 1 ? 1 : a.dims[a.rank - (ta ? 1 : 2)];
    const int64_t k = a.dims[a.rank - (a.rank > 1 && ta ? 2 : 1)];
    const int64_t columns = b.rank == 1 ? 1 : b.dims[b.rank - (tb ? 2 : 1)];
    const double alpha = (double)kerf_node_float(n, "alpha", 1),
                 beta = (double)kerf_node_float(n, "beta", 1);
    const int has_bias = n->num_inputs > 2 && n->inputs[2] != NULL;
    for (int64_t i = 0; i < kerf_shape_num_elements(dst); i++) {
        const int64_t column = i % columns, row = i / columns % m, z = i / columns / m;
        double sum = 0;
        for (int64_t p = 0; p < k; p++)
            sum += element(n, 0, inputs[0], z, row, p) * element(n, 1, inputs[1], z, p, column);
        sum *= alpha;
        if (has_bias)
            sum += beta * bias_of(n, inputs[2], row, column);
        if (strcmp(kerf_node_string(n, "activation", ""), "relu") == 0 && sum < 0)
            sum = 0;
        outputs[0][i] = sum;
    }
}
