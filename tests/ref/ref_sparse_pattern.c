/* ref_sparse_pattern.c -- the definitions of SparsePattern and SparseValues. */
#include "ref/ref.h"

#include <string.h>

static void gather(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    for (int64_t i = 0; i < kerf_shape_num_elements(n->outputs[0]->shape); i++)
        outputs[0][i] = inputs[0][(int64_t)inputs[1][i]];
}

static int64_t chunk_of(const kerf_node *n)
{
    const int64_t chunk = kerf_node_int(n, "chunk", 0), all = n->inputs[0]->shape.dims[1];
    return chunk > 0 && chunk < all ? chunk : all;
}

/* Entries of one row, by filter k or channel c, of the chunk that begins with channel `begin`;
 * `count` goes on. */
static void walk(const kerf_node *n, const double *src, int64_t row, int64_t begin,
                 double *const *outputs, int64_t *count)
{
    const kerf_shape s = n->inputs[0]->shape;
    const int64_t channels = s.dims[1], width = s.rank > 2 ? s.dims[s.rank - 1] : 1;
    const int64_t taps = width * (s.rank > 3 ? s.dims[2] : 1);
    const int turned = kerf_node_int(n, "transposed", 0) != 0;
    const int64_t capacity = n->outputs[1]->shape.dims[0];
    const int64_t last = begin + chunk_of(n) < channels ? begin + chunk_of(n) : channels;
    for (int64_t i = begin; i < (turned ? s.dims[0] : last); i++)
        for (int64_t t = 0; t < taps; t++) {
            const int64_t at = ((turned ? i : row) * channels + (turned ? row : i)) * taps + t;
            if (src[at] == 0)
                continue;
            if (*count < capacity) {
                outputs[1][*count] = (double)(kerf_node_int(n, "origin", 0) +
                                              (i - begin) * kerf_node_int(n, "stride_c", taps) +
                                              t / width * kerf_node_int(n, "stride_r", width) +
                                              t % width * kerf_node_int(n, "stride_s", 1));
                outputs[2][*count] = (double)at;
            }
            ++*count;
        }
}

REF(sparse_pattern)
{
    if (strcmp(n->op, "kerf.SparseValues") == 0) {
        gather(n, inputs, outputs);
        return;
    }
    const int64_t rows = n->outputs[0]->shape.dims[0] - 1;
    const int64_t capacity = n->outputs[1]->shape.dims[0];
    int64_t count = 0;
    memset(outputs[1], 0, (size_t)capacity * sizeof(double));
    memset(outputs[2], 0, (size_t)capacity * sizeof(double));
    outputs[0][0] = 0;
    const kerf_shape s = n->inputs[0]->shape;
    const int turned = kerf_node_int(n, "transposed", 0) != 0;
    for (int64_t r = 0; r < rows; r++) {
        const int64_t chunk = turned ? 0 : r / s.dims[0];
        walk(n, inputs[0], r - chunk * s.dims[0], chunk * chunk_of(n), outputs, &count);
        outputs[0][r + 1] = (double)(count < capacity ? count : capacity);
    }
    outputs[3][0] = (double)count;
}
