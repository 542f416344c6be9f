/* test_histogram.c -- counting against ref_histogram.c: exact, whatever the sizes and numbers. */
#include "op_check.h"
#include "ref/ref.h"

enum { MAX = 300001, MOST_BINS = 2048 };
static kerf_device *dev;
static float x[MAX];

static void begin(op_check *c, kerf_shape shape, const float *range, int bins)
{
    static int32_t counts[MOST_BINS + 1];
    for (int b = 0; b < bins; b++)
        counts[b] = 3 * b;
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, shape, x);
    op_check_input(c, KERF_F32, KERF_SHAPE(2), range);
    op_check_input(c, KERF_S32, KERF_SHAPE(bins), counts);
    op_check_node(c, "kerf.Histogram", 1);
}

/* Apart, and the next counts on the old ones, as a plan lays them. */
static void check(int64_t num, float low, float factor, int bins)
{
    static const int ALIAS[] = {2};
    const float range[] = {low, factor};
    op_check c;
    begin(&c, KERF_SHAPE(num), range, bins);
    op_check_variants(&c, ref_histogram, 0);
    op_check_all(&c, ref_histogram, 0, ALIAS);
    CHECK(c.runs > 0);
    op_check_end(&c);
}

static void test_sizes(void)
{
    static const int64_t SIZES[] = {1, 15, 16, 17, 64, 1003, 16400, 65537, MAX};
    static const int BINS[] = {1, 7, 100, MOST_BINS};
    const size_t num = sizeof SIZES / sizeof SIZES[0] - (op_check_small() ? 3 : 0);
    op_check_fill(x, MAX, 1);
    for (size_t i = 0; i < num; i++)
        for (size_t k = 0; k < 4; k++)
            if (!op_check_small() || k % 2 == 1)
                check(SIZES[i], -1, (float)BINS[k] / 2, BINS[k]);
}

/* Both ends take what is beyond them; a range without width, and numbers that are all the same. */
static void test_ends(void)
{
    op_check_fill(x, MAX, 2);
    check(1000, -0.5f, 100, 100);
    check(1000, -0.5f, 0, 100);
    check(1000, 5, 100, 100);
    for (int i = 0; i < 1000; i++)
        x[i] = 0.25f;
    check(1000, 0, 40, 10);
    check(1000, 0, 400, 100);
}

/* Infinities are beyond the ends, NaN is nowhere; also among the last few. */
static void test_strange(void)
{
    static const float STRANGE[] = {NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, 1e-40f, -0.0f};
    for (int i = 0; i < 100; i++)
        x[i] = STRANGE[i % 7];
    check(100, -1, 50, 100);
    check(7, -1, 50, 100);
    check(1, -1, 50, 100);
}

static void test_refused(void)
{
    static const struct {
        int bins;
        const char *words;
    } CASES[] = {{MOST_BINS + 1, "counts have 2049 elements, must be 1 to 2048 in a row"}};
    const float range[] = {0, 1};
    op_check c;
    begin(&c, KERF_SHAPE(3), range, CASES[0].bins);
    CHECK_STATUS(KERF_ERR_SHAPE, kerf__node_infer(c.node));
    CHECK(strstr(kerf_last_error(), CASES[0].words) != NULL);
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_sizes();
    test_ends();
    test_strange();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
