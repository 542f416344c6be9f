/* test_feature_loss.c -- a student's features beside a teacher's against ref_feature_loss.c, the
 * second output against the slope of the first. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 18, NO_GRADIENT = 1u << 1 | 1u << 2 /* teacher, settings */ };
static kerf_device *dev;
static float student[MAX], teacher[MAX];
static const char *const LOSSES[] = {"mse", "huber", "cosine"};

static void fill(size_t num, float spread)
{
    op_check_fill(student, num, 1);
    op_check_fill(teacher, num, 2);
    for (size_t i = 0; i < num; i++) {
        student[i] *= spread;
        teacher[i] *= spread;
    }
}

static void begin(op_check *c, const char *loss, kerf_shape s)
{
    const float settings[] = {9, 0.75f};
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, s, student);
    op_check_input(c, KERF_F32, s, teacher);
    op_check_input(c, KERF_F32, KERF_SHAPE(2), settings);
    op_check_node(c, "kerf.FeatureLoss", 2);
    CHECK_OK(kerf_node_set_int(c->node, "at", 1));
    CHECK_OK(kerf_node_set_string(c->node, "loss", loss));
    CHECK_OK(kerf_node_set_float(c->node, "scale", 1.5f));
}

static void check(const char *loss, kerf_shape s)
{
    op_check c;
    const size_t num = (size_t)kerf_shape_num_elements(s);
    begin(&c, loss, s);
    op_check_variants(&c, ref_feature_loss, check_tolerance(4, num));
    if (num < 700)
        op_check_gradient_but(&c, ref_feature_loss, check_tolerance(32, num), NO_GRADIENT);
    op_check_end(&c);
}

static void test_shapes(void)
{
    const kerf_shape SHAPES[] = {
        KERF_SHAPE(1, 3),      KERF_SHAPE(17),          KERF_SHAPE(3, 64),
        KERF_SHAPE(65, 10),    KERF_SHAPE(5, 3, 17),    KERF_SHAPE(3, 4, 5, 5),
        KERF_SHAPE(2, 33, 63), KERF_SHAPE(9, 16, 8, 8), KERF_SHAPE(2, 70001)};
    for (size_t i = 0; i < LENGTH(SHAPES); i++) {
        const int64_t num = kerf_shape_num_elements(SHAPES[i]);
        if (op_check_small() && num > 1000)
            continue;
        fill((size_t)num, 3);
        for (size_t l = 0; l < LENGTH(LOSSES); l++)
            check(LOSSES[l], SHAPES[i]);
    }
}

/* Rows without length, of the student, the teacher and both: no direction, no gradient, no NaN. */
static void test_rows_of_zeros(void)
{
    fill(5 * 20, 1);
    memset(student + 20, 0, 20 * sizeof *student);
    memset(teacher + 40, 0, 20 * sizeof *teacher);
    memset(student + 60, 0, 20 * sizeof *student);
    memset(teacher + 60, 0, 20 * sizeof *teacher);
    op_check c;
    begin(&c, "cosine", KERF_SHAPE(5, 20));
    op_check_variants(&c, ref_feature_loss, check_tolerance(4, 20));
    op_check_end(&c);
}

/* Features of 1e4 and of 1e-4. */
static void test_spreads(void)
{
    static const float SPREADS[] = {1e4f, 1e-4f};
    for (size_t i = 0; i < LENGTH(SPREADS); i++) {
        fill(300, SPREADS[i]);
        for (size_t l = 0; l < LENGTH(LOSSES); l++) {
            op_check c;
            begin(&c, LOSSES[l], KERF_SHAPE(3, 100));
            op_check_variants(&c, ref_feature_loss, check_tolerance(8, 100));
            op_check_end(&c);
        }
    }
}

static void test_what_is_refused(void)
{
    op_check c;
    fill(30, 1);
    begin(&c, "l1", KERF_SHAPE(3, 10));
    op_check_refused(&c, KERF_ERR_ARGUMENT, "loss is 'l1', must be mse, huber or cosine");
    op_check_end(&c);
    begin(&c, "mse", KERF_SHAPE(3, 10));
    CHECK_OK(kerf_node_set_int(c.node, "at", 2));
    op_check_refused(&c, KERF_ERR_SHAPE, "its weight is at 2 of 2 settings, must be one of them");
    op_check_end(&c);
    const float settings[] = {1};
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3, 10), student);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3, 9), teacher);
    op_check_input(&c, KERF_F32, KERF_SHAPE(1), settings);
    op_check_node(&c, "kerf.FeatureLoss", 2);
    CHECK_OK(kerf_node_set_string(c.node, "loss", "mse"));
    op_check_refused(&c, KERF_ERR_SHAPE, "input in1 is (3, 9), must be (3, 10)");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_shapes();
    test_rows_of_zeros();
    test_spreads();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
