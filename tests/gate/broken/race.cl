/* Neighbours in a group change places without a barrier. */
kernel void race(global int *dst)
{
    local int tile[256];
    const int item = (int)get_local_id(0), n = (int)get_local_size(0);
    tile[item] = dst[get_global_id(0)];
    dst[get_global_id(0)] = tile[n - 1 - item];
}
