/* test_fuse.c -- convolutions take in what stands behind them: a batch norm, a residual, an
 * activation; and the results are those of the plain nodes, run one by one. */
#include <string.h>

#include "check.h"
#include "naive.h"
#include "op_check.h"
#include "plan/plan_internal.h"

static kerf_device *dev;

typedef struct net {
    kerf_graph *g;
    kerf_state *s;
    kerf_value *x; /* (2, 8, 6, 5) */
    int num_states;
} net;

static void begin(net *n)
{
    *n = (net){.num_states = 0};
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    CHECK_OK(kerf_graph_add_input(n->g, "x", KERF_F32, KERF_SHAPE(2, 8, 6, 5), &n->x));
}

static void end(net *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

/* A weight with numbers in [-1, 1), or in [1, 3) as variances are. */
static kerf_value *weight(net *n, kerf_shape shape, int is_positive)
{
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    float *data = malloc(num * sizeof *data);
    char name[16];
    int id;
    kerf_value *v;
    op_check_fill(data, num, (unsigned)++n->num_states);
    for (size_t i = 0; i < num; i++)
        data[i] = is_positive ? data[i] + 2 : data[i];
    snprintf(name, sizeof name, "w%d", n->num_states);
    CHECK_OK(kerf_state_add(n->s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_state_write(n->s, id, data));
    CHECK_OK(kerf_graph_add_state(n->g, name, id, KERF_F32, shape, &v));
    free(data);
    return v;
}

static kerf_value *node(net *n, const char *op, kerf_value *const *inputs, int num_inputs)
{
    kerf_node *made;
    CHECK_OK(kerf_graph_add_node(n->g, op, NULL, inputs, num_inputs, 1, &made));
    return made->outputs[0];
}

static kerf_value *conv(net *n, kerf_value *x, int has_bias)
{
    kerf_value *inputs[] = {x, weight(n, KERF_SHAPE(8, 8, 3, 3), 0),
                            has_bias ? weight(n, KERF_SHAPE(8), 0) : NULL};
    kerf_value *y = node(n, "Conv", inputs, has_bias ? 3 : 2);
    CHECK_OK(kerf_node_set_ints(y->producer, "pads", (int64_t[]){1, 1, 1, 1}, 4));
    return y;
}

static kerf_value *add(net *n, kerf_value *a, kerf_value *b)
{
    return node(n, "Add", (kerf_value *[]){a, b}, 2);
}

static kerf_value *relu(net *n, kerf_value *x)
{
    return node(n, "Relu", &x, 1);
}

/* Nodes of the type that a run computes. */
static int count(const kerf_plan *p, const char *op)
{
    int num = 0;
    for (size_t i = p->num_prepared; i < p->graph->num_nodes; i++)
        num += strcmp(p->graph->nodes[i]->op, op) == 0;
    return num;
}

static void run_plain(net *n, const float *x, float *want, size_t num)
{
    naive plain;
    kerf_graph *g;
    CHECK_OK(kerf_graph_copy(&g, n->g));
    CHECK_OK(kerf_graph_infer(g, 2));
    CHECK_OK(naive_create(&plain, dev, g));
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->state_id >= 0)
            CHECK_OK(kerf_tensor_copy(kerf_state_get(n->s, g->values[i]->state_id)->tensor,
                                      plain.tensors[i]));
    CHECK_OK(kerf_tensor_write(naive_tensor(&plain, g->inputs[0]), x));
    CHECK_OK(naive_run(&plain));
    CHECK(kerf_tensor_num_elements(naive_tensor(&plain, g->outputs[0])) == num);
    CHECK_OK(kerf_tensor_read(naive_tensor(&plain, g->outputs[0]), want));
    naive_destroy(&plain);
    kerf_graph_destroy(g);
}

/* The plan's result is the plain nodes'; it stays so when the weights change. */
static void check_result_of(net *n, kerf_plan *p)
{
    enum { NUM = 2 * 8 * 6 * 5, NUM_WEIGHTS = 8 * 8 * 3 * 3 };
    float x[NUM], got[NUM], plain[NUM], weights[NUM_WEIGHTS];
    double want[NUM];
    op_check_fill(x, NUM, 99);
    for (int pass = 0; pass < 2; pass++) {
        run_plain(n, x, plain, NUM);
        for (int i = 0; i < NUM; i++)
            want[i] = (double)plain[i];
        CHECK_OK(kerf_plan_feed(p, "x", x, sizeof x));
        CHECK_OK(kerf_plan_run(p));
        CHECK_OK(kerf_tensor_read(kerf_plan_output(p, p->outputs.items[0].name), got));
        check_close("fused", got, want, NUM, check_tolerance(8, 9 * 8));
        op_check_fill(weights, NUM_WEIGHTS, 1234);
        CHECK_OK(kerf_state_write(n->s, 0, weights));
    }
}

static kerf_plan *plan(net *n, kerf_value *output)
{
    kerf_plan *p;
    CHECK_OK(kerf_graph_add_output(n->g, output));
    CHECK_OK(kerf_plan_create(&p, n->g, n->s, &(kerf_plan_options){.batch = 2}));
    CHECK_OK(kerf_plan_verify(p));
    check_result_of(n, p);
    return p;
}

static void test_residual(void)
{
    net n;
    begin(&n);
    kerf_plan *p = plan(&n, relu(&n, add(&n, conv(&n, n.x, 0), n.x)));
    CHECK(count(p, "Conv") == 1 && count(p, "Add") == 0 && count(p, "Relu") == 0);
    kerf_plan_destroy(p);
    end(&n);
}

/* Two convolutions that are added: one takes the other's result in. */
static void test_two_branches(void)
{
    net n;
    begin(&n);
    kerf_plan *p = plan(&n, relu(&n, add(&n, conv(&n, n.x, 1), conv(&n, n.x, 0))));
    CHECK(count(p, "Conv") == 2 && count(p, "Add") == 0 && count(p, "Relu") == 0);
    kerf_plan_destroy(p);
    end(&n);
}

/* What others read, too, must stay: the sum of a convolution and of its own activation. */
static void test_shared_result(void)
{
    net n;
    begin(&n);
    kerf_value *y = conv(&n, n.x, 1);
    kerf_plan *p = plan(&n, add(&n, y, relu(&n, y)));
    CHECK(count(p, "Conv") == 1 && count(p, "Add") == 1 && count(p, "Relu") == 1);
    kerf_plan_destroy(p);
    end(&n);
}

static void test_activation_then_residual(void)
{
    net n;
    begin(&n);
    kerf_plan *p = plan(&n, add(&n, relu(&n, conv(&n, n.x, 1)), n.x));
    CHECK(count(p, "Conv") == 1 && count(p, "Relu") == 0 && count(p, "Add") == 1);
    kerf_plan_destroy(p);
    end(&n);
}

static kerf_value *batch_norm(net *n, kerf_value *x)
{
    kerf_value *inputs[5] = {x};
    for (int i = 1; i < 5; i++)
        inputs[i] = weight(n, KERF_SHAPE(8), i == 4);
    return node(n, "BatchNormalization", inputs, 5);
}

/* Becomes part of the weights: once, and again when they change. */
static void test_batch_norm(int has_bias)
{
    net n;
    begin(&n);
    kerf_value *y = batch_norm(&n, conv(&n, n.x, has_bias));
    kerf_plan *p = plan(&n, relu(&n, add(&n, n.x, y)));
    CHECK(count(p, "Conv") == 1 && count(p, "BatchNormalization") == 0);
    CHECK(count(p, "Mul") == 0 && count(p, "Add") == 0 && p->num_prepared > 0);
    kerf_plan_destroy(p);
    end(&n);
}

int main(void)
{
    dev = check_open_device();
    test_residual();
    test_two_branches();
    test_shared_result();
    test_activation_then_residual();
    test_batch_norm(0);
    test_batch_norm(1);
    kerf_device_close(dev);
    return check_result();
}
