/* test_reduce.c -- sums and their like against ref_reduce.c. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 20, NAN_COLUMNS = 600 };
static kerf_device *dev;
static float x[MAX];

static const char *const OPS[] = {"ReduceSum", "ReduceMean", "ReduceMax",       "ReduceMin",
                                  "ReduceL2",  "ReduceL1",   "ReduceSumSquare", "ReduceLogSumExp"};

static void check(const char *op, kerf_shape shape, const int64_t *axes, size_t num_axes,
                  int keepdims, int gradient)
{
    op_check c;
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    op_check_fill(x, num, 7);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, shape, x);
    op_check_node(&c, op, 1);
    if (num_axes > 0)
        CHECK_OK(kerf_node_set_ints(c.node, "axes", axes, num_axes));
    CHECK_OK(kerf_node_set_int(c.node, "keepdims", keepdims));
    op_check_variants(&c, ref_reduce, check_tolerance(4, num + 1));
    if (gradient)
        op_check_gradient(&c, ref_reduce, check_tolerance(16, num));
    op_check_end(&c);
}

static const struct {
    kerf_shape shape;
    int64_t axes[4];
    size_t num_axes;
} CASES[] = {
    {{1, {1}}, {0}, 1},
    {{1, {65}}, {0}, 1},
    {{1, {1003}}, {0}, 0},
    {{2, {128, 10}}, {0}, 1}, /* the bias of a last layer */
    {{2, {33, 300}}, {0}, 1},
    {{2, {7, 129}}, {1}, 1},
    {{2, {3, 17}}, {-1}, 1},
    {{3, {3, 5, 18}}, {1}, 1},
    {{4, {2, 3, 4, 5}}, {0, 2, 3}, 3}, /* the bias of a convolution */
    {{3, {33, 5, 300}}, {0, 2}, 2},    /* planes */
    {{3, {33, 5, 70}}, {0, 2}, 2},     /* short ones */
    {{4, {9, 33, 3, 3}}, {0, 2, 3}, 3},
    {{3, {9, 4, 47}}, {1}, 1},
    {{4, {2, 3, 4, 5}}, {0, 2}, 2},
    {{4, {2, 3, 4, 5}}, {1, 3}, 2},
    {{4, {1, 3, 1, 5}}, {0, 2}, 2}, /* nothing to do */
    {{8, {2, 2, 2, 2, 2, 2, 2, 2}}, {0, 2, 4, 6}, 4},
    {{0, {0}}, {0}, 0},
};

static void test_cases(void)
{
    for (size_t i = 0; i < LENGTH(CASES); i++)
        for (size_t j = 0; j < LENGTH(OPS); j++)
            if (!op_check_small() || (j + i) % LENGTH(OPS) == 0)
                check(OPS[j], CASES[i].shape, CASES[i].axes, CASES[i].num_axes, (int)(i + j) % 2,
                      (int)(i + j / 2) % 2);
}

/* Cut into parts, with lengths that no part divides; by one formula of each kind. */
static void test_parts(void)
{
    static const char *const FORMS[] = {"ReduceSum", "ReduceMax", "ReduceLogSumExp", "ReduceL2"};
    static const int64_t AXIS0 = 0, AXIS1 = 1, PLANES[] = {0, 2};
    for (size_t j = 0; j < LENGTH(FORMS) && !op_check_small(); j++) {
        check(FORMS[j], KERF_SHAPE(MAX - 5), &AXIS0, 1, 0, 0);
        check(FORMS[j], KERF_SHAPE(3, 300001), &AXIS1, 1, 0, 0);
        check(FORMS[j], KERF_SHAPE(70001, 10), &AXIS0, 1, 0, 0);
        check(FORMS[j], KERF_SHAPE(1009, 1031), &AXIS0, 1, 0, 0);
        check(FORMS[j], KERF_SHAPE(1009, 1031), &AXIS1, 1, 0, 0);
        check(FORMS[j], KERF_SHAPE(2, 1009, 257), &AXIS1, 1, 0, 0);
        check(FORMS[j], KERF_SHAPE(65536, 10), &AXIS0, 1, 0, 0);
        check(FORMS[j], KERF_SHAPE(70, 8200), &AXIS0, 1, 0, 0);
        check(FORMS[j], KERF_SHAPE(3, 2, 100003), PLANES, 2, 0, 0);
        check(FORMS[j], KERF_SHAPE(500, 3, 301), PLANES, 2, 0, 0);
        check(FORMS[j], KERF_SHAPE(96, 203, 49), PLANES, 2, 0, 0);
    }
}

/* Axes as ONNX 13 gives them. */
static void test_axes_as_input(void)
{
    static const int64_t AXES[] = {-2};
    op_check c;
    op_check_fill(x, 60, 8);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3, 4, 5), x);
    op_check_constant(&c, KERF_S64, KERF_SHAPE(1), AXES);
    op_check_node(&c, "ReduceSum", 1);
    op_check_variants(&c, ref_reduce, check_tolerance(2, 4));
    CHECK(kerf_shape_equal(c.node->outputs[0]->shape, KERF_SHAPE(3, 1, 5)));
    op_check_gradient(&c, ref_reduce, check_tolerance(8, 4));
    op_check_end(&c);
}

/* Terms around 1, so that products and logarithms of sums are neither 0 nor unknown. */
static void test_positive(void)
{
    static const char *const POSITIVE[] = {"ReduceProd", "ReduceLogSum"};
    static const int64_t AXES[][2] = {{0, 2}, {1, 2}, {0, 1}, {1, 1}};
    for (size_t j = 0; j < LENGTH(POSITIVE); j++)
        for (size_t i = 0; i < LENGTH(AXES); i++) {
            op_check c;
            op_check_fill(x, 3 * 5 * 17, 9);
            for (size_t k = 0; k < 3 * 5 * 17; k++)
                x[k] = 1.0f + 0.25f * x[k];
            op_check_begin(&c, dev);
            op_check_input(&c, KERF_F32, KERF_SHAPE(3, 5, 17), x);
            op_check_node(&c, POSITIVE[j], 1);
            CHECK_OK(kerf_node_set_ints(c.node, "axes", AXES[i], 2));
            op_check_variants(&c, ref_reduce, check_tolerance(4, 85));
            op_check_gradient(&c, ref_reduce, check_tolerance(16, 85));
            op_check_end(&c);
        }
}

/* Far from 0 exp alone would overflow; infinities come out as they should. */
static void test_log_sum_exp_corners(void)
{
    static const float CORNERS[][4] = {
        {1000, 1001, 999, 1000},
        {-1000, -1001, -999, -1000},
        {-INFINITY, -INFINITY, -INFINITY, -INFINITY},
        {INFINITY, 1, 2, -INFINITY},
        {-INFINITY, 1, 2, 3},
    };
    for (size_t i = 0; i < LENGTH(CORNERS); i++) {
        op_check c;
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, KERF_SHAPE(4), CORNERS[i]);
        op_check_node(&c, "ReduceLogSumExp", 1);
        op_check_variants(&c, ref_reduce, check_tolerance(4, 4));
        op_check_end(&c);
    }
}

/* No axes may mean none. */
static void test_noop(void)
{
    op_check c;
    op_check_fill(x, 60, 8);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3, 4, 5), x);
    op_check_node(&c, "ReduceSum", 1);
    CHECK_OK(kerf_node_set_int(c.node, "noop_with_empty_axes", 1));
    op_check_variants(&c, ref_reduce, 0);
    CHECK(kerf_shape_equal(c.node->outputs[0]->shape, KERF_SHAPE(3, 4, 5)));
    op_check_gradient(&c, ref_reduce, check_tolerance(8, 1));
    op_check_end(&c);
}

/* At a tie the gradient is shared; a norm of zeros has the slope 0, not NaN; a product's is
 * that of the others, zeros or not. */
static void test_gradient_corners(void)
{
    static const struct {
        const char *op;
        float x[4], want[4];
    } CORNERS[] = {
        {"ReduceMax", {1, 3, 3, 2}, {0, 0.5f, 0.5f, 0}},
        {"ReduceMin", {1, 3, 1, 1}, {1 / 3.0f, 0, 1 / 3.0f, 1 / 3.0f}},
        {"ReduceL2", {0, 0, 0, 0}, {0, 0, 0, 0}},
        {"ReduceL2", {3, 0, 4, 0}, {0.6f, 0, 0.8f, 0}},
        {"ReduceL1", {3, 0, -4, 1}, {1, 0, -1, 1}},
        {"ReduceProd", {3, 2, -4, 1}, {-8, -12, 6, -24}},
        {"ReduceProd", {3, 0, -4, 1}, {0, -12, 0, 0}},
        {"ReduceProd", {3, 0, -4, 0}, {0, 0, 0, 0}},
    };
    for (size_t i = 0; i < LENGTH(CORNERS); i++) {
        op_check c;
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, KERF_SHAPE(4), CORNERS[i].x);
        op_check_node(&c, CORNERS[i].op, 1);
        CHECK_OK(kerf_node_set_int(c.node, "keepdims", 0));
        CHECK_OK(kerf__node_infer(c.node));
        op_check_gradient_is(&c, (const float *const[]){CORNERS[i].want}, check_tolerance(2, 1));
        op_check_end(&c);
    }
}

static void check_whole(const char *op, kerf_type type, size_t num, const void *data, double k)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, type, KERF_SHAPE((int64_t)num), data);
    op_check_node(&c, op, 1);
    op_check_variants(&c, ref_reduce, k);
    op_check_end(&c);
}

/* About a mean far from 0, where the one-pass formula would lose everything. */
static void test_std_dev(void)
{
    static const size_t SIZES[] = {1, 2, 17, 1003, 300001};
    for (size_t i = 0; i < LENGTH(SIZES) - (size_t)op_check_small(); i++) {
        op_check_fill(x, SIZES[i], 9);
        check_whole("kerf.StdDev", KERF_F32, SIZES[i], x, check_tolerance(4, SIZES[i]));
        for (size_t j = 0; j < SIZES[i]; j++)
            x[j] = 1000.0f + x[j];
        /* The mean itself is rounded to half a unit of 1000. */
        check_whole("kerf.StdDev", KERF_F32, SIZES[i], x, SIZES[i] == 1 ? 0 : 1e-4);
    }
}

static void test_count(void)
{
    static const size_t SIZES[] = {0, 1, 15, 16, 17, 1003, MAX};
    unsigned char *mask = malloc(MAX);
    for (size_t i = 0; i < MAX; i++)
        mask[i] = (unsigned char)(i * 2654435761u >> 20) % 3 == 0;
    for (size_t i = 0; i < LENGTH(SIZES) - (size_t)op_check_small(); i++)
        check_whole("kerf.CountNonzero", KERF_BOOL, SIZES[i], mask, 0);
    free(mask);
}

/* A NaN at x[at] comes through to the output `to` and no other. */
static void nan_comes_through(const char *op, kerf_shape shape, int64_t axis, size_t at, size_t to)
{
    op_check c;
    naive n = {0};
    float got[NAN_COLUMNS];
    op_check_fill(x, (size_t)kerf_shape_num_elements(shape), 3);
    x[at] = NAN;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, shape, x);
    op_check_node(&c, op, 1);
    CHECK_OK(kerf_node_set_ints(c.node, "axes", &axis, 1));
    CHECK_OK(kerf__node_infer(c.node));
    CHECK_OK(naive_create(&n, dev, c.graph));
    CHECK_OK(kerf_tensor_write(naive_tensor(&n, c.inputs[0]), x));
    CHECK_OK(naive_run(&n));
    CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[0]), got));
    for (size_t i = 0; i < (size_t)kerf_shape_num_elements(c.node->outputs[0]->shape); i++)
        CHECK((isnan(got[i]) != 0) == (i == to));
    naive_destroy(&n);
    op_check_end(&c);
}

/* Along a row, and down columns that are wide enough to be taken some rows at a time. */
static void test_nan(void)
{
    for (size_t j = 0; j < LENGTH(OPS); j++) {
        for (size_t at = 0; at < 40; at += 13)
            nan_comes_through(OPS[j], KERF_SHAPE(1, 40), 1, at, 0);
        for (size_t row = 0; row < 12; row += 3)
            nan_comes_through(OPS[j], KERF_SHAPE(12, NAN_COLUMNS), 0, row * NAN_COLUMNS + 500, 500);
    }
}

static void test_bad_axes_are_named(void)
{
    static const int64_t AXIS = 2;
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 3), x);
    op_check_node(&c, "ReduceSum", 1);
    CHECK_OK(kerf_node_set_ints(c.node, "axes", &AXIS, 1));
    op_check_refused(&c, KERF_ERR_SHAPE, "ReduceSum checked: axis is 2, must be in [-2, 1]");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_cases();
    test_parts();
    test_axes_as_input();
    test_positive();
    test_log_sum_exp_corners();
    test_noop();
    test_gradient_corners();
    test_std_dev();
    test_count();
    test_nan();
    test_bad_axes_are_named();
    kerf_device_close(dev);
    return check_result();
}
