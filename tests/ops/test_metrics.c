/* test_metrics.c -- hits and their sums against ref_metrics.c. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 17 };
static kerf_device *dev;
static float logits[MAX];
static int32_t labels[MAX];

/* Counts must be exact: they are small integers, and the loss of 0.5 is too. */
static void check(int64_t m, int64_t k)
{
    op_check c;
    const float loss = 0.5f, sums[] = {3, 20, 40, 100};
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SCALAR, &loss);
    op_check_input(&c, KERF_F32, KERF_SHAPE(m, k), logits);
    op_check_input(&c, KERF_S32, KERF_SHAPE(m), labels);
    op_check_input(&c, KERF_F32, KERF_SHAPE(4), sums);
    op_check_node(&c, "kerf.Metrics", 1);
    op_check_variants(&c, ref_metrics, 0);
    op_check_end(&c);
}

/* Logits on a coarse grid, so that there are many ties. */
static void fill(int64_t m, int64_t k)
{
    op_check_fill(logits, (size_t)(m * k), 1);
    for (int64_t i = 0; i < m * k; i++)
        logits[i] = rintf(4 * logits[i]);
    for (int64_t i = 0; i < m; i++)
        labels[i] = (int32_t)((i * 7 + 3) % k);
}

static void test_shapes(void)
{
    static const int64_t SHAPES[][2] = {{1, 1},   {1, 10}, {3, 4},   {65, 10},  {128, 10},
                                        {33, 16}, {5, 17}, {7, 100}, {257, 33}, {127, 1000}};
    for (size_t i = 0; i < LENGTH(SHAPES); i++) {
        if (op_check_small() && SHAPES[i][0] * SHAPES[i][1] > 1000)
            continue;
        fill(SHAPES[i][0], SHAPES[i][1]);
        check(SHAPES[i][0], SHAPES[i][1]);
    }
}

static void test_strange_values(void)
{
    static const float STRANGE[] = {NAN, INFINITY, -INFINITY, 0, -0.0f};
    static const int32_t BAD[] = {-1, 10, INT32_MAX, INT32_MIN, 3, 9};
    fill(60, 10);
    for (int i = 0; i < 600; i += 7)
        logits[i] = STRANGE[i % 5];
    for (int i = 0; i < 10; i++)
        logits[i] = -INFINITY; /* all equal at the lowest value there is */
    for (int i = 20; i < 60; i += 3)
        labels[i] = BAD[i % 6];
    check(60, 10);
}

int main(void)
{
    dev = check_open_device();
    test_shapes();
    test_strange_values();
    kerf_device_close(dev);
    return check_result();
}
