/* sparse_conv_grad_wide.cl -- the gradient of a convolution by those of its weights that are not 0
 * (sparse_conv_grad.cl), for CPU devices, where a pixel is one vector of 16 samples.
 *
 * A tile of ROWS by COLS pixels of a row's dst stays in registers while the row's entries go by;
 * what they read of `chunk` channels of src is copied, with its padding, into local memory (the
 * band).  So there is one load to a multiply-add, of the second cache.  An item has some rows of
 * the pattern; sums of the tiles are added in order.
 *
 * Measured on two cores of Zen 5 under PoCL, 32 samples, 5 percent of 3x3 filters, tiles of 4x4:
 * 32x32x64 1.0 ms, 16x16x128 0.75, 8x8x256 0.62, 4x4x512 0.62; with a stride 32x32x64 to 16x16x128
 * 0.56.  By runs of src between paddings, in place, and dst from memory they took 1.2, 1.2, 1.4, 2.0
 * and 0.85.  The first of them copies half of its time: each item needs all of src, and a tile's
 * surroundings are 2.25 pixels for one.
 * Host side: lib/ops/sparse_conv_grad_wide.c. */
#ifndef ROWS /* of a tile of dst */
#define ROWS 1
#endif
#ifndef COLS
#define COLS 16
#endif
#define SUMS (ROWS * COLS < 4 ? ROWS * COLS : 4) /* of one entry at a time */
#include "sparse_walk.clh"

/* Entries of nobody, behind the last, have no gradient: 0. */
static inline void clear_rest(global float *dst, int used, int capacity, int item, int num_items)
{
    for (int e = used + item; e < capacity; e += num_items)
        dst[e] = 0.0f;
}

/* A pixel is V samples.  A tile's pixels of dst, and the part of the image that it meets. */
typedef struct tile {
    int p, q, rows, cols; /* of dst; fewer than ROWS or COLS at the image's end */
    int pitch, plane;     /* floats from line to line and from channel to channel of the band */
    int step_h, step_w;   /* pixels of the band from one of dst to the next */
} tile;

/* Pixel i of the band's lines, or line i, in src. */
static inline int place(const axis *a, int first, int step, int i)
{
    return first * a->stride - a->pad + i * (a->stride / step);
}

/* What lies beside src is 0. */
static INLINED void clear_pixels(local float *to, int num)
{
    for (int j = 0; j < num; j++)
        vstore16((float16)(0.0f), 0, to + j * V);
}

static INLINED void copy_line(global const float *src, local float *to, int before, int num,
                              int behind, int step)
{
    clear_pixels(to, before);
    to += before * V;
    for (int j = 0; j < num; j++)
        vstore16(vload16(0, src + j * step), 0, to + j * V);
    clear_pixels(to + num * V, behind);
}

static inline void fill_band(global const float *src, local float *band, const axis *y,
                             const axis *x, const tile *t, int num_channels, int lines, int cols)
{
    const int step = x->stride / t->step_w, left = place(x, t->q, t->step_w, 0);
    const int before = left >= 0 ? 0 : min((step - 1 - left) / step, cols);
    const int end = left >= x->src ? 0 : min((x->src - left + step - 1) / step, cols);
    const int num = max(end - before, 0);
    src += (left + before * step) * V;
    for (int c = 0; c < num_channels; c++, src += y->src * x->src * V)
        for (int i = 0; i < lines; i++, band += t->pitch) {
            const int at = place(y, t->p, t->step_h, i);
            if (at >= 0 && at < y->src)
                copy_line(src + at * x->src * V, band, before, num, cols - before - num, step * V);
            else
                clear_pixels(band, cols);
        }
}

/* All lanes are added to all: halves of a vector would make LLVM multiply in parts of two lanes. */
static INLINED float sum_of(float16 x)
{
    x += x.s89abcdef01234567;
    x += x.s456701234567cdef;
    x += x.s2301230123012301;
    return x.s0 + x.s1;
}

/* Entries from `at` on of channels below the chunk's end; returns the first that is not.  A
 * function of its own, whose few variables stay in registers, as the tile of dst does. */
static __attribute__((noinline)) int add_row(local const float *band, local const int *taps,
                                             global const float *diff, global const int *offsets,
                                             global float *dst, int at, int end, int channel,
                                             int end_channel, int plane, int pitch, int line,
                                             int step_w)
{
    const int behind = end_channel << TAP_BITS, step = step_w * V;
    float16 d[ROWS * COLS];
#pragma unroll
    for (int i = 0; i < ROWS; i++)
#pragma unroll
        for (int j = 0; j < COLS; j++)
            d[i * COLS + j] = vload16(0, diff + i * line + j * V);
    for (; at < end; at++) {
        const int offset = offsets[at];
        if (offset >= behind)
            break;
        local const float *x =
            band + ((offset >> TAP_BITS) - channel) * plane + taps[offset & TAP_MASK];
        float16 acc[SUMS];
#pragma unroll
        for (int i = 0; i < ROWS * COLS; i++) {
            const float16 pixel = vload16(0, x + i / COLS * pitch + i % COLS * step);
            acc[i % SUMS] = fma(d[i], pixel, i < SUMS ? (float16)(0.0f) : acc[i % SUMS]);
        }
#pragma unroll
        for (int i = 1; i < SUMS; i++)
            acc[0] += acc[i];
        dst[at] += sum_of(acc[0]);
    }
    return at;
}

/* The same of a tile that reaches behind dst. */
static __attribute__((noinline)) int add_part(local const float *band, local const int *taps,
                                              global const float *diff, global const int *offsets,
                                              global float *dst, int at, int end, int channel,
                                              int end_channel, int line, const tile *t)
{
    const int behind = end_channel << TAP_BITS, step = t->step_w * V;
    for (; at < end && offsets[at] < behind; at++) {
        const int offset = offsets[at];
        local const float *x =
            band + ((offset >> TAP_BITS) - channel) * t->plane + taps[offset & TAP_MASK];
        float16 acc = (float16)(0.0f);
        for (int i = 0; i < t->rows; i++)
            for (int j = 0; j < t->cols; j++)
                acc = fma(vload16(0, diff + i * line + j * V),
                          vload16(0, x + i * t->step_h * t->pitch + j * step), acc);
        dst[at] += sum_of(acc);
    }
    return at;
}

/* Group (x, y): some rows of group y of channels. */
kernel void sparse_conv_grad_wide(global const float *src, global const float *diff,
                                  global const int *starts, global const int *offsets,
                                  global float *dst, int batch, int groups, int src_channels,
                                  int dst_channels, int src_h, int dst_h, int kernel_h,
                                  int stride_h, int pad_h, int dilation_h, int src_w, int dst_w,
                                  int kernel_w, int stride_w, int pad_w, int dilation_w,
                                  int capacity, int step_h, int step_w, int lines, int cols,
                                  int chunk, int rows, local float *band, local int *cursors,
                                  local int *taps)
{
    const axis y = {src_h, dst_h, kernel_h, stride_h, pad_h, dilation_h};
    const axis x = {src_w, dst_w, kernel_w, stride_w, pad_w, dilation_w};
    const int num_rows = groups * dst_channels, src_plane = src_h * src_w * V;
    const int diff_plane = dst_h * dst_w * V, group = (int)get_global_id(1);
    const int first = group * dst_channels + (int)get_global_id(0) * rows;
    const int last = min(first + rows, (group + 1) * dst_channels);
    const int item = group * (int)get_global_size(0) + (int)get_global_id(0);
    tile t = {0, 0, 0, 0, cols * V, lines * cols * V, step_h, step_w};
    for (int e = first < last ? starts[first] : 0, end = first < last ? starts[last] : 0; e < end;
         e++)
        dst[e] = 0.0f;
    for (int r = 0; r < kernel_h; r++)
        for (int s = 0; s < kernel_w; s++)
            taps[r * kernel_w + s] = r * dilation_h * t.pitch + s * dilation_w * V;
    for (int n = 0; n < batch; n++)
        for (t.p = 0; t.p < dst_h; t.p += ROWS)
            for (t.q = 0; t.q < dst_w; t.q += COLS) {
                global const float *own =
                    diff + ((long)n * num_rows * dst_h * dst_w + t.p * dst_w + t.q) * V;
                t.rows = min(ROWS, dst_h - t.p);
                t.cols = min(COLS, dst_w - t.q);
                for (int k = first; k < last; k++)
                    cursors[k - first] = starts[k];
                for (int c = 0; c < src_channels; c += chunk) {
                    const int end = min(c + chunk, src_channels);
                    fill_band(src + ((long)(n * groups + group) * src_channels + c) * src_plane,
                              band, &y, &x, &t, end - c, lines, cols);
                    for (int k = first; k < last; k++) {
                        local int *cursor = cursors + k - first;
                        global const float *d = own + (long)k * diff_plane;
                        if (t.rows == ROWS && t.cols == COLS)
                            *cursor = add_row(band, taps, d, offsets, dst, *cursor, starts[k + 1],
                                              c, end, t.plane, step_h * t.pitch, dst_w * V, step_w);
                        else
                            *cursor = add_part(band, taps, d, offsets, dst, *cursor, starts[k + 1],
                                               c, end, dst_w * V, &t);
                    }
                }
            }
    clear_rest(dst, starts[num_rows], capacity, item,
               (int)(get_global_size(0) * get_global_size(1)));
}
