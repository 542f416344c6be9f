/* sparse_conv_grad.cl -- the gradient of a convolution by those of its weights that are not 0.
 *
 *     diff_values[e of row k] = sum over images and pixels p, q of
 *         diff_dst(k, p, q) * src(c, p * stride - pad + r * dilation, ...)
 *
 * where the entry's offset is c * 256 + its tap (r, s).  Pixels whose tap meets padding are left
 * out by the bounds of loops.
 *
 *     sparse_conv_grad_wide   a pixel is one vector, of 16 samples (`lanes`), so every load is
 *                             aligned, and pixels of a line are one run; an item has some rows of
 *                             the pattern.  What it reads of src, `images` images by `strip` lines
 *                             of dst, stays in the second cache while it walks its entries; their
 *                             sums of the strips are added in order
 *     sparse_conv_grad_simt   64 work-items have an entry each; any number of lanes
 *
 * Two loads to a multiply-add.  Measured on two cores of Zen 5 under PoCL, 32 samples, 5 percent of
 * 3x3 filters: 32x32x64 1.3 ms, 16x16x128 1.3, 8x8x256 1.5, 4x4x512 2.1, where dense gradients take
 * 6.0, 5.6, 5.0 and 4.4.
 * walks is local memory for a tap each.  Host side: lib/ops/sparse_conv_grad.c. */
#include "sparse_walk.clh"

/* Entries of nobody, behind the last, have no gradient: 0. */
static inline void clear_rest(global float *dst, int used, int capacity, int item, int num_items)
{
    for (int e = used + item; e < capacity; e += num_items)
        dst[e] = 0.0f;
}

/* ---- wide ------------------------------------------------------------------------------------ */

static INLINED float sum_of(float16 x)
{
    const float8 a = x.lo + x.hi;
    const float4 c = a.lo + a.hi;
    const float2 d = c.lo + c.hi;
    return d.s0 + d.s1;
}

#define ADD(v)                                                                                     \
    acc[v] = fma(vload16(0, src + (i + v) * step), vload16(0, diff + (i + v) * V), acc[v])

/* `num` pixels; step: floats from one to the next in src. */
static INLINED void add_run(float16 acc[4], global const float *src, global const float *diff,
                            int num, int step)
{
    int i = 0;
    for (; i + 4 <= num; i += 4) {
        ADD(0);
        ADD(1);
        ADD(2);
        ADD(3);
    }
    if (i < num)
        ADD(0);
    if (i + 1 < num)
        ADD(1);
    if (i + 2 < num)
        ADD(2);
}

/* Lines p to before end_p of all images; src and diff are planes of the first. */
static INLINED float sum_entry(global const float *src, global const float *diff,
                               local const walk *w, int p, int end_p, int images, long src_pitch,
                               long diff_pitch, int src_line, int diff_line, int step)
{
    const int first = max(p, w->first), end = min(end_p, w->end), is_whole = w->is_whole;
    const int lines = is_whole ? min(end - first, 1) : end - first;
    const int num = is_whole ? (end - first) * w->num : w->num;
    float16 acc[4] = {(float16)(0.0f), (float16)(0.0f), (float16)(0.0f), (float16)(0.0f)};
    src += w->src + (long)first * src_line;
    diff += w->diff + (long)first * diff_line;
    for (int n = 0; n < images; n++, src += src_pitch, diff += diff_pitch)
        for (int i = 0; i < lines; i++)
            add_run(acc, src + (long)i * src_line, diff + (long)i * diff_line, num, step);
    return sum_of(acc[0] + acc[1] + (acc[2] + acc[3]));
}

kernel void sparse_conv_grad_wide(global const float *src, global const float *diff,
                                  global const int *starts, global const int *offsets,
                                  global float *dst, int batch, int groups, int src_channels,
                                  int dst_channels, int src_h, int dst_h, int kernel_h,
                                  int stride_h, int pad_h, int dilation_h, int src_w, int dst_w,
                                  int kernel_w, int stride_w, int pad_w, int dilation_w,
                                  int capacity, int images, int strip, int rows, local walk *walks)
{
    const axis y = {src_h, dst_h, kernel_h, stride_h, pad_h, dilation_h};
    const axis x = {src_w, dst_w, kernel_w, stride_w, pad_w, dilation_w};
    const int num_rows = groups * dst_channels, src_plane = src_h * src_w * V;
    const int diff_plane = dst_h * dst_w * V, first = (int)get_global_id(0) * rows;
    const int last = min(first + rows, num_rows);
    const long src_pitch = (long)groups * src_channels * src_plane;
    const long diff_pitch = (long)num_rows * diff_plane;
    for (int e = first < last ? starts[first] : 0, end = first < last ? starts[last] : 0; e < end;
         e++)
        dst[e] = 0.0f;
    for (int r = 0; r < kernel_h; r++)
        for (int t = 0; t < kernel_w; t++)
            walks[r * kernel_w + t] = walk_of(&y, &x, r, t);
    for (int n = 0; n < batch; n += images)
        for (int p = 0; p < dst_h; p += strip)
            for (int k = first; k < last; k++) {
                const int channel = k / dst_channels * src_channels;
                for (int e = starts[k]; e < starts[k + 1]; e++) {
                    const int c = channel + (offsets[e] >> TAP_BITS);
                    dst[e] += sum_entry(src + n * src_pitch + (long)c * src_plane,
                                        diff + n * diff_pitch + (long)k * diff_plane,
                                        walks + (offsets[e] & TAP_MASK), p, min(p + strip, dst_h),
                                        min(images, batch - n), src_pitch, diff_pitch,
                                        src_w * V * stride_h, dst_w * V, stride_w * V);
                }
            }
    clear_rest(dst, starts[num_rows], capacity, (int)get_global_id(0), (int)get_global_size(0));
}

/* ---- one work-item an entry ------------------------------------------------------------------ */

/* A group has a row. */
__attribute__((reqd_work_group_size(64, 1, 1))) kernel void
sparse_conv_grad_simt(global const float *src, global const float *diff, global const int *starts,
                      global const int *offsets, global float *dst, int batch, int groups,
                      int src_channels, int dst_channels, int src_h, int dst_h, int kernel_h,
                      int stride_h, int pad_h, int dilation_h, int src_w, int dst_w, int kernel_w,
                      int stride_w, int pad_w, int dilation_w, int capacity, int lanes)
{
    const int k = (int)get_group_id(0), last = starts[k + 1], num_rows = groups * dst_channels;
    const int plane = src_h * src_w * lanes, line = dst_w * lanes;
    for (int e = starts[k] + (int)get_local_id(0); e < last; e += 64) {
        const int offset = offsets[e], tap = offset & TAP_MASK, r = tap / kernel_w;
        const int y0 = r * dilation_h - pad_h, x0 = (tap - r * kernel_w) * dilation_w - pad_w;
        const int c = k / dst_channels * src_channels + (offset >> TAP_BITS);
        float sum = 0.0f;
        for (int i = 0; i < batch * dst_h * line; i++) {
            const int at = i / lanes, lane = i - at * lanes, n = i / line / dst_h;
            const int p = i / line - n * dst_h, q = at % dst_w;
            const int y = p * stride_h + y0, x = q * stride_w + x0;
            if (y >= 0 && y < src_h && x >= 0 && x < src_w)
                sum = fma(
                    diff[((n * num_rows + k) * dst_h + p) * line + q * lanes + lane],
                    src[(n * groups * src_channels + c) * plane + (y * src_w + x) * lanes + lane],
                    sum);
        }
        dst[e] = sum;
    }
    clear_rest(dst, starts[num_rows], capacity, (int)get_global_id(0), (int)get_global_size(0));
}
