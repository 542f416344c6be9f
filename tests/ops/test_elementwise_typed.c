/* test_elementwise_typed.c -- formulas on elements of any type against ref_elementwise.c: bits must
 * agree, but for powers of floats. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 16 };
static kerf_device *dev;
static int64_t bytes[MAX]; /* any type's */

enum { INTS = 1, FLOATS = 2, BOOLS = 4 };
static const struct {
    kerf_type type;
    unsigned is;
} TYPES[] = {{KERF_S32, INTS},   {KERF_F32, FLOATS}, {KERF_BOOL, BOOLS},
             {KERF_S64, INTS},   {KERF_U8, INTS},    {KERF_S8, INTS},
             {KERF_F16, FLOATS}, {KERF_S16, INTS},   {KERF_U16, INTS}};

static const struct row {
    const char *op;
    int num;
    unsigned takes;
    const char *key; /* an attribute of 1, or a text */
    const char *text;
} ROWS[] = {
    {"Abs", 1, INTS, NULL, NULL},
    {"Add", 2, INTS, NULL, NULL},
    {"And", 2, BOOLS, NULL, NULL},
    {"BitShift", 2, INTS, "direction", "LEFT"},
    {"BitwiseAnd", 2, INTS, NULL, NULL},
    {"BitwiseNot", 1, INTS, NULL, NULL},
    {"BitwiseOr", 2, INTS, NULL, NULL},
    {"BitwiseXor", 2, INTS, NULL, NULL},
    {"Div", 2, INTS, NULL, NULL},
    {"Equal", 2, INTS | FLOATS | BOOLS, NULL, NULL},
    {"Greater", 2, INTS | FLOATS, NULL, NULL},
    {"GreaterOrEqual", 2, INTS | FLOATS, NULL, NULL},
    {"IsInf", 1, FLOATS, NULL, NULL},
    {"IsNaN", 1, FLOATS, NULL, NULL},
    {"Less", 2, INTS | FLOATS, NULL, NULL},
    {"LessOrEqual", 2, INTS | FLOATS, NULL, NULL},
    {"Max", 2, INTS, NULL, NULL},
    {"Min", 2, INTS, NULL, NULL},
    {"Mod", 2, INTS, NULL, NULL},
    {"Mod", 2, INTS, "fmod", NULL},
    {"Mul", 2, INTS, NULL, NULL},
    {"Neg", 1, INTS, NULL, NULL},
    {"Not", 1, BOOLS, NULL, NULL},
    {"Or", 2, BOOLS, NULL, NULL},
    {"Pow", 2, INTS, NULL, NULL},
    {"Sign", 1, INTS, NULL, NULL},
    {"Sub", 2, INTS, NULL, NULL},
    {"Xor", 2, BOOLS, NULL, NULL},
};

/* Numbers from -9 to 9, or as many from 0 on; float16 has a table of some. */
static void fill(kerf_type type, size_t num, unsigned seed)
{
    static const uint16_t HALVES[] = {0x0000, 0x3C00, 0xC000, 0x5640, 0x7C00, 0xFC00, 0x3800};
    for (size_t i = 0; i < num; i++) {
        const unsigned x = ((unsigned)(i + seed) * 2654435761u >> 20) % 19u;
        const int s = (int)x - 9;
        switch (type) {
        case KERF_F32:
            ((float *)bytes)[i] = x == 18 ? (seed & 1u ? -INFINITY : INFINITY) : 0.5f * (float)s;
            break;
        case KERF_F16:
            ((uint16_t *)bytes)[i] = HALVES[x % LENGTH(HALVES)];
            break;
        case KERF_S32:
            ((int32_t *)bytes)[i] = s;
            break;
        case KERF_S64:
            bytes[i] = s;
            break;
        case KERF_S8:
            ((int8_t *)bytes)[i] = (int8_t)s;
            break;
        case KERF_S16:
            ((int16_t *)bytes)[i] = (int16_t)s;
            break;
        case KERF_U16:
            ((uint16_t *)bytes)[i] = (uint16_t)x;
            break;
        default:
            ((uint8_t *)bytes)[i] = (uint8_t)(type == KERF_BOOL ? x & 1u : x);
        }
    }
}

static void add_input(op_check *c, kerf_type type, kerf_shape shape)
{
    fill(type, (size_t)kerf_shape_num_elements(shape), (unsigned)c->num_inputs + 1);
    op_check_input(c, type, shape, bytes);
}

/* From 0 to 6: what one may shift by, and raise to without leaving what a float holds. */
static void add_small(op_check *c, kerf_type type, kerf_shape shape)
{
    const size_t num = (size_t)kerf_shape_num_elements(shape), width = kerf_type_bits(type) / 8;
    memset(bytes, 0, num * width);
    for (size_t i = 0; i < num; i++)
        ((char *)bytes)[i * width] = (char)(i % 7); /* the lowest byte comes first */
    op_check_input(c, type, shape, bytes);
}

static void check(const struct row *row, kerf_type type, kerf_shape a, kerf_shape b)
{
    op_check c;
    op_check_begin(&c, dev);
    add_input(&c, type, a);
    if (strcmp(row->op, "BitShift") == 0 || strcmp(row->op, "Pow") == 0)
        add_small(&c, type, b);
    else if (row->num == 2)
        add_input(&c, type, b);
    op_check_node(&c, row->op, 1);
    if (row->text != NULL)
        CHECK_OK(kerf_node_set_string(c.node, row->key, row->text));
    else if (row->key != NULL)
        CHECK_OK(kerf_node_set_int(c.node, row->key, 1));
    op_check_variants(&c, ref_elementwise, 0);
    op_check_end(&c);
}

static void test_types(void)
{
    for (size_t i = 0; i < LENGTH(ROWS); i++)
        for (size_t j = 0; j < LENGTH(TYPES); j++)
            if ((ROWS[i].takes & TYPES[j].is) != 0)
                check(&ROWS[i], TYPES[j].type, KERF_SHAPE(2, 37), KERF_SHAPE(37));
}

/* Rows in many dimensions, columns, scalars, nothing; many pieces of one row, and many rows. */
static void test_shapes(void)
{
    static const struct row LESS = {"Less", 2, FLOATS, NULL, NULL};
    static const struct {
        kerf_shape a, b;
    } CASES[] = {
        {{1, {0}}, {1, {0}}},
        {{0, {0}}, {0, {0}}},
        {{2, {6, 33}}, {2, {6, 1}}},
        {{4, {2, 3, 4, 5}}, {3, {3, 1, 1}}},
        {{4, {2, 1, 4, 1}}, {4, {1, 3, 1, 5}}},
        {{8, {2, 1, 2, 1, 2, 1, 2, 1}}, {8, {1, 2, 1, 2, 1, 2, 1, 2}}},
        {{2, {1, 50001}}, {0, {0}}},
        {{2, {9001, 5}}, {2, {9001, 1}}},
    };
    for (size_t i = 0; i < LENGTH(CASES) - (op_check_small() ? 2 : 0); i++) {
        check(&LESS, KERF_F32, CASES[i].a, CASES[i].b);
        check(&LESS, KERF_S64, CASES[i].b, CASES[i].a);
    }
}

/* From every type to every type. */
static void test_cast(void)
{
    static const int TO[] = {1, 10, 6, 7, 2, 3, 9};
    for (size_t i = 0; i < LENGTH(TYPES); i++)
        for (size_t j = 0; j < LENGTH(TO); j++) {
            op_check c;
            op_check_begin(&c, dev);
            fill(TYPES[i].type, 37, 1);
            for (int k = 0; k < 37; k++) /* no integer is infinite */
                if (TYPES[i].type == KERF_F32 && isinf(((float *)bytes)[k]))
                    ((float *)bytes)[k] = 2.75f;
                else if (TYPES[i].type == KERF_F16 && (((uint16_t *)bytes)[k] & 0x7C00u) == 0x7C00u)
                    ((uint16_t *)bytes)[k] = 0xC500; /* -5 */
            op_check_input(&c, TYPES[i].type, KERF_SHAPE(37), bytes);
            op_check_node(&c, "Cast", 1);
            CHECK_OK(kerf_node_set_int(c.node, "to", TO[j]));
            op_check_variants(&c, ref_elementwise, 0);
            op_check_end(&c);
        }
}

static void check_where(kerf_type type, kerf_shape cond, kerf_shape a, kerf_shape b, int slopes)
{
    op_check c;
    op_check_begin(&c, dev);
    add_input(&c, KERF_BOOL, cond);
    add_input(&c, type, a);
    add_input(&c, type, b);
    op_check_node(&c, "Where", 1);
    op_check_variants(&c, ref_elementwise, 0);
    if (slopes)
        op_check_gradient(&c, ref_elementwise, check_tolerance(8, 20));
    op_check_end(&c);
}

static void test_where(void)
{
    for (size_t i = 0; i < LENGTH(TYPES); i++)
        check_where(TYPES[i].type, KERF_SHAPE(37), KERF_SHAPE(37), KERF_SHAPE(37), 0);
    check_where(KERF_F32, KERF_SHAPE(4, 1), KERF_SHAPE(2, 1, 5), KERF_SCALAR, 0);
    op_check c; /* finite numbers have slopes */
    float x[40];
    op_check_begin(&c, dev);
    add_input(&c, KERF_BOOL, KERF_SHAPE(4, 1));
    op_check_fill(x, 40, 5);
    op_check_input(&c, KERF_F32, KERF_SHAPE(2, 1, 5), x);
    op_check_input(&c, KERF_F32, KERF_SCALAR, x);
    op_check_node(&c, "Where", 1);
    op_check_variants(&c, ref_elementwise, 0);
    op_check_gradient(&c, ref_elementwise, check_tolerance(8, 20));
    op_check_end(&c);
}

/* One pair of int64 through one operation. */
static int64_t once(const char *op, int64_t a, int64_t b)
{
    op_check c;
    int64_t got = 77;
    naive n = {0};
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_S64, KERF_SHAPE(1), &a);
    op_check_input(&c, KERF_S64, KERF_SHAPE(1), &b);
    op_check_node(&c, op, 1);
    CHECK_OK(kerf__node_infer(c.node));
    CHECK_OK(naive_create(&n, dev, c.graph));
    CHECK_OK(kerf_tensor_write(naive_tensor(&n, c.inputs[0]), &a));
    CHECK_OK(kerf_tensor_write(naive_tensor(&n, c.inputs[1]), &b));
    CHECK_OK(naive_run(&n));
    CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[0]), &got));
    naive_destroy(&n);
    op_check_end(&c);
    return got;
}

/* What a double does not hold, and what would stop a processor. */
static void test_strange_values(void)
{
    CHECK(once("Div", 5, 0) == 0 && once("Mod", 5, 0) == 5);
    CHECK(once("Div", INT64_MIN, -1) == INT64_MIN && once("Mod", INT64_MIN, -1) == 0);
    CHECK(once("Add", INT64_MAX, 0) == INT64_MAX && once("Sub", INT64_MIN, -1) == INT64_MIN + 1);
    CHECK(once("Max", INT64_MAX - 1, INT64_MAX) == INT64_MAX);
    CHECK(once("Pow", 3, 39) == 4052555153018976267 && once("Pow", -1, 1000001) == -1);
    CHECK(once("Pow", 2, -1) == 0);
    CHECK(isnan(NAN) && once("BitwiseXor", INT64_MAX, -1) == INT64_MIN);
}

/* NaN is neither less nor greater, nor equal to itself; an infinity may be asked for by sign. */
static void test_nan_and_infinity(void)
{
    static const char *const OPS[] = {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"};
    const float x[4] = {NAN, 1, INFINITY, -INFINITY}, y[4] = {NAN, NAN, INFINITY, 1};
    for (size_t i = 0; i < LENGTH(OPS); i++) {
        op_check c;
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, KERF_SHAPE(4), x);
        op_check_input(&c, KERF_F32, KERF_SHAPE(4), y);
        op_check_node(&c, OPS[i], 1);
        op_check_variants(&c, ref_elementwise, 0);
        op_check_end(&c);
    }
    for (int i = 0; i < 3; i++) {
        op_check c;
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, KERF_SHAPE(4), x);
        op_check_node(&c, i < 2 ? "IsInf" : "IsNaN", 1);
        if (i < 2)
            CHECK_OK(kerf_node_set_int(c.node, i ? "detect_negative" : "detect_positive", 0));
        op_check_variants(&c, ref_elementwise, 0);
        op_check_end(&c);
    }
}

/* Forms that are not pairs of one type. */
static void test_forms(void)
{
    const float base[5] = {0.5f, 2, 3, -1.5f, 1};
    const int32_t exponents[5] = {2, -1, 5, 3, 0}, number = 30;
    const int32_t whole[5] = {3, 2, 5, 7, -2};
    const float powers[5] = {6, 1.5f, 0.5f, 0, 5};
    const int8_t low = -3;
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(5), base);
    op_check_input(&c, KERF_S32, KERF_SHAPE(5), exponents);
    op_check_node(&c, "Pow", 1);
    op_check_variants(&c, ref_elementwise, check_tolerance(16, 1));
    op_check_end(&c);
    op_check_begin(&c, dev); /* 3^6, and the whole of 2^1.5 and 5^0.5 */
    op_check_input(&c, KERF_S32, KERF_SHAPE(5), whole);
    op_check_input(&c, KERF_F32, KERF_SHAPE(5), powers);
    op_check_node(&c, "Pow", 1);
    op_check_variants(&c, ref_elementwise, 0);
    op_check_end(&c);
    op_check_begin(&c, dev);
    add_input(&c, KERF_S8, KERF_SHAPE(37));
    op_check_constant(&c, KERF_S8, KERF_SCALAR, &low);
    op_check_node(&c, "Clip", 1);
    op_check_variants(&c, ref_elementwise, 0);
    op_check_end(&c);
    op_check_begin(&c, dev);
    add_input(&c, KERF_S32, KERF_SHAPE(37));
    op_check_skip(&c);
    op_check_constant(&c, KERF_S32, KERF_SCALAR, &number);
    op_check_node(&c, "Clip", 1);
    op_check_variants(&c, ref_elementwise, 0);
    op_check_end(&c);
    op_check_begin(&c, dev);
    add_input(&c, KERF_U8, KERF_SHAPE(37));
    add_small(&c, KERF_U8, KERF_SHAPE(37));
    op_check_node(&c, "BitShift", 1);
    CHECK_OK(kerf_node_set_string(c.node, "direction", "RIGHT"));
    op_check_variants(&c, ref_elementwise, 0);
    op_check_end(&c);
}

static void test_expand(void)
{
    static const int64_t SHAPE[] = {4, 3, 5};
    for (size_t i = 0; i < LENGTH(TYPES); i++) {
        op_check c;
        op_check_begin(&c, dev);
        add_input(&c, TYPES[i].type, KERF_SHAPE(3, 1));
        op_check_constant(&c, KERF_S64, KERF_SHAPE(3), SHAPE);
        op_check_node(&c, "Expand", 1);
        op_check_variants(&c, ref_elementwise, 0);
        op_check_end(&c);
    }
}

static void check_refused(const char *op, kerf_type a, kerf_type b, const char *words)
{
    op_check c;
    op_check_begin(&c, dev);
    add_input(&c, a, KERF_SHAPE(3));
    add_input(&c, b, KERF_SHAPE(3));
    op_check_node(&c, op, 1);
    op_check_refused(&c, KERF_ERR_UNSUPPORTED, words);
    op_check_end(&c);
}

static void test_what_is_refused(void)
{
    check_refused("And", KERF_S32, KERF_S32, "And checked: input in0 is int32, must be bool");
    check_refused("Less", KERF_BOOL, KERF_BOOL, "in0 is bool, must be a float or an integer");
    check_refused("Equal", KERF_S32, KERF_S64, "in1 is int64, must be int32");
    check_refused("Add", KERF_F32, KERF_S32, "in0 is float32, must be an integer");
    check_refused("Pow", KERF_S32, KERF_BOOL, "in1 is bool, must be a float or an integer");
    op_check c;
    op_check_begin(&c, dev);
    add_input(&c, KERF_F32, KERF_SHAPE(3));
    op_check_node(&c, "Cast", 1);
    CHECK_OK(kerf_node_set_int(c.node, "to", 11));
    op_check_refused(&c, KERF_ERR_UNSUPPORTED, "to is 11, must be the number of a type");
    op_check_end(&c);
    op_check_begin(&c, dev);
    add_input(&c, KERF_S32, KERF_SHAPE(3));
    add_input(&c, KERF_F32, KERF_SHAPE(3));
    add_input(&c, KERF_F32, KERF_SHAPE(3));
    op_check_node(&c, "Where", 1);
    op_check_refused(&c, KERF_ERR_UNSUPPORTED, "in0 is int32, must be bool");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_types();
    test_shapes();
    test_cast();
    test_where();
    test_strange_values();
    test_nan_and_infinity();
    test_forms();
    test_expand();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
