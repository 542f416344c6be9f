/* test_histogram.c -- counting against ref_histogram.c: exact, whatever the sizes and numbers, and
 * in how many runs. */
#include "op_check.h"
#include "ops/histogram_common.h"
#include "ref/ref.h"

enum { MAX = 300001, MOST_BINS = 2048 };
static const float NOTHING[2] = {INFINITY, -INFINITY};
static kerf_device *dev;
static float x[MAX];
static int32_t counted[MOST_BINS + 2];

static void begin(op_check *c, kerf_shape shape, const float *range, int bins)
{
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, shape, x);
    op_check_input(c, KERF_F32, KERF_SHAPE(2), range);
    op_check_input(c, KERF_S32, KERF_SHAPE(bins + 1), counted);
    op_check_node(c, "kerf.Histogram", 2);
}

/* Apart, and what is next on what was, as a plan lays it. */
static void check(int64_t num, float low, float high, int bins)
{
    static const int ALIAS[] = {1, 2};
    const float range[] = {low, high};
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
    static const int BINS[] = {16, 100, 1001, MOST_BINS};
    const size_t num = sizeof SIZES / sizeof SIZES[0] - (op_check_small() ? 3 : 0);
    op_check_fill(x, MAX, 1);
    for (size_t i = 0; i < num; i++)
        for (size_t k = 0; k < 4; k++)
            if (!op_check_small() || k % 2 == 1)
                check(SIZES[i], -1, 1, BINS[k]);
}

/* The first run, ranges that hold the old ones within them, beside them, far from 0 or to one side
 * of it, and numbers that are all the same. */
static void test_ranges(void)
{
    static const float RANGES[][2] = {
        {INFINITY, -INFINITY}, {-0.01f, 0.02f}, {-7, 100},   {5, 5.5f}, {-9, -8.75f}, {0, 0},
        {1000, 1000.0001f},    {0.3f, 1e30f},   {-1e-30f, 0}};
    op_check_fill(x, MAX, 2);
    for (size_t i = 0; i < sizeof RANGES / sizeof RANGES[0]; i++)
        check(1000, RANGES[i][0], RANGES[i][1], 100);
    for (int i = 0; i < 1000; i++)
        x[i] = 0.25f;
    check(1000, NOTHING[0], NOTHING[1], 100);
    check(1000, 0.25f, 0.25f, 100);
}

/* Infinities are in the outermost bins, NaN behind the last; also among the last few. */
static void test_strange(void)
{
    static const float STRANGE[] = {NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, -1e-40f, -0.0f};
    for (int i = 0; i < 100; i++)
        x[i] = STRANGE[i % 7];
    check(100, -1, 1, 100);
    check(7, NOTHING[0], NOTHING[1], 16);
    check(1, NOTHING[0], NOTHING[1], 100);
    for (int i = 0; i < 100; i++)
        x[i] = i % 3 == 0 ? -1e-40f : i % 3 == 1 ? NAN : 1e-39f;
    x[50] = 2e-38f, x[51] = -2e-38f;
    check(100, NOTHING[0], NOTHING[1], 100);
}

/* ---- properties ------------------------------------------------------------------------ */

/* The numbers from `first` on, by the device's own variant, on top of `range` and `counted`. */
static void count(int first, int num, float *range, int bins)
{
    kerf_tensor *inputs[3], *outputs[2];
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(num), x + first);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2), range);
    op_check_input(&c, KERF_S32, KERF_SHAPE(bins + 1), counted);
    op_check_node(&c, "kerf.Histogram", 2);
    CHECK_OK(kerf__node_infer(c.node));
    for (int i = 0; i < 3; i++) {
        CHECK_OK(kerf_tensor_create(&inputs[i], dev, c.inputs[i]->type, c.inputs[i]->shape));
        CHECK_OK(kerf_tensor_write(inputs[i], c.data[i]));
    }
    for (int i = 0; i < 2; i++)
        outputs[i] = inputs[i + 1];
    kerf__op_case run = {.dev = dev, .node = c.node, .inputs = inputs, .outputs = outputs};
    CHECK(kerf__option_at(&run, 0, &run.option));
    CHECK_OK(naive_run_option(run));
    CHECK_OK(kerf_tensor_read(outputs[0], range));
    CHECK_OK(kerf_tensor_read(outputs[1], counted));
    for (int i = 0; i < 3; i++)
        kerf_tensor_destroy(inputs[i]);
    op_check_end(&c);
}

/* Numbers that grow from run to run are counted as if they had come at once, and each is where
 * kerf__histogram_bins says. */
static void test_merging(void)
{
    enum { NUM = 3000, RUNS = 6, BINS = 200 };
    float at_once[2] = {INFINITY, -INFINITY}, range[2] = {INFINITY, -INFINITY};
    int32_t want[BINS + 1], placed[BINS + 1] = {0};
    op_check_fill(x, NUM, 3);
    for (int i = 0; i < NUM; i++)
        x[i] = ldexpf(x[i] + 0.25f, 3 * (i / (NUM / RUNS)) - 5);
    memset(counted, 0, sizeof counted);
    count(0, NUM, at_once, BINS);
    memcpy(want, counted, sizeof want);
    memset(counted, 0, sizeof counted);
    for (int run = 0; run < RUNS; run++)
        count(run * NUM / RUNS, NUM / RUNS, range, BINS);
    CHECK(memcmp(counted, want, sizeof want) == 0);
    CHECK(range[0] == at_once[0] && range[1] == at_once[1]);
    const kerf__bins bins = kerf__histogram_bins(range[0], range[1], BINS);
    for (int i = 0; i < NUM; i++)
        placed[(int)(((double)x[i] - bins.low) / bins.width)]++;
    CHECK(memcmp(placed, want, sizeof want) == 0);
}

/* More than half of the bins hold the range, unless they were finer than floats. */
static void test_bins(void)
{
    static const float RANGES[][2] = {{0, 1}, {-1, 1.5f}, {0, 6}, {-3e38f, 3e38f}, {-1e-9f, 3e-9f}};
    for (size_t i = 0; i < sizeof RANGES / sizeof RANGES[0]; i++) {
        const double low = (double)RANGES[i][0], high = (double)RANGES[i][1];
        const kerf__bins b = kerf__histogram_bins(RANGES[i][0], RANGES[i][1], MOST_BINS);
        CHECK(b.low <= low && b.low + b.width > low && b.low + MOST_BINS * b.width > high);
        CHECK(b.width < 2 * (high - low) / (MOST_BINS - 2));
    }
    CHECK(kerf__histogram_bins(0, 0, MOST_BINS).width == ldexp(1, -60));
    CHECK(kerf__histogram_bins(1, 1, MOST_BINS).width == ldexp(1, -22));
}

static void test_refused(void)
{
    static const struct {
        int bins;
        const char *words;
    } CASES[] = {{MOST_BINS + 1, "counts have 2050 elements, must be 17 to 2049 in a row"},
                 {15, "counts have 16 elements, must be 17 to 2049 in a row"}};
    op_check c;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        begin(&c, KERF_SHAPE(3), NOTHING, CASES[i].bins);
        CHECK_STATUS(KERF_ERR_SHAPE, kerf__node_infer(c.node));
        CHECK(strstr(kerf_last_error(), CASES[i].words) != NULL);
        op_check_end(&c);
    }
}

int main(void)
{
    dev = check_open_device();
    for (int b = 0; b < MOST_BINS + 2; b++)
        counted[b] = 3 * b;
    test_sizes();
    test_ranges();
    test_strange();
    test_refused();
    test_merging();
    test_bins();
    kerf_device_close(dev);
    return check_result();
}
