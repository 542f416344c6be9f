/* feature_loss.cl -- how far a student's features are from a teacher's, and the gradient beside it.
 *
 * feature_mse: student, teacher and diff of n elements; a group has `chunk` of them.  HUBER: half
 * the square up to 1, from there on a straight line.
 * feature_cosine: rows (m, k); a group has `rows` of them, one after the other.
 * settings[at]: what the loss counts; scale: what the host multiplies by.  GROUP items of a group
 * share a row or chunk, V elements each: one item of 16 on CPU devices, 64 of one on GPUs.
 *
 * A row without length has no direction: its cosine is 0 and so is its gradient.
 *
 * Limit: memory.  Squares read both once and write once; a cosine needs its lengths first, so
 * it reads a row again, from the caches where the row fits them.
 * Host side: lib/ops/feature_loss.c. */
#ifndef GROUP
#define GROUP 1
#endif
#ifndef HUBER
#define HUBER 0
#endif
#include "rows.clh"
#include "mean.clh"

#if GROUP == 1
#define LANES_OF(name)
#define ALL(x) sum_lanes(x)
#else
#include "group.clh"
#define LANES_OF(name) local float name[GROUP];
#define ALL(x)         group_sum(x, lanes)
#endif

kernel void feature_mse(global const float *student, global const float *teacher,
                        global const float *settings, global float *diff, global float *sums,
                        float scale, uint at, uint n, uint chunk)
{
    LANES_OF(lanes)
    const uint group = (uint)get_group_id(0), item = (uint)get_local_id(0);
    const uint begin = group * chunk, end = min(begin + chunk, n);
    const float weight = settings[at], by = (HUBER ? 1.0f : 2.0f) * scale * weight;
    floatv sum = (floatv)(0.0f);
    for (uint i = begin + item * V; i < end; i += GROUP * V) {
        const floatv d = load_some(student + i, end - i, n - i, 0.0f) -
                         load_some(teacher + i, end - i, n - i, 0.0f);
#if HUBER
        const floatv slope = fmin(fmax(d, (floatv)(-1.0f)), (floatv)(1.0f));
        sum += slope * (d - 0.5f * slope);
#else
        const floatv slope = d;
        sum += d * d;
#endif
        store_some(slope * by, diff + i, end - i);
    }
    const float all = ALL(sum);
    if (item == 0)
        sums[group] = weight * all;
}

/* The lengths of both, and what they have in common. */
#define TAKE(x, y)                                                                                 \
    {                                                                                              \
        const floatv u = x, v = y;                                                                 \
        of_x += u * u;                                                                             \
        of_y += v * v;                                                                             \
        shared += u * v;                                                                           \
    }

kernel void feature_cosine(global const float *student, global const float *teacher,
                           global const float *settings, global float *diff, global float *losses,
                           float scale, uint at, uint m, uint k, uint rows)
{
    LANES_OF(lanes)
    const uint item = (uint)get_local_id(0), begin = (uint)get_group_id(0) * rows;
    const uint end = min(begin + rows, m);
    const float weight = settings[at] * scale;
    for (uint row = begin; row < end; row++) {
        const size_t first = (size_t)row * k, room = (size_t)(end - row) * k;
        global const float *x = student + first, *y = teacher + first;
        floatv of_x = (floatv)(0.0f), of_y = (floatv)(0.0f), shared = (floatv)(0.0f);
        for (uint i = item * V; i < k; i += GROUP * V)
            TAKE(load_some(x + i, k - i, room - i, 0.0f), load_some(y + i, k - i, room - i, 0.0f))
        const float length_x = sqrt(ALL(of_x)), length_y = sqrt(ALL(of_y));
        const float common = ALL(shared);
        const int is_known = length_x > 0.0f && length_y > 0.0f;
        const float cosine = is_known ? common / length_x / length_y : 0.0f;
        if (item == 0)
            losses[row] = weight * (1.0f - cosine);
        const float by = is_known ? weight / (float)m / length_x : 0.0f;
        const float by_x = is_known ? by * cosine / length_x : 0.0f;
        const float by_y = is_known ? by / length_y : 0.0f;
        for (uint i = item * V; i < k; i += GROUP * V) {
            const floatv d = load_some(x + i, k - i, room - i, 0.0f) * by_x -
                             load_some(y + i, k - i, room - i, 0.0f) * by_y;
            store_some(d, diff + first + i, k - i);
        }
    }
}
