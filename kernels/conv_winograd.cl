/* conv_winograd.cl -- 3x3 convolution of stride 1 for CPU devices by Winograd's F(2x2, 3x3): two by
 * two pixels take 16 multiplications a channel in place of 36.
 *
 * A tile is 2x2 pixels of dst.  With the filters already transformed (layout w16, made by
 * reorder_winograd.cl) its sum is
 *     dst = A' [ sum over channels of w16 * (B' patch B) ] A,
 * patch being the 4x4 pixels of src that the tile sees, * element by element at 16 positions. Tiles
 * of all images count in one line.  An item takes `tiles` of them for NV vectors of filters: it
 * transforms their patches into local memory, multiplies position after position, so that a
 * position's filters are read by all of its tiles, and transforms the sums back.  What local memory
 * cannot hold of the channels comes in chunks, and sums wait.
 *
 * Rounding errors are of the size of a plain sum's (test_conv.c asks a quarter of what others may
 * have), but a NaN in src reaches all pixels of the tiles that see it.
 *
 * Assumes: pads of at most 2^30, any sizes >= 1.  Pad lanes of src are not read into sums.
 * Limit: multiply-adds, then the filters, which are 16/9 of what they were.  Zen 4 under PoCL,
 * ResNet-18 at batch 1 as `kerf bench` lists it, share of the multiply-add limit by what is
 * multiplied here: 0.66 to 0.80, with 512 channels at 7x7 0.45 to 0.53.  Host side:
 * lib/ops/conv_winograd.c. */
#ifndef NV
#define NV 4 /* vectors of output channels to a group of tiles */
#define NP 6 /* tiles to a group */
#define V  16
#endif
#ifndef EMBED
#define EMBED 1 /* as in conv_wide.cl */
#endif
#define DIRECT 0
#include "conv_tile.clh"

#define POSITIONS 16

/* Tiles of an item, and where they lie. */
typedef struct strip {
    int first, num; /* of all tiles */
    int last;       /* of all tiles: what pads the last group is computed as that one */
    int groups;     /* of NP tiles */
    int across, down;
} strip;

typedef struct place {
    int image, row, col; /* of dst, in pixels */
} place;

static inline place place_of(const strip *s, int tile)
{
    const int at = min(s->first + tile, s->last), in_image = at % (s->across * s->down);
    return (place){at / (s->across * s->down), in_image / s->across * 2, in_image % s->across * 2};
}

/* ---- in -------------------------------------------------------------------------------------- */

/* A patch of src at (row, col), 0 outside. */
static INLINED void load_patch(global const stored *src, pixel (*d)[4], int row, int col, int h,
                               int w)
{
    const int inside = row >= 0 && col >= 0 && row + 4 <= h && col + 4 <= w;
#pragma unroll
    for (int y = 0; y < 4; y++)
#pragma unroll
        for (int x = 0; x < 4; x++) {
            const int r = row + y, c = col + x;
            d[y][x] = inside || (r >= 0 && r < h && c >= 0 && c < w)
                          ? GETP(src + (r * w + c) * LANES)
                          : (pixel)(0.0f);
        }
}

/* B' x of four values. */
static INLINED void transform_in(pixel *a, pixel *b, pixel *c, pixel *d)
{
    const pixel x1 = *b, x2 = *c;
    *a -= x2;
    *b = x1 + x2;
    *c = x2 - x1;
    *d = x1 - *d;
}

static INLINED void store_patch(global const stored *src, local float *to, int pitch, int row,
                                int col, int h, int w)
{
    pixel d[4][4];
    load_patch(src, d, row, col, h, w);
#pragma unroll
    for (int x = 0; x < 4; x++)
        transform_in(&d[0][x], &d[1][x], &d[2][x], &d[3][x]);
#pragma unroll
    for (int y = 0; y < 4; y++) {
        transform_in(&d[y][0], &d[y][1], &d[y][2], &d[y][3]);
#pragma unroll
        for (int x = 0; x < 4; x++)
            STOREP(d[y][x], to + (y * 4 + x) * pitch);
    }
}

/* `num` blocks of channels from `block` on, of every tile: (block, position, tile, 16). */
static inline void store_patches(global const stored *src, local float *patches, const strip *s,
                                 int block, int num, int src_blocks, int h, int w, int pad_h,
                                 int pad_w)
{
    const int pitch = s->groups * NP * LANES;
    for (int t = 0; t < s->groups * NP; t++) {
        const place at = place_of(s, t);
        global const stored *from = src + (long)(at.image * src_blocks + block) * h * w * LANES;
        local float *to = patches + t * LANES;
        for (int i = 0; i < num; i++, from += h * w * LANES, to += POSITIONS * pitch)
            store_patch(from, to, pitch, at.row - pad_h, at.col - pad_w, h, w);
    }
}

/* ---- sums ------------------------------------------------------------------------------------ */

/* One position of one group of tiles: `num` channels from `first` on. */
static INLINED void multiply_channels(floatv (*acc)[NP], local const float *x,
                                      global const stored **filters, int first, int num, int pitch,
                                      int zero)
{
    for (int k = 0; k < num; k += LANES, x += pitch)
        for (int c = 0; c < min(LANES, num - k); c++) {
            floatv f[NV];
#pragma unroll
            for (int v = 0; v < NV; v++)
                f[v] = GETV(filters[v] + (first + k + c) * LANES);
#pragma unroll
            for (int p = 0; p < NP; p++)
#pragma unroll
                for (int v = 0; v < NV; v++)
                    acc[v][p] =
                        fma(f[v], (floatv)(x[p * LANES + c + (EMBED ? v * zero : 0)]), acc[v][p]);
        }
}

/* All positions of all groups; sums (position, group, NV, NP, V). */
static INLINED void multiply_patches(local const float *patches, global const stored **filters,
                                     local float *sums, const strip *s, int first, int num,
                                     int src_channels, int zero)
{
    const int pitch = s->groups * NP * LANES;
    for (int position = 0; position < POSITIONS; position++) {
        for (int g = 0; g < s->groups; g++, sums += NV * NP * V) {
            floatv acc[NV][NP];
            load_sums(acc, sums, first == 0);
            multiply_channels(acc, patches + (position * s->groups + g) * NP * LANES, filters,
                              first, num, POSITIONS * pitch, zero);
            store_sums(acc, sums);
        }
#pragma unroll
        for (int v = 0; v < NV; v++)
            filters[v] += (long)src_channels * LANES;
    }
}

/* ---- out ------------------------------------------------------------------------------------- */

/* A' times a 4x4 matrix times A, for V channels of a tile. */
static INLINED void transform_out(local const float *sums, int pitch, floatv (*y)[2])
{
    floatv half_done[2][4];
#pragma unroll
    for (int x = 0; x < 4; x++) {
        const floatv a = LOADV(sums + x * pitch), b = LOADV(sums + (4 + x) * pitch);
        const floatv c = LOADV(sums + (8 + x) * pitch), d = LOADV(sums + (12 + x) * pitch);
        half_done[0][x] = a + b + c;
        half_done[1][x] = b - c - d;
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
        y[r][0] = half_done[r][0] + half_done[r][1] + half_done[r][2];
        y[r][1] = half_done[r][1] - half_done[r][2] - half_done[r][3];
    }
}

/* Tile t, the vector of channels from `channel` on. */
static inline void store_tile_pixels(local const float *sums, int pitch, floatv bias, int channel,
                                     int image, const place *at, int dst_h, int dst_w,
                                     const result *r)
{
    floatv y[2][2];
    transform_out(sums, pitch, y);
#pragma unroll
    for (int i = 0; i < 4; i++)
        if (at->row + i / 2 < dst_h && at->col + i % 2 < dst_w)
            store_pixel(y[i / 2][i % 2], bias, channel,
                        image + (at->row + i / 2) * dst_w + at->col + i % 2, r);
}

static inline void store_tiles(local const float *sums, const strip *s, int first_vector, int dst_h,
                               int dst_w, const result *r)
{
    const int pitch = s->groups * NV * NP * V, blocks = (r->num_channels + LANES - 1) / LANES;
    for (int v = 0; v < NV && first_vector + v < blocks * PARTS; v++) {
        const int channel = (first_vector + v) * V;
        const floatv bias = bias_lanes(r->bias, channel, r->num_channels, r->has_bias);
        for (int t = 0; t < s->num; t++) {
            const place at = place_of(s, t);
            store_tile_pixels(sums + ((t / NP * NV + v) * NP + t % NP) * V, pitch, bias, channel,
                              at.image * blocks * dst_h * dst_w, &at, dst_h, dst_w, r);
        }
    }
}

/* Work-item (x, y): `tiles` tiles from x * tiles on, NV vectors of filters from y * NV on. */
kernel void conv_winograd(global const stored *src, global const stored *weights,
                          global const float *bias, global const stored *residual,
                          global stored *dst, local float *patches, local float *sums, int images,
                          int src_channels, int dst_channels, int src_h, int dst_h, int pad_h,
                          int src_w, int dst_w, int pad_w, int tiles, int chunk, int has_bias,
                          int has_residual, float slope, float low, float high, int zero)
{
    const int across = (dst_w + 1) / 2, down = (dst_h + 1) / 2, all = images * across * down;
    const int first = (int)get_global_id(0) * tiles, first_vector = (int)get_global_id(1) * NV;
    const int src_blocks = (src_channels + LANES - 1) / LANES;
    const int dst_blocks = (dst_channels + LANES - 1) / LANES;
    const int num = min(tiles, all - first);
    const strip s = {first, num, all - 1, (num + NP - 1) / NP, across, down};
    const result r = {bias,     residual,     dst,   dst_channels, dst_h * dst_w, 1,
                      has_bias, has_residual, slope, low,          high};
    for (int block = 0; block < src_blocks; block += chunk) {
        const int blocks = min(chunk, src_blocks - block);
        global const stored *filters[NV];
#pragma unroll
        for (int v = 0; v < NV; v++) {
            const int own = min(first_vector + v, dst_blocks * PARTS - 1);
            filters[v] =
                weights + (long)(own / PARTS) * POSITIONS * src_channels * LANES + own % PARTS * V;
        }
        store_patches(src, patches, &s, block, blocks, src_blocks, src_h, src_w, pad_h, pad_w);
        multiply_patches(patches, filters, sums, &s, block * LANES,
                         min(blocks * LANES, src_channels - block * LANES), src_channels, zero);
    }
    store_tiles(sums, &s, first_vector, dst_h, dst_w, &r);
}
