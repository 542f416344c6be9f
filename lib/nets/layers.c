/* nets/layers.c -- layers with shapes and fresh weights; see layers.h.
 *
 * Shapes are set here, since a graph's shape rules stand on a higher floor and a fresh
 * network must be complete enough to be written. */
#include "nets/layers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/random.h"
#include "graph/graph_internal.h"

enum { MAX_NAME = 64 }; /* layer names are short and ours */

int64_t kerf__net_width(const kerf__net *net, int64_t size)
{
    double wide = floor((double)size * net->options.width + 0.5);
    return wide < 1 ? 1 : (int64_t)wide;
}

kerf_value *kerf__net_input(kerf__net *net)
{
    const int64_t *size = net->options.input;
    kerf_value *value = NULL;
    int64_t batch = kerf_graph_symbol(net->graph, "N");
    if (batch >= 0)
        net->status = kerf__fail_memory("symbol N", 2);
    if (net->status == KERF_OK)
        net->status = kerf_graph_add_input(net->graph, "input", KERF_F32,
                                           KERF_SHAPE(batch, size[0], size[1], size[2]), &value);
    return value;
}

/* A node with one float output of a known shape. */
static kerf_node *add_node(kerf__net *net, const char *op, const char *name,
                           kerf_value *const *inputs, int num_inputs, kerf_shape shape)
{
    kerf_node *node = NULL;
    if (net->status == KERF_OK)
        net->status = kerf_graph_add_node(net->graph, op, name, inputs, num_inputs, 1, &node);
    if (net->status != KERF_OK)
        return NULL;
    kerf_value *dst = kerf_node_output(node, 0);
    dst->type = KERF_F32;
    dst->shape = shape;
    return node;
}

static kerf_value *result(const kerf_node *node)
{
    return node != NULL ? kerf_node_output(node, 0) : NULL;
}

/* Uniform in +-bound: PyTorch's kaiming_uniform_(a=sqrt(5)) for weights, and its biases. */
static kerf_status draw(kerf__net *net, int id, size_t num, float bound)
{
    float *data = kerf__alloc(num, sizeof *data);
    if (data == NULL)
        return kerf__fail_memory("fresh weights", num * sizeof *data);
    kerf__random key = kerf__random_key(net->options.seed, KERF__RANDOM_INIT, net->num_tensors);
    uint32_t block[4] = {0};
    for (size_t i = 0; i < num; i++) {
        if (i % 4 == 0)
            kerf__random_block(key, 0, i / 4, block);
        /* 24 bits make every float in between exact, so the bits are the same everywhere. */
        float unit = (float)(block[i % 4] >> 8) * (1.0f / 16777216.0f);
        data[i] = (2.0f * unit - 1.0f) * bound;
    }
    kerf_status status = kerf_state_write(net->state, id, data);
    free(data);
    return status;
}

static kerf_value *add_weight(kerf__net *net, const char *layer, const char *what, kerf_shape shape,
                              int64_t fan_in)
{
    char name[MAX_NAME];
    snprintf(name, sizeof name, "%s.%s", layer, what);
    kerf_value *value = NULL;
    int id = -1;
    int64_t num = kerf_shape_num_elements(shape);
    if (net->status == KERF_OK && num < 0)
        net->status =
            kerf__fail(KERF_ERR_ARGUMENT, "%s: has more elements than can be counted", name);
    if (net->status == KERF_OK)
        net->status = kerf_state_add(net->state, name, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id);
    if (net->status == KERF_OK)
        net->status = draw(net, id, (size_t)num, (float)(1.0 / sqrt((double)fan_in)));
    if (net->status == KERF_OK)
        net->status = kerf_graph_add_state(net->graph, name, id, KERF_F32, shape, &value);
    net->num_tensors++;
    return value;
}

kerf_value *kerf__net_flatten(kerf__net *net, const char *name, kerf_value *src)
{
    if (net->status != KERF_OK)
        return NULL;
    int64_t size = 1;
    for (int d = 1; d < src->shape.rank; d++)
        size *= src->shape.dims[d];
    return result(add_node(net, "Flatten", name, &src, 1, KERF_SHAPE(src->shape.dims[0], size)));
}

kerf_value *kerf__net_linear(kerf__net *net, const char *name, kerf_value *src, int64_t size)
{
    if (net->status != KERF_OK)
        return NULL;
    int64_t batch = src->shape.dims[0], fan_in = src->shape.dims[1];
    kerf_value *weights = add_weight(net, name, "weight", KERF_SHAPE(size, fan_in), fan_in);
    kerf_value *bias = add_weight(net, name, "bias", KERF_SHAPE(size), fan_in);
    kerf_value *inputs[] = {src, weights, bias};
    kerf_node *node = add_node(net, "Gemm", name, inputs, 3, KERF_SHAPE(batch, size));
    if (node != NULL)
        net->status = kerf_node_set_int(node, "transB", 1);
    return result(node);
}

/* src's shape behind a window, with other channels; the caller asks whether that failed. */
static kerf_shape slide(kerf__net *net, const char *name, const kerf_value *src, int64_t channels,
                        kerf__net_window w)
{
    kerf_shape shape = src->shape;
    shape.dims[1] = channels;
    for (int d = 2; d < 4; d++) {
        const int64_t padded = shape.dims[d] + 2 * w.pad;
        if (padded < w.kernel && net->status == KERF_OK)
            net->status = kerf__fail(
                KERF_ERR_ARGUMENT, "%s: an image of %lld x %lld, each side must be at least %lld",
                name, (long long)src->shape.dims[2], (long long)src->shape.dims[3],
                (long long)(w.kernel - 2 * w.pad));
        shape.dims[d] = (padded - w.kernel) / w.stride + 1;
    }
    return shape;
}

/* What Conv and the poolings call their window; what is usual is left out. */
static void set_window(kerf__net *net, kerf_node *node, kerf__net_window w)
{
    const int64_t pads[] = {w.pad, w.pad, w.pad, w.pad};
    if (node == NULL)
        return;
    net->status = kerf_node_set_ints(node, "kernel_shape", (int64_t[]){w.kernel, w.kernel}, 2);
    if (net->status == KERF_OK && w.stride != 1)
        net->status = kerf_node_set_ints(node, "strides", (int64_t[]){w.stride, w.stride}, 2);
    if (net->status == KERF_OK && w.pad != 0)
        net->status = kerf_node_set_ints(node, "pads", pads, 4);
}

kerf_value *kerf__net_conv(kerf__net *net, const char *name, kerf_value *src, int64_t channels,
                           kerf__net_window window)
{
    if (net->status != KERF_OK)
        return NULL;
    const kerf_shape dst = slide(net, name, src, channels, window);
    const int64_t in = src->shape.dims[1], fan_in = in * window.kernel * window.kernel;
    kerf_value *weights = add_weight(
        net, name, "weight", KERF_SHAPE(channels, in, window.kernel, window.kernel), fan_in);
    kerf_value *bias = add_weight(net, name, "bias", KERF_SHAPE(channels), fan_in);
    kerf_value *inputs[] = {src, weights, bias};
    kerf_node *node = add_node(net, "Conv", name, inputs, 3, dst);
    set_window(net, node, window);
    return result(node);
}

kerf_value *kerf__net_max_pool(kerf__net *net, const char *name, kerf_value *src,
                               kerf__net_window window)
{
    if (net->status != KERF_OK)
        return NULL;
    const kerf_shape dst = slide(net, name, src, src->shape.dims[1], window);
    kerf_node *node = add_node(net, "MaxPool", name, &src, 1, dst);
    set_window(net, node, window);
    return result(node);
}

kerf_value *kerf__net_relu(kerf__net *net, const char *name, kerf_value *src)
{
    if (net->status != KERF_OK)
        return NULL;
    return result(add_node(net, "Relu", name, &src, 1, src->shape));
}

void kerf__net_output(kerf__net *net, kerf_value *src)
{
    if (net->status == KERF_OK)
        net->status = kerf_value_rename(net->graph, src, "logits");
    if (net->status == KERF_OK)
        net->status = kerf_graph_add_output(net->graph, src);
}
