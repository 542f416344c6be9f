/* test_sparse_train.c -- convolutions of which little is left: plans that skip the zeros in all
 * directions beside one that multiplies by them. */
#include <string.h>

#include "check.h"
#include "op_check.h"
#include "kerf/kerf.h"
#include "plan/plan_internal.h"

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

/* What is kept of each weight of some size: ranges of every `every`-th one. */
static void prune(net *n, unsigned every)
{
    for (int id = 0; id < kerf_state_num_ids(n->s); id++) {
        const kerf_state_entry *entry = kerf_state_get(n->s, id);
        const kerf_state_entry *mask = kerf_state_find_owned(n->s, id, KERF_ROLE_MASK);
        if (mask == NULL)
            continue;
        const size_t num = (size_t)kerf_shape_num_elements(kerf_tensor_shape(entry->tensor));
        float *w = malloc(num * sizeof *w);
        unsigned char *bits = malloc(num);
        CHECK_OK(kerf_state_read(n->s, id, w));
        for (size_t i = 0; i < num; i++) {
            bits[i] = every != 0 && ((unsigned)i * 2654435761u >> 9) % every == 0;
            w[i] = bits[i] ? w[i] : 0;
        }
        CHECK_OK(kerf_state_write(n->s, id, w));
        CHECK_OK(kerf_state_write(n->s, mask->id, bits));
        const kerf_state_entry *moment = kerf_state_find_owned(n->s, id, KERF_ROLE_MOMENT);
        memset(w, 0, num * sizeof *w);
        if (moment != NULL)
            CHECK_OK(kerf_state_write(n->s, moment->id, w));
        free(w);
        free(bits);
    }
}

static void begin(net *n, const net_case *t, unsigned every)
{
    CHECK_OK(kerf_net_create(&n->g, &n->s, t->name, &t->options, dev));
    CHECK_OK(kerf_prune_mark(n->g, n->s, &(kerf_prune_options){.amount = 0.9}));
    prune(n, every);
}

static void make_plan(net *n, kerf_mode mode, int64_t batch, int dense)
{
    const kerf_plan_options o = {
        .mode = mode,
        .batch = batch,
        .loss = KERF_LOSS_CROSS_ENTROPY,
        .optimizer = {.kind = KERF_SGD, .momentum = 0.9f, .weight_decay = 1e-3f},
        .zeros = dense ? KERF_ZEROS_DENSE : KERF_ZEROS_AUTO};
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

static int count(const net *n, const char *op)
{
    int num = 0;
    for (size_t i = 0; i < n->p->graph->num_nodes; i++)
        num += strcmp(n->p->graph->nodes[i]->op, op) == 0;
    return num;
}

/* ---- comparisons ----------------------------------------------------------------------------- */

/* All states of floats; tolerance 0: the same bits. */
static void compare_states(const net *a, const net *b, double tolerance)
{
    for (int id = 0; id < kerf_state_num_ids(a->s); id++) {
        const kerf_state_entry *entry = kerf_state_get(a->s, id);
        if (kerf_tensor_type(entry->tensor) != KERF_F32 || entry->role == KERF_ROLE_METRIC)
            continue;
        const size_t num = (size_t)kerf_shape_num_elements(kerf_tensor_shape(entry->tensor));
        float *got = malloc(num * sizeof *got);
        double *want = malloc(num * sizeof *want);
        CHECK_OK(kerf_state_read(b->s, kerf_state_find(b->s, entry->name)->id, got));
        for (size_t i = 0; i < num; i++)
            want[i] = (double)got[i];
        CHECK_OK(kerf_state_read(a->s, id, got));
        check_close(entry->name, got, want, num, tolerance);
        free(got);
        free(want);
    }
}

/* Two steps, other masks (which keep a subset), one more; the third does the same as the second. */
static void check_training(const net_case *t, unsigned every)
{
    net nets[3];
    for (int i = 0; i < 3; i++) {
        begin(&nets[i], t, every);
        make_plan(&nets[i], KERF_TRAIN, BATCH, i == 0);
        for (int step = 1; step <= 3; step++) {
            if (step == 3)
                prune(&nets[i], every * 3);
            run(&nets[i], t, step);
        }
    }
    CHECK(count(&nets[0], "kerf.SparseConv") == 0);
    CHECK(count(&nets[1], "kerf.SparseConv") == 2 * t->convs - t->strided);
    CHECK(count(&nets[1], "kerf.SparseConvGradInput") == t->strided);
    CHECK(count(&nets[1], "kerf.SparseConvGrad") == t->convs);
    compare_states(&nets[1], &nets[0], t->tolerance);
    compare_states(&nets[1], &nets[2], 0);
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
        CHECK(count(&n, "kerf.SparseConv") == 0);
        end(&n);
    }
}

/* Gradients of entries run where the dense ones would, so nothing outlives what reads it, and
 * patterns are smaller than what dense kernels put aside. */
static void test_memory(void)
{
    static const net_case PICTURES = {.name = "resnet-18-cifar",
                                      .options = {.classes = 10, .width = 0.75}};
    size_t bytes[2];
    if (op_check_small() || !kerf__plan_lays(dev))
        return;
    for (int i = 0; i < 2; i++) {
        net n;
        begin(&n, &PICTURES, 50);
        make_plan(&n, KERF_TRAIN, BATCH, i == 0);
        bytes[i] = kerf_plan_arena_bytes(n.p);
        end(&n);
    }
    CHECK(bytes[1] < bytes[0]);
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
    prune(&n, 40);
    CHECK_OK(kerf_plan_is_stale(n.p, &is_stale));
    CHECK(!is_stale);
    prune(&n, 2);
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
