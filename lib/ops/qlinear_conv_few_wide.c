/* ops/qlinear_conv_few_wide.c -- convolutions of bytes for CPU devices whose x has few channels, a
 * picture: plain x, a result in blocks of 16 channels.  When they pay, and how the image is cut
 * into items.
 *
 * Names are as in qlinear_conv_wide.c.  Device side: kernels/qlinear_conv_few_wide.cl. */
#include <math.h>
#include <stdio.h>

#include "ops/conv_cut.h"
#include "ops/integer_common.h"
#include "ops/layout_common.h"
#include "ops/qlinear_conv_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_qlinear_conv_few_wide;

/* A candidate's parameters. */
enum { VECTORS, PIXELS };

/* The first has more sums to a load, the second finds registers for all where a dot product takes
 * some of them. */
const kerf__candidate kerf__qlinear_few_tiles[KERF__QLINEAR_FEW_NUM_TILES] = {
    {"2x14", " -DNV=2 -DNP=14", {2, 14}},
    {"1x14", " -DNV=1 -DNP=14", {1, 14}},
};

enum { SLACK = 16 }; /* bytes that a store may reach beyond its row's end */

typedef struct cut {
    int rows, pitch;
    size_t band_bytes, filter_bytes;
    double cycles; /* of the busiest core */
} cut;

/* ---- how it is cut ------------------------------------------------------------------------- */

static int num_words(const kerf__conv *v)
{
    return kerf__ceil_div_int(v->w.kernel * v->src_channels, KERF__WORD);
}

/* Bytes of a row of the band, which holds x and what the last tile reaches over; a double, as
 * hostile nodes reach far. */
static double pitch_of(const kerf__conv *v, int pixels)
{
    const double tiles = kerf__ceil_div_int(v->w.dst, pixels);
    const double read = (tiles * pixels - 1) * v->w.stride + v->w.kernel;
    const double bytes = fmax(read, (double)v->w.pad + v->w.src) * v->src_channels + SLACK;
    return ceil(bytes / KERF__WORD) * KERF__WORD;
}

static double band_rows(const kerf__conv *v, int rows)
{
    return (rows - 1.0) * v->h.stride + (double)kerf__conv_reach(&v->h);
}

static double filter_bytes(const kerf__conv *v, int vectors)
{
    return (double)vectors * v->h.kernel * num_words(v) * KERF__LANES * KERF__WORD;
}

/* Cycles of one item: as in qlinear_conv_wide.c, and what filters take to become words. */
static double item_cycles(const kerf__conv *v, const int *tile, const cut *k)
{
    enum { A_TILE = 40, A_RESULT = 9, A_BYTE = 3 };
    const double sums = tile[VECTORS] * tile[PIXELS];
    const double steps = (double)num_words(v) * v->h.kernel;
    const double turns = kerf__num_vector_groups(v->dst_channels, tile[VECTORS], KERF__LANES);
    const double tiles = (double)k->rows * kerf__ceil_div_int(v->w.dst, tile[PIXELS]);
    const double step = sums + tile[VECTORS] + 0.25 * tile[PIXELS];
    return turns * (tiles * (steps * step + A_TILE + A_RESULT * sums) +
                    A_BYTE * KERF__WORD * steps * tile[VECTORS]) +
           A_BYTE * (double)k->band_bytes / KERF__LANES;
}

/* The cut with which the busiest core is done first; 0 if the device cannot take any. */
static int cut_of(const kerf__op_case *c, const kerf__conv *v, const int *tile, cut *best)
{
    enum { SPARE = 128 }; /* drivers align arguments */
    const double units = kerf_device_get_info(c->dev)->compute_units;
    const double room = (double)kerf__item_local_bytes(c, SPARE);
    const double pitch = pitch_of(v, tile[PIXELS]), filters = filter_bytes(v, tile[VECTORS]);
    best->cycles = INFINITY;
    for (int rows = v->h.dst; rows > 0; rows = rows > 1 ? kerf__ceil_div_int(rows, 2) : 0) {
        const double items = (double)v->n * kerf__ceil_div_int(v->h.dst, rows);
        const double bytes = pitch * band_rows(v, rows);
        if (bytes + filters > room)
            continue;
        cut k = {rows, (int)pitch, (size_t)bytes, (size_t)filters, 0};
        k.cycles = fmax(ceil(items / units), items / units + 0.5) * item_cycles(v, tile, &k);
        if (k.cycles < best->cycles)
            *best = k;
    }
    return best->cycles < INFINITY;
}

/* ---- when ---------------------------------------------------------------------------------- */

int kerf__qlinear_few_is_wished(const kerf__conv *v)
{
    enum { FEW = KERF__WORD, NARROWEST = 14 }; /* 1x14 has the fewest filters */
    return v->groups == 1 && v->n > 0 && v->src_channels <= FEW && v->w.dilation == 1 &&
           v->w.pad >= 0 &&
           pitch_of(v, NARROWEST) * band_rows(v, 1) + filter_bytes(v, 1) <= KERF__BYTES_MOST_LOCAL;
}

/* ---- the variant --------------------------------------------------------------------------- */

int kerf__qlinear_few_takes(const kerf__op_case *c, const kerf__candidate *candidate)
{
    const kerf__conv v = kerf__conv_of(c->node);
    cut k;
    return cut_of(c, &v, candidate->parameters, &k);
}

static int fits(const kerf__op_case *c, kerf_dot form)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const kerf__conv_bytes b = kerf__conv_bytes_of(c->node);
    int num = 0;
    if (kerf__input_layout(c->node, b.x) != KERF__PLAIN ||
        kerf__input_layout(c->node, b.w) != KERF__V16 || !kerf__qlinear_few_is_wished(&v) ||
        !kerf__fits_31_bits(c) || !kerf__has_dot_us(c, form))
        return 0;
    for (int i = 0; i < KERF__QLINEAR_FEW_NUM_TILES; i++)
        num += kerf__qlinear_few_takes(c, &kerf__qlinear_few_tiles[i]);
    return num > 0;
}

static double guess(const kerf__op_case *c, kerf_dot form)
{
    const int *tile = c->option.candidate->parameters;
    const kerf__conv v = kerf__conv_of(c->node);
    cut k;
    return cut_of(c, &v, tile, &k) ? kerf__qlinear_conv_sum_cycles(tile, form) * k.cycles
                                   : INFINITY;
}

static kerf_status build(const kerf__op_case *c, kerf_dot form)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const char *more = kerf__conv_bytes_options(c->node);
    kerf__arg args[KERF__MOST_CONV_ARGS];
    char options[128];
    cut k;
    if (!cut_of(c, &v, c->option.candidate->parameters, &k))
        return KERF_ERR_UNSUPPORTED; /* takes has said that it can */
    int num = kerf__conv_bytes_args(c, &v, args);
    args[num++] = kerf__arg_local(k.band_bytes);
    args[num++] = kerf__arg_local(k.filter_bytes);
    args[num++] = ARG(k.rows);
    args[num++] = ARG(k.pitch);
    snprintf(options, sizeof options, "%s%s -DCHANNELS=%d -DSTRIDE=%d%s%s%s",
             kerf__dot_options(c->dev, form), c->option.candidate->options, v.src_channels,
             v.w.stride, kerf__conv_zeros_options(c->node), *more == '\0' ? "" : " ", more);
    return kerf__emit(c, &kerf__source_qlinear_conv_few_wide, "qlinear_conv_few_wide", options,
                      args, num,
                      kerf__grid_wide(1, (size_t)kerf__ceil_div_int(v.h.dst, k.rows), (size_t)v.n));
}

#define FORM(name, form)                                                                           \
    int kerf__qlinear_few_##name##_fits(const kerf__op_case *c)                                    \
    {                                                                                              \
        return fits(c, form);                                                                      \
    }                                                                                              \
    double kerf__qlinear_few_##name##_guess(const kerf__op_case *c)                                \
    {                                                                                              \
        return guess(c, form);                                                                     \
    }                                                                                              \
    kerf_status kerf__qlinear_few_##name##_build(const kerf__op_case *c)                           \
    {                                                                                              \
        return build(c, form);                                                                     \
    }
KERF__QLINEAR_CONV_FORM_LIST(FORM)
