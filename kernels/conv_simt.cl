/* conv_simt.cl -- convolutions for GPUs as matrix products whose large operand is never made: a
 * group of 64 work-items computes a tile of 32 channels by 32 pixels (for the gradient of
 * weights: of channels by weights), each work-item 4 by 4 of them in registers, as in
 * gemm_simt.cl.  8 by 4, and 6 by 4 too, are more than Intel's compiler for pvc can hold here.
 *
 *     conv_simt_gather    dst, or the pixels of src that one residue of the stride gives
 *     conv_simt_weights   weights from some of the pixels
 *     conv_simt_join      sums what those made, in order
 *
 * Both operands come through local memory, KT terms at a time, less than 5 KiB.  A work-item
 * loads the same pixel in every round, so it divides once; where a term lies is found out once
 * for all pixels and kept in a table.  Neighbours
 * read and write neighbouring pixels.  Zeros stand for padding and for what lies outside a tile, so
 * an infinite weight makes NaN of padding.
 *
 * Host side: lib/ops/conv_simt.c. */
#include "conv.clh"

#define MR       4
#define NR       4
#define KT       16
#define TILE_M   (8 * MR)
#define TILE_N   (8 * NR)
#define STRIDE_M (TILE_M + 1) /* keeps a column of local memory off one bank */
#define STRIDE_N (TILE_N + 1)
/* Both operands' tiles, then the result. */
#define TILE_A tiles
#define TILE_B (tiles + KT * STRIDE_M)

/* X(i, j) for each element of a work-item's tile, spelled out as in gemm_simt.cl. */
#define COLUMNS(X, i)   X(i, 0) X(i, 1) X(i, 2) X(i, 3)
#define EACH_ELEMENT(X) COLUMNS(X, 0) COLUMNS(X, 1) COLUMNS(X, 2) COLUMNS(X, 3)

#define CLEAR(i, j)        acc[i][j] = 0.0f;
#define MULTIPLY_ADD(i, j) acc[i][j] = fma(left[i], right[j], acc[i][j]);
#define LEAVE(i, j)        tiles[(y + 8 * i) * TILE_N + x + 8 * j] = acc[i][j];

/* Adds the products of the two tiles in local memory.  Unrolled, the loop wants more registers
 * than there are. */
#define MULTIPLY                                                                                   \
    _Pragma("unroll 1") for (int p = 0; p < KT; p++)                                               \
    {                                                                                              \
        float left[MR], right[NR];                                                                 \
        _Pragma("unroll") for (int i = 0; i < MR; i++) left[i] = TILE_A[p * STRIDE_M + y + 8 * i]; \
        _Pragma("unroll") for (int j = 0; j < NR; j++) right[j] =                                  \
            TILE_B[p * STRIDE_N + x + 8 * j];                                                      \
        EACH_ELEMENT(MULTIPLY_ADD)                                                                 \
    }

__attribute__((reqd_work_group_size(64, 1, 1))) kernel void
conv_simt_gather(global const stored *in, global const stored *weights, global const float *bias,
                 global const stored *residual, global stored *out, GATHER, int has_bias, FINISH,
                 int num_pixels)
{
    local float tiles[KT * (STRIDE_M + STRIDE_N)];
    local int term_h[KT], term_w[KT], term_in[KT], term_weight[KT];
    const int item = (int)get_local_id(0), x = item % 8, y = item / 8;
    const int n0 = (int)get_group_id(0) * TILE_N, m0 = (int)get_group_id(1) * TILE_M;
    const int group = (int)get_group_id(2), in_plane = in_h * in_w;
    const int num_terms = channels * taps_h * taps_w;
    weights += group * weight_group + weight_first;

    /* The pixel that this item loads and stores. */
    const int own = item % TILE_N, pixel = min(n0 + own, num_pixels - 1);
    const int i_w = pixel % num_w, i_h = pixel / num_w % num_h, image = pixel / num_w / num_h;
    const int row0 = i_h * in_step_h + in_first_h, column0 = i_w * in_step_w + in_first_w;
    const int in0 = (image * groups + group) * channels * in_plane + row0 * in_w + column0;
    const int out0 =
        image * groups * rows * out_plane + out_first + i_h * out_step_h + i_w * out_step_w;

    term t = term_at(item, KT, taps_h, taps_w); /* of the first KT, if it is one of them */
    float acc[MR][NR];
    EACH_ELEMENT(CLEAR)

    for (int k0 = 0; k0 < num_terms; k0 += KT) {
        if (item < KT) {
            term_h[item] = t.r * tap_step_h;
            term_w[item] = t.s * tap_step_w;
            term_in[item] = t.c * in_plane + t.r * tap_step_h * in_w + t.s * tap_step_w;
            term_weight[item] = t.c * weight_channel + t.r * weight_step_h + t.s * weight_step_w;
            go_on(&t, taps_h, taps_w);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int at = item; at < KT * TILE_M; at += 64) {
            const int p = at % KT, i = at / KT;
            const int inside = k0 + p < num_terms && m0 + i < rows;
            TILE_A[p * STRIDE_M + i] =
                inside ? GET(weights + ((m0 + i) * weight_row + term_weight[p])) : 0.0f;
        }
        for (int p = item / TILE_N; p < KT; p += 64 / TILE_N) {
            const int row = row0 + term_h[p], column = column0 + term_w[p];
            const int inside =
                k0 + p < num_terms && row >= 0 && row < in_h && column >= 0 && column < in_w;
            TILE_B[p * STRIDE_N + own] = inside ? GET(in + (in0 + term_in[p])) : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        MULTIPLY
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    /* By way of local memory, so that neighbours write neighbouring pixels. */
    EACH_ELEMENT(LEAVE)
    barrier(CLK_LOCAL_MEM_FENCE);
    const int end = n0 + own < num_pixels ? min(TILE_M, rows - m0) : 0;
    for (int i = item / TILE_N; i < end; i += 64 / TILE_N) {
        const int channel = group * rows + m0 + i, at = out0 + channel * out_plane;
        PUT(finish(tiles[i * TILE_N + own] + bias_of(bias, channel, has_bias), residual, at,
                   FINISH_ARGS),
            out + at);
    }
}

/* Rows are channels of dst, columns weights of one of them: (channel of src, tap).  Group (x, y,
 * z): columns x, rows y, part z % num_parts of group z / num_parts.  Part i has terms i * part
 * and on, and writes all weights behind those of part i - 1. */
__attribute__((reqd_work_group_size(64, 1, 1))) kernel void
conv_simt_weights(global const float *src, global const float *dst, global float *weights,
                  int groups, int src_channels, int dst_channels, int src_h, int src_w, int dst_h,
                  int dst_w, int kernel_h, int kernel_w, int stride_h, int stride_w, int dilation_h,
                  int dilation_w, int pad_h, int pad_w, int num_terms, int num_parts, int part)
{
    local float tiles[KT * (STRIDE_M + STRIDE_N)];
    local int column_h[TILE_N], column_w[TILE_N], column_src[TILE_N];
    const int item = (int)get_local_id(0), x = item % 8, y = item / 8;
    const int n0 = (int)get_group_id(0) * TILE_N, m0 = (int)get_group_id(1) * TILE_M;
    const int z = (int)get_group_id(2), group = z / num_parts;
    const int first = z % num_parts * part, last = min(num_terms, first + part);
    const int src_plane = src_h * src_w, dst_plane = dst_h * dst_w;
    const int num_columns = src_channels * kernel_h * kernel_w;
    src += group * src_channels * src_plane;
    dst += group * dst_channels * dst_plane;
    weights += z % num_parts * groups * dst_channels * num_columns;
    float acc[MR][NR];
    EACH_ELEMENT(CLEAR)

    if (item < TILE_N) {
        const int column = n0 + item, s = column % kernel_w, r = column / kernel_w % kernel_h;
        column_h[item] = r * dilation_h - pad_h;
        column_w[item] = s * dilation_w - pad_w;
        column_src[item] =
            column / kernel_w / kernel_h * src_plane + column_h[item] * src_w + column_w[item];
    }
    barrier(CLK_LOCAL_MEM_FENCE);

    for (int k0 = first; k0 < last; k0 += KT) {
        const int p = item % KT, term = k0 + p, is_term = term < last;
        const int pixel = term % dst_plane, image = is_term ? term / dst_plane : 0;
        const int row0 = pixel / dst_w * stride_h, column0 = pixel % dst_w * stride_w;
        const int dst0 = image * groups * dst_channels * dst_plane + pixel;
        const int src0 = image * groups * src_channels * src_plane + row0 * src_w + column0;
        for (int i = item / KT; i < TILE_M; i += 64 / KT)
            TILE_A[p * STRIDE_M + i] =
                is_term && m0 + i < dst_channels ? dst[dst0 + (m0 + i) * dst_plane] : 0.0f;
        for (int j = item / KT; j < TILE_N; j += 64 / KT) {
            const int row = row0 + column_h[j], column = column0 + column_w[j];
            const int inside = is_term && n0 + j < num_columns && row >= 0 && row < src_h &&
                               column >= 0 && column < src_w;
            TILE_B[p * STRIDE_N + j] = inside ? src[src0 + column_src[j]] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        MULTIPLY
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    EACH_ELEMENT(LEAVE)
    barrier(CLK_LOCAL_MEM_FENCE);
    const int column = n0 + item % TILE_N;
    const int end = column < num_columns ? min(TILE_M, dst_channels - m0) : 0;
    for (int i = item / TILE_N; i < end; i += 64 / TILE_N)
        weights[(group * dst_channels + m0 + i) * num_columns + column] =
            tiles[i * TILE_N + item % TILE_N];
}

kernel void conv_simt_join(global const float *parts, global float *weights, int num, int num_parts)
{
    const int at = (int)get_global_id(0);
    float sum = 0.0f;
    if (at >= num)
        return;
    for (int i = 0; i < num_parts; i++)
        sum += parts[i * num + at];
    weights[at] = sum;
}
