/* gemm.cl -- matrix products without tiles; see lib/ops/gemm.c for when they are taken.
 *
 * Elements lie at strides, so a transpose is a number: a(i, p) at i * a_row + p * a_col.
 * Product z of a batch is outer * num_inner + inner.  Sums run in the order of p.
 *
 * Host side: lib/ops/gemm.c. */
#include "halves.clh"

#ifndef OUTPUTS
#define OUTPUTS 4 /* of one row to a work-item of gemm_dot; DOT_OUTPUTS of the host */
#endif

static inline float gemm_finish(float sum, float alpha, float beta, global const float *bias,
                                int has_bias, int bias_at, int relu)
{
    float x = alpha * sum;
    if (has_bias)
        x += beta * bias[bias_at];
    /* Written so that NaN stays NaN. */
    return relu && x < 0.0f ? 0.0f : x;
}

/* One element of dst to a work-item, steps first to last - 1 of its sum: a long one takes
 * several launches, each going on from what the last left in dst. */
kernel void gemm_plain(global const stored *a, global const stored *b, global const float *bias,
                       global stored *dst, float alpha, float beta, int m, int n, int k, int a_row,
                       int a_col, int b_row, int b_col, int num_inner, int a_outer, int a_inner,
                       int b_outer, int b_inner, int has_bias, int bias_row, int bias_col, int relu,
                       uint num, int first, int last)
{
    const uint at = (uint)get_global_id(0);
    if (at >= num)
        return;
    const int j = (int)(at % (uint)n), rest = (int)(at / (uint)n);
    const int i = rest % m, z = rest / m;
    a += (z / num_inner) * a_outer + (z % num_inner) * a_inner + i * a_row;
    b += (z / num_inner) * b_outer + (z % num_inner) * b_inner + j * b_col;
    float sum = first > 0 ? GET(dst + at) : 0.0f;
    for (int p = first; p < last; p++)
        sum = fma(GET(a + p * a_col), GET(b + p * b_row), sum);
    if (last < k)
        PUT(sum, dst + at);
    else
        PUT(gemm_finish(sum, alpha, beta, bias, has_bias, i * bias_row + j * bias_col, relu),
            dst + at);
}

static inline float gemm_sum16(float16 x)
{
    const float8 y = x.lo + x.hi;
    const float4 z = y.lo + y.hi;
    const float2 w = z.lo + z.hi;
    return w.x + w.y;
}

/* OUTPUTS neighbours of a row to a work-item that is alone in its group, vectors along k:
 * both operands are contiguous there.  Bound by reading b once. */
kernel void gemm_dot(global const stored *a, global const stored *b, global const float *bias,
                     global stored *dst, float alpha, float beta, int m, int n, int k, int a_row,
                     int a_col, int b_row, int b_col, int num_inner, int a_outer, int a_inner,
                     int b_outer, int b_inner, int has_bias, int bias_row, int bias_col, int relu,
                     uint num)
{
    const int blocks = (n + OUTPUTS - 1) / OUTPUTS;
    const int at = (int)get_global_id(0);
    const int j0 = at % blocks * OUTPUTS, rest = at / blocks;
    const int i = rest % m, z = rest / m;
    a += (z / num_inner) * a_outer + (z % num_inner) * a_inner + i * a_row;
    b += (z / num_inner) * b_outer + (z % num_inner) * b_inner;
    float16 acc[OUTPUTS];
    float tail[OUTPUTS];
    for (int o = 0; o < OUTPUTS; o++) {
        acc[o] = (float16)(0.0f);
        tail[o] = 0.0f;
    }
    /* Past the last column the last one is computed again, and not stored. */
    const int full = k / 16 * 16;
    for (int p = 0; p < full; p += 16) {
        const float16 x = GET16(a + p);
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++)
            acc[o] = fma(x, GET16(b + min(j0 + o, n - 1) * b_col + p), acc[o]);
    }
    for (int p = full; p < k; p++)
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++)
            tail[o] = fma(GET(a + p), GET(b + (min(j0 + o, n - 1) * b_col + p)), tail[o]);
    for (int o = 0; o < OUTPUTS && j0 + o < n; o++)
        PUT(gemm_finish(gemm_sum16(acc[o]) + tail[o], alpha, beta, bias, has_bias,
                        i * bias_row + (j0 + o) * bias_col, relu),
            dst + ((long)rest * n + j0 + o));
}
