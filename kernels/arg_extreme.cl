/* arg_extreme.cl -- ArgMax and ArgMin: where along an axis the largest or smallest stands.
 *
 * src is seen as (m, k, n) with k the axis; line l is the k elements of m = l / n and column l % n.
 * Where lines alone would leave cores idle, k is cut into parts, whose places lie in scratch
 * as (parts, lines) for arg_join, which reads src again at each.  dst is int64.
 *
 *     arg_rows      wide, n = 1: an item has rows, lanes of a vector along the row
 *     arg_columns   wide: an item has columns of some of m, lanes over columns
 *     arg_group     SIMT, n = 1: a group of 64 has one row
 *     arg_lines     SIMT: an item has one line, neighbours side by side in memory
 *
 * Elements are compared as integers ("keys") of the same order, so ArgMin is ArgMax of the
 * keys' complement (`flip` is -1) and a NaN is the largest key in both: the first NaN is
 * found, as numpy does.  -0 and +0 are equal.  `ties` -1: of equal ones the last is found.
 * A line is not empty.
 *
 * -DFLOATS=1: float; else ELEMENT: int, long, char, uchar.
 *
 * Limit: memory; on PoCL (Zen 4, 64 MiB) rows of 1000 reach 0.96 of the read limit, columns,
 * whose rows lie far apart, 0.55 with 21 rows and 0.21 to 0.27 with 1000 and more.  Host side:
 * lib/ops/arg_extreme.c. */
#ifndef V
#define V 16
#endif
#ifndef ELEMENT
#define ELEMENT float
#define FLOATS  1
#endif
#ifndef KEY
#define KEY int /* long for long */
#endif

#define CONCAT_(a, b) a##b
#define CONCAT(a, b)  CONCAT_(a, b)
#define KEYS          CONCAT(KEY, 16)
#define ELEMENTS      CONCAT(ELEMENT, 16)

#if FLOATS
/* Sign and magnitude become one number; a magnitude above infinity's is a NaN's.  No float is
 * computed with, so no driver can lose a NaN or a sign on the way. */
#define MAKE_KEY(name, F, T)                                                                       \
    static inline T name(F x, KEY flip)                                                            \
    {                                                                                              \
        const T bits = CONCAT(as_, T)(x), sign = bits >> 31, magnitude = bits & 0x7fffffff;        \
        const T key = ((magnitude ^ sign) - sign) ^ flip;                                          \
        return select(key, (T)(0x7fffffff), magnitude > 0x7f800000);                               \
    }
#else
#define MAKE_KEY(name, F, T)                                                                       \
    static inline T name(F x, KEY flip)                                                            \
    {                                                                                              \
        return CONCAT(convert_, T)(x) ^ flip;                                                      \
    }
#endif
MAKE_KEY(key_of, ELEMENT, KEY)

/* 1 if key at `place` is found rather than `best` at best_place. */
static inline int is_found(KEY key, uint place, KEY best, uint best_place, KEY ties)
{
    return key > best || (key == best && (ties != 0 ? place > best_place : place < best_place));
}

/* The place among num elements, `step` apart. */
static inline uint line_place(global const ELEMENT *src, uint num, size_t step, KEY flip, KEY ties)
{
    KEY best = key_of(src[0], flip);
    uint place = 0;
    for (uint i = 1; i < num; i++) {
        const KEY key = key_of(src[i * step], flip);
        const int found = key > best || (key == best && ties != 0);
        best = found ? key : best;
        place = found ? i : place;
    }
    return place;
}

#if V == 16
MAKE_KEY(keys_of, ELEMENTS, KEYS)

/* Of num elements side by side, at least 16. */
static inline uint row_place(global const ELEMENT *src, uint num, KEY flip, KEY ties)
{
    KEYS at = (KEYS)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    KEYS bests = keys_of(vload16(0, src), flip), places = at;
    uint i = 16;
    for (; i + 16 <= num; i += 16) {
        const KEYS keys = keys_of(vload16(0, src + i), flip);
        const KEYS found = (keys > bests) | ((keys == bests) & ties);
        at += 16;
        bests = select(bests, keys, found);
        places = select(places, at, found);
    }
    KEY best[16], where[16];
    vstore16(bests, 0, best);
    vstore16(places, 0, where);
    uint lane = 0;
    for (uint j = 1; j < 16; j++)
        if (is_found(best[j], (uint)where[j], best[lane], (uint)where[lane], ties))
            lane = j;
    if (i == num)
        return (uint)where[lane];
    const uint rest = i + line_place(src + i, num - i, 1, flip, ties);
    return is_found(key_of(src[rest], flip), rest, best[lane], (uint)where[lane], ties)
               ? rest
               : (uint)where[lane];
}

kernel void arg_rows(global const ELEMENT *src, global long *dst, int flip, int ties, uint m,
                     uint k, uint part, uint rows)
{
    const uint from = (uint)get_global_id(1) * part, num = min(part, k - from);
    const uint begin = (uint)get_global_id(0) * rows, end = min(begin + rows, m);
    for (uint r = begin; r < end; r++) {
        global const ELEMENT *x = src + (size_t)r * k + from;
        dst[get_global_id(1) * m + r] =
            from + (num < 16 ? line_place(x, num, 1, flip, ties) : row_place(x, num, flip, ties));
    }
}

/* 16 columns. */
static inline KEYS column_places(global const ELEMENT *src, uint num, uint n, KEY flip, KEY ties)
{
    KEYS bests = keys_of(vload16(0, src), flip), places = (KEYS)(0);
    for (uint i = 1; i < num; i++) {
        const KEYS keys = keys_of(vload16(0, src + (size_t)i * n), flip);
        const KEYS found = (keys > bests) | ((keys == bests) & ties);
        bests = select(bests, keys, found);
        places = select(places, (KEYS)((KEY)i), found);
    }
    return places;
}

/* The last vector of columns overlaps the one before. */
kernel void arg_columns(global const ELEMENT *src, global long *dst, int flip, int ties, uint m,
                        uint k, uint part, uint rows, uint n, uint columns)
{
    const uint from = (uint)get_global_id(1) * part, num = min(part, k - from);
    const uint column = (uint)get_global_id(0) * columns, width = min(columns, n - column);
    const uint begin = (uint)get_global_id(2) * rows, end = min(begin + rows, m);
    for (uint r = begin; r < end; r++) {
        global const ELEMENT *x = src + ((size_t)r * k + from) * n + column;
        global long *y = dst + (get_global_id(1) * m + r) * n + column;
        for (uint i = 0; width >= 16 && i < width; i += 16) {
            const uint at = min(i, width - 16);
            vstore16(convert_long16(column_places(x + at, num, n, flip, ties)) + from, 0, y + at);
        }
        for (uint i = 0; width < 16 && i < width; i++)
            y[i] = from + line_place(x + i, num, n, flip, ties);
    }
}
#else
/* An item without an element of its own takes the first. */
kernel void arg_group(global const ELEMENT *src, global long *dst, int flip, int ties, uint m,
                      uint k, uint part)
{
    local KEY bests[64];
    local uint places[64];
    const uint from = (uint)get_group_id(1) * part, num = min(part, k - from);
    const uint item = (uint)get_local_id(0), first = item < num ? item : 0;
    src += get_group_id(0) * k + from;
    const uint mine = first + 64 * line_place(src + first, (num - first + 63) / 64, 64, flip, ties);
    bests[item] = key_of(src[mine], flip);
    places[item] = mine;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint h = 32; h > 0; h /= 2) {
        if (item < h &&
            is_found(bests[item + h], places[item + h], bests[item], places[item], ties)) {
            bests[item] = bests[item + h];
            places[item] = places[item + h];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (item == 0)
        dst[get_group_id(1) * m + get_group_id(0)] = from + places[0];
}

kernel void arg_lines(global const ELEMENT *src, global long *dst, int flip, int ties, uint m,
                      uint k, uint part, uint n)
{
    const uint from = (uint)get_global_id(1) * part, num = min(part, k - from);
    const uint line = (uint)get_global_id(0);
    if (line >= m * n)
        return;
    const size_t at = ((size_t)(line / n) * k + from) * n + line % n;
    dst[get_global_id(1) * m * n + line] = from + line_place(src + at, num, n, flip, ties);
}
#endif

/* part (parts, lines) -> dst (lines). */
kernel void arg_join(global const ELEMENT *src, global const long *part, global long *dst, int flip,
                     int ties, uint lines, uint k, uint n, uint parts)
{
    const uint line = (uint)get_global_id(0);
    if (line >= lines)
        return;
    src += (size_t)(line / n) * k * n + line % n;
    uint place = (uint)part[line];
    KEY best = key_of(src[(size_t)place * n], flip);
    for (uint p = 1; p < parts; p++) {
        const uint other = (uint)part[(size_t)p * lines + line];
        const KEY key = key_of(src[(size_t)other * n], flip);
        const int found = is_found(key, other, best, place, ties);
        best = found ? key : best;
        place = found ? other : place;
    }
    dst[line] = place;
}
