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
/* A square kernel over an image; both return images. */
typedef struct kerf__net_window {
    int64_t kernel, stride, pad;
} kerf__net_window;
/* src (N, C, H, W) by NAME.weight (channels, C, kernel, kernel) and NAME.bias (channels). */
kerf_value *kerf__net_conv(kerf__net *net, const char *name, kerf_value *src, int64_t channels,
                           kerf__net_window window);
kerf_value *kerf__net_max_pool(kerf__net *net, const char *name, kerf_value *src,
                               kerf__net_window window);
kerf_value *kerf__net_relu(kerf__net *net, const char *name, kerf_value *src);
/* The one output; its value takes the name "logits". */
void kerf__net_output(kerf__net *net, kerf_value *src);

/* The networks: one function each, in a file of its name. */
kerf_status kerf__net_lenet_300_100(kerf__net *net);
kerf_status kerf__net_lenet_5(kerf__net *net);
kerf_status kerf__net_lenet_5_classic(kerf__net *net);

#endif
