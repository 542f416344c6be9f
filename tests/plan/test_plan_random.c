/* test_plan_random.c -- random graphs through the plan and through naive.h, where every
 * value has a tensor of its own.  The plan is told to take the same kernels, so the same
 * bits must come out: whatever differs is the plan's doing (lifetimes, working in place,
 * order, views, fusing of bias and Relu). */
#include <jansson.h>
#include <string.h>

#include "base/random.h"
#include "check.h"
#include "naive.h"
#include "plan/plan_internal.h"

enum { SIDE = 16, NUM = SIDE * SIDE, MAX_VALUES = 64 };

static kerf_device *dev;
static kerf__random rng;
static uint64_t drawn;

static int below(int bound)
{
    return (int)kerf__random_below(rng, 0, drawn++, (uint64_t)bound);
}

static void fill(float *x, size_t num)
{
    for (size_t i = 0; i < num; i++)
        x[i] = 2 * kerf__random_float(rng, 1, drawn++) - 1;
}

/* ---- a random graph ---------------------------------------------------------------- */

typedef struct world {
    kerf_graph *g;
    kerf_state *s;
    kerf_value *values[MAX_VALUES]; /* all (SIDE, SIDE) */
    int num, num_states;
} world;

static const struct {
    const char *op;
    int num_inputs;
} KINDS[] = {
    {"Add", 2},  {"Sub", 2},      {"Mul", 2},    {"Sigmoid", 1}, {"Relu", 1},
    {"Neg", 1},  {"Reshape", 1},  {"Tanh", 1},   {"Flatten", 1}, {"Gemm", 2},
    {"Gemm", 3}, {"Identity", 1}, {"MatMul", 2}, {"Add", 2},
};

static kerf_value *any(const world *w)
{
    /* Recent ones more often: long chains die early and are written over. */
    const int back = below(3) > 0 && w->num > 4 ? 4 : w->num;
    return w->values[w->num - 1 - below(back)];
}

static void add_node(world *w)
{
    const int kind = below((int)(sizeof KINDS / sizeof KINDS[0]));
    const char *op = KINDS[kind].op;
    kerf_node *n;
    if (kerf__op_find(op) == NULL)
        return;
    kerf_value *inputs[3] = {any(w), any(w), any(w)};
    CHECK_OK(kerf_graph_add_node(w->g, op, NULL, inputs, KINDS[kind].num_inputs, 1, &n));
    if (strcmp(op, "Reshape") == 0)
        CHECK_OK(kerf_node_set_ints(n, "shape", (int64_t[]){SIDE, SIDE}, 2));
    if (strcmp(op, "Gemm") == 0) {
        CHECK_OK(kerf_node_set_int(n, "transA", below(2)));
        CHECK_OK(kerf_node_set_int(n, "transB", below(2)));
        CHECK_OK(kerf_node_set_float(n, "alpha", 0.25f)); /* values stay of one size */
    }
    w->values[w->num++] = n->outputs[0];
}

static void make_world(world *w)
{
    float data[NUM];
    char name[16];
    kerf_node *n;
    *w = (world){.num_states = 1 + below(4)};
    CHECK_OK(kerf_graph_create(&w->g));
    CHECK_OK(kerf_state_create(&w->s, dev));
    CHECK_OK(
        kerf_graph_add_input(w->g, "x", KERF_F32, KERF_SHAPE(SIDE, SIDE), &w->values[w->num++]));
    for (int i = 0; i < w->num_states; i++) {
        int id;
        snprintf(name, sizeof name, "w%d", i);
        CHECK_OK(kerf_state_add(w->s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, KERF_SHAPE(SIDE, SIDE),
                                &id));
        fill(data, NUM);
        CHECK_OK(kerf_state_write(w->s, id, data));
        CHECK_OK(kerf_graph_add_state(w->g, name, id, KERF_F32, KERF_SHAPE(SIDE, SIDE),
                                      &w->values[w->num++]));
    }
    for (int i = 3 + below(40); i > 0; i--)
        add_node(w);
    for (int i = 0; i < w->num_states; i++) {
        kerf_value *from = any(w);
        CHECK_OK(
            kerf_graph_add_node(w->g, below(3) > 0 ? "Abs" : "Identity", NULL, &from, 1, 1, &n));
        n->outputs[0]->next_of = i;
    }
    for (int i = 1 + below(3); i > 0; i--)
        CHECK_OK(kerf_graph_add_output(w->g, w->values[w->num - 1 - below(w->num / 2 + 1)]));
    CHECK_OK(kerf_graph_infer(w->g, 1));
}

static void destroy_world(world *w)
{
    kerf_graph_destroy(w->g);
    kerf_state_destroy(w->s);
}

/* ---- the same kernels as naive.h: the first of each table -------------------------- */

static char *first_choices(const kerf_plan *p)
{
    json_t *object = json_object();
    for (size_t i = 0; i < p->num_nodes; i++) {
        const kerf__op_case c = {.dev = dev, .node = p->graph->nodes[i]};
        kerf__option option;
        if (p->nodes[i].which == NULL || !kerf__option_at(&c, 0, &option))
            continue;
        char *name = kerf__option_name(option);
        json_object_set_new(object, p->nodes[i].which, json_string(name));
        free(name);
    }
    char *text = json_dumps(object, 0);
    json_decref(object);
    return text;
}

static kerf_plan *plan_with_first(const world *w)
{
    kerf_plan *guessed, *p;
    CHECK_OK(kerf_plan_create(&guessed, w->g, w->s, &(kerf_plan_options){.batch = 1}));
    if (guessed == NULL)
        return NULL;
    char *choices = first_choices(guessed);
    CHECK_OK(
        kerf_plan_create(&p, w->g, w->s, &(kerf_plan_options){.batch = 1, .choices = choices}));
    kerf_plan_destroy(guessed);
    free(choices);
    return p;
}

/* ---- comparing --------------------------------------------------------------------- */

/* Products of products may end in NaN, whose sign nobody promises. */
static int same_bits(const kerf_tensor *a, const kerf_tensor *b)
{
    float x[NUM], y[NUM];
    CHECK_OK(kerf_tensor_read(a, x));
    CHECK_OK(kerf_tensor_read(b, y));
    for (int i = 0; i < NUM; i++)
        if (memcmp(&x[i], &y[i], sizeof x[i]) != 0 && !(isnan(x[i]) && isnan(y[i])))
            return 0;
    return 1;
}

/* An output that is a state's own bytes holds the next value after a run. */
static int is_state(const kerf_plan *p, const char *name)
{
    for (size_t i = 0; i < p->outputs.num; i++)
        if (strcmp(p->outputs.items[i].name, name) == 0)
            return p->blocks[p->block_of[p->outputs.items[i].value->index]].kind ==
                   KERF__BLOCK_STATE;
    return 0;
}

static void compare_step(const world *w, kerf_plan *p, naive *n)
{
    float x[NUM];
    fill(x, NUM);
    CHECK_OK(kerf_tensor_write(naive_tensor(n, w->g->inputs[0]), x));
    CHECK_OK(kerf_plan_feed(p, "x", x, sizeof x));
    CHECK_OK(naive_run(n));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(naive_advance(n));
    for (size_t i = 0; i < w->g->num_outputs; i++) {
        const kerf_value *v = w->g->outputs[i];
        if (!is_state(p, v->name))
            CHECK(same_bits(kerf_plan_output(p, v->name), naive_tensor(n, v)));
    }
    for (size_t i = 0; i < w->g->num_values; i++)
        if (w->g->values[i]->state_id >= 0)
            CHECK(same_bits(kerf_state_get(w->s, w->g->values[i]->state_id)->tensor,
                            naive_tensor(n, w->g->values[i])));
}

static void write_states(const world *w, const naive *n)
{
    for (size_t i = 0; i < w->g->num_values; i++)
        if (w->g->values[i]->state_id >= 0)
            CHECK_OK(kerf_tensor_copy(kerf_state_get(w->s, w->g->values[i]->state_id)->tensor,
                                      naive_tensor(n, w->g->values[i])));
}

static size_t sum_of_blocks(const kerf_plan *p)
{
    size_t bytes = 0;
    for (size_t i = 0; i < p->num_blocks; i++)
        if (p->blocks[i].kind == KERF__BLOCK_ARENA)
            bytes += p->blocks[i].size_bytes;
    return bytes;
}

int main(void)
{
    const int rounds = getenv("KERF_TEST_SMALL") != NULL ? 4 : 60;
    size_t arena = 0, apart = 0;
    dev = check_open_device();
    rng = kerf__random_key(11, KERF__RANDOM_TEST, 0);
    for (int round = 0; round < rounds && check_failures == 0; round++) {
        world w;
        naive n = {0};
        make_world(&w);
        kerf_plan *p = plan_with_first(&w);
        if (p != NULL) {
            CHECK_OK(kerf_plan_verify(p));
            CHECK_OK(naive_create(&n, dev, w.g));
            write_states(&w, &n);
            for (int step = 0; step < 3; step++)
                compare_step(&w, p, &n);
            arena += p->arena_bytes;
            apart += sum_of_blocks(p);
            naive_destroy(&n);
        }
        if (check_failures > 0)
            printf("in round %d\n", round);
        kerf_plan_destroy(p);
        destroy_world(&w);
    }
    printf("%d graphs; arenas are %.0f%% of their blocks\n", rounds,
           100.0 * (double)arena / (double)apart);
    CHECK(arena < apart);
    kerf_device_close(dev);
    return check_result();
}
