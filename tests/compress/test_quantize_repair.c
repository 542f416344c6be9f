/* test_quantize_repair.c -- what is done to weights and biases before they are rounded:
 * neighbouring layers even out their ranges, and a bias takes off what rounding would add. */
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/kerf.h"
#include "network.h"
#include "tensor/tensor_internal.h"

enum { SAMPLES = 5, INPUTS = 3, SIDE = 6, CHANNELS = 4, CLASSES = 4, FLAT = CHANNELS * 3 * 3 };
enum { NUM_SAMPLES = SAMPLES * INPUTS * SIDE * SIDE, NUM_OUTPUTS = SAMPLES * CLASSES };
enum { NUM_FIRST = CHANNELS * INPUTS * 9, NUM_DEPTH = CHANNELS * 9, NUM_FC = CLASSES * FLAT };

static kerf_device *dev;
static float samples[NUM_SAMPLES];

/* ---- a network ------------------------------------------------------------------------- */

static float next_random(void)
{
    static unsigned x = 4711;
    x = x * 1664525u + 1013904223u;
    return (float)(x >> 8) / 16777216.0f - 0.5f;
}

/* Channels, `stride` numbers each, have ranges far apart; the second of `first` is pruned. */
static kerf_value *add_weight(network *n, const char *name, kerf_shape shape, int64_t stride)
{
    float data[NUM_FC];
    for (int64_t i = 0; i < kerf_shape_num_elements(shape); i++)
        data[i] = ldexpf(next_random(), (int)(i / stride * 7 % 11) - 5);
    for (int64_t i = stride; i < 2 * stride && strcmp(name, "first.weight") == 0; i++)
        data[i] = 0;
    return network_weight(n, name, shape, data);
}

/* Conv, Relu or `between`, depth-wise Conv without a bias, Relu, MaxPool, Flatten, Gemm. */
static network make(const char *between)
{
    network n;
    kerf_node *node;
    kerf_value *v, *in[3];
    in[0] = network_begin(&n, dev, INPUTS, SIDE);
    in[1] = add_weight(&n, "first.weight", KERF_SHAPE(CHANNELS, INPUTS, 3, 3), INPUTS * 9);
    in[2] = add_weight(&n, "first.bias", KERF_SHAPE(CHANNELS), 1);
    v = network_conv(&n, "first", in, 3, 1);
    in[0] = network_node(&n, between, "between", &v, 1, &node);
    in[1] = add_weight(&n, "depth.weight", KERF_SHAPE(CHANNELS, 1, 3, 3), 9);
    v = network_conv(&n, "depth", in, 2, CHANNELS);
    v = network_node(&n, "Relu", "relu", &v, 1, &node);
    v = network_pool(&n, "pool", v);
    in[0] = network_node(&n, "Flatten", "flat", &v, 1, &node);
    in[1] = add_weight(&n, "fc.weight", KERF_SHAPE(CLASSES, FLAT), 9);
    in[2] = add_weight(&n, "fc.bias", KERF_SHAPE(CLASSES), 1);
    v = network_node(&n, "Gemm", "fc", in, 3, &node);
    CHECK_OK(kerf_node_set_int(node, "transB", 1));
    CHECK_OK(kerf_value_rename(n.g, v, "logits"));
    CHECK_OK(kerf_graph_add_output(n.g, v));
    return n;
}

/* ---- evening out ----------------------------------------------------------------------- */

/* The largest of `num` numbers from x on. */
static double range(const float *x, int num)
{
    double most = 0;
    for (int i = 0; i < num; i++)
        most = fmax(most, fabs((double)x[i]));
    return most;
}

/* Columns of a channel: nine of each row. */
static double range_of_columns(const float *x, int channel)
{
    double most = 0;
    for (int row = 0; row < CLASSES; row++)
        most = fmax(most, range(x + row * FLAT + channel * 9, 9));
    return most;
}

/* As near as powers of two come: their product is kept, so each is within half a step. */
static void check_even(double made, double taken)
{
    CHECK(made >= taken * 0.4999 && made <= taken * 2.0001);
}

static void test_equalize(void)
{
    float was[NUM_OUTPUTS], is[NUM_OUTPUTS], first[NUM_FIRST], depth[NUM_DEPTH], fc[NUM_FC];
    float untouched[NUM_DEPTH];
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    network n = make("Relu");
    network_run(n.g, n.s, samples, SAMPLES, "logits", was);
    network_read(&n, "depth.weight", untouched);
    CHECK_OK(kerf_quantize_equalize(n.g, n.s, &o));
    network_run(n.g, n.s, samples, SAMPLES, "logits", is);
    CHECK(memcmp(was, is, sizeof was) == 0);
    network_read(&n, "first.weight", first);
    network_read(&n, "depth.weight", depth);
    network_read(&n, "fc.weight", fc);
    for (int c = 0; c < CHANNELS; c++) {
        if (c != 1)
            check_even(range(first + c * INPUTS * 9, INPUTS * 9), range(depth + c * 9, 9));
        check_even(range(depth + c * 9, 9), range_of_columns(fc, c));
    }
    CHECK(range(first + INPUTS * 9, INPUTS * 9) == 0);
    CHECK(memcmp(depth, untouched, sizeof depth) != 0);
    network_end(&n);
}

/* Sigmoid is no factor's friend, and a layer that is left out stays as it is. */
static void test_equalize_not(void)
{
    static const char *const SKIP[] = {"fc"};
    float was[NUM_FIRST], is[NUM_FIRST], fc[2][NUM_FC];
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    o.skip = SKIP;
    o.num_skip = 1;
    network n = make("Sigmoid");
    network_read(&n, "first.weight", was);
    network_read(&n, "fc.weight", fc[0]);
    CHECK_OK(kerf_quantize_equalize(n.g, n.s, &o));
    network_read(&n, "first.weight", is);
    network_read(&n, "fc.weight", fc[1]);
    CHECK(memcmp(was, is, sizeof was) == 0 && memcmp(fc[0], fc[1], sizeof fc[0]) == 0);
    network_end(&n);
}

/* ---- biases ---------------------------------------------------------------------------- */

static kerf_dataset *open_data(void)
{
    return network_data(KERF_SHAPE(SAMPLES, INPUTS, SIDE, SIDE), samples, NULL);
}

static kerf_ranges *calibrate(const network *n, int means)
{
    kerf_dataset *d = open_data();
    kerf_ranges *r;
    kerf_quantize_options q = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    kerf_calibrate_options how = {
        .samples = SAMPLES, .batch = 2, .seed = 1, .prep = "raw", .means = means};
    CHECK_OK(kerf_calibrate(&r, n->g, n->s, d, &q, &how));
    kerf_dataset_close(d);
    return r;
}

static const kerf_tensor *constant(const network *n, const char *base, const char *suffix)
{
    char name[128];
    snprintf(name, sizeof name, "%s_%s", base, suffix);
    const kerf_value *v = kerf_graph_find(n->g, name);
    if (v != NULL && kerf_value_constant(v) != NULL)
        return kerf_value_constant(v);
    printf("there is no constant '%s'\n", name);
    exit(1);
}

static double number(const network *n, const char *base, size_t i, size_t k)
{
    return (double)kerf__tensor_int(constant(n, base, "q"), i) *
           (double)((const float *)constant(n, base, "scale")->data)[k];
}

/* Of each channel of x, (SAMPLES, num, size). */
static void find_means(const float *x, double *means, int num, int size)
{
    for (int c = 0; c < num; c++) {
        means[c] = 0;
        for (int s = 0; s < SAMPLES; s++)
            for (int i = 0; i < size; i++)
                means[c] += (double)x[(s * num + c) * size + i] / (SAMPLES * size);
    }
}

/* A layer's weights w, `terms` a channel, and its bias, NULL for none, against their integers. */
static void check_bias(const network *n, const char *layer, const float *w, const float *bias,
                       const double *means, int terms, int taps)
{
    char weight[64], name[64];
    snprintf(weight, sizeof weight, "%s.weight", layer);
    snprintf(name, sizeof name, bias != NULL ? "%s.bias" : "%s", layer);
    for (int c = 0; c < CHANNELS; c++) {
        double want = bias != NULL ? (double)bias[c] : 0;
        for (int i = 0; i < terms; i++) {
            const int at = c * terms + i;
            const double error = number(n, weight, (size_t)at, (size_t)c) - (double)w[at];
            want -= error * means[terms > taps ? i / taps : c];
        }
        const double step = (double)((const float *)constant(n, name, "scale")->data)[c];
        const double got = number(n, name, (size_t)c, (size_t)c);
        if (fabs(got - want) > 0.51 * step + 1e-5 * fabs(want)) {
            printf("%s: bias %d is %g, not %g (step %g)\n", layer, c, got, want, step);
            check_failures++;
        }
    }
}

/* Against the formula, with means that are found here; depth-wise, too, and where no bias was. */
static void test_bias_correct(void)
{
    static float first[NUM_FIRST], depth[NUM_DEPTH], fc[NUM_FC], bias[2][CHANNELS];
    static float images[SAMPLES * CHANNELS * SIDE * SIDE], rows[SAMPLES * FLAT];
    double means[FLAT];
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    network n = make("Relu");
    CHECK_OK(kerf_graph_add_output(n.g, kerf_graph_find(n.g, "between")));
    CHECK_OK(kerf_graph_add_output(n.g, kerf_graph_find(n.g, "flat")));
    network_run(n.g, n.s, samples, SAMPLES, "between", images);
    network_run(n.g, n.s, samples, SAMPLES, "flat", rows);
    network_read(&n, "first.weight", first);
    network_read(&n, "first.bias", bias[0]);
    network_read(&n, "depth.weight", depth);
    network_read(&n, "fc.weight", fc);
    network_read(&n, "fc.bias", bias[1]);
    kerf_ranges *r = calibrate(&n, 1);
    o.ranges = r;
    o.bias_correct = 1;
    CHECK_OK(kerf_quantize(n.g, n.s, &o));
    find_means(samples, means, INPUTS, SIDE * SIDE);
    check_bias(&n, "first", first, bias[0], means, INPUTS * 9, 9);
    find_means(images, means, CHANNELS, SIDE * SIDE);
    check_bias(&n, "depth", depth, NULL, means, 9, 9);
    find_means(rows, means, FLAT, 1);
    check_bias(&n, "fc", fc, bias[1], means, FLAT, 1);
    kerf_ranges_destroy(r);
    network_end(&n);
}

static kerf_status correct_by_file(const char *json)
{
    char path[] = "/tmp/kerf-means-XXXXXX";
    kerf_ranges *r;
    network n = make("Relu");
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    FILE *f = fdopen(mkstemp(path), "w");
    fputs(json, f);
    fclose(f);
    kerf_status status = kerf_ranges_read(&r, path);
    remove(path);
    o.ranges = r;
    o.bias_correct = 1;
    o.layers = (const char *const[]){"first"};
    o.num_layers = 1;
    if (status == KERF_OK)
        status = kerf_quantize(n.g, n.s, &o);
    kerf_ranges_destroy(r);
    network_end(&n);
    return status;
}

#define RANGES "\"ranges\":{\"input\":{\"low\":-1,\"high\":1},\"between\":{\"low\":0,\"high\":1}}"

static void test_bad_means(void)
{
    static const struct {
        const char *json, *words;
    } BAD[] = {
        {"{" RANGES "}", "no 3 means of 'input'"},
        {"{" RANGES ",\"means\":{\"input\":[0,1]}}", "no 3 means of 'input'"},
        {"{" RANGES ",\"means\":{\"input\":[0,1,1e300]}}", "no finite number"},
        {"{" RANGES ",\"means\":{\"input\":[0,1,null]}}", "must be a list of numbers"},
        {"{" RANGES ",\"means\":{\"input\":3}}", "must be a list of numbers"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        CHECK(correct_by_file(BAD[i].json) != KERF_OK);
        if (strstr(kerf_last_error(), BAD[i].words) == NULL) {
            printf("'%s' does not hold '%s'\n", kerf_last_error(), BAD[i].words);
            check_failures++;
        }
    }
    CHECK_OK(correct_by_file("{" RANGES ",\"means\":{\"input\":[0,1,0.5]}}"));
}

/* A file of ranges with means gives back the same. */
static void test_file(void)
{
    char paths[2][32] = {"/tmp/kerf-means-XXXXXX", "/tmp/kerf-means-XXXXXX"};
    char texts[2][4096] = {"", ""};
    network n = make("Relu");
    kerf_ranges *r = calibrate(&n, 1), *back;
    close(mkstemp(paths[0]));
    close(mkstemp(paths[1]));
    CHECK_OK(kerf_ranges_write(r, paths[0]));
    CHECK_OK(kerf_ranges_read(&back, paths[0]));
    CHECK_OK(kerf_ranges_write(back, paths[1]));
    for (int i = 0; i < 2; i++) {
        FILE *f = fopen(paths[i], "r");
        CHECK(fread(texts[i], 1, sizeof texts[i] - 1, f) > 0);
        fclose(f);
        remove(paths[i]);
    }
    CHECK(strcmp(texts[0], texts[1]) == 0 && strstr(texts[0], "\"means\"") != NULL);
    kerf_ranges_destroy(r);
    kerf_ranges_destroy(back);
    network_end(&n);
}

int main(void)
{
    dev = check_open_device();
    for (int i = 0; i < NUM_SAMPLES; i++)
        samples[i] = next_random() + 0.3f;
    test_equalize();
    test_equalize_not();
    test_bias_correct();
    test_bad_means();
    test_file();
    kerf_device_close(dev);
    return check_result();
}
