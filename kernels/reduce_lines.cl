/* reduce_lines.cl -- reductions of rows, columns and planes; reduce.clh has the formulas.
 *
 * src is seen as (m, k, n) with k reduced.  n = 1: rows, lanes of a vector side by side in a
 * row; m counts the planes where an outer axis goes as well.  Otherwise columns, lanes over
 * columns.  Where that alone would leave cores idle, k is cut into parts.  Results of parts
 * (and of planes) lie in scratch as (parts, outputs, inner) for reduce_join; inner is 1 but where
 * planes too short for vectors were added up as columns.  The order of additions
 * depends on shapes and device only, so bits repeat.
 *
 * Limit: memory, that is the order of reading.  Columns on CPUs, shares of the read limit on
 * PoCL and on Intel's runtime (Zen 4, 64 MiB): a strip of 512 bytes down the rows reached 0.35 and
 * 0.37, with prefetch() 0.33 and 0.37, because prefetchers end at a page.  Whole rows are read
 * in order: 0.86 and 0.85 at 1024 columns, but only 0.50 and 0.59 at 16384, whose sums do not
 * stay in the first cache.  ROWS rows side by side give each sum ROWS terms at a time: 1.05
 * and 0.90 there, 1.1 and 1.05 at 1024; 32 rows less, 0.84 and 0.76.  At 512 columns one by one
 * is as good or better: 0.83 to 1.04 and 0.86, against 0.80 and 0.84.
 *
 * Host side: lib/ops/reduce_lines.c. */
#include "reduce.clh"

#define ROWS 8u

static inline float finish(float a, float scale, float center, uint last)
{
    (void)scale;
    (void)center;
    return last ? FINISH(float, a, scale, center) : a;
}

/* Of output i; read only by formulas that have one. */
static inline float center_of(global const float *center, size_t i)
{
    return CENTRED ? center[i] : 0.0f;
}

/* An item has `rows` rows of one part of k; row r belongs to output r % outputs. */
kernel void reduce_rows(global const float *src, global const float *center, global float *dst,
                        float scale, uint last, uint outputs, uint m, uint k, uint rows, uint part)
{
    const uint from = min((uint)get_global_id(1) * part, k), num = min(part, k - from);
    const uint begin = (uint)get_global_id(0) * rows, end = min(begin + rows, m);
    for (uint r = begin; r < end; r++) {
        const float c = center_of(center, r % outputs);
        dst[(size_t)get_global_id(1) * m + r] =
            finish(row(src + (size_t)r * k + from, num, c), scale, c, last);
    }
}

/* A group of 64 has one row of one part of k. */
kernel void reduce_rows_simt(global const float *src, global const float *center, global float *dst,
                             float scale, uint last, uint outputs, uint m, uint k, uint rows,
                             uint part)
{
    local float sums[64];
    const uint from = min((uint)get_group_id(1) * part, k), num = min(part, k - from);
    const uint r = (uint)get_group_id(0), item = (uint)get_local_id(0);
    global const float *at = src + (size_t)r * k + from;
    const float c = center_of(center, r % outputs);
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
        dst[(size_t)get_group_id(1) * m + r] = finish(sums[0], scale, c, last);
}

#if V == 16
/* Terms of a vector of columns, row after row.  ROWS of them are spelled out: as a loop their
 * loads do not overlap. */
static inline float16 take_down(global const float *src, uint n, uint rows, float16 c)
{
    float16 sum = (float16)(START);
    (void)c;
    if (rows == ROWS) {
#pragma unroll
        for (uint r = 0; r < ROWS; r += 2) {
            const float16 x = LOADV(src + (size_t)r * n);
            const float16 y = LOADV(src + (size_t)(r + 1) * n);
            sum = TAKE_TWO(float16, sum, x, y, c);
        }
        return sum;
    }
    for (uint r = 0; r < rows; r++) {
        const float16 x = LOADV(src + (size_t)r * n);
        sum = TAKE(float16, sum, x, c);
    }
    return sum;
}

/* `rows` rows of a vector of columns joined to what dst has of them, but for the first
 * `leave` lanes; `first`: dst has nothing yet. */
static inline void take_vector(global const float *src, global const float *center,
                               global float *dst, uint n, uint rows, uint first, int leave)
{
    const int16 lanes = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const float16 c = CENTRED ? LOADV(center) : (float16)(0.0f);
    const float16 before = first && leave == 0 ? (float16)(START) : LOADV(dst);
    const float16 sum = take_down(src, n, rows, c);
    const float16 both = first ? sum : JOIN(float16, before, sum);
    STOREV(leave == 0 ? both : select(before, both, lanes >= leave), dst);
}

/* The same for all of an item's columns.  The last vector overlaps the one before; only where
 * there is none, columns go one by one. */
static inline void take_rows(global const float *src, global const float *center, global float *dst,
                             uint width, uint n, uint rows, uint first)
{
    uint i = 0;
    for (; i + V <= width; i += V)
        take_vector(src + i, center + i, dst + i, n, rows, first, 0);
    if (i < width && i > 0) {
        const uint at = width - V;
        take_vector(src + at, center + at, dst + at, n, rows, first, (int)(i - at));
        return;
    }
    for (; i < width; i++) {
        const float c = center_of(center, i);
        float sum = START;
        (void)c;
        for (uint r = 0; r < rows; r++) {
            const float x = src[(size_t)r * n + i];
            sum = TAKE(float, sum, x, c);
        }
        const float before = first ? sum : dst[i];
        dst[i] = first ? sum : JOIN(float, before, sum);
    }
}

/* An item has `columns` columns of one part of k of one of m, rows one by one or ROWS
 * together; dst holds its sums.  A formula with a center is never the last here: the center may lie
 * in the output. */
kernel void reduce_columns(global const float *src, global const float *center, global float *dst,
                           float scale, uint last, uint k, uint n, uint columns, uint part,
                           uint together)
{
    const uint from = min((uint)get_global_id(1) * part, k), num = min(part, k - from);
    const size_t m = get_global_id(2), begin = get_global_id(0) * columns;
    const uint width = min(columns, n - (uint)begin);
    src += (m * k + from) * n + begin;
    center += m * n + begin;
    dst += (get_global_id(1) * get_global_size(2) + m) * n + begin;
    (void)scale;
    uint i = together ? num % ROWS : 0;
    take_rows(src, center, dst, width, n, i, 1);
    for (; together && i < num; i += ROWS)
        take_rows(src + (size_t)i * n, center, dst, width, n, ROWS, 0);
    for (; i < num; i++)
        take_rows(src + (size_t)i * n, center, dst, width, n, 1, 0);
    if (!last)
        return;
    for (i = 0; i + V <= width; i += V) {
        const float16 a = LOADV(dst + i);
        STOREV(FINISH(float16, a, scale, (float16)(0.0f)), dst + i);
    }
    for (; i < width; i++)
        dst[i] = finish(dst[i], scale, 0.0f, 1);
}
#endif

/* An item has one column of one part of k of one of m; neighbours have neighbouring ones. */
kernel void reduce_columns_simt(global const float *src, global const float *center,
                                global float *dst, float scale, uint last, uint k, uint n,
                                uint part)
{
    const uint from = min((uint)get_global_id(1) * part, k), num = min(part, k - from);
    const size_t m = get_global_id(2);
    const uint at = (uint)get_global_id(0);
    if (at >= n)
        return;
    const float c = center_of(center, m * n + at);
    (void)c;
    src += (m * k + from) * n + at;
    float total = START;
    for (uint i = 0; i < num;) {
        const uint stop = min(num, i + BLOCK);
        float block = START;
        for (; i < stop; i++) {
            const float x = src[(size_t)i * n];
            block = TAKE(float, block, x, c);
        }
        total = JOIN(float, total, block);
    }
    dst[(get_global_id(1) * get_global_size(2) + m) * n + at] = finish(total, scale, c, last);
}

/* Puts the parts together: part (parts, num, inner) -> dst (num), which may hold the centers. */
kernel void reduce_join(global const float *part, global const float *center, global float *dst,
                        float scale, uint parts, uint num, uint inner)
{
    const uint i = (uint)get_global_id(0);
    if (i >= num)
        return;
    float total = START;
    for (uint p = 0; p < parts;) {
        const uint stop = min(parts, p + max(BLOCK / inner, 1u));
        float block = START;
        for (; p < stop; p++)
            for (uint j = 0; j < inner; j++) {
                const float x = part[((size_t)p * num + i) * inner + j];
                block = JOIN(float, block, x);
            }
        total = JOIN(float, total, block);
    }
    dst[i] = finish(total, scale, center_of(center, i), 1);
}
