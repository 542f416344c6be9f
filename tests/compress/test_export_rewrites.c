/* test_export_rewrites.c -- what each rewrite of `kerf export` leaves: types, scales, numbers. What
 * readers make of it is predicted in test_export.c and tried in tests/host/test_export*.sh. */
#include "pairs.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static kerf_graph *begin(kerf_value **x)
{
    kerf_graph *g;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(1, 40), x));
    return g;
}

/* Exports, and the number of changes that say so. */
static int changes_of(kerf_graph *g, kerf_profile profile, const char *words)
{
    kerf_export_change *changes;
    size_t num;
    int found = 0;
    CHECK_OK(kerf_export(g, profile, &changes, &num));
    CHECK_OK(kerf_graph_verify(g));
    for (size_t i = 0; i < num; i++)
        found += strstr(changes[i].what, words) != NULL;
    free(changes);
    return found;
}

/* ---- activations -------------------------------------------------------------------------- */

/* The numbers of the QuantizeLinear called so, and of the DequantizeLinear behind it. */
static void check_scaling(const kerf_graph *g, const char *name, kerf_type type, double scale,
                          int64_t zero)
{
    const kerf_node *q = pairs_find(g, name);
    CHECK(q != NULL);
    if (q == NULL)
        return;
    const kerf_value *s = q->inputs[1], *z = q->inputs[2];
    CHECK(z->type == type && kerf__tensor_int(z->constant, 0) == zero);
    CHECK(fabs((double)*(const float *)s->constant->data - scale) <= 1e-6 * scale);
    for (int i = 0; i < kerf_graph_num_nodes(g); i++) {
        const kerf_node *dq = kerf_graph_node(g, i);
        if (kerf_node_input(dq, 0) == q->outputs[0])
            CHECK(dq->inputs[1] == s && dq->inputs[2] == z);
    }
}

/* x -> [Relu] -> pair -> Flatten -> pair -> Sin: the pairs have one scale and stay so. */
static kerf_graph *make_chain(int has_bound, kerf_type type, int zero)
{
    kerf_value *v;
    kerf_graph *g = begin(&v);
    if (has_bound)
        v = pairs_node(g, "Relu", "relu", &v, 1);
    v = pairs_round(v, "a", 0.5f, type, zero);
    v = pairs_node(g, "Flatten", "flat", &v, 1);
    v = pairs_round(v, "b", 0.5f, type, zero);
    CHECK_OK(kerf_graph_add_output(g, pairs_node(g, "Sin", "sin", &v, 1)));
    return g;
}

static const struct {
    kerf_profile profile;
    int has_bound;
    kerf_type was;
    int was_zero, changes;
    kerf_type is;
    double scale;
    int zero;
} CHAINS[] = {
    /* The numbers as they were. */
    {KERF_PROFILE_ORT, 0, KERF_S8, -28, 2, KERF_U8, 0.5, 100},
    {KERF_PROFILE_ORT, 0, KERF_U8, 100, 0, KERF_U8, 0.5, 100},
    /* Behind a Relu, 0.5 * (255 - 55) over all 255 steps. */
    {KERF_PROFILE_ORT, 1, KERF_U8, 55, 2, KERF_U8, 100 / 255.0, 0},
    {KERF_PROFILE_ORT, 1, KERF_S8, -128, 2, KERF_U8, 0.5, 0},
    {KERF_PROFILE_ORT, 1, KERF_U8, 255, 0, KERF_U8, 0.5, 255},
    /* Symmetric: from -50 to 77.5; from -77.5 to 50; behind a Relu only up to 77.5. */
    {KERF_PROFILE_TRT, 0, KERF_U8, 100, 2, KERF_S8, 77.5 / 127, 0},
    {KERF_PROFILE_TRT, 0, KERF_U8, 155, 2, KERF_S8, 77.5 / 128, 0},
    {KERF_PROFILE_TRT, 1, KERF_U8, 155, 2, KERF_S8, 50 / 127.0, 0},
    {KERF_PROFILE_TRT, 1, KERF_U8, 255, 2, KERF_S8, 127.5 / 128, 0},
    {KERF_PROFILE_TRT, 0, KERF_S8, 0, 0, KERF_S8, 0.5, 0},
    {KERF_PROFILE_OPENVINO, 0, KERF_S8, -28, 0, KERF_S8, 0.5, -28},
};

static void test_chains(void)
{
    for (size_t i = 0; i < LENGTH(CHAINS); i++) {
        kerf_graph *g = make_chain(CHAINS[i].has_bound, CHAINS[i].was, CHAINS[i].was_zero);
        CHECK(changes_of(g, CHAINS[i].profile, "rounded to") == CHAINS[i].changes);
        check_scaling(g, "a_q", CHAINS[i].is, CHAINS[i].scale, CHAINS[i].zero);
        check_scaling(g, "b_q", CHAINS[i].is, CHAINS[i].scale, CHAINS[i].zero);
        kerf_graph_destroy(g);
    }
}

/* A Concat of two that lie behind bounds, and of one and a float: there numbers may be negative. */
static void test_concat(void)
{
    for (int has_float = 0; has_float <= 1; has_float++) {
        kerf_value *x, *in[2];
        kerf_graph *g = begin(&x);
        for (int i = 0; i < 2; i++) {
            kerf_value *v = pairs_node(g, "Relu", i == 0 ? "r0" : "r1", &x, 1);
            in[i] = pairs_round(v, i == 0 ? "a" : "b", 0.5f, KERF_U8, 55);
        }
        in[1] = has_float ? x : in[1];
        kerf_value *v = pairs_node(g, "Concat", "joined", in, 2);
        CHECK_OK(kerf_graph_add_output(g, pairs_round(v, "c", 0.5f, KERF_U8, 55)));
        changes_of(g, KERF_PROFILE_ORT, "");
        check_scaling(g, "a_q", KERF_U8, has_float ? 0.5 : 100 / 255.0, has_float ? 55 : 0);
        check_scaling(g, "c_q", KERF_U8, has_float ? 0.5 : 100 / 255.0, has_float ? 55 : 0);
        kerf_graph_destroy(g);
    }
}

/* Somebody else reads the integers: they stay what they are. */
static void test_other_reader(void)
{
    kerf_graph *g = make_chain(0, KERF_S8, -28);
    kerf_value *v = pairs_find(g, "a_q")->outputs[0];
    CHECK_OK(kerf_graph_add_output(g, v));
    changes_of(g, KERF_PROFILE_TRT, "");
    check_scaling(g, "a_q", KERF_S8, 0.5, -28);
    kerf_graph_destroy(g);
}

static void test_moves(void)
{
    static const kerf_profile PROFILES[] = {KERF_PROFILE_ORT, KERF_PROFILE_TRT,
                                            KERF_PROFILE_OPENVINO};
    for (size_t i = 0; i < LENGTH(PROFILES); i++) {
        kerf_value *v;
        kerf_graph *g = begin(&v);
        v = pairs_round(v, "a", 0.5f, KERF_S8, 0);
        v = pairs_node(g, "Flatten", "flat", &v, 1);
        CHECK_OK(kerf_graph_add_output(g, pairs_node(g, "Sin", "sin", &v, 1)));
        CHECK(changes_of(g, PROFILES[i], "put behind it") == 1);
        CHECK(pairs_count(g, "QuantizeLinear") == 2 && pairs_count(g, "DequantizeLinear") == 2);
        const kerf_node *dq = pairs_find(g, "sin")->inputs[0]->producer;
        CHECK(strcmp(dq->op, "DequantizeLinear") == 0);
        CHECK(*(const float *)dq->inputs[1]->constant->data == 0.5f);
        kerf_graph_destroy(g);
    }
}

/* ---- biases ------------------------------------------------------------------------------- */

/* Sums have the scale 0.5 * 0.01, the bias 0.004. */
static kerf_graph *make_biased(int number)
{
    kerf_value *in[3], *bias[2];
    kerf_graph *g = begin(&in[0]);
    in[0] = pairs_round(in[0], "x", 0.5f, KERF_U8, 0);
    in[1] = pairs_same(g, "w", KERF_S8, KERF_SHAPE(4, 2, 3, 3), 1);
    in[1] = pairs_stored(g, in[1], KERF_S8, 0, 0, 0.01f, 0);
    bias[0] = pairs_same(g, "b", KERF_S32, KERF_SHAPE(4), number);
    bias[1] = pairs_scales(g, "b_scale", KERF_SHAPE(4), 0.004f);
    in[2] = pairs_node(g, "DequantizeLinear", "b_dq", bias, 2);
    CHECK_OK(kerf_graph_add_output(g, pairs_node(g, "Conv", "conv", in, 3)));
    return g;
}

static void test_biases(void)
{
    kerf_graph *g = make_biased(1000);
    CHECK(changes_of(g, KERF_PROFILE_ORT, "with the scale of the sums") == 1);
    const kerf_node *dq = pairs_find(g, "conv")->inputs[2]->producer;
    CHECK(dq != NULL && kerf__tensor_int(dq->inputs[0]->constant, 3) == 800);
    CHECK(fabsf(((const float *)dq->inputs[1]->constant->data)[3] - 0.005f) < 1e-8f);
    kerf_graph_destroy(g);

    g = make_biased(1000);
    CHECK(changes_of(g, KERF_PROFILE_TRT, "stored as floats") == 1);
    const kerf_tensor *t = pairs_find(g, "conv")->inputs[2]->constant;
    CHECK(t != NULL && t->type == KERF_F32 && fabsf(((const float *)t->data)[0] - 4) < 1e-6f);
    kerf_graph_destroy(g);

    g = make_biased(2000000000); /* half of int32 is left to the sums */
    changes_of(g, KERF_PROFILE_OPENVINO, "");
    t = pairs_find(g, "conv")->inputs[2]->constant;
    CHECK(t != NULL && t->type == KERF_F32 && fabsf(((const float *)t->data)[0] - 8e6f) < 1);
    kerf_graph_destroy(g);
}

/* ---- weights alone ------------------------------------------------------------------------ */

enum { TERMS = 40, CHANNELS = 3 };

/* Integer i of a tensor of 2 or 4 bits. */
static void put(kerf_value *v, size_t i, unsigned number)
{
    const size_t bits = kerf_type_bits(v->type);
    unsigned char *byte = (unsigned char *)v->constant->data + i * bits / 8;
    *byte = (unsigned char)(*byte | (number & ((1u << bits) - 1)) << (i * bits % 8));
}

/* -2 to 1, or -8 to 7. */
static int number_at(kerf_type type, size_t term, size_t channel)
{
    const int num = 1 << kerf_type_bits(type);
    return (int)((term * 5 + channel * 3) % (size_t)num) - num / 2;
}

/* op(x, weights (TERMS, CHANNELS), or turned); a last block of 8 in blocks of 16. */
static kerf_graph *make_product(const char *op, kerf_type type, int is_turned, int has_bound)
{
    kerf_value *in[3];
    kerf_graph *g = begin(&in[0]);
    in[1] = pairs_same(g, "w", type,
                       is_turned ? KERF_SHAPE(CHANNELS, TERMS) : KERF_SHAPE(TERMS, CHANNELS), 0);
    for (size_t k = 0; k < TERMS; k++)
        for (size_t c = 0; c < CHANNELS; c++)
            put(in[1], is_turned ? c * TERMS + k : k * CHANNELS + c,
                (unsigned)number_at(type, k, c));
    in[1] = pairs_stored(g, in[1], type, is_turned ? 1 : 0, 16, 0.5f, 0);
    in[2] = pairs_scales(g, "bias", KERF_SHAPE(CHANNELS), 1);
    kerf_value *v = pairs_node(g, op, "node", in, strcmp(op, "Gemm") == 0 ? 3 : 2);
    if (is_turned)
        CHECK_OK(kerf_node_set_int(v->producer, "transB", 1));
    if (has_bound)
        v = pairs_node(g, "Relu", "relu", &v, 1);
    CHECK_OK(kerf_graph_add_output(g, pairs_node(g, "Sin", "sin", &v, 1)));
    return g;
}

/* The only MatMul's weights are the same numbers, (rows, CHANNELS), in blocks along the terms. */
static const kerf_node *check_weights(const kerf_graph *g, kerf_type was, kerf_type is,
                                      int64_t rows)
{
    const kerf_node *product = NULL;
    for (int i = 0; i < kerf_graph_num_nodes(g); i++)
        if (strcmp(kerf_node_op(kerf_graph_node(g, i)), "MatMul") == 0)
            product = kerf_graph_node(g, i);
    CHECK(product != NULL && pairs_count(g, "MatMul") == 1 && pairs_count(g, "Gemm") == 0);
    if (product == NULL)
        return NULL;
    const kerf_node *dq = product->inputs[1]->producer;
    const kerf_value *w = dq->inputs[0];
    CHECK(w->type == is && w->shape.dims[0] == rows && w->shape.dims[1] == CHANNELS);
    CHECK(kerf_node_int(dq, "axis", 1) == 0 && kerf_node_int(dq, "block_size", 0) == 16);
    CHECK(dq->inputs[1]->shape.dims[0] == 3 && dq->inputs[1]->shape.dims[1] == CHANNELS);
    CHECK(dq->inputs[2]->type == is);
    for (size_t k = 0; k < TERMS; k++)
        for (size_t c = 0; c < CHANNELS; c++)
            CHECK(kerf__tensor_int(w->constant, k * CHANNELS + c) == number_at(was, k, c));
    return product;
}

static void test_split(void)
{
    for (int is_turned = 0; is_turned <= 1; is_turned++) {
        kerf_graph *g = make_product("Gemm", KERF_S4, is_turned, 1);
        CHECK(changes_of(g, KERF_PROFILE_ORT, "written as") == 2);
        const kerf_node *product = check_weights(g, KERF_S4, KERF_S4, TERMS);
        CHECK(product != NULL && strcmp(product->inputs[0]->name, "x") == 0);
        CHECK(pairs_count(g, "Add") == 1);
        CHECK(pairs_count(g, "Relu") == 0 && pairs_count(g, "Max") == 1);
        kerf_graph_destroy(g);
    }
    kerf_graph *g = make_product("Gemm", KERF_S4, 0, 0);
    CHECK_OK(kerf_node_set_float(pairs_find(g, "node"), "alpha", 2));
    CHECK(changes_of(g, KERF_PROFILE_ORT, "written as") == 0);
    CHECK(pairs_count(g, "Gemm") == 1);
    kerf_graph_destroy(g);
}

static void test_blocks(void)
{
    static const struct {
        const char *op;
        kerf_type type;
        int is_turned;
    } FORMS[] = {{"MatMul", KERF_S4, 0}, {"MatMul", KERF_S2, 0}, {"Gemm", KERF_S4, 1}};
    for (size_t i = 0; i < LENGTH(FORMS); i++) {
        kerf_graph *g = make_product(FORMS[i].op, FORMS[i].type, FORMS[i].is_turned, 0);
        CHECK(changes_of(g, KERF_PROFILE_OPENVINO, "was not whole") == 1);
        const kerf_node *product = check_weights(g, FORMS[i].type, KERF_S4, 48);
        const kerf_node *pad = product != NULL ? product->inputs[0]->producer : NULL;
        CHECK(pad != NULL && strcmp(pad->op, "Pad") == 0);
        CHECK(pad != NULL && kerf__tensor_int(pad->inputs[1]->constant, 0) == 0 &&
              kerf__tensor_int(pad->inputs[1]->constant, 1) == 8 &&
              kerf__tensor_int(pad->inputs[3]->constant, 0) == -1);
        kerf_graph_destroy(g);
    }
}

int main(void)
{
    test_chains();
    test_concat();
    test_other_reader();
    test_moves();
    test_biases();
    test_split();
    test_blocks();
    return check_result();
}
