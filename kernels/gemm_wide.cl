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
 * Bound by multiply-adds: 8x2 tiles of float16 ran at 229 of 231 GFLOPS on two Zen 4 cores
 * under PoCL 3.1, m = n = k = 1024, packing apart.
 *
 * Assumes num_rows >= 1, and num_lanes >= NR where panels are not packed.
 * Host side: lib/ops/gemm_wide.c. */
#ifndef MR
#define MR 8
#define NV 2
#define V  16
#endif
#define NR (NV * V)

#if V == 16
typedef float16 floatv;
#define LOADV(p)     vload16(0, p)
#define STOREV(x, p) vstore16(x, 0, p)
#else
typedef float8 floatv;
#define LOADV(p)     vload8(0, p)
#define STOREV(x, p) vstore8(x, 0, p)
#endif

/* ---- packing --------------------------------------------------------------------------------- */

enum { CHUNK = 64 }; /* steps of k to a work-item; the host's PACK_CHUNK */

/* One lane after the other lies in memory: a panel row is a copy. */
kernel void gemm_pack_lanes(global const float *src, global float *packed, int num_lanes, int k,
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
                STOREV(LOADV(src + (long)p * step + v * V), packed + (long)p * NR + v * V);
        return;
    }
    for (int p = first; p < last; p++)
        for (int j = 0; j < NR; j++)
            packed[(long)p * NR + j] = lane + j < num_lanes ? src[(long)p * step + j] : 0.0f;
}

/* Interleaves two vectors: what the four rounds of a 16 x 16 transposition are made of. */
static inline float16 interleave_low(float16 a, float16 b)
{
    return (float16)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s4, b.s4, a.s5, b.s5, a.s6,
                     b.s6, a.s7, b.s7);
}

static inline float16 interleave_high(float16 a, float16 b)
{
    return (float16)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb, a.sc, b.sc, a.sd, b.sd, a.se,
                     b.se, a.sf, b.sf);
}

#define ROUND(to, from)                                                                            \
    _Pragma("unroll") for (int i = 0; i < 8; i++)                                                  \
    {                                                                                              \
        to[2 * i] = interleave_low(from[i], from[i + 8]);                                          \
        to[2 * i + 1] = interleave_high(from[i], from[i + 8]);                                     \
    }

/* k is contiguous: blocks of 16 lanes by 16 steps are transposed in registers. */
kernel void gemm_pack_steps(global const float *src, global float *packed, int num_lanes, int k,
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
        if (at + 16 <= num_lanes && NR % 16 == 0)
            for (; p + 16 <= last; p += 16) {
                float16 x[16], y[16];
#pragma unroll
                for (int j = 0; j < 16; j++)
                    x[j] = vload16(0, src + (long)(at + j) * step + p);
                ROUND(y, x)
                ROUND(x, y)
                ROUND(y, x)
                ROUND(x, y)
#pragma unroll
                for (int j = 0; j < 16; j++)
                    vstore16(x[j], 0, packed + (long)(p + j) * NR + lane);
            }
        for (; p < last; p++)
            for (int j = 0; j < 16 && lane + j < NR; j++)
                packed[(long)p * NR + lane + j] =
                    at + j < num_lanes ? src[(long)(at + j) * step + p] : 0.0f;
    }
}

/* ---- the product -------------------------------------------------------------------------------
 */

typedef struct tile {
    int row, lane;             /* the first of the tile */
    int first_lane, last_lane; /* lanes that are this tile's to store */
} tile;

static inline float finish(float x, int relu)
{
    /* Written so that NaN stays NaN. */
    return relu && x < 0.0f ? 0.0f : x;
}

/* A whole row of lanes that lie together in dst. */
static inline void store_row(floatv *acc, global float *dst, global const float *bias, float alpha,
                             float beta, int has_bias, int bias_lane, int relu)
{
#pragma unroll
    for (int v = 0; v < NV; v++) {
        floatv x = alpha * acc[v];
        if (has_bias)
            x += beta * (bias_lane ? LOADV(bias + v * V) : (floatv)(bias[0]));
        if (relu)
            x = select(x, (floatv)(0.0f), x < (floatv)(0.0f));
        STOREV(x, dst + v * V);
    }
}

/* Work-item (x, y, z): rows x, lanes y of product z. */
static inline tile tile_of(int num_lanes, int is_packed)
{
    tile t;
    t.row = (int)get_global_id(0) * MR;
    t.first_lane = (int)get_global_id(1) * NR;
    t.lane = is_packed ? t.first_lane : min(t.first_lane, num_lanes - NR);
    t.last_lane = min(t.lane + NR, num_lanes);
    return t;
}

/* dst_row and dst_lane are strides in dst, one of them 1; so in bias, or 0.  Behind the last
 * row the last one is computed again, and not stored. */
kernel void gemm_wide(global const float *lanes, global const float *rows, global const float *bias,
                      global float *dst, float alpha, float beta, int num_rows, int num_lanes,
                      int k, int row_stride, int row_step, int lane_step, int is_packed,
                      int dst_row, int dst_lane, int num_inner, int rows_outer, int rows_inner,
                      int lanes_outer, int lanes_inner, int has_bias, int bias_row, int bias_lane,
                      int relu)
{
    const tile t = tile_of(num_lanes, is_packed);
    const int z = (int)get_global_id(2), num_panels = (num_lanes + NR - 1) / NR;
    dst += (long)z * num_rows * num_lanes;
    rows += (z / num_inner) * rows_outer + (z % num_inner) * rows_inner;
    if (is_packed)
        lanes += ((long)z * num_panels + t.lane / NR) * k * NR;
    else
        lanes += (z / num_inner) * lanes_outer + (z % num_inner) * lanes_inner + t.lane;

    floatv acc[MR][NV];
    global const float *row[MR];
#pragma unroll
    for (int j = 0; j < MR; j++) {
        row[j] = rows + (long)min(t.row + j, num_rows - 1) * row_stride;
#pragma unroll
        for (int v = 0; v < NV; v++)
            acc[j][v] = (floatv)(0.0f);
    }
    for (int p = 0; p < k; p++) {
        floatv x[NV];
#pragma unroll
        for (int v = 0; v < NV; v++)
            x[v] = LOADV(lanes + (long)p * lane_step + v * V);
#pragma unroll
        for (int j = 0; j < MR; j++) {
            const floatv w = (floatv)(row[j][(long)p * row_step]);
#pragma unroll
            for (int v = 0; v < NV; v++)
                acc[j][v] = fma(w, x[v], acc[j][v]);
        }
    }

    if (dst_lane == 1 && t.first_lane == t.lane && t.last_lane - t.lane == NR) {
#pragma unroll
        for (int j = 0; j < MR; j++)
            if (t.row + j < num_rows)
                store_row(acc[j], dst + (long)(t.row + j) * dst_row + t.lane,
                          bias + (t.row + j) * bias_row + t.lane * bias_lane, alpha, beta, has_bias,
                          bias_lane, relu);
        return;
    }
    /* Lanes do not lie together, or some are another tile's: one by one, from a copy. */
    float copy[MR][NR];
#pragma unroll
    for (int j = 0; j < MR; j++)
#pragma unroll
        for (int v = 0; v < NV; v++)
            STOREV(acc[j][v], &copy[j][v * V]);
    for (int i = t.first_lane; i < t.last_lane; i++)
        for (int j = 0; j < MR && t.row + j < num_rows; j++) {
            float sum = alpha * copy[j][i - t.lane];
            if (has_bias)
                sum += beta * bias[(t.row + j) * bias_row + i * bias_lane];
            dst[(long)(t.row + j) * dst_row + (long)i * dst_lane] = finish(sum, relu);
        }
}
