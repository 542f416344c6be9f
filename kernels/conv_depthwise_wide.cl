/* conv_depthwise_wide.cl -- depth-wise convolutions for CPU devices: 16 channels of a pixel are
 * one vector (layout c16), and so are 16 filters' weights at one tap (o16); an item is alone in
 * its group.
 *
 *     conv_depthwise_wide           `num` rows of a gather (lib/ops/conv_gather.h) in one block of
 *                                   channels: dst, or the pixels of src that one residue of the
 *                                   stride gives
 *     conv_depthwise_weights_wide   one tap of 16 filters
 *
 * A tile is NP neighbouring pixels of a row, whose sums stay in registers: a tap is one load of
 * weights and NP multiply-adds that read `in` as they go.  At the edges a tap is added where it
 * lies inside, so nothing is padded or copied.  A weight's sum is that of images' sums of rows'
 * sums, so that it loses few bits, in an order of its own.
 *
 * Limit: a load a multiply-add, two for weights, and more than that where `in` comes from: of
 * MobileNet-v2 at batch 1 as `kerf bench` lists it, Zen 4 under PoCL, 112x112 and 56x56 reach
 * 0.18 to 0.36 of the multiply-add limit (31 to 70 GB/s, a copy has 58), 7x7 0.11 to 0.16, as a
 * launch is most of it.  Host side: lib/ops/conv_depthwise_wide.c. */
#define V      16
#define DIRECT 1
#include "conv.clh"
#include "conv_blocks.clh"

#ifndef NP
#define NP 7 /* pixels to a tile */
#endif
#ifndef IN_STEP
#define IN_STEP 0 /* in_step_w if that is 1 or 2; 0: any */
#endif

/* One tap of a tile, NP pixels that are `step` apart from `column` on, in a row at `in`. */
static INLINED void add_tap(floatv *acc, global const stored *in, floatv weights, int column,
                            int step, int in_w)
{
    if (column >= 0 && column + (NP - 1) * (long)step < in_w) {
        in += column * LANES;
#pragma unroll
        for (int p = 0; p < NP; p++)
            acc[p] = fma(weights, GETV(in + p * step * LANES), acc[p]);
    } else
#pragma unroll
        for (int p = 0; p < NP; p++) {
            const long at = column + p * (long)step;
            if (at >= 0 && at < in_w)
                acc[p] = fma(weights, GETV(in + at * LANES), acc[p]);
        }
}

/* The tile's first `num` pixels, `step` floats from each other. */
static INLINED void store_tile(const floatv *acc, global const stored *residual, global stored *out,
                               long step, int num, FINISH)
{
#pragma unroll
    for (int p = 0; p < NP; p++)
        if (p < num) {
            const floatv added = has_residual ? GETV(residual + p * step) : (floatv)(0.0f);
            PUTV(activate_lanes(acc[p] + added, slope, low, high), out + p * step);
        }
}

kernel void conv_depthwise_wide(global const stored *in, global const stored *weights,
                                global const float *bias, global const stored *residual,
                                global stored *out, GATHER, int has_bias, FINISH, int num)
{
    const int plane = (int)get_global_id(1), block = plane % ((groups + LANES - 1) / LANES);
    const int first = (int)get_global_id(0) * num, end = min(first + num, num_h);
    const int step = IN_STEP > 0 ? IN_STEP : in_step_w;
    const floatv own_bias = bias_lanes(bias, block * LANES, groups, has_bias);
    in += (long)plane * in_h * in_w * LANES;
    out += ((long)plane * out_plane + out_first) * LANES;
    residual += ((long)plane * out_plane + out_first) * LANES;
    weights += (block * weight_group + weight_first) * LANES;
    for (int i_h = first; i_h < end; i_h++)
        for (int i_w = 0; i_w < num_w; i_w += NP) {
            const int row0 = i_h * in_step_h + in_first_h, column0 = i_w * step + in_first_w;
            floatv acc[NP];
#pragma unroll
            for (int p = 0; p < NP; p++)
                acc[p] = own_bias;
            for (int r = 0; r < taps_h; r++) {
                const int row = row0 + r * tap_step_h;
                if (row < 0 || row >= in_h)
                    continue;
                for (int s = 0; s < taps_w; s++)
                    add_tap(acc, in + (long)row * in_w * LANES,
                            GETV(weights + (r * weight_step_h + s * weight_step_w) * LANES),
                            column0 + s * tap_step_w, step, in_w);
            }
            const long place = (i_h * out_step_h + i_w * (long)out_step_w) * LANES;
            store_tile(acc, residual + place, out + place, (long)out_step_w * LANES, num_w - i_w,
                       FINISH_ARGS);
        }
}

/* ---- weights ------------------------------------------------------------------------------- */

/* The pixels of dst, `from` to `end` - 1, whose tap lies inside of src. */
typedef struct span {
    int from, end;
} span;

static inline span inside(int offset, int stride, int src, int dst)
{
    const int before = offset < 0 ? (int)((stride - 1 - (long)offset) / stride) : 0;
    const int all = offset < src ? (int)(((long)src - offset + stride - 1) / stride) : 0;
    return (span){min(before, dst), min(all, dst)};
}

/* Of one row: four sums at a time. */
static INLINED floatv row_sum(global const float *src, global const float *dst, span q, long step)
{
    floatv acc[4];
#pragma unroll
    for (int u = 0; u < 4; u++)
        acc[u] = (floatv)(0.0f);
    int at = q.from;
    for (; at + 4 <= q.end; at += 4)
#pragma unroll
        for (int u = 0; u < 4; u++)
            acc[u] = fma(LOADV(src + (at + u) * step), LOADV(dst + (at + u) * LANES), acc[u]);
    for (; at < q.end; at++)
        acc[0] = fma(LOADV(src + at * step), LOADV(dst + at * LANES), acc[0]);
    return (acc[0] + acc[1]) + (acc[2] + acc[3]);
}

kernel void conv_depthwise_weights_wide(global const float *src, global const float *dst,
                                        global float *weights, int images, int channels, int src_h,
                                        int dst_h, int kernel_h, int stride_h, int pad_h,
                                        int dilation_h, int src_w, int dst_w, int kernel_w,
                                        int stride_w, int pad_w, int dilation_w)
{
    const int tap = (int)get_global_id(0), block = (int)get_global_id(1);
    const int blocks = (channels + LANES - 1) / LANES;
    const int row0 = tap / kernel_w * dilation_h - pad_h;
    const int column0 = tap % kernel_w * dilation_w - pad_w;
    const span rows = inside(row0, stride_h, src_h, dst_h);
    const span columns = inside(column0, stride_w, src_w, dst_w);
    float lanes[LANES];
    floatv all = (floatv)(0.0f);
    for (int image = 0; image < images; image++) {
        const long plane = (long)image * blocks + block;
        floatv sum = (floatv)(0.0f);
        for (int p = rows.from; p < rows.end; p++)
            sum +=
                row_sum(src + ((plane * src_h + p * stride_h + row0) * src_w + column0) * LANES,
                        dst + (plane * dst_h + p) * dst_w * LANES, columns, (long)stride_w * LANES);
        all += sum;
    }
    STOREV(all, lanes);
    for (int i = 0; i < min(LANES, channels - block * LANES); i++)
        weights[(block * LANES + i) * kernel_h * kernel_w + tap] = lanes[i];
}
