/* nets/resnet.c -- residual networks (He et al. 2016) of 18 to 152 layers, in the form that most
 * published weights have: the stride of a bottleneck is in its 3 x 3 convolution.  Layers are
 * named as in torchvision ("layer1.0.conv1"). */
#include <stdio.h>

#include "graph/graph_internal.h"
#include "nets/layers.h"

enum { MAX_NAME = 64 };

typedef struct depth {
    int num_blocks[4];
    int bottleneck; /* 1 x 1, 3 x 3, 1 x 1 to four times the width; else twice 3 x 3 */
} depth;

static const depth DEPTH_18 = {{2, 2, 2, 2}, 0}, DEPTH_34 = {{3, 4, 6, 3}, 0},
                   DEPTH_50 = {{3, 4, 6, 3}, 1}, DEPTH_101 = {{3, 4, 23, 3}, 1},
                   DEPTH_152 = {{3, 8, 36, 3}, 1};

/* "BLOCK.WHAT1" */
static const char *name_in(char *name, const char *block, const char *what, int number)
{
    snprintf(name, MAX_NAME, "%s.%s%d", block, what, number);
    return name;
}

/* Convolution `i` of a block and its norm. */
static kerf_value *conv_norm(kerf__net *net, const char *block, int i, kerf_value *x, int64_t size,
                             int64_t kernel, int64_t stride)
{
    char name[MAX_NAME];
    const kerf__net_filters filters = {{kernel, stride, kernel / 2}, 1, 0};
    x = kerf__net_conv(net, name_in(name, block, "conv", i), x, size, filters);
    return kerf__net_batch_norm(net, name_in(name, block, "bn", i), x);
}

static kerf_value *relu(kerf__net *net, const char *block, int i, kerf_value *x)
{
    char name[MAX_NAME];
    return kerf__net_relu(net, name_in(name, block, "relu", i), x);
}

/* What the block's result is added to: its input, brought to the result's shape. */
static kerf_value *shortcut(kerf__net *net, const char *block, kerf_value *x, int64_t size,
                            int64_t stride)
{
    char name[MAX_NAME];
    const kerf__net_filters filters = {{1, stride, 0}, 1, 0};
    if (net->status != KERF_OK || (stride == 1 && x->shape.dims[1] == size))
        return x;
    x = kerf__net_conv(net, name_in(name, block, "downsample.", 0), x, size, filters);
    return kerf__net_batch_norm(net, name_in(name, block, "downsample.", 1), x);
}

static kerf_value *basic_block(kerf__net *net, const char *block, kerf_value *src, int64_t size,
                               int64_t stride)
{
    char name[MAX_NAME];
    kerf_value *x = conv_norm(net, block, 1, src, size, 3, stride);
    x = relu(net, block, 1, x);
    x = conv_norm(net, block, 2, x, size, 3, 1);
    x = kerf__net_add(net, name_in(name, block, "add", 1), x,
                      shortcut(net, block, src, size, stride));
    return relu(net, block, 2, x);
}

static kerf_value *bottleneck_block(kerf__net *net, const char *block, kerf_value *src,
                                    int64_t size, int64_t stride)
{
    char name[MAX_NAME];
    kerf_value *x = conv_norm(net, block, 1, src, size, 1, 1);
    x = relu(net, block, 1, x);
    x = conv_norm(net, block, 2, x, size, 3, stride);
    x = relu(net, block, 2, x);
    x = conv_norm(net, block, 3, x, 4 * size, 1, 1);
    x = kerf__net_add(net, name_in(name, block, "add", 1), x,
                      shortcut(net, block, src, 4 * size, stride));
    return relu(net, block, 3, x);
}

static kerf_value *stage(kerf__net *net, const depth *d, int i, kerf_value *x)
{
    const int64_t size = kerf__net_width(net, 64 << i);
    for (int b = 0; b < d->num_blocks[i]; b++) {
        char block[MAX_NAME / 2];
        const int64_t stride = b == 0 && i > 0 ? 2 : 1;
        snprintf(block, sizeof block, "layer%d.%d", i + 1, b);
        x = (d->bottleneck ? bottleneck_block : basic_block)(net, block, x, size, stride);
    }
    return x;
}

static kerf_status resnet(kerf__net *net, const depth *d, int is_cifar)
{
    const kerf__net_filters first = {is_cifar ? (kerf__window){3, 1, 1} : (kerf__window){7, 2, 3},
                                     1, 0};
    kerf_value *x = kerf__net_input(net);
    x = kerf__net_conv(net, "conv1", x, kerf__net_width(net, 64), first);
    x = kerf__net_batch_norm(net, "bn1", x);
    x = kerf__net_relu(net, "relu", x);
    if (!is_cifar)
        x = kerf__net_max_pool(net, "maxpool", x, (kerf__window){3, 2, 1});
    for (int i = 0; i < 4; i++)
        x = stage(net, d, i, x);
    x = kerf__net_global_average_pool(net, "avgpool", x);
    x = kerf__net_flatten(net, "flatten", x);
    x = kerf__net_linear(net, "fc", x, net->options.classes);
    kerf__net_output(net, x);
    return net->status;
}

#define NETWORK(layers)                                                                            \
    kerf_status kerf__net_resnet_##layers(kerf__net *net)                                          \
    {                                                                                              \
        return resnet(net, &DEPTH_##layers, 0);                                                    \
    }                                                                                              \
    kerf_status kerf__net_resnet_##layers##_cifar(kerf__net *net)                                  \
    {                                                                                              \
        return resnet(net, &DEPTH_##layers, 1);                                                    \
    }

NETWORK(18)
NETWORK(34)
NETWORK(50)
NETWORK(101)
NETWORK(152)
