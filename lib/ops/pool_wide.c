/* ops/pool_wide.c -- pooling for CPU devices: launches of kernels/pool_wide.cl. */
#include "ops/pool_common.h"

extern const kerf__source kerf__source_pool_wide;

enum { V = 16, LONGEST_LINE = 2048 /* three of them are local memory: 24 KiB */ };

static const kerf__window_axis *y_of(const kerf__pool *p)
{
    return &p->window.axes[1];
}

static const kerf__window_axis *x_of(const kerf__pool *p)
{
    return &p->window.axes[2];
}

static size_t vectors(int num)
{
    return kerf__ceil_div((size_t)num, V);
}

/* A row with the padding around it, as far as the last vector of windows reads. */
static size_t line_length(const kerf__pool *p)
{
    const kerf__window_axis *x = x_of(p);
    const size_t read =
        vectors(x->dst) * V * (size_t)x->stride + (size_t)(x->kernel - 1) * (size_t)x->dilation + V;
    const size_t written = (size_t)x->before + vectors(x->src) * V;
    return kerf__ceil_div(read > written ? read : written, V) * V;
}

/* Iterations that a row of windows takes. */
static size_t row_cost(const kerf__pool *p)
{
    return vectors(x_of(p)->src) * (size_t)(y_of(p)->kernel + 1) +
           vectors(x_of(p)->dst) * (size_t)(x_of(p)->kernel + 1);
}

/* Iterations that a row of a gradient takes; all windows over it are looked at. */
static size_t grad_row_cost(const kerf__pool *p)
{
    const kerf__window_axis *y = y_of(p), *x = x_of(p);
    const size_t reach = (size_t)(y->kernel - 1) * (size_t)y->dilation + 1;
    const size_t over = reach / (size_t)y->stride + 1;
    const size_t once = p->kind == KERF__POOL_MAX
                            ? row_cost(p) + (size_t)x->dst
                            : vectors(x->dst) + (size_t)x->kernel * (size_t)x->dst;
    return over * once + line_length(p) / V + vectors(x->src);
}

static int fits(const kerf__op_case *c, size_t (*cost)(const kerf__pool *))
{
    const kerf__pool p = kerf__pool_of(c->node);
    return kerf__fits_31_bits(c) && p.lanes == 1 && p.type == KERF_F32 &&
           p.window.axes[0].src == 1 && p.window.axes[0].kernel == 1 &&
           line_length(&p) <= LONGEST_LINE && cost(&p) <= KERF__MOST_ITERATIONS / 2;
}

int kerf__pool_fits_lines(const kerf__op_case *c)
{
    return c->node->num_outputs == 1 && fits(c, row_cost);
}

int kerf__pool_fits_grad_lines(const kerf__op_case *c)
{
    return fits(c, grad_row_cost);
}

static kerf_status emit(const kerf__op_case *c, const kerf__pool *p, const char *entry,
                        kerf__arg *args, int at, size_t items)
{
    return kerf__emit(c, &kerf__source_pool_wide, entry, kerf__pool_options(p->kind), args,
                      kerf__window_args(&p->window, 2, args, at), kerf__grid_wide(items, 1, 1));
}

kerf_status kerf__pool_build_lines(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    const size_t all = p.planes * (size_t)y_of(&p)->dst, length = line_length(&p);
    const size_t rows = kerf__pieces_an_item(c, all, row_cost(&p), 256 / row_cost(&p) + 1);
    kerf__arg args[24] = {
        ARG(kerf__in(c, 0)),
        ARG(kerf__out(c, 0)),
        kerf__arg_local(2 * length * sizeof(float)),
        ARG(p.p),
        ARG(p.with_pads),
        ARG((unsigned)p.planes),
        ARG((unsigned)rows),
        ARG((unsigned)length),
    };
    return emit(c, &p, "pool_lines", args, 8, kerf__ceil_div(all, rows));
}

size_t kerf__pool_bands(const kerf__op_case *c, const kerf__pool *p, size_t row_cost, size_t *bands)
{
    const size_t height = (size_t)y_of(p)->src;
    size_t rows =
        kerf__pieces_an_item(c, p->planes * height, row_cost, 4 * (size_t)y_of(p)->kernel);
    if (rows > height)
        rows = height;
    *bands = kerf__ceil_div(height, rows);
    return rows;
}

kerf_status kerf__pool_build_max_grad(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    size_t bands;
    const size_t length = line_length(&p);
    const size_t rows = kerf__pool_bands(c, &p, grad_row_cost(&p), &bands);
    kerf__arg args[24] = {
        ARG(kerf__in(c, 0)),     ARG(kerf__in(c, 1)),
        ARG(kerf__out(c, 0)),    kerf__arg_local(3 * length * sizeof(float)),
        ARG((unsigned)p.planes), ARG((unsigned)bands),
        ARG((unsigned)rows),     ARG((unsigned)length),
    };
    return emit(c, &p, "max_pool_grad_bands", args, 8, p.planes * bands);
}

kerf_status kerf__pool_build_average_grad(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    const size_t all = p.planes * (size_t)y_of(&p)->src, length = line_length(&p);
    const size_t rows =
        kerf__pieces_an_item(c, all, grad_row_cost(&p), 256 / grad_row_cost(&p) + 1);
    kerf__arg args[24] = {
        ARG(kerf__in(c, 0)),   ARG(kerf__out(c, 0)),    kerf__arg_local(3 * length * sizeof(float)),
        ARG(p.with_pads),      ARG((unsigned)p.planes), ARG((unsigned)rows),
        ARG((unsigned)length),
    };
    return emit(c, &p, "average_pool_grad_lines", args, 7, kerf__ceil_div(all, rows));
}

/* ---- whole planes -------------------------------------------------------------------------- */

int kerf__pool_fits_rows(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    return kerf__pool_is_plane(c, &p) && kerf__pool_src_plane(&p) / V < KERF__MOST_ITERATIONS;
}

kerf_status kerf__pool_build_rows(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    const size_t k = kerf__pool_src_plane(&p);
    const size_t rows = kerf__pieces_an_item(c, p.planes, k / V + 1, 4096 / k + 1);
    return kerf__emit(c, &kerf__source_pool_wide, "pool_rows", kerf__pool_options(p.kind),
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG(p.p),
                                 ARG((unsigned)p.planes), ARG((unsigned)k), ARG((unsigned)rows)),
                      kerf__grid_wide(kerf__ceil_div(p.planes, rows), 1, 1));
}
