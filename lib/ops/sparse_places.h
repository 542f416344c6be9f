/* ops/sparse_places.h -- tiles that a sparse convolution's pattern is made for, on CPU devices: the
 * pattern's offsets are places in the copy of src that a tile is computed from, chunk by chunk of
 * the channels.
 *
 * A kerf.SparseConv of stride 1 with attribute `tile`, {vectors, columns, channels to a chunk},
 * takes such a pattern and no other; both have attributes chunk, stride_c, stride_r and stride_s.
 * Other half: sparse_conv_chunks.c. */
#ifndef KERF_OPS_SPARSE_PLACES_H
#define KERF_OPS_SPARSE_PLACES_H

#include "ops/conv_common.h"

typedef struct kerf__sparse_tile {
    int vectors, cols, chunk; /* all 0: none */
} kerf__sparse_tile;

/* How a tile is cut from the image, and where taps lie: attributes of the pattern. */
typedef struct kerf__sparse_places {
    kerf__conv v;
    kerf__sparse_tile tile;
    int rows, lines, pitch; /* of dst; of the copy; floats from line to line of it */
    int stride_c, stride_r, stride_s;
} kerf__sparse_places;

kerf__sparse_tile kerf__sparse_tile_of(const kerf_node *n);
/* 0 if that convolution, a Conv or kerf.SparseConv, has no such tile. */
int kerf__sparse_places_of(const kerf_node *n, kerf__sparse_tile tile, kerf__sparse_places *out);
/* The tile that is guessed to be the fastest with so many of the weights; all 0: none. */
kerf__sparse_tile kerf__sparse_choose_tile(const kerf_device *dev, const kerf_node *n,
                                           double density);
/* Attributes that say so, of the pattern and of the convolution that reads it. */
kerf_status kerf__sparse_set_places(kerf_node *n, const kerf__sparse_places *p);

/* Of tap (r, s) of a channel of the chunk. */
static inline int kerf__sparse_place(const kerf__sparse_places *p, int c, int r, int s)
{
    return c * p->stride_c + r * p->stride_r + s * p->stride_s;
}

#endif
