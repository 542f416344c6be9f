/* test_sparse_linear.c -- linear layers of which little is left: a plan that skips the zeros beside
 * one that multiplies by them, trained and evaluated. */
#include <string.h>

#include "check.h"
#include "compress/prune/prune_internal.h"
#include "op_check.h"
#include "plan/plan_internal.h"
#include "sparse_nets.h"

enum { BATCH = 19, LAYERS = 3, MOST = 140 * 150, IDS = 32 };
static const int SIZES[LAYERS + 1] = {130, 140, 150, 10};

static kerf_device *dev;
static float x[BATCH * 130];
static int32_t labels[BATCH];

typedef struct net {
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    int weights[LAYERS], masks[LAYERS];
    int batch;
} net;

/* ---- networks -------------------------------------------------------------------------------- */

/* Masks: `every`-th weight stays, or none with 0, and rows 4 and 5 have none. */
static void fill_mask(unsigned char *mask, int rows, int columns, unsigned every)
{
    for (int i = 0; i < rows * columns; i++)
        mask[i] = every != 0 && i / columns != 4 && i / columns != 5 &&
                  ((unsigned)i * 2654435761u >> 9) % every == 0;
}

/* The weights follow: what the mask takes is 0. */
static void write_mask(net *n, int layer, const unsigned char *mask)
{
    float w[MOST];
    const int num = SIZES[layer] * SIZES[layer + 1];
    CHECK_OK(kerf_state_read(n->s, n->weights[layer], w));
    for (int i = 0; i < num; i++)
        w[i] = mask[i] != 0 ? w[i] : 0;
    CHECK_OK(kerf_state_write(n->s, n->weights[layer], w));
    CHECK_OK(kerf_state_write(n->s, n->masks[layer], mask));
}

static kerf_value *add_weight(net *n, int layer, int transposed)
{
    char name[32];
    float w[MOST];
    kerf_value *weight, *mask;
    kerf_node *masked;
    const int rows = SIZES[layer + transposed], columns = SIZES[layer + !transposed];
    const kerf_shape shape = KERF_SHAPE(rows, columns);
    snprintf(name, sizeof name, "fc%d.weight", layer);
    CHECK_OK(kerf_state_add(n->s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &n->weights[layer]));
    CHECK_OK(kerf_graph_add_state(n->g, name, n->weights[layer], KERF_F32, shape, &weight));
    op_check_fill(w, (size_t)(rows * columns), (unsigned)layer + 5);
    CHECK_OK(kerf_state_write(n->s, n->weights[layer], w));
    snprintf(name, sizeof name, "fc%d.mask", layer);
    CHECK_OK(kerf_state_add(n->s, name, KERF_ROLE_MASK, n->weights[layer], KERF_BOOL, shape,
                            &n->masks[layer]));
    CHECK_OK(kerf_graph_add_state(n->g, name, n->masks[layer], KERF_BOOL, shape, &mask));
    CHECK_OK(kerf_graph_add_node(n->g, "kerf.Mask", NULL, (kerf_value *[]){weight, mask}, 2, 1,
                                 &masked));
    return masked->outputs[0];
}

static kerf_value *add_bias(net *n, int layer)
{
    char name[32];
    float b[150];
    int id;
    kerf_value *bias;
    snprintf(name, sizeof name, "fc%d.bias", layer);
    CHECK_OK(kerf_state_add(n->s, name, KERF_ROLE_WEIGHT, -1, KERF_F32,
                            KERF_SHAPE(SIZES[layer + 1]), &id));
    CHECK_OK(kerf_graph_add_state(n->g, name, id, KERF_F32, KERF_SHAPE(SIZES[layer + 1]), &bias));
    op_check_fill(b, (size_t)SIZES[layer + 1], (unsigned)layer + 9);
    CHECK_OK(kerf_state_write(n->s, id, b));
    return bias;
}

/* Layers with relu between them; every[i] as above. */
static void begin(net *n, int batch, const unsigned *every, int transposed)
{
    kerf_value *v;
    kerf_node *node;
    unsigned char mask[MOST];
    n->batch = batch;
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    CHECK_OK(kerf_graph_add_input(n->g, "x", KERF_F32, KERF_SHAPE(batch, SIZES[0]), &v));
    for (int i = 0; i < LAYERS; i++) {
        kerf_value *inputs[] = {v, add_weight(n, i, transposed), add_bias(n, i)};
        CHECK_OK(kerf_graph_add_node(n->g, "Gemm", NULL, inputs, 3, 1, &node));
        CHECK_OK(kerf_node_set_int(node, "transB", transposed));
        if (i + 1 < LAYERS)
            CHECK_OK(kerf_graph_add_node(n->g, "Relu", NULL, node->outputs, 1, 1, &node));
        v = node->outputs[0];
        fill_mask(mask, SIZES[i + transposed], SIZES[i + !transposed], every[i]);
        write_mask(n, i, mask);
    }
    CHECK_OK(kerf_graph_add_output(n->g, v));
}

static void make_plan(net *n, kerf_mode mode, kerf_optimizer_kind kind, int dense)
{
    const kerf_plan_options o = {.mode = mode,
                                 .batch = n->batch,
                                 .loss = KERF_LOSS_CROSS_ENTROPY,
                                 .optimizer = {.kind = kind,
                                               .momentum = 0.9f,
                                               .weight_decay = 1e-3f,
                                               .beta1 = 0.9f,
                                               .beta2 = 0.999f,
                                               .epsilon = 1e-8f},
                                 .zeros = dense ? KERF_ZEROS_DENSE : KERF_ZEROS_AUTO,
                                 .untuned =
                                     1}; /* by the guess, whatever this device's store holds */
    CHECK_OK(kerf_plan_create(&n->p, n->g, n->s, &o));
    CHECK_OK(kerf_plan_verify(n->p));
}

static void end(net *n)
{
    kerf_plan_destroy(n->p);
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

static kerf_status run(net *n, int step)
{
    CHECK_OK(kerf_plan_feed(n->p, "x", x, sizeof x / BATCH * (size_t)n->batch));
    CHECK_OK(kerf_plan_feed(n->p, "labels", labels, sizeof labels / BATCH * (size_t)n->batch));
    if (step > 0)
        CHECK_OK(kerf_plan_set_step(n->p, &(kerf_step){.lr = 0.01f, .step = step}));
    return kerf_plan_run(n->p);
}

/* ---- comparisons ----------------------------------------------------------------------------- */

/* Two steps, other masks (which keep a subset), two more. */
static void check_training(const unsigned *every, int transposed, int batch,
                           kerf_optimizer_kind kind)
{
    net nets[3];
    unsigned char mask[MOST];
    for (int i = 0; i < 3; i++) { /* the third does the same as the second */
        begin(&nets[i], batch, every, transposed);
        make_plan(&nets[i], KERF_TRAIN, kind, i == 0);
        for (int step = 1; step <= 4; step++) {
            if (step == 3) {
                CHECK_OK(kerf_state_read(nets[i].s, nets[i].masks[1], mask));
                for (int k = 0; k < MOST; k += 3)
                    mask[k] = 0;
                write_mask(&nets[i], 1, mask);
            }
            CHECK_OK(run(&nets[i], step));
        }
    }
    CHECK(sparse_nets_count(nets[0].p, "kerf.SparseMatMul") == 0);
    CHECK(sparse_nets_count(nets[1].p, "kerf.SparseMatMul") ==
          3); /* two layers and one gradient of a source */
    CHECK(sparse_nets_count(nets[1].p, "kerf.SparseMatMulGrad") == 2);
    CHECK(sparse_nets_count(nets[1].p, "Transpose") == (batch > 1)); /* the input */
    /* Adam divides by the gradient's size: rounding errors of small ones grow. */
    sparse_nets_compare(nets[1].s, nets[0].s, kind == KERF_SGD ? check_tolerance(8, 150) : 1e-3);
    sparse_nets_compare(nets[1].s, nets[2].s, 0);
    for (int i = 0; i < 3; i++)
        end(&nets[i]);
}

static void test_training(void)
{
    static const unsigned MIXED[] = {40, 50, 1}, EMPTY[] = {40, 0, 1}, ONE[] = {18000, 45, 1};
    if (op_check_small()) /* test_stale trains a step */
        return;
    check_training(MIXED, 1, BATCH, KERF_SGD);
    check_training(EMPTY, 1, BATCH, KERF_SGD);
    check_training(MIXED, 0, BATCH, KERF_SGD);
    check_training(ONE, 1, BATCH, KERF_SGD);
    check_training(MIXED, 1, BATCH, KERF_ADAM);
    if (kerf_device_get_info(dev)->type != KERF_DEVICE_CPU)
        return;
    check_training(MIXED, 1, 1, KERF_SGD); /* one sample at a time */
    check_training(MIXED, 0, 1, KERF_SGD);
}

/* ---- moments ----------------------------------------------------------------------------------
 */

enum { STEPS = 6 };

/* Other masks, with weights that come back, and zeros behind them as a pruner leaves them. */
static void exchange(net *n, int transposed)
{
    unsigned char mask[MOST];
    fill_mask(mask, SIZES[1 + transposed], SIZES[2 - transposed], 47);
    write_mask(n, 1, mask);
}

/* Steps with an event in their middle; `copied`: everything is taken into another state in front of
 * each step, as a checkpoint is, by a plan that is sparse or, in every second, dense. */
static void train_moments(net *n, int transposed, kerf_optimizer_kind kind, int copied)
{
    static const unsigned EVERY[] = {40, 50, 1};
    begin(n, BATCH, EVERY, transposed);
    make_plan(n, KERF_TRAIN, kind, 0);
    for (int step = 1; step <= STEPS; step++) {
        kerf_state *was = n->s;
        if (copied) {
            kerf_plan_destroy(n->p);
            CHECK_OK(kerf_state_copy(&n->s, was, dev));
            kerf_state_destroy(was);
            make_plan(n, KERF_TRAIN, kind, 1); /* which lays moments out whole, and goes */
            kerf_plan_destroy(n->p);
            make_plan(n, KERF_TRAIN, kind, 0);
        }
        if (step == 4)
            exchange(n, transposed);
        CHECK_OK(run(n, step));
    }
}

/* Moments have the room of patterns, and states hold the same bits however often they change form.
 */
static void test_moments(void)
{
    for (int i = 0; i < 4 && !op_check_small(); i++) {
        const int transposed = i % 2;
        const kerf_optimizer_kind kind = i < 2 ? KERF_SGD : KERF_ADAM;
        net nets[2];
        for (int copied = 0; copied < 2; copied++)
            train_moments(&nets[copied], transposed, kind, copied);
        sparse_nets_compare(nets[0].s, nets[1].s, 0);
        int num_compact = 0;
        for (int id = 0; id < kerf_state_num_ids(nets[0].s); id++) {
            const kerf_state_entry *e = kerf_state_get(nets[0].s, id);
            const int64_t num = kerf_shape_num_elements(e->shape);
            if (e->role != KERF_ROLE_MOMENT ||
                (e->owner != nets[0].weights[0] && e->owner != nets[0].weights[1]))
                continue;
            num_compact++;
            CHECK((int64_t)kerf_tensor_num_elements(e->tensor) < num / 20);
        }
        CHECK(num_compact == (kind == KERF_SGD ? 2 : 4));
        for (int k = 0; k < 2; k++)
            end(&nets[k]);
    }
}

/* A plan whose moments another one has laid out anew says so. */
static void test_two_plans(void)
{
    static const unsigned EVERY[] = {40, 50, 1};
    net n;
    if (op_check_small()) /* a step takes long there */
        return;
    begin(&n, BATCH, EVERY, 1);
    make_plan(&n, KERF_TRAIN, KERF_SGD, 0);
    kerf_plan *first = n.p;
    make_plan(&n, KERF_TRAIN, KERF_SGD, 1);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_run(first));
    CHECK(strstr(kerf_last_error(), "lies elsewhere since another plan was made, or the state "
                                    "edited; make this plan anew") != NULL);
    CHECK_OK(run(&n, 1));
    kerf_plan_destroy(first);
    end(&n);
}

static void check_evaluation(int batch, int num_sparse)
{
    static const unsigned EVERY[] = {40, 50, 1};
    net nets[2];
    float loss[2];
    for (int i = 0; i < 2; i++) {
        begin(&nets[i], batch, EVERY, 1);
        make_plan(&nets[i], KERF_EVALUATE, KERF_SGD, i == 0);
        CHECK_OK(run(&nets[i], 0));
        CHECK_OK(kerf_tensor_read(kerf_plan_output(nets[i].p, "kerf.loss"), &loss[i]));
    }
    CHECK(sparse_nets_count(nets[1].p, "kerf.SparseMatMul") == num_sparse);
    CHECK(sparse_nets_count(nets[1].p, "Transpose") == (num_sparse > 0 && batch > 1));
    CHECK(nets[1].p->num_prepared == 2 * (size_t)num_sparse); /* patterns and values */
    const double want = (double)loss[0];
    check_close("loss", &loss[1], &want, 1, check_tolerance(8, 150));
    for (int i = 0; i < 2; i++)
        end(&nets[i]);
}

static void test_evaluation(void)
{
    const int is_cpu = kerf_device_get_info(dev)->type == KERF_DEVICE_CPU;
    check_evaluation(BATCH, 2);
    check_evaluation(1, is_cpu ? 2 : 0);
    check_evaluation(2, 0); /* too few for vectors, too many not to be turned */
}

/* A plan is stale when layers cross the threshold, or outgrow their room; runs then say so. */
static void test_stale(void)
{
    static const unsigned EVERY[] = {40, 2, 1};
    const int is_cpu = kerf_device_get_info(dev)->type == KERF_DEVICE_CPU;
    unsigned char mask[MOST];
    int is_stale;
    net n;
    begin(&n, BATCH, EVERY, 1);
    make_plan(&n, KERF_TRAIN, KERF_SGD, 0);
    CHECK(sparse_nets_count(n.p, "kerf.SparseMatMul") == 1);
    CHECK_OK(kerf_plan_is_stale(n.p, &is_stale));
    CHECK(!is_stale);
    fill_mask(mask, 150, 140, 40);
    write_mask(&n, 1, mask);
    CHECK_OK(kerf_plan_is_stale(n.p, &is_stale));
    CHECK(is_stale);
    CHECK_OK(run(&n, 1)); /* right all the same */
    fill_mask(mask, 150, 140, 2);
    write_mask(&n, 1, mask);
    memset(mask, 0, sizeof mask);
    for (int num = 578; num <= 580; num++) { /* the pattern has room for 579, one stays free */
        memset(mask, 1, (size_t)num);
        CHECK_OK(kerf_state_write(n.s, n.masks[0], mask));
        CHECK_OK(kerf_plan_is_stale(n.p, &is_stale));
        CHECK(is_stale == (num > 578 || !is_cpu)); /* 3.2 %: on a GPU too many to pay, too */
    }
    CHECK(run(&n, 2) == KERF_ERR_ARGUMENT);
    CHECK(strstr(kerf_last_error(),
                 "has 579 non-zeros or more, must have fewer as when the plan was made") != NULL);
    end(&n);
}

/* ---- whole runs' events ------------------------------------------------------------------------
 */

/* Back to what was kept before the first step, past a plan that holds patterns of those weights. */
static void go_back(net *n)
{
    float first[MOST], now[MOST];
    const size_t bytes = (size_t)(SIZES[1] * SIZES[2]) * sizeof(float);
    CHECK_OK(kerf__lottery_keep(n->s));
    CHECK_OK(kerf_state_read(n->s, n->weights[1], first));
    for (int step = 1; step <= 2; step++)
        CHECK_OK(run(n, step));
    CHECK_OK(kerf_state_read(n->s, n->weights[1], now));
    CHECK(memcmp(first, now, bytes) != 0);
    CHECK_OK(kerf__lottery_rewind(n->s));
    CHECK_OK(kerf_state_read(n->s, n->weights[1], now));
    CHECK(memcmp(first, now, bytes) == 0);
    CHECK_OK(run(n, 3));
}

/* All masks away: a sparse plan must say that it is stale, and the next one is dense. */
static void lift(net *n, int dense)
{
    int is_stale;
    CHECK_OK(kerf_prune_lift(n->s));
    CHECK_OK(kerf_plan_is_stale(n->p, &is_stale));
    CHECK(is_stale == !dense);
    kerf_plan_destroy(n->p);
    make_plan(n, KERF_TRAIN, KERF_SGD, dense);
    CHECK(sparse_nets_count(n->p, "kerf.SparseMatMul") == 0);
    CHECK_OK(run(n, 4));
}

/* Weights that were behind a mask and are trained now. */
static int num_grown(const net *n)
{
    float w[MOST];
    unsigned char mask[MOST];
    int num = 0;
    CHECK_OK(kerf_state_read(n->s, n->weights[1], w));
    fill_mask(mask, SIZES[2], SIZES[1], 50);
    for (int i = 0; i < SIZES[1] * SIZES[2]; i++)
        num += mask[i] == 0 && w[i] != 0;
    return num;
}

/* Lottery tickets and dense-sparse-dense, sparse beside dense. */
static void test_events(void)
{
    static const unsigned EVERY[] = {40, 50, 1};
    net nets[2];
    if (op_check_small()) /* a pass of each costs minutes there */
        return;
    for (int dense = 0; dense < 2; dense++) {
        begin(&nets[dense], BATCH, EVERY, 1);
        CHECK_OK(kerf__lottery_begin(nets[dense].s));
        make_plan(&nets[dense], KERF_TRAIN, KERF_SGD, dense);
        go_back(&nets[dense]);
    }
    CHECK(sparse_nets_count(nets[0].p, "kerf.SparseMatMul") > 0);
    sparse_nets_compare(nets[0].s, nets[1].s, check_tolerance(8, 150));
    for (int dense = 0; dense < 2; dense++)
        lift(&nets[dense], dense);
    sparse_nets_compare(nets[0].s, nets[1].s, check_tolerance(8, 150));
    CHECK(num_grown(&nets[0]) > SIZES[1] * SIZES[2] / 4);
    for (int i = 0; i < 2; i++)
        end(&nets[i]);
}

int main(void)
{
    dev = check_open_device();
    op_check_fill(x, sizeof x / sizeof *x, 1);
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % 10;
    test_training();
    test_moments();
    test_two_plans();
    test_evaluation();
    test_stale();
    test_events();
    kerf_device_close(dev);
    return check_result();
}
