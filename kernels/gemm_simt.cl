/* gemm_simt.cl -- matrix products for GPUs: a group of 64 work-items computes a tile of
 * 8 * MR by 8 * NR elements, each work-item MR by NR of them in registers.
 *
 * Both operands come through local memory, KT steps of k at a time: 2 * 64 * 16 * 4 bytes at
 * the most (8 KiB).  Elements of a work-item lie 8 apart, so neighbours read neighbouring
 * words of local memory and write neighbouring words of dst.  Loads run along whichever
 * direction is contiguous in the matrix.  Zeros stand for what lies outside.
 *
 * Host side: lib/ops/gemm_simt.c. */
#ifndef MR
#define MR 4
#define NR 4
#endif
#define KT       16
#define TILE_M   (8 * MR)
#define TILE_N   (8 * NR)
#define STRIDE_M (TILE_M + 1) /* keeps a column of local memory off one bank */
#define STRIDE_N (TILE_N + 1)

/* Element `at` of a tile of `wide` by KT: along k where that is contiguous, else across. */
static inline int tile_k(int at, int along, int wide)
{
    return along ? at % KT : at / wide;
}

static inline int tile_i(int at, int along, int wide)
{
    return along ? at / KT : at % wide;
}

__attribute__((reqd_work_group_size(64, 1, 1))) kernel void
gemm_simt(global const float *a, global const float *b, global const float *bias, global float *dst,
          float alpha, float beta, int m, int n, int k, int a_row, int a_col, int b_row, int b_col,
          int num_inner, int a_outer, int a_inner, int b_outer, int b_inner, int has_bias,
          int bias_row, int bias_col, int relu)
{
    local float tile_a[KT * STRIDE_M], tile_b[KT * STRIDE_N];
    const int item = (int)get_local_id(0), x = item % 8, y = item / 8;
    const int n0 = (int)get_group_id(0) * TILE_N, m0 = (int)get_group_id(1) * TILE_M;
    const int z = (int)get_group_id(2);
    a += (z / num_inner) * a_outer + (z % num_inner) * a_inner;
    b += (z / num_inner) * b_outer + (z % num_inner) * b_inner;
    dst += (long)z * m * n;
    float acc[MR][NR];
#pragma unroll
    for (int i = 0; i < MR; i++)
#pragma unroll
        for (int j = 0; j < NR; j++)
            acc[i][j] = 0.0f;

    for (int k0 = 0; k0 < k; k0 += KT) {
        for (int at = item; at < KT * TILE_M; at += 64) {
            const int p = tile_k(at, a_col == 1, TILE_M), i = tile_i(at, a_col == 1, TILE_M);
            const int inside = k0 + p < k && m0 + i < m;
            tile_a[p * STRIDE_M + i] = inside ? a[(m0 + i) * a_row + (k0 + p) * a_col] : 0.0f;
        }
        for (int at = item; at < KT * TILE_N; at += 64) {
            const int p = tile_k(at, b_row == 1, TILE_N), j = tile_i(at, b_row == 1, TILE_N);
            const int inside = k0 + p < k && n0 + j < n;
            tile_b[p * STRIDE_N + j] = inside ? b[(k0 + p) * b_row + (n0 + j) * b_col] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int p = 0; p < KT; p++) {
            float left[MR], right[NR];
#pragma unroll
            for (int i = 0; i < MR; i++)
                left[i] = tile_a[p * STRIDE_M + y + 8 * i];
#pragma unroll
            for (int j = 0; j < NR; j++)
                right[j] = tile_b[p * STRIDE_N + x + 8 * j];
#pragma unroll
            for (int i = 0; i < MR; i++)
#pragma unroll
                for (int j = 0; j < NR; j++)
                    acc[i][j] = fma(left[i], right[j], acc[i][j]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

#pragma unroll
    for (int i = 0; i < MR; i++)
#pragma unroll
        for (int j = 0; j < NR; j++) {
            const int row = m0 + y + 8 * i, column = n0 + x + 8 * j;
            if (row >= m || column >= n)
                continue;
            float sum = alpha * acc[i][j];
            if (has_bias)
                sum += beta * bias[row * bias_row + column * bias_col];
            /* Written so that NaN stays NaN. */
            dst[(long)row * n + column] = relu && sum < 0.0f ? 0.0f : sum;
        }
}
