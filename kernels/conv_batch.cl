/* conv_batch.cl -- convolution of a batch for CPU devices, and its gradient by src, in blocks of
 * 16 channels (layout c16); an item is alone in its group.
 *
 * A tile has NV vectors of output channels by one pixel of NP images, where conv_wide.cl takes
 * pixels that are neighbours.  So all of a tile has the same place in the image, and a tap that
 * would meet padding there is left out: of padded 3x3 filters on 4x4 pixels 100 of 144 are
 * computed, of the gradient of 5x5 filters from 8x8 to 12x12 pixels 1600 of 3600.  Nor is there
 * a row that a tile does not fill.
 *
 * An item makes `rows` rows of NP images for one group of filters after the other.  What it
 * reads of src lies in the band, in local memory, with the images side by side:
 * (blocks of channels, lines, columns, NP, lanes).  A band holds `chunk` blocks; if that is not
 * all, sums wait in local memory.  Images behind the last are that one again, and not stored.
 *
 * What the gradient's remainders are tells conv_wide.cl.
 *
 * Assumes sizes >= 1 and offsets within an image of less than 2^31.  Pad lanes of src are not
 * read into sums.  `kerf bench M --train` lists the share of peak by layer; taps that are left
 * out count there, so it is above 1 where images are small.  Host side: lib/ops/conv_batch.c. */
#ifndef NV
#define NV 2 /* vectors of output channels to a tile */
#define NP 8 /* images to a tile */
#define V  16
#endif
#define DIRECT 0
#define EMBED  0
#include "conv_tile.clh"

#define PIXEL (NP * SRC_LANES) /* floats of the band */

/* ---- the band -------------------------------------------------------------------------------- */

/* `num` pixels of NP images, of which `images` are there. */
static inline void copy_pixels(global const stored *src, local float *to, int num, long image_pitch,
                               int images)
{
    for (int p = 0; p < num; p++, src += SRC_LANES, to += PIXEL)
#pragma unroll
        for (int n = 0; n < NP; n++)
            STOREP(GETP(src + min(n, images - 1) * image_pitch), to + n * SRC_LANES);
}

/* ---- taps ------------------------------------------------------------------------------------ */

static inline int is_inside(const axis *a, int at)
{
    return at >= 0 && at < a->src;
}

/* 1 if all taps of pixel `at` of the remainder meet src. */
static inline int is_inner(const axis *a, int at)
{
    return at * src_step(a) + a->low >= 0 && at * src_step(a) + a->high < a->src;
}

/* For every tap that meets src where it lies in the band, from the pixel on, and where its
 * filters lie. */
static inline int list_taps(const axis *y, const axis *x, int row, int col, local int *taps)
{
    int num = 0, dy, dx;
    for (int ky = 0; ky < y->num_taps; ky++) {
        if (!tap(y, ky, &dy) || !is_inside(y, row * src_step(y) + dy))
            continue;
        for (int kx = 0; kx < x->num_taps; kx++) {
            if (!tap(x, kx, &dx) || !is_inside(x, col * src_step(x) + dx))
                continue;
            taps[2 * num] = (dy * x->src + dx) * PIXEL;
            taps[2 * num++ + 1] = (ky * x->num_taps + kx) * LANES;
        }
    }
    return num;
}

/* ---- an item --------------------------------------------------------------------------------- */

typedef struct item {
    int row, num_rows, num_cols; /* of the pixels of its remainder */
    int line, num_lines;         /* of src, in the band */
    int images;                  /* of NP those that are there */
    int vector;                  /* the first of the filters */
    int block, num_blocks;       /* of channels: in the band now */
    int is_first, is_last;       /* of all blocks */
    int src_channels, filter_step, plane;
} item;

/* The lines of src under the item's pixels. */
static inline void find_lines(item *i, const axis *y)
{
    const int last = i->row + i->num_rows - 1;
    i->line = max(i->row * src_step(y) + y->low, 0);
    i->num_lines = max(min(last * src_step(y) + y->high + 1, y->src) - i->line, 0);
}

/* A pixel, so far as the blocks in the band go; src lies under it. */
static INLINED void do_tile(local const float *src, global const stored **filters,
                            local const int *taps, local float *sums, const item *i,
                            const result *r, int at, int num_taps)
{
    floatv acc[NV][NP];
    load_sums(acc, sums, i->is_first);
    for (int k = i->block; k < i->block + i->num_blocks; k++, src += i->plane)
        multiply(acc, src, filters, taps, num_taps, min(SRC_LANES, i->src_channels - k * SRC_LANES),
                 i->filter_step, k * SRC_LANES * i->filter_step, 0);
    if (i->is_last)
        store_tile(acc, i->vector, at, 0, i->images, r);
    else
        store_sums(acc, sums);
}

/* All pixels.  The list of taps stays as long as none of them meets padding. */
static INLINED void do_tiles(local const float *band, global const stored **filters,
                             local int *taps, local float *sums, const item *i, const axis *y,
                             const axis *x, const result *r, int dst_w)
{
    int num_taps = 0, is_whole = 0;
    for (int t = 0; t < i->num_rows * i->num_cols; t++, sums += NV * NP * V) {
        const int row = i->row + t / i->num_cols, col = t % i->num_cols;
        const int inner = is_inner(y, row) && is_inner(x, col);
        if (!inner || !is_whole)
            num_taps = list_taps(y, x, row, col, taps);
        is_whole = inner;
        do_tile(band + ((row * src_step(y) - i->line) * x->src + col * src_step(x)) * PIXEL,
                filters, taps, sums, i, r,
                (row * dst_step(y) + y->phase) * dst_w + col * dst_step(x) + x->phase, num_taps);
    }
}

/* Work-item (x, y, z): of x the remainder, which changes fastest, and `turns` groups of NV
 * vectors of filters; strip y of `rows` rows; NP images and group of channels z.  Counts of
 * channels are those of one group; from block to block of filters is block_pitch, from group to
 * group group_pitch. */
kernel void conv_batch(global const stored *src, global const stored *weights,
                       global const float *bias, global const stored *residual, global stored *dst,
                       local float *in_band, local float *sums, local int *taps, int is_gradient,
                       int n, int src_channels, int dst_channels, int groups, int src_h, int dst_h,
                       int kernel_h, int stride_h, int pad_h, int dilation_h, int src_w, int dst_w,
                       int kernel_w, int stride_w, int pad_w, int dilation_w, int rows, int chunk,
                       int turns, int block_pitch, int group_pitch, int has_bias, int has_residual,
                       float slope, float low, float high)
{
    axis y = {src_h, kernel_h, stride_h, pad_h, dilation_h, is_gradient, 0, 0, 0};
    axis x = {src_w, kernel_w, stride_w, pad_w, dilation_w, is_gradient, 0, 0, 0};
    const int group = (int)get_global_id(2) % groups, image = (int)get_global_id(2) / groups * NP;
    const int filter_group = find_remainder(&y, &x, (int)get_global_id(0));

    item i;
    i.row = (int)get_global_id(1) * rows;
    i.num_rows = min(rows, num_pixels(dst_h, y.phase, &y) - i.row);
    i.num_cols = num_pixels(dst_w, x.phase, &x);
    if (i.num_rows <= 0 || i.num_cols <= 0)
        return;
    find_lines(&i, &y);
    const int src_plane = src_h * src_w * SRC_LANES;
    const int src_blocks = (src_channels + SRC_LANES - 1) / SRC_LANES;
    const int dst_blocks = (dst_channels + LANES - 1) / LANES;
    const long src_image = (long)src_blocks * src_plane;
    const long dst_image = (long)dst_blocks * dst_h * dst_w * LANES;
    const long dst_at = ((long)image * groups + group) * dst_image;
    const result r =
        result_of(bias, residual, dst, dst_at, group * dst_channels, dst_channels, dst_h * dst_w,
                  groups * dst_blocks * dst_h * dst_w, has_bias, has_residual, slope, low, high);
    src += ((long)image * groups + group) * src_image + i.line * src_w * SRC_LANES;
    weights += (long)group * group_pitch;
    i.images = min(NP, n - image);
    i.src_channels = src_channels;
    i.filter_step = kernel_h * kernel_w * LANES;
    i.plane = i.num_lines * src_w * PIXEL;

    for (int turn = 0; turn < turns; turn++) {
        global const stored *filters[NV];
        i.vector = (filter_group * turns + turn) * NV;
        if (i.vector * V >= dst_channels)
            return;
#pragma unroll
        for (int v = 0; v < NV; v++)
            filters[v] = weights + vector_at(i.vector + v, dst_blocks, block_pitch);
        for (i.block = 0; i.block < src_blocks; i.block += chunk) {
            i.num_blocks = min(chunk, src_blocks - i.block);
            i.is_first = i.block == 0;
            i.is_last = i.block + i.num_blocks == src_blocks;
            for (int k = 0; k < i.num_blocks && (turn == 0 || chunk < src_blocks); k++)
                copy_pixels(src + (long)(i.block + k) * src_plane, in_band + k * i.plane,
                            i.num_lines * src_w, groups * src_image, i.images);
            do_tiles(in_band, filters, taps, sums, &i, &y, &x, &r, dst_w);
        }
    }
}
