/* test_dropout.c -- which elements are dropped, on every device the same, and by the gradient
 * the same again. */
#include "op_check.h"
#include "ops/op.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 18 };
static kerf_device *dev;
static float x[MAX], step[KERF__STEP_FLOATS];

static void begin(op_check *c, size_t num, float number, float ratio, const int64_t *key)
{
    step[KERF__STEP_NUMBER] = number;
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, KERF_SHAPE((int64_t)num), x);
    op_check_input(c, KERF_F32, KERF_SHAPE(KERF__STEP_FLOATS), step);
    op_check_node(c, "kerf.Dropout", 1);
    CHECK_OK(kerf_node_set_ints(c->node, "key", key, 2));
    CHECK_OK(kerf_node_set_float(c->node, "ratio", ratio));
}

static void test_against_the_host(void)
{
    static const int64_t KEYS[][2] = {{1, 2}, {0xDEADBEEF, 0xFFFFFFFF}};
    static const size_t SIZES[] = {1, 15, 16, 63, 64, 65, 200, 5000, MAX - 3};
    static const float RATIOS[] = {0, 0.1f, 0.5f, 0.9f, 1};
    for (size_t i = 0; i < LENGTH(SIZES); i++)
        for (size_t j = 0; j < LENGTH(RATIOS); j++) {
            op_check c;
            if (op_check_small() && SIZES[i] > 200)
                continue;
            op_check_fill(x, SIZES[i], 1);
            begin(&c, SIZES[i], j == 0 ? 1 : 16777216, RATIOS[j], KEYS[j % 2]);
            op_check_variants(&c, ref_dropout, check_tolerance(2, 1));
            if (SIZES[i] < 300)
                op_check_gradient_but(&c, ref_dropout, check_tolerance(8, 1), 1u << 1);
            op_check_end(&c);
        }
}

/* Into `got`, by the first variant. */
static void run(float *got, size_t num, float number, float ratio, const int64_t *key)
{
    op_check c;
    naive n = {0};
    begin(&c, num, number, ratio, key);
    CHECK_OK(kerf__node_infer(c.node));
    CHECK_OK(naive_create(&n, dev, c.graph));
    CHECK_OK(kerf_tensor_write(naive_tensor(&n, c.inputs[0]), x));
    CHECK_OK(kerf_tensor_write(naive_tensor(&n, c.inputs[1]), step));
    CHECK_OK(naive_run(&n));
    CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[0]), got));
    naive_destroy(&n);
    op_check_end(&c);
}

static size_t num_different(const float *a, const float *b, size_t num)
{
    size_t different = 0;
    for (size_t i = 0; i < num; i++)
        different += (a[i] == 0) != (b[i] == 0);
    return different;
}

/* As many as asked for, and others with another step or key; in place or not, NaN or not. */
static void test_chance(void)
{
    static const int64_t KEYS[][2] = {{3, 4}, {4, 3}};
    static float a[10000], b[10000];
    const size_t num = op_check_small() ? 500 : 10000;
    size_t dropped = 0;
    for (size_t i = 0; i < num; i++)
        x[i] = 1;
    run(a, num, 7, 0.25f, KEYS[0]);
    for (size_t i = 0; i < num; i++)
        dropped += a[i] == 0;
    /* Within 5 standard deviations. */
    CHECK(fabs((double)dropped - 0.25 * (double)num) < 5 * sqrt(0.25 * 0.75 * (double)num));
    run(b, num, 7, 0.25f, KEYS[0]);
    CHECK(num_different(a, b, num) == 0);
    run(b, num, 8, 0.25f, KEYS[0]);
    CHECK(num_different(a, b, num) > num / 4);
    run(b, num, 7, 0.25f, KEYS[1]);
    CHECK(num_different(a, b, num) > num / 4);
    for (size_t i = 0; i < num; i++)
        x[i] = NAN;
    run(b, num, 7, 0.25f, KEYS[0]);
    for (size_t i = 0; i < num; i++)
        CHECK(a[i] == 0 ? b[i] == 0 : isnan(b[i]));
}

static void test_refused(void)
{
    static const int64_t KEY[] = {1, 2};
    op_check c;
    begin(&c, 4, 1, 1.5f, KEY);
    op_check_refused(&c, KERF_ERR_SHAPE, "ratio is 1.5, must be in [0, 1]");
    CHECK_OK(kerf_node_set_ints(c.node, "key", KEY, 1));
    op_check_refused(&c, KERF_ERR_SHAPE, "key has 1 numbers, must have 2");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_against_the_host();
    test_chance();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
