/* ops/conv_winograd.c -- 3x3 convolution of stride 1 on CPU devices with 16 multiplications for
 * four pixels in place of 36: when it pays, which tile, and how the image is cut into items.
 *
 * The convolution asks for filters in layout w16, which are transformed when they are reordered:
 * once for weights that no step changes, once in every training step.
 *
 * A candidate's name has its vectors of channels by tiles of 2x2 pixels, and "v8" where vectors
 * have 8 floats, for CPUs with 256-bit registers.  All fit into 32 KiB of local memory.
 *
 * Device side: kernels/conv_winograd.cl. */
#include <math.h>
#include <stdio.h>

#include "ops/conv_cut.h"
#include "ops/conv_wide.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_conv_winograd;

/* A candidate's parameters. */
enum { VECTORS, TILES, VECTOR };

#define GROUP(name, vectors, tiles, vector, embed)                                                 \
    {                                                                                              \
        name, "-DNV=" #vectors " -DNP=" #tiles " -DV=" #vector " -DEMBED=" #embed,                 \
        {                                                                                          \
            vectors, tiles, vector                                                                 \
        }                                                                                          \
    }

const kerf__candidate kerf__conv_winograd_candidates[KERF__CONV_NUM_WINOGRAD] = {
    GROUP("4x6", 4, 6, 16, 1), GROUP("4x5", 4, 5, 16, 1),  GROUP("4x4", 4, 4, 16, 1),
    GROUP("2x8", 2, 8, 16, 0), GROUP("2x6v8", 2, 6, 8, 0),
};

/* ---- when ---------------------------------------------------------------------------------- */

enum { POSITIONS = 16, TAPS = 9, FEW_CHANNELS = 32, FEW_TILES = 12 };

static int is_three(const kerf__conv_axis *a)
{
    return a->kernel == 3 && a->stride == 1 && a->dilation == 1;
}

int kerf__conv_is_winograd(const kerf__conv *v)
{
    return v->direction == KERF__CONV_DST && v->groups == 1 && is_three(&v->h) && is_three(&v->w);
}

static double num_tiles(const kerf__conv *v)
{
    return (double)v->n * ((v->h.dst + 1) / 2) * ((v->w.dst + 1) / 2);
}

/* Of few channels the transforms would be most of the work, of few tiles reading the filters,
 * and at odd edges tiles are half empty. */
int kerf__conv_winograd_pays(const kerf__conv *v)
{
    const double pixels = (double)v->n * v->h.dst * v->w.dst;
    return kerf__conv_is_winograd(v) && v->src_channels >= FEW_CHANNELS &&
           v->dst_channels >= FEW_CHANNELS && num_tiles(v) >= FEW_TILES &&
           POSITIONS * num_tiles(v) <= 0.7 * TAPS * pixels;
}

/* ---- how it is cut -------------------------------------------------------------------------- */

typedef struct cut {
    int tiles, chunk; /* of an item, and blocks of channels in local memory at a time */
    size_t patch_bytes, sum_bytes;
    double cycles; /* of the busiest core */
} cut;

/* Items that differ in the filters. */
static int num_layers(const kerf__conv *v, const int *group)
{
    const int blocks = kerf__ceil_div_int(v->dst_channels, KERF__LANES);
    return kerf__num_vector_groups(blocks * KERF__LANES, group[VECTORS], group[VECTOR]);
}

/* Sets chunk and bytes; 0 if not one block of so many tiles fits. */
static int size_chunk(const kerf__conv *v, const int *group, size_t local_bytes, cut *k)
{
    const size_t floats = (size_t)POSITIONS * (size_t)k->tiles * sizeof(float);
    const int blocks = kerf__ceil_div_int(v->src_channels, KERF__LANES);
    const size_t sums = floats * (size_t)(group[VECTORS] * group[VECTOR]);
    const size_t block = floats * KERF__LANES;
    if (sums + block > local_bytes)
        return 0;
    const size_t most = (local_bytes - sums) / block;
    const int parts = most < (size_t)blocks ? kerf__ceil_div_int(blocks, (int)most) : 1;
    k->chunk = kerf__ceil_div_int(blocks, parts); /* as even as can be */
    k->sum_bytes = sums;
    k->patch_bytes = (size_t)k->chunk * block;
    return 1;
}

/* Cycles of one item: multiply-adds, one a cycle, each waiting for the last one on its sum;
 * transforms; sums that are laid down; and filters, which come from beyond the second cache. */
static double item_cycles(const kerf__op_case *c, const kerf__conv *v, const int *group,
                          const cut *k)
{
    enum { A_PATCH = 60, A_TILE = 50, A_SUM = 2 };
    const double sums = group[VECTORS] * group[TILES], groups = (double)k->tiles / group[TILES];
    const double blocks = kerf__ceil_div_int(v->src_channels, KERF__LANES);
    const double filters = (double)POSITIONS * v->src_channels * group[VECTORS];
    const double step = 1 + (sums > 8 ? sums : 8) / kerf__vectors_a_cycle(c, group[VECTOR]);
    return POSITIONS * groups * v->src_channels * step +
           k->tiles * (blocks * A_PATCH + (double)group[VECTORS] * A_TILE) +
           POSITIONS * groups * sums * A_SUM * ceil(blocks / k->chunk) + filters;
}

/* The number of tiles an item with which the busiest core is done first: drivers deal out in
 * pieces, so it may be half an item behind.  0 if the device cannot take any. */
static int cut_of(const kerf__op_case *c, const kerf__conv *v, const int *group, cut *best)
{
    const double units = kerf_device_get_info(c->dev)->compute_units;
    const double layers = num_layers(v, group), all = num_tiles(v);
    const size_t local_bytes = kerf__item_local_bytes(c, 0);
    best->cycles = INFINITY;
    for (cut k = {.tiles = group[TILES]}; size_chunk(v, group, local_bytes, &k);
         k.tiles += group[TILES]) {
        const double items = layers * ceil(all / k.tiles);
        k.cycles = fmax(ceil(items / units), items / units + 0.5) * item_cycles(c, v, group, &k);
        if (k.cycles < best->cycles)
            *best = k;
        if (k.tiles >= all)
            break;
    }
    return best->cycles < INFINITY;
}

/* ---- the variant ---------------------------------------------------------------------------- */

int kerf__conv_winograd_fits(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    cut k;
    if (kerf__input_layout(c->node, 0) != KERF__C16 ||
        kerf__input_layout(c->node, 1) != KERF__W16 ||
        kerf__output_layout(c->node, 0) != KERF__C16 || !kerf__fits_31_bits(c))
        return 0;
    for (int i = 0; i < KERF__CONV_NUM_WINOGRAD; i++)
        if (!cut_of(c, &v, kerf__conv_winograd_candidates[i].parameters, &k))
            return 0;
    return 1;
}

double kerf__conv_winograd_guess(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const int *group = c->option.candidate->parameters;
    cut k;
    if (!cut_of(c, &v, group, &k))
        return INFINITY;
    return k.cycles * kerf__wide_register_cost(c, group[VECTOR]);
}

kerf_status kerf__conv_winograd_build(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const int *group = c->option.candidate->parameters, zero = 0;
    cut k;
    if (!cut_of(c, &v, group, &k))
        return KERF_ERR_UNSUPPORTED; /* fits has said that it can */
    return kerf__emit(
        c, &kerf__source_conv_winograd, "conv_winograd", c->option.candidate->options,
        KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__conv_bias(c, &v)),
                   ARG(kerf__conv_residual(c, &v)), ARG(kerf__out(c, 0)),
                   kerf__arg_local(k.patch_bytes), kerf__arg_local(k.sum_bytes), ARG(v.n),
                   ARG(v.src_channels), ARG(v.dst_channels), ARG(v.h.src), ARG(v.h.dst),
                   ARG(v.h.pad), ARG(v.w.src), ARG(v.w.dst), ARG(v.w.pad), ARG(k.tiles),
                   ARG(k.chunk), KERF__FINISH_ARGS(v), ARG(zero)),
        kerf__grid_wide((size_t)ceil(num_tiles(&v) / k.tiles), (size_t)num_layers(&v, group), 1));
}
