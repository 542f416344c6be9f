/* metrics.cl -- how often the true class is first, or among the first five.
 *
 * The rank of a label is the number of logits above its own, plus equal ones at a lower
 * index, as argmax takes the first at a tie.  A NaN counts as above everything, and a label
 * whose own logit is NaN, or that is no class, misses.  Counts are integers until the end.
 *
 * Limit: with few classes the launches.  Host side: lib/ops/metrics.c. */
#include "rows.clh"

#ifndef GROUP
#define GROUP 64
#endif

static inline int sum_int_lanes(intv a)
{
#if V == 1
    return a;
#else
#if V == 16
    const int8 eight = a.lo + a.hi;
    const int4 four = eight.lo + eight.hi;
#else
    const int4 four = a;
#endif
    const int2 two = four.lo + four.hi;
    return two.x + two.y;
#endif
}

/* 1 as int or lanes of 1, whatever truth looks like.  By select, as oclgrind 21.10 makes 255 of
 * an `and` with 1. */
#define ONE(cond) select((intv)(0), (intv)(1), cond)

static inline uint rank(global const float *x, uint k, uint label, size_t room)
{
    const float own = x[label];
    intv above = (intv)(0);
    for (uint i = 0; i < k; i += V) {
        const floatv other = load_some(x + i, k - i, room - i, -INFINITY);
        const intv lower = LANES + (intv)((int)i) < (intv)((int)label);
        const intv is_above = (other > own) | (other != other);
        above += ONE(is_above | ((other == own) & lower));
    }
    return own == own ? (uint)sum_int_lanes(above) : UINT_MAX;
}

/* hits: bit 0 for the first, bit 1 for the first five. */
kernel void metrics_rows(global const float *logits, global const int *labels, global int *hits,
                         uint m, uint k, uint rows)
{
    const uint begin = (uint)get_global_id(0) * rows, end = min(begin + rows, m);
    for (uint r = begin; r < end; r++) {
        const int label = labels[r];
        const size_t room = (size_t)(end - r) * k;
        const uint at = label >= 0 && (uint)label < k
                            ? rank(logits + (size_t)r * k, k, (uint)label, room)
                            : UINT_MAX;
        hits[r] = (at < 1) | (at < 5) << 1;
    }
}

/* One group adds the batch to the sums: loss times samples, hits, samples. */
kernel void metrics_sum(global const float *loss, global const int *hits, global const float *sums,
                        global float *next, uint m)
{
    local int first[GROUP], five[GROUP];
    const uint item = (uint)get_local_id(0);
    int num_first = 0, num_five = 0;
    for (uint i = item; i < m; i += GROUP) {
        num_first += hits[i] & 1;
        num_five += hits[i] >> 1;
    }
    first[item] = num_first;
    five[item] = num_five;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint h = GROUP / 2; h > 0; h /= 2) {
        if (item < h) {
            first[item] += first[item + h];
            five[item] += five[item + h];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (item > 0)
        return;
    next[0] = sums[0] + loss[0] * (float)m;
    next[1] = sums[1] + (float)first[0];
    next[2] = sums[2] + (float)five[0];
    next[3] = sums[3] + (float)m;
}
