/* test_plan_faults.c -- memory runs out, or the device fails, at every single place on the
 * way to a plan: an error, no plan, nothing left open (the sanitizers count), and the next
 * try works. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "check.h"
#include "device/fault.h"
#include "plan/plan_internal.h"

enum { BATCH = 3, CLASSES = 4 };

static kerf_device *dev;

typedef struct net {
    kerf_graph *g;
    kerf_state *s;
} net;

/* v times a square weight, through Relu; MatMul and Add become a Gemm on the way. */
static kerf_value *add_layer(net *n, kerf_value *v)
{
    int id;
    kerf_value *square;
    kerf_node *node;
    CHECK_OK(kerf_state_add(n->s, "square", KERF_ROLE_WEIGHT, -1, KERF_F32,
                            KERF_SHAPE(CLASSES, CLASSES), &id));
    CHECK_OK(
        kerf_graph_add_state(n->g, "square", id, KERF_F32, KERF_SHAPE(CLASSES, CLASSES), &square));
    CHECK_OK(kerf_graph_add_node(n->g, "MatMul", NULL, (kerf_value *[]){v, square}, 2, 1, &node));
    return node->outputs[0];
}

/* logits = relu(relu(flatten(x) * square + b) * w), w and b with masks. */
static void make_net(net *n)
{
    static const char *const NAMES[] = {"b", "w"}, *const OPS[] = {"Add", "Mul"};
    const float w[CLASSES] = {1, -2, 0, 4};
    const uint8_t mask[CLASSES] = {1, 1, 0, 1};
    kerf_value *v, *weight, *m;
    kerf_node *node;
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    CHECK_OK(kerf_graph_add_input(n->g, "x", KERF_F32,
                                  KERF_SHAPE(kerf_graph_symbol(n->g, "N"), 2, 2), &v));
    CHECK_OK(kerf_graph_add_node(n->g, "Flatten", NULL, &v, 1, 1, &node));
    v = add_layer(n, node->outputs[0]);
    for (int i = 0; i < 2; i++) {
        char name[16];
        int id, mask_id;
        snprintf(name, sizeof name, "%s.mask", NAMES[i]);
        CHECK_OK(kerf_state_add(n->s, NAMES[i], KERF_ROLE_WEIGHT, -1, KERF_F32, KERF_SHAPE(CLASSES),
                                &id));
        CHECK_OK(kerf_state_add(n->s, name, KERF_ROLE_MASK, id, KERF_BOOL, KERF_SHAPE(CLASSES),
                                &mask_id));
        CHECK_OK(kerf_state_write(n->s, id, w));
        CHECK_OK(kerf_state_write(n->s, mask_id, mask));
        CHECK_OK(kerf_graph_add_state(n->g, NAMES[i], id, KERF_F32, KERF_SHAPE(CLASSES), &weight));
        CHECK_OK(kerf_graph_add_state(n->g, name, mask_id, KERF_BOOL, KERF_SHAPE(CLASSES), &m));
        CHECK_OK(
            kerf_graph_add_node(n->g, "kerf.Mask", NULL, (kerf_value *[]){weight, m}, 2, 1, &node));
        CHECK_OK(kerf_node_set_int(node, "hard", 1));
        CHECK_OK(kerf_graph_add_node(n->g, OPS[i], NULL, (kerf_value *[]){v, node->outputs[0]}, 2,
                                     1, &node));
        CHECK_OK(kerf_graph_add_node(n->g, "Relu", NULL, node->outputs, 1, 1, &node));
        v = node->outputs[0];
    }
    CHECK_OK(kerf_graph_add_output(n->g, v));
}

static const kerf_plan_options OPTIONS = {
    .mode = KERF_TRAIN,
    .batch = BATCH,
    .loss = KERF_LOSS_CROSS_ENTROPY,
    .optimizer = {.kind = KERF_ADAM, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f},
    .choices = "{}",
};

static kerf_status run_once(kerf_plan *p)
{
    static const float X[BATCH * CLASSES] = {1, 2, 3, 4, 5, 6};
    static const int LABELS[BATCH] = {0, 1, 3};
    kerf_metrics m;
    KERF__TRY(kerf_plan_feed(p, "x", X, sizeof X));
    KERF__TRY(kerf_plan_feed(p, "labels", LABELS, sizeof LABELS));
    KERF__TRY(kerf_plan_set_step(p, &(kerf_step){.lr = 0.01f, .step = 1}));
    KERF__TRY(kerf_plan_run(p));
    return kerf_plan_read_metrics(p, &m);
}

/* Fails the n-th of something for every n until it is not reached any more. */
static void fail_each(const net *n, void (*set)(long), const char *what)
{
    long i = 1;
    for (;; i++) {
        kerf_plan *p;
        set(i);
        const kerf_status status = kerf_plan_create(&p, n->g, n->s, &OPTIONS);
        set(0);
        CHECK((status == KERF_OK) == (p != NULL));
        kerf_plan_destroy(p);
        CHECK_OK(kerf_graph_verify(n->g));
        if (status == KERF_OK || i > 5000)
            break;
        CHECK(status == KERF_ERR_MEMORY || status == KERF_ERR_OPENCL);
    }
    printf("%s: a plan takes %ld\n", what, i - 1);
    CHECK(i > 10 && i <= 5000);
}

static void set_fault(long n)
{
    kerf__fault_at(dev, n);
}

/* A run that fails says so; afterwards the plan works again. */
static void fail_runs(kerf_plan *p)
{
    kerf_status status = KERF_ERR_OPENCL;
    for (long i = 1; status != KERF_OK; i++) {
        kerf__fault_at(dev, i);
        status = run_once(p);
        kerf__fault_at(dev, 0);
        CHECK(status == KERF_OK || status == KERF_ERR_OPENCL || status == KERF_ERR_MEMORY);
        CHECK(i < 100);
    }
    CHECK_OK(run_once(p));
}

int main(void)
{
    net n;
    kerf_plan *p;
    dev = check_open_device();
    make_net(&n);
    CHECK_OK(kerf_plan_create(&p, n.g, n.s, &OPTIONS)); /* kernels are built, moments there */
    if (p != NULL) {
        fail_each(&n, kerf__alloc_fail_at, "allocations");
        fail_each(&n, set_fault, "calls of the device");
        fail_runs(p);
    }
    kerf_plan_destroy(p);
    kerf_graph_destroy(n.g);
    kerf_state_destroy(n.s);
    kerf_device_close(dev);
    return check_result();
}
