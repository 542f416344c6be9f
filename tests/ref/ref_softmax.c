/* ref_softmax.c -- the definitions, a line at a time. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

static void line(const kerf_node *n, const double *a, const double *b, double *dst, int64_t k,
                 int64_t stride)
{
    const int is_log = strstr(n->op, "Log") != NULL;
    double top = -INFINITY, sum = 0;
    if (b != NULL) { /* gradient: a is the result, b what arrives */
        for (int64_t i = 0; i < k * stride; i += stride)
            sum += is_log ? b[i] : a[i] * b[i];
        for (int64_t i = 0; i < k * stride; i += stride)
            dst[i] = is_log ? b[i] - exp(a[i]) * sum : a[i] * (b[i] - sum);
        return;
    }
    for (int64_t i = 0; i < k * stride; i += stride)
        top = fmax(top, a[i]);
    for (int64_t i = 0; i < k * stride; i += stride)
        sum += exp(a[i] - top);
    for (int64_t i = 0; i < k * stride; i += stride)
        dst[i] = is_log ? a[i] - top - log(sum) : exp(a[i] - top) / sum;
}

REF(softmax)
{
    const kerf_shape src = n->inputs[0]->shape;
    int64_t axis = kerf_node_int(n, "axis", -1), outer = 1, inner = 1;
    if (axis < 0)
        axis += src.rank;
    for (int i = 0; i < src.rank; i++) {
        outer *= i < axis ? src.dims[i] : 1;
        inner *= i > axis ? src.dims[i] : 1;
    }
    const int64_t k = src.dims[axis];
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            const int64_t at = o * k * inner + i;
            line(n, inputs[0] + at, n->num_inputs == 2 ? inputs[1] + at : NULL, outputs[0] + at, k,
                 inner);
        }
}
