/* norm.cl -- normalisation of rows, and its gradient by the row.
 *
 * src (m, k) -> dst (m, k):   dst = (src - mean) inv scale + bias, inv = 1 / sqrt(variance +
 * epsilon) with mean and (biased) variance of the row.  Element j of row r has the scale and bias
 * at (r % period) * span + j / inner, which is all that layer, instance and group normalisation
 * differ in.
 *
 *     norm_rows, norm_grad_rows       an item has `rows` rows (CPU devices, V = 16)
 *     norm_groups, norm_grad_groups   a group of 64 has a row (V = 1)
 *
 *     diff_src = inv (diff - sum(diff)/k - (src - mean) inv^2 sum(diff (src - mean))/k)
 * where diff has been multiplied by the scale.
 *
 * A row is read two times or three, but for the first time from the cache.  In place is allowed
 * for dst over src and for diff_src over either: an element is written last.
 * Limit: memory.  Host side: lib/ops/norm.c. */
#include "group.clh"
#include "rows.clh"

#if V > 1
kernel void norm_rows(global const float *src, global const float *scale, global const float *bias,
                      global float *dst, global float *means, global float *invs, float epsilon,
                      uint has_bias, uint has_statistics, uint m, uint k, uint rows, uint period,
                      uint span, uint inner)
{
    const uint begin = (uint)get_global_id(0) * rows, end = min(begin + rows, m);
    for (uint r = begin; r < end; r++) {
        global const float *x = src + (size_t)r * k;
        global float *y = dst + (size_t)r * k;
        const uint first = r % period * span;
        floatv sum = (floatv)(0.0f), squares = (floatv)(0.0f);
        for (uint i = 0; i < k; i += V)
            sum += load_some(x + i, k - i, k - i, 0.0f);
        const float mean = sum_lanes(sum) / (float)k;
        for (uint i = 0; i < k; i += V) {
            const floatv d = load_some(x + i, k - i, k - i, mean) - mean;
            squares += d * d;
        }
        const float inv = 1.0f / sqrt(sum_lanes(squares) / (float)k + epsilon);
        if (has_statistics) {
            means[r] = mean;
            invs[r] = inv;
        }
        if (inner == 1)
            for (uint i = 0; i < k; i += V) {
                const floatv by = load_some(scale + first + i, k - i, k - i, 0.0f) * inv;
                floatv out = (load_some(x + i, k - i, k - i, 0.0f) - mean) * by;
                if (has_bias)
                    out += load_some(bias + first + i, k - i, k - i, 0.0f);
                store_some(out, y + i, k - i);
            }
        else
            for (uint s = 0; s < k / inner; s++) {
                const float by = scale[first + s] * inv, off = has_bias ? bias[first + s] : 0.0f;
                for (uint i = 0; i < inner; i += V) {
                    const floatv at = load_some(x + s * inner + i, inner - i, inner - i, 0.0f);
                    store_some((at - mean) * by + off, y + s * inner + i, inner - i);
                }
            }
    }
}

kernel void norm_grad_rows(global const float *src, global const float *diff,
                           global const float *means, global const float *invs,
                           global float *diff_src, uint m, uint k, uint rows)
{
    const uint begin = (uint)get_global_id(0) * rows, end = min(begin + rows, m);
    for (uint r = begin; r < end; r++) {
        const size_t at = (size_t)r * k;
        const float mean = means[r], inv = invs[r];
        floatv sum = (floatv)(0.0f), product = (floatv)(0.0f);
        for (uint i = 0; i < k; i += V) {
            const floatv d = load_some(diff + at + i, k - i, k - i, 0.0f);
            sum += d;
            product += d * (load_some(src + at + i, k - i, k - i, mean) - mean);
        }
        const float off = sum_lanes(sum) / (float)k;
        const float slope = sum_lanes(product) * inv * inv / (float)k;
        for (uint i = 0; i < k; i += V) {
            const floatv d = load_some(diff + at + i, k - i, k - i, 0.0f);
            const floatv x = load_some(src + at + i, k - i, k - i, 0.0f) - mean;
            store_some(inv * (d - off - x * slope), diff_src + at + i, k - i);
        }
    }
}
#else
kernel void norm_groups(global const float *src, global const float *scale,
                        global const float *bias, global float *dst, global float *means,
                        global float *invs, float epsilon, uint has_bias, uint has_statistics,
                        uint k, uint period, uint span, uint inner)
{
    local float lanes[64];
    const uint r = (uint)get_group_id(0), item = (uint)get_local_id(0), first = r % period * span;
    const size_t at = (size_t)r * k;
    float sum = 0.0f, squares = 0.0f;
    for (uint i = item; i < k; i += 64)
        sum += src[at + i];
    const float mean = group_sum(sum, lanes) / (float)k;
    for (uint i = item; i < k; i += 64)
        squares += (src[at + i] - mean) * (src[at + i] - mean);
    const float inv = 1.0f / sqrt(group_sum(squares, lanes) / (float)k + epsilon);
    if (has_statistics && item == 0) {
        means[r] = mean;
        invs[r] = inv;
    }
    for (uint i = item; i < k; i += 64) {
        const uint c = first + i / inner;
        dst[at + i] = (src[at + i] - mean) * (inv * scale[c]) + (has_bias ? bias[c] : 0.0f);
    }
}

kernel void norm_grad_groups(global const float *src, global const float *diff,
                             global const float *means, global const float *invs,
                             global float *diff_src, uint k)
{
    local float lanes[64];
    const uint r = (uint)get_group_id(0), item = (uint)get_local_id(0);
    const size_t at = (size_t)r * k;
    const float mean = means[r], inv = invs[r];
    float sum = 0.0f, product = 0.0f;
    for (uint i = item; i < k; i += 64) {
        sum += diff[at + i];
        product += diff[at + i] * (src[at + i] - mean);
    }
    const float off = group_sum(sum, lanes) / (float)k;
    const float slope = group_sum(product, lanes) * inv * inv / (float)k;
    for (uint i = item; i < k; i += 64)
        diff_src[at + i] = inv * (diff[at + i] - off - (src[at + i] - mean) * slope);
}
#endif
