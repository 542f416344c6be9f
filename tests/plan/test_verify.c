/* test_verify.c -- layer by layer on several devices: the one that computes a layer wrong is
 * named with it, by its first bad layer and not by what comes of that later. */
#include <stdlib.h>
#include <string.h>

#include "bad_variants.h"
#include "check.h"
#include "device/fault.h"
#include "kerf/nets.h"
#include "plan/host_values.h"

static kerf_device *devs[2]; /* the same hardware, twice */

typedef struct net {
    kerf_graph *g;
    kerf_state *s;
} net;

/* Relu "first", Reshape, Add "second", Relu "third". */
static void begin(net *n)
{
    kerf_value *x, *bias, *shape;
    kerf_node *node;
    kerf_tensor *t;
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, NULL));
    CHECK_OK(kerf_tensor_create(&t, NULL, KERF_S64, KERF_SHAPE(2)));
    memcpy(kerf_tensor_data(t), (int64_t[]){7, 5}, 2 * sizeof(int64_t));
    CHECK_OK(kerf_graph_add_constant(n->g, "shape", t, &shape));
    CHECK_OK(kerf_graph_add_input(n->g, "x", KERF_F32, KERF_SHAPE(5, 7), &x));
    CHECK_OK(kerf_graph_add_input(n->g, "bias", KERF_F32, KERF_SHAPE(5), &bias));
    CHECK_OK(kerf_graph_add_node(n->g, "Relu", "first", &x, 1, 1, &node));
    CHECK_OK(kerf_graph_add_node(n->g, "Reshape", "between",
                                 (kerf_value *[]){node->outputs[0], shape}, 2, 1, &node));
    CHECK_OK(kerf_graph_add_node(n->g, "Add", "second", (kerf_value *[]){node->outputs[0], bias}, 2,
                                 1, &node));
    CHECK_OK(kerf_graph_add_node(n->g, "Relu", "third", node->outputs, 1, 1, &node));
    CHECK_OK(kerf_graph_add_output(n->g, node->outputs[0]));
}

static void end(net *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
    bad_variants = 0;
    bad_device = NULL;
}

static kerf_verify_result results[2];

static void verify(const net *n, size_t num_devs)
{
    const kerf_plan_options options = {.batch = 1};
    CHECK_OK(kerf_verify(n->g, n->s, &options, devs, num_devs, results, NULL, NULL));
}

static void expect(const kerf_verify_result *r, const char *layer, const char *why)
{
    const int good = strcmp(r->first_bad_layer, layer) == 0 && strstr(r->why, why) == r->why &&
                     (*why != '\0' || r->why[0] == '\0');
    if (!good)
        printf("'%s' (%s), must be '%s' (%s)\n", r->first_bad_layer, r->why, layer, why);
    CHECK(good && r->status == KERF_OK);
}

static void test_good(void)
{
    net n;
    begin(&n);
    verify(&n, 2);
    for (int i = 0; i < 2; i++) {
        expect(&results[i], "", "");
        CHECK(results[i].num_layers == 3 && results[i].num_kernels >= 3);
        CHECK(results[i].num_bad_kernels == 0 && results[i].max_rel < 1e-6);
    }
    end(&n);
}

/* On one of two devices, first in the list or last. */
static void test_bad_layer(void)
{
    for (int bad = 0; bad < 2; bad++) {
        net n;
        begin(&n);
        bad_device = devs[bad];
        bad_variants = BAD_LIES;
        verify(&n, 2);
        expect(&results[bad], "first", "lies: the result is off by inf");
        expect(&results[1 - bad], "", "");
        CHECK(isinf(results[bad].max_rel) && results[bad].num_bad_kernels == 2);
        bad_variants = BAD_LATE_LIE; /* behind a good layer, before another */
        verify(&n, 2);
        expect(&results[bad], "second", "late_lie: the result is off by inf");
        expect(&results[1 - bad], "", "");
        CHECK(results[bad].num_bad_kernels == 1);
        bad_variants = BAD_NO_LAUNCH;
        verify(&n, 2);
        expect(&results[bad], "first", "no_launch: no_launch: the driver does not want to");
        end(&n);
    }
}

/* One device alone: its other kernels tell. */
static void test_alone(void)
{
    net n;
    begin(&n);
    verify(&n, 1);
    expect(&results[0], "", "");
    bad_variants = BAD_LIES;
    verify(&n, 1);
    expect(&results[0], "first", "lies: ");
    end(&n);
}

typedef struct seen {
    int num, stop_at;
    char bad[512];
} seen;

static int see(void *context, const kerf_verify_layer *l)
{
    seen *s = context;
    CHECK(l->num == 4 && strcmp(l->direction, "forward") == 0);
    CHECK(strcmp(l->name, l->i == 0 ? "first" : l->i == 2 ? "second" : "third") == 0);
    if (l->bad[0] != '\0')
        snprintf(s->bad, sizeof s->bad, "%s", l->bad);
    return ++s->num == s->stop_at;
}

/* A kernel that no plan takes is told of, and fails nobody. */
static void test_not_chosen(void)
{
    const kerf_plan_options options = {
        .batch = 1,
        .choices = "{\"Relu float32(5,7) > float32(5,7)\":\"elementwise_any_simt\","
                   "\"Relu float32(7,5) > float32(7,5)\":\"elementwise_any_simt\"}"};
    char want[512];
    seen s = {0};
    net n;
    begin(&n);
    bad_variants = BAD_LIES;
    bad_device = devs[1];
    CHECK_OK(kerf_verify(n.g, n.s, &options, devs, 2, results, see, &s));
    expect(&results[1], "", "");
    CHECK(results[1].num_bad_kernels == 2 && s.num == 3);
    snprintf(want, sizeof want, "%s:\nlies: the result is off by", kerf_device_name(devs[1]));
    CHECK(strstr(s.bad, want) == s.bad);
    s = (seen){.stop_at = 1};
    CHECK_STATUS(KERF_ERR_CANCELLED, kerf_verify(n.g, n.s, &options, devs, 2, results, see, &s));
    CHECK(s.num == 1);
    end(&n);
}

/* A device that fails is out, and says why; the others go on. */
static void test_faults(void)
{
    net n;
    begin(&n);
    for (long i = 1; i < 40; i += 3) {
        const kerf_plan_options options = {.batch = 1};
        kerf__fault_at(devs[0], i);
        CHECK_OK(kerf_verify(n.g, n.s, &options, devs, 2, results, NULL, NULL));
        kerf__fault_at(devs[0], 0);
        expect(&results[1], "", "");
        CHECK(results[1].num_layers == 3);
        CHECK(results[0].status == KERF_OK || results[0].why[0] != '\0');
    }
    end(&n);
}

/* A whole training step: gradients and updates have kernels too. */
static void test_training(void)
{
    const kerf_plan_options options = {
        .mode = KERF_TRAIN,
        .batch = 6,
        .loss = KERF_LOSS_CROSS_ENTROPY,
        .optimizer = {.kind = KERF_ADAM, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f}};
    const kerf_net_options small = {.input = {1, 4, 4}, .width = 0.05, .seed = 1};
    kerf_graph *g;
    kerf_state *s;
    CHECK_OK(kerf_net_create(&g, &s, "lenet-300-100", &small, NULL));
    const int num_ids = kerf_state_num_ids(s);
    CHECK_OK(kerf_verify(g, s, &options, devs, 2, results, NULL, NULL));
    expect(&results[0], "", "");
    expect(&results[1], "", "");
    CHECK(results[0].num_layers > 15 && results[0].max_rel < 1e-4);
    CHECK(kerf_state_num_ids(s) == num_ids); /* no moments of ours */
    bad_variants = BAD_LIES;
    bad_device = devs[1];
    CHECK_OK(kerf_verify(g, s, &options, devs, 2, results, NULL, NULL));
    expect(&results[0], "", "");
    CHECK(strstr(results[1].first_bad_layer, "grad") != NULL); /* of a Relu: kerf.ReluGrad */
    bad_variants = 0;
    bad_device = NULL;
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

/* The numbers of a draft's values: labels are classes, moments are not below zero. */
static void test_values(void)
{
    const kerf_plan_options options = {.mode = KERF_TRAIN,
                                       .batch = 64,
                                       .loss = KERF_LOSS_CROSS_ENTROPY,
                                       .optimizer = {.kind = KERF_ADAM, .beta1 = 0.5f}};
    const kerf_net_options small = {.input = {1, 4, 4}, .width = 0.05, .classes = 3, .seed = 1};
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    kerf__host_values x;
    const void *bytes;
    CHECK_OK(kerf_net_create(&g, &s, "lenet-300-100", &small, devs[0]));
    CHECK_OK(kerf__plan_draft(&p, g, s, &options));
    CHECK_OK(kerf__host_values_create(&x, p));
    CHECK_OK(kerf__host_values_get(&x, p->step, &bytes));
    const float *step = bytes;
    CHECK(step[KERF__STEP_NUMBER] == 1 && step[KERF__STEP_BIAS1] == 2 && step[KERF__STEP_LR] > 0);
    int num_moments = 0, classes[3] = {0};
    for (size_t i = 0; i < p->graph->num_values; i++) {
        const kerf_value *v = p->graph->values[i];
        if (v->kind == KERF__VALUE_INPUT && v->type == KERF_S32) {
            CHECK_OK(kerf__host_values_get(&x, v, &bytes));
            for (int k = 0; k < 64; k++)
                classes[((const int32_t *)bytes)[k]]++;
        }
        if (v->kind != KERF__VALUE_STATE ||
            kerf_state_get(s, v->state_id)->role != KERF_ROLE_MOMENT)
            continue;
        CHECK_OK(kerf__host_values_get(&x, v, &bytes));
        CHECK(((const float *)bytes)[0] > 0);
        num_moments++;
    }
    CHECK(num_moments >= 6 && classes[0] > 0 && classes[1] > 0 && classes[2] > 0);
    CHECK(classes[0] + classes[1] + classes[2] == 64);
    kerf__host_values_clear(&x);
    kerf_plan_destroy(p);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

int main(void)
{
    devs[0] = check_open_device();
    devs[1] = check_open_device();
    test_good();
    test_bad_layer();
    test_alone();
    test_not_chosen();
    test_faults();
    test_training();
    test_values();
    kerf_device_close(devs[0]);
    kerf_device_close(devs[1]);
    return check_result();
}
