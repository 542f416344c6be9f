/* trilu.cl -- the upper or lower triangle of matrices (m, n), zeros elsewhere, in any type.
 *
 * Column c of row r is kept where c - r >= k (UPPER) or c - r <= k; k is from -m to n.  An item has
 * `chunk` elements: many neighbours in wide form, one in SIMT form.  In place is allowed: an
 * element is read before it is written, by the same item.
 *
 * Limit: memory: in wide form 48 MiB are at 0.65 of a copy's speed (two cores of Zen 4, PoCL).
 * Host side: lib/ops/trilu.c. */
#ifndef T
#define T uint
#endif
#ifndef UPPER
#define UPPER 1
#endif

kernel void trilu(global const T *src, global T *dst, int k, uint m, uint n, uint num, uint chunk)
{
    const uint begin = min((uint)get_global_id(0) * chunk, num), end = min(begin + chunk, num);
    uint r = begin / n % m, c = begin % n;
    for (uint i = begin; i < end; r = r + 1u < m ? r + 1u : 0u, c = 0u) {
        const uint last = min(n, c + (end - i)); /* of this row, in this item */
        const int border = clamp((int)r + k, -1, (int)n);
        for (; c < last; c++, i++) {
            const T x = src[i];
            dst[i] = (UPPER ? (int)c >= border : (int)c <= border) ? x : (T)0;
        }
    }
}
