/* test_mse_loss.c -- the mean of squared differences against ref_mse_loss.c. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 17 };
static kerf_device *dev;
static float src[MAX], target[MAX];
static int32_t labels[MAX];

static void check(const char *op, int64_t m, int64_t k, int with_labels)
{
    op_check c;
    const float diff = -1.5f;
    const int is_grad = strcmp(op, "kerf.MseGrad") == 0;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(m, k), src);
    if (with_labels)
        op_check_input(&c, KERF_S32, KERF_SHAPE(m), labels);
    else
        op_check_input(&c, KERF_F32, KERF_SHAPE(m, k), target);
    if (is_grad)
        op_check_input(&c, KERF_F32, KERF_SCALAR, &diff);
    op_check_node(&c, op, 1);
    op_check_variants(&c, ref_mse_loss, check_tolerance(4, (size_t)(m * k)));
    if (!is_grad && m * k < 1000)
        op_check_gradient(&c, ref_mse_loss, check_tolerance(16, (size_t)(m * k)));
    op_check_end(&c);
}

static void test_shapes(void)
{
    static const int64_t SHAPES[][2] = {{1, 1}, {3, 10}, {5, 16}, {64, 17}, {65, 10}, {127, 1000}};
    for (size_t i = 0; i < LENGTH(SHAPES); i++) {
        const int64_t m = SHAPES[i][0], k = SHAPES[i][1];
        if (op_check_small() && m * k > 1000)
            continue;
        op_check_fill(src, (size_t)(m * k), 1);
        op_check_fill(target, (size_t)(m * k), 2);
        for (int64_t r = 0; r < m; r++)
            labels[r] = (int32_t)((r * 7 + 3) % k);
        for (int with_labels = 0; with_labels < 2; with_labels++) {
            check("kerf.MseLoss", m, k, with_labels);
            check("kerf.MseGrad", m, k, with_labels);
        }
    }
}

static void test_bad_labels(void)
{
    op_check c;
    naive n = {0};
    float loss = 0;
    labels[0] = 3;
    labels[1] = 10;
    op_check_fill(src, 20, 3);
    check("kerf.MseGrad", 2, 10, 1);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 10), src);
    op_check_input(&c, KERF_S32, KERF_SHAPE(2), labels);
    op_check_node(&c, "kerf.MseLoss", 1);
    CHECK_OK(kerf__node_infer(c.node));
    CHECK_OK(naive_create(&n, dev, c.graph));
    for (int i = 0; i < 2; i++)
        CHECK_OK(kerf_tensor_write(naive_tensor(&n, c.inputs[i]), c.data[i]));
    CHECK_OK(naive_run(&n));
    CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[0]), &loss));
    CHECK(isnan(loss));
    naive_destroy(&n);
    op_check_end(&c);
}

static void test_what_is_refused(void)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 10), src);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 9), target);
    op_check_node(&c, "kerf.MseLoss", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "input in1 is (2, 9), must be (2, 10)");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_shapes();
    test_bad_labels();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
