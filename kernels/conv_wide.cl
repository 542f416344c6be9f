/* conv_wide.cl -- convolution for CPU devices, and its gradient by src: 16 channels of a pixel
 * are one vector (layout c16), an item is alone in its group.
 *
 * An item makes `rows` by `cols` pixels of dst for one block of filters after the other, in
 * tiles of NV vectors of output channels by NP neighbouring pixels, whose sums stay in
 * registers.  A step takes one input channel and one tap: NV loads of filters (o16: the
 * channels of a vector lie together), and every pixel's value of src goes to all lanes.  With
 * 28 sums that is 28 multiply-adds to 4 + 7 or 2 + 14 loads, so multiply-adds set the pace.
 *
 * What src lacks at its edges is 0 in the *band*, a copy in local memory of the part of src
 * that the item needs; so the loop knows no edges.  Columns of the band are sorted by their
 * remainder by the stride (`phase`): neighbouring pixels lie together whatever the stride.
 * A band holds `chunk` blocks of channels; if that is not all, sums wait in local memory.
 * DIRECT is for 1x1 filters of stride 1 without padding: pixels are one run over the plane,
 * read in place, if they are floats: of halves each would be widened once for every tile.
 *
 * The gradient by src is the same, with filters whose lanes are input channels (i16):
 *     forward     dst[y] = sum over k of src[y * stride + k * dilation - pad] w[k]
 *     gradient    dst[y] = sum over k of src[(y + pad - k * dilation) / stride] w[k],
 * where the division leaves nothing.  So pixels of one remainder by the stride use the same
 * taps; each remainder is an item of its own, which writes every stride-th pixel of dst.
 *
 * Assumes: without DIRECT any sizes >= 1; with it OW >= NP.  Pad lanes of src are not read into
 * sums.  Zen 4, ResNet-18 at batch 1 as `kerf bench` lists it, share of the multiply-add limit:
 * 3x3 0.85 to 0.98 under PoCL, 0.80 to 0.91 under Intel's runtime; 1x1 of stride 2, whose tiles
 * are stored after few steps, 0.55 to 0.61.  Host side: lib/ops/conv_wide.c. */
#ifndef NV
#define NV 4 /* vectors of output channels to a tile */
#define NP 7 /* pixels to a tile */
#define V  16
#endif
#ifndef EMBED
#define EMBED                                                                                      \
    0 /* 1: a value of src is read anew for every vector, straight into the multiply-add */
#endif
#ifndef DIRECT
#define DIRECT 0
#endif
#include "conv_tile.clh"

/* ---- the band -------------------------------------------------------------------------------- */

typedef struct band {
    int row0, col0;             /* of src, at its corner */
    int num_rows, num_cols;     /* lines, and columns of one phase */
    int row_step, col_step;     /* in src, from line to line and from column to column of a phase */
    int phase_pitch, row_pitch; /* in floats */
    int plane;                  /* floats to a block of channels */
    int pixel_row;              /* from a row of dst to the next */
} band;

static inline band band_of(const axis *y, const axis *x, int row, int col, int num_rows,
                           int num_cols)
{
    band b;
    const int phases = num_phases(x), sorted = num_phases(y);
    b.row0 = row * src_step(y) + y->low;
    b.col0 = col * src_step(x) + x->low;
    b.row_step = sorted == 1 ? src_step(y) : 1;
    b.col_step = src_step(x);
    b.num_rows = (num_rows - 1) * sorted + y->high - y->low + 1;
    b.num_cols = num_cols + (x->high - x->low) / src_step(x);
    b.phase_pitch = b.num_cols * SRC_LANES;
    b.row_pitch = phases * b.phase_pitch;
    b.plane = DIRECT ? y->src * x->src * SRC_LANES : b.num_rows * b.row_pitch;
    b.pixel_row = sorted * b.row_pitch;
    return b;
}

/* One line of one phase: columns from `col` on, those outside of src become 0. */
static inline void copy_line(global const stored *src, local float *to, int col, int step, int w,
                             int num)
{
    const int before = col < 0 ? min(num, (step - 1 - col) / step) : 0;
    const int inside = max(before, min(num, (w - col + step - 1) / step));
    for (int x = 0; x < before; x++)
        STOREP((pixel)(0.0f), to + x * SRC_LANES);
    for (int x = before; x < inside; x++)
        STOREP(GETP(src + (col + x * step) * SRC_LANES), to + x * SRC_LANES);
    for (int x = inside; x < num; x++)
        STOREP((pixel)(0.0f), to + x * SRC_LANES);
}

static inline void copy_blocks(global const stored *src, local float *to, int num, const axis *y,
                               const axis *x, const band *b)
{
    const int phases = num_phases(x), src_row = x->src * SRC_LANES;
    for (int i = 0; i < num; i++, src += y->src * src_row, to += b->plane)
        for (int line = 0; line < b->num_rows * phases; line++) {
            const int row = b->row0 + line / phases * b->row_step, phase = line % phases;
            const int inside = row >= 0 && row < y->src;
            copy_line(src + (inside ? row * src_row : 0), to + line * b->phase_pitch,
                      b->col0 + phase, b->col_step, inside ? x->src : INT_MIN / 2, b->num_cols);
        }
}

/* For every tap in use where it lies in the band, and where its filters lie. */
static inline int list_taps(const axis *y, const axis *x, const band *b, local int *taps)
{
    int num = 0, dy, dx;
    for (int ky = 0; ky < y->num_taps; ky++)
        for (int kx = 0; kx < x->num_taps; kx++) {
            if (!tap(y, ky, &dy) || !tap(x, kx, &dx))
                continue;
            const int phases = num_phases(x), col = dx - x->low;
            taps[2 * num] = (dy - y->low) * b->row_pitch + col % phases * b->phase_pitch +
                            col / phases * SRC_LANES;
            taps[2 * num++ + 1] = (ky * x->num_taps + kx) * LANES;
        }
    return num;
}

/* ---- an item --------------------------------------------------------------------------------- */

/* A rectangle of dst for one group of filters. */
typedef struct item {
    int row, col, num_rows, num_cols; /* of the pixels of its remainder */
    int vector;                       /* the first of the filters */
    int block, num_blocks;            /* of channels: in the band now */
    int is_first, is_last;            /* of all blocks */
    int src_channels, filter_step, num_taps, zero;
} item;

/* Tile t, so far as the blocks in the band go. */
static INLINED void do_tile(BAND const float *src, global const stored **filters,
                            local const int *taps, local float *sums, const item *i, const axis *y,
                            const axis *x, const band *b, const result *r, int dst_w, int t)
{
    floatv acc[NV][NP];
    const int across = (i->num_cols + NP - 1) / NP, row = t / across, col = t % across * NP;
    /* Read in place, a last tile moves back into the plane and does some pixels again. */
    const int first = DIRECT ? min(i->col + col, dst_w - NP) : i->col + col;
    src += DIRECT ? first * SRC_LANES : row * b->pixel_row + col * SRC_LANES;
    sums += t * NV * NP * V;
    load_sums(acc, sums, i->is_first);
    for (int k = i->block; k < i->block + i->num_blocks; k++, src += b->plane)
        multiply(acc, src, filters, taps, i->num_taps,
                 min(SRC_LANES, i->src_channels - k * SRC_LANES), i->filter_step,
                 k * SRC_LANES * i->filter_step, i->zero);
    if (i->is_last)
        store_tile(acc, i->vector,
                   ((i->row + row) * dst_step(y) + y->phase) * dst_w + first * dst_step(x) +
                       x->phase,
                   i->col + col - first, min(NP, i->col + i->num_cols - first), r);
    else
        store_sums(acc, sums);
}

/* Work-item (x, y, z): of x the remainder, which changes fastest as some have more taps than
 * others, and `turns` groups of NV vectors of filters; rectangle y of `rows` by `cols`; image and
 * group of channels z.  Counts of channels are those of one group; from block to block of filters
 * is block_pitch, from group to group group_pitch. */
kernel void conv_wide(global const stored *src, global const stored *weights,
                      global const float *bias, global const stored *residual, global stored *dst,
                      local float *in_band, local float *sums, local int *taps, int is_gradient,
                      int src_channels, int dst_channels, int groups, int src_h, int dst_h,
                      int kernel_h, int stride_h, int pad_h, int dilation_h, int src_w, int dst_w,
                      int kernel_w, int stride_w, int pad_w, int dilation_w, int rows, int cols,
                      int chunk, int turns, int block_pitch, int group_pitch, int has_bias,
                      int has_residual, float slope, float low, float high, int zero)
{
    axis y = {src_h, kernel_h, stride_h, pad_h, dilation_h, is_gradient, 0, 0, 0};
    axis x = {src_w, kernel_w, stride_w, pad_w, dilation_w, is_gradient, 0, 0, 0};
    const int image = (int)get_global_id(2), group = image % groups;
    const int filter_group = find_remainder(&y, &x, (int)get_global_id(0));

    const int across = (num_pixels(dst_w, 0, &x) + cols - 1) / cols;
    item i;
    i.row = (int)get_global_id(1) / across * rows;
    i.col = (int)get_global_id(1) % across * cols;
    i.num_rows = min(rows, num_pixels(dst_h, y.phase, &y) - i.row);
    i.num_cols = min(cols, num_pixels(dst_w, x.phase, &x) - i.col);
    if (i.num_rows <= 0 || i.num_cols <= 0)
        return;
    const int tiles_across = (i.num_cols + NP - 1) / NP, src_plane = src_h * src_w * SRC_LANES;
    const band b = band_of(&y, &x, i.row, i.col, i.num_rows, tiles_across * NP);
    const int src_blocks = (src_channels + SRC_LANES - 1) / SRC_LANES;
    const int dst_blocks = (dst_channels + LANES - 1) / LANES;
    const long dst_image = (long)image * dst_h * dst_w * dst_blocks * LANES;
    const result r =
        result_of(bias, residual, dst, dst_image, group * dst_channels, dst_channels, dst_h * dst_w,
                  dst_step(&x), has_bias, has_residual, slope, low, high);
    src += (long)image * src_blocks * src_plane;
    weights += (long)group * group_pitch;
    i.src_channels = src_channels;
    i.filter_step = kernel_h * kernel_w * LANES;
    i.num_taps = DIRECT ? 1 : list_taps(&y, &x, &b, taps);
    i.zero = zero;

    for (int turn = 0; turn < turns; turn++) {
        global const stored *filters[NV];
        i.vector = (filter_group * turns + turn) * NV;
        if (i.vector >= dst_blocks * PARTS)
            return;
#pragma unroll
        for (int v = 0; v < NV; v++)
            filters[v] = weights + vector_at(i.vector + v, dst_blocks, block_pitch);
        for (i.block = 0; i.block < src_blocks; i.block += chunk) {
            i.num_blocks = min(chunk, src_blocks - i.block);
            i.is_first = i.block == 0;
            i.is_last = i.block + i.num_blocks == src_blocks;
            global const stored *in_place = src + (long)i.block * src_plane;
            if (!DIRECT && i.num_taps > 0 && (turn == 0 || chunk < src_blocks))
                copy_blocks(in_place, in_band, i.num_blocks, &y, &x, &b);
            for (int t = 0; t < i.num_rows * tiles_across; t++)
                do_tile(CHOOSE(in_band, in_place), filters, taps, sums, &i, &y, &x, &b, &r, dst_w,
                        t);
        }
    }
}
