/* ref_top_k_mask.c -- by sorting: masked ones first, then by |score|, NaN last, then by
 * tensor and element. */
#include "ref/ref.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct weight {
    double key; /* -INFINITY: masked already; NaN is above infinity */
    int is_nan;
    size_t order;
    double *mask;
} weight;

static int compare(const void *a, const void *b)
{
    const weight *x = a, *y = b;
    if (x->is_nan != y->is_nan)
        return x->is_nan - y->is_nan;
    if (!x->is_nan && x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/* With a sign the last bit of a float does not count; -infinity is what is masked here. */
static double to_31_bits(double x)
{
    float f = (float)x;
    uint32_t bits;
    if (isnan(x))
        return x;
    memcpy(&bits, &f, sizeof bits);
    bits = bits >> 31 != 0 ? bits | 1u : bits & ~1u;
    memcpy(&f, &bits, sizeof f);
    return isinf(x) ? copysign((double)FLT_MAX, x) : (double)f;
}

REF(top_k_mask)
{
    const int num_tensors = (n->num_inputs - 1) / 2;
    size_t num = 0;
    for (int t = 0; t < num_tensors; t++)
        num += (size_t)kerf_shape_num_elements(n->inputs[1 + 2 * t]->shape);
    const int is_signed = kerf_node_int(n, "signed", 0) != 0;
    weight *all = calloc(num + 1, sizeof *all);
    size_t at = 0;
    for (int t = 0; t < num_tensors; t++)
        for (int64_t i = 0; i < kerf_shape_num_elements(n->inputs[1 + 2 * t]->shape); i++, at++) {
            const int alive = inputs[2 + 2 * t][i] != 0;
            const double x = inputs[1 + 2 * t][i], score = is_signed ? to_31_bits(x) : fabs(x);
            all[at] =
                (weight){alive ? score : -INFINITY, alive && isnan(score), at, &outputs[t][i]};
        }
    qsort(all, num, sizeof *all, compare);
    double threshold = NAN;
    for (size_t i = 0; i < num; i++) {
        const int goes = (double)i < inputs[0][0];
        *all[i].mask = !goes && all[i].key != -INFINITY;
        if (goes && all[i].key != -INFINITY)
            threshold = all[i].key;
    }
    outputs[num_tensors][0] = threshold;
    free(all);
}
