/* test_matmul_integer.c -- MatMulInteger and QLinearMatMul against ref_matmul_integer.c: the very
 * numbers.  Sums stay below 2^24, as the harness compares floats.  Every case is computed once
 * more with packed weights where the operation asks for them. */
#include "op_check.h"
#include "packed_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 16 };
static kerf_device *dev;
static uint8_t bytes[4][MAX];
static float scales[2][256];
static const float y_scale = 20.0f; /* results lie within the range, and beyond */
static int32_t bias[256];
static int (*is_tried)(const kerf__op_case *c); /* of packed weights; NULL: all */
static int num_packed;                          /* cases that asked for packed weights */

static const kerf_type TYPES[] = {KERF_U8, KERF_S8};

static void fill(void)
{
    uint32_t s = 99;
    for (int k = 0; k < 4; k++)
        for (size_t i = 0; i < MAX; i++) {
            s ^= s << 13;
            s ^= s >> 17;
            s ^= s << 5;
            bytes[k][i] = (uint8_t)(s >> 7);
        }
    for (size_t i = 0; i < 64; i++) /* both ends on both sides */
        bytes[0][i] = bytes[1][i] = i % 3 == 0 ? 0x80 : i % 3 == 1 ? 0x7F : 0xFF;
    for (size_t i = 0; i < 256; i++) {
        scales[0][i] = 0.001f * (float)(1 + bytes[2][300 + i]);
        scales[1][i] = 0.002f * (float)(1 + bytes[3][300 + i]);
        bias[i] = 40 * (bytes[3][600 + i] - 128);
    }
}

/* Types make programs of their own, which tiles do not: those are tried on shapes. */
static int is_first_tile(const kerf__op_case *c)
{
    return c->option.candidate == c->option.variant->candidates ||
           c->option.variant->candidates == NULL;
}

static void finish(op_check *c, int weights)
{
    op_check packed;
    op_check_variants(c, ref_matmul_integer, 0);
    if (packed_begin(&packed, c, weights)) {
        packed.is_tried = is_tried;
        op_check_variants(&packed, packed_reference, 0);
        op_check_end(&packed);
        num_packed++;
    }
    op_check_end(c);
}

/* ---- MatMulInteger ------------------------------------------------------------------------- */

/* Zero points: -1 none, 0 a number, 1 one a row or column. */
static void check(kerf_type a_type, kerf_type b_type, kerf_shape a, kerf_shape b, int a_zero,
                  int b_zero)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, a_type, a, bytes[0]);
    op_check_input(&c, b_type, b, bytes[1]);
    if (a_zero >= 0)
        op_check_input(&c, a_type, a_zero ? KERF_SHAPE(a.dims[a.rank - 2]) : KERF_SCALAR, bytes[2]);
    else if (b_zero >= 0)
        op_check_skip(&c);
    if (b_zero >= 0)
        op_check_input(&c, b_type, b_zero ? KERF_SHAPE(b.dims[b.rank - 1]) : KERF_SHAPE(1),
                       bytes[3]);
    op_check_node(&c, "MatMulInteger", 1);
    finish(&c, 1);
}

static void test_types(void)
{
    for (size_t i = 0; i < LENGTH(TYPES); i++)
        for (size_t j = 0; j < LENGTH(TYPES); j++)
            for (int a_zero = -1; a_zero <= 1; a_zero++)
                for (int b_zero = -1; b_zero <= 1; b_zero++)
                    check(TYPES[i], TYPES[j], KERF_SHAPE(7, 37), KERF_SHAPE(37, 19), a_zero,
                          b_zero);
}

static void test_shapes(void)
{
    static const struct {
        kerf_shape a, b;
    } CASES[] = {
        {{2, {1, 1}}, {2, {1, 1}}},        {{2, {3, 0}}, {2, {0, 5}}},
        {{2, {0, 3}}, {2, {3, 5}}},        {{2, {33, 66}}, {2, {66, 35}}},
        {{2, {64, 64}}, {2, {64, 64}}},    {{3, {3, 5, 9}}, {3, {3, 9, 17}}},
        {{4, {2, 3, 5, 9}}, {2, {9, 17}}}, {{2, {5, 9}}, {3, {3, 9, 17}}},
        {{1, {9}}, {2, {9, 17}}},          {{2, {5, 9}}, {1, {9}}},
        {{2, {1, 70}}, {2, {70, 50}}},     {{2, {17, 4}}, {2, {4, 96}}},
    };
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        check(KERF_U8, KERF_S8, CASES[i].a, CASES[i].b, CASES[i].a.rank > 1, CASES[i].b.rank > 1);
        check(KERF_U8, KERF_S8, CASES[i].a, CASES[i].b, 0, -1);
    }
    if (!op_check_small())
        check(KERF_S8, KERF_S8, KERF_SHAPE(130, 201), KERF_SHAPE(201, 150), 0, 0);
}

/* ---- QLinearMatMul ------------------------------------------------------------------------- */

/* `many`: a scale and a zero point for each row of a, and each column of b.  Zero points of b
 * that are known can be told to add nothing: `b_zero` is that byte, or -1. */
typedef struct qlinear_case {
    kerf_type a_type, b_type, y_type;
    kerf_shape a, b;
    int many_rows, many_columns, has_bias, is_transposed, b_zero;
} qlinear_case;

static void add_b_zero(op_check *c, const qlinear_case *q, kerf_shape shape)
{
    uint8_t zeros[256];
    if (q->b_zero < 0) {
        op_check_input(c, q->b_type, shape, bytes[3]);
        return;
    }
    memset(zeros, q->b_zero, sizeof zeros);
    op_check_constant(c, q->b_type, shape, zeros);
}

/* Two outputs: the floats behind the result are wanted, too. */
static void begin_qlinear(op_check *c, const qlinear_case *q, int num_outputs)
{
    const int64_t columns = q->b.dims[q->b.rank - (q->is_transposed ? 2 : 1)];
    const kerf_shape of_rows = q->many_rows ? KERF_SHAPE(q->a.dims[q->a.rank - 2]) : KERF_SCALAR;
    const kerf_shape of_columns = q->many_columns ? KERF_SHAPE(columns) : KERF_SHAPE(1);
    op_check_begin(c, dev);
    op_check_input(c, q->a_type, q->a, bytes[0]);
    op_check_input(c, KERF_F32, of_rows, scales[0]);
    op_check_input(c, q->a_type, of_rows, bytes[2]);
    op_check_input(c, q->b_type, q->b, bytes[1]);
    op_check_input(c, KERF_F32, of_columns, scales[1]);
    add_b_zero(c, q, of_columns);
    op_check_input(c, KERF_F32, KERF_SCALAR, &y_scale);
    op_check_input(c, q->y_type, KERF_SCALAR, bytes[3] + 900);
    if (q->has_bias)
        op_check_input(c, KERF_S32, KERF_SHAPE(columns), bias);
    op_check_node(c, "QLinearMatMul", num_outputs);
    if (q->is_transposed)
        CHECK_OK(kerf_node_set_int(c->node, "transB", 1));
}

static void check_qlinear(const qlinear_case *q)
{
    enum { WEIGHTS = 3 };
    op_check c;
    begin_qlinear(&c, q, 1);
    finish(&c, WEIGHTS);
}

static void test_qlinear_types(void)
{
    const kerf_shape a = KERF_SHAPE(9, 37), b = KERF_SHAPE(37, 19);
    for (int i = 0; i < 8; i++) {
        const kerf_type a_type = TYPES[i & 1], b_type = TYPES[i >> 1 & 1], y_type = TYPES[i >> 2];
        check_qlinear(&(qlinear_case){a_type, b_type, y_type, a, b, 0, 1, 1, 0, -1});
        check_qlinear(&(qlinear_case){a_type, b_type, y_type, a, b, 1, 0, 0, 0, -1});
        check_qlinear(
            &(qlinear_case){a_type, b_type, y_type, a, b, 0, 1, 1, 0, b_type == KERF_U8 ? 128 : 0});
    }
}

static void test_qlinear_shapes(void)
{
    static const qlinear_case CASES[] = {
        {KERF_U8, KERF_S8, KERF_U8, {2, {1, 1}}, {2, {1, 1}}, 0, 0, 0, 0, 0},
        {KERF_U8, KERF_S8, KERF_S8, {2, {3, 0}}, {2, {0, 5}}, 0, 1, 1, 0, 0},
        {KERF_U8, KERF_S8, KERF_U8, {2, {1, 70}}, {2, {50, 70}}, 0, 1, 1, 1, 0},
        {KERF_U8, KERF_S8, KERF_S8, {2, {17, 67}}, {2, {100, 67}}, 0, 1, 0, 1, -1},
        {KERF_S8, KERF_U8, KERF_U8, {2, {17, 64}}, {2, {32, 64}}, 1, 1, 1, 1, -1},
        {KERF_U8, KERF_S8, KERF_U8, {3, {3, 5, 9}}, {3, {3, 9, 17}}, 1, 1, 1, 0, -1},
        {KERF_U8, KERF_U8, KERF_U8, {3, {3, 5, 9}}, {2, {9, 17}}, 0, 1, 1, 0, -1},
        {KERF_U8, KERF_S8, KERF_U8, {1, {9}}, {2, {9, 17}}, 0, 1, 0, 0, -1},
    };
    for (size_t i = 0; i < LENGTH(CASES); i++)
        check_qlinear(&CASES[i]);
}

/* The floats that bytes are rounded from; bounds are not theirs. */
static void test_unrounded(void)
{
    static const qlinear_case CASES[] = {
        {KERF_U8, KERF_S8, KERF_U8, {2, {9, 37}}, {2, {37, 19}}, 0, 1, 1, 0, 0},
        {KERF_S8, KERF_S8, KERF_S8, {2, {17, 67}}, {2, {100, 67}}, 0, 1, 1, 1, 0},
        {KERF_U8, KERF_U8, KERF_U8, {3, {3, 5, 9}}, {3, {3, 9, 17}}, 1, 0, 0, 0, -1},
    };
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        op_check c;
        begin_qlinear(&c, &CASES[i], 2);
        CHECK_OK(kerf_node_set_int(c.node, "low", i == 0 ? 5 : 0));
        finish(&c, 3);
    }
}

/* An activation; and a sum that saturates on both sides. */
static void test_bounds(void)
{
    static const float SCALE = 1e-4f;
    for (int i = 0; i < 2; i++) {
        const qlinear_case q = {KERF_U8, KERF_S8, TYPES[i], {2, {6, 40}}, {2, {40, 33}}, 0, 1,
                                0,       0,       -1};
        op_check c;
        begin_qlinear(&c, &q, 1);
        CHECK_OK(kerf_node_set_int(c.node, "low", 5));
        CHECK_OK(kerf_node_set_int(c.node, "high", 29));
        finish(&c, 3);
        begin_qlinear(&c, &q, 1);
        memcpy(c.data[6], &SCALE, sizeof SCALE);
        c.numbers[6][0] = (double)SCALE;
        finish(&c, 3);
    }
}

/* ---- refused ------------------------------------------------------------------------------- */

static void refuse(kerf_type a_type, kerf_shape a, kerf_shape b, kerf_shape zero,
                   kerf_status status, const char *words)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, a_type, a, bytes[0]);
    op_check_input(&c, KERF_S8, b, bytes[1]);
    op_check_input(&c, KERF_U8, zero, bytes[2]);
    op_check_node(&c, "MatMulInteger", 1);
    op_check_refused(&c, status, words);
    op_check_end(&c);
}

static void test_refused(void)
{
    refuse(KERF_S8, KERF_SHAPE(3, 4), KERF_SHAPE(4, 2), KERF_SCALAR, KERF_ERR_UNSUPPORTED,
           "input in2 is uint8, must be int8");
    refuse(KERF_U16, KERF_SHAPE(3, 4), KERF_SHAPE(4, 2), KERF_SCALAR, KERF_ERR_UNSUPPORTED,
           "input in0 is uint16, must be uint8 or int8");
    refuse(KERF_U8, KERF_SHAPE(3, 4), KERF_SHAPE(5, 2), KERF_SCALAR, KERF_ERR_SHAPE,
           "in1 has an inner size of 5, must be 4 like that of in0");
    refuse(KERF_U8, KERF_SHAPE(3, 4), KERF_SHAPE(4, 2), KERF_SHAPE(4), KERF_ERR_SHAPE,
           "input in2 is (4), must be (3)");
    refuse(KERF_U8, KERF_SHAPE(1, 33026), KERF_SHAPE(33026, 1), KERF_SCALAR, KERF_ERR_UNSUPPORTED,
           "the inner size is 33026, must be up to 33025 for a sum to fit int32");
}

/* Input `i` in another shape or type, or, with i < 0, attribute low. */
static void refuse_qlinear(int i, kerf_type type, kerf_shape shape, kerf_status status,
                           const char *words)
{
    const qlinear_case q = {KERF_U8, KERF_S8, KERF_U8, {2, {3, 4}}, {2, {4, 5}}, 0, 1, 1, 0, -1};
    op_check c;
    begin_qlinear(&c, &q, 1);
    if (i >= 0) {
        c.inputs[i]->type = type;
        c.inputs[i]->shape = shape;
    } else {
        CHECK_OK(kerf_node_set_int(c.node, "low", -1));
    }
    op_check_refused(&c, status, words);
    op_check_end(&c);
}

static void test_qlinear_refused(void)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_U8, KERF_SHAPE(3, 4), bytes[0]);
    op_check_input(&c, KERF_S8, KERF_SHAPE(4, 2), bytes[1]);
    op_check_node(&c, "MatMulInteger", 2);
    op_check_refused(&c, KERF_ERR_SHAPE, "it has 2 outputs, must have 1");
    op_check_end(&c);
    refuse_qlinear(1, KERF_F32, KERF_SHAPE(4), KERF_ERR_SHAPE, "input in1 is (4), must be (3)");
    refuse_qlinear(4, KERF_F32, KERF_SHAPE(4), KERF_ERR_SHAPE, "input in4 is (4), must be (5)");
    refuse_qlinear(4, KERF_S8, KERF_SHAPE(5), KERF_ERR_UNSUPPORTED,
                   "input in4 is int8, must be float32");
    refuse_qlinear(6, KERF_F32, KERF_SHAPE(3), KERF_ERR_SHAPE, "input in6 is (3), must be ()");
    refuse_qlinear(7, KERF_S32, KERF_SCALAR, KERF_ERR_UNSUPPORTED,
                   "input in7 is int32, must be uint8 or int8");
    refuse_qlinear(8, KERF_S32, KERF_SHAPE(4), KERF_ERR_SHAPE, "input in8 is (4), must be (5)");
    refuse_qlinear(-1, KERF_U8, KERF_SCALAR, KERF_ERR_SHAPE,
                   "low and high are -1 and 255, must be in [0, 255]");
}

int main(void)
{
    dev = check_open_device();
    fill();
    test_shapes();
    test_qlinear_shapes();
    is_tried = is_first_tile;
    test_types();
    test_qlinear_types();
    test_bounds();
    test_unrounded();
    test_refused();
    test_qlinear_refused();
    if (kerf_device_get_info(dev)->type == KERF_DEVICE_CPU)
        CHECK(num_packed > 20 ||
              kerf__has_quirk(kerf_device_get_info(dev), KERF__QUIRK_LONG_LOOPS));
    kerf_device_close(dev);
    return check_result();
}
