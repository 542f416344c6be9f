/* test_keep_channels.c -- kerf.TopChannels, kerf.KeepChannels and kerf.TakeFilters against
 * ref_keep_channels.c. */
#include "op_check.h"
#include "ref/ref.h"

enum { MAX = 1 << 17 };
static kerf_device *dev;
static float x[MAX], scale[MAX];
static int32_t outs[MAX], ins[MAX];

/* ---- the most salient -----------------------------------------------------------------------
 */

static void check_ranked(const char *op, int num_outputs, kerf_shape shape, int64_t k)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, shape, x);
    op_check_node(&c, op, num_outputs);
    CHECK_OK(kerf_node_set_int(c.node, "k", k));
    op_check_variants(&c, ref_keep_channels, 0);
    op_check_end(&c);
}

static void check_top(int64_t lines, int64_t channels, int64_t k)
{
    check_ranked("kerf.TopChannels", 2, KERF_SHAPE(lines, channels), k);
    check_ranked("kerf.KeepChannels", 1, KERF_SHAPE(lines, channels), k);
}

static void test_top(void)
{
    static const int64_t SIZES[] = {1, 2, 16, 63, 65, 200};
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++)
        for (int ties = 0; ties < 2; ties++) {
            const int64_t c = SIZES[i];
            op_check_fill(x, (size_t)(3 * c), 1);
            for (int64_t k = 0; ties && k < 3 * c; k++)
                x[k] = fmaxf(floorf(x[k] * 4), 0);
            check_top(1, c, 1);
            check_top(3, c, (c + 1) / 2);
            check_top(1, c, c);
        }
    if (op_check_small())
        return;
    op_check_fill(x, 5 * 1000, 2);
    check_top(5, 1000, 250);
}

static void test_top_corners(void)
{
    static const float CORNERS[] = {1,  NAN,       INFINITY, 0.0f, -0.0f,
                                    -1, -INFINITY, NAN,      0.0f, 1e-40f};
    memcpy(x, CORNERS, sizeof CORNERS);
    for (int k = 1; k <= 10; k++)
        check_top(1, 10, k);
}

/* ---- their filters ------------------------------------------------------------------------- */

/* So many outputs and inputs for each sample; 0: all. */
static void check_take(kerf_shape shape, int64_t samples, int64_t num_outs, int64_t num_ins)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, shape, x);
    if (num_outs > 0)
        op_check_input(&c, KERF_S32, KERF_SHAPE(samples, num_outs), outs);
    else
        op_check_skip(&c);
    if (num_ins > 0)
        op_check_input(&c, KERF_S32, KERF_SHAPE(samples * num_ins), ins);
    else if (num_outs > 0)
        op_check_skip(&c);
    if (num_outs > 0)
        op_check_input(&c, KERF_F32, KERF_SHAPE(samples, num_outs), scale);
    op_check_node(&c, "kerf.TakeFilters", 1);
    if (samples > 1)
        CHECK_OK(kerf_node_set_int(c.node, "samples", samples));
    op_check_variants(&c, ref_keep_channels, 0.5f * 1.2e-7f);
    op_check_end(&c);
}

/* Of 23 outputs and 19 inputs; some twice, and some outside, which are the last. */
static void fill_places(int num_outs, int num_ins)
{
    for (int i = 0; i < 1000; i++) {
        outs[i] = i / num_outs * 23 + i * 7 % 23 - (i == 5) * 100;
        ins[i] = i / num_ins * 19 + i * 5 % 19 + (i == 3) * 1000;
    }
}

static void test_take(void)
{
    op_check_fill(x, MAX, 1);
    op_check_fill(scale, 1000, 2);
    fill_places(1000, 1000);
    check_take(KERF_SHAPE(23, 19, 3, 3), 1, 11, 9);
    check_take(KERF_SHAPE(23, 19, 3, 3), 1, 11, 0);
    check_take(KERF_SHAPE(23, 19, 3, 3), 1, 0, 9);
    check_take(KERF_SHAPE(23, 19, 5), 1, 3, 19);
    check_take(KERF_SHAPE(23, 19), 1, 0, 7);
    check_take(KERF_SHAPE(23, 19), 1, 1, 1);
    check_take(KERF_SHAPE(23), 1, 11, 0);
    if (op_check_small())
        return;
    check_take(KERF_SHAPE(128, 100, 3, 3), 1, 64, 50);
}

static void test_take_of_samples(void)
{
    fill_places(11, 9);
    check_take(KERF_SHAPE(23, 19, 3, 3), 3, 11, 9);
    check_take(KERF_SHAPE(23, 19, 3, 3), 2, 11, 0);
    check_take(KERF_SHAPE(23, 19, 2), 3, 0, 9);
    check_take(KERF_SHAPE(23, 19), 3, 11, 9);
    check_take(KERF_SHAPE(23), 3, 11, 0);
    check_take(KERF_SHAPE(23), 3, 0, 0);
}

static void test_refused(void)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 3), x);
    op_check_node(&c, "kerf.TopChannels", 2);
    CHECK_OK(kerf_node_set_int(c.node, "k", 4));
    op_check_refused(&c, KERF_ERR_ARGUMENT, "kerf.TopChannels checked: k is 4, must be 1 to 3");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 3, 1), x);
    op_check_node(&c, "kerf.KeepChannels", 1);
    op_check_refused(&c, KERF_ERR_SHAPE,
                     "kerf.KeepChannels checked: saliency has 3 dimensions, must have 2");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 3), x);
    op_check_input(&c, KERF_S32, KERF_SHAPE(2), outs);
    op_check_node(&c, "kerf.TakeFilters", 1);
    op_check_refused(&c, KERF_ERR_SHAPE,
                     "kerf.TakeFilters checked: must have a scale for each output that is named");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 3), x);
    op_check_skip(&c);
    op_check_input(&c, KERF_S32, KERF_SHAPE(3), ins);
    op_check_node(&c, "kerf.TakeFilters", 1);
    CHECK_OK(kerf_node_set_int(c.node, "samples", 2));
    op_check_refused(&c, KERF_ERR_SHAPE,
                     "kerf.TakeFilters checked: has 3 places, must be as many for each of 2 "
                     "samples");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_top();
    test_top_corners();
    test_take();
    test_take_of_samples();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
