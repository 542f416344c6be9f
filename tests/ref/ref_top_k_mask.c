/* ref_top_k_mask.c -- by sorting: masked ones first, then by |score|, NaN last, then by
 * tensor and element. */
#include "ref/ref.h"

#include <math.h>
#include <stdlib.h>

typedef struct weight {
    double key; /* -1: masked already; NaN is above infinity */
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

REF(top_k_mask)
{
    const int num_tensors = (n->num_inputs - 1) / 2;
    size_t num = 0;
    for (int t = 0; t < num_tensors; t++)
        num += (size_t)kerf_shape_num_elements(n->inputs[1 + 2 * t]->shape);
    weight *all = calloc(num + 1, sizeof *all);
    size_t at = 0;
    for (int t = 0; t < num_tensors; t++)
        for (int64_t i = 0; i < kerf_shape_num_elements(n->inputs[1 + 2 * t]->shape); i++, at++) {
            const int alive = inputs[2 + 2 * t][i] != 0;
            const double score = fabs(inputs[1 + 2 * t][i]);
            all[at] = (weight){alive ? score : -1, alive && isnan(score), at, &outputs[t][i]};
        }
    qsort(all, num, sizeof *all, compare);
    double threshold = NAN;
    for (size_t i = 0; i < num; i++) {
        const int goes = (double)i < inputs[0][0];
        *all[i].mask = !goes && all[i].key != -1;
        if (goes && all[i].key != -1)
            threshold = all[i].key;
    }
    outputs[num_tensors][0] = threshold;
    free(all);
}
