/* test_reorder.c -- kerf.Reorder against ref_reorder.c: both directions, bit by bit, with NaN in
 * the pad lanes; transformed filters within rounding. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 17 };
static kerf_device *dev;
static float data[MAX];

/* Weights become halves on the way, and results floats again. */
static void check_conversions(const op_check *c, double tolerance)
{
    for (int i = 1; i < 4; i++) { /* of src, of dst */
        op_check halves;
        op_check_copy(&halves, c);
        if (i & 1)
            op_check_input_as_halves(&halves, 0);
        if (i & 2)
            op_check_output_as_halves(&halves);
        op_check_all(&halves, ref_reorder, tolerance + (i & 2 ? 0x1p-11 : 0), NULL);
        op_check_end(&halves);
    }
}

static void check_within(const char *layouts, kerf_shape src, int64_t channels, double tolerance)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, src, data);
    op_check_node(&c, "kerf.Reorder", 1);
    CHECK_OK(kerf_node_set_string(c.node, "layouts", layouts));
    if (channels > 0)
        CHECK_OK(kerf_node_set_int(c.node, "channels", channels));
    op_check_variants(&c, ref_reorder, tolerance);
    check_conversions(&c, tolerance);
    op_check_end(&c);
}

static void check(const char *layouts, kerf_shape src, int64_t channels)
{
    check_within(layouts, src, channels, 0);
}

static void check_both_ways(kerf_shape plain)
{
    kerf_shape blocked = plain;
    blocked.dims[1] = (plain.dims[1] + 15) / 16;
    blocked.dims[blocked.rank++] = 16;
    op_check_fill(data, MAX, 1);
    check("plain>c16", plain, 0);
    for (int64_t i = 0; i < kerf_shape_num_elements(blocked); i++)
        if (i % 16 >= plain.dims[1] % 16 && plain.dims[1] % 16 != 0 && blocked.dims[1] == 1)
            data[i] = NAN; /* pad lanes */
    check("c16>plain", blocked, plain.dims[1]);
}

static void test_activations(void)
{
    static const kerf_shape SHAPES[] = {
        {4, {1, 1, 1, 1}}, {4, {2, 3, 5, 7}},   {4, {1, 16, 4, 4}}, {4, {2, 20, 3, 11}},
        {3, {3, 32, 17}},  {4, {1, 33, 16, 1}}, {4, {0, 8, 3, 3}},  {5, {1, 17, 2, 3, 5}},
        {2, {3, 40}},      {4, {2, 64, 24, 33}}};
    for (size_t i = 0; i < LENGTH(SHAPES) - (size_t)op_check_small(); i++)
        check_both_ways(SHAPES[i]);
}

static void test_filters(void)
{
    static const kerf_shape SHAPES[] = {{4, {1, 1, 1, 1}}, {4, {20, 3, 5, 5}}, {4, {64, 16, 3, 3}}};
    op_check_fill(data, MAX, 1);
    for (size_t i = 0; i < LENGTH(SHAPES); i++)
        check("plain>o16", SHAPES[i], 0);
    for (size_t i = 0; i < LENGTH(SHAPES); i++)
        check("plain>i16", SHAPES[i], 0);
    check("plain>i16", KERF_SHAPE(7, 33, 17), 0);
    check("o16>plain", KERF_SHAPE(2, 3, 5, 5, 16), 20);
    check("i16>plain", KERF_SHAPE(2, 3, 5, 5, 16), 20);
}

/* Bytes in words of four, with both signs; only CPU devices ask for them. */
static void test_words(void)
{
    static const kerf_shape SHAPES[] = {{2, {1, 1}}, {2, {37, 19}}, {2, {64, 32}}, {2, {3, 50}}};
    uint8_t bytes[2048];
    if (kerf_device_get_info(dev)->type != KERF_DEVICE_CPU)
        return;
    for (size_t i = 0; i < LENGTH(bytes); i++)
        bytes[i] = (uint8_t)(i * 131 % 256);
    for (size_t i = 0; i < 4 * LENGTH(SHAPES); i++) {
        op_check c;
        op_check_begin(&c, dev);
        op_check_input(&c, i & 1 ? KERF_U8 : KERF_S8, SHAPES[i / 4], bytes);
        op_check_node(&c, "kerf.Reorder", 1);
        CHECK_OK(kerf_node_set_string(c.node, "layouts", i & 2 ? "plain>k4" : "plain>n4"));
        op_check_variants(&c, ref_reorder, 0);
        op_check_end(&c);
    }
}

/* Only CPU devices ask for them. */
static void test_transformed_filters(void)
{
    if (kerf_device_get_info(dev)->type != KERF_DEVICE_CPU)
        return;
    check_within("plain>w16", KERF_SHAPE(20, 3, 3, 3), 0, check_tolerance(2, 9));
    check_within("plain>w16", KERF_SHAPE(64, 16, 3, 3), 0, check_tolerance(2, 9));
}

/* Bytes, which only CPU devices ask for. */
static void check_bytes(kerf_type type, const char *layouts, kerf_shape src, int64_t channels)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, type, src, data);
    op_check_node(&c, "kerf.Reorder", 1);
    CHECK_OK(kerf_node_set_string(c.node, "layouts", layouts));
    if (channels > 0)
        CHECK_OK(kerf_node_set_int(c.node, "channels", channels));
    op_check_variants(&c, ref_reorder, 0);
    op_check_end(&c);
}

static void test_bytes(void)
{
    static const kerf_shape SHAPES[] = {{4, {1, 1, 1, 1}},
                                        {4, {2, 3, 5, 7}},
                                        {3, {3, 32, 17}},
                                        {4, {2, 37, 6, 11}},
                                        {4, {0, 8, 3, 3}}};
    if (kerf_device_get_info(dev)->type != KERF_DEVICE_CPU)
        return;
    op_check_fill(data, MAX, 7);
    for (size_t i = 0; i < LENGTH(SHAPES); i++) {
        const kerf_shape plain = SHAPES[i];
        kerf_shape blocked = plain;
        blocked.dims[1] = (plain.dims[1] + 15) / 16;
        blocked.dims[blocked.rank++] = 16;
        check_bytes(KERF_U8, "plain>c16", plain, 0);
        check_bytes(KERF_S8, "c16>plain", blocked, plain.dims[1]);
    }
    check_bytes(KERF_S8, "plain>v16", KERF_SHAPE(20, 7, 3, 3), 0);
    check_bytes(KERF_U8, "plain>o16", KERF_SHAPE(20, 1, 5, 4), 0);
    check_bytes(KERF_S8, "o16>plain", KERF_SHAPE(2, 3, 3, 3, 16), 20);
    check_bytes(KERF_U8, "plain>v16", KERF_SHAPE(16, 3, 5), 0);
}

static void refuse(const char *layouts, kerf_shape src, int64_t channels, kerf_status status,
                   const char *words)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, src, data);
    op_check_node(&c, "kerf.Reorder", 1);
    CHECK_OK(kerf_node_set_string(c.node, "layouts", layouts));
    CHECK_OK(kerf_node_set_int(c.node, "channels", channels));
    op_check_refused(&c, status, words);
    op_check_end(&c);
}

static void test_what_is_refused(void)
{
    refuse("plain>plain", KERF_SHAPE(2, 3), 0, KERF_ERR_ARGUMENT,
           "one of its layouts must be blocked");
    refuse("plain>c16", KERF_SHAPE(7), 0, KERF_ERR_SHAPE, "its input has 1 dimensions");
    refuse("plain>w16", KERF_SHAPE(2, 3, 3, 5), 0, KERF_ERR_SHAPE,
           "only filters of 3x3 are transformed");
    refuse("plain>v16", KERF_SHAPE(2, 3, 3, 3), 0, KERF_ERR_UNSUPPORTED,
           "input in0 is float32, must be uint8 or int8");
    refuse("plain>k4", KERF_SHAPE(2, 3), 0, KERF_ERR_UNSUPPORTED, "must be uint8 or int8");
    refuse("n4>plain", KERF_SHAPE(1, 4, 64), 7, KERF_ERR_ARGUMENT, "have no way back");
    refuse("w16>plain", KERF_SHAPE(1, 4, 4, 3, 16), 7, KERF_ERR_ARGUMENT, "have no way back");
    refuse("c16>plain", KERF_SHAPE(2, 1, 5, 16), 17, KERF_ERR_SHAPE,
           "its input does not hold 17 channels");
    refuse("c16>plain", KERF_SHAPE(2, 1, 5, 8), 5, KERF_ERR_SHAPE,
           "its input does not hold 5 channels");
}

int main(void)
{
    dev = check_open_device();
    test_activations();
    test_filters();
    test_words();
    test_transformed_filters();
    test_bytes();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
