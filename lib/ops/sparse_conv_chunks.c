/* ops/sparse_conv_chunks.c -- sparse convolution on CPU devices by a pattern made for its tile:
 * which tile, and how the image is cut into items.
 *
 * Device side: kernels/sparse_conv_chunks.cl. */
#include <limits.h>
#include <math.h>

#include "base/fail.h"
#include "ops/conv_cut.h"
#include "ops/shape_common.h"
#include "ops/sparse_conv.h"
#include "ops/sparse_places.h"

extern const kerf__source kerf__source_sparse_conv_chunks;

enum { V = 16 };               /* floats to a vector */
enum { SHARE = 4 };            /* rows that share loads if their places are the same */
enum { MOST_BAND = 32 << 10 }; /* bytes, in the first cache */

#define TILE(vectors)                                                                              \
    {                                                                                              \
#vectors, "-DNV=" #vectors,                                                                \
        {                                                                                          \
            vectors                                                                                \
        }                                                                                          \
    }

const kerf__candidate kerf__sparse_conv_chunks_candidates[KERF__SPARSE_CONV_NUM_CHUNKS] = {
    TILE(4), TILE(6), TILE(8), TILE(13), TILE(14),
};

/* ---- where taps lie ------------------------------------------------------------------------ */

kerf__sparse_tile kerf__sparse_tile_of(const kerf_node *n)
{
    size_t num;
    const int64_t *tile = kerf_node_ints(n, "tile", &num);
    if (tile == NULL || num != 3)
        return (kerf__sparse_tile){0};
    return (kerf__sparse_tile){(int)tile[0], (int)tile[1], (int)tile[2]};
}

/* Zeros behind a line that may be those before the next one. */
static int shared_zeros(const kerf__conv_axis *a, int cols)
{
    const int behind = cols + (int)kerf__conv_reach(a) - 1 - a->pad - a->src;
    if (cols != a->dst || a->pad < 0 || behind < 0)
        return 0;
    return a->pad < behind ? a->pad : behind;
}

int kerf__sparse_places_of(const kerf_node *n, kerf__sparse_tile tile, kerf__sparse_places *out)
{
    kerf__sparse_places p = {.v = kerf__conv_of(n), .tile = tile};
    const int lanes = tile.vectors * V;
    const kerf__conv_axis *h = &p.v.h, *w = &p.v.w;
    const double reach_h = (double)kerf__conv_reach(h) - 1,
                 reach_w = (double)kerf__conv_reach(w) - 1;
    if (p.v.lanes != 1 || p.v.direction != KERF__CONV_DST || h->stride != 1 || w->stride != 1 ||
        h->dst < 1 || tile.vectors < 1 || tile.vectors > V || tile.cols < 1 || tile.cols > lanes ||
        tile.chunk < 1 ||
        (lanes + reach_h * (lanes + reach_w) + reach_w + 2 * V) * p.v.src_channels > INT_MAX / 8)
        return 0;
    p.pitch = tile.cols + (int)reach_w - shared_zeros(w, tile.cols);
    p.rows = (lanes - tile.cols) / p.pitch + 1;
    p.rows = kerf__ceil_div_int(h->dst, kerf__ceil_div_int(h->dst, p.rows));
    p.lines = p.rows + (int)reach_h;
    p.stride_c = kerf__ceil_div_int(lanes + (int)reach_h * p.pitch + (int)reach_w, V) * V + V;
    p.stride_r = h->dilation * p.pitch;
    p.stride_s = w->dilation;
    *out = p;
    return 1;
}

kerf_status kerf__sparse_set_places(kerf_node *n, const kerf__sparse_places *p)
{
    KERF__TRY(kerf_node_set_int(n, "chunk", p->tile.chunk));
    KERF__TRY(kerf_node_set_int(n, "stride_c", p->stride_c));
    KERF__TRY(kerf_node_set_int(n, "stride_r", p->stride_r));
    return kerf_node_set_int(n, "stride_s", p->stride_s);
}

/* ---- items -------------------------------------------------------------------------------- */

/* An item's share; see the kernel. */
typedef struct cut {
    int num_rows, num_tiles;
    size_t band_bytes, sums_bytes;
} cut;

static size_t bytes(int floats)
{
    return sizeof(float) * (size_t)floats;
}

static int num_chunks(const kerf__sparse_places *p)
{
    return kerf__ceil_div_int(p->v.src_channels, p->tile.chunk);
}

/* Rows of the pattern to an item: as many as give each core one, as each copies the band anew; all
 * of whole fours. */
static int want_rows(const kerf_device *dev, const kerf__sparse_places *p, const cut *k)
{
    const double want = (double)kerf_device_get_info(dev)->compute_units;
    const double others = fmax((double)k->num_tiles * p->v.n * p->v.groups, 1);
    const int parts = (int)fmin(ceil(want / others), p->v.dst_channels);
    return kerf__ceil_div_int(kerf__ceil_div_int(p->v.dst_channels, parts), SHARE) * SHARE;
}

/* 0 if local memory is too small. */
static int cut_items(const kerf_device *dev, const kerf__sparse_places *p, cut *k)
{
    const size_t all = (size_t)kerf_device_get_info(dev)->local_bytes;
    const size_t room = all < KERF__MOST_LOCAL ? all : KERF__MOST_LOCAL;
    const size_t a_row = bytes(p->tile.vectors * V), spare = 256;
    k->num_tiles =
        kerf__ceil_div_int(p->v.h.dst, p->rows) * kerf__ceil_div_int(p->v.w.dst, p->tile.cols);
    k->num_rows = want_rows(dev, p, k);
    k->band_bytes = bytes(p->tile.chunk) * (size_t)p->stride_c;
    if (k->band_bytes + spare + 2 * SHARE * a_row > room)
        return 0;
    const size_t most = (room - k->band_bytes - spare) / (a_row + sizeof(int)) / SHARE * SHARE;
    if (num_chunks(p) > 1 && most < (size_t)k->num_rows)
        k->num_rows = (int)most;
    k->sums_bytes = a_row * (num_chunks(p) > 1 ? (size_t)k->num_rows : 2 * SHARE);
    return 1;
}

/* ---- which tile ----------------------------------------------------------------------------- */

/* Cycles of one core of Zen 5 under PoCL. */
static double guess(const kerf_device *dev, const kerf__sparse_places *p, double density)
{
    const double a_load = 1.0, a_sum = 2, a_row = 20, a_copy = 6;
    const double units = kerf_device_get_info(dev)->compute_units;
    const double vectors = p->tile.vectors;
    cut k;
    if (!cut_items(dev, p, &k))
        return INFINITY;
    const double entries = (double)p->v.src_channels * p->v.h.kernel * p->v.w.kernel * density;
    const double row = entries * (a_load * vectors + 1) + num_chunks(p) * (a_sum * vectors + a_row);
    const double copied = (double)p->v.src_channels * p->stride_c / V * a_copy;
    const double parts = kerf__ceil_div_int(p->v.dst_channels, k.num_rows);
    const double items = (double)k.num_tiles * p->v.n * p->v.groups * parts;
    return ceil(items / units) * units * (k.num_rows * row + copied);
}

/* Channels whose planes fit the first cache, evenly. */
static int chunk_of(const kerf__sparse_places *p)
{
    const int most = MOST_BAND / (int)sizeof(float) / p->stride_c;
    const int parts = kerf__ceil_div_int(p->v.src_channels, most < 1 ? 1 : most);
    return kerf__ceil_div_int(p->v.src_channels, parts);
}

/* Windows of one pixel need no band. */
static int may_be_cut(const kerf__conv *v)
{
    return v->h.kernel * v->w.kernel > 1 && v->w.dst > 0 && v->src_channels > 0;
}

kerf__sparse_tile kerf__sparse_choose_tile(const kerf_device *dev, const kerf_node *n,
                                           double density)
{
    enum { MOST_PIECES = 4, NARROW = 6 };
    const int is_narrow = kerf_device_get_info(dev)->features.vector_floats < V;
    const kerf__conv v = kerf__conv_of(n);
    kerf__sparse_tile best = {0};
    double least = INFINITY;
    for (int i = 0; may_be_cut(&v) && i < KERF__SPARSE_CONV_NUM_CHUNKS; i++)
        for (int pieces = 1; pieces <= MOST_PIECES; pieces++) {
            const int vectors = kerf__sparse_conv_chunks_candidates[i].parameters[0];
            kerf__sparse_tile tile = {vectors, kerf__ceil_div_int(v.w.dst, pieces), 1};
            kerf__sparse_places p;
            if ((is_narrow && vectors > NARROW) || !kerf__sparse_places_of(n, tile, &p))
                continue;
            tile.chunk = p.tile.chunk = chunk_of(&p);
            const double cycles = guess(dev, &p, density);
            if (cycles < least) {
                least = cycles;
                best = tile;
            }
        }
    return best;
}

/* ---- the variant -------------------------------------------------------------------------- */

int kerf__sparse_conv_chunks_takes(const kerf__op_case *c, const kerf__candidate *candidate)
{
    const kerf__sparse_tile tile = kerf__sparse_tile_of(c->node);
    kerf__sparse_places p;
    cut k;
    return tile.vectors == candidate->parameters[0] && kerf__sparse_places_of(c->node, tile, &p) &&
           cut_items(c->dev, &p, &k);
}

int kerf__sparse_conv_chunks_fits(const kerf__op_case *c)
{
    if (!kerf__fits_31_bits(c))
        return 0;
    for (int i = 0; i < KERF__SPARSE_CONV_NUM_CHUNKS; i++)
        if (kerf__sparse_conv_chunks_takes(c, &kerf__sparse_conv_chunks_candidates[i]))
            return 1;
    return 0;
}

double kerf__sparse_conv_chunks_guess(const kerf__op_case *c)
{
    kerf__sparse_places p;
    if (!kerf__sparse_places_of(c->node, kerf__sparse_tile_of(c->node), &p))
        return INFINITY;
    return guess(c->dev, &p, kerf__sparse_density(c->node));
}

kerf_status kerf__sparse_conv_chunks_build(const kerf__op_case *c)
{
    kerf__sparse_places p;
    cut k;
    if (!kerf__sparse_places_of(c->node, kerf__sparse_tile_of(c->node), &p) ||
        !cut_items(c->dev, &p, &k))
        return KERF_ERR_UNSUPPORTED; /* takes has said that it can */
    const kerf__conv *v = &p.v;
    return kerf__emit(
        c, &kerf__source_sparse_conv_chunks, "sparse_conv_chunks", c->option.candidate->options,
        KERF__ARGS(ARG(kerf__in(c, KERF__SPARSE_SRC)), ARG(kerf__in(c, KERF__SPARSE_VALUES)),
                   ARG(kerf__in(c, KERF__SPARSE_STARTS)), ARG(kerf__in(c, KERF__SPARSE_OFFSETS)),
                   ARG(kerf__conv_bias(c, v)), ARG(kerf__conv_residual(c, v)), ARG(kerf__out(c, 0)),
                   kerf__arg_local(k.band_bytes), kerf__arg_local(k.sums_bytes),
                   kerf__arg_local(sizeof(int) * (size_t)k.num_rows), ARG(v->n), ARG(v->groups),
                   ARG(v->src_channels), ARG(v->dst_channels), ARG(v->h.src), ARG(v->h.dst),
                   ARG(v->h.pad), ARG(v->w.src), ARG(v->w.dst), ARG(v->w.pad), ARG(p.rows),
                   ARG(p.tile.cols), ARG(p.lines), ARG(p.pitch), ARG(p.stride_c), ARG(p.tile.chunk),
                   ARG(k.num_rows), KERF__FINISH_ARGS(*v)),
        kerf__grid_wide((size_t)k.num_tiles,
                        (size_t)kerf__ceil_div_int(v->dst_channels, k.num_rows),
                        (size_t)v->n * (size_t)v->groups));
}
