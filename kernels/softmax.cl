/* softmax.cl -- Softmax and LogSoftmax along one axis, and their gradients.
 *
 * src is seen as (m, k, n) with k the axis; a line is the k elements of one (m, n).
 *
 *     softmax_rows   n = 1: an item has whole lines, lanes of a vector along the line.  A line
 *                    that fills no vector is padded with what changes nothing, since the
 *                    usual line is short (10 classes) and exp of single floats is slow on
 *                    CPU devices.
 *     softmax_group  n = 1: a group of 64 has one line.
 *     softmax_lines  any n: an item has one line, neighbours side by side in memory.
 *
 * The largest element is taken off before exp, so nothing overflows; a NaN makes its line
 * NaN.  A gradient takes dst of the forward operation and what arrives:
 *     Softmax     diff_src = dst (diff_dst - sum(diff_dst dst))
 *     LogSoftmax  diff_src = diff_dst - exp(dst) sum(diff_dst)
 * In place is allowed: an element is read before it is written, by the same item, but for
 * softmax_group, where a barrier stands between.
 *
 * Limit: exp.  Host side: lib/ops/softmax.c. */
#include "group.clh"
#include "rows.clh"

#ifndef LOG
#define LOG 0
#endif

kernel void softmax_rows(global const float *src, global float *dst, uint m, uint k, uint rows)
{
    const uint begin = (uint)get_global_id(0) * rows, end = min(begin + rows, m);
    for (uint r = begin; r < end; r++) {
        global const float *x = src + (size_t)r * k;
        global float *y = dst + (size_t)r * k;
        const size_t room = (size_t)(end - r) * k;
        floatv top = (floatv)(-INFINITY), sum = (floatv)(0.0f);
        for (uint i = 0; i < k; i += V)
            top = fmax(top, load_some(x + i, k - i, room - i, -INFINITY));
        const float most = max_lanes(top);
        for (uint i = 0; i < k; i += V) {
            const floatv shifted = load_some(x + i, k - i, room - i, -INFINITY) - most;
            const floatv e = exp(shifted);
            sum += e;
            if (k > V)
                store_some(LOG ? shifted : e, y + i, k - i);
            else
                store_some(LOG ? shifted - log(sum_lanes(e)) : e / sum_lanes(e), y, k);
        }
        if (k <= V)
            continue;
        const float total = sum_lanes(sum);
        const float by = LOG ? log(total) : 1.0f / total;
        for (uint i = 0; i < k; i += V) {
            const floatv before = load_some(y + i, k - i, room - i, 0.0f);
            store_some(LOG ? before - by : before * by, y + i, k - i);
        }
    }
}

kernel void softmax_grad_rows(global const float *dst, global const float *diff_dst,
                              global float *diff_src, uint m, uint k, uint rows)
{
    const uint begin = (uint)get_global_id(0) * rows, end = min(begin + rows, m);
    for (uint r = begin; r < end; r++) {
        const size_t at = (size_t)r * k, room = (size_t)(end - r) * k;
        floatv sum = (floatv)(0.0f);
        for (uint i = 0; i < k; i += V) {
            const floatv d = load_some(diff_dst + at + i, k - i, room - i, 0.0f);
            sum += LOG ? d : d * load_some(dst + at + i, k - i, room - i, 0.0f);
        }
        const float total = sum_lanes(sum);
        for (uint i = 0; i < k; i += V) {
            const floatv y = load_some(dst + at + i, k - i, room - i, 0.0f);
            const floatv d = load_some(diff_dst + at + i, k - i, room - i, 0.0f);
            store_some(LOG ? d - exp(y) * total : y * (d - total), diff_src + at + i, k - i);
        }
    }
}

kernel void softmax_group(global const float *src, global float *dst, uint k)
{
    local float lanes[64];
    const size_t at = get_group_id(0) * k;
    const uint item = (uint)get_local_id(0);
    float top = -INFINITY, sum = 0.0f;
    for (uint i = item; i < k; i += 64)
        top = fmax(top, src[at + i]);
    top = group_max(top, lanes);
    for (uint i = item; i < k; i += 64)
        sum += exp(src[at + i] - top);
    sum = group_sum(sum, lanes);
    const float by = LOG ? log(sum) : 1.0f / sum;
    for (uint i = item; i < k; i += 64) {
        const float x = src[at + i] - top;
        dst[at + i] = LOG ? x - by : exp(x) * by;
    }
}

kernel void softmax_grad_group(global const float *dst, global const float *diff_dst,
                               global float *diff_src, uint k)
{
    local float lanes[64];
    const size_t at = get_group_id(0) * k;
    const uint item = (uint)get_local_id(0);
    float sum = 0.0f;
    for (uint i = item; i < k; i += 64)
        sum += LOG ? diff_dst[at + i] : diff_dst[at + i] * dst[at + i];
    sum = group_sum(sum, lanes);
    for (uint i = item; i < k; i += 64) {
        const float y = dst[at + i], d = diff_dst[at + i];
        diff_src[at + i] = LOG ? d - exp(y) * sum : y * (d - sum);
    }
}

kernel void softmax_lines(global const float *src, global float *dst, uint m, uint k, uint n)
{
    const uint line = (uint)get_global_id(0);
    if (line >= m * n)
        return;
    const size_t at = (size_t)(line / n) * k * n + line % n;
    float top = -INFINITY, sum = 0.0f;
    for (uint i = 0; i < k; i++)
        top = fmax(top, src[at + (size_t)i * n]);
    for (uint i = 0; i < k; i++)
        sum += exp(src[at + (size_t)i * n] - top);
    const float by = LOG ? log(sum) : 1.0f / sum;
    for (uint i = 0; i < k; i++) {
        const float x = src[at + (size_t)i * n] - top;
        dst[at + (size_t)i * n] = LOG ? x - by : exp(x) * by;
    }
}

kernel void softmax_grad_lines(global const float *dst, global const float *diff_dst,
                               global float *diff_src, uint m, uint k, uint n)
{
    const uint line = (uint)get_global_id(0);
    if (line >= m * n)
        return;
    const size_t at = (size_t)(line / n) * k * n + line % n;
    float sum = 0.0f;
    for (uint i = 0; i < k; i++) {
        const float d = diff_dst[at + (size_t)i * n];
        sum += LOG ? d : d * dst[at + (size_t)i * n];
    }
    for (uint i = 0; i < k; i++) {
        const float y = dst[at + (size_t)i * n], d = diff_dst[at + (size_t)i * n];
        diff_src[at + (size_t)i * n] = LOG ? d - exp(y) * sum : y * (d - sum);
    }
}
