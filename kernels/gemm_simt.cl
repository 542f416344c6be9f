/* gemm_simt.cl -- matrix products for GPUs: a group of 64 work-items computes a tile of
 * 8 * MR by 8 * NR elements, each work-item MR by NR of them in registers.  Eight by eight are
 * more than Intel's compiler for pvc and Mesa's for Mali can hold there.
 *
 * Both operands come through local memory, KT steps of k at a time: at the most (64 + 32)
 * * 16 * 4 bytes (6 KiB).  Elements of a work-item lie 8 apart, so neighbours read neighbouring
 * words of local memory and write neighbouring words of dst.  Loads run along whichever
 * direction is contiguous in the matrix.  Zeros stand for what lies outside.
 *
 * Host side: lib/ops/gemm_simt.c. */
#include "halves.clh"

#ifndef MR
#define MR 4 /* or 8 */
#endif
#define NR       4
#define KT       16
#define TILE_M   (8 * MR)
#define TILE_N   (8 * NR)
#define STRIDE_M (TILE_M + 1) /* keeps a column of local memory off one bank */
#define STRIDE_N (TILE_N + 1)

/* X(i, j) for each element of a work-item's tile, spelled out: Mesa's compilers unroll no loop
 * of that size, whatever the pragma says.  An array that is indexed in a loop lies in memory
 * there (tests/gate/mali/table.txt), and llvmpipe counts the turns of inner loops towards the
 * 65535 after which it leaves the outer one. */
#define CONCAT_(a, b)   a##b
#define CONCAT(a, b)    CONCAT_(a, b)
#define COLUMNS(X, i)   X(i, 0) X(i, 1) X(i, 2) X(i, 3)
#define ROWS_4(X)       COLUMNS(X, 0) COLUMNS(X, 1) COLUMNS(X, 2) COLUMNS(X, 3)
#define ROWS_8(X)       ROWS_4(X) COLUMNS(X, 4) COLUMNS(X, 5) COLUMNS(X, 6) COLUMNS(X, 7)
#define EACH_ELEMENT(X) CONCAT(ROWS_, MR)(X)

#define CLEAR(i, j)        acc[i][j] = 0.0f;
#define MULTIPLY_ADD(i, j) acc[i][j] = fma(left[i], right[j], acc[i][j]);

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
gemm_simt(global const stored *a, global const stored *b, global const float *bias,
          global stored *dst, float alpha, float beta, int m, int n, int k, int a_row, int a_col,
          int b_row, int b_col, int num_inner, int a_outer, int a_inner, int b_outer, int b_inner,
          int has_bias, int bias_row, int bias_col, int relu)
{
    local float tile_a[KT * STRIDE_M], tile_b[KT * STRIDE_N];
    const int item = (int)get_local_id(0), x = item % 8, y = item / 8;
    const int n0 = (int)get_group_id(0) * TILE_N, m0 = (int)get_group_id(1) * TILE_M;
    const int z = (int)get_group_id(2);
    a += (z / num_inner) * a_outer + (z % num_inner) * a_inner;
    b += (z / num_inner) * b_outer + (z % num_inner) * b_inner;
    dst += (long)z * m * n;
    float acc[MR][NR];
    EACH_ELEMENT(CLEAR)

    for (int k0 = 0; k0 < k; k0 += KT) {
        for (int at = item; at < KT * TILE_M; at += 64) {
            const int p = tile_k(at, a_col == 1, TILE_M), i = tile_i(at, a_col == 1, TILE_M);
            const int inside = k0 + p < k && m0 + i < m;
            tile_a[p * STRIDE_M + i] =
                inside ? GET(a + ((m0 + i) * a_row + (k0 + p) * a_col)) : 0.0f;
        }
        for (int at = item; at < KT * TILE_N; at += 64) {
            const int p = tile_k(at, b_row == 1, TILE_N), j = tile_i(at, b_row == 1, TILE_N);
            const int inside = k0 + p < k && n0 + j < n;
            tile_b[p * STRIDE_N + j] =
                inside ? GET(b + ((k0 + p) * b_row + (n0 + j) * b_col)) : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        /* Unrolled, it wants more registers than there are. */
#pragma unroll 1
        for (int p = 0; p < KT; p++) {
            float left[MR], right[NR];
#pragma unroll
            for (int i = 0; i < MR; i++)
                left[i] = tile_a[p * STRIDE_M + y + 8 * i];
#pragma unroll
            for (int j = 0; j < NR; j++)
                right[j] = tile_b[p * STRIDE_N + x + 8 * j];
            EACH_ELEMENT(MULTIPLY_ADD)
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

#define STORE(i, j)                                                                                \
    do {                                                                                           \
        const int row = m0 + y + 8 * i, column = n0 + x + 8 * j;                                   \
        float sum = alpha * acc[i][j];                                                             \
        if (row < m && column < n) {                                                               \
            if (has_bias)                                                                          \
                sum += beta * bias[row * bias_row + column * bias_col];                            \
            /* Written so that NaN stays NaN. */                                                   \
            PUT(relu &&sum < 0.0f ? 0.0f : sum, dst + (row * n + column));                         \
        }                                                                                          \
    } while (0);
    EACH_ELEMENT(STORE)
}
