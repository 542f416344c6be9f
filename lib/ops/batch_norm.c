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
 * Device side: kernels/batch_norm.cl, and batch_norm_wide.c for CPU devices.  Definition:
 * tests/ref/ref_batch_norm.c. */
#include "ops/batch_norm_common.h"

#include <string.h>

#include "base/fail.h"

extern const kerf__source kerf__source_batch_norm;

enum { SCALE = 1, BIAS, MEAN, VARIANCE }; /* inputs */
enum { NEXT_MEAN = 1, NEXT_VARIANCE, SAVED_MEAN, SAVED_INV, NUM_OUTPUTS };

/* ---- shapes -------------------------------------------------------------------------------- */

static int is_gradient(const kerf_node *n)
{
    return strcmp(n->op, "kerf.BatchNormGrad") == 0;
}

/* Where the node's numbers a channel begin. */
static int first_statistic(const kerf_node *n)
{
    return is_gradient(n) ? 2 : SCALE;
}

static kerf__batch_norm read_sizes(const kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    kerf__batch_norm b = {.images = (size_t)src.dims[0],
                          .channels = (size_t)kerf__value_elements(n->inputs[first_statistic(n)]),
                          .pixels = 1,
                          .blocked = kerf__node_attribute(n, "layouts") != NULL,
                          .training = kerf_node_int(n, "training_mode", 0) != 0,
                          .epsilon = kerf_node_float(n, "epsilon", 1e-5f),
                          .momentum = kerf_node_float(n, "momentum", 0.9f)};
    for (int i = 2; i < src.rank - b.blocked; i++)
        b.pixels *= (size_t)src.dims[i];
    return b;
}

static kerf_status check_channels(const kerf_node *n)
{
    char text[128];
    const kerf_shape src = n->inputs[0]->shape;
    const int first = first_statistic(n), num = n->num_inputs - first;
    const kerf_value *scale = n->inputs[first];
    const int blocked = kerf__node_attribute(n, "layouts") != NULL;
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    if (src.rank < 2)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "input is %s, must be (N, C) or more",
                               kerf_shape_text(src, text, sizeof text));
    const int64_t channels = blocked ? kerf__value_elements(scale) : src.dims[1];
    for (int i = 0; i < num; i++) {
        KERF__TRY(kerf__node_check_type(n, first + i, KERF_F32));
        KERF__TRY(kerf__node_check_shape(n, first + i, KERF_SHAPE(channels)));
    }
    return KERF_OK;
}

static kerf_status infer(kerf_node *n)
{
    KERF__TRY(check_channels(n));
    const kerf__batch_norm b = read_sizes(n);
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

static kerf_status infer_grad(kerf_node *n)
{
    KERF__TRY(check_channels(n));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_F32));
    KERF__TRY(kerf__node_check_shape(n, 1, n->inputs[0]->shape));
    kerf__set_output(n, 0, KERF_F32, n->inputs[0]->shape);
    kerf__set_output(n, 1, KERF_F32, n->inputs[2]->shape);
    kerf__set_output(n, 2, KERF_F32, n->inputs[2]->shape);
    return KERF_OK;
}

static kerf__wish wish(const kerf_node *n, kerf__layouts *out)
{
    if (kerf__layout_shape(KERF__C16, n->inputs[0]->shape).rank < 4)
        return KERF__STAYS;
    for (int i = 0; i < first_statistic(n); i++)
        out->inputs[i] = KERF__C16;
    out->outputs[0] = KERF__C16;
    return KERF__FOLLOWS;
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

static kerf_status gradient(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    const int training = kerf_node_int(n, "training_mode", 0) != 0;
    kerf_node *node;
    kerf_value *added;
    int wanted = 0;
    for (int i = 0; i <= BIAS; i++)
        wanted |= kerf__gradient_wanted(grads, n->inputs[i]);
    if (diff == NULL || !wanted)
        return KERF_OK;
    if (training)
        KERF__TRY(need_saved(grads->graph, n));
    kerf_value *inputs[] = {n->inputs[0], diff, n->inputs[SCALE],
                            training ? n->outputs[SAVED_MEAN] : n->inputs[MEAN],
                            training ? n->outputs[SAVED_INV] : n->inputs[VARIANCE]};
    KERF__TRY(kerf__gradient_add_node(grads, "kerf.BatchNormGrad", n, "grad", inputs, 5, &node));
    KERF__TRY(kerf__node_copy_attributes(node, n));
    for (int i = 1; i <= BIAS; i++)
        KERF__TRY(kerf__graph_add_output_value(grads->graph, node, NULL, &added));
    KERF__TRY(kerf__node_infer(node));
    for (int i = 0; i <= BIAS; i++)
        if (kerf__gradient_wanted(grads, n->inputs[i]))
            KERF__TRY(kerf__gradient_add(grads, n->inputs[i], node->outputs[i]));
    return KERF_OK;
}

/* ---- SIMT ---------------------------------------------------------------------------------- */

void kerf__batch_norm_cut(kerf__batch_norm *b, size_t elements, size_t vector)
{
    const size_t row = kerf__ceil_div(b->pixels, vector) * vector;
    b->chunk = row < elements ? b->pixels : elements;
    b->per = row > 0 && row < elements ? elements / row : 1;
    if (b->per > b->images)
        b->per = b->images;
    b->parts = 0;
    if (b->per > 0 && b->chunk > 0)
        b->parts = kerf__ceil_div(b->images, b->per) * kerf__ceil_div(b->pixels, b->chunk);
    b->width = b->channels;
}

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

/* ---- launches ------------------------------------------------------------------------------ */

/* Scratch: the parts, then a few numbers a channel. */
static size_t part_floats(const kerf__batch_norm *b)
{
    return 2 * b->parts * b->width;
}

static size_t scratch_of(const kerf__op_case *c, const kerf__batch_norm_style *style)
{
    kerf__batch_norm b = read_sizes(c->node);
    style->cut(&b);
    if (!is_gradient(c->node) && !b.training)
        return 0;
    return (part_floats(&b) + 3 * b.channels) * sizeof(float);
}

static kerf_status emit_stats(const kerf__op_case *c, const kerf__batch_norm_style *style,
                              const kerf__batch_norm *b)
{
    kerf__arg args[16] = {ARG(kerf__in(c, 0)), ARG(c->scratch)};
    kerf__grid grid;
    const int num = style->part_sizes(c, b, args, 2, &grid);
    return kerf__emit(c, style->source, style->stats, style->options, args, num, grid);
}

/* What is not asked for is not written: any buffer stands in its place. */
static kerf__buffer *output_or_scratch(const kerf__op_case *c, int i)
{
    return i < c->node->num_outputs ? kerf__out(c, i) : c->scratch;
}

static kerf_status emit_stats_join(const kerf__op_case *c, const kerf__batch_norm *b)
{
    const double num = (double)b->images * (double)b->pixels;
    const int unbiased = kerf_node_int(c->node, "unbiased", 0) != 0 && num > 1;
    const unsigned given = (c->node->num_outputs > NEXT_MEAN ? 1u : 0u) |
                           (c->node->num_outputs > SAVED_MEAN ? 2u : 0u);
    return kerf__emit(
        c, &kerf__source_batch_norm, "stats_join", "",
        KERF__ARGS(ARG(c->scratch), ARG(kerf__in(c, MEAN)), ARG(kerf__in(c, VARIANCE)),
                   ARG(c->scratch), ARG(output_or_scratch(c, NEXT_MEAN)),
                   ARG(output_or_scratch(c, NEXT_VARIANCE)), ARG(output_or_scratch(c, SAVED_MEAN)),
                   ARG(output_or_scratch(c, SAVED_INV)), ARG(b->epsilon), ARG(b->momentum),
                   ARG(unbiased ? (float)(num / (num - 1)) : 1.0f), ARG((unsigned)part_floats(b)),
                   ARG(given), ARG((unsigned)b->images), ARG((unsigned)b->channels),
                   ARG((unsigned)b->pixels), ARG((unsigned)b->per), ARG((unsigned)b->chunk),
                   ARG((unsigned)b->parts), ARG((unsigned)b->width)),
        kerf__grid_items(b->channels));
}

static kerf_status build_forward(const kerf__op_case *c, const kerf__batch_norm_style *style,
                                 const kerf__batch_norm *b)
{
    if (b->training) {
        KERF__TRY(emit_stats(c, style, b));
        KERF__TRY(emit_stats_join(c, b));
    }
    const size_t stats_at = part_floats(b);
    kerf__arg args[32] = {
        ARG(kerf__in(c, 0)),
        ARG(kerf__in(c, SCALE)),
        ARG(kerf__in(c, BIAS)),
        ARG(b->training ? c->scratch : kerf__in(c, MEAN)),
        ARG(b->training ? c->scratch : kerf__in(c, VARIANCE)),
        ARG(kerf__out(c, 0)),
        ARG(b->training ? -1.0f : b->epsilon),
        ARG((unsigned)(b->training ? stats_at : 0)),
        ARG((unsigned)(b->training ? stats_at + b->channels : 0)),
    };
    kerf__grid grid;
    const int num = style->item_sizes(c, b, args, 9, &grid);
    return kerf__emit(c, style->source, style->apply, style->options, args, num, grid);
}

static kerf_status emit_sums_join(const kerf__op_case *c, const kerf__batch_norm *b)
{
    const double num = (double)b->images * (double)b->pixels;
    return kerf__emit(c, &kerf__source_batch_norm, "sums_join", "",
                      KERF__ARGS(ARG(c->scratch), ARG(kerf__in(c, 2)), ARG(kerf__in(c, 4)),
                                 ARG(c->scratch), ARG(kerf__out(c, 1)), ARG(kerf__out(c, 2)),
                                 ARG(b->training ? -1.0f : b->epsilon),
                                 ARG(b->training && num > 0 ? (float)(1 / num) : 0.0f),
                                 ARG((unsigned)part_floats(b)), ARG((unsigned)b->channels),
                                 ARG((unsigned)b->parts), ARG((unsigned)b->width)),
                      kerf__grid_items(b->channels));
}

static kerf_status build_gradient(const kerf__op_case *c, const kerf__batch_norm_style *style,
                                  const kerf__batch_norm *b)
{
    kerf__grid grid;
    kerf__arg sums[32] = {ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__in(c, 3)),
                          ARG(c->scratch)};
    int num = style->part_sizes(c, b, sums, 4, &grid);
    KERF__TRY(kerf__emit(c, style->source, style->sums, style->options, sums, num, grid));
    KERF__TRY(emit_sums_join(c, b));
    kerf__arg args[32] = {ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)),  ARG(kerf__in(c, 3)),
                          ARG(c->scratch),     ARG(kerf__out(c, 0)), ARG((unsigned)part_floats(b))};
    num = style->item_sizes(c, b, args, 6, &grid);
    return kerf__emit(c, style->source, style->grad, style->options, args, num, grid);
}

static kerf_status build(const kerf__op_case *c, const kerf__batch_norm_style *style)
{
    kerf__batch_norm b = read_sizes(c->node);
    style->cut(&b);
    return is_gradient(c->node) ? build_gradient(c, style, &b) : build_forward(c, style, &b);
}

/* ---- the table ----------------------------------------------------------------------------- */

static int fits_planes(const kerf__op_case *c)
{
    const kerf__batch_norm b = read_sizes(c->node);
    return kerf__fits_31_bits(c) && !b.blocked && b.pixels != 1;
}

static int fits_blocks(const kerf__op_case *c)
{
    const kerf__batch_norm b = read_sizes(c->node);
    return kerf__fits_31_bits(c) && (b.blocked || b.pixels == 1);
}

static int fits_lines(const kerf__op_case *c)
{
    const kerf__batch_norm b = read_sizes(c->node);
    return kerf__fits_31_bits(c) && !b.blocked && b.pixels == 1;
}

#define STYLE(name, style)                                                                         \
    static size_t scratch_##name(const kerf__op_case *c)                                           \
    {                                                                                              \
        return scratch_of(c, &(style));                                                            \
    }                                                                                              \
    static kerf_status build_##name(const kerf__op_case *c)                                        \
    {                                                                                              \
        return build(c, &(style));                                                                 \
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

extern const kerf__op kerf__ops_batch_norm[];
const kerf__op kerf__ops_batch_norm[] = {
    {.op = "BatchNormalization",
     .min_inputs = 5,
     .max_inputs = 5,
     .num_outputs = NUM_OUTPUTS,
     .infer = infer,
     .gradient = gradient,
     .layouts = wish,
     .variants = VARIANTS,
     .num_variants = sizeof VARIANTS / sizeof VARIANTS[0]},
    {.op = "kerf.BatchNormGrad",
     .min_inputs = 5,
     .max_inputs = 5,
     .num_outputs = 3,
     .infer = infer_grad,
     .layouts = wish,
     .variants = VARIANTS,
     .num_variants = sizeof VARIANTS / sizeof VARIANTS[0]},
    {.op = NULL},
};
