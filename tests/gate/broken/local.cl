/* More local memory than the smallest device has. */
kernel void wants_local(global const float *src, global float *dst)
{
    local float tile[5000];
    const int item = (int)get_local_id(0);
    tile[item * 78] = src[item];
    barrier(CLK_LOCAL_MEM_FENCE);
    dst[item] = tile[(63 - item) * 78];
}
