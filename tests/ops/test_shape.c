/* test_shape.c -- operations without work: their shapes, their gradients, what they refuse;
 * and the helpers that all operations share. */
#include "op_check.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static kerf_device *dev;
static float x[24];

typedef struct shape_case {
    const char *op;
    kerf_shape src;
    const char *key; /* attribute of one number, or NULL */
    int64_t number;
    int num_ints; /* second input: shape or axes; -1: none */
    int64_t ints[4];
    kerf_shape want;
} shape_case;

static const shape_case CASES[] = {
    {"Identity", {2, {4, 6}}, NULL, 0, -1, {0}, {2, {4, 6}}},
    {"Dropout", {2, {4, 6}}, NULL, 0, -1, {0}, {2, {4, 6}}},
    {"Flatten", {3, {2, 3, 4}}, NULL, 0, -1, {0}, {2, {2, 12}}},
    {"Flatten", {3, {2, 3, 4}}, "axis", 0, -1, {0}, {2, {1, 24}}},
    {"Flatten", {3, {2, 3, 4}}, "axis", 3, -1, {0}, {2, {24, 1}}},
    {"Flatten", {3, {2, 3, 4}}, "axis", -1, -1, {0}, {2, {6, 4}}},
    {"Reshape", {2, {4, 6}}, NULL, 0, 3, {2, 3, 4}, {3, {2, 3, 4}}},
    {"Reshape", {2, {4, 6}}, NULL, 0, 2, {0, -1}, {2, {4, 6}}},
    {"Reshape", {2, {4, 6}}, NULL, 0, 1, {-1}, {1, {24}}},
    {"Reshape", {2, {0, 6}}, NULL, 0, 2, {0, 3}, {2, {0, 3}}},
    {"Reshape", {2, {6, 0}}, "allowzero", 1, 2, {0, 5}, {2, {0, 5}}},
    {"Reshape", {1, {1}}, NULL, 0, 0, {0}, {0, {0}}},
    {"Squeeze", {4, {1, 4, 1, 6}}, NULL, 0, -1, {0}, {2, {4, 6}}},
    {"Squeeze", {4, {1, 4, 1, 6}}, NULL, 0, 1, {-2}, {3, {1, 4, 6}}},
    {"Unsqueeze", {2, {4, 6}}, NULL, 0, 2, {0, -1}, {4, {1, 4, 6, 1}}},
};

static void begin(op_check *c, const shape_case *k)
{
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, k->src, x);
    if (k->num_ints >= 0)
        op_check_constant(c, KERF_S64, KERF_SHAPE(k->num_ints), k->ints);
    op_check_node(c, k->op, 1);
    if (k->key != NULL)
        CHECK_OK(kerf_node_set_int(c->node, k->key, k->number));
}

static void copy(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    for (size_t i = 0; i < op_check_elements(n->outputs[0]); i++)
        outputs[0][i] = inputs[0][i];
}

static void test_shapes(void)
{
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        op_check c;
        begin(&c, &CASES[i]);
        CHECK_OK(kerf__node_infer(c.node));
        CHECK(c.node->outputs[0]->type == KERF_F32);
        CHECK(kerf_shape_equal(c.node->outputs[0]->shape, CASES[i].want));
        CHECK(kerf__op_find(CASES[i].op)->variants == NULL);
        if (op_check_elements(c.node->outputs[0]) > 0)
            op_check_gradient(&c, copy, check_tolerance(8, 1));
        op_check_end(&c);
    }
}

static void test_what_is_refused(void)
{
    static const struct {
        shape_case c;
        kerf_status status;
        const char *words;
    } BAD[] = {
        {{"Reshape", {2, {4, 6}}, NULL, 0, 2, {5, 5}, {0}},
         KERF_ERR_SHAPE,
         "Reshape checked: (5, 5) does not hold the elements of (4, 6)"},
        {{"Reshape", {2, {4, 6}}, NULL, 0, 2, {-1, -1}, {0}}, KERF_ERR_SHAPE, "or -1 once"},
        {{"Reshape", {2, {4, 6}}, NULL, 0, 1, {-7}, {0}}, KERF_ERR_SHAPE, "shape[0] is -7"},
        {{"Reshape", {2, {4, 6}}, NULL, 0, -1, {0}, {0}}, KERF_ERR_SHAPE, "has no shape"},
        {{"Flatten", {2, {4, 6}}, "axis", 3, -1, {0}, {0}}, KERF_ERR_SHAPE, "axis is 3"},
        {{"Squeeze", {2, {4, 6}}, NULL, 0, 1, {1}, {0}}, KERF_ERR_SHAPE, "dimension 1 is 6"},
        {{"Unsqueeze", {2, {4, 6}}, NULL, 0, 2, {1, 1}, {0}}, KERF_ERR_SHAPE, "twice"},
        {{"Unsqueeze", {2, {4, 6}}, NULL, 0, -1, {0}, {0}}, KERF_ERR_SHAPE, "must have 1 to 6"},
        {{"Wobble", {2, {4, 6}}, NULL, 0, -1, {0}, {0}},
         KERF_ERR_UNSUPPORTED,
         "Wobble checked: this operation is not supported"},
    };
    for (size_t i = 0; i < LENGTH(BAD); i++) {
        op_check c;
        begin(&c, &BAD[i].c);
        op_check_refused(&c, BAD[i].status, BAD[i].words);
        op_check_end(&c);
    }
}

/* A shape that is computed is not known when the plan is made. */
static void test_shape_must_be_constant(void)
{
    static const int64_t SHAPE[] = {24};
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(4, 6), x);
    op_check_input(&c, KERF_S64, KERF_SHAPE(1), SHAPE);
    op_check_node(&c, "Reshape", 1);
    op_check_refused(&c, KERF_ERR_UNSUPPORTED, "input in1 must be a constant");
    op_check_end(&c);
}

/* Dropout in the model graph means evaluation: its mask is not made, nor training mode. */
static void test_dropout(void)
{
    static const unsigned char ON = 1;
    const float ratio = 0.5f;
    op_check c;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(4, 6), x);
    op_check_constant(&c, KERF_F32, KERF_SCALAR, &ratio);
    op_check_constant(&c, KERF_BOOL, KERF_SCALAR, &ON);
    op_check_node(&c, "Dropout", 1);
    op_check_refused(&c, KERF_ERR_UNSUPPORTED, "training_mode must be constant false");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(4, 6), x);
    op_check_node(&c, "Dropout", 2);
    CHECK_OK(kerf__node_infer(c.node));
    CHECK_OK(kerf_graph_add_output(c.graph, c.node->outputs[1]));
    op_check_refused(&c, KERF_ERR_UNSUPPORTED, "the mask output is not supported");
    op_check_end(&c);
}

/* Every entry can be found by its name, has a shape rule, and says what it takes. */
static void test_table(void)
{
    const kerf__op *op;
    int num = 0;
    for (; (op = kerf__op_at(num)) != NULL; num++) {
        CHECK(kerf__op_find(op->op) == op);
        CHECK(op->infer != NULL && op->min_inputs >= 1);
        CHECK((op->variants == NULL) == (op->num_variants == 0));
        for (int i = 0; i < op->num_variants; i++)
            CHECK(op->variants[i].name != NULL && op->variants[i].fits != NULL &&
                  op->variants[i].build != NULL);
    }
    CHECK(num > 40);
    CHECK(kerf__op_find("kerf.Nothing") == NULL);
}

int main(void)
{
    dev = check_open_device();
    op_check_fill(x, 24, 1);
    test_shapes();
    test_what_is_refused();
    test_shape_must_be_constant();
    test_dropout();
    test_table();
    kerf_device_close(dev);
    return check_result();
}
