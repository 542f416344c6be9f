/* network.h -- small networks for tests of quantizing: how they are made, run and taken down. */
#ifndef TESTS_COMPRESS_NETWORK_H
#define TESTS_COMPRESS_NETWORK_H

#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "kerf/kerf.h"

typedef struct network {
    kerf_graph *g;
    kerf_state *s;
} network;

/* Empty, with an input "input" of (N, channels, side, side), which is given back. */
static inline kerf_value *network_begin(network *n, kerf_device *dev, int64_t channels,
                                        int64_t side)
{
    kerf_value *v;
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    const int64_t batch = kerf_graph_symbol(n->g, "N");
    CHECK_OK(
        kerf_graph_add_input(n->g, "input", KERF_F32, KERF_SHAPE(batch, channels, side, side), &v));
    return v;
}

static inline void network_end(network *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

static inline kerf_value *network_weight(network *n, const char *name, kerf_shape shape,
                                         const float *data)
{
    kerf_value *v;
    int id;
    CHECK_OK(kerf_state_add(n->s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_state_write(n->s, id, data));
    CHECK_OK(kerf_graph_add_state(n->g, name, id, KERF_F32, shape, &v));
    return v;
}

static inline kerf_value *network_node(network *n, const char *op, const char *name,
                                       kerf_value *const *inputs, int num_inputs, kerf_node **node)
{
    CHECK_OK(kerf_graph_add_node(n->g, op, name, inputs, num_inputs, 1, node));
    return kerf_node_output(*node, 0);
}

/* A 3x3 convolution that keeps the size. */
static inline kerf_value *network_conv(network *n, const char *name, kerf_value *const *inputs,
                                       int num_inputs, int group)
{
    kerf_node *node;
    kerf_value *v = network_node(n, "Conv", name, inputs, num_inputs, &node);
    CHECK_OK(kerf_node_set_ints(node, "pads", (int64_t[]){1, 1, 1, 1}, 4));
    CHECK_OK(kerf_node_set_int(node, "group", group));
    return v;
}

/* Halves the size. */
static inline kerf_value *network_pool(network *n, const char *name, kerf_value *v)
{
    kerf_node *node;
    v = network_node(n, "MaxPool", name, &v, 1, &node);
    CHECK_OK(kerf_node_set_ints(node, "kernel_shape", (int64_t[]){2, 2}, 2));
    CHECK_OK(kerf_node_set_ints(node, "strides", (int64_t[]){2, 2}, 2));
    return v;
}

/* A channel of side x side goes through Conv, Relu, MaxPool, Flatten and Gemm to "logits"; the
 * filters are (channels, 1, 3, 3), fc_shape is (classes, numbers), fc_bias may be NULL. */
static inline network network_small(kerf_device *dev, int64_t side, int64_t channels,
                                    const float *conv, const float *bias, kerf_shape fc_shape,
                                    const float *fc, const float *fc_bias)
{
    network n;
    kerf_node *node;
    kerf_value *v, *in[3];
    in[0] = network_begin(&n, dev, 1, side);
    in[1] = network_weight(&n, "conv.weight", KERF_SHAPE(channels, 1, 3, 3), conv);
    in[2] = network_weight(&n, "conv.bias", KERF_SHAPE(channels), bias);
    v = network_conv(&n, "conv", in, 3, 1);
    v = network_node(&n, "Relu", "relu", &v, 1, &node);
    v = network_pool(&n, "pool", v);
    in[0] = network_node(&n, "Flatten", "flat", &v, 1, &node);
    in[1] = network_weight(&n, "fc.weight", fc_shape, fc);
    if (fc_bias != NULL)
        in[2] = network_weight(&n, "fc.bias", KERF_SHAPE(fc_shape.dims[0]), fc_bias);
    v = network_node(&n, "Gemm", "fc", in, fc_bias != NULL ? 3 : 2, &node);
    CHECK_OK(kerf_node_set_int(node, "transB", 1));
    CHECK_OK(kerf_value_rename(n.g, v, "logits"));
    CHECK_OK(kerf_graph_add_output(n.g, v));
    return n;
}

/* Samples on the host as a data set, without labels where `labels` is NULL. */
static inline kerf_dataset *network_data(kerf_shape shape, const float *samples,
                                         const int64_t *labels)
{
    char paths[2][40] = {"/tmp/kerf-samples-XXXXXX", "/tmp/kerf-labels-XXXXXX"}, spec[128];
    const void *const numbers[2] = {samples, labels};
    const kerf_type types[2] = {KERF_F32, KERF_S64};
    const kerf_shape shapes[2] = {shape, KERF_SHAPE(shape.dims[0])};
    const int num = labels != NULL ? 2 : 1;
    kerf_dataset *d;
    for (int i = 0; i < num; i++) {
        kerf_tensor *t;
        close(mkstemp(paths[i]));
        CHECK_OK(kerf_tensor_create(&t, NULL, types[i], shapes[i]));
        CHECK_OK(kerf_tensor_write(t, numbers[i]));
        CHECK_OK(kerf_npy_write(t, paths[i]));
        kerf_tensor_destroy(t);
    }
    snprintf(spec, sizeof spec, "npy:%s%s%s", paths[0], num > 1 ? "," : "",
             num > 1 ? paths[1] : "");
    CHECK_OK(kerf_dataset_open(&d, spec));
    for (int i = 0; i < num; i++)
        unlink(paths[i]);
    return d;
}

/* The graph's output on a batch of samples, as floats or as what it holds. */
static inline void network_run(const kerf_graph *g, kerf_state *s, const float *samples,
                               int64_t batch, const char *output, void *out)
{
    kerf_plan *plan;
    kerf_plan_options options = {.mode = KERF_EVALUATE, .batch = batch};
    CHECK_OK(kerf_graph_verify(g));
    kerf_status status = kerf_plan_create(&plan, g, s, &options);
    CHECK_OK(status);
    if (status != KERF_OK)
        return;
    CHECK_OK(kerf_tensor_write(kerf_plan_input(plan, "input"), samples));
    CHECK_OK(kerf_plan_run(plan));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(plan, output), out));
    kerf_plan_destroy(plan);
}

static inline void network_read(const network *n, const char *name, float *out)
{
    CHECK_OK(kerf_state_read(n->s, kerf_state_find(n->s, name)->id, out));
}

#endif
