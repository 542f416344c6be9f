/* pool_blocked.cl -- pooling and its gradients where 16 channels of a pixel lie side by side:
 * src (planes, y_src, x_src, 16) -> dst (planes, y_dst, x_dst, 16), a plane being a block of
 * channels of one image.  A vector is one pixel, so windows need no shuffling, and the pad
 * lanes of the last block stay among themselves.
 *
 *     pool_blocked               an item has `rows` rows of dst
 *     max_pool_grad_blocked      an item has some rows of one plane of diff_src, and adds to
 *                                these alone what the windows over them bring
 *     average_pool_grad_blocked  an item has `rows` rows of diff_src
 *
 * KERNEL and STRIDE: of usual windows, square and without dilation, so that their loops are
 * unrolled; 0 for any.
 *
 * Limit: memory.  PoCL on two cores of Zen 4, ResNet's first pooling, share of a copy: 90 % for
 * 4 images, 39 % for 16, whose rows the prefetcher does not see coming; its gradient 32 %.
 * Host side: lib/ops/pool_blocked.c; formulas: pool.clh. */
#define V 16
#include "pool.clh"
#include "window.clh"

/* The pixel under a step's first tap; it may lie in the padding. */
static inline long first_of(axis y, axis x, int oy, int ox)
{
    return ((long)begin_of(y, oy) * x.src + begin_of(x, ox)) * V;
}

static inline floatv window_of(global const stored *src, float p, axis y, axis x, taps ty, taps tx)
{
    floatv result = (floatv)(START);
    for (int ky = ty.from; ky < ty.end; ky++)
        for (int kx = tx.from; kx < tx.end; kx++) {
            const floatv value = GET16(src + (ky * y.dilation * x.src + kx * x.dilation) * V);
            result = TAKE(result, value, p);
        }
    return result;
}

#if KERNEL > 0
/* Windows without an edge, spelled out, since PoCL unrolls no loop.  The maximum is one
 * instruction a tap if NaN is looked for apart, in pairs: twice as fast as TAKE. */
static inline floatv larger(floatv a, floatv b)
{
    return b > a ? b : a;
}

static inline floatv four_Max(floatv a, floatv b, floatv c, floatv d)
{
    const floatv most = larger(larger(a, b), larger(c, d));
    return isunordered(a, b) | isunordered(c, d) ? (floatv)(NAN) : most;
}

static inline floatv four_Average(floatv a, floatv b, floatv c, floatv d)
{
    return (a + b) + (c + d);
}
#define FOUR EXPAND(four_, POOL)

static inline floatv whole_window_of(global const stored *src, axis x)
{
    const int row = x.src * V;
    const floatv four = FOUR(GET16(src), GET16(src + V), GET16(src + row), GET16(src + row + V));
#if KERNEL == 3
    src += 2 * V;
    const floatv right = FOUR(four, GET16(src), GET16(src + row), GET16(src + 2 * row));
    return FOUR(right, GET16(src + 2 * row - V), GET16(src + 2 * row - 2 * V), (floatv)(START));
#else
    return four;
#endif
}
#endif

kernel void pool_blocked(global const stored *src, global stored *dst, float p, uint with_pads,
                         uint planes, uint rows, AXIS(y), AXIS(x))
{
    axis y = MAKE_AXIS(y), x = MAKE_AXIS(x);
    KNOW(y);
    KNOW(x);
    const uint begin = (uint)get_global_id(0) * rows;
    const uint end = min(begin + rows, planes * (uint)y.dst);
    for (uint r = begin; r < end; r++) {
        const int oy = (int)(r % (uint)y.dst);
        global const stored *plane = src + (size_t)(r / (uint)y.dst) * (size_t)(y.src * x.src) * V;
        global stored *row = dst + (size_t)r * (size_t)x.dst * V;
        const taps ty = taps_inside(y, oy);
        const int count = counted(y, oy, with_pads);
        for (int ox = 0; ox < x.dst; ox++) {
            global const stored *at = plane + first_of(y, x, oy, ox);
            const taps tx = taps_inside(x, ox);
            floatv result;
#if KERNEL > 0
            if (is_whole(y, ty) && is_whole(x, tx))
                result = whole_window_of(at, x);
            else
#endif
                result = window_of(at, p, y, x, ty, tx);
            const float num = (float)(count * counted(x, ox, with_pads));
            PUT16(FINISH(result, (floatv)(num), p), row + ox * V);
        }
    }
}

/* ---- gradients ----------------------------------------------------------------------------- */

/* Adds diff to each lane's maximum of a window, where that lies in rows `mine` of it. */
static inline void give(global const float *src, global float *diff_src, floatv diff, axis y,
                        axis x, taps ty, taps tx, taps mine)
{
    floatv best = (floatv)(-INFINITY);
    intv at = (intv)(-1);
    for (int ky = ty.from; ky < ty.end; ky++)
        for (int kx = tx.from; kx < tx.end; kx++) {
            const floatv value = LOADV(src + (ky * y.dilation * x.src + kx * x.dilation) * V);
            const intv better = above(value, best) | (at < 0);
            best = select(best, value, better);
            at = select(at, (intv)(ky * x.kernel_ + kx), better);
        }
    for (int ky = mine.from; ky < mine.end; ky++)
        for (int kx = tx.from; kx < tx.end; kx++) {
            global float *to = diff_src + (ky * y.dilation * x.src + kx * x.dilation) * V;
            const floatv here = select((floatv)(0.0f), diff, at == (intv)(ky * x.kernel_ + kx));
            STOREV(LOADV(to) + here, to);
        }
}

#if KERNEL > 0
/* The same without an edge, spelled out. */
#define LOOK(tap, offset)                                                                          \
    value = LOADV(src + (offset));                                                                 \
    better = above(value, best);                                                                   \
    best = select(best, value, better);                                                            \
    at = select(at, (intv)(tap), better)
#define ADD(tap, offset)                                                                           \
    STOREV(LOADV(diff_src + (offset)) + select((floatv)(0.0f), diff, at == (intv)(tap)),           \
           diff_src + (offset))
#if KERNEL == 2
#define EACH(DO)                                                                                   \
    DO(1, V);                                                                                      \
    DO(2, row);                                                                                    \
    DO(3, row + V)
#else
#define EACH(DO)                                                                                   \
    DO(1, V);                                                                                      \
    DO(2, 2 * V);                                                                                  \
    DO(3, row);                                                                                    \
    DO(4, row + V);                                                                                \
    DO(5, row + 2 * V);                                                                            \
    DO(6, 2 * row);                                                                                \
    DO(7, 2 * row + V);                                                                            \
    DO(8, 2 * row + 2 * V)
#endif

static inline void give_whole(global const float *src, global float *diff_src, floatv diff, int row)
{
    floatv best = LOADV(src), value;
    intv at = (intv)(0), better;
    EACH(LOOK);
    ADD(0, 0);
    EACH(ADD);
}
#endif

kernel void max_pool_grad_blocked(global const float *src, global const float *diff_dst,
                                  global float *diff_src, uint planes, uint bands, uint rows,
                                  AXIS(y), AXIS(x))
{
    axis y = MAKE_AXIS(y), x = MAKE_AXIS(x);
    KNOW(y);
    KNOW(x);
    const size_t plane = get_global_id(0) / bands, size = (size_t)(y.src * x.src) * V;
    const int top = (int)((uint)get_global_id(0) % bands * rows);
    const int bottom = min(top + (int)rows, y.src);
    if (top >= bottom || plane >= planes)
        return;
    src += plane * size;
    diff_src += plane * size;
    diff_dst += plane * (size_t)(y.dst * x.dst) * V;
    for (int i = top * x.src; i < bottom * x.src; i++)
        STOREV((floatv)(0.0f), diff_src + (size_t)i * V);
    const int from = steps_over(y, top).from, end = steps_over(y, bottom - 1).end;
    for (int oy = from; oy < end; oy++) {
        const taps ty = taps_inside(y, oy), mine = taps_between(y, oy, top, bottom);
        for (int ox = 0; ox < x.dst; ox++) {
            const taps tx = taps_inside(x, ox);
            const long at = first_of(y, x, oy, ox);
            const floatv diff = LOADV(diff_dst + (oy * x.dst + ox) * V);
#if KERNEL > 0
            if (is_whole(y, mine) && is_whole(x, tx))
                give_whole(src + at, diff_src + at, diff, x.src * V);
            else
#endif
                give(src + at, diff_src + at, diff, y, x, ty, tx, mine);
        }
    }
}

kernel void average_pool_grad_blocked(global const float *diff_dst, global float *diff_src,
                                      uint with_pads, uint planes, uint rows, AXIS(y), AXIS(x))
{
    axis y = MAKE_AXIS(y), x = MAKE_AXIS(x);
    KNOW(y);
    KNOW(x);
    const uint begin = (uint)get_global_id(0) * rows;
    const uint end = min(begin + rows, planes * (uint)y.src);
    for (uint r = begin; r < end; r++) {
        const int iy = (int)(r % (uint)y.src);
        const taps sy = steps_over(y, iy);
        global const float *plane =
            diff_dst + (size_t)(r / (uint)y.src) * (size_t)(y.dst * x.dst) * V;
        for (int ix = 0; ix < x.src; ix++) {
            const taps sx = steps_over(x, ix);
            floatv sum = (floatv)(0.0f);
            for (int oy = sy.from; oy < sy.end; oy++)
                for (int ox = sx.from; ox < sx.end; ox++)
                    if (has_tap(y, oy, iy) && has_tap(x, ox, ix))
                        sum += LOADV(plane + (oy * x.dst + ox) * V) /
                               (float)(counted(y, oy, with_pads) * counted(x, ox, with_pads));
            STOREV(sum, diff_src + ((size_t)r * (size_t)x.src + (size_t)ix) * V);
        }
    }
}
