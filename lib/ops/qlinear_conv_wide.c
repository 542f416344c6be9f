/* ops/qlinear_conv_wide.c -- convolutions of bytes for CPU devices, in blocks of 16 channels: when
 * they pay, which tile, and how the image is cut into items.
 *
 * qlinear_conv_vnni is vpdpbusd by assembly, where the device has it, qlinear_conv_pairs vpmaddwd
 * on the same bytes widened in registers; qlinear_conv_wide says it in C.
 *
 * A candidate's name has its vectors of output channels by pixels.  Device side:
 * kernels/qlinear_conv_wide.cl. */
#include <math.h>
#include <stdio.h>

#include "device/quirks.h"
#include "ops/conv_cut.h"
#include "ops/integer_common.h"
#include "ops/layout_common.h"
#include "ops/qlinear_conv_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_qlinear_conv_wide;

/* A candidate's parameters. */
enum { VECTORS, PIXELS };

#define TILE(name, vectors, pixels)                                                                \
    {                                                                                              \
        name, " -DNV=" #vectors " -DNP=" #pixels,                                                  \
        {                                                                                          \
            vectors, pixels                                                                        \
        }                                                                                          \
    }

const kerf__candidate kerf__qlinear_conv_tiles[KERF__QLINEAR_CONV_NUM_TILES] = {
    TILE("2x14", 2, 14),
    TILE("2x7", 2, 7),
    TILE("3x7", 3, 7),
    TILE("1x14", 1, 14),
};

/* ---- how it is cut ------------------------------------------------------------------------- */

typedef struct cut {
    int direct, has_zeros, rows, cols, turns;
    size_t band_bytes, sums_bytes;
    double cycles; /* of the busiest core */
} cut;

/* As the kernel sees it: read in place, the plane is one line. */
static kerf__conv seen(const kerf__op_case *c, const int *tile, int *direct)
{
    kerf__conv v = kerf__conv_of(c->node);
    *direct = !kerf__conv_bytes_has_zeros(c->node) && kerf__conv_is_one_to_one(&v.h) &&
              kerf__conv_is_one_to_one(&v.w) && c->node->inputs[0]->type == KERF_U8 &&
              (int64_t)v.h.dst * v.w.dst >= tile[PIXELS];
    if (*direct) {
        v.w.src = v.w.dst = v.h.dst * v.w.dst;
        v.h.src = v.h.dst = 1;
    }
    return v;
}

static int num_groups(const kerf__conv *v, const int *tile)
{
    return kerf__num_vector_groups(v->dst_channels, tile[VECTORS], KERF__LANES);
}

/* Pixels of x to so many rows and columns of the result; a double, as hostile nodes reach far. */
static double band_pixels(const kerf__conv *v, int dst_rows, int dst_cols)
{
    const double rows = v->h.kernel == 1
                            ? dst_rows
                            : (dst_rows - 1.0) * v->h.stride + (double)kerf__conv_reach(&v->h);
    const double phases = v->w.kernel == 1 ? 1 : v->w.stride;
    const double cols = dst_cols + (double)((kerf__conv_reach(&v->w) - 1) / v->w.stride);
    return rows * phases * cols;
}

static double band_bytes(const kerf__conv *v, int dst_rows, int dst_cols)
{
    return kerf__ceil_div_int(v->src_channels, KERF__LANES) * KERF__LANES *
           band_pixels(v, dst_rows, dst_cols);
}

/* What filters with zero points ask for: a sum a pixel. */
static double sums_bytes(int has_zeros, const kerf__conv *v, int dst_rows, int dst_cols)
{
    return has_zeros ? (double)sizeof(int32_t) * band_pixels(v, dst_rows, dst_cols) : 0;
}

/* Cycles of one item: a dot product of a vector a cycle, and what its loads take; filters, which
 * come from far in an item's first tile; results; and the copy of the band. */
static double item_cycles(const kerf__conv *v, const int *tile, const cut *k)
{
    enum { A_TILE = 40, A_RESULT = 9, A_PIXEL = 3, FROM_FAR = 4 };
    const double sums = tile[VECTORS] * tile[PIXELS];
    const double steps = (double)kerf__ceil_div_int(v->src_channels, 4) * v->h.kernel * v->w.kernel;
    const double tiles = (double)k->rows * kerf__ceil_div_int(k->cols, tile[PIXELS]);
    const double step = sums + tile[VECTORS] + 0.25 * tile[PIXELS];
    return k->turns * (tiles * (steps * step + A_TILE + A_RESULT * sums) +
                       FROM_FAR * steps * tile[VECTORS]) +
           (k->direct ? 0 : A_PIXEL * (double)k->band_bytes / KERF__LANES);
}

static void try_cut(const kerf__op_case *c, const kerf__conv *v, const int *tile, cut k, cut *best)
{
    const double units = kerf_device_get_info(c->dev)->compute_units;
    const double items =
        (double)v->n * v->groups * kerf__ceil_div_int(num_groups(v, tile), k.turns) *
        kerf__ceil_div_int(v->h.dst, k.rows) * kerf__ceil_div_int(v->w.dst, k.cols);
    const double bytes = k.direct ? sizeof(uint32_t) : band_bytes(v, k.rows, k.cols);
    const double sums = sums_bytes(k.has_zeros, v, k.rows, k.cols);
    if (bytes + sums > (double)kerf__conv_local_bytes(c, v))
        return;
    k.band_bytes = (size_t)bytes;
    k.sums_bytes = (size_t)sums;
    /* Drivers deal out in pieces, so the busiest core may be half an item behind. */
    k.cycles = fmax(ceil(items / units), items / units + 0.5) * item_cycles(v, tile, &k);
    if (k.cycles < best->cycles)
        *best = k;
}

/* The cut with which the busiest core is done first; 0 if the device cannot take any. */
static int cut_of(const kerf__op_case *c, const kerf__conv *v, const int *tile, int direct,
                  cut *best)
{
    const int across = kerf__ceil_div_int(v->w.dst, tile[PIXELS]), groups = num_groups(v, tile);
    const int has_zeros = kerf__conv_bytes_has_zeros(c->node);
    best->cycles = INFINITY;
    for (int turns = groups; turns > 0; turns = turns > 1 ? kerf__ceil_div_int(turns, 2) : 0)
        for (int rows = v->h.dst; rows > 0; rows = rows > 1 ? kerf__ceil_div_int(rows, 2) : 0)
            for (int cols = across; cols > 0; cols = cols > 1 ? kerf__ceil_div_int(cols, 2) : 0)
                try_cut(c, v, tile,
                        (cut){direct, has_zeros, rows, cols * tile[PIXELS], turns, 0, 0, 0}, best);
    return best->cycles < INFINITY;
}

/* ---- when ---------------------------------------------------------------------------------- */

static int is_wished(const kerf_node *n, const kerf__conv *v)
{
    return v->n > 0 && kerf__conv_are_whole(v) &&
           band_bytes(v, 1, KERF__BYTES_NARROWEST_TILE) +
                   sums_bytes(kerf__conv_bytes_has_zeros(n), v, 1, KERF__BYTES_NARROWEST_TILE) <=
               KERF__BYTES_MOST_LOCAL;
}

kerf__wish kerf__qlinear_conv_wish(const kerf_node *n, kerf__layouts *out)
{
    const kerf__conv v = kerf__conv_of(n);
    const kerf__conv_bytes b = kerf__conv_bytes_of(n);
    const int depthwise = kerf__qlinear_depthwise_is_wished(n, &v);
    const int few = kerf__qlinear_few_is_wished(&v);
    if (!depthwise && !few && !is_wished(n, &v))
        return KERF__STAYS;
    out->inputs[b.x] = few ? KERF__PLAIN : KERF__C16;
    out->inputs[b.w] = depthwise ? KERF__O16 : KERF__V16;
    out->outputs[0] = out->outputs[1] = KERF__C16;
    if (v.has_residual)
        out->inputs[b.other] = KERF__C16;
    return KERF__SEEKS;
}

/* ---- the variant --------------------------------------------------------------------------- */

int kerf__qlinear_conv_takes(const kerf__op_case *c, const kerf__candidate *candidate)
{
    int direct;
    const kerf__conv v = seen(c, candidate->parameters, &direct);
    cut k;
    return cut_of(c, &v, candidate->parameters, direct, &k);
}

static int fits(const kerf__op_case *c, kerf_dot form)
{
    const kerf__conv_bytes b = kerf__conv_bytes_of(c->node);
    int num = 0;
    if (kerf__input_layout(c->node, b.x) != KERF__C16 ||
        kerf__input_layout(c->node, b.w) != KERF__V16 || !kerf__fits_31_bits(c) ||
        !kerf__has_dot_us(c, form))
        return 0;
    for (int i = 0; i < KERF__QLINEAR_CONV_NUM_TILES; i++)
        num += kerf__qlinear_conv_takes(c, &kerf__qlinear_conv_tiles[i]);
    return num > 0;
}

/* What finds no register costs Intel's compiler half as much again (2x14 by pairs), PoCL's less. */
double kerf__qlinear_conv_sum_cycles(const int *tile, kerf_dot form)
{
    enum { REGISTERS = 32 };
    const int wanted =
        tile[VECTORS] * tile[PIXELS] + kerf__dot_registers(form) * (tile[VECTORS] + 1);
    return kerf__dot_cycles(form) * (wanted > REGISTERS ? 1.5 : 1);
}

static double guess(const kerf__op_case *c, kerf_dot form)
{
    const int *tile = c->option.candidate->parameters;
    int direct;
    const kerf__conv v = seen(c, tile, &direct);
    cut k;
    return cut_of(c, &v, tile, direct, &k) ? kerf__qlinear_conv_sum_cycles(tile, form) * k.cycles
                                           : INFINITY;
}

static kerf_status build(const kerf__op_case *c, kerf_dot form)
{
    const int *tile = c->option.candidate->parameters;
    kerf__arg args[KERF__MOST_CONV_ARGS];
    char options[128];
    int direct;
    const kerf__conv v = seen(c, tile, &direct);
    cut k;
    if (!cut_of(c, &v, tile, direct, &k))
        return KERF_ERR_UNSUPPORTED; /* takes has said that it can */
    int num = kerf__conv_bytes_args(c, &v, args);
    args[num++] = kerf__arg_local(k.band_bytes);
    args[num++] = kerf__arg_local(kerf__conv_taps_bytes(&v));
    if (k.sums_bytes > 0)
        args[num++] = kerf__arg_local(k.sums_bytes);
    args[num++] = ARG(k.rows);
    args[num++] = ARG(k.cols);
    args[num++] = ARG(k.turns);
    const char *more = kerf__conv_bytes_options(c->node);
    snprintf(options, sizeof options, "%s%s -DDIRECT=%d%s%s%s", kerf__dot_options(c->dev, form),
             c->option.candidate->options, direct, kerf__conv_zeros_options(c->node),
             *more == '\0' ? "" : " ", more);
    return kerf__emit(c, &kerf__source_qlinear_conv_wide, "qlinear_conv_wide", options, args, num,
                      kerf__grid_wide((size_t)kerf__ceil_div_int(num_groups(&v, tile), k.turns),
                                      (size_t)kerf__ceil_div_int(v.h.dst, k.rows) *
                                          (size_t)kerf__ceil_div_int(v.w.dst, k.cols),
                                      (size_t)v.n * (size_t)v.groups));
}

#define FORM(name, form)                                                                           \
    int kerf__qlinear_conv_##name##_fits(const kerf__op_case *c)                                   \
    {                                                                                              \
        return fits(c, form);                                                                      \
    }                                                                                              \
    double kerf__qlinear_conv_##name##_guess(const kerf__op_case *c)                               \
    {                                                                                              \
        return guess(c, form);                                                                     \
    }                                                                                              \
    kerf_status kerf__qlinear_conv_##name##_build(const kerf__op_case *c)                          \
    {                                                                                              \
        return build(c, form);                                                                     \
    }
KERF__QLINEAR_CONV_FORM_LIST(FORM)
