/* conv_weights_wide.cl -- the gradient of a convolution by its weights on CPU devices, where 16
 * channels of a pixel are one vector (layout c16).
 *
 *     diff_weights[o][i][ky][kx] = sum over images and pixels (y, x) of
 *         diff_dst[o][y][x] src[i][y * stride + ky * dilation - pad][...]
 *
 * A tile has NV vectors of output channels by NI input channels by NK neighbouring taps of a row.
 * Its sums stay in registers while it walks the pixels of a *strip*, some lines of an image: a
 * pixel takes NV loads of diff_dst, and NI * NK values of src go to all lanes.  So multiply-adds
 * set the pace.  An item owns its weights: all strips of all images are added by it, in order,
 * in local memory, and in the end it turns them into ONNX's order; nobody else adds to them.
 *
 * Where src is padded, the item copies what a strip needs of one block of channels into a *band*
 * with zeros at its edges.  DIRECT reads src in place.  Pad lanes reach sums of their own only,
 * which are not stored.  A tile that goes over the last tap reads on in the band; over the last
 * channel of a plain src it takes that one again.
 *
 * `kerf bench M --train` lists the share of peak by layer.  Host: lib/ops/conv_weights_wide.c. */
#ifndef NV
#define NV 2 /* vectors of output channels */
#define NI 8 /* input channels */
#define NK 1 /* taps */
#define V  16
#endif
#ifndef DIRECT
#define DIRECT 0
#endif
#include "conv_weights.clh"

/* ---- the band -------------------------------------------------------------------------------- */

/* One line of src from column `col` on; what lies outside is 0. */
static inline void copy_line(global const float *src, local float *to, int col, int w, int num)
{
    const int before = min(max(-col, 0), num), inside = max(before, min(num, w - col));
    for (int x = 0; x < before; x++)
        STOREP((pixel)(0.0f), to + x * SRC_LANES);
    for (int x = before; x < inside; x++)
        STOREP(LOADP(src + (col + x) * SRC_LANES), to + x * SRC_LANES);
    for (int x = inside; x < num; x++)
        STOREP((pixel)(0.0f), to + x * SRC_LANES);
}

/* `num_planes` blocks of channels, lines `row` to row + num_rows - 1 of each. */
static inline void copy_band(global const float *src, local float *to, int num_planes, int row,
                             int col, int num_rows, int num_cols, int h, int w)
{
    for (int i = 0; i < num_planes * num_rows; i++) {
        const int at = row + i % num_rows, inside = at >= 0 && at < h;
        copy_line(src + (long)(i / num_rows * h + (inside ? at : 0)) * w * SRC_LANES,
                  to + i * num_cols * SRC_LANES, col, inside ? w : INT_MIN / 2, num_cols);
    }
}

/* ---- a tile ---------------------------------------------------------------------------------- */

/* A strip as a tile walks it; steps in floats. */
typedef struct walk {
    int num_rows, num_cols;
    int src_row, src_col; /* from pixel to pixel of dst, in src */
    int diff_row;
    int tap;     /* from tap to tap */
    int channel; /* from channel to channel */
    int last;    /* of the tile's channels the last there is: 0 to NI - 1 */
} walk;

static INLINED void multiply(floatv (*acc)[NI * NK], BAND const float *src,
                             global const float **diff, const walk *s)
{
    int from[NI];
#pragma unroll
    for (int i = 0; i < NI; i++)
        from[i] = SRC_LANES == LANES ? i : min(i, s->last) * s->channel;
    for (int y = 0; y < s->num_rows; y++) {
        BAND const float *line = src + y * s->src_row;
        int at = y * s->diff_row;
        for (int x = 0; x < s->num_cols; x++, line += s->src_col, at += LANES) {
            floatv d[NV];
#pragma unroll
            for (int v = 0; v < NV; v++)
                d[v] = LOADV(diff[v] + at);
#pragma unroll
            for (int i = 0; i < NI; i++)
#pragma unroll
                for (int k = 0; k < NK; k++)
#pragma unroll
                    for (int v = 0; v < NV; v++)
                        acc[v][i * NK + k] =
                            fma(d[v], (floatv)(line[from[i] + k * s->tap]), acc[v][i * NK + k]);
        }
    }
}

static INLINED void add_tile(BAND const float *src, global const float **diff, local float *sums,
                             const walk *s, const part *p, int num_channels, int num_taps)
{
    floatv acc[NV][NI * NK];
    clear_tile(acc);
    multiply(acc, src, diff, s);
    add_sums(acc, sums, p, num_channels, num_taps);
}

/* ---- an item --------------------------------------------------------------------------------- */

/* Which weights a work-item makes says conv_weights.clh.  A strip has `rows` lines of dst.  Counts
 * of channels are those of one group. */
kernel void conv_weights_wide(global const float *src, global const float *diff_dst,
                              global float *diff_weights, local float *in_band, local float *sums,
                              int n, int src_channels, int dst_channels, int groups, int src_h,
                              int dst_h, int kernel_h, int stride_h, int pad_h, int dilation_h,
                              int src_w, int dst_w, int kernel_w, int stride_w, int pad_w,
                              int dilation_w, int channels, int rows_of_taps, int rows)
{
    const int3 item = {(int)get_global_id(0), (int)get_global_id(1), (int)get_global_id(2)};
    const part p = part_of(item, src_channels, kernel_h, kernel_w, channels, rows_of_taps);
    const int src_blocks = (src_channels + SRC_LANES - 1) / SRC_LANES;
    const int dst_blocks = (dst_channels + LANES - 1) / LANES;
    const int src_plane = src_h * src_w * SRC_LANES, dst_plane = dst_h * dst_w * LANES;
    const int wide_kernel = (kernel_w + NK - 1) / NK * NK;
    const int num_cols = (dst_w - 1) * stride_w + (wide_kernel - 1) * dilation_w + 1;
    const int num_planes = SRC_LANES == LANES ? 1 : p.num_channels;
    clear_sums(sums, &p);

    for (int image = p.group; image < n * groups; image += groups)
        for (int row = 0; row < dst_h; row += rows) {
            const int num_rows = min(rows, dst_h - row);
            const int band_row = row * stride_h + p.ky * dilation_h - pad_h;
            const int band_rows = (num_rows - 1) * stride_h + (p.num_ky - 1) * dilation_h + 1;
            const int src_row = (DIRECT ? src_w : num_cols) * SRC_LANES;
            global const float *planes =
                src + ((long)image * src_blocks + p.channel / SRC_LANES) * src_plane;
            global const float *diff[NV];
            walk s;
            s.num_rows = num_rows;
            s.num_cols = dst_w;
            s.src_row = stride_h * src_row;
            s.src_col = stride_w * SRC_LANES;
            s.diff_row = dst_w * LANES;
            s.tap = dilation_w * SRC_LANES;
            s.channel = DIRECT ? src_plane : band_rows * src_row;
#pragma unroll
            for (int v = 0; v < NV; v++)
                diff[v] = diff_dst + (long)image * dst_blocks * dst_plane + row * dst_w * LANES +
                          vector_at(p.vector + v, dst_blocks, dst_plane);
            if (!DIRECT)
                copy_band(planes, in_band, num_planes, band_row, -pad_w, band_rows, num_cols, src_h,
                          src_w);
            else
                planes += band_row * src_row;
            for (int i = 0; i < p.num_channels; i += NI)
                for (int k = 0; k < p.num_ky; k++)
                    for (int kx = 0; kx < kernel_w; kx += NK) {
                        const int at = k * dilation_h * src_row + kx * s.tap +
                                       (SRC_LANES == LANES ? p.channel % LANES + i : i * s.channel);
                        s.last = p.num_channels - i - 1;
                        add_tile(CHOOSE(in_band, planes) + at, diff,
                                 sums + (i * p.taps + k * kernel_w + kx) * V, &s, &p,
                                 p.num_channels - i, kernel_w - kx);
                    }
        }

    store_weights(sums, diff_weights, &p, dst_channels, src_channels, kernel_h, kernel_w);
}
