/* ref_sparse_conv.c -- the definition of SparseConv: that of Conv, with weights that are 0 where
 * the pattern has no entry. */
#include "ref/ref.h"

#include <stdlib.h>

enum { SRC, VALUES, STARTS, OFFSETS, BIAS, RESIDUAL, CHANNEL = 256 };

static kerf_shape weights_shape(const kerf_node *n)
{
    kerf_shape shape = {0};
    size_t num;
    const int64_t *dims = kerf_node_ints(n, "weights_shape", &num);
    for (; (size_t)shape.rank < num; shape.rank++)
        shape.dims[shape.rank] = dims[shape.rank];
    return shape;
}

static double *expand(kerf_shape shape, const double *const *inputs)
{
    const int64_t taps = shape.dims[2] * (shape.rank == 4 ? shape.dims[3] : 1);
    double *weights = calloc((size_t)kerf_shape_num_elements(shape) + 1, sizeof *weights);
    for (int64_t k = 0; k < shape.dims[0]; k++)
        for (int64_t i = (int64_t)inputs[STARTS][k]; i < (int64_t)inputs[STARTS][k + 1]; i++) {
            const int64_t offset = (int64_t)inputs[OFFSETS][i];
            weights[(k * shape.dims[1] + offset / CHANNEL) * taps + offset % CHANNEL] +=
                inputs[VALUES][i];
        }
    return weights;
}

REF(sparse_conv)
{
    kerf_value weights = *n->inputs[VALUES];
    weights.shape = weights_shape(n);
    double *expanded = expand(weights.shape, inputs);
    const int has_residual = n->num_inputs > RESIDUAL, has_bias = n->num_inputs > BIAS;
    kerf_value *values[] = {n->inputs[SRC], &weights, has_bias ? n->inputs[BIAS] : NULL,
                            has_residual ? n->inputs[RESIDUAL] : NULL};
    const double *numbers[] = {inputs[SRC], expanded, has_bias ? inputs[BIAS] : NULL,
                               has_residual ? inputs[RESIDUAL] : NULL};
    char op[] = "Conv";
    kerf_node dense = *n;
    dense.op = op;
    dense.inputs = values;
    dense.num_inputs = 4;
    ref_conv(&dense, numbers, outputs);
    free(expanded);
}
