/* histogram.cl -- the range of numbers, and how often they fall into each of its equal parts,
 * summed over runs whose ranges differ.
 *
 * A part, or bin, holds what is from i * width to before (i + 1) * width, for some whole i.  The
 * width is the least power of two by which `bins` of them hold the range, so histograms of other
 * ranges merge exactly: two bins or four or more become one.
 *
 *     histogram_range   least and largest number, by items
 *     histogram_settle  those of all runs; then what was counted so far, by the bins that now are
 *     histogram_count   numbers by bins, slot by slot; one bin more takes NaN
 *     histogram_sum     all slots, and what was counted so far
 *
 * work holds two floats an item, the counts so far, and the slots.  Only integers are added, so
 * any order of counting gives the same.  Two styles:
 *     wide  (V = 16) an item has a slot of its own, each bin SUB times over, since the same bin
 *           comes twice in a row more often than not and an addition would wait for the last store
 *     simt  (V = 1) a group of 64 counts in local memory by atomics, then writes its slot
 *
 * Limit: an addition in memory a number.  Host side: lib/ops/histogram.c. */
#include "common.clh"

#define MOST_BINS 2048u
#define PLACE     (MOST_BINS + 1u) /* of all bins, and of NaN behind the last */
#if V > 1
#define GROUP         1u
#define SUB           2u
#define ADD(place, x) (*(place) += (x))
#else
#define GROUP         64u
#define SUB           1u
#define ADD(place, x) atomic_add(place, x)
#endif
#define SLOT (PLACE * SUB)

#if V == 16
#define TO_INTV convert_int16
#elif V == 4
#define TO_INTV convert_int4
#else
#define TO_INTV convert_int
#endif

#define LESS(a, b) select(a, b, (b) < (a)) /* a NaN in b changes nothing */
#define MORE(a, b) select(a, b, (b) > (a))

/* ---- bins ------------------------------------------------------------------------------ */

/* Widths are 2^-60 to 2^126, and nearer to 0 than TINY bins is 0: devices differ on what floats
 * are too small for them.  A width is a float's last bit but one at least, so bins have exact
 * numbers. */
#define LEAST_WIDTH (-60)
#define MOST_WIDTH  126
#define KEPT_BITS   22
#define TINY        0x1p-60f

/* The number of a bin, of bins a unit; infinities are in bins that no window reaches.  (floor() is
 * 13 instructions where PoCL was built for a lesser CPU.) */
#define HELD(T, at)        MORE((T)(-0x1p25f), LESS((T)(0x1p25f), at))
#define DOWN(T, at, whole) ((whole)-select((T)(0.0f), (T)(1.0f), (at) < LESS((T)(-TINY), whole)))

static inline float bin_of(float x, float per_unit)
{
    const float at = HELD(float, x *per_unit), whole = convert_float(convert_int(at));
    return DOWN(float, at, whole);
}

static inline floatv bins_of(floatv x, float per_unit)
{
    const floatv at = HELD(floatv, x * per_unit), whole = TO_FLOATV(TO_INTV(at));
    return DOWN(floatv, at, whole);
}

typedef struct window {
    float per_unit, first;
    int width; /* 2^width */
} window;

static inline float power_of_2(int k)
{
    return as_float((uint)(k + 127) << 23);
}

static inline int exponent_of(float x)
{
    return (int)(as_uint(x) >> 23 & 255u) - 127;
}

static inline window window_of(float low, float high, uint bins)
{
    const float a = clamp(low, -FLT_MAX, FLT_MAX), b = clamp(high, -FLT_MAX, FLT_MAX);
    int width = max(exponent_of(fmax(fabs(a), fabs(b))) - KEPT_BITS, LEAST_WIDTH);
    float per_unit = power_of_2(-width);
    while (width < MOST_WIDTH && bin_of(b, per_unit) - bin_of(a, per_unit) >= (float)bins) {
        width++;
        per_unit = power_of_2(-width);
    }
    return (window){per_unit, bin_of(a, per_unit), width};
}

/* ---- the range ------------------------------------------------------------------------- */

typedef struct span {
    uint begin, end;
} span;

/* An item's numbers: from begin on, each GROUP vectors. */
static inline span span_of(uint num, uint chunk)
{
    const uint begin = min((uint)get_group_id(0) * chunk, num), end = min(begin + chunk, num);
    return (span){begin + (uint)get_local_id(0), end};
}

kernel void histogram_range(global const float *src, global uint *work, uint num, uint chunk)
{
    const span s = span_of(num, chunk);
    floatv lows = (floatv)(INFINITY), highs = (floatv)(-INFINITY);
    float low = INFINITY, high = -INFINITY, lanes[2 * V];
    uint i = s.begin;
    for (; i + V <= s.end; i += V * GROUP) {
        const floatv x = LOADV(src + i);
        lows = LESS(lows, x);
        highs = MORE(highs, x);
    }
    for (; i < s.end; i++) {
        low = LESS(low, src[i]);
        high = MORE(high, src[i]);
    }
    STOREV(lows, lanes);
    STOREV(highs, lanes + V);
    for (uint j = 0; j < V; j++) {
        low = LESS(low, lanes[j]);
        high = MORE(high, lanes[V + j]);
    }
    work[2 * get_global_id(0)] = as_uint(low);
    work[2 * get_global_id(0) + 1] = as_uint(high);
}

/* One group; the next range lies on the old one. */
kernel void histogram_settle(global const float *range, global const uint *counts,
                             global float *next, global uint *work, uint bins, uint num_slots)
{
    local float lows[GROUP], highs[GROUP];
    local uint moved[PLACE];
    const uint item = (uint)get_local_id(0), num = num_slots * GROUP;
    const float old_low = range[0], old_high = range[1];
    float low = old_low, high = old_high;
    for (uint i = item; i < num; i += GROUP) {
        low = LESS(low, as_float(work[2 * i]));
        high = MORE(high, as_float(work[2 * i + 1]));
    }
    lows[item] = low;
    highs[item] = high;
    for (uint b = item; b < PLACE; b += GROUP)
        moved[b] = 0;
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
    for (uint i = 0; i < GROUP; i++) {
        low = LESS(low, lows[i]);
        high = MORE(high, highs[i]);
    }
    const window was = window_of(old_low, old_high, bins), is = window_of(low, high, bins);
    const int halvings = min(is.width - was.width, 31);
    for (uint b = item; b < bins && old_low <= old_high; b += GROUP) {
        const int to = (((int)was.first + (int)b) >> halvings) - (int)is.first;
        ADD(&moved[clamp(to, 0, (int)bins - 1)], counts[b]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint b = item; b < bins; b += GROUP)
        work[2 * num + b] = moved[b];
    if (item == 0) {
        work[2 * num + bins] = counts[bins];
        next[0] = low;
        next[1] = high;
    }
}

/* ---- the counts ------------------------------------------------------------------------ */

/* Of a window; NaN is behind the last. */
static inline intv places_of(floatv x, window w, uint bins)
{
    const floatv most = (floatv)((float)(bins - 1u));
    const floatv at = bins_of(x, w.per_unit) - w.first;
    const intv bin = TO_INTV(MORE((floatv)(0.0f), LESS(most, at)));
    return select((intv)((int)bins), bin, x == x);
}

#if V > 1
static inline void count(global uint *slot, floatv x, window w, uint bins)
{
    int at[V];
    const intv places = places_of(x, w, bins) * (int)SUB;
#if V == 16
    vstore16(places, 0, at);
#else
    vstore4(places, 0, at);
#endif
#pragma unroll
    for (uint j = 0; j < V; j++)
        slot[(uint)at[j] + j % SUB]++;
}

kernel void histogram_count(global const float *src, global const float *range, global uint *work,
                            uint bins, uint num, uint chunk, uint num_slots)
{
    global uint *slot = work + 2 * num_slots + PLACE + get_global_id(0) * (size_t)SLOT;
    const window w = window_of(range[0], range[1], bins);
    const span s = span_of(num, chunk);
    uint i = s.begin;
    for (uint b = 0; b < SLOT; b++)
        slot[b] = 0;
    for (; i + V <= s.end; i += V)
        count(slot, LOADV(src + i), w, bins);
    for (; i < s.end; i++)
        slot[places_of((floatv)(src[i]), w, bins).s0 * (int)SUB]++;
}
#else
kernel void histogram_count(global const float *src, global const float *range, global uint *work,
                            uint bins, uint num, uint chunk, uint num_slots)
{
    local uint counts[PLACE];
    global uint *slot = work + 2 * num_slots * GROUP + PLACE + get_group_id(0) * (size_t)SLOT;
    const uint item = (uint)get_local_id(0);
    const window w = window_of(range[0], range[1], bins);
    const span s = span_of(num, chunk);
    for (uint b = item; b < PLACE; b += GROUP)
        counts[b] = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint i = s.begin; i < s.end; i += GROUP)
        atomic_inc(&counts[places_of(src[i], w, bins)]);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint b = item; b < PLACE; b += GROUP)
        slot[b] = counts[b];
}
#endif

/* Of bins and NaN; the next counts lie on the old ones, which histogram_settle read. */
kernel void histogram_sum(global const uint *work, global uint *next, uint bins, uint num_slots,
                          uint chunk)
{
    global const uint *moved = work + 2 * num_slots * GROUP, *slots = moved + PLACE;
    uint b = min((uint)get_global_id(0) * chunk, bins + 1);
    const uint end = min(b + chunk, bins + 1);
    for (; b < end; b++) {
        uint total = moved[b];
        for (uint s = 0; s < num_slots; s++)
            for (uint k = 0; k < SUB; k++)
                total += slots[(size_t)s * SLOT + b * SUB + k];
        next[b] = total;
    }
}
