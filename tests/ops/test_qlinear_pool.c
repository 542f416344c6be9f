/* test_qlinear_pool.c -- means of bytes against ref_qlinear_pool.c: the very numbers, all types. */
#include "laid_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 15 };
static kerf_device *dev;
static int num_laid; /* nodes that were checked in blocks, too */
static uint8_t bytes[MAX];

static const kerf_type TYPES[] = {KERF_U8, KERF_S8};

/* kernel[0] is 0: the window is the whole plane. */
typedef struct window {
    kerf_shape shape;
    int64_t kernel[3], strides[3], dilations[3], pads[6];
    int64_t ceil, with_pads;
} window;

/* Zero points: -1: left out. */
typedef struct numbers {
    float x_scale, y_scale;
    int x_zero, y_zero;
    int64_t low, high; /* both 0: none */
} numbers;

static void set_window(kerf_node *n, const window *w)
{
    const size_t num = (size_t)w->shape.rank - 2;
    CHECK_OK(kerf_node_set_ints(n, "kernel_shape", w->kernel, num));
    if (w->strides[0] > 0)
        CHECK_OK(kerf_node_set_ints(n, "strides", w->strides, num));
    if (w->dilations[0] > 0)
        CHECK_OK(kerf_node_set_ints(n, "dilations", w->dilations, num));
    CHECK_OK(kerf_node_set_ints(n, "pads", w->pads, 2 * num));
    CHECK_OK(kerf_node_set_int(n, "ceil_mode", w->ceil));
    CHECK_OK(kerf_node_set_int(n, "count_include_pad", w->with_pads));
}

static void check(const window *w, kerf_type x, kerf_type y, numbers with)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, x, w->shape, bytes);
    op_check_scaling(&c, with.x_scale, x, with.x_zero);
    op_check_scaling(&c, with.y_scale, y, with.y_zero);
    op_check_node(&c,
                  w->kernel[0] > 0 ? "com.microsoft.QLinearAveragePool"
                                   : "com.microsoft.QLinearGlobalAveragePool",
                  1);
    if (w->kernel[0] > 0)
        set_window(c.node, w);
    if (with.low != 0 || with.high != 0) {
        CHECK_OK(kerf_node_set_int(c.node, "low", with.low));
        CHECK_OK(kerf_node_set_int(c.node, "high", with.high));
    }
    op_check_variants(&c, ref_qlinear_pool, 0);
    CHECK(c.node->outputs[0]->type == (with.y_zero >= 0 ? y : x));
    num_laid += laid_check(&c, ref_qlinear_pool, 0);
    op_check_end(&c);
}

static const window WINDOWS[] = {
    {.shape = {4, {2, 19, 7, 7}}},
    {.shape = {4, {1, 3, 9, 12}}, .kernel = {3, 3}, .strides = {2, 2}, .pads = {1, 1, 1, 1}},
    {.shape = {4, {1, 16, 5, 8}}, .kernel = {3, 2}, .pads = {1, 0, 1, 1}, .with_pads = 1},
    {.shape = {4, {1, 2, 8, 8}}, .kernel = {3, 3}, .strides = {2, 2}, .ceil = 1},
    {.shape = {3, {2, 3, 37}}, .kernel = {4}, .strides = {3}, .dilations = {2}, .pads = {3, 2}},
    {.shape = {5, {1, 2, 4, 5, 6}}, .kernel = {2, 3, 2}, .pads = {1, 1, 0, 0, 1, 1}},
    {.shape = {3, {1, 1, 3}},
     .kernel = {2},
     .dilations = {4},
     .pads = {1, 1}}, /* of padding alone */
    {.shape = {4, {0, 3, 8, 8}}, .kernel = {2, 2}},
    {.shape = {4, {1, 1, 1, 1}}},
};

static void test_windows(void)
{
    const numbers with = {0.0137f, 0.0111f, 77, 30, 0, 0};
    for (size_t i = 0; i < LENGTH(WINDOWS); i++)
        check(&WINDOWS[i], KERF_U8, KERF_U8, with);
}

/* Powers of two meet every half. */
static void test_types(void)
{
    static const numbers SETS[] = {
        {0x1p-4f, 0x1p-4f, 7, 30, 0, 0},
        {0.7f, 0.0003f, 127, 0, 0, 0}, /* saturates */
        {0.01f, 0.02f, -1, -1, 0, 0},
        {0.01f, 0.012f, 3, 10, 12, 90},
    };
    const window by_four = {.shape = {4, {1, 17, 6, 6}}, .kernel = {2, 2}, .strides = {2, 2}};
    for (size_t i = 0; i < LENGTH(SETS); i++)
        for (int t = 0; t < 4; t++)
            check(&by_four, TYPES[t & 1], TYPES[t >> 1], SETS[i]);
}

static void test_blocked(void)
{
    const kerf_device_info *info = kerf_device_get_info(dev);
    if (info->type == KERF_DEVICE_CPU && !kerf__has_quirk(info, KERF__QUIRK_LONG_LOOPS))
        CHECK(num_laid > 0);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void refused(kerf_type x, kerf_type y, kerf_shape scale, int64_t low, kerf_status status,
                    const char *words)
{
    const float scales[2] = {1, 1};
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, x, KERF_SHAPE(1, 2, 3, 3), bytes);
    op_check_input(&c, KERF_F32, scale, scales);
    op_check_skip(&c);
    op_check_input(&c, KERF_F32, KERF_SCALAR, scales);
    op_check_input(&c, y, KERF_SCALAR, bytes);
    op_check_node(&c, "com.microsoft.QLinearGlobalAveragePool", 1);
    CHECK_OK(kerf_node_set_int(c.node, "low", low));
    op_check_refused(&c, status, words);
    op_check_end(&c);
}

static void test_refused(void)
{
    refused(KERF_S16, KERF_U8, KERF_SCALAR, 0, KERF_ERR_UNSUPPORTED,
            "input in0 is int16, must be uint8 or int8");
    refused(KERF_U8, KERF_S16, KERF_SCALAR, 0, KERF_ERR_UNSUPPORTED,
            "input in4 is int16, must be uint8 or int8");
    refused(KERF_U8, KERF_U8, KERF_SHAPE(2), 0, KERF_ERR_SHAPE, "input in1 is (2), must be ()");
    refused(KERF_U8, KERF_U8, KERF_SCALAR, -1, KERF_ERR_SHAPE,
            "low and high are -1 and 255, must be in [0, 255]");
}

int main(void)
{
    dev = check_open_device();
    for (unsigned i = 0; i < MAX; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    test_windows();
    test_types();
    test_blocked();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
