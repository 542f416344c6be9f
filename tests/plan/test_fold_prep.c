/* test_fold_prep.c -- a preparation that moved into the network: of bytes as they are it makes what
 * it made of prepared ones before, whatever reads the input. */
#include <string.h>

#include "graph/graph_internal.h"
#include "kerf/kerf.h"
#include "op_check.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])
#define IMAGENET      "scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225"

enum { BATCH = 2, MOST = 2000 };
static kerf_device *dev;

/* The layers: Flatten if it is asked for, then `op`; a second reader of the input if asked for. */
typedef struct fold_case {
    const char *op;
    kerf_shape input, weights; /* weights: rank 0 for none */
    int num_bias, group, pad, turned, is_flat, has_other_reader;
    const char *prep;
    int num_nodes; /* when it is folded */
} fold_case;

static const fold_case CASES[] = {
    {"Conv", {4, {BATCH, 3, 5, 6}}, {4, {4, 3, 3, 3}}, 4, 1, 0, 0, 0, 0, IMAGENET, 1},
    {"Conv", {4, {BATCH, 3, 5, 6}}, {4, {4, 3, 3, 3}}, 0, 1, 0, 0, 0, 0, IMAGENET, 1},
    {"Conv", {4, {BATCH, 3, 5, 6}}, {4, {6, 1, 3, 2}}, 6, 3, 0, 0, 0, 0, IMAGENET, 1},
    /* What is padded is 0 behind the preparation, so the mean stays in front. */
    {"Conv", {4, {BATCH, 3, 5, 6}}, {4, {4, 3, 3, 3}}, 4, 1, 1, 0, 0, 0, IMAGENET, 2},
    {"Conv", {4, {BATCH, 3, 5, 6}}, {4, {4, 3, 3, 3}}, 4, 1, 1, 0, 0, 0, "scale=1/255", 1},
    {"Conv", {4, {BATCH, 3, 5, 6}}, {4, {4, 3, 3, 3}}, 4, 1, 0, 0, 0, 1, IMAGENET, 4},
    {"Gemm", {4, {BATCH, 3, 4, 5}}, {2, {7, 60}}, 7, 1, 0, 1, 1, 0, IMAGENET, 2},
    {"Gemm", {4, {BATCH, 3, 4, 5}}, {2, {60, 7}}, 0, 1, 0, 0, 1, 0, IMAGENET, 2},
    {"Gemm", {2, {BATCH, 60}}, {2, {60, 7}}, 7, 1, 0, 0, 0, 0, "signed", 1},
    {"Sigmoid", {4, {BATCH, 3, 4, 5}}, {0, {0}}, 0, 1, 0, 0, 0, 0, IMAGENET, 3},
    {"Sigmoid", {4, {BATCH, 4, 5, 3}}, {0, {0}}, 0, 1, 0, 0, 0, 0, IMAGENET ",layout=nhwc", 3},
    {"Sigmoid", {4, {BATCH, 3, 4, 5}}, {0, {0}}, 0, 1, 0, 0, 0, 0, "raw", 1},
};

typedef struct network {
    kerf_graph *g;
    kerf_state *s;
} network;

static kerf_value *add_weight(network *n, const char *name, kerf_shape shape, unsigned seed)
{
    float data[MOST];
    kerf_value *v;
    int id;
    op_check_fill(data, (size_t)kerf_shape_num_elements(shape), seed);
    CHECK_OK(kerf_state_add(n->s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_state_write(n->s, id, data));
    CHECK_OK(kerf_graph_add_state(n->g, name, id, KERF_F32, shape, &v));
    return v;
}

static void set_layer(kerf_node *n, const fold_case *k)
{
    if (strcmp(k->op, "Conv") == 0) {
        CHECK_OK(kerf_node_set_int(n, "group", k->group));
        CHECK_OK(kerf_node_set_ints(n, "pads", (int64_t[]){k->pad, k->pad, k->pad, k->pad}, 4));
    } else if (strcmp(k->op, "Gemm") == 0) {
        CHECK_OK(kerf_node_set_int(n, "transB", k->turned));
    }
}

static void make(network *n, const fold_case *k)
{
    kerf_value *inputs[3], *x;
    kerf_node *node;
    int num = 1;
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    CHECK_OK(kerf_graph_add_input(n->g, "x", KERF_F32, k->input, &x));
    inputs[0] = x;
    if (k->is_flat) {
        CHECK_OK(kerf_graph_add_node(n->g, "Flatten", "flat", inputs, 1, 1, &node));
        inputs[0] = node->outputs[0];
    }
    if (k->weights.rank > 0)
        inputs[num++] = add_weight(n, "w", k->weights, 3);
    if (k->num_bias > 0)
        inputs[num++] = add_weight(n, "b", KERF_SHAPE(k->num_bias), 4);
    CHECK_OK(kerf_graph_add_node(n->g, k->op, "layer", inputs, num, 1, &node));
    set_layer(node, k);
    CHECK_OK(kerf_graph_add_output(n->g, node->outputs[0]));
    if (!k->has_other_reader)
        return;
    CHECK_OK(kerf_graph_add_node(n->g, "Relu", "other", &x, 1, 1, &node));
    CHECK_OK(kerf_graph_add_output(n->g, node->outputs[0]));
}

static void destroy(network *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

/* Output `which`; how many numbers it has. */
static size_t evaluate(const network *n, const float *x, size_t num, int which, float *y)
{
    kerf_plan *p;
    CHECK_OK(kerf_plan_create(&p, n->g, n->s, &(kerf_plan_options){.batch = BATCH}));
    if (p == NULL)
        exit(check_result());
    CHECK_OK(kerf_plan_feed(p, "x", x, num * sizeof *x));
    CHECK_OK(kerf_plan_run(p));
    const kerf_tensor *out = kerf_plan_output(p, kerf_value_name(kerf_graph_output(n->g, which)));
    const size_t num_results = kerf_tensor_num_elements(out);
    CHECK(num_results <= MOST);
    CHECK_OK(kerf_tensor_read(out, y));
    kerf_plan_destroy(p);
    return num_results;
}

/* Bytes, and what the preparation makes of them. */
static void fill(const fold_case *k, size_t num, float *bytes, float *prepared)
{
    kerf_prep prep;
    const kerf_shape s = k->input;
    CHECK_OK(kerf_prep_parse(&prep, k->prep));
    const size_t channels = s.rank == 4 ? (size_t)s.dims[prep.channels_last ? 3 : 1] : 1;
    const size_t area = prep.channels_last ? 1 : num / BATCH / channels;
    for (size_t i = 0; i < num; i++) {
        const size_t c = i / area % channels;
        bytes[i] = (float)(i * 2654435761u >> 7 & 255u);
        prepared[i] = (float)(((double)bytes[i] * (double)prep.scale - (double)prep.mean[c]) /
                              (double)prep.std[c]);
    }
}

static void check(const fold_case *k)
{
    static float bytes[MOST], prepared[MOST], got[MOST], y[MOST];
    network n;
    const size_t num = (size_t)kerf_shape_num_elements(k->input);
    fill(k, num, bytes, prepared);
    for (int which = 0; which <= k->has_other_reader; which++) {
        make(&n, k);
        const size_t num_results = evaluate(&n, prepared, num, which, y);
        double *want = op_check_numbers(KERF_F32, y, num_results);
        CHECK_OK(kerf_graph_fold_prep(n.g, n.s, k->prep));
        CHECK_OK(kerf_graph_verify(n.g));
        CHECK(kerf_graph_num_nodes(n.g) == k->num_nodes);
        CHECK(evaluate(&n, bytes, num, which, got) == num_results);
        /* Bytes to 255 and a mean of half of them cancel. */
        check_close(k->op, got, want, num_results, check_tolerance(16, 60));
        free(want);
        destroy(&n);
    }
}

/* What is about whole pictures stays with the file; what is folded does not. */
static void test_rest(void)
{
    static const char *const TEXTS[][2] = {
        {"resize=8,crop=5x4,bgr," IMAGENET, "resize=8,crop=5x4,bgr,scale=1"},
        {"resize=7x6,gray,signed", "resize=7x6,gray,scale=1"},
        {"raw", "scale=1"},
    };
    for (size_t i = 0; i < LENGTH(TEXTS); i++) {
        network n;
        make(&n, &CASES[0]);
        CHECK_OK(kerf_graph_fold_prep(n.g, n.s, TEXTS[i][0]));
        CHECK(strcmp(kerf_graph_metadata(n.g, "kerf.prep"), TEXTS[i][1]) == 0);
        destroy(&n);
    }
}

int main(void)
{
    dev = check_open_device();
    for (size_t i = 0; i < LENGTH(CASES); i++)
        check(&CASES[i]);
    test_rest();
    kerf_device_close(dev);
    return check_result();
}
