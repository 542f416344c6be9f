/* test_norm.c -- layer, instance and group normalisation against ref_norm.c. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 18 };
static kerf_device *dev;
static float x[MAX], scale[MAX], bias[MAX];

/* number: of LayerNormalization the axis, of GroupNormalization the groups. */
typedef struct norm {
    const char *op;
    kerf_shape src, scale;
    int number, has_bias, num_outputs;
} norm;

static const norm CASES[] = {
    {"LayerNormalization", {2, {3, 37}}, {1, {37}}, -1, 1, 3},
    {"LayerNormalization", {3, {2, 5, 16}}, {1, {16}}, 2, 1, 1},
    {"LayerNormalization", {3, {2, 3, 7}}, {2, {3, 7}}, 1, 1, 3},
    {"LayerNormalization", {3, {2, 3, 7}}, {3, {2, 3, 7}}, 0, 0, 1},
    {"LayerNormalization", {2, {4, 1}}, {1, {1}}, -1, 1, 3},
    {"LayerNormalization", {2, {0, 5}}, {1, {5}}, -1, 1, 1},
    {"InstanceNormalization", {4, {2, 3, 4, 5}}, {1, {3}}, 0, 1, 1},
    {"InstanceNormalization", {3, {2, 2, 37}}, {1, {2}}, 0, 1, 3},
    {"GroupNormalization", {4, {2, 6, 3, 3}}, {1, {6}}, 3, 1, 1},
    {"GroupNormalization", {4, {2, 6, 3, 3}}, {1, {3}}, 3, 1, 3},
    {"GroupNormalization", {3, {3, 4, 1}}, {1, {4}}, 2, 1, 1},
    {"GroupNormalization", {4, {2, 4, 5, 4}}, {1, {4}}, 1, 1, 1},
    {"LayerNormalization", {2, {300, 768}}, {1, {768}}, -1, 1, 1},
    {"InstanceNormalization", {4, {3, 20, 30, 31}}, {1, {20}}, 0, 1, 1},
    {"GroupNormalization", {4, {2, 32, 28, 28}}, {1, {32}}, 8, 1, 1},
};

static void set(kerf_node *n, const norm *c)
{
    CHECK_OK(kerf_node_set_float(n, "epsilon", 1e-3f));
    if (strcmp(c->op, "LayerNormalization") == 0)
        CHECK_OK(kerf_node_set_int(n, "axis", c->number));
    if (strcmp(c->op, "GroupNormalization") == 0)
        CHECK_OK(kerf_node_set_int(n, "num_groups", c->number));
}

static void check(const norm *n)
{
    op_check c;
    const size_t num = (size_t)kerf_shape_num_elements(n->src);
    op_check_fill(x, num, 1);
    op_check_fill(scale, num + 8, 2);
    op_check_fill(bias, num + 8, 3);
    for (size_t i = 0; i < num; i++)
        x[i] += 0.5f;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, n->src, x);
    op_check_input(&c, KERF_F32, n->scale, scale);
    if (n->has_bias)
        op_check_input(&c, KERF_F32, n->scale, bias);
    op_check_node(&c, n->op, n->num_outputs);
    set(c.node, n);
    op_check_variants(&c, ref_norm, check_tolerance(8, num + 1));
    if (num > 8 && num < 400)
        op_check_gradient(&c, ref_norm, check_tolerance(32, num));
    op_check_end(&c);
}

static void test_cases(void)
{
    for (size_t i = 0; i < LENGTH(CASES); i++)
        if (!op_check_small() || kerf_shape_num_elements(CASES[i].src) < 400)
            check(&CASES[i]);
}

static void test_grad(void)
{
    static const kerf_shape SHAPES[] = {{2, {3, 5}}, {2, {1, 16}}, {2, {70, 33}}, {2, {5, 9000}}};
    static float mean[70], inv[70];
    op_check_fill(mean, 70, 7);
    op_check_fill(inv, 70, 8);
    for (size_t i = 0; i < LENGTH(SHAPES); i++) {
        op_check c;
        const size_t num = (size_t)kerf_shape_num_elements(SHAPES[i]);
        const kerf_shape each = KERF_SHAPE(SHAPES[i].dims[0]);
        if (op_check_small() && num > 400)
            continue;
        op_check_fill(x, num, 5);
        op_check_fill(bias, num, 6);
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, SHAPES[i], x);
        op_check_input(&c, KERF_F32, SHAPES[i], bias);
        op_check_input(&c, KERF_F32, each, mean);
        op_check_input(&c, KERF_F32, each, inv);
        op_check_node(&c, "kerf.NormGrad", 1);
        op_check_variants(&c, ref_norm, check_tolerance(8, num));
        op_check_end(&c);
    }
}

static void test_refused(void)
{
    static const struct {
        norm n;
        const char *words;
    } REFUSED[] = {
        {{"LayerNormalization", {2, {3, 4}}, {1, {3}}, -1, 1, 1}, "in1 has 3 numbers, must have 4"},
        {{"LayerNormalization", {2, {3, 4}}, {1, {4}}, 2, 1, 1}, "axis is 2, must be in [-2, 1]"},
        {{"GroupNormalization", {3, {1, 4, 2}}, {1, {4}}, 3, 1, 1},
         "num_groups is 3, must divide the 4 channels"},
        {{"InstanceNormalization", {2, {3, 4}}, {1, {4}}, 0, 1, 1},
         "input is (3, 4), must be (N, C, ...)"},
    };
    for (size_t i = 0; i < LENGTH(REFUSED); i++) {
        op_check c;
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, REFUSED[i].n.src, x);
        op_check_input(&c, KERF_F32, REFUSED[i].n.scale, scale);
        op_check_input(&c, KERF_F32, REFUSED[i].n.scale, bias);
        op_check_node(&c, REFUSED[i].n.op, 1);
        set(c.node, &REFUSED[i].n);
        op_check_refused(&c, KERF_ERR_SHAPE, REFUSED[i].words);
        op_check_end(&c);
    }
}

int main(void)
{
    dev = check_open_device();
    test_cases();
    test_grad();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
