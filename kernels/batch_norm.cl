/* batch_norm.cl -- BatchNormalization and its gradient for GPUs, and what puts parts together
 * everywhere.  Host side: lib/ops/batch_norm.c; kernels of CPU devices: batch_norm_wide.cl.
 *
 * src (images, channels, pixels); a part of a channel: batch_norm.clh.
 *
 *     dst = (src - mean) inv scale + bias         inv = 1 / sqrt(variance + epsilon)
 *     diff_src = inv scale (diff_dst - sum(diff_dst)/n - (src - mean) inv^2 sum(...)/n)
 *
 *     stats_groups       mean and sum of squares about it, of a part: a group of 64
 *     stats_lines        the same where channels lie side by side: an item has a channel
 *     stats_join         parts become the statistics of a channel, and running ones move on
 *     apply_items        an item has an element
 *     sums_groups, sums_lines, sums_join, grad_items   the same for the gradient
 *
 * A part looks at its elements twice, the second time in the cache, and parts are joined as
 * Chan, Golub and LeVeque say: nothing cancels, whatever the mean.  Fixed order throughout.
 *
 * part (num_parts, 2, width): for each channel two numbers a part, `width` channels apart.
 * Limit: memory. */
#include "batch_norm.clh"
#include "group.clh"

/* Where pixel 0 of an image's channel lies. */
static inline size_t plane_at(uint image, uint channel, uint channels, uint pixels)
{
    return ((size_t)image * channels + channel) * pixels;
}

kernel void stats_groups(global const float *src, global float *part, uint images, uint channels,
                         uint pixels, uint per, uint chunk)
{
    local float lanes[64];
    const uint channel = (uint)get_group_id(0), number = (uint)get_group_id(1);
    const uint item = (uint)get_local_id(0);
    const piece p = piece_of(number, images, per, pixels, chunk);
    float sum = 0.0f, squares = 0.0f;
    for (uint n = p.image; n < p.last_image; n++) {
        global const float *x = src + plane_at(n, channel, channels, pixels) + p.pixel;
        for (uint i = item; i < p.num_pixels; i += 64)
            sum += x[i];
    }
    const float mean = group_sum(sum, lanes) / (float)count_of(p);
    for (uint n = p.image; n < p.last_image; n++) {
        global const float *x = src + plane_at(n, channel, channels, pixels) + p.pixel;
        for (uint i = item; i < p.num_pixels; i += 64)
            squares += (x[i] - mean) * (x[i] - mean);
    }
    const float total = group_sum(squares, lanes);
    if (item == 0) {
        part[(size_t)(2 * number) * channels + channel] = mean;
        part[(size_t)(2 * number + 1) * channels + channel] = total;
    }
}

/* One pixel an image: (images, channels). */
kernel void stats_lines(global const float *src, global float *part, uint images, uint channels,
                        uint per)
{
    const uint channel = (uint)get_global_id(0), number = (uint)get_group_id(1);
    const uint first = number * per, last = min(first + per, images);
    if (channel >= channels)
        return;
    float sum = 0.0f, squares = 0.0f;
    for (uint n = first; n < last; n++)
        sum += src[(size_t)n * channels + channel];
    const float mean = sum / (float)(last - first);
    for (uint n = first; n < last; n++) {
        const float x = src[(size_t)n * channels + channel] - mean;
        squares += x * x;
    }
    part[(size_t)(2 * number) * channels + channel] = mean;
    part[(size_t)(2 * number + 1) * channels + channel] = squares;
}

/* stats (2, channels), stats_at behind `part`: mean, inv.  GIVEN: bit 0, running statistics move on
 * to next_*; bit 1, saved_* get mean and inv as well; bit 2, stats get the sum of squares and not
 * inv: they are one part.  `keep` is the share of the old running statistic, `correction` what makes
 * the variance unbiased, or 1. */
kernel void stats_join(global const float *part, global const float *mean,
                       global const float *variance, global float *stats, global float *next_mean,
                       global float *next_variance, global float *saved_mean,
                       global float *saved_inv, float epsilon, float keep, float correction,
                       uint stats_at, uint given, uint images, uint channels, uint pixels, uint per,
                       uint chunk, uint parts, uint width)
{
    const uint c = (uint)get_global_id(0);
    if (c >= channels)
        return;
    float num = 0.0f, middle = 0.0f, squares = 0.0f;
    for (uint i = 0; i < parts; i++) {
        const float more = (float)count_of(piece_of(i, images, per, pixels, chunk));
        const float apart = part[(size_t)(2 * i) * width + c] - middle, all = num + more;
        middle += apart * (more / all);
        squares += part[(size_t)(2 * i + 1) * width + c] + apart * apart * (num * (more / all));
        num = all;
    }
    const float biased = squares / num, inv = 1.0f / sqrt(biased + epsilon);
    stats[stats_at + c] = middle;
    stats[stats_at + channels + c] = given & 4u ? squares : inv;
    if (given & 1u) {
        next_mean[c] = keep * mean[c] + (1.0f - keep) * middle;
        next_variance[c] = keep * variance[c] + (1.0f - keep) * (biased * correction);
    }
    if (given & 2u) {
        saved_mean[c] = middle;
        saved_inv[c] = inv;
    }
}

kernel void apply_items(global const float *src, global const float *scale,
                        global const float *bias, global const float *mean,
                        global const float *spread, global float *dst, float epsilon, uint mean_at,
                        uint spread_at, uint channels, uint pixels, uint num)
{
    const uint i = (uint)get_global_id(0);
    if (i >= num)
        return;
    const uint c = i / pixels % channels;
    const float by = inverse(spread[spread_at + c], epsilon) * scale[c];
    dst[i] = (src[i] - mean[mean_at + c]) * by + bias[c];
}

/* ---- the gradient -------------------------------------------------------------------------- */

/* part: sum of diff_dst, sum of diff_dst (src - mean). */
kernel void sums_groups(global const float *src, global const float *diff_dst,
                        global const float *mean, global float *part, uint images, uint channels,
                        uint pixels, uint per, uint chunk)
{
    local float lanes[64];
    const uint channel = (uint)get_group_id(0), number = (uint)get_group_id(1);
    const uint item = (uint)get_local_id(0);
    const piece p = piece_of(number, images, per, pixels, chunk);
    const float m = mean[channel];
    float sum = 0.0f, product = 0.0f;
    for (uint n = p.image; n < p.last_image; n++) {
        const size_t at = plane_at(n, channel, channels, pixels) + p.pixel;
        for (uint i = item; i < p.num_pixels; i += 64) {
            const float d = diff_dst[at + i];
            sum += d;
            product += d * (src[at + i] - m);
        }
    }
    sum = group_sum(sum, lanes);
    product = group_sum(product, lanes);
    if (item == 0) {
        part[(size_t)(2 * number) * channels + channel] = sum;
        part[(size_t)(2 * number + 1) * channels + channel] = product;
    }
}

kernel void sums_lines(global const float *src, global const float *diff_dst,
                       global const float *mean, global float *part, uint images, uint channels,
                       uint per)
{
    const uint channel = (uint)get_global_id(0), number = (uint)get_group_id(1);
    const uint first = number * per, last = min(first + per, images);
    if (channel >= channels)
        return;
    float sum = 0.0f, product = 0.0f;
    for (uint n = first; n < last; n++) {
        const float d = diff_dst[(size_t)n * channels + channel];
        sum += d;
        product += d * (src[(size_t)n * channels + channel] - mean[channel]);
    }
    part[(size_t)(2 * number) * channels + channel] = sum;
    part[(size_t)(2 * number + 1) * channels + channel] = product;
}

/* factors (3, channels), factors_at behind `part`: diff_src = factors[0] (diff_dst - factors[1] -
 * (src - mean) factors[2]); statistics that do not depend on src (`share` 0) leave the last two 0.
 */
kernel void sums_join(global const float *part, global const float *scale,
                      global const float *spread, global float *factors, global float *diff_scale,
                      global float *diff_bias, float epsilon, float share, uint factors_at,
                      uint channels, uint parts, uint width)
{
    const uint c = (uint)get_global_id(0);
    if (c >= channels)
        return;
    float sum = 0.0f, product = 0.0f;
    for (uint i = 0; i < parts; i++) {
        sum += part[(size_t)(2 * i) * width + c];
        product += part[(size_t)(2 * i + 1) * width + c];
    }
    const float inv = inverse(spread[c], epsilon);
    diff_scale[c] = product * inv;
    diff_bias[c] = sum;
    factors[factors_at + c] = scale[c] * inv;
    factors[factors_at + channels + c] = sum * share;
    factors[factors_at + 2 * channels + c] = product * inv * inv * share;
}

kernel void grad_items(global const float *src, global const float *diff_dst,
                       global const float *mean, global const float *factors,
                       global float *diff_src, uint factors_at, uint channels, uint pixels,
                       uint num)
{
    const uint i = (uint)get_global_id(0);
    if (i >= num)
        return;
    const uint c = i / pixels % channels;
    factors += factors_at;
    diff_src[i] = factors[c] * (diff_dst[i] - factors[channels + c] -
                                (src[i] - mean[c]) * factors[2 * channels + c]);
}
