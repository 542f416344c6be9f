/* test_qlinear_add.c -- sums of bytes against ref_qlinear_add.c: the very numbers, all types. */
#include "laid_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 15 };
static kerf_device *dev;
static int num_laid; /* nodes that were checked in blocks, too */
static uint8_t bytes[2][MAX];

static const kerf_type TYPES[] = {KERF_U8, KERF_S8};

/* -1: left out. */
typedef struct numbers {
    float a_scale, b_scale, scale;
    int a_zero, b_zero, zero;
    int64_t low, high; /* both 0: none */
} numbers;

static void check_shape(kerf_type a, kerf_type b, kerf_type y, kerf_shape shape, numbers with)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, a, shape, bytes[0]);
    op_check_scaling(&c, with.a_scale, a, with.a_zero);
    op_check_input(&c, b, shape, bytes[1]);
    op_check_scaling(&c, with.b_scale, b, with.b_zero);
    op_check_scaling(&c, with.scale, y, with.zero);
    op_check_node(&c, "com.microsoft.QLinearAdd", 1);
    if (with.low != 0 || with.high != 0) {
        CHECK_OK(kerf_node_set_int(c.node, "low", with.low));
        CHECK_OK(kerf_node_set_int(c.node, "high", with.high));
    }
    op_check_variants(&c, ref_qlinear_add, 0);
    num_laid += laid_check(&c, ref_qlinear_add, 0);
    op_check_end(&c);
}

static void check(kerf_type a, kerf_type b, kerf_type y, int64_t num, numbers with)
{
    check_shape(a, b, y, KERF_SHAPE(num), with);
}

/* Powers of two meet every half; the others round in each of the three steps. */
static void test_types(void)
{
    static const numbers SETS[] = {
        {0x1p-4f, 0x1p-5f, 0x1p-3f, 7, 100, 30, 0, 0},
        {0.0137f, 0.0311f, 0.0291f, 0, 3, 120, 0, 0},
        {0.7f, 0.0003f, 0.1f, 127, 1, 0, 0, 0}, /* saturates */
    };
    const int64_t num = op_check_small() ? 75 : MAX - 3;
    for (size_t i = 0; i < LENGTH(SETS); i++)
        for (int t = 0; t < 8; t++)
            check(TYPES[t & 1], TYPES[t >> 1 & 1], TYPES[t >> 2], num, SETS[i]);
}

static void test_bounds(void)
{
    const numbers relu = {0.01f, 0.02f, 0.02f, 3, 5, 40, 40, 255};
    const numbers clip = {0.01f, 0.02f, 0.02f, 3, 5, 10, -20, 60};
    check(KERF_U8, KERF_S8, KERF_U8, 70, relu);
    check(KERF_U8, KERF_S8, KERF_S8, 70, clip);
}

static void test_left_out(void)
{
    const numbers none = {0.01f, 0.02f, 0.02f, -1, -1, 3, 0, 0};
    check(KERF_U8, KERF_S8, KERF_U8, 33, none);
}

static void test_sizes(void)
{
    const numbers with = {0.01f, 0.02f, 0.02f, 3, 5, 40, 0, 0};
    for (int64_t num = 1; num <= 35; num += 17)
        check(KERF_U8, KERF_S8, KERF_U8, num, with);
}

static void test_blocked(void)
{
    const numbers with = {0.01f, 0.02f, 0.02f, 3, 5, 40, 0, 0};
    check_shape(KERF_U8, KERF_S8, KERF_U8, KERF_SHAPE(2, 19, 3, 5), with);
    check_shape(KERF_S8, KERF_U8, KERF_S8, KERF_SHAPE(1, 32, 7), with);
    const kerf_device_info *info = kerf_device_get_info(dev);
    if (info->type == KERF_DEVICE_CPU && !kerf__has_quirk(info, KERF__QUIRK_LONG_LOOPS))
        CHECK(num_laid == 2);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void refused(kerf_type b, kerf_shape b_shape, kerf_shape scale, int64_t low)
{
    const float scales[2] = {1, 1};
    static const uint8_t zero[8];
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_U8, KERF_SHAPE(6), bytes[0]);
    op_check_input(&c, KERF_F32, scale, scales);
    op_check_input(&c, KERF_U8, KERF_SCALAR, zero);
    op_check_input(&c, b, b_shape, bytes[1]);
    op_check_input(&c, KERF_F32, KERF_SCALAR, scales);
    op_check_input(&c, b, KERF_SCALAR, bytes[1]);
    op_check_input(&c, KERF_F32, KERF_SCALAR, scales);
    op_check_input(&c, KERF_U8, KERF_SCALAR, zero);
    op_check_node(&c, "com.microsoft.QLinearAdd", 1);
    CHECK_OK(kerf_node_set_int(c.node, "low", low));
    CHECK(kerf__node_infer(c.node) != KERF_OK);
    op_check_end(&c);
}

static void test_refused(void)
{
    refused(KERF_S16, KERF_SHAPE(6), KERF_SCALAR, 0);
    refused(KERF_U8, KERF_SHAPE(3), KERF_SCALAR, 0);
    refused(KERF_U8, KERF_SHAPE(6), KERF_SHAPE(2), 0);
    refused(KERF_U8, KERF_SHAPE(6), KERF_SCALAR, -1);
}

int main(void)
{
    dev = check_open_device();
    for (int k = 0; k < 2; k++)
        for (unsigned i = 0; i < MAX; i++)
            bytes[k][i] = (uint8_t)((i + 77u * (unsigned)k) * 2654435761u >> 13);
    test_types();
    test_bounds();
    test_left_out();
    test_sizes();
    test_blocked();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
