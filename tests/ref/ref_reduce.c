/* ref_reduce.c -- every element goes to the output it belongs to. */
#include "ref/ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 1 if dimension i is among the axes (none given: all are). */
static int is_reduced(const kerf_node *n, int i)
{
    size_t num = 0;
    const int64_t *axes = kerf_node_ints(n, "axes", &num);
    const int rank = n->inputs[0]->shape.rank;
    if (n->num_inputs > 1) {
        axes = n->inputs[1]->constant != NULL ? kerf_tensor_data(n->inputs[1]->constant) : NULL;
        num = kerf_tensor_num_elements(n->inputs[1]->constant);
    }
    for (size_t k = 0; k < num; k++)
        if (axes[k] == i || axes[k] + rank == i)
            return 1;
    return num == 0;
}

static int64_t target(const kerf_node *n, int64_t i)
{
    const kerf_shape src = n->inputs[0]->shape;
    int64_t at = 0, stride = 1;
    for (int k = src.rank - 1; k >= 0; k--) {
        int64_t here = i % src.dims[k];
        i /= src.dims[k];
        if (is_reduced(n, k))
            continue;
        at += here * stride;
        stride *= src.dims[k];
    }
    return at;
}

static void std_dev(const double *x, int64_t num, double *dst)
{
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < num; i++)
        mean += x[i] / (double)num;
    for (int64_t i = 0; i < num; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    *dst = sqrt(squares / (double)num);
}

REF(reduce)
{
    const int64_t num = kerf_shape_num_elements(n->inputs[0]->shape);
    const int64_t num_dst = kerf_shape_num_elements(n->outputs[0]->shape);
    const double *x = inputs[0];
    double *dst = outputs[0];
    const int is_max = strcmp(n->op, "ReduceMax") == 0, is_min = strcmp(n->op, "ReduceMin") == 0;
    if (strcmp(n->op, "kerf.StdDev") == 0) {
        std_dev(x, num, dst);
        return;
    }
    for (int64_t i = 0; i < num_dst; i++)
        dst[i] = is_max ? -INFINITY : is_min ? INFINITY : 0;
    for (int64_t i = 0; i < num; i++) {
        double *to = strcmp(n->op, "kerf.CountNonzero") == 0 ? dst : dst + target(n, i);
        if (is_max)
            *to = fmax(*to, x[i]);
        else if (is_min)
            *to = fmin(*to, x[i]);
        else if (strcmp(n->op, "ReduceL2") == 0)
            *to += x[i] * x[i];
        else if (strcmp(n->op, "kerf.CountNonzero") == 0)
            *to += x[i] != 0;
        else
            *to += x[i];
    }
    for (int64_t i = 0; i < num_dst; i++) {
        if (strcmp(n->op, "ReduceMean") == 0)
            dst[i] *= (double)num_dst / (double)num;
        if (strcmp(n->op, "ReduceL2") == 0)
            dst[i] = sqrt(dst[i]);
    }
}
