/* The same with the barrier, and nothing wrong with it: what the gates must let pass. */
kernel void sound(global int *dst)
{
    local int tile[256];
    const int item = (int)get_local_id(0), n = (int)get_local_size(0);
    tile[item] = dst[get_global_id(0)];
    barrier(CLK_LOCAL_MEM_FENCE);
    dst[get_global_id(0)] = tile[n - 1 - item];
}

/* A compiler makes a dot product of this by itself, where there is one. */
kernel void product_s8s8(global const char4 *a, global const char4 *b, global int *dst)
{
    const int item = (int)get_global_id(0);
    const int4 product = convert_int4(a[item]) * convert_int4(b[item]);
    dst[item] += product.x + product.y + product.z + product.w;
}
