/* test_training.c -- a small network trained by a plan beside the same in plain C and double:
 * forward, loss, gradients and each optimizer, with hard masks, frozen weights, a final
 * Softmax and both ways to write a layer. */
#include "small_training.h"

/* ---- comparing --------------------------------------------------------------------- */

/* Moments behind a mask are exactly 0. */
static void check_moments(const network *n, const reference *r)
{
    float got[MAX_WEIGHT];
    for (int id = 0; id < kerf_state_num_ids(n->s); id++) {
        const kerf_state_entry *e = kerf_state_get(n->s, id);
        if (e->role != KERF_ROLE_MOMENT)
            continue;
        CHECK_OK(kerf_state_read(n->s, id, got));
        for (int p = 0; p < PARAMS; p++)
            for (int i = 0; e->owner == n->ids[p] && i < num_elements(p); i++)
                CHECK(r->mask[p][i] || r->soft || got[i] == 0);
    }
}

static void check_metrics(kerf_plan *p, const reference *r)
{
    kerf_metrics m;
    CHECK_OK(kerf_plan_read_metrics(p, &m));
    CHECK(m.samples == (int64_t)BATCH * r->steps);
    CHECK(fabs(m.loss - r->loss) <= check_tolerance(8, BATCH * STEPS) * r->loss);
    CHECK(m.top1 == r->top1 && m.top5 == r->top5);
    CHECK_OK(kerf_plan_read_metrics(p, &m));
    CHECK(m.samples == 0 && m.loss == 0 && m.top1 == 0);
}

/* The trained network evaluated: loss and hits without a step; a Softmax is back again. */
static void check_evaluation(const network *n, reference *r, const struct row *row)
{
    static activations a, diff;
    float images[BATCH * 9], got[BATCH * 5];
    double want[BATCH * 5];
    int labels[BATCH];
    kerf_plan *p;
    const kerf_plan_options options = {.batch = BATCH, .loss = row->loss};
    const int classes = SIZES[LAYERS];
    CHECK_OK(kerf_plan_create(&p, n->g, n->s, &options));
    make_batch(images, labels, 77);
    r->loss = r->top1 = r->top5 = r->steps = 0;
    for (int i = 0; i < 2; i++) {
        CHECK_OK(kerf_plan_feed(p, "input", images, sizeof images));
        CHECK_OK(kerf_plan_feed(p, "labels", labels, sizeof labels));
        CHECK_OK(kerf_plan_run(p));
        reference_forward(r, images, labels, a, diff);
    }
    check_metrics(p, r);
    for (int i = 0; i < BATCH; i++) {
        double sum = 0;
        for (int c = 0; c < classes; c++)
            sum += exp(a[LAYERS][i][c]);
        for (int c = 0; c < classes; c++)
            want[i * classes + c] = row->softmax ? exp(a[LAYERS][i][c]) / sum : a[LAYERS][i][c];
    }
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, row->softmax ? "probabilities" : "logits"), got));
    check_close(row->what, got, want, BATCH * (size_t)classes,
                check_tolerance(8, MAX_SIZE * STEPS));
    kerf_plan_destroy(p);
}

static void test_row(const struct row *row)
{
    static reference r;
    float images[BATCH * 9];
    int labels[BATCH];
    network n;
    kerf_plan *p;
    memset(&r, 0, sizeof r);
    r.optimizer = row->optimizer;
    r.kind = row->loss;
    r.soft = row->soft;
    for (int i = 0; row->freeze != NULL && i < 4; i++)
        r.frozen[i] = 1;
    make_network(&n, &r, row->masked, row->softmax);
    const kerf_plan_options options = options_of(row);
    CHECK_OK(kerf_plan_create(&p, n.g, n.s, &options));
    if (p == NULL)
        return;
    CHECK_OK(kerf_plan_verify(p));
    for (int step = 1; step <= STEPS; step++) {
        make_batch(images, labels, step);
        plan_step(p, images, labels, row->lr / (float)step, step);
        reference_step(&r, images, labels, (double)(row->lr / (float)step));
    }
    compare_params(&n, &r, row->what, check_tolerance(8, MAX_SIZE * STEPS));
    check_moments(&n, &r);
    check_metrics(p, &r);
    CHECK(kerf_plan_output(p, "logits") != NULL);
    kerf_plan_destroy(p);
    check_evaluation(&n, &r, row);
    destroy_network(&n);
}

/* ---- a loss of the graph's own ------------------------------------------------------ */

/* Squares, as a node of the network with an input for the rows that are wanted. */
static void add_squares(network *n)
{
    kerf_value *inputs[2] = {kerf_graph_output(n->g, 0)};
    kerf_node *node;
    CHECK_OK(kerf_graph_add_input(n->g, "wanted", KERF_F32, KERF_SHAPE(BATCH, SIZES[LAYERS]),
                                  &inputs[1]));
    CHECK_OK(kerf_graph_add_node(n->g, "kerf.MseLoss", "distance", inputs, 2, 1, &node));
    CHECK_OK(kerf_graph_add_output(n->g, node->outputs[0]));
}

static void given_step(kerf_plan *p, const float *images, const int *labels, float lr, int step)
{
    float wanted[BATCH * 5] = {0};
    for (int i = 0; i < BATCH; i++)
        wanted[i * SIZES[LAYERS] + labels[i]] = 1;
    CHECK_OK(kerf_plan_feed(p, "input", images, BATCH * (size_t)SIZES[0] * sizeof *images));
    CHECK_OK(kerf_plan_feed(p, "wanted", wanted, sizeof wanted));
    CHECK_OK(kerf_plan_set_step(p, &(kerf_step){.lr = lr, .step = step}));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_device_finish(dev));
}

static void test_given(const struct row *row)
{
    static reference r;
    float images[BATCH * 9];
    int labels[BATCH];
    kerf_metrics metrics;
    network n;
    kerf_plan *p;
    memset(&r, 0, sizeof r);
    r.optimizer = row->optimizer;
    r.kind = KERF_LOSS_MSE;
    make_network(&n, &r, row->masked, row->softmax);
    add_squares(&n);
    kerf_plan_options options = options_of(row);
    options.loss = KERF_LOSS_GIVEN; /* of the first output, which is no loss */
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_plan_create(&p, n.g, n.s, &options));
    CHECK(strstr(kerf_last_error(), "'logits' is float32 (6, 5), must be one float32") != NULL);
    options.output = "distance";
    CHECK_OK(kerf_plan_create(&p, n.g, n.s, &options));
    for (int step = 1; p != NULL && step <= STEPS; step++) {
        make_batch(images, labels, step);
        given_step(p, images, labels, row->lr, step);
        reference_step(&r, images, labels, (double)row->lr);
    }
    CHECK(kerf_plan_input(p, "labels") == NULL && kerf_plan_output(p, "distance") != NULL);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_read_metrics(p, &metrics));
    compare_params(&n, &r, "given loss", check_tolerance(8, MAX_SIZE * STEPS));
    kerf_plan_destroy(p);
    destroy_network(&n);
}

int main(void)
{
    dev = check_open_device();
    for (int i = 0; i < NUM_ROWS; i++)
        test_row(&ROWS[i]);
    test_given(&ROWS[6]);
    kerf_device_close(dev);
    return check_result();
}
