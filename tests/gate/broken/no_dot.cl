/* An integer kernel by its name, but its products are of shorts: nothing fuses them. */
kernel void product_s8s8(global const char4 *a, global const char4 *b, global int *dst)
{
    const int item = (int)get_global_id(0);
    const short4 x = convert_short4(a[item]) + (short4)(1),
                 y = convert_short4(b[item]) + (short4)(1);
    const int4 product = convert_int4(x) * convert_int4(y);
    dst[item] = product.x + product.y + product.z + product.w;
}
