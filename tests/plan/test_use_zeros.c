/* test_use_zeros.c -- convolutions of few weights become sparse, and compute what dense ones do. */
#include <string.h>

#include "op_check.h"
#include "plan/plan_internal.h"
#include "sparse_nets.h"

enum { CHANNELS = 16, SIZE = 9, TAPS = 9, NUM = CHANNELS * SIZE * SIZE };
enum { NUM_WEIGHTS = CHANNELS * CHANNELS * TAPS };

static kerf_device *dev;
static float x[NUM], weights[NUM_WEIGHTS], column[CHANNELS], variance[CHANNELS];

/* y = Relu(BatchNormalization(Conv(x, w), ...) + x), or a chain of convolutions. */
typedef struct net {
    kerf_graph *g;
    kerf_state *s;
    kerf_value *x;
} net;

static void begin(net *n)
{
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    CHECK_OK(kerf_graph_add_input(n->g, "x", KERF_F32, KERF_SHAPE(1, CHANNELS, SIZE, SIZE), &n->x));
}

static void end(net *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

static kerf_value *add(net *n, const char *op, kerf_value *const *inputs, int num)
{
    kerf_node *made;
    CHECK_OK(kerf_graph_add_node(n->g, op, NULL, inputs, num, 1, &made));
    return made->outputs[0];
}

static kerf_value *add_state(net *n, const char *name, kerf_shape shape, const float *numbers)
{
    int id;
    kerf_value *v;
    CHECK_OK(kerf_state_add(n->s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_state_write(n->s, id, numbers));
    CHECK_OK(kerf_graph_add_state(n->g, name, id, KERF_F32, shape, &v));
    return v;
}

/* Every `every`-th weight is not 0. */
static kerf_value *add_conv(net *n, kerf_value *src, const char *name, int every)
{
    op_check_fill(weights, NUM_WEIGHTS, 2);
    for (int i = 0; i < NUM_WEIGHTS; i++)
        weights[i] = i % every == 0 ? weights[i] : 0;
    kerf_value *w = add_state(n, name, KERF_SHAPE(CHANNELS, CHANNELS, 3, 3), weights);
    kerf_value *y = add(n, "Conv", (kerf_value *[]){src, w}, 2);
    CHECK_OK(kerf_node_set_ints(y->producer, "pads", (int64_t[]){1, 1, 1, 1}, 4));
    return y;
}

static kerf_value *add_block(net *n, int every)
{
    kerf_value *y = add_conv(n, n->x, "w", every);
    kerf_value *c = add_state(n, "c", KERF_SHAPE(CHANNELS), column);
    kerf_value *v = add_state(n, "v", KERF_SHAPE(CHANNELS), variance);
    y = add(n, "BatchNormalization", (kerf_value *[]){y, c, c, c, v}, 5);
    y = add(n, "Add", (kerf_value *[]){y, n->x}, 2);
    return add(n, "Relu", &y, 1);
}

static kerf_plan *make_plan(const net *n, kerf_zeros zeros)
{
    kerf_plan *p;
    CHECK_OK(kerf_plan_create(
        &p, n->g, n->s,
        &(kerf_plan_options){.batch = 1,
                             .zeros = zeros,
                             .untuned = 1})); /* by the guess, whatever this device's store holds */
    CHECK_OK(kerf_plan_verify(p));
    return p;
}

static void run(kerf_plan *p, float *y)
{
    CHECK_OK(kerf_plan_feed(p, "x", x, sizeof x));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, p->outputs.items[0].name), y));
}

static void check_same(kerf_plan *sparse, kerf_plan *dense)
{
    static float got[NUM], other[NUM];
    double want[NUM];
    run(sparse, got);
    run(dense, other);
    for (int i = 0; i < NUM; i++)
        want[i] = (double)other[i];
    check_close("sparse beside dense", got, want, NUM, check_tolerance(8, CHANNELS * TAPS));
}

/* All that was fused stays fused, and new weights are taken, more of them too. */
static void test_block(void)
{
    net n;
    begin(&n);
    CHECK_OK(kerf_graph_add_output(n.g, add_block(&n, 100)));
    kerf_plan *sparse = make_plan(&n, KERF_ZEROS_AUTO), *dense = make_plan(&n, KERF_ZEROS_DENSE);
    CHECK(sparse_nets_count(sparse, "kerf.SparseConv") == 1 &&
          sparse_nets_count(sparse, "Conv") == 0);
    CHECK(sparse_nets_count(dense, "kerf.SparseConv") == 0 &&
          sparse_nets_count(dense, "Conv") == 1);
    CHECK(kerf_plan_num_steps(sparse) == 1); /* the pattern is prepared */
    check_same(sparse, dense);
    op_check_fill(weights, NUM_WEIGHTS, 7);
    CHECK_OK(kerf_state_write(n.s, kerf_state_find(n.s, "w")->id, weights));
    check_same(sparse, dense);
    memset(weights, 0, sizeof weights);
    CHECK_OK(kerf_state_write(n.s, kerf_state_find(n.s, "w")->id, weights));
    check_same(sparse, dense);
    kerf_plan_destroy(sparse);
    kerf_plan_destroy(dense);
    end(&n);
}

/* A plan that was made before weights were pruned would be another one now. */
static void test_is_stale(void)
{
    net n;
    int is_stale;
    begin(&n);
    CHECK_OK(kerf_graph_add_output(n.g, add_block(&n, 1)));
    kerf_plan *p = make_plan(&n, KERF_ZEROS_AUTO);
    const int id = kerf_state_find(n.s, "w")->id;
    for (int i = 0; i < NUM_WEIGHTS; i++) /* half of them are as good as none */
        weights[i] = i % 2 == 0 ? weights[i] : 0;
    CHECK_OK(kerf_state_write(n.s, id, weights));
    CHECK_OK(kerf_plan_is_stale(p, &is_stale));
    CHECK(!is_stale);
    for (int i = 0; i < NUM_WEIGHTS; i++)
        weights[i] = i % 50 == 0 ? weights[i] : 0;
    CHECK_OK(kerf_state_write(n.s, id, weights));
    CHECK_OK(kerf_plan_is_stale(p, &is_stale));
    CHECK(is_stale);
    kerf_plan_destroy(p);
    end(&n);
}

static void check_counts(int first, int second, int third, int num_sparse)
{
    net n;
    begin(&n);
    kerf_value *y = add_conv(&n, n.x, "a", first);
    y = add_conv(&n, y, "b", second);
    y = add_conv(&n, y, "c", third);
    CHECK_OK(kerf_graph_add_output(n.g, y));
    kerf_plan *p = make_plan(&n, KERF_ZEROS_AUTO);
    CHECK(sparse_nets_count(p, "kerf.SparseConv") == num_sparse);
    CHECK(sparse_nets_count(p, "Conv") == 3 - num_sparse);
    kerf_plan_destroy(p);
    end(&n);
}

/* A sparse one between two dense ones would cost two reorders, where there are blocks; one that
 * trains stays. */
static void test_what_is_sparse(void)
{
    check_counts(100, 100, 100, 3);
    check_counts(1, 1, 1, 0);
    check_counts(2, 2, 2, 0);
    check_counts(1, 9, 1, 0);
}

/* ---- structures ---------------------------------------------------------------------------- */

static int two_of_four(int k, int c, int tap)
{
    return (k + c + tap) % 4 < 2;
}

static int one_of_four(int k, int c, int tap)
{
    return (k + c + tap) % 4 == 0;
}

static int four_of_eight(int k, int c, int tap)
{
    return (k + c + tap) % 8 < 4;
}

static int whole_kernels(int k, int c, int tap)
{
    (void)tap;
    return (3 * k + c) % 5 == 0;
}

static int whole_rows(int k, int c, int tap)
{
    (void)c;
    (void)tap;
    return k % 8 == 3;
}

static int whole_channels(int k, int c, int tap)
{
    (void)k;
    (void)tap;
    return c % 8 == 3;
}

static void write_structure(const net *n, int (*is_kept)(int k, int c, int tap))
{
    op_check_fill(weights, NUM_WEIGHTS, 2);
    for (int i = 0; i < NUM_WEIGHTS; i++)
        if (!is_kept(i / (CHANNELS * TAPS), i / TAPS % CHANNELS, i % TAPS))
            weights[i] = 0;
    CHECK_OK(kerf_state_write(n->s, kerf_state_find(n->s, "w")->id, weights));
}

/* What `kerf prune --structure` leaves is computed alike both ways; half of the weights are
 * multiplied by choice. */
static void test_structures(void)
{
    static const struct {
        int (*is_kept)(int k, int c, int tap);
        int stays_dense;
    } CASES[] = {{two_of_four, 1},   {one_of_four, 0}, {four_of_eight, 1},
                 {whole_kernels, 0}, {whole_rows, 0},  {whole_channels, 0}};
    net n;
    begin(&n);
    CHECK_OK(kerf_graph_add_output(n.g, add_block(&n, 1)));
    kerf_plan *dense = make_plan(&n, KERF_ZEROS_DENSE);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        write_structure(&n, CASES[i].is_kept);
        kerf_plan *sparse = make_plan(&n, KERF_ZEROS_SPARSE), *chosen;
        CHECK(sparse_nets_count(sparse, "kerf.SparseConv") == 1);
        check_same(sparse, dense);
        kerf_plan_destroy(sparse);
        chosen = make_plan(&n, KERF_ZEROS_AUTO);
        CHECK(sparse_nets_count(chosen, "kerf.SparseConv") == 0 || !CASES[i].stays_dense);
        kerf_plan_destroy(chosen);
    }
    kerf_plan_destroy(dense);
    end(&n);
}

/* ---- depth-wise ---------------------------------------------------------------------------- */

/* A filter a channel: sparse if asked for, dense by the guess. */
static void test_depthwise(void)
{
    enum { MANY = 128, WEIGHTS = MANY * TAPS, PIXELS = SIZE * SIZE };
    static float src[MANY * PIXELS], got[MANY * PIXELS], other[MANY * PIXELS];
    static double want[MANY * PIXELS];
    net n;
    begin(&n);
    kerf_value *in, *y;
    CHECK_OK(kerf_graph_add_input(n.g, "many", KERF_F32, KERF_SHAPE(1, MANY, SIZE, SIZE), &in));
    op_check_fill(src, MANY * PIXELS, 3);
    op_check_fill(weights, WEIGHTS, 2);
    for (int i = 0; i < WEIGHTS; i++)
        weights[i] = i % 50 == 0 ? weights[i] : 0;
    y = add(&n, "Conv",
            (kerf_value *[]){in, add_state(&n, "w", KERF_SHAPE(MANY, 1, 3, 3), weights)}, 2);
    CHECK_OK(kerf_node_set_ints(y->producer, "pads", (int64_t[]){1, 1, 1, 1}, 4));
    CHECK_OK(kerf_node_set_int(y->producer, "group", MANY));
    CHECK_OK(kerf_graph_add_output(n.g, y));
    for (int i = 0; i < 2; i++) {
        kerf_plan *p = make_plan(&n, i == 0 ? KERF_ZEROS_AUTO : KERF_ZEROS_SPARSE);
        CHECK(sparse_nets_count(p, "kerf.SparseConv") == i);
        CHECK_OK(kerf_plan_feed(p, "many", src, sizeof src));
        CHECK_OK(kerf_plan_run(p));
        CHECK_OK(
            kerf_tensor_read(kerf_plan_output(p, p->outputs.items[0].name), i == 0 ? other : got));
        kerf_plan_destroy(p);
    }
    for (int i = 0; i < MANY * PIXELS; i++)
        want[i] = (double)other[i];
    check_close("depth-wise", got, want, MANY * PIXELS, check_tolerance(8, TAPS));
    end(&n);
}

static void test_training_is_dense(void)
{
    net n;
    kerf_plan *p;
    begin(&n);
    kerf_value *y = add_block(&n, 100), *loss = add(&n, "ReduceMean", &y, 1);
    CHECK_OK(kerf_node_set_int(loss->producer, "keepdims", 0));
    CHECK_OK(kerf_graph_add_output(n.g, loss));
    CHECK_OK(kerf_plan_create(
        &p, n.g, n.s,
        &(kerf_plan_options){.mode = KERF_TRAIN, .batch = 1, .loss = KERF_LOSS_GIVEN}));
    CHECK(sparse_nets_count(p, "kerf.SparseConv") == 0);
    kerf_plan_destroy(p);
    end(&n);
}

int main(void)
{
    dev = check_open_device();
    op_check_fill(x, NUM, 1);
    for (int i = 0; i < CHANNELS; i++) {
        column[i] = 0.5f + (float)i / 16;
        variance[i] = 1.0f + (float)(i % 5);
    }
    test_block();
    test_is_stale();
    test_what_is_sparse();
    test_structures();
    test_depthwise();
    test_training_is_dense();
    kerf_device_close(dev);
    return check_result();
}
