/* test_sparse_matmul.c -- SparseMatMul and its gradient against ref_sparse_matmul.c. */
#include "op_check.h"
#include "ref/ref.h"
#include "sparse_case.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 17 };
static kerf_device *dev;
static float src[MAX], diff[MAX], values[MAX], bias[4096];
static int starts[4096], offsets[MAX];

typedef struct sizes {
    int rows, length, batch, percent;
} sizes;

static void check_product(sizes s, int64_t capacity, int with_bias, int relu)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(s.length, s.batch), src);
    op_check_input(&c, KERF_F32, KERF_SHAPE(capacity), values);
    op_check_input(&c, KERF_S32, KERF_SHAPE((int64_t)s.rows + 1), starts);
    op_check_input(&c, KERF_S32, KERF_SHAPE(capacity), offsets);
    if (with_bias)
        op_check_input(&c, KERF_F32, KERF_SHAPE(s.rows), bias);
    op_check_node(&c, "kerf.SparseMatMul", 1);
    if (relu)
        CHECK_OK(kerf_node_set_string(c.node, "activation", "relu"));
    op_check_variants(&c, ref_sparse_matmul, check_tolerance(4, (size_t)s.length));
    op_check_end(&c);
}

static void check_gradient(sizes s, int64_t capacity)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(s.rows, s.batch), diff);
    op_check_input(&c, KERF_F32, KERF_SHAPE(s.length, s.batch), src);
    op_check_input(&c, KERF_S32, KERF_SHAPE((int64_t)s.rows + 1), starts);
    op_check_input(&c, KERF_S32, KERF_SHAPE(capacity), offsets);
    op_check_node(&c, "kerf.SparseMatMulGrad", 1);
    op_check_variants(&c, ref_sparse_matmul, check_tolerance(4, (size_t)s.batch));
    op_check_end(&c);
}

/* Some entries are to spare: what lies behind the last belongs to nobody. */
static void check(sizes s)
{
    const int num = sparse_case_fill(starts, offsets, s.rows, s.length, s.percent);
    for (int i = 0; i < 5; i++)
        values[num + i] = NAN;
    check_product(s, num + 5, s.batch % 2, s.rows % 2);
    check_gradient(s, num + 5);
    op_check_fill(values, MAX, 2);
}

static void test_sizes(void)
{
    static const sizes SIZES[] = {
        {1, 1, 1, 100},   {5, 7, 3, 100},    {9, 33, 15, 40},   {8, 40, 16, 30},
        {23, 50, 17, 20}, {10, 9, 70, 60},   {11, 30, 128, 30}, {6, 20, 270, 30},
        {7, 20, 150, 30}, {70, 131, 200, 5}, {300, 100, 1, 10},
    };
    for (size_t i = 0; i < LENGTH(SIZES) - 2 * (size_t)op_check_small(); i++)
        check(SIZES[i]);
}

/* Layers of which nothing is left, all, or one weight. */
static void test_densities(void)
{
    check((sizes){13, 17, 40, 0});
    check((sizes){13, 17, 40, 100});
    memset(starts, 0, sizeof starts);
    for (int r = 9; r < 14; r++)
        starts[r] = 1;
    offsets[0] = 16;
    check_product((sizes){13, 17, 40, 0}, 1, 1, 0);
    check_gradient((sizes){13, 17, 40, 0}, 1);
}

/* A NaN of a sample is in all that has a weight for it, through relu too. */
static void test_strange_values(void)
{
    src[3 * 20 + 4] = NAN;
    src[5 * 20 + 19] = INFINITY;
    check((sizes){9, 8, 20, 50});
    op_check_fill(src, MAX, 1);
}

static void test_what_is_refused(void)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(12), src);
    op_check_input(&c, KERF_F32, KERF_SHAPE(5), values);
    op_check_input(&c, KERF_S32, KERF_SHAPE(4), starts);
    op_check_input(&c, KERF_S32, KERF_SHAPE(5), offsets);
    op_check_node(&c, "kerf.SparseMatMul", 1);
    op_check_refused(
        &c, KERF_ERR_SHAPE,
        "kerf.SparseMatMul checked: input in0 is (12), must be a matrix of features by "
        "samples");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3, 4), diff);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3, 5), src);
    op_check_input(&c, KERF_S32, KERF_SHAPE(4), starts);
    op_check_input(&c, KERF_S32, KERF_SHAPE(5), offsets);
    op_check_node(&c, "kerf.SparseMatMulGrad", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "input in1 is (3, 5), must be (3, 4)");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    op_check_fill(src, MAX, 1);
    op_check_fill(values, MAX, 2);
    op_check_fill(diff, MAX, 3);
    op_check_fill(bias, LENGTH(bias), 4);
    test_sizes();
    test_densities();
    test_strange_values();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
