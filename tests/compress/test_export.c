/* test_export.c -- what readers are predicted to make of nodes: each fact that a rule asks for,
 * there and missing; and graphs as only hostile files have them.  The rewrites:
 * test_export_rewrites.c; readers themselves: tests/host/test_export*.sh. */
#include "pairs.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { ORT = KERF_PROFILE_ORT, TRT = KERF_PROFILE_TRT, OPENVINO = KERF_PROFILE_OPENVINO };
enum { TERMS = 32, ONE = -1 };
#define FLOATS KERF_F32

/* ---- forms of one node -------------------------------------------------------------------- */

/* A node "node" between roundings. */
typedef struct form {
    const char *op;
    kerf_type x; /* FLOATS: not rounded in front */
    int x_zero;
    kerf_type w; /* FLOATS: weights are floats */
    int w_zero, axis;
    int64_t block;
    int is_rounded; /* behind, to uint8 */
} form;

static int has_op(const form *f, const char *op)
{
    return strcmp(f->op, op) == 0;
}

static kerf_value *weights(kerf_graph *g, const form *f)
{
    const kerf_shape shape = has_op(f, "Conv") ? KERF_SHAPE(4, 2, 3, 3) : KERF_SHAPE(TERMS, 8);
    kerf_value *v = pairs_same(g, "w", f->w, shape, 0);
    return f->w == FLOATS ? v : pairs_stored(g, v, f->w, f->axis, f->block, 0.01f, f->w_zero);
}

static kerf_graph *make(const form *f)
{
    kerf_graph *g;
    kerf_value *in[2];
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(1, TERMS), &in[0]));
    if (f->x != FLOATS)
        in[0] = pairs_round(in[0], "x", 0.5f, f->x, f->x_zero);
    const int has_weights = has_op(f, "Conv") || has_op(f, "Gemm") || has_op(f, "MatMul");
    in[1] = has_weights ? weights(g, f) : in[0];
    const int has_two = has_weights || has_op(f, "Add") || has_op(f, "Mul") || has_op(f, "Concat");
    kerf_value *v = pairs_node(g, f->op, "node", in, has_two ? 2 : 1);
    if (f->is_rounded)
        v = pairs_round(v, "y", 0.25f, KERF_U8, 3);
    CHECK_OK(kerf_graph_add_output(g, v));
    return g;
}

/* What is told of the node: what it becomes, and words of why. */
static void check_told(const kerf_graph *g, int profile, const char *becomes, const char *why)
{
    kerf_export_node *nodes;
    size_t num;
    const kerf_export_node *found = NULL;
    CHECK_OK(kerf_export_predict(&nodes, &num, g, (kerf_profile)profile));
    for (size_t i = 0; i < num; i++)
        if (strcmp(nodes[i].name, "node") == 0)
            found = &nodes[i];
    CHECK(found != NULL);
    if (found != NULL && (strcmp(found->becomes, becomes) != 0 || strstr(found->why, why) == NULL ||
                          found->fuses == (strcmp(becomes, "stays float") == 0))) {
        printf("%s is \"%s\" as \"%s\", not \"%s\" as \"%s\"\n", found->op, found->becomes,
               found->why, becomes, why);
        CHECK(0);
    }
    free(nodes);
}

#define STAYS "stays float"

static const struct {
    int profile;
    form f;
    const char *becomes, *why;
} CASES[] = {
    {ORT, {"Conv", KERF_U8, 9, KERF_S8, 0, 0, 0, 1}, "QLinearConv", ""},
    {ORT, {"Conv", KERF_U8, 9, KERF_S8, 0, ONE, 0, 1}, "QLinearConv", ""},
    {ORT, {"Conv", KERF_U8, 9, KERF_U8, 7, 0, 0, 1}, "QLinearConv", ""},
    {ORT, {"Conv", KERF_U8, 9, KERF_S8, 0, 1, 0, 1}, STAYS, "nor one a channel of the result"},
    {ORT, {"Conv", KERF_U8, 9, KERF_S4, 0, 0, 0, 1}, STAYS, "fewer than 8 bits"},
    {ORT, {"Conv", KERF_U8, 9, FLOATS, 0, 0, 0, 1}, "QLinearConv", "rounds the weights"},
    {ORT, {"Conv", KERF_U8, 9, KERF_S8, 0, 0, 0, 0}, STAYS, "its result stays a float"},
    {ORT, {"Conv", KERF_S8, 9, KERF_S8, 0, 0, 0, 1}, STAYS, "are int8, must be uint8"},
    {ORT, {"Conv", KERF_U16, 9, KERF_S8, 0, 0, 0, 1}, STAYS, "have 16 bits"},
    {ORT, {"Conv", FLOATS, 0, KERF_S8, 0, 0, 0, 1}, STAYS, "an input is a float"},
    {ORT, {"Gemm", KERF_U8, 9, KERF_S8, 0, 1, 0, 0}, "QGemm", ""},
    {ORT, {"Gemm", KERF_U8, 9, KERF_S8, 0, 0, 0, 1}, STAYS, "nor one a channel of the result"},
    {ORT, {"Gemm", FLOATS, 0, KERF_S8, 0, 1, 0, 0}, "MatMulNBits", ""},
    {ORT, {"MatMul", KERF_U8, 9, KERF_S8, 0, 1, 0, 1}, "QLinearMatMul", ""},
    {ORT, {"MatMul", KERF_U8, 9, KERF_S8, 0, 1, 0, 0}, "MatMulIntegerToFloat", ""},
    {ORT, {"MatMul", KERF_U8, 9, KERF_S8, 0, 0, 16, 1}, STAYS, "nor one a channel of the result"},
    {ORT, {"MatMul", FLOATS, 0, KERF_S8, 0, 1, 0, 0}, "MatMulNBits", ""},
    {ORT, {"MatMul", FLOATS, 0, KERF_S8, 0, 0, 0, 0}, STAYS, "in blocks of 16"},
    {ORT, {"MatMul", FLOATS, 0, KERF_S4, 0, 0, 16, 0}, "MatMulNBits", ""},
    {ORT, {"MatMul", FLOATS, 0, KERF_S4, 0, 1, 16, 0}, STAYS, "in blocks of 16"},
    {ORT, {"MatMul", FLOATS, 0, KERF_S4, 0, 0, 8, 0}, STAYS, "in blocks of 16"},
    {ORT, {"MatMul", FLOATS, 0, KERF_S4, 0, 0, 20, 0}, STAYS, "in blocks of 16"},
    {ORT, {"Add", KERF_U8, 9, FLOATS, 0, 0, 0, 1}, "QLinearAdd", ""},
    {ORT, {"Add", KERF_U8, 9, FLOATS, 0, 0, 0, 0}, STAYS, "its result stays a float"},
    {ORT, {"Flatten", KERF_U8, 9, FLOATS, 0, 0, 0, 1}, STAYS, "scale or zero point is another"},
    {ORT, {"Sin", KERF_U8, 9, FLOATS, 0, 0, 0, 1}, STAYS, "no kernel on integers"},

    {TRT, {"Conv", KERF_S8, 0, KERF_S8, 0, 0, 0, 0}, "int8 convolution", ""},
    {TRT, {"Conv", KERF_U8, 0, KERF_S8, 0, 0, 0, 0}, STAYS, "are uint8, must be int8"},
    {TRT, {"Conv", KERF_S8, 5, KERF_S8, 0, 0, 0, 0}, STAYS, "a zero point other than 0"},
    {TRT, {"Conv", KERF_S8, 0, KERF_S8, 3, 0, 0, 0}, STAYS, "weights have zero points other"},
    {TRT, {"Conv", KERF_S8, 0, KERF_U8, 0, 0, 0, 0}, STAYS, "weights are uint8, must be int8"},
    {TRT, {"MatMul", FLOATS, 0, KERF_S4, 0, 0, 16, 0}, "weight-only matrix product", ""},
    {TRT, {"MatMul", FLOATS, 0, KERF_S4, 0, 0, 128, 0}, STAYS, "last block of its weights"},
    {TRT, {"Add", KERF_S8, 0, FLOATS, 0, 0, 0, 0}, STAYS, "its result stays a float"},

    {OPENVINO, {"Conv", KERF_U8, 9, KERF_S8, 0, 0, 0, 0}, "Convolution", ""},
    {OPENVINO, {"Conv", KERF_S8, 9, KERF_S8, 0, 0, 0, 0}, "Convolution", ""},
    {OPENVINO, {"Conv", KERF_S16, 9, KERF_S8, 0, 0, 0, 0}, STAYS, "have 16 bits"},
    {OPENVINO, {"Conv", KERF_U8, 9, KERF_S8, 3, 0, 0, 0}, STAYS, "weights have zero points other"},
    {OPENVINO, {"Conv", KERF_U8, 9, KERF_U8, 0, 0, 0, 0}, STAYS, "weights are uint8"},
    {OPENVINO, {"Conv", KERF_U8, 9, FLOATS, 0, 0, 0, 0}, STAYS, "its weights are floats"},
    {OPENVINO, {"Conv", FLOATS, 0, KERF_S8, 0, 0, 0, 0}, STAYS, "an input is a float"},
    {OPENVINO, {"MatMul", KERF_U8, 9, KERF_S8, 0, 0, 16, 0}, STAYS, "nor one a channel"},
    {OPENVINO, {"Gemm", FLOATS, 0, KERF_S8, 0, 1, 0, 0}, "FullyConnected", ""},
    {OPENVINO, {"MatMul", FLOATS, 0, KERF_S4, 0, 0, 8, 0}, "FullyConnected", ""},
    {OPENVINO, {"MatMul", FLOATS, 0, KERF_S4, 0, 0, 2, 0}, STAYS, "nor blocks of 4 terms or more"},
    {OPENVINO, {"MatMul", FLOATS, 0, KERF_S8, 0, 0, 0, 0}, STAYS, "the reader's sums are wrong"},
    {OPENVINO, {"MatMul", FLOATS, 0, KERF_S4, 0, 1, 4, 0}, STAYS, "nor blocks of 4 terms or more"},
    {OPENVINO, {"MatMul", FLOATS, 0, KERF_S4, 0, 0, 20, 0}, STAYS, "last block of its weights"},
    {OPENVINO, {"MatMul", FLOATS, 0, KERF_S2, 0, 0, 16, 0}, STAYS, "have 2 bits"},
    {OPENVINO, {"Add", KERF_U8, 9, FLOATS, 0, 0, 0, 0}, "Eltwise", ""},
    {OPENVINO, {"Concat", KERF_U8, 9, FLOATS, 0, 0, 0, 0}, "Concatenation", ""},
    {OPENVINO, {"Softmax", KERF_U8, 9, FLOATS, 0, 0, 0, 1}, STAYS, "no kernel on integers"},
};

static void test_rules(void)
{
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        kerf_graph *g = make(&CASES[i].f);
        check_told(g, CASES[i].profile, CASES[i].becomes, CASES[i].why);
        kerf_graph_destroy(g);
    }
}

/* ---- facts of more than one node ---------------------------------------------------------- */

static const form CONV = {"Conv", KERF_U8, 9, KERF_S8, 0, 0, 0, 0};

static kerf_graph *make_begin(const form *f, kerf_node **node)
{
    kerf_graph *g = make(f);
    *node = pairs_find(g, "node");
    g->num_outputs = 0;
    return g;
}

/* A Relu vanishes where its integers end at 0. */
static void test_bound(void)
{
    static const int ZEROS[] = {0, 128};
    for (size_t i = 0; i < LENGTH(ZEROS); i++) {
        kerf_node *node;
        kerf_graph *g = make_begin(&CONV, &node);
        kerf_value *v = pairs_node(g, "Relu", "relu", node->outputs, 1);
        CHECK_OK(kerf_graph_add_output(g, pairs_round(v, "y", 0.1f, KERF_U8, ZEROS[i])));
        check_told(g, ORT, i == 0 ? "QLinearConv" : STAYS, i == 0 ? "" : "do not end");
        check_told(g, OPENVINO, "Convolution", "");
        kerf_graph_destroy(g);
    }
}

/* A bias of integers: the scale of the sums is 0.5 times 0.01. */
static void test_bias(void)
{
    static const float SCALES[] = {0.005f, 0.004f};
    for (size_t i = 0; i < LENGTH(SCALES); i++) {
        const form f = {"Conv", KERF_U8, 9, KERF_S8, 0, 0, 0, 1};
        kerf_graph *g = make(&f);
        kerf_value *in[] = {pairs_same(g, "b", KERF_S32, KERF_SHAPE(4), 100),
                            pairs_scales(g, "bs", KERF_SHAPE(4), SCALES[i])};
        kerf_node *node = pairs_find(g, "node");
        CHECK_OK(kerf__node_put_input(node, 2, pairs_node(g, "DequantizeLinear", "bd", in, 2)));
        check_told(g, ORT, i == 0 ? "QLinearConv" : STAYS, i == 0 ? "" : "another scale");
        check_told(g, TRT, STAYS, "");
        kerf_graph_destroy(g);
    }
}

static void test_factors(void)
{
    static const form PAIRS = {"Gemm", KERF_U8, 9, KERF_S8, 0, 1, 0, 0},
                      STORED = {"Gemm", FLOATS, 0, KERF_S8, 0, 1, 0, 0};
    kerf_graph *g = make(&PAIRS);
    CHECK_OK(kerf_node_set_float(pairs_find(g, "node"), "alpha", 0.5f));
    check_told(g, ORT, STAYS, "its alpha is not 1");
    check_told(g, OPENVINO, "FullyConnected", "");
    kerf_graph_destroy(g);
    g = make(&STORED);
    CHECK_OK(kerf_node_set_float(pairs_find(g, "node"), "alpha", 0.5f));
    check_told(g, ORT, STAYS, "its alpha is not 1");
    check_told(g, OPENVINO, STAYS, "its alpha is not 1");
    kerf_graph_destroy(g);
}

/* Of two activations. */
static void test_both(void)
{
    static const kerf_type TYPES[] = {KERF_S8, KERF_U8};
    for (size_t i = 0; i < LENGTH(TYPES); i++) {
        kerf_graph *g;
        kerf_value *x, *in[2];
        CHECK_OK(kerf_graph_create(&g));
        CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(4, 4), &x));
        in[0] = pairs_round(x, "a", 0.5f, TYPES[i], 0);
        in[1] = pairs_round(x, "b", 0.5f, TYPES[i], 0);
        CHECK_OK(kerf_graph_add_output(g, pairs_node(g, "MatMul", "node", in, 2)));
        check_told(g, OPENVINO, i == 0 ? "MatMul" : STAYS, i == 0 ? "" : "must be int8");
        check_told(g, ORT, i == 0 ? STAYS : "MatMulIntegerToFloat", "");
        check_told(g, TRT, i == 0 ? "int8 matrix product" : STAYS, "");
        kerf_graph_destroy(g);
    }
}

/* Operators of integers, with Cast and Mul behind and without. */
static void test_operators(void)
{
    static const char *const BECOMES[] = {"MatMulInteger", "DynamicQuantizeMatMul"};
    for (int is_scaled = 0; is_scaled <= 1; is_scaled++) {
        kerf_graph *g;
        kerf_value *x, *in[2];
        kerf_node *n;
        CHECK_OK(kerf_graph_create(&g));
        CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(4, 4), &x));
        CHECK_OK(kerf_graph_add_node(g, "DynamicQuantizeLinear", "d", &x, 1, 3, &n));
        in[0] = n->outputs[0];
        in[1] = pairs_same(g, "w", KERF_S8, KERF_SHAPE(4, 4), 1);
        kerf_value *v = pairs_node(g, "MatMulInteger", "node", in, 2);
        v = pairs_node(g, "Cast", "cast", &v, 1);
        in[0] = v;
        in[1] = n->outputs[1];
        if (is_scaled)
            v = pairs_node(g, "Mul", "mul", in, 2);
        CHECK_OK(kerf_graph_add_output(g, v));
        check_told(g, ORT, BECOMES[is_scaled], "");
        check_told(g, OPENVINO, STAYS, "no kernel on integers");
        kerf_graph_destroy(g);
    }
}

/* ---- hostile files -------------------------------------------------------------------------- */

static void check_survives(kerf_graph *g)
{
    for (int profile = 0; profile < KERF_NUM_PROFILES; profile++) {
        kerf_export_node *nodes;
        kerf_export_change *changes;
        size_t num;
        CHECK_OK(kerf_export_predict(&nodes, &num, g, (kerf_profile)profile));
        free(nodes);
        if (kerf_export(g, (kerf_profile)profile, &changes, &num) == KERF_OK)
            CHECK_OK(kerf_graph_verify(g));
        free(changes);
    }
    kerf_graph_destroy(g);
}

/* Each input of each node is left out once, and all behind it. */
static void test_lacking(void)
{
    for (size_t i = 0; i < LENGTH(CASES); i++)
        for (int at = 0; at < 12; at++)
            for (int input = 0; input < 3; input++) {
                kerf_graph *g = make(&CASES[i].f);
                kerf_node *n = kerf_graph_node(g, at);
                if (n != NULL && input < n->num_inputs) {
                    kerf__node_set_input(n, input, NULL);
                    kerf__node_trim_inputs(n);
                }
                check_survives(g);
            }
}

/* Scales and zero points of other types, sizes and axes than their weights'. */
static void test_contradictions(void)
{
    static const int64_t AXES[] = {-100, -1, 1, 2, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < LENGTH(CASES); i++)
        for (size_t k = 0; k < LENGTH(AXES) && CASES[i].f.w != FLOATS; k++) {
            kerf_graph *g = make(&CASES[i].f);
            kerf_node *dq = kerf_node_input(pairs_find(g, "node"), 1)->producer;
            CHECK_OK(kerf_node_set_int(dq, "axis", AXES[k]));
            CHECK_OK(kerf_node_set_int(dq, "block_size", AXES[LENGTH(AXES) - 1 - k]));
            kerf__node_set_input(dq, 1, pairs_scales(g, NULL, KERF_SHAPE(5), 0));
            kerf__node_set_input(dq, 2, pairs_same(g, NULL, CASES[i].f.w, KERF_SHAPE(3), 1));
            check_survives(g);
        }
}

/* A zero point, or bias, of each type there is, floats too, at each node that has one. */
static void test_zero_types(void)
{
    for (size_t i = 0; i < LENGTH(CASES); i++)
        for (int at = 0; at < 12; at++)
            for (int type = 0; type < KERF_NUM_TYPES; type++) {
                kerf_graph *g = make(&CASES[i].f);
                kerf_node *n = kerf_graph_node(g, at);
                kerf_tensor *zero;
                kerf_value *v;
                CHECK_OK(kerf_tensor_create(&zero, NULL, (kerf_type)type, KERF_SCALAR));
                CHECK_OK(kerf_graph_add_constant(g, NULL, zero, &v));
                if (n != NULL && n->num_inputs > 2)
                    kerf__node_set_input(n, 2, v);
                check_survives(g);
            }
}

static void test_arguments(void)
{
    kerf_graph *g = make(&CONV);
    kerf_export_change *changes;
    size_t num;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_export(g, KERF_NUM_PROFILES, &changes, &num));
    CHECK(changes == NULL && num == 0);
    kerf_graph_destroy(g);
}

int main(void)
{
    test_rules();
    test_bound();
    test_bias();
    test_factors();
    test_both();
    test_operators();
    test_lacking();
    test_contradictions();
    test_zero_types();
    test_arguments();
    return check_result();
}
