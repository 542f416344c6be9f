/* test_elementwise.c -- the family of formulas against ref_elementwise.c. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 17 };
static kerf_device *dev;
static float x[MAX], y[MAX];

/* How many inputs, and where they lie: between low and high, for the second input too. */
static const struct row {
    const char *op;
    int num;
    float low, high;
    double k; /* units in the last place that OpenCL grants beyond 1 */
} ROWS[] = {
    {"Abs", 1, -3, 3, 1},
    {"Acos", 1, -0.9f, 0.9f, 4},
    {"Acosh", 1, 1.1f, 4, 8},
    {"Add", 2, -3, 3, 1},
    {"Asin", 1, -0.9f, 0.9f, 4},
    {"Asinh", 1, -3, 3, 4},
    {"Atan", 1, -3, 3, 5},
    {"Atanh", 1, -0.9f, 0.9f, 8},
    {"Ceil", 1, -3, 3, 1},
    {"Celu", 1, -3, 3, 8},
    {"Clip", 1, -3, 3, 1},
    {"Cos", 1, -3, 3, 4},
    {"Cosh", 1, -3, 3, 4},
    {"Div", 2, 0.5f, 2, 3},
    {"Elu", 1, -3, 3, 8},
    {"Erf", 1, -3, 3, 16},
    {"Exp", 1, -5, 5, 4},
    {"Floor", 1, -3, 3, 1},
    {"Gelu", 1, -3, 3, 16},
    {"HardSigmoid", 1, -5, 5, 2},
    {"HardSwish", 1, -5, 5, 4},
    {"LeakyRelu", 1, -3, 3, 1},
    {"Log", 1, 0.1f, 9, 4},
    {"Max", 2, -3, 3, 1},
    {"Min", 2, -3, 3, 1},
    {"Mish", 1, -3, 3, 16},
    {"Mod", 2, 0.5f, 3, 2},
    {"Mul", 2, -3, 3, 1},
    {"Neg", 1, -3, 3, 1},
    {"PRelu", 2, -3, 3, 1},
    {"Pow", 2, 0.5f, 2, 16},
    {"Reciprocal", 1, 0.5f, 2, 3},
    {"Relu", 1, -3, 3, 1},
    {"Round", 1, -3, 3, 1},
    {"Selu", 1, -3, 3, 8},
    {"Shrink", 1, -3, 3, 1},
    {"Sigmoid", 1, -5, 5, 8},
    {"Sign", 1, -3, 3, 1},
    {"Sin", 1, -3, 3, 4},
    {"Sinh", 1, -3, 3, 4},
    {"Softplus", 1, -3, 3, 8},
    {"Softsign", 1, -3, 3, 4},
    {"Sqrt", 1, 0.1f, 9, 4},
    {"Sub", 2, -3, 3, 1},
    {"Tan", 1, -1, 1, 5},
    {"Tanh", 1, -3, 3, 8},
    {"ThresholdedRelu", 1, -3, 3, 1},
    {"kerf.Above", 2, -3, 3, 1},
    {"kerf.AbsGrad", 2, -3, 3, 1},
    {"kerf.AcosGrad", 2, -0.9f, 0.9f, 32},
    {"kerf.AcoshGrad", 2, 1.1f, 4, 32},
    {"kerf.AsinGrad", 2, -0.9f, 0.9f, 32},
    {"kerf.AsinhGrad", 2, -3, 3, 32},
    {"kerf.AtanGrad", 2, -3, 3, 32},
    {"kerf.AtanhGrad", 2, -0.9f, 0.9f, 32},
    {"kerf.CeluGrad", 2, -3, 3, 32},
    {"kerf.ClipGrad", 2, -3, 3, 32},
    {"kerf.CosGrad", 2, -3, 3, 32},
    {"kerf.CoshGrad", 2, -3, 3, 32},
    {"kerf.DivOrZero", 2, 0.5f, 2, 3},
    {"kerf.EluGrad", 2, -3, 3, 32},
    {"kerf.Equal", 2, -3, 3, 1},
    {"kerf.ErfGrad", 2, -3, 3, 32},
    {"kerf.GeluGrad", 2, -3, 3, 32},
    {"kerf.HardSigmoidGrad", 2, -5, 5, 32},
    {"kerf.HardSwishGrad", 2, -5, 5, 32},
    {"kerf.LeakyReluGrad", 2, -3, 3, 1},
    {"kerf.LogGrad", 2, 0.5f, 2, 3},
    {"kerf.LogOrZero", 1, 0.1f, 9, 4},
    {"kerf.MishGrad", 2, -3, 3, 32},
    {"kerf.Negative", 1, -3, 3, 1},
    {"kerf.PReluSlope", 2, -3, 3, 1},
    {"kerf.PowGrad", 2, 0.5f, 2, 16},
    {"kerf.ReciprocalGrad", 2, 0.5f, 2, 3},
    {"kerf.ReluGrad", 2, -3, 3, 1},
    {"kerf.Scale", 1, -3, 3, 1},
    {"kerf.SeluGrad", 2, -3, 3, 32},
    {"kerf.ShrinkGrad", 2, -3, 3, 32},
    {"kerf.SigmoidGrad", 2, 0, 1, 3},
    {"kerf.SinGrad", 2, -3, 3, 32},
    {"kerf.SinhGrad", 2, -3, 3, 32},
    {"kerf.SoftplusGrad", 2, -3, 3, 32},
    {"kerf.SoftsignGrad", 2, -3, 3, 32},
    {"kerf.SqrtGrad", 2, 0.5f, 2, 3},
    {"kerf.TanGrad", 2, -1, 1, 32},
    {"kerf.TanhGrad", 2, -1, 1, 3},
    {"kerf.ThresholdedReluGrad", 2, -3, 3, 32},
};

/* Which stores a kernel takes has nothing to do with its formula: one of each number of inputs
 * stands for all, whose programs are much to build. */
static int is_tried(const kerf__op_case *c)
{
    static const char *const OPS[] = {"Abs", "Add", "Sub"};
    for (size_t i = 0; i < LENGTH(OPS); i++)
        if (strcmp(c->node->op, OPS[i]) == 0)
            return 1;
    return strcmp(c->option.variant->name, "elementwise_stream") != 0;
}

static void fill(float *out, size_t num, const struct row *row, unsigned seed)
{
    op_check_fill(out, num, seed);
    for (size_t i = 0; i < num; i++)
        out[i] = row->low + (row->high - row->low) * (0.5f + 0.5f * out[i]);
}

static void check(const struct row *row, kerf_shape a, kerf_shape b, int gradient)
{
    op_check c;
    fill(x, (size_t)kerf_shape_num_elements(a), row, 1);
    fill(y, (size_t)kerf_shape_num_elements(b), row, 2);
    op_check_begin(&c, dev);
    c.is_tried = is_tried;
    op_check_input(&c, KERF_F32, a, x);
    if (row->num == 2)
        op_check_input(&c, KERF_F32, b, y);
    op_check_node(&c, row->op, 1);
    if (strcmp(row->op, "kerf.Scale") == 0)
        CHECK_OK(kerf_node_set_float(c.node, "scale", -1.5f));
    if (strcmp(row->op, "Mod") == 0)
        CHECK_OK(kerf_node_set_int(c.node, "fmod", 1));
    if (strstr(row->op, "Clip") != NULL)
        CHECK_OK(kerf_node_set_float(c.node, "max", 1.25f));
    if (strstr(row->op, "Celu") != NULL || strstr(row->op, "ThresholdedRelu") != NULL)
        CHECK_OK(kerf_node_set_float(c.node, "alpha", 0.75f));
    if (strcmp(row->op, "Shrink") == 0)
        CHECK_OK(kerf_node_set_float(c.node, "bias", 0.25f));
    op_check_variants(&c, ref_elementwise, check_tolerance(row->k, 1));
    if (gradient && kerf__op_find(row->op)->gradient != NULL)
        op_check_gradient(&c, ref_elementwise, check_tolerance(64, 1));
    op_check_end(&c);
}

/* One operation at every size that could be an edge, all at those that have a tail. */
static void test_sizes(void)
{
    static const int64_t SIZES[] = {17, 65, 0, 1, 15, 16, 63, 64, 1003};
    for (size_t i = 0; i < LENGTH(ROWS); i++)
        for (size_t j = 0;
             j < (strcmp(ROWS[i].op, "Add") == 0 && !op_check_small() ? LENGTH(SIZES) : 2); j++)
            check(&ROWS[i], KERF_SHAPE(SIZES[j]), KERF_SHAPE(SIZES[j]), SIZES[j] == 65);
}

/* Equal inputs, and zeros below a fraction. */
static void test_ties(void)
{
    static const char *const OPS[] = {"kerf.Above",      "kerf.Equal", "kerf.DivOrZero",
                                      "kerf.PReluSlope", "Max",        "Min"};
    for (size_t i = 0; i < LENGTH(OPS); i++) {
        op_check c;
        op_check_fill(x, 37, 5);
        op_check_fill(y, 37, 6);
        for (int k = 0; k < 37; k++) {
            x[k] = rintf(2 * x[k]);
            y[k] = rintf(2 * y[k]);
        }
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, KERF_SHAPE(37), x);
        op_check_input(&c, KERF_F32, KERF_SHAPE(37), y);
        op_check_node(&c, OPS[i], 1);
        op_check_variants(&c, ref_elementwise, 0);
        op_check_end(&c);
    }
}

/* Wherever a dimension may be stretched: bias, column, scalar, channels of images from either
 * side, one plane for all channels, both sides. */
static void test_broadcasting(void)
{
    static const struct {
        kerf_shape a, b;
    } CASES[] = {
        {{2, {5, 19}}, {1, {19}}},
        {{2, {37, 300}}, {2, {1, 300}}},
        {{1, {19}}, {2, {5, 19}}},
        {{2, {6, 33}}, {2, {6, 1}}},
        {{2, {2, 130}}, {0, {0}}},
        {{0, {0}}, {0, {0}}},
        {{4, {2, 3, 4, 5}}, {3, {3, 1, 1}}},
        {{4, {1, 3, 1, 1}}, {4, {2, 3, 4, 5}}},
        {{4, {2, 3, 4, 5}}, {4, {2, 3, 1, 1}}},
        {{4, {2, 3, 5, 5}}, {4, {2, 1, 5, 5}}},
        {{4, {3, 5, 2, 19}}, {3, {5, 1, 19}}},
        {{4, {2, 1, 4, 1}}, {4, {1, 3, 1, 5}}},
        {{8, {2, 1, 2, 1, 2, 1, 2, 1}}, {8, {1, 2, 1, 2, 1, 2, 1, 2}}},
        {{3, {2, 0, 3}}, {1, {3}}},
    };
    for (size_t i = 0; i < LENGTH(CASES); i++)
        for (size_t j = 0; j < LENGTH(ROWS); j++)
            if (ROWS[j].num == 2 && (!op_check_small() || strcmp(ROWS[j].op, "Sub") == 0))
                check(&ROWS[j], CASES[i].a, CASES[i].b,
                      kerf_shape_num_elements(CASES[i].a) > 0 && ROWS[j].op[0] != 'M');
}

/* Many groups, and a last one that is not full. */
static void test_large(void)
{
    static const struct row ADD = {"Add", 2, -3, 3, 1}, *add = &ADD;
    if (op_check_small())
        return;
    check(add, KERF_SHAPE(MAX - 3), KERF_SHAPE(MAX - 3), 0);
    check(add, KERF_SHAPE(127, 1001), KERF_SHAPE(1001), 0);
    check(add, KERF_SHAPE(2, 60001), KERF_SHAPE(2, 1), 0);
    check(add, KERF_SHAPE(5, 19, 33, 33), KERF_SHAPE(19, 1, 1), 0);
    check(add, KERF_SHAPE(30011, 3), KERF_SHAPE(30011, 1), 0);
}

/* The variant that a plan takes without any measurement. */
static const char *guessed(kerf_shape a, kerf_shape b)
{
    op_check c;
    const char *name = "none";
    double best = INFINITY;
    op_check_begin(&c, dev);
    CHECK_OK(kerf_graph_add_input(c.graph, "a", KERF_F32, a, &c.inputs[0]));
    CHECK_OK(kerf_graph_add_input(c.graph, "b", KERF_F32, b, &c.inputs[1]));
    CHECK_OK(kerf_graph_add_node(c.graph, "Add", "checked", c.inputs, 2, 1, &c.node));
    CHECK_OK(kerf__node_infer(c.node));
    kerf__op_case asked = {.dev = dev, .node = c.node};
    for (int i = 0; kerf__option_at(&asked, i, &asked.option); i++) {
        const kerf__variant *v = asked.option.variant;
        const double cost = v->guess != NULL ? v->guess(&asked) : (double)i;
        name = cost < best ? v->name : name;
        best = fmin(cost, best);
    }
    op_check_end(&c);
    return name;
}

/* Streaming stores are for what no cache holds, in whole lines; the rest takes the first row. */
static void test_guess(void)
{
    const kerf_device_info *info = kerf_device_get_info(dev);
    const int is_cpu = info->type == KERF_DEVICE_CPU;
    const char *const plain = is_cpu ? "elementwise_wide" : "elementwise_simt";
    const char *const large =
        is_cpu && info->features.streaming_stores ? "elementwise_stream" : plain;
    const int64_t half = (int64_t)info->cache_bytes / 8 / 64 * 64; /* in floats */
    CHECK(strcmp(guessed(KERF_SHAPE(half), KERF_SHAPE(half)), plain) == 0);
    CHECK(strcmp(guessed(KERF_SHAPE(half + 64), KERF_SHAPE(half + 64)), large) == 0);
    CHECK(strcmp(guessed(KERF_SHAPE(half / 64 + 64, 4, 8, 8), KERF_SHAPE(4, 1, 1)), large) == 0);
    CHECK(strcmp(guessed(KERF_SHAPE(half / 49 + 49, 4, 7, 7), KERF_SHAPE(4, 1, 1)), plain) == 0);
}

static void test_expand(void)
{
    static const int64_t SHAPE[] = {4, 3, 5};
    op_check c;
    op_check_fill(x, 15, 3);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3, 1), x);
    op_check_constant(&c, KERF_S64, KERF_SHAPE(3), SHAPE);
    op_check_node(&c, "Expand", 1);
    op_check_variants(&c, ref_elementwise, 0);
    op_check_gradient(&c, ref_elementwise, check_tolerance(8, 20));
    op_check_end(&c);
}

/* The form of Gelu that PyTorch calls tanh, and bounds of a Clip as inputs, one left out. */
static void test_forms(void)
{
    const float bound = 0.5f;
    op_check c;
    op_check_fill(x, 37, 3);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(37), x);
    op_check_node(&c, "Gelu", 1);
    CHECK_OK(kerf_node_set_string(c.node, "approximate", "tanh"));
    op_check_variants(&c, ref_elementwise, check_tolerance(16, 1));
    op_check_gradient(&c, ref_elementwise, check_tolerance(64, 1));
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(37), x);
    op_check_skip(&c);
    op_check_constant(&c, KERF_F32, KERF_SCALAR, &bound);
    op_check_node(&c, "Clip", 1);
    op_check_variants(&c, ref_elementwise, 0);
    op_check_gradient(&c, ref_elementwise, check_tolerance(8, 1));
    op_check_end(&c);
}

/* x * x: both gradients arrive at one value and are added. */
static void test_same_input_twice(void)
{
    op_check c;
    float want[40];
    op_check_fill(x, 40, 4);
    for (int i = 0; i < 40; i++)
        want[i] = 2 * x[i];
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(40), x);
    kerf_value *twice[2] = {c.inputs[0], c.inputs[0]};
    CHECK_OK(kerf_graph_add_node(c.graph, "Mul", "checked", twice, 2, 1, &c.node));
    CHECK_OK(kerf__node_infer(c.node));
    op_check_gradient_is(&c, (const float *const[]){want}, check_tolerance(1, 2));
    op_check_end(&c);
}

/* Where a formula has a corner or a pole: a bound passes, a tie is shared, the slope below zero
 * counts at zero, and no product of zero and an infinity makes a NaN. */
static const struct corner {
    const char *op;
    float x[4], y[4], want_x[4], want_y[4];
    int num, wanted; /* inputs; a bit for each that has a gradient */
} CORNERS[] = {
    {"Max", {1, 3, 2, -1}, {2, 1, 2, -1}, {0, 1, 0.5f, 0.5f}, {1, 0, 0.5f, 0.5f}, 2, 3},
    {"Min", {1, 3, 2, -1}, {2, 1, 2, -1}, {1, 0, 0.5f, 0.5f}, {0, 1, 0.5f, 0.5f}, 2, 3},
    {"Clip", {-0.5f, 1.25f, -0.75f, 2}, {0}, {1, 1, 0, 0}, {0}, 1, 1},
    {"Relu", {0, -0.0f, 1, -1}, {0}, {0, 0, 1, 0}, {0}, 1, 1},
    {"Abs", {0, -0.0f, 2, -2}, {0}, {0, 0, 1, -1}, {0}, 1, 1},
    {"LeakyRelu", {0, -0.0f, 1, -1}, {0}, {0.01f, 0.01f, 1, 0.01f}, {0}, 1, 1},
    {"PRelu", {0, 2, -3, -0.0f}, {0.5f, 9, -2, 3}, {0.5f, 1, -2, 3}, {0, 0, -3, 0}, 2, 3},
    {"Pow", {-2, -2, 0, 0}, {2, 3, 2, 1}, {-4, 12, 0, 1}, {0}, 2, 1},
    {"Pow", {0, 3, -1, 1}, {0, 0, 0, -1}, {0, 0, 0, -1}, {0}, 2, 1},
    {"Pow", {0, 0, 1, 4}, {2, 0, 5, 0.5f}, {0}, {0, 0, 0, 2.77258872f}, 2, 2},
    {"Pow", {-2, -2, -1, -1}, {2, 3, 2, 1}, {0}, {NAN, NAN, NAN, NAN}, 2, 2},
    {"Sqrt", {0, 4, 1, INFINITY}, {0}, {INFINITY, 0.25f, 0.5f, 0}, {0}, 1, 1},
    {"Log", {INFINITY, 0, 1, -2}, {0}, {0, INFINITY, 1, -0.5f}, {0}, 1, 1},
    {"Div", {0, 1, -4, 0}, {2, 4, 2, -1}, {0.5f, 0.25f, 0.5f, -1}, {0, -0.0625f, 1, 0}, 2, 3},
};

static void check_corner(const struct corner *k)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(4), k->x);
    if (k->num == 2)
        op_check_input(&c, KERF_F32, KERF_SHAPE(4), k->y);
    op_check_node(&c, k->op, 1);
    if (strcmp(k->op, "Clip") == 0) {
        CHECK_OK(kerf_node_set_float(c.node, "min", -0.5f));
        CHECK_OK(kerf_node_set_float(c.node, "max", 1.25f));
    }
    op_check_variants(&c, ref_elementwise, check_tolerance(16, 1));
    op_check_gradient_is(
        &c,
        (const float *const[]){k->wanted & 1 ? k->want_x : NULL, k->wanted & 2 ? k->want_y : NULL},
        check_tolerance(16, 1));
    op_check_end(&c);
}

static void test_gradient_corners(void)
{
    for (size_t i = 0; i < LENGTH(CORNERS); i++)
        check_corner(&CORNERS[i]);
}

/* One value through one operation. */
static float once(const char *op, float value)
{
    op_check c;
    float got = 0;
    naive n = {0};
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(1), &value);
    op_check_node(&c, op, 1);
    CHECK_OK(kerf__node_infer(c.node));
    CHECK_OK(naive_create(&n, dev, c.graph));
    CHECK_OK(kerf_tensor_write(naive_tensor(&n, c.inputs[0]), &value));
    CHECK_OK(naive_run(&n));
    CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[0]), &got));
    naive_destroy(&n);
    op_check_end(&c);
    return got;
}

static void test_strange_values(void)
{
    CHECK(isnan(once("Relu", NAN))); /* diverged training must show */
    CHECK(once("Relu", -INFINITY) == 0.0f);
    CHECK(isinf(once("Relu", INFINITY)));
    CHECK(isnan(once("Abs", NAN)) && isnan(once("Clip", NAN)) && isnan(once("HardSwish", NAN)));
    CHECK(once("Round", 2.5f) == 2.0f && once("Round", -1.5f) == -2.0f);
    CHECK(once("Softplus", 200) == 200.0f && once("Softplus", -200) == 0.0f);
    CHECK(fabsf(once("Mish", 200) - 200) < 1e-4f && once("Gelu", -50) == 0.0f);
    CHECK(once("Sigmoid", -1e4f) == 0.0f && once("Sigmoid", 1e4f) == 1.0f);
    CHECK(fabsf(once("Tanh", 1e4f) - 1) < 1e-6f);
    CHECK(isinf(once("Exp", 1e4f)) && once("Exp", -1e4f) == 0.0f);
}

static void test_bad_shapes_are_named(void)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 3), x);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2), x);
    op_check_node(&c, "Add", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "Add checked: shapes (2, 3) and (2) do not broadcast");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_S32, KERF_SHAPE(2), x);
    op_check_node(&c, "Relu", 1);
    op_check_refused(&c, KERF_ERR_UNSUPPORTED, "input in0 is int32, must be float32");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2), x);
    op_check_node(&c, "Mul", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "has 1 inputs, must have at least 2");
    op_check_end(&c);
    static const int64_t HUGE[] = {(int64_t)1 << 40, (int64_t)1 << 40};
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2), x);
    op_check_constant(&c, KERF_S64, KERF_SHAPE(2), HUGE);
    op_check_node(&c, "Expand", 1);
    op_check_refused(&c, KERF_ERR_SHAPE,
                     "shape is (1099511627776, 1099511627776), must have dimensions of 0 or more "
                     "and less than 2^62 elements");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_sizes();
    test_ties();
    test_broadcasting();
    test_large();
    test_guess();
    test_expand();
    test_forms();
    test_same_input_twice();
    test_gradient_corners();
    test_strange_values();
    test_bad_shapes_are_named();
    kerf_device_close(dev);
    return check_result();
}
