/* mse_loss.cl -- the mean of squared differences, and its gradient.
 *
 * src (m, k) against target (m, k), or with -DLABELS=1 against labels (m): 1 for the true
 * class and 0 for the others; a label outside 0 to k - 1 makes the loss NaN and its row's
 * gradient 0.  Rows as in softmax_cross_entropy.cl.
 *
 * Limit: memory.  Host side: lib/ops/mse_loss.c. */
#include "rows.clh"
#include "mean.clh"

#ifndef LABELS
#define LABELS 0
#endif

#if LABELS
#define TARGET    global const int *target
#define IS_BAD(r) (target[r] < 0 || (uint)target[r] >= k)
static inline floatv load_target(TARGET, uint r, uint i, uint k, size_t room)
{
    (void)k;
    (void)room;
    return select((floatv)(0.0f), (floatv)(1.0f), LANES + (intv)((int)i) == (intv)(target[r]));
}
#else
#define TARGET    global const float *target
#define IS_BAD(r) 0
static inline floatv load_target(TARGET, uint r, uint i, uint k, size_t room)
{
    return load_some(target + (size_t)r * k + i, k - i, room, 0.0f);
}
#endif

kernel void mse_rows(global const float *src, TARGET, global float *sums, uint m, uint k, uint rows)
{
    const uint begin = (uint)get_global_id(0) * rows, end = min(begin + rows, m);
    for (uint r = begin; r < end; r++) {
        const size_t room = (size_t)(end - r) * k;
        floatv sum = (floatv)(0.0f);
        for (uint i = 0; i < k; i += V) {
            const floatv x = load_some(src + (size_t)r * k + i, k - i, room - i, 0.0f);
            const floatv d = x - load_target(target, r, i, k, room - i);
#if V > 1
            sum += select((floatv)(0.0f), d * d, LANES < (intv)((int)(k - i)));
#else
            sum += d * d;
#endif
        }
        sums[r] = IS_BAD(r) ? NAN : sum_lanes(sum);
    }
}

kernel void mse_grad_rows(global const float *src, TARGET, global const float *diff_loss,
                          global float *diff_src, float scale, uint m, uint k, uint rows)
{
    const uint begin = (uint)get_global_id(0) * rows, end = min(begin + rows, m);
    const float by = *diff_loss * scale;
    for (uint r = begin; r < end; r++) {
        const size_t room = (size_t)(end - r) * k;
        for (uint i = 0; i < k; i += V) {
            const floatv x = load_some(src + (size_t)r * k + i, k - i, room - i, 0.0f);
            const floatv d = x - load_target(target, r, i, k, room - i);
            store_some(IS_BAD(r) ? (floatv)(0.0f) : d * by, diff_src + (size_t)r * k + i, k - i);
        }
    }
}
