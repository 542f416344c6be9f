/* sparse_conv_grad.cl -- the gradient of a convolution by those of its weights that are not 0.
 *
 *     diff_values[e of row k] = sum over images and pixels p, q of
 *         diff_dst(k, p, q) * src(c, p * stride - pad + r * dilation, ...)
 *
 * where the entry's offset is c * 256 + its tap (r, s).  Pixels whose tap meets padding are left
 * out. 64 work-items have an entry each, of any number of lanes; CPU devices have
 * sparse_conv_grad_wide.cl.  Host side: lib/ops/sparse_conv_grad.c. */
#define TAP_BITS 8 /* of an offset of a pattern; the rest is the channel */
#define TAP_MASK 255

/* A group has a row; entries of nobody, behind the last, have no gradient: 0. */
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
    for (int e = starts[num_rows] + (int)get_global_id(0); e < capacity;
         e += (int)get_global_size(0))
        dst[e] = 0.0f;
}
