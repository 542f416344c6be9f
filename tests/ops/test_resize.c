/* test_resize.c -- Resize and Upsample against ref_resize.c: every way to count places and to round
 * them, longer and shorter, one axis and several. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static kerf_device *dev;
static float x[4096];

typedef struct resize_case {
    const char *mode, *places, *rounding; /* NULL: the default */
    kerf_shape src;
    int64_t sizes[4]; /* of the result; 0: by scales */
    float scales[4];
} resize_case;

static const resize_case CASES[] = {
    {"nearest", NULL, NULL, {4, {1, 2, 4, 4}}, {0}, {1, 1, 2, 2}},
    {"nearest", "asymmetric", "floor", {4, {2, 3, 5, 7}}, {0}, {1, 1, 2, 3}},
    {"nearest", "half_pixel", "ceil", {4, {1, 2, 4, 4}}, {1, 2, 7, 8}, {0}},
    {"nearest", "half_pixel", "round_prefer_ceil", {4, {1, 2, 4, 4}}, {1, 2, 3, 2}, {0}},
    {"nearest", "align_corners", "floor", {4, {1, 1, 4, 4}}, {1, 1, 8, 8}, {0}},
    {"nearest", "tf_half_pixel_for_nn", "floor", {3, {2, 6, 9}}, {2, 3, 4}, {0}},
    {"nearest", "asymmetric", "floor", {2, {3, 9}}, {3, 49}, {0}},
    {"nearest", "asymmetric", "round_prefer_floor", {1, {5}}, {0}, {0.6f}},
    {"linear", NULL, NULL, {4, {1, 2, 4, 5}}, {0}, {1, 1, 2, 2}},
    {"linear", "align_corners", NULL, {4, {1, 1, 3, 4}}, {1, 1, 7, 9}, {0}},
    {"linear", "align_corners", NULL, {2, {2, 4}}, {0}, {1, 0.6f}},
    {"linear", "pytorch_half_pixel", NULL, {3, {2, 4, 4}}, {2, 1, 3}, {0}},
    {"linear", "half_pixel_symmetric", NULL, {2, {2, 7}}, {0}, {1, 0.4f}},
    {"linear", "asymmetric", NULL, {4, {2, 3, 4, 4}}, {0}, {1, 1, 0.6f, 0.6f}},
    {"linear", "half_pixel", NULL, {3, {3, 4, 5}}, {5, 7, 4}, {0}},
    {"linear", "half_pixel", NULL, {2, {3, 4}}, {3, 4}, {0}},
    {"linear", "align_corners", NULL, {2, {3, 1}}, {3, 5}, {0}},
};

static void begin(op_check *c, const resize_case *k, kerf_type type, const void *data)
{
    op_check_begin(c, dev);
    op_check_input(c, type, k->src, data);
    op_check_skip(c);
    if (k->sizes[0] > 0) {
        op_check_skip(c);
        op_check_constant(c, KERF_S64, KERF_SHAPE(k->src.rank), k->sizes);
    } else {
        op_check_constant(c, KERF_F32, KERF_SHAPE(k->src.rank), k->scales);
    }
    op_check_node(c, "Resize", 1);
    CHECK_OK(kerf_node_set_string(c->node, "mode", k->mode));
    if (k->places != NULL)
        CHECK_OK(kerf_node_set_string(c->node, "coordinate_transformation_mode", k->places));
    if (k->rounding != NULL)
        CHECK_OK(kerf_node_set_string(c->node, "nearest_mode", k->rounding));
}

static void test_cases(void)
{
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        op_check c;
        op_check_fill(x, LENGTH(x), (unsigned)i + 1);
        begin(&c, &CASES[i], KERF_F32, x);
        op_check_variants(&c, ref_resize, strcmp(CASES[i].mode, "nearest") == 0 ? 0 : 1e-5);
        op_check_gradient(&c, ref_resize, 1e-4);
        op_check_end(&c);
    }
}

/* Each way to count places with each way to take what lies there, shorter and longer. */
static void test_grid(void)
{
    static const char *const PLACES[] = {"align_corners",      "asymmetric",
                                         "half_pixel",         "half_pixel_symmetric",
                                         "pytorch_half_pixel", "tf_half_pixel_for_nn"};
    static const char *const ROUNDINGS[] = {"ceil", "floor", "round_prefer_ceil",
                                            "round_prefer_floor", NULL};
    for (size_t i = 0; i < LENGTH(PLACES); i++)
        for (size_t j = 0; j < LENGTH(ROUNDINGS); j++) {
            op_check c;
            const resize_case k = {ROUNDINGS[j] != NULL ? "nearest" : "linear",
                                   PLACES[i],
                                   ROUNDINGS[j],
                                   {3, {2, 5, 4}},
                                   {0},
                                   {1, 1.7f, 0.6f}};
            op_check_fill(x, 40, 3);
            begin(&c, &k, KERF_F32, x);
            op_check_variants(&c, ref_resize, ROUNDINGS[j] != NULL ? 0 : 1e-5);
            op_check_gradient(&c, ref_resize, 1e-4);
            op_check_end(&c);
        }
}

static void test_large(void)
{
    static const resize_case LARGE[] = {
        {"linear", NULL, NULL, {2, {2, 1500}}, {2, 4001}, {0}},
        {"nearest", NULL, NULL, {3, {3, 20, 60}}, {3, 41, 60}, {0}},
    };
    for (size_t i = 0; i < LENGTH(LARGE) && !op_check_small(); i++) {
        op_check c;
        op_check_fill(x, LENGTH(x), 3);
        begin(&c, &LARGE[i], KERF_F32, x);
        op_check_variants(&c, ref_resize, i == 0 ? 1e-5 : 0);
        op_check_end(&c);
    }
}

/* Nearest moves elements of any size. */
static void test_types(void)
{
    static const kerf_type TYPES[] = {KERF_U8, KERF_F16, KERF_S64, KERF_BOOL};
    uint64_t data[32];
    for (size_t i = 0; i < LENGTH(TYPES); i++) {
        op_check c;
        for (size_t k = 0; k < 32; k++)
            data[k] = TYPES[i] == KERF_F16 ? 0x3C0040003C004000u : 0x0001010000010001u;
        if (TYPES[i] == KERF_S64)
            for (size_t k = 0; k < 32; k++)
                data[k] = k;
        begin(&c, &CASES[0], TYPES[i], data);
        op_check_variants(&c, ref_resize, 0);
        op_check_end(&c);
    }
}

/* Upsample has its scales as an attribute, or behind its input, as Resize had in opset 10. */
static void test_old_forms(void)
{
    static const float SCALES[] = {1, 1, 2, 3};
    static const char *const OPS[] = {"Upsample", "Resize"};
    for (int i = 0; i < 3; i++) {
        op_check c;
        op_check_fill(x, 24, 2);
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, KERF_SHAPE(1, 2, 3, 4), x);
        if (i > 0)
            op_check_constant(&c, KERF_F32, KERF_SHAPE(4), SCALES);
        op_check_node(&c, OPS[i / 2], 1);
        if (i == 0)
            CHECK_OK(kerf_node_set_floats(c.node, "scales", SCALES, 4));
        CHECK_OK(kerf_node_set_string(c.node, "mode", i == 1 ? "linear" : "nearest"));
        op_check_variants(&c, ref_resize, 1e-5);
        CHECK(kerf_shape_equal(c.node->outputs[0]->shape, KERF_SHAPE(1, 2, 6, 12)));
        op_check_end(&c);
    }
}

/* Sizes for two axes alone, whose ratio is kept. */
static void test_axes_and_policy(void)
{
    static const int64_t AXES[] = {2, 3}, SIZES[] = {7, 8};
    static const char *const POLICIES[] = {"not_larger", "not_smaller"};
    static const int64_t WANT[] = {7, 8};
    for (int i = 0; i < 2; i++) {
        op_check c;
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, KERF_SHAPE(1, 1, 4, 4), x);
        op_check_skip(&c);
        op_check_skip(&c);
        op_check_constant(&c, KERF_S64, KERF_SHAPE(2), SIZES);
        op_check_node(&c, "Resize", 1);
        CHECK_OK(kerf_node_set_ints(c.node, "axes", AXES, 2));
        CHECK_OK(kerf_node_set_string(c.node, "keep_aspect_ratio_policy", POLICIES[i]));
        CHECK_OK(kerf__node_infer(c.node));
        CHECK(kerf_shape_equal(c.node->outputs[0]->shape, KERF_SHAPE(1, 1, WANT[i], WANT[i])));
        op_check_end(&c);
    }
}

static void test_what_is_refused(void)
{
    static const struct {
        resize_case c;
        kerf_status status;
        const char *words;
    } BAD[] = {
        {{"cubic", NULL, NULL, {1, {4}}, {8}, {0}}, KERF_ERR_UNSUPPORTED, "mode is cubic"},
        {{"nearest", "tf_crop_and_resize", NULL, {1, {4}}, {8}, {0}},
         KERF_ERR_UNSUPPORTED,
         "coordinate_transformation_mode is tf_crop_and_resize"},
        {{"nearest", NULL, "up", {1, {4}}, {8}, {0}}, KERF_ERR_UNSUPPORTED, "nearest_mode is up"},
        {{"nearest", NULL, NULL, {1, {4}}, {0}, {-1}},
         KERF_ERR_SHAPE,
         "scale 0 is -1, must be above 0, at most 1e+06"},
        {{"nearest", NULL, NULL, {1, {4}}, {0}, {1e7f}},
         KERF_ERR_SHAPE,
         "scale 0 is 1e+07, must be above 0, at most 1e+06"},
        {{"nearest", NULL, NULL, {1, {4}}, {0}, {0.1f}}, KERF_ERR_SHAPE, "goes from 4 to 0"},
    };
    for (size_t i = 0; i < LENGTH(BAD); i++) {
        op_check c;
        begin(&c, &BAD[i].c, KERF_F32, x);
        op_check_refused(&c, BAD[i].status, BAD[i].words);
        op_check_end(&c);
    }
}

int main(void)
{
    dev = check_open_device();
    test_cases();
    test_grid();
    test_large();
    test_types();
    test_old_forms();
    test_axes_and_policy();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
