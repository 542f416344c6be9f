/* batch_norm_wide.cl -- BatchNormalization and its gradient for CPU devices: see batch_norm.cl.
 *
 *     ..._planes   (images, channels, pixels): a vector is 16 pixels
 *     ..._blocks   16 channels of a pixel side by side, pixels `step` elements apart: values in
 *                  blocks of channels (step 16), and (images, channels) with images as pixels
 *
 * An item has `pairs` pairs of a channel (or block of 16) and a part of it; parts first, so
 * that neighbours in memory are one item's.  `channels` of the blocks' kernels is how many there
 * are; those of pad lanes are computed from what lies there and stored beside the others in
 * `part` alone.
 *
 * Limit: memory.  Host side: lib/ops/batch_norm_wide.c. */
#define V 16
#include "rows.clh"
#include "batch_norm.clh"

/* ---- planes -------------------------------------------------------------------------------- */

#define PLANES uint images, uint channels, uint pixels, uint per, uint chunk, uint parts, uint pairs

/* Pair r: its channel and its part. */
#define EACH_PAIR                                                                                  \
    uint r = (uint)get_global_id(0) * pairs;                                                       \
    r < min(((uint)get_global_id(0) + 1) * pairs, channels * parts);                               \
    r++

static inline size_t plane_at(uint image, uint channel, uint channels, uint pixels)
{
    return ((size_t)image * channels + channel) * pixels;
}

kernel void stats_planes(global const float *src, global float *part, PLANES)
{
    const size_t all = (size_t)images * channels * pixels;
    for (EACH_PAIR) {
        const uint c = r % channels, number = r / channels;
        const piece p = piece_of(number, images, per, pixels, chunk);
        floatv sum = (floatv)(0.0f), squares = (floatv)(0.0f);
        for (uint n = p.image; n < p.last_image; n++) {
            const size_t at = plane_at(n, c, channels, pixels) + p.pixel;
            for (uint i = 0; i < p.num_pixels; i += V)
                sum += load_some(src + at + i, p.num_pixels - i, all - at - i, 0.0f);
        }
        const float mean = sum_lanes(sum) / (float)count_of(p);
        for (uint n = p.image; n < p.last_image; n++) {
            const size_t at = plane_at(n, c, channels, pixels) + p.pixel;
            for (uint i = 0; i < p.num_pixels; i += V) {
                const floatv x =
                    load_some(src + at + i, p.num_pixels - i, all - at - i, mean) - mean;
                squares += x * x;
            }
        }
        part[(size_t)(2 * number) * channels + c] = mean;
        part[(size_t)(2 * number + 1) * channels + c] = sum_lanes(squares);
    }
}

kernel void apply_planes(global const float *src, global const float *scale,
                         global const float *bias, global const float *mean,
                         global const float *spread, global float *dst, float epsilon, uint mean_at,
                         uint spread_at, PLANES)
{
    const size_t all = (size_t)images * channels * pixels;
    for (EACH_PAIR) {
        const uint c = r % channels;
        const piece p = piece_of(r / channels, images, per, pixels, chunk);
        const float by = inverse(spread[spread_at + c], epsilon) * scale[c];
        const float m = mean[mean_at + c];
        for (uint n = p.image; n < p.last_image; n++) {
            const size_t at = plane_at(n, c, channels, pixels) + p.pixel;
            for (uint i = 0; i < p.num_pixels; i += V) {
                const floatv x = load_some(src + at + i, p.num_pixels - i, all - at - i, 0.0f);
                store_some((x - m) * by + bias[c], dst + at + i, p.num_pixels - i);
            }
        }
    }
}

kernel void sums_planes(global const float *src, global const float *diff_dst,
                        global const float *mean, global float *part, PLANES)
{
    const size_t all = (size_t)images * channels * pixels;
    for (EACH_PAIR) {
        const uint c = r % channels, number = r / channels;
        const piece p = piece_of(number, images, per, pixels, chunk);
        const float m = mean[c];
        floatv sum = (floatv)(0.0f), product = (floatv)(0.0f);
        for (uint n = p.image; n < p.last_image; n++) {
            const size_t at = plane_at(n, c, channels, pixels) + p.pixel;
            for (uint i = 0; i < p.num_pixels; i += V) {
                const uint num = p.num_pixels - i;
                const floatv d = load_some(diff_dst + at + i, num, all - at - i, 0.0f);
                sum += d;
                product += d * (load_some(src + at + i, num, all - at - i, m) - m);
            }
        }
        part[(size_t)(2 * number) * channels + c] = sum_lanes(sum);
        part[(size_t)(2 * number + 1) * channels + c] = sum_lanes(product);
    }
}

kernel void grad_planes(global const float *src, global const float *diff_dst,
                        global const float *mean, global const float *factors,
                        global float *diff_src, uint factors_at, PLANES)
{
    factors += factors_at;
    const size_t all = (size_t)images * channels * pixels;
    for (EACH_PAIR) {
        const uint c = r % channels;
        const piece p = piece_of(r / channels, images, per, pixels, chunk);
        const float by = factors[c], off = factors[channels + c], m = mean[c];
        const float slope = factors[2 * channels + c];
        for (uint n = p.image; n < p.last_image; n++) {
            const size_t at = plane_at(n, c, channels, pixels) + p.pixel;
            for (uint i = 0; i < p.num_pixels; i += V) {
                const uint num = p.num_pixels - i;
                const floatv d = load_some(diff_dst + at + i, num, all - at - i, 0.0f);
                const floatv x = load_some(src + at + i, num, all - at - i, 0.0f) - m;
                store_some(by * (d - off - x * slope), diff_src + at + i, num);
            }
        }
    }
}

/* ---- blocks -------------------------------------------------------------------------------- */

/* Image n of block b begins n * image_step + b * block_step elements into a tensor; a vector
 * may be read or written whole if `whole`, else as far as there are channels. */
#define BLOCKS                                                                                     \
    uint images, uint channels, uint pixels, uint per, uint chunk, uint parts, uint pairs,         \
        uint image_step, uint block_step, uint step, uint whole

#define NUM_BLOCKS ((channels + V - 1) / V)
#define EACH_BLOCK                                                                                 \
    uint r = (uint)get_global_id(0) * pairs;                                                       \
    r < min(((uint)get_global_id(0) + 1) * pairs, NUM_BLOCKS * parts);                             \
    r++

/* Numbers of the block's channels, 0 for those there are not. */
static inline floatv of_block(global const float *p, uint b, uint channels)
{
    return load_some(p + b * V, channels - b * V, channels - b * V, 0.0f);
}

static inline void to_part(floatv x, global float *part, uint row, uint b, uint blocks)
{
    STOREV(x, part + ((size_t)row * blocks + b) * V);
}

kernel void stats_blocks(global const float *src, global float *part, BLOCKS)
{
    for (EACH_BLOCK) {
        const uint b = r % NUM_BLOCKS, number = r / NUM_BLOCKS,
                   lanes = whole ? V : channels - b * V;
        const piece p = piece_of(number, images, per, pixels, chunk);
        floatv sum = (floatv)(0.0f), squares = (floatv)(0.0f);
        for (uint n = p.image; n < p.last_image; n++) {
            global const float *x =
                src + (size_t)n * image_step + (size_t)b * block_step + (size_t)p.pixel * step;
            for (uint i = 0; i < p.num_pixels; i++)
                sum += load_some(x + (size_t)i * step, lanes, lanes, 0.0f);
        }
        const floatv mean = sum / (float)count_of(p);
        for (uint n = p.image; n < p.last_image; n++) {
            global const float *x =
                src + (size_t)n * image_step + (size_t)b * block_step + (size_t)p.pixel * step;
            for (uint i = 0; i < p.num_pixels; i++) {
                const floatv d = load_some(x + (size_t)i * step, lanes, lanes, 0.0f) - mean;
                squares += d * d;
            }
        }
        to_part(mean, part, 2 * number, b, NUM_BLOCKS);
        to_part(squares, part, 2 * number + 1, b, NUM_BLOCKS);
    }
}

kernel void apply_blocks(global const float *src, global const float *scale,
                         global const float *bias, global const float *mean,
                         global const float *spread, global float *dst, float epsilon, uint mean_at,
                         uint spread_at, BLOCKS)
{
    for (EACH_BLOCK) {
        const uint b = r % NUM_BLOCKS, lanes = whole ? V : channels - b * V;
        const piece p = piece_of(r / NUM_BLOCKS, images, per, pixels, chunk);
        const floatv s = of_block(spread + spread_at, b, channels);
        const floatv inv = epsilon < 0.0f ? s : 1.0f / sqrt(s + epsilon);
        const floatv by = inv * of_block(scale, b, channels);
        const floatv off = of_block(bias, b, channels), m = of_block(mean + mean_at, b, channels);
        for (uint n = p.image; n < p.last_image; n++) {
            const size_t at =
                (size_t)n * image_step + (size_t)b * block_step + (size_t)p.pixel * step;
            for (uint i = 0; i < p.num_pixels; i++) {
                const floatv x = load_some(src + at + (size_t)i * step, lanes, lanes, 0.0f);
                store_some((x - m) * by + off, dst + at + (size_t)i * step, lanes);
            }
        }
    }
}

kernel void sums_blocks(global const float *src, global const float *diff_dst,
                        global const float *mean, global float *part, BLOCKS)
{
    for (EACH_BLOCK) {
        const uint b = r % NUM_BLOCKS, number = r / NUM_BLOCKS,
                   lanes = whole ? V : channels - b * V;
        const piece p = piece_of(number, images, per, pixels, chunk);
        const floatv m = of_block(mean, b, channels);
        floatv sum = (floatv)(0.0f), product = (floatv)(0.0f);
        for (uint n = p.image; n < p.last_image; n++) {
            const size_t at =
                (size_t)n * image_step + (size_t)b * block_step + (size_t)p.pixel * step;
            for (uint i = 0; i < p.num_pixels; i++) {
                const floatv d = load_some(diff_dst + at + (size_t)i * step, lanes, lanes, 0.0f);
                sum += d;
                product += d * (load_some(src + at + (size_t)i * step, lanes, lanes, 0.0f) - m);
            }
        }
        to_part(sum, part, 2 * number, b, NUM_BLOCKS);
        to_part(product, part, 2 * number + 1, b, NUM_BLOCKS);
    }
}

kernel void grad_blocks(global const float *src, global const float *diff_dst,
                        global const float *mean, global const float *factors,
                        global float *diff_src, uint factors_at, BLOCKS)
{
    factors += factors_at;
    for (EACH_BLOCK) {
        const uint b = r % NUM_BLOCKS, lanes = whole ? V : channels - b * V;
        const piece p = piece_of(r / NUM_BLOCKS, images, per, pixels, chunk);
        const floatv m = of_block(mean, b, channels), by = of_block(factors, b, channels);
        const floatv off = of_block(factors + channels, b, channels);
        const floatv slope = of_block(factors + 2 * channels, b, channels);
        for (uint n = p.image; n < p.last_image; n++) {
            const size_t at =
                (size_t)n * image_step + (size_t)b * block_step + (size_t)p.pixel * step;
            for (uint i = 0; i < p.num_pixels; i++) {
                const size_t to = at + (size_t)i * step;
                const floatv d = load_some(diff_dst + to, lanes, lanes, 0.0f);
                const floatv x = load_some(src + to, lanes, lanes, 0.0f) - m;
                store_some(by * (d - off - x * slope), diff_src + to, lanes);
            }
        }
    }
}
