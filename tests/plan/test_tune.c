/* test_tune.c -- measuring variants: what wins is remembered and taken by the next plan, what
 * fails on the way is left out. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "device/fault.h"
#include "device/tuning.h"
#include "plan/node_trial.h"

static kerf_device *dev;

typedef struct net {
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
} net;

/* Two cases of several variants (Relu twice the same), one of them with broadcasting. */
static void begin(net *n)
{
    kerf_value *x, *bias;
    kerf_node *node;
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    CHECK_OK(kerf_graph_add_input(n->g, "x", KERF_F32, KERF_SHAPE(5, 7), &x));
    CHECK_OK(kerf_graph_add_input(n->g, "bias", KERF_F32, KERF_SHAPE(7), &bias));
    CHECK_OK(kerf_graph_add_node(n->g, "Relu", "a", &x, 1, 1, &node));
    CHECK_OK(kerf_graph_add_node(n->g, "Add", "b", (kerf_value *[]){node->outputs[0], bias}, 2, 1,
                                 &node));
    CHECK_OK(kerf_graph_add_node(n->g, "Relu", "c", node->outputs, 1, 1, &node));
    CHECK_OK(kerf_graph_add_output(n->g, node->outputs[0]));
    CHECK_OK(kerf_plan_create(&n->p, n->g, n->s, &(kerf_plan_options){.batch = 1}));
}

static void end(net *n)
{
    kerf_plan_destroy(n->p);
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

typedef struct seen {
    int num, wanted, stop_at;
    char cases[4][128], winners[4][64];
} seen;

static int see(void *context, int i, int num, const char *which, const char *variant, double was_ms,
               double is_ms)
{
    seen *s = context;
    CHECK(i == s->num && num == s->wanted);
    CHECK(is_ms > 0 && is_ms <= was_ms); /* never a slower one */
    snprintf(s->cases[s->num], sizeof s->cases[0], "%s", which);
    snprintf(s->winners[s->num++], sizeof s->winners[0], "%s", variant);
    return s->num == s->stop_at;
}

/* How many cases of the plan leave a choice on this device. */
static int count_cases(const kerf_plan *p)
{
    int num = 0;
    for (size_t i = 0; i < 2 && i < p->num_nodes; i++) { /* node 2 is node 0's case again */
        const kerf__op_case c = {.dev = dev, .node = p->graph->nodes[i]};
        kerf__option option;
        num += kerf__option_at(&c, 1, &option);
    }
    return num;
}

static void test_tune(void)
{
    net n;
    seen s = {0};
    begin(&n);
    s.wanted = count_cases(n.p);
    CHECK(s.wanted >= 1); /* Add has one variant only where nothing wide fits */
    CHECK_OK(kerf_plan_tune(n.p, 40, see, &s));
    CHECK(s.num == s.wanted);
    kerf_plan *next;
    CHECK_OK(kerf_plan_create(&next, n.g, n.s, &(kerf_plan_options){.batch = 1}));
    for (int i = 0; i < s.num; i++) {
        const char *found = kerf__tuning_find(dev, s.cases[i]);
        CHECK(found != NULL && strcmp(found, s.winners[i]) == 0);
        for (size_t k = 0; k < next->num_nodes; k++)
            if (strcmp(next->nodes[k].which, s.cases[i]) == 0)
                CHECK(strcmp(next->nodes[k].name, s.winners[i]) == 0);
    }
    kerf_plan_destroy(next);
    s = (seen){.wanted = s.wanted, .stop_at = 1};
    CHECK_STATUS(KERF_ERR_CANCELLED, kerf_plan_tune(n.p, 10, see, &s));
    CHECK(s.num == 1);
    end(&n);
}

/* What the store names and this version lacks is no advice. */
static void test_stale_store(void)
{
    net n;
    kerf_plan *p;
    begin(&n);
    CHECK_OK(kerf__tuning_set(dev, n.p->nodes[0].which, "abacus/9", 0.1));
    CHECK_OK(kerf_plan_create(&p, n.g, n.s, &(kerf_plan_options){.batch = 1}));
    CHECK(p != NULL && strcmp(p->nodes[0].name, "abacus/9") != 0);
    kerf_plan_destroy(p);
    end(&n);
}

/* A variant that computes something else. */
static kerf_status build_wrong(const kerf__op_case *c)
{
    (void)c;
    return KERF_OK; /* leaves zeros */
}

static void test_bad_trials(void)
{
    static const kerf__variant WRONG = {.name = "wrong", .build = build_wrong};
    net n;
    kerf__trials t;
    begin(&n);
    CHECK_OK(kerf__trials_create(&t, dev, n.p->graph->nodes[0]));
    CHECK(t.num >= 2);
    kerf__steps_clear(&t.items[1].steps); /* as if build_wrong had built it */
    t.items[1].option = (kerf__option){&WRONG, NULL};
    CHECK_OK(kerf__trials_compare(&t));
    CHECK(t.items[0].alive && !t.items[1].alive);
    CHECK_OK(kerf__trials_time(&t, &t.items[0], 5));
    CHECK(t.items[0].ms > 0 && isinf(t.items[1].ms));
    kerf__trials_destroy(&t);
    end(&n);
}

/* A device that fails once on the way: an error or one candidate less, and no more. */
static void test_faults(void)
{
    net n;
    begin(&n);
    for (long i = 1; i < 60; i += 3) {
        kerf__fault_at(dev, i);
        kerf_status status = kerf_plan_tune(n.p, 1, NULL, NULL);
        kerf__fault_at(dev, 0);
        CHECK(status == KERF_OK || status == KERF_ERR_OPENCL || status == KERF_ERR_MEMORY);
    }
    CHECK_OK(kerf_plan_tune(n.p, 1, NULL, NULL));
    end(&n);
}

int main(void)
{
    char folder[] = "/tmp/kerf-tune-XXXXXX"; /* what is measured here is nobody else's */
    if (mkdtemp(folder) != NULL)
        setenv("KERF_CACHE_DIR", folder, 1);
    dev = check_open_device();
    test_tune();
    test_stale_store();
    test_bad_trials();
    test_faults();
    kerf_device_close(dev);
    return check_result();
}
