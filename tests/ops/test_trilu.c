/* test_trilu.c -- triangles against ref_trilu.c: bits must agree. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 17 };
static kerf_device *dev;
static float x[MAX];

static void check(kerf_shape shape, int upper, const int64_t *k)
{
    op_check c;
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    op_check_fill(x, num, 1);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, shape, x);
    if (k != NULL)
        op_check_constant(&c, KERF_S64, KERF_SCALAR, k);
    op_check_node(&c, "Trilu", 1);
    CHECK_OK(kerf_node_set_int(c.node, "upper", upper));
    op_check_variants(&c, ref_trilu, 0);
    if (num > 0 && num < 1000)
        op_check_gradient(&c, ref_trilu, check_tolerance(8, num));
    op_check_end(&c);
}

static void test_cases(void)
{
    static const int64_t DIAGONALS[] = {0, 1, -2, 7, -9, INT64_MAX, INT64_MIN};
    const kerf_shape shapes[] = {KERF_SHAPE(4, 5), KERF_SHAPE(1, 1), KERF_SHAPE(2, 3, 7, 3),
                                 KERF_SHAPE(3, 0, 5), KERF_SHAPE(65, 2)};
    for (size_t s = 0; s < LENGTH(shapes); s++)
        for (int upper = 0; upper < 2; upper++) {
            check(shapes[s], upper, NULL);
            for (size_t i = 0; i < LENGTH(DIAGONALS); i++)
                check(shapes[s], upper, &DIAGONALS[i]);
        }
    if (!op_check_small())
        check(KERF_SHAPE(3, 201, 203), 1, NULL);
}

/* What an element means does not matter. */
static void test_types(void)
{
    static const kerf_type TYPES[] = {KERF_U8, KERF_S64, KERF_S32, KERF_BOOL, KERF_F16};
    unsigned char ones[6 * 8];
    for (size_t i = 0; i < LENGTH(TYPES); i++)
        for (int upper = 0; upper < 2; upper++) {
            op_check c;
            const size_t width = kerf_type_bits(TYPES[i]) / 8;
            for (size_t b = 0; b < 6 * width; b++) /* whole numbers that a float holds */
                ones[b] = b % width < 2;
            op_check_begin(&c, dev);
            op_check_input(&c, TYPES[i], KERF_SHAPE(2, 3), ones);
            op_check_node(&c, "Trilu", 1);
            CHECK_OK(kerf_node_set_int(c.node, "upper", upper));
            op_check_variants(&c, ref_trilu, 0);
            op_check_end(&c);
        }
}

static void test_what_is_refused(void)
{
    static const int64_t TWO[] = {1, 2};
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3), x);
    op_check_node(&c, "Trilu", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "Trilu checked: input in0 is (3), must be (..., M, N)");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3, 3), x);
    op_check_constant(&c, KERF_S64, KERF_SHAPE(2), TWO);
    op_check_node(&c, "Trilu", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "k has 2 numbers, must have one");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_cases();
    test_types();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
