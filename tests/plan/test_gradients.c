/* test_gradients.c -- what becomes of gradients between the backward pass and the update, beside
 * the same in plain C and double: shortened where they are too long, kept for an update of
 * their own, of one run or added up over several. */
#include "small_training.h"

enum { PARTS = 3, PART = BATCH / PARTS };

static void feed(kerf_plan *p, const float *images, const int *labels, int first, int num)
{
    CHECK_OK(kerf_plan_feed(p, "input", images + first * SIZES[0],
                            (size_t)(num * SIZES[0]) * sizeof *images));
    CHECK_OK(kerf_plan_feed(p, "labels", labels + first, (size_t)num * sizeof *labels));
}

/* A step of the plan, in so many runs and an update; 0: in one run that updates. */
static void step(kerf_plan *p, const struct row *row, const float *images, const int *labels, int t,
                 int runs)
{
    const int parts = runs > 0 ? runs : 1;
    for (int i = 0; i < parts; i++) {
        feed(p, images, labels, i * (BATCH / parts), BATCH / parts);
        CHECK_OK(kerf_plan_set_step(
            p, &(kerf_step){.lr = row->lr, .step = t, .share = 1 / (float)parts}));
        CHECK_OK(kerf_plan_run(p));
    }
    if (runs > 0)
        CHECK_OK(kerf_plan_update(p));
    CHECK_OK(kerf_device_finish(dev)); /* the batch lies on the caller's stack */
}

/* Sums are 0 between steps; one run leaves what it has, and nothing where it updates itself. */
static void check_kept(const network *n, int runs)
{
    float got[MAX_WEIGHT];
    int num = 0, num_nonzeros = 0;
    for (int id = 0; id < kerf_state_num_ids(n->s); id++) {
        const kerf_state_entry *e = kerf_state_get(n->s, id);
        if (e->role != KERF_ROLE_GRADIENT)
            continue;
        num++;
        CHECK_OK(kerf_state_read(n->s, id, got));
        for (size_t i = 0; i < kerf_tensor_num_elements(e->tensor); i++)
            num_nonzeros += got[i] != 0;
    }
    CHECK(runs == 0 ? num == 0 : num > 0);
    CHECK((num_nonzeros > 0) == (runs == 1));
}

static void begin(network *n, reference *r, const struct row *row, double clip)
{
    memset(r, 0, sizeof *r);
    r->optimizer = row->optimizer;
    r->kind = row->loss;
    r->soft = row->soft;
    r->clip = clip;
    for (int p = 0; p < PARAMS; p++)
        r->frozen[p] = row->freeze != NULL && p < 4;
    make_network(n, r, row->masked, row->softmax);
}

static void test_row(const struct row *row, double clip, int runs)
{
    static reference r;
    float images[BATCH * 9];
    int labels[BATCH];
    network n;
    kerf_plan *p;
    begin(&n, &r, row, clip);
    kerf_plan_options options = options_of(row);
    options.clip = clip;
    options.batch = runs > 0 ? BATCH / runs : BATCH;
    options.runs_per_update = runs;
    CHECK_OK(kerf_plan_create(&p, n.g, n.s, &options));
    for (int t = 1; p != NULL && t <= STEPS; t++) {
        make_batch(images, labels, t);
        step(p, row, images, labels, t, runs);
        reference_step(&r, images, labels, (double)row->lr);
    }
    compare_params(&n, &r, row->what, check_tolerance(8, MAX_SIZE * BATCH * STEPS));
    check_kept(&n, runs);
    if (p != NULL)
        CHECK_OK(kerf_plan_verify(p));
    kerf_plan_destroy(p);
    destroy_network(&n);
}

/* Bounds that the first gradients are beyond, and one that none is; on a simulator one row alone.
 */
static void test_rows(void)
{
    const int first = getenv("KERF_TEST_SMALL") != NULL ? NUM_ROWS - 1 : 2; /* from masks on */
    for (int i = first; i < NUM_ROWS; i++) {
        test_row(&ROWS[i], 0.05, 0);
        test_row(&ROWS[i], 0.05, 1);
        test_row(&ROWS[i], 0.05, PARTS);
    }
    test_row(&ROWS[2], 1e6, 0);
    test_row(&ROWS[2], 0, PARTS);
}

/* The bound is reached exactly: one step of plain descent is as long as the bound says. */
static void test_length(void)
{
    static reference r;
    const double bound = 0.25;
    float images[BATCH * 9], before[PARAMS][MAX_WEIGHT], after[MAX_WEIGHT];
    int labels[BATCH];
    double squares = 0;
    network n;
    kerf_plan *p;
    begin(&n, &r, &ROWS[0], 0);
    kerf_plan_options options = options_of(&ROWS[0]);
    options.clip = bound;
    CHECK_OK(kerf_plan_create(&p, n.g, n.s, &options));
    for (int i = 0; i < PARAMS; i++)
        CHECK_OK(kerf_state_read(n.s, n.ids[i], before[i]));
    make_batch(images, labels, 1);
    plan_step(p, images, labels, 1, 1);
    for (int i = 0; i < PARAMS; i++) {
        CHECK_OK(kerf_state_read(n.s, n.ids[i], after));
        for (int k = 0; k < num_elements(i); k++)
            squares += pow((double)after[k] - (double)before[i][k], 2);
    }
    CHECK(fabs(sqrt(squares) - bound) <= check_tolerance(8, PARAMS * MAX_WEIGHT));
    kerf_plan_destroy(p);
    destroy_network(&n);
}

/* What a run that stopped within a step has left does not count. */
static void test_left_over(void)
{
    static reference r;
    float images[BATCH * 9], once[MAX_WEIGHT], twice[MAX_WEIGHT];
    int labels[BATCH];
    kerf_plan_options options = options_of(&ROWS[1]);
    options.batch = PART;
    options.runs_per_update = PARTS;
    make_batch(images, labels, 1);
    for (int i = 0; i < 2; i++) {
        network n;
        kerf_plan *p;
        begin(&n, &r, &ROWS[1], 0);
        CHECK_OK(kerf_plan_create(&p, n.g, n.s, &options));
        if (i == 1) {
            feed(p, images, labels, 0, PART);
            CHECK_OK(kerf_plan_set_step(p, &(kerf_step){.lr = 1, .step = 1, .share = 1}));
            CHECK_OK(kerf_plan_run(p));
            CHECK_OK(kerf_device_finish(dev));
            kerf_plan_destroy(p);
            CHECK_OK(kerf_plan_create(&p, n.g, n.s, &options));
        }
        step(p, &ROWS[1], images, labels, 1, PARTS);
        CHECK_OK(kerf_state_read(n.s, n.ids[0], i == 0 ? once : twice));
        kerf_plan_destroy(p);
        destroy_network(&n);
    }
    CHECK(memcmp(once, twice, (size_t)num_elements(0) * sizeof *once) == 0);
}

/* As few launches, the same bits. */
static void test_joined(void)
{
    static reference r;
    float images[BATCH * 9], weights[2][MAX_WEIGHT];
    int labels[BATCH];
    char *choices = NULL;
    for (int i = 0; i < 2; i++) {
        network n;
        kerf_plan *p;
        begin(&n, &r, &ROWS[2], 0);
        kerf_plan_options options = options_of(&ROWS[2]);
        options.batch = PART;
        options.runs_per_update = PARTS;
        options.clip = 0.05;
        options.choices = choices;
        CHECK_OK(kerf_plan_create(&p, n.g, n.s, &options));
        if (i == 0)
            CHECK_OK(kerf_plan_choices(p, &choices));
        else
            CHECK_OK(kerf_plan_join(p));
        for (int t = 1; t <= STEPS; t++) {
            make_batch(images, labels, t);
            step(p, &ROWS[2], images, labels, t, PARTS);
        }
        CHECK_OK(kerf_state_read(n.s, n.ids[0], weights[i]));
        kerf_plan_destroy(p);
        destroy_network(&n);
    }
    free(choices);
    CHECK(memcmp(weights[0], weights[1], (size_t)num_elements(0) * sizeof **weights) == 0);
}

/* y = x w + p: the gradient of p is what goes on to that of w. */
static void make_sum(kerf_graph **g, kerf_state **s)
{
    kerf_value *ends[2];
    kerf_node *node;
    int id;
    CHECK_OK(kerf_graph_create(g));
    CHECK_OK(kerf_state_create(s, dev));
    CHECK_OK(kerf_graph_add_input(*g, "input", KERF_F32, KERF_SHAPE(BATCH, 9), &ends[0]));
    CHECK_OK(kerf_state_add(*s, "w", KERF_ROLE_WEIGHT, -1, KERF_F32, KERF_SHAPE(9, 5), &id));
    CHECK_OK(kerf_graph_add_state(*g, "w", id, KERF_F32, KERF_SHAPE(9, 5), &ends[1]));
    CHECK_OK(kerf_graph_add_node(*g, "MatMul", NULL, ends, 2, 1, &node));
    CHECK_OK(kerf_state_add(*s, "p", KERF_ROLE_WEIGHT, -1, KERF_F32, KERF_SHAPE(BATCH, 5), &id));
    CHECK_OK(kerf_graph_add_state(*g, "p", id, KERF_F32, KERF_SHAPE(BATCH, 5), &ends[1]));
    ends[0] = node->outputs[0];
    CHECK_OK(kerf_graph_add_node(*g, "Add", NULL, ends, 2, 1, &node));
    CHECK_OK(kerf_graph_add_output(*g, node->outputs[0]));
}

static int gradient_id(const kerf_state *s, const char *weight)
{
    return kerf_state_find_owned(s, kerf_state_find(s, weight)->id, KERF_ROLE_GRADIENT)->id;
}

/* What others put in the place of a gradient while the run goes on is not what it goes on with. */
static void test_kept_apart(void)
{
    float images[BATCH * 9], w[2][9 * 5], others[BATCH * 5];
    int labels[BATCH];
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    make_sum(&g, &s);
    kerf_plan_options options = options_of(&ROWS[0]);
    options.batch = BATCH;
    options.num_freeze = 0;
    options.runs_per_update = 1;
    CHECK_OK(kerf_plan_create(&p, g, s, &options));
    make_batch(images, labels, 1);
    feed(p, images, labels, 0, BATCH);
    for (int i = 0; i < BATCH * 5; i++)
        others[i] = NAN;
    for (int i = 0; i < 2; i++) {
        CHECK_OK(kerf_plan_set_step(p, &(kerf_step){.lr = 1, .step = 1, .share = 1}));
        CHECK_OK(kerf__plan_run_begin(p));
        CHECK_OK(kerf__plan_run_through(p, gradient_id(s, "p")));
        if (i == 1)
            CHECK_OK(kerf_state_write(s, gradient_id(s, "p"), others));
        CHECK_OK(kerf__plan_run_end(p));
        CHECK_OK(kerf_state_read(s, gradient_id(s, "w"), w[i]));
    }
    CHECK(w[0][0] != 0 && memcmp(w[0], w[1], sizeof w[0]) == 0);
    kerf_plan_destroy(p);
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
}

static void check_refused(const network *n, kerf_plan_options options, const char *words)
{
    kerf_plan *p;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_create(&p, n->g, n->s, &options));
    CHECK(strstr(kerf_last_error(), words) != NULL);
}

static void test_refusals(void)
{
    static reference r;
    network n;
    kerf_plan *p;
    begin(&n, &r, &ROWS[0], 0);
    kerf_plan_options options = options_of(&ROWS[0]);
    CHECK_OK(kerf_plan_create(&p, n.g, n.s, &options));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_update(p));
    CHECK(strstr(kerf_last_error(), "only one whose runs_per_update") != NULL);
    kerf_plan_destroy(p);
    options.clip = -1;
    check_refused(&n, options, "clipped to a length of -1, must be a number of at least 0");
    options.clip = NAN;
    check_refused(&n, options, "must be a number of at least 0");
    options.clip = 0;
    options.runs_per_update = PARTS;
    options.mode = KERF_EVALUATE;
    options.num_freeze = 0;
    check_refused(&n, options, "gradients are clipped, and kept for an update, in training");
    destroy_network(&n);
}

int main(void)
{
    dev = check_open_device();
    test_rows();
    test_length();
    test_left_over();
    test_joined();
    test_kept_apart();
    test_refusals();
    kerf_device_close(dev);
    return check_result();
}
