/* test_quantize_learn.c -- learned rounding: the network comes nearer to its floats than by nearest
 * rounding, each weight goes down or up and no further, and what is 0 stays 0. */
#include <string.h>

#include "check.h"
#include "kerf/kerf.h"
#include "network.h"
#include "tensor/tensor_internal.h"

enum { CHANNELS = 8, SIDE = 8, CLASSES = 3, FLAT = CHANNELS * 4 * 4, SAMPLES = 8, BATCH = 4 };
enum { NUM_SAMPLES = SAMPLES * SIDE * SIDE, NUM_CONV = CHANNELS * 9, NUM_FC = CLASSES * FLAT };
enum { NUM_OUTPUTS = SAMPLES * CLASSES, PRUNED = 5, NUM_SEEDS = 3 };
enum { NUM_MOST = SAMPLES * CHANNELS * SIDE * SIDE };

static kerf_device *dev;
static float samples[NUM_SAMPLES];
static unsigned random_state;

/* In a simulator so many that every kernel runs, and nothing is learned. */
static int num_steps = 300;
static double share = 0.7; /* of the nearest roundings' error that may be left */

static float next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (float)(random_state >> 8) / 16777216.0f - 0.5f;
}

/* Images are alike, as true ones are: errors of rounding add up in the same way again and again. */
static void fill_samples(unsigned seed)
{
    random_state = seed;
    for (int i = 0; i < NUM_SAMPLES; i++)
        samples[i] = 1 + 0.3f * next_random() + (i / SIDE % SIDE < 4 ? 0.5f : 0);
}

/* Conv, Relu, MaxPool, Flatten, Gemm; a weight of each channel is 0. */
static network make(unsigned seed)
{
    float conv[NUM_CONV], fc[NUM_FC], bias[CHANNELS] = {0.1f, -0.2f, 0, 0.3f};
    random_state = seed;
    for (int i = 0; i < NUM_CONV; i++)
        conv[i] = i % 9 == PRUNED ? 0 : next_random() + 0.1f;
    for (int i = 0; i < NUM_FC; i++)
        fc[i] = i % FLAT == PRUNED ? 0 : next_random();
    network n = network_small(dev, SIDE, CHANNELS, conv, bias, KERF_SHAPE(CLASSES, FLAT), fc, NULL);
    CHECK_OK(kerf_graph_add_output(n.g, kerf_graph_find(n.g, "relu")));
    return n;
}

static kerf_dataset *open_data(void)
{
    return network_data(KERF_SHAPE(SAMPLES, 1, SIDE, SIDE), samples, NULL);
}

static kerf_calibrate_options how_to_learn(void)
{
    return (kerf_calibrate_options){
        .samples = SAMPLES, .batch = BATCH, .steps = num_steps, .seed = 1, .prep = "raw"};
}

/* ---- nearer to the floats -------------------------------------------------------------- */

static const struct way {
    kerf_quantize_mode mode;
    kerf_type weights;
    kerf_quantize_per per;
    int asymmetric;
} WAYS[] = {
    {KERF_QUANTIZE_STATIC, KERF_S4, KERF_PER_CHANNEL, 0},
    {KERF_QUANTIZE_STATIC, KERF_S2, KERF_PER_TENSOR, 1},
    {KERF_QUANTIZE_WEIGHT_ONLY, KERF_S2, KERF_PER_BLOCK, 0},
    {KERF_QUANTIZE_DYNAMIC, KERF_S8, KERF_PER_CHANNEL, 1},
};

static kerf_quantize_options options_of(const struct way *way)
{
    kerf_quantize_options o = kerf_quantize_defaults(way->mode);
    o.weights = way->weights;
    o.per = way->per;
    o.block = way->per == KERF_PER_BLOCK ? 16 : 0;
    o.asymmetric = way->asymmetric;
    return o;
}

/* The rounded network; n stays as it is. */
static network rounded(const network *n, const kerf_quantize_options *o)
{
    network out;
    CHECK_OK(kerf_graph_copy(&out.g, n->g));
    CHECK_OK(kerf_state_copy(&out.s, n->s, dev));
    CHECK_OK(kerf_quantize(out.g, out.s, o));
    return out;
}

/* At the end of the layer that is rounded first: how errors of layers meet is luck here. */
static double distance(const network *n, const char *end, const float *want)
{
    static float got[NUM_MOST];
    double sum = 0;
    network_run(n->g, n->s, samples, SAMPLES, end, got);
    for (int i = 0; i < NUM_MOST && (i < NUM_OUTPUTS || strcmp(end, "relu") == 0); i++)
        sum += pow((double)got[i] - (double)want[i], 2);
    return sum;
}

static const kerf_tensor *constant(const network *n, const char *name)
{
    const kerf_value *v = kerf_graph_find(n->g, name);
    return v != NULL ? kerf_value_constant(v) : NULL;
}

/* Both integers of a weight are beside it: no more than one apart, and 0 where it is.  Gives back
 * how many are not the nearest. */
static int check_integers(const network *nearest, const network *learned, const char *weight)
{
    char name[64], zero[64];
    int num_other = 0;
    snprintf(name, sizeof name, "%s_q", weight);
    snprintf(zero, sizeof zero, "%s_zero", weight);
    const kerf_tensor *a = constant(nearest, name), *b = constant(learned, name);
    const kerf_tensor *zeros = constant(nearest, zero);
    if (a == NULL) /* a layer of the dynamic mode that stays as it is */
        return 0;
    for (size_t i = 0; i < kerf_tensor_num_elements(a); i++) {
        const int64_t was = kerf__tensor_int(a, i), is = kerf__tensor_int(b, i);
        CHECK(llabs(was - is) <= 1);
        num_other += was != is;
    }
    for (size_t i = PRUNED; zeros != NULL && strcmp(weight, "conv.weight") == 0 && i < NUM_CONV;
         i += 9)
        CHECK(kerf__tensor_int(b, i) == kerf__tensor_int(zeros, 0)); /* all are the same here */
    return num_other;
}

static void test_nearer(const struct way *way, unsigned seed)
{
    static float want[NUM_MOST];
    const char *end = way->mode == KERF_QUANTIZE_DYNAMIC ? "logits" : "relu";
    kerf_ranges *r = NULL;
    kerf_state *learned;
    fill_samples(seed);
    network n = make(seed);
    kerf_dataset *d = open_data();
    kerf_quantize_options o = options_of(way);
    const kerf_calibrate_options how = how_to_learn();
    network_run(n.g, n.s, samples, SAMPLES, end, want);
    if (way->mode == KERF_QUANTIZE_STATIC)
        CHECK_OK(kerf_calibrate(&r, n.g, n.s, d, &o, &how));
    o.ranges = r;
    CHECK_OK(kerf_quantize_learn(&learned, n.g, n.s, d, &o, &how));
    CHECK(distance(&n, end, want) == 0); /* the network itself is as it was */
    network nearest = rounded(&n, &o);
    o.learned = learned;
    network better = rounded(&n, &o);
    const double was = distance(&nearest, end, want), is = distance(&better, end, want);
    if (!(is <= share * was)) {
        printf("way %d, seed %u: learned rounding is off by %g, nearest by %g\n", (int)(way - WAYS),
               seed, is, was);
        check_failures++;
    }
    CHECK(check_integers(&nearest, &better, "conv.weight") +
                  check_integers(&nearest, &better, "fc.weight") >
              0 ||
          share >= 1);
    network_end(&n);
    network_end(&nearest);
    network_end(&better);
    kerf_state_destroy(learned);
    kerf_ranges_destroy(r);
    kerf_dataset_close(d);
}

/* ---- the same bits, and an end before the end -------------------------------------------- */

static int stop_at(void *context, int64_t done, int64_t num)
{
    CHECK(done <= num && num == 2 * num_steps);
    return done >= *(int *)context;
}

static void test_same(void)
{
    float a[NUM_FC], b[NUM_FC];
    int last = 2 * num_steps + 1, early = num_steps + 2;
    kerf_state *first, *second;
    network n = make(5);
    kerf_dataset *d = open_data();
    const kerf_quantize_options o = options_of(&WAYS[2]);
    kerf_calibrate_options how = how_to_learn();
    how.progress = stop_at;
    how.context = &last;
    CHECK_OK(kerf_quantize_learn(&first, n.g, n.s, d, &o, &how));
    CHECK_OK(kerf_quantize_learn(&second, n.g, n.s, d, &o, &how));
    CHECK_OK(kerf_state_read(first, kerf_state_find(first, "fc.weight")->id, a));
    CHECK_OK(kerf_state_read(second, kerf_state_find(second, "fc.weight")->id, b));
    CHECK(memcmp(a, b, sizeof a) == 0);
    kerf_state_destroy(first);
    kerf_state_destroy(second);
    how.context = &early;
    CHECK_STATUS(KERF_ERR_CANCELLED, kerf_quantize_learn(&first, n.g, n.s, d, &o, &how));
    CHECK(first == NULL);
    network_end(&n);
    kerf_dataset_close(d);
}

/* ---- what is left alone, and what is refused --------------------------------------------- */

/* Two layers that share a weight cannot both have their way. */
static void test_shared(void)
{
    enum { N = SIDE * SIDE };
    static float weight[N * N], is[N * N];
    network n;
    kerf_node *node;
    kerf_state *learned;
    kerf_value *v = network_begin(&n, dev, 1, SIDE), *in[2];
    for (int i = 0; i < N * N; i++)
        weight[i] = next_random();
    in[0] = network_node(&n, "Flatten", "flat", &v, 1, &node);
    in[1] = network_weight(&n, "shared", KERF_SHAPE(N, N), weight);
    in[0] = network_node(&n, "MatMul", "first", in, 2, &node);
    v = network_node(&n, "MatMul", "second", in, 2, &node);
    CHECK_OK(kerf_graph_add_output(n.g, v));
    kerf_dataset *d = open_data();
    const kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_WEIGHT_ONLY);
    const kerf_calibrate_options how = how_to_learn();
    CHECK_OK(kerf_quantize_learn(&learned, n.g, n.s, d, &o, &how));
    CHECK_OK(kerf_state_read(learned, kerf_state_find(learned, "shared")->id, is));
    CHECK(memcmp(weight, is, sizeof is) == 0);
    kerf_state_destroy(learned);
    kerf_dataset_close(d);
    network_end(&n);
}

static void test_refusals(void)
{
    kerf_state *learned;
    network n = make(6), empty;
    kerf_dataset *d = open_data();
    kerf_quantize_options o = options_of(&WAYS[2]);
    kerf_calibrate_options how = how_to_learn();
    how.steps = 0;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_quantize_learn(&learned, n.g, n.s, d, &o, &how));
    CHECK(learned == NULL && strstr(kerf_last_error(), "0 steps a layer: must be") != NULL);
    network_begin(&empty, dev, 1, SIDE);
    o.learned = empty.s;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_quantize(n.g, n.s, &o));
    CHECK(strstr(kerf_last_error(), "no weights like 'conv.weight'") != NULL);
    network_end(&empty);
    network_end(&n);
    kerf_dataset_close(d);
}

int main(void)
{
    dev = check_open_device();
    if (getenv("KERF_TEST_SMALL") != NULL) {
        num_steps = 3;
        share = 1;
    }
    for (unsigned seed = 1; seed <= NUM_SEEDS && share < 1; seed++)
        test_nearer(&WAYS[seed - 1], seed);
    for (size_t i = 0; i < sizeof WAYS / sizeof WAYS[0]; i++)
        test_nearer(&WAYS[i], 7);
    test_same();
    test_shared();
    test_refusals();
    kerf_device_close(dev);
    return check_result();
}
