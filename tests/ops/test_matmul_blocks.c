/* test_matmul_blocks.c -- kerf.PackBlocks and kerf.MatMulBlocks against ref_matmul_blocks.c: packed
 * bytes must be the same; products are those by the very weights that were packed. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 16 };
static kerf_device *dev;
static uint8_t bytes[2][MAX];
static float scales[MAX], rows[MAX], bias[1024];

static const kerf_type TYPES[] = {KERF_U8, KERF_S8, KERF_U4, KERF_S4, KERF_U2, KERF_S2};

/* What a case has; the rest is 0. */
typedef struct setup {
    kerf_type type;
    int64_t m, k, n;
    int block_size, is_turned, has_columns; /* scales: one a block, else one a column, or one */
    int has_zero, has_bias, relu;
} setup;

static void fill(void)
{
    uint32_t s = 99;
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < MAX; i++) {
            s ^= s << 13;
            s ^= s >> 17;
            s ^= s << 5;
            bytes[k][i] = (uint8_t)(s >> 7);
        }
    for (size_t i = 0; i < MAX; i++)
        scales[i] = 0.001f * (float)(1 + bytes[1][i]);
    op_check_fill(rows, MAX, 1);
    op_check_fill(bias, LENGTH(bias), 2);
}

static kerf_shape scale_shape(const setup *s)
{
    const int64_t blocks = s->block_size > 0 ? (s->k + s->block_size - 1) / s->block_size : 1;
    if (s->block_size == 0)
        return s->has_columns ? KERF_SHAPE(s->n) : KERF_SCALAR;
    return s->is_turned ? KERF_SHAPE(s->n, blocks) : KERF_SHAPE(blocks, s->n);
}

static void begin_pack(op_check *c, const setup *s)
{
    op_check_begin(c, dev);
    op_check_input(c, s->type, s->is_turned ? KERF_SHAPE(s->n, s->k) : KERF_SHAPE(s->k, s->n),
                   bytes[0]);
    op_check_input(c, KERF_F32, scale_shape(s), scales);
    if (s->has_zero)
        op_check_input(c, s->type, scale_shape(s), bytes[1]);
    op_check_node(c, "kerf.PackBlocks", 1);
    CHECK_OK(kerf_node_set_int(c->node, "block_size", s->block_size));
    CHECK_OK(kerf_node_set_int(c->node, "transB", s->is_turned));
}

/* Zero points of integers with a sign are half their range, where there are none. */
static void begin_product(op_check *c, const setup *s, kerf_shape packed, const void *data)
{
    const int bits = (int)kerf_type_bits(s->type);
    const int has_sign = s->type == KERF_S8 || s->type == KERF_S4 || s->type == KERF_S2;
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, KERF_SHAPE(s->m, s->k), rows);
    op_check_input(c, KERF_U8, packed, data);
    if (s->has_bias)
        op_check_input(c, KERF_F32, KERF_SHAPE(s->n), bias);
    op_check_node(c, "kerf.MatMulBlocks", 1);
    CHECK_OK(kerf_node_set_int(c->node, "bits", bits));
    CHECK_OK(kerf_node_set_int(c->node, "columns", s->n));
    CHECK_OK(kerf_node_set_int(c->node, "block_size", s->block_size));
    CHECK_OK(kerf_node_set_int(c->node, "zero", has_sign ? 1 << (bits - 1) : 0));
    if (s->relu)
        CHECK_OK(kerf_node_set_string(c->node, "activation", "relu"));
}

/* The bytes that a packing node stands for. */
static uint8_t *packed_bytes(const op_check *pack)
{
    const size_t num = op_check_elements(pack->node->outputs[0]);
    double *numbers = calloc(num + 1, sizeof *numbers);
    uint8_t *out = malloc(num + 1);
    ref_matmul_blocks(pack->node, (const double *const *)pack->numbers, &numbers);
    for (size_t i = 0; i < num; i++)
        out[i] = (uint8_t)numbers[i];
    free(numbers);
    return out;
}

static void check(const setup *s)
{
    op_check pack, product;
    begin_pack(&pack, s);
    op_check_variants(&pack, ref_matmul_blocks, 0);
    uint8_t *packed = packed_bytes(&pack);
    begin_product(&product, s, pack.node->outputs[0]->shape, packed);
    op_check_variants(&product, ref_matmul_blocks, check_tolerance(4, (size_t)s->k));
    op_check_end(&product);
    op_check_end(&pack);
    free(packed);
}

/* ---- types and shapes ---------------------------------------------------------------------- */

static void test_types(void)
{
    for (size_t i = 0; i < LENGTH(TYPES); i++)
        for (int has_zero = 0; has_zero <= 1; has_zero++)
            check(&(setup){.type = TYPES[i],
                           .m = 5,
                           .k = 83, /* the last block, and its last word, are short */
                           .n = 19,
                           .block_size = 32,
                           .has_zero = has_zero});
}

static const setup SHAPES[] = {
    {.type = KERF_S4, .m = 1, .k = 1, .n = 1},
    {.type = KERF_S4, .m = 1, .k = 8, .n = 16, .has_bias = 1},
    {.type = KERF_S4, .m = 1, .k = 96, .n = 130, .block_size = 32, .is_turned = 1},
    {.type = KERF_U4, .m = 9, .k = 45, .n = 33, .block_size = 16, .is_turned = 1, .has_zero = 1},
    {.type = KERF_U2, .m = 3, .k = 70, .n = 35, .block_size = 16, .has_zero = 1, .relu = 1},
    {.type = KERF_S8, .m = 4, .k = 37, .n = 21, .has_columns = 1, .has_bias = 1, .relu = 1},
    {.type = KERF_S8, .m = 2, .k = 37, .n = 21, .has_columns = 1, .is_turned = 1, .has_zero = 1},
    {.type = KERF_U8, .m = 17, .k = 64, .n = 48, .block_size = 64, .has_zero = 1, .has_bias = 1},
    {.type = KERF_S2, .m = 1, .k = 512, .n = 80, .block_size = 256},
    {.type = KERF_U4, .m = 8, .k = 24, .n = 15, .block_size = 8, .has_bias = 1},
    {.type = KERF_S4, .m = 2, .k = 20, .n = 7, .block_size = 32, .has_zero = 1},
};

static void test_shapes(void)
{
    for (size_t i = 0; i < LENGTH(SHAPES); i++)
        check(&SHAPES[i]);
    if (!op_check_small())
        check(&(setup){.type = KERF_S4, .m = 3, .k = 300, .n = 430, .block_size = 32});
}

/* Leading dimensions are rows; no rows at all give nothing. */
static void test_leading_dimensions(void)
{
    static const kerf_shape LEADING[] = {{3, {2, 3, 40}}, {1, {40}}, {2, {0, 40}}};
    const setup s = {.type = KERF_S4, .m = 6, .k = 40, .n = 18, .block_size = 16};
    op_check pack, product;
    begin_pack(&pack, &s);
    CHECK_OK(kerf__node_infer(pack.node));
    uint8_t *packed = packed_bytes(&pack);
    for (size_t i = 0; i < LENGTH(LEADING); i++) {
        begin_product(&product, &s, pack.node->outputs[0]->shape, packed);
        product.inputs[0]->shape = LEADING[i];
        op_check_variants(&product, ref_matmul_blocks, check_tolerance(4, 40));
        CHECK(product.node->outputs[0]->shape.dims[LEADING[i].rank - 1] == 18);
        op_check_end(&product);
    }
    op_check_end(&pack);
    free(packed);
}

/* A row with NaN gives NaN, relu or not; other rows know nothing of it. */
static void test_strange_numbers(void)
{
    const float kept[] = {rows[45], rows[100]};
    rows[45] = NAN;
    rows[100] = INFINITY;
    check(&(setup){.type = KERF_S4, .m = 4, .k = 40, .n = 18, .block_size = 16, .relu = 1});
    rows[45] = kept[0];
    rows[100] = kept[1];
}

/* ---- refused ------------------------------------------------------------------------------- */

/* With input i, or attribute `key`, as it must not be. */
static void refuse_pack(int i, kerf_type type, kerf_shape shape, const char *key, int64_t number,
                        kerf_status status, const char *words)
{
    op_check c;
    begin_pack(&c, &(setup){.type = KERF_S4, .k = 64, .n = 5, .block_size = 32, .has_zero = 1});
    op_check_refused_with(&c, i, type, shape, key, number, status, words);
}

static void test_pack_refused(void)
{
    refuse_pack(0, KERF_U16, KERF_SHAPE(64, 5), NULL, 0, KERF_ERR_UNSUPPORTED,
                "in0 is uint16, must be of 2, 4 or 8 bits");
    refuse_pack(0, KERF_BOOL, KERF_SHAPE(64, 5), NULL, 0, KERF_ERR_UNSUPPORTED,
                "in0 is bool, must be of 2, 4 or 8 bits");
    refuse_pack(0, KERF_S4, KERF_SHAPE(64, 0), NULL, 0, KERF_ERR_SHAPE,
                "in0 must be a matrix of at least 1 and less than 2^31 elements");
    refuse_pack(0, KERF_S4, KERF_SHAPE(64), NULL, 0, KERF_ERR_SHAPE, "in0 must be a matrix");
    refuse_pack(1, KERF_F32, KERF_SHAPE(5, 2), NULL, 0, KERF_ERR_SHAPE,
                "input in1 is (5, 2), must be (2, 5)");
    refuse_pack(1, KERF_S4, KERF_SHAPE(2, 5), NULL, 0, KERF_ERR_UNSUPPORTED,
                "input in1 is int4, must be float32");
    refuse_pack(2, KERF_U4, KERF_SHAPE(2, 5), NULL, 0, KERF_ERR_UNSUPPORTED,
                "input in2 is uint4, must be int4");
    refuse_pack(2, KERF_S4, KERF_SCALAR, NULL, 0, KERF_ERR_SHAPE,
                "input in2 is (), must be (2, 5)");
    refuse_pack(-1, KERF_S4, KERF_SCALAR, "block_size", 20, KERF_ERR_UNSUPPORTED,
                "block_size is 20, must be a multiple of 8, for words of 32 bits");
    refuse_pack(-1, KERF_S4, KERF_SCALAR, "block_size", -8, KERF_ERR_UNSUPPORTED,
                "block_size is -8, must be a multiple of 8");
}

static void refuse_product(int i, kerf_type type, kerf_shape shape, const char *key, int64_t number,
                           kerf_status status, const char *words)
{
    op_check c;
    begin_product(
        &c, &(setup){.type = KERF_S4, .m = 2, .k = 64, .n = 5, .block_size = 32, .has_bias = 1},
        KERF_SHAPE(1, 2, 320), bytes[0]);
    op_check_refused_with(&c, i, type, shape, key, number, status, words);
}

static void test_product_refused(void)
{
    refuse_product(0, KERF_U8, KERF_SHAPE(2, 64), NULL, 0, KERF_ERR_UNSUPPORTED,
                   "input in0 is uint8, must be float32");
    refuse_product(0, KERF_F32, KERF_SCALAR, NULL, 0, KERF_ERR_SHAPE, "in0 must have rows");
    refuse_product(0, KERF_F32, KERF_SHAPE(2, 97), NULL, 0, KERF_ERR_SHAPE,
                   "input in1 is (1, 2, 320), must be (1, 4, 320)");
    refuse_product(1, KERF_U8, KERF_SHAPE(2, 320), NULL, 0, KERF_ERR_SHAPE,
                   "in1 has 2 dimensions, must have 3");
    refuse_product(1, KERF_U8, KERF_SHAPE(1, 2, 448), NULL, 0, KERF_ERR_SHAPE,
                   "input in1 is (1, 2, 448), must be (1, 2, 384)");
    refuse_product(2, KERF_F32, KERF_SHAPE(4), NULL, 0, KERF_ERR_SHAPE,
                   "input in2 is (4), must be (5)");
    refuse_product(-1, KERF_U8, KERF_SCALAR, "bits", 3, KERF_ERR_UNSUPPORTED,
                   "bits is 3, must be 2, 4 or 8");
    refuse_product(-1, KERF_U8, KERF_SCALAR, "columns", 0, KERF_ERR_SHAPE,
                   "columns is 0, must be in [1, 2^31)");
    refuse_product(-1, KERF_U8, KERF_SCALAR, "columns", 17, KERF_ERR_SHAPE,
                   "input in1 is (1, 2, 320), must be (2, 2, 320)");
    refuse_product(-1, KERF_U8, KERF_SCALAR, "block_size", 4, KERF_ERR_UNSUPPORTED,
                   "block_size is 4, must be a multiple of 8");
}

int main(void)
{
    dev = check_open_device();
    fill();
    test_types();
    test_shapes();
    test_leading_dimensions();
    test_strange_numbers();
    test_pack_refused();
    test_product_refused();
    kerf_device_close(dev);
    return check_result();
}
