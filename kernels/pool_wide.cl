/* pool_wide.cl -- pooling and its gradients for CPU devices, windows in two dimensions.
 *
 * A window is pooled in two turns: down the columns, many columns to a vector, into `line`,
 * which has a window's padding left and right of it; then along the line, many windows to a
 * vector.  So no vector has an edge to look at, and an element is read once for each row of
 * a window instead of once for each tap.
 *
 *     pool_lines             an item has `rows` rows of dst
 *     max_pool_grad_bands    an item has some rows of one plane of diff_src: it finds the
 *                            maximum of every window that touches them and adds to its own
 *                            rows alone, so two windows on one element never meet
 *     average_pool_grad_lines  an item has `rows` rows of diff_src
 *     pool_rows              one window over a whole plane: an item has `rows` planes
 *
 * `line` and what lies behind it is local memory, `length` elements each: the longest reach
 * of the last vector of windows.
 *
 * Limit: memory, where the rows do not lie in the cache.  Host side: lib/ops/pool_wide.c;
 * the definition of a maximum among equals: pool.clh. */
#define V 16
#include "pool.clh"
#include "window.clh"

/* Of a row without a maximum. */
#define NO_ROW 0x7fffffff

/* A vector to a row that goes on for `num` elements; of the item's rows, written one after the
 * other, `room` are left.  What runs over is written again by the next row, which is cheaper
 * than lane by lane. */
static inline void store_row(floatv x, global float *p, uint num, size_t room)
{
    if (room >= V)
        STOREV(x, p);
    else
        store_some(x, p, num);
}

/* V elements, `stride` apart. */
static inline floatv strided(local const float *p, int stride)
{
    if (stride == 1)
        return LOADV(p);
    if (stride == 2)
        return (floatv)(LOADV(p).even, LOADV(p + V).even);
    const int s = stride;
    return (floatv)(p[0], p[s], p[2 * s], p[3 * s], p[4 * s], p[5 * s], p[6 * s], p[7 * s],
                    p[8 * s], p[9 * s], p[10 * s], p[11 * s], p[12 * s], p[13 * s], p[14 * s],
                    p[15 * s]);
}

/* The other turn: windows along a line, from the one that begins at p. */
static inline floatv along(local const float *p, axis x)
{
    floatv result = (floatv)(START);
    for (int k = 0; k < x.kernel_; k++)
        result = JOIN(result, strided(p + k * x.dilation, x.stride));
    return result;
}

/* The first turn: row `step` of windows down the columns of a plane, whose `room` elements
 * may be read. */
static inline void down(global const float *plane, size_t room, local float *line, float p, axis y,
                        axis x, int step)
{
    const taps t = taps_inside(y, step);
    const int first = begin_of(y, step);
    for (int c = 0; c < x.src; c += V) {
        floatv result = (floatv)(START);
        for (int k = t.from; k < t.end; k++) {
            const size_t at = (size_t)((first + k * y.dilation) * x.src + c);
            result = TAKE(result, load_some(plane + at, (uint)(x.src - c), room - at, START), p);
        }
        STOREV(result, line + x.before + c);
    }
}

static inline void fill(local float *line, float x, uint length)
{
    for (uint i = 0; i < length; i += V)
        STOREV((floatv)(x), line + i);
}

/* How many elements of a row count in a mean, for each step along x. */
static inline void count_along(local float *line, local float *counts, uint with_pads, axis x,
                               uint length)
{
    const int low = with_pads ? 0 : x.before;
    const int high = x.before + x.src + (with_pads ? x.after : 0);
    for (int i = 0; i < (int)length; i += V)
        STOREV(LANES >= (intv)(low - i) && LANES < (intv)(high - i) ? (floatv)(1.0f)
                                                                    : (floatv)(0.0f),
               line + i);
    for (int o = 0; o < x.dst; o += V) {
        floatv count = (floatv)(0.0f);
        for (int k = 0; k < x.kernel_; k++)
            count += strided(line + o * x.stride + k * x.dilation, x.stride);
        STOREV(count, counts + o);
    }
}

static inline float count_down(axis y, int step, uint with_pads)
{
    const int p = with_pads ? 1 : 0;
    const taps t = taps_between(y, step, -p * y.before, y.src + p * y.after);
    return (float)(t.end - t.from);
}

kernel void pool_lines(global const float *src, global float *dst, local float *line, float p,
                       uint with_pads, uint planes, uint rows, uint length, AXIS(y), AXIS(x))
{
    const axis y = MAKE_AXIS(y), x = MAKE_AXIS(x);
    const uint begin = (uint)get_global_id(0) * rows;
    const uint end = min(begin + rows, planes * (uint)y.dst);
    const size_t size = (size_t)(y.src * x.src);
    local float *counts = line + length;
    count_along(line, counts, with_pads, x, length);
    fill(line, START, length);
    for (uint r = begin; r < end; r++) {
        const size_t plane = r / (uint)y.dst;
        const int step = (int)(r % (uint)y.dst);
        down(src + plane * size, (planes - plane) * size, line, p, y, x, step);
        const float count = count_down(y, step, with_pads);
        for (int o = 0; o < x.dst; o += V)
            store_row(FINISH(along(line + o * x.stride, x), LOADV(counts + o) * count, p),
                      dst + (size_t)r * (uint)x.dst + o, (uint)(x.dst - o),
                      (size_t)(end - r) * (uint)x.dst - (size_t)o);
    }
}

/* ---- gradients ----------------------------------------------------------------------------- */

/* As down(), and where[] is the position in the plane that each maximum has, bit by bit. */
static inline void places_down(global const float *plane, size_t room, local float *line,
                               local float *where, axis y, axis x, int step)
{
    const taps t = taps_inside(y, step);
    const int first = begin_of(y, step);
    for (int c = 0; c < x.src; c += V) {
        floatv best = (floatv)(-INFINITY);
        intv at = (intv)(NO_ROW);
        for (int k = t.from; k < t.end; k++) {
            const int row = (first + k * y.dilation) * x.src + c;
            const floatv value =
                load_some(plane + row, (uint)(x.src - c), room - (size_t)row, -INFINITY);
            const intv better = k == t.from ? (intv)(-1) : above(value, best);
            best = better ? value : best;
            at = better ? row + LANES : at;
        }
        STOREV(best, line + x.before + c);
        at = LANES < (intv)(x.src - c) ? at : (intv)(NO_ROW);
        STOREV(AS_FLOATV(at), where + x.before + c);
    }
}

/* Along the line: positions of maxima, NO_ROW for a window without elements.  Positions grow
 * in the order of a window's elements, so of equals the smaller is the first. */
static inline intv places_along(local const float *line, local const float *where, axis x)
{
    floatv best = (floatv)(-INFINITY);
    intv at = (intv)(NO_ROW);
    for (int k = 0; k < x.kernel_; k++) {
        const floatv value = strided(line + k * x.dilation, x.stride);
        const intv place = as_int16(strided(where + k * x.dilation, x.stride));
        const intv equal = (value == best) | ((value != value) & (best != best));
        const intv better = above(value, best) | (equal & (place < at));
        best = better ? value : best;
        at = better ? place : at;
    }
    return at;
}

kernel void max_pool_grad_bands(global const float *src, global const float *diff_dst,
                                global float *diff_src, local float *line, uint planes, uint bands,
                                uint rows, uint length, AXIS(y), AXIS(x))
{
    const axis y = MAKE_AXIS(y), x = MAKE_AXIS(x);
    const size_t plane = get_global_id(0) / bands, size = (size_t)(y.src * x.src);
    const int top = (int)((uint)get_global_id(0) % bands * rows);
    const int bottom = min(top + (int)rows, y.src), low = top * x.src, high = bottom * x.src;
    local float *where = line + length;
    local int *found = (local int *)(where + length);
    if (top >= bottom)
        return;
    src += plane * size;
    diff_src += plane * size;
    diff_dst += plane * (size_t)(y.dst * x.dst);
    fill(line, -INFINITY, length);
    fill(where, as_float(NO_ROW), length);
    for (int i = low; i < high; i += V)
        store_some((floatv)(0.0f), diff_src + i, (uint)(high - i));
    const int from = steps_over(y, top).from, end = steps_over(y, bottom - 1).end;
    for (int o = from; o < end; o++) {
        places_down(src, (planes - plane) * size, line, where, y, x, o);
        for (int c = 0; c < x.dst; c += V)
            vstore16(places_along(line + c * x.stride, where + c * x.stride, x), 0, found + c);
        global const float *diff = diff_dst + o * x.dst;
        for (int c = 0; c < x.dst; c++)
            if (found[c] >= low && found[c] < high)
                diff_src[found[c]] += diff[c];
    }
}

kernel void average_pool_grad_lines(global const float *diff_dst, global float *diff_src,
                                    local float *line, uint with_pads, uint planes, uint rows,
                                    uint length, AXIS(y), AXIS(x))
{
    const axis y = MAKE_AXIS(y), x = MAKE_AXIS(x);
    const uint begin = (uint)get_global_id(0) * rows;
    const uint end = min(begin + rows, planes * (uint)y.src);
    local float *counts = line + length, *shares = counts + length;
    count_along(line, counts, with_pads, x, length);
    for (uint r = begin; r < end; r++) {
        const size_t plane = r / (uint)y.src;
        const int iy = (int)(r % (uint)y.src);
        const taps steps = steps_over(y, iy);
        const size_t size = (size_t)(y.dst * x.dst), room = (planes - plane) * size;
        for (int c = 0; c < x.dst; c += V) {
            floatv sum = (floatv)(0.0f);
            for (int o = steps.from; o < steps.end; o++) {
                const size_t at = (size_t)(o * x.dst + c);
                if (has_tap(y, o, iy))
                    sum += load_some(diff_dst + plane * size + at, (uint)(x.dst - c), room - at,
                                     0.0f) /
                           count_down(y, o, with_pads);
            }
            STOREV(sum / fmax(LOADV(counts + c), (floatv)(1.0f)), shares + c);
        }
        fill(line, 0.0f, length);
        for (int k = 0; k < x.kernel_; k++)
            for (int o = 0; o < x.dst; o++)
                line[o * x.stride + k * x.dilation] += shares[o];
        for (int c = 0; c < x.src; c += V)
            store_row(LOADV(line + x.before + c), diff_src + (size_t)r * (uint)x.src + c,
                      (uint)(x.src - c), (size_t)(end - r) * (uint)x.src - (size_t)c);
    }
}

/* ---- whole planes -------------------------------------------------------------------------- */

kernel void pool_rows(global const float *src, global float *dst, float p, uint m, uint k,
                      uint rows)
{
    const uint begin = (uint)get_global_id(0) * rows, end = min(begin + rows, m);
    for (uint r = begin; r < end; r++) {
        floatv result = (floatv)(START);
        for (uint i = 0; i < k; i += V) {
            const size_t at = (size_t)r * k + i;
            result = TAKE(result, load_some(src + at, k - i, (size_t)m * k - at, START), p);
        }
        result = JOIN(result, result.s89abcdef01234567);
        result = JOIN(result, result.s456789abcdef0123);
        result = JOIN(result, result.s23456789abcdef01);
        result = JOIN(result, result.s123456789abcdef0);
        dst[r] = FINISH(result, (floatv)((float)k), p).s0;
    }
}
