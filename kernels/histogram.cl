/* histogram.cl -- the range of numbers, and how often they fall into each of its equal parts,
 * summed over runs whose ranges differ.
 *
 * A part, or bin, holds what is from i * width to before (i + 1) * width, for some whole i.  The
 * width is the least power of two by which `bins` of them hold the range, so histograms of other
 * ranges merge exactly: two bins or four or more become one.
 *
 *     histogram_guess   least and largest number, by items; numbers by bins that hold the range so
 *                       far, slot by slot: one bin more takes NaN
 *     histogram_settle  the range of all runs; then what was counted so far, by the bins that now
 *                       are, and whether those are the ones that were guessed
 *     histogram_count   if they are not, which after a few runs is rare, numbers once more
 *     histogram_sum     all slots, and what was counted so far
 *
 * work holds two floats an item, the counts so far, a word for what was guessed, and the slots.
 * Only integers are added, so any order of counting gives the same.  Two styles:
 *     wide  (V = 16) an item has a slot of its own, each bin SUB times over, since the same bin
 *           comes twice in a row more often than not and an addition would wait for the last
 *           store; zeros, half of what a Relu leaves, have a place for each lane
 *     simt  (V = 1) a group of 64 counts in local memory by atomics, then writes its slot
 *
 * Limit: where a number counts is known a dozen dependent instructions after it was read, so a
 * wide item finds AHEAD vectors of places before it counts them; then an addition in memory a
 * number.  16 million, PoCL, two cores of Zen 5: 3.1 ms, be it a bell curve or behind a Relu (AHEAD
 * = 4: 3.5, 1: 4.8 and 4.7; without places for zeros, and by two looks at all numbers, 6.5 and
 * 7.8).  Where all are in a hundredth of the bins SUB = 1 took a quarter longer.
 * Host side: lib/ops/histogram.c. */
#include "common.clh"

#define MOST_BINS 2048u
#define PLACE     (MOST_BINS + 1u) /* of all bins, and of NaN behind the last */
#define HEAD      (PLACE + 1u)     /* of counts so far, and of "count again" */
#if V > 1
#define GROUP           1u
#define AHEAD           8u
#define SUB             2u
#define ZEROS           (PLACE * SUB) /* places of zeros, by lanes */
#define SLOT            (ZEROS + V)
#define COUNTS          global uint *
#define COUNTS_IN(slot) COUNTS counts = slot
#define ADD(place, x)   (*(place) += (x))
#else
#define GROUP           64u
#define AHEAD           1u
#define SUB             1u
#define SLOT            PLACE
#define COUNTS          local uint *
#define COUNTS_IN(slot) local uint counts[SLOT]
#define ADD(place, x)   atomic_add(place, x)
#endif

#if V == 16
#define TO_INTV convert_int16
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

/* ---- numbers of an item ---------------------------------------------------------------- */

typedef struct span {
    uint begin, end;
} span;

/* From begin on, each GROUP vectors. */
static inline span span_of(uint group, uint item, uint num, uint chunk)
{
    const uint begin = min(group * chunk, num), end = min(begin + chunk, num);
    return (span){begin + item, end};
}

/* Of a window; NaN is behind the last. */
static inline intv places_of(floatv x, window w, uint bins)
{
    const floatv most = (floatv)((float)(bins - 1u));
    const floatv at = bins_of(x, w.per_unit) - w.first;
    const intv bin = TO_INTV(MORE((floatv)(0.0f), LESS(most, at)));
    return select((intv)((int)bins), bin, x == x);
}

#if V > 1
/* Where a vector's numbers count: neighbours in different histograms. */
static inline int16 words_of(floatv x, window w, uint bins)
{
    const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const int16 sub = (lane % (int)SUB) * (int)PLACE;
    return select(places_of(x, w, bins) + sub, lane + (int)ZEROS, x == 0.0f);
}

/* Words come out of their vectors by fours, as that takes fewer instructions than one by one; in
 * which order does not matter. */
static inline void count(COUNTS counts, const floatv *x, window w, uint bins)
{
    ulong fours[AHEAD * V / 4];
#pragma unroll
    for (uint k = 0; k < AHEAD; k++)
        vstore4(as_ulong4(convert_ushort16(words_of(x[k], w, bins))), k, fours);
#pragma unroll
    for (uint j = 0; j < AHEAD * V / 4; j++) {
        counts[fours[j] & 0xffff]++;
        counts[fours[j] >> 16 & 0xffff]++;
        counts[fours[j] >> 32 & 0xffff]++;
        counts[fours[j] >> 48]++;
    }
}

static inline void count_one(COUNTS counts, float x, window w, uint bins)
{
    counts[places_of((floatv)(x), w, bins).s0]++;
}
#else
static inline void count(COUNTS counts, const floatv *x, window w, uint bins)
{
    atomic_inc(&counts[places_of(*x, w, bins)]);
}

static inline void count_one(COUNTS counts, float x, window w, uint bins)
{
    count(counts, &x, w, bins);
}
#endif

typedef struct extent {
    float low, high;
} extent;

/* Least and largest; they are counted only by a window that is one. */
static inline extent walk(global const float *src, span s, window w, uint bins, int has_window,
                          COUNTS counts)
{
    floatv lows = (floatv)(INFINITY), highs = (floatv)(-INFINITY), x[AHEAD];
    extent e = {INFINITY, -INFINITY};
    float lanes[2 * V];
    uint i = s.begin;
    for (; i + AHEAD * V <= s.end; i += AHEAD * V * GROUP) {
#pragma unroll
        for (uint k = 0; k < AHEAD; k++) {
            x[k] = LOADV(src + i + k * V);
            lows = LESS(lows, x[k]);
            highs = MORE(highs, x[k]);
        }
        if (has_window)
            count(counts, x, w, bins);
    }
    for (; i < s.end; i++) {
        e.low = LESS(e.low, src[i]);
        e.high = MORE(e.high, src[i]);
        if (has_window)
            count_one(counts, src[i], w, bins);
    }
    STOREV(lows, lanes);
    STOREV(highs, lanes + V);
    for (uint j = 0; j < V; j++) {
        e.low = LESS(e.low, lanes[j]);
        e.high = MORE(e.high, lanes[V + j]);
    }
    return e;
}

static inline void clear(COUNTS counts, uint item)
{
    for (uint b = item; b < SLOT; b += GROUP)
        counts[b] = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
}

/* What was counted goes where histogram_sum looks. */
static inline void close(COUNTS counts, global uint *slot, window w, uint bins, uint item)
{
#if V > 1
    const int zero = places_of((floatv)(0.0f), w, bins).s0;
    for (uint j = 0; j < V; j++)
        slot[zero] += counts[ZEROS + j];
#else
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint b = item; b < SLOT; b += GROUP)
        slot[b] = counts[b];
#endif
}

/* ---- the kernels ----------------------------------------------------------------------- */

kernel void histogram_guess(global const float *src, global const float *range, global uint *work,
                            uint bins, uint num, uint chunk, uint num_slots)
{
    const uint group = (uint)get_group_id(0), item = (uint)get_local_id(0);
    global uint *slot = work + 2 * num_slots * GROUP + HEAD + group * (size_t)SLOT;
    COUNTS_IN(slot);
    const window w = window_of(range[0], range[1], bins);
    clear(counts, item);
    const extent e =
        walk(src, span_of(group, item, num, chunk), w, bins, range[0] <= range[1], counts);
    close(counts, slot, w, bins, item);
    work[2 * (group * GROUP + item)] = as_uint(e.low);
    work[2 * (group * GROUP + item) + 1] = as_uint(e.high);
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
        work[2 * num + PLACE] =
            old_low > old_high || was.width != is.width || was.first != is.first;
        next[0] = low;
        next[1] = high;
    }
}

kernel void histogram_count(global const float *src, global const float *range, global uint *work,
                            uint bins, uint num, uint chunk, uint num_slots)
{
    const uint group = (uint)get_group_id(0), item = (uint)get_local_id(0);
    global uint *slot = work + 2 * num_slots * GROUP + HEAD + group * (size_t)SLOT;
    COUNTS_IN(slot);
    const window w = window_of(range[0], range[1], bins);
    if (work[2 * num_slots * GROUP + PLACE] == 0)
        return; /* all of the group */
    clear(counts, item);
    (void)walk(src, span_of(group, item, num, chunk), w, bins, 1, counts);
    close(counts, slot, w, bins, item);
}

/* Of bins and NaN; the next counts lie on the old ones, which histogram_settle read. */
kernel void histogram_sum(global const uint *work, global uint *next, uint bins, uint num_slots,
                          uint chunk)
{
    global const uint *moved = work + 2 * num_slots * GROUP, *slots = moved + HEAD;
    uint b = min((uint)get_global_id(0) * chunk, bins + 1);
    const uint end = min(b + chunk, bins + 1);
    for (; b < end; b++) {
        uint total = moved[b];
        for (uint s = 0; s < num_slots; s++)
            for (uint k = 0; k < SUB; k++)
                total += slots[(size_t)s * SLOT + k * PLACE + b];
        next[b] = total;
    }
}
