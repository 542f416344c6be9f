/* test_qlinear_conv.c -- ConvInteger and QLinearConv against ref_qlinear_conv.c: the very numbers,
 * of both types on both sides, and the shapes that ONNX gives. */
#include "laid_check.h"
#include "ops/conv_case.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 16 };
static kerf_device *dev;
static int num_laid; /* nodes that were checked in blocks, too */
static uint8_t bytes[2][MAX], zeros[2][256], middles[256], nothing[256];
static float w_scales[256];
static int32_t bias[256];

static const kerf_type TYPES[] = {KERF_U8, KERF_S8};

static uint32_t next(uint32_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 17;
    return *s ^= *s << 5;
}

static void fill(void)
{
    uint32_t s = 99;
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < MAX; i++)
            bytes[k][i] = (uint8_t)(next(&s) >> 7);
    for (size_t i = 0; i < 64; i++) /* both ends on both sides */
        bytes[0][i] = bytes[1][i] = i % 3 == 0 ? 0x80 : i % 3 == 1 ? 0x7F : 0xFF;
    memset(middles, 128, sizeof middles);
    for (size_t i = 0; i < 256; i++) {
        zeros[0][i] = (uint8_t)(next(&s) >> 7);
        zeros[1][i] = (uint8_t)(next(&s) >> 7);
        w_scales[i] = 0.001f * (float)(1 + (next(&s) >> 8) % 1000);
        bias[i] = (int32_t)(next(&s) >> 16) - 32768;
    }
}

/* ---- one case ------------------------------------------------------------------------------ */

/* Per channel: one scale, and one zero point, a channel. */
typedef struct types {
    kerf_type x, w, y;
    int per_channel, has_bias;
    int64_t low, high; /* both 0: none */
    int has_ties;
    int no_zero;   /* w's zero points vanish, and are known to */
    int has_zeros; /* w's zero points are looked at in blocks in the simulator, too */
    int has_residual;
    kerf_type r, sum; /* with a residual, the types of that and of the result */
    int is_unrounded; /* the floats behind the result are wanted, too */
} types;

static kerf_shape numbers_of(const conv_case *t, int per_channel)
{
    return per_channel ? KERF_SHAPE(t->w.dims[0]) : KERF_SCALAR;
}

static const float X_SCALE = 0.013f;

/* So that most results are within the range, or so that every other sum is a tie. */
static float y_scale_of(const conv_case *t, const types *k)
{
    const float terms = (float)kerf_shape_num_elements(t->w) / (float)t->w.dims[0];
    const float product = X_SCALE * w_scales[0];
    return k->has_ties ? 2.0f * product : (k->per_channel ? 0.4f : 0.04f) * sqrtf(terms);
}

/* The sum's scale is small, so that some saturate. */
static void add_residual(op_check *c, const conv_case *t, const types *k)
{
    static const float SCALE = 0.37f;
    const float sum_scale = 0.6f * (SCALE + y_scale_of(t, k));
    op_check_input(c, k->r, t->y, bytes[1] + 99);
    op_check_input(c, KERF_F32, KERF_SCALAR, &SCALE);
    op_check_input(c, k->r, KERF_SCALAR, zeros[0] + 3);
    op_check_input(c, KERF_F32, KERF_SHAPE(1), &sum_scale);
    op_check_input(c, k->sum, KERF_SCALAR, zeros[1] + 5);
}

static void add_qlinear(op_check *c, const conv_case *t, const types *k)
{
    const float y_scale = y_scale_of(t, k);
    op_check_input(c, k->x, t->x, bytes[0]);
    op_check_input(c, KERF_F32, KERF_SCALAR, &X_SCALE);
    op_check_input(c, k->x, KERF_SCALAR, zeros[0]);
    op_check_input(c, k->w, t->w, bytes[1]);
    op_check_input(c, KERF_F32, numbers_of(t, k->per_channel), w_scales);
    if (k->no_zero)
        op_check_constant(c, k->w, numbers_of(t, k->per_channel),
                          k->w == KERF_U8 ? middles : nothing);
    else
        op_check_input(c, k->w, numbers_of(t, k->per_channel), zeros[1]);
    op_check_input(c, KERF_F32, KERF_SCALAR, &y_scale);
    op_check_input(c, k->y, KERF_SHAPE(1), zeros[0] + 8);
    if (k->has_bias)
        op_check_input(c, KERF_S32, KERF_SHAPE(t->w.dims[0]), bias);
    else if (k->has_residual)
        op_check_skip(c);
    if (k->has_residual)
        add_residual(c, t, k);
    op_check_node(c, "QLinearConv", k->is_unrounded ? 2 : 1);
    if (k->low != 0 || k->high != 0) {
        CHECK_OK(kerf_node_set_int(c->node, "low", k->low));
        CHECK_OK(kerf_node_set_int(c->node, "high", k->high));
    }
}

/* Zero points: 0 none, 1 that of x alone, 2 both. */
static void add_integer(op_check *c, const conv_case *t, const types *k, int num_zeros)
{
    op_check_input(c, k->x, t->x, bytes[0]);
    op_check_input(c, k->w, t->w, bytes[1]);
    if (num_zeros > 0)
        op_check_input(c, k->x, KERF_SCALAR, zeros[0]);
    if (num_zeros > 1)
        op_check_input(c, k->w, numbers_of(t, k->per_channel), zeros[1]);
    op_check_node(c, "ConvInteger", 1);
}

static void finish(op_check *c, const conv_case *t, int is_laid)
{
    conv_case_set_attributes(c->node, t);
    CHECK_OK(kerf__node_infer(c->node));
    CHECK(kerf_shape_equal(c->node->outputs[0]->shape, t->y));
    op_check_variants(c, ref_qlinear_conv, 0);
    if (is_laid)
        num_laid += laid_check(c, ref_qlinear_conv, 0);
    op_check_end(c);
}

static void check(const conv_case *t, const types *k)
{
    op_check c;
    op_check_begin(&c, dev);
    add_qlinear(&c, t, k);
    finish(&c, t, !op_check_small() || k->no_zero || k->has_zeros);
}

/* Sums stay below 2^24, as the harness compares floats. */
static void check_integer(const conv_case *t, const types *k, int num_zeros)
{
    op_check c;
    op_check_begin(&c, dev);
    add_integer(&c, t, k, num_zeros);
    finish(&c, t, 0);
}

/* ---- tests --------------------------------------------------------------------------------- */

/* clang-format off */
static const conv_case CASES[] = {
    {.x = {4, {1, 1, 1, 1}},   .w = {4, {1, 1, 1, 1}},  .y = {4, {1, 1, 1, 1}}},
    {.x = {4, {0, 3, 5, 5}},   .w = {4, {4, 3, 3, 3}},  .y = {4, {0, 4, 3, 3}}},
    {.x = {4, {2, 5, 7, 9}},   .w = {4, {6, 5, 3, 3}},  .y = {4, {2, 6, 7, 9}},   .pads = {1, 1, 1, 1}},
    {.x = {4, {1, 3, 11, 8}},  .w = {4, {5, 3, 5, 3}},  .y = {4, {1, 5, 5, 4}},   .pads = {2, 0, 1, 2}, .strides = {2, 2}},
    {.x = {4, {1, 4, 9, 9}},   .w = {4, {3, 4, 3, 2}},  .y = {4, {1, 3, 5, 6}},   .dilations = {2, 3}},
    {.x = {4, {2, 6, 5, 5}},   .w = {4, {4, 3, 3, 3}},  .y = {4, {2, 4, 5, 5}},   .group = 2, .pads = {1, 1, 1, 1}},
    {.x = {4, {1, 9, 6, 7}},   .w = {4, {9, 1, 3, 3}},  .y = {4, {1, 9, 3, 4}},   .group = 9, .pads = {1, 1, 1, 1}, .strides = {2, 2}},
    {.x = {4, {1, 3, 6, 6}},   .w = {4, {6, 1, 3, 3}},  .y = {4, {1, 6, 6, 6}},   .group = 3, .auto_pad = "SAME_UPPER"},
    {.x = {4, {1, 3, 7, 6}},   .w = {4, {2, 3, 3, 3}},  .y = {4, {1, 2, 4, 3}},   .strides = {2, 2}, .auto_pad = "SAME_LOWER"},
    {.x = {3, {2, 5, 17}},     .w = {3, {7, 5, 4}},     .y = {3, {2, 7, 9}},      .strides = {2}, .pads = {2, 1}},
    {.x = {4, {1, 33, 6, 6}},  .w = {4, {35, 33, 1, 1}}, .y = {4, {1, 35, 6, 6}}},
};
/* clang-format on */

static void test_shapes(void)
{
    static const types U8S8 = {
        .x = KERF_U8, .w = KERF_S8, .y = KERF_U8, .per_channel = 1, .has_bias = 1};
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        check(&CASES[i], &U8S8);
        check_integer(&CASES[i], &U8S8, 1);
    }
}

/* clang-format off */
static const conv_case BLOCKED[] = {
    {.x = {4, {2, 5, 7, 9}},   .w = {4, {20, 5, 3, 3}},  .y = {4, {2, 20, 7, 9}},  .pads = {1, 1, 1, 1}},
    {.x = {4, {1, 3, 11, 18}}, .w = {4, {50, 3, 5, 3}},  .y = {4, {1, 50, 5, 9}},  .pads = {2, 0, 1, 2}, .strides = {2, 2}},
    {.x = {4, {1, 20, 9, 9}},  .w = {4, {16, 20, 3, 2}}, .y = {4, {1, 16, 5, 6}},  .dilations = {2, 3}},
    {.x = {4, {2, 32, 5, 5}},  .w = {4, {64, 16, 3, 3}}, .y = {4, {2, 64, 5, 5}},  .group = 2, .pads = {1, 1, 1, 1}},
    {.x = {4, {1, 33, 6, 6}},  .w = {4, {70, 33, 1, 1}}, .y = {4, {1, 70, 6, 6}}},
    {.x = {4, {1, 17, 9, 7}},  .w = {4, {8, 17, 1, 1}},  .y = {4, {1, 8, 5, 4}},   .strides = {2, 2}},
    {.x = {3, {2, 5, 37}},     .w = {3, {9, 5, 4}},      .y = {3, {2, 9, 18}},     .strides = {2}, .pads = {1, 1}},
    {.x = {4, {1, 17, 6, 8}},  .w = {4, {3, 17, 3, 3}},  .y = {4, {1, 3, 6, 8}},   .pads = {1, 1, 1, 1}},
    {.x = {4, {2, 12, 5, 7}},  .w = {4, {2, 6, 1, 1}},   .y = {4, {2, 2, 5, 7}},   .group = 2},
    {.x = {4, {1, 448, 5, 5}}, .w = {4, {8, 448, 3, 3}}, .y = {4, {1, 8, 3, 3}},   .pads = {1, 1, 1, 1}, .strides = {2, 2}}, /* some tiles are too wide for a local memory of 32 KiB */
};

/* Of few channels: rows of fewer than 16 pixels, and of a few more; a last tile that is not full. */
static const conv_case FEW[] = {
    {.x = {4, {1, 3, 19, 37}}, .w = {4, {20, 3, 7, 7}},  .y = {4, {1, 20, 10, 19}}, .pads = {3, 3, 3, 3}, .strides = {2, 2}},
    {.x = {4, {2, 1, 9, 12}},  .w = {4, {35, 1, 5, 5}},  .y = {4, {2, 35, 9, 12}},  .pads = {2, 2, 2, 2}},
    {.x = {4, {1, 2, 9, 16}},  .w = {4, {16, 2, 3, 3}},  .y = {4, {1, 16, 3, 6}},   .pads = {0, 1, 0, 1}, .strides = {2, 3}, .dilations = {2, 1}},
    {.x = {4, {2, 4, 6, 33}},  .w = {4, {8, 4, 3, 2}},   .y = {4, {2, 8, 6, 32}},   .pads = {1, 0, 1, 0}},
    {.x = {4, {1, 3, 5, 30}},  .w = {4, {40, 3, 3, 1}},  .y = {4, {1, 40, 3, 14}},  .pads = {1, 0, 1, -2}, .strides = {2, 2}},
    {.x = {3, {2, 3, 41}},     .w = {3, {9, 3, 4}},      .y = {3, {2, 9, 21}},      .strides = {2}, .pads = {1, 2}},
    {.x = {4, {2, 2, 9, 20}},  .w = {4, {5, 2, 5, 5}},   .y = {4, {2, 5, 5, 16}}},
    {.x = {4, {1, 1, 7, 18}},  .w = {4, {1, 1, 3, 3}},   .y = {4, {1, 1, 7, 18}},   .pads = {1, 1, 1, 1}},
    {.x = {4, {1, 3, 4, 800}}, .w = {4, {8, 3, 7, 7}},   .y = {4, {1, 8, 2, 400}},  .pads = {3, 3, 3, 3}, .strides = {2, 2}}, /* a band of many KiB */
};

static const conv_case DEPTHWISE[] = {
    {.x = {4, {2, 20, 9, 9}},  .w = {4, {20, 1, 3, 3}},  .y = {4, {2, 20, 9, 9}},  .group = 20, .pads = {1, 1, 1, 1}},
    {.x = {4, {1, 8, 12, 11}}, .w = {4, {8, 1, 5, 2}},   .y = {4, {1, 8, 5, 6}},   .group = 8, .pads = {2, 1, 0, 3}, .strides = {2, 2}, .dilations = {1, 3}},
    {.x = {4, {1, 16, 9, 33}}, .w = {4, {16, 1, 3, 3}},  .y = {4, {1, 16, 5, 17}}, .group = 16, .pads = {1, 1, 1, 1}, .strides = {2, 2}},
    {.x = {4, {1, 18, 6, 40}}, .w = {4, {18, 1, 5, 5}},  .y = {4, {1, 18, 6, 40}}, .group = 18, .pads = {2, 2, 2, 2}},
    {.x = {4, {1, 9, 3, 3}},   .w = {4, {9, 1, 2, 1}},   .y = {4, {1, 9, 4, 9}},   .group = 9, .pads = {1, 3, 1, 3}},
    {.x = {3, {2, 16, 37}},    .w = {3, {16, 1, 4}},     .y = {3, {2, 16, 12}},    .group = 16, .strides = {3}, .pads = {1, 1}},
    {.x = {4, {1, 8, 3, 180}}, .w = {4, {8, 1, 3, 3}},   .y = {4, {1, 8, 3, 180}}, .group = 8, .pads = {40, 1, 40, 1}, .dilations = {40, 1}}, /* too wide for a local memory */
};
/* clang-format on */

/* With zero points of w the first cases alone: each is a program more. */
static void check_blocked(const conv_case *cases, size_t num)
{
    const size_t with_zeros = op_check_small() ? 1 : 2;
    for (size_t i = 0; i < num && (!op_check_small() || i < 2); i++)
        for (int j = 0; j < (i < with_zeros ? 5 : 3); j++)
            check(&cases[i], &(types){.x = TYPES[j == 1],
                                      .w = TYPES[j != 2 && j != 4],
                                      .y = TYPES[j == 1],
                                      .per_channel = j != 2,
                                      .has_bias = j != 1,
                                      .no_zero = j < 3,
                                      .has_zeros = j >= 3});
}

/* In blocks, for CPU devices. */
static void test_blocked(void)
{
    const kerf_device_info *info = kerf_device_get_info(dev);
    check_blocked(BLOCKED, LENGTH(BLOCKED));
    check_blocked(DEPTHWISE, LENGTH(DEPTHWISE));
    check_blocked(FEW, LENGTH(FEW));
    if (info->type == KERF_DEVICE_CPU && !kerf__has_quirk(info, KERF__QUIRK_LONG_LOOPS))
        CHECK(num_laid > 0);
}

static void test_types(void)
{
    static const conv_case CASE = {.x = {4, {1, 3, 5, 6}},
                                   .w = {4, {5, 3, 3, 3}},
                                   .y = {4, {1, 5, 5, 6}},
                                   .pads = {1, 1, 1, 1}};
    for (int i = 0; i < 16; i++) {
        const types k = {.x = TYPES[i & 1],
                         .w = TYPES[i >> 1 & 1],
                         .y = TYPES[i >> 2 & 1],
                         .per_channel = i >> 3 & 1,
                         .has_bias = i & 1};
        check(&CASE, &k);
        check_integer(&CASE, &k, i % 3);
    }
}

/* A sum behind the convolution, of all types, plain and in blocks; bounds are the sum's. */
static void test_residual(void)
{
    for (int i = 0; i < 8; i++) {
        const types k = {.x = KERF_U8,
                         .w = KERF_S8,
                         .y = TYPES[i & 1],
                         .r = TYPES[i >> 1 & 1],
                         .sum = TYPES[i >> 2 & 1],
                         .per_channel = 1,
                         .has_bias = i & 1,
                         .no_zero = 1,
                         .has_residual = 1};
        check(&CASES[2], &k);
        check(&BLOCKED[i == 7 ? 4 : i == 6 ? 3 : 0], &k);
        if (i < 2)
            check(&DEPTHWISE[0], &k);
        if (i == 1)
            check(&FEW[1], &k);
    }
    types k = {.x = KERF_U8,
               .w = KERF_S8,
               .y = KERF_U8,
               .r = KERF_U8,
               .sum = KERF_S8,
               .low = 3,
               .high = 90,
               .has_residual = 1};
    check(&CASES[9], &k);
    k.sum = KERF_U8;
    check(&CASES[10], &k);
}

/* The floats that bytes are rounded from, plain and in blocks: bounds are not theirs. */
static void test_unrounded(void)
{
    for (int i = 0; i < 4; i++) {
        const types k = {.x = TYPES[i == 2],
                         .w = KERF_S8,
                         .y = TYPES[i & 1],
                         .low = i == 3 ? 3 : 0,
                         .high = i == 3 ? 90 : 0,
                         .per_channel = i < 3,
                         .has_bias = i != 1,
                         .no_zero = 1,
                         .is_unrounded = 1};
        check(&CASES[i == 1 ? 9 : 2], &k);
        check(&BLOCKED[i == 1 ? 4 : i == 2 ? 3 : 0], &k);
        if (i < 2)
            check(&DEPTHWISE[0], &k);
        if (i == 0)
            check(&FEW[0], &k);
    }
    check(&CASES[5], &(types){.x = KERF_U8, .w = KERF_U8, .y = KERF_U8, .is_unrounded = 1});
}

static void test_bounds(void)
{
    static const conv_case CASE = {
        .x = {4, {1, 3, 5, 6}}, .w = {4, {5, 3, 3, 3}}, .y = {4, {1, 5, 3, 4}}};
    check(&CASE, &(types){.x = KERF_U8, .w = KERF_S8, .y = KERF_U8, .low = 100, .high = 140});
    check(&CASE, &(types){.x = KERF_S8, .w = KERF_S8, .y = KERF_S8, .low = -3, .high = 90});
}

/* What a sum is multiplied by is a half, if it is rounded as it must be. */
static void test_ties(void)
{
    static const conv_case CASE = {
        .x = {4, {1, 1, 16, 16}}, .w = {4, {1, 1, 1, 1}}, .y = {4, {1, 1, 16, 16}}};
    const float scale = w_scales[0];
    const uint8_t weight = bytes[1][0];
    bytes[1][0] = zeros[1][0] + 1; /* one above the zero point */
    for (int i = 1; i < 40; i += op_check_small() ? 20 : 1) {
        w_scales[0] = 0.001f * (float)i;
        check(&CASE, &(types){.x = KERF_U8, .w = KERF_U8, .y = KERF_U8, .has_ties = 1});
    }
    bytes[1][0] = weight;
    w_scales[0] = scale;
}

/* A bias at the end of int32, and scales that leave no multiplier. */
static void test_extremes(void)
{
    static const conv_case CASE = {
        .x = {4, {1, 3, 5, 6}}, .w = {4, {5, 3, 3, 3}}, .y = {4, {1, 5, 3, 4}}};
    static const types K = {
        .x = KERF_U8, .w = KERF_S8, .y = KERF_U8, .per_channel = 1, .has_bias = 1};
    int32_t kept[5];
    float scales[5];
    memcpy(kept, bias, sizeof kept);
    memcpy(scales, w_scales, sizeof scales);
    bias[0] = INT32_MAX;
    bias[1] = INT32_MIN;
    w_scales[2] = NAN;
    w_scales[3] = 0;
    check(&CASE, &K);
    memcpy(bias, kept, sizeof kept);
    memcpy(w_scales, scales, sizeof scales);
}

/* ---- what is refused ------------------------------------------------------------------------ */

static void refuse(op_check *c, const char *words, kerf_status status)
{
    op_check_refused(c, status, words);
    op_check_end(c);
}

static void test_refused(void)
{
    static const conv_case CASE = {.x = {4, {1, 3, 5, 6}}, .w = {4, {5, 3, 3, 3}}};
    static const conv_case LONG = {.x = {4, {1, 33026, 1, 1}}, .w = {4, {1, 33026, 1, 1}}};
    op_check c;
    op_check_begin(&c, dev);
    add_qlinear(&c, &CASE, &(types){.x = KERF_U8, .w = KERF_S8, .y = KERF_F32});
    refuse(&c, "input in7 is float32, must be uint8 or int8", KERF_ERR_UNSUPPORTED);
    op_check_begin(&c, dev);
    add_qlinear(&c, &CASE, &(types){.x = KERF_U16, .w = KERF_S8, .y = KERF_U8});
    refuse(&c, "input in0 is uint16, must be uint8 or int8", KERF_ERR_UNSUPPORTED);
    op_check_begin(&c, dev);
    add_qlinear(&c, &CASE,
                &(types){.x = KERF_U8, .w = KERF_S8, .y = KERF_U8, .low = -1, .high = 300});
    refuse(&c, "low and high are -1 and 300, must be in [0, 255]", KERF_ERR_SHAPE);
    op_check_begin(&c, dev);
    add_qlinear(&c, &CASE,
                &(types){.x = KERF_U8,
                         .w = KERF_S8,
                         .y = KERF_U8,
                         .r = KERF_U8,
                         .sum = KERF_U8,
                         .has_residual = 1});
    refuse(&c, "input in9 is (), must be (1, 5, 3, 4)", KERF_ERR_SHAPE);
    op_check_begin(&c, dev);
    add_qlinear(&c, &(conv_case){.x = CASE.x, .w = CASE.w, .y = {4, {1, 5, 3, 4}}},
                &(types){.x = KERF_U8,
                         .w = KERF_S8,
                         .y = KERF_U8,
                         .r = KERF_U8,
                         .sum = KERF_U8,
                         .has_residual = 1,
                         .is_unrounded = 1});
    refuse(&c, "it has 2 outputs, must have 1", KERF_ERR_SHAPE);
    op_check_begin(&c, dev);
    add_integer(&c, &LONG, &(types){.x = KERF_U8, .w = KERF_S8}, 0);
    refuse(&c, "sums have 33026 terms, must have up to 33025 to fit int32", KERF_ERR_UNSUPPORTED);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_U8, CASE.x, bytes[0]);
    op_check_input(&c, KERF_S8, CASE.w, bytes[1]);
    op_check_input(&c, KERF_S8, KERF_SCALAR, bytes[1]);
    op_check_node(&c, "ConvInteger", 1);
    refuse(&c, "input in2 is int8, must be uint8", KERF_ERR_UNSUPPORTED);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_U8, CASE.x, bytes[0]);
    op_check_input(&c, KERF_S8, CASE.w, bytes[1]);
    op_check_skip(&c);
    op_check_input(&c, KERF_S8, KERF_SHAPE(4), bytes[1]);
    op_check_node(&c, "ConvInteger", 1);
    refuse(&c, "input in3 is (4), must be (5)", KERF_ERR_SHAPE);
}

int main(void)
{
    dev = check_open_device();
    fill();
    test_shapes();
    test_types();
    test_blocked();
    test_residual();
    test_unrounded();
    test_bounds();
    test_ties();
    test_extremes();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
