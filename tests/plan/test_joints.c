/* test_joints.c -- a plan whose launches are joined computes the same bits: networks trained and
 * evaluated beside themselves with launches one by one.  Where launches cannot be joined
 * kerf_plan_join() does nothing, and the same is true. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "device/fault.h"
#include "device/join.h"
#include "kerf/nets.h"
#include "plan/plan_internal.h"

static kerf_device *dev;

typedef struct net {
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
} net;

typedef struct setup {
    const char *name;
    kerf_net_options net;
    kerf_mode mode;
    int64_t batch;
} setup;

static void fill(kerf_tensor *t, int is_labels)
{
    const size_t num = (size_t)kerf_shape_num_elements(kerf_tensor_shape(t));
    float *x = malloc(num * sizeof *x);
    int32_t *labels = (int32_t *)x;
    unsigned random = 1;
    for (size_t i = 0; i < num; i++) {
        random = random * 1664525u + 1013904223u;
        if (is_labels)
            labels[i] = (int32_t)(random >> 30);
        else
            x[i] = (float)(random >> 8) / 16777216.0f - 0.5f;
    }
    CHECK_OK(kerf_tensor_write(t, x));
    free(x);
}

static void begin(net *n, const setup *c)
{
    kerf_plan_options options = {.mode = c->mode, .batch = c->batch};
    options.optimizer.kind = KERF_SGD;
    options.optimizer.momentum = 0.9f;
    if (c->mode == KERF_TRAIN)
        options.loss = KERF_LOSS_CROSS_ENTROPY;
    CHECK_OK(kerf_net_create(&n->g, &n->s, c->name, &c->net, dev));
    CHECK_OK(kerf_plan_create(&n->p, n->g, n->s, &options));
    for (int i = 0; i < (int)n->p->inputs.num; i++) {
        kerf_tensor *t = kerf_plan_input(n->p, n->p->inputs.items[i].name);
        if (n->p->inputs.items[i].value != n->p->step)
            fill(t, kerf_tensor_type(t) != KERF_F32);
    }
}

static void end(net *n)
{
    kerf_plan_destroy(n->p);
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

static void run(net *n, int step)
{
    if (n->p->mode == KERF_TRAIN)
        CHECK_OK(kerf_plan_set_step(n->p, &(kerf_step){.step = step, .lr = 0.01f}));
    CHECK_OK(kerf_plan_run(n->p));
    CHECK_OK(kerf_device_finish(dev));
}

static void check_same_tensors(const kerf_tensor *a, const kerf_tensor *b, const char *name)
{
    const size_t bytes = kerf_tensor_size_bytes(a);
    void *x = malloc(bytes), *y = malloc(bytes);
    CHECK_OK(kerf_tensor_read(a, x));
    CHECK_OK(kerf_tensor_read(b, y));
    if (memcmp(x, y, bytes) != 0)
        printf("%s differs\n", name);
    CHECK(memcmp(x, y, bytes) == 0);
    free(x);
    free(y);
}

static void check_same(const net *a, const net *b)
{
    for (int i = 0; i < kerf_state_num_ids(a->s); i++) {
        const kerf_state_entry *x = kerf_state_get(a->s, i), *y = kerf_state_get(b->s, i);
        if (x != NULL)
            check_same_tensors(x->tensor, y->tensor, x->name);
    }
    for (size_t i = 0; i < a->p->outputs.num; i++) {
        const char *name = a->p->outputs.items[i].name;
        check_same_tensors(kerf_plan_output(a->p, name), kerf_plan_output(b->p, name), name);
    }
}

static int can_join(void)
{
    return kerf_device_get_info(dev)->features.joins;
}

/* 1 if every launch that may be joined is, but for runs of one to three. */
static int is_joined(const kerf_plan *p)
{
    for (size_t i = 0; i < p->num_joints; i++) {
        const kerf__joint *j = &p->joints[i];
        if (j->launch == NULL && j->num >= 4 && kerf__launch_can_join(p->steps.launches[j->first]))
            return 0;
    }
    return p->num_joints > 0 && p->num_joints < (p->steps.num - p->num_prepared_launches) / 2;
}

static void test_same_bits(const setup *c)
{
    net a, b;
    printf("%s\n", c->name);
    begin(&a, c);
    begin(&b, c);
    run(&b, 1); /* joining in the middle of a run of steps is allowed */
    CHECK_OK(kerf_plan_join(b.p));
    CHECK(is_joined(b.p) == can_join());
    CHECK_OK(kerf_plan_join(b.p)); /* once more does nothing */
    for (int step = 1; step <= 3; step++) {
        run(&a, step);
        if (step > 1)
            run(&b, step);
    }
    check_same(&a, &b);
    end(&a);
    end(&b);
}

/* Timing a step uses the node's own launches, and so does a node that gets others. */
static void test_taken_apart(void)
{
    const setup c = {"lenet-300-100", {.width = 0.05}, KERF_TRAIN, 4};
    double ms;
    net a, b;
    begin(&a, &c);
    begin(&b, &c);
    CHECK_OK(kerf_plan_join(b.p));
    CHECK((b.p->num_joints > 0) == can_join());
    run(&a, 1);
    run(&b, 1);
    CHECK_OK(kerf_plan_time_step(b.p, 0, 1, &ms));
    kerf__plan_unjoin(b.p);
    CHECK(b.p->num_joints == 0);
    run(&a, 2);
    run(&b, 2);
    check_same(&a, &b);
    end(&a);
    end(&b);
}

/* A failure on the way leaves the plan as it was. */
static void test_faults(void)
{
    const setup c = {"lenet-300-100", {.width = 0.2}, KERF_TRAIN, 16};
    net a, b;
    if (!can_join())
        return;
    begin(&a, &c);
    begin(&b, &c);
    int n = 1;
    for (kerf_status status = KERF_ERR_OPENCL; status != KERF_OK; n++) {
        kerf__fault_at(dev, n);
        status = kerf_plan_join(b.p);
        kerf__fault_at(dev, 0);
        CHECK((status == KERF_OK) == (b.p->joints != NULL));
    }
    CHECK(n > 3);
    run(&a, 1);
    run(&b, 1);
    check_same(&a, &b);
    end(&a);
    end(&b);
}

int main(void)
{
    static const setup CASES[] = {
        {"lenet-300-100", {.width = 0.2}, KERF_TRAIN, 16},
        {"lenet-5", {.width = 0.3}, KERF_TRAIN, 16},
        {"resnet-18-cifar", {.input = {3, 16, 16}, .width = 0.25}, KERF_TRAIN, 2},
        {"mobilenet-v2", {.input = {3, 32, 32}, .width = 0.25}, KERF_EVALUATE, 1},
    };
    dev = check_open_device();
    /* Compilers take their time for the large ones: once is enough. */
    const int is_large = can_join() && kerf_device_get_info(dev)->local_bytes > 32768;
    const size_t num = is_large ? sizeof CASES / sizeof CASES[0] : can_join() ? 2 : 0;
    for (size_t i = 0; i < num; i++)
        test_same_bits(&CASES[i]);
    test_taken_apart();
    test_faults();
    kerf_device_close(dev);
    return check_result();
}
