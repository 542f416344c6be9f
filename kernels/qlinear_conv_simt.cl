/* qlinear_conv_simt.cl -- convolutions of bytes for GPUs, as conv_simt.cl has those of floats: a
 * group of 64 work-items computes 32 channels by 32 pixels, each work-item 4 by 4 of them.
 *
 * Words of four bytes along a sum's terms come through local memory, STEPS at a time, and go
 * through dot.clh, all with a sign: x ^ 0x80 is x - 128, so its zero point is 128 less.  What
 * zero points add is taken off at the end, by the sums of rows and columns:
 *
 *     sum xw - x_zero sum w - w_zero sum x + terms x_zero w_zero
 *
 * where padding is x's zero point.  Terms behind the last are 0 on both sides.
 *
 * Limit: the loads of single bytes, which an image's edges ask for.  Host side:
 * lib/ops/qlinear_conv_simt.c. */
#define V 1
#include "common.clh"
#include "quant.clh"
#include "qlinear_conv.clh"
#include "conv.clh"
#include "dot.clh"

#define STEPS  8 /* words along the terms at a time */
#define KT     (4 * STEPS)
#define TILE   32
#define STRIDE (TILE + 1) /* keeps a column of local memory off one bank */
/* Both operands' tiles, then the result. */
#define TILE_W tiles
#define TILE_X (tiles + STEPS * STRIDE)

#define COLUMNS(X, i)   X(i, 0) X(i, 1) X(i, 2) X(i, 3)
#define EACH_ELEMENT(X) COLUMNS(X, 0) COLUMNS(X, 1) COLUMNS(X, 2) COLUMNS(X, 3)
#define FOUR(X)         X(0) X(1) X(2) X(3)
#define CLEAR(i, j)     int sum##i##j = 0;
#define CLEAR_SUMS(i)   int sum_w##i = 0, sum_x##i = 0;
#define LOAD_WORDS(i)                                                                              \
    const uint left##i = TILE_W[at * STRIDE + y + 8 * i],                                          \
               right##i = TILE_X[at * STRIDE + x0 + 8 * i];                                        \
    sum_w##i = dot_ss(left##i, 0x01010101u, sum_w##i);                                             \
    sum_x##i = dot_ss(right##i, 0x01010101u, sum_x##i);
#define MULTIPLY_ADD(i, j) sum##i##j = dot_ss(left##i, right##j, sum##i##j);
#define LEAVE(i, j)                                                                                \
    {                                                                                              \
        const int from_w =                                                                         \
            W_ZERO(group * dst_channels + min(m0 + y + 8 * i, dst_channels - 1)) - (128 - w_flip); \
        tiles[(y + 8 * i) * TILE + x0 + 8 * j] =                                                   \
            as_uint(sum##i##j - from_x * sum_w##i - from_w * sum_x##j + terms * from_x * from_w);  \
    }

/* Group (x, y, z): tile x of all pixels, tile y of the channels of group z. */
__attribute__((reqd_work_group_size(64, 1, 1))) kernel void
qlinear_conv_simt(global const uchar *x, global const uchar *weights, global result *dst, INTEGERS,
                  GEOMETRY ADDEND, int num_pixels)
{
    local uint tiles[TILE * TILE];
    local int term_h[KT], term_w[KT], term_x[KT];
    const int item = (int)get_local_id(0), x0 = item % 8, y = item / 8;
    const int n0 = (int)get_group_id(0) * TILE, m0 = (int)get_group_id(1) * TILE;
    const int group = (int)get_group_id(2), src_plane = src_h * src_w, dst_plane = dst_h * dst_w;
    const int terms = src_channels * kernel_h * kernel_w, from_x = X_ZERO - (128 - x_flip);
    const uint to_signed_x = (uint)(128 - x_flip), to_signed_w = (uint)(128 - w_flip);
    const uint padding = (uint)from_x & 0xFFu;
    weights += group * dst_channels * terms;

    /* The pixel that this item loads and stores. */
    const int own = item % TILE, pixel = min(n0 + own, num_pixels - 1);
    const int image = pixel / dst_plane;
    const int row0 = pixel % dst_plane / dst_w * stride_h - pad_h;
    const int column0 = pixel % dst_w * stride_w - pad_w;
    const int first = (image * groups + group) * src_channels * src_plane + row0 * src_w + column0;

    term t = term_at(item, KT, kernel_h, kernel_w); /* of the first KT, if it is one of them */
    EACH_ELEMENT(CLEAR)
    FOUR(CLEAR_SUMS)

    for (int k0 = 0; k0 < terms; k0 += KT) {
        if (item < KT) {
            term_h[item] = t.r * dilation_h;
            term_w[item] = t.s * dilation_w;
            term_x[item] = t.c * src_plane + t.r * dilation_h * src_w + t.s * dilation_w;
            go_on(&t, kernel_h, kernel_w);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int at = item; at < STEPS * TILE; at += 64) {
            const int row = m0 + at / STEPS, p = k0 + at % STEPS * 4;
            uint word = 0;
            for (int q = 0; q < 4; q++)
                if (row < dst_channels && p + q < terms)
                    word |= ((uint)weights[row * terms + p + q] ^ to_signed_w) << 8 * q;
            TILE_W[at % STEPS * STRIDE + at / STEPS] = word;
        }
        for (int at = item / TILE; at < STEPS; at += 64 / TILE) {
            uint word = 0;
            for (int q = 0; q < 4; q++) {
                const int p = at * 4 + q, row = row0 + term_h[p], column = column0 + term_w[p];
                const int inside = row >= 0 && row < src_h && column >= 0 && column < src_w;
                if (k0 + p < terms)
                    word |= (inside ? (uint)x[first + term_x[p]] ^ to_signed_x : padding) << 8 * q;
            }
            TILE_X[at * STRIDE + own] = word;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll 1
        for (int at = 0; at < STEPS; at++) {
            FOUR(LOAD_WORDS)
            EACH_ELEMENT(MULTIPLY_ADD)
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    /* By way of local memory, so that neighbours write neighbouring pixels. */
    EACH_ELEMENT(LEAVE)
    barrier(CLK_LOCAL_MEM_FENCE);
    const int end = n0 + own < num_pixels ? min(TILE, dst_channels - m0) : 0;
    for (int i = item / TILE; i < end; i += 64 / TILE) {
        const int channel = group * dst_channels + m0 + i;
        const int at = (image * groups * dst_channels + channel) * dst_plane + pixel % dst_plane;
        dst[at] = result_of(as_int(tiles[i * TILE + own]), channel, at, RESULT_ARGS ADDEND_ARGS);
    }
}
