/* test_quantize_steps.c -- training with roundings whose ends, of activations and of weights, are
 * learned: what is trained is what is quantized afterwards, integer by integer; ends move and
 * stay as they are told to, and a run that stopped goes on with the same bits. */
#include "rounding_network.h"
#include "train/test_folder.h"

/* As kerf_quantize_rounding() begins: what the paper says, or the largest weight. */
static void check_first_ends(const float *weights, int num, int a_channel, const float *ends,
                             int most)
{
    for (int c = 0; c < num / a_channel; c++) {
        double sum = 0, largest = 0;
        for (int i = c * a_channel; i < (c + 1) * a_channel; i++) {
            sum += fabs((double)weights[i]);
            largest = fmax(largest, fabs((double)weights[i]));
        }
        const double want = fmin(2 * sum / a_channel * sqrt(most), largest);
        CHECK(fabs((double)ends[c] - want) < 1e-6 * want);
    }
}

/* So that weights saturate on both sides. */
static void halve(const network *n, const char *name)
{
    float ends[CHANNELS];
    const kerf_state_entry *e = kerf_state_find(n->s, name);
    network_read(n, name, ends);
    for (size_t i = 0; i < kerf_tensor_num_elements(e->tensor); i++)
        ends[i] *= 0.5f;
    CHECK_OK(kerf_state_write(n->s, e->id, ends));
}

/* Ends of activations and of weights move, none through 0, and stay when they are frozen; the input
 * keeps what was calibrated.  Then the trained graph, evaluated, and the file by the learned ends
 * have the same integers, weights that saturate at the least of them, too. */
static void test_learned(kerf_quantize_per per, kerf_type activations, kerf_type weights, int most,
                         float clip)
{
    const int steps = getenv("KERF_TEST_SMALL") != NULL ? 2 : 8;
    const int num_ends = per == KERF_PER_TENSOR ? 1 : CHANNELS;
    float first[CHANNELS], ends[CHANNELS], conv[NUM_CONV];
    kerf_ranges *r = make_ranges(1), *trained;
    kerf_quantize_options o = options_of(weights, r);
    network n = make(0, 0);
    kerf_graph *rounding;
    kerf_state *before;
    o.activations = activations;
    o.per = per;
    o.learn_ranges = 1;
    if (clip > 0)
        clip_at(&n, clip);
    CHECK_OK(kerf_quantize_rounding(&rounding, n.g, n.s, &o));
    CHECK_OK(kerf_graph_verify(rounding));
    CHECK(kerf_state_find(n.s, "input.low") == NULL && kerf_state_find(n.s, "relu.low") == NULL);
    network_read(&n, "conv.weight", conv);
    network_read(&n, "conv.weight.end", first);
    check_first_ends(conv, NUM_CONV, NUM_CONV / num_ends, first, most);
    halve(&n, "conv.weight.end");
    halve(&n, "fc.weight.end");
    network_read(&n, "conv.weight.end", first);
    const float relu = state_of(&n, "relu.high"), low = state_of(&n, "logits.low");
    train_steps(&n, rounding, steps, 0.01f);
    network_read(&n, "conv.weight.end", ends);
    for (int i = 0; i < num_ends; i++)
        CHECK(ends[i] > 0 && ends[i] != first[i]);
    CHECK(state_of(&n, "relu.high") > 0 && state_of(&n, "relu.high") != relu);
    CHECK(state_of(&n, "logits.low") < 0 && state_of(&n, "logits.low") != low);
    const float learned = state_of(&n, "relu.high");
    train_steps(&n, rounding, 1, 0);
    network_read(&n, "conv.weight.end", first);
    CHECK(state_of(&n, "relu.high") == learned &&
          memcmp(first, ends, (size_t)num_ends * sizeof *ends) == 0);
    CHECK_OK(kerf_state_copy(&before, n.s, dev));
    CHECK_OK(kerf_quantize_take_ranges(&trained, n.g, n.s, &o));
    CHECK(kerf_state_find(n.s, "conv.weight.end") == NULL);
    check_range(trained, "input", -0.53f, 1.47f);
    kerf_state_destroy(n.s);
    n.s = before;
    o.ranges = trained;
    check_integers(&n, rounding, &o);
    kerf_graph_destroy(rounding);
    kerf_ranges_destroy(trained);
    kerf_ranges_destroy(r);
    network_end(&n);
}

/* Two layers by one weight: one end, which both move, and which a pattern keeps. */
static void test_learned_once(void)
{
    enum { WIDE = SIDE * SIDE };
    static float shared[WIDE * WIDE];
    const kerf_calibrate_options how = {.samples = 8, .batch = 8, .seed = 1, .prep = "raw"};
    kerf_quantize_options o = options_of(KERF_S4, NULL);
    kerf_dataset *d = network_data(KERF_SHAPE(SAMPLES, 1, SIDE, SIDE), samples, labels);
    kerf_ranges *r;
    kerf_graph *rounding;
    kerf_node *node;
    network n;
    fill_any(shared, WIDE * WIDE);
    kerf_value *v = network_begin(&n, dev, 1, SIDE);
    kerf_value *in[2] = {network_node(&n, "Flatten", "flat", &v, 1, &node),
                         network_weight(&n, "shared", KERF_SHAPE(WIDE, WIDE), shared)};
    in[0] = network_node(&n, "MatMul", "one", in, 2, &node);
    in[0] = network_node(&n, "MatMul", "two", in, 2, &node);
    CHECK_OK(kerf_graph_add_output(n.g, in[0]));
    CHECK_OK(kerf_calibrate(&r, n.g, n.s, d, &o, &how));
    o.ranges = r;
    o.per = KERF_PER_TENSOR;
    o.learn_ranges = 1;
    CHECK_OK(kerf_quantize_rounding(&rounding, n.g, n.s, &o));
    const float first = state_of(&n, "shared.end"), range = state_of(&n, "one.high");
    train_steps(&n, rounding, 1, 0.01f);
    const float moved = state_of(&n, "shared.end"), range_moved = state_of(&n, "one.high");
    CHECK(moved != first && range_moved != range);
    train_steps_but(&n, rounding, 1, 0.01f, "shared*");
    CHECK(state_of(&n, "shared.end") == moved && state_of(&n, "one.high") != range_moved);
    kerf_graph_destroy(rounding);
    kerf_ranges_destroy(r);
    kerf_dataset_close(d);
    network_end(&n);
}

/* ---- stopping and going on ------------------------------------------------------------------ */

typedef struct learned {
    float weights[NUM_FC], ends[CHANNELS], range[3];
} learned;

static int stop_behind(void *context, const kerf_train_progress *progress)
{
    return progress->step >= *(const int64_t *)context;
}

/* From the beginning each time, as a new process; what the state holds then. */
static kerf_status run_learning(const char *folder, int is_resumed, int64_t stop_at, learned *out)
{
    kerf_dataset *d = open_data();
    kerf_ranges *r = make_ranges(1);
    kerf_quantize_options q = options_of(KERF_S4, r);
    kerf_train_options t = kerf_train_defaults();
    kerf_graph *rounding;
    random_state = 5;
    network n = make(0, 0);
    q.learn_ranges = 1;
    t.batch = 16;
    t.epochs = 2;
    t.freeze_observers = 1.5;
    t.prep = "raw";
    t.optimizer.kind = KERF_ADAM;
    t.lr = 0.01;
    t.run_dir = folder;
    t.resume = is_resumed;
    t.callback = stop_at > 0 ? stop_behind : NULL;
    t.context = &stop_at;
    CHECK_OK(kerf_quantize_rounding(&rounding, n.g, n.s, &q));
    const kerf_status status = kerf_train(rounding, n.s, d, &t);
    network_read(&n, "fc.weight", out->weights);
    network_read(&n, "conv.weight.end", out->ends);
    out->range[0] = state_of(&n, "relu.high");
    out->range[1] = state_of(&n, "logits.low");
    out->range[2] = state_of(&n, "logits.high");
    kerf_graph_destroy(rounding);
    kerf_ranges_destroy(r);
    kerf_dataset_close(d);
    network_end(&n);
    return status;
}

/* The ends go on where they were, with their moments. */
static void test_resume(void)
{
    test_folder folder;
    learned whole, pieces;
    memset(&whole, 0, sizeof whole);
    memset(&pieces, 0, sizeof pieces);
    CHECK_OK(run_learning(NULL, 0, 0, &whole));
    test_folder_make(&folder);
    CHECK_STATUS(KERF_ERR_CANCELLED, run_learning(folder.path, 0, 2, &pieces));
    CHECK(memcmp(&whole, &pieces, sizeof whole) != 0);
    CHECK_OK(run_learning(folder.path, 1, 0, &pieces));
    CHECK(memcmp(&whole, &pieces, sizeof whole) == 0);
    test_folder_remove(&folder);
}

/* ---- what is refused ------------------------------------------------------------------------ */

static void test_refused(void)
{
    kerf_ranges *r = make_ranges(0);
    kerf_quantize_options o = options_of(KERF_S8, r);
    network n = make(127, 127);
    kerf_graph *rounding;
    o.learn_ranges = 1;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_quantize_rounding(&rounding, n.g, NULL, &o));
    CHECK(strstr(kerf_last_error(), "are a part of the network's state") != NULL);
    kerf_ranges_destroy(r);
    network_end(&n);
}

int main(void)
{
    dev = check_open_device();
    fill_samples();
    test_learned(KERF_PER_CHANNEL, KERF_U8, KERF_S8, 127, 0);
    test_learned(KERF_PER_CHANNEL, KERF_S8, KERF_S4, 7, 0);
    test_learned(KERF_PER_TENSOR, KERF_U8, KERF_S2, 1, 0);
    test_learned(KERF_PER_CHANNEL, KERF_U8, KERF_S2, 1, 0.75f);
    test_learned_once();
    test_resume();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
