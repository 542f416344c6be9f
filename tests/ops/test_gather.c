/* test_gather.c -- taking and putting by index against ref_gather.c. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 17 };
static kerf_device *dev;
static float x[MAX];
static int64_t words[MAX];
static unsigned char bytes[8 * MAX];

typedef struct gather_case {
    const char *op, *key; /* an attribute, or NULL */
    int64_t value;
    kerf_shape whole, indices;
    int64_t below; /* indices are from -below to below - 1 */
} gather_case;

static const gather_case TAKES[] = {
    {"Gather", NULL, 0, {2, {7, 40}}, {1, {5}}, 7},
    {"Gather", "axis", 1, {3, {3, 6, 5}}, {2, {2, 4}}, 6},
    {"Gather", "axis", -1, {2, {4, 19}}, {0, {0}}, 19},
    {"Gather", "axis", 0, {2, {5, 33}}, {2, {1, 70}}, 5},
    {"Gather", NULL, 0, {1, {9}}, {1, {130}}, 9},
    {"Gather", NULL, 0, {2, {9, 3}}, {1, {0}}, 9},
    {"GatherElements", "axis", 1, {2, {3, 7}}, {2, {3, 5}}, 7},
    {"GatherElements", NULL, 0, {3, {4, 3, 20}}, {3, {9, 3, 20}}, 4},
    {"GatherElements", "axis", -2, {3, {2, 5, 3}}, {3, {2, 2, 3}}, 5},
    {"GatherND", NULL, 0, {3, {4, 4, 17}}, {2, {6, 2}}, 4},
    {"GatherND", NULL, 0, {2, {5, 3}}, {3, {2, 2, 1}}, 3},
    {"GatherND", NULL, 0, {4, {3, 3, 3, 3}}, {2, {8, 4}}, 3},
    {"GatherND", "batch_dims", 1, {3, {2, 6, 18}}, {3, {2, 3, 1}}, 6},
    {"GatherND", "batch_dims", 2, {3, {2, 3, 4}}, {3, {2, 3, 1}}, 4},
};

static const gather_case PUTS[] = {
    {"ScatterElements", "axis", 1, {2, {3, 7}}, {2, {3, 5}}, 7},
    {"ScatterElements", NULL, 0, {3, {4, 3, 20}}, {3, {9, 3, 20}}, 4},
    {"ScatterND", NULL, 0, {3, {4, 4, 17}}, {2, {6, 2}}, 4},
    {"ScatterND", NULL, 0, {1, {33}}, {2, {20, 1}}, 33},
    {"ScatterND", NULL, 0, {2, {6, 40}}, {3, {2, 5, 1}}, 6},
};

/* Some more than once; `far` of them outside, on either side. */
static void fill_indices(size_t num, int64_t below, int far)
{
    for (size_t i = 0; i < num; i++) {
        const int64_t at = (int64_t)((uint32_t)(i * 2654435761u + 12345u) >> 7) % (2 * below);
        words[i] = at - below;
        if (far && i % 5 == 1)
            words[i] = i % 2 == 0 ? below : -below - 1;
        if (far && i % 7 == 3)
            words[i] = i % 2 == 0 ? INT64_MAX : INT64_MIN;
    }
}

static void add_indices(op_check *c, const gather_case *k, kerf_type type, int far)
{
    const size_t num = (size_t)kerf_shape_num_elements(k->indices);
    fill_indices(num, k->below, far);
    int32_t *narrow = (int32_t *)bytes;
    for (size_t i = 0; i < num && type == KERF_S32; i++)
        narrow[i] = (int32_t)words[i];
    op_check_input(c, type, k->indices, type == KERF_S32 ? (const void *)narrow : words);
}

static void add_floats(op_check *c, kerf_shape shape, unsigned seed)
{
    op_check_fill(x, (size_t)kerf_shape_num_elements(shape), seed);
    op_check_input(c, KERF_F32, shape, x);
}

static void set_attribute(op_check *c, const gather_case *k)
{
    if (k->key != NULL)
        CHECK_OK(kerf_node_set_int(c->node, k->key, k->value));
}

static void check_take(const gather_case *k, kerf_type index, int far)
{
    op_check c;
    op_check_begin(&c, dev);
    add_floats(&c, k->whole, 1);
    add_indices(&c, k, index, far);
    op_check_node(&c, k->op, 1);
    set_attribute(&c, k);
    op_check_variants(&c, ref_gather, 0);
    if (!far && op_check_elements(c.node->outputs[0]) > 0)
        op_check_gradient(&c, ref_gather, check_tolerance(8, 50));
    op_check_end(&c);
}

static void test_takes(void)
{
    for (size_t i = 0; i < LENGTH(TAKES); i++) {
        check_take(&TAKES[i], KERF_S64, 0);
        check_take(&TAKES[i], KERF_S64, 1); /* an index outside gives NaN */
        if (i % 3 == 0)
            check_take(&TAKES[i], KERF_S32, 0);
    }
}

/* Bits of any type, and 0 for an index outside. */
static void test_types(void)
{
    static const kerf_type TYPES[] = {KERF_U8, KERF_S64, KERF_S32, KERF_BOOL};
    for (size_t i = 0; i < LENGTH(TYPES); i++)
        for (size_t j = 0; j < LENGTH(TAKES); j += 3) {
            op_check c;
            const size_t num = (size_t)kerf_shape_num_elements(TAKES[j].whole);
            const size_t width = kerf_type_bits(TYPES[i]) / 8;
            op_check_begin(&c, dev);
            for (size_t b = 0; b < num * width; b++) /* whole numbers that a float holds */
                bytes[b] = b % width > 1 ? 0 : b * 37 / 11 & 1u;
            op_check_input(&c, TYPES[i], TAKES[j].whole, bytes);
            add_indices(&c, &TAKES[j], KERF_S64, 1);
            op_check_node(&c, TAKES[j].op, 1);
            set_attribute(&c, &TAKES[j]);
            op_check_variants(&c, ref_gather, 0);
            op_check_end(&c);
        }
}

static void check_put(const gather_case *k, const char *reduction, int far)
{
    op_check c;
    kerf_shape part;
    op_check_begin(&c, dev);
    add_floats(&c, k->whole, 1);
    add_indices(&c, k, KERF_S64, far);
    part = k->indices;
    if (strcmp(k->op, "ScatterND") == 0) {
        const int num = (int)part.dims[--part.rank];
        for (int i = num; i < k->whole.rank; i++)
            part.dims[part.rank++] = k->whole.dims[i];
    }
    add_floats(&c, part, 2);
    op_check_node(&c, k->op, 1);
    set_attribute(&c, k);
    if (reduction != NULL)
        CHECK_OK(kerf_node_set_string(c.node, "reduction", reduction));
    op_check_variants(&c, ref_gather, check_tolerance(4, 20));
    op_check_end(&c);
}

static void test_puts(void)
{
    static const char *const REDUCTIONS[] = {NULL, "add", "mul", "max", "min"};
    for (size_t i = 0; i < LENGTH(PUTS); i++)
        for (size_t j = 0; j < LENGTH(REDUCTIONS); j++)
            check_put(&PUTS[i], REDUCTIONS[j], j % 2 == 1);
}

/* Each place is given to once: which of several updates counts has no slope. */
static void test_gradients_of_puts(void)
{
    static const int64_t ONCE[] = {4, 0, -2};
    for (int i = 0; i < 2; i++) {
        op_check c;
        op_check_begin(&c, dev);
        add_floats(&c, KERF_SHAPE(5, 18), 1);
        op_check_input(&c, KERF_S64, KERF_SHAPE(3, 1), ONCE);
        add_floats(&c, KERF_SHAPE(3, 18), 2);
        op_check_node(&c, "ScatterND", 1);
        if (i)
            CHECK_OK(kerf_node_set_string(c.node, "reduction", "add"));
        op_check_variants(&c, ref_gather, check_tolerance(2, 2));
        op_check_gradient(&c, ref_gather, check_tolerance(8, 50));
        op_check_end(&c);
    }
}

/* More rows than one launch walks, all on few places: sums in a fixed order. */
static void test_many(void)
{
    const gather_case many = {"kerf.GatherGrad", NULL, 0, {2, {3, 2}}, {1, {40000}}, 3};
    const int64_t shape[] = {3, 2};
    op_check c;
    if (op_check_small())
        return;
    op_check_begin(&c, dev);
    add_indices(&c, &many, KERF_S64, 0);
    add_floats(&c, KERF_SHAPE(40000, 2), 3);
    op_check_node(&c, "kerf.GatherGrad", 1);
    CHECK_OK(kerf_node_set_ints(c.node, "shape", shape, 2));
    op_check_variants(&c, ref_gather, check_tolerance(4, 40000));
    op_check_end(&c);
    const gather_case rows = {"Gather", NULL, 0, {2, {50, 64}}, {1, {2000}}, 50};
    check_take(&rows, KERF_S64, 1);
}

/* Codebooks: few rows that many elements give to, in parts; one in two on the first of them. */
static void test_few(void)
{
    static const int64_t ROWS[] = {1, 2, 5, 16, 64, 65, 256}, NUMS[] = {1024, 1041, 9000, 70000};
    for (size_t r = 0; r < LENGTH(ROWS); r++)
        for (size_t n = 0; n < LENGTH(NUMS); n++) {
            const gather_case few = {"kerf.GatherGrad", NULL, 0, {0, {0}}, {1, {NUMS[n]}}, ROWS[r]};
            op_check c;
            if (op_check_small() && (n != r % 2 || r % 3 == 0))
                continue;
            op_check_begin(&c, dev);
            add_indices(&c, &few, (r + n) % 2 == 0 ? KERF_S64 : KERF_S32, n == 1);
            add_floats(&c, KERF_SHAPE(NUMS[n]), 3);
            op_check_node(&c, "kerf.GatherGrad", 1);
            CHECK_OK(kerf_node_set_ints(c.node, "shape", &ROWS[r], 1));
            op_check_variants(&c, ref_gather, check_tolerance(4, (size_t)NUMS[n]));
            op_check_end(&c);
        }
}

static void check_refused(kerf_status status, const char *op, kerf_shape whole, kerf_type type,
                          kerf_shape indices, const char *words_)
{
    op_check c;
    op_check_begin(&c, dev);
    add_floats(&c, whole, 1);
    memset(words, 0, sizeof words[0] * 64);
    op_check_input(&c, type, indices, words);
    op_check_node(&c, op, 1);
    op_check_refused(&c, status, words_);
    op_check_end(&c);
}

static void test_what_is_refused(void)
{
    check_refused(KERF_ERR_UNSUPPORTED, "Gather", KERF_SHAPE(3), KERF_F32, KERF_SHAPE(2),
                  "Gather checked: input in1 is float32, must be int32 or int64");
    check_refused(KERF_ERR_SHAPE, "Gather", KERF_SCALAR, KERF_S64, KERF_SHAPE(2),
                  "axis is 0, must be in [0, -1]");
    check_refused(KERF_ERR_SHAPE, "GatherElements", KERF_SHAPE(3, 4), KERF_S64, KERF_SHAPE(3, 5),
                  "indices are (3, 5) for (3, 4), must be of the same shape but for the axis");
    check_refused(KERF_ERR_SHAPE, "GatherND", KERF_SHAPE(3, 4), KERF_S64, KERF_SHAPE(2, 3),
                  "must be tuples of 1 number to as many as there are dimensions");
    check_refused(KERF_ERR_SHAPE, "ScatterND", KERF_SHAPE(3, 4), KERF_S64, KERF_SHAPE(2, 1),
                  "has 2 inputs, must have at least 3");
}

int main(void)
{
    dev = check_open_device();
    test_takes();
    test_types();
    test_puts();
    test_gradients_of_puts();
    test_many();
    test_few();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
