/* matmul_integer.cl -- products of matrices of bytes, with or without a sign (-DA, -DB: char or
 * uchar), summed in int32:
 *
 *     dst(m, n) = sum over k of (a(m, k) - a_zero) * (b(k, n) - b_zero)
 *
 * a and b are dense and row-major; a_zero is one number or one a row (a_step 0 or 1), b_zero one
 * number or one a column.  The host bounds k, so that no sum leaves int32; all ways give the same
 * numbers.
 *
 *     matmul_integer_wide  for CPU devices: an item has 4 rows by 16 columns; zero points are taken
 *                          off as bytes become numbers.
 *     matmul_integer_simt  for GPUs: a group of 64 has 32 by 32, an item 4 by 4 of them, 8 apart.
 *                          Words of four bytes along k come through local memory and go through
 *                          dot.clh, all with a sign: x ^ 0x80 is x - 128, so its zero point is 128
 *                          less.  What zero points add is taken off at the end, by the sums of rows
 *                          and columns: sum ab - a_zero sum b - b_zero sum a + k a_zero b_zero.
 *
 * Limit: the multiplies of 32 bits of the wide form: 90 GOPS, 0.38 of what float multiply-adds
 * reach on two cores of Zen 4, by PoCL and by Intel's runtime.  Host side:
 * lib/ops/matmul_integer.c. */
#include "dot.clh"

#ifndef A
#define A        uchar
#define B        char
#define A_UNSIGN 128
#define B_UNSIGN 0
#endif

#define PRODUCT                                                                                    \
    global const A *a, global const B *b, global const A *a_zero, global const B *b_zero,          \
        global int *dst, int m, int n, int k, int num_inner, int a_outer, int a_inner,             \
        int b_outer, int b_inner, int has_a_zero, int a_step, int has_b_zero, int b_step
#define A_ZERO(i) (has_a_zero ? (int)a_zero[(i)*a_step] : 0)
#define B_ZERO(j) (has_b_zero ? (int)b_zero[(j)*b_step] : 0)

/* Product z of the batch. */
#define MOVE_TO(z)                                                                                 \
    a +=                                                                                           \
        (size_t)((z) / num_inner) * (size_t)a_outer + (size_t)((z) % num_inner) * (size_t)a_inner; \
    b +=                                                                                           \
        (size_t)((z) / num_inner) * (size_t)b_outer + (size_t)((z) % num_inner) * (size_t)b_inner; \
    dst += (size_t)(z) * (size_t)m * (size_t)n;

#ifdef WIDE

/* Rows beyond the last are the last once more. */
#define ROW(r)  const global A *a##r = a + (size_t)min(m0 + r, m - 1) * (size_t)k;
#define TERM(r) sum##r += right * ((int)a##r[p] - zero##r);
#define STORE(r)                                                                                   \
    if (m0 + r < m)                                                                                \
        vstore16(sum##r, 0, dst + (size_t)(m0 + r) * (size_t)n + (size_t)n0);
#define ROWS(X)  X(0) X(1) X(2) X(3)
#define ZERO(r)  const int zero##r = A_ZERO(min(m0 + r, m - 1));
#define CLEAR(r) int16 sum##r = (int16)(0);

/* Columns that fill no vector. */
static inline void columns(PRODUCT, int m0, int n0)
{
    for (int i = m0; i < min(m0 + 4, m); i++)
        for (int j = n0; j < n; j++) {
            const int left_zero = A_ZERO(i), right_zero = B_ZERO(j);
            int sum = 0;
            for (int p = 0; p < k; p++)
                sum += ((int)a[(size_t)i * (size_t)k + (size_t)p] - left_zero) *
                       ((int)b[(size_t)p * (size_t)n + (size_t)j] - right_zero);
            dst[(size_t)i * (size_t)n + (size_t)j] = sum;
        }
}

kernel void matmul_integer_wide(PRODUCT)
{
    const int n0 = (int)get_global_id(0) * 16, m0 = (int)get_global_id(1) * 4;
    const int z = (int)get_global_id(2);
    MOVE_TO(z)
    if (n0 + 16 > n) {
        columns(a, b, a_zero, b_zero, dst, m, n, k, num_inner, a_outer, a_inner, b_outer, b_inner,
                has_a_zero, a_step, has_b_zero, b_step, m0, n0);
        return;
    }
    ROWS(ROW)
    ROWS(ZERO)
    ROWS(CLEAR)
    int16 right_zero = (int16)(B_ZERO(0));
    if (has_b_zero && b_step)
        right_zero = convert_int16(vload16(0, b_zero + n0));
    for (int p = 0; p < k; p++) {
        const int16 right =
            convert_int16(vload16(0, b + (size_t)p * (size_t)n + (size_t)n0)) - right_zero;
        ROWS(TERM)
    }
    ROWS(STORE)
}

#else

#define STEPS   8 /* words along k at a time */
#define STRIDE  33
#define FLIP_A  (A_UNSIGN ? 0x80u : 0u)
#define FLIP_B  (B_UNSIGN ? 0x80u : 0u)
#define BYTE(x) ((uint)(uchar)(x))

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
        const int left = A_ZERO(row) - A_UNSIGN, right = B_ZERO(column) - B_UNSIGN;                \
        dst[(size_t)row * (size_t)n + (size_t)column] =                                            \
            sum##i##j - left * sum_b##j - right * sum_a##i + k * left * right;                     \
    }

__attribute__((reqd_work_group_size(64, 1, 1))) kernel void matmul_integer_simt(PRODUCT)
{
    local uint tile_a[STEPS * STRIDE], tile_b[STEPS * STRIDE];
    const int item = (int)get_local_id(0), x = item % 8, y = item / 8;
    const int n0 = (int)get_group_id(0) * 32, m0 = (int)get_group_id(1) * 32;
    const int z = (int)get_group_id(2);
    MOVE_TO(z)
    EACH_ELEMENT(CLEAR)
    FOUR(CLEAR_SUMS)
    for (int k0 = 0; k0 < k; k0 += 4 * STEPS) {
        for (int at = item; at < STEPS * 32; at += 64) {
            const int i = m0 + at / STEPS, p = k0 + at % STEPS * 4;
            uint word = 0;
            for (int q = 0; q < 4; q++)
                if (i < m && p + q < k)
                    word |= (BYTE(a[(size_t)i * (size_t)k + (size_t)(p + q)]) ^ FLIP_A) << 8 * q;
            tile_a[at % STEPS * STRIDE + at / STEPS] = word;
        }
        for (int at = item; at < STEPS * 32; at += 64) {
            const int j = n0 + at % 32, p = k0 + at / 32 * 4;
            uint word = 0;
            for (int q = 0; q < 4; q++)
                if (j < n && p + q < k)
                    word |= (BYTE(b[(size_t)(p + q) * (size_t)n + (size_t)j]) ^ FLIP_B) << 8 * q;
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
