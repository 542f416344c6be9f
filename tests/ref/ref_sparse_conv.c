/* ref_sparse_conv.c -- the definition of SparseConv and its gradient by src: that of Conv, with
 * weights that are 0 where the pattern has no entry. */
#include "ref/ref.h"

#include <stdlib.h>
#include <string.h>

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

/* Rows are filters, or channels where the pattern is transposed. */
static double *expand(kerf_shape shape, const double *const *inputs, int transposed)
{
    const int64_t taps = shape.dims[2] * (shape.rank == 4 ? shape.dims[3] : 1);
    double *weights = calloc((size_t)kerf_shape_num_elements(shape) + 1, sizeof *weights);
    for (int64_t row = 0; row < shape.dims[transposed]; row++)
        for (int64_t i = (int64_t)inputs[STARTS][row]; i < (int64_t)inputs[STARTS][row + 1]; i++) {
            const int64_t offset = (int64_t)inputs[OFFSETS][i], other = offset / CHANNEL;
            const int64_t k = transposed ? other : row, c = transposed ? row : other;
            weights[(k * shape.dims[1] + c) * taps + offset % CHANNEL] += inputs[VALUES][i];
        }
    return weights;
}

/* Of a pattern in chunks of channels: the weight of a chunk that has this place. */
static int64_t find_place(const kerf_node *n, kerf_shape shape, int64_t place)
{
    const int64_t width = shape.dims[shape.rank - 1];
    const int64_t taps = shape.rank == 4 ? shape.dims[2] * width : width;
    for (int64_t i = 0; i < kerf_node_int(n, "chunk", 1) * taps; i++) {
        const int64_t r = i % taps / width, s = i % width;
        if (place == i / taps * kerf_node_int(n, "stride_c", 0) +
                         r * kerf_node_int(n, "stride_r", 0) + s * kerf_node_int(n, "stride_s", 0))
            return i;
    }
    abort();
}

static double *expand_chunks(const kerf_node *n, kerf_shape shape, const double *const *inputs)
{
    const int64_t length = kerf_shape_num_elements(shape) / shape.dims[0];
    const int64_t taps = length / shape.dims[1], chunk = kerf_node_int(n, "chunk", 1);
    const int64_t rows = (shape.dims[1] + chunk - 1) / chunk * shape.dims[0];
    double *weights = calloc((size_t)kerf_shape_num_elements(shape) + 1, sizeof *weights);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = (int64_t)inputs[STARTS][row]; i < (int64_t)inputs[STARTS][row + 1]; i++)
            weights[row % shape.dims[0] * length + row / shape.dims[0] * chunk * taps +
                    find_place(n, shape, (int64_t)inputs[OFFSETS][i])] += inputs[VALUES][i];
    return weights;
}

static void convolve(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    kerf_value weights = *n->inputs[VALUES];
    weights.shape = weights_shape(n);
    const int is_gradient = strcmp(n->op, "kerf.SparseConvGradInput") == 0;
    double *expanded = kerf_node_int(n, "chunk", 0) > 0
                           ? expand_chunks(n, weights.shape, inputs)
                           : expand(weights.shape, inputs, is_gradient);
    const int has_residual = n->num_inputs > RESIDUAL, has_bias = n->num_inputs > BIAS;
    kerf_value *values[] = {n->inputs[SRC], &weights, has_bias ? n->inputs[BIAS] : NULL,
                            has_residual ? n->inputs[RESIDUAL] : NULL};
    const double *numbers[] = {inputs[SRC], expanded, has_bias ? inputs[BIAS] : NULL,
                               has_residual ? inputs[RESIDUAL] : NULL};
    char conv[] = "Conv", gradient[] = "kerf.ConvGradInput";
    kerf_node dense = *n;
    dense.op = is_gradient ? gradient : conv;
    dense.inputs = values;
    dense.num_inputs = 4;
    ref_conv(&dense, numbers, outputs);
    free(expanded);
}

static int64_t elements(const kerf_value *v)
{
    return kerf_shape_num_elements(v->shape);
}

/* One lane of v, or all of it back to where it came from. */
static double *take_lane(const kerf_value *v, const double *src, int64_t lane, int64_t lanes)
{
    double *out = calloc((size_t)(elements(v) / lanes) + 1, sizeof *out);
    for (int64_t i = 0; src != NULL && i < elements(v) / lanes; i++)
        out[i] = src[i * lanes + lane];
    return out;
}

/* A fifth dimension are samples like the first. */
static void convolve_lane(const kerf_node *n, const double *const *inputs, double *dst,
                          int64_t lane, int64_t lanes)
{
    const int has_residual = n->num_inputs > RESIDUAL;
    kerf_value src = *n->inputs[SRC], out = *n->outputs[0], residual = out, *values[6] = {NULL};
    double *numbers[2] = {take_lane(&src, inputs[SRC], lane, lanes),
                          has_residual ? take_lane(&out, inputs[RESIDUAL], lane, lanes) : NULL};
    double *result = take_lane(&out, NULL, lane, lanes);
    const double *all[6] = {NULL};
    for (int i = 0; i < n->num_inputs; i++) {
        all[i] = inputs[i];
        values[i] = n->inputs[i];
    }
    src.shape.rank = out.shape.rank = residual.shape.rank = 4;
    values[SRC] = &src;
    all[SRC] = numbers[0];
    if (has_residual) {
        values[RESIDUAL] = &residual;
        all[RESIDUAL] = numbers[1];
    }
    kerf_node plain = *n;
    kerf_value *outs[] = {&out};
    plain.inputs = values;
    plain.outputs = outs;
    convolve(&plain, all, &result);
    for (int64_t i = 0; i < elements(&out); i++)
        dst[i * lanes + lane] = result[i];
    free(result);
    free(numbers[0]);
    free(numbers[1]);
}

REF(sparse_conv)
{
    const kerf_shape src = n->inputs[SRC]->shape;
    if (src.rank < 5) {
        convolve(n, inputs, outputs);
        return;
    }
    for (int64_t lane = 0; lane < src.dims[4]; lane++)
        convolve_lane(n, inputs, outputs[0], lane, src.dims[4]);
}
