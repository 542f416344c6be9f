/* The built-in networks: sizes, names, fresh weights, and options that cannot be. */
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "check.h"
#include "kerf/nets.h"
#include "kerf/plan.h"
#include "ops/op.h"

static int64_t count_weights(const kerf_state *s)
{
    int64_t num = 0;
    for (int id = 0; id < kerf_state_num_ids(s); id++)
        num += kerf_shape_num_elements(kerf_tensor_shape(kerf_state_get(s, id)->tensor));
    return num;
}

static int create(kerf_graph **g, kerf_state **s, const kerf_net_options *options)
{
    CHECK_OK(kerf_net_create(g, s, "lenet-300-100", options, NULL));
    return *g != NULL;
}

static void test_lenet(void)
{
    kerf_graph *g;
    kerf_state *s;
    if (!create(&g, &s, NULL))
        return;
    CHECK_OK(kerf_graph_verify(g));
    CHECK(count_weights(s) == 266610);
    static const char *const names[] = {"flatten", "fc1", "relu1", "fc2", "relu2", "fc3"};
    static const char *const ops[] = {"Flatten", "Gemm", "Relu", "Gemm", "Relu", "Gemm"};
    CHECK(kerf_graph_num_nodes(g) == 6);
    for (int i = 0; i < kerf_graph_num_nodes(g); i++) {
        CHECK(strcmp(kerf_node_name(kerf_graph_node(g, i)), names[i]) == 0);
        CHECK(strcmp(kerf_node_op(kerf_graph_node(g, i)), ops[i]) == 0);
    }
    const kerf_state_entry *w = kerf_state_find(s, "fc1.weight");
    CHECK(w != NULL && w->role == KERF_ROLE_WEIGHT &&
          kerf_shape_equal(kerf_tensor_shape(w->tensor), KERF_SHAPE(300, 784)));
    CHECK(kerf_state_find(s, "fc1.bias") != NULL);
    kerf_value *in = kerf_graph_input(g, 0), *out = kerf_graph_output(g, 0);
    CHECK(strcmp(kerf_value_name(in), "input") == 0 && kerf_value_shape(in).rank == 4);
    CHECK(strcmp(kerf_graph_symbol_name(g, kerf_value_shape(in).dims[0]), "N") == 0);
    CHECK(strcmp(kerf_value_name(out), "logits") == 0);
    CHECK(kerf_shape_equal(kerf_value_shape(out), KERF_SHAPE(kerf_graph_symbol(g, "N"), 10)));
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

/* Layers with weights: name, weights with their biases, multiply-adds for one image. */
typedef struct layer {
    const char *name;
    int64_t num_weights;
    double macs;
} layer;

static const layer LENET_5[] = {{"conv1", 520, 288000},
                                {"conv2", 25050, 1600000},
                                {"fc1", 400500, 400000},
                                {"fc2", 5010, 5000}};
static const layer LENET_5_CLASSIC[] = {{"conv1", 156, 117600},
                                        {"conv2", 2416, 240000},
                                        {"fc1", 48120, 48000},
                                        {"fc2", 10164, 10080},
                                        {"fc3", 850, 840}};

static int64_t num_elements_of(const kerf_state *s, const char *layer_name, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", layer_name, what);
    return kerf_shape_num_elements(kerf_tensor_shape(kerf_state_find(s, name)->tensor));
}

/* Published sizes, and the shapes that the layers set are those that shape rules find. */
static void check_layers(const char *name, const layer *layers, int num, int64_t num_weights)
{
    kerf_graph *g;
    kerf_state *s;
    int at = 0;
    CHECK_OK(kerf_net_create(&g, &s, name, NULL, NULL));
    CHECK_OK(kerf_graph_verify(g));
    CHECK(count_weights(s) == num_weights);
    kerf_shape set = kerf_value_shape(kerf_node_output(kerf_graph_node(g, 2), 0));
    CHECK_OK(kerf_graph_infer(g, 1));
    kerf_shape found = kerf_value_shape(kerf_node_output(kerf_graph_node(g, 2), 0));
    set.dims[0] = 1;
    CHECK(kerf_shape_equal(set, found));
    for (int i = 0; i < kerf_graph_num_nodes(g) && at < num; i++) {
        const kerf_node *n = kerf_graph_node(g, i);
        const kerf__op *op = kerf__op_find(kerf_node_op(n));
        if (op->macs == NULL)
            continue;
        const layer *l = &layers[at++];
        CHECK(strcmp(kerf_node_name(n), l->name) == 0);
        CHECK(op->macs(n) == l->macs);
        CHECK(num_elements_of(s, l->name, "weight") + num_elements_of(s, l->name, "bias") ==
              l->num_weights);
    }
    CHECK(at == num);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

static void test_convolutional(void)
{
    check_layers("lenet-5", LENET_5, 4, 431080);
    check_layers("lenet-5-classic", LENET_5_CLASSIC, 5, 61706);
}

/* Parameters without running statistics, and multiply-adds of convolutions and fully connected
 * layers, as published with the architecture's weights (torchvision) or counted by hand from its
 * table (LeNet). */
static const struct {
    const char *name;
    int64_t num_parameters;
    double macs;
} PUBLISHED[] = {
    {"lenet-300-100", 266610, 266200},          {"lenet-5", 431080, 2293000},
    {"lenet-5-classic", 61706, 416520},         {"resnet-18", 11689512, 1814073344},
    {"resnet-34", 21797672, 3663761408},        {"resnet-50", 25557032, 4089184256},
    {"resnet-101", 44549160, 7801405440},       {"resnet-152", 60192808, 11513626624},
    {"resnet-18-cifar", 11173962, 555422720},   {"resnet-34-cifar", 21282122, 1159402496},
    {"resnet-50-cifar", 23520842, 1297829888},  {"resnet-101-cifar", 42512970, 2509983744},
    {"resnet-152-cifar", 58156618, 3722137600}, {"vgg-16-cifar", 14728266, 313201664},
    {"mobilenet-v2", 3504872, 300774272},
};
enum { NUM_PUBLISHED = sizeof PUBLISHED / sizeof PUBLISHED[0] };

static int64_t count_role(const kerf_state *s, kerf_role role)
{
    int64_t num = 0;
    for (int id = 0; id < kerf_state_num_ids(s); id++)
        if (kerf_state_get(s, id)->role == role)
            num += kerf_shape_num_elements(kerf_tensor_shape(kerf_state_get(s, id)->tensor));
    return num;
}

static void check_published(int i)
{
    kerf_graph *g;
    kerf_state *s;
    double macs = 0;
    CHECK(kerf_net_list(i) != NULL && strcmp(kerf_net_list(i)->name, PUBLISHED[i].name) == 0);
    CHECK_OK(
        kerf_net_create(&g, &s, PUBLISHED[i].name, &(kerf_net_options){.shapes_only = 1}, NULL));
    if (g == NULL)
        return;
    CHECK_OK(kerf_graph_verify(g));
    const kerf_shape logits = kerf_value_shape(kerf_graph_output(g, 0));
    CHECK_OK(kerf_graph_infer(g, 1)); /* the shape rules agree with what the builder said */
    CHECK(kerf_value_shape(kerf_graph_output(g, 0)).dims[1] == logits.dims[1]);
    for (int n = 0; n < kerf_graph_num_nodes(g); n++)
        macs += kerf_node_macs(kerf_graph_node(g, n));
    if (count_role(s, KERF_ROLE_WEIGHT) != PUBLISHED[i].num_parameters ||
        macs != PUBLISHED[i].macs) {
        printf("%s has %lld parameters and %.0f MACs, must have %lld and %.0f\n", PUBLISHED[i].name,
               (long long)count_role(s, KERF_ROLE_WEIGHT), macs,
               (long long)PUBLISHED[i].num_parameters, PUBLISHED[i].macs);
        check_failures++;
    }
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

static void test_published(void)
{
    for (int i = 0; i < NUM_PUBLISHED; i++)
        check_published(i);
    CHECK(kerf_net_list(NUM_PUBLISHED) == NULL);
}

/* A batch norm begins as the identity does. */
static void test_batch_norm(void)
{
    static const struct {
        const char *name;
        kerf_role role;
        float number;
    } ENTRIES[] = {{"bn1.weight", KERF_ROLE_WEIGHT, 1},
                   {"bn1.bias", KERF_ROLE_WEIGHT, 0},
                   {"bn1.running_mean", KERF_ROLE_STATISTIC, 0},
                   {"bn1.running_var", KERF_ROLE_STATISTIC, 1}};
    kerf_graph *g;
    kerf_state *s;
    CHECK_OK(kerf_net_create(&g, &s, "resnet-18-cifar", &(kerf_net_options){.width = 0.1}, NULL));
    for (size_t i = 0; i < sizeof ENTRIES / sizeof ENTRIES[0]; i++) {
        const kerf_state_entry *e = kerf_state_find(s, ENTRIES[i].name);
        CHECK(e != NULL && e->role == ENTRIES[i].role);
        CHECK(kerf_shape_equal(kerf_tensor_shape(e->tensor), KERF_SHAPE(6)));
        for (int k = 0; k < 6; k++)
            CHECK(((const float *)kerf_tensor_data(e->tensor))[k] == ENTRIES[i].number);
    }
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

static void test_options(void)
{
    kerf_graph *g;
    kerf_state *s;
    const kerf_net_options options = {.classes = 7, .input = {3, 5, 4}, .width = 0.1, .seed = 3};
    if (!create(&g, &s, &options))
        return;
    /* 60 -> 30 -> 10 -> 7 */
    CHECK(count_weights(s) == 60 * 30 + 30 + 30 * 10 + 10 + 10 * 7 + 7);
    CHECK(kerf_shape_equal(kerf_value_shape(kerf_graph_output(g, 0)),
                           KERF_SHAPE(kerf_graph_symbol(g, "N"), 7)));
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

static void test_shapes_only(void)
{
    kerf_graph *g;
    kerf_state *s;
    const kerf_net_options options = {.width = 0.1, .seed = 3, .shapes_only = 1};
    if (!create(&g, &s, &options))
        return;
    CHECK(count_weights(s) == 784 * 30 + 30 + 30 * 10 + 10 + 10 * 10 + 10);
    const float *x = kerf_tensor_data(kerf_state_find(s, "fc1.weight")->tensor);
    for (int i = 0; i < 784 * 30; i++)
        CHECK(x[i] == 0);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

/* Uniform in +-1/sqrt(fan in): bounds kept and nearly reached, mean and variance as they
 * must be within five standard errors. */
static void check_uniform(const kerf_state *s, const char *name, double fan_in)
{
    const kerf_state_entry *e = kerf_state_find(s, name);
    size_t num = kerf_tensor_num_elements(e->tensor);
    const float *x = kerf_tensor_data(e->tensor);
    double bound = 1 / sqrt(fan_in), sum = 0, squares = 0, largest = 0;
    for (size_t i = 0; i < num; i++) {
        sum += (double)x[i];
        squares += (double)x[i] * (double)x[i];
        largest = fmax(largest, fabs((double)x[i]));
    }
    double sigma = bound / sqrt(3), n = (double)num;
    CHECK(largest <= bound && largest > bound * (1 - 10 / n));
    CHECK(fabs(sum / n) < 5 * sigma / sqrt(n));
    CHECK(fabs(squares / n - sigma * sigma) < 5 * sigma * sigma * sqrt(0.8 / n));
}

static void test_fresh_weights(void)
{
    kerf_graph *g[3];
    kerf_state *s[3];
    const kerf_net_options one = {.seed = 1}, two = {.seed = 2};
    if (!create(&g[0], &s[0], &one) || !create(&g[1], &s[1], &one) || !create(&g[2], &s[2], &two))
        return;
    check_uniform(s[0], "fc1.weight", 784);
    check_uniform(s[0], "fc1.bias", 784);
    check_uniform(s[0], "fc2.weight", 300);
    kerf_graph *images;
    kerf_state *filters;
    CHECK_OK(kerf_net_create(&images, &filters, "lenet-5", &one, NULL));
    check_uniform(filters, "conv2.weight", 20 * 25);
    kerf_graph_destroy(images);
    kerf_state_destroy(filters);
    for (int id = 0; id < kerf_state_num_ids(s[0]); id++) {
        size_t num = kerf_tensor_num_elements(kerf_state_get(s[0], id)->tensor);
        const float *x[3];
        for (int i = 0; i < 3; i++)
            x[i] = kerf_tensor_data(kerf_state_get(s[i], id)->tensor);
        CHECK(memcmp(x[0], x[1], num * sizeof(float)) == 0);
        CHECK(memcmp(x[0], x[2], num * sizeof(float)) != 0);
    }
    /* What the header promises about the numbers themselves: element i of tensor t. */
    const float *x = kerf_tensor_data(kerf_state_find(s[0], "fc1.bias")->tensor);
    float unit = kerf__random_float(kerf__random_key(1, KERF__RANDOM_INIT, 1), 0, 5);
    CHECK(x[5] == (2 * unit - 1) * (float)(1 / sqrt(784.0)));
    for (int i = 0; i < 3; i++) {
        kerf_graph_destroy(g[i]);
        kerf_state_destroy(s[i]);
    }
}

static void check_refused(const char *name, kerf_net_options options, const char *message)
{
    kerf_graph *g;
    kerf_state *s;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_net_create(&g, &s, name, &options, NULL));
    CHECK(g == NULL && s == NULL);
    if (strcmp(kerf_last_error(), message) != 0) {
        printf("got '%s', must be '%s'\n", kerf_last_error(), message);
        check_failures++;
    }
}

static void test_refused(void)
{
    static const char *const name = "lenet-300-100";
    check_refused("lenet", (kerf_net_options){0},
                  "no network is called 'lenet', must be one of: lenet-300-100, lenet-5, "
                  "lenet-5-classic, resnet-18, resnet-34, resnet-50, resnet-101, resnet-152, "
                  "resnet-18-cifar, resnet-34-cifar, resnet-50-cifar, resnet-101-cifar, "
                  "resnet-152-cifar, vgg-16-cifar, mobilenet-v2");
    check_refused("resnet-18", (kerf_net_options){.input = {3, 1, 0}},
                  "resnet-18: input (3, 1, 0), each must be 1 to 1048576");
    check_refused(name, (kerf_net_options){.classes = -1},
                  "lenet-300-100: -1 classes, must be 1 to 1048576");
    check_refused(name, (kerf_net_options){.input = {1, 0, 28}},
                  "lenet-300-100: input (1, 0, 28), each must be 1 to 1048576");
    check_refused(name, (kerf_net_options){.width = -2},
                  "lenet-300-100: width -2, must be above 0 and at most 1000");
    check_refused(name, (kerf_net_options){.width = NAN},
                  "lenet-300-100: width nan, must be above 0 and at most 1000");
    check_refused("lenet-5", (kerf_net_options){.input = {1, 4, 28}},
                  "conv1: an image of 4 x 28, each side must be at least 5");
    check_refused("lenet-5-classic", (kerf_net_options){.input = {3, 2, 2}},
                  "conv2: an image of 1 x 1, each side must be at least 5");
    CHECK(kerf_net_list(-1) == NULL);
    CHECK(strcmp(kerf_net_list(0)->name, name) == 0 && kerf_net_list(0)->classes == 10);
}

/* Without memory at any point: a failure that leaves nothing behind (seen by the leak
 * checker of the asan preset). */
static void check_no_memory(const char *name, kerf_net_options options)
{
    for (long n = 1;; n++) {
        kerf_graph *g;
        kerf_state *s;
        kerf__alloc_fail_at(n);
        kerf_status status = kerf_net_create(&g, &s, name, &options, NULL);
        kerf__alloc_fail_at(0);
        CHECK((status == KERF_OK) == (g != NULL) && (g != NULL) == (s != NULL));
        kerf_graph_destroy(g);
        kerf_state_destroy(s);
        if (status == KERF_OK)
            return;
        CHECK(status == KERF_ERR_MEMORY);
    }
}

static void test_no_memory(void)
{
    check_no_memory("lenet-300-100", (kerf_net_options){.input = {1, 2, 2}, .width = 0.01});
    check_no_memory("lenet-5", (kerf_net_options){.input = {1, 16, 16}, .width = 0.01});
    check_no_memory("mobilenet-v2", (kerf_net_options){.input = {3, 8, 8}, .width = 0.01});
}

int main(void)
{
    test_lenet();
    test_convolutional();
    test_published();
    test_batch_norm();
    test_options();
    test_shapes_only();
    test_fresh_weights();
    test_refused();
    test_no_memory();
    return check_result();
}
