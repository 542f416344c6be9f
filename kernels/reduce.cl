/* reduce.cl -- sums and their like along axes, always in the same order.
 *
 * -DREDUCE picks the formula: Sum (a mean is one with a scale), Max, Min, Norm (squares
 * about a center, then the root: L2 and the standard deviation).
 *
 * src is seen as (m, k, n) with k reduced.  n = 1: rows, lanes of a vector side by side in a
 * row.  Otherwise columns, lanes over columns.  Where m n alone would leave cores idle, k is
 * cut into parts, whose results lie in scratch as (parts, m n) for reduce_join.  The order
 * of additions depends on shapes and device only, so bits repeat.  Sums go by blocks of
 * BLOCK terms a lane: the error of one long chain would grow too fast.
 *
 * Limit: memory.  Host side: lib/ops/reduce.c. */
#include "common.clh"

#ifndef REDUCE
#define REDUCE Sum
#endif
#define BLOCK          256u
#define COLUMN_VECTORS 8u

#define CONCAT_(a, b) a##b
#define CONCAT(a, b)  CONCAT_(a, b)

/* A NaN among the terms comes through. */
#define PICK(T, a, x, cond) select(a, x, ((x)cond(a)) | ((x) != (x)))

#define START_Sum            0.0f
#define TAKE_Sum(T, a, x, c) ((a) + (x))
#define JOIN_Sum(T, a, b)    ((a) + (b))
#define FINISH_Sum(a, scale) ((a) * (scale))

#define START_Max            (-INFINITY)
#define TAKE_Max(T, a, x, c) PICK(T, a, x, >)
#define JOIN_Max(T, a, b)    PICK(T, a, b, >)
#define FINISH_Max(a, scale) (a)

#define START_Min            INFINITY
#define TAKE_Min(T, a, x, c) PICK(T, a, x, <)
#define JOIN_Min(T, a, b)    PICK(T, a, b, <)
#define FINISH_Min(a, scale) (a)

#define START_Norm            0.0f
#define TAKE_Norm(T, a, x, c) ((a) + ((x) - (c)) * ((x) - (c)))
#define JOIN_Norm(T, a, b)    ((a) + (b))
#define FINISH_Norm(a, scale) sqrt((a) * (scale))

#define START  CONCAT(START_, REDUCE)
#define TAKE   CONCAT(TAKE_, REDUCE)
#define JOIN   CONCAT(JOIN_, REDUCE)
#define FINISH CONCAT(FINISH_, REDUCE)

static inline float finish(float a, float scale, uint last)
{
    (void)scale;
    return last ? FINISH(a, scale) : a;
}

static inline float join_lanes(floatv a)
{
#if V == 1
    return a;
#else
    float lanes[V];
    STOREV(a, lanes);
    for (uint half_v = V / 2; half_v > 0; half_v /= 2)
        for (uint i = 0; i < half_v; i++)
            lanes[i] = JOIN(float, lanes[i], lanes[i + half_v]);
    return lanes[0];
#endif
}

/* num terms that lie side by side. */
static inline float row(global const float *src, uint num, float center)
{
    (void)center;
    floatv total = (floatv)(START);
    uint i = 0;
    while (i + V <= num) {
        const uint stop = min(num, i + BLOCK * V);
        floatv block = (floatv)(START);
        for (; i + V <= stop; i += V) {
            const floatv x = LOADV(src + i);
            block = TAKE(floatv, block, x, center);
        }
        total = JOIN(floatv, total, block);
    }
    float sum = join_lanes(total);
    for (; i < num; i++)
        sum = TAKE(float, sum, src[i], center);
    return sum;
}

/* An item has `rows` rows of one part of k. */
kernel void reduce_rows(global const float *src, global const float *center, global float *dst,
                        float scale, uint centred, uint last, uint m, uint k, uint rows, uint part)
{
    const uint from = min((uint)get_global_id(1) * part, k), num = min(part, k - from);
    const uint begin = (uint)get_global_id(0) * rows, end = min(begin + rows, m);
    const float c = centred ? *center : 0.0f;
    for (uint r = begin; r < end; r++)
        dst[(size_t)get_global_id(1) * m + r] =
            finish(row(src + (size_t)r * k + from, num, c), scale, last);
}

/* A group of 64 has one row of one part of k. */
kernel void reduce_rows_simt(global const float *src, global const float *center, global float *dst,
                             float scale, uint centred, uint last, uint m, uint k, uint rows,
                             uint part)
{
    local float sums[64];
    const uint from = min((uint)get_group_id(1) * part, k), num = min(part, k - from);
    const uint r = (uint)get_group_id(0), item = (uint)get_local_id(0);
    global const float *at = src + (size_t)r * k + from;
    const float c = centred ? *center : 0.0f;
    (void)c;
    (void)rows;
    float total = START;
    for (uint i = item; i < num;) {
        float block = START;
        for (uint j = 0; j < BLOCK && i < num; j++, i += 64) {
            const float x = at[i];
            block = TAKE(float, block, x, c);
        }
        total = JOIN(float, total, block);
    }
    sums[item] = total;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint half_v = 32; half_v > 0; half_v /= 2) {
        if (item < half_v)
            sums[item] = JOIN(float, sums[item], sums[item + half_v]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (item == 0)
        dst[(size_t)get_group_id(1) * m + r] = finish(sums[0], scale, last);
}

/* One vector of columns. */
static inline floatv column(global const float *src, uint num, uint n)
{
    floatv total = (floatv)(START);
    for (uint i = 0; i < num;) {
        const uint stop = min(num, i + BLOCK);
        floatv block = (floatv)(START);
        for (; i < stop; i++) {
            const floatv x = LOADV(src + (size_t)i * n);
            block = TAKE(floatv, block, x, 0.0f);
        }
        total = JOIN(floatv, total, block);
    }
    return total;
}

static inline void store_columns(floatv a, global float *dst, float scale, uint last)
{
    (void)scale;
    if (last)
        STOREV(FINISH(a, scale), dst);
    else
        STOREV(a, dst);
}

/* COLUMN_VECTORS vectors of columns at once: rows are read in pieces long enough for the
 * prefetcher. */
static inline void broad_column(global const float *src, global float *dst, uint num, uint n,
                                float scale, uint last)
{
    floatv total[COLUMN_VECTORS], block[COLUMN_VECTORS];
    for (uint j = 0; j < COLUMN_VECTORS; j++)
        total[j] = (floatv)(START);
    for (uint i = 0; i < num;) {
        const uint stop = min(num, i + BLOCK);
        for (uint j = 0; j < COLUMN_VECTORS; j++)
            block[j] = (floatv)(START);
        for (; i < stop; i++)
            for (uint j = 0; j < COLUMN_VECTORS; j++) {
                const floatv x = LOADV(src + (size_t)i * n + j * V);
                block[j] = TAKE(floatv, block[j], x, 0.0f);
            }
        for (uint j = 0; j < COLUMN_VECTORS; j++)
            total[j] = JOIN(floatv, total[j], block[j]);
    }
    for (uint j = 0; j < COLUMN_VECTORS; j++)
        store_columns(total[j], dst + j * V, scale, last);
}

/* An item has `columns` columns of one part of k of one of m. */
kernel void reduce_columns(global const float *src, global float *dst, float scale, uint last,
                           uint k, uint n, uint columns, uint part)
{
    const uint from = min((uint)get_global_id(1) * part, k), num = min(part, k - from);
    const size_t m = get_global_id(2);
    const uint end = min(((uint)get_global_id(0) + 1) * columns, n);
    src += (m * k + from) * n;
    dst += (get_global_id(1) * get_global_size(2) + m) * n;
    uint c = (uint)get_global_id(0) * columns;
    for (; c + COLUMN_VECTORS * V <= end; c += COLUMN_VECTORS * V)
        broad_column(src + c, dst + c, num, n, scale, last);
    for (; c + V <= end; c += V)
        store_columns(column(src + c, num, n), dst + c, scale, last);
    for (; c < end; c++) {
        float total = START;
        for (uint i = 0; i < num;) {
            const uint stop = min(num, i + BLOCK);
            float block = START;
            for (; i < stop; i++) {
                const float x = src[(size_t)i * n + c];
                block = TAKE(float, block, x, 0.0f);
            }
            total = JOIN(float, total, block);
        }
        dst[c] = finish(total, scale, last);
    }
}

/* Any axes: the kept dimensions d and the reduced ones e, innermost first, with strides.
 * Item by item through the outputs. */
kernel void reduce_any(global const float *src, global float *dst, float scale, uint num,
                       uint chunk, uint d0, uint d1, uint d2, uint d3, uint ds0, uint ds1, uint ds2,
                       uint ds3, uint e0, uint e1, uint e2, uint e3, uint es0, uint es1, uint es2,
                       uint es3)
{
    const uint begin = min((uint)get_global_id(0) * chunk, num), end = min(begin + chunk, num);
    for (uint i = begin; i < end; i++) {
        const uint i1 = i / d0, i2 = i1 / d1, i3 = i2 / d2;
        global const float *at = src + i % d0 * ds0 + i1 % d1 * ds1 + i2 % d2 * ds2 + i3 % d3 * ds3;
        float sum = START;
        for (uint j3 = 0; j3 < e3; j3++)
            for (uint j2 = 0; j2 < e2; j2++)
                for (uint j1 = 0; j1 < e1; j1++) {
                    global const float *from = at + j3 * es3 + j2 * es2 + j1 * es1;
                    float block = START;
                    if (es0 == 1)
                        block = row(from, e0, 0.0f);
                    else
                        for (uint j0 = 0; j0 < e0; j0++) {
                            const float x = from[j0 * es0];
                            block = TAKE(float, block, x, 0.0f);
                        }
                    sum = JOIN(float, sum, block);
                }
        dst[i] = finish(sum, scale, 1);
    }
}

/* Puts the parts together: part (parts, num) -> dst (num). */
kernel void reduce_join(global const float *part, global float *dst, float scale, uint parts,
                        uint num)
{
    const uint i = (uint)get_global_id(0);
    if (i >= num)
        return;
    float total = START;
    for (uint p = 0; p < parts; p++) {
        const float x = part[(size_t)p * num + i];
        total = JOIN(float, total, x);
    }
    dst[i] = finish(total, scale, 1);
}

/* How many bytes are not 0, by parts, then together. */
kernel void count_part(global const uchar *src, global int *part, uint num, uint chunk)
{
    const uint begin = min((uint)get_global_id(0) * chunk, num), end = min(begin + chunk, num);
    uint i = begin;
    int total = 0;
#if V > 1
    intv lanes = (intv)(0);
    for (; i + V <= end; i += V)
        lanes += min(LOADMASK(src + i), (intv)(1)); /* a comparison is 255 in oclgrind 21.10 */
    int at[V];
#if V == 4
    vstore4(lanes, 0, at);
#else
    vstore16(lanes, 0, at);
#endif
    for (int j = 0; j < V; j++)
        total += at[j];
#endif
    for (; i < end; i++)
        total += src[i] != 0;
    part[get_global_id(0)] = total;
}

kernel void count_join(global const int *part, global int *dst, uint parts)
{
    int total = 0;
    if (get_global_id(0) > 0)
        return;
    for (uint i = 0; i < parts; i++)
        total += part[i];
    dst[0] = total;
}
