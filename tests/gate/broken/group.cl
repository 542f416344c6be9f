/* Takes groups of 256 and no others: a phone cannot run it. */
__attribute__((reqd_work_group_size(256, 1, 1))) kernel void wants_group(global int *dst)
{
    local int tile[256];
    const int item = (int)get_local_id(0);
    tile[item] = dst[get_global_id(0)];
    barrier(CLK_LOCAL_MEM_FENCE);
    dst[get_global_id(0)] = tile[255 - item];
}
