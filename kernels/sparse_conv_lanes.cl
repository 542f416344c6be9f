/* sparse_conv_lanes.cl -- convolution with few weights that are not 0, and its gradient by src, for
 * CPU devices, where a pixel is one vector of 16 samples.
 *
 * An item makes `strip` lines of one row's plane after the other.  Their sums lie in local memory,
 * in the first cache; each non-zero adds its weight times a run of pixels, from where it finds them
 * to where they go: by src (GRADIENT) pixels that are `stride` apart.  So no tap that meets padding
 * is multiplied, nor one that a stride leaves out, and src is read where it is.
 *
 * Two loads and a store to a multiply-add.  Measured on two cores of Zen 5 under PoCL, 32 samples,
 * 5 percent of 3x3 filters of stride 1: 32x32x64 1.3 ms, 16x16x128 1.4, 8x8x256 1.6, 4x4x512 2.1,
 * where registers take 1.4, 0.9, 0.9 and 0.8; with 5x5 filters and padding of 4 0.17, and 0.21.
 * Host side: lib/ops/sparse_conv_lanes.c; where lines are long and have no stride,
 * sparse_conv_wide.cl keeps sums in registers. */
#ifndef GRADIENT
#define GRADIENT 0 /* 1: src from dst */
#endif
#include "sparse_walk.clh"

/* Lines of dst that write lines p to before end_p of the result. */
static inline void clip(walk *w, const axis *y, int r, int p, int end_p)
{
    const int down = r * y->dilation - y->pad, s = y->stride;
    const int begin = GRADIENT ? max(p - down + s - 1, 0) / s : p;
    const int end = GRADIENT ? max(end_p - down + s - 1, 0) / s : end_p;
    w->first = max(w->first, begin);
    w->end = min(w->end, end);
}

#define ADD(v)                                                                                     \
    acc[v] = fma(w, vload16(0, from + (i + (v)) * from_step), vload16(0, to + (i + (v)) * to_step))

static INLINED void add_run(float16 w, global const float *from, local float *to, int num,
                            int from_step, int to_step)
{
    float16 acc[4];
    int i = 0;
    for (; i + 4 <= num; i += 4) {
#pragma unroll
        for (int v = 0; v < 4; v++)
            ADD(v);
#pragma unroll
        for (int v = 0; v < 4; v++)
            vstore16(acc[v], 0, to + (i + v) * to_step);
    }
    for (; i < num; i++) {
        ADD(0);
        vstore16(acc[0], 0, to + i * to_step);
    }
}

static inline float16 activate(float16 x, float slope, float low, float high)
{
    if (slope != 1.0f)
        x = x < (float16)(0.0f) ? x * slope : x;
    x = x < (float16)(low) ? (float16)(low) : x;
    return x > (float16)(high) ? (float16)(high) : x;
}

/* walks: one a tap, in local memory.  Group (x, y, z): rows x * rows and on; lines y * strip and on
 * of the result; image z. */
kernel void sparse_conv_lanes(global const float *src, global const float *values,
                              global const int *starts, global const int *offsets,
                              global const float *bias, global const float *residual,
                              global float *dst, local float *sums, local walk *walks, int groups,
                              int in_channels, int out_channels, int src_h, int dst_h, int kernel_h,
                              int stride_h, int pad_h, int dilation_h, int src_w, int dst_w,
                              int kernel_w, int stride_w, int pad_w, int dilation_w, int strip,
                              int rows, int has_bias, int has_residual, float slope, float low,
                              float high)
{
    const axis y = {src_h, dst_h, kernel_h, stride_h, pad_h, dilation_h};
    const axis x = {src_w, dst_w, kernel_w, stride_w, pad_w, dilation_w};
    const int src_line = src_w * V * stride_h, dst_line = dst_w * V, src_step = stride_w * V;
    const int from_line = GRADIENT ? dst_line : src_line, to_line = GRADIENT ? src_line : dst_line;
    const int from_step = GRADIENT ? V : src_step, to_step = GRADIENT ? src_step : V;
    const int out_h = GRADIENT ? src_h : dst_h, out_w = GRADIENT ? src_w : dst_w;
    const int in_plane = (GRADIENT ? dst_h * dst_w : src_h * src_w) * V;
    const int p = (int)get_global_id(1) * strip, end_p = min(p + strip, out_h);
    const int num = (end_p - p) * out_w * V, image = (int)get_global_id(2);
    const int first = (int)get_global_id(0) * rows, num_rows = groups * out_channels;
    for (int r = 0; r < kernel_h; r++)
        for (int s = 0; s < kernel_w; s++) {
            walk w = walk_of(&y, &x, r, s);
            clip(&w, &y, r, p, end_p);
            walks[r * kernel_w + s] = w;
        }
    for (int k = first; k < min(first + rows, num_rows); k++) {
        const int channel = image * groups * in_channels + k / out_channels * in_channels;
        for (int i = 0; i < num; i += V)
            vstore16((float16)(0.0f), 0, sums + i);
        for (int e = starts[k]; e < starts[k + 1]; e++) {
            local const walk *w = walks + (offsets[e] & TAP_MASK);
            const int lines = w->end - w->first, is_whole = w->is_whole;
            const int length = is_whole ? lines * w->num : w->num;
            global const float *from = src + (long)(channel + (offsets[e] >> TAP_BITS)) * in_plane +
                                       (GRADIENT ? w->diff : w->src) + w->first * from_line;
            local float *to =
                sums + (GRADIENT ? w->src : w->diff) + w->first * to_line - p * out_w * V;
            for (int i = 0; i < (is_whole ? min(lines, 1) : lines); i++)
                add_run((float16)(values[e]), from + i * from_line, to + i * to_line, length,
                        from_step, to_step);
        }
        const float begin = has_bias ? bias[k] : 0.0f;
        const long at = ((long)(image * num_rows + k) * out_h + p) * out_w * V;
        for (int i = 0; i < num; i += V) {
            float16 sum = vload16(0, sums + i) + begin;
            if (has_residual)
                sum += vload16(0, residual + at + i);
            vstore16(activate(sum, slope, low, high), 0, dst + at + i);
        }
    }
}
