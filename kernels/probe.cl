/* probe.cl -- what a driver and a device can do, and how fast; host halves lib/device/trial.c
 * (right or wrong) and lib/device/measure.c with measure_*.c (how fast).
 *
 * Each feature's kernel stands behind a macro of its own: a compiler that does not know the
 * feature refuses that trial alone.  The kernels assume whole groups. */
#include "dot.clh"

/* Every item reads what another one wrote before the barrier. */
kernel void probe_group(global uint *dst, uint n, local uint *tile)
{
    const uint i = (uint)get_local_id(0);
    tile[i] = (uint)get_global_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    dst[get_global_id(0)] = tile[n - 1u - i];
}

/* All of the local memory: each item writes every n-th word and adds up what its mirror wrote. */
kernel void probe_local(global uint *dst, uint words, local uint *tile)
{
    const uint i = (uint)get_local_id(0), n = (uint)get_local_size(0);
    uint sum = 0u;
    for (uint j = i; j < words; j += n)
        tile[j] = j * 2654435761u + (uint)get_group_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint j = i; j < words; j += n)
        sum = sum * 3u + tile[words - 1u - j];
    dst[get_global_id(0)] = sum;
}

/* A launch of several that are joined: reads what other items of the one before wrote. */
kernel void probe_join(global const uint *src, global uint *dst, uint n, local uint *scratch)
{
    const uint i = (uint)get_global_id(0), items = (uint)get_global_size(0);
    for (uint j = i; j < n; j += items)
        scratch[j / items] = src[(j * 7u + 3u) % n];
    for (uint j = i; j < n; j += items)
        dst[j] = scratch[j / items] * 3u + j;
}

kernel void probe_divide(global const float *x, global const float *y, global float *dst)
{
    const int i = (int)get_global_id(0);
    dst[i] = x[i] / y[i];
}

#ifdef PROBE_F16
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
/* Whole numbers from 2048 on are a step of 2 apart: the sum has to round to even. */
kernel void probe_f16(global const float *x, global float *dst)
{
    const int i = (int)get_global_id(0);
    const half a = (half)x[i];
    dst[2 * i] = (float)(a * (half)8);
    dst[2 * i + 1] = (float)(a + (half)2048);
}
#endif

#ifdef PROBE_F64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
/* 1 + x / 2^40 is exact in double and is 1 in float. */
kernel void probe_f64(global const float *x, global float *dst)
{
    const int i = (int)get_global_id(0);
    const double step = 1.0 / 1099511627776.0;
    dst[i] = (float)(((1.0 + (double)x[i] * step) - 1.0) / step);
}
#endif

#ifdef PROBE_SUB_GROUPS
#ifdef cl_khr_subgroups
#pragma OPENCL EXTENSION cl_khr_subgroups : enable
#endif
#ifdef cl_intel_subgroups
#pragma OPENCL EXTENSION cl_intel_subgroups : enable
#endif
/* Groups are larger than any sub-group, else a reduction over 8 lanes passes for one. */
kernel void probe_sub_groups(global uint *dst)
{
    const uint i = (uint)get_global_id(0);
    dst[3u * i] = get_sub_group_id();
    dst[3u * i + 1u] = get_sub_group_size();
    dst[3u * i + 2u] = sub_group_reduce_add((uint)get_local_id(0) + 1u);
}
#endif

#ifdef PROBE_DOT
#if DOT_HAS_SS
kernel void probe_dot_ss(global const dotword *a, global const dotword *b, global dotv *dst)
{
    const size_t i = get_global_id(0);
    dst[i] = dot_ss(a[i], b[i], (dotv)((int)i));
}
#endif
#if DOT_HAS_US
kernel void probe_dot_us(global const dotword *a, global const dotword *b, global dotv *dst)
{
    const size_t i = get_global_id(0);
    dst[i] = dot_us(a[i], b[i], (dotv)((int)i));
}
#endif
#endif

/* ---- how fast ------------------------------------------------------------------------------ */

/* Launched for its own cost. */
kernel void probe_nothing(global int *dst, int value)
{
    if (value != 0)
        dst[0] = value;
}

/* One vector an item; whole groups. */
kernel void probe_copy(global const float *src, global float *dst)
{
    const size_t i = get_global_id(0);
    vstore16(vload16(i, src), i, dst);
}

#ifdef PROBE_STREAM
/* Stores that pass the caches by. */
kernel void probe_copy_stream(global const float16 *src, global float16 *dst)
{
    const size_t i = get_global_id(0);
    __builtin_nontemporal_store(src[i], &dst[i]);
}
#endif

#ifdef PROBE_VECTOR
#ifdef PROBE_HALF
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#endif
#ifndef PROBE_CHAINS /* independent sums an item: enough to hide the unit's latency */
#define PROBE_CHAINS 4
#endif
/* Each chain ends at start + rounds for b = c = 1, which is exact below 2^24.  The compiler
 * does not know b and c and so has to do all the work. */
kernel void probe_multiply_add(global PROBE_VECTOR *dst, int rounds, float b, float c)
{
    PROBE_VECTOR a[PROBE_CHAINS], total;
    const PROBE_VECTOR factor = (PROBE_VECTOR)(b), summand = (PROBE_VECTOR)(c);
#pragma unroll
    for (int i = 0; i < PROBE_CHAINS; i++)
        a[i] = (PROBE_VECTOR)(i);
    for (int r = 0; r < rounds; r++) {
#pragma unroll
        for (int i = 0; i < PROBE_CHAINS; i++)
            a[i] = PROBE_MULTIPLY_ADD(a[i], factor, summand);
    }
    total = a[0];
#pragma unroll
    for (int i = 1; i < PROBE_CHAINS; i++)
        total += a[i] - a[0];
    dst[get_global_id(0)] = total;
}
#endif

#ifdef PROBE_DOT_RATE /* dot_ss or dot_us */
#ifndef PROBE_CHAINS
#define PROBE_CHAINS 4
#endif
#ifndef PROBE_SHARED /* chains of a group, which multiply the same word */
#define PROBE_SHARED 1
#endif
/* What chains multiply is what the sum of the next group's first was: nothing can be taken out of
 * the loop, no sum waits for one of the same round but the last group, and the host follows them
 * exactly.  In a group each has a factor of its own, so what a form does with a word beforehand
 * counts once, as in a tile. */
kernel void probe_dot_rate(global dotv *dst, int rounds, uint factor)
{
    dotv a[PROBE_CHAINS], total = (dotv)(0);
    dotword b[PROBE_SHARED];
#pragma unroll
    for (int i = 0; i < PROBE_SHARED; i++)
        b[i] = (dotword)(rotate(factor, 8u * (uint)i));
#pragma unroll
    for (int i = 0; i < PROBE_CHAINS; i++)
        a[i] = (dotv)(0x01234567 * (i + 1));
    for (int r = 0; r < rounds; r++) {
#pragma unroll
        for (int i = 0; i < PROBE_CHAINS; i++)
            a[i] =
                PROBE_DOT_RATE(DOT_AS_WORD(a[(i / PROBE_SHARED + 1) * PROBE_SHARED % PROBE_CHAINS]),
                               b[i % PROBE_SHARED], a[i]);
    }
#pragma unroll
    for (int i = 0; i < PROBE_CHAINS; i++)
        total ^= a[i];
    dst[get_global_id(0)] = total;
}
#endif
