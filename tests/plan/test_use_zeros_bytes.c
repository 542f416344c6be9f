/* test_use_zeros_bytes.c -- convolutions of bytes with few words of weights become sparse, and
 * compute the very bytes that dense ones do. */
#include <string.h>

#include "op_check.h"
#include "plan/zeros_known.h"

enum { CHANNELS = 32, SIZE = 9, TAPS = 9, NUM = CHANNELS * SIZE * SIZE };
enum { NUM_WEIGHTS = CHANNELS * CHANNELS * TAPS };

static kerf_device *dev;
static uint8_t x[NUM], weights[NUM_WEIGHTS];

/* y = QLinearAdd(QLinearConv(x, w), x) */
typedef struct net {
    kerf_graph *g;
    kerf_state *s;
    kerf_value *x;
} net;

static void begin(net *n)
{
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    CHECK_OK(kerf_graph_add_input(n->g, "x", KERF_U8, KERF_SHAPE(1, CHANNELS, SIZE, SIZE), &n->x));
}

static void end(net *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

static kerf_value *add_constant(net *n, kerf_type type, kerf_shape shape, const void *data)
{
    static int num;
    char name[16];
    kerf_tensor *t;
    kerf_value *v;
    snprintf(name, sizeof name, "c%d", num++);
    CHECK_OK(kerf_tensor_create(&t, NULL, type, shape));
    CHECK_OK(kerf_tensor_write(t, data));
    CHECK_OK(kerf_graph_add_constant(n->g, name, t, &v));
    return v;
}

static kerf_value *add_scale(net *n, float scale)
{
    return add_constant(n, KERF_F32, KERF_SCALAR, &scale);
}

static kerf_value *add_zero(net *n, kerf_type type, uint8_t zero)
{
    return add_constant(n, type, KERF_SCALAR, &zero);
}

static kerf_value *add_weights(net *n, kerf_type type, int is_state)
{
    const kerf_shape shape = KERF_SHAPE(CHANNELS, CHANNELS, 3, 3);
    int id;
    kerf_value *v;
    if (!is_state)
        return add_constant(n, type, shape, weights);
    CHECK_OK(kerf_state_add(n->s, "w", KERF_ROLE_WEIGHT, -1, type, shape, &id));
    CHECK_OK(kerf_state_write(n->s, id, weights));
    CHECK_OK(kerf_graph_add_state(n->g, "w", id, type, shape, &v));
    return v;
}

static void add_net(net *n, kerf_type type, uint8_t zero, int is_state)
{
    kerf_node *conv, *sum;
    kerf_value *x_scale = add_scale(n, 0.02f), *x_zero = add_zero(n, KERF_U8, 3);
    kerf_value *y_scale = add_scale(n, 0.05f), *y_zero = add_zero(n, KERF_U8, 120);
    kerf_value *inputs[] = {n->x,
                            x_scale,
                            x_zero,
                            add_weights(n, type, is_state),
                            add_scale(n, 0.01f),
                            add_zero(n, type, zero),
                            y_scale,
                            y_zero};
    CHECK_OK(kerf_graph_add_node(n->g, "QLinearConv", "conv", inputs, 8, 1, &conv));
    CHECK_OK(kerf_node_set_ints(conv, "pads", (int64_t[]){1, 1, 1, 1}, 4));
    kerf_value *terms[] = {
        conv->outputs[0],        y_scale, y_zero, n->x, x_scale, x_zero, add_scale(n, 0.1f),
        add_zero(n, KERF_U8, 90)};
    CHECK_OK(kerf_graph_add_node(n->g, "com.microsoft.QLinearAdd", "sum", terms, 8, 1, &sum));
    CHECK_OK(kerf_graph_add_output(n->g, sum->outputs[0]));
}

static kerf_plan *make_plan(const net *n, kerf_zeros zeros)
{
    kerf_plan *p;
    /* By the guess, whatever this device's store holds. */
    const kerf_plan_options o = {.batch = 1, .zeros = zeros, .untuned = 1};
    CHECK_OK(kerf_plan_create(&p, n->g, n->s, &o));
    CHECK_OK(kerf_plan_verify(p));
    return p;
}

static int count(const kerf_plan *p, const char *op)
{
    int num = 0;
    for (size_t i = 0; i < p->graph->num_nodes; i++)
        num += strcmp(p->graph->nodes[i]->op, op) == 0;
    return num;
}

static void run(kerf_plan *p, uint8_t *y)
{
    CHECK_OK(kerf_plan_feed(p, "x", x, sizeof x));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, p->outputs.items[0].name), y));
}

static void check_same(kerf_plan *sparse, kerf_plan *dense)
{
    static uint8_t got[NUM], want[NUM];
    run(sparse, got);
    run(dense, want);
    CHECK(memcmp(got, want, NUM) == 0);
}

/* Of all words, or of all weights, every `every`-th is there. */
static void fill_weights(int every, int by_words)
{
    for (int i = 0; i < NUM_WEIGHTS; i++) {
        const int c = i / TAPS % CHANNELS, k = i / TAPS / CHANNELS, tap = i % TAPS;
        const int word = (k * CHANNELS / 4 + c / 4) * TAPS + tap;
        weights[i] = (by_words ? word : i) % every == 0 ? (uint8_t)(i * 37 + 1) : 0;
    }
}

/* The sum stays fused, and weights that grow back are taken. */
static void test_same(int is_state)
{
    net n;
    begin(&n);
    fill_weights(9, 1);
    add_net(&n, KERF_S8, 0, is_state);
    kerf_plan *sparse = make_plan(&n, KERF_ZEROS_SPARSE), *dense = make_plan(&n, KERF_ZEROS_DENSE);
    CHECK(count(sparse, "kerf.SparseQLinearConv") == 1 && count(sparse, "QLinearConv") == 0);
    CHECK(count(sparse, "com.microsoft.QLinearAdd") == 0);
    CHECK(count(dense, "kerf.SparseQLinearConv") == 0 && count(dense, "QLinearConv") == 1);
    check_same(sparse, dense);
    for (int every = 1; is_state && every < 4; every += 2) {
        fill_weights(every, every == 1);
        CHECK_OK(kerf_state_write(n.s, kerf_state_find(n.s, "w")->id, weights));
        check_same(sparse, dense);
    }
    kerf_plan_destroy(sparse);
    kerf_plan_destroy(dense);
    end(&n);
}

static void check_sparse(kerf_type type, uint8_t zero, int is_sparse)
{
    net n;
    begin(&n);
    add_net(&n, type, zero, 0);
    kerf_plan *p = make_plan(&n, KERF_ZEROS_AUTO);
    CHECK(count(p, "kerf.SparseQLinearConv") == is_sparse);
    kerf_plan_destroy(p);
    end(&n);
}

/* Words of zeros count, not zeros; and bytes of 0 that stand for another number are none. */
static void test_what_is_sparse(void)
{
    fill_weights(10, 1);
    check_sparse(KERF_S8, 0, kerf__plan_lays(dev));
    check_sparse(KERF_S8, 5, 0);
    check_sparse(KERF_U8, 128, 0);
    fill_weights(7, 0); /* half of the words have one */
    check_sparse(KERF_S8, 0, 0);
    fill_weights(2, 1);
    check_sparse(KERF_S8, 0, 0);
}

/* A plan by choice is what the store says of its only layer, in words that nobody guesses so. */
static void check_measured(int every, double ratio, int is_sparse)
{
    net n;
    kerf_plan *p;
    begin(&n);
    fill_weights(every, 1);
    add_net(&n, KERF_S8, 0, 0);
    p = make_plan(&n, KERF_ZEROS_SPARSE);
    for (size_t i = 0; i < p->graph->num_nodes; i++) {
        const kerf_node *node = p->graph->nodes[i];
        if (kerf__zeros_mark_of(node) != NULL)
            CHECK_OK(kerf__zeros_remember(dev, kerf__zeros_mark_of(node),
                                          kerf__zeros_density_of(node), 1, ratio));
    }
    kerf_plan_destroy(p);
    CHECK_OK(kerf_plan_create(&p, n.g, n.s, &(kerf_plan_options){.batch = 1}));
    CHECK(count(p, "kerf.SparseQLinearConv") == is_sparse);
    kerf_plan_destroy(p);
    end(&n);
}

static void test_measured(void)
{
    check_measured(3, 0.5, 1);
    check_measured(10, 2, 0);
}

int main(void)
{
    dev = check_open_device();
    for (int i = 0; i < NUM; i++)
        x[i] = (uint8_t)(i * 7 % 251);
    test_same(0);
    test_same(1);
    test_what_is_sparse();
    test_measured();
    kerf_device_close(dev);
    return check_result();
}
