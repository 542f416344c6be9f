/* matmul_blocks.cl -- rows of floats times weights of BITS bits, which become floats in registers;
 * what lies where: lib/ops/matmul_blocks_common.h.
 *
 * What is done to an integer bounds the speed of few rows, so it is little.
 *
 * Of one row: a mask and a conversion, where the integer stands in its word.  Its place is a power
 * of two, by which the number that it meets is divided before; the zero point is taken off once a
 * block, by the sum of the numbers.  An infinity would make NaN of that sum: such a block takes
 * zero points off one by one.
 *
 * Else: where it stands it is the end of the mantissa of a float.  With the right exponent that is
 * 2^e + q, and taking off 2^e + zero point is exact.
 *
 * Within a block products are summed, then scaled.
 *
 *     matmul_blocks_row   for CPU devices: an item has one row by NV panels of 16 columns.
 *     matmul_blocks_wide  for CPU devices: an item has MR rows by NV panels of 16 columns.
 *     matmul_blocks_simt  for GPUs: a group of 64 has MR rows of one panel; its four quarters take
 *                         every fourth word of each block, and are summed in local memory.
 *
 * Limit: one row what is done to each integer, some rows the multiply-adds: 0.31 ms and 1.3 ms for
 * 1 and 8 rows by int4 in blocks of 32, 4096x4096, on two cores of Zen 4 by PoCL; floats take 4.7
 * and 9 times as long.  By masks and differences one row took 0.35 ms, and eight rows would take
 * 1.9 ms by sums of blocks.
 *
 * Columns behind the last are those of zeros, panels and rows behind the last are the last once
 * more; none is stored.  Host side: lib/ops/matmul_blocks.c. */
#ifndef BITS
#define BITS     4
#define HAS_ZERO 0
#define MR       1
#define NV       4
#define WIDE     1
#endif

#include "panels.clh"

#define LOWEST_BITS ((1u << BITS) - 1u)
#define HALF        16 /* bits, each half of a word within a mantissa */

/* 2^e for the integer at bit `at`, and as bits; that integer as a float, less its zero point. */
#define POWER_BITS(at)    ((uint)(127 + 23 - (at)) << 23)
#define POWER(at)         as_float(POWER_BITS(at))
#define RAISED(words, at) (((words)&LOWEST_BITS << (at)) | POWER_BITS(at))

#define HEAD (1 + HAS_ZERO) /* rows in front of the words */

/* A block of a panel follows the last; zero is the zero point of all where blocks have none. */
#define PRODUCT                                                                                    \
    global const float *a, global const uint *b, global const float *bias, global float *dst,      \
        int m, int n, int k, int size, int has_bias, int relu, float zero

#if WIDE

#if MR == 1

#define PIECE 256

static inline float16 first_floats(global const float *src, int num)
{
    float some[16] = {0};
    if (num >= 16)
        return vload16(0, src);
    for (int i = 0; i < num; i++)
        some[i] = src[i];
    return vload16(0, some);
}

/* Numbers divided by the places of the integers they meet, zeros behind them to a multiple of 16;
 * gives the sum of the numbers themselves. */
static inline float divide(global const float *src, int num, float *dst)
{
    const int16 lanes = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const float16 places = as_float16((127 - BITS * (lanes % (HALF / BITS))) << 23);
    float16 sum = (float16)(0.0f);
    for (int p = 0; p < num; p += 16) {
        const float16 x = first_floats(src + p, num - p);
        vstore16(x * places, 0, dst + p);
        sum += x;
    }
    const float8 y = sum.lo + sum.hi;
    const float4 z = y.lo + y.hi;
    return (z.x + z.y) + (z.z + z.w);
}

/* A block of one row and panel, with the zero points taken off one by one. */
static inline float16 exact_part(global const float *row, global const uint *words, int num,
                                 float16 zero)
{
    float16 sum = (float16)(0.0f);
    for (int p = 0; p < num; p++) {
        const uint16 q = vload16((size_t)(p / PER), words) >> (uint)(p % PER * BITS) & LOWEST_BITS;
        sum = fma((float16)(row[p]), convert_float16(q) - zero, sum);
    }
    return sum;
}

/* Step p of a piece, at this bit of the words. */
#define ROW_STEP(p, at)                                                                            \
    EACH(v, NV)                                                                                    \
    part[v] = fma((float16)(divided[p]),                                                           \
                  convert_float16(as_int16(words[v] & LOWEST_BITS << (at))), part[v]);

kernel void matmul_blocks_row(PRODUCT)
{
    const int panel0 = (int)get_global_id(0) * NV, i = (int)get_global_id(1);
    const int panels = (n + COLUMNS - 1) / COLUMNS, blocks = (k + size - 1) / size;
    const int chunk = HEAD + (size + PER - 1) / PER; /* rows of a block */
    global const float *row = a + (size_t)i * (size_t)k;
    global const uint *from[NV];
    float divided[PIECE];
    float16 total[NV], part[NV];
    uint16 words[NV];
    EACH(v, NV)
    {
        from[v] = b + (size_t)min(panel0 + v, panels - 1) * (size_t)(blocks * chunk) * COLUMNS;
        total[v] = (float16)(0.0f);
    }
    for (int left = k; left > 0; left -= size, row += size) {
        const int length = min(left, size);
        float sum = 0.0f;
        EACH(v, NV) part[v] = (float16)(0.0f);
        for (int first = 0; first < length; first += PIECE) {
            const int num = min(length - first, PIECE);
            sum += divide(row + first, num, divided);
            for (int p = 0, w = HEAD + first / PER; p < num; p += PER, w++) {
                EACH(v, NV) words[v] = vload16((size_t)w, from[v]);
                EACH(s, PER / 2) ROW_STEP(p + s, s * BITS) EACH(v, NV) words[v] >>= HALF;
                EACH(s, PER / 2) ROW_STEP(p + PER / 2 + s, s * BITS)
            }
        }
        EACH(v, NV)
        {
            const float16 scale = as_float16(vload16(0, from[v]));
            const float16 zeros = HAS_ZERO ? as_float16(vload16(1, from[v])) : (float16)(zero);
            const float16 x = isfinite(sum)
                                  ? fma((float16)(-sum), zeros, part[v])
                                  : exact_part(row, from[v] + HEAD * COLUMNS, length, zeros);
            total[v] = fma(scale, x, total[v]);
            from[v] += (size_t)chunk * COLUMNS;
        }
    }
    EACH(v, NV)
    {
        const int j = (panel0 + v) * COLUMNS;
        store_columns(total[v], bias + j, dst + (size_t)i * (size_t)n + (size_t)j, n - j, has_bias,
                      relu);
    }
}

#else

/* Step p of a block, at this bit of the words. */
#define STEP(p, at)                                                                                \
    EACH(v, NV)                                                                                    \
    {                                                                                              \
        const float16 x = as_float16(RAISED(words[v], at)) - (zeros[v] + POWER(at));               \
        EACH(r, MR) part[r][v] = fma((float16)(row[r][p]), x, part[r][v]);                         \
    }

kernel void matmul_blocks_wide(PRODUCT)
{
    const int panel0 = (int)get_global_id(0) * NV, m0 = (int)get_global_id(1) * MR;
    const int panels = (n + COLUMNS - 1) / COLUMNS, blocks = (k + size - 1) / size;
    const int chunk = HEAD + (size + PER - 1) / PER; /* rows of a block */
    global const float *row[MR];
    global const uint *from[NV];
    float16 total[MR][NV], part[MR][NV], zeros[NV];
    uint16 words[NV];
    EACH(r, MR) row[r] = a + (size_t)min(m0 + r, m - 1) * (size_t)k;
    EACH(v, NV)
    {
        from[v] = b + (size_t)min(panel0 + v, panels - 1) * (size_t)(blocks * chunk) * COLUMNS;
        EACH(r, MR) total[r][v] = (float16)(0.0f);
    }
    for (int left = k; left > 0; left -= size) {
        const int length = min(left, size), full = length / PER;
        EACH(v, NV)
        {
            zeros[v] = HAS_ZERO ? as_float16(vload16(1, from[v])) : (float16)(zero);
            EACH(r, MR) part[r][v] = (float16)(0.0f);
        }
        for (int i = 0; i < full; i++) {
            EACH(v, NV) words[v] = vload16((size_t)(HEAD + i), from[v]);
            EACH(s, PER / 2) STEP(i * PER + s, s * BITS) EACH(v, NV) words[v] >>= HALF;
            EACH(s, PER / 2) STEP(i * PER + PER / 2 + s, s * BITS)
        }
        if (full * PER < length) {
            EACH(v, NV) words[v] = vload16((size_t)(HEAD + full), from[v]);
            for (int p = full * PER; p < length; p++) {
                STEP(p, 0)
                EACH(v, NV) words[v] >>= BITS;
            }
        }
        EACH(v, NV)
        {
            const float16 scale = as_float16(vload16(0, from[v]));
            EACH(r, MR) total[r][v] = fma(scale, part[r][v], total[r][v]);
            from[v] += (size_t)chunk * COLUMNS;
        }
        EACH(r, MR) row[r] += size;
    }
    EACH(r, MR)
    if (m0 + r < m)
        EACH(v, NV)
        {
            const int j = (panel0 + v) * COLUMNS;
            store_columns(total[r][v], bias + j, dst + (size_t)(m0 + r) * (size_t)n + (size_t)j,
                          n - j, has_bias, relu);
        }
}

#endif

#else

static inline float weight_of(uint word, int shift, float zero)
{
    return as_float(RAISED(word >> (uint)shift, 0)) - zero;
}

/* From bit `shift` on; zero is 2^23 more. */
static inline float4 weights_of(uint word, int shift, float zero)
{
    return (float4)(weight_of(word, shift, zero), weight_of(word, shift + BITS, zero),
                    weight_of(word, shift + 2 * BITS, zero),
                    weight_of(word, shift + 3 * BITS, zero));
}

#define CLEAR(r) float total##r = 0.0f;
#define SCALE(r)                                                                                   \
    total##r = fma(scale, part##r, total##r);                                                      \
    row##r += size;
#define SHARE(r) sums[r * ITEMS + item] = total##r;

__attribute__((reqd_work_group_size(ITEMS, 1, 1))) kernel void matmul_blocks_simt(PRODUCT)
{
    local float sums[MR * ITEMS];
    const int item = (int)get_local_id(0), lane = item % COLUMNS, quarter = item / COLUMNS;
    const int panel = (int)get_group_id(0), m0 = (int)get_group_id(1) * MR;
    const int j = panel * COLUMNS + lane, blocks = (k + size - 1) / size;
    const int chunk = HEAD + (size + PER - 1) / PER; /* rows of a block */
    global const uint *from = b + (size_t)panel * (size_t)(blocks * chunk) * COLUMNS + lane;
    ROWS(ROW)
    ROWS(CLEAR)
    for (int left = k; left > 0; left -= size) {
        const int length = min(left, size), full = length / PER;
        const float scale = as_float(from[0]);
        const float own = (HAS_ZERO ? as_float(from[COLUMNS]) : zero) + POWER(0);
        ROWS(BEGIN)
        for (int i = quarter; i < full; i += QUARTERS) {
            const uint word = from[(HEAD + i) * COLUMNS];
#pragma unroll
            for (int s = 0; s < FOURS; s++) {
                const int p = i * PER + 4 * s;
                const float4 x = weights_of(word, 4 * s * BITS, own);
                ROWS(TERMS)
            }
        }
        if (quarter == 0 && full * PER < length) {
            const uint word = from[(HEAD + full) * COLUMNS];
            for (int p = full * PER; p < length; p++) {
                const float x = weight_of(word, (p - full * PER) * BITS, own);
                ROWS(TERM)
            }
        }
        ROWS(SCALE)
        from += chunk * COLUMNS;
    }
    ROWS(SHARE)
    barrier(CLK_LOCAL_MEM_FENCE);
    if (quarter == 0) {
        ROWS(STORE)
    }
}
#endif
