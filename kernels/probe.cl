/* probe.cl -- what a driver and a device can do, and how fast; host halves lib/device/trial.c
 * (right or wrong) and lib/device/measure.c (how fast).
 *
 * Each feature's kernel stands behind a macro of its own: a compiler that does not know the
 * feature refuses that trial alone.  The kernels assume whole groups. */

/* Every item reads what another one wrote before the barrier. */
kernel void probe_group(global uint *dst, local uint *tile)
{
    const uint i = (uint)get_local_id(0), n = (uint)get_local_size(0);
    tile[i] = (uint)get_global_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    dst[get_global_id(0)] = tile[n - 1u - i];
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

#ifdef PROBE_DOT_KHR
kernel void probe_dot_khr(global const uint *a, global const uint *b, global int *dst)
{
    const int i = (int)get_global_id(0);
    dst[2 * i] = dot_acc_sat_4x8packed_ss_int(a[i], b[i], i);
    dst[2 * i + 1] = dot_acc_sat_4x8packed_us_int(a[i], b[i], i);
}
#endif

#ifdef PROBE_DOT_X86
/* a has unsigned bytes, b signed ones. */
kernel void probe_dot_x86(global const int *a, global const int *b, global int *dst)
{
    const size_t i = get_global_id(0);
    const int16 x = vload16(i, a), y = vload16(i, b);
    int16 sum = (int16)((int)i);
    __asm__("vpdpbusd %2,%1,%0" : "+v"(sum) : "v"(x), "v"(y));
    vstore16(sum, i, dst);
}
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

#ifdef PROBE_DOT_X86
/* The same of four byte products each; with bytes of 1 a round adds 4. */
kernel void probe_multiply_add_x86(global int16 *dst, int rounds, int ones)
{
    int16 a[12], total;
    const int16 x = (int16)(ones);
#pragma unroll
    for (int i = 0; i < 12; i++)
        a[i] = (int16)(i);
    for (int r = 0; r < rounds; r++) {
#pragma unroll
        for (int i = 0; i < 12; i++)
            __asm__("vpdpbusd %1,%1,%0" : "+v"(a[i]) : "v"(x));
    }
    total = a[0];
#pragma unroll
    for (int i = 1; i < 12; i++)
        total += a[i] - a[0];
    dst[get_global_id(0)] = total;
}
#endif
