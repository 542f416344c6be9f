/* test_softmax.c -- Softmax and LogSoftmax against ref_softmax.c. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 15 };
static kerf_device *dev;
static float x[MAX], y[MAX];

static const char *const OPS[] = {"Softmax", "LogSoftmax"};
static const char *const GRADIENTS[] = {"kerf.SoftmaxGrad", "kerf.LogSoftmaxGrad"};

static void check(const char *op, int num_inputs, kerf_shape shape, int axis, int slopes)
{
    op_check c;
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, shape, x);
    if (num_inputs == 2)
        op_check_input(&c, KERF_F32, shape, y);
    op_check_node(&c, op, 1);
    CHECK_OK(kerf_node_set_int(c.node, "axis", axis));
    op_check_variants(&c, ref_softmax, check_tolerance(8, num + 1));
    if (slopes)
        op_check_gradient(&c, ref_softmax, check_tolerance(16, num));
    op_check_end(&c);
}

static const struct {
    kerf_shape shape;
    int axis;
} CASES[] = {
    {{2, {1, 1}}, 1},   {{2, {3, 10}}, -1}, {{2, {65, 16}}, 1},  {{2, {5, 17}}, 1},
    {{2, {3, 131}}, 1}, {{2, {7, 5}}, 0},   {{3, {2, 3, 5}}, 1}, {{4, {2, 3, 4, 5}}, -2},
    {{2, {0, 10}}, 1},  {{2, {3, 0}}, 1},   {{1, {1000}}, 0},    {{2, {128, 10}}, 1},
};

static void test_cases(void)
{
    for (size_t i = 0; i < LENGTH(CASES); i++)
        for (size_t j = 0; j < LENGTH(OPS); j++) {
            const size_t num = (size_t)kerf_shape_num_elements(CASES[i].shape);
            if (op_check_small() && num > 400)
                continue;
            op_check_fill(x, num, 1);
            op_check_fill(y, num, 2);
            for (size_t k = 0; k < num; k++)
                x[k] *= 4;
            check(OPS[j], 1, CASES[i].shape, CASES[i].axis, num > 0 && num < 1000);
            check(GRADIENTS[j], 2, CASES[i].shape, CASES[i].axis, 0);
        }
    if (op_check_small())
        return;
    op_check_fill(x, MAX, 3);
    check("Softmax", 1, KERF_SHAPE(3, 10001), 1, 0);
    check("LogSoftmax", 1, KERF_SHAPE(2001, 10), 1, 0);
}

/* Numbers whose exp does not exist, and lines of one value. */
static void test_extremes(void)
{
    for (int i = 0; i < 40; i++)
        x[i] = i % 3 == 0 ? 1e4f : i % 3 == 1 ? -1e4f : 9999.5f;
    for (size_t j = 0; j < LENGTH(OPS); j++)
        check(OPS[j], 1, KERF_SHAPE(2, 20), 1, 0);
    for (int i = 0; i < 40; i++)
        x[i] = i == 5 ? 0.0f : -INFINITY; /* what masking does */
    check("Softmax", 1, KERF_SHAPE(40), 0, 0);
}

/* A NaN spoils its line and no other. */
static void test_nan(void)
{
    for (size_t j = 0; j < LENGTH(OPS); j++) {
        op_check c;
        naive n = {0};
        float got[20];
        op_check_fill(x, 20, 3);
        x[3] = NAN;
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, KERF_SHAPE(2, 10), x);
        op_check_node(&c, OPS[j], 1);
        CHECK_OK(kerf__node_infer(c.node));
        CHECK_OK(naive_create(&n, dev, c.graph));
        CHECK_OK(kerf_tensor_write(naive_tensor(&n, c.inputs[0]), x));
        CHECK_OK(naive_run(&n));
        CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[0]), got));
        for (int i = 0; i < 20; i++)
            CHECK(isnan(got[i]) == (i < 10));
        naive_destroy(&n);
        op_check_end(&c);
    }
}

static void test_bad_axis_is_named(void)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 3), x);
    op_check_node(&c, "Softmax", 1);
    CHECK_OK(kerf_node_set_int(c.node, "axis", -3));
    op_check_refused(&c, KERF_ERR_SHAPE, "axis is -3, must be in [-2, 1]");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_cases();
    test_extremes();
    test_nan();
    test_bad_axis_is_named();
    kerf_device_close(dev);
    return check_result();
}
