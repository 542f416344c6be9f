/* sample_network.h -- a network that tests of rewriting to small integers rewrite: convolution,
 * normalisation, Relu, pooling and a layer of products; what is asked of it before and after, and
 * ranges for it. */
#ifndef KERF_SAMPLE_NETWORK_H
#define KERF_SAMPLE_NETWORK_H

#include <string.h>

#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/kerf.h"
#include "network.h"
#include "tensor/tensor_internal.h"

enum { BATCH = 3, SIDE = 6, CHANNELS = 5, CLASSES = 4, FLAT = CHANNELS * 3 * 3 };
enum { NUM_INPUTS = BATCH * SIDE * SIDE, NUM_OUTPUTS = BATCH * CLASSES };

/* Plain pseudo-random numbers in [-0.5, 0.5). */
static inline float next_random(void)
{
    static unsigned x = 12345;
    x = x * 1664525u + 1013904223u;
    return (float)(x >> 8) / 16777216.0f - 0.5f;
}

static inline kerf_value *add_weight(network *n, const char *name, kerf_shape shape, float offset)
{
    float data[CLASSES * FLAT];
    const int64_t num = kerf_shape_num_elements(shape);
    for (int64_t i = 0; i < num; i++)
        data[i] = offset + next_random();
    return network_weight(n, name, shape, data);
}

/* Conv, BatchNormalization, Relu, MaxPool, Flatten, Gemm. */
static inline network sample_network(kerf_device *dev)
{
    network n;
    kerf_node *node;
    kerf_value *v, *in[5];
    in[0] = network_begin(&n, dev, 1, SIDE);
    in[1] = add_weight(&n, "conv.weight", KERF_SHAPE(CHANNELS, 1, 3, 3), 0);
    in[0] = network_conv(&n, "conv", in, 2, 1);
    in[1] = add_weight(&n, "norm.scale", KERF_SHAPE(CHANNELS), 1);
    in[2] = add_weight(&n, "norm.offset", KERF_SHAPE(CHANNELS), 0);
    in[3] = add_weight(&n, "norm.mean", KERF_SHAPE(CHANNELS), 0);
    in[4] = add_weight(&n, "norm.variance", KERF_SHAPE(CHANNELS), 1);
    v = network_node(&n, "BatchNormalization", "norm", in, 5, &node);
    v = network_node(&n, "Relu", "relu", &v, 1, &node);
    v = network_pool(&n, "pool", v);
    in[0] = network_node(&n, "Flatten", "flat", &v, 1, &node);
    in[1] = add_weight(&n, "fc.weight", KERF_SHAPE(CLASSES, FLAT), 0);
    in[2] = add_weight(&n, "fc.bias", KERF_SHAPE(CLASSES), 0);
    v = network_node(&n, "Gemm", "fc", in, 3, &node);
    CHECK_OK(kerf_node_set_int(node, "transB", 1));
    CHECK_OK(kerf_value_rename(n.g, v, "logits"));
    CHECK_OK(kerf_graph_add_output(n.g, v));
    return n;
}

/* The same inputs each time. */
static inline const float *sample_inputs(void)
{
    static float x[NUM_INPUTS];
    for (int i = 0; i < NUM_INPUTS; i++)
        x[i] = sinf((float)i * 0.7f) * 2;
    return x;
}

static inline void sample_run(const network *n, float *out)
{
    network_run(n->g, n->s, sample_inputs(), BATCH, "logits", out);
}

static inline void sample_run_as_wanted(const network *n, double *want)
{
    float out[NUM_OUTPUTS];
    sample_run(n, out);
    for (int i = 0; i < NUM_OUTPUTS; i++)
        want[i] = (double)out[i];
}

static inline void check_ops(const network *n, const char *want)
{
    char text[1024] = "";
    for (size_t i = 0; i < n->g->num_nodes; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 0 ? " " : "",
                 n->g->nodes[i]->op);
    if (strcmp(text, want) != 0) {
        printf("nodes are:  %s\nnot         %s\n", text, want);
        check_failures++;
    }
}

static inline const kerf_tensor *constant(const network *n, const char *name)
{
    const kerf_value *v = kerf_graph_find(n->g, name);
    if (v != NULL && kerf_value_constant(v) != NULL)
        return kerf_value_constant(v);
    printf("there is no constant '%s'\n", name);
    exit(1);
}

static inline void check_message(const char *words)
{
    if (strstr(kerf_last_error(), words) == NULL) {
        printf("message '%s' does not hold '%s'\n", kerf_last_error(), words);
        check_failures++;
    }
}

static inline kerf_ranges *ranges_of(const char *json)
{
    char path[] = "/tmp/kerf-ranges-XXXXXX";
    kerf_ranges *r;
    FILE *f = fdopen(mkstemp(path), "w");
    fputs(json, f);
    fclose(f);
    CHECK_OK(kerf_ranges_read(&r, path));
    remove(path);
    return r;
}

static const char RANGES[] = "{\"ranges\":{\"input\":{\"low\":-2,\"high\":3.1},\"relu\":{\"low\":0,"
                             "\"high\":6},\"logits\":{\"low\":-9,\"high\":9}}}";

static inline kerf_status quantize_static(network *n, kerf_quantize_options options,
                                          const char *json)
{
    kerf_ranges *r = ranges_of(json);
    options.ranges = r;
    kerf_status status = kerf_quantize(n->g, n->s, &options);
    kerf_ranges_destroy(r);
    return status;
}

static inline void check_mode(kerf_device *dev, const char *what,
                              const kerf_quantize_options *options, const char *ops,
                              double tolerance)
{
    double want[NUM_OUTPUTS];
    float got[NUM_OUTPUTS];
    network n = sample_network(dev);
    sample_run_as_wanted(&n, want);
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(options->mode == KERF_QUANTIZE_STATIC ? quantize_static(&n, *options, RANGES)
                                                   : kerf_quantize(n.g, n.s, options));
    if (ops != NULL)
        check_ops(&n, ops);
    sample_run(&n, got);
    check_close(what, got, want, NUM_OUTPUTS, tolerance);
    network_end(&n);
}

/* Integer i of weight `base` as the float it stands for; its scale is number k. */
static inline float number_of(const network *n, const char *base, size_t i, size_t k)
{
    char name[64];
    snprintf(name, sizeof name, "%s_q", base);
    const int64_t q = kerf__tensor_int(constant(n, name), i);
    snprintf(name, sizeof name, "%s_zero", base);
    const int64_t zero = kerf__tensor_int(constant(n, name), k);
    snprintf(name, sizeof name, "%s_scale", base);
    return (float)(q - zero) * ((const float *)constant(n, name)->data)[k];
}

/* Rewriting with these options, and ranges if there are, fails with these words. */
static inline void check_refused(kerf_device *dev, kerf_quantize_options o, const char *json,
                                 const char *words)
{
    network n = sample_network(dev);
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK(json != NULL ? quantize_static(&n, o, json) != KERF_OK
                       : kerf_quantize(n.g, n.s, &o) != KERF_OK);
    check_message(words);
    network_end(&n);
}

#endif
