/* ref_sparse_conv_grad.c -- the definition of SparseConvGrad: every entry's products, one after the
 * other. */
#include "ref/ref.h"

#include <string.h>

enum { SRC, DIFF, STARTS, OFFSETS, CHANNEL = 256 };

/* Attribute `key` of the axis: 0 down, 1 across; a list has one number for 1-D. */
static int64_t number(const kerf_node *n, const char *key, int axis, int64_t otherwise)
{
    size_t num;
    const int64_t *list = kerf_node_ints(n, key, &num);
    const int i = n->inputs[SRC]->shape.rank == 3 ? axis - 1 : axis;
    return i < 0 ? otherwise : list != NULL ? list[i] : otherwise;
}

/* (N, C, H, W, lanes) */
static void read_sizes(const kerf_node *n, int input, int64_t sizes[5])
{
    const kerf_shape s = n->inputs[input]->shape;
    const int64_t all[5] = {s.dims[0], s.dims[1], s.rank > 3 ? s.dims[2] : 1,
                            s.rank > 3 ? s.dims[3] : s.dims[2], s.rank > 4 ? s.dims[4] : 1};
    memcpy(sizes, all, sizeof all);
}

static double sum_entry(const kerf_node *n, const double *const *in, int64_t k, int64_t entry)
{
    int64_t src[5], dst[5];
    read_sizes(n, SRC, src);
    read_sizes(n, DIFF, dst);
    const int64_t group = kerf_node_int(n, "group", 1), tap = (int64_t)in[OFFSETS][entry] % CHANNEL;
    const int64_t c =
        k / (dst[1] / group) * (src[1] / group) + (int64_t)in[OFFSETS][entry] / CHANNEL;
    const int64_t width = number(n, "kernel_shape", 1, 1);
    const int64_t down = tap / width * number(n, "dilations", 0, 1) - number(n, "pads", 0, 0);
    const int64_t right = tap % width * number(n, "dilations", 1, 1) - number(n, "pads", 1, 0);
    double sum = 0;
    for (int64_t i = 0; i < dst[0] * dst[2] * dst[3] * dst[4]; i++) {
        const int64_t lane = i % dst[4], q = i / dst[4] % dst[3], p = i / dst[4] / dst[3] % dst[2];
        const int64_t image = i / dst[4] / dst[3] / dst[2];
        const int64_t y = p * number(n, "strides", 0, 1) + down;
        const int64_t x = q * number(n, "strides", 1, 1) + right;
        if (y < 0 || y >= src[2] || x < 0 || x >= src[3])
            continue;
        sum += in[DIFF][(((image * dst[1] + k) * dst[2] + p) * dst[3] + q) * dst[4] + lane] *
               in[SRC][(((image * src[1] + c) * src[2] + y) * src[3] + x) * src[4] + lane];
    }
    return sum;
}

REF(sparse_conv_grad)
{
    const int64_t rows = n->inputs[STARTS]->shape.dims[0] - 1;
    memset(outputs[0], 0,
           (size_t)kerf_shape_num_elements(n->outputs[0]->shape) * sizeof *outputs[0]);
    for (int64_t k = 0; k < rows; k++)
        for (int64_t e = (int64_t)inputs[STARTS][k]; e < (int64_t)inputs[STARTS][k + 1]; e++)
            outputs[0][e] = sum_entry(n, inputs, k, e);
}
