/* test_mix.c -- samples mixed in pairs against ref_mix.c. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 17 };
static kerf_device *dev;
static float x[MAX];

static void check(kerf_shape shape, float mix)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, shape, x);
    op_check_input(&c, KERF_F32, KERF_SHAPE(1), &mix);
    op_check_node(&c, "kerf.Mix", 1);
    op_check_variants(&c, ref_mix, mix == 0 || mix == 1 ? 0 : check_tolerance(2, 1));
    op_check_end(&c);
}

static void test_shapes(void)
{
    check(KERF_SHAPE(1), 0.3f);
    check(KERF_SHAPE(5), 0.3f);
    check(KERF_SHAPE(1, 7), 0.3f);
    check(KERF_SHAPE(2, 16), 0.3f);
    check(KERF_SHAPE(3, 17), 0.3f);
    check(KERF_SHAPE(64, 1, 5, 3), 0.8f);
    check(KERF_SHAPE(0, 4), 0.8f);
    check(KERF_SHAPE(3, 0), 0.8f);
    if (!op_check_small())
        check(KERF_SHAPE(65, 3, 19, 33), 0.6f);
}

/* All of the one, or of the other: nothing is added. */
static void test_ends(void)
{
    check(KERF_SHAPE(6, 21), 1);
    check(KERF_SHAPE(6, 21), 0);
}

static void test_what_is_refused(void)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(6, 21), x);
    op_check_input(&c, KERF_F32, KERF_SHAPE(6), x);
    op_check_node(&c, "kerf.Mix", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "input in1 is (6), must be (1)");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SCALAR, x);
    op_check_input(&c, KERF_F32, KERF_SHAPE(1), x);
    op_check_node(&c, "kerf.Mix", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "src is one number, must be samples (N, ...)");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    op_check_fill(x, LENGTH(x), 1);
    test_shapes();
    test_ends();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
