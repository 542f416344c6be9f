/* test_quantize.c -- QuantizeLinear, DequantizeLinear and what is made of them against
 * ref_quantize.c: the bits must be the same. */
#include "laid_check.h"
#include "op_check.h"
#include "ref/ref.h"
#include "ref/ref_quant.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 16 };
static kerf_device *dev;
static int num_laid; /* nodes that were checked in blocks, too */
static float x[MAX], diff[MAX], scale[MAX];
static int32_t sums[MAX];
static uint8_t integers[MAX * 4], zeros[MAX * 2];

static const kerf_type TYPES[] = {KERF_U8, KERF_S8, KERF_U16, KERF_S16,
                                  KERF_U4, KERF_S4, KERF_U2,  KERF_S2};
static const char *const OPS[] = {"QuantizeLinear", "DequantizeLinear", "kerf.FakeQuant",
                                  "kerf.QuantizeGrad"};

/* ---- what goes in -------------------------------------------------------------------------- */

static unsigned noise(size_t i, unsigned seed)
{
    unsigned s = (unsigned)i * 2654435761u + seed * 40503u + 12345u;
    s ^= s >> 15;
    s *= 2246822519u;
    return s ^ s >> 13;
}

static void fill_bytes(uint8_t *bytes, size_t num, unsigned seed)
{
    for (size_t i = 0; i < num; i++)
        bytes[i] = (uint8_t)noise(i, seed);
}

/* From beyond one end of what the type holds to beyond the other; every other number is next to,
 * or at, the middle of two integers, where a quotient that is off by a bit shows. */
static void fill_floats(kerf_type type, size_t num, float by)
{
    const double span = ldexp(1, (int)kerf_type_bits(type) + 1);
    for (size_t i = 0; i < num; i++) {
        const double at = floor(((double)(noise(i, 1) >> 8) / 16777216.0 - 0.5) * span);
        x[i] = (float)((at + (i % 2 == 0 ? 0.5 : 0.3)) * (double)by);
        if (i % 6 == 2)
            x[i] = nextafterf(x[i], i % 4 == 0 ? 1e30f : -1e30f);
    }
}

static void fill_scales(size_t num)
{
    for (size_t i = 0; i < num; i++)
        scale[i] = 0.01f + (float)(noise(i, 2) % 1000u) / 30011.0f;
}

/* Of any size. */
static void fill_sums(size_t num)
{
    for (size_t i = 0; i < num; i++)
        sums[i] = (int32_t)noise(i, 4) >> (i % 24);
}

static void add_source(op_check *c, const char *op, kerf_type type, kerf_shape shape)
{
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    if (strcmp(op, "DequantizeLinear") == 0) {
        fill_bytes(integers, num * 2, 3);
        op_check_input(c, type, shape, integers);
    } else {
        op_check_input(c, KERF_F32, shape, x);
    }
    if (strcmp(op, "kerf.QuantizeGrad") == 0) {
        op_check_fill(diff, num, 5);
        op_check_input(c, KERF_F32, shape, diff);
    }
}

static void set_geometry(op_check *c, int axis, int block_size)
{
    if (axis != 1)
        CHECK_OK(kerf_node_set_int(c->node, "axis", axis));
    if (block_size > 0)
        CHECK_OK(kerf_node_set_int(c->node, "block_size", block_size));
}

/* ---- types and shapes ------------------------------------------------------------------------ */

static void check(const char *op, kerf_type type, kerf_shape shape, kerf_shape scales, int axis,
                  int block_size)
{
    op_check c;
    op_check_begin(&c, dev);
    add_source(&c, op, type, shape);
    op_check_input(&c, KERF_F32, scales, scale);
    op_check_input(&c, type, scales, zeros);
    op_check_node(&c, op, 1);
    set_geometry(&c, axis, block_size);
    op_check_variants(&c, ref_quantize, 0);
    num_laid += laid_check(&c, ref_quantize, 0);
    op_check_end(&c);
}

/* Both ways in every type; what is made of them, which differs no more by type, in some. */
static void test_types(void)
{
    enum { BOTH_WAYS = 2 };
    const size_t num = op_check_small() ? 75 : 20003;
    fill_bytes(zeros, 16, 6);
    for (size_t i = 0; i < LENGTH(TYPES); i++) {
        fill_scales(1);
        fill_floats(TYPES[i], num, scale[0]);
        const int is_some = TYPES[i] == KERF_S8 || TYPES[i] == KERF_U4;
        for (size_t k = 0; k < (is_some ? LENGTH(OPS) : BOTH_WAYS); k++)
            check(OPS[k], TYPES[i], KERF_SHAPE((int64_t)num), KERF_SCALAR, 1, 0);
    }
}

static const struct {
    kerf_shape shape, scales;
    int axis, block_size;
} PLACES[] = {
    {{0, {0}}, {0, {0}}, 1, 0},
    {{2, {3, 0}}, {1, {3}}, 0, 0},
    {{2, {0, 5}}, {1, {5}}, 1, 0},
    {{1, {67}}, {1, {1}}, 1, 0},
    {{2, {5, 33}}, {1, {5}}, 0, 0},      /* long rows of one scale */
    {{2, {5, 33}}, {1, {33}}, -1, 0},    /* scales side by side */
    {{4, {2, 7, 3, 3}}, {1, {7}}, 1, 0}, /* shorter than a vector */
    {{2, {3, 70}}, {2, {3, 3}}, 1, 32},  /* blocks in a row, the last one short */
    {{2, {2, 176}}, {2, {2, 3}}, 1, 64}, /* of whole vectors, all of them */
    {{2, {3, 7}}, {2, {3, 4}}, 1, 2},
    {{2, {9, 21}}, {2, {3, 21}}, 0, 4}, /* blocks of rows */
    {{3, {2, 5, 19}}, {3, {2, 2, 19}}, 1, 3},
    {{2, {4, 20}}, {2, {4, 20}}, 1, 1},
    {{2, {4, 20}}, {2, {4, 1}}, -1, 64},
};

static void test_places(void)
{
    static const kerf_type SOME[] = {KERF_S8, KERF_U4};
    fill_scales(200);
    fill_bytes(zeros, 200, 7);
    for (size_t t = 0; t < LENGTH(SOME); t++) {
        fill_floats(SOME[t], 1000, 0.03f);
        for (size_t i = 0; i < LENGTH(PLACES); i++)
            for (size_t k = 0; k < LENGTH(OPS); k++)
                check(OPS[k], SOME[t], PLACES[i].shape, PLACES[i].scales, PLACES[i].axis,
                      PLACES[i].block_size);
    }
}

/* Numbers of one scale are rounded, and come back, as they lie. */
static void test_blocks(void)
{
    const int before = num_laid;
    fill_scales(1);
    fill_bytes(zeros, 2, 9);
    fill_floats(KERF_U8, 1000, scale[0]);
    for (size_t k = 0; k < LENGTH(OPS); k++)
        check(OPS[k], KERF_U8, KERF_SHAPE(2, 20, 3, 3), KERF_SCALAR, 1, 0);
    const op_check asked = {.dev = dev};
    CHECK(num_laid - before == (laid_is_done_on(&asked) ? (int)LENGTH(OPS) : 0));
}

/* Many pieces: rows of one scale, and scales along rows. */
static void test_large(void)
{
    if (op_check_small())
        return;
    fill_scales(3000);
    fill_bytes(zeros, 3000, 8);
    fill_floats(KERF_S8, 60000, 0.03f);
    for (size_t k = 0; k < LENGTH(OPS); k++) {
        check(OPS[k], KERF_S8, KERF_SHAPE(20, 3000), KERF_SHAPE(20), 0, 0);
        check(OPS[k], KERF_U4, KERF_SHAPE(20, 3000), KERF_SHAPE(3000), 1, 0);
    }
}

/* ---- what may be left out -------------------------------------------------------------------- */

/* No zero point is 0 of uint8, or of what output_dtype says; int32 comes back. */
static void test_without_zero_point(void)
{
    static const struct {
        const char *op;
        int dtype;
    } CASES[] = {{"QuantizeLinear", 0},   {"QuantizeLinear", 2},  {"QuantizeLinear", 3},
                 {"QuantizeLinear", 4},   {"QuantizeLinear", 5},  {"QuantizeLinear", 21},
                 {"QuantizeLinear", 22},  {"QuantizeLinear", 25}, {"QuantizeLinear", 26},
                 {"DequantizeLinear", 1}, {"kerf.FakeQuant", 3},  {"kerf.QuantizeGrad", 21}};
    fill_scales(1);
    fill_floats(KERF_S8, 100, scale[0]);
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        op_check c;
        op_check_begin(&c, dev);
        add_source(&c, CASES[i].op, KERF_S8, KERF_SHAPE(50));
        op_check_input(&c, KERF_F32, KERF_SHAPE(1), scale);
        op_check_node(&c, CASES[i].op, 1);
        if (CASES[i].dtype > 0)
            CHECK_OK(kerf_node_set_int(c.node, "output_dtype", CASES[i].dtype));
        op_check_variants(&c, ref_quantize, 0);
        op_check_end(&c);
    }
}

static void test_int32_comes_back(void)
{
    op_check c;
    const int32_t zero = 0;
    fill_sums(1001);
    sums[0] = INT32_MIN;
    sums[1] = INT32_MAX;
    fill_scales(7);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_S32, KERF_SHAPE(7, 43), sums);
    op_check_input(&c, KERF_F32, KERF_SHAPE(7), scale);
    op_check_node(&c, "DequantizeLinear", 1);
    CHECK_OK(kerf_node_set_int(c.node, "axis", 0));
    op_check_variants(&c, ref_quantize, 0);
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_S32, KERF_SHAPE(43), sums);
    op_check_input(&c, KERF_F32, KERF_SCALAR, scale);
    op_check_constant(&c, KERF_S32, KERF_SCALAR, &zero);
    op_check_node(&c, "DequantizeLinear", 1);
    op_check_variants(&c, ref_quantize, 0);
    op_check_end(&c);
}

/* ---- the strange --------------------------------------------------------------------------- */

/* NaN is the zero point and passes no gradient; infinities and what overflows saturate. */
static void test_strange_numbers(void)
{
    static const float STRANGE[] = {NAN,    INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, 1e-45f, -0.0f,
                                    1e20f,  -1e20f,   2.5f,      3.5f,    -2.5f,    127.5f, -128.5f,
                                    254.5f, 255.5f,   0.5f,      -0.5f,   1.5f,     0x1p21f};
    static const float SCALES[] = {1.0f, 0x1p-126f, 0x1p100f, 1e-3f};
    for (size_t i = 0; i < 100; i++)
        x[i] = STRANGE[i % LENGTH(STRANGE)];
    fill_bytes(zeros, 16, 9);
    for (size_t i = 0; i < LENGTH(SCALES); i++) {
        scale[0] = SCALES[i];
        for (size_t k = 0; k < LENGTH(OPS); k++)
            check(OPS[k], KERF_S8, KERF_SHAPE(100), KERF_SCALAR, 1, 0);
        check("QuantizeLinear", KERF_U16, KERF_SHAPE(100), KERF_SCALAR, 1, 0);
    }
}

/* Scales that no constant may have make every number the zero point. */
static void test_strange_scales(void)
{
    static const float SCALES[] = {0.0f, -0.0f, NAN, INFINITY, 1e-40f, 0x1.1p100f, -0.25f};
    fill_floats(KERF_S8, 50, 1.0f);
    for (size_t i = 0; i < LENGTH(SCALES); i++) {
        scale[0] = SCALES[i];
        check("QuantizeLinear", KERF_S8, KERF_SHAPE(50), KERF_SCALAR, 1, 0);
        check("kerf.QuantizeGrad", KERF_S8, KERF_SHAPE(50), KERF_SCALAR, 1, 0);
    }
}

/* As ONNX's document has it, by hand. */
static void test_known(void)
{
    const kerf_quant q = ref_quant_range(KERF_S8, 1, 0);
    CHECK(ref_quant_of_float(-2.5, q) == -2 && ref_quant_of_float(-1.5, q) == -2 &&
          ref_quant_of_float(0.5, q) == 0);
    CHECK(ref_quant_of_float(1.5, q) == 2 && ref_quant_of_float(2.5, q) == 2 &&
          ref_quant_of_float(127.5, q) == 127);
    CHECK(ref_quant_of_float(-129, q) == -128 && ref_quant_of_float((double)NAN, q) == 0);
    CHECK(ref_quant_is_within(127.4, q) && !ref_quant_is_within(127.5, q));
    CHECK(ref_quant_is_within(-128.5, q) && !ref_quant_is_within(-128.6, q));
    CHECK(ref_quant_of_sum(1000, 0.0625, q) == 62 && ref_quant_of_sum(1016, 0.0625, q) == 64);
    CHECK(ref_quant_range(KERF_U2, 1, 0).qmax == 3 &&
          ref_quant_range(KERF_S16, 1, 0).qmin == -32768);
}

/* Over a whole step the slope of what goes there and comes back is 1, beyond the range 0. */
static void test_slope(void)
{
    const kerf_quant q = ref_quant_range(KERF_S4, 0.1, 2);
    for (int i = -150; i <= 150; i++) {
        const double at = 0.01 * i + 0.003, step = (double)q.scale;
        const double there = ref_quant_to_float(ref_quant_of_float(at, q), q);
        const double beyond = ref_quant_to_float(ref_quant_of_float(at + step, q), q);
        const double slope = (beyond - there) / step;
        if (ref_quant_is_within(at, q) == ref_quant_is_within(at + step, q))
            CHECK(fabs(slope - ref_quant_is_within(at, q)) < 1e-5);
    }
}

/* Quantizing what came back changes nothing. */
static void test_twice_is_once(void)
{
    for (size_t t = 0; t < LENGTH(TYPES); t++)
        for (int i = 0; i < 1000; i++) {
            const kerf_quant q = ref_quant_range(TYPES[t], 0.0123, 1);
            const double once = ref_quant_of_float(0.0017 * (i - 500), q);
            CHECK(ref_quant_of_float(ref_quant_to_float(once, q), q) == once);
        }
}

/* ---- ranges -------------------------------------------------------------------------------- */

static void test_range(void)
{
    static const float RANGES[][2] = {
        {-1, 2},          {0, 0},       {1, 3},        {-3, -1},        {-0.5f, 254.5f},
        {-1e-45f, 0},     {-1e-30f, 0}, {0, 1e-36f},   {-3e38f, 3e38f}, {-2, INFINITY},
        {-INFINITY, 0.5}, {NAN, NAN},   {-FLT_MAX, 0}, {-0.7f, 0.3f},   {-1.0f / 3, 0.1f},
    };
    for (size_t i = 0; i < LENGTH(RANGES); i++) {
        op_check c;
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, KERF_SCALAR, &RANGES[i][0]);
        op_check_input(&c, KERF_F32, KERF_SCALAR, &RANGES[i][1]);
        op_check_node(&c, "kerf.QuantizeRange", 2);
        op_check_variants(&c, ref_quantize, 0);
        op_check_end(&c);
    }
}

/* Bytes that saturate as integers of fewer bits. */
static void test_bits(void)
{
    for (int bits = 2; bits < 8; bits += 2) {
        op_check c;
        memset(zeros, 0, 200);
        for (size_t i = 0; i < 5; i++)
            scale[i] = 0.07f * (float)(i + 1);
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, KERF_SHAPE(5, 13), x);
        op_check_input(&c, KERF_F32, KERF_SHAPE(5), scale);
        op_check_input(&c, KERF_S8, KERF_SHAPE(5), zeros);
        op_check_node(&c, "QuantizeLinear", 1);
        CHECK_OK(kerf_node_set_int(c.node, "axis", 0));
        CHECK_OK(kerf_node_set_int(c.node, "bits", bits));
        op_check_variants(&c, ref_quantize, 0);
        op_check_end(&c);
    }
}

/* ---- refused ------------------------------------------------------------------------------- */

/* A QuantizeLinear of (2, 5, 3), or the way back. */
static void refuse(const char *op, kerf_type type, kerf_shape scales, float first, kerf_type zero,
                   kerf_shape zero_shape, const char *key, int64_t number, kerf_status status,
                   const char *words)
{
    op_check c;
    for (size_t i = 0; i < 30; i++)
        scale[i] = 1;
    scale[0] = first;
    memset(zeros, 1, 200);
    op_check_begin(&c, dev);
    op_check_input(&c, type, KERF_SHAPE(2, 5, 3), x);
    op_check_constant(&c, KERF_F32, scales, scale);
    op_check_constant(&c, zero, zero_shape, zeros);
    op_check_node(&c, op, 1);
    if (key != NULL)
        CHECK_OK(kerf_node_set_int(c.node, key, number));
    op_check_refused(&c, status, words);
    op_check_end(&c);
}

static void test_refused(void)
{
    static const char QL[] = "QuantizeLinear", DQ[] = "DequantizeLinear";
    static const kerf_shape ONE = {0, {0}};
    static const struct {
        float scale;
        const char *words;
    } SCALES[] = {{0, "element 0 of in1 is 0, must be in [2^-126, 2^100]"},
                  {-1, "element 0 of in1 is -1, must be"},
                  {INFINITY, "element 0 of in1 is inf, must be"},
                  {NAN, "element 0 of in1 is nan, must be"},
                  {1e-40f, "element 0 of in1 is 9.99995e-41, must be"}};
    for (size_t i = 0; i < LENGTH(SCALES); i++)
        refuse(QL, KERF_F32, ONE, SCALES[i].scale, KERF_U8, ONE, NULL, 0, KERF_ERR_SHAPE,
               SCALES[i].words);
    refuse(QL, KERF_F32, KERF_SHAPE(4), 1, KERF_U8, KERF_SHAPE(4), NULL, 0, KERF_ERR_SHAPE,
           "input in1 is (4), must be (5)");
    refuse(QL, KERF_F32, KERF_SHAPE(5), 1, KERF_U8, KERF_SHAPE(5), "axis", 3, KERF_ERR_SHAPE,
           "axis is 3, must be in [-3, 2]");
    refuse(QL, KERF_F32, KERF_SHAPE(5), 1, KERF_U8, KERF_SHAPE(5), "block_size", 2, KERF_ERR_SHAPE,
           "input in1 is (5), must be (2, 3, 3)");
    refuse(QL, KERF_F32, KERF_SHAPE(5), 1, KERF_U8, KERF_SHAPE(5), "block_size", -2, KERF_ERR_SHAPE,
           "block_size is -2, must be 0 or more");
    refuse(QL, KERF_F32, KERF_SHAPE(5), 1, KERF_U8, ONE, NULL, 0, KERF_ERR_SHAPE,
           "input in2 is (), must be (5)");
    refuse(QL, KERF_F32, ONE, 1, KERF_S8, ONE, "output_dtype", 2, KERF_ERR_UNSUPPORTED,
           "output_dtype is 2, must be that of int8");
    refuse(QL, KERF_F32, ONE, 1, KERF_S8, ONE, "precision", 10, KERF_ERR_UNSUPPORTED,
           "precision is 10, must be that of float32");
    refuse(QL, KERF_F32, ONE, 1, KERF_S32, ONE, NULL, 0, KERF_ERR_UNSUPPORTED,
           "its integers are int32, must be of 2, 4, 8 or 16 bits");
    refuse(QL, KERF_S32, ONE, 1, KERF_S8, ONE, NULL, 0, KERF_ERR_UNSUPPORTED,
           "input in0 is int32, must be float32");
    refuse(DQ, KERF_F32, ONE, 1, KERF_U8, ONE, NULL, 0, KERF_ERR_UNSUPPORTED,
           "its integers are float32, must be of 2, 4, 8 or 16 bits, or int32");
    refuse(DQ, KERF_U8, ONE, 1, KERF_S8, ONE, NULL, 0, KERF_ERR_UNSUPPORTED,
           "input in2 is int8, must be uint8");
    refuse(DQ, KERF_S32, ONE, 1, KERF_S32, ONE, NULL, 0, KERF_ERR_UNSUPPORTED,
           "zero point in2 of int32 must be a constant 0");
    refuse(DQ, KERF_U8, ONE, 1, KERF_U8, ONE, "output_dtype", 10, KERF_ERR_UNSUPPORTED,
           "output_dtype is 10, must be that of float32");
    refuse(QL, KERF_F32, ONE, 1, KERF_U8, ONE, "bits", 4, KERF_ERR_UNSUPPORTED,
           "bits is 4, must be from 2 to 7, of integers that are int8");
}

int main(void)
{
    dev = check_open_device();
    test_known();
    test_slope();
    test_twice_is_once();
    test_types();
    test_places();
    test_blocks();
    test_large();
    test_without_zero_point();
    test_int32_comes_back();
    test_strange_numbers();
    test_strange_scales();
    test_range();
    test_bits();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
