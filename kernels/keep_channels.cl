/* keep_channels.cl -- which channels a gate keeps, and the weights of those alone.
 *
 *     top_channels   an item has `chunk` channels of (n, c): each channel's rank is the number of
 *                    those before it, so no item waits for another; a place is counted in (n, c)
 *     keep_channels  the same, but what it writes is the saliency of what is kept, and 0
 *     take_filters   an item has `chunk` filters of (samples * outs, ins), each `taps` long, one
 *                    behind the other (SIMT: one element)
 *
 * In top_channels saliencies are compared as integers of the same order, in which a NaN is largest
 * and -0 below 0; of equal ones the first is before.  So ranks are 0 to c - 1, each once, and every
 * place is written.  In keep_channels they are compared as floats, so equal ones have one rank.
 * Places outside are taken as the last: what is read is always there.
 *
 * -DOUT=1: outputs are chosen, and weights scaled by their saliency; -DIN=1: inputs are chosen.
 *
 * Limit: comparisons, c of them a channel, and a filter's short copies.  In a network, launch of 6
 * us included: 256 of 512 channels take 30 us, 64 x 64 filters of 3x3 out of 128 x 128 24 us; with
 * two divisions for each filter 256 x 256 took 240 (`kerf bench`, two cores of Zen 5, PoCL).  Host
 * side: lib/ops/keep_channels.c. */
#ifndef WIDE
#define WIDE 1
#endif
#ifndef OUT
#define OUT 1
#endif
#ifndef IN
#define IN 1
#endif

static inline int key_of(float x)
{
    const int bits = as_int(x), magnitude = bits & 0x7fffffff;
    const int key = bits < 0 ? -1 - magnitude : magnitude;
    return magnitude > 0x7f800000 ? 0x7fffffff : key;
}

static inline uint rank_of(global const float *x, uint c, uint own)
{
    const int key = key_of(x[own]);
    uint rank = 0;
    for (uint i = 0; i < own; i++)
        rank += key_of(x[i]) >= key;
    for (uint i = own + 1; i < c; i++)
        rank += key_of(x[i]) > key;
    return rank;
}

kernel void top_channels(global const float *saliency, global int *places, global float *kept,
                         uint c, uint k, uint num, uint chunk)
{
    const uint begin = (uint)get_global_id(0) * chunk, end = min(begin + chunk, num);
    for (uint i = begin; i < end; i++) {
        const uint line = i / c, own = i % c;
        const uint rank = rank_of(saliency + line * c, c, own);
        if (rank < k) {
            places[line * k + rank] = (int)i;
            kept[line * k + rank] = saliency[i];
        }
    }
}

kernel void keep_channels(global const float *saliency, global float *dst, uint c, uint k, uint num,
                          uint chunk)
{
    const uint begin = (uint)get_global_id(0) * chunk, end = min(begin + chunk, num);
    for (uint i = begin; i < end; i++) {
        global const float *line = saliency + i / c * c;
        const float own = saliency[i];
        uint above = 0;
        for (uint other = 0; other < c; other++)
            above += line[other] > own;
        dst[i] = above < k ? own : 0;
    }
}

/* The channel at a place of this sample, that is there. */
static inline uint channel_at(int place, uint sample, uint all)
{
    return min((uint)place - sample * all, all - 1);
}

#if WIDE
/* Filters of one output, from that of input `i` on. */
static inline void take_row(global const float *row, global const int *in_places, global float *dst,
                            float by, uint i, uint end, uint sample, uint all_ins, uint taps)
{
    for (; i < end; i++) {
        global const float *from =
            row + (IN ? channel_at(in_places[i], sample, all_ins) : i) * taps;
        for (uint t = 0; t < taps; t++)
            dst[t] = from[t] * by;
        dst += taps;
    }
}

kernel void take_filters(global const float *weights, global const int *out_places,
                         global const int *in_places, global const float *scale, global float *dst,
                         uint all_outs, uint all_ins, uint outs, uint ins, uint taps, uint num,
                         uint chunk)
{
    uint f = min((uint)get_global_id(0) * chunk, num);
    const uint end = min(f + chunk, num);
    for (uint o = f / ins, i = f % ins; f < end; o++, i = 0) {
        const uint num_here = min(ins - i, end - f), sample = o / outs;
        const uint from = OUT ? channel_at(out_places[o], sample, all_outs) : o - sample * outs;
        global const float *row = weights + from * all_ins * taps;
        global const int *at = in_places + (IN ? sample * ins : 0);
        const float by = OUT ? scale[o] : 1;
        if (taps == 9)
            take_row(row, at, dst + f * 9, by, i, i + num_here, sample, all_ins, 9);
        else
            take_row(row, at, dst + f * taps, by, i, i + num_here, sample, all_ins, taps);
        f += num_here;
    }
}
#else
kernel void take_filters(global const float *weights, global const int *out_places,
                         global const int *in_places, global const float *scale, global float *dst,
                         uint all_outs, uint all_ins, uint outs, uint ins, uint taps, uint num,
                         uint chunk)
{
    const uint i = get_global_id(0), f = i / taps, o = f / ins, sample = o / outs;
    if (i >= num)
        return;
    const uint out = OUT ? channel_at(out_places[o], sample, all_outs) : o - sample * outs;
    const uint in = IN ? channel_at(in_places[sample * ins + f % ins], sample, all_ins) : f % ins;
    dst[i] = weights[(out * all_ins + in) * taps + i % taps] * (OUT ? scale[o] : 1);
}
#endif
