/* test_free_batch.c -- a batch that a file fixes is freed, constants included; what depends on it
 * in another way is named, and the graph stays. */
#include <string.h>

#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/plan.h"
#include "tensor/tensor_internal.h"

static kerf_value *ints(kerf_graph *g, const int64_t *items, int64_t num)
{
    kerf_tensor *t;
    kerf_value *v;
    CHECK_OK(kerf_tensor_create(&t, NULL, KERF_S64, KERF_SHAPE(num)));
    memcpy(t->data, items, t->size_bytes);
    CHECK_OK(kerf_graph_add_constant(g, NULL, t, &v));
    return v;
}

/* x (batch, 2, 3) -> Reshape to `to` -> Relu. */
static kerf_graph *create(int64_t batch, const int64_t *to, int64_t num)
{
    kerf_graph *g;
    kerf_value *x;
    kerf_node *reshape, *relu;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(batch, 2, 3), &x));
    CHECK_OK(kerf_graph_add_node(g, "Reshape", "view", (kerf_value *[]){x, ints(g, to, num)}, 2, 1,
                                 &reshape));
    CHECK_OK(kerf_graph_add_node(g, "Relu", "y", reshape->outputs, 1, 1, &relu));
    relu->outputs[0]->shape = KERF_SHAPE(batch, 6); /* as the file says */
    CHECK_OK(kerf_graph_add_output(g, relu->outputs[0]));
    return g;
}

static void check_freed(int64_t batch, const int64_t *to, int64_t num)
{
    kerf_graph *g = create(batch, to, num);
    CHECK_OK(kerf_graph_free_batch(&g));
    CHECK_OK(kerf_graph_verify(g));
    CHECK(kerf_value_shape(kerf_graph_input(g, 0)).dims[0] < 0);
    CHECK(kerf_value_shape(kerf_graph_output(g, 0)).dims[0] < 0);
    CHECK_OK(kerf_graph_infer(g, 7));
    CHECK(kerf_value_shape(kerf_graph_output(g, 0)).dims[0] == 7);
    kerf_graph_destroy(g);
}

static void test_constants(void)
{
    check_freed(1, (const int64_t[]){1, -1}, 2);
    check_freed(1, (const int64_t[]){1, 6}, 2);
    check_freed(4, (const int64_t[]){4, 3, 2}, 3);
    check_freed(4, (const int64_t[]){-1, 6}, 2);
}

/* Two samples of a batch of 4 in a row: no other batch can have that. */
static void test_refused(void)
{
    kerf_graph *g = create(4, (const int64_t[]){2, 12}, 2), *before = g;
    CHECK(kerf_graph_free_batch(&g) != KERF_OK);
    CHECK(g == before && kerf_value_shape(kerf_graph_input(g, 0)).dims[0] == 4);
    if (strstr(kerf_last_error(), "the batch of 4 cannot be freed: Reshape view: ") == NULL) {
        printf("message is '%s'\n", kerf_last_error());
        check_failures++;
    }
    kerf_graph_destroy(g);
}

static void test_open_stays(void)
{
    kerf_graph *g, *before;
    kerf_value *x;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(kerf_graph_symbol(g, "B"), 3), &x));
    CHECK_OK(kerf_graph_add_output(g, x));
    before = g;
    CHECK_OK(kerf_graph_free_batch(&g));
    CHECK(g == before);
    kerf_graph_destroy(g);
}

int main(void)
{
    test_constants();
    test_refused();
    test_open_stays();
    return check_result();
}
