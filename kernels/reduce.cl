/* reduce.cl -- reductions along any axes, and the number of non-zeros.
 *
 * Most axes are rows, columns or planes: reduce_lines.cl.  What is here is for the others,
 * and reads as the axes lie.  The order of additions depends on shapes and device only.
 *
 * Limit: reading with strides.  Host side: lib/ops/reduce.c. */
#include "reduce.clh"

/* Any axes: the kept dimensions d and the reduced ones e, innermost first, with strides.
 * Item by item through the outputs; dst holds the centers of a formula that has them. */
kernel void reduce_any(global const float *src, global float *dst, float scale, uint num,
                       uint chunk, uint d0, uint d1, uint d2, uint d3, uint ds0, uint ds1, uint ds2,
                       uint ds3, uint e0, uint e1, uint e2, uint e3, uint es0, uint es1, uint es2,
                       uint es3)
{
    (void)scale;
    const uint begin = min((uint)get_global_id(0) * chunk, num), end = min(begin + chunk, num);
    for (uint i = begin; i < end; i++) {
        const uint i1 = i / d0, i2 = i1 / d1, i3 = i2 / d2;
        global const float *at = src + i % d0 * ds0 + i1 % d1 * ds1 + i2 % d2 * ds2 + i3 % d3 * ds3;
        const float c = CENTRED ? dst[i] : 0.0f;
        float sum = START;
        for (uint j3 = 0; j3 < e3; j3++)
            for (uint j2 = 0; j2 < e2; j2++)
                for (uint j1 = 0; j1 < e1; j1++) {
                    global const float *from = at + j3 * es3 + j2 * es2 + j1 * es1;
                    float block = START;
                    if (es0 == 1)
                        block = row(from, e0, c);
                    else
                        for (uint j0 = 0; j0 < e0; j0++) {
                            const float x = from[j0 * es0];
                            block = TAKE(float, block, x, c);
                        }
                    sum = JOIN(float, sum, block);
                }
        dst[i] = FINISH(float, sum, scale, c);
    }
}

/* How many bytes are not 0, by parts, then together. */
kernel void count_part(global const uchar *src, global int *part, uint num, uint chunk)
{
    const uint begin = min((uint)get_global_id(0) * chunk, num), end = min(begin + chunk, num);
    uint i = begin;
    int total = 0;
#if V > 1
    intv lanes = (intv)(0);
    for (; i + V <= end; i += V)
        lanes += min(LOADMASK(src + i), (intv)(1)); /* a comparison is 255 in oclgrind 21.10 */
    int at[V];
#if V == 4
    vstore4(lanes, 0, at);
#else
    vstore16(lanes, 0, at);
#endif
    for (int j = 0; j < V; j++)
        total += at[j];
#endif
    for (; i < end; i++)
        total += src[i] != 0;
    part[get_global_id(0)] = total;
}

kernel void count_join(global const int *part, global int *dst, uint parts)
{
    int total = 0;
    if (get_global_id(0) > 0)
        return;
    for (uint i = 0; i < parts; i++)
        total += part[i];
    dst[0] = total;
}
