/* ops/qlinear_conv_depthwise_wide.c -- depth-wise convolutions of bytes for CPU devices, in blocks
 * of 16 channels: when they pay, and how planes are cut into items.
 *
 * The variants are those of qlinear_conv_wide.c, by the form of the dot product.  A candidate's
 * name is the pixels of its tile.
 *
 * Device side: kernels/qlinear_conv_depthwise_wide.cl.  Of floats: conv_depthwise_wide.c. */
#include <stdio.h>

#include "ops/integer_common.h"
#include "ops/layout_common.h"
#include "ops/qlinear_conv_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_qlinear_conv_depthwise_wide;

const kerf__candidate kerf__qlinear_depthwise_tiles[KERF__QLINEAR_DEPTHWISE_NUM_TILES] = {
    {"7", " -DNP=7", {7}},
    {"14", " -DNP=14", {14}},
};

/* Rows of taps in a word of a dot product, and how many words filters have from top to bottom. */
static int rows_a_word(const kerf__conv *v)
{
    return v->h.kernel < KERF__WORD ? v->h.kernel : KERF__WORD;
}

static int words_down(const kerf__conv *v)
{
    return kerf__ceil_div_int(v->h.kernel, KERF__WORD);
}

static double filter_bytes(const kerf__conv *v)
{
    return (double)words_down(v) * v->w.kernel * KERF__LANES * KERF__WORD;
}

int kerf__qlinear_depthwise_is_wished(const kerf__conv *v)
{
    enum { FEW_CHANNELS = 8, MOST_BYTES = 24 << 10 }; /* fit the local memory of every CPU device */
    return kerf__conv_is_depthwise(v) && v->n > 0 && v->h.src > 0 && v->groups >= FEW_CHANNELS &&
           filter_bytes(v) <= MOST_BYTES;
}

/* ---- the variants -------------------------------------------------------------------------- */

static int fits(const kerf__op_case *c, kerf_dot form)
{
    const kerf__conv_bytes b = kerf__conv_bytes_of(c->node);
    return kerf__input_layout(c->node, b.w) == KERF__O16 && kerf__fits_31_bits(c) &&
           kerf__has_dot_us(c, form);
}

/* Cycles of one core. */
static double guess(const kerf__op_case *c, kerf_dot form)
{
    enum { A_TILE = 20, A_RESULT = 9 };
    const kerf__conv v = kerf__conv_of(c->node);
    const int pixels = c->option.candidate->parameters[0];
    const double columns = (pixels - 1.0) * v.w.stride + v.w.kernel;
    const double words = columns * (2 * rows_a_word(&v) + 1);
    const double tile = words_down(&v) * (words + kerf__dot_cycles(form) * pixels * v.w.kernel);
    return (double)v.n * kerf__ceil_div_int(v.groups, KERF__LANES) * v.h.dst *
           kerf__ceil_div_int(v.w.dst, pixels) * (tile + A_TILE + A_RESULT * pixels) /
           (double)kerf_device_get_info(c->dev)->compute_units;
}

/* Filters across that are spelled out. */
static int is_usual(const kerf__conv_axis *a)
{
    return (a->kernel == 3 || a->kernel == 5) && a->stride <= 2 && a->dilation == 1;
}

static kerf_status build(const kerf__op_case *c, kerf_dot form)
{
    enum { ITEM_PIXELS = 512 }; /* about a microsecond: cores end together */
    const kerf__conv v = kerf__conv_of(c->node);
    const int usual = is_usual(&v.w), rows = ITEM_PIXELS / (v.w.dst + 1) + 1;
    const char *more = kerf__conv_bytes_options(c->node);
    kerf__arg args[KERF__MOST_CONV_ARGS];
    char options[160];
    int num = kerf__conv_bytes_args(c, &v, args);
    args[num++] = kerf__arg_local((size_t)filter_bytes(&v));
    args[num++] = ARG(rows);
    snprintf(options, sizeof options, "%s%s -DROWS=%d -DTAPS=%d -DSTEP=%d%s%s",
             kerf__dot_options(c->dev, form), c->option.candidate->options, rows_a_word(&v),
             usual ? v.w.kernel : 0, usual ? v.w.stride : 0, *more == '\0' ? "" : " ", more);
    return kerf__emit(c, &kerf__source_qlinear_conv_depthwise_wide, "qlinear_conv_depthwise_wide",
                      options, args, num,
                      kerf__grid_wide(kerf__ceil_div((size_t)v.h.dst, (size_t)rows),
                                      (size_t)v.n * kerf__ceil_div((size_t)v.groups, KERF__LANES),
                                      1));
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
