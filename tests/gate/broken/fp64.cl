/* Needs an extension. */
kernel void twice(global double *x)
{
    x[get_global_id(0)] *= 2;
}
