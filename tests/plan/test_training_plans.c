/* test_training_plans.c -- what a plan that trains does beside computing: the same bits by the same
 * choices, what it refuses, what it leaves out, and each way to compute each of its nodes. */
#include "small_training.h"

/* ---- the same bits, however often -------------------------------------------------- */

/* Trains steps first to last and gives back all weights. */
static void train(network *n, const struct row *row, const char *choices, int first, int last,
                  char **json)
{
    float images[BATCH * 9];
    int labels[BATCH];
    kerf_plan *p;
    kerf_plan_options options = options_of(row);
    options.choices = choices;
    CHECK_OK(kerf_plan_create(&p, n->g, n->s, &options));
    for (int step = first; p != NULL && step <= last; step++) {
        make_batch(images, labels, step);
        plan_step(p, images, labels, row->lr, step);
    }
    if (p != NULL && json != NULL)
        CHECK_OK(kerf_plan_choices(p, json));
    kerf_plan_destroy(p);
}

/* Once through; and with a new plan half way that replays the choices, as a resumed run. */
static void test_resumed(const struct row *row)
{
    static reference r;
    float once[MAX_WEIGHT], twice[MAX_WEIGHT];
    network a, b;
    char *choices = NULL;
    memset(&r, 0, sizeof r);
    make_network(&a, &r, row->masked, row->softmax);
    memset(&r, 0, sizeof r);
    make_network(&b, &r, row->masked, row->softmax);
    train(&a, row, NULL, 1, 6, &choices);
    train(&b, row, choices, 1, 3, NULL);
    train(&b, row, choices, 4, 6, NULL);
    for (int p = 0; p < PARAMS; p++) {
        CHECK_OK(kerf_state_read(a.s, a.ids[p], once));
        CHECK_OK(kerf_state_read(b.s, b.ids[p], twice));
        CHECK(memcmp(once, twice, (size_t)num_elements(p) * sizeof *once) == 0);
    }
    free(choices);
    destroy_network(&a);
    destroy_network(&b);
}

/* ---- what is refused, and what is left alone --------------------------------------- */

static void test_refusals(void)
{
    static reference r;
    static const char *const ALL[] = {"*"}, *const NONE[] = {"conv*"};
    network n;
    kerf_plan *p;
    memset(&r, 0, sizeof r);
    make_network(&n, &r, 0, 0);
    kerf_plan_options options = options_of(&ROWS[0]);
    options.freeze = ALL;
    options.num_freeze = 1;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_create(&p, n.g, n.s, &options));
    CHECK(strstr(kerf_last_error(), "no weight that is trained") != NULL);
    options.freeze = NONE;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_create(&p, n.g, n.s, &options));
    CHECK(strstr(kerf_last_error(), "like 'conv*' to freeze") != NULL);
    options.num_freeze = 0;
    options.output = "fc1.bias"; /* one dimension */
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_plan_create(&p, n.g, n.s, &options));
    destroy_network(&n);
}

/* The first layer's input gets no gradient, Relu vanishes into Gemm, Mask into its weight. */
static void test_lowered(void)
{
    static reference r;
    network n;
    kerf_plan *p;
    int gemms = 0;
    memset(&r, 0, sizeof r);
    make_network(&n, &r, 0x15, 1);
    const kerf_plan_options options = options_of(&ROWS[1]);
    CHECK_OK(kerf_plan_create(&p, n.g, n.s, &options));
    for (int i = 0; p != NULL && i < kerf_plan_num_steps(p); i++) {
        kerf_plan_step step;
        CHECK_OK(kerf_plan_get_step(p, i, &step));
        gemms += strcmp(step.op, "Gemm") == 0;
        CHECK(strcmp(step.op, "Relu") != 0 && strcmp(step.op, "kerf.Mask") != 0);
        CHECK(strcmp(step.op, "Softmax") != 0);
    }
    CHECK(gemms == LAYERS + LAYERS + LAYERS - 1);
    kerf_plan_destroy(p);
    destroy_network(&n);
}

/* Every way to compute every node of a training step agrees with most others. */
static void test_all_variants(void)
{
    static reference r;
    network n;
    kerf_plan *p;
    int tried = 0;
    memset(&r, 0, sizeof r);
    make_network(&n, &r, 0x3F, 0);
    const kerf_plan_options options = options_of(&ROWS[3]);
    CHECK_OK(kerf_plan_create(&p, n.g, n.s, &options));
    for (size_t i = 0; p != NULL && i < p->num_nodes; i++) {
        kerf__trials t;
        if (p->nodes[i].which == NULL)
            continue;
        kerf__ballot ballot = {.node = p->graph->nodes[i]};
        CHECK_OK(kerf__trials_create(&t, dev, ballot.node, NULL));
        CHECK_OK(kerf__trials_vote(&t, &ballot));
        kerf__trials_judge(&t, &ballot);
        kerf__ballot_clear(&ballot);
        for (int k = 0; k < t.num; k++) {
            if (!t.items[k].alive)
                printf("%s: variant %d is out: %s\n", p->nodes[i].which, k, t.items[k].why);
            CHECK(t.items[k].alive);
        }
        tried += t.num;
        kerf__trials_destroy(&t);
    }
    CHECK(tried >= (int)p->num_nodes);
    kerf_plan_destroy(p);
    destroy_network(&n);
}

int main(void)
{
    dev = check_open_device();
    test_resumed(&ROWS[2]);
    test_resumed(&ROWS[3]);
    test_refusals();
    test_lowered();
    test_all_variants();
    kerf_device_close(dev);
    return check_result();
}
