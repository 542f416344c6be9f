/* histogram.cl -- how often numbers fall into each of up to BINS equal parts of a range.
 *
 *     bin = clamp((x - low) * bins_a_unit, 0, bins - 1), downwards; NaN is in none
 *
 * Integers only, so any order of counting gives the same.  Two styles:
 *     wide  an item has a slot of its own, each bin SUB times over, since the same bin comes
 *           twice in a row more often than not and an addition would wait for the last store
 *     simt  a group of 64 counts in local memory by atomics, then writes its slot
 * One more bin, which nobody adds up, takes NaN.
 *
 * Limit: an addition in memory a number.  Host side: lib/ops/histogram.c. */
#include "common.clh"

#ifndef WIDE
#define WIDE 1
#endif
#ifndef BINS
#define BINS 2048u
#endif
#define SUB   (WIDE ? 4u : 1u)
#define PLACE (BINS + 1u) /* of NaN, and what a slot has more */

static inline intv bins_of(floatv x, float low, float factor, uint bins)
{
    const intv is_number = x == x;
    const floatv most = (floatv)((float)(bins - 1u));
    const floatv at = select((floatv)(0.0f), (x - low) * factor, is_number);
    const floatv above = select(at, (floatv)(0.0f), at < (floatv)(0.0f));
#if V == 16
    const intv bin = convert_int16(select(above, most, above > most));
#else
    const intv bin = convert_int(select(above, most, above > most));
#endif
    return select((intv)((int)BINS), bin, is_number);
}

#if WIDE
#if V == 16
kernel void histogram_count(global const float *src, global const float *range, global uint *work,
                            uint bins, uint num, uint chunk)
{
    global uint *slot = work + get_global_id(0) * (size_t)(PLACE * SUB);
    const float low = range[0], factor = range[1];
    uint i = min((uint)get_global_id(0) * chunk, num);
    const uint end = min(i + chunk, num);
    for (uint b = 0; b < PLACE * SUB; b++)
        slot[b] = 0;
    const int16 sub = (int16)(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
    for (; i + V <= end; i += V) {
        int at[V];
        vstore16(bins_of(LOADV(src + i), low, factor, bins) * (int)SUB + sub, 0, at);
        for (uint j = 0; j < V; j++)
            slot[at[j]]++;
    }
    if (i < end) { /* the last few: numbers behind the end are none */
        float rest[V];
        int at[V];
        for (uint j = 0; j < V; j++)
            rest[j] = i + j < end ? src[i + j] : NAN;
        vstore16(bins_of(LOADV(rest), low, factor, bins) * (int)SUB, 0, at);
        for (uint j = 0; j < V; j++)
            slot[at[j]]++;
    }
}
#endif
#elif V == 1
kernel void histogram_count(global const float *src, global const float *range, global uint *work,
                            uint bins, uint num, uint chunk)
{
    local uint counts[PLACE];
    const uint item = (uint)get_local_id(0);
    const uint begin = min((uint)get_group_id(0) * chunk, num), end = min(begin + chunk, num);
    const float low = range[0], factor = range[1];
    for (uint b = item; b < PLACE; b += 64)
        counts[b] = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint i = begin + item; i < end; i += 64)
        atomic_inc(&counts[bins_of(src[i], low, factor, bins)]);
    barrier(CLK_LOCAL_MEM_FENCE);
    global uint *slot = work + get_group_id(0) * (size_t)PLACE;
    for (uint b = item; b < PLACE; b += 64)
        slot[b] = counts[b];
}
#endif

/* Adds all slots to the counts so far. */
kernel void histogram_sum(global const int *counts, global const uint *work, global int *next,
                          uint bins, uint num_slots, uint chunk)
{
    uint b = min((uint)get_global_id(0) * chunk, bins);
    const uint end = min(b + chunk, bins);
    for (; b < end; b++) {
        uint total = 0;
        for (uint s = 0; s < num_slots; s++)
            for (uint k = 0; k < SUB; k++)
                total += work[(size_t)s * (PLACE * SUB) + b * SUB + k];
        next[b] = counts[b] + (int)total;
    }
}
