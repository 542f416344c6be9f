/* test_mask.c -- Mask and ThresholdMask against ref_mask.c. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 18 };
static kerf_device *dev;
static float weight[MAX];
static unsigned char mask[MAX];

static void fill(size_t num)
{
    op_check_fill(weight, num, 1);
    for (size_t i = 0; i < num; i++)
        mask[i] = (i * 2654435761u >> 7) % 3 != 0;
}

static void check_mask(size_t num, int slopes)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE((int64_t)num), weight);
    op_check_input(&c, KERF_BOOL, KERF_SHAPE((int64_t)num), mask);
    op_check_node(&c, "kerf.Mask", 1);
    op_check_variants(&c, ref_mask, 0);
    if (slopes)
        op_check_gradient(&c, ref_mask, check_tolerance(8, 1));
    op_check_end(&c);
}

static void check_threshold(size_t num, float threshold)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SCALAR, &threshold);
    op_check_input(&c, KERF_F32, KERF_SHAPE((int64_t)num), weight);
    op_check_input(&c, KERF_BOOL, KERF_SHAPE((int64_t)num), mask);
    op_check_node(&c, "kerf.ThresholdMask", 1);
    op_check_variants(&c, ref_mask, 0);
    op_check_end(&c);
}

static void test_sizes(void)
{
    static const size_t SIZES[] = {0, 1, 15, 16, 17, 63, 64, 65, 1003, MAX - 7};
    for (size_t i = 0; i < LENGTH(SIZES) - (size_t)op_check_small(); i++) {
        fill(SIZES[i]);
        check_mask(SIZES[i], SIZES[i] == 65);
        check_threshold(SIZES[i], 0.5f);
    }
}

/* A soft mask hides a weight from what reads it, and not from its gradient. */
static void test_soft_gradient(void)
{
    float ones[65];
    const float *const want[] = {ones, NULL};
    op_check c;
    fill(65);
    for (int i = 0; i < 65; i++)
        ones[i] = 1;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(65), weight);
    op_check_input(&c, KERF_BOOL, KERF_SHAPE(65), mask);
    op_check_node(&c, "kerf.Mask", 1);
    CHECK_OK(kerf_node_set_int(c.node, "hard", 0));
    op_check_variants(&c, ref_mask, 0);
    op_check_gradient_is(&c, want, 0);
    op_check_end(&c);
}

/* Behind a 0 of the mask lies +0, not -0 and not NaN times 0. */
static void test_strange_values(void)
{
    static const float STRANGE[] = {NAN, INFINITY, -INFINITY, -0.0f, -1.0f, FLT_MIN};
    const size_t num = 5 * LENGTH(STRANGE);
    op_check c;
    naive n = {0};
    float got[5 * LENGTH(STRANGE)];
    for (size_t i = 0; i < num; i++) {
        weight[i] = STRANGE[i % LENGTH(STRANGE)];
        mask[i] = 0;
    }
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE((int64_t)num), weight);
    op_check_input(&c, KERF_BOOL, KERF_SHAPE((int64_t)num), mask);
    op_check_node(&c, "kerf.Mask", 1);
    CHECK_OK(kerf__node_infer(c.node));
    CHECK_OK(naive_create(&n, dev, c.graph));
    CHECK_OK(kerf_tensor_write(naive_tensor(&n, c.inputs[0]), weight));
    CHECK_OK(naive_run(&n));
    CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[0]), got));
    for (size_t i = 0; i < num; i++)
        CHECK(got[i] == 0 && !signbit(got[i]));
    naive_destroy(&n);
    op_check_end(&c);
}

/* At the threshold a weight goes; a NaN stays, however it compares; 0 stays 0. */
static void test_threshold_edges(void)
{
    static const float EDGES[] = {0.5f, -0.5f, 0.50001f, NAN, INFINITY, 0, -0.0f};
    for (size_t i = 0; i < 39; i++) {
        weight[i] = EDGES[i % LENGTH(EDGES)];
        mask[i] = i % 9 != 0;
    }
    check_threshold(39, 0.5f);
    check_threshold(39, 0);
    check_threshold(39, INFINITY);
}

static void test_what_is_refused(void)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(4), weight);
    op_check_input(&c, KERF_BOOL, KERF_SHAPE(3), mask);
    op_check_node(&c, "kerf.Mask", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "kerf.Mask checked: input in1 is (3), must be (4)");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(4), weight);
    op_check_input(&c, KERF_F32, KERF_SHAPE(4), weight);
    op_check_node(&c, "kerf.Mask", 1);
    op_check_refused(&c, KERF_ERR_UNSUPPORTED, "input in1 is float32, must be bool");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_sizes();
    test_soft_gradient();
    test_strange_values();
    test_threshold_edges();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
