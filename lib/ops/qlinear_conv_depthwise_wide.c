/* ops/qlinear_conv_depthwise_wide.c -- depth-wise convolutions of bytes for CPU devices, in blocks
 * of 16 channels: when they pay, and how planes are cut into items.
 *
 * The variants are those of qlinear_conv_wide.c, by the form of the dot product.  A candidate's
 * name is the pixels of its tile.
 *
 * Device side: kernels/qlinear_conv_depthwise_wide.cl.  Of floats: conv_depthwise_wide.c. */
#include <stdio.h>

#include "ops/conv_cut.h"
#include "ops/integer_common.h"
#include "ops/layout_common.h"
#include "ops/qlinear_conv_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_qlinear_conv_depthwise_wide;

const kerf__candidate kerf__qlinear_depthwise_tiles[KERF__QLINEAR_DEPTHWISE_NUM_TILES] = {
    {"7", " -DNP=7", {7}},
    {"14", " -DNP=14", {14}},
};

enum { COLUMNS = KERF__WORD }; /* of a word of a dot product */

/* Filters across that are spelled out. */
static int is_usual(const kerf__conv_axis *a)
{
    return (a->kernel == 3 || a->kernel == 5) && a->stride <= 2 && a->dilation == 1;
}

/* Words of a row of a filter, and pixels of the result that take the same words of x. */
static int span_of(const kerf__conv_axis *a)
{
    return kerf__ceil_div_int(a->kernel, COLUMNS);
}

static int share_of(const kerf__conv_axis *a)
{
    return is_usual(a) ? (span_of(a) * COLUMNS - a->kernel) / a->stride + 1 : 1;
}

/* With zero points there is one row more, of weights of 1. */
static double filter_bytes(const kerf_node *n, const kerf__conv *v)
{
    const double rows = (double)v->h.kernel + kerf__conv_bytes_has_zeros(n);
    return rows * span_of(&v->w) * share_of(&v->w) * KERF__LANES * KERF__WORD;
}

/* The band of a rectangle of dst, words behind its last column included. */
static double band_columns(const kerf__conv *v, int dst_cols)
{
    return (dst_cols - 1.0) * v->w.stride + (span_of(&v->w) * (double)COLUMNS - 1) * v->w.dilation +
           1;
}

static double band_bytes(const kerf__conv *v, int dst_rows, int dst_cols)
{
    return ((dst_rows - 1.0) * v->h.stride + (double)kerf__conv_reach(&v->h)) *
           band_columns(v, dst_cols) * KERF__LANES;
}

int kerf__qlinear_depthwise_is_wished(const kerf_node *n, const kerf__conv *v)
{
    enum { FEW_CHANNELS = 8 }; /* blocks of fewer are mostly padding */
    return kerf__conv_is_depthwise(v) && v->n > 0 && v->h.src > 0 && v->groups >= FEW_CHANNELS &&
           filter_bytes(n, v) + band_bytes(v, 1, KERF__BYTES_NARROWEST_TILE) <=
               KERF__BYTES_MOST_LOCAL;
}

/* ---- how planes are cut -------------------------------------------------------------------- */

/* Rows and columns of dst to an item, columns in whole tiles; 0 rows: none fit. */
typedef struct cut {
    int rows, cols;
    double bytes;
} cut;

static cut cut_of(const kerf__op_case *c, const kerf__conv *v, int tile)
{
    enum { ITEM_PIXELS = 512, SPARE = 64 }; /* about a microsecond: cores end together */
    const double room = (double)kerf__item_local_bytes(c, SPARE) - filter_bytes(c->node, v);
    int tiles = kerf__ceil_div_int(v->w.dst, tile), rows = ITEM_PIXELS / (v->w.dst + 1) + 1;
    rows = rows < v->h.dst ? rows : v->h.dst;
    while (rows > 1 && band_bytes(v, rows, tiles * tile) > room)
        rows = kerf__ceil_div_int(rows, 2);
    while (tiles > 1 && band_bytes(v, rows, tiles * tile) > room)
        tiles = kerf__ceil_div_int(tiles, 2);
    const double bytes = band_bytes(v, rows, tiles * tile);
    return (cut){bytes <= room ? rows : 0, tiles * tile, bytes};
}

/* ---- the variants -------------------------------------------------------------------------- */

int kerf__qlinear_depthwise_takes(const kerf__op_case *c, const kerf__candidate *candidate)
{
    const kerf__conv v = kerf__conv_of(c->node);
    return cut_of(c, &v, candidate->parameters[0]).rows > 0;
}

static int fits(const kerf__op_case *c, kerf_dot form)
{
    const kerf__conv_bytes b = kerf__conv_bytes_of(c->node);
    int num = 0;
    if (kerf__input_layout(c->node, b.w) != KERF__O16 || !kerf__fits_31_bits(c) ||
        !kerf__has_dot_us(c, form))
        return 0;
    for (int i = 0; i < KERF__QLINEAR_DEPTHWISE_NUM_TILES; i++)
        num += kerf__qlinear_depthwise_takes(c, &kerf__qlinear_depthwise_tiles[i]);
    return num > 0;
}

/* Cycles of one core. */
static double guess(const kerf__op_case *c, kerf_dot form)
{
    enum { A_TILE = 20, A_RESULT = 6, A_WORD = 3, A_GATHERED_WORD = 12 };
    const kerf__conv v = kerf__conv_of(c->node);
    const int pixels = c->option.candidate->parameters[0];
    const double words = kerf__ceil_div_int(pixels, share_of(&v.w));
    const double a_word = is_usual(&v.w) ? A_WORD : A_GATHERED_WORD;
    const double row = span_of(&v.w) * (words * a_word + kerf__dot_cycles(form) * pixels);
    return (double)v.n * kerf__ceil_div_int(v.groups, KERF__LANES) * v.h.dst *
           kerf__ceil_div_int(v.w.dst, pixels) * (v.h.kernel * row + A_TILE + A_RESULT * pixels) /
           (double)kerf_device_get_info(c->dev)->compute_units;
}

static kerf_status build(const kerf__op_case *c, kerf_dot form)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const cut k = cut_of(c, &v, c->option.candidate->parameters[0]);
    const int usual = is_usual(&v.w);
    const char *more = kerf__conv_bytes_options(c->node);
    kerf__arg args[KERF__MOST_CONV_ARGS];
    char options[160];
    int num = kerf__conv_bytes_args(c, &v, args);
    args[num++] = kerf__arg_local((size_t)k.bytes);
    args[num++] = kerf__arg_local((size_t)filter_bytes(c->node, &v));
    args[num++] = ARG(k.rows);
    args[num++] = ARG(k.cols);
    args[num++] = ARG((int)band_columns(&v, k.cols));
    snprintf(options, sizeof options, "%s%s -DTAPS=%d -DSTEP=%d%s%s%s",
             kerf__dot_options(c->dev, form), c->option.candidate->options, usual ? v.w.kernel : 0,
             usual ? v.w.stride : 0, kerf__conv_zeros_options(c->node), *more == '\0' ? "" : " ",
             more);
    return kerf__emit(c, &kerf__source_qlinear_conv_depthwise_wide, "qlinear_conv_depthwise_wide",
                      options, args, num,
                      kerf__grid_wide(kerf__ceil_div((size_t)v.groups, KERF__LANES),
                                      (size_t)kerf__ceil_div_int(v.h.dst, k.rows) *
                                          (size_t)kerf__ceil_div_int(v.w.dst, k.cols),
                                      (size_t)v.n));
}

#define FORM(name, form)                                                                           \
    int kerf__qlinear_depthwise_##name##_fits(const kerf__op_case *c)                              \
    {                                                                                              \
        return fits(c, form);                                                                      \
    }                                                                                              \
    double kerf__qlinear_depthwise_##name##_guess(const kerf__op_case *c)                          \
    {                                                                                              \
        return guess(c, form);                                                                     \
    }                                                                                              \
    kerf_status kerf__qlinear_depthwise_##name##_build(const kerf__op_case *c)                     \
    {                                                                                              \
        return build(c, form);                                                                     \
    }
KERF__QLINEAR_CONV_FORM_LIST(FORM)
