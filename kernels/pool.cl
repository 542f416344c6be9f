/* pool.cl -- pooling, its gradients, and pooling of whole planes, an item an element (SIMT).
 *
 * src (planes, z_src, y_src, x_src) -> dst (planes, z_dst, y_dst, x_dst); a plane is one
 * channel of one image.  Windows: window.clh; what is done with one: pool.clh.
 *
 *     pool_items               an item has one element of dst; elements are of type T
 *     max_pool_grad_items      an item has one element of src and looks at the windows over
 *     average_pool_grad_items  it, so nothing is added by two: no atomics, a fixed order
 *     pool_planes              one window over a whole plane: a group of 64 has a plane
 *
 * Limit: memory; neighbours share their windows in the cache.  Host side: lib/ops/pool.c;
 * kernels of CPU devices: pool_wide.cl. */
#define V 1
#include "pool.clh"
#include "window.clh"

/* WITH_PLACES: places (long) gets where in its source the maximum lies, counted over all
 * planes, -1 for a window without elements; by `column_major` in the order x, y, z. */
#ifndef WITH_PLACES
#define WITH_PLACES 0
#endif

static inline int place_of(axis z, axis y, axis x, int iz, int iy, int ix, int column_major)
{
    return column_major ? iz + z.src * (iy + y.src * ix) : ix + x.src * (iy + y.src * iz);
}

/* Elements of a window that count in a mean. */
static inline float count_of(axis z, axis y, axis x, int oz, int oy, int ox, uint with_pads)
{
    return (float)(counted(z, oz, with_pads) * counted(y, oy, with_pads) *
                   counted(x, ox, with_pads));
}

kernel void pool_items(global const T *src, global T *dst, global long *places, float p,
                       uint with_pads, int column_major, uint planes, AXIS(z), AXIS(y), AXIS(x))
{
    const axis z = MAKE_AXIS(z), y = MAKE_AXIS(y), x = MAKE_AXIS(x);
    const uint item = (uint)get_global_id(0), in_plane = (uint)(z.dst * y.dst * x.dst);
    if (item >= planes * in_plane)
        return;
    const int at = (int)(item % in_plane), ox = at % x.dst, oy = at / x.dst % y.dst;
    const int oz = at / x.dst / y.dst, size = z.src * y.src * x.src;
    const size_t plane = (size_t)(item / in_plane) * (uint)size;
    const taps tz = taps_inside(z, oz), ty = taps_inside(y, oy), tx = taps_inside(x, ox);
    float result = START;
    int place = -1;
    for (int kz = tz.from; kz < tz.end; kz++)
        for (int ky = ty.from; ky < ty.end; ky++)
            for (int kx = tx.from; kx < tx.end; kx++) {
                const int iz = begin_of(z, oz) + kz * z.dilation;
                const int iy = begin_of(y, oy) + ky * y.dilation;
                const int ix = begin_of(x, ox) + kx * x.dilation;
                const float value = GET_T(src + (plane + (size_t)((iz * y.src + iy) * x.src + ix)));
#if WITH_PLACES
                if (place < 0 || above(value, result))
                    place = place_of(z, y, x, iz, iy, ix, column_major);
#endif
                result = TAKE(result, value, p);
            }
    PUT_T(FINISH(result, count_of(z, y, x, oz, oy, ox, with_pads), p), dst + item);
#if WITH_PLACES
    places[item] = place < 0 ? -1 : (long)plane + place;
#endif
    (void)places;
    (void)place;
    (void)column_major;
}

/* 1 if the maximum of the window at step (oz, oy, ox) is what lies `mine` elements into the
 * plane.  One loop over all taps: GPUs have no registers for the masks of six. */
static inline int is_place(global const float *plane, int mine, axis z, axis y, axis x, int oz,
                           int oy, int ox)
{
    const float value = plane[mine];
    int iz = begin_of(z, oz), iy = begin_of(y, oy), ix = begin_of(x, ox), ky = 0, kx = 0;
    for (int k = z.kernel_ * y.kernel_ * x.kernel_; k > 0; k--) {
        const int at = (iz * y.src + iy) * x.src + ix;
        const int inside = iz >= 0 && iz < z.src && iy >= 0 && iy < y.src && ix >= 0 && ix < x.src;
        /* Of equals the first: who stands before must be smaller. */
        if (inside && (at < mine ? !above(value, plane[at]) : above(plane[at], value)))
            return 0;
        ix += x.dilation;
        kx++;
        if (kx == x.kernel_) { /* the next row */
            kx = 0;
            ix = begin_of(x, ox);
            iy += y.dilation;
            ky++;
        }
        if (ky == y.kernel_) { /* the next plane */
            ky = 0;
            iy = begin_of(y, oy);
            iz += z.dilation;
        }
    }
    return 1;
}

kernel void max_pool_grad_items(global const float *src, global const float *diff_dst,
                                global float *diff_src, uint planes, AXIS(z), AXIS(y), AXIS(x))
{
    const axis z = MAKE_AXIS(z), y = MAKE_AXIS(y), x = MAKE_AXIS(x);
    const uint item = (uint)get_global_id(0), size = (uint)(z.src * y.src * x.src);
    if (item >= planes * size)
        return;
    const int at = (int)(item % size), ix = at % x.src, iy = at / x.src % y.src;
    const int iz = at / x.src / y.src;
    const taps sz = steps_over(z, iz), sy = steps_over(y, iy), sx = steps_over(x, ix);
    diff_dst += (size_t)(item / size) * (uint)(z.dst * y.dst * x.dst);
    float sum = 0.0f;
    for (int oz = sz.from; oz < sz.end; oz++)
        for (int oy = sy.from; oy < sy.end; oy++)
            for (int ox = sx.from; ox < sx.end; ox++)
                if (has_tap(z, oz, iz) && has_tap(y, oy, iy) && has_tap(x, ox, ix) &&
                    is_place(src + item - at, at, z, y, x, oz, oy, ox))
                    sum += diff_dst[(oz * y.dst + oy) * x.dst + ox];
    diff_src[item] = sum;
}

kernel void average_pool_grad_items(global const float *diff_dst, global float *diff_src,
                                    uint with_pads, uint planes, AXIS(z), AXIS(y), AXIS(x))
{
    const axis z = MAKE_AXIS(z), y = MAKE_AXIS(y), x = MAKE_AXIS(x);
    const uint item = (uint)get_global_id(0), size = (uint)(z.src * y.src * x.src);
    if (item >= planes * size)
        return;
    const int at = (int)(item % size), ix = at % x.src, iy = at / x.src % y.src;
    const int iz = at / x.src / y.src;
    const taps sz = steps_over(z, iz), sy = steps_over(y, iy), sx = steps_over(x, ix);
    diff_dst += (size_t)(item / size) * (uint)(z.dst * y.dst * x.dst);
    float sum = 0.0f;
    for (int oz = sz.from; oz < sz.end; oz++)
        for (int oy = sy.from; oy < sy.end; oy++)
            for (int ox = sx.from; ox < sx.end; ox++)
                if (has_tap(z, oz, iz) && has_tap(y, oy, iy) && has_tap(x, ox, ix))
                    sum += diff_dst[(oz * y.dst + oy) * x.dst + ox] /
                           count_of(z, y, x, oz, oy, ox, with_pads);
    diff_src[item] = sum;
}

/* dst[plane]: all of a plane of k elements. */
kernel void pool_planes(global const stored *src, global stored *dst, float p, uint k)
{
    local float lanes[64];
    const uint item = (uint)get_local_id(0);
    src += get_group_id(0) * k;
    float result = START;
    for (uint i = item; i < k; i += 64)
        result = TAKE(result, GET(src + i), p);
    lanes[item] = result;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint half_v = 32; half_v > 0; half_v /= 2) {
        if (item < half_v)
            lanes[item] = JOIN(lanes[item], lanes[item + half_v]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (item == 0)
        PUT(FINISH(lanes[0], (float)k, p), dst + get_group_id(0));
}
