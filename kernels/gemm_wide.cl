/* gemm_wide.cl -- matrix products for CPU devices: one work-item alone in its group computes
 * a tile of MR rows by NV vectors of V floats, all of it in registers.
 *
 * Which side of the product the vectors lie along is the host's choice ("lanes"); the other
 * side ("rows") is read as scalars that are broadcast, straight from its matrix.  So dst^T =
 * b^T a^T is computed by the same kernel with other strides.  Lanes come from panels, either
 * packed ([panel][k][NR], zeros behind the last lane) or the matrix itself where it is
 * contiguous; then the last panel is moved back until it ends with the matrix, and lanes that
 * another tile has computed are not stored.
 *
 * Halves are widened once: lanes where they are packed, rows by a launch of their own, as a tile
 * would widen the same numbers again for each tile beside it (three to seven times as slow as
 * floats on Zen 3 under PoCL).  -DDIRECT=1: there is but one tile to the rows, so both sides are
 * read as they are stored.
 *
 * Bound by multiply-adds; what is lost is lost by packing and by what misses the second cache.
 * Wide tiles read the rows less often: of the measured limit of two Zen 4 cores, m = n = k from
 * 512 to 2048, tiles of 6x4 float16 reach 0.91 to 0.97 under PoCL 3.1 and Intel's runtime, and
 * those of 8x2 0.85 to 0.93.
 *
 * Assumes num_rows >= 1, and num_lanes >= NR where panels are not packed.
 * Host side: lib/ops/gemm_wide.c. */
#include "halves.clh"
#include "turn.clh"

#ifndef MR
#define MR 8
#define NV 2
#define V  16
#endif
#ifndef DIRECT
#define DIRECT 0
#endif
#define NR (NV * V)

#if V == 16
typedef float16 floatv;
#define LOADV(p)     vload16(0, p)
#define STOREV(x, p) vstore16(x, 0, p)
#define GETV(p)      GET16(p)
#define PUTV(x, p)   PUT16(x, p)
#else
typedef float8 floatv;
#define LOADV(p)     vload8(0, p)
#define STOREV(x, p) vstore8(x, 0, p)
#define GETV(p)      GET8(p)
#define PUTV(x, p)   PUT8(x, p)
#endif

/* What a tile reads. */
#if DIRECT
typedef stored operand;
#define READ(p)  GET(p)
#define READV(p) GETV(p)
#else
typedef float operand;
#define READ(p)  (*(p))
#define READV(p) LOADV(p)
#endif

/* Inlined before loops are unrolled, so that the accumulators become registers. */
#define INLINED inline __attribute__((always_inline))

/* ---- packing --------------------------------------------------------------------------------- */

/* Steps of k, and numbers, to a work-item; the host's PACK_CHUNK and WIDENED. */
enum { CHUNK = 64, WIDENED = 4096 };

/* One lane after the other lies in memory: a panel row is a copy. */
kernel void gemm_pack_lanes(global const stored *src, global float *packed, int num_lanes, int k,
                            int step, int num_inner, int outer, int inner)
{
    const int panel = (int)get_global_id(0), first = (int)get_global_id(1) * CHUNK;
    const int z = (int)get_global_id(2), num_panels = (num_lanes + NR - 1) / NR;
    const int lane = panel * NR, last = min(k, first + CHUNK);
    src += (z / num_inner) * outer + (z % num_inner) * inner + lane;
    packed += ((long)z * num_panels + panel) * k * NR;
    if (lane + NR <= num_lanes) {
        for (int p = first; p < last; p++)
#pragma unroll
            for (int v = 0; v < NV; v++)
                STOREV(GETV(src + (long)p * step + v * V), packed + (long)p * NR + v * V);
        return;
    }
    for (int p = first; p < last; p++)
        for (int j = 0; j < NR; j++)
            packed[(long)p * NR + j] =
                lane + j < num_lanes ? GET(src + ((long)p * step + j)) : 0.0f;
}

/* k is contiguous: blocks of 16 lanes by 16 steps are transposed in registers. */
kernel void gemm_pack_steps(global const stored *src, global float *packed, int num_lanes, int k,
                            int step, int num_inner, int outer, int inner)
{
    const int panel = (int)get_global_id(0), first = (int)get_global_id(1) * CHUNK;
    const int z = (int)get_global_id(2), num_panels = (num_lanes + NR - 1) / NR;
    const int last = min(k, first + CHUNK);
    src += (z / num_inner) * outer + (z % num_inner) * inner;
    packed += ((long)z * num_panels + panel) * k * NR;
    for (int lane = 0; lane < NR; lane += 16) {
        const int at = panel * NR + lane;
        int p = first;
        if (at + 16 <= num_lanes)
            for (; p + 16 <= last; p += 16) {
                float16 x[16], y[16];
#pragma unroll
                for (int j = 0; j < 16; j++)
                    x[j] = GET16(src + (long)(at + j) * step + p);
                TURN_ROUND(y, x, 8)
                TURN_ROUND(x, y, 8)
                TURN_ROUND(y, x, 8)
                TURN_ROUND(x, y, 8)
#pragma unroll
                for (int j = 0; j < 16; j++)
                    vstore16(x[j], 0, packed + (long)(p + j) * NR + lane);
            }
        for (; p < last; p++)
            for (int j = 0; j < 16 && lane + j < NR; j++)
                packed[(long)p * NR + lane + j] =
                    at + j < num_lanes ? GET(src + ((long)(at + j) * step + p)) : 0.0f;
    }
}

/* Rows of halves, as they lie. */
kernel void gemm_widen(global const stored *src, global float *dst, int base, int num)
{
    int i = (int)get_global_id(0) * WIDENED;
    const int last = min(num, i + WIDENED);
    dst += base;
    for (; i + 16 <= last; i += 16)
        vstore16(GET16(src + i), 0, dst + i);
    for (; i < last; i++)
        dst[i] = GET(src + i);
}

/* ---- the product ------------------------------------------------------------------------- */

/* The product of a batch that a work-item is at, without its lanes. */
typedef struct product {
    global const operand *rows;
    global const float *bias;
    global stored *dst;
    float alpha, beta;
    int num_rows, k, row_stride, row_step, lane_step;
    int dst_row, dst_lane, has_bias, bias_row, bias_lane, relu;
} product;

typedef struct tile {
    int row, lane;             /* the first of the tile */
    int first_lane, last_lane; /* lanes that are this tile's to store */
} tile;

/* Of a tile's vectors the first nv count.  Loops run over all, as compilers unroll what has a
 * constant end: accumulators that went through memory cost 4 % at k = 512 under PoCL. */
static INLINED void multiply(const int nv, floatv (*acc)[NV], global const operand *lanes,
                             product g, int first_row)
{
    global const operand *row[MR];
#pragma unroll
    for (int j = 0; j < MR; j++) {
        row[j] = g.rows + (long)min(first_row + j, g.num_rows - 1) * g.row_stride;
#pragma unroll
        for (int v = 0; v < NV; v++)
            acc[j][v] = (floatv)(0.0f);
    }
    for (int p = 0; p < g.k; p++) {
        floatv x[NV];
#pragma unroll
        for (int v = 0; v < NV; v++)
            if (v < nv)
                x[v] = READV(lanes + (long)p * g.lane_step + v * V);
#pragma unroll
        for (int j = 0; j < MR; j++) {
            const floatv w = (floatv)(READ(row[j] + (long)p * g.row_step));
#pragma unroll
            for (int v = 0; v < NV; v++)
                if (v < nv)
                    acc[j][v] = fma(w, x[v], acc[j][v]);
        }
    }
}

/* Rows of lanes that lie together in dst. */
static INLINED void store_rows(const int nv, floatv (*acc)[NV], product g, tile t)
{
#pragma unroll
    for (int j = 0; j < MR; j++) {
        if (t.row + j >= g.num_rows)
            continue;
        global const float *bias = g.bias + (t.row + j) * g.bias_row + t.lane * g.bias_lane;
        global stored *dst = g.dst + (long)(t.row + j) * g.dst_row + t.lane;
#pragma unroll
        for (int v = 0; v < NV; v++) {
            if (v >= nv)
                continue;
            floatv x = g.alpha * acc[j][v];
            if (g.has_bias)
                x += g.beta * (g.bias_lane ? LOADV(bias + v * V) : (floatv)(bias[0]));
            /* Compared so that NaN stays NaN. */
            PUTV(g.relu ? select(x, (floatv)(0.0f), x < (floatv)(0.0f)) : x, dst + v * V);
        }
    }
}

/* A tile with its lanes one after the other, each MR rows: transposed in registers where MR is
 * a power of two, else by way of memory. */
static INLINED void transpose(const int nv, floatv (*acc)[NV], float *turned)
{
#pragma unroll
    for (int v = 0; v < NV; v++) {
        if (v >= nv)
            continue;
#if V == 16 && (MR == 8 || MR == 4)
        floatv x[MR], y[MR];
#pragma unroll
        for (int j = 0; j < MR; j++)
            y[j] = acc[j][v];
        TURN_ROUND(x, y, MR / 2)
        TURN_ROUND(y, x, MR / 2)
#if MR == 8
        TURN_ROUND(x, y, MR / 2)
#pragma unroll
        for (int j = 0; j < MR; j++)
            y[j] = x[j];
#endif
#pragma unroll
        for (int j = 0; j < MR; j++)
            STOREV(y[j], turned + (v * MR + j) * V);
#else
        float row[V];
#pragma unroll
        for (int j = 0; j < MR; j++) {
            STOREV(acc[j][v], row);
            for (int i = 0; i < V; i++)
                turned[(v * V + i) * MR + j] = row[i];
        }
#endif
    }
}

static inline void store_one(float sum, int row, int lane, product g)
{
    float x = g.alpha * sum;
    if (g.has_bias)
        x += g.beta * g.bias[row * g.bias_row + lane * g.bias_lane];
    PUT(g.relu && x < 0.0f ? 0.0f : x, g.dst + ((long)row * g.dst_row + (long)lane * g.dst_lane));
}

#if MR == 8 || MR == 4
#if MR == 8
typedef float8 column;
#define LOADC(p)   vload8(0, p)
#define PUTC(x, p) PUT8(x, p)
#else
typedef float4 column;
#define LOADC(p)   vload4(0, p)
#define PUTC(x, p) PUT4(x, p)
#endif
/* All rows of a lane, where they lie together in dst. */
static INLINED void store_column(column x, int row, int lane, product g)
{
    global const float *bias = g.bias + row * g.bias_row + lane * g.bias_lane;
    x *= g.alpha;
    if (g.has_bias)
        x += g.beta * (g.bias_row ? LOADC(bias) : (column)(bias[0]));
    if (g.relu)
        x = select(x, (column)(0.0f), x < (column)(0.0f));
    PUTC(x, g.dst + row + (long)lane * g.dst_lane);
}
#endif

/* Rows that lie together in dst, and tiles of which only some lanes are to store. */
static INLINED void store_lanes(const int nv, floatv (*acc)[NV], product g, tile t)
{
    float turned[NR * MR];
    transpose(nv, acc, turned);
    for (int i = t.first_lane; i < t.last_lane; i++) {
        const float *sums = turned + (i - t.lane) * MR;
#if MR == 8 || MR == 4
        if (g.dst_row == 1 && t.row + MR <= g.num_rows) {
            store_column(LOADC(sums), t.row, i, g);
            continue;
        }
#endif
        for (int j = 0; j < MR && t.row + j < g.num_rows; j++)
            store_one(sums[j], t.row + j, i, g);
    }
}

static INLINED void compute(const int nv, global const operand *lanes, product g, tile t)
{
    floatv acc[MR][NV];
    multiply(nv, acc, lanes, g, t.row);
    if (g.dst_lane == 1 && t.first_lane == t.lane && t.last_lane == t.lane + nv * V)
        store_rows(nv, acc, g, t);
    else
        store_lanes(nv, acc, g, t);
}

/* Work-item (x, y, z): rows x, lanes y of product z.  dst_row and dst_lane are strides in dst,
 * one of them 1; so in bias, or 0.  Rows begin at rows_base.  Behind the last row the last one is
 * computed again, and not stored.  A work-item takes `turns` tiles of its lanes, one row of tiles
 * after the other. */
kernel void gemm_wide(global const operand *lanes, global const operand *rows,
                      global const float *bias, global stored *dst, float alpha, float beta,
                      int num_rows, int num_lanes, int k, int row_stride, int row_step,
                      int lane_step, int is_packed, int dst_row, int dst_lane, int num_inner,
                      int rows_outer, int rows_inner, int lanes_outer, int lanes_inner,
                      int has_bias, int bias_row, int bias_lane, int relu, int turns, int rows_base)
{
    const int z = (int)get_global_id(2), panel = (int)get_global_id(1);
    const int num_panels = (num_lanes + NR - 1) / NR, first = panel * NR;
    /* A last panel of few lanes is one vector wide. */
    const int is_narrow = num_lanes - first <= V, floats = is_narrow ? V : NR;
    const int lane = is_packed ? first : min(first, num_lanes - floats);
    tile t = {(int)get_global_id(0) * MR * turns, lane, first, min(lane + floats, num_lanes)};
    const product g = {rows + rows_base + (z / num_inner) * rows_outer +
                           (z % num_inner) * rows_inner,
                       bias,
                       dst + (long)z * num_rows * num_lanes,
                       alpha,
                       beta,
                       num_rows,
                       k,
                       row_stride,
                       row_step,
                       lane_step,
                       dst_row,
                       dst_lane,
                       has_bias,
                       bias_row,
                       bias_lane,
                       relu};
    if (is_packed)
        lanes += ((long)z * num_panels + panel) * k * NR;
    else
        lanes += (z / num_inner) * lanes_outer + (z % num_inner) * lanes_inner + lane;
    for (const int end = min(num_rows, t.row + MR * turns); t.row < end; t.row += MR)
        if (is_narrow)
            compute(1, lanes, g, t);
        else
            compute(NV, lanes, g, t);
}
