/* An array that no loop is unrolled for lands in scratch, without a spill and without a
 * warning. */
kernel void spilled(global const float *src, global float *dst, int n)
{
    float acc[256];
    const int item = (int)get_global_id(0);
#pragma unroll 1
    for (int i = 0; i < 256; i++)
        acc[i] = src[item + i];
#pragma unroll 1
    for (int i = 0; i < n; i++)
        acc[(i * item) % 256] += acc[(i * 7 + item) % 256];
    dst[item] = acc[n % 256];
}

/* More numbers alive than there are registers. */
kernel void too_many(global const float16 *src, global float16 *dst, int n)
{
    float16 acc[32];
    const int item = (int)get_global_id(0);
#pragma unroll
    for (int i = 0; i < 32; i++)
        acc[i] = src[item + i];
    for (int k = 0; k < n; k++) {
        const float16 x = src[k * item];
#pragma unroll
        for (int i = 0; i < 32; i++)
            acc[i] = fma(acc[i], x, acc[(i + 1) % 32]);
    }
#pragma unroll
    for (int i = 0; i < 32; i++)
        dst[item * 32 + i] = acc[i];
}
