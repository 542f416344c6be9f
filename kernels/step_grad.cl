/* step_grad.cl -- the gradient of a rounding by its step size and by what it rounds, in one pass
 * (LSQ, Esser et al. 2020, equations 1 to 3):
 *
 *     dst = diff where x was within the range, else 0
 *     end = factor * (up * sum of diff above the range + down * that below it
 *                     + sum of diff * (round(x / scale) - x / scale) within it)
 *     low = factor * (span * sum of diff below the range - the sum within it)
 *
 * Which number lies where is what quantize.cl's PASS finds, bit for bit.  NaN lies nowhere and
 * passes nothing.
 *
 *     step_grad_rows      one scale for each of `channels` rows of `num` numbers (one row: a scale
 *                         for all), a row in `parts` parts of `chunk` numbers
 *     step_grad_columns   one scale a column of `channels`, `num` rows in such parts
 *     step_grad_join      what parts found, which lies as (3, channels, parts); with one part the
 *                         others write results themselves
 *
 * Wide (V = 16) an item has a part of `rows` rows, or of 16 columns; else a group of 64 has a part
 * of one row, or of 64 columns.  Wide rows may lie in blocks (c16: ops/layout_common.h): `blocks`
 * planes of `plane` numbers are a sample, the last of which has `lanes` channels; what its other
 * lanes hold does not count, and they become 0.  Plain numbers are one block of 16 lanes.
 *
 * Sums go in one order, so bits repeat.  dst may lie on diff or src: an item reads a number before
 * it writes it.
 *
 * Limit: memory.  Of a copy's speed, two cores of Zen 4, PoCL and Intel's runtime, wide:
 * activations of 64x20x12x12 0.84 and 1.29, 64 MiB 0.60 and 0.59 (the copy stores past the caches;
 * in a plan dst lies on diff), weights of 512x512x3x3 1.2 and 1.2, of 800x500 by columns 0.87 and
 * 0.85.  Host side: lib/ops/step_grad.c. */
#include "common.clh"
#include "packed.clh"
#include "quant.clh"
#if V == 1
#include "group.clh"
#endif

typedef struct grid {
    floatv scale, divisor, low, high, least, most;
} grid;

/* Looks a step beyond the range. */
static inline grid grid_of(floatv scale, intv zero)
{
    const floatv low = TO_FLOATV(PACKED_LOW - zero), high = TO_FLOATV(PACKED_HIGH - zero);
    const grid g = {scale, quant_divisor(scale), low,
                    high,  (low - 1.0f) * scale, (high + 1.0f) * scale};
    return g;
}

typedef struct sums {
    floatv above, below, within;
} sums;

static inline sums no_sums(void)
{
    const sums s = {(floatv)(0.0f), (floatv)(0.0f), (floatv)(0.0f)};
    return s;
}

/* What passes to x. */
static inline floatv pass(floatv x, floatv diff, grid g, sums *s)
{
    const floatv none = (floatv)(0.0f);
    const floatv near = quant_divide(quant_clamp(x, g.least, g.most), g.scale, g.divisor);
    const floatv whole = TO_FLOATV(quant_round(near));
    const floatv passed = select(none, diff, (whole >= g.low) & (whole <= g.high) & (near == near));
    s->above += select(none, diff, whole > g.high);
    s->below += select(none, diff, whole < g.low);
    s->within += passed * select(none, whole - near, near == near);
    return passed;
}

typedef struct formula {
    float factor, up, down, span;
} formula;

static inline void put(float above, float below, float within, formula f, global float *end,
                       global float *low, uint at)
{
    *(end + at) = f.factor * (f.up * above + f.down * below + within);
    if (f.span > 0.0f)
        *(low + at) = f.factor * (f.span * below - within);
}

/* Results, or a part of them. */
static inline void leave(float above, float below, float within, formula f, global float *end,
                         global float *low, global float *parts, uint channels, uint channel,
                         uint num_parts, uint part)
{
    const uint at = channel * num_parts + part, all = channels * num_parts;
    if (num_parts == 1u) {
        put(above, below, within, f, end, low, channel);
        return;
    }
    parts[at] = above;
    parts[all + at] = below;
    parts[2u * all + at] = within;
}

#if V == 16

static inline float sum_lanes(floatv x)
{
    const float8 a = x.lo + x.hi;
    const float4 b = a.lo + a.hi;
    const float2 c = b.lo + b.hi;
    return c.x + c.y;
}

static inline floatv only(floatv x, uint lanes)
{
    const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return select((floatv)(0.0f), x, lane < (int)lanes);
}

/* The first `num` of a vector's numbers are there. */
static inline floatv load_some(global const float *p, uint num)
{
    float x[V];
    for (uint k = 0; k < V; k++)
        x[k] = k < num ? p[k] : 0.0f;
    return vload16(0, x);
}

static inline void store_some(floatv x, global float *p, uint num)
{
    float all[V];
    vstore16(x, 0, all);
    for (uint k = 0; k < num; k++)
        p[k] = all[k];
}

kernel void step_grad_rows(global const float *src, global const float *diff,
                           global const float *scale, global const packed *zero, global float *dst,
                           global float *end, global float *low, global float *parts, float factor,
                           float up, float down, float span, uint channels, uint num, uint chunk,
                           uint rows, uint plane, uint blocks, uint lanes)
{
    const uint part = (uint)get_global_id(1), num_parts = (uint)get_global_size(1);
    const uint first = (uint)get_global_id(0) * rows, stop = min(first + rows, channels);
    const uint from = min(part * chunk, num), to = min(from + chunk, num);
    const formula f = {factor, up, down, span};
    for (uint c = first; c < stop; c++) {
        const grid g = grid_of((floatv)(scale[c]), (intv)(packed_load_one(zero, c)));
        const size_t row = (size_t)c * num;
        sums s = no_sums();
        uint i = from;
        while (i + V <= to) {
            const uint plane_end = min(to, (i / plane + 1u) * plane);
            const uint here = i / plane % blocks == blocks - 1u ? lanes : V;
            if (here == V)
                for (; i + V <= plane_end; i += V)
                    STOREV(pass(LOADV(src + row + i), LOADV(diff + row + i), g, &s), dst + row + i);
            else
                for (; i + V <= plane_end; i += V)
                    STOREV(pass(LOADV(src + row + i), only(LOADV(diff + row + i), here), g, &s),
                           dst + row + i);
        }
        if (i < to)
            store_some(
                pass(load_some(src + row + i, to - i), load_some(diff + row + i, to - i), g, &s),
                dst + row + i, to - i);
        leave(sum_lanes(s.above), sum_lanes(s.below), sum_lanes(s.within), f, end, low, parts,
              channels, c, num_parts, part);
    }
}

kernel void step_grad_columns(global const float *src, global const float *diff,
                              global const float *scale, global const packed *zero,
                              global float *dst, global float *end, global float *low,
                              global float *parts, float factor, float up, float down, float span,
                              uint channels, uint num, uint chunk)
{
    const uint part = (uint)get_global_id(1), num_parts = (uint)get_global_size(1);
    const uint c = (uint)get_global_id(0) * V, here = min(channels - c, (uint)V);
    const uint from = min(part * chunk, num), to = min(from + chunk, num);
    const formula f = {factor, up, down, span};
    int zeros[V];
    float scales[V], above[V], below[V], within[V];
    for (uint k = 0; k < V; k++) {
        scales[k] = scale[min(c + k, channels - 1u)];
        zeros[k] = packed_load_one(zero, min(c + k, channels - 1u));
    }
    const grid g = grid_of(vload16(0, scales), vload16(0, zeros));
    sums s = no_sums();
    for (uint r = from; r < to; r++) {
        const size_t i = (size_t)r * channels + c;
        if (here == V)
            STOREV(pass(LOADV(src + i), LOADV(diff + i), g, &s), dst + i);
        else
            store_some(pass(load_some(src + i, here), load_some(diff + i, here), g, &s), dst + i,
                       here);
    }
    vstore16(s.above, 0, above);
    vstore16(s.below, 0, below);
    vstore16(s.within, 0, within);
    for (uint k = 0; k < here; k++)
        leave(above[k], below[k], within[k], f, end, low, parts, channels, c + k, num_parts, part);
}

/* An item has `chunk` channels. */
kernel void step_grad_join(global const float *parts, global float *end, global float *low,
                           float factor, float up, float down, float span, uint channels,
                           uint num_parts, uint chunk)
{
    const uint first = min((uint)get_global_id(0) * chunk, channels), all = channels * num_parts;
    const formula f = {factor, up, down, span};
    for (uint c = first; c < min(first + chunk, channels); c++) {
        float x[3] = {0.0f, 0.0f, 0.0f};
        for (uint k = 0; k < 3u; k++)
            for (uint i = 0; i < num_parts; i++)
                x[k] += parts[k * all + c * num_parts + i];
        put(x[0], x[1], x[2], f, end, low, c);
    }
}

#else

kernel void step_grad_rows(global const float *src, global const float *diff,
                           global const float *scale, global const packed *zero, global float *dst,
                           global float *end, global float *low, global float *parts, float factor,
                           float up, float down, float span, uint channels, uint num, uint chunk,
                           uint rows, uint plane, uint blocks, uint lanes)
{
    local float shared[64];
    const uint c = (uint)get_group_id(0), part = (uint)get_group_id(1);
    const uint num_parts = (uint)get_num_groups(1), item = (uint)get_local_id(0);
    const uint from = min(part * chunk, num), to = min(from + chunk, num);
    const formula f = {factor, up, down, span};
    const grid g = grid_of(scale[c], packed_load_one(zero, c));
    const size_t row = (size_t)c * num;
    sums s = no_sums();
    (void)rows;
    (void)plane;
    (void)blocks;
    (void)lanes;
    for (uint i = from + item; i < to; i += 64u)
        dst[row + i] = pass(src[row + i], diff[row + i], g, &s);
    const float above = group_sum(s.above, shared), below = group_sum(s.below, shared);
    const float within = group_sum(s.within, shared);
    if (item == 0)
        leave(above, below, within, f, end, low, parts, channels, c, num_parts, part);
}

kernel void step_grad_columns(global const float *src, global const float *diff,
                              global const float *scale, global const packed *zero,
                              global float *dst, global float *end, global float *low,
                              global float *parts, float factor, float up, float down, float span,
                              uint channels, uint num, uint chunk)
{
    const uint c = (uint)get_global_id(0), part = (uint)get_group_id(1);
    const uint num_parts = (uint)get_num_groups(1);
    const uint from = min(part * chunk, num), to = min(from + chunk, num);
    const formula f = {factor, up, down, span};
    if (c >= channels)
        return;
    const grid g = grid_of(scale[c], packed_load_one(zero, c));
    sums s = no_sums();
    for (uint r = from; r < to; r++) {
        const size_t i = (size_t)r * channels + c;
        dst[i] = pass(src[i], diff[i], g, &s);
    }
    leave(s.above, s.below, s.within, f, end, low, parts, channels, c, num_parts, part);
}

/* A group has a channel. */
kernel void step_grad_join(global const float *parts, global float *end, global float *low,
                           float factor, float up, float down, float span, uint channels,
                           uint num_parts, uint chunk)
{
    local float shared[64];
    const uint c = (uint)get_group_id(0), item = (uint)get_local_id(0), all = channels * num_parts;
    const formula f = {factor, up, down, span};
    float x[3] = {0.0f, 0.0f, 0.0f};
    (void)chunk;
    for (uint k = 0; k < 3u; k++)
        for (uint i = item; i < num_parts; i += 64u)
            x[k] += parts[k * all + c * num_parts + i];
    const float above = group_sum(x[0], shared), below = group_sum(x[1], shared);
    const float within = group_sum(x[2], shared);
    if (item == 0)
        put(above, below, within, f, end, low, c);
}
#endif
