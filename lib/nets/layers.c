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

enum { MAX_NAME = 80 }; /* layer names are short and ours */

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

/* An entry "LAYER.WHAT" of the state, all zeros, and its value; *id is -1 after a failure. */
static kerf_value *add_state(kerf__net *net, const char *layer, const char *what, kerf_role role,
                             kerf_shape shape, int *id)
{
    char name[MAX_NAME];
    snprintf(name, sizeof name, "%s.%s", layer, what);
    kerf_value *value = NULL;
    *id = -1;
    if (net->status == KERF_OK && kerf_shape_num_elements(shape) < 0)
        net->status =
            kerf__fail(KERF_ERR_ARGUMENT, "%s: has more elements than can be counted", name);
    if (net->status == KERF_OK)
        net->status = kerf_state_add(net->state, name, role, -1, KERF_F32, shape, id);
    if (net->status == KERF_OK)
        net->status = kerf_graph_add_state(net->graph, name, *id, KERF_F32, shape, &value);
    return value;
}

/* The constant "LAYER.WHAT", one number. */
static kerf_value *add_number(kerf__net *net, const char *layer, const char *what, float number)
{
    char name[MAX_NAME];
    snprintf(name, sizeof name, "%s.%s", layer, what);
    kerf_tensor *t = NULL;
    kerf_value *value = NULL;
    if (net->status == KERF_OK)
        net->status = kerf_tensor_create(&t, NULL, KERF_F32, KERF_SCALAR);
    if (net->status == KERF_OK)
        net->status = kerf_tensor_write(t, &number);
    if (net->status == KERF_OK)
        net->status = kerf_graph_add_constant(net->graph, name, t, &value);
    return value;
}

static kerf_value *add_weight(kerf__net *net, const char *layer, const char *what, kerf_shape shape,
                              int64_t fan_in)
{
    int id;
    kerf_value *value = add_state(net, layer, what, KERF_ROLE_WEIGHT, shape, &id);
    if (net->status == KERF_OK && !net->options.shapes_only)
        net->status = draw(net, id, (size_t)kerf_shape_num_elements(shape),
                           (float)(1.0 / sqrt((double)fan_in)));
    net->num_tensors++;
    return value;
}

/* (size) of one number. */
static kerf_value *add_vector(kerf__net *net, const char *layer, const char *what, kerf_role role,
                              int64_t size, float number)
{
    int id;
    kerf_value *value = add_state(net, layer, what, role, KERF_SHAPE(size), &id);
    float *data = net->status == KERF_OK ? kerf__alloc((size_t)size, sizeof *data) : NULL;
    if (net->status == KERF_OK && data == NULL)
        net->status = kerf__fail_memory("fresh weights", (size_t)size * sizeof *data);
    for (int64_t i = 0; data != NULL && i < size; i++)
        data[i] = number;
    if (net->status == KERF_OK)
        net->status = kerf_state_write(net->state, id, data);
    free(data);
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

kerf_value *kerf__net_relu(kerf__net *net, const char *name, kerf_value *src)
{
    if (net->status != KERF_OK)
        return NULL;
    return result(add_node(net, "Relu", name, &src, 1, src->shape));
}

kerf_value *kerf__net_relu6(kerf__net *net, const char *name, kerf_value *src)
{
    if (net->status != KERF_OK)
        return NULL;
    kerf_value *inputs[] = {src, add_number(net, name, "min", 0), add_number(net, name, "max", 6)};
    return result(add_node(net, "Clip", name, inputs, 3, src->shape));
}

kerf_value *kerf__net_add(kerf__net *net, const char *name, kerf_value *a, kerf_value *b)
{
    if (net->status != KERF_OK)
        return NULL;
    kerf_value *inputs[] = {a, b};
    return result(add_node(net, "Add", name, inputs, 2, a->shape));
}

/* ---- over an image ------------------------------------------------------------------------ */

/* Of a window that is laid on (N, C, H, W), with `size` channels as the result; a failure where
 * it does not fit. */
static kerf_shape image_behind(kerf__net *net, const char *name, kerf_shape src, int64_t size,
                               kerf__window window)
{
    kerf_shape dst = KERF_SHAPE(src.dims[0], size, 1, 1);
    for (int d = 2; d < 4; d++) {
        const int64_t room = src.dims[d] + 2 * window.pad - window.kernel;
        if (room < 0 && net->status == KERF_OK)
            net->status = kerf__fail(KERF_ERR_ARGUMENT,
                                     "%s: an image of %lld x %lld, each side must be at least %lld",
                                     name, (long long)src.dims[2], (long long)src.dims[3],
                                     (long long)(window.kernel - 2 * window.pad));
        dst.dims[d] = room / window.stride + 1;
    }
    return dst;
}

static void set_window(kerf__net *net, kerf_node *node, kerf__window window)
{
    const int64_t kernel[] = {window.kernel, window.kernel};
    const int64_t strides[] = {window.stride, window.stride};
    const int64_t pads[] = {window.pad, window.pad, window.pad, window.pad};
    if (net->status == KERF_OK)
        net->status = kerf_node_set_ints(node, "kernel_shape", kernel, 2);
    if (net->status == KERF_OK)
        net->status = kerf_node_set_ints(node, "strides", strides, 2);
    if (net->status == KERF_OK)
        net->status = kerf_node_set_ints(node, "pads", pads, 4);
}

kerf_value *kerf__net_conv(kerf__net *net, const char *name, kerf_value *src, int64_t size,
                           kerf__net_filters filters)
{
    if (net->status != KERF_OK)
        return NULL;
    const kerf__window w = filters.window;
    const int64_t channels = src->shape.dims[1] / filters.groups;
    const int64_t fan_in = channels * w.kernel * w.kernel;
    const kerf_shape dst = image_behind(net, name, src->shape, size, w);
    kerf_value *inputs[3] = {src};
    inputs[1] =
        add_weight(net, name, "weight", KERF_SHAPE(size, channels, w.kernel, w.kernel), fan_in);
    if (filters.has_bias)
        inputs[2] = add_weight(net, name, "bias", KERF_SHAPE(size), fan_in);
    kerf_node *node = add_node(net, "Conv", name, inputs, filters.has_bias ? 3 : 2, dst);
    set_window(net, node, w);
    if (net->status == KERF_OK && filters.groups > 1)
        net->status = kerf_node_set_int(node, "group", filters.groups);
    return result(node);
}

kerf_value *kerf__net_batch_norm(kerf__net *net, const char *name, kerf_value *src)
{
    if (net->status != KERF_OK)
        return NULL;
    const int64_t size = src->shape.dims[1];
    kerf_value *inputs[] = {src, add_vector(net, name, "weight", KERF_ROLE_WEIGHT, size, 1),
                            add_vector(net, name, "bias", KERF_ROLE_WEIGHT, size, 0),
                            add_vector(net, name, "running_mean", KERF_ROLE_STATISTIC, size, 0),
                            add_vector(net, name, "running_var", KERF_ROLE_STATISTIC, size, 1)};
    return result(add_node(net, "BatchNormalization", name, inputs, 5, src->shape));
}

kerf_value *kerf__net_max_pool(kerf__net *net, const char *name, kerf_value *src,
                               kerf__window window)
{
    if (net->status != KERF_OK)
        return NULL;
    const kerf_shape dst = image_behind(net, name, src->shape, src->shape.dims[1], window);
    kerf_node *node = add_node(net, "MaxPool", name, &src, 1, dst);
    set_window(net, node, window);
    return result(node);
}

kerf_value *kerf__net_global_average_pool(kerf__net *net, const char *name, kerf_value *src)
{
    if (net->status != KERF_OK)
        return NULL;
    return result(add_node(net, "GlobalAveragePool", name, &src, 1,
                           KERF_SHAPE(src->shape.dims[0], src->shape.dims[1], 1, 1)));
}

void kerf__net_output(kerf__net *net, kerf_value *src)
{
    if (net->status == KERF_OK)
        net->status = kerf_value_rename(net->graph, src, "logits");
    if (net->status == KERF_OK)
        net->status = kerf_graph_add_output(net->graph, src);
}
