/* test_ends.c -- ends of numbers against ref_ends.c: short and long tensors, in blocks, with and
 * without ends before, and what is no number. */
#include "laid_check.h"
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static kerf_device *dev;

static const kerf_shape SHAPES[] = {
    {0, {0}},
    {1, {0}},
    {1, {15}},
    {1, {16}},
    {2, {5, 13}},
    {3, {2, 16, 3}},
    {4, {3, 20, 2, 5}},
    {4, {2, 3, 7, 7}},
    {4, {2, 33, 9, 11}},
    {1, {70001}},
    {4, {4, 40, 60, 50}},
};

static size_t num_of(kerf_shape shape)
{
    return (size_t)kerf_shape_num_elements(shape);
}

static int is_tried(kerf_shape shape)
{
    return !op_check_small() || num_of(shape) < 1000;
}

static void check_ends(kerf_shape shape, const float *x, const float *before)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, shape, x);
    if (before != NULL)
        op_check_input(&c, KERF_F32, KERF_SHAPE(2), before);
    op_check_node(&c, "kerf.Ends", 1);
    op_check_variants(&c, ref_ends, 0);
    laid_check(&c, ref_ends, 0);
    op_check_end(&c);
}

static void test_ends(void)
{
    static const float BEFORE[] = {-0.5f, 3};
    for (size_t i = 0; i < LENGTH(SHAPES); i++) {
        const size_t num = num_of(SHAPES[i]);
        float *x = calloc(num + 1, sizeof *x);
        if (!is_tried(SHAPES[i])) {
            free(x);
            continue;
        }
        op_check_fill(x, num, (unsigned)i);
        check_ends(SHAPES[i], x, NULL);
        check_ends(SHAPES[i], x, BEFORE);
        for (size_t k = 0; k < num; k++)
            x[k] = fabsf(x[k]) + (k + 1 == num ? 2 : 0); /* none below 0, the largest last */
        check_ends(SHAPES[i], x, NULL);
        for (size_t k = 0; k < num; k++)
            x[k] = k == 0 ? -3 : k % 3 == 1 ? NAN : -x[k];
        check_ends(SHAPES[i], x, NULL);
        free(x);
    }
}

/* Numbers in pad lanes, larger than any: NaN, as elsewhere, would not be seen. */
static void test_pad_lanes(void)
{
    const kerf_shape shape = KERF_SHAPE(2, 20, 3, 5);
    float x[600];
    kerf__layouts layouts;
    op_check c, laid;
    op_check_fill(x, 600, 8);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, shape, x);
    op_check_node(&c, "kerf.Ends", 1);
    CHECK_OK(kerf__node_infer(c.node));
    if (laid_wish(&c, &layouts)) {
        laid_begin(&laid, &c, &layouts);
        float *data = laid.data[0];
        for (size_t i = 0; i < num_of(laid.inputs[0]->shape); i++)
            data[i] = isnan(data[i]) ? 9.0f : data[i];
        laid_run_all(&laid, &c, ref_ends, 0);
        op_check_end(&laid);
    }
    op_check_end(&c);
}

static void test_refused(void)
{
    const float x[3] = {0};
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3), x);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3), x);
    op_check_node(&c, "kerf.Ends", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "must be ");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_ends();
    test_pad_lanes();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
