/* residual_net.h -- a residual network of two blocks, batch normalisation everywhere, small enough
 * to be trained in a moment: Conv, (Conv Conv + shortcut) twice, mean, Gemm. */
#ifndef KERF_RESIDUAL_NET_H
#define KERF_RESIDUAL_NET_H

#include <string.h>

#include "base/random.h"
#include "check.h"
#include "kerf/kerf.h"

enum { RESIDUAL_CLASSES = 3, RESIDUAL_BLOCKS = 2 };

typedef struct residual_net {
    kerf_graph *g;
    kerf_state *s;
    uint64_t drawn;
} residual_net;

static inline kerf_value *residual_parameter(residual_net *n, const char *name, const char *suffix,
                                             kerf_role role, kerf_shape shape, float middle,
                                             float around)
{
    static float x[4096];
    char whole[64];
    int id;
    kerf_value *v;
    const kerf__random random = kerf__random_key(9, KERF__RANDOM_TEST, 2);
    const int64_t num = kerf_shape_num_elements(shape);
    for (int64_t i = 0; i < num; i++)
        x[i] = middle + 2 * around * (kerf__random_float(random, 0, n->drawn++) - 0.5f);
    snprintf(whole, sizeof whole, "%s.%s", name, suffix);
    CHECK_OK(kerf_state_add(n->s, whole, role, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_state_write(n->s, id, x));
    CHECK_OK(kerf_graph_add_state(n->g, whole, id, KERF_F32, shape, &v));
    return v;
}

static inline kerf_value *residual_node(residual_net *n, const char *op, const char *name,
                                        kerf_value *const *inputs, int num)
{
    kerf_node *node;
    CHECK_OK(kerf_graph_add_node(n->g, op, name, inputs, num, 1, &node));
    if (strcmp(op, "Gemm") == 0)
        CHECK_OK(kerf_node_set_int(node, "transB", 1));
    if (strcmp(op, "Conv") == 0)
        CHECK_OK(kerf_node_set_ints(node, "pads", (const int64_t[]){1, 1, 1, 1}, 4));
    return kerf_node_output(node, 0);
}

/* Conv and BatchNormalization NAMEn. */
static inline kerf_value *residual_layer(residual_net *n, kerf_value *x, int number, int64_t in,
                                         int64_t out)
{
    char conv[16], bn[16];
    snprintf(conv, sizeof conv, "conv%d", number);
    snprintf(bn, sizeof bn, "bn%d", number);
    const kerf_shape each = KERF_SHAPE(out);
    kerf_value *filters =
        residual_parameter(n, conv, "weight", KERF_ROLE_WEIGHT, KERF_SHAPE(out, in, 3, 3), 0, 0.3f);
    x = residual_node(n, "Conv", conv, (kerf_value *[]){x, filters}, 2);
    kerf_value *inputs[] = {
        x, residual_parameter(n, bn, "weight", KERF_ROLE_WEIGHT, each, 0.8f, 0.2f),
        residual_parameter(n, bn, "bias", KERF_ROLE_WEIGHT, each, 0, 0.2f),
        residual_parameter(n, bn, "running_mean", KERF_ROLE_STATISTIC, each, 0, 0.1f),
        residual_parameter(n, bn, "running_var", KERF_ROLE_STATISTIC, each, 1, 0.5f)};
    return residual_node(n, "BatchNormalization", bn, inputs, 5);
}

/* Its output is "fc"; blocks end in "add1" and "add2". */
static inline residual_net residual_net_make(kerf_device *dev, int64_t side, int64_t channels)
{
    residual_net n = {NULL, NULL, 0};
    kerf_value *x;
    char name[16];
    CHECK_OK(kerf_graph_create(&n.g));
    CHECK_OK(kerf_state_create(&n.s, dev));
    CHECK_OK(kerf_graph_add_input(n.g, "x", KERF_F32,
                                  KERF_SHAPE(kerf_graph_symbol(n.g, "N"), 1, side, side), &x));
    x = residual_layer(&n, x, 1, 1, channels);
    x = residual_node(&n, "Relu", "relu1", &x, 1);
    for (int i = 1; i <= RESIDUAL_BLOCKS; i++) {
        kerf_value *shortcut = x;
        x = residual_layer(&n, x, 2 * i, channels, channels);
        snprintf(name, sizeof name, "relu%d", 2 * i);
        x = residual_node(&n, "Relu", name, &x, 1);
        x = residual_layer(&n, x, 2 * i + 1, channels, channels);
        snprintf(name, sizeof name, "add%d", i);
        x = residual_node(&n, "Add", name, (kerf_value *[]){x, shortcut}, 2);
        snprintf(name, sizeof name, "relu%d", 2 * i + 1);
        x = residual_node(&n, "Relu", name, &x, 1);
    }
    x = residual_node(&n, "GlobalAveragePool", "pool", &x, 1);
    x = residual_node(&n, "Flatten", "flat", &x, 1);
    kerf_value *last[] = {x,
                          residual_parameter(&n, "fc", "weight", KERF_ROLE_WEIGHT,
                                             KERF_SHAPE(RESIDUAL_CLASSES, channels), 0, 0.5f),
                          residual_parameter(&n, "fc", "bias", KERF_ROLE_WEIGHT,
                                             KERF_SHAPE(RESIDUAL_CLASSES), 0, 0.1f)};
    x = residual_node(&n, "Gemm", "fc", last, 3);
    CHECK_OK(kerf_graph_add_output(n.g, x));
    return n;
}

static inline void residual_net_free(residual_net *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

#endif
