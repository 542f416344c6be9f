/* test_expand.c -- operators of any number of inputs, which a plan says by pairs: what comes out,
 * and the gradient of each input; and integers of few bits, which have a byte each in a plan. */
#include "op_check.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MOST_INPUTS = 5, LENGTH_OF_ROW = 7, NUM_ROWS = 3 };
static kerf_device *dev;
static const char *op; /* at hand: the node itself becomes another */
static int num_inputs;

static double together(double so_far, double x)
{
    if (strcmp(op, "Max") == 0)
        return fmax(so_far, x);
    return strcmp(op, "Min") == 0 ? fmin(so_far, x) : so_far + x;
}

/* All inputs are rows; the last is one number for each. */
static void reference(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    (void)n;
    for (int i = 0; i < NUM_ROWS * LENGTH_OF_ROW; i++) {
        double sum = num_inputs > 1 ? inputs[num_inputs - 1][i / LENGTH_OF_ROW] : inputs[0][i];
        for (int k = 0; k < num_inputs - 1; k++)
            sum = together(sum, inputs[k][i]);
        outputs[0][i] = strcmp(op, "Mean") == 0 ? sum / num_inputs : sum;
    }
}

static void check(void)
{
    op_check c;
    float x[NUM_ROWS * LENGTH_OF_ROW];
    op_check_begin(&c, dev);
    for (int i = 0; i < num_inputs; i++) {
        const int is_column = i > 0 && i == num_inputs - 1;
        op_check_fill(x, LENGTH(x), 3u + (unsigned)i);
        op_check_input(&c, KERF_F32, KERF_SHAPE(NUM_ROWS, is_column ? 1 : LENGTH_OF_ROW), x);
    }
    op_check_node(&c, op, 1);
    op_check_expanded(&c, reference, check_tolerance(2, MOST_INPUTS));
    op_check_gradient(&c, reference, check_tolerance(16, 20));
    op_check_end(&c);
}

/* What is largest twice shares what arrives, pair by pair. */
static void test_ties(void)
{
    static const float X[3][2] = {{1, 5}, {1, 4}, {1, 5}};
    static const float WANT[3][2] = {{0.25f, 0.5f}, {0.25f, 0}, {0.5f, 0.5f}};
    op_check c;
    op_check_begin(&c, dev);
    for (int i = 0; i < 3; i++)
        op_check_input(&c, KERF_F32, KERF_SHAPE(2), X[i]);
    op_check_node(&c, "Max", 1);
    CHECK_OK(kerf_graph_infer(c.graph, 1));
    op_check_gradient_is(&c, (const float *const[]){WANT[0], WANT[1], WANT[2]}, 0);
    op_check_end(&c);
}

/* ---- com.microsoft.QGemm --------------------------------------------------------------------- */

enum { ROWS = 2, INNER = 3, COLUMNS = 2 };

/* y = round(a b^T + c) + 1, all scales 1 and the others' zero points 0; bounded to uint8. */
static void qgemm_reference(const kerf_node *n, const double *const *in, double *const *out)
{
    const int has_bias = n->num_inputs > 8 && n->inputs[8] != NULL;
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        double sum = has_bias ? in[6][i % COLUMNS] : 0; /* in the order they were given */
        for (int k = 0; k < INNER; k++)
            sum += in[0][i / COLUMNS * INNER + k] * in[3][i % COLUMNS * INNER + k];
        out[0][i] = fmin(fmax(sum + 1, 0), 255);
    }
}

static void begin_qgemm(op_check *c, int has_bias, int has_scale)
{
    static const uint8_t A[ROWS * INNER] = {1, 2, 3, 40, 50, 60}, ZERO[8];
    static const int8_t B[COLUMNS * INNER] = {1, -1, 2, -3, 1, 0};
    static const uint8_t ONE[8] = {1};
    static const int32_t C[COLUMNS] = {10, -20};
    static const float UNIT[1] = {1};
    op_check_begin(c, dev);
    op_check_input(c, KERF_U8, KERF_SHAPE(ROWS, INNER), A);
    op_check_input(c, KERF_F32, KERF_SCALAR, UNIT);
    op_check_input(c, KERF_U8, KERF_SCALAR, ZERO);
    op_check_input(c, KERF_S8, KERF_SHAPE(COLUMNS, INNER), B);
    op_check_input(c, KERF_F32, KERF_SCALAR, UNIT);
    op_check_input(c, KERF_S8, KERF_SCALAR, ZERO);
    if (has_bias)
        op_check_input(c, KERF_S32, KERF_SHAPE(COLUMNS), C);
    else
        op_check_skip(c);
    if (has_scale) {
        op_check_input(c, KERF_F32, KERF_SCALAR, UNIT);
        op_check_input(c, KERF_U8, KERF_SCALAR, ONE);
    }
    op_check_node(c, "com.microsoft.QGemm", 1);
    CHECK_OK(kerf_node_set_int(c->node, "transB", 1));
}

static void test_qgemm(void)
{
    op_check c;
    for (int has_bias = 0; has_bias <= 1; has_bias++) {
        begin_qgemm(&c, has_bias, 1);
        op_check_expanded(&c, qgemm_reference, 0);
        op_check_end(&c);
    }
    begin_qgemm(&c, 1, 0);
    CHECK_STATUS(KERF_ERR_UNSUPPORTED, kerf_graph_infer(c.graph, 1));
    op_check_end(&c);
    begin_qgemm(&c, 1, 1);
    CHECK_OK(kerf_node_set_int(c.node, "transA", 1));
    CHECK_STATUS(KERF_ERR_UNSUPPORTED, kerf_graph_infer(c.graph, 1));
    op_check_end(&c);
}

/* ---- com.microsoft.QLinearGlobalAveragePool -------------------------------------------------- */

enum { CHANNELS = 3, PIXELS = 4 };

/* Scales of 0.5 and 0.25, zero points 10 and 3: twice what lies above 10, and 3. */
static void average_reference(const kerf_node *n, const double *const *in, double *const *out)
{
    (void)n;
    for (int i = 0; i < CHANNELS; i++) {
        double sum = 0;
        for (int k = 0; k < PIXELS; k++)
            sum += in[0][i * PIXELS + k] - 10;
        out[0][i] = fmin(fmax(rint(2 * sum / PIXELS) + 3, 0), 255);
    }
}

static void test_average(void)
{
    static const uint8_t X[CHANNELS * PIXELS] = {10, 12, 11, 13, 0, 0, 1, 2, 200, 255, 201, 9};
    static const uint8_t ZEROS[2][8] = {{10}, {3}};
    static const float SCALES[] = {0.5f, 0.25f};
    for (int last = 0; last <= 1; last++) {
        op_check c;
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_U8, KERF_SHAPE(1, CHANNELS, 2, 2), X);
        for (int i = 0; i < 2; i++) {
            op_check_input(&c, KERF_F32, KERF_SCALAR, &SCALES[i]);
            op_check_input(&c, KERF_U8, KERF_SCALAR, ZEROS[i]);
        }
        op_check_node(&c, "com.microsoft.QLinearGlobalAveragePool", 1);
        CHECK_OK(kerf_node_set_int(c.node, "channels_last", last));
        if (last)
            CHECK_STATUS(KERF_ERR_UNSUPPORTED, kerf_graph_infer(c.graph, 1));
        else
            op_check_expanded(&c, average_reference, 0);
        op_check_end(&c);
    }
}

/* ---- com.microsoft.QLinearConcat and QLinearMul --------------------------------------------- */

enum { LENGTH_EACH = 4 };
static const uint8_t BYTES[2][8] = {{10, 20, 200, 255}, {5, 0, 77, 6}};
static const uint8_t ZERO_POINTS[3][8] = {{10}, {5}, {3}};
static const float STEPS[3] = {0.5f, 0.125f, 0.25f};

static uint8_t rounded(double number)
{
    return (uint8_t)fmin(fmax(rint(number / (double)STEPS[2]) + ZERO_POINTS[2][0], 0), 255);
}

static double number_of(const double *const *in, int first, int i, int k)
{
    return (in[first + 3 * i][k] - ZERO_POINTS[i][0]) * (double)STEPS[i];
}

static void joined_reference(const kerf_node *n, const double *const *in, double *const *out)
{
    (void)n;
    for (int i = 0; i < 2 * LENGTH_EACH; i++)
        out[0][i] = rounded(number_of(in, 2, i / LENGTH_EACH, i % LENGTH_EACH));
}

static void product_reference(const kerf_node *n, const double *const *in, double *const *out)
{
    (void)n;
    for (int k = 0; k < LENGTH_EACH; k++)
        out[0][k] = rounded(number_of(in, 0, 0, k) * number_of(in, 0, 1, k));
}

static void add_numbers(op_check *c, int i)
{
    op_check_input(c, KERF_F32, KERF_SCALAR, &STEPS[i]);
    op_check_input(c, KERF_U8, KERF_SCALAR, ZERO_POINTS[i]);
}

/* Inputs of either; the result's scale comes first in a Concat. */
static void begin_two(op_check *c, int joins)
{
    op_check_begin(c, dev);
    if (joins)
        add_numbers(c, 2);
    for (int i = 0; i < 2; i++) {
        op_check_input(c, KERF_U8, KERF_SHAPE(1, LENGTH_EACH), BYTES[i]);
        add_numbers(c, i);
    }
    if (!joins)
        add_numbers(c, 2);
    op_check_node(c, joins ? "com.microsoft.QLinearConcat" : "com.microsoft.QLinearMul", 1);
    if (joins)
        CHECK_OK(kerf_node_set_int(c->node, "axis", 1));
}

static void test_two(void)
{
    op_check c;
    for (int joins = 0; joins <= 1; joins++) {
        begin_two(&c, joins);
        op_check_expanded(&c, joins ? joined_reference : product_reference, 0);
        op_check_end(&c);
    }
}

/* What lacks is told, whatever the file holds. */
static void test_lacking(void)
{
    op_check c;
    begin_two(&c, 0);
    c.node->num_inputs = 6;
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_graph_infer(c.graph, 1));
    CHECK(strstr(kerf_last_error(), "its result's scale must be there") != NULL);
    c.node->num_inputs = 8;
    op_check_end(&c);
    begin_two(&c, 1);
    kerf__node_set_input(c.node, 3, NULL);
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_graph_infer(c.graph, 1));
    CHECK(strstr(kerf_last_error(), "input 2 and its scale must be there") != NULL);
    op_check_end(&c);
    begin_two(&c, 1);
    c.node->num_inputs = 2;
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_graph_infer(c.graph, 1));
    CHECK(strstr(kerf_last_error(), "has 2 inputs, must have 5 or more") != NULL);
    c.node->num_inputs = 8;
    op_check_end(&c);
}

/* Stored integers of 4 and 2 bits, an odd number of them, as int32: the signed ones below 0, too.
 */
static void test_packed(void)
{
    static const struct {
        kerf_type type;
        unsigned char bytes[3];
        int32_t want[5];
    } CASES[] = {
        {KERF_U4, {0xF1, 0x80, 0x03}, {1, 15, 0, 8, 3}},
        {KERF_S4, {0xF1, 0x80, 0x0E}, {1, -1, 0, -8, -2}},
        {KERF_U2, {0xE4, 0x02, 0}, {0, 1, 2, 3, 2}},
        {KERF_S2, {0xE4, 0x02, 0}, {0, 1, -2, -1, -2}},
    };
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        const int64_t to = i % 2 == 0 ? 6 : 7; /* int32 and int64 */
        kerf_graph *g;
        kerf_state *s;
        kerf_plan *p;
        kerf_tensor *t;
        kerf_value *v;
        kerf_node *n;
        int64_t got[5] = {0};
        CHECK_OK(kerf_graph_create(&g));
        CHECK_OK(kerf_state_create(&s, dev));
        CHECK_OK(kerf_tensor_create(&t, NULL, CASES[i].type, KERF_SHAPE(5)));
        memcpy(kerf_tensor_data(t), CASES[i].bytes, kerf_tensor_size_bytes(t));
        CHECK_OK(kerf_graph_add_constant(g, "packed", t, &v));
        CHECK_OK(kerf_graph_add_node(g, "Cast", "y", &v, 1, 1, &n));
        CHECK_OK(kerf_node_set_int(n, "to", to));
        CHECK_OK(kerf_graph_add_output(g, kerf_node_output(n, 0)));
        CHECK_OK(kerf_plan_create(&p, g, s, &(kerf_plan_options){.batch = 1}));
        CHECK_OK(kerf_plan_run(p));
        CHECK_OK(kerf_tensor_read(kerf_plan_output(p, "y"), got));
        for (int k = 0; k < 5; k++)
            CHECK((to == 6 ? (int64_t)((const int32_t *)(const void *)got)[k] : got[k]) ==
                  CASES[i].want[k]);
        kerf_plan_destroy(p);
        kerf_graph_destroy(g);
        kerf_state_destroy(s);
    }
}

int main(void)
{
    static const char *const OPS[] = {"Max", "Mean", "Min", "Sum"};
    dev = check_open_device();
    for (size_t i = 0; i < LENGTH(OPS); i++)
        for (num_inputs = 1; num_inputs <= MOST_INPUTS; num_inputs++) {
            op = OPS[i];
            check();
        }
    test_ties();
    test_packed();
    test_qgemm();
    test_average();
    test_two();
    test_lacking();
    kerf_device_close(dev);
    return check_result();
}
