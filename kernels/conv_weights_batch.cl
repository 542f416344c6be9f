/* conv_weights_batch.cl -- the gradient of a convolution by its weights on CPU devices, where 16
 * channels of a pixel are one vector (layout c16) and images are small.
 *
 *     diff_weights[o][i][ky][kx] = sum over images and pixels (y, x) of
 *         diff_dst[o][y][x] src[i][y * stride + ky * dilation - pad][...]
 *
 * A tile has NV vectors of output channels by NI input channels of one tap, and its sums stay in
 * registers.  What it reads lies in two bands, in local memory, with `images` images side by
 * side: (lines, columns, images, lanes).  So a row of the pixels whose tap meets src is one long
 * run however narrow the images are, and those whose tap meets padding are left out, where
 * conv_weights_wide.cl multiplies by zeros.  With a stride a run is one pixel of all images.
 *
 * An item owns its weights: all strips of all images are added by it, in order, in local memory.
 * Pad lanes reach sums of their own only, which are not stored; over the last channel of a plain
 * src a tile takes that one again.
 *
 * `kerf bench M --train` lists the share of peak by layer; what is left out counts there.  Host:
 * lib/ops/conv_weights_batch.c. */
#ifndef NV
#define NV 2 /* vectors of output channels */
#define NI 8 /* input channels */
#define V  16
#endif
#define NK     1
#define DIRECT 0
#include "conv_weights.clh"

/* ---- the bands ------------------------------------------------------------------------------- */

/* `num` pixels of `images` images, SRC_LANES each. */
static inline void copy_src(global const float *src, local float *to, int num, long image_pitch,
                            int images)
{
    for (int p = 0; p < num; p++, src += SRC_LANES)
        for (int n = 0; n < images; n++, to += SRC_LANES)
            STOREP(LOADP(src + n * image_pitch), to);
}

/* The same of NV vectors, which then lie together. */
static inline void copy_diff(global const float **diff, local float *to, int num, long image_pitch,
                             int images)
{
    for (int p = 0; p < num; p++)
        for (int n = 0; n < images; n++, to += NV * V)
#pragma unroll
            for (int v = 0; v < NV; v++)
                STOREV(LOADV(diff[v] + n * image_pitch + p * LANES), to + v * V);
}

/* ---- a tile ---------------------------------------------------------------------------------- */

/* Of pixels 0 to dst - 1 those whose tap, `shift` from pixel 0 on, meets src. */
static inline int first_pixel(int shift, int stride)
{
    return shift >= 0 ? 0 : (stride - 1 - shift) / stride;
}

static inline int end_of_pixels(int shift, int stride, int src, int dst)
{
    return shift >= src ? 0 : min(dst, (src - shift + stride - 1) / stride);
}

/* The pixels of a tap as a tile walks them; steps in floats. */
typedef struct walk {
    int num_rows, num_runs, length; /* so many runs a row, of so many pixels */
    int src_row, src_run, diff_row, diff_run;
    int channel; /* from channel to channel */
    int last;    /* of the tile's channels the last there is: 0 to NI - 1 */
} walk;

static INLINED void multiply(floatv (*acc)[NI], local const float *src, local const float *diff,
                             const walk *s)
{
    int from[NI];
#pragma unroll
    for (int i = 0; i < NI; i++)
        from[i] = SRC_LANES == LANES ? i : min(i, s->last) * s->channel;
    for (int run = 0; run < s->num_rows * s->num_runs; run++) {
        const int row = run / s->num_runs, col = run % s->num_runs;
        local const float *x = src + row * s->src_row + col * s->src_run;
        local const float *d = diff + row * s->diff_row + col * s->diff_run;
        for (int p = 0; p < s->length; p++, x += SRC_LANES, d += NV * V) {
            floatv own[NV];
#pragma unroll
            for (int v = 0; v < NV; v++)
                own[v] = LOADV(d + v * V);
#pragma unroll
            for (int i = 0; i < NI; i++)
#pragma unroll
                for (int v = 0; v < NV; v++)
                    acc[v][i] = fma(own[v], (floatv)(x[from[i]]), acc[v][i]);
        }
    }
}

static INLINED void add_tile(local const float *src, local const float *diff, local float *sums,
                             const walk *s, const part *p, int num_channels)
{
    floatv acc[NV][NI];
    clear_tile(acc);
    multiply(acc, src, diff, s);
    add_sums(acc, sums, p, num_channels, 1);
}

/* ---- an item --------------------------------------------------------------------------------- */

/* Which weights a work-item makes says conv_weights.clh.  A strip has `rows` lines of dst of
 * `images` images.  Counts of channels are those of one group. */
kernel void conv_weights_batch(global const float *src, global const float *diff_dst,
                               global float *diff_weights, local float *in_band,
                               local float *diff_band, local float *sums, int n, int src_channels,
                               int dst_channels, int groups, int src_h, int dst_h, int kernel_h,
                               int stride_h, int pad_h, int dilation_h, int src_w, int dst_w,
                               int kernel_w, int stride_w, int pad_w, int dilation_w, int channels,
                               int rows_of_taps, int rows, int images)
{
    const int3 item = {(int)get_global_id(0), (int)get_global_id(1), (int)get_global_id(2)};
    const part p = part_of(item, src_channels, kernel_h, kernel_w, channels, rows_of_taps);
    const int src_blocks = (src_channels + SRC_LANES - 1) / SRC_LANES;
    const int dst_blocks = (dst_channels + LANES - 1) / LANES;
    const int src_plane = src_h * src_w * SRC_LANES, dst_plane = dst_h * dst_w * LANES;
    const int num_planes = SRC_LANES == LANES ? 1 : p.num_channels;
    const long src_image = (long)groups * src_blocks * src_plane;
    const long dst_image = (long)groups * dst_blocks * dst_plane;
    src += ((long)p.group * src_blocks + p.channel / SRC_LANES) * src_plane;
    diff_dst += (long)p.group * dst_blocks * dst_plane;
    clear_sums(sums, &p);

    for (int image = 0; image < n; image += images)
        for (int row = 0; row < dst_h; row += rows) {
            const int end = min(row + rows, dst_h), own = min(images, n - image);
            const int line = max(row * stride_h + p.ky * dilation_h - pad_h, 0);
            const int end_line =
                min((end - 1) * stride_h + (p.ky + p.num_ky - 1) * dilation_h - pad_h + 1, src_h);
            const int num_pixels = max(end_line - line, 0) * src_w, pixel = own * SRC_LANES;
            global const float *diff[NV];
            walk s;
            s.src_row = stride_h * src_w * pixel;
            s.src_run = stride_w * pixel;
            s.diff_run = own * NV * V;
            s.diff_row = dst_w * s.diff_run;
            s.channel = num_pixels * pixel;
#pragma unroll
            for (int v = 0; v < NV; v++)
                diff[v] = diff_dst + image * dst_image + row * dst_w * LANES +
                          vector_at(p.vector + v, dst_blocks, dst_plane);
            for (int i = 0; i < num_planes; i++)
                copy_src(src + image * src_image + (long)i * src_plane + line * src_w * SRC_LANES,
                         in_band + i * s.channel, num_pixels, src_image, own);
            copy_diff(diff, diff_band, (end - row) * dst_w, dst_image, own);

            for (int t = 0; t < p.taps; t++) {
                const int down = (p.ky + t / kernel_w) * dilation_h - pad_h;
                const int right = t % kernel_w * dilation_w - pad_w;
                const int y = max(first_pixel(down, stride_h), row);
                const int x = first_pixel(right, stride_w);
                const int num_cols = end_of_pixels(right, stride_w, src_w, dst_w) - x;
                s.num_rows = end_of_pixels(down, stride_h, src_h, end) - y;
                s.num_runs = stride_w == 1 ? 1 : num_cols;
                s.length = stride_w == 1 ? num_cols * own : own;
                if (s.num_rows <= 0 || num_cols <= 0)
                    continue;
                local const float *from =
                    in_band + ((y * stride_h + down - line) * src_w + x * stride_w + right) * pixel;
                local const float *to_add = diff_band + ((y - row) * dst_w + x) * s.diff_run;
                for (int i = 0; i < p.num_channels; i += NI) {
                    s.last = p.num_channels - i - 1;
                    add_tile(from + (SRC_LANES == LANES ? p.channel % LANES + i : i * s.channel),
                             to_add, sums + (i * p.taps + t) * V, &s, &p, p.num_channels - i);
                }
            }
        }

    store_weights(sums, diff_weights, &p, dst_channels, src_channels, kernel_h, kernel_w);
}
