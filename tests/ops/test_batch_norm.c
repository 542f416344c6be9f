/* test_batch_norm.c -- BatchNormalization, both modes, and its gradient against
 * ref_batch_norm.c. */
#include "op_check.h"
#include "ops/layout_common.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 18, MOST_CHANNELS = 512 };
static kerf_device *dev;
static float x[MAX], diff[MAX];
static float scale[MOST_CHANNELS], bias[MOST_CHANNELS], mean[MOST_CHANNELS];
static float variance[MOST_CHANNELS];

static void fill(size_t num, float offset)
{
    op_check_fill(x, num, 1);
    op_check_fill(diff, num, 2);
    op_check_fill(scale, MOST_CHANNELS, 3);
    op_check_fill(bias, MOST_CHANNELS, 4);
    op_check_fill(mean, MOST_CHANNELS, 5);
    op_check_fill(variance, MOST_CHANNELS, 6);
    for (size_t i = 0; i < num; i++)
        x[i] += offset;
    for (size_t i = 0; i < MOST_CHANNELS; i++)
        variance[i] = variance[i] * variance[i] + 0.1f;
}

typedef struct form {
    int training, num_outputs, unbiased;
} form;

static const form FORMS[] = {{0, 1, 0}, {1, 1, 0}, {1, 3, 0}, {1, 5, 1}};

static size_t num_of(kerf_shape shape)
{
    return (size_t)kerf_shape_num_elements(shape);
}

/* Blocked channels that there are not stay unwritten numbers: they are not compared. */
static void set_form(op_check *c, form f, kerf__layout layout)
{
    CHECK_OK(kerf_node_set_int(c->node, "training_mode", f.training));
    CHECK_OK(kerf_node_set_int(c->node, "unbiased", f.unbiased));
    CHECK_OK(kerf_node_set_float(c->node, "epsilon", 1e-3f));
    CHECK_OK(kerf_node_set_float(c->node, "momentum", 0.7f));
    CHECK_OK(kerf__node_set_layouts(c->node, &(kerf__layouts){{layout}, {layout}}));
}

static void check(kerf_shape shape, form f, kerf__layout layout)
{
    op_check c;
    const kerf_shape laid = kerf__layout_shape(layout, shape), one = KERF_SHAPE(shape.dims[1]);
    const size_t num = num_of(shape);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, laid, x);
    op_check_input(&c, KERF_F32, one, scale);
    op_check_input(&c, KERF_F32, one, bias);
    op_check_input(&c, KERF_F32, one, mean);
    op_check_input(&c, KERF_F32, one, variance);
    op_check_node(&c, "BatchNormalization", f.num_outputs);
    set_form(&c, f, layout);
    op_check_variants(&c, ref_batch_norm, check_tolerance(8, num / (size_t)shape.dims[1] + 1));
    if (layout == KERF__PLAIN && num > 8 && num < 700)
        op_check_gradient_but(&c, ref_batch_norm, check_tolerance(64, num), 1u << 3 | 1u << 4);
    op_check_end(&c);
}

/* The statistics that the forward node would have saved. */
static void check_grad(kerf_shape shape, int training, kerf__layout layout)
{
    op_check c;
    const kerf_shape laid = kerf__layout_shape(layout, shape), one = KERF_SHAPE(shape.dims[1]);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, laid, x);
    op_check_input(&c, KERF_F32, laid, diff);
    op_check_input(&c, KERF_F32, one, scale);
    op_check_input(&c, KERF_F32, one, mean);
    op_check_input(&c, KERF_F32, one, variance);
    op_check_node(&c, "kerf.BatchNormGrad", 3);
    CHECK_OK(kerf_node_set_int(c.node, "training_mode", training));
    CHECK_OK(kerf__node_set_layouts(c.node, &(kerf__layouts){{layout, layout}, {layout}}));
    op_check_variants(&c, ref_batch_norm,
                      check_tolerance(8, num_of(shape) / (size_t)shape.dims[1] + 1));
    op_check_end(&c);
}

/* ---- with others who have the rest of a batch -------------------------------------------------
 */

/* (C) numbers as inputs, from the array that is named for them. */
static void add_channels(op_check *c, int64_t channels, const float *const *arrays, int num)
{
    for (int i = 0; i < num; i++)
        op_check_input(c, KERF_F32, KERF_SHAPE(channels), arrays[i]);
}

static void set_shared(op_check *c, int64_t total, kerf__layouts layouts)
{
    CHECK_OK(kerf_node_set_int(c->node, "training_mode", 1));
    CHECK_OK(kerf_node_set_int(c->node, "unbiased", 1));
    CHECK_OK(kerf_node_set_int(c->node, "total", total));
    CHECK_OK(kerf_node_set_float(c->node, "momentum", 0.7f));
    CHECK_OK(kerf__node_set_layouts(c->node, &layouts));
}

static void check_moments(kerf_shape shape, kerf__layout layout)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, kerf__layout_shape(layout, shape), x);
    op_check_node(&c, "kerf.BatchNormMoments", 1);
    CHECK_OK(kerf_node_set_int(c.node, "channels", shape.dims[1]));
    CHECK_OK(kerf__node_set_layouts(c.node, &(kerf__layouts){{layout}, {KERF__PLAIN}}));
    op_check_variants(&c, ref_batch_norm,
                      check_tolerance(8, num_of(shape) / (size_t)shape.dims[1] + 1));
    op_check_end(&c);
}

/* Moments that are not those of src, three times as many elements. */
static void check_by_moments(kerf_shape shape, kerf__layout layout)
{
    static float moments[2 * MOST_CHANNELS];
    op_check c;
    const int64_t channels = shape.dims[1], num = (int64_t)num_of(shape) / channels;
    const float *const inputs[] = {scale, bias, mean, variance};
    for (int64_t i = 0; i < channels; i++) {
        moments[i] = mean[i] + 0.25f;
        moments[channels + i] = variance[i] * (float)(3 * num);
    }
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, kerf__layout_shape(layout, shape), x);
    add_channels(&c, channels, inputs, 4);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, channels), moments);
    op_check_node(&c, "BatchNormalization", 5);
    set_shared(&c, 3 * num, (kerf__layouts){{layout}, {layout}});
    op_check_variants(&c, ref_batch_norm, check_tolerance(8, 4));
    op_check_end(&c);
}

static void check_sums(kerf_shape shape, kerf__layout layout)
{
    op_check c;
    const int64_t channels = shape.dims[1], num = (int64_t)num_of(shape) / channels;
    const float *const inputs[] = {scale, mean, variance};
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, kerf__layout_shape(layout, shape), x);
    op_check_input(&c, KERF_F32, kerf__layout_shape(layout, shape), diff);
    add_channels(&c, channels, inputs, 3);
    op_check_node(&c, "kerf.BatchNormSums", 3);
    set_shared(&c, 3 * num, (kerf__layouts){{layout, layout}, {KERF__PLAIN}});
    op_check_variants(&c, ref_batch_norm, check_tolerance(8, (size_t)num + 1));
    op_check_end(&c);
}

static void check_by_factors(kerf_shape shape, kerf__layout layout)
{
    op_check c;
    const int64_t channels = shape.dims[1];
    const float *const inputs[] = {scale, mean, variance};
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, kerf__layout_shape(layout, shape), x);
    op_check_input(&c, KERF_F32, kerf__layout_shape(layout, shape), diff);
    add_channels(&c, channels, inputs, 3);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3, channels), bias); /* any numbers */
    op_check_node(&c, "kerf.BatchNormGrad", 1);
    set_shared(&c, 1000, (kerf__layouts){{layout, layout}, {layout}});
    op_check_variants(&c, ref_batch_norm, check_tolerance(8, 4));
    op_check_end(&c);
}

static void check_shared(kerf_shape shape, kerf__layout layout)
{
    check_moments(shape, layout);
    check_by_moments(shape, layout);
    check_sums(shape, layout);
    if (3 * shape.dims[1] <= MOST_CHANNELS)
        check_by_factors(shape, layout);
}

static const kerf_shape SHAPES[] = {
    {4, {2, 3, 4, 5}},   {4, {1, 1, 1, 2}},   {3, {3, 2, 37}},       {2, {9, 5}},
    {2, {33, 20}},       {4, {5, 16, 1, 1}},  {5, {2, 2, 3, 2, 3}},  {4, {2, 33, 3, 3}},
    {4, {1, 2, 70, 90}}, {4, {64, 3, 7, 7}},  {2, {700, 40}},        {4, {3, 20, 30, 30}},
    {4, {40, 32, 7, 7}}, {4, {300, 2, 2, 3}}, {4, {1, 1, 200, 200}}, {2, {5000, 3}},
};

/* Channels in blocks are compared where all lanes are channels; others in test_pad_lanes. */
static void test_shapes(void)
{
    for (size_t i = 0; i < LENGTH(SHAPES); i++) {
        const int cpu = kerf_device_get_info(dev)->type == KERF_DEVICE_CPU;
        const int laid = cpu && SHAPES[i].rank > 2 && SHAPES[i].dims[1] % 16 == 0;
        if (op_check_small() && num_of(SHAPES[i]) > 700)
            continue;
        fill(num_of(SHAPES[i]), 0.5f);
        for (int layout = KERF__PLAIN; layout <= (laid ? KERF__C16 : KERF__PLAIN); layout++) {
            for (size_t j = 0; j < LENGTH(FORMS); j++)
                check(SHAPES[i], FORMS[j], (kerf__layout)layout);
            for (int training = 0; training < 2; training++)
                check_grad(SHAPES[i], training, (kerf__layout)layout);
            check_shared(SHAPES[i], (kerf__layout)layout);
        }
    }
}

/* 20 channels in two blocks: NaN in the pad lanes must not reach a channel, and what lies behind
 * the 20 numbers of a channel must not be read. */
static void test_pad_lanes(void)
{
    const kerf_shape plain = KERF_SHAPE(3, 20, 2, 5), laid = kerf__layout_shape(KERF__C16, plain);
    if (kerf_device_get_info(dev)->type != KERF_DEVICE_CPU)
        return;
    fill(num_of(laid), 0);
    for (size_t i = 0; i < num_of(laid); i++) {
        const size_t channel = i / (10 * 16) % 2 * 16 + i % 16;
        x[i] = channel < 20 ? x[i] : NAN;
        diff[i] = channel < 20 ? diff[i] : NAN;
    }
    for (int training = 0; training < 2; training++) {
        op_check c;
        naive n = {0};
        float *got = calloc(num_of(laid), sizeof *got);
        double *want = calloc(num_of(laid), sizeof *want), rest[4][20];
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, laid, x);
        op_check_input(&c, KERF_F32, KERF_SHAPE(20), scale);
        op_check_input(&c, KERF_F32, KERF_SHAPE(20), bias);
        op_check_input(&c, KERF_F32, KERF_SHAPE(20), mean);
        op_check_input(&c, KERF_F32, KERF_SHAPE(20), variance);
        op_check_node(&c, "BatchNormalization", training ? 5 : 1);
        set_form(&c, (form){training, training ? 5 : 1, 0}, KERF__C16);
        CHECK_OK(kerf__node_infer(c.node));
        CHECK_OK(naive_create(&n, dev, c.graph));
        for (int i = 0; i < 5; i++)
            CHECK_OK(kerf_tensor_write(naive_tensor(&n, c.inputs[i]), c.data[i]));
        CHECK_OK(naive_run(&n));
        CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[0]), got));
        ref_batch_norm(c.node, (const double *const *)c.numbers,
                       (double *const[]){want, rest[0], rest[1], rest[2], rest[3]});
        for (size_t i = 0; i < num_of(laid); i++)
            if (isnan(x[i])) /* of no channel: anything */
                got[i] = 0;
        check_close("pad lanes", got, want, num_of(laid), check_tolerance(8, 30));
        naive_destroy(&n);
        op_check_end(&c);
        free(got);
        free(want);
    }
}

/* A mean a thousand times the deviation: nothing may cancel. */
static void test_far_from_zero(void)
{
    static const kerf_shape FAR[] = {{4, {4, 3, 13, 11}}, {2, {90, 7}}};
    for (size_t i = 0; i < LENGTH(FAR); i++) {
        op_check c;
        const kerf_shape one = KERF_SHAPE(FAR[i].dims[1]);
        fill(num_of(FAR[i]), 1000);
        for (size_t k = 0; k < num_of(FAR[i]); k++)
            x[k] = 1000 + roundf((x[k] - 1000) * 1024) / 1024; /* exact, so both sides see it */
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, FAR[i], x);
        op_check_input(&c, KERF_F32, one, scale);
        op_check_input(&c, KERF_F32, one, bias);
        op_check_input(&c, KERF_F32, one, mean);
        op_check_input(&c, KERF_F32, one, variance);
        op_check_node(&c, "BatchNormalization", 1);
        CHECK_OK(kerf_node_set_int(c.node, "training_mode", 1));
        /* The mean is known to 1000 eps, so that much of a deviation. */
        op_check_variants(&c, ref_batch_norm, check_tolerance(1000, 4));
        op_check_end(&c);
    }
}

static void test_refused(void)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 3, 4), x);
    for (int i = 0; i < 4; i++)
        op_check_input(&c, KERF_F32, KERF_SHAPE(i == 2 ? 4 : 3), scale);
    op_check_node(&c, "BatchNormalization", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "input in3 is (4), must be (3)");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(0, 3, 4), x);
    for (int i = 0; i < 4; i++)
        op_check_input(&c, KERF_F32, KERF_SHAPE(3), scale);
    op_check_node(&c, "BatchNormalization", 1);
    CHECK_OK(kerf_node_set_float(c.node, "epsilon", -1));
    op_check_refused(&c, KERF_ERR_SHAPE, "epsilon is -1, must be at least 0");
    CHECK_OK(kerf_node_set_float(c.node, "epsilon", 0));
    CHECK_OK(kerf_node_set_int(c.node, "training_mode", 1));
    op_check_refused(&c, KERF_ERR_SHAPE, "there is nothing to take statistics of");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 3, 4), x);
    for (int i = 0; i < 4; i++)
        op_check_input(&c, KERF_F32, KERF_SHAPE(3), scale);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 3), scale);
    op_check_node(&c, "BatchNormalization", 1);
    op_check_refused(&c, KERF_ERR_UNSUPPORTED, "has 6 inputs, must have 5");
    CHECK_OK(kerf_node_set_int(c.node, "total", (int64_t)1 << 31));
    op_check_refused(&c, KERF_ERR_SHAPE,
                     "statistics are of 2147483648 numbers, must be of 1 to 2147483647");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 3, 4), x);
    op_check_node(&c, "kerf.BatchNormMoments", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "has 0 channels, must have 3");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_shapes();
    test_pad_lanes();
    test_far_from_zero();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
