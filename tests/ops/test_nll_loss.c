/* test_nll_loss.c -- NegativeLogLikelihoodLoss against ref_nll_loss.c. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 18 };
static kerf_device *dev;
static float log_prob[MAX], weights[1024];
static int32_t labels[MAX];
static int64_t long_labels[MAX];

typedef struct form {
    const char *reduction; /* NULL: left out */
    int is_weighted, ignores, is_long;
    int64_t ignored;
} form;

/* Like what a softmax leaves; every class has a weight of its own. */
static void fill(kerf_shape src)
{
    const int64_t num = kerf_shape_num_elements(src), k = src.dims[1], m = num / k;
    op_check_fill(log_prob, (size_t)num, 1);
    for (int64_t i = 0; i < num; i++)
        log_prob[i] = -3.0f * fabsf(log_prob[i]);
    for (int64_t i = 0; i < k; i++)
        weights[i] = 0.25f + (float)(i % 7);
    for (int64_t i = 0; i < m; i++)
        long_labels[i] = labels[i] = (int32_t)((i * 7 + 3) % k);
}

static void check_form(kerf_shape src, form f, int slopes)
{
    const int64_t m = kerf_shape_num_elements(src) / src.dims[1];
    kerf_shape shape = {src.rank - 1, {src.dims[0]}};
    for (int d = 2; d < src.rank; d++)
        shape.dims[d - 1] = src.dims[d];
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, src, log_prob);
    if (f.is_long)
        op_check_input(&c, KERF_S64, shape, long_labels);
    else
        op_check_input(&c, KERF_S32, shape, labels);
    if (f.is_weighted)
        op_check_input(&c, KERF_F32, KERF_SHAPE(src.dims[1]), weights);
    op_check_node(&c, "NegativeLogLikelihoodLoss", 1);
    if (f.reduction != NULL)
        CHECK_OK(kerf_node_set_string(c.node, "reduction", f.reduction));
    if (f.ignores)
        CHECK_OK(kerf_node_set_int(c.node, "ignore_index", f.ignored));
    op_check_variants(&c, ref_nll_loss, check_tolerance(4, (size_t)m + 1));
    if (slopes) /* but by the weights of classes */
        op_check_gradient_but(&c, ref_nll_loss, check_tolerance(16, (size_t)m + 1), 1u << 2);
    op_check_end(&c);
}

static void check(kerf_shape src, form f)
{
    check_form(src, f, 0);
}

static void test_forms(void)
{
    static const char *const REDUCTIONS[] = {NULL, "none", "sum", "mean"};
    const kerf_shape shapes[] = {KERF_SHAPE(1, 1), KERF_SHAPE(3, 5), KERF_SHAPE(65, 10),
                                 KERF_SHAPE(3, 5, 7), KERF_SHAPE(2, 3, 4, 5, 3)};
    for (size_t s = 0; s < LENGTH(shapes); s++)
        for (size_t r = 0; r < LENGTH(REDUCTIONS); r++)
            for (int bits = 0; bits < 8; bits++) {
                if (op_check_small() && s + r + (size_t)bits > 8)
                    continue;
                fill(shapes[s]);
                check_form(shapes[s],
                           (form){REDUCTIONS[r], bits & 1, bits >> 1 & 1, bits >> 2,
                                  .ignored = s == 0 ? -1 : 2},
                           s % 2 == 1);
            }
}

/* Several labels an item, in both styles. */
static void test_long(void)
{
    const kerf_shape src = KERF_SHAPE(2, 3, 129, 255);
    if (op_check_small())
        return;
    fill(src);
    check(src, (form){"mean", 1, 1, 1, .ignored = 1});
    check(src, (form){"none", 1, 1, 0, .ignored = 1});
}

/* What is no class is NaN, unless it is to be ignored; nothing is read out of bounds. */
static void test_strange_labels(void)
{
    static const int64_t STRANGE[] = {-1, 5, INT64_MIN, INT64_MAX, (int64_t)1 << 32};
    for (size_t i = 0; i < LENGTH(STRANGE); i++) {
        fill(KERF_SHAPE(4, 5));
        long_labels[2] = STRANGE[i];
        check(KERF_SHAPE(4, 5), (form){"none", 1, 0, 1, 0});
        check(KERF_SHAPE(4, 5), (form){"mean", 1, 1, 1, .ignored = -1});
    }
    fill(KERF_SHAPE(2, 5)); /* nobody is left: 0 / 0 */
    labels[0] = labels[1] = -100;
    check(KERF_SHAPE(2, 5), (form){"mean", 0, 1, 0, .ignored = -100});
    check(KERF_SHAPE(2, 5), (form){"sum", 0, 1, 0, .ignored = -100});
}

static void check_refused(kerf_shape src, kerf_shape of_labels, const char *reduction,
                          int64_t ignored, kerf_status status, const char *words)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, src, log_prob);
    op_check_input(&c, KERF_S32, of_labels, labels);
    op_check_node(&c, "NegativeLogLikelihoodLoss", 1);
    CHECK_OK(kerf_node_set_string(c.node, "reduction", reduction));
    CHECK_OK(kerf_node_set_int(c.node, "ignore_index", ignored));
    op_check_refused(&c, status, words);
    op_check_end(&c);
}

static void test_what_is_refused(void)
{
    fill(KERF_SHAPE(3, 5));
    check_refused(KERF_SHAPE(3, 5), KERF_SHAPE(4), "mean", 0, KERF_ERR_SHAPE,
                  "input in1 is (4), must be (3)");
    check_refused(KERF_SHAPE(3), KERF_SHAPE(3), "mean", 0, KERF_ERR_SHAPE,
                  "input in0 is (3), must be (N, C, ...)");
    check_refused(KERF_SHAPE(3, 5), KERF_SHAPE(3), "max", 0, KERF_ERR_UNSUPPORTED,
                  "reduction is max, must be none, sum or mean");
    check_refused(KERF_SHAPE(3, 5), KERF_SHAPE(3), "sum", INT64_MAX, KERF_ERR_UNSUPPORTED,
                  "ignore_index is 9223372036854775807, must be an int32");
}

int main(void)
{
    dev = check_open_device();
    test_forms();
    test_long();
    test_strange_labels();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
