/* ops/panels_common.c -- see panels_common.h. */
#include "ops/panels_common.h"

#include <math.h>

#include "base/fail.h"
#include "device/quirks.h"
#include "ops/shape_common.h"

/* ---- shapes -------------------------------------------------------------------------------- */

kerf_status kerf__panels_check(const kerf_node *n)
{
    const int64_t bits = kerf_node_int(n, "bits", 0), columns = kerf_node_int(n, "columns", 0);
    const kerf_shape a = n->inputs[0]->shape;
    if (bits != 2 && bits != 4 && bits != 8)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "bits is %lld, must be 2, 4 or 8",
                               (long long)bits);
    if (columns <= 0 || columns > INT32_MAX)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "columns is %lld, must be in [1, 2^31)",
                               (long long)columns);
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_U8));
    if (a.rank < 1 || a.dims[a.rank - 1] < 1 || kerf__value_elements(n->inputs[0]) > INT32_MAX)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "%s must have rows of at least 1 and less than 2^31 elements",
                               n->inputs[0]->name);
    return KERF_OK;
}

kerf__panels kerf__panels_of(const kerf_node *n)
{
    const kerf_shape a = n->inputs[0]->shape;
    return (kerf__panels){.m = (int)kerf__shape_product(a, 0, a.rank - 1),
                          .n = (int)kerf_node_int(n, "columns", 0),
                          .k = (int)a.dims[a.rank - 1],
                          .bits = (int)kerf_node_int(n, "bits", 0)};
}

kerf_status kerf__panels_set_output(kerf_node *n, int bias)
{
    const kerf__panels p = kerf__panels_of(n);
    kerf_shape dst = n->inputs[0]->shape;
    if (kerf_node_input(n, bias) != NULL) {
        KERF__TRY(kerf__node_check_type(n, bias, KERF_F32));
        KERF__TRY(kerf__node_check_shape(n, bias, KERF_SHAPE(p.n)));
    }
    dst.dims[dst.rank - 1] = p.n;
    kerf__set_output(n, 0, KERF_F32, dst);
    return KERF_OK;
}

double kerf__panels_macs(const kerf_node *n)
{
    const kerf__panels p = kerf__panels_of(n);
    return (double)p.m * p.n * p.k;
}

/* ---- variants ------------------------------------------------------------------------------ */

int kerf__panels_fit_simt(const kerf__op_case *c)
{
    const kerf__panels p = kerf__panels_of(c->node);
    return kerf__fits_31_bits(c) && kerf__loop_fits(c, p.k / (KERF__PANEL_WORD_BITS / p.bits));
}

/* llvmpipe, which that quirk is of, takes vectors of 16 apart and compiles this for minutes. */
int kerf__panels_fit_wide(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) &&
           !kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS);
}

static double num_tiles(const kerf__op_case *c, const kerf__panels *p)
{
    const int *tile = c->option.candidate->parameters;
    return ceil((double)p->m / tile[KERF__PANEL_ROWS]) *
           ceil((double)p->n / (KERF__PANEL_COLUMNS * tile[KERF__PANEL_PANELS]));
}

/* A multiply-add a row beside the taking; no step takes less than its chain of sums. */
double kerf__panels_guess_wide(const kerf__op_case *c, double taking)
{
    enum { CHAIN = 4 };
    const int *tile = c->option.candidate->parameters;
    const int rows = tile[KERF__PANEL_ROWS], panels = tile[KERF__PANEL_PANELS];
    const kerf__panels p = kerf__panels_of(c->node);
    const double units = kerf_device_get_info(c->dev)->compute_units, tiles = num_tiles(c, &p);
    const double step = panels * (taking + rows);
    return (tiles > units ? tiles : units) *
           ((double)p.k * (step > CHAIN ? step : CHAIN) + 20.0 * rows * panels);
}

/* As a CPU device has it: few of its items become vectors. */
double kerf__panels_guess_simt(const kerf__op_case *c)
{
    const int *tile = c->option.candidate->parameters;
    const kerf__panels p = kerf__panels_of(c->node);
    return num_tiles(c, &p) * (double)p.k * KERF__PANEL_COLUMNS * (3 + tile[KERF__PANEL_ROWS]);
}

/* ---- grids --------------------------------------------------------------------------------- */

kerf__grid kerf__panels_grid_wide(const kerf__op_case *c)
{
    const int *tile = c->option.candidate->parameters;
    const kerf__panels p = kerf__panels_of(c->node);
    const size_t columns = KERF__PANEL_COLUMNS * (size_t)tile[KERF__PANEL_PANELS];
    return kerf__grid_wide(kerf__ceil_div((size_t)p.n, columns),
                           kerf__ceil_div((size_t)p.m, (size_t)tile[KERF__PANEL_ROWS]), 1);
}

kerf__grid kerf__panels_grid_simt(const kerf__op_case *c)
{
    enum { ITEMS = 64 };
    const int *tile = c->option.candidate->parameters;
    const kerf__panels p = kerf__panels_of(c->node);
    return (kerf__grid){2,
                        {kerf__ceil_div((size_t)p.n, KERF__PANEL_COLUMNS),
                         kerf__ceil_div((size_t)p.m, (size_t)tile[KERF__PANEL_ROWS])},
                        {ITEMS, 1}};
}
