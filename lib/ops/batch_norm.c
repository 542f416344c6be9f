/* ops/batch_norm.c -- BatchNormalization and its gradient.
 *
 *     BatchNormalization(src (N, C, ...), scale (C), bias, mean, variance)
 *         -> dst, [next mean, next variance, [saved mean, saved inverse deviation]]
 *     kerf.BatchNormGrad(src, diff_dst, scale, mean, spread) -> diff_src, diff_scale, diff_bias
 *
 * With training_mode 1 the statistics are the batch's; they are joined from parts (two passes
 * over src, one of them in the cache) and the running ones move on: kept * momentum + batch's *
 * (1 - momentum).  The variance that normalises is the biased one; the running one is that as
 * well, as ONNX says, but where the plan trains (attribute "unbiased"), which does what PyTorch
 * does.  The last two outputs are Kerf's own, for the gradient; `spread` is the saved inverse
 * deviation, or in the other mode the variance.
 *
 * Where several devices share a batch, each of the two is cut where others have to be asked, and
 * takes what all have found as a last input:
 *
 *     kerf.BatchNormMoments(src) -> moments (2, C): mean, sum of squares about it
 *     BatchNormalization(..., moments)
 *     kerf.BatchNormSums(src, diff_dst, scale, mean, spread) -> diff_scale, diff_bias, factors (3,
 * C) kerf.BatchNormGrad(..., factors) -> diff_src
 *
 * The attribute "total" says of how many elements a channel all statistics are; diff_scale and
 * diff_bias are sums over src alone.  factors: inv scale, and what is taken off diff_dst, and off
 * it by src: rows 1 and 2 are sums, to which others add theirs.
 *
 * Device side: kernels/batch_norm.cl, and batch_norm_wide.c for CPU devices; launches:
 * batch_norm_common.c.  Definition: tests/ref/ref_batch_norm.c. */
#include "ops/batch_norm_common.h"

#include <limits.h>
#include <string.h>

#include "base/fail.h"

extern const kerf__source kerf__source_batch_norm;

enum { SCALE = 1, BIAS, MEAN, VARIANCE, MOMENTS }; /* inputs */
enum { NEXT_MEAN = 1, NEXT_VARIANCE, SAVED_MEAN, SAVED_INV, NUM_OUTPUTS };
enum { MOMENT_ROWS = 2, FACTOR_ROWS = 3 };

/* ---- shapes -------------------------------------------------------------------------------- */

static int64_t channels_of(const kerf_node *n)
{
    const kerf__batch_norm_kind *kind = kerf__batch_norm_kind_of(n);
    const kerf_shape src = n->inputs[0]->shape;
    if (kerf__node_attribute(n, "layouts") == NULL || kind->num_statistics == 0)
        return src.dims[1];
    return kerf__value_elements(n->inputs[kind->first]);
}

static kerf_status check_channels(const kerf_node *n)
{
    char text[128];
    const kerf__batch_norm_kind *kind = kerf__batch_norm_kind_of(n);
    const kerf_shape src = n->inputs[0]->shape;
    const int last = kind->first + kind->num_statistics;
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    if (src.rank < 2)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "input is %s, must be (N, C) or more",
                               kerf_shape_text(src, text, sizeof text));
    for (int i = kind->first; i < last; i++) {
        KERF__TRY(kerf__node_check_type(n, i, KERF_F32));
        KERF__TRY(kerf__node_check_shape(n, i, KERF_SHAPE(channels_of(n))));
    }
    if (n->num_inputs <= last)
        return KERF_OK;
    KERF__TRY(kerf__node_check_type(n, last, KERF_F32));
    return kerf__node_check_shape(n, last, KERF_SHAPE(kind->num_rows, channels_of(n)));
}

/* Kernels count them in 31 bits. */
static kerf_status check_total(const kerf_node *n)
{
    const int64_t total = kerf_node_int(n, "total", 1);
    if (total < 1 || total > INT_MAX)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "statistics are of %lld numbers, must be of 1 to %d",
                               (long long)total, INT_MAX);
    return KERF_OK;
}

static kerf_status infer(kerf_node *n)
{
    KERF__TRY(check_channels(n));
    KERF__TRY(check_total(n));
    const kerf__batch_norm b = kerf__batch_norm_read(n);
    if (n->num_inputs > MOMENTS && (!b.training || kerf__node_attribute(n, "total") == NULL))
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "has %d inputs, must have %d",
                               n->num_inputs, MOMENTS);
    if (!(b.epsilon >= 0))
        return kerf__fail_node(KERF_ERR_SHAPE, n, "epsilon is %g, must be at least 0",
                               (double)b.epsilon);
    if (b.training && b.images * b.pixels == 0)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "there is nothing to take statistics of");
    if (n->num_outputs == 2 || n->num_outputs == 4)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "has %d outputs, must have 1, 3 or %d",
                               n->num_outputs, NUM_OUTPUTS);
    kerf__set_output(n, 0, KERF_F32, n->inputs[0]->shape);
    for (int i = 1; i < NUM_OUTPUTS; i++)
        kerf__set_output(n, i, KERF_F32, n->inputs[MEAN]->shape);
    return KERF_OK;
}

static kerf_status check_gradient(const kerf_node *n)
{
    KERF__TRY(check_channels(n));
    KERF__TRY(check_total(n));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_F32));
    return kerf__node_check_shape(n, 1, n->inputs[0]->shape);
}

static kerf_status infer_grad(kerf_node *n)
{
    KERF__TRY(check_gradient(n));
    kerf__set_output(n, 0, KERF_F32, n->inputs[0]->shape);
    kerf__set_output(n, 1, KERF_F32, n->inputs[2]->shape);
    kerf__set_output(n, 2, KERF_F32, n->inputs[2]->shape);
    return KERF_OK;
}

/* Blocks hide how many channels there are. */
static kerf_status infer_moments(kerf_node *n)
{
    const int64_t channels = kerf_node_int(n, "channels", 0);
    KERF__TRY(check_channels(n));
    if (kerf__node_attribute(n, "layouts") == NULL && channels != n->inputs[0]->shape.dims[1])
        return kerf__fail_node(KERF_ERR_SHAPE, n, "has %lld channels, must have %lld",
                               (long long)channels, (long long)n->inputs[0]->shape.dims[1]);
    kerf__set_output(n, 0, KERF_F32, KERF_SHAPE(MOMENT_ROWS, channels));
    return KERF_OK;
}

static kerf_status infer_sums(kerf_node *n)
{
    KERF__TRY(check_gradient(n));
    kerf__set_output(n, 0, KERF_F32, n->inputs[2]->shape);
    kerf__set_output(n, 1, KERF_F32, n->inputs[2]->shape);
    kerf__set_output(n, 2, KERF_F32, KERF_SHAPE(FACTOR_ROWS, n->inputs[2]->shape.dims[0]));
    return KERF_OK;
}

/* src, and beside it its gradient. */
static kerf__wish wish_inputs(const kerf_node *n, kerf__layouts *out)
{
    if (kerf__layout_shape(KERF__C16, n->inputs[0]->shape).rank < 4)
        return KERF__STAYS;
    for (int i = 0; i < kerf__batch_norm_kind_of(n)->first; i++)
        out->inputs[i] = KERF__C16;
    return KERF__FOLLOWS;
}

static kerf__wish wish(const kerf_node *n, kerf__layouts *out)
{
    const kerf__wish found = wish_inputs(n, out);
    out->outputs[0] = found == KERF__FOLLOWS ? KERF__C16 : KERF__PLAIN;
    return found;
}

/* ---- the gradient -------------------------------------------------------------------------- */

/* The statistics of the batch, which the node may not have written so far. */
static kerf_status need_saved(kerf_graph *g, kerf_node *n)
{
    kerf_value *added;
    while (n->num_outputs < NUM_OUTPUTS)
        KERF__TRY(kerf__graph_add_output_value(g, n, NULL, &added));
    return infer(n);
}

/* A node that has the forward one's attributes, and `num` outputs. */
static kerf_status add_node(kerf__gradients *grads, const char *op, kerf_node *like,
                            kerf_value *const *inputs, int num_inputs, int num, kerf_node **out)
{
    kerf_value *added;
    KERF__TRY(kerf__gradient_add_node(grads, op, like, "grad", inputs, num_inputs, out));
    KERF__TRY(kerf__node_copy_attributes(*out, like));
    for (int i = 1; i < num; i++)
        KERF__TRY(kerf__graph_add_output_value(grads->graph, *out, NULL, &added));
    return kerf__node_infer(*out);
}

/* The gradients of src, scale and bias, by two nodes where others are asked in between. */
static kerf_status add_nodes(kerf__gradients *grads, kerf_node *n, kerf_value **inputs /* 6 */,
                             kerf_value **out)
{
    kerf_node *sums, *node;
    if (n->num_inputs <= MOMENTS) {
        KERF__TRY(add_node(grads, "kerf.BatchNormGrad", n, inputs, 5, 3, &node));
        memcpy(out, node->outputs, 3 * sizeof *out);
        return KERF_OK;
    }
    KERF__TRY(add_node(grads, "kerf.BatchNormSums", n, inputs, 5, 3, &sums));
    inputs[5] = sums->outputs[2];
    KERF__TRY(add_node(grads, "kerf.BatchNormGrad", n, inputs, 6, 1, &node));
    out[0] = node->outputs[0];
    memcpy(out + 1, sums->outputs, 2 * sizeof *out);
    return KERF_OK;
}

static kerf_status gradient(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *diffs[3];
    const int training = kerf_node_int(n, "training_mode", 0) != 0;
    int wanted = 0;
    for (int i = 0; i <= BIAS; i++)
        wanted |= kerf__gradient_wanted(grads, n->inputs[i]);
    if (diff == NULL || !wanted)
        return KERF_OK;
    if (training)
        KERF__TRY(need_saved(grads->graph, n));
    kerf_value *inputs[6] = {n->inputs[0], diff, n->inputs[SCALE],
                             training ? n->outputs[SAVED_MEAN] : n->inputs[MEAN],
                             training ? n->outputs[SAVED_INV] : n->inputs[VARIANCE]};
    KERF__TRY(add_nodes(grads, n, inputs, diffs));
    for (int i = 0; i <= BIAS; i++)
        if (kerf__gradient_wanted(grads, n->inputs[i]))
            KERF__TRY(kerf__gradient_add(grads, n->inputs[i], diffs[i]));
    return KERF_OK;
}

/* ---- SIMT ---------------------------------------------------------------------------------- */

/* 64 elements to each item of a group, which it finds in the cache again. */
static void cut_simt(kerf__batch_norm *b)
{
    kerf__batch_norm_cut(b, b->pixels > 1 ? 4096 : 256, 1);
}

static int group_sizes(const kerf__op_case *c, const kerf__batch_norm *b, kerf__arg *args, int at,
                       kerf__grid *grid)
{
    const size_t sizes[] = {b->images, b->channels, b->pixels, b->per, b->chunk};
    (void)c;
    for (int i = 0; i < 5; i++)
        args[at++] = ARG((unsigned)sizes[i]);
    *grid = (kerf__grid){2, {b->channels, b->parts, 1}, {64, 1, 1}};
    return at;
}

static int line_sizes(const kerf__op_case *c, const kerf__batch_norm *b, kerf__arg *args, int at,
                      kerf__grid *grid)
{
    const size_t sizes[] = {b->images, b->channels, b->per};
    (void)c;
    for (int i = 0; i < 3; i++)
        args[at++] = ARG((unsigned)sizes[i]);
    *grid = (kerf__grid){2, {kerf__ceil_div(b->channels, 64), b->parts, 1}, {64, 1, 1}};
    return at;
}

static int item_sizes(const kerf__op_case *c, const kerf__batch_norm *b, kerf__arg *args, int at,
                      kerf__grid *grid)
{
    const size_t num = b->images * b->channels * b->pixels;
    (void)c;
    args[at++] = ARG((unsigned)b->channels);
    args[at++] = ARG((unsigned)b->pixels);
    args[at++] = ARG((unsigned)num);
    *grid = kerf__grid_items(num);
    return at;
}

static const kerf__batch_norm_style GROUPS = {&kerf__source_batch_norm,
                                              "",
                                              "stats_groups",
                                              "apply_items",
                                              "sums_groups",
                                              "grad_items",
                                              cut_simt,
                                              group_sizes,
                                              item_sizes};
static const kerf__batch_norm_style LINES = {&kerf__source_batch_norm,
                                             "",
                                             "stats_lines",
                                             "apply_items",
                                             "sums_lines",
                                             "grad_items",
                                             cut_simt,
                                             line_sizes,
                                             item_sizes};

/* ---- the table ----------------------------------------------------------------------------- */

static int fits_planes(const kerf__op_case *c)
{
    const kerf__batch_norm b = kerf__batch_norm_read(c->node);
    return kerf__fits_31_bits(c) && !b.blocked && b.pixels != 1;
}

static int fits_blocks(const kerf__op_case *c)
{
    const kerf__batch_norm b = kerf__batch_norm_read(c->node);
    return kerf__fits_31_bits(c) && (b.blocked || b.pixels == 1);
}

static int fits_lines(const kerf__op_case *c)
{
    const kerf__batch_norm b = kerf__batch_norm_read(c->node);
    return kerf__fits_31_bits(c) && !b.blocked && b.pixels == 1;
}

#define STYLE(name, style)                                                                         \
    static size_t scratch_##name(const kerf__op_case *c)                                           \
    {                                                                                              \
        return kerf__batch_norm_scratch(c, &(style));                                              \
    }                                                                                              \
    static kerf_status build_##name(const kerf__op_case *c)                                        \
    {                                                                                              \
        return kerf__batch_norm_build(c, &(style));                                                \
    }
STYLE(planes, kerf__batch_norm_planes)
STYLE(blocks, kerf__batch_norm_blocks)
STYLE(groups, GROUPS)
STYLE(lines, LINES)

#define VARIANT(method, is_wide, fits_, style)                                                     \
    {                                                                                              \
        .name = (method), .wide = (is_wide), .fits = (fits_), .scratch_bytes = scratch_##style,    \
        .build = build_##style                                                                     \
    }
static const kerf__variant VARIANTS[] = {
    VARIANT("batch_norm_planes", 1, fits_planes, planes),
    VARIANT("batch_norm_blocks", 1, fits_blocks, blocks),
    VARIANT("batch_norm_groups", 0, fits_planes, groups),
    VARIANT("batch_norm_lines", 0, fits_lines, lines),
};

#define ENTRY(name, fewest, most, outputs, infer_, gradient_, layouts_)                            \
    {                                                                                              \
        .op = (name), .min_inputs = (fewest), .max_inputs = (most), .num_outputs = (outputs),      \
        .infer = (infer_), .gradient = (gradient_), .layouts = (layouts_), .variants = VARIANTS,   \
        .num_variants = sizeof VARIANTS / sizeof VARIANTS[0]                                       \
    }

extern const kerf__op kerf__ops_batch_norm[];
const kerf__op kerf__ops_batch_norm[] = {
    ENTRY("BatchNormalization", 5, 6, NUM_OUTPUTS, infer, gradient, wish),
    ENTRY("kerf.BatchNormGrad", 5, 6, 3, infer_grad, NULL, wish),
    ENTRY("kerf.BatchNormMoments", 1, 1, 1, infer_moments, NULL, wish_inputs),
    ENTRY("kerf.BatchNormSums", 5, 5, 3, infer_sums, NULL, wish_inputs),
    {.op = NULL},
};
