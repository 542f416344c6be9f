/* matmul_codes.cl -- rows of floats times weights that are numbers of a codebook's entries, BITS
 * bits each; what lies where: lib/ops/matmul_codes_common.h.
 *
 *     matmul_codes_wide   for CPU devices: with -DFLOATS=16 the codebook is vectors in registers,
 *                         and 16 weights are a permutation of each, as compilers of LLVM make them
 *                         of elements that are taken by name (shuffle() takes 12 times as long on
 *                         PoCL and 3 times on Intel's runtime); with 8 it is halves of a vector,
 * for CPUs without AVX-512; with 1 it lies in private memory. matmul_codes_simt   for GPUs: the
 * codebook lies in local memory.
 *
 * Limit: of one row what is done to each weight, a shift, a mask, a permutation and a multiply-add,
 * and no longer the reading of weights.
 *
 * A number counts modulo ROOM, a power of two that all entries find place in; behind the last entry
 * there is NaN, as Gather has it.  Columns behind the last are those of number 0, panels and rows
 * behind the last are the last once more; none is stored.  Host side: lib/ops/matmul_codes.c. */
#ifndef BITS
#define BITS   4
#define ROOM   16
#define MR     1
#define NV     4
#define FLOATS 16
#define WIDE   1
#endif

#include "panels.clh"

#define LOWEST_BITS (ROOM - 1u) /* of what is left of a word */

#define PRODUCT                                                                                    \
    global const float *a, global const uint *b, global const float *codebook,                     \
        global const float *bias, global float *dst, int m, int n, int k, int entries,             \
        int has_bias, int relu

static inline float entry(global const float *codebook, int i, int entries)
{
    return i < entries ? codebook[i] : NAN;
}

#if WIDE

/* Eight lanes of x, by name: compilers see a permutation then. */
#define TAKE(x, table, q, a, b, c, d, e, f, g, h)                                                  \
    x.s##a = table[q.s##a];                                                                        \
    x.s##b = table[q.s##b];                                                                        \
    x.s##c = table[q.s##c];                                                                        \
    x.s##d = table[q.s##d];                                                                        \
    x.s##e = table[q.s##e];                                                                        \
    x.s##f = table[q.s##f];                                                                        \
    x.s##g = table[q.s##g];                                                                        \
    x.s##h = table[q.s##h];
#define TAKE_LOW(x, table, q)  TAKE(x, table, q, 0, 1, 2, 3, 4, 5, 6, 7)
#define TAKE_HIGH(x, table, q) TAKE(x, table, q, 8, 9, a, b, c, d, e, f)

/* Bit `at` as the sign, which select() looks at. */
#define SIGN(at) (31 - (at))

#if FLOATS == 1

#define TABLE ROOM
typedef const float *codebook_t;
#define AS_CODEBOOK(some) some

static inline float16 taken(codebook_t table, uint16 q)
{
    float16 x;
    TAKE_LOW(x, table, q)
    TAKE_HIGH(x, table, q)
    return x;
}

#elif FLOATS == 8

#define TABLE             16
typedef float16 codebook_t;
#define AS_CODEBOOK(some) vload16(0, some)

static inline float8 taken_half(codebook_t table, uint8 q)
{
    const uint8 in = q & 7u;
    const float8 low = table.lo, high = table.hi;
    float8 x, y;
    TAKE_LOW(x, low, in)
    TAKE_LOW(y, high, in)
    return select(x, y, as_int8(q << SIGN(3)));
}

static inline float16 taken(codebook_t table, uint16 q)
{
    return (float16)(taken_half(table, q.lo), taken_half(table, q.hi));
}

#else

static inline float16 permuted(float16 table, uint16 q)
{
    float16 x;
    TAKE_LOW(x, table, q)
    TAKE_HIGH(x, table, q)
    return x;
}

#if ROOM == 64
#define TABLE 64
typedef struct codebook_t {
    float16 a, b, c, d;
} codebook_t;
#define AS_CODEBOOK(some)                                                                          \
    {                                                                                              \
        vload16(0, some), vload16(1, some), vload16(2, some), vload16(3, some)                     \
    }

static inline float16 taken(codebook_t t, uint16 q)
{
    const uint16 in = q & 15u;
    const int16 odd = as_int16(q << SIGN(4));
    const float16 low = select(permuted(t.a, in), permuted(t.b, in), odd);
    const float16 high = select(permuted(t.c, in), permuted(t.d, in), odd);
    return select(low, high, as_int16(q << SIGN(5)));
}
#elif ROOM == 32
#define TABLE 32
typedef struct codebook_t {
    float16 a, b;
} codebook_t;
#define AS_CODEBOOK(some)                                                                          \
    {                                                                                              \
        vload16(0, some), vload16(1, some)                                                         \
    }

static inline float16 taken(codebook_t t, uint16 q)
{
    const uint16 in = q & 15u;
    return select(permuted(t.a, in), permuted(t.b, in), as_int16(q << SIGN(4)));
}
#else
#define TABLE             16
typedef float16 codebook_t;
#define AS_CODEBOOK(some) vload16(0, some)
#define taken(t, q)       permuted(t, q)
#endif

#endif

/* Step p of all rows; the words of the next step come down. */
#define STEP(p)                                                                                    \
    EACH(v, NV)                                                                                    \
    {                                                                                              \
        const float16 x = taken(table, words[v] & LOWEST_BITS);                                    \
        EACH(r, MR) total[r][v] = fma((float16)(row[r][p]), x, total[r][v]);                       \
        words[v] >>= BITS;                                                                         \
    }

kernel void matmul_codes_wide(PRODUCT)
{
    const int panel0 = (int)get_global_id(0) * NV, m0 = (int)get_global_id(1) * MR;
    const int panels = (n + COLUMNS - 1) / COLUMNS, lines = (k + PER - 1) / PER, full = k / PER;
    global const float *row[MR];
    global const uint *from[NV];
    float some[TABLE];
    float16 total[MR][NV];
    uint16 words[NV];
    for (int i = 0; i < TABLE; i++)
        some[i] = entry(codebook, i, entries);
    const codebook_t table = AS_CODEBOOK(some);
    EACH(r, MR) row[r] = a + (size_t)min(m0 + r, m - 1) * (size_t)k;
    EACH(v, NV)
    {
        from[v] = b + (size_t)min(panel0 + v, panels - 1) * (size_t)lines * COLUMNS;
        EACH(r, MR) total[r][v] = (float16)(0.0f);
    }
    for (int i = 0; i < full; i++) {
        EACH(v, NV) words[v] = vload16((size_t)i, from[v]);
        for (int p = i * PER; p < (i + 1) * PER; p++)
            STEP(p)
    }
    if (full < lines) {
        EACH(v, NV) words[v] = vload16((size_t)full, from[v]);
        for (int p = full * PER; p < k; p++)
            STEP(p)
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

#else

#define NUMBER(shift) table[word >> (uint)(shift)&LOWEST_BITS]
#define SHARE(r)      sums[r * ITEMS + item] = part##r;

__attribute__((reqd_work_group_size(ITEMS, 1, 1))) kernel void matmul_codes_simt(PRODUCT)
{
    local float table[ROOM], sums[MR * ITEMS];
    const int item = (int)get_local_id(0), lane = item % COLUMNS, quarter = item / COLUMNS;
    const int panel = (int)get_group_id(0), m0 = (int)get_group_id(1) * MR;
    const int j = panel * COLUMNS + lane, lines = (k + PER - 1) / PER, full = k / PER;
    global const uint *from = b + (size_t)panel * (size_t)lines * COLUMNS + lane;
    for (int i = item; i < ROOM; i += ITEMS)
        table[i] = entry(codebook, i, entries);
    barrier(CLK_LOCAL_MEM_FENCE);
    ROWS(ROW)
    ROWS(BEGIN)
    for (int i = quarter; i < full; i += QUARTERS) {
        const uint word = from[i * COLUMNS];
#pragma unroll
        for (int s = 0; s < FOURS; s++) {
            const int p = i * PER + 4 * s, at = 4 * s * BITS;
            const float4 x = (float4)(NUMBER(at), NUMBER(at + BITS), NUMBER(at + 2 * BITS),
                                      NUMBER(at + 3 * BITS));
            ROWS(TERMS)
        }
    }
    if (quarter == 0 && full < lines) {
        const uint word = from[full * COLUMNS];
        for (int p = full * PER; p < k; p++) {
            const float x = NUMBER((p - full * PER) * BITS);
            ROWS(TERM)
        }
    }
    ROWS(SHARE)
    barrier(CLK_LOCAL_MEM_FENCE);
    if (quarter == 0) {
        ROWS(STORE)
    }
}
#endif
