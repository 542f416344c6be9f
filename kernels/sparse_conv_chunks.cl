/* sparse_conv_chunks.cl -- convolution with few weights that are not 0, for CPU devices, by a
 * pattern made for its tile: an item, alone in its group, makes a tile of pixels for some rows of
 * the pattern, that is output channels.
 *
 * A tile is one run of NV vectors over `rows` lines of dst.  For each non-zero the weight goes to
 * all lanes, and NV vectors of src are multiplied and added to sums that stay in registers.  They
 * are read from the *band*, a copy in local memory of what the tile needs of `chunk` channels,
 * which fits the first cache.  Lines lie `pitch` floats apart, and zeros behind a line are those
 * before the next one; so are the sums between two lines of dst, which nobody stores.
 *
 * The pattern is that of kerf.SparsePattern in chunks: of each all rows, one behind the other, so
 * entries are read in the order in which they lie, and their offsets are places in the band
 * (lib/ops/sparse_places.h).  Between chunks sums wait in local memory.  The stride is 1.  Lanes
 * that are no pixels are computed and not stored.
 *
 * Loads set the pace: nearly each of them crosses a line of the cache.  Two cores of Zen 5 under
 * PoCL, 10 percent of non-zeros, beside sparse_conv_wide.cl, which looks up each place and jumps
 * through the pattern, in one run: 56x56x64 0.162 ms and 0.182, 28x28x128 0.150 and 0.157,
 * 14x14x256 0.140 and 0.153, 7x7x512 0.186 and 0.221.
 * Host side: lib/ops/sparse_conv_chunks.c. */
#ifndef NV
#define NV 8 /* vectors to a tile */
#endif
#define V 16
#include "sparse_tile.clh"

/* ---- the band -------------------------------------------------------------------------------- */

/* What the band is made of, and how. */
typedef struct shape {
    int src_h, src_w;
    int y, x; /* in src, of the band's corner */
    int lines, pitch;
    int before, behind; /* floats around a channel that may be read */
} shape;

#define LANES_16 ((int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#define LANES_8  LANES_16.lo

/* A channel; at the ends of the tensor, where a vector cannot be read, pixel by pixel.  Vectors
 * reach behind their line, into the next one, which comes later. */
#define COPY_LINES(n)                                                                              \
    static inline void copy_lines##n(global const float *src, local float *to, const shape *b)     \
    {                                                                                              \
        for (int i = 0, y = b->y; i < b->lines; i++, y++, to += b->pitch)                          \
            for (int j = 0, x = b->x; j < b->pitch; j += n, x += n) {                              \
                const int at = y * b->src_w + x;                                                   \
                if (y < 0 || y >= b->src_h)                                                        \
                    STORE(n, local, (float##n)(0.0f), to + j);                                     \
                else if (at + b->before >= 0 && at + n <= b->behind) {                             \
                    const int##n inside = x + LANES_##n >= 0 & x + LANES_##n < b->src_w;           \
                    STORE(n, local, as_float##n(as_int##n(vload##n(0, src + at)) & inside),        \
                          to + j);                                                                 \
                } else                                                                             \
                    for (int l = 0; l < n; l++)                                                    \
                        to[j + l] = x + l >= 0 && x + l < b->src_w ? src[at + l] : 0.0f;           \
            }                                                                                      \
    }
COPY_LINES(16)
COPY_LINES(8)

/* ---- a row ----------------------------------------------------------------------------------- */

/* A row's entries of the chunk: a function of its own, whose few variables stay in registers. */
static __attribute__((noinline)) void add_row(local const float *src, global const float *values,
                                              global const int *places, local float *sums, int num,
                                              int is_first)
{
    floatv acc[NV];
    load_sums(acc, sums, is_first);
    for (int i = 0; i < num; i++) {
        local const float *x = src + places[i];
        const floatv w = (floatv)(values[i]);
#pragma unroll
        for (int v = 0; v < NV; v++)
            acc[v] = fma(w, LOADV(x + v * V), acc[v]);
    }
    store_sums(acc, sums);
}

/* Rows that have the same places, as where weights go in blocks of four output channels, share
 * their loads: then multiply-adds set the pace.  `num` vectors of each row. */
static INLINED void add_vectors(local const float *src, global const float *values,
                                global const int *places, local float *sums, int length,
                                int is_first, const int num)
{
    floatv acc[SHARE * SHARED];
#pragma unroll
    for (int r = 0; r < SHARE; r++)
#pragma unroll
        for (int v = 0; v < num; v++)
            acc[r * num + v] = is_first ? (floatv)(0.0f) : LOADV(sums + (r * NV + v) * V);
    for (int i = 0; i < length; i++) {
        local const float *x = src + places[i];
        floatv w[SHARE];
#pragma unroll
        for (int r = 0; r < SHARE; r++)
            w[r] = (floatv)(values[i + r * length]);
#pragma unroll
        for (int v = 0; v < num; v++) {
            const floatv pixels = LOADV(x + v * V);
#pragma unroll
            for (int r = 0; r < SHARE; r++)
                acc[r * num + v] = fma(w[r], pixels, acc[r * num + v]);
        }
    }
#pragma unroll
    for (int r = 0; r < SHARE; r++)
#pragma unroll
        for (int v = 0; v < num; v++)
            STORE(16, local, acc[r * num + v], sums + (r * NV + v) * V);
}

static __attribute__((noinline)) void add_shared(local const float *src, global const float *values,
                                                 global const int *places, local float *sums,
                                                 int length, int is_first)
{
    int v = 0;
    for (; v + SHARED <= NV; v += SHARED)
        add_vectors(src + v * V, values, places, sums + v * V, length, is_first, SHARED);
#if NV % SHARED != 0
    add_vectors(src + v * V, values, places, sums + v * V, length, is_first, NV % SHARED);
#endif
}

/* 1 if the SHARE rows that begin there have the same places. */
static inline int are_same(global const int *starts, global const int *places)
{
    const int num = starts[1] - starts[0];
    places += starts[0];
    for (int r = 1; r < SHARE; r++)
        if (starts[r + 1] - starts[r] != num)
            return 0;
    for (int i = 0; i < num; i++)
        for (int r = 1; r < SHARE; r++)
            if (places[i + r * num] != places[i])
                return 0;
    return 1;
}

/* Of all chunks, each of which has `pitch` rows. */
static inline int is_shared(global const int *starts, global const int *places, int num_chunks,
                            int pitch)
{
    for (int i = 0; i < num_chunks; i++)
        if (!are_same(starts + i * pitch, places))
            return 0;
    return 1;
}

/* ---- the kernel ------------------------------------------------------------------------------ */

/* Group (x, y, z): tile x, columns fastest; rows y * num_rows and on; image and group of channels
 * z.  band, sums and shared are local memory; sums have NV vectors for each row, or for two times
 * SHARE if there is one chunk. */
kernel void sparse_conv_chunks(global const float *src, global const float *values,
                               global const int *starts, global const int *places,
                               global const float *bias, global const float *residual,
                               global float *dst, local float *band, local float *sums,
                               local int *shared, int images, int groups, int src_channels,
                               int dst_channels, int src_h, int dst_h, int pad_h, int src_w,
                               int dst_w, int pad_w, int rows, int cols, int lines, int pitch,
                               int plane_floats, int chunk, int num_rows, int has_bias,
                               int has_residual, float slope, float low, float high)
{
    const int across = (dst_w + cols - 1) / cols, tile = (int)get_global_id(0);
    const int p = tile / across * rows, q = tile % across * cols, plane = src_h * src_w;
    const int image = (int)get_global_id(2) / groups, group = (int)get_global_id(2) % groups;
    const int first = group * dst_channels + (int)get_global_id(1) * num_rows;
    const int last = min(first + num_rows, (group + 1) * dst_channels);
    const int all_rows = groups * dst_channels, num_chunks = (src_channels + chunk - 1) / chunk;
    const int channels_before = (image * groups + group) * src_channels;
    const int sums_mask = num_chunks > 1 ? -1 : 2 * SHARE - 1;
    shape b = {src_h, src_w, p - pad_h, q - pad_w, lines, pitch, 0, 0};
    const outcome o = {has_bias ? bias : 0,
                       residual,
                       dst,
                       ((long)image * all_rows * dst_h + p) * dst_w + q,
                       dst_h * dst_w,
                       dst_w,
                       min(rows, dst_h - p),
                       min(cols, dst_w - q),
                       pitch,
                       {has_residual, 0.0f, slope, low, high}};
    /* A row's sums are finished behind the next row: read at once they would still be on their
     * way to the cache. */
    int done = first;
    src += (long)channels_before * plane;
    for (int k = first; SHARES && k < last; k += SHARE)
        shared[(k - first) / SHARE] =
            k + SHARE <= last && is_shared(starts + k, places, num_chunks, all_rows);
    for (int i = 0; i < chunk * plane_floats; i++)
        band[i] = 0.0f;
    for (int c = 0, i = 0; i < num_chunks; c += chunk, i++, starts += all_rows) {
        for (int j = 0; j < min(chunk, src_channels - c); j++) {
            b.before = (channels_before + c + j) * plane;
            b.behind = images * groups * src_channels * plane - b.before;
            if (pitch <= 9)
                copy_lines8(src + (long)(c + j) * plane, band + j * plane_floats, &b);
            else
                copy_lines16(src + (long)(c + j) * plane, band + j * plane_floats, &b);
        }
        for (int k = first, step; k < last; k += step) {
            const int is_four = SHARES && (k - first) % SHARE == 0 && shared[(k - first) / SHARE];
            const int at = starts[k], num = starts[k + 1] - at;
            local float *own = sums + ((k - first) & sums_mask) * NV * V;
            step = is_four ? SHARE : 1;
            if (is_four)
                add_shared(band, values + at, places + at, own, num, i == 0);
            else
                add_row(band, values + at, places + at, own, num, i == 0);
            for (; i + 1 == num_chunks && done < k; done++)
                finish_tile(sums + ((done - first) & sums_mask) * NV * V, done, &o);
        }
    }
    for (; done < last; done++)
        finish_tile(sums + ((done - first) & sums_mask) * NV * V, done, &o);
}
