/* test_quantize_train.c -- training with roundings: what is trained is what is quantized
 * afterwards, integer by integer, by given ranges or by those that follow what is seen; it learns,
 * and what was pruned stays pruned.  Other half, of learned ranges: test_quantize_steps.c. */
#include "rounding_network.h"

/* ---- what is trained is what runs -------------------------------------------------------- */

static void test_same_integers(kerf_quantize_per per, kerf_type weights, int most,
                               kerf_type fc_weights, int fc_most)
{
    kerf_ranges *r = make_ranges(most == 0);
    const kerf_quantize_choice fc = {"fc", fc_weights, KERF_QUANTIZE_STATIC};
    kerf_quantize_options o = options_of(weights, r);
    network n = make(most, fc_most);
    kerf_graph *rounding;
    o.per = per;
    o.choices = &fc;
    o.num_choices = 1;
    CHECK_OK(kerf_quantize_rounding(&rounding, n.g, NULL, &o));
    CHECK(kerf_value_type(kerf_graph_find(rounding, "fc.weight_q")) == fc_weights);
    CHECK(kerf_graph_find(n.g, "input_q") == NULL); /* the network itself is as it was */
    check_integers(&n, rounding, &o);
    kerf_graph_destroy(rounding);
    kerf_ranges_destroy(r);
    network_end(&n);
}

/* ---- ranges that follow what is seen ------------------------------------------------------- */

/* Ends of the samples, which no step changes: a moving average by hand. */
static void check_moved(const network *n, double low, double high, int steps, double observe)
{
    double least = 0, most = 0;
    for (int i = 0; i < NUM_SAMPLES; i++) {
        least = fmin(least, (double)samples[i]);
        most = fmax(most, (double)samples[i]);
    }
    for (int i = 0; i < steps; i++) {
        low += observe * (least - low);
        high += observe * (most - high);
    }
    CHECK(fabs((double)state_of(n, "input.low") - low) < 1e-5);
    CHECK(fabs((double)state_of(n, "input.high") - high) < 1e-5);
}

/* Ranges move, and stay when they are frozen; then the trained graph, evaluated, and the file by
 * the trained ranges have the same integers.  clip: 0, or where the activations end. */
static void test_follows(kerf_type activations, kerf_type weights, float clip)
{
    const int steps = getenv("KERF_TEST_SMALL") != NULL ? 2 : 6;
    kerf_ranges *r = make_ranges(1), *trained;
    kerf_quantize_options o = options_of(weights, r);
    network n = make(0, 0);
    kerf_graph *rounding;
    o.activations = activations;
    if (clip > 0)
        clip_at(&n, clip);
    CHECK_OK(kerf_quantize_rounding(&rounding, n.g, n.s, &o));
    CHECK_OK(kerf_graph_verify(rounding));
    CHECK(clip == 0 || state_of(&n, "relu.high") == clip); /* though 3.1 was told */
    check_moved(&n, -0.53, 1.47, 0, 0);
    train_steps(&n, rounding, steps, 0.125f);
    check_moved(&n, -0.53, 1.47, steps, 0.125);
    const float low = state_of(&n, "input.low"), high = state_of(&n, "input.high"),
                relu = state_of(&n, "relu.high");
    CHECK(relu != 3.1f && kerf_state_find(n.s, "relu.low") == NULL);
    train_steps(&n, rounding, 1, 0);
    CHECK(state_of(&n, "input.low") == low && state_of(&n, "relu.high") == relu);
    const float logits[] = {state_of(&n, "logits.low"), state_of(&n, "logits.high")};
    kerf_state *before;
    CHECK_OK(kerf_state_copy(&before, n.s, dev));
    CHECK_OK(kerf_quantize_take_ranges(&trained, n.g, n.s, &o));
    CHECK(kerf_state_find(n.s, "relu.high") == NULL);
    check_range(trained, "input", low, high);
    check_range(trained, "relu", 0, relu);
    check_range(trained, "logits", logits[0], logits[1]);
    kerf_state_destroy(n.s);
    n.s = before;
    o.ranges = trained;
    check_integers(&n, rounding, &o);
    kerf_graph_destroy(rounding);
    kerf_ranges_destroy(trained);
    kerf_ranges_destroy(r);
    network_end(&n);
}

/* ---- learning ------------------------------------------------------------------------------ */

/* Loss and hits of the network as integers. */
static kerf_evaluation evaluate(const network *n, const kerf_quantize_options *o, kerf_dataset *d)
{
    kerf_evaluation result = {0};
    kerf_state *s;
    kerf_graph *g;
    CHECK_OK(kerf_graph_copy(&g, n->g));
    CHECK_OK(kerf_state_copy(&s, n->s, dev));
    CHECK_OK(kerf_quantize(g, s, o));
    CHECK_OK(kerf_evaluate(g, s, d, KERF_SPLIT_TRAIN, SAMPLES, "raw", &result, NULL));
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return result;
}

static void prune_half(network *n)
{
    kerf_pruner *pruner;
    kerf_prune_options p = {.method = KERF_PRUNE_MAGNITUDE, .amount = 0.5};
    CHECK_OK(kerf_prune_mark(n->g, n->s, &p));
    CHECK_OK(kerf_pruner_create(&pruner, n->g, n->s, &p));
    CHECK_OK(kerf_pruner_apply(pruner, 1));
    CHECK_OK(kerf_device_finish(dev));
    kerf_pruner_destroy(pruner);
}

/* Ternary weights, half of them pruned: a hard case, which training mends; where time is dear two
 * epochs show that zeros stay. */
static void test_learns(void)
{
    const int is_short = getenv("KERF_TEST_SMALL") != NULL;
    float before[NUM_FC], after[NUM_FC];
    kerf_dataset *d = open_data();
    kerf_ranges *r = make_ranges(0);
    const kerf_quantize_options o = options_of(KERF_S2, r);
    kerf_train_options t = kerf_train_defaults();
    network n = make(64, 64);
    kerf_graph *rounding;
    t.batch = 16;
    t.epochs = is_short ? 2 : 15;
    t.prep = "raw";
    prune_half(&n);
    network_read(&n, "fc.weight", before);
    const kerf_evaluation was = evaluate(&n, &o, d);
    CHECK_OK(kerf_quantize_rounding(&rounding, n.g, NULL, &o));
    CHECK_OK(kerf_train(rounding, n.s, d, &t));
    const kerf_evaluation is = evaluate(&n, &o, d);
    network_read(&n, "fc.weight", after);
    for (int i = 0; i < NUM_FC; i++)
        CHECK(before[i] != 0 || after[i] == 0);
    CHECK(memcmp(before, after, sizeof before) != 0);
    if (!is_short && !(is.loss < 0.5 * was.loss && is.top1 > 90)) {
        printf("loss %g became %g, top-1 %g %%\n", was.loss, is.loss, is.top1);
        check_failures++;
    }
    kerf_graph_destroy(rounding);
    kerf_ranges_destroy(r);
    kerf_dataset_close(d);
    network_end(&n);
}

/* ---- what is refused ------------------------------------------------------------------------ */

static void test_refused(void)
{
    kerf_ranges *r = make_ranges(0), *none;
    kerf_quantize_options o = options_of(KERF_S8, r);
    network n = make(127, 127);
    kerf_graph *rounding;
    o.asymmetric = 1;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_quantize_rounding(&rounding, n.g, NULL, &o));
    CHECK(rounding == NULL && strstr(kerf_last_error(), "weights symmetric") != NULL);
    o = kerf_quantize_defaults(KERF_QUANTIZE_DYNAMIC);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_quantize_rounding(&rounding, n.g, NULL, &o));
    const kerf_quantize_choice fc = {"fc", KERF_S8, KERF_QUANTIZE_DYNAMIC};
    o = options_of(KERF_S8, r);
    o.choices = &fc;
    o.num_choices = 1;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_quantize_rounding(&rounding, n.g, NULL, &o));
    CHECK(strstr(kerf_last_error(), "layers static or weight-only") != NULL);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_quantize_take_ranges(&none, n.g, n.s, &o));
    CHECK(none == NULL && strstr(kerf_last_error(), "no trained range of 'input'") != NULL);
    o = options_of(KERF_S8, NULL);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_quantize_rounding(&rounding, n.g, NULL, &o));
    CHECK(strstr(kerf_last_error(), "must have ranges") != NULL);
    kerf_ranges_destroy(r);
    network_end(&n);
}

int main(void)
{
    dev = check_open_device();
    fill_samples();
    test_same_integers(KERF_PER_CHANNEL, KERF_S8, 127, KERF_S8, 127);
    test_same_integers(KERF_PER_CHANNEL, KERF_S4, 7, KERF_S2, 1);
    test_same_integers(KERF_PER_CHANNEL, KERF_S8, 0, KERF_S8, 0);
    test_same_integers(KERF_PER_CHANNEL, KERF_S4, 0, KERF_S8, 0);
    test_same_integers(KERF_PER_TENSOR, KERF_S2, 0, KERF_S4, 0);
    test_follows(KERF_U8, KERF_S8, 0);
    test_follows(KERF_S8, KERF_S4, 0);
    test_follows(KERF_U8, KERF_S8, 0.75f);
    test_learns();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
