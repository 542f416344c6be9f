/* resize.cl -- one axis made longer or shorter: (m, k, n) to (m, to, n), and the gradient, back.
 *
 * Place j of the longer or shorter axis lies at start + j * step of the old one, in units of
 * 2^-32: the same on every device, and exact where it has to be.  Nearest, for elements of any
 * meaning, takes sign * floor(sign * place + bias), which floors, rounds and, with sign -1, takes
 * the ceiling; bias holds 2^-16 more than it has to, so that what is 1/3 three times counts as 1.
 * Linear mixes the two neighbours.  What lies outside is the edge.
 *
 * An item has `chunk` elements.  Limit: memory.  Host side: lib/ops/resize.c. */
#ifndef T
#define T float
#endif
#ifndef LINEAR
#define LINEAR 0
#endif

#define PLACES uint start_low, int start_high, uint step_low, int step_high, uint bias, int sign

/* The two old places that count, and how much of it is the second's. */
typedef struct taps {
    uint first, second;
    float share;
} taps;

static inline uint inside(long i, uint k)
{
    return (uint)clamp(i, 0L, (long)k - 1L);
}

static inline long fixed_point(uint low, int high)
{
    return (long)high * 4294967296L + (long)low;
}

static inline taps taps_of(uint j, uint k, PLACES)
{
    const long at = fixed_point(start_low, start_high) + (long)j * fixed_point(step_low, step_high);
    taps t;
#if LINEAR
    t.first = inside(at >> 32, k);
    t.second = inside((at >> 32) + 1L, k);
    t.share = (float)(uint)(at & 4294967295L) * 2.3283064e-10f;
#else
    t.first = t.second = inside((long)sign * (((long)sign * at + (long)bias) >> 32), k);
    t.share = 0.0f;
#endif
    return t;
}

kernel void resize(global const T *src, global T *dst, uint src_at, uint dst_at, uint m, uint k,
                   uint to, uint n, PLACES, uint chunk)
{
    const uint num = m * to * n;
    uint e = min((uint)get_global_id(0) * chunk, num);
    const uint end = min(e + chunk, num);
    uint column = e % n, j = e / n % to, r = e / n / to;
    while (e < end) {
        const taps t = taps_of(j, k, start_low, start_high, step_low, step_high, bias, sign);
        global const T *a = src + src_at + ((size_t)r * k + t.first) * n;
        global T *y = dst + dst_at + ((size_t)r * to + j) * n;
        const uint last = min(n, column + (end - e));
        e += last - column;
#if LINEAR
        global const T *b = src + src_at + ((size_t)r * k + t.second) * n;
        for (uint x = column; x < last; x++)
            y[x] = a[x] + (b[x] - a[x]) * t.share;
#else
        for (uint x = column; x < last; x++)
            y[x] = a[x];
#endif
        column = 0;
        j++;
        if (j == to) {
            j = 0;
            r++;
        }
    }
}

/* The new place that lies `distance` from the first one, two or more too far to the given side:
 * what floats leave open is less.  A division of longs takes so many registers that phones' GPUs
 * spill them. */
static inline uint place_beyond(long distance, long step, float side, uint to)
{
    const float place = (float)distance / (float)step;
    return min((uint)clamp(place + side * (2.0f + 2.0e-6f * fabs(place)), 0.0f, 2147483648.0f),
               to - 1u);
}

/* Each old place adds up what it gave, in the order of the new ones: those whose place is less
 * than one away, and at an end all that lie outside. */
kernel void resize_grad(global const float *src, global float *dst, uint src_at, uint dst_at,
                        uint m, uint k, uint to, uint n, PLACES, uint chunk)
{
    const uint num = m * k * n;
    const uint begin = min((uint)get_global_id(0) * chunk, num), end = min(begin + chunk, num);
    const long start = fixed_point(start_low, start_high), step = fixed_point(step_low, step_high);
    for (uint e = begin; e < end; e++) {
        const uint column = e % n, i = e / n % k, r = e / n / k;
        const long before = ((long)i - 1L) * 4294967296L - start, after = before + 8589934592L;
        const uint low = i == 0u || step <= 0L ? 0u : place_beyond(before, step, -1.0f, to);
        const uint high = i == k - 1u || step <= 0L ? to - 1u : place_beyond(after, step, 1.0f, to);
        float sum = 0.0f;
        for (uint j = low; j <= high; j++) {
            const taps t = taps_of(j, k, start_low, start_high, step_low, step_high, bias, sign);
            const float share =
                (t.first == i ? 1.0f - t.share : 0.0f) + (t.second == i ? t.share : 0.0f);
            if (share != 0.0f)
                sum += share * src[src_at + ((size_t)r * to + j) * n + column];
        }
        dst[dst_at + e] = sum;
    }
}
