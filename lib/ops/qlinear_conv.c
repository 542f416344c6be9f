/* ops/qlinear_conv.c -- convolutions of bytes: shape rule, the table of variants, and the variant
 * that fits everything.
 *
 *     ConvInteger(x, w, x_zero_point?, w_zero_point?) -> sums in int32
 *     QLinearConv(x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point,
 *                 bias?, [r, r_scale, r_zero_point, sum_scale, sum_zero_point]) -> y, unrounded?
 *
 * x and w are uint8 or int8, each with or without a sign; scale and zero point of w may be one a
 * channel of the result.  The bias is int32, in units of x_scale * w_scale.  Padding is x's zero
 * point.  What ONNX does not know comes of fusing: attributes `low` and `high` bound the result, an
 * activation; and with r, a tensor like the result, the node is QLinearConv and, behind it,
 * com.microsoft.QLinearAdd(y, r), bit for bit.  `unrounded` has the floats that y is rounded and
 * bounded from, for gradients to read.
 *
 * qlinear_conv_plain: one work-item an element.  Device side: kernels/qlinear_conv.cl.
 * Definition: tests/ref/ref_qlinear_conv.c. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/conv_gather.h"
#include "ops/integer_common.h"
#include "ops/layout_common.h"
#include "ops/qlinear_conv_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_qlinear_conv;

/* ---- what a node has ----------------------------------------------------------------------- */

static int is_integer(const kerf_node *n)
{
    return strcmp(n->op, "ConvInteger") == 0;
}

static kerf__conv_bytes inputs_of(const kerf_node *n)
{
    static const kerf__conv_bytes INTEGER = {0,  1,  2,  3,  -1, -1, -1, -1,
                                             -1, -1, -1, -1, -1, -1, 0,  0};
    static const kerf__conv_bytes QLINEAR = {0, 3, 2, 5, 7, 1, 4, 6, 8, 9, 10, 11, 12, 13, 0, 0};
    static const kerf__conv_bytes SPARSE = {0, 3, 2, -1, 7, 1, 4, 6, 8, 9, 10, 11, 12, 13, 0, 0};
    return is_integer(n) ? INTEGER : kerf__node_is(n, "kerf.SparseQLinearConv") ? SPARSE : QLINEAR;
}

/* What says the type of the result; -1: int32. */
static int result_zero(const kerf_node *n, const kerf__conv_bytes *b)
{
    return kerf_node_input(n, b->other) != NULL ? b->sum_zero : b->y_zero;
}

kerf__conv_bytes kerf__conv_bytes_of(const kerf_node *n)
{
    kerf__conv_bytes b = inputs_of(n);
    const int least = kerf__has_sign(n, result_zero(n, &b)) ? INT8_MIN : 0;
    b.low = (int)kerf_node_int(n, "low", least);
    b.high = (int)kerf_node_int(n, "high", least + UINT8_MAX);
    return b;
}

/* ---- shapes -------------------------------------------------------------------------------- */

/* 1 if the floats behind the result are a result, too. */
static int is_unrounded(const kerf_node *n)
{
    return n->num_outputs > 1;
}

static kerf_status check_outputs(const kerf_node *n, int has_residual)
{
    const int most = is_integer(n) || has_residual ? 1 : 2;
    if (n->num_outputs >= 1 && n->num_outputs <= most)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_SHAPE, n, "it has %d outputs, must have 1%s", n->num_outputs,
                           most > 1 ? " or 2" : "");
}

/* What QLinearConv has beyond ConvInteger. */
static kerf_status check_result(const kerf_node *n, const kerf__conv_bytes *b, int64_t channels)
{
    KERF__TRY(kerf__node_check_numbers(n, b->x_scale, KERF_F32, KERF__ALONE));
    KERF__TRY(kerf__node_check_numbers(n, b->w_scale, KERF_F32, channels));
    KERF__TRY(kerf__node_check_numbers(n, b->y_scale, KERF_F32, KERF__ALONE));
    KERF__TRY(kerf__node_check_bytes(n, b->y_zero));
    KERF__TRY(kerf__node_check_numbers(n, b->y_zero, n->inputs[b->y_zero]->type, KERF__ALONE));
    return kerf__node_check_bounds(n, n->inputs[result_zero(n, b)]->type);
}

/* r is laid as the result is, and what says its meaning is all there. */
static kerf_status check_residual(const kerf_node *n, const kerf__conv_bytes *b, kerf_shape dst)
{
    for (int i = b->other; i <= b->sum_zero; i++)
        if (kerf_node_input(n, i) == NULL)
            return kerf__fail_node(KERF_ERR_SHAPE, n,
                                   "input %d is left out, must be there with a residual", i);
    KERF__TRY(kerf__node_check_shape(n, b->other, dst));
    KERF__TRY(kerf__node_check_numbers(n, b->other_scale, KERF_F32, KERF__ALONE));
    KERF__TRY(kerf__node_check_numbers(n, b->other_zero, n->inputs[b->other]->type, KERF__ALONE));
    KERF__TRY(kerf__node_check_numbers(n, b->sum_scale, KERF_F32, KERF__ALONE));
    KERF__TRY(kerf__node_check_bytes(n, b->sum_zero));
    return kerf__node_check_numbers(n, b->sum_zero, n->inputs[b->sum_zero]->type, KERF__ALONE);
}

kerf_status kerf__qlinear_conv_infer(kerf_node *n)
{
    const kerf__conv_bytes b = inputs_of(n);
    kerf__conv v = {0};
    KERF__TRY(kerf__conv_read(n, &v));
    KERF__TRY(check_outputs(n, v.has_residual));
    const int64_t channels = (int64_t)v.groups * v.dst_channels;
    const int64_t terms = (int64_t)v.src_channels * v.h.kernel * v.w.kernel;
    KERF__TRY(kerf__node_check_numbers(n, b.x_zero, n->inputs[b.x]->type, KERF__ALONE));
    KERF__TRY(kerf__node_check_numbers(n, b.w_zero, n->inputs[b.w]->type, channels));
    if (terms > KERF__LONGEST_SUM)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "sums have %lld terms, must have up to %d to fit int32",
                               (long long)terms, KERF__LONGEST_SUM);
    const kerf_shape plain = kerf__input_plain_shape(n, b.x);
    const kerf_shape dst = plain.rank == 3 ? KERF_SHAPE(v.n, channels, v.w.dst)
                                           : KERF_SHAPE(v.n, channels, v.h.dst, v.w.dst);
    const kerf_shape laid = kerf__layout_shape(kerf__output_layout(n, 0), dst);
    if (kerf_shape_num_elements(dst) < 0 || kerf_shape_num_elements(dst) >= (int64_t)1 << 31)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "the result has 2^31 elements or more, supported are fewer");
    if (v.has_residual)
        KERF__TRY(check_residual(n, &b, laid));
    if (!is_integer(n))
        KERF__TRY(check_result(n, &b, channels));
    kerf__set_output(n, 0, is_integer(n) ? KERF_S32 : n->inputs[result_zero(n, &b)]->type, laid);
    if (is_unrounded(n))
        kerf__set_output(n, 1, KERF_F32, laid);
    return KERF_OK;
}

static double macs(const kerf_node *n)
{
    const kerf__conv v = kerf__conv_of(n);
    return kerf__conv_macs(&v);
}

/* ---- launches ------------------------------------------------------------------------------ */

const char *kerf__conv_bytes_options(const kerf_node *n)
{
    return is_integer(n)                                              ? "-DINTEGER"
           : is_unrounded(n)                                          ? "-DUNROUNDED"
           : kerf_node_input(n, kerf__conv_bytes_of(n).other) != NULL ? "-DRESIDUAL"
                                                                      : "";
}

int kerf__conv_bytes_has_zeros(const kerf_node *n)
{
    const kerf__conv_bytes b = kerf__conv_bytes_of(n);
    return !kerf__has_no_zero(n, b.w, b.w_zero);
}

const char *kerf__conv_zeros_options(const kerf_node *n)
{
    return kerf__conv_bytes_has_zeros(n) ? " -DW_ZEROS" : "";
}

void kerf__conv_bytes_simt_options(const kerf__op_case *c, char *options, size_t options_bytes)
{
    const char *more = kerf__conv_bytes_options(c->node), *form = c->option.candidate->options;
    snprintf(options, options_bytes, "%s%s%s", more, *more == '\0' || *form == '\0' ? "" : " ",
             form);
}

enum { SIGN = 0x80 }; /* what flips bytes that have one */

static int residual_args(const kerf__op_case *c, const kerf__conv_bytes *b, kerf__arg *args,
                         int num)
{
    const int buffers[] = {b->other, b->other_zero, b->sum_zero, b->other_scale, b->sum_scale};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        args[num++] = ARG(kerf__in(c, buffers[i]));
    args[num++] = ARG(SIGN * kerf__has_sign(c->node, b->other));
    args[num++] = ARG(SIGN * kerf__has_sign(c->node, b->sum_zero));
    return num;
}

int kerf__conv_bytes_args(const kerf__op_case *c, const kerf__conv *v, kerf__arg *args)
{
    const kerf_node *n = c->node;
    const kerf__conv_bytes b = kerf__conv_bytes_of(n);
    const kerf__conv_axis h = v->h, w = v->w;
    const int buffers[] = {b.x_zero, b.w_zero, b.y_zero, b.x_scale, b.w_scale, b.y_scale, b.bias};
    const int numbers[] = {kerf_node_input(n, b.x_zero) != NULL,
                           kerf_node_input(n, b.w_zero) != NULL,
                           v->has_bias,
                           kerf__has_many(n, b.w_zero),
                           kerf__has_many(n, b.w_scale),
                           SIGN * kerf__has_sign(n, b.x),
                           SIGN * kerf__has_sign(n, b.w),
                           SIGN * kerf__has_sign(n, b.y_zero),
                           b.low,
                           b.high,
                           v->groups,
                           v->src_channels,
                           v->dst_channels,
                           h.src,
                           w.src,
                           h.dst,
                           w.dst,
                           h.kernel,
                           w.kernel,
                           h.stride,
                           w.stride,
                           h.dilation,
                           w.dilation,
                           h.pad,
                           w.pad};
    int num = 0;
    args[num++] = ARG(kerf__in(c, b.x));
    args[num++] = ARG(kerf__in(c, b.w));
    args[num++] = ARG(kerf__out(c, 0));
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        args[num++] = kerf__numbers_arg(c, buffers[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        args[num++] = ARG(numbers[i]);
    if (is_unrounded(n))
        args[num++] = ARG(kerf__out(c, 1));
    return v->has_residual ? residual_args(c, &b, args, num) : num;
}

/* ---- plain --------------------------------------------------------------------------------- */

static int fits_plain(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    return kerf__conv_is_plain(c->node) && kerf__fits_31_bits(c) &&
           kerf__conv_loop_fits(c, (int64_t)v.src_channels * v.h.kernel * v.w.kernel);
}

/* Cycles of one core, as for Conv. */
static double guess_plain(const kerf__op_case *c)
{
    enum { A_PRODUCT = 7 };
    return 64.0 + A_PRODUCT * macs(c->node);
}

static kerf_status build_plain(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const int num_elements = (int)kerf__value_elements(c->node->outputs[0]);
    kerf__arg args[KERF__MOST_CONV_ARGS];
    int num = kerf__conv_bytes_args(c, &v, args);
    args[num++] = ARG(num_elements);
    return kerf__emit(c, &kerf__source_qlinear_conv, "qlinear_conv_plain",
                      kerf__conv_bytes_options(c->node), args, num,
                      kerf__grid_items((size_t)num_elements));
}

/* ---- the table ----------------------------------------------------------------------------- */

#define PLAIN_VARIANTS                                                                             \
    {.name = "qlinear_conv_plain",                                                                 \
     .fits = fits_plain,                                                                           \
     .guess = guess_plain,                                                                         \
     .build = build_plain},                                                                        \
    {                                                                                              \
        .name = "qlinear_conv_simt", .fits = kerf__qlinear_conv_simt_fits,                         \
        .guess = kerf__qlinear_conv_simt_guess, .build = kerf__qlinear_conv_simt_build,            \
        .candidates = kerf__dots_ss, .num_candidates = KERF__NUM_DOTS_SS,                          \
        .takes = kerf__takes_dot_ss                                                                \
    }

#define WIDE(form, dot)                                                                            \
    {.name = "qlinear_conv_" #form,                                                                \
     .wide = 1,                                                                                    \
     .fits = kerf__qlinear_conv_##form##_fits,                                                     \
     .guess = kerf__qlinear_conv_##form##_guess,                                                   \
     .build = kerf__qlinear_conv_##form##_build,                                                   \
     .candidates = kerf__qlinear_conv_tiles,                                                       \
     .num_candidates = KERF__QLINEAR_CONV_NUM_TILES,                                               \
     .takes = kerf__qlinear_conv_takes},

#define FEW(form, dot)                                                                             \
    {.name = "qlinear_conv_few_" #form,                                                            \
     .wide = 1,                                                                                    \
     .fits = kerf__qlinear_few_##form##_fits,                                                      \
     .guess = kerf__qlinear_few_##form##_guess,                                                    \
     .build = kerf__qlinear_few_##form##_build,                                                    \
     .candidates = kerf__qlinear_few_tiles,                                                        \
     .num_candidates = KERF__QLINEAR_FEW_NUM_TILES,                                                \
     .takes = kerf__qlinear_few_takes},

#define DEPTHWISE(form, dot)                                                                       \
    {.name = "qlinear_conv_depthwise_" #form,                                                      \
     .wide = 1,                                                                                    \
     .fits = kerf__qlinear_depthwise_##form##_fits,                                                \
     .guess = kerf__qlinear_depthwise_##form##_guess,                                              \
     .build = kerf__qlinear_depthwise_##form##_build,                                              \
     .candidates = kerf__qlinear_depthwise_tiles,                                                  \
     .num_candidates = KERF__QLINEAR_DEPTHWISE_NUM_TILES,                                          \
     .takes = kerf__qlinear_depthwise_takes},

static const kerf__variant VARIANTS[] = {
    KERF__QLINEAR_CONV_FORM_LIST(WIDE) /* the fastest first */
    KERF__QLINEAR_CONV_FORM_LIST(FEW) KERF__QLINEAR_CONV_FORM_LIST(DEPTHWISE) PLAIN_VARIANTS,
    {.name = "qlinear_conv_depthwise_simt",
     .fits = kerf__qlinear_depthwise_simt_fits,
     .guess = kerf__qlinear_depthwise_simt_guess,
     .build = kerf__qlinear_depthwise_simt_build,
     .candidates = kerf__dots_ss,
     .num_candidates = KERF__NUM_DOTS_SS,
     .takes = kerf__takes_dot_ss},
};

/* Whose sums are the result. */
static const kerf__variant INTEGER_VARIANTS[] = {PLAIN_VARIANTS};

#define ENTRY(name, least, most, wish, table)                                                      \
    {                                                                                              \
        .op = name, .min_inputs = least, .max_inputs = most, .num_outputs = -1,                    \
        .infer = kerf__qlinear_conv_infer, .macs = macs, .layouts = wish, .variants = table,       \
        .num_variants = sizeof table / sizeof table[0]                                             \
    }

extern const kerf__op kerf__ops_qlinear_conv[];
const kerf__op kerf__ops_qlinear_conv[] = {
    ENTRY("ConvInteger", 2, 4, NULL, INTEGER_VARIANTS),
    ENTRY("QLinearConv", 8, 14, kerf__qlinear_conv_wish, VARIANTS),
    {.op = NULL},
};
