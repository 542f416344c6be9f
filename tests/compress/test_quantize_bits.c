/* test_quantize_bits.c -- a type for each layer, found: a network whose one layer can bear few bits
 * and whose other cannot. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "compress/quantize/bits_internal.h"
#include "kerf/kerf.h"
#include "network.h"

static kerf_device *dev;

static float next_random(void)
{
    static unsigned x = 4711;
    x = x * 1664525u + 1013904223u;
    return (float)(x >> 8) / 16777216.0f - 0.5f;
}

static void check_message(const char *text, const char *words)
{
    if (text == NULL || strstr(text, words) == NULL) {
        printf("message '%s' does not hold '%s'\n", text != NULL ? text : "none", words);
        check_failures++;
    }
}

/* ---- a network ------------------------------------------------------------------------- */

enum { INPUTS = 16, HIDDEN = 32, CLASSES = 3, SAMPLES = 60 };

/* First layer: ones, zeros and minus ones, which 2 bits hold.  Second: numbers beside one that is
 * 40 times as large, for a hidden number that is always 0; fewer bits than 8 leave nothing of them.
 */
static network make(void)
{
    float first[HIDDEN * INPUTS], bias[HIDDEN] = {0}, second[CLASSES * HIDDEN];
    network n;
    kerf_node *node;
    kerf_value *v, *in[3];
    for (int i = 0; i < HIDDEN * INPUTS; i++)
        first[i] = rintf(next_random() * 2.9f);
    bias[HIDDEN - 1] = -1000;
    for (int i = 0; i < CLASSES * HIDDEN; i++)
        second[i] = i % HIDDEN == HIDDEN - 1 ? 16 : next_random() * 2;
    v = network_begin(&n, dev, 1, 4);
    in[0] = network_node(&n, "Flatten", "flat", &v, 1, &node);
    in[1] = network_weight(&n, "fc1.weight", KERF_SHAPE(HIDDEN, INPUTS), first);
    in[2] = network_weight(&n, "fc1.bias", KERF_SHAPE(HIDDEN), bias);
    v = network_node(&n, "Gemm", "fc1", in, 3, &node);
    CHECK_OK(kerf_node_set_int(node, "transB", 1));
    in[0] = network_node(&n, "Relu", "relu", &v, 1, &node);
    in[1] = network_weight(&n, "fc2.weight", KERF_SHAPE(CLASSES, HIDDEN), second);
    v = network_node(&n, "Gemm", "fc2", in, 2, &node);
    CHECK_OK(kerf_node_set_int(node, "transB", 1));
    CHECK_OK(kerf_value_rename(n.g, v, "logits"));
    CHECK_OK(kerf_graph_add_output(n.g, v));
    return n;
}

/* Without labels. */
static kerf_dataset *open_data(void)
{
    float x[SAMPLES * INPUTS];
    for (int i = 0; i < SAMPLES * INPUTS; i++)
        x[i] = next_random();
    kerf_dataset *d = network_data(KERF_SHAPE(SAMPLES, 1, 4, 4), x, NULL);
    CHECK_OK(kerf_dataset_hold_back(d, SAMPLES / 2, 1));
    return d;
}

static const kerf_calibrate_options HOW = {
    .samples = SAMPLES, .batch = 4, .seed = 1, .prep = "raw"};

static size_t file_bytes(const network *n, void **file)
{
    size_t num = 0;
    CHECK_OK(kerf_onnx_serialize(n->g, n->s, file, &num));
    return num;
}

static const kerf_bits_point *chosen(const kerf_bits *b)
{
    for (size_t i = 0; i < kerf_bits_num_points(b); i++)
        if (kerf_bits_get_point(b, i)->is_chosen)
            return kerf_bits_get_point(b, i);
    printf("no point is chosen\n");
    exit(1);
}

static kerf_bits *find(const network *n, const kerf_dataset *d, kerf_target target)
{
    const kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_WEIGHT_ONLY);
    kerf_bits *b;
    CHECK_OK(kerf_quantize_find_bits(&b, n->g, n->s, d, &o, &target, &HOW));
    if (b == NULL)
        exit(1);
    return b;
}

/* What was measured is what comes out, byte by byte, also when it is told by hand. */
static void check_file(const network *n, const kerf_bits *b, const kerf_quantize_choice *by_hand,
                       size_t num_by_hand)
{
    void *files[2] = {NULL, NULL};
    size_t bytes[2];
    for (int i = 0; i < 2; i++) {
        kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_WEIGHT_ONLY);
        network copy;
        o.choices = i == 0 ? kerf_bits_choices(b) : by_hand;
        o.num_choices = i == 0 ? kerf_bits_num_layers(b) : num_by_hand;
        CHECK_OK(kerf_graph_copy(&copy.g, n->g));
        CHECK_OK(kerf_state_copy(&copy.s, n->s, dev));
        CHECK_OK(kerf_quantize(copy.g, copy.s, &o));
        bytes[i] = file_bytes(&copy, &files[i]);
        network_end(&copy);
    }
    CHECK((double)bytes[0] == chosen(b)->bytes);
    CHECK(bytes[0] == bytes[1] && memcmp(files[0], files[1], bytes[0]) == 0);
    free(files[0]);
    free(files[1]);
}

/* Whoever wants it small, or nothing lost, has few bits in the layer that bears them. */
static void check_planted(const network *n, const kerf_dataset *d, kerf_target target)
{
    static const kerf_quantize_choice BY_HAND[] = {{"fc1", KERF_S2, KERF_QUANTIZE_WEIGHT_ONLY},
                                                   {"*", KERF_S8, KERF_QUANTIZE_WEIGHT_ONLY}};
    kerf_bits *b = find(n, d, target);
    const kerf_bits_layer *fc1 = kerf_bits_get_layer(b, 0), *fc2 = kerf_bits_get_layer(b, 1);
    CHECK(kerf_bits_missed(b) == NULL);
    CHECK(strcmp(fc1->name, "fc1") == 0 && strcmp(fc2->name, "fc2") == 0);
    CHECK(fc1->chosen == KERF_S2 && fc2->chosen == KERF_S8);
    CHECK(fc2->with[2].lost > 20 && fc2->with[2].noise > 0.1); /* int4 */
    CHECK(fc1->with[3].lost == 0 && fc1->with[3].noise < 1e-9 && fc1->with[3].saved > 0);
    CHECK(fc1->with[0].ms > 0 && fc1->with[1].ms > 0);
    CHECK(kerf_bits_num_points(b) >= 4 && kerf_bits_get_point(b, 0)->lost == 0);
    CHECK(!(chosen(b)->bytes > target.bytes) && !(chosen(b)->lost > target.max_drop));
    check_file(n, b, BY_HAND, 2);
    kerf_bits_destroy(b);
}

static void test_planted(void)
{
    network n = make();
    kerf_dataset *d = open_data();
    void *file;
    const double bytes = (double)file_bytes(&n, &file);
    free(file);
    check_planted(&n, d, (kerf_target){5, NAN, NAN});
    /* fc2 as int4 would do, too: the file holds no more than this besides numbers. */
    kerf_bits *b = find(&n, d, (kerf_target){5, NAN, NAN});
    check_planted(&n, d, (kerf_target){NAN, chosen(b)->bytes, NAN});
    check_planted(&n, d, (kerf_target){5, chosen(b)->bytes, NAN});
    kerf_bits_destroy(b);
    b = find(&n, d, (kerf_target){NAN, bytes, 1e6}); /* little is needed: little is done */
    CHECK(kerf_bits_missed(b) == NULL && chosen(b)->num_of[0] == 1);
    kerf_bits_destroy(b);
    kerf_dataset_close(d);
    network_end(&n);
}

/* ---- what cannot be had ---------------------------------------------------------------- */

static void check_missed(const network *n, const kerf_dataset *d, kerf_target target,
                         const char *words)
{
    kerf_bits *b = find(n, d, target);
    check_message(kerf_bits_missed(b), words);
    chosen(b);
    kerf_bits_destroy(b);
}

static void check_refused(const network *n, const kerf_dataset *d, kerf_quantize_options o,
                          kerf_target target, const char *words)
{
    kerf_bits *b;
    CHECK(kerf_quantize_find_bits(&b, n->g, n->s, d, &o, &target, &HOW) == KERF_ERR_ARGUMENT);
    CHECK(b == NULL);
    check_message(kerf_last_error(), words);
}

static int stop_at_once(void *context, int64_t samples, int64_t num_samples)
{
    (void)context;
    return samples > SAMPLES && num_samples > samples;
}

static void test_refused(void)
{
    const kerf_quantize_choice choice = {"*", KERF_S8, KERF_QUANTIZE_WEIGHT_ONLY};
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_WEIGHT_ONLY);
    kerf_calibrate_options how = HOW;
    const kerf_target any = {5, NAN, NAN};
    network n = make();
    kerf_dataset *d = open_data();
    kerf_bits *b;
    check_missed(&n, d, (kerf_target){NAN, 100, NAN}, "bytes, must take 100 at most");
    check_missed(&n, d, (kerf_target){NAN, NAN, 1e-6}, "ms, must take 1e-06 at most");
    check_refused(&n, d, o, (kerf_target){NAN, NAN, NAN}, "there must be a bound");
    check_refused(&n, d, o, (kerf_target){-1, NAN, NAN}, "bounds are -1 points");
    o.choices = &choice;
    o.num_choices = 1;
    check_refused(&n, d, o, any, "must be left to be found");
    o.num_choices = 0;
    how.progress = stop_at_once;
    CHECK_STATUS(KERF_ERR_CANCELLED, kerf_quantize_find_bits(&b, n.g, n.s, d, &o, &any, &how));
    CHECK(b == NULL);
    kerf_dataset_close(d);
    network_end(&n);
}

/* A layer alone, without labels. */
static void test_analyse(void)
{
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_WEIGHT_ONLY);
    network n = make();
    kerf_dataset *d = open_data();
    kerf_layer_error *errors;
    size_t num;
    o.weights = KERF_S2;
    CHECK_OK(kerf_quantize_analyse(&errors, &num, n.g, n.s, d, &o, &HOW));
    CHECK(num == 2 && errors[0].lost == 0 && errors[1].lost > 20);
    free(errors);
    kerf_dataset_close(d);
    network_end(&n);
}

int main(void)
{
    dev = check_open_device();
    test_planted();
    test_refused();
    test_analyse();
    kerf_device_close(dev);
    return check_result();
}
