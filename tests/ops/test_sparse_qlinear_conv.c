/* test_sparse_qlinear_conv.c -- SparseWords and SparseQLinearConv against
 * ref_sparse_qlinear_conv.c: the very numbers, plain and in blocks, of QLinearConv with zeros. */
#include "laid_check.h"
#include "ops/conv_case.h"
#include "ops/sparse_words_case.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 17 };
static kerf_device *dev;
static int num_laid; /* nodes that were checked in blocks, too */
static uint8_t bytes[MAX];
static float w_scales[256];
static int32_t bias[256];

static const float X_SCALE = 0.013f;
static uint8_t zeros[64] = {3, 0, 131, 200}; /* as int8, two are below 0 */

static void fill(void)
{
    uint32_t s = 99;
    for (size_t i = 0; i < MAX; i++) {
        s = s * 1664525u + 1013904223u;
        bytes[i] = i % 31 == 0 ? 0xFF : i % 37 == 0 ? 0x80 : (uint8_t)(s >> 20);
    }
    for (size_t i = 0; i < 256; i++) {
        w_scales[i] = 0.001f * (float)(1 + bytes[i] * 3);
        bias[i] = 100 * (int32_t)bytes[i + 256] - 12800;
    }
}

/* ---- one case ------------------------------------------------------------------------------- */

typedef struct types {
    kerf_type x, y, r; /* r: of a residual, if has_residual */
    unsigned kept;     /* of 1000 words */
    int has_bias, has_residual, x_zero;
    int64_t low, high; /* both 0: none */
    int (*is_empty)(int row);
} types;

static void add_residual(op_check *c, const conv_case *t, const types *k, float y_scale)
{
    static const float SCALE = 0.37f;
    const float sum_scale = 0.6f * (SCALE + y_scale);
    op_check_input(c, k->r, t->y, bytes + 99);
    op_check_input(c, KERF_F32, KERF_SCALAR, &SCALE);
    op_check_input(c, k->r, KERF_SCALAR, zeros + 3);
    op_check_input(c, KERF_F32, KERF_SHAPE(1), &sum_scale);
    op_check_input(c, k->y, KERF_SCALAR, zeros);
}

static void add_inputs(op_check *c, const conv_case *t, const types *k, const words_case *s)
{
    const float terms = (float)kerf_shape_num_elements(t->w) / (float)t->w.dims[0];
    const float y_scale = 0.4f * sqrtf(terms * (0.001f * (float)k->kept + 0.01f));
    op_check_input(c, k->x, t->x, bytes);
    op_check_input(c, KERF_F32, KERF_SCALAR, &X_SCALE);
    op_check_input(c, k->x, KERF_SCALAR, zeros + k->x_zero);
    words_case_words(c, s);
    op_check_input(c, KERF_F32, KERF_SHAPE(t->w.dims[0]), w_scales);
    words_case_rows(c, s);
    op_check_input(c, KERF_F32, KERF_SCALAR, &y_scale);
    op_check_input(c, k->y, KERF_SHAPE(1), zeros + 2);
    if (k->has_bias)
        op_check_input(c, KERF_S32, KERF_SHAPE(t->w.dims[0]), bias);
    else
        op_check_skip(c);
    if (k->has_residual)
        add_residual(c, t, k, y_scale);
    while (c->num_inputs < 14)
        op_check_skip(c);
    words_case_offsets(c, s);
}

static void check(const conv_case *t, const types *k)
{
    words_case s = words_case_create(t->w, k->kept, k->is_empty);
    op_check c;
    op_check_begin(&c, dev);
    add_inputs(&c, t, k, &s);
    op_check_node(&c, "kerf.SparseQLinearConv", 1);
    conv_case_set_attributes(c.node, t);
    CHECK_OK(kerf_node_set_ints(c.node, "weights_shape", t->w.dims, (size_t)t->w.rank));
    if (k->low != 0 || k->high != 0) {
        CHECK_OK(kerf_node_set_int(c.node, "low", k->low));
        CHECK_OK(kerf_node_set_int(c.node, "high", k->high));
    }
    CHECK_OK(kerf__node_infer(c.node));
    CHECK(kerf_shape_equal(c.node->outputs[0]->shape, t->y));
    op_check_variants(&c, ref_sparse_qlinear_conv, 0);
    num_laid += laid_check(&c, ref_sparse_qlinear_conv, 0);
    op_check_end(&c);
    words_case_destroy(&s);
}

/* ---- convolutions --------------------------------------------------------------------------- */

/* clang-format off */
static const conv_case CASES[] = {
    {.x = {4, {2, 20, 7, 9}},  .w = {4, {20, 20, 3, 3}}, .y = {4, {2, 20, 7, 9}},   .pads = {1, 1, 1, 1}},
    {.x = {4, {1, 33, 9, 7}},  .w = {4, {17, 33, 3, 3}}, .y = {4, {1, 17, 5, 4}},   .pads = {1, 1, 1, 1}, .strides = {2, 2}},
    {.x = {4, {1, 1, 1, 1}},   .w = {4, {1, 1, 1, 1}},   .y = {4, {1, 1, 1, 1}}},
    {.x = {4, {1, 18, 6, 6}},  .w = {4, {35, 18, 1, 1}}, .y = {4, {1, 35, 6, 6}}},
    {.x = {4, {2, 16, 9, 7}},  .w = {4, {16, 16, 1, 1}}, .y = {4, {2, 16, 5, 4}},   .strides = {2, 2}},
    {.x = {4, {1, 5, 30, 40}}, .w = {4, {18, 5, 1, 1}},  .y = {4, {1, 18, 30, 40}}},
    {.x = {4, {1, 6, 23, 31}}, .w = {4, {16, 6, 3, 3}},  .y = {4, {1, 16, 23, 31}}, .pads = {1, 1, 1, 1}},
    {.x = {4, {1, 6, 19, 40}}, .w = {4, {8, 6, 5, 3}},   .y = {4, {1, 8, 9, 20}},   .pads = {2, 0, 1, 2}, .strides = {2, 2}},
    {.x = {4, {1, 20, 9, 9}},  .w = {4, {16, 20, 3, 2}}, .y = {4, {1, 16, 5, 6}},   .dilations = {2, 3}},
    {.x = {4, {1, 4, 9, 300}}, .w = {4, {5, 4, 3, 3}},   .y = {4, {1, 5, 9, 300}},  .pads = {1, 1, 1, 1}},
    {.x = {3, {2, 5, 37}},     .w = {3, {9, 5, 4}},      .y = {3, {2, 9, 18}},      .strides = {2}, .pads = {1, 1}},
    {.x = {4, {1, 7, 12, 13}}, .w = {4, {9, 7, 2, 2}},   .y = {4, {1, 9, 4, 3}},    .strides = {3, 4}},
    {.x = {4, {1, 4, 8, 8}},   .w = {4, {8, 4, 3, 3}},   .y = {4, {1, 8, 5, 6}},    .pads = {0, -1, -1, 1}},
};
/* clang-format on */

static void test_shapes(void)
{
    for (size_t i = 0; i < LENGTH(CASES) && (!op_check_small() || i < 2); i++)
        for (int j = 0; j < 2; j++)
            check(&CASES[i], &(types){.x = j == 0 ? KERF_U8 : KERF_S8,
                                      .y = (i + (size_t)j) % 2 == 0 ? KERF_U8 : KERF_S8,
                                      .kept = 200,
                                      .has_bias = (i + (size_t)j) % 3 > 0,
                                      .x_zero = (int)(i + 2 * (size_t)j) % 4});
}

static int is_all(int row)
{
    return row >= 0;
}

static int is_some(int row)
{
    return row % 3 == 0 || row == 16;
}

/* Nothing, all, few, and rows without any. */
static void test_densities(void)
{
    static const types KINDS[] = {
        {.x = KERF_U8, .y = KERF_U8, .kept = 1000, .is_empty = is_all, .has_bias = 1},
        {.x = KERF_U8, .y = KERF_S8, .kept = 1000, .has_bias = 1},
        {.x = KERF_S8, .y = KERF_U8, .kept = 4, .has_bias = 0},
        {.x = KERF_U8, .y = KERF_U8, .kept = 400, .is_empty = is_some, .has_bias = 1},
    };
    for (size_t i = 0; i < LENGTH(KINDS); i++)
        check(&CASES[0], &KINDS[i]);
}

/* A sum behind the convolution, and bounds. */
static void test_residual(void)
{
    for (int i = 0; i < (op_check_small() ? 2 : 8); i++) {
        const types k = {.x = KERF_U8,
                         .y = i & 1 ? KERF_S8 : KERF_U8,
                         .r = i & 2 ? KERF_S8 : KERF_U8,
                         .kept = 150,
                         .has_bias = i & 1,
                         .low = i & 4 ? 3 : 0,
                         .high = i & 4 ? 90 : 0,
                         .has_residual = 1};
        check(&CASES[i & 4 ? 3 : i & 1], &k);
    }
    check(&CASES[3], &(types){.x = KERF_U8, .y = KERF_U8, .kept = 150, .low = 100, .high = 140});
}

/* ---- the pattern ---------------------------------------------------------------------------- */

static void check_words(kerf_shape shape, unsigned every)
{
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    int8_t *weights = calloc(num, 1);
    op_check c;
    for (size_t i = 0; i < num; i++)
        if (every != 0 && (i * 2654435761u >> 9) % every == 0)
            weights[i] = (int8_t)bytes[i];
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_S8, shape, weights);
    op_check_node(&c, "kerf.SparseWords", 3);
    op_check_variants(&c, ref_sparse_qlinear_conv, 0);
    op_check_end(&c);
    free(weights);
}

static void test_words(void)
{
    check_words(KERF_SHAPE(1, 1, 1, 1), 1);
    check_words(KERF_SHAPE(67, 6, 3, 3), 7);
    check_words(KERF_SHAPE(5, 4, 7), 3);
    check_words(KERF_SHAPE(3, 9, 2, 3), 1);
    check_words(KERF_SHAPE(3, 9, 2, 3), 0);
    if (!op_check_small())
        check_words(KERF_SHAPE(130, 65, 1, 1), 5);
}

/* ---- what is refused ------------------------------------------------------------------------ */

static void refuse(const conv_case *t, int64_t group, const char *words)
{
    words_case s = words_case_create(t->w, 500, NULL);
    op_check c;
    op_check_begin(&c, dev);
    add_inputs(&c, t, &(types){.x = KERF_U8, .y = KERF_U8}, &s);
    op_check_node(&c, "kerf.SparseQLinearConv", 1);
    CHECK_OK(kerf_node_set_ints(c.node, "weights_shape", t->w.dims, (size_t)t->w.rank));
    CHECK_OK(kerf_node_set_int(c.node, "group", group));
    op_check_refused(&c, KERF_ERR_UNSUPPORTED, words);
    op_check_end(&c);
    words_case_destroy(&s);
}

static void test_what_is_refused(void)
{
    refuse(&(conv_case){.x = {4, {1, 4, 5, 5}}, .w = {4, {4, 2, 1, 1}}}, 2,
           "group is 2, supported is 1");
    refuse(&(conv_case){.x = {4, {1, 4, 20, 20}}, .w = {4, {4, 4, 17, 17}}}, 1,
           "filters of 17 x 17 taps, supported are up to 256");
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_S8, KERF_SHAPE(4, 5), bytes);
    op_check_node(&c, "kerf.SparseWords", 3);
    op_check_refused(
        &c, KERF_ERR_SHAPE,
        "input in0 is (4, 5), must have 3 or 4 dimensions, and 1 to 2^29 - 1 elements");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    const kerf_device_info *info = kerf_device_get_info(dev);
    fill();
    test_shapes();
    test_densities();
    test_residual();
    test_words();
    test_what_is_refused();
    if (info->type == KERF_DEVICE_CPU && !kerf__has_quirk(info, KERF__QUIRK_LONG_LOOPS))
        CHECK(num_laid > 0);
    kerf_device_close(dev);
    return check_result();
}
