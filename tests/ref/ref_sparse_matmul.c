/* ref_sparse_matmul.c -- the definitions of SparseMatMul and SparseMatMulGrad. */
#include "ref/ref.h"

#include <string.h>

static void gradient(const kerf_node *n, const double *const *in, double *dst)
{
    const int64_t rows = n->inputs[0]->shape.dims[0], batch = n->inputs[0]->shape.dims[1];
    memset(dst, 0, (size_t)kerf_shape_num_elements(n->outputs[0]->shape) * sizeof *dst);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t e = (int64_t)in[2][r]; e < (int64_t)in[2][r + 1]; e++)
            for (int64_t b = 0; b < batch; b++)
                dst[e] += in[0][r * batch + b] * in[1][(int64_t)in[3][e] * batch + b];
}

static void product(const kerf_node *n, const double *const *in, double *dst)
{
    const int64_t rows = n->outputs[0]->shape.dims[0], batch = n->outputs[0]->shape.dims[1];
    const int relu = strcmp(kerf_node_string(n, "activation", ""), "relu") == 0;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t b = 0; b < batch; b++) {
            double sum = n->num_inputs > 4 ? in[4][r] : 0;
            for (int64_t e = (int64_t)in[2][r]; e < (int64_t)in[2][r + 1]; e++)
                sum += in[1][e] * in[0][(int64_t)in[3][e] * batch + b];
            dst[r * batch + b] = relu && sum < 0 ? 0 : sum;
        }
}

REF(sparse_matmul)
{
    if (strcmp(n->op, "kerf.SparseMatMul") == 0)
        product(n, inputs, outputs[0]);
    else
        gradient(n, inputs, outputs[0]);
}
