/* test_softmax_cross_entropy.c -- the loss of classifiers against
 * ref_softmax_cross_entropy.c. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 17 };
static kerf_device *dev;
static float logits[MAX], log_probs[MAX];
static int32_t labels[MAX];

static void fill(int64_t m, int64_t k, float spread)
{
    op_check_fill(logits, (size_t)(m * k), 1);
    for (int64_t i = 0; i < m * k; i++)
        logits[i] *= spread;
    for (int64_t i = 0; i < m; i++)
        labels[i] = (int32_t)((i * 7 + 3) % k);
}

static void check_loss(int64_t m, int64_t k, int num_outputs, int slopes)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(m, k), logits);
    op_check_input(&c, KERF_S32, KERF_SHAPE(m), labels);
    op_check_node(&c, "SoftmaxCrossEntropyLoss", num_outputs);
    op_check_variants(&c, ref_softmax_cross_entropy, check_tolerance(4, (size_t)(m + k)));
    if (slopes)
        op_check_gradient(&c, ref_softmax_cross_entropy, check_tolerance(16, (size_t)k));
    op_check_end(&c);
}

static void check_grad(int64_t m, int64_t k)
{
    op_check c;
    const float diff = 0.75f;
    for (int64_t i = 0; i < m * k; i++)
        logits[i] = -fabsf(logits[i]);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(m, k), logits);
    op_check_input(&c, KERF_S32, KERF_SHAPE(m), labels);
    op_check_input(&c, KERF_F32, KERF_SCALAR, &diff);
    op_check_node(&c, "kerf.SoftmaxCrossEntropyGrad", 1);
    op_check_variants(&c, ref_softmax_cross_entropy, check_tolerance(8, 1));
    op_check_end(&c);
}

/* Pairs of labels, smoothed ones, and both. */
static void check_soft(int64_t m, int64_t k, float mix, float smoothing)
{
    op_check c;
    const float diff = 0.75f;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(m, k), logits);
    op_check_input(&c, KERF_S32, KERF_SHAPE(m), labels);
    op_check_input(&c, KERF_F32, KERF_SHAPE(1), &mix);
    op_check_node(&c, "kerf.SoftLabelLoss", 2);
    CHECK_OK(kerf_node_set_float(c.node, "smoothing", smoothing));
    op_check_variants(&c, ref_softmax_cross_entropy, check_tolerance(4, (size_t)(m + k)));
    if (m * k < 700 && labels[0] >= 0)
        op_check_gradient_but(&c, ref_softmax_cross_entropy, check_tolerance(16, (size_t)k),
                              1u << 2);
    op_check_end(&c);
    for (int64_t i = 0; i < m * k; i++) /* as log(p) is */
        log_probs[i] = -fabsf(logits[i]);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(m, k), log_probs);
    op_check_input(&c, KERF_S32, KERF_SHAPE(m), labels);
    op_check_input(&c, KERF_F32, KERF_SCALAR, &diff);
    op_check_input(&c, KERF_F32, KERF_SHAPE(1), &mix);
    op_check_node(&c, "kerf.SoftLabelGrad", 1);
    CHECK_OK(kerf_node_set_float(c.node, "smoothing", smoothing));
    op_check_variants(&c, ref_softmax_cross_entropy, check_tolerance(8, 1));
    op_check_end(&c);
}

static void test_soft(void)
{
    static const int64_t SHAPES[][2] = {{1, 1}, {2, 10}, {3, 16}, {5, 17}, {33, 100}, {6, 1000}};
    for (size_t i = 0; i < LENGTH(SHAPES); i++) {
        const int64_t m = SHAPES[i][0], k = SHAPES[i][1];
        if (op_check_small() && m * k > 1000)
            continue;
        fill(m, k, 3);
        check_soft(m, k, 0.3f, 0.1f);
        check_soft(m, k, 1, 0.1f);
        check_soft(m, k, 0.8f, 0);
    }
    fill(5, 17, 1e4f);
    check_soft(5, 17, 0.4f, 0.1f);
    fill(3, 10, 3);
    labels[0] = -1; /* counts in its own row, and in that of its partner */
    check_soft(3, 10, 0.4f, 0.1f);
    check_soft(3, 10, 1, 0.1f);
    check_soft(3, 10, 0, 0.1f);
}

static void test_shapes(void)
{
    static const int64_t SHAPES[][2] = {{1, 1},    {1, 10}, {3, 16},   {65, 10},
                                        {128, 10}, {5, 17}, {33, 100}, {127, 1000}};
    for (size_t i = 0; i < LENGTH(SHAPES); i++) {
        const int64_t m = SHAPES[i][0], k = SHAPES[i][1];
        if (op_check_small() && m * k > 1000)
            continue;
        fill(m, k, 3);
        check_loss(m, k, 2, m * k < 700);
        check_loss(m, k, 1, m * k < 700); /* the gradient asks for log_prob */
        check_grad(m, k);
    }
}

static void test_extremes(void)
{
    fill(7, 10, 1e4f);
    check_loss(7, 10, 2, 0);
}

static kerf_status run(naive *n, op_check *c)
{
    KERF__TRY(naive_create(n, dev, c->graph));
    for (int i = 0; i < c->num_inputs; i++)
        KERF__TRY(kerf_tensor_write(naive_tensor(n, c->inputs[i]), c->data[i]));
    return naive_run(n);
}

/* A label that is no class: the loss is NaN, the other rows are right, that row's gradient
 * is 0, and (under oclgrind) nothing is read out of bounds. */
static void test_bad_labels(void)
{
    static const int32_t BAD[] = {-1, 10, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < LENGTH(BAD); i++) {
        op_check c;
        naive n = {0};
        float loss = 0, diff = 1, prob[30];
        fill(3, 10, 3);
        labels[1] = BAD[i];
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, KERF_SHAPE(3, 10), logits);
        op_check_input(&c, KERF_S32, KERF_SHAPE(3), labels);
        op_check_node(&c, "SoftmaxCrossEntropyLoss", 2);
        CHECK_OK(kerf__node_infer(c.node));
        CHECK_OK(run(&n, &c));
        CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[0]), &loss));
        CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[1]), prob));
        CHECK(isnan(loss));
        naive_destroy(&n);
        op_check_end(&c);

        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, KERF_SHAPE(3, 10), prob);
        op_check_input(&c, KERF_S32, KERF_SHAPE(3), labels);
        op_check_input(&c, KERF_F32, KERF_SCALAR, &diff);
        op_check_node(&c, "kerf.SoftmaxCrossEntropyGrad", 1);
        op_check_variants(&c, ref_softmax_cross_entropy, check_tolerance(8, 1));
        op_check_end(&c);
    }
}

static void test_what_is_refused(void)
{
    op_check c;
    fill(3, 10, 1);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3, 10), logits);
    op_check_input(&c, KERF_S32, KERF_SHAPE(4), labels);
    op_check_node(&c, "SoftmaxCrossEntropyLoss", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "input in1 is (4), must be (3)");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3, 10), logits);
    op_check_input(&c, KERF_S32, KERF_SHAPE(3), labels);
    op_check_node(&c, "SoftmaxCrossEntropyLoss", 1);
    CHECK_OK(kerf_node_set_string(c.node, "reduction", "sum"));
    op_check_refused(&c, KERF_ERR_UNSUPPORTED, "reduction is sum, must be mean");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3, 10), logits);
    op_check_input(&c, KERF_S32, KERF_SHAPE(3), labels);
    op_check_input(&c, KERF_F32, KERF_SHAPE(1), logits);
    op_check_node(&c, "kerf.SoftLabelLoss", 2);
    CHECK_OK(kerf_node_set_float(c.node, "smoothing", 1));
    op_check_refused(&c, KERF_ERR_ARGUMENT, "smoothing is 1, must be at least 0 and below 1");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_shapes();
    test_extremes();
    test_soft();
    test_bad_labels();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
