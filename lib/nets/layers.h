/* nets/layers.h -- what the built-in networks are put together from.
 *
 * A kerf__net carries graph, state and the first failure; after one, every call does
 * nothing.  So a network reads as the list of its layers, and its builder returns
 * net->status.  Other half: layers.c. */
#ifndef KERF_NETS_LAYERS_H
#define KERF_NETS_LAYERS_H

#include "kerf/nets.h"

typedef struct kerf__net {
    kerf_graph *graph;        /* borrowed */
    kerf_state *state;        /* borrowed */
    kerf_net_options options; /* all filled in: no zeros that mean a default */
    uint32_t num_tensors;     /* drawn so far: each tensor has a random stream of its own */
    kerf_status status;
} kerf__net;

/* A hidden size times the width factor, rounded, at least 1. */
int64_t kerf__net_width(const kerf__net *net, int64_t size);

/* The input "input" (N, C, H, W).  These give NULL after a failure and take it. */
kerf_value *kerf__net_input(kerf__net *net);
/* (N, ...) becomes (N, product of the rest). */
kerf_value *kerf__net_flatten(kerf__net *net, const char *name, kerf_value *src);
/* src (N, K) by NAME.weight (size, K) and NAME.bias (size): a Gemm. */
kerf_value *kerf__net_linear(kerf__net *net, const char *name, kerf_value *src, int64_t size);
kerf_value *kerf__net_relu(kerf__net *net, const char *name, kerf_value *src);
/* Relu6: a Clip to 0 .. 6. */
kerf_value *kerf__net_relu6(kerf__net *net, const char *name, kerf_value *src);
kerf_value *kerf__net_add(kerf__net *net, const char *name, kerf_value *a, kerf_value *b);

/* A window over the image, with the same numbers for height and width. */
typedef struct kerf__window {
    int64_t kernel, stride, pad;
} kerf__window;
/* src (N, C, H, W) by NAME.weight (size, C / groups, kernel, kernel), and NAME.bias (size) if
 * has_bias: a Conv. */
typedef struct kerf__net_filters {
    kerf__window window;
    int64_t groups;
    int has_bias;
} kerf__net_filters;
kerf_value *kerf__net_conv(kerf__net *net, const char *name, kerf_value *src, int64_t size,
                           kerf__net_filters filters);
/* NAME.weight 1 and NAME.bias 0, NAME.running_mean 0 and NAME.running_var 1, all (C). */
kerf_value *kerf__net_batch_norm(kerf__net *net, const char *name, kerf_value *src);
kerf_value *kerf__net_max_pool(kerf__net *net, const char *name, kerf_value *src,
                               kerf__window window);
/* (N, C, H, W) becomes (N, C, 1, 1). */
kerf_value *kerf__net_global_average_pool(kerf__net *net, const char *name, kerf_value *src);
/* The one output; its value takes the name "logits". */
void kerf__net_output(kerf__net *net, kerf_value *src);

/* The networks: a function each, or one a family, in a file of its name. */
kerf_status kerf__net_lenet_300_100(kerf__net *net);
kerf_status kerf__net_lenet_5(kerf__net *net);
kerf_status kerf__net_lenet_5_classic(kerf__net *net);
kerf_status kerf__net_mobilenet_v2(kerf__net *net);
kerf_status kerf__net_resnet_18(kerf__net *net);
kerf_status kerf__net_resnet_34(kerf__net *net);
kerf_status kerf__net_resnet_50(kerf__net *net);
kerf_status kerf__net_resnet_101(kerf__net *net);
kerf_status kerf__net_resnet_152(kerf__net *net);
/* For images of 32 x 32: the first layer is 3 x 3 and nothing is pooled behind it. */
kerf_status kerf__net_resnet_18_cifar(kerf__net *net);
kerf_status kerf__net_resnet_34_cifar(kerf__net *net);
kerf_status kerf__net_resnet_50_cifar(kerf__net *net);
kerf_status kerf__net_resnet_101_cifar(kerf__net *net);
kerf_status kerf__net_resnet_152_cifar(kerf__net *net);
kerf_status kerf__net_vgg_16_cifar(kerf__net *net);

#endif
