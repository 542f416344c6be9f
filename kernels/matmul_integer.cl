/* matmul_integer.cl -- products of matrices of bytes, with or without a sign, summed in int32, and
 * made bytes again where that is asked for (matmul_integer.clh).
 *
 * a is dense and row-major; element (k, n) of b lies at k * b_row + n * b_column.  The host bounds
 * k, so that no sum leaves int32; all ways give the same numbers.
 *
 *     matmul_integer_wide  for CPU devices (-DV=16): an item has 4 rows by 16 columns; zero points
 *                          are taken off as bytes become numbers.
 *     matmul_integer_simt  for GPUs (-DV=1): a group of 64 has 32 by 32, an item 4 by 4 of them, 8
 *                          apart.  Words of four bytes along k come through local memory and go
 *                          through dot.clh, all with a sign: x ^ 0x80 is x - 128, so its zero point
 *                          is 128 less.  What zero points add is taken off at the end, by the sums
 *                          of rows and columns.
 *
 * Limit: the multiplies of 32 bits of the wide form: 90 GOPS, 0.38 of what float multiply-adds
 * reach on two cores of Zen 4, by PoCL and by Intel's runtime.  Weights that are constants take
 * matmul_integer_packed.cl.  Host side: lib/ops/matmul_integer.c. */
#include "common.clh"
#include "quant.clh"
#include "matmul_integer.clh"

#define PRODUCT                                                                                    \
    global const uchar *a, global const uchar *b, global result *dst, INTEGERS, int m, int n,      \
        int k, int b_row, int b_column, int num_inner, int a_outer, int a_inner, int b_outer,      \
        int b_inner

/* Product z of the batch. */
#define MOVE_TO(z)                                                                                 \
    a +=                                                                                           \
        (size_t)((z) / num_inner) * (size_t)a_outer + (size_t)((z) % num_inner) * (size_t)a_inner; \
    b +=                                                                                           \
        (size_t)((z) / num_inner) * (size_t)b_outer + (size_t)((z) % num_inner) * (size_t)b_inner; \
    dst += (size_t)(z) * (size_t)m * (size_t)n;                                                    \
    MOVE_UNROUNDED((size_t)(z) * (size_t)m * (size_t)n)
#ifdef UNROUNDED
#define MOVE_UNROUNDED(by) unrounded += by;
#else
#define MOVE_UNROUNDED(by)
#endif

#if V == 16

/* Rows beyond the last are the last once more. */
#define ROW(r)   const global uchar *a##r = a + (size_t)min(m0 + r, m - 1) * (size_t)k;
#define TERM(r)  sum##r += right * (quant_number(a##r[p], a_flip) - zero##r);
#define ROWS(X)  X(0) X(1) X(2) X(3)
#define ZERO(r)  const int zero##r = A_ZERO(min(m0 + r, m - 1));
#define CLEAR(r) int16 sum##r = (int16)(0);
#define STORE(r)                                                                                   \
    if (m0 + r < m)                                                                                \
    LEAVE(sum##r, BIASES(n0, num), MULTIPLIER(m0 + r, B_SCALES(n0, num)),                          \
          (size_t)(m0 + r) * (size_t)n + (size_t)n0, num)

/* Columns that do not lie side by side, or fill no vector. */
static inline uchar16 bytes_at(global const uchar *src, int step, int num)
{
    uchar some[16] = {0};
    if (step == 1)
        return first_bytes(src, num);
    for (int i = 0; i < min(num, 16); i++)
        some[i] = src[(size_t)i * (size_t)step];
    return vload16(0, some);
}

kernel void matmul_integer_wide(PRODUCT)
{
    const int n0 = (int)get_global_id(0) * 16, m0 = (int)get_global_id(1) * 4;
    const int z = (int)get_global_id(2), num = n - n0;
    MOVE_TO(z)
    ROWS(ROW)
    ROWS(ZERO)
    ROWS(CLEAR)
    const int16 right_zero = B_ZEROS(n0, num);
    b += (size_t)n0 * (size_t)b_column;
    for (int p = 0; p < k; p++) {
        const uchar16 bytes = bytes_at(b + (size_t)p * (size_t)b_row, b_column, num);
        const int16 right = numbers_of(bytes, b_flip) - right_zero;
        ROWS(TERM)
    }
    ROWS(STORE)
}

#else

#include "dot.clh"

#define STEPS  8 /* words along k at a time */
#define STRIDE 33

#define COLUMNS(X, i)   X(i, 0) X(i, 1) X(i, 2) X(i, 3)
#define EACH_ELEMENT(X) COLUMNS(X, 0) COLUMNS(X, 1) COLUMNS(X, 2) COLUMNS(X, 3)
#define FOUR(X)         X(0) X(1) X(2) X(3)
#define CLEAR(i, j)     int sum##i##j = 0;
#define CLEAR_SUMS(i)   int sum_a##i = 0, sum_b##i = 0;
#define LOAD_WORDS(i)                                                                              \
    const uint left##i = tile_a[w * STRIDE + y + 8 * i],                                           \
               right##i = tile_b[w * STRIDE + x + 8 * i];                                          \
    sum_a##i = dot_ss(left##i, 0x01010101u, sum_a##i);                                             \
    sum_b##i = dot_ss(right##i, 0x01010101u, sum_b##i);
#define MULTIPLY_ADD(i, j) sum##i##j = dot_ss(left##i, right##j, sum##i##j);
#define STORE(i, j)                                                                                \
    if (m0 + y + 8 * i < m && n0 + x + 8 * j < n) {                                                \
        const int row = m0 + y + 8 * i, column = n0 + x + 8 * j;                                   \
        const int sum = above_zeros(sum##i##j, sum_a##i, sum_b##j, A_ZERO(row) - (128 - a_flip),   \
                                    B_ZERO(column) - (128 - b_flip), k);                           \
        LEAVE(sum, row, column, (size_t)row *(size_t)n + (size_t)column)                           \
    }

__attribute__((reqd_work_group_size(64, 1, 1))) kernel void matmul_integer_simt(PRODUCT)
{
    local uint tile_a[STEPS * STRIDE], tile_b[STEPS * STRIDE];
    const int item = (int)get_local_id(0), x = item % 8, y = item / 8;
    const int n0 = (int)get_group_id(0) * 32, m0 = (int)get_group_id(1) * 32;
    const int z = (int)get_group_id(2);
    const uint to_signed_a = (uint)(128 - a_flip), to_signed_b = (uint)(128 - b_flip);
    MOVE_TO(z)
    EACH_ELEMENT(CLEAR)
    FOUR(CLEAR_SUMS)
    for (int k0 = 0; k0 < k; k0 += 4 * STEPS) {
        for (int at = item; at < STEPS * 32; at += 64) {
            const int i = m0 + at / STEPS, p = k0 + at % STEPS * 4;
            uint word = 0;
            for (int q = 0; q < 4; q++)
                if (i < m && p + q < k)
                    word |= ((uint)a[(size_t)i * (size_t)k + (size_t)(p + q)] ^ to_signed_a)
                            << 8 * q;
            tile_a[at % STEPS * STRIDE + at / STEPS] = word;
        }
        for (int at = item; at < STEPS * 32; at += 64) {
            const int j = n0 + at % 32, p = k0 + at / 32 * 4;
            uint word = 0;
            for (int q = 0; q < 4; q++)
                if (j < n && p + q < k)
                    word |=
                        ((uint)b[(size_t)(p + q) * (size_t)b_row + (size_t)j * (size_t)b_column] ^
                         to_signed_b)
                        << 8 * q;
            tile_b[at / 32 * STRIDE + at % 32] = word;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll 1
        for (int w = 0; w < STEPS; w++) {
            FOUR(LOAD_WORDS)
            EACH_ELEMENT(MULTIPLY_ADD)
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    EACH_ELEMENT(STORE)
}
#endif
