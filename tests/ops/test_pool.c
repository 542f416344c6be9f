/* test_pool.c -- pooling and its gradients against ref_pool.c: every window on every variant. */
#include "op_check.h"
#include "ops/layout_common.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 19 };
static kerf_device *dev;
static float x[MAX], y[MAX];

/* Lists that begin with 0 are left out. */
typedef struct window {
    kerf_shape shape;
    int64_t kernel[3], strides[3], dilations[3], pads[6];
    int ceil;
    const char *auto_pad;
} window;

static const window WINDOWS[] = {
    /* A line, a plane, a space; strides of 1, 2 and more; rows that fill no vector and several. */
    {{3, {2, 3, 20}}, {3}, {0}, {0}, {0}, 0, NULL},
    {{3, {1, 2, 70}}, {4}, {3}, {2}, {3, 2}, 0, NULL},
    {{4, {2, 3, 8, 8}}, {2, 2}, {2, 2}, {0}, {0}, 0, NULL},
    {{4, {1, 2, 9, 37}}, {3, 3}, {2, 2}, {0}, {1, 1, 1, 1}, 0, NULL},
    {{4, {1, 2, 7, 5}}, {3, 2}, {1, 1}, {0}, {1, 0, 0, 1}, 0, NULL},
    {{4, {1, 1, 11, 40}}, {2, 3}, {3, 5}, {0}, {0}, 0, NULL},
    {{4, {1, 2, 8, 19}}, {3, 3}, {1, 2}, {2, 3}, {2, 1, 1, 3}, 0, NULL},
    {{5, {1, 2, 4, 5, 6}}, {2, 3, 2}, {1, 2, 2}, {1, 1, 2}, {1, 1, 0, 0, 1, 1}, 0, NULL},
    /* ceil_mode: a last window that hangs over, and one that would begin in the padding. */
    {{4, {1, 2, 8, 8}}, {3, 3}, {2, 2}, {0}, {0}, 1, NULL},
    {{4, {1, 2, 7, 8}}, {2, 2}, {2, 3}, {0}, {1, 1, 1, 1}, 1, NULL},
    {{3, {1, 1, 5}}, {2}, {3}, {0}, {1, 1}, 1, NULL},
    {{4, {1, 2, 7, 9}}, {3, 3}, {2, 2}, {0}, {0}, 0, "SAME_UPPER"},
    {{4, {1, 2, 6, 9}}, {3, 2}, {2, 2}, {0}, {0}, 0, "SAME_LOWER"},
    {{4, {1, 2, 7, 9}}, {3, 3}, {2, 2}, {0}, {0}, 0, "VALID"},
    /* One window that is the plane; one element; windows of padding alone; no image at all. */
    {{4, {3, 2, 5, 7}}, {5, 7}, {0}, {0}, {0}, 0, NULL},
    {{4, {1, 1, 1, 1}}, {1, 1}, {0}, {0}, {0}, 0, NULL},
    {{3, {1, 1, 3}}, {2}, {1}, {4}, {1, 1}, 0, NULL},
    {{4, {0, 3, 8, 8}}, {2, 2}, {2, 2}, {0}, {0}, 0, NULL},
    /* Larger, and left out where they would take long. */
    {{4, {2, 5, 56, 56}}, {3, 3}, {2, 2}, {0}, {1, 1, 1, 1}, 0, NULL},
    {{4, {4, 6, 24, 24}}, {2, 2}, {2, 2}, {0}, {0}, 0, NULL},
    {{4, {1, 1, 150, 200}}, {3, 3}, {1, 1}, {0}, {1, 1, 1, 1}, 0, NULL},
    {{4, {9, 40, 7, 7}}, {7, 7}, {1, 1}, {0}, {0}, 0, NULL},
    {{3, {1, 2, 4000}}, {3}, {2}, {0}, {1, 1}, 0, NULL},
};

static void set_list(kerf_node *n, const char *key, const int64_t *items, int num)
{
    int given = 0;
    for (int i = 0; i < num; i++)
        given |= items[i] != 0;
    if (given)
        CHECK_OK(kerf_node_set_ints(n, key, items, (size_t)num));
}

static void set_window(kerf_node *n, const window *w)
{
    const int num = w->shape.rank - 2;
    set_list(n, "kernel_shape", w->kernel, num);
    set_list(n, "strides", w->strides, num);
    set_list(n, "dilations", w->dilations, num);
    set_list(n, "pads", w->pads, 2 * num);
    if (w->ceil)
        CHECK_OK(kerf_node_set_int(n, "ceil_mode", 1));
    if (w->auto_pad != NULL)
        CHECK_OK(kerf_node_set_string(n, "auto_pad", w->auto_pad));
}

static size_t taps_of(const window *w)
{
    size_t taps = 1;
    for (int i = 0; i < w->shape.rank - 2; i++)
        taps *= (size_t)w->kernel[i];
    return taps;
}

/* Forward on every variant, and the slope of the definition where there is one: with a
 * dilation of 4 some windows have no element, and their maximum, -infinity, has none. */
static void check(const char *op, int num_outputs, const window *w, const char *key, int number)
{
    op_check c;
    const size_t num = (size_t)kerf_shape_num_elements(w->shape);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, w->shape, x);
    op_check_node(&c, op, num_outputs);
    set_window(c.node, w);
    if (key != NULL)
        CHECK_OK(kerf_node_set_int(c.node, key, number));
    op_check_variants(&c, ref_pool, check_tolerance(4, taps_of(w)));
    if (strcmp(op, "LpPool") != 0 && w->dilations[0] < 4 && num > 0 && num < 600)
        op_check_gradient(&c, ref_pool, check_tolerance(8, taps_of(w)));
    op_check_end(&c);
}

static kerf_shape dst_of(const window *w)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, w->shape, x);
    op_check_node(&c, "MaxPool", 1);
    set_window(c.node, w);
    CHECK_OK(kerf__node_infer(c.node));
    const kerf_shape dst = c.node->outputs[0]->shape;
    op_check_end(&c);
    return dst;
}

/* The gradient's own node, on every variant. */
static void check_grad(const char *op, const window *w, kerf__layout layout, int with_pads)
{
    op_check c;
    const int max = strcmp(op, "kerf.MaxPoolGrad") == 0;
    const kerf_shape dst = kerf__layout_shape(layout, dst_of(w));
    op_check_begin(&c, dev);
    if (max)
        op_check_input(&c, KERF_F32, kerf__layout_shape(layout, w->shape), x);
    op_check_input(&c, KERF_F32, dst, y);
    op_check_node(&c, op, 1);
    set_window(c.node, w);
    CHECK_OK(kerf__node_set_layouts(
        c.node, &(kerf__layouts){.inputs = {layout, max ? layout : KERF__PLAIN}, {layout}}));
    if (!max)
        CHECK_OK(kerf_node_set_ints(c.node, "shape", w->shape.dims, (size_t)w->shape.rank));
    CHECK_OK(kerf_node_set_int(c.node, "count_include_pad", with_pads));
    op_check_variants(&c, ref_pool, check_tolerance(4, taps_of(w)));
    op_check_end(&c);
}

/* The plain node that the plan would ask. */
static int can_be_blocked(const window *w)
{
    op_check c;
    kerf__layouts wanted = {0};
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, w->shape, x);
    op_check_node(&c, "MaxPool", 1);
    set_window(c.node, w);
    CHECK_OK(kerf__node_infer(c.node));
    const kerf__wish wish = kerf__op_find("MaxPool")->layouts(c.node, &wanted);
    op_check_end(&c);
    return wish == KERF__FOLLOWS && kerf_device_get_info(dev)->type == KERF_DEVICE_CPU;
}

/* Channels in blocks; pad lanes hold numbers here, and no lane may see another. */
static void check_blocked(const char *op, const window *w, const char *key, int number)
{
    op_check c;
    const kerf__layouts layouts = {.inputs = {KERF__C16}, .outputs = {KERF__C16}};
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, kerf__layout_shape(KERF__C16, w->shape), x);
    op_check_node(&c, op, 1);
    set_window(c.node, w);
    CHECK_OK(kerf_node_set_int(c.node, key, number));
    CHECK_OK(kerf__node_set_layouts(c.node, &layouts));
    op_check_variants(&c, ref_pool, check_tolerance(4, taps_of(w)));
    CHECK(kerf_shape_equal(c.node->outputs[0]->shape, kerf__layout_shape(KERF__C16, dst_of(w))));
    op_check_end(&c);
}

/* Integers are compared as such, and a window of padding alone is the least there is. */
static void check_bytes(kerf_type type, int outputs, const window *w, kerf__layout layout)
{
    const kerf__layouts layouts = {.inputs = {layout}, .outputs = {layout}};
    static uint8_t bytes[MAX];
    op_check c;
    for (size_t i = 0; i < MAX; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    op_check_begin(&c, dev);
    op_check_input(&c, type, kerf__layout_shape(layout, w->shape), bytes);
    op_check_node(&c, "MaxPool", outputs);
    set_window(c.node, w);
    CHECK_OK(kerf_node_set_int(c.node, "ceil_mode", w->ceil));
    CHECK_OK(kerf__node_set_layouts(c.node, &layouts));
    op_check_variants(&c, ref_pool, 0);
    CHECK(c.node->outputs[0]->type == type);
    op_check_end(&c);
}

static void check_window_blocked(const window *w)
{
    check_blocked("MaxPool", w, "ceil_mode", w->ceil);
    check_blocked("AveragePool", w, "count_include_pad", 0);
    check_blocked("AveragePool", w, "count_include_pad", 1);
    check_blocked("LpPool", w, "p", 2);
    check_grad("kerf.MaxPoolGrad", w, KERF__C16, 0);
    check_grad("kerf.AveragePoolGrad", w, KERF__C16, 0);
    check_grad("kerf.AveragePoolGrad", w, KERF__C16, 1);
    check_bytes(KERF_U8, 1, w, KERF__C16);
    check_bytes(KERF_S8, 1, w, KERF__C16);
}

static void check_window(const window *w)
{
    check("MaxPool", 1, w, NULL, 0);
    check("MaxPool", 2, w, "storage_order", 0);
    check("MaxPool", 2, w, "storage_order", 1);
    check("AveragePool", 1, w, "count_include_pad", 0);
    check("AveragePool", 1, w, "count_include_pad", 1);
    for (int p = 1; p <= 3; p++)
        check("LpPool", 1, w, "p", p);
    check_grad("kerf.MaxPoolGrad", w, KERF__PLAIN, 0);
    check_grad("kerf.AveragePoolGrad", w, KERF__PLAIN, 0);
    check_grad("kerf.AveragePoolGrad", w, KERF__PLAIN, 1);
}

static void test_windows(void)
{
    op_check_fill(y, MAX, 2);
    for (size_t i = 0; i < LENGTH(WINDOWS); i++) {
        if (op_check_small() && kerf_shape_num_elements(WINDOWS[i].shape) > 700)
            continue;
        op_check_fill(x, MAX, 1);
        check_window(&WINDOWS[i]);
        check_bytes(KERF_U8, 1, &WINDOWS[i], KERF__PLAIN);
        check_bytes(KERF_S8, 2, &WINDOWS[i], KERF__PLAIN);
        if (can_be_blocked(&WINDOWS[i]))
            check_window_blocked(&WINDOWS[i]);
    }
}

static void test_global(void)
{
    static const kerf_shape SHAPES[] = {
        {3, {2, 3, 5}},    {4, {2, 3, 7, 7}},   {4, {1, 2, 1, 1}},  {5, {1, 2, 3, 4, 5}},
        {4, {0, 2, 4, 4}}, {4, {1, 3, 90, 91}}, {4, {70, 5, 9, 9}},
    };
    static const char *const OPS[] = {"GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"};
    op_check_fill(x, MAX, 3);
    for (size_t i = 0; i < LENGTH(SHAPES); i++)
        for (size_t j = 0; j < LENGTH(OPS); j++) {
            const size_t num = (size_t)kerf_shape_num_elements(SHAPES[i]);
            op_check c;
            if (op_check_small() && num > 700)
                continue;
            op_check_begin(&c, dev);
            op_check_input(&c, KERF_F32, SHAPES[i], x);
            op_check_node(&c, OPS[j], 1);
            op_check_variants(&c, ref_pool, check_tolerance(4, num + 1));
            if (j < 2 && num > 0 && num < 600)
                op_check_gradient(&c, ref_pool, check_tolerance(8, num));
            op_check_end(&c);
        }
}

/* Of equals the first is the maximum, here in most windows; NaN is larger than all numbers, and
 * an infinity is an element like others. */
static void test_strange_numbers(void)
{
    static const window W[] = {
        {{4, {1, 2, 6, 21}}, {3, 3}, {2, 2}, {0}, {1, 1, 1, 1}, 0, NULL},
        {{4, {1, 2, 6, 21}}, {2, 2}, {2, 1}, {1, 2}, {0}, 0, NULL},
        {{5, {1, 1, 3, 4, 21}}, {2, 2, 2}, {1, 1, 1}, {0}, {0}, 0, NULL},
    };
    static const float VALUES[] = {0, 1, -INFINITY, 1, 0, NAN, 0, -INFINITY, INFINITY, -INFINITY};
    for (size_t i = 0; i < LENGTH(W); i++)
        for (size_t kind = 0; kind < 3; kind++) {
            const size_t num = (size_t)kerf_shape_num_elements(W[i].shape);
            op_check_fill(x, num, 9);
            for (size_t j = 0; j < num; j++)
                x[j] = kind == 0   ? (float)(j / 2 % 3)
                       : kind == 1 ? -INFINITY
                                   : VALUES[(size_t)((x[j] + 1) * 5)];
            op_check c;
            for (int outputs = 1; outputs <= 2; outputs++) {
                op_check_begin(&c, dev);
                op_check_input(&c, KERF_F32, W[i].shape, x);
                op_check_node(&c, "MaxPool", outputs);
                set_window(c.node, &W[i]);
                op_check_variants(&c, ref_pool, 0);
                op_check_end(&c);
            }
            check_grad("kerf.MaxPoolGrad", &W[i], KERF__PLAIN, 0);
            if (can_be_blocked(&W[i]))
                check_grad("kerf.MaxPoolGrad", &W[i], KERF__C16, 0);
        }
}

/* What comes out of the numbers of a paper: ResNet's first pooling halves 112 to 56. */
static void test_shapes(void)
{
    static const struct {
        window w;
        kerf_shape dst;
    } CASES[] = {
        {{{4, {2, 64, 112, 112}}, {3, 3}, {2, 2}, {0}, {1, 1, 1, 1}, 0, NULL},
         {4, {2, 64, 56, 56}}},
        {{{4, {1, 1, 8, 8}}, {3, 3}, {2, 2}, {0}, {0}, 1, NULL}, {4, {1, 1, 4, 4}}},
        {{{3, {1, 1, 5}}, {2}, {3}, {0}, {1, 1}, 1, NULL}, {3, {1, 1, 2}}},
        {{{4, {1, 1, 7, 9}}, {3, 3}, {2, 2}, {0}, {0}, 0, "SAME_UPPER"}, {4, {1, 1, 4, 5}}},
    };
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        op_check c;
        op_check_begin(&c, dev);
        CHECK_OK(kerf_graph_add_input(c.graph, "in", KERF_F32, CASES[i].w.shape, &c.inputs[0]));
        CHECK_OK(kerf_graph_add_node(c.graph, "MaxPool", "n", c.inputs, 1, 1, &c.node));
        set_window(c.node, &CASES[i].w);
        CHECK_OK(kerf__node_infer(c.node));
        CHECK(kerf_shape_equal(c.node->outputs[0]->shape, CASES[i].dst));
        op_check_end(&c);
    }
}

static const struct refused {
    window w;
    kerf_status status;
    const char *words;
} REFUSED[] = {
    {{{2, {3, 4}}, {0}, {0}, {0}, {0}, 0, NULL},
     KERF_ERR_UNSUPPORTED,
     "input is (3, 4), must be (N, C) and 1 to 3 more dimensions"},
    {{{3, {1, 1, 5}}, {0}, {0}, {0}, {0}, 0, NULL},
     KERF_ERR_SHAPE,
     "has no kernel_shape, must have 1 numbers"},
    {{{3, {1, 1, 5}}, {6}, {0}, {0}, {0}, 0, NULL},
     KERF_ERR_SHAPE,
     "a window of 6 does not fit into 5 with padding 0 and 0"},
    {{{3, {1, 1, 5}}, {2}, {-1}, {0}, {0}, 0, NULL},
     KERF_ERR_SHAPE,
     "strides has -1, must be in [1, 2147483647]"},
    {{{3, {1, 1, 5}}, {2}, {1}, {INT64_MAX}, {0}, 0, NULL},
     KERF_ERR_SHAPE,
     "dilations has 9223372036854775807, must be in [1, 2147483647]"},
    {{{3, {1, 1, 5}}, {2}, {1}, {0}, {0, 2}, 0, NULL},
     KERF_ERR_UNSUPPORTED,
     "padding is 0 and 2, must be less than the window's 2"},
    {{{3, {1, 1, 5}}, {2147483647}, {1}, {0}, {2147483646, 2147483646}, 0, NULL},
     KERF_ERR_UNSUPPORTED,
     "an axis with padding has more than 2147483647"},
    {{{3, {1, 1, 5}}, {2}, {1}, {0}, {0}, 0, "EVEN"},
     KERF_ERR_SHAPE,
     "auto_pad is EVEN, must be NOTSET, VALID, SAME_UPPER or SAME_LOWER"},
};

static void test_refused(void)
{
    static const int64_t TWO[] = {2, 2};
    op_check c;
    for (size_t i = 0; i < LENGTH(REFUSED); i++) {
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, REFUSED[i].w.shape, x);
        op_check_node(&c, "MaxPool", 1);
        set_window(c.node, &REFUSED[i].w);
        op_check_refused(&c, REFUSED[i].status, REFUSED[i].words);
        op_check_end(&c);
    }
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(1, 1, 5), x);
    op_check_node(&c, "AveragePool", 1);
    CHECK_OK(kerf_node_set_ints(c.node, "kernel_shape", TWO, 2));
    op_check_refused(&c, KERF_ERR_SHAPE, "kernel_shape has 2 numbers, must have 1");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_windows();
    test_global();
    test_strange_numbers();
    test_shapes();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
