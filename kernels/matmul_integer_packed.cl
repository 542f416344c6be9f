/* matmul_integer_packed.cl -- products of bytes by weights that were packed once, for CPU devices.
 *
 * Weights lie in layout k4 or n4 (lib/ops/layout_common.h): a panel has 16 columns, a vector of it
 * their bytes of four steps of k, with a sign; behind them are the sums of the columns.  A word of
 * a's row meets MR * NV vectors through dot_us, as bytes without a sign: a number with one is
 * taken as x ^ 0x80, which is x + 128, and so is its zero point.  A tile is MR rows by NV panels;
 * an item goes over `turns` of them, downwards.  Rows and panels beyond the last are the last once
 * more.  -DROW_SUMS where weights have a zero point in their signed form, -DA_SIGNED where a has a
 * sign.
 *
 * Limit: vpdpbusd, one a cycle of 64 products on Zen 4, 945 GOPS on two cores.  By PoCL 849 for
 * 1024x1024x1024 and 805 for 64x1024x4096, 3.5 times what float multiply-adds reach.  Without it,
 * by pairs (dot.clh), half of that is the limit: PoCL reaches 310, Intel's runtime 425; in C 155
 * and 220.  Host side: lib/ops/matmul_integer_packed.c. */
#define V 16
#ifndef DOT_V
#define DOT_V 16
#endif
#include "common.clh"
#include "dot.clh"
#include "quant.clh"
#include "matmul_integer.clh"

#ifndef MR
#define MR 8
#define NV 2
#endif
#define LANES   16
#define INLINED inline __attribute__((always_inline))

#ifdef ROW_SUMS
#define ADD_TO_SUM(j, word) row_sums[j] = dot_us(word, (uint16)(0x01010101u), row_sums[j])
#else
#define ADD_TO_SUM(j, word) ((void)0)
#endif

#ifdef A_SIGNED
#define FLIP       0x80u
#define WORD(x, w) ((uint16)(as_uint(vload4((size_t)(w), x))) ^ (uint16)(0x80808080u))
#else
#define FLIP       0u
#define WORD(x, w) (uint16)(as_uint(vload4((size_t)(w), x)))
#endif

/* A word of the bytes that are left of a row. */
static inline uint16 last_word(global const uchar *src, int num)
{
    uint word = 0;
    for (int q = 0; q < num; q++)
        word |= ((uint)src[q] ^ FLIP) << 8 * q;
    return (uint16)(word);
}

/* What an item's columns have for all of its rows. */
typedef struct columns {
    global const uint *panels[NV];
    int16 zeros[NV], sums[NV];
#ifndef INTEGER
    int16 biases[NV];
    float16 multipliers[NV];
#endif
} columns;

static INLINED void add_word(int16 (*sums)[NV], int16 *row_sums, int j, uint16 word, uint16 *x)
{
#pragma unroll
    for (int v = 0; v < NV; v++)
        sums[j][v] = dot_us(word, x[v], sums[j][v]);
    ADD_TO_SUM(j, word);
}

static INLINED void multiply(int16 (*sums)[NV], int16 *row_sums, global const uchar *a,
                             const columns *c, int m, int k, int m0)
{
    global const uchar *rows[MR];
    uint16 x[NV];
#pragma unroll
    for (int j = 0; j < MR; j++) {
        rows[j] = a + (size_t)min(m0 + j, m - 1) * (size_t)k;
        row_sums[j] = (int16)(0);
#pragma unroll
        for (int v = 0; v < NV; v++)
            sums[j][v] = (int16)(0);
    }
    for (int w = 0; w < k / 4; w++) {
#pragma unroll
        for (int v = 0; v < NV; v++)
            x[v] = vload16((size_t)w, c->panels[v]);
#pragma unroll
        for (int j = 0; j < MR; j++)
            add_word(sums, row_sums, j, WORD(rows[j], w), x);
    }
    if (k % 4 == 0)
        return;
#pragma unroll
    for (int v = 0; v < NV; v++)
        x[v] = vload16((size_t)(k / 4), c->panels[v]);
#pragma unroll
    for (int j = 0; j < MR; j++)
        add_word(sums, row_sums, j, last_word(rows[j] + k / 4 * 4, k % 4), x);
}

kernel void matmul_integer_packed(global const uchar *a, global const uint *b, global result *dst,
                                  INTEGERS, int m, int n, int k, int turns)
{
    const int n0 = (int)get_global_id(1) * NV * LANES, words = (k + 3) / 4;
    const int first = (int)get_global_id(0) * turns * MR, end = min(m, first + turns * MR);
    const int left_zero = A_ZERO(0) + a_flip;
    columns c;
#pragma unroll
    for (int v = 0; v < NV; v++) {
        const int panel = min(n0 / LANES + v, (n - 1) / LANES);
        const int column = panel * LANES, num = n - column;
        c.panels[v] = b + (size_t)panel * (size_t)(words + 1) * LANES;
        c.sums[v] = as_int16(vload16((size_t)words, c.panels[v]));
        c.zeros[v] = B_ZEROS(column, num) - (128 - b_flip);
#ifndef INTEGER
        c.biases[v] = BIASES(column, num);
        c.multipliers[v] = MULTIPLIER(0, B_SCALES(column, num));
#endif
    }
    for (int m0 = first; m0 < end; m0 += MR) {
        int16 sums[MR][NV], row_sums[MR];
        multiply(sums, row_sums, a, &c, m, k, m0);
#pragma unroll
        for (int j = 0; j < MR; j++) {
#pragma unroll
            for (int v = 0; v < NV; v++) {
                const int column = n0 + v * LANES, num = m0 + j < m ? n - column : 0;
                const int16 sum = above_zeros(sums[j][v], row_sums[j], c.sums[v],
                                              (int16)(left_zero), c.zeros[v], k);
                if (num > 0)
                    LEAVE(sum, c.biases[v], c.multipliers[v],
                          (size_t)(m0 + j) * (size_t)n + (size_t)column, num)
            }
        }
    }
}
