/* move.cl -- strided copies of elements of 1, 2, 4 or 8 bytes, whatever they mean.
 *
 * A copy is planes of rows x columns, and up to 6 dimensions d0, d1, ... of planes (innermost
 * first) with strides in src (s0, ...) and in dst (t0, ...).  Strides count elements and may
 * run backwards: they are added modulo 2^32, and every sum is an index below 2^31.
 *
 * A plane is cut into blocks of at most block_rows x block_columns.
 *
 *     move_rows     wide: columns lie side by side in dst, and in src too or are one element
 *     move_turned   wide: columns lie side by side in dst, rows in src; 16 x 16 at a time
 *     move_any      wide: any strides
 *     move_planes   SIMT: a group has a block, an item an element
 *     move_tiles    SIMT: as move_turned, through local memory
 *
 * dst is not src.  Limit: memory: 64 MiB of rows are at 0.5 of a copy with plain stores, at 0.75
 * with those that pass the caches by (-DSTREAM=1; two cores of Zen 4, PoCL).  Host side:
 * lib/ops/move.c. */
#ifndef T
#define T uint
#endif
#define JOIN(a, b)   a##b
#define VECTOR(t, n) JOIN(t, n)
#define VEC          VECTOR(T, 16)

/* Stores that pass the caches by write whole vectors, so they begin where one does. */
#ifndef STREAM
#define STREAM 0
#endif
#if STREAM
#define TO_VECTOR(p) (15u & (0u - (uint)((uintptr_t)(p) / sizeof(T))))
#define PUT(x, p)    __builtin_nontemporal_store(x, (global VEC *)(global void *)(p))
#else
#define TO_VECTOR(p) 0u
#define PUT(x, p)    vstore16(x, 0, p)
#endif

#define PLANES                                                                                     \
    uint rank, uint d0, uint d1, uint d2, uint d3, uint d4, uint d5, uint s0, uint s1, uint s2,    \
        uint s3, uint s4, uint s5, uint t0, uint t1, uint t2, uint t3, uint t4, uint t5
#define PLANES_GIVEN rank, d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1, t2, t3, t4, t5

/* Adds dimension k; the branch is the same for all items. */
#define STEP(k, d, s, t)                                                                           \
    if (rank > k) {                                                                                \
        const uint here = plane % d;                                                               \
        plane /= d;                                                                                \
        at += (uint2)(here * s, here * t);                                                         \
    }

/* Where a plane begins in src and dst. */
static inline uint2 plane_at(uint plane, PLANES)
{
    uint2 at = (uint2)(0, 0);
    STEP(0, d0, s0, t0)
    STEP(1, d1, s1, t1)
    STEP(2, d2, s2, t2)
    STEP(3, d3, s3, t3)
    STEP(4, d4, s4, t4)
    STEP(5, d5, s5, t5)
    return at;
}

/* ---- wide ------------------------------------------------------------------------------ */

static inline void copy_rows(global const T *src, global T *dst, uint2 at, uint rows, uint columns,
                             uint src_row, uint src_column, uint dst_row, uint dst_column)
{
    for (uint r = 0; r < rows; r++, at += (uint2)(src_row, dst_row)) {
        global const T *from = src + at.x;
        global T *to = dst + at.y;
        const uint first = min(TO_VECTOR(to), columns);
        uint c = 0;
        for (; c < first; c++)
            to[c] = from[c * src_column];
        if (src_column == 0u) {
            const VEC all = (VEC)(*from);
            for (; c + 16u <= columns; c += 16u)
                PUT(all, to + c);
        } else {
            for (; c + 16u <= columns; c += 16u)
                PUT(vload16(0, from + c), to + c);
        }
        for (; c < columns; c++)
            to[c] = from[c * src_column];
    }
}

static inline void copy_any(global const T *src, global T *dst, uint2 at, uint rows, uint columns,
                            uint src_row, uint src_column, uint dst_row, uint dst_column)
{
    for (uint r = 0; r < rows; r++, at += (uint2)(src_row, dst_row))
        for (uint c = 0; c < columns; c++)
            dst[at.y + c * dst_column] = src[at.x + c * src_column];
}

#define LOW(a, b)                                                                                  \
    (VEC)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s4, b.s4, a.s5, b.s5, a.s6, b.s6,      \
          a.s7, b.s7)
#define HIGH(a, b)                                                                                 \
    (VEC)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb, a.sc, b.sc, a.sd, b.sd, a.se, b.se,      \
          a.sf, b.sf)
/* Rows i and i + 8 dealt into each other become rows 2 i and 2 i + 1: done four times, this
 * turns 16 rows of 16 into their columns. */
#define DEAL(to, from)                                                                             \
    const VEC to##0 = LOW(from##0, from##8), to##1 = HIGH(from##0, from##8);                       \
    const VEC to##2 = LOW(from##1, from##9), to##3 = HIGH(from##1, from##9);                       \
    const VEC to##4 = LOW(from##2, from##a), to##5 = HIGH(from##2, from##a);                       \
    const VEC to##6 = LOW(from##3, from##b), to##7 = HIGH(from##3, from##b);                       \
    const VEC to##8 = LOW(from##4, from##c), to##9 = HIGH(from##4, from##c);                       \
    const VEC to##a = LOW(from##5, from##d), to##b = HIGH(from##5, from##d);                       \
    const VEC to##c = LOW(from##6, from##e), to##d = HIGH(from##6, from##e);                       \
    const VEC to##e = LOW(from##7, from##f), to##f = HIGH(from##7, from##f);

#define LOAD(k, i)  const VEC w##k = vload16(0, from + i##u * column);
#define STORE(k, i) PUT(z##k, to + i##u * row);
#define SIXTEEN(X)                                                                                 \
    X(0, 0)                                                                                        \
    X(1, 1)                                                                                        \
    X(2, 2)                                                                                        \
    X(3, 3)                                                                                        \
    X(4, 4)                                                                                        \
    X(5, 5)                                                                                        \
    X(6, 6)                                                                                        \
    X(7, 7)                                                                                        \
    X(8, 8)                                                                                        \
    X(9, 9)                                                                                        \
    X(a, 10)                                                                                       \
    X(b, 11)                                                                                       \
    X(c, 12)                                                                                       \
    X(d, 13)                                                                                       \
    X(e, 14)                                                                                       \
    X(f, 15)

/* 16 rows and columns; a column of src is `column` away from the next, a row of dst `row`. */
static inline void turn(global const T *from, global T *to, uint column, uint row)
{
    SIXTEEN(LOAD)
    DEAL(x, w)
    DEAL(y, x)
    DEAL(v, y)
    DEAL(z, v)
    SIXTEEN(STORE)
}

static inline void copy_turned(global const T *src, global T *dst, uint2 at, uint rows,
                               uint columns, uint src_row, uint src_column, uint dst_row,
                               uint dst_column)
{
    uint r = 0;
    for (; r + 16u <= rows; r += 16u) {
        uint c = 0;
        for (; c + 16u <= columns; c += 16u)
            turn(src + (at.x + r + c * src_column), dst + (at.y + r * dst_row + c), src_column,
                 dst_row);
        copy_any(src, dst, at + (uint2)(r + c * src_column, r * dst_row + c), 16u, columns - c,
                 src_row, src_column, dst_row, dst_column);
    }
    copy_any(src, dst, at + (uint2)(r, r * dst_row), rows - r, columns, src_row, src_column,
             dst_row, dst_column);
}

#define WIDE_ARGUMENTS                                                                             \
    global const T *src, global T *dst, uint src_at, uint dst_at, uint rows, uint columns,         \
        uint src_row, uint src_column, uint dst_row, uint dst_column, uint block_rows,             \
        uint block_columns, uint blocks, uint blocks_an_item, PLANES

/* An item has blocks_an_item of the blocks, one after the other. */
#define WIDE(copy)                                                                                 \
    do {                                                                                           \
        const uint across = (columns + block_columns - 1u) / block_columns;                        \
        const uint down = (rows + block_rows - 1u) / block_rows;                                   \
        const uint begin = (uint)get_global_id(0) * blocks_an_item;                                \
        const uint end = min(begin + blocks_an_item, blocks);                                      \
        for (uint b = begin; b < end; b++) {                                                       \
            const uint c = b % across * block_columns, left = b / across;                          \
            const uint r = left % down * block_rows;                                               \
            const uint2 at = plane_at(left / down, PLANES_GIVEN) +                                 \
                             (uint2)(src_at + r * src_row + c * src_column,                        \
                                     dst_at + r * dst_row + c * dst_column);                       \
            copy(src, dst, at, min(block_rows, rows - r), min(block_columns, columns - c),         \
                 src_row, src_column, dst_row, dst_column);                                        \
        }                                                                                          \
    } while (0)

kernel void move_rows(WIDE_ARGUMENTS)
{
    WIDE(copy_rows);
}

kernel void move_turned(WIDE_ARGUMENTS)
{
    WIDE(copy_turned);
}

kernel void move_any(WIDE_ARGUMENTS)
{
    WIDE(copy_any);
}

/* ---- SIMT: groups of 64 ------------------------------------------------------------------ */

/* block_columns is a power of two, 64 at most; a group has 64 / block_columns rows. */
kernel void move_planes(global const T *src, global T *dst, uint src_at, uint dst_at, uint rows,
                        uint columns, uint src_row, uint src_column, uint dst_row, uint dst_column,
                        uint block_rows, uint block_columns, uint blocks, PLANES)
{
    const uint across = (columns + block_columns - 1u) / block_columns;
    const uint down = (rows + block_rows - 1u) / block_rows;
    const uint b = (uint)get_group_id(0), item = (uint)get_local_id(0), left = b / across;
    const uint c = b % across * block_columns + (item & (block_columns - 1u));
    const uint r = left % down * block_rows + item / block_columns;
    if (b >= blocks || r >= rows || c >= columns)
        return;
    const uint2 at = plane_at(left / down, PLANES_GIVEN);
    dst[dst_at + at.y + r * dst_row + c * dst_column] =
        src[src_at + at.x + r * src_row + c * src_column];
}

/* Blocks of 16 x 16: an item reads 4 elements along the rows and writes 4 along the columns, so
 * that neighbours are neighbours in memory both times. */
kernel void move_tiles(global const T *src, global T *dst, uint src_at, uint dst_at, uint rows,
                       uint columns, uint src_row, uint src_column, uint dst_row, uint dst_column,
                       uint block_rows, uint block_columns, uint blocks, PLANES)
{
    local T tile[16 * 17]; /* 17: a column of it meets every bank */
    const uint across = (columns + block_columns - 1u) / block_columns;
    const uint down = (rows + block_rows - 1u) / block_rows;
    const uint b = (uint)get_group_id(0), left = b / across;
    const uint c = b % across * block_columns, r = left % down * block_rows;
    const uint inner = (uint)get_local_id(0) % 16u, outer = (uint)get_local_id(0) / 16u;
    const uint2 at = plane_at(left / down, PLANES_GIVEN) + (uint2)(src_at, dst_at);
    for (uint k = outer; k < 16u; k += 4u)
        if (r + inner < rows && c + k < columns)
            tile[k * 17u + inner] = src[at.x + (r + inner) * src_row + (c + k) * src_column];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint k = outer; k < 16u; k += 4u)
        if (r + k < rows && c + inner < columns)
            dst[at.y + (r + k) * dst_row + (c + inner) * dst_column] = tile[inner * 17u + k];
}

/* ---- the rest of an output that no box covers ---------------------------------------------- */

/* All of it, with the lower bits of two halves; an item has `chunk` elements. */
kernel void move_fill(global T *dst, uint low, uint high, uint num, uint chunk)
{
    const T value = (T)((ulong)high << 32 | low);
    uint i = min((uint)get_global_id(0) * chunk, num);
    const uint end = min(i + chunk, num);
    for (; i + 16u <= end; i += 16u)
        vstore16((VEC)(value), 0, dst + i);
    for (; i < end; i++)
        dst[i] = value;
}
