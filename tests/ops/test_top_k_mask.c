/* test_top_k_mask.c -- choosing masks against ref_top_k_mask.c, which sorts. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 18, MAX_TENSORS = 3 };
static kerf_device *dev;
static int is_signed; /* what the node is asked for */
static float score[MAX_TENSORS][MAX];
static unsigned char mask[MAX_TENSORS][MAX];

static void begin(op_check *c, int32_t count, const int64_t *sizes, int num)
{
    op_check_begin(c, dev);
    op_check_input(c, KERF_S32, KERF_SCALAR, &count);
    for (int t = 0; t < num; t++) {
        op_check_input(c, KERF_F32, KERF_SHAPE(sizes[t]), score[t]);
        op_check_input(c, KERF_BOOL, KERF_SHAPE(sizes[t]), mask[t]);
    }
    op_check_node(c, "kerf.TopKMask", num + 1);
    CHECK_OK(kerf_node_set_int(c->node, "signed", is_signed));
}

/* Apart, and with every new mask on the old one, as a plan lays them.  Without a threshold
 * there is NaN, which compares with nothing: those cases have a test of their own. */
static void check(int32_t count, const int64_t *sizes, int num)
{
    static const int ALIAS[] = {2, 4, 6};
    int alias[MAX_TENSORS + 1] = {-1, -1, -1, -1};
    op_check c;
    begin(&c, count, sizes, num);
    memcpy(alias, ALIAS, (size_t)num * sizeof alias[0]);
    op_check_variants(&c, ref_top_k_mask, 0);
    op_check_all(&c, ref_top_k_mask, 0, alias);
    op_check_end(&c);
}

/* Scores near a bell curve; one mask in eight is 0 already. */
static void fill(const int64_t *sizes, int num, float grid)
{
    static float other[MAX];
    for (int t = 0; t < num; t++) {
        op_check_fill(score[t], (size_t)sizes[t], (unsigned)t + 1);
        op_check_fill(other, (size_t)sizes[t], (unsigned)t + 9);
        for (int64_t i = 0; i < sizes[t]; i++) {
            score[t][i] = score[t][i] * other[i] * 0.1f;
            if (grid > 0)
                score[t][i] = grid * rintf(score[t][i] / grid);
            mask[t][i] = ((unsigned)i * 2654435761u >> 9) % 8 != 0;
        }
    }
}

static int64_t num_masked(const int64_t *sizes, int num)
{
    int64_t masked = 0;
    for (int t = 0; t < num; t++)
        for (int64_t i = 0; i < sizes[t]; i++)
            masked += mask[t][i] == 0;
    return masked;
}

static const int64_t SIZES[][MAX_TENSORS] = {
    {1, 0, 0}, {17, 0, 0}, {64, 1, 33}, {1003, 257, 16}, {300, 20000, 8193}, {MAX, MAX - 3, 77777},
};
static const int NUMS[] = {1, 1, 3, 3, 3, 3};

/* From one more than is masked up to all of them. */
static void test_counts(float grid)
{
    for (size_t i = 0; i < LENGTH(SIZES) - 2 * (size_t)op_check_small(); i++) {
        fill(SIZES[i], NUMS[i], grid);
        mask[0][0] = 1;
        const int64_t masked = num_masked(SIZES[i], NUMS[i]);
        int64_t total = 0;
        for (int t = 0; t < NUMS[i]; t++)
            total += SIZES[i][t];
        const int64_t rest = total - masked;
        const int64_t counts[] = {masked + 1, masked + rest / 2 + 1, masked + rest * 9 / 10 + 1,
                                  total - 1 > masked ? total - 1 : total, total};
        for (size_t j = 0; j < LENGTH(counts); j++)
            check((int32_t)(counts[j] < total ? counts[j] : total), SIZES[i], NUMS[i]);
    }
}

/* Scores below 0 go first. */
static void test_signed(void)
{
    is_signed = 1;
    fill(SIZES[3], NUMS[3], 0.01f);
    for (int32_t count = 300; count < 1276; count += op_check_small() ? 600 : 150)
        check(count, SIZES[3], NUMS[3]);
    is_signed = 0;
}

/* All equal: the cut runs through the ties, by tensor and element. */
static void test_all_equal(void)
{
    static const int64_t ALL[MAX_TENSORS] = {100, 20000, 300};
    static const int32_t COUNTS[] = {1, 99, 100, 101, 8291, 8292, 8293, 20099, 20100, 20250, 20400};
    for (int t = 0; t < MAX_TENSORS; t++)
        for (int64_t i = 0; i < ALL[t]; i++) {
            score[t][i] = i % 2 == 0 ? 0.25f : -0.25f;
            mask[t][i] = 1;
        }
    for (size_t i = 0; i < LENGTH(COUNTS); i++)
        if (!op_check_small() || i % 4 == 1)
            check(COUNTS[i], ALL, MAX_TENSORS);
    for (int64_t i = 0; i < ALL[0]; i++)
        score[0][i] = 0; /* zeros that are not masked go like others, -0 too */
    score[0][7] = -0.0f;
    check(5, ALL, MAX_TENSORS);
    check(50, ALL, MAX_TENSORS);
}

/* The largest are infinities, then NaN. */
static void test_strange_values(void)
{
    static const float STRANGE[] = {NAN, INFINITY, -INFINITY, FLT_MAX, FLT_MIN, 1e-40f, 0};
    static const int64_t ONE[] = {70};
    for (int i = 0; i < 70; i++) {
        score[0][i] = STRANGE[i % 7];
        mask[0][i] = 1;
    }
    for (int32_t count = 1; count < 60; count += 6)
        check(count, ONE, 1);
}

/* Where nothing is taken the threshold is NaN, the masks stay, and a count below what is
 * masked, or below 0, brings nothing back; one above all takes all. */
static void test_count_out_of_range(void)
{
    static const int64_t ONE[] = {100};
    static const int32_t COUNTS[] = {-5, 0, 3, 10, 101, INT32_MAX};
    for (size_t i = 0; i < LENGTH(COUNTS); i++) {
        op_check c;
        naive n = {0};
        unsigned char got[100];
        float threshold = 0;
        for (int k = 0; k < 100; k++) {
            score[0][k] = (float)(k + 1);
            mask[0][k] = k % 10 != 0;
        }
        begin(&c, COUNTS[i], ONE, 1);
        CHECK_OK(kerf__node_infer(c.node));
        CHECK_OK(naive_create(&n, dev, c.graph));
        for (int k = 0; k < 3; k++)
            CHECK_OK(kerf_tensor_write(naive_tensor(&n, c.inputs[k]), c.data[k]));
        CHECK_OK(naive_run(&n));
        CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[0]), got));
        CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[1]), &threshold));
        for (int k = 0; k < 100; k++)
            CHECK(got[k] == (COUNTS[i] > 100 ? 0 : mask[0][k]));
        CHECK(COUNTS[i] > 100 ? threshold == 100.0f : isnan(threshold));
        naive_destroy(&n);
        op_check_end(&c);
    }
}

static void test_what_is_refused(void)
{
    op_check c;
    const int32_t count = 1;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_S32, KERF_SCALAR, &count);
    op_check_input(&c, KERF_F32, KERF_SHAPE(4), score[0]);
    op_check_input(&c, KERF_BOOL, KERF_SHAPE(3), mask[0]);
    op_check_node(&c, "kerf.TopKMask", 2);
    op_check_refused(&c, KERF_ERR_SHAPE, "kerf.TopKMask checked: input in2 is (3), must be (4)");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_S32, KERF_SCALAR, &count);
    op_check_input(&c, KERF_F32, KERF_SHAPE(4), score[0]);
    op_check_input(&c, KERF_BOOL, KERF_SHAPE(4), mask[0]);
    op_check_node(&c, "kerf.TopKMask", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "has 3 inputs and 1 outputs");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_counts(0);
    test_signed();
    test_counts(0.01f);
    test_all_equal();
    test_strange_values();
    test_count_out_of_range();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
