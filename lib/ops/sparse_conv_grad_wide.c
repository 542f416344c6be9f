/* ops/sparse_conv_grad_wide.c -- gradients of few weights on CPU devices, where 16 samples are a
 * pixel: which tile of dst, and how the work is cut into items.
 *
 * Device side: kernels/sparse_conv_grad_wide.cl. */
#include <limits.h>
#include <math.h>

#include "base/fail.h"
#include "ops/conv_cut.h"
#include "ops/conv_gather.h"
#include "ops/shape_common.h"
#include "ops/sparse_conv.h"

extern const kerf__source kerf__source_sparse_conv_grad_wide;

enum { V = 16 }; /* samples to a pixel */

static int capacity_of(const kerf_node *n)
{
    return (int)n->inputs[KERF__SPARSE_OFFSETS]->shape.dims[0];
}

static int num_rows(const kerf__conv *v)
{
    return v->groups * v->dst_channels;
}

/* ---- tiles --------------------------------------------------------------------------------- */

#define TILE(rows, cols)                                                                           \
    {                                                                                              \
#rows "x" #cols, "-DROWS=" #rows " -DCOLS=" #cols,                                         \
        {                                                                                          \
            rows, cols                                                                             \
        }                                                                                          \
    }

/* Pixels of dst that stay in registers while entries go by. */
const kerf__candidate kerf__sparse_conv_grad_tiles[KERF__SPARSE_CONV_GRAD_NUM_TILES] = {
    TILE(4, 4), TILE(2, 8), TILE(2, 7), TILE(1, 16), TILE(2, 2)};

/* How a convolution is cut into tiles, and these into items; see the kernel. */
typedef struct cut {
    kerf__conv v;
    int tile_rows, tile_cols;
    int step_h, step_w, lines, cols; /* of the band */
    int chunk, rows;
    size_t band_bytes;
} cut;

/* Where there is one tap nothing lies between the pixels that are read. */
static int band_step(const kerf__conv_axis *a)
{
    return a->kernel == 1 ? 1 : a->stride;
}

static double band_pixels(const kerf__conv_axis *a, int tile)
{
    return (double)(tile - 1) * band_step(a) + (double)kerf__conv_reach(a);
}

/* Channels in the band at a time: the second cache holds them, and rows have some entries.  0: not
 * even one has its place. */
static int chunk_of(const kerf__conv *v, double plane_bytes, double local_bytes)
{
    enum { MOST = 64 << 10 };
    const double most = fmin(MOST, local_bytes) / plane_bytes;
    if (most >= v->src_channels)
        return v->src_channels;
    if (most < 1)
        return plane_bytes <= local_bytes;
    return kerf__ceil_div_int(v->src_channels, kerf__ceil_div_int(v->src_channels, (int)most));
}

/* 0 if local memory is too small. */
static int cut_of(const kerf__op_case *c, const kerf__candidate *tile, cut *k)
{
    *k = (cut){.v = kerf__conv_of(c->node),
               .tile_rows = tile->parameters[0],
               .tile_cols = tile->parameters[1]};
    const kerf__conv *v = &k->v;
    const double units = kerf_device_get_info(c->dev)->compute_units;
    const int parts = (int)fmin(ceil(units / v->groups), v->dst_channels);
    k->rows = kerf__ceil_div_int(v->dst_channels, parts);
    const size_t cursors = sizeof(int) * (size_t)k->rows, spare = 64;
    const double lines = band_pixels(&v->h, k->tile_rows), cols = band_pixels(&v->w, k->tile_cols);
    const double plane_bytes = sizeof(float) * V * lines * cols;
    k->chunk =
        chunk_of(v, plane_bytes,
                 (double)kerf__item_local_bytes(c, kerf__conv_taps_bytes(v) + cursors + spare));
    if (k->chunk == 0)
        return 0;
    k->step_h = band_step(&v->h);
    k->step_w = band_step(&v->w);
    k->lines = (int)lines;
    k->cols = (int)cols;
    k->band_bytes = (size_t)k->chunk * (size_t)plane_bytes;
    return 1;
}

static double num_tiles(const cut *k)
{
    return (double)k->v.n * kerf__ceil_div_int(k->v.h.dst, k->tile_rows) *
           kerf__ceil_div_int(k->v.w.dst, k->tile_cols);
}

/* Of all loops together if every weight has an entry, a tile's own included. */
static double num_turns(const cut *k)
{
    const kerf__conv *v = &k->v;
    const double pixels = (double)k->lines * k->cols, size = (double)k->tile_rows * k->tile_cols;
    const double entries = (double)k->rows * v->h.kernel * v->w.kernel;
    return num_tiles(k) * v->src_channels * (2 * pixels + entries * size);
}

int kerf__sparse_conv_grad_takes(const kerf__op_case *c, const kerf__candidate *tile)
{
    cut k;
    return cut_of(c, tile, &k) && kerf__conv_loop_fits(c, (int64_t)fmin(num_turns(&k), INT_MAX));
}

int kerf__sparse_conv_grad_fits(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    if (v.lanes != V || !kerf__fits_31_bits(c) || num_rows(&v) == 0)
        return 0;
    for (int i = 0; i < KERF__SPARSE_CONV_GRAD_NUM_TILES; i++)
        if (kerf__sparse_conv_grad_takes(c, &kerf__sparse_conv_grad_tiles[i]))
            return 1;
    return 0;
}

/* Cycles of one core, Zen 5 under PoCL.  Larger tiles win even where a vector has two registers. */
double kerf__sparse_conv_grad_guess(const kerf__op_case *c)
{
    enum { AN_ENTRY = 5, OF_REST = 3, A_ROW = 30, A_COPY = 2 };
    cut k;
    if (!cut_of(c, c->option.candidate, &k))
        return INFINITY;
    const kerf__conv *v = &k.v;
    const double size = (double)k.tile_rows * k.tile_cols;
    const double whole = (double)(v->h.dst / k.tile_rows) * (v->w.dst / k.tile_cols);
    const double rest = (double)v->h.dst * v->w.dst - whole * size;
    const double entries =
        capacity_of(c->node) * (num_tiles(&k) * AN_ENTRY + v->n * (whole * size + rest * OF_REST));
    const double rows =
        num_tiles(&k) * kerf__ceil_div_int(v->src_channels, k.chunk) * num_rows(v) * (A_ROW + size);
    const double copied = num_tiles(&k) * kerf__ceil_div_int(v->dst_channels, k.rows) * v->groups *
                          v->src_channels * k.lines * k.cols * A_COPY;
    return entries + rows + copied;
}

kerf_status kerf__sparse_conv_grad_build(const kerf__op_case *c)
{
    cut k;
    if (!cut_of(c, c->option.candidate, &k))
        return KERF_ERR_UNSUPPORTED; /* takes has said that it can */
    const kerf__conv *v = &k.v;
    return kerf__emit(
        c, &kerf__source_sparse_conv_grad_wide, "sparse_conv_grad_wide",
        c->option.candidate->options,
        KERF__ARGS(ARG(kerf__in(c, KERF__SPARSE_SRC)), ARG(kerf__in(c, KERF__SPARSE_DIFF)),
                   ARG(kerf__in(c, KERF__SPARSE_STARTS)), ARG(kerf__in(c, KERF__SPARSE_OFFSETS)),
                   ARG(kerf__out(c, 0)), ARG(v->n), ARG(v->groups), ARG(v->src_channels),
                   ARG(v->dst_channels), KERF__AXIS_ARGS(v->h.src, v->h.dst, v->h),
                   KERF__AXIS_ARGS(v->w.src, v->w.dst, v->w), ARG(capacity_of(c->node)),
                   ARG(k.step_h), ARG(k.step_w), ARG(k.lines), ARG(k.cols), ARG(k.chunk),
                   ARG(k.rows), kerf__arg_local(k.band_bytes),
                   kerf__arg_local(sizeof(int) * (size_t)k.rows),
                   kerf__arg_local(kerf__conv_taps_bytes(v))),
        kerf__grid_wide((size_t)kerf__ceil_div_int(v->dst_channels, k.rows), (size_t)v->groups, 1));
}
