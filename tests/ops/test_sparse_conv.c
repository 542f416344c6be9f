/* test_sparse_conv.c -- SparseConv against ref_sparse_conv.c: every tile, whatever the window, and
 * patterns from no weight at all to all of them. */
#include "device/quirks.h"
#include "ops/conv_case.h"
#include "ops/conv_common.h"
#include "ops/sparse_conv.h"
#include "ops/sparse_conv_case.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 20 };
static kerf_device *dev;
static float x[MAX], b[MAX], z[MAX];

/* Every tile is two programs, which llvmpipe builds for minutes: two of them stand for all there.
 */
static int is_tried(const kerf__op_case *c)
{
    return !c->option.variant->wide || c->option.candidate < c->option.variant->candidates + 2 ||
           !kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS);
}

/* ---- one case ------------------------------------------------------------------------------- */

/* What a node has beside its window. */
typedef struct extras {
    int has_bias, has_residual;
    const char *activation;
} extras;

static void set_activation(kerf_node *n, const char *activation)
{
    if (activation == NULL)
        return;
    CHECK_OK(kerf_node_set_string(n, "activation", activation));
    CHECK_OK(kerf_node_set_float(n, "activation_min", -0.25f));
    CHECK_OK(kerf_node_set_float(n, "activation_max", 0.5f));
    CHECK_OK(kerf_node_set_float(n, "activation_alpha", 0.25f));
}

static void begin(op_check *c, const conv_case *t, const sparse_case *s, extras e)
{
    op_check_begin(c, dev);
    c->is_tried = is_tried;
    op_check_input(c, KERF_F32, t->x, x);
    sparse_case_inputs(c, s);
    if (e.has_bias)
        op_check_input(c, KERF_F32, KERF_SHAPE(t->w.dims[0]), b);
    else if (e.has_residual)
        op_check_skip(c);
    if (e.has_residual)
        op_check_input(c, KERF_F32, t->y, z);
    op_check_node(c, "kerf.SparseConv", 1);
    conv_case_set_attributes(c->node, t);
    CHECK_OK(kerf_node_set_ints(c->node, "weights_shape", t->w.dims, (size_t)t->w.rank));
    set_activation(c->node, e.activation);
}

static void check_pattern(const conv_case *t, const sparse_case *s, extras e)
{
    const int64_t terms = kerf_shape_num_elements(t->w) / t->w.dims[0];
    op_check c;
    begin(&c, t, s, e);
    CHECK_OK(kerf__node_infer(c.node));
    CHECK(kerf_shape_equal(c.node->outputs[0]->shape, t->y));
    op_check_variants(&c, ref_sparse_conv, check_tolerance(4, (size_t)terms + 2));
    op_check_end(&c);
}

static int is_odd(int row)
{
    return row % 2 != 0;
}

static int is_any(int row)
{
    (void)row;
    return 1;
}

static void check_kept(const conv_case *t, unsigned kept, int (*is_empty)(int), extras e)
{
    sparse_case s = sparse_case_create(t->w, kept, is_empty);
    check_pattern(t, &s, e);
    sparse_case_destroy(&s);
}

/* ---- cases ---------------------------------------------------------------------------------- */

/* clang-format off */
#define S(...) {sizeof (int64_t[]){__VA_ARGS__} / sizeof(int64_t), {__VA_ARGS__}}
#define XWY(a, b, c) .x = a, .w = b, .y = c

static const conv_case CASES[] = {
    {XWY(S(2, 3, 5, 6), S(4, 3, 3, 3), S(2, 4, 5, 6)), .pads = {1, 1, 1, 1}},
    {XWY(S(1, 1, 1, 1), S(1, 1, 1, 1), S(1, 1, 1, 1))},
    {XWY(S(1, 5, 7, 7), S(9, 5, 3, 3), S(1, 9, 7, 7)), .pads = {1, 1, 1, 1}},
    {XWY(S(1, 3, 6, 5), S(4, 3, 3, 3), S(1, 4, 4, 3))},                                 /* no zeros at the edges */
    {XWY(S(1, 2, 8, 9), S(3, 2, 3, 3), S(1, 3, 4, 5)), .pads = {1, 1, 1, 1}, .strides = {2, 2}},
    {XWY(S(1, 2, 8, 9), S(3, 2, 1, 1), S(1, 3, 4, 5)), .strides = {2, 2}},
    {XWY(S(1, 2, 9, 11), S(3, 2, 5, 3), S(1, 3, 3, 6)), .pads = {2, 1, 1, 1}, .strides = {3, 2}},
    {XWY(S(1, 2, 9, 8), S(3, 2, 3, 3), S(1, 3, 9, 8)), .pads = {2, 2, 2, 2}, .dilations = {2, 2}},
    {XWY(S(1, 2, 9, 8), S(3, 2, 3, 2), S(1, 3, 5, 5)), .pads = {2, 3, 2, 1}, .dilations = {2, 3}, .strides = {2, 2}},
    {XWY(S(1, 2, 7, 8), S(3, 2, 3, 3), S(1, 3, 4, 6)), .pads = {-1, 1, 0, -1}},         /* cropped */
    {XWY(S(1, 1, 2, 2), S(2, 1, 3, 3), S(1, 2, 6, 6)), .pads = {3, 3, 3, 3}}, /* zeros alone at the corners */
    {XWY(S(2, 6, 5, 6), S(4, 3, 3, 3), S(2, 4, 5, 6)), .pads = {1, 1, 1, 1}, .group = 2},
    {XWY(S(1, 4, 5, 6), S(4, 1, 3, 3), S(1, 4, 5, 6)), .pads = {1, 1, 1, 1}, .group = 4}, /* depth-wise */
    {XWY(S(2, 3, 19), S(5, 3, 3), S(2, 5, 17))},
    {XWY(S(0, 3, 5, 6), S(4, 3, 3, 3), S(0, 4, 5, 6)), .pads = {1, 1, 1, 1}},
    {XWY(S(1, 5, 4, 4), S(9, 5, 1, 1), S(1, 9, 4, 4))},                                 /* fewer pixels than a tile */
    {XWY(S(1, 3, 15, 17), S(4, 3, 1, 1), S(1, 4, 15, 17))},                             /* in place */
    {XWY(S(2, 3, 5, 6, 16), S(4, 3, 3, 3), S(2, 4, 5, 6, 16)), .pads = {1, 1, 1, 1}},   /* 16 samples to a pixel */
    {XWY(S(1, 5, 4, 4, 16), S(9, 5, 1, 1), S(1, 9, 4, 4, 16))},
    {XWY(S(1, 2, 7, 8, 3), S(3, 2, 3, 3), S(1, 3, 6, 11, 3)), .pads = {-1, 2, 2, 3}, .dilations = {1, 1}},
    {XWY(S(1, 3, 6, 7, 16), S(4, 3, 3, 3), S(1, 4, 3, 4, 16)), .pads = {1, 1, 1, 1}, .strides = {2, 2}},
    {XWY(S(2, 3, 9, 8, 16), S(4, 3, 3, 2), S(2, 4, 5, 5, 16)), .pads = {2, 3, 2, 1}, .dilations = {2, 3}, .strides = {2, 2}},
    {XWY(S(1, 3, 7, 7, 16), S(4, 3, 1, 1), S(1, 4, 3, 3, 16)), .strides = {3, 3}},
    /* Large ones, left out where time is dear. */
    {XWY(S(1, 3, 6, 260), S(4, 3, 3, 3), S(1, 4, 6, 260)), .pads = {1, 1, 1, 1}},       /* lines longer than a tile */
    {XWY(S(1, 70, 29, 28), S(33, 70, 3, 3), S(1, 33, 29, 28)), .pads = {1, 1, 1, 1}},   /* in chunks */
    {XWY(S(2, 64, 28, 28), S(40, 64, 3, 3), S(2, 40, 14, 14)), .pads = {1, 1, 1, 1}, .strides = {2, 2}},
    {XWY(S(1, 300, 7, 7), S(70, 300, 1, 1), S(1, 70, 7, 7))},
    {XWY(S(1, 40, 40, 32, 16), S(5, 40, 3, 3), S(1, 5, 20, 16, 16)), .pads = {1, 1, 1, 1}, .strides = {2, 2}}, /* strips */
    {XWY(S(1, 70, 8, 8, 16), S(33, 70, 3, 3), S(1, 33, 8, 8, 16)), .pads = {1, 1, 1, 1}},
    {XWY(S(1, 3, 40, 37), S(5, 3, 7, 7), S(1, 5, 20, 19)), .pads = {3, 3, 3, 3}, .strides = {2, 2}},
};
/* clang-format on */
enum { NUM_LARGE = 7 };

static void test_cases(void)
{
    static const extras NONE = {0}, ALL = {1, 1, "relu"};
    for (size_t i = 0; i < LENGTH(CASES) - (op_check_small() ? NUM_LARGE : 0); i++) {
        check_kept(&CASES[i], 300, NULL, NONE);
        if (!op_check_small())
            check_kept(&CASES[i], 100, is_odd, ALL);
    }
}

/* Rows of the same places share loads, four by four; here some have none, and the last are few. */
static void test_blocks(void)
{
    static const int ROWS[] = {4, 8, 2};
    for (size_t i = 0; i < LENGTH(CASES) - (op_check_small() ? NUM_LARGE : 0); i++) {
        const int block = ROWS[i % (op_check_small() ? 1 : LENGTH(ROWS))];
        sparse_case s =
            sparse_case_create_blocks(CASES[i].w, 250, block, i % 4 == 3 ? is_odd : NULL);
        check_pattern(&CASES[i], &s, (extras){1, i % 2 == 0, "relu"});
        sparse_case_destroy(&s);
    }
}

/* No weight, one, all of them. */
static void test_patterns(void)
{
    const conv_case *t = &CASES[0];
    sparse_case one = sparse_case_create(t->w, 0, NULL);
    check_kept(t, 0, NULL, (extras){0});
    check_kept(t, 1000, is_any, (extras){1, 0, NULL});
    check_kept(t, 1000, NULL, (extras){0});
    one.offsets[0] = 2 * 256 + 8;
    one.num = 1;
    for (int k = 3; k <= one.num_rows; k++)
        one.starts[k] = 1;
    check_pattern(t, &one, (extras){0});
    sparse_case_destroy(&one);
}

static void test_finish(void)
{
    static const char *const NAMES[] = {NULL, "relu", "leaky_relu", "clip"};
    const conv_case *t[] = {&CASES[0], &CASES[16]};
    for (size_t i = 0; i < LENGTH(NAMES); i++) {
        check_kept(t[i % 2], 200, NULL, (extras){i != 1, i != 0, NAMES[i]});
        if (!op_check_small())
            check_kept(t[(i + 1) % 2], 200, NULL, (extras){i == 1, i == 0, NAMES[i]});
    }
}

/* ---- patterns made for a tile ---------------------------------------------------------------- */

/* 1 if the device has the local memory. */
static int check_tile(const conv_case *t, kerf__sparse_tile tile, int block, extras e)
{
    const int64_t terms = kerf_shape_num_elements(t->w) / t->w.dims[0];
    sparse_case s = sparse_case_create_blocks(t->w, 250, block, block == 1 ? is_odd : NULL);
    kerf__sparse_places p;
    op_check c;
    begin(&c, t, &s, e);
    CHECK_OK(kerf__node_infer(c.node));
    int fits = kerf__sparse_places_of(c.node, tile, &p);
    op_check_end(&c);
    if (fits) {
        sparse_case_cut(&s, &p, (int)t->w.dims[1]);
        begin(&c, t, &s, e);
        CHECK_OK(kerf_node_set_ints(c.node, "tile",
                                    (int64_t[]){tile.vectors, tile.cols, tile.chunk}, 3));
        CHECK_OK(kerf__sparse_set_places(c.node, &p));
        CHECK_OK(kerf__node_infer(c.node));
        fits = kerf__sparse_conv_chunks_fits(&(kerf__op_case){.dev = dev, .node = c.node});
        if (fits)
            op_check_variants(&c, ref_sparse_conv, check_tolerance(4, (size_t)terms + 2));
        op_check_end(&c);
    }
    sparse_case_destroy(&s);
    return fits;
}

/* Whole lines and pieces of them, chunks of all channels, some and one; single rows and fours. */
static void test_tiles(void)
{
    const int num = op_check_small() ? 1 : KERF__SPARSE_CONV_NUM_CHUNKS;
    int num_checked = 0;
    if (kerf_device_get_info(dev)->type != KERF_DEVICE_CPU ||
        kerf__has_quirk(kerf_device_get_info(dev), KERF__QUIRK_LONG_LOOPS))
        return;
    for (size_t i = 0; i < LENGTH(CASES) - (op_check_small() ? NUM_LARGE : 0); i++) {
        const conv_case *t = &CASES[i];
        const int vectors = kerf__sparse_conv_chunks_candidates[i % (size_t)num].parameters[0];
        const int width = (int)t->y.dims[t->y.rank - 1], channels = (int)t->w.dims[1];
        const extras e = {i % 2 == 0, i % 3 == 0, i % 2 == 0 ? "relu" : NULL};
        num_checked += check_tile(t, (kerf__sparse_tile){vectors, width, channels}, 1, e);
        num_checked += check_tile(t, (kerf__sparse_tile){vectors, (width + 1) / 2, 2}, 4, e);
        if (!op_check_small())
            num_checked +=
                check_tile(t, (kerf__sparse_tile){vectors, width, channels / 2 + 1}, 4, e);
    }
    CHECK(num_checked > (op_check_small() ? 4 : 8));
}

/* A tile that is chosen can be made of a convolution with a window and no stride, and of no other.
 */
static void test_choice(void)
{
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        const conv_case *t = &CASES[i];
        sparse_case s = sparse_case_create(t->w, 100, NULL);
        kerf__sparse_places p;
        op_check c;
        begin(&c, t, &s, (extras){0});
        CHECK_OK(kerf__node_infer(c.node));
        const kerf__conv v = kerf__conv_of(c.node);
        const kerf__sparse_tile tile = kerf__sparse_choose_tile(dev, c.node, 0.1);
        CHECK((tile.vectors > 0) == kerf__sparse_places_of(c.node, tile, &p));
        CHECK(tile.vectors == 0 || (v.h.stride == 1 && v.w.stride == 1 && v.lanes == 1 &&
                                    v.h.kernel * v.w.kernel > 1 && tile.chunk <= v.src_channels));
        op_check_end(&c);
        sparse_case_destroy(&s);
    }
}

/* ---- the gradient by src -------------------------------------------------------------------- */

static void begin_gradient(op_check *c, const conv_case *t, const sparse_case *s)
{
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, t->y, x);
    sparse_case_inputs(c, s);
    op_check_node(c, "kerf.SparseConvGradInput", 1);
    conv_case_set_attributes(c->node, t);
    CHECK_OK(kerf_node_set_ints(c->node, "weights_shape", t->w.dims, (size_t)t->w.rank));
    CHECK_OK(kerf_node_set_ints(c->node, "output_shape", t->x.dims + 2, (size_t)t->w.rank - 2));
}

/* All cases of one group; the pattern's rows are channels of src. */
static void test_gradient(void)
{
    for (size_t i = 0; i < LENGTH(CASES) - (op_check_small() ? NUM_LARGE : 0); i++) {
        const conv_case *t = &CASES[i];
        kerf_shape turned = t->w;
        op_check c;
        if (t->group > 1)
            continue;
        turned.dims[0] = t->w.dims[1];
        turned.dims[1] = t->w.dims[0];
        sparse_case s = sparse_case_create(turned, 300, i % 2 ? is_odd : NULL);
        begin_gradient(&c, t, &s);
        op_check_variants(
            &c, ref_sparse_conv,
            check_tolerance(4, (size_t)(kerf_shape_num_elements(turned) / turned.dims[0])));
        op_check_end(&c);
        sparse_case_destroy(&s);
    }
}

/* ---- trials --------------------------------------------------------------------------------- */

/* What tuning computes with is a pattern: rows have the entries that are expected, ascending. */
static void test_trial(void)
{
    const conv_case *t = &CASES[0];
    sparse_case s = sparse_case_create(t->w, 1000, NULL);
    const int channels = (int)t->w.dims[1], each = 6; /* a fifth of 27, rounded up */
    int32_t starts[5], offsets[109] = {0};
    op_check c;
    begin(&c, t, &s, (extras){0});
    CHECK_OK(kerf_node_set_int(c.node, "percent", 20));
    CHECK_OK(kerf__node_infer(c.node));
    kerf__op_find(c.node->op)->fill_trial(c.node, 2, starts);
    kerf__op_find(c.node->op)->fill_trial(c.node, 3, offsets);
    for (int k = 0; k <= 4; k++)
        CHECK(starts[k] == k * each);
    for (int i = 0; i < 4 * each; i++) {
        CHECK(offsets[i] / 256 < channels && offsets[i] % 256 < 9);
        CHECK(i % each == 0 || offsets[i] > offsets[i - 1]);
    }
    op_check_end(&c);
    sparse_case_destroy(&s);
}

/* ---- messages ------------------------------------------------------------------------------- */

static void test_messages(void)
{
    const conv_case *t = &CASES[0];
    conv_case wide = *t;
    sparse_case s = sparse_case_create(t->w, 300, NULL);
    op_check c;
    begin(&c, t, &s, (extras){0});
    CHECK_OK(kerf_node_set_ints(c.node, "weights_shape", (int64_t[]){5, 3, 3, 3}, 4));
    op_check_refused(&c, KERF_ERR_SHAPE, "input in2 is (5), must be (6)");
    CHECK_OK(kerf_node_set_ints(c.node, "weights_shape", (int64_t[]){4, 2, 3, 3}, 4));
    op_check_refused(&c, KERF_ERR_SHAPE,
                     "weights in1 are (4, 2, 3, 3), dimension 1 must be 3: in0 has 3 channels");
    op_check_end(&c);
    wide.w = KERF_SHAPE(4, 3, 17, 16);
    begin(&c, &wide, &s, (extras){0});
    CHECK_OK(kerf_node_set_ints(c.node, "pads", (int64_t[]){9, 9, 9, 9}, 4));
    op_check_refused(&c, KERF_ERR_UNSUPPORTED, "17 x 16 taps, supported are up to");
    op_check_end(&c);
    sparse_case_destroy(&s);
}

int main(void)
{
    dev = check_open_device();
    op_check_fill(x, MAX, 1);
    op_check_fill(b, MAX, 3);
    op_check_fill(z, MAX, 4);
    test_cases();
    test_blocks();
    test_patterns();
    test_finish();
    test_tiles();
    test_choice();
    test_gradient();
    test_trial();
    test_messages();
    kerf_device_close(dev);
    return check_result();
}
