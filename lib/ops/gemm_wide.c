/* ops/gemm_wide.c -- tiles for CPU devices: which side the vectors lie along, whether they are
 * packed, and how large a tile is.
 *
 * A candidate's name tells all three: "n8x2" has vectors along n, tiles of 8 rows by 2 vectors;
 * "m..." has them along m (the transposed product); "...v8" has vectors of 8 floats, for CPUs
 * with 256-bit registers.  Lanes are packed unless they are contiguous and "d" asks for the
 * matrix itself.  Rows are never packed: reading them in place was as fast.  Halves become floats
 * on the way, lanes where they are packed and rows behind them in the scratch memory, unless all
 * rows are one tile.
 *
 * Device side: kernels/gemm_wide.cl. */
#include "ops/gemm_common.h"

#include <math.h>
#include <stdio.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_gemm_wide;

enum { PACK_CHUNK = 64, WIDENED = 4096 }; /* CHUNK and WIDENED in the kernel */
enum { MOST_DIRECT_BYTES = 256 << 10 };

/* A candidate's parameters. */
enum { ALONG_M, ROWS, VECTORS, VECTOR, DIRECT };

#define TILE(rows, vectors, vector) "-DMR=" #rows " -DNV=" #vectors " -DV=" #vector
#define N_TILE(name, rows, vectors, vector, direct)                                                \
    {                                                                                              \
        name, TILE(rows, vectors, vector),                                                         \
        {                                                                                          \
            0, rows, vectors, vector, direct                                                       \
        }                                                                                          \
    }
#define M_TILE(name, rows, vectors, vector, direct)                                                \
    {                                                                                              \
        name, TILE(rows, vectors, vector),                                                         \
        {                                                                                          \
            1, rows, vectors, vector, direct                                                       \
        }                                                                                          \
    }

const kerf__candidate kerf__gemm_wide_candidates[KERF__GEMM_NUM_WIDE] = {
    N_TILE("n6x4", 6, 4, 16, 0),   N_TILE("n6x4d", 6, 4, 16, 1),  N_TILE("n8x2", 8, 2, 16, 0),
    N_TILE("n8x2d", 8, 2, 16, 1),  M_TILE("m8x2", 8, 2, 16, 0),   M_TILE("m8x2d", 8, 2, 16, 1),
    N_TILE("n4x2d", 4, 2, 16, 1),  M_TILE("m4x2", 4, 2, 16, 0),   N_TILE("n1x4d", 1, 4, 16, 1),
    N_TILE("n6x2v8", 6, 2, 8, 0),  N_TILE("n6x2v8d", 6, 2, 8, 1), M_TILE("m6x2v8", 6, 2, 8, 0),
    M_TILE("m6x2v8d", 6, 2, 8, 1), N_TILE("n1x4v8d", 1, 4, 8, 1),
};

/* The product with its sides named: lanes are where vectors lie. */
typedef struct sides {
    int num_rows, num_lanes;
    int row_stride, row_step;   /* of the row side: from row to row, from step to step of k */
    int lane_stride, lane_step; /* of the lane side */
    int rows_outer, rows_inner, lanes_outer, lanes_inner;
    int dst_row, dst_lane, bias_row, bias_lane;
    int rows_input, lanes_input; /* which input is which */
    int direct;                  /* lanes are read in place */
    int widens;                  /* rows are widened before */
    int rows, floats;            /* of a tile */
} sides;

static sides sides_of(const kerf__op_case *c, const kerf__gemm *g)
{
    const int *parameters = c->option.candidate->parameters;
    const sides along_n = {g->m,     g->n,       g->a_row,    g->a_col,    g->b_col,
                           g->b_row, g->a_outer, g->a_inner,  g->b_outer,  g->b_inner,
                           g->n,     1,          g->bias_row, g->bias_col, 0,
                           1,        0,          0,           0,           0};
    const sides along_m = {g->n,     g->m,       g->b_col,    g->b_row,    g->a_row,
                           g->a_col, g->b_outer, g->b_inner,  g->a_outer,  g->a_inner,
                           1,        g->n,       g->bias_col, g->bias_row, 1,
                           0,        0,          0,           0,           0};
    sides s = parameters[ALONG_M] ? along_m : along_n;
    s.rows = parameters[ROWS];
    s.floats = parameters[VECTORS] * parameters[VECTOR];
    s.direct = parameters[DIRECT] && s.lane_stride == 1 && s.num_lanes >= s.floats;
    if (kerf__stores_halves(c->node) && s.num_rows > s.rows)
        s.direct = 0;
    s.widens = kerf__stores_halves(c->node) && !s.direct;
    return s;
}

static int num_products(const kerf__gemm *g)
{
    return g->num_outer * g->num_inner;
}

static int num_panels(const sides *s)
{
    return (s->num_lanes + s->floats - 1) / s->floats;
}

/* Numbers in the scratch memory: lanes, and behind them rows. */
static size_t num_packed(const kerf__gemm *g, const sides *s)
{
    return s->direct
               ? 0
               : (size_t)num_products(g) * (size_t)num_panels(s) * (size_t)s->floats * (size_t)g->k;
}

static size_t num_widened(const kerf__op_case *c, const sides *s)
{
    return s->widens ? (size_t)kerf__value_elements(c->node->inputs[s->rows_input]) : 0;
}

int kerf__gemm_wide_fits(const kerf__op_case *c)
{
    const kerf__gemm g = kerf__gemm_of(c->node);
    return g.m > 0 && g.n > 0 && g.k > 0 && kerf__loop_fits(c, g.k);
}

/* Cycles for a step of k: a vector multiplied and added each, two to come in; a product of so
 * few that each has to wait for the last takes 8.  Tiles of 6x4, 8x2, 4x2 and 1x4 took 1.05, 1.1,
 * 1.2 and 2.4 cycles a vector on Zen 4 under PoCL. */
static double step_cycles(int rows, int vectors)
{
    const int multiply_adds = rows * vectors;
    return 2.0 + (multiply_adds > 8 ? multiply_adds : 8);
}

/* Of all tiles, with what is computed for nothing at the edges. */
static double tile_cycles(const kerf__op_case *c, const kerf__gemm *g, const sides *s,
                          const int *parameters)
{
    const int vector = parameters[VECTOR], units = (int)kerf_device_get_info(c->dev)->compute_units;
    const int widest = kerf_device_get_info(c->dev)->features.vector_floats;
    const int is_narrow = (s->num_lanes - 1) % s->floats < vector; /* the last panel */
    const double step = step_cycles(s->rows, parameters[VECTORS]);
    const double narrow = step_cycles(s->rows, 1);
    const double panels = num_panels(s) - is_narrow * (1 - narrow / step);
    double tiles = num_products(g) * panels * ceil((double)s->num_rows / s->rows);
    tiles = tiles < units ? units : tiles;
    double cycles = tiles * (g->k * step + 80);
    if (vector > widest) /* registers in parts, and too few of them */
        cycles *= 1.5 * vector / widest;
    return vector < widest ? 1.2 * cycles : cycles;
}

/* In cycles of one core, as all guesses of this operation.  Lanes read in place lie scattered
 * over pages: a panel beyond some 256 KiB misses the second cache, and steps a multiple of 4 KiB
 * apart share few sets of the first. */
double kerf__gemm_wide_guess(const kerf__op_case *c)
{
    const kerf__gemm g = kerf__gemm_of(c->node);
    const sides s = sides_of(c, &g);
    if (c->option.candidate->parameters[DIRECT] && !s.direct)
        return 1e30; /* the same as the candidate that packs */
    double cost = tile_cycles(c, &g, &s, c->option.candidate->parameters);
    const double elements = (double)num_products(&g) * s.num_lanes * g.k;
    if (!s.direct)
        cost += 2000 + elements * (s.lane_stride == 1 ? 1.0 : 1.2);
    else if ((double)g.k * s.floats * sizeof(float) > MOST_DIRECT_BYTES && s.lane_step > s.floats)
        cost *= 1.5;
    else if (s.lane_step % 1024 == 0)
        cost *= 1.01;
    cost += (double)num_widened(c, &s);
    if (s.dst_lane != 1)
        cost += 0.4 * num_products(&g) * (double)s.num_rows * s.num_lanes;
    return cost;
}

size_t kerf__gemm_wide_scratch(const kerf__op_case *c)
{
    const kerf__gemm g = kerf__gemm_of(c->node);
    const sides s = sides_of(c, &g);
    return (num_packed(&g, &s) + num_widened(c, &s)) * sizeof(float);
}

static kerf_status emit_pack(const kerf__op_case *c, const kerf__gemm *g, const sides *s)
{
    const int steps_lie_together = s->lane_stride != 1;
    const int stride = steps_lie_together ? s->lane_stride : s->lane_step;
    return kerf__emit(
        c, &kerf__source_gemm_wide, steps_lie_together ? "gemm_pack_steps" : "gemm_pack_lanes",
        c->option.candidate->options,
        KERF__ARGS(ARG(kerf__in(c, s->lanes_input)), ARG(c->scratch), ARG(s->num_lanes), ARG(g->k),
                   ARG(stride), ARG(g->num_inner), ARG(s->lanes_outer), ARG(s->lanes_inner)),
        kerf__grid_wide((size_t)num_panels(s), (size_t)(g->k + PACK_CHUNK - 1) / PACK_CHUNK,
                        (size_t)num_products(g)));
}

static kerf_status emit_widen(const kerf__op_case *c, const sides *s, int base)
{
    const size_t num = num_widened(c, s);
    return kerf__emit(
        c, &kerf__source_gemm_wide, "gemm_widen", c->option.candidate->options,
        KERF__ARGS(ARG(kerf__in(c, s->rows_input)), ARG(c->scratch), ARG(base), ARG((int)num)),
        kerf__grid_wide(kerf__ceil_div(num, WIDENED), 1, 1));
}

/* How many tiles a work-item takes: short sums more, as a group costs 100 cycles or so, while
 * enough groups are left to keep all cores busy to the end. */
static int num_turns(const kerf__op_case *c, const kerf__gemm *g, const sides *s)
{
    enum { STEPS = 2048, MOST = 8, GROUPS_A_UNIT = 32 };
    const double tiles =
        (double)num_products(g) * num_panels(s) * ceil((double)s->num_rows / s->rows);
    const double units = kerf_device_get_info(c->dev)->compute_units;
    int turns = STEPS / g->k < MOST ? STEPS / g->k : MOST;
    while (turns > 1 && tiles / turns < GROUPS_A_UNIT * units)
        turns--;
    return turns > 1 ? turns : 1;
}

kerf_status kerf__gemm_wide_build(const kerf__op_case *c)
{
    const kerf__gemm g = kerf__gemm_of(c->node);
    const sides s = sides_of(c, &g);
    const int turns = num_turns(c, &g, &s), base = s.widens ? (int)num_packed(&g, &s) : 0;
    if (!s.direct)
        KERF__TRY(emit_pack(c, &g, &s));
    if (s.widens)
        KERF__TRY(emit_widen(c, &s, base));
    kerf__buffer *lanes = s.direct ? kerf__in(c, s.lanes_input) : c->scratch;
    kerf__buffer *rows = s.widens ? c->scratch : kerf__in(c, s.rows_input);
    const int lane_step = s.direct ? s.lane_step : s.floats, is_packed = !s.direct;
    char options[64];
    snprintf(options, sizeof options, "%s%s", c->option.candidate->options,
             s.direct && kerf__stores_halves(c->node) ? " -DDIRECT=1" : "");
    return kerf__emit(
        c, &kerf__source_gemm_wide, "gemm_wide", options,
        KERF__ARGS(ARG(lanes), ARG(rows), ARG(kerf__gemm_bias(c, &g)), ARG(kerf__out(c, 0)),
                   ARG(g.alpha), ARG(g.beta), ARG(s.num_rows), ARG(s.num_lanes), ARG(g.k),
                   ARG(s.row_stride), ARG(s.row_step), ARG(lane_step), ARG(is_packed),
                   ARG(s.dst_row), ARG(s.dst_lane), ARG(g.num_inner), ARG(s.rows_outer),
                   ARG(s.rows_inner), ARG(s.lanes_outer), ARG(s.lanes_inner), ARG(g.has_bias),
                   ARG(s.bias_row), ARG(s.bias_lane), ARG(g.relu), ARG(turns), ARG(base)),
        kerf__grid_wide(kerf__ceil_div((size_t)s.num_rows, (size_t)(turns * s.rows)),
                        (size_t)num_panels(&s), (size_t)num_products(&g)));
}
