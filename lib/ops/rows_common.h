/* ops/rows_common.h -- launches over rows for losses and metrics: an item of a wide launch
 * has several whole rows, one of a SIMT launch has one.  Kernels: kernels/rows.clh. */
#ifndef KERF_OPS_ROWS_COMMON_H
#define KERF_OPS_ROWS_COMMON_H

#include "ops/shape_common.h"

typedef struct kerf__rows {
    size_t m, k;      /* rows, elements a row */
    unsigned an_item; /* rows an item takes */
    kerf__grid grid;
    const char *options;
} kerf__rows;

/* The last dimension is k, all before it m. */
static inline kerf__rows kerf__rows_of(const kerf__op_case *c, const kerf_value *v)
{
    const int wide = kerf__is_wide(c);
    kerf__rows r = {.m = 1, .k = 1};
    for (int i = 0; i < v->shape.rank; i++)
        *(i + 1 < v->shape.rank ? &r.m : &r.k) *= (size_t)v->shape.dims[i];
    const size_t vectors = r.k / 16 + 1;
    r.an_item = wide ? (unsigned)kerf__pieces_an_item(c, r.m, 4 * vectors, 64 / vectors + 1) : 1;
    r.grid = wide ? kerf__grid_wide(kerf__ceil_div(r.m, r.an_item), 1, 1) : kerf__grid_items(r.m);
    r.options = wide ? "-DV=16 -DGROUP=1" : "-DV=1 -DGROUP=64";
    return r;
}

/* The gradient rule of a loss whose second output is the gradient of its first one by input 0
 * (gradient_common.c). */
kerf_status kerf__gradient_by_second(kerf__gradients *grads, kerf_node *n);

/* One group that puts row sums together. */
static inline kerf__grid kerf__rows_join(const kerf__op_case *c)
{
    return (kerf__grid){1, {1, 1, 1}, {kerf__is_wide(c) ? 1 : 64, 1, 1}};
}

/* The loss itself: `scale` times the sum of what `num` rows left in scratch, by the source's kernel
 * mean_rows (kernels/mean.clh). */
static inline kerf_status kerf__rows_mean(const kerf__op_case *c, const kerf__source *source,
                                          const char *options, float scale, size_t num)
{
    return kerf__emit(
        c, source, "mean_rows", options,
        KERF__ARGS(ARG(c->scratch), ARG(kerf__out(c, 0)), ARG(scale), ARG((unsigned)num)),
        kerf__rows_join(c));
}

#endif
