/* pool_bytes.cl -- maxima of bytes where 16 channels of a pixel lie side by side:
 * src (planes, y_src, x_src) -> dst (planes, y_dst, x_dst), whose elements are pixels of 16 bytes
 * and whose planes are blocks of channels of one image.  An item has `rows` rows of dst.
 *
 * -DT=uchar -DLEAST=0 or -DT=char -DLEAST=-128: the type, and what a window of padding gives.
 * KERNEL and STRIDE: of usual windows, square and without dilation, which are spelled out where
 * they meet no edge, since PoCL unrolls no loop; 0 for any.
 *
 * Limit: loads, one a tap.  PoCL on two cores of Zen 4: ResNet's first pooling, 64 x 112 x 112
 * bytes, takes 0.033 ms.  Host side: lib/ops/pool_bytes.c. */
#include "window.clh"

#ifndef T
#define T     uchar
#define LEAST 0
#endif

#define PASTE(a, b)  a##b
#define EXPAND(a, b) PASTE(a, b)
typedef EXPAND(T, 16) pixel;

/* `at` is the pixel under the window's first tap, which may lie in the padding. */
static inline pixel window_of(global const pixel *src, long at, axis y, axis x, taps ty, taps tx)
{
    pixel most = (pixel)(LEAST);
    for (int ky = ty.from; ky < ty.end; ky++)
        for (int kx = tx.from; kx < tx.end; kx++)
            most = max(most, src[at + ky * y.dilation * x.src + kx * x.dilation]);
    return most;
}

#if KERNEL > 0
#if KERNEL == 3
#define LARGEST(a, b, c) max(max(a, b), c)
#else
#define LARGEST(a, b, c) max(a, b)
#endif

static inline pixel across(global const pixel *src)
{
    return LARGEST(src[0], src[1], src[2]);
}

static inline pixel whole_window_of(global const pixel *src, int row)
{
    return LARGEST(across(src), across(src + row), across(src + 2 * row));
}
#endif

kernel void pool_bytes(global const pixel *src, global pixel *dst, uint planes, uint rows, AXIS(y),
                       AXIS(x))
{
    axis y = MAKE_AXIS(y), x = MAKE_AXIS(x);
    KNOW(y);
    KNOW(x);
    const uint begin = (uint)get_global_id(0) * rows;
    const uint end = min(begin + rows, planes * (uint)y.dst);
    for (uint r = begin; r < end; r++) {
        const int oy = (int)(r % (uint)y.dst);
        const long plane = (long)(r / (uint)y.dst) * y.src * x.src;
        global pixel *row = dst + (size_t)r * (size_t)x.dst;
        const taps ty = taps_inside(y, oy);
        for (int ox = 0; ox < x.dst; ox++) {
            const long at = plane + (long)begin_of(y, oy) * x.src + begin_of(x, ox);
            const taps tx = taps_inside(x, ox);
#if KERNEL > 0
            if (is_whole(y, ty) && is_whole(x, tx))
                row[ox] = whole_window_of(src + at, x.src);
            else
#endif
                row[ox] = window_of(src, at, y, x, ty, tx);
        }
    }
}
