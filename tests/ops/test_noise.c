/* test_noise.c -- random numbers of a step: on every device those of the definition, by their
 * moments those of the distribution, and others with another step or key. */
#include "op_check.h"
#include "ops/op.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 16 };
static kerf_device *dev;
static float x[MAX], step[KERF__STEP_FLOATS];

static void begin(op_check *c, size_t num, float number, const char *value, const int64_t *key)
{
    step[KERF__STEP_NUMBER] = number;
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, KERF_SHAPE((int64_t)num), x);
    op_check_input(c, KERF_F32, KERF_SHAPE(KERF__STEP_FLOATS), step);
    op_check_node(c, "kerf.Noise", 1);
    CHECK_OK(kerf_node_set_ints(c->node, "key", key, 2));
    CHECK_OK(kerf_node_set_string(c->node, "value", value));
}

static void test_against_the_host(const char *value)
{
    static const int64_t KEYS[][2] = {{1, 2}, {0xDEADBEEF, 0xFFFFFFFF}};
    static const size_t SIZES[] = {1, 15, 16, 17, 63, 64, 65, 200, 5000, MAX - 3};
    for (size_t i = 0; i < LENGTH(SIZES); i++) {
        op_check c;
        if (op_check_small() && SIZES[i] > 200)
            continue;
        begin(&c, SIZES[i], i % 2 == 0 ? 1 : 16777216, value, KEYS[i % 2]);
        /* Up to 17, with the rounding of two logarithms or of size and turn. */
        op_check_variants(&c, ref_noise, check_tolerance(8, 16));
        op_check_end(&c);
    }
}

/* Into `got`, by the first variant. */
static void run(float *got, size_t num, float number, const char *value, const int64_t *key)
{
    op_check c;
    naive n = {0};
    begin(&c, num, number, value, key);
    CHECK_OK(kerf__node_infer(c.node));
    CHECK_OK(naive_create(&n, dev, c.graph));
    CHECK_OK(kerf_tensor_write(naive_tensor(&n, c.inputs[0]), x));
    CHECK_OK(kerf_tensor_write(naive_tensor(&n, c.inputs[1]), step));
    CHECK_OK(naive_run(&n));
    CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[0]), got));
    naive_destroy(&n);
    op_check_end(&c);
}

/* Mean and variance within 5 standard deviations; `fourth` is the fourth moment over the second's
 * square. */
static void check_moments(const float *got, size_t num, double variance, double fourth)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < num; i++) {
        sum += (double)got[i];
        squares += (double)got[i] * (double)got[i];
    }
    const double n = (double)num;
    CHECK(fabs(sum / n) < 5 * sqrt(variance / n));
    CHECK(fabs(squares / n - variance) < 5 * variance * sqrt((fourth - 1) / n));
}

static size_t num_same(const float *a, const float *b, size_t num)
{
    size_t same = 0;
    for (size_t i = 0; i < num; i++)
        same += a[i] == b[i];
    return same;
}

static void test_chance(const char *value, double variance, double fourth)
{
    static const int64_t KEYS[][2] = {{3, 4}, {4, 3}};
    static float a[10000], b[10000];
    const size_t num = op_check_small() ? 500 : 10000;
    run(a, num, 7, value, KEYS[0]);
    check_moments(a, num, variance, fourth);
    run(b, num, 7, value, KEYS[0]);
    CHECK(num_same(a, b, num) == num);
    run(b, num, 8, value, KEYS[0]);
    CHECK(num_same(a, b, num) < num / 100);
    run(b, num, 7, value, KEYS[1]);
    CHECK(num_same(a, b, num) < num / 100);
}

static void test_refused(void)
{
    static const int64_t KEY[] = {1, 2};
    op_check c;
    begin(&c, 4, 1, "uniform", KEY);
    op_check_refused(&c, KERF_ERR_ARGUMENT, "value is 'uniform', must be logistic or normal");
    CHECK_OK(kerf_node_set_ints(c.node, "key", KEY, 1));
    op_check_refused(&c, KERF_ERR_SHAPE, "key has 1 numbers, must have 2");
    op_check_end(&c);
}

int main(void)
{
    const double pi = 3.14159265358979323846;
    dev = check_open_device();
    test_against_the_host("logistic");
    test_against_the_host("normal");
    test_chance("logistic", pi * pi / 3, 4.2);
    test_chance("normal", 1, 3);
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
