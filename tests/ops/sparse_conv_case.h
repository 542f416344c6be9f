/* sparse_conv_case.h -- weights with zeros, and their pattern made by hand, for the test and the
 * bench of sparse convolutions. */
#ifndef KERF_OPS_SPARSE_CONV_CASE_H
#define KERF_OPS_SPARSE_CONV_CASE_H

#include <stdint.h>
#include <stdlib.h>

#include "op_check.h"
#include "ops/sparse_places.h"

typedef struct sparse_case {
    float *values; /* owned, as what follows */
    int32_t *starts, *offsets;
    int num_rows, num;
} sparse_case;

/* Of each thousand weights about `kept` are not 0, in the same places of `block` rows each; rows
 * that `is_empty` says have none. */
static inline sparse_case sparse_case_create_blocks(kerf_shape weights, unsigned kept, int block,
                                                    int (*is_empty)(int row))
{
    enum { CHANNEL = 256 };
    const int rows = (int)weights.dims[0], channels = (int)weights.dims[1];
    const int taps = (int)(weights.dims[2] * (weights.rank == 4 ? weights.dims[3] : 1));
    const size_t most = (size_t)rows * (size_t)channels * (size_t)taps + 1;
    sparse_case s = {calloc(most, sizeof(float)), calloc((size_t)rows + 1, sizeof(int32_t)),
                     calloc(most, sizeof(int32_t)), rows, 0};
    op_check_fill(s.values, most, 2);
    uint32_t random = 1, begin = 1;
    for (int k = 0; k < rows; k++) {
        begin = random = k % block == 0 ? random : begin;
        for (int i = 0; i < channels * taps; i++) {
            random = random * 1664525u + 1013904223u;
            if ((random >> 8) % 1000 < kept && (is_empty == NULL || !is_empty(k)))
                s.offsets[s.num++] = i / taps * CHANNEL + i % taps;
        }
        s.starts[k + 1] = s.num;
    }
    return s;
}

static inline sparse_case sparse_case_create(kerf_shape weights, unsigned kept,
                                             int (*is_empty)(int row))
{
    return sparse_case_create_blocks(weights, kept, 1, is_empty);
}

static inline void sparse_case_destroy(sparse_case *s)
{
    free(s->values);
    free(s->starts);
    free(s->offsets);
}

/* Makes it one for a tile, in chunks of `channels` channels. */
static inline void sparse_case_cut(sparse_case *s, const kerf__sparse_places *p, int channels)
{
    const int rows = s->num_rows, chunks = (channels + p->tile.chunk - 1) / p->tile.chunk;
    const int width = p->v.w.kernel;
    sparse_case old = *s;
    s->starts = calloc((size_t)rows * (size_t)chunks + 1, sizeof(int32_t));
    s->offsets = calloc((size_t)s->num + 1, sizeof(int32_t));
    s->values = calloc((size_t)s->num + 1, sizeof(float));
    s->num = 0;
    for (int i = 0; i < rows * chunks; i++) {
        for (int j = old.starts[i % rows]; j < old.starts[i % rows + 1]; j++) {
            const int c = old.offsets[j] / 256, tap = old.offsets[j] % 256;
            if (c / p->tile.chunk != i / rows)
                continue;
            s->values[s->num] = old.values[j];
            s->offsets[s->num++] =
                kerf__sparse_place(p, c % p->tile.chunk, tap / width, tap % width);
        }
        s->starts[i + 1] = s->num;
    }
    s->num_rows = rows * chunks;
    sparse_case_destroy(&old);
}

/* The three inputs; there is one entry at least, and one behind the last that nobody may use. */
static inline void sparse_case_inputs(op_check *c, const sparse_case *s)
{
    s->values[s->num] = NAN;
    op_check_input(c, KERF_F32, KERF_SHAPE(s->num + 1), s->values);
    op_check_input(c, KERF_S32, KERF_SHAPE(s->num_rows + 1), s->starts);
    op_check_input(c, KERF_S32, KERF_SHAPE(s->num + 1), s->offsets);
}

#endif
