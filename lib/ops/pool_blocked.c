/* ops/pool_blocked.c -- pooling of values in blocks of 16 channels (layout_common.h), on CPU
 * devices: launches of kernels/pool_blocked.cl.  Of bytes: pool_bytes.c. */
#include "ops/pool_common.h"

#include <stdio.h>

extern const kerf__source kerf__source_pool_blocked;

/* Iterations that a row of windows takes, of their result or of their gradient. */
static size_t row_cost(const kerf__pool *p)
{
    const size_t taps = kerf__window_taps(&p->window);
    return (size_t)p->window.axes[2].dst * (2 * taps + 1) + (size_t)p->window.axes[2].src;
}

/* Windows over a row of the source, each whole. */
static size_t grad_row_cost(const kerf__pool *p)
{
    const kerf__window_axis *y = &p->window.axes[1];
    return ((size_t)(y->kernel - 1) * (size_t)y->dilation / (size_t)y->stride + 1) * row_cost(p);
}

int kerf__pool_can_block(const kerf__pool *p)
{
    return p->window.axes[0].src == 1 && p->window.axes[0].kernel == 1 &&
           kerf__window_taps(&p->window) < KERF__MOST_ITERATIONS &&
           grad_row_cost(p) <= KERF__MOST_ITERATIONS / 2;
}

int kerf__pool_fits_blocked(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    return kerf__fits_31_bits(c) && p.lanes > 1 && p.type == KERF_F32;
}

/* Windows that loops are unrolled for. */
static const struct known {
    int kernel, stride;
    const char *options;
} KNOWN[] = {
    {2, 2, "-DKERNEL=2 -DSTRIDE=2"},
    {3, 1, "-DKERNEL=3 -DSTRIDE=1"},
    {3, 2, "-DKERNEL=3 -DSTRIDE=2"},
};

static int axis_is(const kerf__window_axis *a, const struct known *k)
{
    return a->kernel == k->kernel && a->stride == k->stride && a->dilation == 1;
}

const char *kerf__pool_window_options(const kerf__pool *p)
{
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++)
        if (p->kind != KERF__POOL_POWER && axis_is(&p->window.axes[1], &KNOWN[i]) &&
            axis_is(&p->window.axes[2], &KNOWN[i]))
            return KNOWN[i].options;
    return "-DKERNEL=0 -DSTRIDE=0";
}

static kerf_status emit(const kerf__op_case *c, const kerf__pool *p, const char *entry,
                        kerf__arg *args, int at, size_t items)
{
    char options[64];
    snprintf(options, sizeof options, "%s %s", kerf__pool_options(p->kind),
             kerf__pool_window_options(p));
    return kerf__emit(c, &kerf__source_pool_blocked, entry, options, args,
                      kerf__window_args(&p->window, 2, args, at), kerf__grid_wide(items, 1, 1));
}

kerf_status kerf__pool_build_blocked(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    const size_t all = p.planes * (size_t)p.window.axes[1].dst;
    const size_t rows = kerf__pieces_an_item(c, all, row_cost(&p), 256 / row_cost(&p) + 1);
    kerf__arg args[24] = {
        ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)),    ARG(p.p),
        ARG(p.with_pads),    ARG((unsigned)p.planes), ARG((unsigned)rows),
    };
    return emit(c, &p, "pool_blocked", args, 6, kerf__ceil_div(all, rows));
}

kerf_status kerf__pool_build_max_grad_blocked(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    size_t bands;
    const size_t rows = kerf__pool_bands(c, &p, grad_row_cost(&p), &bands);
    kerf__arg args[24] = {
        ARG(kerf__in(c, 0)),     ARG(kerf__in(c, 1)),  ARG(kerf__out(c, 0)),
        ARG((unsigned)p.planes), ARG((unsigned)bands), ARG((unsigned)rows),
    };
    return emit(c, &p, "max_pool_grad_blocked", args, 6, p.planes * bands);
}

kerf_status kerf__pool_build_average_grad_blocked(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    const size_t all = p.planes * (size_t)p.window.axes[1].src;
    const size_t rows =
        kerf__pieces_an_item(c, all, grad_row_cost(&p), 256 / grad_row_cost(&p) + 1);
    kerf__arg args[24] = {
        ARG(kerf__in(c, 0)),     ARG(kerf__out(c, 0)), ARG(p.with_pads),
        ARG((unsigned)p.planes), ARG((unsigned)rows),
    };
    return emit(c, &p, "average_pool_grad_blocked", args, 5, kerf__ceil_div(all, rows));
}
