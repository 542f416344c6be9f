/* test_gemm.c -- Gemm and MatMul against ref_gemm.c: every variant and tile, all transposes. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 18 };
static kerf_device *dev;
static float a[MAX], b[MAX], c_[MAX];

typedef struct gemm_case {
    int64_t m, n, k;
    int trans_a, trans_b;
    kerf_shape bias; /* rank -1: none */
    float alpha, beta;
    const char *activation;
} gemm_case;

#define NO_BIAS                                                                                    \
    (kerf_shape)                                                                                   \
    {                                                                                              \
        -1,                                                                                        \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

static void begin(op_check *c, const gemm_case *g)
{
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, g->trans_a ? KERF_SHAPE(g->k, g->m) : KERF_SHAPE(g->m, g->k), a);
    op_check_input(c, KERF_F32, g->trans_b ? KERF_SHAPE(g->n, g->k) : KERF_SHAPE(g->k, g->n), b);
    if (g->bias.rank >= 0)
        op_check_input(c, KERF_F32, g->bias, c_);
    op_check_node(c, "Gemm", 1);
    CHECK_OK(kerf_node_set_int(c->node, "transA", g->trans_a));
    CHECK_OK(kerf_node_set_int(c->node, "transB", g->trans_b));
    CHECK_OK(kerf_node_set_float(c->node, "alpha", g->alpha));
    CHECK_OK(kerf_node_set_float(c->node, "beta", g->beta));
    if (g->activation != NULL)
        CHECK_OK(kerf_node_set_string(c->node, "activation", g->activation));
}

static void check(gemm_case g, int gradient)
{
    op_check c;
    begin(&c, &g);
    op_check_variants(&c, ref_gemm, check_tolerance(4, (size_t)g.k + 1));
    if (gradient)
        op_check_gradient(&c, ref_gemm, check_tolerance(16, (size_t)(g.k + g.m + g.n)));
    op_check_end(&c);
}

/* One, around tiles of 6, 8, 16, 32 and 64, and odd; many tiles of a short sum; a long sum. */
static void test_sizes(void)
{
    static const int64_t SIZES[][3] = {{1, 1, 1},    {1, 10, 33},  {7, 31, 5},    {8, 32, 16},
                                       {9, 33, 17},  {33, 9, 65},  {64, 64, 64},  {65, 70, 63},
                                       {3, 130, 20}, {130, 3, 20}, {40, 1, 129},  {128, 100, 300},
                                       {50, 61, 33}, {300, 70, 9}, {16, 64, 784}, {2, 3, 70000}};
    for (size_t i = 0; i < LENGTH(SIZES); i++)
        for (int t = 0; t < 4; t++) {
            const int64_t *s = SIZES[i];
            if (op_check_small() && (s[0] * s[1] * s[2] > 6000 || t == 3))
                continue;
            check((gemm_case){s[0], s[1], s[2], t / 2, t % 2, NO_BIAS, 1, 1, NULL}, i < 6);
        }
}

static void test_bias_and_activation(void)
{
    const kerf_shape shapes[] = {KERF_SCALAR,       KERF_SHAPE(1),     KERF_SHAPE(37),
                                 KERF_SHAPE(1, 37), KERF_SHAPE(11, 1), KERF_SHAPE(11, 37),
                                 KERF_SHAPE(1, 1)};
    for (size_t i = 0; i < LENGTH(shapes); i++) {
        if (op_check_small() && i % 2 == 0)
            continue;
        check((gemm_case){11, 37, 19, 0, 1, shapes[i], 1, 1, NULL}, 1);
        check((gemm_case){11, 37, 19, 1, 0, shapes[i], 0.5f, -2, NULL}, 1);
        check((gemm_case){11, 37, 19, 0, 1, shapes[i], 1, 1, "relu"}, 0);
        check((gemm_case){11, 37, 19, 0, 0, shapes[i], -1.5f, 3, "relu"}, 0);
    }
}

/* No sum at all is 0, and then only the bias is left. */
static void test_empty(void)
{
    check((gemm_case){0, 5, 3, 0, 0, NO_BIAS, 1, 1, NULL}, 0);
    check((gemm_case){5, 0, 3, 0, 1, NO_BIAS, 1, 1, NULL}, 0);
    check((gemm_case){4, 33, 0, 0, 0, NO_BIAS, 1, 1, NULL}, 0);
    check((gemm_case){4, 33, 0, 0, 1, KERF_SHAPE(33), 1, 1, NULL}, 0);
}

/* One NaN and one infinity reach their row or column and nothing else, through Relu too. */
static void test_strange_values(void)
{
    enum { M = 20, N = 40, K = 24 };
    gemm_case g = {M, N, K, 0, 1, NO_BIAS, 1, 1, "relu"};
    static float got[M * N];
    const float kept_a = a[3 * K + 5], kept_b = b[7 * K + 2];
    a[3 * K + 5] = NAN;
    b[7 * K + 2] = INFINITY;
    op_check c;
    begin(&c, &g);
    CHECK_OK(kerf__node_infer(c.node));
    kerf__op_case asked = {.dev = dev, .node = c.node};
    for (int i = 0; kerf__option_at(&asked, i, &asked.option); i++) {
        kerf_tensor *in[2], *out[1];
        CHECK_OK(kerf_tensor_create(&in[0], dev, KERF_F32, KERF_SHAPE(M, K)));
        CHECK_OK(kerf_tensor_create(&in[1], dev, KERF_F32, KERF_SHAPE(N, K)));
        CHECK_OK(kerf_tensor_create(&out[0], dev, KERF_F32, KERF_SHAPE(M, N)));
        CHECK_OK(kerf_tensor_write(in[0], a));
        CHECK_OK(kerf_tensor_write(in[1], b));
        asked.inputs = in;
        asked.outputs = out;
        CHECK_OK(naive_run_option(asked));
        CHECK_OK(kerf_tensor_read(out[0], got));
        for (int j = 0; j < M * N; j++) {
            const int row = j / N, column = j % N;
            CHECK((row == 3) == (isnan(got[j]) != 0));
            CHECK(row == 3 || column != 7 || got[j] == 0 || isinf(got[j]));
            CHECK(row == 3 || column == 7 || isfinite(got[j]));
        }
        kerf_tensor_destroy(in[0]);
        kerf_tensor_destroy(in[1]);
        kerf_tensor_destroy(out[0]);
    }
    op_check_end(&c);
    a[3 * K + 5] = kept_a;
    b[7 * K + 2] = kept_b;
}

static void check_matmul(kerf_shape left, kerf_shape right)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, left, a);
    op_check_input(&c, KERF_F32, right, b);
    op_check_node(&c, "MatMul", 1);
    const size_t k = (size_t)left.dims[left.rank - 1];
    op_check_variants(&c, ref_gemm, check_tolerance(4, k));
    op_check_gradient(&c, ref_gemm, check_tolerance(32, k + 40));
    op_check_end(&c);
}

static void test_matmul(void)
{
    check_matmul(KERF_SHAPE(5, 7), KERF_SHAPE(7, 35));
    check_matmul(KERF_SHAPE(7), KERF_SHAPE(7, 9));
    check_matmul(KERF_SHAPE(9, 7), KERF_SHAPE(7));
    check_matmul(KERF_SHAPE(7), KERF_SHAPE(7));
    check_matmul(KERF_SHAPE(3, 5, 7), KERF_SHAPE(3, 7, 9));
    check_matmul(KERF_SHAPE(3, 5, 7), KERF_SHAPE(7, 40));
    check_matmul(KERF_SHAPE(5, 7), KERF_SHAPE(2, 3, 7, 9));
    check_matmul(KERF_SHAPE(2, 1, 5, 7), KERF_SHAPE(1, 3, 7, 9));
    check_matmul(KERF_SHAPE(7), KERF_SHAPE(2, 3, 7, 9));
    check_matmul(KERF_SHAPE(2, 3, 9, 7), KERF_SHAPE(7));
}

static void check_message(const char *op, kerf_shape left, kerf_shape right, kerf_shape bias,
                          const char *must_say)
{
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, left, a);
    op_check_input(&c, KERF_F32, right, b);
    if (bias.rank >= 0)
        op_check_input(&c, KERF_F32, bias, c_);
    op_check_node(&c, op, 1);
    CHECK(kerf__node_infer(c.node) != KERF_OK);
    if (strstr(kerf_last_error(), must_say) == NULL) {
        printf("'%s' does not say '%s'\n", kerf_last_error(), must_say);
        check_failures++;
    }
    op_check_end(&c);
}

static void test_messages(void)
{
    check_message("Gemm", KERF_SHAPE(2, 3), KERF_SHAPE(4, 5), NO_BIAS,
                  "Gemm checked: in1 has an inner size of 4, must be 3 like that of in0");
    check_message("Gemm", KERF_SHAPE(2, 3, 1), KERF_SHAPE(4, 5), NO_BIAS,
                  "in0 has 3 dimensions, must have 2");
    check_message("Gemm", KERF_SHAPE(2, 3), KERF_SHAPE(3, 5), KERF_SHAPE(4),
                  "C is (4), must broadcast to (2, 5)");
    check_message("Gemm", KERF_SHAPE(1, 3), KERF_SHAPE(3, 5), KERF_SHAPE(7, 5),
                  "C is (7, 5), must broadcast to (1, 5)");
    check_message("MatMul", KERF_SHAPE(2, 3, 4), KERF_SHAPE(3, 4, 5), NO_BIAS, "broadcast");
    check_message("MatMul", KERF_SCALAR, KERF_SHAPE(3, 4), NO_BIAS, "in0 is a scalar");
    check_message("MatMul", KERF_SHAPE(2, 1, 2, 3, 4), KERF_SHAPE(1, 3, 1, 4, 5), NO_BIAS,
                  "more than two turns");
}

int main(void)
{
    dev = check_open_device();
    op_check_fill(a, MAX, 1);
    op_check_fill(b, MAX, 2);
    op_check_fill(c_, MAX, 3);
    test_sizes();
    test_bias_and_activation();
    test_empty();
    test_strange_values();
    test_matmul();
    test_messages();
    kerf_device_close(dev);
    return check_result();
}
