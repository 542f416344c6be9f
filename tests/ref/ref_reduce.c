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
    return num == 0 && kerf_node_int(n, "noop_with_empty_axes", 0) == 0;
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

/* What a reduction starts from, adds and ends with. */
static double first(const char *op)
{
    if (strcmp(op, "ReduceMax") == 0)
        return -INFINITY;
    return strcmp(op, "ReduceMin") == 0 ? INFINITY : strcmp(op, "ReduceProd") == 0 ? 1 : 0;
}

static double take(const char *op, double a, double x, double largest)
{
    if (strcmp(op, "ReduceMax") == 0)
        return fmax(a, x);
    if (strcmp(op, "ReduceMin") == 0)
        return fmin(a, x);
    if (strcmp(op, "ReduceProd") == 0)
        return a * x;
    if (strcmp(op, "ReduceL1") == 0)
        return a + fabs(x);
    if (strcmp(op, "ReduceL2") == 0 || strcmp(op, "ReduceSumSquare") == 0)
        return a + x * x;
    if (strcmp(op, "ReduceLogSumExp") == 0)
        return a + exp(x - (isfinite(largest) ? largest : 0));
    return a + (strcmp(op, "kerf.CountNonzero") == 0 ? x != 0 : x);
}

static double last(const char *op, double a, double num, double largest)
{
    if (strcmp(op, "ReduceMean") == 0)
        return a / num;
    if (strcmp(op, "ReduceL2") == 0)
        return sqrt(a);
    if (strcmp(op, "ReduceLogSum") == 0)
        return log(a);
    return strcmp(op, "ReduceLogSumExp") == 0 ? log(a) + (isfinite(largest) ? largest : 0) : a;
}

static void take_largest(double *largest, double x)
{
    *largest = fmax(*largest, x);
}

REF(reduce)
{
    const int64_t num = kerf_shape_num_elements(n->inputs[0]->shape);
    const int64_t num_dst = kerf_shape_num_elements(n->outputs[0]->shape);
    const double *x = inputs[0];
    double *dst = outputs[0], *largest = calloc((size_t)num_dst + 1, sizeof *largest);
    const int whole = strcmp(n->op, "kerf.CountNonzero") == 0;
    for (int64_t i = 0; i < num_dst; i++)
        largest[i] = -INFINITY;
    for (int64_t i = 0; i < num && strcmp(n->op, "ReduceLogSumExp") == 0; i++)
        take_largest(largest + (whole ? 0 : target(n, i)), x[i]);
    for (int64_t i = 0; i < num_dst; i++)
        dst[i] = first(n->op);
    for (int64_t i = 0; i < num; i++) {
        const int64_t to = whole ? 0 : target(n, i);
        dst[to] = take(n->op, dst[to], x[i], largest[to]);
    }
    for (int64_t i = 0; i < num_dst; i++)
        dst[i] = last(n->op, dst[i], (double)num / (double)num_dst, largest[i]);
    if (strcmp(n->op, "kerf.StdDev") == 0)
        std_dev(x, num, dst);
    free(largest);
}
