/* test_graph.c -- building, looking at and copying graphs; what is refused, and how. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "check.h"
#include "graph/graph_internal.h"
#include "tensor/tensor_internal.h"

#define CHECK_ERROR(want, words, call)                                                             \
    do {                                                                                           \
        CHECK_STATUS(want, call);                                                                  \
        if (strstr(kerf_last_error(), words) == NULL) {                                            \
            printf("%s:%d: '%s' lacks '%s'\n", __FILE__, __LINE__, kerf_last_error(), words);      \
            check_failures++;                                                                      \
        }                                                                                          \
    } while (0)

/* input -> Gemm(weight, bias) -> Relu -> output, with one of each kind of everything. */
static kerf_status make(kerf_graph **out)
{
    kerf_value *x, *w, *b;
    kerf_node *gemm, *relu;
    kerf_tensor *bias, *table;
    kerf_graph *g;
    KERF__TRY(kerf_graph_create(out));
    g = *out;
    int64_t batch = kerf_graph_symbol(g, "N");
    if (batch == 0)
        return KERF_ERR_MEMORY;
    KERF__TRY(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(batch, 4), &x));
    KERF__TRY(kerf_graph_add_state(g, "w", 7, KERF_F32, KERF_SHAPE(3, 4), &w));
    KERF__TRY(kerf_tensor_create(&bias, NULL, KERF_F32, KERF_SHAPE(3)));
    ((float *)kerf_tensor_data(bias))[1] = 0.5f;
    KERF__TRY(kerf_graph_add_constant(g, "b", bias, &b));
    KERF__TRY(kerf_graph_add_node(g, "Gemm", "fc", (kerf_value *[]){x, w, b}, 3, 1, &gemm));
    KERF__TRY(kerf_node_set_int(gemm, "transB", 1));
    KERF__TRY(kerf_node_set_float(gemm, "alpha", 0.25f));
    KERF__TRY(kerf_node_set_ints(gemm, "axes", (int64_t[]){1, -2, 3}, 3));
    KERF__TRY(kerf_node_set_floats(gemm, "scales", (float[]){1, 2}, 2));
    KERF__TRY(kerf_node_set_string(gemm, "mode", "fan_in"));
    KERF__TRY(kerf_tensor_create(&table, NULL, KERF_U8, KERF_SHAPE(2)));
    KERF__TRY(kerf__node_set_tensor(gemm, "value", table));
    KERF__TRY(kerf_graph_add_node(g, "Relu", NULL, &gemm->outputs[0], 1, 1, &relu));
    relu->outputs[0]->next_of = 3;
    KERF__TRY(kerf_graph_add_output(g, relu->outputs[0]));
    KERF__TRY(kerf_graph_set_metadata(g, "kerf.prep", "raw"));
    KERF__TRY(kerf_graph_set_metadata(g, "note", "first"));
    return kerf_graph_verify(g);
}

static void check_nodes(const kerf_graph *g)
{
    const kerf_node *n = kerf_graph_node(g, 0);
    size_t num;
    CHECK(strcmp(kerf_node_op(n), "Gemm") == 0 && strcmp(kerf_node_name(n), "fc") == 0);
    CHECK(kerf_node_num_inputs(n) == 3 && kerf_node_num_outputs(n) == 1);
    CHECK(kerf_node_input(n, 1) == kerf_graph_find(g, "w") && kerf_node_input(n, 3) == NULL);
    CHECK(kerf_node_output(n, 0) == kerf_graph_find(g, "fc") && kerf_node_output(n, 1) == NULL);
    CHECK(kerf_node_int(n, "transB", 0) == 1 && kerf_node_int(n, "transA", 5) == 5);
    CHECK(kerf_node_float(n, "alpha", 1) == 0.25f && kerf_node_float(n, "transB", 9) == 9);
    CHECK(strcmp(kerf_node_string(n, "mode", ""), "fan_in") == 0);
    const int64_t *axes = kerf_node_ints(n, "axes", &num);
    CHECK(num == 3 && axes[1] == -2);
    CHECK(kerf_node_ints(n, "mode", &num) == NULL && num == 0);
    CHECK(kerf__node_attribute(n, "scales")->floats[1] == 2);
    CHECK(kerf_tensor_type(kerf__node_attribute(n, "value")->tensor) == KERF_U8);
    CHECK(kerf__node_attribute(n, "beta") == NULL);
    CHECK(strcmp(kerf_node_name(kerf_graph_node(g, 1)), "Relu") == 0);
}

static void check_graph(const kerf_graph *g)
{
    CHECK_OK(kerf_graph_verify(g));
    CHECK(kerf_graph_num_inputs(g) == 1 && kerf_graph_num_outputs(g) == 1);
    CHECK(kerf_graph_num_nodes(g) == 2 && kerf_graph_node(g, 2) == NULL);
    CHECK(kerf_graph_input(g, 0) == kerf_graph_find(g, "x") && kerf_graph_input(g, -1) == NULL);
    CHECK(kerf_graph_output(g, 0)->next_of == 3 && kerf_graph_output(g, 1) == NULL);
    CHECK(kerf_graph_find(g, "y") == NULL);
    kerf_shape x = kerf_value_shape(kerf_graph_find(g, "x"));
    CHECK(x.rank == 2 && x.dims[0] == -1 && x.dims[1] == 4);
    CHECK(strcmp(kerf_graph_symbol_name(g, x.dims[0]), "N") == 0);
    CHECK(kerf_graph_symbol_name(g, -2) == NULL && kerf_graph_symbol_name(g, 0) == NULL);
    CHECK(kerf_value_state(kerf_graph_find(g, "w")) == 7);
    CHECK(kerf_value_state(kerf_graph_find(g, "b")) == -1);
    CHECK(kerf_value_type(kerf_graph_find(g, "w")) == KERF_F32);
    const float *bias = kerf_graph_find(g, "b")->constant->data;
    CHECK(bias[0] == 0 && bias[1] == 0.5f);
    CHECK(strcmp(kerf_graph_metadata(g, "kerf.prep"), "raw") == 0);
    CHECK(strcmp(kerf_graph_metadata(g, "note"), "first") == 0);
    check_nodes(g);
}

static void test_build_and_copy(void)
{
    kerf_graph *g, *copy;
    CHECK_OK(make(&g));
    check_graph(g);
    CHECK_OK(kerf_graph_copy(&copy, g));
    kerf_graph_destroy(g); /* the copy borrows nothing */
    check_graph(copy);
    CHECK(kerf_graph_symbol(copy, "N") == -1 && kerf_graph_symbol(copy, "T") == -2);
    kerf_graph_destroy(copy);
    kerf_graph_destroy(NULL);
}

static void test_metadata(void)
{
    kerf_graph *g;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_set_metadata(g, "a", "1"));
    CHECK_OK(kerf_graph_set_metadata(g, "b", "2"));
    CHECK_OK(kerf_graph_set_metadata(g, "c", "3"));
    CHECK_OK(kerf_graph_set_metadata(g, "b", "two"));
    CHECK(strcmp(kerf_graph_metadata(g, "b"), "two") == 0);
    CHECK_OK(kerf_graph_set_metadata(g, "a", NULL));
    CHECK_OK(kerf_graph_set_metadata(g, "a", NULL));
    CHECK(kerf_graph_metadata(g, "a") == NULL);
    CHECK(strcmp(kerf_graph_metadata(g, "b"), "two") == 0);
    CHECK(strcmp(kerf_graph_metadata(g, "c"), "3") == 0);
    CHECK(g->num_metadata == 2);
    kerf_graph_destroy(g);
}

static void test_names(void)
{
    kerf_graph *g;
    kerf_value *a, *b, *c, *more;
    kerf_node *n;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_add_input(g, "a", KERF_F32, KERF_SHAPE(2), &a));
    CHECK_OK(kerf_graph_add_input(g, NULL, KERF_F32, KERF_SHAPE(2), &b));
    CHECK_OK(kerf_graph_add_input(g, "", KERF_F32, KERF_SHAPE(2), &c));
    CHECK(strcmp(b->name, "value") == 0 && strcmp(c->name, "value_1") == 0);
    CHECK_OK(kerf_graph_add_node(g, "Split", "s", &a, 1, 3, &n));
    CHECK(kerf_graph_find(g, "s") == n->outputs[0] && kerf_graph_find(g, "s:2") == n->outputs[2]);
    CHECK(n->outputs[1]->shape.rank == -1);
    CHECK_OK(kerf__graph_add_output_value(g, n, "rest", &more));
    CHECK(n->num_outputs == 4 && n->outputs[3] == more && more->producer == n);
    CHECK_OK(kerf_value_rename(g, a, "s:9"));
    CHECK_OK(kerf_value_rename(g, a, "s:9"));
    CHECK(kerf_graph_find(g, "a") == NULL && kerf_graph_find(g, "s:9") == a);
    CHECK_ERROR(KERF_ERR_ARGUMENT, "there is a value 'rest' already, names must be unique",
                kerf_value_rename(g, a, "rest"));
    CHECK_ERROR(KERF_ERR_ARGUMENT, "new name of 's:9' is empty", kerf_value_rename(g, a, ""));
    CHECK_OK(kerf_graph_verify(g));
    kerf_graph_destroy(g);
}

static void test_refused(void)
{
    kerf_graph *g, *other;
    kerf_value *x, *alien, *out;
    kerf_node *n;
    CHECK_OK(make(&g));
    CHECK_OK(make(&other));
    x = kerf_graph_find(g, "x");
    alien = kerf_graph_find(other, "x");
    int num_values = (int)g->num_values;
    CHECK_ERROR(KERF_ERR_ARGUMENT, "there is a value 'x' already",
                kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(1), &out));
    CHECK(out == NULL && kerf_graph_num_inputs(g) == 1);
    CHECK_ERROR(KERF_ERR_SHAPE, "'y' must have a known type",
                kerf_graph_add_input(g, "y", KERF_F32, KERF_SHAPE(-5), &out));
    CHECK_ERROR(KERF_ERR_SHAPE, "'y' must have a known type",
                kerf_graph_add_input(g, "y", KERF_NUM_TYPES, KERF_SHAPE(5), &out));
    CHECK_ERROR(KERF_ERR_ARGUMENT, "'y' has state -1, must be 0 or more",
                kerf_graph_add_state(g, "y", -1, KERF_F32, KERF_SHAPE(5), &out));
    CHECK_ERROR(KERF_ERR_ARGUMENT, "constant 'y' must lie in host memory",
                kerf_graph_add_constant(g, "y", NULL, &out));
    CHECK_ERROR(KERF_ERR_ARGUMENT, "input 0 of 'y' is of another graph",
                kerf_graph_add_node(g, "Relu", "y", &alien, 1, 1, &n));
    CHECK_ERROR(KERF_ERR_ARGUMENT, "must have an operation's name",
                kerf_graph_add_node(g, "", "y", &x, 1, 1, &n));
    CHECK_ERROR(KERF_ERR_ARGUMENT, "an output must be a value of this graph",
                kerf_graph_add_output(g, alien));
    /* The second output's name is taken: the first must go again. */
    CHECK_OK(kerf_graph_add_input(g, "y:1", KERF_F32, KERF_SHAPE(1), &out));
    CHECK_ERROR(KERF_ERR_ARGUMENT, "there is a value 'y:1' already",
                kerf_graph_add_node(g, "Split", "y", &x, 1, 3, &n));
    CHECK(n == NULL && kerf_graph_find(g, "y") == NULL && (int)g->num_values == num_values + 1);
    CHECK_OK(kerf_graph_verify(g));
    kerf_graph_destroy(g);
    kerf_graph_destroy(other);
}

static void test_attribute_again(void)
{
    kerf_graph *g;
    CHECK_OK(make(&g));
    kerf_node *n = kerf_graph_node(g, 0);
    size_t before = n->num_attributes;
    CHECK_OK(kerf_node_set_string(n, "axes", "none"));
    CHECK_OK(kerf_node_set_int(n, "value", 3));
    CHECK_OK(kerf_node_set_ints(n, "mode", NULL, 0));
    CHECK(n->num_attributes == before);
    CHECK(strcmp(kerf_node_string(n, "axes", ""), "none") == 0);
    CHECK(kerf_node_int(n, "value", 0) == 3);
    CHECK_ERROR(KERF_ERR_ARGUMENT, "attribute 'value' of 'fc' must lie in host memory",
                kerf__node_set_tensor(n, "value", NULL));
    kerf_graph_destroy(g);
}

static kerf_status make_and_copy(kerf_graph **g, kerf_graph **copy)
{
    *copy = NULL;
    KERF__TRY(make(g));
    KERF__TRY(kerf_graph_copy(copy, *g));
    return kerf__graph_sort(*copy);
}

/* The n-th allocation fails, for every n: what there is stays whole, nothing leaks (asan). */
static void test_no_memory(void)
{
    kerf_status status = KERF_ERR_MEMORY;
    int n = 0;
    while (status != KERF_OK && n < 1000) {
        kerf_graph *g, *copy;
        kerf__alloc_fail_at(++n);
        status = make_and_copy(&g, &copy);
        kerf__alloc_fail_at(0);
        CHECK(status == KERF_OK || status == KERF_ERR_MEMORY);
        if (g != NULL)
            CHECK_OK(kerf_graph_verify(g));
        kerf_graph_destroy(g);
        kerf_graph_destroy(copy);
    }
    CHECK(n > 60 && n < 1000);
}

/* A graph of thousands of nodes is built in about linear time. */
static void test_many(void)
{
    enum { MANY = 20000 };
    kerf_graph *g;
    kerf_value *x;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(1), &x));
    for (int i = 0; i < MANY; i++) {
        char name[32];
        kerf_node *n;
        snprintf(name, sizeof name, "node%d", i);
        CHECK_OK(kerf_graph_add_node(g, "Relu", name, &x, 1, 1, &n));
        x = n->outputs[0];
    }
    CHECK_OK(kerf_graph_add_output(g, x));
    CHECK_OK(kerf_graph_verify(g));
    CHECK(kerf_graph_find(g, "node12345")->producer == kerf_graph_node(g, 12345));
    kerf_graph_destroy(g);
}

int main(void)
{
    test_build_and_copy();
    test_metadata();
    test_names();
    test_refused();
    test_attribute_again();
    test_no_memory();
    test_many();
    return check_result();
}
