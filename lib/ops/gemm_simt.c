/* ops/gemm_simt.c -- tiles for GPUs: groups of 64 work-items and local memory.
 *
 * Small tiles make more groups and need fewer registers (Mali wants at most 32), large ones
 * read less; a candidate is a tile.  Device side: kernels/gemm_simt.cl. */
#include "ops/gemm_common.h"

#include <limits.h>

#include "ops/shape_common.h"

extern const kerf__source kerf__source_gemm_simt;

enum { ROWS, COLUMNS }; /* parameters: of one work-item */
enum { SIDE = 8 };      /* work-items along each side of a group */

const kerf__candidate kerf__gemm_simt_candidates[KERF__GEMM_NUM_SIMT] = {
    {"4x4", "-DMR=4", {4, 4}},
    {"8x4", "-DMR=8", {8, 4}},
};

int kerf__gemm_simt_fits(const kerf__op_case *c)
{
    const kerf__gemm g = kerf__gemm_of(c->node);
    const kerf_device_info *info = kerf_device_get_info(c->dev);
    /* For each step of k one turn of the sum and up to two of loading. */
    return g.m > 0 && g.n > 0 && info->max_group >= SIDE * SIDE && info->local_bytes >= 16384 &&
           g.k < INT_MAX / 3 && (int64_t)g.m * g.n < INT_MAX && kerf__loop_fits(c, 3 * g.k);
}

/* Cycles of the whole device, so that it compares with gemm_plain's: 64 work-items at work in
 * a group, a load from local memory for each row and column of a work-item.  A CPU makes
 * loops of the barriers and is better off with any other variant. */
double kerf__gemm_simt_guess(const kerf__op_case *c)
{
    const kerf__gemm g = kerf__gemm_of(c->node);
    const int rows = c->option.candidate->parameters[ROWS],
              columns = c->option.candidate->parameters[COLUMNS];
    const double groups = (double)g.num_outer * g.num_inner *
                          (double)kerf__ceil_div((size_t)g.m, (size_t)(SIDE * rows)) *
                          (double)kerf__ceil_div((size_t)g.n, (size_t)(SIDE * columns));
    const double units = kerf_device_get_info(c->dev)->compute_units;
    const double turns = groups < units ? 1 : groups / units;
    const double cost = turns * units * g.k * (rows * columns + 2.0 * (rows + columns));
    return kerf__is_cpu(c) ? 64 * cost : cost;
}

kerf_status kerf__gemm_simt_build(const kerf__op_case *c)
{
    const kerf__gemm g = kerf__gemm_of(c->node);
    const size_t rows = SIDE * (size_t)c->option.candidate->parameters[ROWS];
    const size_t columns = SIDE * (size_t)c->option.candidate->parameters[COLUMNS];
    const kerf__grid grid = {3,
                             {kerf__ceil_div((size_t)g.n, columns),
                              kerf__ceil_div((size_t)g.m, rows),
                              (size_t)g.num_outer * (size_t)g.num_inner},
                             {SIDE * SIDE, 1, 1}};
    return kerf__emit(c, &kerf__source_gemm_simt, "gemm_simt", c->option.candidate->options,
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)),
                                 ARG(kerf__gemm_bias(c, &g)), ARG(kerf__out(c, 0)), ARG(g.alpha),
                                 ARG(g.beta), ARG(g.m), ARG(g.n), ARG(g.k), ARG(g.a_row),
                                 ARG(g.a_col), ARG(g.b_row), ARG(g.b_col), ARG(g.num_inner),
                                 ARG(g.a_outer), ARG(g.a_inner), ARG(g.b_outer), ARG(g.b_inner),
                                 ARG(g.has_bias), ARG(g.bias_row), ARG(g.bias_col), ARG(g.relu)),
                      grid);
}
