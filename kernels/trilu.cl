/* trilu.cl -- the upper or lower triangle of matrices (m, n), zeros elsewhere, in any type.
 *
 * Column c of row r is kept where c - r >= k (UPPER) or c - r <= k.  An item has `chunk` elements:
 * many neighbours in wide form, one in SIMT form.  In place is allowed: an element is read before
 * it is written, by the same item.
 *
 * Limit: memory; in wide form the count of rows and columns, which no vector does.  Host side:
 * lib/ops/trilu.c. */
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
    for (uint i = begin; i < end; i++) {
        const int off = (int)c - (int)r;
        const T x = src[i];
        dst[i] = (UPPER ? off >= k : off <= k) ? x : (T)0;
        if (++c == n) {
            c = 0;
            r = r + 1u < m ? r + 1u : 0u;
        }
    }
}
