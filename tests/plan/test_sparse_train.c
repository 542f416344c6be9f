/* test_sparse_train.c -- convolutions of which little is left: plans that skip the zeros in all
 * directions beside one that multiplies by them. */
#include <string.h>

#include "check.h"
#include "op_check.h"
#include "kerf/kerf.h"
#include "plan/plan_internal.h"
#include "sparse_nets.h"

enum { BATCH = 32 };

static kerf_device *dev;
static float x[BATCH * 28 * 28];
static int32_t labels[BATCH];

typedef struct net {
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
} net;

typedef struct net_case {
    const char *name;
    kerf_net_options options;
    size_t sample;      /* floats */
    int convs, strided; /* of these with a stride */
    double tolerance;
} net_case;

/* ---- networks -------------------------------------------------------------------------------- */

static void begin(net *n, const net_case *t, unsigned every)
{
    CHECK_OK(kerf_net_create(&n->g, &n->s, t->name, &t->options, dev));
    CHECK_OK(kerf_prune_mark(n->g, n->s, &(kerf_prune_options){.amount = 0.9}));
    sparse_nets_prune(n->s, every);
}

static void make_plan(net *n, kerf_mode mode, int64_t batch, int dense)
{
    const kerf_plan_options o = {
        .mode = mode,
        .batch = batch,
        .loss = KERF_LOSS_CROSS_ENTROPY,
        .optimizer = {.kind = KERF_SGD, .momentum = 0.9f, .weight_decay = 1e-3f},
        .zeros = dense ? KERF_ZEROS_DENSE : KERF_ZEROS_AUTO,
        .untuned = 1}; /* by the guess, whatever this device's store holds */
    CHECK_OK(kerf_plan_create(&n->p, n->g, n->s, &o));
    if (n->p == NULL) /* the reason is printed */
        exit(check_result());
    CHECK_OK(kerf_plan_verify(n->p));
}

static void end(net *n)
{
    kerf_plan_destroy(n->p);
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

static void run(net *n, const net_case *t, int step)
{
    CHECK_OK(kerf_plan_feed(n->p, "input", x, BATCH * t->sample * sizeof *x));
    CHECK_OK(kerf_plan_feed(n->p, "labels", labels, sizeof labels));
    CHECK_OK(kerf_plan_set_step(n->p, &(kerf_step){.lr = 0.01f, .step = step}));
    CHECK_OK(kerf_plan_run(n->p));
}

/* ---- comparisons ----------------------------------------------------------------------------- */

/* Two steps, other masks (which keep a subset), one more; the third does the same as the second. */
static void check_training(const net_case *t, unsigned every)
{
    net nets[3];
    for (int i = 0; i < 3; i++) {
        begin(&nets[i], t, every);
        make_plan(&nets[i], KERF_TRAIN, BATCH, i == 0);
        for (int step = 1; step <= 3; step++) {
            if (step == 3)
                sparse_nets_prune(nets[i].s, every * 3);
            run(&nets[i], t, step);
        }
    }
    CHECK(sparse_nets_count(nets[0].p, "kerf.SparseConv") == 0);
    CHECK(sparse_nets_count(nets[1].p, "kerf.SparseConv") == 2 * t->convs - t->strided);
    CHECK(sparse_nets_count(nets[1].p, "kerf.SparseConvGradInput") == t->strided);
    CHECK(sparse_nets_count(nets[1].p, "kerf.SparseConvGrad") == t->convs);
    sparse_nets_compare(nets[1].s, nets[0].s, t->tolerance);
    sparse_nets_compare(nets[1].s, nets[2].s, 0);
    for (int i = 0; i < 3; i++)
        end(&nets[i]);
}

static const net_case NETS[] = {
    {"lenet-5", {.classes = 10}, (size_t)28 * 28, 1, 0, 1e-5},
    /* One convolution of 1x1 filters is too small. */
    {"resnet-18-cifar",
     {.classes = 10, .input = {3, 8, 8}, .width = 0.5},
     (size_t)3 * 8 * 8,
     18,
     5,
     1e-3},
};

/* Where nothing is packed all stays dense, and slow. */
static void test_training(void)
{
    if (op_check_small() || !kerf__plan_lays(dev))
        return;
    check_training(&NETS[0], 20);
    check_training(&NETS[0], 0); /* nothing is left */
    check_training(&NETS[1], 20);
}

/* Without masks, with many weights left, and where samples do not fill lanes, all stays dense. */
static void test_what_stays_dense(void)
{
    static const struct {
        unsigned every;
        int64_t batch;
    } CASES[] = {{1, 32}, {5, 32}, {20, 31}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0] && !op_check_small(); i++) {
        net n;
        begin(&n, &NETS[0], CASES[i].every);
        make_plan(&n, KERF_TRAIN, CASES[i].batch, 0);
        CHECK(sparse_nets_count(n.p, "kerf.SparseConv") == 0);
        end(&n);
    }
}

static size_t moment_bytes(const kerf_state *s)
{
    size_t bytes = 0;
    for (int id = 0; id < kerf_state_num_ids(s); id++)
        if (kerf_state_get(s, id)->role == KERF_ROLE_MOMENT)
            bytes += kerf_tensor_size_bytes(kerf_state_get(s, id)->tensor);
    return bytes;
}

/* Gradients of entries run where the dense ones would, so nothing outlives what reads it, and
 * patterns are smaller than what dense kernels put aside.  Moments are of entries alone. */
static void test_memory(void)
{
    static const net_case PICTURES = {.name = "resnet-18-cifar",
                                      .options = {.classes = 10, .width = 0.75}};
    size_t bytes[2], with_states[2], moments[2];
    if (op_check_small() || !kerf__plan_lays(dev))
        return;
    for (int i = 0; i < 2; i++) {
        net n;
        begin(&n, &PICTURES, 50);
        make_plan(&n, KERF_TRAIN, BATCH, i == 0);
        bytes[i] = kerf_plan_arena_bytes(n.p);
        with_states[i] = kerf__plan_needed_bytes(n.p);
        moments[i] = moment_bytes(n.s);
        end(&n);
    }
    CHECK(bytes[1] < bytes[0]);
    CHECK(moments[1] < moments[0] / 20);
    CHECK(with_states[1] - bytes[1] == with_states[0] - bytes[0] - (moments[0] - moments[1]));
}

/* A plan is stale when a convolution crosses the threshold. */
static void test_stale(void)
{
    int is_stale;
    net n;
    if (op_check_small() || !kerf__plan_lays(dev))
        return;
    begin(&n, &NETS[0], 20);
    make_plan(&n, KERF_TRAIN, BATCH, 0);
    CHECK_OK(kerf_plan_is_stale(n.p, &is_stale));
    CHECK(!is_stale);
    sparse_nets_prune(n.s, 40);
    CHECK_OK(kerf_plan_is_stale(n.p, &is_stale));
    CHECK(!is_stale);
    sparse_nets_prune(n.s, 2);
    CHECK_OK(kerf_plan_is_stale(n.p, &is_stale));
    CHECK(is_stale);
    end(&n);
}

int main(void)
{
    dev = check_open_device();
    op_check_fill(x, sizeof x / sizeof *x, 1);
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % 10;
    test_training();
    test_what_stays_dense();
    test_memory();
    test_stale();
    kerf_device_close(dev);
    return check_result();
}
