/* test_score.c -- ScoreUpdate against ref_score.c: each formula, apart and in place. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 16 };
static kerf_device *dev;
static float score[MAX], weight[MAX], grad[MAX];

static void begin(op_check *c, size_t num, const char *value)
{
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, KERF_SHAPE((int64_t)num), score);
    op_check_input(c, KERF_F32, KERF_SHAPE((int64_t)num), weight);
    op_check_input(c, KERF_F32, KERF_SHAPE((int64_t)num), grad);
    op_check_node(c, "kerf.ScoreUpdate", 1);
    CHECK_OK(kerf_node_set_string(c->node, "value", value));
    CHECK_OK(kerf_node_set_float(c->node, "keep", 0.75f));
    CHECK_OK(kerf_node_set_float(c->node, "take", 0.25f));
}

static void test_formulas(void)
{
    static const char *const VALUES[] = {"gradient", "taylor", "fisher", "movement"};
    static const size_t SIZES[] = {0, 1, 17, 65, 1003, MAX - 7};
    static const int ALIAS[] = {0};
    op_check_fill(score, MAX, 1);
    op_check_fill(weight, MAX, 2);
    op_check_fill(grad, MAX, 3);
    for (size_t v = 0; v < LENGTH(VALUES); v++)
        for (size_t i = 0; i < LENGTH(SIZES) - (size_t)op_check_small(); i++) {
            op_check c;
            begin(&c, SIZES[i], VALUES[v]);
            op_check_variants(&c, ref_score, check_tolerance(4, 1));
            op_check_all(&c, ref_score, check_tolerance(4, 1), ALIAS);
            op_check_end(&c);
        }
}

static void test_what_is_refused(void)
{
    op_check c;
    begin(&c, 5, "magnitude");
    op_check_refused(&c, KERF_ERR_ARGUMENT,
                     "value is 'magnitude', must be gradient, taylor, fisher or movement");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_formulas();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
