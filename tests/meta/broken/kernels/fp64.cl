/* Broken on purpose: needs double precision, which the floor does not have. */
__kernel void widen(__global const float *src, __global double *dst)
{
    dst[get_global_id(0)] = src[get_global_id(0)];
}
