/* test_fold.c -- arithmetic on shapes becomes constants, and what is not that stays. */
#include <string.h>

#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/plan.h"
#include "tensor/tensor_internal.h"

/* A list (rank 1) or, with num -1, a number. */
static kerf_value *ints(kerf_graph *g, const int64_t *items, int num)
{
    kerf_tensor *t;
    kerf_value *v;
    CHECK_OK(kerf_tensor_create(&t, NULL, KERF_S64, num < 0 ? KERF_SCALAR : KERF_SHAPE(num)));
    memcpy(t->data, items, t->size_bytes);
    CHECK_OK(kerf_graph_add_constant(g, NULL, t, &v));
    return v;
}

#define INTS(g, num, ...) ints(g, (const int64_t[]){__VA_ARGS__}, num)

static kerf_node *add(kerf_graph *g, const char *op, kerf_value *const *inputs, int num)
{
    kerf_node *n;
    CHECK_OK(kerf_graph_add_node(g, op, NULL, inputs, num, 1, &n));
    return n;
}

static kerf_graph *create(kerf_value **x)
{
    kerf_graph *g;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(
        kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(kerf_graph_symbol(g, "N"), 3, 4), x));
    return g;
}

/* Too much for the host: a device spreads the number. */
static void test_large_constant(void)
{
    kerf_value *x;
    kerf_graph *g = create(&x);
    kerf_tensor *value;
    CHECK_OK(kerf_tensor_create(&value, NULL, KERF_S64, KERF_SHAPE(1)));
    *(int64_t *)value->data = -7;
    kerf_node *zeros = add(g, "ConstantOfShape", (kerf_value *[]){INTS(g, 2, 50, 70)}, 1);
    kerf_node *sevens = add(g, "ConstantOfShape", (kerf_value *[]){INTS(g, 2, 50, 70)}, 1);
    CHECK_OK(kerf__node_set_tensor(sevens, "value", value));
    CHECK_OK(kerf_graph_add_output(g, zeros->outputs[0]));
    CHECK_OK(kerf_graph_add_output(g, sevens->outputs[0]));
    CHECK_OK(kerf_graph_infer(g, 1));
    CHECK_OK(kerf_graph_verify(g));
    CHECK(strcmp(zeros->op, "Expand") == 0 && strcmp(sevens->op, "Expand") == 0);
    CHECK(kerf_value_type(zeros->outputs[0]) == KERF_F32);
    CHECK(kerf_value_type(sevens->outputs[0]) == KERF_S64);
    CHECK(kerf_shape_equal(kerf_value_shape(sevens->outputs[0]), KERF_SHAPE(50, 70)));
    CHECK(*(const int64_t *)sevens->inputs[0]->constant->data == -7);
    kerf_graph_destroy(g);
}

/* x.view(x.size(0), -1), as exporters write it. */
static void test_view(void)
{
    kerf_value *x;
    kerf_graph *g = create(&x);
    kerf_node *shape = add(g, "Shape", &x, 1);
    kerf_node *size = add(g, "Gather", (kerf_value *[]){shape->outputs[0], INTS(g, -1, 0)}, 2);
    kerf_node *list = add(g, "Unsqueeze", (kerf_value *[]){size->outputs[0], INTS(g, 1, 0)}, 2);
    kerf_node *to = add(g, "Concat", (kerf_value *[]){list->outputs[0], INTS(g, 1, -1)}, 2);
    CHECK_OK(kerf_node_set_int(to, "axis", 0));
    kerf_node *reshape = add(g, "Reshape", (kerf_value *[]){x, to->outputs[0]}, 2);
    CHECK_OK(kerf_graph_add_output(g, reshape->outputs[0]));
    CHECK_OK(kerf_graph_infer(g, 5));
    CHECK_OK(kerf_graph_verify(g));
    CHECK(kerf_graph_num_nodes(g) == 1);
    CHECK(kerf_shape_equal(kerf_value_shape(kerf_graph_output(g, 0)), KERF_SHAPE(5, 12)));
    kerf_graph_destroy(g);
}

/* One node's result against what it must be: a list, or with num -1 a number. */
typedef struct wanted {
    int num;
    int64_t items[4];
} wanted;

static void check_node(kerf_graph *g, kerf_node *n, wanted want)
{
    /* Something must read it, or it would be taken out whole. */
    kerf_node *reader = add(g, "Reshape", (kerf_value *[]){g->inputs[0], n->outputs[0]}, 2);
    CHECK_OK(kerf_graph_add_output(g, reader->outputs[0]));
    char op[32];
    snprintf(op, sizeof op, "%s", n->op);
    (void)!kerf_graph_infer(g, 2); /* the reader may find that no shape for x */
    const kerf_value *got = reader->inputs[1];
    const int num = want.num < 0 ? 1 : want.num;
    if (got->kind != KERF__VALUE_CONSTANT || got->shape.rank != (want.num >= 0) ||
        got->constant->num_elements != (size_t)num ||
        memcmp(got->constant->data, want.items, (size_t)num * sizeof(int64_t)) != 0) {
        printf("%s: folded into something else\n", op);
        check_failures++;
    }
    kerf_graph_destroy(g);
}

static void test_shape(void)
{
    kerf_value *x;
    kerf_graph *g = create(&x);
    check_node(g, add(g, "Shape", &x, 1), (wanted){3, {2, 3, 4}});
    g = create(&x);
    kerf_node *n = add(g, "Shape", &x, 1);
    CHECK_OK(kerf_node_set_int(n, "start", -2));
    CHECK_OK(kerf_node_set_int(n, "end", -1));
    check_node(g, n, (wanted){1, {3}});
}

static void test_lists(void)
{
    kerf_value *x;
    kerf_graph *g = create(&x);
    check_node(g, add(g, "Gather", (kerf_value *[]){INTS(g, 3, 7, 8, 9), INTS(g, 2, -1, 0)}, 2),
               (wanted){2, {9, 7}});
    g = create(&x);
    check_node(g, add(g, "Squeeze", (kerf_value *[]){INTS(g, 1, 6)}, 1), (wanted){-1, {6}});
    g = create(&x);
    check_node(g,
               add(g, "Slice",
                   (kerf_value *[]){INTS(g, 4, 5, 6, 7, 8), INTS(g, 1, -3), INTS(g, 1, INT64_MAX),
                                    INTS(g, 1, 0), INTS(g, 1, 2)},
                   5),
               (wanted){2, {6, 8}});
    g = create(&x);
    kerf_node *n = add(g, "Cast", (kerf_value *[]){INTS(g, 2, 1, 2)}, 1);
    CHECK_OK(kerf_node_set_int(n, "to", 7));
    check_node(g, n, (wanted){2, {1, 2}});
}

static void test_arithmetic(void)
{
    static const struct {
        const char *op;
        wanted want;
    } cases[] = {
        {"Add", {2, {10, 8}}}, {"Sub", {2, {4, 2}}}, {"Mul", {2, {21, 15}}}, {"Div", {2, {2, 1}}}};
    for (int i = 0; i < 4; i++) {
        kerf_value *x;
        kerf_graph *g = create(&x);
        check_node(g, add(g, cases[i].op, (kerf_value *[]){INTS(g, 2, 7, 5), INTS(g, -1, 3)}, 2),
                   cases[i].want);
    }
}

/* A list of floats. */
static kerf_value *floats(kerf_graph *g, const float *items, int num)
{
    kerf_tensor *t;
    kerf_value *v;
    CHECK_OK(kerf_tensor_create(&t, NULL, KERF_F32, KERF_SHAPE(num)));
    memcpy(t->data, items, t->size_bytes);
    CHECK_OK(kerf_graph_add_constant(g, NULL, t, &v));
    return v;
}

#define FLOATS(g, num, ...) floats(g, (const float[]){__VA_ARGS__}, num)

static kerf_value *to_ints(kerf_graph *g, kerf_value *v)
{
    kerf_node *cast = add(g, "Cast", &v, 1);
    CHECK_OK(kerf_node_set_int(cast, "to", 7));
    return cast->outputs[0];
}

/* What F.interpolate(x, scale_factor=1.5) becomes. */
static void test_floats(void)
{
    kerf_value *x;
    kerf_graph *g = create(&x);
    kerf_node *cast = add(g, "Cast", (kerf_value *[]){INTS(g, 2, 5, 7)}, 1);
    CHECK_OK(kerf_node_set_int(cast, "to", 1));
    kerf_node *mul = add(g, "Mul", (kerf_value *[]){cast->outputs[0], FLOATS(g, 2, 1.5f, 1.5f)}, 2);
    kerf_node *floor = add(g, "Floor", mul->outputs, 1);
    check_node(g, to_ints(g, floor->outputs[0])->producer, (wanted){2, {7, 10}});
    g = create(&x);
    kerf_node *sqrt = add(g, "Sqrt", (kerf_value *[]){FLOATS(g, 2, 9, 2.25f)}, 1);
    kerf_node *ceil = add(g, "Ceil", sqrt->outputs, 1);
    check_node(g, to_ints(g, ceil->outputs[0])->producer, (wanted){2, {3, 2}});
}

/* A list of pairs, as F.pad turns it about: reshaped, reversed, transposed. */
static void test_tables(void)
{
    kerf_value *x;
    kerf_graph *g = create(&x);
    kerf_node *pairs =
        add(g, "Reshape", (kerf_value *[]){INTS(g, 4, 1, 2, 3, 4), INTS(g, 2, -1, 2)}, 2);
    kerf_node *turned = add(g, "Slice",
                            (kerf_value *[]){pairs->outputs[0], INTS(g, 1, -1),
                                             INTS(g, 1, INT64_MIN), INTS(g, 1, 0), INTS(g, 1, -1)},
                            5);
    kerf_node *across = add(g, "Transpose", turned->outputs, 1);
    kerf_node *flat = add(g, "Reshape", (kerf_value *[]){across->outputs[0], INTS(g, 1, -1)}, 2);
    check_node(g, flat, (wanted){4, {3, 1, 4, 2}});
    g = create(&x);
    kerf_node *wide = add(g, "Expand", (kerf_value *[]){INTS(g, 2, 5, 6), INTS(g, 2, 2, 1)}, 2);
    kerf_node *sum = add(g, "ReduceProd", (kerf_value *[]){wide->outputs[0], INTS(g, 1, 0)}, 2);
    CHECK_OK(kerf_node_set_int(sum, "keepdims", 0));
    check_node(g, sum, (wanted){2, {25, 36}});
}

static void test_more_lists(void)
{
    kerf_value *x;
    kerf_graph *g = create(&x);
    check_node(
        g, add(g, "Range", (kerf_value *[]){INTS(g, -1, 7), INTS(g, -1, 2), INTS(g, -1, -2)}, 3),
        (wanted){3, {7, 5, 3}});
    g = create(&x);
    check_node(g, add(g, "Tile", (kerf_value *[]){INTS(g, 2, 3, 4), INTS(g, 1, 2)}, 2),
               (wanted){4, {3, 4, 3, 4}});
    g = create(&x);
    kerf_node *ones = add(g, "ConstantOfShape", (kerf_value *[]){INTS(g, 1, 3)}, 1);
    kerf_node *equal = add(g, "Equal", (kerf_value *[]){INTS(g, 3, 4, -1, -1), INTS(g, 1, -1)}, 2);
    kerf_node *where = add(
        g, "Where",
        (kerf_value *[]){equal->outputs[0], to_ints(g, ones->outputs[0]), INTS(g, 3, 4, 5, 6)}, 3);
    check_node(g, where, (wanted){3, {4, 0, 0}});
    g = create(&x);
    kerf_node *split;
    CHECK_OK(kerf_graph_add_node(
        g, "Split", NULL, (kerf_value *[]){INTS(g, 3, 4, 5, 6), INTS(g, 2, 1, 2)}, 2, 2, &split));
    check_node(g, add(g, "Identity", &split->outputs[1], 1), (wanted){2, {5, 6}});
    g = create(&x);
    check_node(g,
               add(g, "Max", (kerf_value *[]){INTS(g, 2, 1, 9), INTS(g, 1, 4), INTS(g, -1, 2)}, 3),
               (wanted){2, {4, 9}});
    g = create(&x);
    check_node(g, add(g, "Size", &x, 1), (wanted){-1, {24}});
}

static void check_message(kerf_graph *g, kerf_node *n, const char *words)
{
    CHECK_OK(kerf_graph_add_output(g, n->outputs[0]));
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_graph_infer(g, 2));
    if (strstr(kerf_last_error(), words) == NULL) {
        printf("message is '%s', must hold '%s'\n", kerf_last_error(), words);
        check_failures++;
    }
    kerf_graph_destroy(g);
}

static void test_faults(void)
{
    kerf_value *x;
    kerf_graph *g = create(&x);
    check_message(g, add(g, "Mul", (kerf_value *[]){INTS(g, 1, INT64_MAX), INTS(g, 1, 3)}, 2),
                  "Mul Mul: 9223372036854775807 and 3 give no int64");
    g = create(&x);
    check_message(g, add(g, "Add", (kerf_value *[]){INTS(g, 1, INT64_MAX), INTS(g, 1, 1)}, 2),
                  "give no int64");
    g = create(&x);
    check_message(g, add(g, "Gather", (kerf_value *[]){INTS(g, 2, 7, 8), INTS(g, -1, 2)}, 2),
                  "Gather Gather: index 2 is out of 2 elements");
    g = create(&x);
    check_message(g, add(g, "Concat", (kerf_value *[]){INTS(g, 1, 1), INTS(g, -1, 2)}, 2),
                  "Concat Concat: input 1 does not fit to the first");
    g = create(&x);
    check_message(
        g, add(g, "Range", (kerf_value *[]){INTS(g, -1, 0), INTS(g, -1, 2), INTS(g, -1, 0)}, 3),
        "Range Range: its step is 0");
    g = create(&x);
    kerf_node *cast = add(g, "Cast", (kerf_value *[]){FLOATS(g, 1, 1e30f)}, 1);
    CHECK_OK(kerf_node_set_int(cast, "to", 7));
    check_message(g, cast, "is no int64");
}

/* The name that a reader of the output knows stays, with nothing left to compute. */
static void test_output(void)
{
    kerf_value *x;
    kerf_graph *g = create(&x);
    kerf_node *n = add(g, "Shape", &x, 1);
    CHECK_OK(kerf_value_rename(g, n->outputs[0], "sizes"));
    CHECK_OK(kerf_graph_add_output(g, n->outputs[0]));
    CHECK_OK(kerf_graph_infer(g, 2));
    CHECK_OK(kerf_graph_verify(g));
    const kerf_value *out = kerf_graph_output(g, 0);
    CHECK(kerf_graph_num_nodes(g) == 0 && out->kind == KERF__VALUE_CONSTANT);
    CHECK(strcmp(kerf_value_name(out), "sizes") == 0);
    kerf_graph_destroy(g);
}

/* Not folded: the shape rules say what is wrong, or that there is no such operation. */
static void test_left_alone(void)
{
    kerf_value *x;
    kerf_graph *g = create(&x);
    kerf_node *n = add(g, "Gather", (kerf_value *[]){INTS(g, 2, 7, 8), INTS(g, -1, 2)}, 2);
    CHECK_OK(kerf_graph_add_output(g, n->outputs[0]));
    CHECK(kerf_graph_infer(g, 2) != KERF_OK); /* an index out of range */
    kerf_graph_destroy(g);
    g = create(&x);
    n = add(g, "Div", (kerf_value *[]){INTS(g, 1, 7), INTS(g, 1, 0)}, 2);
    kerf_node *reader = add(g, "Reshape", (kerf_value *[]){x, n->outputs[0]}, 2);
    CHECK_OK(kerf_graph_add_output(g, reader->outputs[0]));
    CHECK(kerf_graph_infer(g, 2) != KERF_OK); /* by zero */
    kerf_graph_destroy(g);
    g = create(&x);
    n = add(g, "Relu", &x, 1);
    CHECK_OK(kerf_graph_add_output(g, n->outputs[0]));
    CHECK_OK(kerf_graph_infer(g, 2));
    CHECK(kerf_graph_num_nodes(g) == 1);
    kerf_graph_destroy(g);
}

int main(void)
{
    test_view();
    test_large_constant();
    test_shape();
    test_lists();
    test_arithmetic();
    test_floats();
    test_tables();
    test_more_lists();
    test_faults();
    test_output();
    test_left_alone();
    return check_result();
}
