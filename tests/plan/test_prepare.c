/* test_prepare.c -- what no run changes is computed once, and again when a state changes. */
#include <string.h>

#include "check.h"
#include "plan/plan_internal.h"

static kerf_device *dev;

/* y = x + view(neg(neg(w))), and next(w) = w + w where `trained`. */
typedef struct net {
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    int id;
} net;

static kerf_value *node(net *n, const char *op, kerf_value *a, kerf_value *b)
{
    kerf_node *made;
    kerf_value *inputs[] = {a, b};
    CHECK_OK(kerf_graph_add_node(n->g, op, NULL, inputs, b != NULL ? 2 : 1, 1, &made));
    return made->outputs[0];
}

static void begin(net *n, int trained)
{
    const float w[4] = {1, -2, 3, -4};
    kerf_value *x, *weight;
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    CHECK_OK(kerf_graph_add_input(n->g, "x", KERF_F32, KERF_SHAPE(4), &x));
    CHECK_OK(kerf_state_add(n->s, "w", KERF_ROLE_WEIGHT, -1, KERF_F32, KERF_SHAPE(4), &n->id));
    CHECK_OK(kerf_state_write(n->s, n->id, w));
    CHECK_OK(kerf_graph_add_state(n->g, "w", n->id, KERF_F32, KERF_SHAPE(4), &weight));
    kerf_value *made =
        node(n, "Identity", node(n, "Neg", node(n, "Neg", weight, NULL), NULL), NULL);
    kerf_value *y = node(n, "Add", x, made);
    CHECK_OK(kerf_graph_add_output(n->g, y));
    if (trained)
        node(n, "Add", weight, weight)->next_of = n->id;
    CHECK_OK(kerf_plan_create(&n->p, n->g, n->s, &(kerf_plan_options){.batch = 1}));
    CHECK_OK(kerf_plan_verify(n->p));
}

static void end(net *n)
{
    kerf_plan_destroy(n->p);
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

/* Runs on x = 0 and compares with w. */
static void check_run(net *n, const float *w)
{
    const float x[4] = {0, 0, 0, 0};
    float got[4];
    CHECK_OK(kerf_plan_feed(n->p, "x", x, sizeof x));
    CHECK_OK(kerf_plan_run(n->p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(n->p, n->p->outputs.items[0].name), got));
    for (int i = 0; i < 4; i++)
        CHECK(got[i] == w[i]);
}

static kerf__block_kind kind_behind(const kerf_plan *p, const char *op)
{
    for (size_t i = p->graph->num_nodes; i-- > 0;)
        if (strcmp(p->graph->nodes[i]->op, op) == 0)
            return p->blocks[p->block_of[p->graph->nodes[i]->outputs[0]->index]].kind;
    return KERF__BLOCK_OWN;
}

static void test_runs_once(void)
{
    const float w[4] = {1, -2, 3, -4};
    net n;
    begin(&n, 0);
    CHECK(n.p->num_prepared == 3 && n.p->num_prepared_launches == 2);
    CHECK(n.p->num_prepared_states == 1 && n.p->prepared[0].state_id == n.id);
    CHECK(kerf_plan_num_steps(n.p) == 1); /* the tables show what each run does */
    CHECK(kind_behind(n.p, "Identity") == KERF__BLOCK_KEPT);
    CHECK(kind_behind(n.p, "Add") == KERF__BLOCK_ARENA);
    check_run(&n, w);
    CHECK_OK(kerf__buffer_fill_zero(n.p->arena, 0, n.p->arena_bytes)); /* nothing else is needed */
    check_run(&n, w);
    end(&n);
}

static void test_follows_the_state(void)
{
    const float w[4] = {5, 6, 7, 8};
    net n;
    begin(&n, 0);
    check_run(&n, (float[]){1, -2, 3, -4});
    CHECK_OK(kerf_state_write(n.s, n.id, w));
    check_run(&n, w);
    check_run(&n, w);
    end(&n);
}

/* What this plan writes changes in every run: nothing of it is prepared. */
static void test_written_states_are_not_prepared(void)
{
    net n;
    begin(&n, 1);
    CHECK(n.p->num_prepared == 0);
    check_run(&n, (float[]){1, -2, 3, -4});
    check_run(&n, (float[]){2, -4, 6, -8});
    end(&n);
}

int main(void)
{
    dev = check_open_device();
    test_runs_once();
    test_follows_the_state();
    test_written_states_are_not_prepared();
    kerf_device_close(dev);
    return check_result();
}
