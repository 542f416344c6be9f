/* Graphs as checkpoints keep them: exactly the same back, and nothing believed. */
#include <string.h>

#include "base/alloc.h"
#include "kerf/io.h"
#include "kerf/nets.h"
#include "same_graph.h"

/* A net with all that ONNX has no place for: a mask, a next value, an input left out, an odd
 * order of values, a symbol nobody uses. */
static kerf_graph *create_graph(void)
{
    const kerf_net_options small = {.input = {1, 3, 5}, .width = 0.03};
    kerf_graph *g;
    kerf_state *s;
    kerf_node *n;
    kerf_value *mask, *c;
    kerf_tensor *t;
    CHECK_OK(kerf_net_create(&g, &s, "lenet-300-100", &small, NULL));
    kerf_state_destroy(s); /* a saved graph knows states by number only */
    CHECK(kerf_graph_symbol(g, "M") == -2);
    kerf_value *w = kerf_graph_find(g, "fc2.weight");
    CHECK_OK(kerf_graph_add_state(g, "mask", 17, KERF_BOOL, w->shape, &mask));
    CHECK_OK(kerf_graph_add_node(g, "kerf.Mask", "masked", (kerf_value *[]){w, mask}, 2, 1, &n));
    kerf__node_set_input(kerf_graph_node(g, 3), 1, kerf_node_output(n, 0));
    CHECK_OK(kerf__graph_sort(g)); /* now values and nodes stand in different orders */
    CHECK_OK(kerf_tensor_create(&t, NULL, KERF_S4, KERF_SHAPE(5)));
    memcpy(kerf_tensor_data(t), "\x21\xFE\x07", 3);
    CHECK_OK(kerf_graph_add_constant(g, "constant", t, &c));
    CHECK_OK(kerf_tensor_create(&t, NULL, KERF_S4, KERF_SHAPE(5)));
    CHECK_OK(kerf_graph_add_constant(g, "constanz", t, &c));
    CHECK_OK(
        kerf_graph_add_node(g, "kerf.Update", "update", (kerf_value *[]){w, NULL, c}, 3, 2, &n));
    kerf_node_output(n, 1)->next_of = w->state_id;
    CHECK_OK(kerf_node_set_float(n, "rate", 1e-30f));
    CHECK_OK(kerf_node_set_string(n, "how", ""));
    CHECK_OK(kerf_node_set_ints(n, "none", NULL, 0));
    CHECK_OK(kerf_graph_set_metadata(g, "kerf.graph", "x"));
    CHECK_OK(kerf_graph_set_metadata(g, "symbol", "y"));
    CHECK_OK(kerf_graph_verify(g));
    return g;
}

static void check_same_values(const kerf_graph *a, const kerf_graph *b)
{
    CHECK(a->num_values == b->num_values && a->num_symbols == b->num_symbols);
    for (size_t i = 0; i < a->num_values && i < b->num_values; i++) {
        const kerf_value *x = a->values[i], *y = b->values[i];
        check_same_value(x, y);
        CHECK(x->state_id == y->state_id && kerf_shape_equal(x->shape, y->shape));
    }
    for (size_t i = 0; i < a->num_symbols && i < b->num_symbols; i++)
        check_same_text("symbol", b->symbols[i], a->symbols[i]);
}

static void test_exact(void)
{
    kerf_graph *g = create_graph(), *back;
    void *bytes, *again;
    size_t num_bytes, num_again;
    CHECK_OK(kerf_graph_serialize(g, &bytes, &num_bytes));
    CHECK_OK(kerf_graph_parse(&back, bytes, num_bytes));
    check_same_graph(g, back);
    check_same_values(g, back);
    CHECK_OK(kerf_graph_serialize(back, &again, &num_again));
    CHECK(num_again == num_bytes && memcmp(again, bytes, num_bytes) == 0);
    kerf_graph_destroy(back);
    kerf_graph_destroy(g);
    free(again);
    free(bytes);
}

static void test_empty(void)
{
    kerf_graph *g, *back;
    void *bytes;
    size_t num_bytes;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_serialize(g, &bytes, &num_bytes));
    CHECK_OK(kerf_graph_parse(&back, bytes, num_bytes));
    CHECK(back->num_values == 0 && back->num_nodes == 0);
    kerf_graph_destroy(back);
    kerf_graph_destroy(g);
    free(bytes);
}

/* ---- damaged ----------------------------------------------------------------------------- */

/* The saved graph with the first `old` replaced by `new`, of the same length. */
static void check_refused(const char *old, const char *new, const char *message)
{
    kerf_graph *g = create_graph(), *back;
    void *bytes;
    size_t num_bytes, length = strlen(old);
    CHECK(length == strlen(new));
    CHECK_OK(kerf_graph_serialize(g, &bytes, &num_bytes));
    char *at = bytes, *end = at + num_bytes - length;
    while (at < end && memcmp(at, old, length) != 0)
        at++;
    CHECK(at < end);
    memcpy(at, new, length);
    CHECK(kerf_graph_parse(&back, bytes, num_bytes) != KERF_OK && back == NULL);
    check_message(message);
    kerf_graph_destroy(back);
    kerf_graph_destroy(g);
    free(bytes);
}

static void test_damaged(void)
{
    check_refused("\n\4kerf\x10\1", "\n\4kerf\x10\2", "saved graph: form 2, this version reads 1");
    check_refused("\n\4kerf\x10\1", "\n\4perf\x10\1", "not a graph that Kerf saved");
    check_refused("symbol\x12\1M", "symbol\x12\1N", "saved graph: symbol 'N' is damaged");
    check_refused("B\10constanz", "B\10constant", "saved graph: constant 'constant' is damaged");
    check_refused("\x12\5relu1", "\x12\5relu2", "saved graph: node 'relu2' is damaged");
    check_refused("state 17", "state 1x", "saved graph: value 'mask' is damaged");
    check_refused("state 17", "constant",
                  "graph: what it is and what it holds do not agree in value "
                  "'mask'");
    check_refused("result next 2", "result next x", "saved graph: value 'update:1' is damaged");
    check_refused("\6masked", "\6masket", "saved graph: node 'masked' is damaged");
    check_refused("\n\7flatten", "\n\7flattex", "saved graph: input 'flattex' is damaged");
    check_refused("b\10\12\6logits", "b\10\12\6logitt", "saved graph: output 'logitt' is damaged");
}

static void test_no_memory(void)
{
    kerf_graph *g = create_graph();
    void *bytes = NULL;
    size_t num_bytes;
    for (long n = 1; bytes == NULL; n++) {
        kerf__alloc_fail_at(n);
        kerf_status status = kerf_graph_serialize(g, &bytes, &num_bytes);
        kerf__alloc_fail_at(0);
        CHECK(status == (bytes != NULL ? KERF_OK : KERF_ERR_MEMORY));
    }
    kerf_graph *back = NULL;
    for (long n = 1; back == NULL; n++) {
        kerf__alloc_fail_at(n);
        kerf_status status = kerf_graph_parse(&back, bytes, num_bytes);
        kerf__alloc_fail_at(0);
        CHECK(status == (back != NULL ? KERF_OK : KERF_ERR_MEMORY));
    }
    kerf_graph_destroy(back);
    kerf_graph_destroy(g);
    free(bytes);
}

int main(void)
{
    test_exact();
    test_empty();
    test_damaged();
    test_no_memory();
    return check_result();
}
