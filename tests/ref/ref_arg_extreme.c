/* ref_arg_extreme.c -- element after element; a NaN is above and below all others. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

/* 1 if b is found rather than a, which stands before it. */
static int is_found(const kerf_node *n, double a, double b)
{
    const int last = kerf_node_int(n, "select_last_index", 0) != 0;
    if (isnan(a) || isnan(b))
        return isnan(b) && (last || !isnan(a));
    if (a == b)
        return last;
    return strcmp(n->op, "ArgMax") == 0 ? b > a : b < a;
}

REF(arg_extreme)
{
    const kerf_shape src = n->inputs[0]->shape;
    int64_t axis = kerf_node_int(n, "axis", 0), outer = 1, inner = 1;
    if (axis < 0)
        axis += src.rank;
    for (int i = 0; i < src.rank; i++) {
        outer *= i < axis ? src.dims[i] : 1;
        inner *= i > axis ? src.dims[i] : 1;
    }
    const int64_t k = src.dims[axis];
    for (int64_t line = 0; line < outer * inner; line++) {
        const double *x = inputs[0] + line / inner * k * inner + line % inner;
        int64_t place = 0;
        for (int64_t i = 1; i < k; i++)
            if (is_found(n, x[place * inner], x[i * inner]))
                place = i;
        outputs[0][line] = (double)place;
    }
}
