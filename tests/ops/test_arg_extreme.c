/* test_arg_extreme.c -- ArgMax and ArgMin against ref_arg_extreme.c. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 19 };
static kerf_device *dev;
static float x[MAX];

static const char *const OPS[] = {"ArgMax", "ArgMin"};

static void check(const char *op, kerf_type type, kerf_shape shape, const void *data, int axis,
                  int last, int keepdims)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, type, shape, data);
    op_check_node(&c, op, 1);
    CHECK_OK(kerf_node_set_int(c.node, "axis", axis));
    CHECK_OK(kerf_node_set_int(c.node, "select_last_index", last));
    CHECK_OK(kerf_node_set_int(c.node, "keepdims", keepdims));
    op_check_variants(&c, ref_arg_extreme, 0);
    CHECK(c.node->outputs[0]->type == KERF_S64);
    CHECK(c.node->outputs[0]->shape.rank == shape.rank - !keepdims);
    op_check_end(&c);
}

static const struct {
    kerf_shape shape;
    int axis;
} CASES[] = {
    {{1, {1}}, 0},           {{1, {17}}, 0},     {{2, {3, 10}}, 1},     {{2, {5, 64}}, -1},
    {{2, {7, 131}}, 1},      {{2, {131, 7}}, 0}, {{3, {3, 5, 18}}, 1},  {{3, {40, 9, 3}}, -2},
    {{4, {2, 3, 4, 5}}, -4}, {{2, {0, 10}}, 1},  {{3, {2, 3, 300}}, 1}, {{2, {400, 33}}, 0},
};

/* A few different values, so that there are ties in every line. */
static void fill(size_t num, unsigned seed)
{
    op_check_fill(x, num, seed);
    for (size_t i = 0; i < num; i++)
        x[i] = floorf(x[i] * 4);
}

static void test_cases(void)
{
    for (size_t i = 0; i < LENGTH(CASES); i++)
        for (int j = 0; j < 8; j++) {
            const size_t num = (size_t)kerf_shape_num_elements(CASES[i].shape);
            if (op_check_small() && (j + (int)i) % 4 != 0)
                continue;
            if (j & 4)
                fill(num, 1);
            else
                op_check_fill(x, num, 1);
            check(OPS[j & 1], KERF_F32, CASES[i].shape, x, CASES[i].axis, j >> 1 & 1,
                  (j + (int)i) & 1);
        }
}

/* Cut into parts, with ties in different ones. */
static void test_parts(void)
{
    fill(MAX, 2);
    for (int j = 0; j < 4; j++)
        check(OPS[j & 1], KERF_F32, KERF_SHAPE(1, 600, 2), x, 1, j >> 1, 1);
    for (int j = 0; j < 4 && !op_check_small(); j++) {
        check(OPS[j & 1], KERF_F32, KERF_SHAPE(MAX - 5), x, 0, j >> 1, 1);
        check(OPS[j & 1], KERF_F32, KERF_SHAPE(2, 200001), x, 1, j >> 1, 1);
        check(OPS[j & 1], KERF_F32, KERF_SHAPE(40001, 10), x, 0, j >> 1, 1);
        check(OPS[j & 1], KERF_F32, KERF_SHAPE(2, 2000, 70), x, 1, j >> 1, 1);
        check(OPS[j & 1], KERF_F32, KERF_SHAPE(10, 3001), x, 0, j >> 1, 1);
        check(OPS[j & 1], KERF_F32, KERF_SHAPE(3001, 10), x, 1, j >> 1, 1);
    }
}

/* Integers to their ends; what float would make one is not one. */
static void test_integers(void)
{
    static const int32_t WORDS[] = {5, INT32_MIN, 16777217, 16777216, INT32_MAX, -1, INT32_MAX, 0};
    static const int64_t LONGS[] = {5, INT64_MIN, 1, INT64_C(1) << 40, INT64_C(1) << 33, -1, 0, 2};
    static const int8_t CHARS[] = {5, -128, 16, 16, 127, -1, 127, 0};
    static const uint8_t BYTES[] = {5, 200, 16, 16, 255, 1, 255, 1};
    static const struct {
        kerf_type type;
        const void *data;
        size_t bytes;
    } TYPES[] = {
        {KERF_S32, WORDS, 4}, {KERF_S64, LONGS, 8}, {KERF_S8, CHARS, 1}, {KERF_U8, BYTES, 1}};
    static const int64_t SIZES[][3] = {{1, 8, 1}, {2, 72, 1}, {1, 8, 19}, {1, 8, 3}};
    unsigned char data[2048];
    for (size_t t = 0; t < LENGTH(TYPES); t++) {
        for (size_t i = 0; i < sizeof data; i += TYPES[t].bytes)
            memcpy(data + i,
                   (const char *)TYPES[t].data + i / TYPES[t].bytes * 5 % 8 * TYPES[t].bytes,
                   TYPES[t].bytes);
        for (size_t i = 0; i < LENGTH(SIZES); i++)
            for (int j = 0; j < 4; j++)
                check(OPS[j & 1], TYPES[t].type, KERF_SHAPE(SIZES[i][0], SIZES[i][1], SIZES[i][2]),
                      data, 1, j >> 1, 0);
    }
}

/* The first or last NaN is found, infinities are numbers, and both zeros are one. */
static void test_corners(void)
{
    static const float CORNERS[][4] = {
        {1, NAN, INFINITY, NAN}, {-INFINITY, 3, -NAN, -5},   {0.0f, -0.0f, 0.0f, -0.0f},
        {-0.0f, 0.0f, -1, 1},    {INFINITY, INFINITY, 1, 2}, {-INFINITY, -INFINITY, -1, -1},
    };
    for (size_t i = 0; i < LENGTH(CORNERS); i++)
        for (int j = 0; j < 8; j++) {
            for (int k = 0; k < 80; k++)
                x[k] = CORNERS[i][k / 2 % 4];
            check(OPS[j & 1], KERF_F32, j & 4 ? KERF_SHAPE(4, 20) : KERF_SHAPE(80), x, 0,
                  j >> 1 & 1, 1);
        }
}

static void test_refused(void)
{
    static const unsigned char BOOLS[2] = {0, 1};
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 3), x);
    op_check_node(&c, "ArgMax", 1);
    CHECK_OK(kerf_node_set_int(c.node, "axis", 2));
    op_check_refused(&c, KERF_ERR_SHAPE, "ArgMax checked: axis is 2, must be in [-2, 1]");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 0), x);
    op_check_node(&c, "ArgMin", 1);
    CHECK_OK(kerf_node_set_int(c.node, "axis", -1));
    op_check_refused(&c, KERF_ERR_SHAPE, "ArgMin checked: axis 1 has 0 elements, must have some");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_BOOL, KERF_SHAPE(2), BOOLS);
    op_check_node(&c, "ArgMax", 1);
    op_check_refused(&c, KERF_ERR_UNSUPPORTED,
                     "input in0 is bool, must be float32, int32, int64, uint8 or int8");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_cases();
    test_parts();
    test_integers();
    test_corners();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
