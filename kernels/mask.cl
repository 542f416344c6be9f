/* mask.cl -- dst = weight where the mask is not 0, else exactly +0 (whatever lies there: NaN
 * and infinities go too), and masks by a threshold.
 *
 * An item has `chunk` elements; dst may lie on weight, the next mask on the old one.
 * Limit: memory.  Host side: lib/ops/mask.c. */
#include "common.clh"

kernel void mask_apply(global const float *weight, global const uchar *mask, global float *dst,
                       uint num, uint chunk)
{
    uint i = min((uint)get_global_id(0) * chunk, num);
    const uint end = min(i + chunk, num);
    for (; i + V <= end; i += V)
        STOREV(select((floatv)(0.0f), LOADV(weight + i), LOADMASK(mask + i) != (intv)(0)), dst + i);
    for (; i < end; i++)
        dst[i] = mask[i] != 0 ? weight[i] : 0.0f;
}

/* 1 where the old mask has 1 and |weight| is above the threshold; a NaN counts as above. */
kernel void mask_threshold(global const float *threshold, global const float *weight,
                           global const uchar *old, global uchar *dst, uint num, uint chunk)
{
    const float t = *threshold;
    uint i = min((uint)get_global_id(0) * chunk, num);
    const uint end = min(i + chunk, num);
    for (; i + V <= end; i += V) {
        const floatv x = LOADV(weight + i);
        const intv below = fabs(x) <= (floatv)(t);
        const intv kept = select(LOADMASK(old + i) != (intv)(0), (intv)(0), below);
        STOREMASK(kept & (intv)(1), dst + i);
    }
    for (; i < end; i++)
        dst[i] = (uchar)(old[i] != 0 && !(fabs(weight[i]) <= t));
}
