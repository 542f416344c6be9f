/* test_known_inputs.c -- shapes of inputs bound by name, and numbers taken where shapes ask for
 * them; sums of many inputs become sums of two. */
#include <string.h>

#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/plan.h"
#include "tensor/tensor_internal.h"

static kerf_node *add(kerf_graph *g, const char *op, kerf_value *const *inputs, int num)
{
    kerf_node *n;
    CHECK_OK(kerf_graph_add_node(g, op, NULL, inputs, num, 1, &n));
    return n;
}

static void check_words(const char *words)
{
    if (strstr(kerf_last_error(), words) == NULL) {
        printf("message is '%s', must hold '%s'\n", kerf_last_error(), words);
        check_failures++;
    }
}

/* x (N, 3, H, W) and a mask (N, 1, H, W): H and W settled once hold for both. */
static void test_shapes(void)
{
    kerf_graph *g;
    kerf_value *x, *mask;
    CHECK_OK(kerf_graph_create(&g));
    const int64_t n = kerf_graph_symbol(g, "N"), h = kerf_graph_symbol(g, "H");
    const int64_t w = kerf_graph_symbol(g, "W");
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(n, 3, h, w), &x));
    CHECK_OK(kerf_graph_add_input(g, "mask", KERF_F32, KERF_SHAPE(n, 1, h, w), &mask));
    kerf_node *mul = add(g, "Mul", (kerf_value *[]){x, mask}, 2);
    CHECK_OK(kerf_graph_add_output(g, mul->outputs[0]));
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_graph_infer(g, 2));
    check_words("dimension 2 of input 'x' is 'H', must be a number: give the shape");
    const kerf_known_input wrong[] = {{"x", KERF_SHAPE(2, 4, 5, 6), NULL}};
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_graph_bind(g, wrong, 1));
    check_words("input 'x' is given as (2, 4, 5, 6), must be like");
    const kerf_known_input nobody[] = {{"z", KERF_SHAPE(2), NULL}};
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_graph_bind(g, nobody, 1));
    check_words("there is no input 'z'");
    const kerf_known_input known[] = {{"x", KERF_SHAPE(2, 3, 5, 6), NULL}};
    CHECK_OK(kerf_graph_bind(g, known, 1));
    CHECK(kerf_shape_equal(mask->shape, KERF_SHAPE(2, 1, 5, 6)));
    const kerf_known_input other[] = {{"mask", KERF_SHAPE(2, 1, 5, 7), NULL}};
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_graph_bind(g, other, 1));
    CHECK_OK(kerf_graph_infer(g, 1));
    CHECK(kerf_shape_equal(mul->outputs[0]->shape, KERF_SHAPE(2, 3, 5, 6)));
    kerf_graph_destroy(g);
}

/* `to` decides a shape, through an Add; `x` does not, though its shape is asked. */
static void test_numbers(void)
{
    static const int64_t numbers[] = {5, -2};
    static const float data[12];
    kerf_graph *g;
    kerf_value *x, *to;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(kerf_graph_symbol(g, "N"), 4), &x));
    CHECK_OK(kerf_graph_add_input(g, "to", KERF_S64, KERF_SHAPE(2), &to));
    kerf_node *size = add(g, "Shape", &x, 1);
    kerf_node *first = add(g, "Sub", (kerf_value *[]){size->outputs[0], size->outputs[0]}, 2);
    kerf_node *sum = add(g, "Add", (kerf_value *[]){to, first->outputs[0]}, 2);
    kerf_node *half = add(g, "Div", (kerf_value *[]){sum->outputs[0], sum->outputs[0]}, 2);
    kerf_node *list = add(g, "Sub", (kerf_value *[]){half->outputs[0], to}, 2);
    kerf_node *reshape = add(g, "Reshape", (kerf_value *[]){x, list->outputs[0]}, 2);
    CHECK_OK(kerf_graph_add_output(g, reshape->outputs[0]));
    const kerf_known_input known[] = {{"x", KERF_SHAPE(3, 4), data},
                                      {"to", KERF_SHAPE(2), numbers}};
    CHECK_OK(kerf_graph_bind(g, known, 2));
    CHECK(kerf_graph_num_inputs(g) == 1 && kerf_graph_input(g, 0) == x);
    CHECK(to->kind == KERF__VALUE_CONSTANT && x->kind == KERF__VALUE_INPUT);
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_graph_infer(g, 1)); /* (1 - 5, 1 + 2) */
    check_words("shape[0] is -4");
    kerf_graph_destroy(g);
}

/* Sizes that no memory has are told as such, not as unknown. */
static void test_too_large(void)
{
    kerf_graph *g;
    kerf_value *x;
    CHECK_OK(kerf_graph_create(&g));
    const int64_t n = kerf_graph_symbol(g, "N"), h = kerf_graph_symbol(g, "H");
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(n, h), &x));
    CHECK_OK(kerf_graph_add_output(g, x));
    const kerf_known_input known[] = {{"x", KERF_SHAPE((int64_t)1 << 40, (int64_t)1 << 40), NULL}};
    CHECK_OK(kerf_graph_bind(g, known, 1));
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_graph_infer(g, 1));
    check_words("input 'x' is (1099511627776, 1099511627776), larger than 2^62 bytes");
    kerf_graph_destroy(g);
}

static void test_many_inputs(void)
{
    static const struct {
        const char *op, *last;
        int num;
        size_t num_nodes;
    } cases[] = {{"Max", "Max", 4, 3},
                 {"Min", "Identity", 1, 1},
                 {"Sum", "Add", 3, 2},
                 {"Mean", "kerf.Scale", 3, 3},
                 {"Mean", "Identity", 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kerf_graph *g;
        kerf_value *x[4];
        static const char *const names[] = {"a", "b", "c", "d"};
        CHECK_OK(kerf_graph_create(&g));
        for (int k = 0; k < cases[i].num; k++)
            CHECK_OK(kerf_graph_add_input(g, names[k], KERF_F32, KERF_SHAPE(2, 3), &x[k]));
        kerf_node *n = add(g, cases[i].op, x, cases[i].num);
        CHECK_OK(kerf_graph_add_output(g, n->outputs[0]));
        CHECK_OK(kerf_graph_infer(g, 1));
        CHECK_OK(kerf_graph_verify(g));
        CHECK(g->num_nodes == cases[i].num_nodes && strcmp(n->op, cases[i].last) == 0);
        kerf_graph_destroy(g);
    }
}

int main(void)
{
    test_shapes();
    test_numbers();
    test_too_large();
    test_many_inputs();
    return check_result();
}
