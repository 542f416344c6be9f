/* ops/conv.c -- Conv, ConvTranspose and their gradients: shape rules, gradient rules, the table
 * of variants, and the variant that fits everything.
 *
 *     Conv(src, weights, bias?, residual?) -> dst
 *     ConvTranspose(dst, weights, bias?) -> src
 *     kerf.ConvGradInput(diff_dst, weights) -> diff_src, its size in attribute output_shape
 *     kerf.ConvGradWeights(src, diff_dst) -> diff_weights, their size in kernel_shape
 *
 * The gradients take strides, pads, dilations and group as Conv does; what auto_pad meant is
 * written out.  residual is what fusing adds: no file has it (attribute `residual`, which ONNX
 * does not know, says that it is there).
 *
 * conv_plain: one work-item an element.  Tiles for GPUs are in conv_simt.c, and what suits
 * depth-wise convolutions there in conv_direct.c: these take plain NCHW.  For CPU devices, where
 * the plan lays operands out in blocks, tiles are in conv_wide.c, conv_batch.c and
 * conv_weights_*.c, and depth-wise convolutions in conv_depthwise_wide.c.
 * Device side: kernels/conv.cl.  Definition: tests/ref/ref_conv.c. */
#include "ops/conv_common.h"

#include <string.h>

#include "base/fail.h"
#include "ops/conv_simt.h"
#include "ops/conv_wide.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_conv;

/* ---- shapes -------------------------------------------------------------------------------- */

static kerf_shape output_shape(const kerf_node *n, const kerf__conv *v)
{
    const int64_t src_channels = (int64_t)v->groups * v->src_channels;
    const int64_t dst_channels = (int64_t)v->groups * v->dst_channels;
    const kerf_shape shapes[] = {
        [KERF__CONV_DST] = KERF_SHAPE(v->n, dst_channels, v->h.dst, v->w.dst),
        [KERF__CONV_SRC] = KERF_SHAPE(v->n, src_channels, v->h.src, v->w.src),
        [KERF__CONV_WEIGHTS] = KERF_SHAPE(dst_channels, v->src_channels, v->h.kernel, v->w.kernel),
    };
    kerf_shape out = shapes[v->direction];
    out.rank = kerf__input_plain_shape(n, 0).rank;
    if (out.rank == 3)
        out.dims[2] = out.dims[3];
    return out;
}

/* Blocks that some variant takes: those that kerf__conv_wish asks for. */
static kerf_status check_layouts(const kerf_node *n, const kerf__conv *v)
{
    const kerf__layout second = kerf__input_layout(n, 1);
    if (second == (kerf__conv_is_plain(n) ? KERF__PLAIN : kerf__conv_second_layout(v)) ||
        (second == KERF__W16 && kerf__conv_is_winograd(v)))
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_ARGUMENT, n, "its layouts are those of another operation");
}

static kerf_status infer(kerf_node *n)
{
    kerf__conv v = {0};
    n->outputs[0]->type = KERF_F32; /* no shape rule gives halves: halves.c */
    KERF__TRY(kerf__conv_read(n, &v));
    KERF__TRY(check_layouts(n, &v));
    const kerf_shape out = kerf__layout_shape(kerf__output_layout(n, 0), output_shape(n, &v));
    const int64_t num = kerf_shape_num_elements(out);
    if (num < 0 || num >= (int64_t)1 << 31)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "the result has 2^31 elements or more, supported are fewer");
    if (n->num_inputs > 3 && kerf_node_int(n, "residual", 0) == 0)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "has 4 inputs, supported are up to 3");
    if (v.has_residual)
        KERF__TRY(kerf__node_check_shape(n, 3, out));
    kerf__set_output(n, 0, KERF_F32, out);
    return KERF_OK;
}

static double macs(const kerf_node *n)
{
    const kerf__conv v = kerf__conv_of(n);
    return kerf__conv_macs(&v);
}

/* ---- gradients ----------------------------------------------------------------------------- */

/* A list with one number for each axis of the image. */
static kerf_status set_axes(kerf_node *n, const char *key, int rank, int of_h, int of_w)
{
    const int64_t both[] = {of_h, of_w};
    return kerf_node_set_ints(n, key, rank == 4 ? both : both + 1, (size_t)rank - 2);
}

/* What auto_pad, output_padding and output_shape meant, as pads. */
static kerf_status set_window(kerf_node *n, int rank, const kerf__conv *v)
{
    const int64_t pads[] = {v->h.pad, v->w.pad, v->h.pad_end, v->w.pad_end};
    const int64_t pads_1d[] = {v->w.pad, v->w.pad_end};
    KERF__TRY(set_axes(n, "kernel_shape", rank, v->h.kernel, v->w.kernel));
    KERF__TRY(set_axes(n, "strides", rank, v->h.stride, v->w.stride));
    KERF__TRY(set_axes(n, "dilations", rank, v->h.dilation, v->w.dilation));
    KERF__TRY(kerf_node_set_ints(n, "pads", rank == 4 ? pads : pads_1d, rank == 4 ? 4 : 2));
    return kerf_node_set_int(n, "group", v->groups);
}

/* Adds the node that computes `direction` of n's convolution to the gradient of input `to`. */
static kerf_status add_product(kerf__gradients *grads, const kerf_node *n, const kerf__conv *v,
                               kerf__conv_direction direction, int to, kerf_value *const *inputs)
{
    static const char *const OPS[] = {"Conv", "kerf.ConvGradInput", "kerf.ConvGradWeights"};
    const int rank = n->inputs[0]->shape.rank;
    kerf_node *node;
    if (!kerf__gradient_wanted(grads, n->inputs[to]))
        return KERF_OK;
    KERF__TRY(kerf__gradient_add_node(grads, OPS[direction], n, to == 0 ? "grad.x" : "grad.w",
                                      inputs, 2, &node));
    KERF__TRY(set_window(node, rank, v));
    if (direction == KERF__CONV_SRC)
        KERF__TRY(set_axes(node, "output_shape", rank, v->h.src, v->w.src));
    KERF__TRY(kerf__node_infer(node));
    return kerf__gradient_add(grads, n->inputs[to], node->outputs[0]);
}

/* Sums over all but the channels. */
static kerf_status add_bias(kerf__gradients *grads, const kerf_node *n, kerf_value *diff)
{
    static const int64_t AXES[] = {0, 2, 3};
    kerf_node *sum;
    if (n->num_inputs < 3 || !kerf__gradient_wanted(grads, n->inputs[2]))
        return KERF_OK;
    KERF__TRY(kerf__gradient_add_node(grads, "ReduceSum", n, "grad.b", &diff, 1, &sum));
    KERF__TRY(kerf_node_set_ints(sum, "axes", AXES, (size_t)diff->shape.rank - 1));
    KERF__TRY(kerf_node_set_int(sum, "keepdims", 0));
    KERF__TRY(kerf__node_infer(sum));
    return kerf__gradient_add(grads, n->inputs[2], sum->outputs[0]);
}

static kerf_status gradient_conv(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    const kerf__conv v = kerf__conv_of(n);
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(add_product(grads, n, &v, KERF__CONV_SRC, 0, (kerf_value *[]){diff, n->inputs[1]}));
    KERF__TRY(
        add_product(grads, n, &v, KERF__CONV_WEIGHTS, 1, (kerf_value *[]){n->inputs[0], diff}));
    return add_bias(grads, n, diff);
}

static kerf_status gradient_transpose(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    const kerf__conv v = kerf__conv_of(n);
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(add_product(grads, n, &v, KERF__CONV_DST, 0, (kerf_value *[]){diff, n->inputs[1]}));
    KERF__TRY(
        add_product(grads, n, &v, KERF__CONV_WEIGHTS, 1, (kerf_value *[]){diff, n->inputs[0]}));
    return add_bias(grads, n, diff);
}

/* ---- plain --------------------------------------------------------------------------------- */

/* Terms of one element's sum. */
static int64_t num_terms(const kerf__conv *v)
{
    const int64_t taps = (int64_t)v->h.kernel * v->w.kernel;
    return v->direction == KERF__CONV_DST   ? v->src_channels * taps
           : v->direction == KERF__CONV_SRC ? v->dst_channels * taps
                                            : (int64_t)v->n * v->h.dst * v->w.dst;
}

/* A sum that goes on from what the last launch left is one of floats. */
static int fits_plain(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    return kerf__conv_is_plain(c->node) &&
           (!kerf__stores_halves(c->node) || num_terms(&v) <= KERF__MOST_ITERATIONS);
}

/* Cycles of one core, as for Gemm: so many a multiply-add on Zen 4 under PoCL.  Whether a pixel
 * of src meets one of dst is divided for every tap. */
static double guess_plain(const kerf__op_case *c)
{
    static const double CYCLES[] = {7, 29, 11};
    const kerf__conv v = kerf__conv_of(c->node);
    return 64.0 + CYCLES[v.direction] * kerf__conv_macs(&v);
}

/* No launch adds more than llvmpipe lets a loop turn; a long sum goes on from what the last one
 * left in the result. */
static kerf_status build_plain(const kerf__op_case *c)
{
    static const char *const ENTRIES[] = {"conv_plain_dst", "conv_plain_src", "conv_plain_weights"};
    const kerf__conv v = kerf__conv_of(c->node);
    const kerf__conv_axis h = v.h, w = v.w;
    const int num = (int)kerf__value_elements(c->node->outputs[0]), terms = (int)num_terms(&v);
    int first = 0, last;
    do {
        last = terms - first > KERF__MOST_ITERATIONS ? first + KERF__MOST_ITERATIONS : terms;
        KERF__TRY(kerf__emit(
            c, &kerf__source_conv, ENTRIES[v.direction], "",
            KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__conv_bias(c, &v)),
                       ARG(kerf__conv_residual(c, &v)), ARG(kerf__out(c, 0)), ARG(v.groups),
                       ARG(v.src_channels), ARG(v.dst_channels), ARG(h.src), ARG(w.src), ARG(h.dst),
                       ARG(w.dst), ARG(h.kernel), ARG(w.kernel), ARG(h.stride), ARG(w.stride),
                       ARG(h.dilation), ARG(w.dilation), ARG(h.pad), ARG(w.pad), ARG(v.has_bias),
                       ARG(v.has_residual), ARG(v.activation.slope), ARG(v.activation.low),
                       ARG(v.activation.high), ARG(num), ARG(first), ARG(last), ARG(terms)),
            kerf__grid_items((size_t)num)));
        first = last;
    } while (last < terms);
    return KERF_OK;
}

/* ---- the table ----------------------------------------------------------------------------- */

/* What may be stored as halves: all but the bias. */
enum { SRC = 1, WEIGHTS = 2, RESIDUAL = 8 };

/* Plain layouts, every direction. */
#define PLAIN_VARIANTS                                                                             \
    {.name = "conv_plain",                                                                         \
     .halves = 1,                                                                                  \
     .fits = fits_plain,                                                                           \
     .guess = guess_plain,                                                                         \
     .build = build_plain},                                                                        \
        {.name = "conv_direct",                                                                    \
         .halves = 1,                                                                              \
         .fits = kerf__conv_direct_fits,                                                           \
         .guess = kerf__conv_direct_guess,                                                         \
         .build = kerf__conv_direct_build},                                                        \
    {                                                                                              \
        .name = "conv_simt", .halves = 1, .fits = kerf__conv_simt_fits,                            \
        .guess = kerf__conv_simt_guess, .scratch_bytes = kerf__conv_simt_scratch,                  \
        .build = kerf__conv_simt_build                                                             \
    }

static const kerf__variant VARIANTS[] = {
    {.name = "conv_wide",
     .wide = 1,
     .halves = 1,
     .fits = kerf__conv_wide_fits,
     .guess = kerf__conv_wide_guess,
     .build = kerf__conv_wide_build,
     .candidates = kerf__conv_wide_candidates,
     .num_candidates = KERF__CONV_NUM_WIDE},
    {.name = "conv_batch",
     .wide = 1,
     .halves = 1,
     .fits = kerf__conv_batch_fits,
     .guess = kerf__conv_batch_guess,
     .build = kerf__conv_batch_build,
     .candidates = kerf__conv_batch_candidates,
     .num_candidates = KERF__CONV_NUM_BATCH},
    {.name = "conv_winograd",
     .wide = 1,
     .halves = 1,
     .fits = kerf__conv_winograd_fits,
     .guess = kerf__conv_winograd_guess,
     .build = kerf__conv_winograd_build,
     .candidates = kerf__conv_winograd_candidates,
     .num_candidates = KERF__CONV_NUM_WINOGRAD},
    {.name = "conv_depthwise_wide",
     .wide = 1,
     .halves = 1,
     .fits = kerf__conv_depthwise_wide_fits,
     .guess = kerf__conv_depthwise_wide_guess,
     .build = kerf__conv_depthwise_wide_build,
     .candidates = kerf__conv_depthwise_candidates,
     .num_candidates = KERF__CONV_NUM_DEPTHWISE},
    PLAIN_VARIANTS,
};

static const kerf__variant WEIGHTS_VARIANTS[] = {
    {.name = "conv_weights_wide",
     .wide = 1,
     .fits = kerf__conv_weights_wide_fits,
     .guess = kerf__conv_weights_wide_guess,
     .build = kerf__conv_weights_wide_build,
     .candidates = kerf__conv_weights_wide_candidates,
     .num_candidates = KERF__CONV_NUM_WEIGHTS_WIDE},
    {.name = "conv_weights_batch",
     .wide = 1,
     .fits = kerf__conv_weights_batch_fits,
     .guess = kerf__conv_weights_batch_guess,
     .build = kerf__conv_weights_batch_build,
     .candidates = kerf__conv_weights_batch_candidates,
     .num_candidates = KERF__CONV_NUM_WEIGHTS_BATCH},
    {.name = "conv_depthwise_weights_wide",
     .wide = 1,
     .fits = kerf__conv_depthwise_weights_wide_fits,
     .build = kerf__conv_depthwise_weights_wide_build},
    PLAIN_VARIANTS,
};

#define ENTRY(name, inputs, rule, table, stored)                                                   \
    {                                                                                              \
        .op = name, .min_inputs = 2, .max_inputs = inputs, .num_outputs = 1, .infer = infer,       \
        .gradient = rule, .macs = macs, .layouts = kerf__conv_wish, .variants = table,             \
        .num_variants = sizeof table / sizeof table[0], .halves = stored                           \
    }

extern const kerf__op kerf__ops_conv[];
const kerf__op kerf__ops_conv[] = {
    ENTRY("Conv", 4, gradient_conv, VARIANTS, SRC | WEIGHTS | RESIDUAL),
    ENTRY("ConvTranspose", 3, gradient_transpose, VARIANTS, SRC | WEIGHTS),
    ENTRY("kerf.ConvGradInput", 2, NULL, VARIANTS, SRC | WEIGHTS),
    ENTRY("kerf.ConvGradWeights", 2, NULL, WEIGHTS_VARIANTS, 0),
    {.op = NULL},
};
