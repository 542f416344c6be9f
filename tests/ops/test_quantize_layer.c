/* test_quantize_layer.c -- a layer's scales and its bias as integers against
 * ref_quantize_layer.c: the bits must be the same. */
#include "op_check.h"
#include "ref/ref.h"

enum { MAX = 20000 };
static kerf_device *dev;
static float most[MAX], bias[MAX];

/* Channels of weights of any size; of the first ones no weight, or no bias, or neither. */
static void fill(size_t num, float bias_by)
{
    op_check_fill(most, num, 1);
    op_check_fill(bias, num, 2);
    for (size_t i = 0; i < num; i++) {
        most[i] = ldexpf(fabsf(most[i]), -(int)(i % 40));
        bias[i] *= bias_by;
    }
    most[0] = 0;
    bias[0] = 0;
    if (num > 2)
        most[1] = bias[2] = 0;
}

static void begin(op_check *c, kerf_shape scales, kerf_shape channels, float x_scale, int largest)
{
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, scales, most);
    if (x_scale != 0) {
        op_check_input(c, KERF_F32, KERF_SCALAR, &x_scale);
        op_check_input(c, KERF_F32, channels, bias);
    }
    op_check_node(c, "kerf.QuantizeLayer", x_scale != 0 ? 3 : 1);
    CHECK_OK(kerf_node_set_int(c->node, "largest", largest));
}

static void check(kerf_shape scales, kerf_shape channels, float x_scale, int largest)
{
    op_check c;
    begin(&c, scales, channels, x_scale, largest);
    op_check_variants(&c, ref_quantize_layer, 0);
    op_check_end(&c);
}

static void test_shapes(void)
{
    static const int INTEGERS[] = {127, 7, 1};
    const int64_t many = op_check_small() ? 70 : MAX;
    fill(MAX, 1);
    for (size_t i = 0; i < sizeof INTEGERS / sizeof INTEGERS[0]; i++) {
        check(KERF_SHAPE(67), KERF_SHAPE(67), 0.0123f, INTEGERS[i]);
        check(KERF_SHAPE(67), KERF_SHAPE(67), 0, INTEGERS[i]);
        check(KERF_SHAPE(5), KERF_SHAPE(1, 5), 0.7f, INTEGERS[i]);
        check(KERF_SCALAR, KERF_SHAPE(67), 0.0123f, INTEGERS[i]); /* no weights at all, a bias */
    }
    most[0] = 0.3f;
    check(KERF_SCALAR, KERF_SHAPE(many), 0.0123f, 127);
    check(KERF_SCALAR, KERF_SHAPE(0), 0.0123f, 127);
    check(KERF_SCALAR, KERF_SCALAR, 0, 127);
    check(KERF_SHAPE(many), KERF_SHAPE(many), 0.0123f, 7);
    check(KERF_SHAPE(0), KERF_SHAPE(0), 0.0123f, 7);
}

/* A bias that its weights' scale could not hold widens it; NaN comes through. */
static void test_strange(void)
{
    fill(60, 1e6f);
    check(KERF_SHAPE(60), KERF_SHAPE(60), 1e-4f, 127);
    check(KERF_SCALAR, KERF_SHAPE(60), 1e-4f, 127);
    most[7] = NAN;
    bias[9] = NAN;
    bias[11] = -1e9f;
    check(KERF_SHAPE(60), KERF_SHAPE(60), 1e-3f, 127);
    check(KERF_SCALAR, KERF_SHAPE(60), 1e-3f, 127);
    check(KERF_SHAPE(60), KERF_SHAPE(60), 0, 7);
}

/* By hand: 0.5 over 127 steps, and a bias of 1 in units of 0.25 * 0.5 / 127. */
static void test_known(void)
{
    const double one = 0.5, x_scale = 0.25, given[] = {1, -3};
    double scale, bias_scale, integers[2];
    op_check c;
    begin(&c, KERF_SCALAR, KERF_SHAPE(2), 0.25f, 127);
    ref_quantize_layer(c.node, (const double *[]){&one, &x_scale, given},
                       (double *[]){&scale, integers, &bias_scale});
    CHECK(fabs(scale - 0.5 / 127) < 1e-9 && fabs(bias_scale - 0.125 / 127) < 1e-9);
    CHECK(integers[0] == 1016 && integers[1] == -3048);
    op_check_end(&c);
}

static void refuse(kerf_shape scales, kerf_shape channels, int largest, const char *words)
{
    op_check c;
    begin(&c, scales, channels, 1, largest);
    op_check_refused(&c, KERF_ERR_SHAPE, words);
    op_check_end(&c);
}

static void test_refused(void)
{
    op_check c;
    fill(10, 1);
    refuse(KERF_SHAPE(3), KERF_SHAPE(4), 127,
           "there are 3 scales for a bias of 4 channels, must be one, or one a channel");
    refuse(KERF_SHAPE(4), KERF_SHAPE(4), 0, "largest is 0, must be 1 or more");
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(4), most);
    op_check_input(&c, KERF_F32, KERF_SCALAR, bias);
    op_check_node(&c, "kerf.QuantizeLayer", 1);
    CHECK_OK(kerf_node_set_int(c.node, "largest", 7));
    op_check_refused(&c, KERF_ERR_SHAPE, "it has 2 inputs and 1 outputs, must have 3 and 3");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_known();
    test_shapes();
    test_strange();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
