/* ends.cl -- the least and the largest of a tensor's numbers, 0 and the ends before.
 *
 * ends_part writes those of each part of the tensor, ends_join those of all parts.  NaN is passed
 * by, as no comparison with it is true.
 *
 *     V = 16   an item has a part of `chunk` numbers, a multiple of 16, in lanes of its own
 *     V = 1    a group of 64 has a part of `chunk` numbers, side by side
 *
 * With V = 16 src may lie in blocks (c16: ops/layout_common.h): `blocks` planes of `plane` numbers
 * are a sample, the last of which has `lanes` channels; what its other lanes hold does not count.
 * Plain numbers are one block of 16 lanes.
 *
 * Limit: memory.  Host side: lib/ops/ends.c. */
#include "common.clh"
#if V == 1
#include "group.clh"
#endif

typedef struct ends {
    floatv low, high;
} ends;

static inline ends with(ends e, floatv low, floatv high)
{
    const ends wider = {select(e.low, low, low < e.low), select(e.high, high, high > e.high)};
    return wider;
}

static inline ends ends_of(float low, float high)
{
    const ends e = {(floatv)(low), (floatv)(high)};
    return e;
}

#if V == 16

static inline floatv only(floatv x, uint lanes)
{
    const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return select((floatv)(0.0f), x, lane < (int)lanes);
}

kernel void ends_part(global const float *src, global float *parts, uint num, uint chunk,
                      uint plane, uint blocks, uint lanes)
{
    const uint part = (uint)get_global_id(0), num_parts = (uint)get_global_size(0);
    const uint end = min(part * chunk + chunk, num);
    uint i = min(part * chunk, num);
    ends e = ends_of(0.0f, 0.0f);
    while (i + V <= end) {
        const uint stop = min(end, (i / plane + 1u) * plane);
        const uint here = i / plane % blocks == blocks - 1u ? lanes : V;
        for (; i + V <= stop; i += V) {
            const floatv x = only(LOADV(src + i), here);
            e = with(e, x, x);
        }
    }
    for (; i < end; i++)
        e = with(e, (floatv)(src[i]), (floatv)(src[i]));
    vstore16(e.low, part, parts);
    vstore16(e.high, num_parts + part, parts);
}

/* One item. */
kernel void ends_join(global const float *parts, global const float *before, global float *dst,
                      uint has_before, uint num)
{
    if (get_global_id(0) > 0)
        return;
    ends e = ends_of(has_before ? before[0] : 0.0f, has_before ? before[1] : 0.0f);
    e = with(e, (floatv)(0.0f), (floatv)(0.0f));
    for (uint i = 0; i < num; i++)
        e = with(e, vload16(i, parts), vload16(num + i, parts));
    float low[V], high[V];
    vstore16(e.low, 0, low);
    vstore16(e.high, 0, high);
    for (uint k = 1; k < V; k++) {
        low[0] = fmin(low[0], low[k]);
        high[0] = fmax(high[0], high[k]);
    }
    dst[0] = low[0];
    dst[1] = high[0];
}

#else

static inline void put(ends e, global float *low, global float *high, local float *shared)
{
    const float least = -group_max(-e.low, shared), most = group_max(e.high, shared);
    if (get_local_id(0) == 0) {
        *low = least;
        *high = most;
    }
}

kernel void ends_part(global const float *src, global float *parts, uint num, uint chunk,
                      uint plane, uint blocks, uint lanes)
{
    local float shared[64];
    const uint part = (uint)get_group_id(0), num_parts = (uint)get_num_groups(0);
    const uint end = min(part * chunk + chunk, num);
    ends e = ends_of(0.0f, 0.0f);
    (void)plane;
    (void)blocks;
    (void)lanes;
    for (uint i = part * chunk + (uint)get_local_id(0); i < end; i += 64u)
        e = with(e, src[i], src[i]);
    put(e, parts + part, parts + num_parts + part, shared);
}

/* One group. */
kernel void ends_join(global const float *parts, global const float *before, global float *dst,
                      uint has_before, uint num)
{
    local float shared[64];
    ends e = ends_of(has_before ? before[0] : 0.0f, has_before ? before[1] : 0.0f);
    e = with(e, 0.0f, 0.0f);
    for (uint i = (uint)get_local_id(0); i < num; i += 64u)
        e = with(e, parts[i], parts[num + i]);
    put(e, dst, dst + 1, shared);
}
#endif
