/* gather_few.cl -- what many elements give to few: the gradient of a codebook.
 *
 * dst[r] is the sum of all x[i] whose index is r, of k rows, 256 at most.  Parts of the elements
 * are summed by themselves, each into k sums, and these in the order of the parts: no atomics, the
 * same bits every time.  An index below 0 counts from the end; one outside is left away.
 *
 *     wide  an item has a part, and sums of its own for each lane of a vector, as the same index
 * often comes many times in a row (zeros of a pruned layer) and an addition would wait for the last
 *           one's store
 *     simt  a group of 64 has a part; 256 elements at a time lie in local memory, and an item adds
 * up those of one row (PER of them), or a share of them where rows are fewer than items
 *
 * Limit: an addition in memory an element (wide): 400,000 take 0.17 ms on two cores of Zen 5 under
 * PoCL, whether rows are 16 or 256. Host side: lib/ops/gather_few.c. */
#ifndef WIDE
#define WIDE 1
#endif
#ifndef INDEX
#define INDEX int /* or long */
#endif
#ifndef PER
#define PER 1 /* rows of an item: 64 of them in all, or 256 */
#endif

/* k where it is outside. */
static inline uint row_of(INDEX index, uint k)
{
    const INDEX row = index < 0 ? index + (INDEX)k : index;
    return row >= 0 && row < (INDEX)k ? (uint)row : k;
}

#if WIDE
#define LANES 16u

kernel void few_parts(global const float *x, global const INDEX *indices, global float *parts,
                      uint k, uint num, uint chunk)
{
    global float *sums = parts + get_global_id(0) * (k * LANES);
    const uint begin = min((uint)get_global_id(0) * chunk, num), end = min(begin + chunk, num);
    for (uint r = 0; r < k; r++)
        vstore16((float16)(0.0f), r, sums);
    for (uint i = begin; i < end; i++) {
        const uint row = row_of(indices[i], k);
        if (row < k)
            sums[row * LANES + i % LANES] += x[i];
    }
}

kernel void few_total(global const float *parts, global float *dst, uint k, uint num_parts)
{
    const uint row = (uint)get_global_id(0);
    if (row >= k)
        return;
    float16 sum = (float16)(0.0f);
    for (uint p = 0; p < num_parts; p++)
        sum += vload16((size_t)p * k + row, parts);
    const float8 half8 = sum.lo + sum.hi;
    const float4 half4 = half8.lo + half8.hi;
    dst[row] = (half4.x + half4.z) + (half4.y + half4.w);
}
#else
#define ITEMS 64u
#define TILE  256u

kernel void few_parts(global const float *x, global const INDEX *indices, global float *parts,
                      uint k, uint num, uint chunk)
{
    local float values[TILE];
    local uint rows[TILE];
    const uint item = (uint)get_local_id(0), part = (uint)get_group_id(0);
    const uint begin = min(part * chunk, num), end = min(begin + chunk, num);
    /* The least power of two that has all rows; other items take every shares-th element. */
    const uint span = PER > 1 || k > 32u ? ITEMS : k > 16u ? 32u : k > 8u ? 16u : k > 4u ? 8u : 4u;
    const uint first = item % span, share = item / span, shares = ITEMS / span;
    float sums[PER];
    for (uint q = 0; q < PER; q++)
        sums[q] = 0;
    for (uint at = begin; at < end; at += TILE) {
        for (uint i = item; i < TILE; i += ITEMS) {
            const uint is_in = at + i < end;
            rows[i] = is_in ? row_of(indices[at + i], k) : k;
            values[i] = is_in ? x[at + i] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint i = share; i < TILE; i += shares)
            for (uint q = 0; q < PER; q++)
                sums[q] += rows[i] == first + q * ITEMS ? values[i] : 0.0f;
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    /* Shares of a row lie `span` items apart. */
    for (uint q = 0; q < PER; q++) {
        values[item] = sums[q];
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < span && item + q * ITEMS < k) {
            float sum = 0;
            for (uint s = 0; s < shares; s++)
                sum += values[item + s * span];
            parts[(size_t)part * k + item + q * ITEMS] = sum;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

kernel void few_total(global const float *parts, global float *dst, uint k, uint num_parts)
{
    const uint row = (uint)get_global_id(0);
    if (row >= k)
        return;
    float sum = 0;
    for (uint p = 0; p < num_parts; p++)
        sum += parts[(size_t)p * k + row];
    dst[row] = sum;
}
#endif
