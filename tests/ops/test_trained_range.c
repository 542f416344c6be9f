/* test_trained_range.c -- ranges that follow what is seen, and their scales and zero points,
 * against ref_trained_range.c; the latter bit by bit, and as the host finds them. */
#include "compress/quantize/quantize_internal.h"
#include "op_check.h"
#include "ref/ref.h"

enum { OBSERVE = 4, STEP_FLOATS = 16 };
static kerf_device *dev;

static void begin_follow(op_check *c, float end, float seen, float observe)
{
    const float step[STEP_FLOATS] = {[OBSERVE] = observe}, ends[] = {-7, seen};
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, KERF_SCALAR, &end);
    op_check_input(c, KERF_F32, KERF_SHAPE(2), ends);
    op_check_input(c, KERF_F32, KERF_SHAPE(STEP_FLOATS), step);
    op_check_node(c, "kerf.FollowRange", 1);
    CHECK_OK(kerf_node_set_int(c->node, "of", 1));
}

/* Of terms as large as the larger end. */
static void follow(float end, float seen, float observe)
{
    op_check c;
    begin_follow(&c, end, seen, observe);
    const double most = fmax(fabs((double)end), isfinite(seen) ? fabs((double)seen) : 0);
    op_check_variants(&c, ref_trained_range,
                      observe > 0 && observe < 1 ? check_tolerance(2, 1) * fmin(most, 0x1p56) : 0);
    op_check_end(&c);
}

static void test_follow(void)
{
    follow(2, 3, 0.01f);
    follow(-1.7f, 0.4f, 0.01f);
    follow(0.3f, 0.1f, 0);
    follow(0, 0, 0.5f);
    follow(2, INFINITY, 0.01f);
    follow(2, -INFINITY, 0.01f);
    follow(-2, NAN, 0.01f);
    follow(1, 0x1p80f, 0.01f);
    follow(-0x1p60f, -0x1p60f, 1);
    follow(0x1p-125f, 0, 0.75f);
}

static void begin_range(op_check *c, float low, float high, int to)
{
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, KERF_SCALAR, &low);
    op_check_input(c, KERF_F32, KERF_SCALAR, &high);
    op_check_node(c, "kerf.TrainedRange", 2);
    CHECK_OK(kerf_node_set_int(c->node, "to", to));
}

static const struct {
    kerf_type type;
    int to;
} TYPES[] = {{KERF_U8, 2}, {KERF_S8, 3}, {KERF_U16, 4}, {KERF_S16, 5}};
enum { NUM_TYPES = sizeof TYPES / sizeof TYPES[0] };

/* The definition is the host's, too. */
static void range(float low, float high)
{
    for (int i = 0; i < NUM_TYPES; i++) {
        const double ends[] = {(double)low, (double)high};
        const kerf_quant host = kerf__quant_of_range(ends[0], ends[1], TYPES[i].type, 0, 0);
        double scale, zero;
        op_check c;
        begin_range(&c, low, high, TYPES[i].to);
        ref_trained_range(c.node, (const double *[]){&ends[0], &ends[1]},
                          (double *[]){&scale, &zero});
        CHECK(scale == (double)host.scale && zero == host.zero_point);
        op_check_variants(&c, ref_trained_range, 0);
        op_check_end(&c);
    }
}

static void test_ranges(void)
{
    float ends[60];
    op_check_fill(ends, 60, 3);
    range(0, 6);
    range(-1, 2.984375f);
    range(0, 0);
    range(2, 3);
    range(-3, -2);
    range(-0x1p56f, 0x1p56f);
    range(-0x1p-126f, 0);
    range(0, 1e-19f);
    range(-127.5f, 127.5f); /* a zero point of a half */
    range(-0.5f, 254.5f);
    const int num = op_check_small() ? 8 : 60;
    for (int i = 0; i + 1 < num; i += 2)
        range(ldexpf(-fabsf(ends[i]), i % 7), ldexpf(fabsf(ends[i + 1]), i % 5));
}

/* An end beyond what the numbers may be. */
static void test_limit(void)
{
    op_check c;
    begin_range(&c, 0, 8, 2);
    CHECK_OK(kerf_node_set_float(c.node, "most", 6));
    op_check_variants(&c, ref_trained_range, 0);
    op_check_end(&c);
}

/* No number, or too large a one, is no end. */
static void test_strange(void)
{
    op_check c;
    begin_range(&c, NAN, 3, 2);
    op_check_variants(&c, ref_trained_range, 0);
    op_check_end(&c);
    begin_range(&c, -INFINITY, 0x1p90f, 3);
    op_check_variants(&c, ref_trained_range, 0);
    op_check_end(&c);
}

static void test_refused(void)
{
    const float two[] = {1, 2};
    op_check c;
    begin_range(&c, 0, 1, 6);
    op_check_refused(&c, KERF_ERR_UNSUPPORTED,
                     "to is 6, must be the number of an integer of 8 or 16 bits");
    op_check_end(&c);
    begin_range(&c, 0, 1, 2);
    CHECK_OK(kerf_node_set_float(c.node, "most", -1));
    op_check_refused(&c, KERF_ERR_SHAPE, "most is -1, must be above 0");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2), two);
    op_check_input(&c, KERF_F32, KERF_SCALAR, two);
    op_check_node(&c, "kerf.FollowRange", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "must be ");
    op_check_end(&c);
    begin_follow(&c, 0, 1, 1);
    CHECK_OK(kerf_node_set_int(c.node, "of", 2));
    op_check_refused(&c, KERF_ERR_SHAPE, "of is 2, must be 0 or 1");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_follow();
    test_ranges();
    test_limit();
    test_strange();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
