/* reorder_winograd.cl -- 3x3 filters as conv_winograd.cl wants them: layout w16, in which the 4x4
 * numbers G filter G' stand for a filter, 16 output channels side by side.
 *
 *     src  (channels, inner, 3, 3)    ->    dst  (blocks, 4, 4, inner, 16),
 *
 * lanes behind the last channel 0.  Work-item (x, y): `chunk` input channels from x * chunk on,
 * block y.  Limit: loads, whose lanes lie inner * 9 floats apart.  Host side:
 * lib/ops/reorder_winograd.c. */
#define V 16
#include "blocks.clh"
#include "reorder.clh"

/* G x of three values. */
static INLINED void transform(const floatv *x, floatv *y)
{
    const floatv ends = (x[0] + x[2]) * 0.5f, middle = x[1] * 0.5f;
    y[0] = x[0];
    y[1] = ends + middle;
    y[2] = ends - middle;
    y[3] = x[2];
}

/* Tap `tap` of `num` output channels that lie `pitch` apart. */
static INLINED floatv load_lanes(global const FROM *src, int num, int pitch)
{
    float lanes[LANES];
    for (int i = 0; i < LANES; i++)
        lanes[i] = i < num ? READ(src + i * pitch) : 0.0f;
    return LOADV(lanes);
}

static INLINED void transform_filter(global const FROM *src, global TO *dst, int num, int inner)
{
    floatv columns[3][4];
#pragma unroll
    for (int x = 0; x < 3; x++) {
        floatv column[3];
#pragma unroll
        for (int y = 0; y < 3; y++)
            column[y] = load_lanes(src + y * 3 + x, num, inner * 9);
        transform(column, columns[x]);
    }
#pragma unroll
    for (int y = 0; y < 4; y++) {
        const floatv row[3] = {columns[0][y], columns[1][y], columns[2][y]};
        floatv out[4];
        transform(row, out);
#pragma unroll
        for (int x = 0; x < 4; x++)
            WRITE16(out[x], dst + (y * 4 + x) * inner * LANES);
    }
}

kernel void reorder_winograd(global const FROM *src, global TO *dst, int channels, int inner,
                             int chunk)
{
    const int first = (int)get_global_id(0) * chunk, block = (int)get_global_id(1);
    for (int i = first; i < min(first + chunk, inner); i++)
        transform_filter(src + ((long)block * LANES * inner + i) * 9,
                         dst + ((long)block * 16 * inner + i) * LANES,
                         min(LANES, channels - block * LANES), inner);
}
