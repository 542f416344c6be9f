/* test_angle_loss.c -- angles between a student's samples beside a teacher's against
 * ref_angle_loss.c, the second output against the slope of the first. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MOST = 80, AXES = 4, NO_GRADIENT = 1u << 1 | 1u << 2 /* teacher, settings */ };
static kerf_device *dev;
static float points[2][MOST * AXES], squares[2][MOST * MOST];

static void find_squares(int64_t n)
{
    for (int who = 0; who < 2; who++)
        for (int64_t i = 0; i < n * n; i++) {
            double sum = 0;
            for (int64_t a = 0; a < AXES; a++) {
                const double d =
                    (double)points[who][i / n * AXES + a] - (double)points[who][i % n * AXES + a];
                sum += d * d;
            }
            squares[who][i] = (float)sum;
        }
}

static void begin(op_check *c, int64_t n)
{
    const float settings[] = {9, 0.75f};
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, KERF_SHAPE(n, n), squares[0]);
    op_check_input(c, KERF_F32, KERF_SHAPE(n, n), squares[1]);
    op_check_input(c, KERF_F32, KERF_SHAPE(2), settings);
    op_check_node(c, "kerf.AngleLoss", 2);
    CHECK_OK(kerf_node_set_int(c->node, "at", 1));
    CHECK_OK(kerf_node_set_float(c->node, "scale", 50));
}

static void check(int64_t n, int slopes)
{
    op_check c;
    begin(&c, n);
    op_check_variants(&c, ref_angle_loss, check_tolerance(8, (size_t)(n * n)));
    if (slopes)
        op_check_gradient_but(&c, ref_angle_loss, check_tolerance(64, (size_t)n), NO_GRADIENT);
    op_check_end(&c);
}

static void test_sizes(void)
{
    static const int64_t SIZES[] = {1, 2, 3, 5, 15, 16, 17, 33, 64, 65, MOST};
    for (size_t i = 0; i < LENGTH(SIZES); i++) {
        if (op_check_small() && SIZES[i] > 17)
            continue;
        find_squares(SIZES[i]);
        check(SIZES[i], SIZES[i] >= 3 && SIZES[i] <= 17);
    }
}

/* Samples that are one, of one network and of both, and samples on a line, where cosines are 1. */
static void test_degenerate(void)
{
    memcpy(points[0] + AXES, points[0], AXES * sizeof(float));
    memcpy(points[0] + 3 * AXES, points[0] + 2 * AXES, AXES * sizeof(float));
    memcpy(points[1] + 3 * AXES, points[1] + 2 * AXES, AXES * sizeof(float));
    for (int a = 0; a < AXES; a++)
        points[0][5 * AXES + a] = 2 * points[0][4 * AXES + a] - points[0][a];
    find_squares(9);
    for (int i = 0; i < 9; i++)
        squares[0][i * 9 + i] = 1e-7f; /* what rounding leaves there */
    check(9, 0);
}

static void test_what_is_refused(void)
{
    op_check c;
    begin(&c, 5);
    CHECK_OK(kerf_node_set_int(c.node, "at", 2));
    op_check_refused(&c, KERF_ERR_SHAPE, "its weight is at 2 of 2 settings, must be one of them");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(5, 4), squares[0]);
    op_check_input(&c, KERF_F32, KERF_SHAPE(5, 4), squares[1]);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2), squares[0]);
    op_check_node(&c, "kerf.AngleLoss", 2);
    op_check_refused(&c, KERF_ERR_SHAPE, "input in0 is (5, 4), must be (N, N)");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    op_check_fill(points[0], LENGTH(points[0]), 1);
    op_check_fill(points[1], LENGTH(points[1]), 2);
    test_sizes();
    test_degenerate();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
