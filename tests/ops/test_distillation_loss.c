/* test_distillation_loss.c -- a student's loss beside a teacher against
 * ref_distillation_loss.c, its second output against the slope of the first. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 17, NO_GRADIENT = 1u << 1 | 1u << 3 /* teacher, settings */ };
static kerf_device *dev;
static float logits[MAX], teacher[MAX];
static int32_t labels[MAX];

static void fill(int64_t m, int64_t k, float spread)
{
    op_check_fill(logits, (size_t)(m * k), 1);
    op_check_fill(teacher, (size_t)(m * k), 2);
    for (int64_t i = 0; i < m * k; i++) {
        logits[i] *= spread;
        teacher[i] *= spread;
    }
    for (int64_t i = 0; i < m; i++)
        labels[i] = (int32_t)((i * 7 + 3) % k);
}

static void begin(op_check *c, int64_t m, int64_t k, float alpha, float temperature)
{
    const float settings[] = {9, alpha, 1 - alpha, temperature};
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, KERF_SHAPE(m, k), logits);
    op_check_input(c, KERF_F32, KERF_SHAPE(m, k), teacher);
    op_check_input(c, KERF_S32, KERF_SHAPE(m), labels);
    op_check_input(c, KERF_F32, KERF_SHAPE(4), settings);
    op_check_node(c, "kerf.DistillationLoss", 2);
    CHECK_OK(kerf_node_set_int(c->node, "at", 1));
}

/* Errors grow with T^2 times the exponents, of which T takes a part away again. */
static double tolerance(int64_t m, int64_t k, float temperature)
{
    return check_tolerance(8, (size_t)(m + k)) * fmax(1, temperature * temperature);
}

static void check(int64_t m, int64_t k, float alpha, float temperature)
{
    op_check c;
    begin(&c, m, k, alpha, temperature);
    op_check_variants(&c, ref_distillation_loss, tolerance(m, k, temperature));
    if (m * k < 700)
        op_check_gradient_but(&c, ref_distillation_loss, tolerance(16, k, temperature),
                              NO_GRADIENT);
    op_check_end(&c);
}

static void test_shapes(void)
{
    static const int64_t SHAPES[][2] = {{1, 1},  {1, 10},   {3, 16},     {65, 10}, {128, 10},
                                        {5, 17}, {33, 100}, {127, 1000}, {2, 3000}};
    for (size_t i = 0; i < LENGTH(SHAPES); i++) {
        const int64_t m = SHAPES[i][0], k = SHAPES[i][1];
        if (op_check_small() && m * k > 1000)
            continue;
        fill(m, k, 3);
        check(m, k, 0.7f, 3);
    }
}

/* Labels that are pairs, or smoothed, or both. */
static void check_soft(int64_t m, int64_t k, float alpha, float temperature, float mix,
                       float smoothing)
{
    op_check c;
    const float settings[] = {alpha, 1 - alpha, temperature};
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(m, k), logits);
    op_check_input(&c, KERF_F32, KERF_SHAPE(m, k), teacher);
    op_check_input(&c, KERF_S32, KERF_SHAPE(m), labels);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3), settings);
    op_check_input(&c, KERF_F32, KERF_SHAPE(1), &mix);
    op_check_node(&c, "kerf.DistillationLoss", 2);
    CHECK_OK(kerf_node_set_float(c.node, "smoothing", smoothing));
    op_check_variants(&c, ref_distillation_loss, tolerance(m, k, temperature));
    if (m * k < 700)
        op_check_gradient_but(&c, ref_distillation_loss, tolerance(16, k, temperature),
                              NO_GRADIENT | 1u << 4);
    op_check_end(&c);
}

static void test_soft_labels(void)
{
    static const int64_t SHAPES[][2] = {{1, 1}, {2, 10}, {3, 16}, {5, 17}, {33, 100}, {2, 3000}};
    static const float TEMPERATURE[] = {0.5f, 1, 3, 100};
    for (size_t i = 0; i < LENGTH(SHAPES); i++) {
        const int64_t m = SHAPES[i][0], k = SHAPES[i][1];
        if (op_check_small() && m * k > 1000)
            continue;
        fill(m, k, 3);
        check_soft(m, k, 0.7f, 3, 0.3f, 0.1f);
    }
    for (size_t t = 0; t < LENGTH(TEMPERATURE); t++) {
        fill(5, 17, 1e4f);
        check_soft(5, 17, 0.3f, TEMPERATURE[t], 0.8f, 0.2f);
        fill(5, 17, 3);
        check_soft(5, 17, 0, TEMPERATURE[t], 1, 0.1f);
        check_soft(5, 17, 0.5f, TEMPERATURE[t], 0.6f, 0);
        check_soft(5, 17, 1, TEMPERATURE[t], 0.6f, 0.1f);
    }
}

static void test_settings(void)
{
    static const float ALPHA[] = {0, 0.5f, 1}, TEMPERATURE[] = {0.5f, 1, 4, 100};
    fill(9, 21, 3);
    for (size_t a = 0; a < LENGTH(ALPHA); a++)
        for (size_t t = 0; t < LENGTH(TEMPERATURE); t++)
            check(9, 21, ALPHA[a], TEMPERATURE[t]);
}

/* Logits of 1e4: everything stays finite, and right. */
static void test_extremes(void)
{
    static const float TEMPERATURE[] = {0.5f, 1, 100};
    fill(7, 10, 1e4f);
    for (size_t t = 0; t < LENGTH(TEMPERATURE); t++)
        check(7, 10, 0.7f, TEMPERATURE[t]);
}

static kerf_status run(op_check *c, float *loss, float *diff)
{
    naive n = {0};
    CHECK_OK(kerf__node_infer(c->node));
    CHECK_OK(naive_create(&n, dev, c->graph));
    for (int i = 0; i < c->num_inputs; i++)
        CHECK_OK(kerf_tensor_write(naive_tensor(&n, c->inputs[i]), c->data[i]));
    CHECK_OK(naive_run(&n));
    CHECK_OK(kerf_tensor_read(naive_tensor(&n, c->node->outputs[0]), loss));
    CHECK_OK(kerf_tensor_read(naive_tensor(&n, c->node->outputs[1]), diff));
    naive_destroy(&n);
    return KERF_OK;
}

/* The teacher itself has nothing to learn from soft targets: both are exactly 0. */
static void test_equal_networks(void)
{
    float loss, diff[30];
    op_check c;
    fill(3, 10, 5);
    memcpy(logits, teacher, sizeof logits);
    begin(&c, 3, 10, 1, 4);
    CHECK_OK(run(&c, &loss, diff));
    CHECK(loss == 0);
    for (int i = 0; i < 30; i++)
        CHECK(diff[i] == 0);
    op_check_end(&c);
}

/* A label that is no class: the loss is NaN, that row's gradient 0, and the others are right;
 * where soft targets are all, labels are not looked at. */
static void test_bad_labels(void)
{
    static const int32_t BAD[] = {-1, 10, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < LENGTH(BAD); i++) {
        float loss, diff[30], whole[30];
        op_check c;
        fill(3, 10, 3);
        begin(&c, 3, 10, 0.7f, 3);
        CHECK_OK(run(&c, &loss, whole));
        op_check_end(&c);
        labels[1] = BAD[i];
        begin(&c, 3, 10, 0.7f, 3);
        CHECK_OK(run(&c, &loss, diff));
        CHECK(isnan(loss));
        for (int j = 0; j < 30; j++)
            CHECK(diff[j] == (j / 10 == 1 ? 0 : whole[j]));
        op_check_end(&c);
        check(3, 10, 1, 3);
    }
}

static void test_what_is_refused(void)
{
    op_check c;
    const float settings[] = {0.5f, 0.5f, 3};
    fill(3, 10, 1);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3, 10), logits);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3, 9), teacher);
    op_check_input(&c, KERF_S32, KERF_SHAPE(3), labels);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3), settings);
    op_check_node(&c, "kerf.DistillationLoss", 2);
    op_check_refused(&c, KERF_ERR_SHAPE, "input in1 is (3, 9), must be (3, 10)");
    op_check_end(&c);
    begin(&c, 3, 10, 0.5f, 3);
    CHECK_OK(kerf_node_set_int(c.node, "at", 2));
    op_check_refused(&c, KERF_ERR_SHAPE, "weights and temperature are at 2 of 4 settings");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_shapes();
    test_settings();
    test_extremes();
    test_soft_labels();
    test_equal_networks();
    test_bad_labels();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
