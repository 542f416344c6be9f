/* test_boost.c -- gates that choose channels for each input: a network computes what it did until
 * they are trained, then what their definition says, and the share that they keep can be changed.
 */
#include <string.h>

#include "network.h"
#include "op_check.h"

enum { BATCH = 5, SIDE = 16, CHANNELS = 10, INPUTS = 4, PIXELS = 4, WINDOW = 36 };
static kerf_device *dev;
static float x[BATCH * SIDE * SIDE];

/* conv1 has 4 channels, conv2 10. */
static network make(void)
{
    network n;
    CHECK_OK(kerf_net_create(
        &n.g, &n.s, "lenet-5",
        &(kerf_net_options){.seed = 1, .width = 0.2, .classes = 3, .input = {1, SIDE, SIDE}}, dev));
    return n;
}

static kerf_status mark(network *n, double keep, const char *layer)
{
    const kerf_boost_options o = {.keep = keep, .layers = &layer, .num_layers = layer != NULL};
    return kerf_boost_mark(n->g, n->s, &o);
}

static void fill_state(network *n, const char *name, unsigned seed, int is_tied)
{
    float numbers[CHANNELS * INPUTS];
    const kerf_state_entry *e = kerf_state_find(n->s, name);
    op_check_fill(numbers, CHANNELS * INPUTS, seed);
    if (is_tied) /* channels 0 to 4 are as salient as each other */
        for (int i = 0; i < 5 * INPUTS; i++)
            numbers[i] = numbers[i % INPUTS];
    CHECK_OK(kerf_state_write(n->s, e->id, numbers));
}

/* Untrained gates, of whatever share, change nothing. */
static void test_nothing_changes(void)
{
    float before[BATCH * 3], after[BATCH * 3];
    double want[BATCH * 3];
    kerf_boost_gate gate;
    network n = make();
    network_run(n.g, n.s, x, BATCH, "logits", before);
    CHECK_OK(mark(&n, 0.3, "conv*"));
    CHECK(kerf_boost_num(n.g) == 2);
    CHECK_OK(kerf_boost_get(n.g, 1, &gate));
    CHECK(strcmp(gate.name, "conv2") == 0 && gate.kept == 3 && gate.channels == CHANNELS);
    network_run(n.g, n.s, x, BATCH, "logits", after);
    for (int i = 0; i < BATCH * 3; i++)
        want[i] = (double)before[i];
    check_close("logits", after, want, BATCH * 3, check_tolerance(4, 250));
    CHECK_OK(mark(&n, 0.3, "conv*")); /* none gets two */
    CHECK(kerf_boost_num(n.g) == 2);
    network_end(&n);
}

/* ---- the definition ----------------------------------------------------------------------------
 */

/* How many of the first five, and of all, are kept. */
static void reference(const network *n, const float *in, const float *conv, int k, double *out)
{
    float w[CHANNELS * INPUTS], b[CHANNELS];
    double saliency[CHANNELS];
    network_read(n, "conv2.gate.weight", w);
    network_read(n, "conv2.gate.bias", b);
    for (int c = 0; c < CHANNELS; c++) {
        saliency[c] = (double)b[c];
        for (int i = 0; i < INPUTS; i++)
            for (int p = 0; p < WINDOW; p++)
                saliency[c] += (double)w[c * INPUTS + i] * (double)in[i * WINDOW + p] / WINDOW;
        saliency[c] = saliency[c] > 0 ? saliency[c] : 0;
    }
    for (int c = 0; c < CHANNELS; c++) {
        int above = 0;
        for (int i = 0; i < CHANNELS; i++)
            above += saliency[i] > saliency[c] * (1 + 1e-5);
        for (int p = 0; p < PIXELS; p++)
            out[c * PIXELS + p] = above < k ? saliency[c] * (double)conv[c * PIXELS + p] : 0;
    }
}

static void run_outputs(const network *n, float *in, float *conv, float *gated)
{
    kerf_graph *g;
    kerf_plan *plan;
    CHECK_OK(kerf_graph_copy(&g, n->g));
    static const char *const NAMES[] = {"pool1", "conv2", "conv2.gated"};
    float *const to[] = {in, conv, gated};
    for (int i = 0; i < 3; i++)
        CHECK_OK(kerf_graph_add_output(g, kerf_graph_find(g, NAMES[i])));
    CHECK_OK(kerf_plan_create(&plan, g, n->s,
                              &(kerf_plan_options){.mode = KERF_EVALUATE, .batch = BATCH}));
    CHECK_OK(kerf_tensor_write(kerf_plan_input(plan, "input"), x));
    CHECK_OK(kerf_plan_run(plan));
    for (int i = 0; i < 3; i++)
        CHECK_OK(kerf_tensor_read(kerf_plan_output(plan, NAMES[i]), to[i]));
    kerf_plan_destroy(plan);
    kerf_graph_destroy(g);
}

static void check_definition(const network *n, int k, int is_tied)
{
    float in[BATCH * INPUTS * WINDOW], conv[BATCH * CHANNELS * PIXELS];
    float gated[BATCH * CHANNELS * PIXELS];
    double want[BATCH * CHANNELS * PIXELS];
    run_outputs(n, in, conv, gated);
    for (int i = 0; i < BATCH; i++) {
        const int at = i * CHANNELS * PIXELS;
        int alive = 0;
        reference(n, in + i * INPUTS * WINDOW, conv + at, k, want + at);
        for (int c = 0; c < CHANNELS; c++)
            alive += gated[at + c * PIXELS] != 0;
        CHECK(alive <= (is_tied ? k + 4 : k));
    }
    check_close("gated", gated, want, BATCH * CHANNELS * PIXELS,
                check_tolerance(8, INPUTS * WINDOW));
}

static void test_definition(void)
{
    network n = make();
    CHECK_OK(mark(&n, 0.5, NULL)); /* conv1 reads the input, so it gets none */
    CHECK(kerf_boost_num(n.g) == 1);
    for (int is_tied = 0; is_tied < 2; is_tied++) {
        fill_state(&n, "conv2.gate.weight", 3, is_tied);
        fill_state(&n, "conv2.gate.bias", 4, is_tied);
        if (is_tied) {
            float b[CHANNELS];
            for (int c = 0; c < CHANNELS; c++)
                b[c] = 0.5f;
            CHECK_OK(kerf_state_write(n.s, kerf_state_find(n.s, "conv2.gate.bias")->id, b));
        }
        CHECK_OK(kerf_boost_keep(n.g, 0.5));
        check_definition(&n, 5, is_tied);
        CHECK_OK(kerf_boost_keep(n.g, 0.2));
        check_definition(&n, 2, is_tied);
        CHECK_OK(kerf_boost_keep(n.g, 1));
        check_definition(&n, CHANNELS, is_tied);
        const int num_nodes = kerf_graph_num_nodes(n.g);
        CHECK_OK(mark(&n, 0.5, "conv2")); /* a gate is there, and keeps another share */
        CHECK(kerf_graph_num_nodes(n.g) == num_nodes);
        check_definition(&n, 5, is_tied);
    }
    network_end(&n);
}

/* Gates are trained with all else, and come back from a file. */
static void test_file(void)
{
    void *bytes;
    size_t num_bytes;
    float y[2][BATCH * 3];
    kerf_boost_gate gate;
    network n = make(), back;
    CHECK_OK(mark(&n, 0.4, "conv2"));
    fill_state(&n, "conv2.gate.weight", 3, 0);
    CHECK_OK(kerf_onnx_serialize(n.g, n.s, &bytes, &num_bytes));
    CHECK_OK(kerf_onnx_parse(&back.g, &back.s, bytes, num_bytes, NULL, dev));
    CHECK(kerf_boost_num(back.g) == 1);
    CHECK_OK(kerf_boost_get(back.g, 0, &gate));
    CHECK(gate.kept == 4 && gate.channels == CHANNELS);
    network_run(n.g, n.s, x, BATCH, "logits", y[0]);
    network_run(back.g, back.s, x, BATCH, "logits", y[1]);
    CHECK(memcmp(y[0], y[1], sizeof y[0]) == 0);
    free(bytes);
    network_end(&back);
    network_end(&n);
}

static void test_refused(void)
{
    kerf_boost_gate gate;
    network n = make();
    CHECK_STATUS(KERF_ERR_ARGUMENT, mark(&n, 0, NULL));
    CHECK(strcmp(kerf_last_error(),
                 "gates keep 0 of the channels, must be above 0 and at most 1") == 0);
    CHECK_STATUS(KERF_ERR_ARGUMENT, mark(&n, 0.5, "fc1"));
    CHECK(strcmp(kerf_last_error(), "prune: 'fc1' fits no convolution without groups; the first of "
                                    "them is conv1") == 0);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_boost_keep(n.g, 0.5));
    CHECK(strcmp(kerf_last_error(), "the network has no gates of channels; kerf prune --gates "
                                    "makes them") == 0);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_boost_get(n.g, 0, &gate));
    network_end(&n);
}

int main(void)
{
    dev = check_open_device();
    op_check_fill(x, BATCH * SIDE * SIDE, 1);
    test_nothing_changes();
    test_definition();
    test_file();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
