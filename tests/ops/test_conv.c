/* test_conv.c -- Conv, ConvTranspose and their gradients against ref_conv.c: every variant, and
 * the shapes that ONNX gives. */
#include "laid_check.h"
#include "ops/conv_case.h"
#include "ops/conv_common.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 17 };
static kerf_device *dev;
static float x[MAX], w[MAX], b[MAX], z[MAX];
static int num_laid; /* nodes that were checked in blocks, too */

/* ---- which tiles --------------------------------------------------------------------------- */

/* Every tile of a variant is a program, and one more where src is plain or read in place; building
 * them is nearly all of this test's time.  There the first tile stands for its variant, and the
 * last, whose vectors are narrower.  All tiles of the weights' gradient are tried: those of several
 * taps are made for such src. */
static int is_tried(const kerf__op_case *c)
{
    const kerf__variant *v = c->option.variant;
    const kerf__conv conv = kerf__conv_of(c->node);
    const int is_special = kerf__input_layout(c->node, 0) == KERF__PLAIN ||
                           (kerf__conv_is_one_to_one(&conv.h) && kerf__conv_is_one_to_one(&conv.w));
    if (kerf__conv_is_plain(c->node) || conv.direction == KERF__CONV_WEIGHTS || !is_special)
        return 1;
    return c->option.candidate == v->candidates ||
           c->option.candidate == v->candidates + v->num_candidates - 1;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static void begin(op_check *c, const char *op, const conv_case *t)
{
    op_check_begin(c, dev);
    c->is_tried = is_tried;
    op_check_input(c, KERF_F32, t->x, x);
    op_check_input(c, KERF_F32, t->w, w);
    op_check_node(c, op, 1);
    conv_case_set_attributes(c->node, t);
}

/* ---- the gradients, as nodes of their own -------------------------------------------------- */

static void set_axes(kerf_node *n, const char *key, int rank, int of_h, int of_w)
{
    const int64_t both[] = {of_h, of_w};
    CHECK_OK(kerf_node_set_ints(n, key, rank == 4 ? both : both + 1, (size_t)rank - 2));
}

static void check_gradient_node(const char *op, kerf_shape first, kerf_shape second,
                                const kerf__conv *v, size_t num_terms)
{
    op_check c;
    const int64_t pads[] = {v->h.pad, v->w.pad, v->h.pad_end, v->w.pad_end};
    const int64_t pads_1d[] = {v->w.pad, v->w.pad_end};
    op_check_begin(&c, dev);
    c.is_tried = is_tried;
    op_check_input(&c, KERF_F32, first, x);
    op_check_input(&c, KERF_F32, second, w);
    op_check_node(&c, op, 1);
    CHECK_OK(kerf_node_set_int(c.node, "group", v->groups));
    set_axes(c.node, "strides", first.rank, v->h.stride, v->w.stride);
    set_axes(c.node, "dilations", first.rank, v->h.dilation, v->w.dilation);
    set_axes(c.node, "kernel_shape", first.rank, v->h.kernel, v->w.kernel);
    CHECK_OK(first.rank == 4 ? kerf_node_set_ints(c.node, "pads", pads, 4)
                             : kerf_node_set_ints(c.node, "pads", pads_1d, 2));
    if (strcmp(op, "kerf.ConvGradInput") == 0)
        set_axes(c.node, "output_shape", first.rank, v->h.src, v->w.src);
    op_check_variants(&c, ref_conv, check_tolerance(4, num_terms));
    num_laid += laid_check(&c, ref_conv, check_tolerance(4, num_terms));
    op_check_end(&c);
}

/* Of a Conv; for a ConvTranspose, whose src is what it makes. */
static void check_gradient_nodes(const kerf__conv *v, kerf_shape src, kerf_shape weights,
                                 kerf_shape dst)
{
    const size_t taps = (size_t)v->h.kernel * (size_t)v->w.kernel;
    check_gradient_node("kerf.ConvGradInput", dst, weights, v, taps * (size_t)v->dst_channels);
    check_gradient_node("kerf.ConvGradWeights", src, dst, v,
                        (size_t)v->n * (size_t)v->h.dst * (size_t)v->w.dst + 1);
}

/* ---- cases --------------------------------------------------------------------------------- */

static void check(const char *op, const conv_case *t)
{
    op_check c;
    begin(&c, op, t);
    CHECK_OK(kerf__node_infer(c.node));
    CHECK(kerf_shape_equal(c.node->outputs[0]->shape, t->y));
    const kerf__conv v = kerf__conv_of(c.node);
    const double macs = kerf__conv_macs(&v);
    if (!op_check_small() || macs < 6000) {
        const int is_conv = v.direction == KERF__CONV_DST;
        const size_t terms = (size_t)(is_conv ? v.src_channels : v.dst_channels) *
                             (size_t)v.h.kernel * (size_t)v.w.kernel;
        op_check_variants(&c, ref_conv, check_tolerance(4, terms + 1));
        num_laid += laid_check(&c, ref_conv, check_tolerance(4, terms + 1));
        if (macs > 0 && macs < 40000 && !op_check_small())
            op_check_gradient(&c, ref_conv, check_tolerance(32, terms + 500));
        check_gradient_nodes(&v, is_conv ? t->x : t->y, t->w, is_conv ? t->y : t->x);
    }
    op_check_end(&c);
}

/* clang-format off */
#define S(...)           {(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}}
#define XW(of_x, of_w)   .x = of_x, .w = of_w
#define XWY(of_x, of_w, of_y) .x = of_x, .w = of_w, .y = of_y
static const conv_case CONV[] = {
    {XWY(S(1, 1, 1, 1), S(1, 1, 1, 1), S(1, 1, 1, 1))},
    {XWY(S(2, 19, 5, 7), S(35, 19, 1, 1), S(2, 35, 5, 7))},
    {XWY(S(2, 5, 9, 11), S(7, 5, 3, 3), S(2, 7, 9, 11)), .pads = {1, 1, 1, 1}},
    {XWY(S(1, 3, 9, 12), S(4, 3, 3, 2), S(1, 4, 5, 7)),  .strides = {2, 2}, .pads = {0, 1, 2, 1}},
    {XWY(S(2, 2, 9, 10), S(3, 2, 3, 3), S(2, 3, 5, 5)),  .dilations = {2, 3}, .pads = {0, 1}},
    {XWY(S(1, 2, 10, 9), S(3, 2, 3, 3), S(1, 3, 3, 2)),  .strides = {2, 3}, .dilations = {2, 2}},
    {XWY(S(1, 2, 10, 9), S(3, 2, 2, 3), S(1, 3, 3, 2)),  .strides = {3, 4}, .dilations = {3, 2}},
    {XWY(S(2, 6, 5, 6), S(4, 3, 3, 3), S(2, 4, 3, 4)),  .group = 2},
    {XWY(S(1, 15, 5, 6), S(6, 5, 3, 3), S(1, 6, 3, 4)),  .group = 3},
    {XWY(S(2, 6, 10, 9), S(6, 1, 3, 3), S(2, 6, 10, 9)), .group = 6, .pads = {1, 1, 1, 1}},
    {XWY(S(2, 3, 11, 7), S(6, 1, 3, 3), S(2, 6, 6, 4)),  .group = 3, .strides = {2, 2}, .pads = {1, 1, 1, 1}},
    {XWY(S(1, 5, 7, 8), S(5, 1, 5, 3), S(1, 5, 3, 6)),  .group = 5, .dilations = {1, 2}, .pads = {0, 1, 0, 1}},
    {XWY(S(1, 3, 11, 10), S(4, 3, 2, 2), S(1, 4, 4, 3)),  .strides = {3, 4}}, /* pixels no kernel sees */
    {XWY(S(1, 2, 3, 2), S(3, 2, 5, 5), S(1, 3, 3, 2)),  .pads = {2, 2, 2, 2}},
    {XWY(S(0, 3, 5, 5), S(2, 3, 3, 3), S(0, 2, 3, 3))},
    {XWY(S(1, 2, 5, 5), S(3, 2, 2, 2), S(1, 3, 2, 4)),  .pads = {-1, 0, -1}}, /* cropped */
    {XWY(S(1, 2, 7, 8), S(3, 2, 4, 3), S(1, 3, 7, 8)),  .auto_pad = "SAME_UPPER"},
    {XWY(S(1, 2, 7, 8), S(3, 2, 4, 3), S(1, 3, 4, 4)),  .auto_pad = "SAME_LOWER", .strides = {2, 2}},
    {XWY(S(1, 2, 7, 8), S(3, 2, 1, 2), S(1, 3, 3, 2)),  .auto_pad = "SAME_UPPER", .strides = {3, 4}},
    {XWY(S(1, 2, 7, 8), S(3, 2, 4, 3), S(1, 3, 4, 6)),  .auto_pad = "VALID", .pads = {9, 9, 9, 9}},
    {XWY(S(1, 2, 7, 8), S(3, 2, 3, 3), S(1, 3, 5, 6)),  .auto_pad = "NOTSET"},
    {XWY(S(2, 3, 17), S(4, 3, 5), S(2, 4, 8)),     .strides = {2}, .pads = {2, 1}},
    {XWY(S(2, 6, 17), S(6, 1, 3), S(2, 6, 17)),    .group = 6, .auto_pad = "SAME_UPPER"},
    {XWY(S(3, 1, 28, 28), S(20, 1, 5, 5), S(3, 20, 24, 24))},
    {XWY(S(2, 16, 14, 14), S(40, 16, 3, 3), S(2, 40, 14, 14)), .pads = {1, 1, 1, 1}},
    {XWY(S(2, 64, 7, 7), S(70, 64, 3, 3), S(2, 70, 4, 4)),    .strides = {2, 2}, .pads = {1, 1, 1, 1}},
    {XWY(S(1, 3, 56, 56), S(65, 3, 7, 7), S(1, 65, 28, 28)),  .strides = {2, 2}, .pads = {3, 3, 3, 3}},
    {XWY(S(1, 40, 20, 20), S(40, 1, 3, 3), S(1, 40, 20, 20)),  .group = 40, .pads = {1, 1, 1, 1}},
    /* Blocks of channels: the last one not full, a tile at the right edge, several rows of tiles. */
    {XWY(S(1, 8, 3, 5), S(9, 8, 2, 3), S(1, 9, 2, 3))},
    {XWY(S(1, 32, 8, 7), S(33, 32, 3, 3), S(1, 33, 8, 7)), .pads = {1, 1, 1, 1}},
    {XWY(S(1, 9, 2, 3), S(8, 9, 1, 1), S(1, 8, 2, 3))},
    {XWY(S(2, 17, 5, 9), S(33, 17, 3, 3), S(2, 33, 3, 5)), .strides = {2, 2}, .pads = {1, 1, 1, 1}},
    {XWY(S(1, 33, 9, 10), S(18, 33, 1, 1), S(1, 18, 5, 4)), .strides = {2, 3}},
    {XWY(S(1, 32, 6, 7), S(64, 16, 3, 3), S(1, 64, 6, 7)), .group = 2, .pads = {1, 1, 1, 1}},
    {XWY(S(1, 12, 11, 8), S(20, 12, 3, 2), S(1, 20, 5, 8)), .strides = {3, 1}, .dilations = {2, 3}, .pads = {4, 1, 2, 2}},
    {XWY(S(1, 3, 12, 11), S(20, 3, 5, 5), S(1, 20, 4, 4)), .strides = {3, 3}, .pads = {1, 2, 2, 2}},
    {XWY(S(2, 300, 5, 5), S(40, 300, 3, 3), S(2, 40, 5, 5)), .pads = {1, 1, 1, 1}},
    {XWY(S(1, 10, 5, 6), S(9, 10, 2, 2), S(1, 9, 3, 7)), .pads = {-1, 1, 0, 1}}, /* cropped */
    {XWY(S(1, 1, 17, 17), S(2, 1, 1, 1), S(1, 2, 17, 17))}, /* weights' gradients in parts */
    /* More images than lie side by side in a tile, and taps that only padding meets. */
    {XWY(S(9, 8, 1, 2), S(8, 8, 1, 3), S(9, 8, 1, 2)), .pads = {0, 1, 0, 1}},
    {XWY(S(9, 17, 3, 4), S(20, 17, 5, 3), S(9, 20, 4, 4)), .pads = {3, 1, 2, 1}},
    {XWY(S(5, 32, 4, 5), S(64, 16, 3, 3), S(5, 64, 2, 5)), .group = 2, .strides = {2, 1}, .pads = {1, 1, 1, 1}},
    /* Depth-wise in blocks: both strides and others, windows of 5, dilated, cropped, a batch; rows
     * of less and of more than a tile, and more of them than an item has. */
    {XWY(S(2, 17, 4, 3), S(17, 1, 3, 3), S(2, 17, 4, 3)), .group = 17, .pads = {1, 1, 1, 1}},
    {XWY(S(1, 20, 5, 9), S(20, 1, 3, 3), S(1, 20, 3, 5)), .group = 20, .strides = {2, 2}, .pads = {1, 1, 1, 1}},
    {XWY(S(1, 8, 5, 9), S(8, 1, 5, 5), S(1, 8, 5, 9)), .group = 8, .pads = {2, 2, 2, 2}},
    {XWY(S(1, 16, 4, 11), S(16, 1, 2, 3), S(1, 16, 2, 2)), .group = 16, .strides = {3, 4}, .dilations = {1, 2}, .pads = {1, 0, 2}},
    {XWY(S(1, 9, 5, 4), S(9, 1, 2, 2), S(1, 9, 3, 4)), .group = 9, .pads = {-1, 1, 0, 0}}, /* cropped */
    {XWY(S(2, 18, 17), S(18, 1, 3), S(2, 18, 9)), .group = 18, .strides = {2}, .pads = {1, 1}},
    {XWY(S(1, 19, 80, 31), S(19, 1, 3, 3), S(1, 19, 80, 31)), .group = 19, .pads = {1, 1, 1, 1}},
    {XWY(S(2, 40, 15, 29), S(40, 1, 5, 5), S(2, 40, 8, 15)), .group = 40, .strides = {2, 2}, .pads = {2, 2, 2, 2}},
    /* Sums of more terms than a loop of llvmpipe's may turn. */
    {XWY(S(1, 4000, 3, 4), S(2, 4000, 3, 3), S(1, 2, 1, 2))},
    {XWY(S(3, 1, 120, 120), S(2, 1, 2, 2), S(3, 2, 119, 119))},
    {XWY(S(3, 2, 120, 120), S(2, 1, 2, 2), S(3, 2, 119, 119)), .group = 2},
};

static const conv_case TRANSPOSE[] = {
    {XWY(S(1, 1, 3, 3), S(1, 2, 3, 3), S(1, 2, 5, 5))},
    {XWY(S(2, 4, 5, 4), S(4, 3, 3, 3), S(2, 3, 10, 8)), .strides = {2, 2}, .pads = {1, 1, 1, 1}, .output_padding = {1, 1}},
    {XWY(S(1, 1, 3, 3), S(1, 2, 3, 3), S(1, 2, 10, 8)), .strides = {3, 2}, .output_shape = {10, 8}},
    {XWY(S(1, 2, 4, 5), S(2, 1, 4, 4), S(1, 1, 5, 10)), .strides = {1, 2}, .output_shape = {5, 10}},
    {XWY(S(1, 1, 3, 3), S(1, 2, 4, 4), S(1, 2, 5, 9)),  .auto_pad = "SAME_UPPER", .strides = {1, 3}, .output_shape = {5, 9}},
    {XWY(S(1, 1, 3, 3), S(1, 2, 3, 3), S(1, 2, 6, 6)),  .auto_pad = "SAME_UPPER", .strides = {2, 2}},
    {XWY(S(1, 1, 3, 3), S(1, 2, 4, 3), S(1, 2, 3, 6)),  .auto_pad = "SAME_LOWER", .strides = {1, 2}},
    {XWY(S(1, 1, 3, 3), S(1, 2, 1, 2), S(1, 2, 6, 9)),  .auto_pad = "SAME_LOWER", .strides = {2, 3}},
    {XWY(S(1, 1, 3, 3), S(1, 2, 4, 3), S(1, 2, 6, 5)),  .auto_pad = "VALID", .pads = {1, 1, 1, 1}},
    {XWY(S(2, 6, 4, 3), S(6, 2, 3, 2), S(2, 4, 5, 4)),  .group = 2, .dilations = {2, 2}, .pads = {1, 0, 2, 1}},
    {XWY(S(1, 3, 4, 3), S(3, 1, 2, 2), S(1, 3, 8, 6)),  .group = 3, .strides = {2, 2}},
    {XWY(S(2, 3, 4), S(3, 2, 3), S(2, 2, 8)),     .strides = {2}, .pads = {1, 0}},
    {XWY(S(1, 1, 3, 4), S(1, 2, 3, 3), S(1, 2, 8, 9)),  .dilations = {2, 2}, .output_padding = {1, 1}},
    {XWY(S(1, 2, 3, 4), S(2, 3, 2, 2), S(1, 3, 8, 14)), .strides = {3, 4}},
    {XWY(S(0, 2, 3, 4), S(2, 3, 2, 2), S(0, 3, 4, 5))},
    {XWY(S(1, 18, 3, 4), S(18, 1, 3, 3), S(1, 18, 6, 8)), .group = 18, .strides = {2, 2}, .pads = {1, 1, 1, 1}, .output_padding = {1, 1}},
    {XWY(S(1, 70, 6, 5), S(70, 40, 4, 4), S(1, 40, 12, 10)), .strides = {2, 2}, .pads = {1, 1, 1, 1}},
};
/* clang-format on */

static void test_cases(void)
{
    for (size_t i = 0; i < LENGTH(CONV); i++)
        check("Conv", &CONV[i]);
    for (size_t i = 0; i < LENGTH(TRANSPOSE); i++)
        check("ConvTranspose", &TRANSPOSE[i]);
}

/* ---- Winograd's method --------------------------------------------------------------------- */

/* Also where it would not pay, so that every edge is met in small. */
static void check_winograd(const conv_case *t, int extras)
{
    const kerf__layouts layouts = {
        .inputs = {KERF__C16, KERF__W16, KERF__PLAIN, extras ? KERF__C16 : KERF__PLAIN},
        .outputs = {KERF__C16}};
    const size_t terms = (size_t)t->x.dims[1] * 9;
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, t->x, x);
    op_check_input(&c, KERF_F32, t->w, w);
    if (extras) {
        op_check_input(&c, KERF_F32, KERF_SHAPE(t->y.dims[1]), b);
        op_check_input(&c, KERF_F32, t->y, z);
    }
    op_check_node(&c, "Conv", 1);
    conv_case_set_attributes(c.node, t);
    if (extras) {
        CHECK_OK(kerf_node_set_int(c.node, "residual", 1));
        CHECK_OK(kerf_node_set_string(c.node, "activation", "relu"));
    }
    CHECK_OK(kerf__node_infer(c.node));
    if (laid_is_done_on(&c))
        laid_check_as(&c, &layouts, ref_conv, check_tolerance(1, terms + 1));
    op_check_end(&c);
}

/* clang-format off */
static void test_winograd(void)
{
    static const conv_case CASES[] = {
        {XWY(S(1, 1, 3, 3), S(1, 1, 3, 3), S(1, 1, 1, 1))},
        {XWY(S(2, 3, 4, 5), S(17, 3, 3, 3), S(2, 17, 4, 5)), .pads = {1, 1, 1, 1}},
        {XWY(S(1, 18, 3, 4), S(3, 18, 3, 3), S(1, 3, 4, 3)), .pads = {0, 1, 3, 0}},
        {XWY(S(1, 3, 5, 6), S(4, 3, 3, 3), S(1, 4, 2, 4)), .pads = {-1, 1, 0, -1}}, /* cropped */
        {XWY(S(3, 70, 7, 9), S(97, 70, 3, 3), S(3, 97, 7, 9)), .pads = {1, 1, 1, 1}},
        {XWY(S(1, 400, 4, 6), S(20, 400, 3, 3), S(1, 20, 4, 6)), .pads = {1, 1, 1, 1}}, /* in chunks */
    };
    for (size_t i = 0; i < LENGTH(CASES) - (op_check_small() ? 2 : 0); i++) {
        check_winograd(&CASES[i], 0);
        check_winograd(&CASES[i], 1);
    }
}
/* clang-format on */

/* ---- bias, residual, activation ------------------------------------------------------------ */

static void check_finish(const char *op, const conv_case *t, int has_bias, int has_residual,
                         const char *activation)
{
    op_check c;
    op_check_begin(&c, dev);
    c.is_tried = is_tried;
    op_check_input(&c, KERF_F32, t->x, x);
    op_check_input(&c, KERF_F32, t->w, w);
    if (has_bias)
        op_check_input(&c, KERF_F32, KERF_SHAPE(t->y.dims[1]), b);
    else if (has_residual)
        op_check_skip(&c);
    if (has_residual)
        op_check_input(&c, KERF_F32, t->y, z);
    op_check_node(&c, op, 1);
    conv_case_set_attributes(c.node, t);
    if (has_residual)
        CHECK_OK(kerf_node_set_int(c.node, "residual", 1));
    if (activation != NULL)
        CHECK_OK(kerf_node_set_string(c.node, "activation", activation));
    if (activation != NULL && strcmp(activation, "clip") == 0) {
        CHECK_OK(kerf_node_set_float(c.node, "activation_min", -0.25f));
        CHECK_OK(kerf_node_set_float(c.node, "activation_max", 0.5f));
    }
    if (activation != NULL && strcmp(activation, "leaky_relu") == 0)
        CHECK_OK(kerf_node_set_float(c.node, "activation_alpha", 0.25f));
    op_check_variants(&c, ref_conv, check_tolerance(4, 100));
    num_laid += laid_check(&c, ref_conv, check_tolerance(4, 100));
    if (activation == NULL && !has_residual)
        op_check_gradient(&c, ref_conv, check_tolerance(32, 500));
    op_check_end(&c);
}

static void test_finish(void)
{
    static const conv_case image = {XWY(S(2, 3, 5, 6), S(4, 3, 3, 3), S(2, 4, 5, 6)),
                                    .pads = {1, 1, 1, 1}};
    static const conv_case depth = {XWY(S(2, 4, 5, 6), S(4, 1, 3, 3), S(2, 4, 5, 6)), .group = 4,
                                    .pads = {1, 1, 1, 1}};
    static const conv_case line = {XWY(S(2, 3, 9), S(5, 3, 3), S(2, 5, 7))};
    static const conv_case back = {XWY(S(2, 3, 3, 4), S(3, 5, 3, 3), S(2, 5, 7, 9)),
                                   .strides = {2, 2}};
    static const conv_case deep_blocks = {XWY(S(2, 18, 3, 8), S(18, 1, 3, 3), S(2, 18, 3, 8)),
                                          .group = 18, .pads = {1, 1, 1, 1}};
    static const char *const names[] = {NULL, "relu", "leaky_relu", "clip"};
    static const conv_case blocks = {XWY(S(2, 9, 5, 8), S(20, 9, 3, 3), S(2, 20, 5, 8)),
                                     .pads = {1, 1, 1, 1}};
    for (size_t i = 0; i < LENGTH(names); i++) {
        check_finish("Conv", &blocks, i != 1, i != 0, names[i]);
        check_finish("Conv", &deep_blocks, i != 1, i != 0, names[i]);
        check_finish("Conv", &image, i != 1, i != 0, names[i]);
        check_finish("Conv", &depth, i != 2, i == 2, names[i]);
        check_finish("ConvTranspose", &back, 1, 0, names[i]);
    }
    check_finish("Conv", &line, 1, 0, NULL);
    check_finish("Conv", &image, 1, 1, "relu");
}

/* A NaN reaches the pixels whose kernel sees it, through an activation too, and no other. */
static void test_nan(void)
{
    static const conv_case t = {XWY(S(1, 2, 6, 7), S(3, 2, 3, 3), S(1, 3, 6, 7)),
                                .pads = {1, 1, 1, 1}};
    op_check c;
    float got[3 * 6 * 7];
    const float kept = x[2 * 7 + 3];
    x[2 * 7 + 3] = NAN;
    begin(&c, "Conv", &t);
    CHECK_OK(kerf_node_set_string(c.node, "activation", "relu"));
    CHECK_OK(kerf__node_infer(c.node));
    kerf__op_case asked = {.dev = dev, .node = c.node};
    for (int i = 0; kerf__option_at(&asked, i, &asked.option); i++) {
        kerf_tensor *in[2], *out;
        for (int k = 0; k < 2; k++) {
            CHECK_OK(kerf_tensor_create(&in[k], dev, KERF_F32, k == 0 ? t.x : t.w));
            CHECK_OK(kerf_tensor_write(in[k], k == 0 ? x : w));
        }
        CHECK_OK(kerf_tensor_create(&out, dev, KERF_F32, t.y));
        asked.inputs = in;
        asked.outputs = &out;
        CHECK_OK(naive_run_option(asked));
        CHECK_OK(kerf_tensor_read(out, got));
        for (int k = 0; k < 3 * 6 * 7; k++) {
            const int p = k / 7 % 6, q = k % 7;
            CHECK((p >= 1 && p <= 3 && q >= 2 && q <= 4) == (isnan(got[k]) != 0));
        }
        kerf_tensor_destroy(in[0]);
        kerf_tensor_destroy(in[1]);
        kerf_tensor_destroy(out);
    }
    op_check_end(&c);
    x[2 * 7 + 3] = kept;
}

/* ---- messages ------------------------------------------------------------------------------ */

static void check_refused(const char *op, conv_case t, const char *words)
{
    op_check c;
    begin(&c, op, &t);
    CHECK(kerf__node_infer(c.node) != KERF_OK);
    if (strstr(kerf_last_error(), words) == NULL) {
        printf("'%s' does not say '%s'\n", kerf_last_error(), words);
        check_failures++;
    }
    op_check_end(&c);
}

/* clang-format off */
static void test_shapes_refused(void)
{
    check_refused("Conv", (conv_case){XW(S(1, 3, 4, 4, 4), S(2, 3, 1, 1, 1))},
                  "Conv checked: in0 has 5 dimensions, supported are 3 (1-D) and 4 (2-D)");
    check_refused("Conv", (conv_case){XW(S(1, 3, 4, 4), S(2, 3, 1))}, "in1 has 3 dimensions, must have 4 like in0");
    check_refused("Conv", (conv_case){XW(S(1, 3, 0, 4), S(2, 3, 1, 1))}, "in0 is (1, 3, 0, 4), only a batch may be empty");
    check_refused("Conv", (conv_case){XW(S(1, 3, 4, 4), S(0, 3, 1, 1))}, "in1 is (0, 3, 1, 1), only a batch may be empty");
    check_refused("Conv", (conv_case){XW(S(1, 3, 4, 4), S(2, 4, 1, 1))},
                  "weights in1 are (2, 4, 1, 1), dimension 1 must be 3: in0 has 3 channels");
    check_refused("ConvTranspose", (conv_case){XW(S(1, 3, 4, 4), S(2, 3, 1, 1))},
                  "weights in1 are (2, 3, 1, 1), dimension 0 must be 3: in0 has 3 channels");
    check_refused("Conv", (conv_case){XW(S(1, 3, 4, 4), S(2, 3, 1, 1)), .group = 4}, "group is 4, must be from 1 to 3");
    check_refused("Conv", (conv_case){XW(S(1, 3, 4, 4), S(2, 3, 1, 1)), .group = -1}, "group is -1, must be");
    check_refused("Conv", (conv_case){XW(S(1, 3, 4, 4), S(2, 3, 1, 1)), .group = 2}, "in0 has 3 channels, must be a multiple of group, 2");
    check_refused("Conv", (conv_case){XW(S(1, 4, 4, 4), S(3, 2, 1, 1)), .group = 2}, "in1 has 3 channels, must be a multiple of group, 2");
    check_refused("kerf.ConvGradWeights", (conv_case){XW(S(2, 4, 4, 4), S(1, 2, 4, 4))}, "in1 has a batch of 1, must be 2 like in0");
    check_refused("kerf.ConvGradWeights", (conv_case){XW(S(2, 4, 4, 4), S(2, 2, 3, 4))}, "the gradient has a size of 3, must be 4");
    check_refused("kerf.ConvGradInput", (conv_case){XW(S(2, 4, 4, 4), S(4, 2, 3, 3))}, "output_shape is left out");
}

static void test_attributes_refused(void)
{
    check_refused("Conv", (conv_case){XW(S(1, 1, 4, 4), S(1, 1, 5, 3)), .pads = {0, 1}},
                  "a kernel that reaches over 5 pixels, must be up to 4: 4, and padding of 0 and 0");
    check_refused("Conv", (conv_case){XW(S(1, 1, 4, 4), S(1, 1, 3, 3)), .dilations = {1, 2}}, "reaches over 5 pixels");
    check_refused("Conv", (conv_case){XW(S(1, 1, 4, 4), S(1, 1, 3, 3)), .strides = {1, -2}},
                  "strides holds -2, must be from 1 to 1073741824");
    check_refused("Conv", (conv_case){XW(S(1, 1, 4, 4), S(1, 1, 3, 3)), .strides = {0, 1}}, "strides holds 0, must be");
    check_refused("Conv", (conv_case){XW(S(1, 1, 4, 4), S(1, 1, 3, 3)), .dilations = {INT64_MAX, 1}}, "dilations holds 9223372036854775807");
    check_refused("Conv", (conv_case){XW(S(1, 1, 4, 4), S(1, 1, 3, 3)), .pads = {1 << 30, 1, 1, 1}}, "supported are up to 1073741824");
    check_refused("Conv", (conv_case){XW(S(1, 1, 4, 4), S(1, 1, 1, 1)), .pads = {1 << 20, 1 << 20, 1, 1}}, "2^31 elements or more");
    check_refused("Conv", (conv_case){XW(S(1, 1, 4, 4), S(1, 1, 3, 3)), .auto_pad = "SAME"},
                  "auto_pad is \"SAME\", must be NOTSET, VALID, SAME_UPPER or SAME_LOWER");
    check_refused("ConvTranspose", (conv_case){XW(S(1, 1, 4, 4), S(1, 1, 3, 3)), .output_padding = {1, 0}},
                  "output_padding holds 1, must be below stride or dilation");
    check_refused("ConvTranspose", (conv_case){XW(S(1, 1, 4, 4), S(1, 1, 3, 3)), .pads = {3, 0, 3, 0}}, "the result has a size of 0");
    check_refused("ConvTranspose", (conv_case){XW(S(1, 1, 4, 4), S(1, 1, 3, 3)), .strides = {1 << 30, 1}}, "supported are up to 1073741824");
}
/* clang-format on */

static void test_messages(void)
{
    op_check c;
    static const conv_case t = {XW(S(1, 3, 4, 4), S(2, 3, 3, 3))};
    begin(&c, "Conv", &t);
    CHECK_OK(kerf_node_set_ints(c.node, "kernel_shape", (int64_t[]){3, 5}, 2));
    op_check_refused(&c, KERF_ERR_SHAPE, "kernel_shape holds 5, must be 3 as weights in1 are");
    CHECK_OK(kerf_node_set_ints(c.node, "kernel_shape", (int64_t[]){3, 3, 3}, 3));
    op_check_refused(&c, KERF_ERR_SHAPE, "kernel_shape has 3 numbers, must have 2");
    op_check_end(&c);

    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, t.x, x);
    op_check_input(&c, KERF_F32, t.w, w);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3), b);
    op_check_node(&c, "Conv", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "input in2 is (3), must be (2)");
    op_check_end(&c);

    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, t.x, x);
    op_check_input(&c, KERF_F32, t.w, w);
    op_check_skip(&c);
    op_check_input(&c, KERF_F32, KERF_SHAPE(1, 2, 2, 1), z);
    op_check_node(&c, "Conv", 1);
    op_check_refused(&c, KERF_ERR_UNSUPPORTED, "has 4 inputs, supported are up to 3");
    CHECK_OK(kerf_node_set_int(c.node, "residual", 1));
    op_check_refused(&c, KERF_ERR_SHAPE, "input in3 is (1, 2, 2, 1), must be (1, 2, 2, 2)");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    op_check_fill(x, MAX, 1);
    op_check_fill(w, MAX, 2);
    op_check_fill(b, MAX, 3);
    op_check_fill(z, MAX, 4);
    test_cases();
    test_winograd();
    test_finish();
    test_nan();
    test_shapes_refused();
    test_attributes_refused();
    test_messages();
    CHECK(num_laid > (op_check_small() ? 5 : 20) ||
          kerf_device_get_info(dev)->type != KERF_DEVICE_CPU ||
          kerf__has_quirk(kerf_device_get_info(dev), KERF__QUIRK_LONG_LOOPS));
    kerf_device_close(dev);
    return check_result();
}
