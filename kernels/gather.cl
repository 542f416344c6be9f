/* gather.cl -- rows of an array taken or given by index, in any type.
 *
 * An array is (b, k, n), what is taken of it or put into it (b, j, n).  Row (o, r) has an index: a
 * tuple of q numbers from o * index_b + r * index_j + c * index_n on, c being the column, each
 * number in one of the dimensions d0, d1, ... whose product is k.  Gather has one index for all
 * o and c, GatherElements one for every element, GatherND tuples.
 *
 * A number below 0 counts from the end.  One outside its dimension is never used: what it would
 * take is `missing` (NaN for floats, else 0), what it would put is left away.
 *
 *     gather_rows   wide, one index a row: an item copies `rows` rows
 *     gather_each   an item has `chunk` elements
 *     gather_begin  what a scatter starts from: src, or zeros
 *     scatter       an item has one column (wide: 16) and walks the rows in order: what comes
 *                   later is added later, or wins, on every device
 *
 * Limit: memory; of scatters with few columns the walk.  8192 rows of 3 KiB are taken at 0.97 of a
 * copy's speed and added at 0.32 (two cores of Zen 4, PoCL).  Host side: lib/ops/gather.c. */
#ifndef T
#define T float
#endif
#ifndef INDEX
#define INDEX long /* or int */
#endif
#ifndef V
#define V 16
#endif
#ifndef PUT
#define PUT put_add
#endif
#define JOIN(a, b)   a##b
#define VECTOR(t, n) JOIN(t, n)
#define VEC          VECTOR(T, 16)

#define put_none(was, x) (x)
#define put_add(was, x)  ((was) + (x))
#define put_mul(was, x)  ((was) * (x))
#define put_max(was, x)  fmax(was, x)
#define put_min(was, x)  fmin(was, x)

enum { OUTSIDE = -1 };

#define DIMENSIONS       uint q, int d0, int d1, int d2, int d3, int d4, int d5, int d6, int d7
#define DIMENSIONS_GIVEN q, d0, d1, d2, d3, d4, d5, d6, d7
#define STEP(n)                                                                                    \
    if (q > n##u && row >= 0) {                                                                    \
        const INDEX x = tuple[n], at = x < 0 ? x + d##n : x;                                       \
        row = at >= 0 && at < d##n ? row * d##n + (int)at : OUTSIDE;                               \
    }

static inline int row_of(global const INDEX *tuple, DIMENSIONS)
{
    int row = 0;
    STEP(0)
    STEP(1)
    STEP(2)
    STEP(3)
    STEP(4)
    STEP(5)
    STEP(6)
    STEP(7)
    return row;
}

/* ---- taking ------------------------------------------------------------------------------ */

kernel void gather_rows(global const T *src, global const INDEX *indices, global T *dst,
                        uint missing, uint m, uint k, uint j, uint n, uint index_b, uint index_j,
                        DIMENSIONS, uint rows)
{
    const uint begin = min((uint)get_global_id(0) * rows, m), end = min(begin + rows, m);
    for (uint r = begin; r < end; r++) {
        const uint o = r / j;
        const int row = row_of(indices + o * index_b + r % j * index_j, DIMENSIONS_GIVEN);
        global const T *from = src + ((size_t)o * k + (size_t)max(row, 0)) * n;
        global T *to = dst + (size_t)r * n;
        uint c = 0;
        if (row == OUTSIDE) {
            for (; c < n; c++)
                to[c] = (T)missing;
            continue;
        }
        for (; c + 16u <= n; c += 16u)
            vstore16(vload16(0, from + c), 0, to + c);
        for (; c < n; c++)
            to[c] = from[c];
    }
}

kernel void gather_each(global const T *src, global const INDEX *indices, global T *dst,
                        uint missing, uint m, uint k, uint j, uint n, uint index_b, uint index_j,
                        uint index_n, DIMENSIONS, uint chunk)
{
    const uint begin = min((uint)get_global_id(0) * chunk, m * n), end = min(begin + chunk, m * n);
    for (uint i = begin; i < end; i++) {
        const uint c = i % n, r = i / n, o = r / j;
        const int row =
            row_of(indices + o * index_b + r % j * index_j + c * index_n, DIMENSIONS_GIVEN);
        dst[i] = row == OUTSIDE ? (T)missing : src[((size_t)o * k + (size_t)row) * n + c];
    }
}

/* ---- putting ----------------------------------------------------------------------------- */

/* An item has `chunk` elements, a multiple of 16. */
kernel void gather_begin(global const T *src, global T *dst, uint zeros, uint num, uint chunk)
{
    uint i = min((uint)get_global_id(0) * chunk, num);
    const uint end = min(i + chunk, num);
    for (; i + 16u <= end; i += 16u)
        vstore16(zeros ? (VEC)(0) : vload16(0, src + i), 0, dst + i);
    for (; i < end; i++)
        dst[i] = zeros ? (T)0 : src[i];
}

/* Rows `first` to `last` of j; a launch has no more than a loop may have turns. */
kernel void scatter(global const T *updates, global const INDEX *indices, global T *dst, uint b,
                    uint k, uint j, uint n, uint index_b, uint index_j, uint index_n, DIMENSIONS,
                    uint first, uint last)
{
    const uint item = (uint)get_global_id(0), across = (n + V - 1u) / V, o = item / across;
    const uint c = item % across * V;
    if (o >= b)
        return;
    for (uint r = first; r < last; r++) {
        const int row = row_of(indices + o * index_b + r * index_j + c * index_n, DIMENSIONS_GIVEN);
        global const T *from = updates + ((size_t)o * j + r) * n;
        global T *to = dst + ((size_t)o * k + (size_t)max(row, 0)) * n;
        if (row == OUTSIDE)
            continue;
#if V == 16
        if (c + 16u <= n)
            vstore16(PUT(vload16(0, to + c), vload16(0, from + c)), 0, to + c);
        else
            for (uint i = c; i < n; i++)
                to[i] = PUT(to[i], from[i]);
#else
        to[c] = PUT(to[c], from[c]);
#endif
    }
}
