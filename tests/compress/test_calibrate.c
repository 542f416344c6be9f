/* test_calibrate.c -- ranges of activations: against the host's own look at the same samples, and
 * what becomes of strange ones. */
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/kerf.h"
#include "network.h"

enum { SAMPLES = 7, SIZE = 12, WIDE = 5 };

static kerf_device *dev;
static double percent = 99;
static int64_t rows = 3; /* of a sample */
static float weights[SIZE * WIDE], samples[SAMPLES * SIZE];

/* Flatten, MatMul, Relu. */
static network make(void)
{
    network n;
    kerf_node *node;
    kerf_value *in[2];
    int id;
    const kerf_shape shape = KERF_SHAPE(SIZE, WIDE);
    CHECK_OK(kerf_graph_create(&n.g));
    CHECK_OK(kerf_state_create(&n.s, dev));
    const int64_t batch = kerf_graph_symbol(n.g, "N");
    CHECK_OK(kerf_graph_add_input(n.g, "x", KERF_F32, KERF_SHAPE(batch, 1, 3, 4), &in[0]));
    CHECK_OK(kerf_graph_add_node(n.g, "Flatten", "flat", in, 1, 1, &node));
    in[0] = kerf_node_output(node, 0);
    CHECK_OK(kerf_state_add(n.s, "w", KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_state_write(n.s, id, weights));
    CHECK_OK(kerf_graph_add_state(n.g, "w", id, KERF_F32, shape, &in[1]));
    CHECK_OK(kerf_graph_add_node(n.g, "MatMul", "fc", in, 2, 1, &node));
    in[0] = kerf_node_output(node, 0);
    CHECK_OK(kerf_graph_add_node(n.g, "Relu", "y", in, 1, 1, &node));
    CHECK_OK(kerf_graph_add_output(n.g, kerf_node_output(node, 0)));
    return n;
}

static void fill(void)
{
    unsigned x = 4711;
    for (int i = 0; i < SIZE * WIDE; i++)
        weights[i] = (float)((x = x * 1664525u + 1013904223u) >> 20) / 2048 - 1;
    for (int i = 0; i < SAMPLES * SIZE; i++)
        samples[i] = (float)((x = x * 1664525u + 1013904223u) >> 20) / 1024 - 1;
}

/* The samples as unlabelled data. */
static kerf_dataset *open_data(void)
{
    return network_data(KERF_SHAPE(SAMPLES, 1, rows, SIZE / rows), samples, NULL);
}

static kerf_status calibrate(kerf_ranges **r, kerf_observer observer, int64_t num, int64_t batch)
{
    network n = make();
    kerf_dataset *d = open_data();
    const int num_ids = kerf_state_num_ids(n.s);
    kerf_quantize_options q = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    kerf_calibrate_options how = {.observer = observer,
                                  .percentile = percent,
                                  .samples = num,
                                  .batch = batch,
                                  .seed = 1,
                                  .prep = "raw"};
    kerf_status status = kerf_calibrate(r, n.g, n.s, d, &q, &how);
    for (int id = num_ids; id < kerf_state_num_ids(n.s); id++)
        CHECK(kerf_state_get(n.s, id) == NULL); /* observers are gone */
    kerf_dataset_close(d);
    network_end(&n);
    return status;
}

/* ---- the long way ---------------------------------------------------------------------- */

static void look(double low[2], double high[2])
{
    for (int i = 0; i < 2; i++)
        low[i] = INFINITY, high[i] = -INFINITY;
    for (int s = 0; s < SAMPLES; s++) {
        for (int k = 0; k < SIZE; k++) {
            low[0] = fmin(low[0], (double)samples[s * SIZE + k]);
            high[0] = fmax(high[0], (double)samples[s * SIZE + k]);
        }
        for (int c = 0; c < WIDE; c++) {
            double y = 0;
            for (int k = 0; k < SIZE; k++)
                y += (double)samples[s * SIZE + k] * (double)weights[k * WIDE + c];
            low[1] = fmin(low[1], fmax(y, 0));
            high[1] = fmax(high[1], fmax(y, 0));
        }
    }
}

/* The layer's input and what its Relu gives, and nothing else. */
static void check_ranges(const kerf_ranges *r, double tolerance)
{
    static const char *const NAMES[] = {"flat", "y"};
    double low[2], high[2];
    look(low, high);
    CHECK(kerf_ranges_num(r) == 2);
    for (size_t i = 0; i < 2 && i < kerf_ranges_num(r); i++) {
        const kerf_range range = kerf_ranges_get(r, i);
        CHECK(strcmp(range.name, NAMES[i]) == 0);
        CHECK(fabs(range.low - low[i]) <= tolerance * (high[i] - low[i]));
        CHECK(fabs(range.high - high[i]) <= tolerance * (high[i] - low[i]));
    }
}

/* All samples are seen, whatever the batch leaves over. */
static void test_minmax(void)
{
    static const int64_t BATCHES[] = {1, 3, 7, 100};
    kerf_ranges *r;
    for (size_t i = 0; i < sizeof BATCHES / sizeof BATCHES[0]; i++) {
        CHECK_OK(calibrate(&r, KERF_OBSERVE_MINMAX, 1000, BATCHES[i]));
        check_ranges(r, check_tolerance(4, SIZE));
        kerf_ranges_destroy(r);
    }
}

/* Of a single batch the average is the batch's, though it began at 0; of several it lies within. */
static void test_moving(void)
{
    kerf_ranges *r;
    double low[2], high[2];
    CHECK_OK(calibrate(&r, KERF_OBSERVE_MOVING, SAMPLES, SAMPLES));
    check_ranges(r, check_tolerance(8, SIZE));
    kerf_ranges_destroy(r);
    CHECK_OK(calibrate(&r, KERF_OBSERVE_MOVING, SAMPLES, 2));
    look(low, high);
    CHECK(kerf_ranges_get(r, 0).high < high[0] && kerf_ranges_get(r, 0).high > 0.5 * high[0]);
    kerf_ranges_destroy(r);
}

/* ---- what is cut ------------------------------------------------------------------------- */

/* The layer's input is 84 numbers; put all but a few near 0. */
static void fill_with_outliers(float outlier)
{
    for (int i = 0; i < SAMPLES * SIZE; i++)
        samples[i] = (float)(i % 21) / 20 - 0.5f;
    samples[40] = outlier;
}

static kerf_range observed(kerf_observer observer)
{
    kerf_ranges *r;
    CHECK_OK(calibrate(&r, observer, SAMPLES, 3));
    const kerf_range range = kerf_ranges_get(r, 0);
    kerf_ranges_destroy(r);
    return range;
}

/* One number of 84 is more than a percent: 98 are without it, 99.5 are with it. */
static void test_percentile(void)
{
    const double bin = 2 * (100 + 0.5) / 2046; /* at most: a power of two */
    fill_with_outliers(100);
    percent = 98;
    CHECK(observed(KERF_OBSERVE_PERCENTILE).high <= 0.5 + bin);
    CHECK(observed(KERF_OBSERVE_PERCENTILE).low >= -0.5 - bin);
    fill_with_outliers(-100);
    CHECK(observed(KERF_OBSERVE_PERCENTILE).low >= -0.5 - bin);
    fill_with_outliers(100);
    percent = 99.5;
    CHECK(fabs(observed(KERF_OBSERVE_PERCENTILE).high - 100) <= bin);
    percent = 100;
    CHECK(fabs(observed(KERF_OBSERVE_PERCENTILE).high - 100) <= 1e-4);
    percent = 99;
    fill();
}

/* A single number that is a little large is kept, by the one because its error would be large,
 * by the other never: it is one of many. */
static void check_within(kerf_range range)
{
    double low[2], high[2];
    look(low, high);
    CHECK(range.low >= low[0] - 1e-6 && range.high <= high[0] + 1e-6);
    CHECK(range.high - range.low >= 0.5 * (high[0] - low[0]));
}

static void test_searches(void)
{
    fill_with_outliers(0.75f);
    CHECK(observed(KERF_OBSERVE_MSE).high > 0.7);
    fill_with_outliers(100);
    CHECK(observed(KERF_OBSERVE_MSE).high > 90);
    const kerf_range range = observed(KERF_OBSERVE_ENTROPY);
    CHECK(range.high >= range.low && range.high <= 100.1);
    fill();
    check_within(observed(KERF_OBSERVE_MSE));
    check_within(observed(KERF_OBSERVE_ENTROPY));
}

static void test_file(void)
{
    char path[] = "/tmp/kerf-ranges-XXXXXX";
    kerf_ranges *r, *back;
    close(mkstemp(path));
    CHECK_OK(calibrate(&r, KERF_OBSERVE_MINMAX, SAMPLES, 4));
    CHECK_OK(kerf_ranges_write(r, path));
    CHECK_OK(kerf_ranges_read(&back, path));
    CHECK(kerf_ranges_num(back) == kerf_ranges_num(r));
    for (size_t i = 0; i < kerf_ranges_num(r); i++)
        CHECK(kerf_ranges_get(back, i).low == kerf_ranges_get(r, i).low &&
              kerf_ranges_get(back, i).high == kerf_ranges_get(r, i).high);
    kerf_ranges_destroy(r);
    kerf_ranges_destroy(back);
    unlink(path);
}

/* ---- convolutions, whose values lie in blocks on CPU devices -------------------------------- */

enum { NUM_CONVS = 3 };
static const int64_t CHANNELS[NUM_CONVS + 1] = {1, 16, 21, 32};

static kerf_value *add_conv(network *n, kerf_value *src, int i)
{
    float filters[21 * 32];
    char name[32];
    int id;
    kerf_node *node;
    kerf_value *in[2] = {src};
    const kerf_shape shape = KERF_SHAPE(CHANNELS[i + 1], CHANNELS[i], 1, 1);
    for (int k = 0; k < kerf_shape_num_elements(shape); k++)
        filters[k] = 0.1f + fabsf(sinf((float)(k * (i + 3))));
    snprintf(name, sizeof name, "conv%d.weight", i);
    CHECK_OK(kerf_state_add(n->s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_state_write(n->s, id, filters));
    CHECK_OK(kerf_graph_add_state(n->g, name, id, KERF_F32, shape, &in[1]));
    snprintf(name, sizeof name, "conv%d", i);
    CHECK_OK(kerf_graph_add_node(n->g, "Conv", name, in, 2, 1, &node));
    return kerf_node_output(node, 0);
}

static network make_convs(void)
{
    network n;
    kerf_value *v;
    CHECK_OK(kerf_graph_create(&n.g));
    CHECK_OK(kerf_state_create(&n.s, dev));
    const int64_t batch = kerf_graph_symbol(n.g, "N");
    CHECK_OK(kerf_graph_add_input(n.g, "x", KERF_F32, KERF_SHAPE(batch, 1, 3, 4), &v));
    for (int i = 0; i < NUM_CONVS; i++) {
        v = add_conv(&n, v, i);
        CHECK_OK(kerf_graph_add_output(n.g, v));
    }
    return n;
}

/* What the network gives for all samples, conv by conv. */
static void look_at_convs(network *n, double *low, double *high)
{
    kerf_plan *plan;
    CHECK_OK(kerf_plan_create(&plan, n->g, n->s,
                              &(kerf_plan_options){.mode = KERF_EVALUATE, .batch = SAMPLES}));
    CHECK_OK(kerf_tensor_write(kerf_plan_input(plan, "x"), samples));
    CHECK_OK(kerf_plan_run(plan));
    for (int i = 0; i < NUM_CONVS; i++) {
        float out[SAMPLES * 32 * SIZE];
        char name[32];
        snprintf(name, sizeof name, "conv%d", i);
        CHECK_OK(kerf_tensor_read(kerf_plan_output(plan, name), out));
        low[i] = INFINITY, high[i] = -INFINITY;
        for (int64_t k = 0; k < SAMPLES * CHANNELS[i + 1] * SIZE; k++) {
            low[i] = fmin(low[i], (double)out[k]);
            high[i] = fmax(high[i], (double)out[k]);
        }
    }
    kerf_plan_destroy(plan);
}

/* Whether channels fill their blocks or not, and by counts as well: 100 percent is all. */
static void test_convs(void)
{
    double low[NUM_CONVS], high[NUM_CONVS];
    for (int i = 0; i < SAMPLES * SIZE; i++) /* no 0 is within the ranges: pad lanes would show */
        samples[i] = fabsf(samples[i]) + 0.1f;
    network n = make_convs();
    kerf_dataset *d = open_data();
    kerf_quantize_options q = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    look_at_convs(&n, low, high);
    for (int counts = 0; counts < 2; counts++) {
        kerf_calibrate_options how = {.observer =
                                          counts ? KERF_OBSERVE_PERCENTILE : KERF_OBSERVE_MINMAX,
                                      .percentile = 100,
                                      .samples = SAMPLES,
                                      .batch = 4,
                                      .prep = "raw"};
        kerf_ranges *r;
        CHECK_OK(kerf_calibrate(&r, n.g, n.s, d, &q, &how));
        CHECK(kerf_ranges_num(r) == NUM_CONVS + 1);
        for (size_t i = 0; i < NUM_CONVS; i++) {
            const kerf_range range = kerf_ranges_get(r, i + 1);
            CHECK(fabs(range.low - low[i]) <= 1e-5 * (high[i] - low[i]));
            CHECK(fabs(range.high - high[i]) <= 1e-5 * (high[i] - low[i]));
        }
        kerf_ranges_destroy(r);
    }
    CHECK(low[0] > 0);
    kerf_dataset_close(d);
    network_end(&n);
    fill();
}

/* ---- the strange ----------------------------------------------------------------------- */

static void test_one_sample(void)
{
    kerf_ranges *r;
    CHECK_OK(calibrate(&r, KERF_OBSERVE_MINMAX, 1, 32));
    CHECK(kerf_ranges_get(r, 0).high > kerf_ranges_get(r, 0).low);
    kerf_ranges_destroy(r);
}

/* Activations that are always 0 have a range, and quantize with scale 1. */
static void test_constant(void)
{
    kerf_ranges *r;
    network n;
    kerf_quantize_options q = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    for (int i = 0; i < SIZE * WIDE; i++)
        weights[i] = 0;
    CHECK_OK(calibrate(&r, KERF_OBSERVE_MINMAX, SAMPLES, 4));
    CHECK(kerf_ranges_get(r, 1).low == 0 && kerf_ranges_get(r, 1).high == 0);
    n = make();
    q.ranges = r;
    CHECK_OK(kerf_quantize(n.g, n.s, &q));
    const kerf_value *scale = kerf_graph_find(n.g, "y_scale");
    CHECK(scale != NULL && *(float *)kerf_tensor_data(scale->constant) == 1);
    network_end(&n);
    kerf_ranges_destroy(r);
    fill();
}

/* A network whose numbers are all on one side of 0 and far from it beside what they differ by: a
 * share of such a range lies beyond all of them, and is no better than the range. */
static void test_far_from_zero(void)
{
    static const kerf_observer OBSERVERS[] = {KERF_OBSERVE_PERCENTILE, KERF_OBSERVE_MSE,
                                              KERF_OBSERVE_ENTROPY};
    for (int side = -1; side <= 1; side += 2)
        for (int i = 0; i < 3; i++) {
            kerf_ranges *r;
            for (int k = 0; k < SAMPLES * SIZE; k++)
                samples[k] = (float)side * (0.8f + (float)(k % 11) / 1024);
            CHECK_OK(calibrate(&r, OBSERVERS[i], SAMPLES, 4));
            const kerf_range flat = kerf_ranges_get(r, 0);
            const double least = fmin(fabs(flat.low), fabs(flat.high));
            const double most = fmax(fabs(flat.low), fabs(flat.high));
            CHECK(least <= 0.801 && most >= 0.805 && most <= 0.81);
            kerf_ranges_destroy(r);
        }
    fill();
}

static void check_refused(float x)
{
    kerf_ranges *r;
    samples[3 * SIZE + 5] = x;
    CHECK_STATUS(KERF_ERR_ARGUMENT, calibrate(&r, KERF_OBSERVE_MINMAX, SAMPLES, 4));
    CHECK(r == NULL);
    CHECK(strstr(kerf_last_error(), "calibrate: 'flat' has values from") != NULL &&
          strstr(kerf_last_error(), "must be finite numbers") != NULL);
    fill();
}

static void test_refused(void)
{
    kerf_ranges *r;
    check_refused(NAN);
    check_refused(INFINITY);
    CHECK_STATUS(KERF_ERR_ARGUMENT, calibrate(&r, KERF_OBSERVE_MINMAX, 0, 4));
    CHECK(strstr(kerf_last_error(), "all three must be at least 1") != NULL);
    percent = 50;
    CHECK_STATUS(KERF_ERR_ARGUMENT, calibrate(&r, KERF_OBSERVE_PERCENTILE, SAMPLES, 4));
    CHECK(strstr(kerf_last_error(), "percentile 50: must be above 50 and at most 100") != NULL);
    percent = 99;
    rows = 2;
    CHECK_STATUS(KERF_ERR_SHAPE, calibrate(&r, KERF_OBSERVE_MINMAX, SAMPLES, 4));
    CHECK(strstr(kerf_last_error(),
                 "takes float32 of (1, 1, 3, 4), but a sample of the data is (1, 2, 6)") != NULL);
    rows = 3;
}

int main(void)
{
    dev = check_open_device();
    fill();
    test_minmax();
    test_moving();
    test_percentile();
    test_searches();
    test_file();
    test_convs();
    test_one_sample();
    test_constant();
    test_far_from_zero();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
