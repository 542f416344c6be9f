/* test_matmul_codes.c -- kerf.MatMulCodes against ref_matmul_codes.c, and packed numbers against
 * the product of the weights that they stand for. */
#include "op_check.h"
#include "ops/matmul_codes_common.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 16 };
static kerf_device *dev;
static uint8_t codes[MAX];
static float codebook[256], rows[MAX], bias[1024];

/* What a case has; the rest is 0. */
typedef struct setup {
    int bits;
    int64_t m, k, n, entries; /* entries 0: 2^bits */
    int is_turned, has_bias, relu;
} setup;

static int64_t entries_of(const setup *s)
{
    return s->entries > 0 ? s->entries : (int64_t)1 << s->bits;
}

static kerf_tensor *packed(const setup *s)
{
    static uint8_t few[MAX];
    kerf_tensor *t;
    for (int64_t i = 0; i < s->k * s->n; i++)
        few[i] = (uint8_t)(codes[i] % entries_of(s));
    CHECK_OK(kerf__codes_pack(&t, few, s->k, s->n, s->is_turned, s->bits));
    return t;
}

static void begin(op_check *c, const setup *s, const void *bytes)
{
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, KERF_SHAPE(s->m, s->k), rows);
    op_check_input(c, KERF_U8, kerf__codes_shape(s->k, s->n, s->bits), bytes);
    op_check_input(c, KERF_F32, KERF_SHAPE(entries_of(s)), codebook);
    if (s->has_bias)
        op_check_input(c, KERF_F32, KERF_SHAPE(s->n), bias);
    op_check_node(c, "kerf.MatMulCodes", 1);
    CHECK_OK(kerf_node_set_int(c->node, "bits", s->bits));
    CHECK_OK(kerf_node_set_int(c->node, "columns", s->n));
    if (s->relu)
        CHECK_OK(kerf_node_set_string(c->node, "activation", "relu"));
}

static void check(const setup *s)
{
    op_check c;
    kerf_tensor *t = packed(s);
    begin(&c, s, kerf_tensor_data(t));
    op_check_variants(&c, ref_matmul_codes, check_tolerance(4, (size_t)s->k));
    op_check_end(&c);
    kerf_tensor_destroy(t);
}

/* ---- shapes -------------------------------------------------------------------------------- */

static const setup SHAPES[] = {
    {.bits = 4, .m = 1, .k = 1, .n = 1},
    {.bits = 4, .m = 1, .k = 8, .n = 16, .has_bias = 1},
    {.bits = 4, .m = 1, .k = 96, .n = 130, .is_turned = 1},
    {.bits = 4, .m = 9, .k = 45, .n = 33, .is_turned = 1, .has_bias = 1, .relu = 1},
    {.bits = 2, .m = 3, .k = 70, .n = 35, .relu = 1},
    {.bits = 2, .m = 1, .k = 33, .n = 80},
    {.bits = 8, .m = 4, .k = 37, .n = 21, .has_bias = 1, .relu = 1},
    {.bits = 8, .m = 1, .k = 37, .n = 79, .is_turned = 1},
    {.bits = 8, .m = 17, .k = 64, .n = 48, .has_bias = 1},
    {.bits = 4, .m = 5, .k = 24, .n = 15, .entries = 11},
    {.bits = 8, .m = 2, .k = 20, .n = 7, .entries = 33},
    {.bits = 8, .m = 1, .k = 50, .n = 40, .entries = 64},
    {.bits = 8, .m = 9, .k = 31, .n = 17, .entries = 32, .has_bias = 1},
    {.bits = 8, .m = 1, .k = 31, .n = 80, .entries = 18, .is_turned = 1},
};

static void test_shapes(void)
{
    for (size_t i = 0; i < LENGTH(SHAPES); i++)
        check(&SHAPES[i]);
    if (!op_check_small())
        check(&(setup){.bits = 4, .m = 3, .k = 150, .n = 430});
}

/* Leading dimensions are rows; no rows at all give nothing. */
static void test_leading_dimensions(void)
{
    static const kerf_shape LEADING[] = {{3, {2, 3, 40}}, {1, {40}}, {2, {0, 40}}};
    const setup s = {.bits = 4, .m = 6, .k = 40, .n = 18};
    kerf_tensor *t = packed(&s);
    op_check c;
    for (size_t i = 0; i < LENGTH(LEADING); i++) {
        begin(&c, &s, kerf_tensor_data(t));
        c.inputs[0]->shape = LEADING[i];
        op_check_variants(&c, ref_matmul_codes, check_tolerance(4, 40));
        CHECK(c.node->outputs[0]->shape.dims[LEADING[i].rank - 1] == 18);
        op_check_end(&c);
    }
    kerf_tensor_destroy(t);
}

/* A row with NaN gives NaN, relu or not; other rows know nothing of it.  A number behind the last
 * entry is NaN. */
static void test_strange_numbers(void)
{
    const setup s = {.bits = 4, .m = 4, .k = 40, .n = 18, .relu = 1};
    const float kept[] = {rows[45], rows[100]};
    rows[45] = NAN;
    rows[100] = INFINITY;
    check(&s);
    rows[45] = kept[0];
    rows[100] = kept[1];
    static const setup FEW[] = {{.bits = 4, .m = 4, .k = 40, .n = 18, .entries = 15},
                                {.bits = 8, .m = 4, .k = 40, .n = 18, .entries = 25}};
    for (size_t i = 0; i < LENGTH(FEW); i++) {
        op_check c;
        begin(&c, &FEW[i], codes);
        op_check_variants(&c, ref_matmul_codes, check_tolerance(4, 40));
        op_check_end(&c);
    }
}

/* What is packed stands for the very weights. */
static void test_packing(void)
{
    enum { K = 13, N = 19 };
    const setup s = {.bits = 4, .m = 1, .k = K, .n = N, .is_turned = 1};
    double x[K], words[2 * N * 64], entries[16], want, got[N], *const out = got;
    kerf_tensor *t = packed(&s);
    op_check c;
    begin(&c, &s, kerf_tensor_data(t));
    CHECK_OK(kerf__node_infer(c.node));
    for (int p = 0; p < K; p++)
        x[p] = (double)rows[p];
    for (int i = 0; i < 16; i++)
        entries[i] = (double)codebook[i];
    for (size_t i = 0; i < t->num_elements; i++)
        words[i] = ((const uint8_t *)kerf_tensor_data(t))[i];
    ref_matmul_codes(c.node, (const double *const[]){x, words, entries}, &out);
    for (int j = 0; j < N; j++) {
        want = 0;
        for (int p = 0; p < K; p++)
            want += x[p] * entries[codes[j * K + p] % 16];
        CHECK(fabs(want - got[j]) < 1e-12);
    }
    op_check_end(&c);
    kerf_tensor_destroy(t);
}

/* ---- refused ------------------------------------------------------------------------------- */

/* With input i, or attribute `key`, as it must not be. */
static void refuse(int i, kerf_type type, kerf_shape shape, const char *key, int64_t number,
                   kerf_status status, const char *words)
{
    op_check c;
    begin(&c, &(setup){.bits = 4, .m = 2, .k = 64, .n = 5, .has_bias = 1}, codes);
    op_check_refused_with(&c, i, type, shape, key, number, status, words);
}

static void test_refused(void)
{
    refuse(0, KERF_U8, KERF_SHAPE(2, 64), NULL, 0, KERF_ERR_UNSUPPORTED,
           "input in0 is uint8, must be float32");
    refuse(0, KERF_F32, KERF_SCALAR, NULL, 0, KERF_ERR_SHAPE, "in0 must have rows");
    refuse(0, KERF_F32, KERF_SHAPE(2, 65), NULL, 0, KERF_ERR_SHAPE,
           "input in1 is (1, 512), must be (1, 576)");
    refuse(2, KERF_F32, KERF_SHAPE(4, 4), NULL, 0, KERF_ERR_SHAPE,
           "in2 must be a list of at least 1 entry");
    refuse(2, KERF_F32, KERF_SHAPE(0), NULL, 0, KERF_ERR_SHAPE,
           "in2 must be a list of at least 1 entry");
    refuse(3, KERF_F32, KERF_SHAPE(4), NULL, 0, KERF_ERR_SHAPE, "input in3 is (4), must be (5)");
    refuse(-1, KERF_U8, KERF_SCALAR, "bits", 3, KERF_ERR_UNSUPPORTED,
           "bits is 3, must be 2, 4 or 8");
    refuse(-1, KERF_U8, KERF_SCALAR, "columns", 0, KERF_ERR_SHAPE,
           "columns is 0, must be in [1, 2^31)");
    refuse(-1, KERF_U8, KERF_SCALAR, "columns", 17, KERF_ERR_SHAPE,
           "input in1 is (1, 512), must be (2, 512)");
}

int main(void)
{
    dev = check_open_device();
    for (size_t i = 0; i < MAX; i++)
        codes[i] = (uint8_t)(i * i * 31 >> 4);
    op_check_fill(rows, MAX, 1);
    op_check_fill(codebook, LENGTH(codebook), 3);
    op_check_fill(bias, LENGTH(bias), 2);
    test_packing();
    test_shapes();
    test_leading_dimensions();
    test_strange_numbers();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
