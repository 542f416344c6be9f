/* test_matmul_integer.c -- MatMulInteger against ref_matmul_integer.c: the very numbers, which stay
 * below 2^24, as the harness compares floats. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 16 };
static kerf_device *dev;
static uint8_t bytes[4][MAX];

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
}

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
    op_check_variants(&c, ref_matmul_integer, 0);
    op_check_end(&c);
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
    };
    for (size_t i = 0; i < LENGTH(CASES); i++)
        check(KERF_U8, KERF_S8, CASES[i].a, CASES[i].b, CASES[i].a.rank > 1, CASES[i].b.rank > 1);
    if (!op_check_small())
        check(KERF_S8, KERF_S8, KERF_SHAPE(130, 201), KERF_SHAPE(201, 150), 0, 0);
}

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

int main(void)
{
    dev = check_open_device();
    fill();
    test_types();
    test_shapes();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
