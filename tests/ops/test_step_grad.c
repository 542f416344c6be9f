/* test_step_grad.c -- slopes of roundings by their steps against ref_step_grad.c: of ranges with
 * one end and with two, of channels along rows and columns, in parts, in blocks, in place; and what
 * the slopes mean, by differences over whole steps. */
#include "laid_check.h"
#include "op_check.h"
#include "ops/step_grad_common.h"
#include "ref/ref.h"
#include "ref/ref_quant.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static kerf_device *dev;

/* What is rounded: a shape, scales along an axis (-1: one), integers; with a low end or without. */
typedef struct example {
    kerf_shape shape;
    int axis;
    kerf_type type;
    int has_low;
} example;

static const example EXAMPLES[] = {
    {{1, {1}}, -1, KERF_U8, 0},
    {{2, {5, 13}}, -1, KERF_S8, 1},
    {{4, {2, 16, 3, 5}}, -1, KERF_U8, 0},
    {{4, {3, 20, 2, 5}}, -1, KERF_U8, 1},
    {{1, {0}}, -1, KERF_U8, 1},
    {{2, {3, 7}}, 0, KERF_S2, 0},
    {{4, {5, 3, 3, 3}}, 0, KERF_S4, 0},
    {{2, {9, 70}}, 0, KERF_S8, 0},
    {{2, {33, 5}}, 1, KERF_S2, 0},
    {{2, {7, 35}}, 1, KERF_S8, 0},
    {{2, {3, 16}}, 1, KERF_S4, 0},
    {{2, {6, 11}}, -1, KERF_U16, 0},
    {{2, {6, 11}}, -1, KERF_S16, 1},
    {{2, {40, 3}}, -1, KERF_S2, 0},
    {{2, {2, 9001}}, 0, KERF_S4, 0},
    {{2, {1030, 2}}, 1, KERF_S8, 0},
    {{2, {1030, 2}}, 1, KERF_S2, 0},
    {{2, {2600, 20}}, 1, KERF_S4, 0},
    {{4, {4, 40, 30, 50}}, -1, KERF_U8, 1},
};

static size_t num_of(kerf_shape shape)
{
    return (size_t)kerf_shape_num_elements(shape);
}

static int is_tried(kerf_shape shape)
{
    return !op_check_small() || num_of(shape) < 2100; /* enough for parts of columns */
}

/* Zero points: one that leaves numbers on both sides, where there is a low end. */
static void put_zero(kerf_type type, int has_low, void *zero)
{
    if (has_low && type == KERF_U8)
        *(uint8_t *)zero = 100;
    if (has_low && type == KERF_S16)
        *(int16_t *)zero = -31000;
    if (!has_low && type == KERF_U16)
        *(uint16_t *)zero = 0;
}

static void begin(op_check *c, const example *e, const float *x, const float *diff,
                  const float *scales)
{
    uint8_t zeros[128] = {0};
    const kerf_shape along = e->axis < 0 ? KERF_SCALAR : KERF_SHAPE(e->shape.dims[e->axis]);
    put_zero(e->type, e->has_low, zeros);
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, e->shape, x);
    op_check_input(c, KERF_F32, e->shape, diff);
    op_check_input(c, KERF_F32, along, scales);
    op_check_input(c, e->type, along, zeros);
    op_check_node(c, "kerf.StepGrad", e->has_low ? 3 : 2);
    CHECK_OK(kerf_node_set_int(c->node, "axis", e->axis < 0 ? 1 : e->axis));
    CHECK_OK(kerf_node_set_float(c->node, "factor", 0.25f));
    CHECK_OK(kerf_node_set_int(c->node, "up", 7));
    CHECK_OK(kerf_node_set_int(c->node, "down", e->has_low ? 0 : -8));
    if (e->has_low)
        CHECK_OK(kerf_node_set_int(c->node, "span", 255));
}

/* Scales that leave some numbers of [-1, 1) beyond the ends of each type. */
static void fill_scales(float *scales, size_t num, kerf_type type)
{
    const double steps = ldexp(1, (int)kerf_type_bits(type) - 1);
    for (size_t i = 0; i < num; i++)
        scales[i] = (float)((0.3 + 0.04 * (double)(i % 9)) / steps);
}

static void check_example(const example *e)
{
    static const int ON_DIFF[] = {1, -1, -1}, ON_SRC[] = {0, -1, -1};
    const size_t num = num_of(e->shape);
    float *x = calloc(num + 1, sizeof *x), *diff = calloc(num + 1, sizeof *diff), scales[128];
    const double tolerance = check_tolerance(4, num + 1);
    op_check c;
    op_check_fill(x, num, 1);
    op_check_fill(diff, num, 2);
    for (size_t i = 0; i < num; i++)
        diff[i] += 0.3f; /* else little is left of sums, whose terms roundings are counted by */
    fill_scales(scales, LENGTH(scales), e->type);
    begin(&c, e, x, diff, scales);
    op_check_variants(&c, ref_step_grad, tolerance);
    op_check_all(&c, ref_step_grad, tolerance, ON_DIFF);
    op_check_all(&c, ref_step_grad, tolerance, ON_SRC);
    if (e->shape.rank > 2 && e->axis < 0)
        laid_check(&c, ref_step_grad, tolerance);
    op_check_end(&c);
    free(x);
    free(diff);
}

/* Beyond all ends, on them, between two integers, and no numbers. */
static void test_strange(void)
{
    static const float X[] = {NAN,    INFINITY, -INFINITY, 1e30f,  -1e30f, 0,
                              -0.0f,  63.75f,   63.625f,   63.87f, 63.88f, -0.125f,
                              -0.13f, 0.125f,   0.375f,    1e-40f},
                       DIFF[] = {1, 2, 4, 8, 16, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23};
    const float scale = 0.25f;
    const example e = {KERF_SHAPE((int64_t)LENGTH(X)), -1, KERF_U8, 0};
    op_check c;
    begin(&c, &e, X, DIFF, &scale);
    op_check_variants(&c, ref_step_grad, 0);
    op_check_end(&c);
}

/* ---- what the slopes mean ---------------------------------------------------------------------
 */

enum { A_STEP = 32, MOST_STEPS = 40 };

/* The sum of what numbers that lie densely over whole steps, and beyond the ends, are rounded to.
 */
static double rounded_sum(double step)
{
    double sum = 0;
    for (int i = -MOST_STEPS * A_STEP / 2; i < MOST_STEPS * A_STEP; i++) {
        const double x = (i + 0.5) / A_STEP * 0.0625;
        sum += fmin(fmax(rint(x / step), -8), 7) * step;
    }
    return sum;
}

/* Of weights of 4 bits: over a grid of whole steps what rounding adds cancels, and what is beyond
 * the ends moves with them; the paper's slope is what a difference says. */
static void test_differences(void)
{
    enum { NUM = 3 * MOST_STEPS * A_STEP / 2 };
    static float x[NUM], ones[NUM];
    const float scale = 0.0625f;
    const double more = 0.03 * (double)scale; /* jumps of dense numbers are a slope, too */
    const example e = {KERF_SHAPE(NUM), -1, KERF_S4, 0};
    op_check c;
    double passed[NUM], slope;
    for (int i = 0; i < NUM; i++) {
        x[i] = ((float)(i - NUM / 3) + 0.5f) / A_STEP * scale;
        ones[i] = 1;
    }
    begin(&c, &e, x, ones, &scale);
    CHECK_OK(kerf_node_set_float(c.node, "factor", 1));
    CHECK_OK(kerf__node_infer(c.node));
    ref_step_grad(c.node, (const double *const *)c.numbers, (double *[]){passed, &slope});
    const double s = (double)scale;
    const double want = (rounded_sum(s + more) - rounded_sum(s - more)) / (2 * more);
    if (!(fabs(slope - want) < 0.02 * fabs(want))) {
        printf("the slope is %g, differences say %g\n", slope, want);
        check_failures++;
    }
    if (!op_check_small())
        op_check_variants(&c, ref_step_grad, check_tolerance(4, NUM));
    op_check_end(&c);
}

/* ---- what is refused --------------------------------------------------------------------------
 */

static void test_refused(void)
{
    static const float X[12] = {0};
    static const example EXAMPLE = {{2, {3, 4}}, 1, KERF_S8, 0},
                         MIDDLE = {{3, {2, 3, 2}}, 1, KERF_S8, 0},
                         UNSIGNED = {{2, {3, 4}}, -1, KERF_U4, 0};
    op_check c;
    begin(&c, &EXAMPLE, X, X, X);
    CHECK_OK(kerf_node_set_int(c.node, "span", 15));
    op_check_refused(&c, KERF_ERR_SHAPE,
                     "it has 2 outputs and a span of 15, must have 2 and 0, or 3");
    op_check_end(&c);
    begin(&c, &EXAMPLE, X, X, X);
    CHECK_OK(kerf_node_set_int(c.node, "axis", 0));
    op_check_refused(&c, KERF_ERR_SHAPE, "there are 4 scales along axis 0, must be one, or one an");
    op_check_end(&c);
    begin(&c, &MIDDLE, X, X, X);
    op_check_refused(&c, KERF_ERR_SHAPE, "there are 3 scales along axis 1");
    op_check_end(&c);
    begin(&c, &UNSIGNED, X, X, X);
    op_check_refused(&c, KERF_ERR_UNSUPPORTED, "its integers are uint4, must be of 8 or 16 bits");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    for (size_t i = 0; i < LENGTH(EXAMPLES); i++)
        if (is_tried(EXAMPLES[i].shape))
            check_example(&EXAMPLES[i]);
    test_strange();
    test_differences();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
