/* sparse_pattern.cl -- where the non-zeros of a weight or of its mask are, row by row, and their
 * values.
 *
 * A pattern is `starts`, one more than rows, and one entry a non-zero, in order: its offset in
 * what it will be multiplied with and its source, the element's place in the weight.  Three
 * launches make it: rows are counted (sparse_count), the counts become starts (sparse_scan), the
 * rows are walked once more and written (sparse_fill).  No atomics, so the order is fixed.
 *
 * Rows are the weight's (K, C, R, S) filters, or, turned, its input channels.  A turned row lies
 * scattered, so a work-item has PANEL neighbouring ones.  Two styles, -DWIDE=1 and 0:
 *     wide  one work-item a row, which skips 16 zeros at a time
 *     simt  64 work-items share a row and scan their counts in local memory; turned rows, whose
 *           neighbours lie together, have one each
 *
 * What is beyond `capacity` is counted and not written.  Limit: reading the weight twice; a
 * 300 x 784 mask with 5 % ones takes 0.12 ms, its transpose 0.22 (two cores of Zen 5, PoCL).
 * Host side: lib/ops/sparse_pattern.c. */
#ifndef T
#define T float /* or uchar */
#endif
#ifndef WIDE
#define WIDE 1
#endif
#define JOIN(a, b)   a##b
#define VECTOR(t, n) JOIN(t, n)
#if WIDE
#define ITEMS 1u
#define STEP  16u
#define PANEL 16u
#else
#define ITEMS 64u
#define STEP  1u
#define PANEL 1u
#endif

/* How elements of a row become offsets: channel, and place in a filter's window. */
typedef struct window {
    uint taps, width; /* R * S, S */
    int origin, stride_c, stride_r, stride_s;
} window;

static inline int offset_of(uint channel, uint tap, window w)
{
    return w.origin + (int)channel * w.stride_c + (int)(tap / w.width) * w.stride_r +
           (int)(tap % w.width) * w.stride_s;
}

static inline int is_empty(global const T *src)
{
    return !any(convert_int16(vload16(0, src) != (VECTOR(T, 16))(0)));
}

/* ---- counts of work-items that share something ---------------------------------------------- */

/* The sum of what the work-items before this one give; *total of all. */
static inline uint sum_before(uint here, local uint *counts, uint *total)
{
#if WIDE
    *total = here;
    return 0;
#else
    const uint item = (uint)get_local_id(0);
    uint before = 0, sum = 0;
    counts[item] = here;
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll 1 /* registers are worth more here */
    for (uint i = 0; i < ITEMS; i++) {
        before = i == item ? sum : before;
        sum += counts[i];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    *total = sum;
    return before;
#endif
}

/* Counts in starts[1] on become starts; *count is the whole number. */
kernel void sparse_scan(global int *starts, global int *count, uint rows, uint capacity)
{
    local uint counts[ITEMS];
    const uint part = (rows + ITEMS - 1u) / ITEMS;
    const uint begin = min((uint)get_local_id(0) * part, rows), end = min(begin + part, rows);
    uint here = 0, total;
    for (uint r = begin; r < end; r++)
        here += (uint)starts[r + 1u];
    uint at = sum_before(here, counts, &total);
    for (uint r = begin; r < end; r++) {
        at += (uint)starts[r + 1u];
        starts[r + 1u] = (int)min(at, capacity);
    }
    if (get_local_id(0) == 0) {
        starts[0] = 0;
        *count = (int)total;
    }
}

/* ---- rows as they lie ------------------------------------------------------------------------ */

/* Where a row of a chunk lies in the weight: rows of the first `part` elements come first. */
typedef struct stretch {
    uint first, length;
} stretch;

static inline stretch stretch_of(uint row, uint rows, uint length, uint part)
{
    const uint before = row / rows * part;
    return (stretch){row % rows * length + before, min(part, length - before)};
}

static inline uint count_part(global const T *src, uint begin, uint end)
{
    uint num = 0;
    for (uint e = begin; e < end; e += STEP) {
        if (WIDE && e + 16u <= end && is_empty(src + e))
            continue;
        for (uint i = e; i < min(e + STEP, end); i++)
            num += src[i] != 0;
    }
    return num;
}

kernel void sparse_count(global const T *src, global int *starts, uint rows, uint length,
                         uint chunk)
{
    local uint counts[ITEMS];
    const stretch own = stretch_of((uint)get_group_id(0), rows, length, chunk);
    const uint part = (own.length + ITEMS - 1u) / ITEMS;
    const uint begin = min((uint)get_local_id(0) * part, own.length);
    const uint end = min(begin + part, own.length);
    uint total;
    sum_before(count_part(src + own.first, begin, end), counts, &total);
    if (get_local_id(0) == 0)
        starts[get_group_id(0) + 1u] = (int)total;
}

/* Entries that no non-zero has are 0.  Only a kernel may ask for its place: launches are joined. */
static inline void clear_rest(global int *offsets, global int *sources, uint used, uint capacity,
                              uint item, uint items)
{
    for (uint i = used + item; i < capacity; i += items) {
        offsets[i] = 0;
        sources[i] = 0;
    }
}

kernel void sparse_fill(global const T *src, global const int *starts, global int *offsets,
                        global int *sources, uint rows, uint length, uint chunk, uint capacity,
                        uint taps, uint width, int origin, int stride_c, int stride_r, int stride_s)
{
    local uint counts[ITEMS];
    const window w = {taps, width, origin, stride_c, stride_r, stride_s};
    const uint row = (uint)get_group_id(0);
    const stretch own = stretch_of(row, rows, length, chunk);
    const uint part = (own.length + ITEMS - 1u) / ITEMS;
    const uint begin = min((uint)get_local_id(0) * part, own.length);
    const uint end = min(begin + part, own.length);
    const uint last = (uint)starts[row + 1u];
    uint at = (uint)starts[row], total;
    src += own.first;
    if (ITEMS > 1u)
        at += sum_before(count_part(src, begin, end), counts, &total);
    for (uint e = begin; e < end; e += STEP) {
        if (WIDE && e + 16u <= end && is_empty(src + e))
            continue;
        for (uint i = e; i < min(e + STEP, end); i++)
            if (src[i] != 0 && at < last) {
                offsets[at] = offset_of(i / taps, i % taps, w);
                sources[at++] = (int)(own.first + i);
            }
    }
    clear_rest(offsets, sources, (uint)starts[get_num_groups(0)], capacity, (uint)get_global_id(0),
               (uint)get_global_size(0));
}

/* ---- rows turned ----------------------------------------------------------------------------- */

/* A work-item's rows are channels `first` to `first + PANEL`. */
#if WIDE
#define ROW_OF(i) ((i) / taps)
#else
#define ROW_OF(i) 0
#endif

kernel void sparse_count_turned(global const T *src, global int *starts, uint channels,
                                uint filters, uint taps)
{
    const uint first = (uint)get_global_id(0) * PANEL;
    if (first >= channels)
        return;
    const uint num = min(PANEL, channels - first), end = num * taps;
    uint found[PANEL];
    for (uint c = 0; c < PANEL; c++)
        found[c] = 0;
    for (uint k = 0; k < filters; k++) {
        global const T *from = src + ((size_t)k * channels + first) * taps;
        for (uint e = 0; e < end; e += STEP) {
            if (WIDE && e + 16u <= end && is_empty(from + e))
                continue;
            for (uint i = e; i < min(e + STEP, end); i++)
                found[ROW_OF(i)] += from[i] != 0;
        }
    }
    for (uint c = 0; c < num; c++)
        starts[first + c + 1u] = (int)found[c];
}

kernel void sparse_fill_turned(global const T *src, global const int *starts, global int *offsets,
                               global int *sources, uint channels, uint filters, uint capacity,
                               uint taps, uint width, int origin, int stride_c, int stride_r,
                               int stride_s)
{
    const window w = {taps, width, origin, stride_c, stride_r, stride_s};
    const uint first = (uint)get_global_id(0) * PANEL;
    const uint num = first < channels ? min(PANEL, channels - first) : 0, end = num * taps;
    uint at[PANEL], last[PANEL];
    for (uint c = 0; c < num; c++) {
        at[c] = (uint)starts[first + c];
        last[c] = (uint)starts[first + c + 1u];
    }
    for (uint k = 0; k < filters; k++) {
        const uint from = (k * channels + first) * taps;
        for (uint e = 0; e < end; e += STEP) {
            if (WIDE && e + 16u <= end && is_empty(src + from + e))
                continue;
            for (uint i = e; i < min(e + STEP, end); i++) {
                const uint c = ROW_OF(i);
                if (src[from + i] != 0 && at[c] < last[c]) {
                    offsets[at[c]] = offset_of(k, i % taps, w);
                    sources[at[c]++] = (int)(from + i);
                }
            }
        }
    }
    clear_rest(offsets, sources, (uint)starts[channels], capacity, (uint)get_global_id(0),
               (uint)get_global_size(0));
}

/* ---- values ---------------------------------------------------------------------------------- */

kernel void sparse_values(global const float *weights, global const int *sources,
                          global float *values, uint num, uint chunk)
{
    const uint begin = min((uint)get_global_id(0) * chunk, num), end = min(begin + chunk, num);
    for (uint i = begin; i < end; i++)
        values[i] = weights[sources[i]];
}
